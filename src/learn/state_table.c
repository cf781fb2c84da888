/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/state_table.h"
#include "base/hash.h"
#include "learn/pages.h"
#include "learn/state_priv.h"
#include <errno.h>
#include <stdlib.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define STUB_SET     ((size_t)64) /* bytes: one cache line */
#define STUB_WAYS    8
#define STUBS_SHARE  64 /* of the budget */
#define HOLD_SHARE   4
#define BUCKETS_MIN  64
#define WARM_LINES   3 /* of a state: most are no longer */
#define USED_NEW     1 /* one round to be seen a second time in */
#define USED_MAX     2
#define BUCKET_LOAD  10 /* entries a bucket, on average, before the index grows */
#define FULL(bucket) ((uint64_t)(bucket)*BUCKET_LOAD)

size_t stub_sets(size_t limit)
{
	return limit / STUBS_SHARE / STUB_SET;
}

void state_init(struct state_table *t, size_t limit)
{
	limit = MIN(MAX(limit, STATE_BYTES_MIN), STATE_BYTES_MAX);
	*t = (struct state_table){.limit = limit};
}

void state_free(struct state_table *t)
{
	for (uint32_t i = 0; i < t->nbig; i++)
		free(t->big[i]);
	pages_give(t->base, t->reserved);
	pages_give(t->index, t->nbuckets * sizeof(*t->index));
	pages_give(t->stubs, t->nstubs * STUB_SET);
	free(t->big);
	free(t->slab);
	*t = (struct state_table){0};
}

void state_end(struct state_table *t)
{
	struct state_table was = *t;

	state_free(t);
	t->len = was.len;
	t->bytes = was.bytes;
	t->evictions = was.evictions;
}

/* Keys are hashes already: one product spreads even such as are not. */
static uint64_t spread(uint64_t key)
{
	return key * UINT64_C(0x9e3779b97f4a7c15);
}

static uint32_t home(const struct state_table *t, uint64_t h)
{
	return (uint32_t)((h >> 32) * t->nbuckets >> 32);
}

static uint8_t tag_of(uint64_t h)
{
	return (uint8_t)MAX(1, h & 0xff);
}

/* Places of b whose tag is tag, as bits. */
static unsigned tags(const struct state_bucket *b, uint8_t tag)
{
#if defined(__SSE2__)
	__m128i v = _mm_load_si128((const __m128i *)(const void *)b);
	__m128i m = _mm_cmpeq_epi8(v, _mm_set1_epi8((char)tag));

	return (unsigned)_mm_movemask_epi8(m) & ((1u << BUCKET_PLACES) - 1);
#else
	unsigned bits = 0;

	for (unsigned i = 0; i < BUCKET_PLACES; i++)
		bits |= (unsigned)(b->tag[i] == tag) << i;
	return bits;
#endif
}

static uint32_t next_bucket(const struct state_table *t, uint32_t b)
{
	return b + 1 == t->nbuckets ? 0 : b + 1;
}

static ALWAYS_INLINE struct state *find_in(const struct state_table *t,
					   const struct state_bucket *b, uint8_t tag,
					   uint64_t key, uint32_t *ret_handle)
{
	for (unsigned m = tags(b, tag); m; m &= m - 1) {
		uint32_t handle = b->handle[__builtin_ctz(m)];
		struct state *s = place_at(t, handle);

		if (LIKELY(s->key == key)) {
			*ret_handle = handle;
			return s;
		}
	}
	return NULL;
}

/* Nearly all keys are where they want to be. */
static NOINLINE struct state *find_on(const struct state_table *t, uint32_t at, uint8_t tag,
				      uint64_t key, uint32_t *ret_handle)
{
	for (uint32_t n = 1; n < t->nbuckets && t->index[at].over; n++) {
		struct state *s;

		at = next_bucket(t, at);
		s = find_in(t, &t->index[at], tag, key, ret_handle);
		if (s)
			return s;
	}
	return NULL;
}

static ALWAYS_INLINE struct state *find(const struct state_table *t, uint64_t key,
					uint32_t *ret_handle)
{
	const struct state_bucket *b;
	uint64_t h = spread(key);
	struct state *s;
	uint32_t at;

	if (UNLIKELY(!t->nbuckets))
		return NULL;
	at = home(t, h);
	b = &t->index[at];
	s = find_in(t, b, tag_of(h), key, ret_handle);
	if (LIKELY(s || !b->over))
		return s;
	return find_on(t, at, tag_of(h), key, ret_handle);
}

/* The bucket and place of an entry that is there. */
static struct state_bucket *entry(const struct state_table *t, uint64_t key, uint32_t handle,
				  unsigned *ret_i)
{
	uint64_t h = spread(key);

	for (uint32_t at = home(t, h);; at = next_bucket(t, at))
		for (unsigned m = tags(&t->index[at], tag_of(h)); m; m &= m - 1) {
			*ret_i = (unsigned)__builtin_ctz(m);
			if (t->index[at].handle[*ret_i] == handle)
				return &t->index[at];
		}
}

