/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/dedupe: whether an event was seen before. Remembers at least the last 2^20 and at most
 * the last 2^21 distinct ones in 32 MiB; copies of a record are known at the same moment, so
 * they come close together.
 */
#ifndef PARSE_DEDUPE_H
#define PARSE_DEDUPE_H
#include "event/event.h"

struct dedupe {
	uint64_t *now, *past; /* open addressing, 0 = free */
	size_t n;
};

MUST int dedupe_init(struct dedupe *d);
/* Whether it was seen; remembers it. */
bool dedupe_seen(struct dedupe *d, const struct event *e);
void dedupe_free(struct dedupe *d);

#endif
