/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rhythm: whether a channel (an entity and a value, such as a device and a destination) beats
 * like a machine. How much evidence is asked for depends on how rare the value is in the
 * organisation. Channels of one entity that beat together are heard as one (learn/parallel).
 *
 * A channel keeps two gates (learn/rhythm): one for calls as they come, one that takes calls
 * within three seconds, retries and parallel connections, as one; the second is first used when
 * something was that close. A bank is a state of its own, so that it is there only while
 * arrivals look alike, and ages by itself.
 */
#include "base/hash.h"
#include "base/words.h"
#include "learn/group.h"
#include "learn/parallel.h"

#define LEVELS	     2
#define DELTA_SLOW   (3 * NS_PER_S)
#define LN_LEVELS    0.6931 /* the mean of two e-values is one: half of the larger is below it */
#define LN_PARALLEL  6.9078 /* groups ask for no less */
#define HOLD_MAX_S   86400.0
#define TESTED_CALLS 5 /* at its fifth call a channel has been tried */
#define SEED_BANK    UINT64_C(0x62616e6b00000001)
#define SEED_STEP    UINT64_C(0x7374657000000002)

struct channel {
	struct state st;
	uint32_t hour; /* last told to the door */
	uint16_t calls;
	uint8_t open;		   /* bit i: level i has a bank */
	struct rhythm_gate gate[]; /* one, and a second when it is first used: a cache line */
};

#define CHANNEL_SIZE(gates) (sizeof(struct channel) + (gates) * sizeof(struct rhythm_gate))

struct bank {
	struct state st;
	struct rhythm r;
};

/* The channels of an entity that may beat together; room for more groups is made on demand. */
struct steps {
	struct state st;
	struct parallel_group group[];
};

/* The best that is known of a channel after a call. */
struct best {
	const struct rhythm *r; /* NULL: no bank is open */
	struct rhythm_clock clock;
	double log_e;
};

static struct rhythm_clock clock_of(const struct quantity *q, int level)
{
	int64_t coarse = (int64_t)(5 * q->resolution * (double)NS_PER_S);

	return (struct rhythm_clock){MAX(level ? DELTA_SLOW : 20 * NS_PER_MS, coarse),
				     q->resolution};
}

static struct channel *channel_put(struct learn *l, struct quantity *q,
				   const struct observation *o, struct popular **pop)
{
	uint64_t key = hash_2(o->who, o->what);
	struct channel *c = (struct channel *)state_get(&l->states, key, o->now);

	if (c)
		return c;
	if (!bloom_test_set(l, key, true))
		popular_add(l, q, pop, o->cls);
	if (!state_peek(&l->states, hash_2(o->who, SEED_STEP)))
		popular_join(q, o->cls);
	return (struct channel *)state_put(&l->states, key, CHANNEL_SIZE(1), o->now);
}

/* The smallest time, ns, for which the answer keeps the channel from asking again. */
static int64_t hold_of(const struct quantity *q, const struct observation *o)
{
	const struct val *items = &val_none;
	double least = HOLD_MAX_S, x;
	size_t n, known = 0;

	if (q->against == ATTR_NONE)
		return 0;
	n = MIN(val_items(event_get(o->e, q->against), &items), VALUES_MAX);
	for (size_t i = 0; i < n; i++)
		if (val_num(&items[i], &x) && x >= 0) {
			least = MIN(least, x);
			known++;
		}
	return known ? (int64_t)(least * (double)NS_PER_S) : 0;
}

/* One call at one level. False when it was coalesced. */
static bool hear(struct learn *l, const struct quantity *q, const struct observation *o,
		 struct channel *c, int i, int64_t hold, struct best *best)
{
	uint64_t key = hash_2(c->st.key, SEED_BANK + (uint64_t)i);
	struct rhythm_clock clock = clock_of(q, i);
	struct bank *b = NULL;
	bool moved, due;
	double e;

