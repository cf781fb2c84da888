/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/refusals: refusals of many files under one reason each. Private to stream.c and
 * live*.c.
 */
#ifndef PARSE_REFUSALS_H
#define PARSE_REFUSALS_H
#include "parse/cursor.h"

struct refusals {
	struct refusal *v;
	size_t n;
};

MUST int refusals_add(struct refusals *l, const struct refusal *r);
/* All of a file that is about to be closed. */
MUST int refusals_take(struct refusals *l, const struct cursor *c);
/* In order of source and reason. */
void refusals_sort(struct refusals *l);

#endif
