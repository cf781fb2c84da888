/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/scan: many words looked for in one text at once (vectorscan). One scan holds the words
 * of one attribute, from all rules; words compare without case.
 */
#ifndef DETECT_SCAN_H
#define DETECT_SCAN_H
#include "base/err.h"
#include "base/str.h"

struct scan;

struct scan *scan_new(void);
struct scan *scan_free(struct scan *s);
/* Finding word leads to number. Before scan_compile. 0 or -ENOMEM. */
MUST int scan_add(struct scan *s, struct str word, uint32_t number);
/* 0, -ENOMEM, or -ENOTSUP on a processor that the library cannot use. */
MUST int scan_compile(struct scan *s);
/* Calls found for every number that text leads to, some more than once. */
void scan_text(struct scan *s, struct str text, void (*found)(uint32_t number, void *arg),
	       void *arg);

#endif
