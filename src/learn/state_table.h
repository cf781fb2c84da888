/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/state_table: everything that is remembered, under 64-bit keys and one byte budget.
 *
 * States live in slabs of one size class each inside one reserved range of memory (large ones
 * apart), found through an index of 64-byte buckets: one cache line says where a key is. When
 * the budget is used up a hand goes round the slabs: what was not touched since it last came by
 * goes, what was touched often stays for two rounds, what is held stays. Whoever went leaves a
 * stub, so that on its return it is known how long it has been known.
 *
 * A state starts with struct state; a kind lays its own fields behind it, plain bytes without
 * pointers, so that a checkpoint is a copy. A pointer is valid until the next state_put or
 * state_grow, but for the STATE_RECENT states touched last, which neither go nor move.
 *
 * The result of every call depends on the calls before it alone, not on addresses.
 */
#ifndef LEARN_STATE_TABLE_H
#define LEARN_STATE_TABLE_H
#include "base/macros.h"
#include <stdbool.h>

#define STATE_BYTES_MIN MIB
#define STATE_BYTES_MAX ((size_t)32 * KIB * MIB) /* what a handle can reach */
#define STATE_SIZE_MAX	((size_t)512 * KIB - 8)
#define STATE_RECENT	256
#define STATE_HOLD_S	(21 * S_PER_D) /* untouched for so long, a held state is held no more */

struct state {
	uint64_t key;
	uint32_t first_s, last_s; /* read through state_first and state_last */
	uint16_t size8;		  /* bytes / 8, this head included; 0: a free place */
	uint16_t owner;		  /* what state_table.owner was when it was made */
	uint16_t stamp;		  /* low bits of the touch that was its last */
	uint8_t used;		  /* rounds of the hand it has left */
	uint8_t flags;
};

enum { STATE_HELD = 1, STATE_BACK = 2 };

/* ns, `known` of the first and of the last touch, to the second. */
static inline int64_t state_first(const struct state *s)
{
	return (int64_t)s->first_s * NS_PER_S;
}

static inline int64_t state_last(const struct state *s)
{
	return (int64_t)s->last_s * NS_PER_S;
}

/* Whether it had been forgotten in between: its first touch is remembered, all else is new. */
static inline bool state_returned(const struct state *s)
{
	return (s->flags & STATE_BACK) != 0;
}

#define STATE_CLASSES 27
#define STATE_SLAB    ((size_t)16 * KIB)

/* Places of one size. Slabs with a free place are linked by class, empty ones with each other.
 */
struct slab {
	uint32_t prev, next; /* number + 1; 0 = none */
	uint16_t live;
	uint16_t fresh; /* places never used yet start here */
	uint16_t free;	/* place + 1 of the first free one before that; 0 = none */
	uint8_t cls;
	bool linked;
};

struct state_bucket;

struct state_table {
	size_t bytes; /* of everything below, and of `others` */
	size_t limit, len, evictions, held_bytes;
	size_t others;	/* bytes of the caller's that count against limit */
	uint16_t owner; /* stamped on what is made; the caller sets it */

	uint64_t ops; /* touches so far */
	uint32_t now_s;
	uint32_t at_s; /* seconds of at_ns, the time asked for last */
	int64_t at_ns;
	char *base; /* the reserved range */
	size_t reserved;
	struct slab *slab;
	uint32_t nslabs, max_slabs; /* carved; that fit the range */
	uint32_t empty, hand;
	uint32_t open[STATE_CLASSES];		    /* slab + 1 with a free place */
	void **big;				    /* [nbig], NULL where free */
	uint32_t nbig, cap_big, hand_big, big_hint; /* hint: all before are taken */
	struct state_bucket *index;
	uint32_t nbuckets;
	uint64_t *stubs; /* sets of eight: fingerprint << 32 | first_s, latest first */
	uint32_t nstubs; /* sets */
};

/* limit is raised to STATE_BYTES_MIN and cut to STATE_BYTES_MAX. Takes memory when first put
 * to. */
void state_init(struct state_table *t, size_t limit);
void state_free(struct state_table *t);
/* The memory goes back, what was counted stays. Only state_free may follow. */
void state_end(struct state_table *t);
/* The state of key, marked as used now; NULL when there is none. */
struct state *state_get(struct state_table *t, uint64_t key, int64_t now);
/* The same without marking. */
struct state *state_peek(const struct state_table *t, uint64_t key);
/*
 * The state of key, made zeroed with size bytes when absent; NULL when out of memory, or when
 * all that could go is held.
 */
struct state *state_put(struct state_table *t, uint64_t key, size_t size, int64_t now);
/* A larger one, the rest zeroed; NULL when out of memory, then s is as before. */
struct state *state_grow(struct state_table *t, struct state *s, size_t size);
/* Forgets s without a stub. */
void state_drop(struct state_table *t, struct state *s);
/*
 * Keeps s from being evicted while it is touched at least every STATE_HOLD_S. At most a quarter
 * of the budget is held; beyond, this does nothing.
 */
void state_hold(struct state_table *t, struct state *s);

/* Starts fetching the index line of key; state_warm, called later, the state behind it. */
void state_prefetch(const struct state_table *t, uint64_t key);
void state_warm(const struct state_table *t, uint64_t key);

/* Every state, in order of place; fn may drop the one it is given. */
void state_each(struct state_table *t, void (*fn)(struct state_table *, struct state *, void *),
		void *arg);

#endif