static void insert(struct state_table *t, uint64_t key, uint32_t handle)
{
	uint64_t h = spread(key);
	uint32_t at = home(t, h);
	struct state_bucket *b;
	unsigned i;

	while (!tags(&t->index[at], 0)) {
		b = &t->index[at];
		b->over = (uint16_t)MIN(b->over + 1, UINT16_MAX);
		at = next_bucket(t, at);
	}
	b = &t->index[at];
	i = (unsigned)__builtin_ctz(tags(b, 0));
	b->tag[i] = tag_of(h);
	b->handle[i] = handle;
}

void index_del(struct state_table *t, uint64_t key, uint32_t handle)
{
	unsigned i;
	struct state_bucket *b = entry(t, key, handle, &i);

	b->tag[i] = 0;
	for (uint32_t at = home(t, spread(key)); &t->index[at] != b; at = next_bucket(t, at))
		if (t->index[at].over < UINT16_MAX) /* one that was ever so full stays so */
			t->index[at].over--;
}

void index_move(struct state_table *t, uint64_t key, uint32_t from, uint32_t to)
{
	unsigned i;
	struct state_bucket *b = entry(t, key, from, &i);

	b->handle[i] = to;
}

static void reinsert_slab(struct state_table *t, uint32_t slab)
{
	const struct slab *b = &t->slab[slab];

	for (uint32_t i = 0; b->live && i < b->fresh; i++) {
		uint32_t handle = slab_handle(t, slab, i);
		const struct state *s = place_at(t, handle);

		if (s->size8)
			insert(t, s->key, handle);
	}
}

int index_size(struct state_table *t, uint64_t nbuckets)
{
	struct state_bucket *fresh =
		nbuckets > UINT32_MAX / 2 ? NULL : pages_take(nbuckets * sizeof(*fresh));

	if (!fresh)
		return -ENOMEM;
	t->bytes += (nbuckets - t->nbuckets) * sizeof(*fresh);
	pages_give(t->index, t->nbuckets * sizeof(*t->index));
	t->index = fresh;
	t->nbuckets = (uint32_t)nbuckets;
	for (uint32_t i = 0; i < t->nslabs; i++)
		reinsert_slab(t, i);
	for (uint32_t i = 0; i < t->nbig; i++)
		if (t->big[i])
			insert(t, ((struct state *)t->big[i])->key, HANDLE_BIG | i);
	return 0;
}

/* Room for one more entry: the index grows by half, inside the budget. */
static int index_room(struct state_table *t)
{
	uint64_t more = MAX(t->nbuckets / 2, BUCKETS_MIN);

	if (t->len < FULL(t->nbuckets))
		return 0;
	if (make_room(t, more * sizeof(struct state_bucket)))
		return index_size(t, t->nbuckets + more);
	/* What went to make room may be room enough. */
	return t->len < FULL(t->nbuckets) ? 0 : -ENOMEM;
}

/* A set is in order of going; the one that went first makes way. */
static void stub_put(struct state_table *t, const struct state *s)
{
	uint64_t h = hash_mix(s->key), *set;

	if (!t->stubs)
		return;
	set = &t->stubs[(h >> 32) * t->nstubs >> 32 << 3];
	memmove(set + 1, set, (STUB_WAYS - 1) * sizeof(*set));
	set[0] = h << 32 | s->first_s;
}

/* First touch of a key that went, which is then known no more; 0 when it is not known. */
static uint32_t stub_take(struct state_table *t, uint64_t key)
{
	uint64_t h = hash_mix(key), *set, found;

	if (!t->stubs)
		return 0;
	set = &t->stubs[(h >> 32) * t->nstubs >> 32 << 3];
	for (int i = 0; i < STUB_WAYS; i++) {
		if (set[i] >> 32 != (h & UINT32_MAX) || !set[i])
			continue;
		found = set[i];
		memmove(set + i, set + i + 1, (size_t)(STUB_WAYS - 1 - i) * sizeof(*set));
		set[STUB_WAYS - 1] = 0;
		return (uint32_t)found;
	}
	return 0;
}

int state_begin(struct state_table *t)
{
	size_t sets = stub_sets(t->limit);
	uint64_t *stubs = pages_take(sets * STUB_SET);

	if (!stubs || slab_reserve(t) < 0) {
		pages_give(stubs, sets * STUB_SET);
		return -ENOMEM;
	}
	t->stubs = stubs;
	t->nstubs = (uint32_t)sets;
	t->bytes += t->others + sets * STUB_SET;
	return 0;
}

/* Seconds of a time, inside what a state can hold: 1970 to 2106. */
static uint32_t seconds(int64_t ns)
{
	int64_t s = ns < 0 ? 0 : ns / NS_PER_S;

	return (uint32_t)MIN(s, (int64_t)UINT32_MAX);
}

/* Many states are touched at one time: the division is done once. */
static uint32_t seconds_at(struct state_table *t, int64_t ns)
{
	if (t->at_ns != ns) {
		t->at_ns = ns;
		t->at_s = seconds(ns);
	}
	return t->at_s;
}

