/* SPDX-License-Identifier: Apache-2.0 */
/*
 * burst: how many distinct things an entity touches within a window, and how many of them it
 * had never touched before; or how much information their names carry (measure: bits).
 */
#include "base/hash.h"
#include "learn/group.h"
#include <math.h>

#define ITEMS_MIN 8
#define ITEMS_MAX 256

struct item {
	uint32_t print; /* fingerprint; the top bit says: new to the entity */
	uint32_t at;	/* seconds since the state's first touch */
};

struct touched {
	struct state st;
	struct level level; /* of each window's highest */
	int64_t window;	    /* number of the current one */
	float highest;
	float bits; /* in this window */
	uint16_t n, cap;
	struct item item[];
};

static struct touched *room(struct learn *l, struct touched *t)
{
	uint16_t cap = (uint16_t)(t->cap * 2);
	struct state *s;

	if (t->n < t->cap || cap > ITEMS_MAX)
		return t;
	s = state_grow(&l->states, &t->st, sizeof(*t) + cap * sizeof(struct item));
	if (!s)
		return t;
	t = (struct touched *)s;
	t->cap = cap;
	return t;
}

static void drop_old(struct touched *t, uint32_t at, uint32_t span)
{
	uint16_t k = 0;

	for (uint16_t i = 0; i < t->n; i++)
		if (at - t->item[i].at < span)
			t->item[k++] = t->item[i];
	t->n = k;
}

static struct touched *touched_put(struct learn *l, struct quantity *q,
				   const struct observation *o)
{
	struct touched *t = (struct touched *)state_put(
		&l->states, o->who, sizeof(*t) + ITEMS_MIN * sizeof(struct item), o->now);

	if (t && !t->cap) {
		t->cap = ITEMS_MIN;
		t->window = o->now / q->window;
		popular_join(q, o->cls);
	}
	return t;
}

/* A window is over: its highest is what this entity and its class are known by. */
static void turn(struct quantity *q, struct touched *t, const struct observation *o)
{
	int64_t w = o->now / q->window;

	if (w <= t->window)
		return;
	level_add(&t->level, (double)t->highest);
	level_add(&q->groups[o->cls].level, (double)t->highest);
	level_add(&q->groups[CLASSES].level, (double)t->highest);
	t->window = w;
	t->highest = 0;
	t->bits = 0;
}

static void see(struct learn *l, struct quantity *q, const struct observation *o,
		struct verdict *v)
{
	struct touched *t = touched_put(l, q, o);
	uint32_t print = (uint32_t)(o->what & 0x7fffffff), at, fresh = 0;
	const struct group *g = &q->groups[o->cls];
	uint16_t i;
	double x;

	if (!t)
		return;
	turn(q, t, o);
	at = (uint32_t)((MAX(o->now, state_first(&t->st)) - state_first(&t->st)) / NS_PER_S);
	drop_old(t, at, (uint32_t)(q->window / NS_PER_S));
	for (i = 0; i < t->n && (t->item[i].print & 0x7fffffff) != print; i++)
		;
	if (i == t->n) {
		bool seen = bloom_test_set(l, hash_2(o->who, o->what), true);

		t = room(l, t);
		if (t->n == t->cap)
			memmove(t->item, t->item + 1, --t->n * sizeof(t->item[0]));
		t->item[t->n++] = (struct item){print | (seen ? 0 : 0x80000000U), at};
		t->bits += 4 * (float)o->value.len;
	} else {
		t->item[i].at = at;
	}
	for (i = 0; i < t->n; i++)
		fresh += t->item[i].print >> 31;
	x = q->bits ? (double)t->bits : t->n;
	v->raw = level_surprise(&t->level, &(q->org_only ? &q->groups[CLASSES] : g)->level, x);
	/* One test for every height first reached in a window. */
	v->tested = x > (double)t->highest;
	t->highest = MAX(t->highest, (float)x);
	v->days = (double)(o->now - state_first(&t->st)) / (double)NS_PER_D;
	v->peers = popular_peers(q, o->cls);
	verdict_set(v, OUT_DISTINCT, t->n);
	verdict_set(v, OUT_DISTINCT_NEW, fresh);
	verdict_set(v, OUT_BITS, (double)t->bits);
	verdict_set(v, OUT_WINDOW, (double)(q->window / NS_PER_S));
	if (v->raw >= TEXT_NATS && t->n > 2) {
		v->seen = arena_fmt(&l->text, "%u distinct (%u never before) within %lld min",
				    t->n, fresh, (long long)(q->window / NS_PER_S / 60));
		v->usual = arena_fmt(&l->text, "about %.0f", expm1((double)t->level.mean));
	}
}

const struct kind kind_burst = {.name = "burst", .needs_value = true, .see = see};
