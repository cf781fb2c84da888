/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The places of states: slabs, the hand that goes round them, and how a slab is won back for
 * another size.
 */
#include "learn/pages.h"
#include "learn/state_priv.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SWEEP_SLABS 256 /* visited at most for one place: 4 MiB of memory */
#define SWEEP_BYTES (2 * STATE_SLAB)
#define CANDIDATES  16 /* slabs compared when one has to be emptied */

/* Four sizes an octave, so that a sixth of a place is empty at most; the last is a quarter
 * slab.
 */
const uint16_t state_class_size[STATE_CLASSES] = {32,	48,   64,   80,	  96,	112,  128,
						  160,	192,  224,  256,  320,	384,  448,
						  512,	640,  768,  896,  1024, 1280, 1536,
						  1792, 2048, 2560, 3072, 3584, 4096};

static int class_of(size_t size)
{
	for (int c = 0; c < STATE_CLASSES; c++)
		if (size <= state_class_size[c])
			return c;
	return -1;
}

uint32_t slab_places(uint8_t cls)
{
	return (uint32_t)(STATE_SLAB / state_class_size[cls]);
}

size_t place_bytes(size_t size)
{
	int c = class_of(size);

	return c < 0 ? size : state_class_size[c];
}

uint32_t slab_handle(const struct state_table *t, uint32_t slab, uint32_t place)
{
	size_t at = slab * STATE_SLAB + place * (size_t)state_class_size[t->slab[slab].cls];

	return (uint32_t)(at / 16);
}

int slab_reserve(struct state_table *t)
{
	uint32_t n = (uint32_t)(t->limit / STATE_SLAB);
	struct slab *slab = calloc(n, sizeof(*slab));
	char *base = slab ? pages_take(n * STATE_SLAB) : NULL;

	if (!base) {
		free(slab);
		return -ENOMEM;
	}
	t->slab = slab;
	t->base = base;
	t->reserved = n * STATE_SLAB;
	t->max_slabs = n;
	t->bytes += n * sizeof(*slab);
	return 0;
}

void slab_link(struct state_table *t, uint32_t slab, uint32_t *list)
{
	struct slab *b = &t->slab[slab];

	b->prev = 0;
	b->next = *list;
	if (*list)
		t->slab[*list - 1].prev = slab + 1;
	*list = slab + 1;
	b->linked = true;
}

static void slab_unlink(struct state_table *t, uint32_t slab, uint32_t *list)
{
	struct slab *b = &t->slab[slab];

	if (b->next)
		t->slab[b->next - 1].prev = b->prev;
	*(b->prev ? &t->slab[b->prev - 1].next : list) = b->next;
	b->prev = b->next = 0;
	b->linked = false;
}

static bool slab_full(const struct slab *b)
{
	return !b->free && b->fresh == slab_places(b->cls);
}

/* Gives the class an empty slab when the budget has room for one. */
static bool slab_new(struct state_table *t, uint8_t cls)
{
	uint32_t i;

	if (t->bytes + STATE_SLAB > t->limit)
		return false;
	if (t->empty) {
		i = t->empty - 1;
		slab_unlink(t, i, &t->empty);
	} else if (t->nslabs < t->max_slabs) {
		i = t->nslabs++;
	} else {
		return false;
	}
	t->slab[i] = (struct slab){.cls = cls};
	slab_link(t, i, &t->open[cls]);
	t->bytes += STATE_SLAB;
	return true;
}

static uint32_t take_from(struct state_table *t, uint32_t slab)
{
	struct slab *b = &t->slab[slab];
	uint32_t h;

	if (b->free) {
		h = slab_handle(t, slab, b->free - 1u);
		b->free = place_at(t, h)->stamp; /* the next free one */
	} else {
		h = slab_handle(t, slab, b->fresh++);
	}
	b->live++;
	if (slab_full(b))
		slab_unlink(t, slab, &t->open[b->cls]);
	return h;
}

static uint32_t slab_of(uint32_t handle)
{
	return (uint32_t)((size_t)handle * 16 / STATE_SLAB);
}

void place_give(struct state_table *t, uint32_t handle, size_t size)
{
	uint32_t i = slab_of(handle);
	struct slab *b = &t->slab[i];
	struct state *s = place_at(t, handle);

	if (handle & HANDLE_BIG) {
		free(s);
		t->big[handle & ~HANDLE_BIG] = NULL;
		t->big_hint = MIN(t->big_hint, handle & ~HANDLE_BIG);
		t->bytes -= size + BIG_COST;
		return;
	}
	s->size8 = 0;
	s->stamp = b->free;
	b->free =
		(uint16_t)((handle - slab_handle(t, i, 0)) * 16 / state_class_size[b->cls] + 1);
	if (!b->linked)
		slab_link(t, i, &t->open[b->cls]);
	if (--b->live == 0) {
		slab_unlink(t, i, &t->open[b->cls]);
		slab_link(t, i, &t->empty);
		b->free = b->fresh = 0;
		t->bytes -= STATE_SLAB;
	}
}

