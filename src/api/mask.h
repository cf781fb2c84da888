/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/mask: personal data taken out of an answer, for those who may not see it (req_masked).
 * In every text of a JSON value
 *   - a word, or part of one, that is a name of a person's account becomes "person-" and ten
 *     hexadecimal digits, the same for all names of that account and at all times;
 *   - the part before the '@' of any other mail address likewise;
 *   - what stands under "raw" and other names of message content becomes "(masked)".
 * Ids, times, kinds and the like stay. A pseudonym in a request means its person again.
 */
#ifndef API_MASK_H
#define API_MASK_H
#include "api/request.h"

/* The same value without personal data, made in q->mem. 0, or <0: then nothing may be shown. */
MUST int mask_json(struct req *q, struct str json, struct str *ret_json);
/* Text of a request with pseudonyms turned back; itself when it has none. */
struct str mask_clear(struct req *q, struct str text);

#endif