	if (c->open & 1u << i) {
		b = (struct bank *)state_get(&l->states, key, o->now);
		/* Evicted: the gate starts anew. */
		if (!b) {
			c->open &= (uint8_t) ~(1u << i);
			c->gate[i].last = 0;
		}
	}
	if (c->open & 1u << i) {
		moved = rhythm_add(&b->r, &c->gate[i], &clock, o->e->time, hold);
		if (!b->r.n)
			c->open &= (uint8_t) ~(1u << i);
	} else {
		moved = rhythm_gate_add(&c->gate[i], &clock, o->e->time, hold, &due);
		if (due)
			b = (struct bank *)state_put(&l->states, key, sizeof(*b), o->now);
		if (due && b) {
			rhythm_open(&b->r, &c->gate[i], &clock);
			c->open |= (uint8_t)(1u << i);
		}
	}
	e = c->open & 1u << i ? rhythm_log_e(&b->r) : -1;
	if (c->open & 1u << i && (!best->r || e > best->log_e))
		*best = (struct best){&b->r, clock, e};
	return moved;
}

static bool has_second(const struct channel *c)
{
	return c->st.size8 * (size_t)8 >= CHANNEL_SIZE(2);
}

static bool hear_all(struct learn *l, const struct quantity *q, const struct observation *o,
		     struct channel **pc, struct best *best)
{
	struct channel *c = *pc;
	int64_t hold = hold_of(q, o), before = c->gate[0].last, since;
	bool moved;

	c->calls = (uint16_t)MIN(c->calls + 1, UINT16_MAX);
	moved = hear(l, q, o, c, 0, hold, best);
	if (!has_second(c) || !c->gate[1].last) {
		if (!before || __builtin_sub_overflow(o->e->time, before, &since) ||
		    since >= clock_of(q, 1).delta)
			return moved;
		/* The first that came this close: the second level begins with the one before.
		 */
		c = (struct channel *)state_grow(&l->states, &c->st, CHANNEL_SIZE(2));
		if (!c)
			return moved;
		*pc = c;
		c->gate[1] = (struct rhythm_gate){.last = before, .starts = 1};
	}
	return moved | hear(l, q, o, c, 1, hold, best);
}

/* ln 1/alpha by how rare the value is among the entities known. */
static double asked(const struct quantity *q, const struct popular *p, int64_t now)
{
	double all = MAX(1, popular_members(q)), ents = p->ents;

	if (ents <= 2 && now - state_first(&p->st) < 7 * NS_PER_D)
		return 4.6;
	if (ents <= 0.01 * all || ents <= 2)
		return 6.9;
	return ents <= 0.10 * all ? 9.2 : 13.8;
}

static size_t steps_size(int room)
{
	return sizeof(struct steps) + (size_t)room * sizeof(struct parallel_group);
}

/* The groups that a call of channel at t is to be counted in. */
static struct steps *steps_put(struct learn *l, const struct observation *o, uint64_t channel,
			       int *ret_room)
{
	struct steps *s = (struct steps *)state_put(&l->states, hash_2(o->who, SEED_STEP),
						    steps_size(1), o->now);
	struct state *bigger;
	int room = 1;

	if (!s)
		return NULL;
	while (room < PARALLEL_GROUPS && steps_size(room + 1) <= s->st.size8 * (size_t)8)
		room++;
	if (room < PARALLEL_GROUPS && parallel_full(s->group, room, channel, o->e->time)) {
		bigger = state_grow(&l->states, &s->st, steps_size(room + 1));
		if (bigger) {
			s = (struct steps *)bigger;
			room++;
		}
	}
	*ret_room = room;
	return s;
}

/* Channels in step with this one; *ret_e their evidence together, *ret_s their period. */
static int together(struct learn *l, const struct observation *o, double need, double *ret_e,
		    double *ret_s)
{
	uint64_t channel = hash_mix(o->what);
	int room = 0;
	struct steps *s = steps_put(l, o, channel, &room);
	const struct parallel_group *g =
		s ? parallel_add_in(s->group, room, channel, o->e->time) : NULL;
	/* What reloads itself slowly is common: only a rare one is told. */
	int n = g ? parallel_in_step(g, MAX(need, LN_PARALLEL), need <= LN_PARALLEL) : 0;

	if (n) {
		*ret_e = rhythm_log_e(&g->r);
		*ret_s = parallel_period(g);
	}
	return n;
}

