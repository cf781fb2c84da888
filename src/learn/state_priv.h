/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/state_priv: what the index (state_table.c), the places (state_slab.c) and the image
 * (state_image.c) of the state table share. Nobody else includes it.
 */
#ifndef LEARN_STATE_PRIV_H
#define LEARN_STATE_PRIV_H
#include "learn/state_table.h"

/* A handle is an offset into the range in units of 16 bytes, or the number of a large state. */
#define HANDLE_BIG  0x80000000u
#define HANDLE_NONE UINT32_MAX
#define BIG_COST    16 /* of malloc, roughly */

#define BUCKET_PLACES 12

/* One cache line: a byte of the hash for each place tells nearly all misses apart. */
struct state_bucket {
	uint8_t tag[BUCKET_PLACES]; /* 0: free */
	uint16_t over;		    /* keys that wanted to be here and are further on */
	uint16_t spare;
	uint32_t handle[BUCKET_PLACES];
};

/* state_slab.c */
extern const uint16_t state_class_size[STATE_CLASSES];
MUST int slab_reserve(struct state_table *t);
uint32_t slab_places(uint8_t cls);
/* A free place for size bytes, whatever has to go for it; HANDLE_NONE when nothing can. */
uint32_t place_take(struct state_table *t, size_t size);
/* Gives a place back; it must be out of the index already. */
void place_give(struct state_table *t, uint32_t handle, size_t size);
size_t place_bytes(size_t size); /* what a place for size bytes really holds */
/* Frees slabs until so many bytes more fit the budget. */
bool make_room(struct state_table *t, size_t bytes);
uint32_t slab_handle(const struct state_table *t, uint32_t slab, uint32_t place);
void slab_link(struct state_table *t, uint32_t slab, uint32_t *list);

static inline struct state *place_at(const struct state_table *t, uint32_t handle)
{
	if (UNLIKELY(handle & HANDLE_BIG))
		return (struct state *)t->big[handle & ~HANDLE_BIG];
	return (struct state *)(void *)(t->base + (size_t)handle * 16);
}

static inline bool state_recent(const struct state_table *t, const struct state *s)
{
	return (uint16_t)((uint16_t)t->ops - s->stamp) < STATE_RECENT;
}

static inline bool state_held(const struct state_table *t, const struct state *s)
{
	return (s->flags & STATE_HELD) && t->now_s < (uint64_t)s->last_s + STATE_HOLD_S;
}

/* state_table.c */
/* Takes the range and the stubs. 0 or -ENOMEM. */
MUST int state_begin(struct state_table *t);
void index_move(struct state_table *t, uint64_t key, uint32_t from, uint32_t to);
void index_del(struct state_table *t, uint64_t key, uint32_t handle);
MUST int index_size(struct state_table *t, uint64_t nbuckets);
/* Out of the index and its place, leaving a stub. */
void state_evict(struct state_table *t, struct state *s, uint32_t handle);
size_t stub_sets(size_t limit);

#endif