struct state *state_peek(const struct state_table *t, uint64_t key)
{
	uint32_t handle;

	return find(t, key, &handle);
}

static void touch(struct state_table *t, struct state *s, uint32_t now_s)
{
	s->stamp = (uint16_t)++t->ops;
	s->last_s = MAX(s->last_s, now_s);
	s->used = (uint8_t)MIN(s->used + 1, USED_MAX);
}

struct state *state_get(struct state_table *t, uint64_t key, int64_t now)
{
	uint32_t handle, now_s = seconds_at(t, now);
	struct state *s = find(t, key, &handle);

	t->now_s = MAX(t->now_s, now_s);
	if (!s)
		return NULL;
	touch(t, s, now_s);
	return s;
}

struct state *state_put(struct state_table *t, uint64_t key, size_t size, int64_t now)
{
	struct state *s = state_get(t, key, now);
	uint32_t handle, first;

	if (s)
		return s;
	size = (MAX(size, sizeof(*s)) + 7) & ~(size_t)7;
	if (size > STATE_SIZE_MAX || (!t->base && state_begin(t) < 0) || index_room(t) < 0)
		return NULL;
	handle = place_take(t, size);
	if (handle == HANDLE_NONE)
		return NULL;
	s = place_at(t, handle);
	memset(s, 0, size);
	*s = (struct state){.key = key,
			    .first_s = seconds(now),
			    .last_s = seconds(now),
			    .size8 = (uint16_t)(size / 8),
			    .owner = t->owner,
			    .stamp = (uint16_t)++t->ops,
			    .used = USED_NEW};
	insert(t, key, handle);
	t->len++;
	first = stub_take(t, key);
	if (first) {
		s->first_s = MIN(first, s->first_s);
		s->flags = STATE_BACK;
	}
	return s;
}

struct state *state_grow(struct state_table *t, struct state *s, size_t size)
{
	size_t old = s->size8 * (size_t)8;
	uint32_t from = HANDLE_NONE, to;
	struct state *bigger = s;

	size = (size + 7) & ~(size_t)7;
	if (size <= old)
		return s;
	if (size > STATE_SIZE_MAX)
		return NULL;
	s->stamp = (uint16_t)++t->ops;
	if (place_bytes(size) != place_bytes(old)) {
		(void)find(t, s->key, &from);
		to = place_take(t, size);
		if (to == HANDLE_NONE)
			return NULL;
		bigger = place_at(t, to);
		memcpy(bigger, s, old);
		index_move(t, s->key, from, to);
		place_give(t, from, old);
	}
	memset((char *)bigger + old, 0, size - old);
	bigger->size8 = (uint16_t)(size / 8);
	if (bigger->flags & STATE_HELD)
		t->held_bytes += size - old;
	return bigger;
}

static void take_out(struct state_table *t, struct state *s, uint32_t handle)
{
	size_t size = s->size8 * (size_t)8;

	if (s->flags & STATE_HELD)
		t->held_bytes -= size;
	index_del(t, s->key, handle);
	place_give(t, handle, size);
	t->len--;
}

void state_evict(struct state_table *t, struct state *s, uint32_t handle)
{
	stub_put(t, s);
	take_out(t, s, handle);
	t->evictions++;
}

void state_drop(struct state_table *t, struct state *s)
{
	uint32_t handle;

	if (find(t, s->key, &handle))
		take_out(t, s, handle);
}

void state_hold(struct state_table *t, struct state *s)
{
	size_t size = s->size8 * (size_t)8;

	if ((s->flags & STATE_HELD) || t->held_bytes + size > t->limit / HOLD_SHARE)
		return;
	s->flags |= STATE_HELD;
	t->held_bytes += size;
}

void state_prefetch(const struct state_table *t, uint64_t key)
{
	if (t->nbuckets)
		__builtin_prefetch(&t->index[home(t, spread(key))]);
}

void state_warm(const struct state_table *t, uint64_t key)
{
	uint64_t h = spread(key);
	const struct state_bucket *b = t->nbuckets ? &t->index[home(t, h)] : NULL;

	for (unsigned m = b ? tags(b, tag_of(h)) : 0; m; m &= m - 1) {
		uint32_t handle = b->handle[__builtin_ctz(m)];

		if (!(handle & HANDLE_BIG)) {
			const char *p = (const char *)place_at(t, handle);

			/* A place ends inside the range, so what lies behind it is harmless. */
			for (int line = 0; line < WARM_LINES; line++)
				__builtin_prefetch(p + line * 64);
		}
	}
}

void state_each(struct state_table *t, void (*fn)(struct state_table *, struct state *, void *),
		void *arg)
{
	for (uint32_t k = 0; k < t->nslabs; k++)
		for (uint32_t i = 0; t->slab[k].live && i < t->slab[k].fresh; i++) {
			struct state *s = place_at(t, slab_handle(t, k, i));

			if (s->size8)
				fn(t, s, arg);
		}
	for (uint32_t i = 0; i < t->nbig; i++)
		if (t->big[i])
			fn(t, t->big[i], arg);
}
