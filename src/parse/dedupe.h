/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/dedupe: whether an event was given out before. Copies of a record are known at the same
 * moment, and events are given out in order of `known`: so only those of the present moment are
 * remembered, up to 2^20 of them in 16 MiB.
 */
#ifndef PARSE_DEDUPE_H
#define PARSE_DEDUPE_H
#include "event/event.h"

struct dedupe {
	int64_t known;	/* of what is remembered */
	uint64_t *slot; /* [mask + 1] open addressing, 0 = free */
	size_t mask, n;
};

MUST int dedupe_init(struct dedupe *d);
/* Whether it was seen; remembers it. */
bool dedupe_seen(struct dedupe *d, const struct event *e);
void dedupe_free(struct dedupe *d);

#endif