static uint32_t take_big(struct state_table *t, size_t size)
{
	uint32_t i;

	if (!make_room(t, size + BIG_COST))
		return HANDLE_NONE;
	for (i = t->big_hint; i < t->nbig && t->big[i]; i++)
		;
	if (i == t->cap_big) {
		uint32_t cap = t->cap_big ? t->cap_big * 2 : 64;
		void **p = realloc(t->big, cap * sizeof(*p));

		if (!p)
			return HANDLE_NONE;
		t->bytes += (cap - t->cap_big) * sizeof(*p);
		t->big = p;
		t->cap_big = cap;
	}
	t->big[i] = calloc(1, size);
	if (!t->big[i])
		return HANDLE_NONE;
	t->nbig = MAX(t->nbig, i + 1);
	t->big_hint = i + 1;
	t->bytes += size + BIG_COST;
	return HANDLE_BIG | i;
}

/* The hand comes by: a state loses a round, or goes. Returns the bytes of what went. */
static size_t visit(struct state_table *t, uint32_t handle)
{
	struct state *s = place_at(t, handle);
	size_t size = s ? s->size8 * (size_t)8 : 0;

	if (!size || state_recent(t, s) || state_held(t, s))
		return 0;
	if (s->used) {
		s->used--;
		return 0;
	}
	state_evict(t, s, handle);
	return place_bytes(size);
}

static size_t visit_slab(struct state_table *t, uint32_t slab)
{
	const struct slab *b = &t->slab[slab];
	size_t freed = 0;

	for (uint32_t i = 0; b->live && i < b->fresh; i++)
		freed += visit(t, slab_handle(t, slab, i));
	return freed;
}

/* Until there is a place of the class, or enough holes for a slab's survivors to move to. */
static void sweep(struct state_table *t, int cls)
{
	size_t freed = 0;

	for (int i = 0; i < SWEEP_SLABS && freed < SWEEP_BYTES; i++) {
		if (t->nslabs) {
			t->hand = t->hand < t->nslabs ? t->hand : 0;
			freed += visit_slab(t, t->hand++);
		}
		if (t->nbig) {
			t->hand_big = t->hand_big < t->nbig ? t->hand_big : 0;
			freed += visit(t, HANDLE_BIG | t->hand_big++);
		}
		if (cls >= 0 && t->open[cls])
			return;
	}
}

/* Whether all in it may go or move: nothing that somebody may hold a pointer to. */
static bool may_empty(const struct state_table *t, uint32_t slab)
{
	const struct slab *b = &t->slab[slab];

	for (uint32_t i = 0; i < b->fresh; i++) {
		const struct state *s = place_at(t, slab_handle(t, slab, i));

		if (s->size8 && state_recent(t, s))
			return false;
	}
	return b->live > 0;
}

/* The survivors move to holes of other slabs; what finds none goes, unless it is held. */
static bool empty_slab(struct state_table *t, uint32_t slab)
{
	struct slab *b = &t->slab[slab];
	uint32_t n = b->fresh;

	if (b->linked)
		slab_unlink(t, slab, &t->open[b->cls]);
	for (uint32_t i = 0; i < n && b->live; i++) {
		uint32_t from = slab_handle(t, slab, i), to;
		struct state *s = place_at(t, from);

		if (!s->size8)
			continue;
		if (t->open[b->cls]) {
			to = take_from(t, t->open[b->cls] - 1);
			memcpy(place_at(t, to), s, s->size8 * (size_t)8);
			index_move(t, s->key, from, to);
			place_give(t, from, 0);
		} else if (!state_held(t, s)) {
			state_evict(t, s, from);
		}
		/* Giving a place back has put the slab among those that take. */
		if (b->live && b->linked)
			slab_unlink(t, slab, &t->open[b->cls]);
	}
	if (b->live && !b->linked && !slab_full(b))
		slab_link(t, slab, &t->open[b->cls]);
	return b->live == 0;
}

/* Of the few slabs that the hand visited last the one with the fewest states is given up. */
static bool win_slab(struct state_table *t)
{
	for (uint32_t tried = 0; tried < t->nslabs; tried += CANDIDATES) {
		uint32_t best = UINT32_MAX, fill = UINT32_MAX;

		for (uint32_t i = 0; i < CANDIDATES && i < t->nslabs; i++) {
			uint32_t back = (tried + i) % t->nslabs + 1;
			uint32_t at = (t->hand + t->nslabs - back) % t->nslabs;
			uint32_t f = t->slab[at].live * 1000u / slab_places(t->slab[at].cls);

			if (f < fill && may_empty(t, at)) {
				best = at;
				fill = f;
			}
		}
		if (best != UINT32_MAX && empty_slab(t, best))
			return true;
	}
	return false;
}

bool make_room(struct state_table *t, size_t bytes)
{
	if (t->bytes + bytes <= t->limit)
		return true;
	sweep(t, -1);
	while (t->bytes + bytes > t->limit)
		if (!win_slab(t))
			return false;
	return true;
}

uint32_t place_take(struct state_table *t, size_t size)
{
	int c = class_of(size);

	if (c < 0)
		return take_big(t, size);
	if (!t->open[c] && !slab_new(t, (uint8_t)c)) {
		sweep(t, c);
		if (!t->open[c] && !slab_new(t, (uint8_t)c) &&
		    !(win_slab(t) && slab_new(t, (uint8_t)c)) && !t->open[c])
			return HANDLE_NONE;
	}
	return take_from(t, t->open[c] - 1);
}
