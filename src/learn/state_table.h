/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/state_table: everything that is remembered, under 64-bit keys and one byte budget.
 * What was not touched for longest goes first. A state starts with struct state; a kind lays
 * its own fields behind it. A pointer is valid until the next state_put or state_grow, but for
 * the states touched most recently (the budget is never below STATE_BYTES_MIN, which holds
 * thousands of them).
 */
#ifndef LEARN_STATE_TABLE_H
#define LEARN_STATE_TABLE_H
#include "base/map.h"

#define STATE_BYTES_MIN MIB

struct state {
	uint64_t key;
	struct state *older, *newer;
	int64_t first, last; /* read through state_first and state_last */
	uint32_t size;	     /* bytes, this head included */
};

/* ns, `known` of the first and of the last touch. */
static inline int64_t state_first(const struct state *s)
{
	return s->first;
}

static inline int64_t state_last(const struct state *s)
{
	return s->last;
}

struct state_table {
	struct map index;
	struct state *oldest, *newest;
	size_t bytes, limit, len, evictions;
};

void state_init(struct state_table *t, size_t limit);
void state_free(struct state_table *t);
/* The state of key, marked as used now; NULL when there is none. */
struct state *state_get(struct state_table *t, uint64_t key, int64_t now);
/* The same without marking. */
struct state *state_peek(const struct state_table *t, uint64_t key);
/* The state of key, made zeroed with size bytes when absent; NULL when out of memory. */
struct state *state_put(struct state_table *t, uint64_t key, size_t size, int64_t now);
/* A larger one, the rest zeroed; NULL when out of memory, then s is as before. */
struct state *state_grow(struct state_table *t, struct state *s, size_t size);

#endif
