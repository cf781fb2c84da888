/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rarity: how unlikely a value is for an entity, by Pitman-Yor back-off from its own past to
 * its class peers to the organisation. A value is tested and learned at most once an hour, so
 * nobody can teach more than 24 times a day.
 *
 * Its count is learned at once, trust is not. A sensitive value that surprised at first sight
 * is on probation for 21 days and until seen on five days: it keeps 0.6 of that first surprise.
 * A new context (network, country, agent) keeps 2^(-age/12 h) of it for a day, so that the
 * second hour of an intrusion is no cleaner than the first.
 */
#include "base/hash.h"
#include "learn/fmath.h"
#include "learn/group.h"
#include "learn/peers.h"
#include "learn/tactics.h"
#include "learn/wave.h"
#include <math.h>

#define SWEEP	    30 /* new values within an hour: a scan, which says nothing of each */
#define YOUNG_H	    24 /* active hours: an entity's first days */
#define SLOTS_MAX   RARITY_VALUES
#define HABIT_DAYS  2
#define HABIT_SHARE 0.1	       /* of its most frequent value */
#define HABIT_H	    (30u * 24) /* since it was seen last */
#define HALF_LIFE_H (30.0 * 24)
#define ODD	    4.6 /* nats: p = 0.01 */
#define TRUST_H	    (21u * 24)
#define TRUST_DAYS  5
#define TRUST_SHARE 0.6
#define CONTEXT_H   24
#define CONTEXT_HL  12.0	   /* half-life, h */
#define SETTLED_NS  (3 * NS_PER_D) /* from then on the group is known */
#define PROBATION   0x80	   /* in slot.days */
#define FIRST_STEPS 8.0		   /* slot.first_raw counts eighths of a nat */
#define RAW_STEPS   1000.0	   /* slot.raw thousandths */

/* Numbers of slots that fill a place of the state table. */
static const uint8_t slots[] = {2, 4, 6, 8, 11, 14, 19, 24, 30, 40, 51, SLOTS_MAX};

struct slot {
	uint64_t what;
	float count; /* forward-decayed: weighs 2^((hour of sight - landmark) / half-life) */
	uint32_t last, first; /* hours; first is 0 when it had been seen before */
	uint16_t raw;	      /* of the last test */
	uint8_t first_raw;    /* of the first one, where it is kept in mind */
	uint8_t days;	      /* on which it was seen, to 127, and PROBATION */
};

struct past {
	struct state st;
	float total; /* forward-decayed like the counts */
	uint32_t distinct;
	uint32_t landmark;    /* hour */
	uint32_t hours, last; /* active ones; the last of them */
	uint16_t news;	      /* values adopted in the last one */
	uint8_t n, cap;
	struct slot slot[];
};

static double weight(const struct past *p, uint32_t hour)
{
	return fm_exp(((double)hour - p->landmark) * (FM_LN2 / HALF_LIFE_H));
}