static void put(struct verdict *v, const struct channel *c, const struct best *best, int par,
		double e, double period)
{
	int arrivals = best->r ? best->r->n + 1 : c->calls;
	bool alone = best->r && !par;

	verdict_set(v, OUT_LOG_E, e);
	verdict_set(v, OUT_PARALLEL, par);
	verdict_set(v, OUT_PERIOD, alone ? rhythm_period(best->r, &best->clock) : period);
	verdict_set(v, OUT_ARRIVALS, arrivals);
	verdict_set(v, OUT_JITTER, best->r ? rhythm_jitter(best->r) : 0);
	verdict_set(v, OUT_SPAN,
		    alone ? rhythm_span(best->r, &best->clock) : (arrivals - 1) * period);
}

static void see(struct learn *l, struct quantity *q, const struct observation *o,
		struct verdict *v)
{
	struct popular *pop = popular_put(l, q, o->what, (struct str){NULL, 0}, o->now);
	struct channel *c = pop ? channel_put(l, q, o, &pop) : NULL;
	struct best best = {.log_e = -1};
	double need, e, step_e = -1, step_s = 0;
	bool beacon = false;
	int par = 0;

	if (!c)
		return;
	need = asked(q, pop, o->now);
	if (hear_all(l, q, o, &c, &best))
		par = together(l, o, need, &step_e, &step_s);
	if (best.r)
		beacon = rhythm_beacon(best.r, &best.clock, need + LN_LEVELS);
	e = MAX(best.log_e - LN_LEVELS, step_e);
	beacon |= par > 0;
	v->raw = beacon ? MAX(0, e - need + 4.6) : MAX(0, MIN(e - need, 4.5));
	v->odd = beacon;
	/* A channel that beats is told once an hour, the others once in all. */
	v->tested = c->calls == TESTED_CALLS || (beacon && c->hour != o->now / NS_PER_H);
	if (v->tested)
		c->hour = (uint32_t)(o->now / NS_PER_H);
	v->days = (double)(o->now - state_first(&c->st)) / (double)NS_PER_D;
	v->peers_same = popular_of(pop, o->cls);
	v->peers = popular_peers(q, o->cls);
	verdict_set(v, OUT_BEACON, beacon);
	put(v, c, &best, par, e, step_s);
	verdict_set(v, OUT_ENTITIES, pop->ents);
	verdict_set(v, OUT_NEW_ORG,
		    pop->ents <= 1 && o->now - state_first(&pop->st) < NS_PER_H);
}

static size_t keys(const struct learn *l, const struct quantity *q, const struct observation *o,
		   uint64_t ret_keys[KEYS_MAX])
{
	(void)l;
	ret_keys[0] = hash_join(o->what, q->tail);
	ret_keys[1] = hash_2(o->who, o->what);
	ret_keys[2] = hash_2(o->who, SEED_STEP);
	ret_keys[3] = hash_2(ret_keys[1], SEED_BANK);
	return 4;
}

static void explain(struct learn *l, const struct quantity *q, const struct observation *o,
		    struct verdict *v)
{
	struct buf every;

	(void)q;
	buf_init(&every, 64);
	words_span(&every, v->f[OUT_PERIOD]);
	v->usual = STR("irregular");
	if (v->f[OUT_PARALLEL] > 0)
		v->seen = arena_fmt(&l->text, "%.*s every %.*s, in step with %.0f others",
				    STR_ARG(o->value), STR_ARG(buf_str(&every)),
				    v->f[OUT_PARALLEL] - 1);
	else
		v->seen = arena_fmt(&l->text,
				    "%.*s every %.*s (give or take %.0f %%), %.0f times",
				    STR_ARG(o->value), STR_ARG(buf_str(&every)),
				    100 * v->f[OUT_JITTER], v->f[OUT_ARRIVALS]);
	buf_free(&every);
}

const struct kind kind_rhythm = {.name = "rhythm",
				 .needs_value = true,
				 .version = 1,
				 .own_scale = true,
				 .see = see,
				 .keys = keys,
				 .explain = explain};
