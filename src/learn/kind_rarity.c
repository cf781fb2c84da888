/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rarity: how unlikely a value is for an entity, by Pitman-Yor back-off from its own past to
 * its class peers to the organisation. A value is tested and learned at most once an hour, so
 * nobody can teach more than 24 times a day.
 */
#include "base/hash.h"
#include "learn/group.h"
#include <math.h>

#define SLOTS_MIN   4
#define SLOTS_MAX   64
#define HALF_LIFE_H (30.0 * 24)

struct slot {
	uint64_t what;
	float count; /* forward-decayed: weighs 2^((hour of sight - landmark) / half-life) */
	uint32_t last, first; /* hours */
	float raw;	      /* of the last test */
};

struct past {
	struct state st;
	float total; /* forward-decayed like the counts */
	uint32_t distinct;
	uint32_t landmark; /* hour */
	uint16_t n, cap;
	struct slot slot[];
};

static double weight(const struct past *p, uint32_t hour)
{
	return exp2(((double)hour - p->landmark) / HALF_LIFE_H);
}

static struct past *past_put(struct learn *l, struct quantity *q, uint64_t who, uint8_t cls,
			     int64_t now)
{
	struct past *p = (struct past *)state_get(&l->states, who, now);

	if (p)
		return p;
	p = (struct past *)state_put(&l->states, who,
				     sizeof(*p) + SLOTS_MIN * sizeof(struct slot), now);
	if (p) {
		p->cap = SLOTS_MIN;
		p->landmark = (uint32_t)(now / NS_PER_H);
		popular_join(q, cls);
	}
	return p;
}

static struct slot *slot_find(struct past *p, uint64_t what)
{
	for (uint16_t i = 0; i < p->n; i++)
		if (p->slot[i].what == what)
			return &p->slot[i];
	return NULL;
}

/* Room for one more; the least seen goes when there is none, and is remembered as seen. */
static struct slot *slot_add(struct learn *l, struct past **pp)
{
	struct past *p = *pp;
	struct slot *least;

	if (p->n == p->cap && p->cap < SLOTS_MAX) {
		uint16_t cap = (uint16_t)(p->cap * 2);
		struct state *s =
			state_grow(&l->states, &p->st, sizeof(*p) + cap * sizeof(struct slot));

		if (s) {
			*pp = p = (struct past *)s;
			p->cap = cap;
		}
	}
	if (p->n < p->cap)
		return &p->slot[p->n++];
	least = &p->slot[0];
	for (uint16_t i = 1; i < p->n; i++)
		if (p->slot[i].count < least->count)
			least = &p->slot[i];
	(void)bloom_test_set(l, hash_2(p->st.key, least->what), true);
	return least;
}

/* Share of the entity's own past that was no commoner than c (both forward-decayed). */
static double own_tail(const struct past *p, float c, double w)
{
	double mass = PY_THETA + PY_D * p->distinct;

	for (uint16_t i = 0; i < p->n; i++)
		if (p->slot[i].count <= c)
			mass += MAX(0, (double)p->slot[i].count / w - PY_D);
	return MIN(1.0, mass / ((double)p->total / w + PY_THETA));
}

static double novelty(const struct past *p, double w)
{
	if (!p->distinct)
		return 1;
	return MIN(1.0, (PY_THETA + PY_D * p->distinct) / ((double)p->total / w + PY_THETA));
}

void rarity_see(struct learn *l, struct quantity *q, uint64_t who, uint64_t what,
		struct str value, uint8_t cls, int64_t now, struct rarity *ret_r)
{
	struct past *p = past_put(l, q, who, cls, now);
	struct popular *pop = p ? popular_put(l, q, what, value, now) : NULL;
	uint32_t hour = (uint32_t)(now / NS_PER_H);
	struct rarity r = {0};
	struct slot *s;
	double w;

	*ret_r = r;
	if (!p || !pop)
		return;
	w = weight(p, hour);
	s = slot_find(p, what);
	if (!s) {
		r.fresh = !(p->n >= SLOTS_MAX && bloom_test_set(l, hash_2(who, what), false));
		r.raw = r.fresh ? -log(novelty(p, w) * popular_tail(q, pop, cls))
				: -log(own_tail(p, (float)w, w));
		r.tested = true;
		s = slot_add(l, &p);
		*s = (struct slot){what, 0, hour, r.fresh ? hour : 0, (float)r.raw};
		if (r.fresh) {
			p->distinct++;
			popular_add(q, pop, cls);
		}
	} else if (s->last != hour) {
		r.raw = -log(own_tail(p, s->count, w));
		r.tested = true;
		s->raw = (float)r.raw;
	}
	if (r.tested) {
		r.count = (double)s->count / w;
		s->count += (float)w;
		p->total += (float)w;
		s->last = hour;
	} else {
		r.raw = (double)s->raw;
		r.count = (double)s->count / w - 1;
	}
	r.first_hour = s->first == hour;
	r.days = (double)(now - state_first(&p->st)) / (double)NS_PER_D;
	r.ents = pop->ents;
	r.peers = pop->cls[cls];
	r.st = &p->st;
	*ret_r = r;
}

struct str rarity_usual(struct learn *l, const struct quantity *q, const struct state *st)
{
	const struct past *p = (const struct past *)st;
	const struct slot *best[3] = {NULL};
	struct str t[3] = {STR(""), STR(""), STR("")};
	uint32_t hour = (uint32_t)(state_last(&p->st) / NS_PER_H);

	for (uint16_t i = 0; i < p->n; i++) {
		const struct slot *s = &p->slot[i];

		/* What is new in this very hour is not usual. */
		if (s->first == hour)
			continue;
		for (int k = 0; k < 3; k++)
			if (!best[k] || s->count > best[k]->count) {
				const struct slot *o = best[k];

				best[k] = s;
				s = o;
				if (!s)
					break;
			}
	}
	if (!best[0])
		return STR("nothing known yet");
	for (int k = 0; k < 3 && best[k]; k++)
		t[k] = popular_text(l, q, best[k]->what);
	return arena_fmt(&l->text, "%.*s%s%.*s%s%.*s", STR_ARG(t[0]), t[1].len ? ", " : "",
			 STR_ARG(t[1]), t[2].len ? ", " : "", STR_ARG(t[2]));
}

static void see(struct learn *l, struct quantity *q, const struct observation *o,
		struct verdict *v)
{
	struct rarity r;

	rarity_see(l, q, o->who, o->what, o->value, o->cls, o->now, &r);
	if (!r.st)
		return;
	v->raw = r.raw;
	v->tested = r.tested;
	v->odd = r.first_hour;
	v->days = r.days;
	v->peers_same = r.peers;
	v->peers = popular_peers(q, o->cls);
	verdict_set(v, OUT_NEW, r.first_hour);
	verdict_set(v, OUT_NEW_PEERS, r.first_hour && r.peers <= 1);
	verdict_set(v, OUT_NEW_ORG, r.first_hour && r.ents <= 1);
	verdict_set(v, OUT_TIMES_SEEN, floor(MAX(0, r.count) + 0.5));
	verdict_set(v, OUT_ENTITIES, r.ents);
	if (v->odd || v->raw >= TEXT_NATS) {
		v->usual = rarity_usual(l, q, r.st);
		v->seen = o->value;
	}
}

const struct kind kind_rarity = {.name = "rarity", .needs_value = true, .see = see};