static struct past *past_put(struct learn *l, struct quantity *q, uint64_t who, uint8_t cls,
			     int64_t now)
{
	struct past *p = (struct past *)state_get(&l->states, who, now);

	if (p)
		return p;
	p = (struct past *)state_put(&l->states, who,
				     sizeof(*p) + slots[0] * sizeof(struct slot), now);
	if (p) {
		p->cap = slots[0];
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

/* What is on probation stays as long as there is anything else: it cannot be flushed out. */
static bool goes_first(const struct slot *a, const struct slot *b)
{
	if ((a->days ^ b->days) & PROBATION)
		return b->days & PROBATION;
	return a->count < b->count;
}

static uint8_t more_slots(uint8_t cap)
{
	for (size_t i = 0; i < ARRAY_LEN(slots); i++)
		if (slots[i] > cap)
			return slots[i];
	return SLOTS_MAX;
}

/* Room for one more; the least seen goes when there is none, and is remembered as seen. */
static struct slot *slot_add(struct learn *l, struct past **pp)
{
	struct past *p = *pp;
	struct slot *least;

	if (p->n == p->cap && p->cap < SLOTS_MAX) {
		uint8_t cap = more_slots(p->cap);
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
		if (goes_first(&p->slot[i], least))
			least = &p->slot[i];
	(void)bloom_test_set(l, hash_2(p->st.key, least->what), true);
	return least;
}

/* One test of one value. */
struct test {
	uint64_t what;
	int64_t now;
	uint32_t hour;
	uint8_t cls;
	struct peer_group peers;
};

/* Share of the entity's own past that was no commoner than c (both forward-decayed). */
static double own_tail(const struct past *p, float c, double w)
{
	double mass = PY_THETA + PY_D * p->distinct;

	for (uint16_t i = 0; i < p->n; i++)
		if (p->slot[i].count <= c)
			mass += MAX(0, (double)p->slot[i].count / w - PY_D);
	return MIN(1.0, mass / ((double)p->total / w + PY_THETA));
}

/*
 * Probability that the next value is new. What Pitman-Yor gives to an unknown past (theta) is
 * filled with the share of news that others had at this age.
 */
static double novelty(const struct quantity *q, const struct past *p, uint8_t cls, double w)
{
	double at_this_age = tenure_novelty(&q->groups[cls].tenure, &q->groups[CLASSES].tenure,
					    tenure_bucket(p->hours));

	return MIN(1.0, (PY_THETA * at_this_age + PY_D * p->distinct) /
				((double)p->total / w + PY_THETA));
}

static void age_tested(struct quantity *q, uint8_t cls, unsigned age, bool fresh, bool settled,
		       bool rare)
{
	tenure_add(&q->groups[cls].tenure, age, fresh, settled, rare);
	tenure_add(&q->groups[CLASSES].tenure, age, fresh, settled, rare);
}

/* Raw surprise of a value new to the entity, which it counts as adopted. */
static double adopt(struct learn *l, struct quantity *q, const struct past *p,
		    struct popular **pop, const struct test *k, struct rarity *r)
{
	struct group *g = &q->groups[k->cls], *org = &q->groups[CLASSES];
	unsigned age = tenure_bucket(p->hours);
	double tail = popular_tail(q, *pop, k->cls);
	double nu = novelty(q, p, k->cls, weight(p, k->hour));
	int64_t since = q->door.cls[DOOR_POOL].since;
	bool rare, settled = since && k->now - since > SETTLED_NS;
	enum wave wave = wave_add(l, q, *pop, k->what, k->cls, k->now);

	if (k->peers.serial) {
		tail = peers_tail(l, q, k->peers, *pop, k->what, tail);
		peers_adopt(l, q, k->peers, *pop, k->what, k->now);
	}
	rare = tail < TENURE_RARE;
	if (rare)
		tail *= tenure_lift(&g->tenure, &org->tenure, age);
	tail = MIN(1.0, tail);
	age_tested(q, k->cls, age, true, settled, rare);
	popular_add(l, q, pop, k->cls);
	r->wave = wave == WAVE_BEGINS;
	return wave != WAVE_NONE && !r->sensitive ? 0 : -fm_log(nu * tail);
}

/* What of the first surprise is still in mind. */
static double carried(const struct quantity *q, struct slot *s, uint32_t hour)
{
	double first = (double)s->first_raw / FIRST_STEPS;
	uint32_t age = hour > s->first ? hour - s->first : 0;

	if (s->days & PROBATION && age >= TRUST_H && (s->days & ~PROBATION) >= TRUST_DAYS)
		s->days &= (uint8_t)~PROBATION;
	if (q->context && age <= CONTEXT_H)
		return first * exp2(-(double)age / CONTEXT_HL);
	return s->days & PROBATION ? TRUST_SHARE * first : 0;
}

static void swept(struct learn *l, const struct quantity *q, uint64_t what)
{
	struct popular *p = popular_peek(l, q, what);

	if (p && p->swept < UINT16_MAX)
		p->swept++;
}

/* One more new value; the SWEEPth of an hour tells what those before it were. */
static void sweep(struct learn *l, const struct quantity *q, struct past *p, uint64_t what,
		  uint32_t hour)
{
	p->news = (uint16_t)MIN(p->news + 1, UINT16_MAX);
	if (p->news == SWEEP)
		for (uint16_t i = 0; i < p->n; i++)
			if (p->slot[i].first == hour && p->slot[i].what != what)
				swept(l, q, p->slot[i].what);
	if (p->news >= SWEEP)
		swept(l, q, what);
}

/* Counts a test of slot s, which gave r->raw. */
static void learn_slot(struct quantity *q, struct past *p, struct slot *s, const struct test *k,
		       double w, struct rarity *r)
{
	if (p->last < k->hour) {
		p->last = k->hour;
		p->hours++;
		p->news = 0;
	}
	if (r->fresh) {
		bool keep = r->raw >= ODD && !door_learning(&q->door, k->cls, k->now);

		s->first = k->hour;
		s->days = 1;
		if (keep && (r->sensitive || q->context))
			s->first_raw = (uint8_t)MIN(r->raw * FIRST_STEPS, 255.0);
		if (keep && r->sensitive)
			s->days |= PROBATION;
	} else if (s->last / 24 != k->hour / 24 && (s->days & ~PROBATION) < TRUST_DAYS) {
		s->days++;
	}
	r->count = (double)s->count / w;
	s->count += (float)w;
	p->total += (float)w;
	s->last = k->hour;
	s->raw = (uint16_t)MIN(MAX(0, r->raw) * RAW_STEPS, 65535.0);
}

void rarity_see(struct learn *l, struct quantity *q, const struct observation *o,
		struct rarity *ret_r)
{
	struct past *p = past_put(l, q, o->who, o->cls, o->now);
	struct popular *pop = p ? popular_put(l, q, o->what, o->value, o->now) : NULL;
	struct test k = {.what = o->what,
			 .now = o->now,
			 .hour = (uint32_t)(o->now / NS_PER_H),
			 .cls = o->cls};
	struct rarity r = {0};
	struct slot *s;
	double w, mind;

	*ret_r = r;
	if (!p || !pop)
		return;
	w = weight(p, k.hour);
	s = slot_find(p, k.what);
	r.tested = !s || s->last < k.hour;
	if (r.tested) {
		r.tactic = tactics_of(q->tactics, o->value);
		r.sensitive = q->sensitive || r.tactic.len;
	}
	if (!s) {
		r.fresh = !(p->n >= SLOTS_MAX &&
			    bloom_test_set(l, hash_2(o->who, k.what), false));
		k.peers = peers_of(l, r.fresh ? o->entity : ENT_NONE);
		r.raw = r.fresh ? adopt(l, q, p, &pop, &k, &r)
				: -fm_log(own_tail(p, (float)w, w));
		p->distinct += r.fresh;
		s = slot_add(l, &p);
		*s = (struct slot){.what = k.what, .last = k.hour};
	} else if (r.tested) {
		r.raw = -fm_log(own_tail(p, s->count, w));
		mind = carried(q, s, k.hour);
		r.raw = MAX(r.raw, mind);
		age_tested(q, k.cls, tenure_bucket(p->hours), false, false, false);
	}
	if (r.tested) {
		learn_slot(q, p, s, &k, w, &r);
		if (r.fresh && q->sweep)
			sweep(l, q, p, k.what, k.hour);
	} else {
		r.raw = (double)s->raw / RAW_STEPS;
		r.count = (double)s->count / w - 1;
	}
	r.first_hour = s->first == k.hour;
	r.probation = s->days & PROBATION;
	r.young = p->hours < YOUNG_H;
	r.age_h = s->first && s->first <= k.hour ? k.hour - s->first : UINT32_MAX;
	r.days = (double)(k.now - state_first(&p->st)) / (double)NS_PER_D;
	r.ents = pop->ents;
	r.deliberate = pop->ents - MIN(pop->ents, pop->swept);
	r.same = popular_of(pop, k.cls);
	r.st = &p->st;
	*ret_r = r;
}

size_t rarity_values(const struct state *st, bool habits, int64_t now,
		     uint64_t ret_what[RARITY_VALUES])
{
	const struct past *p = (const struct past *)st;
	uint32_t hour = (uint32_t)(now / NS_PER_H);
	float least = 0;
	size_t n = 0;

	for (uint16_t i = 0; habits && i < p->n; i++)
		least = MAX(least, p->slot[i].count * (float)HABIT_SHARE);
	for (uint16_t i = 0; i < p->n; i++) {
		const struct slot *s = &p->slot[i];

		if (habits && ((s->days & ~PROBATION) < HABIT_DAYS || s->count < least ||
			       s->last + HABIT_H < hour))
			continue;
		ret_what[n++] = s->what;
	}
	return n;
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

void rarity_peers(const struct learn *l, const struct quantity *q, const struct observation *o,
		  struct rarity *r)
{
	struct peer_group g;

	if (!r->first_hour && r->raw < TEXT_NATS)
		return;
	g = peers_of(l, o->entity);
	r->peers = g.serial ? g.members : popular_peers(q, o->cls);
	r->peers_same = g.serial ? MIN(peers_had(l, q, g, o->what), g.members) : r->same;
}

void rarity_verdict(const struct rarity *r, struct verdict *v)
{
	v->tested = r->tested;
	v->peers = r->peers;
	v->peers_same = r->peers_same;
	v->odd = r->first_hour;
	v->days = r->days;
	v->tactic = r->tactic;
	v->held = r->probation;
	v->young = r->young;
	verdict_set(v, OUT_NEW, r->first_hour);
	verdict_set(v, OUT_NEW_PEERS, r->first_hour && r->same <= 1);
	verdict_set(v, OUT_NEW_ORG, r->first_hour && r->ents <= 1);
	verdict_set(v, OUT_TIMES_SEEN, floor(MAX(0, r->count) + 0.5));
	verdict_set(v, OUT_ENTITIES, r->deliberate);
	verdict_set(v, OUT_PROBATION, r->probation);
	verdict_set(v, OUT_WAVE, r->wave);
	if (r->age_h != UINT32_MAX)
		verdict_set(v, OUT_AGE_H, r->age_h);
}

static void see(struct learn *l, struct quantity *q, const struct observation *o,
		struct verdict *v)
{
	struct rarity r;

	rarity_see(l, q, o, &r);
	if (!r.st)
		return;
	v->raw = r.raw;
	rarity_peers(l, q, o, &r);
	rarity_verdict(&r, v);
}

void rarity_explain(struct learn *l, const struct quantity *q, const struct observation *o,
		    struct verdict *v)
{
	const struct state *st = state_peek(&l->states, o->who);

	if (st)
		v->usual = rarity_usual(l, q, st);
	v->seen = o->value;
}

const struct kind kind_rarity = {.name = "rarity",
				 .needs_value = true,
				 .takes_late = true,
				 .values = true,
				 .habits = true,
				 .version = 1,
				 .see = see,
				 .explain = rarity_explain};
