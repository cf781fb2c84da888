/* SPDX-License-Identifier: Apache-2.0 */
/* base/words: numbers in sentences, as people write them. English; no locale. */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H
#include "base/buf.h"

/* "25.8 MB": three figures, units of 1,000. */
void words_size(struct buf *b, double bytes);
/* "8 s", "25 min", "24 h", "3 days": the nearest of them. */
void words_span(struct buf *b, double seconds);
/*
 * A count, and the noun behind it: rest is the text that follows. Of one thing the noun is put
 * into the singular ("1" + " silent addresses answered" gives "1 silent address", and "once"
 * stands for one of " times"). Returns how many bytes of rest are thereby told.
 */
size_t words_count(struct buf *b, struct str number, struct str rest);

#endif
