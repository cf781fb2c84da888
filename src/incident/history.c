/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/history: the stored events of one entity, read once for all questions about a
 * matter: everything near it, and of busy entities the nearest of what was before and after.
 * Their bytes are fetched, and taken apart, only when a look-up wants their type.
 */
#include "base/hash.h"
#include "incident/question.h"
#include <errno.h>
#include <stdlib.h>

#define NEAR	   (24 * NS_PER_H)
#define NEAR_MAX   5000u
#define BEFORE_MAX 2500u
#define AFTER_MAX  1500u

struct load {
	struct inquiry *q;
	struct history *h;
	const struct rectype *type; /* of the last row: it is mostly that of the next */
	int err;
};

static const struct rectype *type_of(struct load *l, struct str name)
{
	if (!l->type || !str_eqz(name, l->type->name))
		l->type = schema_type_find(reread_schema(l->q->reread), name);
	return l->type;
}

static int row(const struct store_event *se, void *arg)
{
	struct load *l = arg;
	struct history *h = l->h;
	struct past *p;
	struct str *ents;

	if (h->n == h->cap) {
		size_t cap = h->cap ? h->cap * 2 : 512;
		struct past *v = realloc(h->v, cap * sizeof(*v));

		if (!v)
			return l->err = -ENOMEM;
		h->v = v;
		h->cap = cap;
	}
	p = &h->v[h->n];
	*p = (struct past){.se = *se};
	p->type = type_of(l, se->type);
	ents = arena_alloc(&h->mem, (se->nentities + 1) * sizeof(*ents));
	if (!ents)
		return l->err = -ENOMEM;
	for (size_t i = 0; i < se->nentities; i++)
		ents[i] = arena_str(&h->mem, se->entities[i]);
	p->se.entities = ents;
	p->se.type = p->type ? str_of(p->type->name) : STR("");
	h->n++;
	return 0;
}

/* Reads a window; *ret_all: nothing was left out. */
static int part(struct inquiry *q, struct history *h, const struct var *x, int64_t from,
		int64_t to, size_t max, bool newest, bool *ret_all, struct diag *d)
{
	struct store_names has = {x->full, x->n};
	struct store_query sq = {
		.from = from, .to = to, .limit = max, .newest = newest, .rows_only = true};
	struct load l = {.q = q, .h = h};
	size_t before = h->n;
	int err;

	sq.has = &has;
	sq.nhas = 1;
	err = store_events(q->store, &sq, row, &l, d);
	*ret_all = h->n - before < max;
	return err < 0 ? err : l.err;
}

static int by_seq(const void *a, const void *b)
{
	uint64_t x = ((const struct past *)a)->se.seq, y = ((const struct past *)b)->se.seq;

	return x < y ? -1 : x > y;
}

static void forget(struct history *h)
{
	arena_free(&h->mem);
	free(h->v);
	*h = (struct history){0};
}

void history_clear(struct inquiry *q)
{
	for (size_t i = 0; i < HISTORIES; i++)
		forget(&q->history[i]);
	q->next_history = 0;
	map_clear(&q->bytes_of);
	arena_free(&q->bytes);
}

/* The time of which nothing is missing; what was not read yet is not asked for either. */
static void bound(struct history *h)
{
	if (h->n)
		qsort(h->v, h->n, sizeof(*h->v), by_seq);
	h->from = h->near_from;
	if (h->before)
		h->from = h->all_before ? TIME_NONE : h->v[0].se.known;
	h->to = h->near_to;
	if (h->after)
		h->to = h->holes || !h->all_after ? h->v[h->n - 1].se.known : INT64_MAX;
}

/* Begins with what is near: most look-ups want no more. */
static int history_new(struct inquiry *q, struct history *h, const struct var *x,
		       struct diag *d)
{
	bool all;
	int err;

	forget(h);
	arena_init(&h->mem, 256 * MIB);
	h->near_from = q->t0 - NEAR;
	h->near_to = q->t1 + NEAR;
	err = part(q, h, x, h->near_from, h->near_to, NEAR_MAX, false, &all, d);
	h->holes = !all;
	bound(h);
	return err;
}

/* Reads what comes before or after, once a look-up reaches so far. */
static int widen(struct inquiry *q, struct history *h, const struct var *x, int64_t from,
		 int64_t to, struct diag *d)
{
	bool before = !h->before && (from == TIME_NONE || from < h->near_from);
	bool after = !h->after && to > h->near_to;
	int err = 0;

	if (before)
		err = part(q, h, x, TIME_NONE, h->near_from, BEFORE_MAX, true, &h->all_before,
			   d);
	if (err == 0 && after)
		err = part(q, h, x, h->near_to, TIME_NONE, AFTER_MAX, false, &h->all_after, d);
	h->before |= before;
	h->after |= after;
	if (err == 0 && (before || after))
		bound(h);
	return err;
}

int history_of(struct inquiry *q, const struct var *x, int64_t from, int64_t to,
	       struct history **ret_h, struct diag *d)
{
	uint64_t key = hash_str(x->full[0], 0) | 1;
	struct history *h = NULL;
	int err = 0;

	for (size_t i = 0; i < HISTORIES; i++)
		if (q->history[i].key == key)
			h = &q->history[i];
	if (!h) {
		h = &q->history[q->next_history++ % HISTORIES];
		err = history_new(q, h, x, d);
	}
	if (err == 0)
		err = widen(q, h, x, from, to, d);
	h->key = err < 0 ? 0 : key;
	if (err < 0)
		return err;
	*ret_h = h;
	return 0;
}

/* The bytes of one event, which other histories of the matter may have too. */
static int fetch(struct inquiry *q, struct past *p, struct diag *d)
{
	uint64_t *v = map_put(&q->bytes_of, p->se.place, NULL);
	struct store_event *whole;
	int err;

	if (!v)
		return -ENOMEM;
	whole = (struct store_event *)(uintptr_t)*v;
	if (!whole) {
		whole = arena_alloc(&q->bytes, sizeof(*whole));
		err = whole ? store_event_bytes(q->store, &p->se, d) : -ENOMEM;
		if (err < 0)
			return err;
		*whole = p->se;
		whole->id = arena_str(&q->bytes, p->se.id);
		whole->raw = arena_str(&q->bytes, p->se.raw);
		whole->extra = arena_str(&q->bytes, p->se.extra);
		if (!whole->id.p || !whole->raw.p || !whole->extra.p)
			return -ENOMEM;
		*v = (uintptr_t)whole;
	}
	p->se.id = whole->id;
	p->se.raw = whole->raw;
	p->se.extra = whole->extra;
	p->whole = true;
	return 0;
}

int history_bytes(struct inquiry *q, struct history *h, struct past *p, struct diag *d)
{
	struct past *from = p, *to = p;
	int err = 0;

	if (p->whole)
		return 0;
	/* With those of its kind that are unpacked with it: they are asked for next. */
	while (from > h->v && store_same_frame(&from[-1].se, &p->se))
		from--;
	while (to + 1 < h->v + h->n && store_same_frame(&to[1].se, &p->se))
		to++;
	for (struct past *x = from; err == 0 && x <= to; x++)
		if (!x->whole && x->type == p->type)
			err = fetch(q, x, d);
	return err;
}

int history_event(struct inquiry *q, struct history *h, struct past *p,
		  const struct event **ret_e, struct diag *d)
{
	if (!p->tried) {
		int err = history_bytes(q, h, p, d);

		if (err < 0)
			return err;
		p->tried = true;
		p->e = reread_event(q->reread, &p->se, &h->mem);
		q->unpacked++;
	}
	*ret_e = p->e;
	return 0;
}
