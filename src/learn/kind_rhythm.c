/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rhythm: whether a channel (an entity and a value, such as a device and a destination) beats
 * like a machine. How much evidence is asked for depends on how rare the value is in the
 * organisation; several channels of one entity that beat together multiply.
 */
#include "base/hash.h"
#include "learn/group.h"
#include "learn/rhythm.h"
#include <math.h>

#define LEVELS	   2
#define FAN	   16  /* latest channels of one entity */
#define FAN_MIN	   4   /* endpoints in a product */
#define FAN_START  2.0 /* s: they started within */
#define FAN_AGREE  0.10
#define FAN_SPAN   1.5 /* s */
#define FAN_LN_INV 9.2 /* ln 1/alpha of a product */

/* Coalescing level of the second bank: retries and parallel connections are one call. */
static const double deltas[LEVELS] = {0.02, 3.0};

struct channel {
	struct state st;
	int64_t hour; /* last told to the door */
	int64_t zero; /* ns that second 0 stands for */
	struct rhythm r[LEVELS];
};

struct fan {
	struct state st;
	uint64_t key[FAN];
	uint32_t n;
};

static uint64_t channel_key(const struct observation *o)
{
	return hash_2(o->who, o->what);
}

static struct channel *channel_put(struct learn *l, struct quantity *q,
				   const struct observation *o, struct popular *pop)
{
	uint64_t key = channel_key(o);
	struct channel *c = (struct channel *)state_get(&l->states, key, o->now);
	struct fan *f;

	if (c)
		return c;
	if (!bloom_test_set(l, key, true))
		popular_add(q, pop, o->cls);
	if (!state_peek(&l->states, o->who))
		popular_join(q, o->cls);
	f = (struct fan *)state_put(&l->states, o->who, sizeof(*f), o->now);
	if (f)
		f->key[f->n++ % FAN] = key;
	c = (struct channel *)state_put(&l->states, key, sizeof(*c), o->now);
	if (!c)
		return NULL;
	c->zero = o->e->time;
	for (int i = 0; i < LEVELS; i++) {
		c->r[i].sharp = q->resolution;
		c->r[i].delta = MAX(deltas[i], 5 * q->resolution);
	}
	return c;
}

/* ln 1/alpha by how rare the value is among the entities known. */
static double asked(const struct learn *l, const struct quantity *q, const struct popular *p,
		    int64_t now)
{
	double all = MAX(1, popular_members(q)), ents = p->ents;

	(void)l;
	if (ents <= 2 && now - state_first(&p->st) < 7 * NS_PER_D)
		return 4.6;
	if (ents <= 0.01 * all || ents <= 2)
		return 6.9;
	return ents <= 0.10 * all ? 9.2 : 13.8;
}

/* Evidence of all channels of this entity that started with c and share its period. */
static double together(const struct learn *l, const struct observation *o,
		       const struct channel *c, int *ret_n)
{
	const struct fan *f = (const struct fan *)state_peek(&l->states, o->who);
	const struct rhythm *mine = &c->r[0];
	double sum = 0;

	*ret_n = 0;
	for (uint32_t i = 0; f && i < MIN(f->n, FAN); i++) {
		const struct channel *x =
			(const struct channel *)state_peek(&l->states, f->key[i]);
		double apart;

		if (!x || x->r[0].n < 2)
			continue;
		apart = fabs((double)(x->zero - c->zero) / (double)NS_PER_S + x->r[0].start -
			     mine->start);
		if (apart > FAN_START || x->r[0].last - x->r[0].start < FAN_SPAN)
			continue;
		if (fabs(rhythm_period(&x->r[0]) / rhythm_period(mine) - 1) > FAN_AGREE)
			continue;
		sum += x->r[0].log_e;
		++*ret_n;
	}
	return sum;
}

static void tell(struct learn *l, const struct rhythm *r, const struct observation *o, int par,
		 struct verdict *v)
{
	double s = rhythm_period(r);

	v->seen = arena_fmt(&l->text, "%.*s every %.3g s (jitter %.0f %%), %u times%s",
			    STR_ARG(o->value), s, 100 * rhythm_jitter(r), r->n + 1,
			    par >= FAN_MIN ? ", in step with others" : "");
	v->usual = STR("irregular");
}

static void see(struct learn *l, struct quantity *q, const struct observation *o,
		struct verdict *v)
{
	struct popular *pop = popular_put(l, q, o->what, o->value, o->now);
	struct channel *c = pop ? channel_put(l, q, o, pop) : NULL;
	const struct rhythm *r;
	double need, e, product = 0;
	bool beacon, moved = false;
	int par = 0;

	if (!c)
		return;
	for (int i = 0; i < LEVELS; i++)
		moved |=
			rhythm_add(&c->r[i], (double)(o->e->time - c->zero) / (double)NS_PER_S);
	r = c->r[0].log_e >= c->r[1].log_e ? &c->r[0] : &c->r[1];
	need = asked(l, q, pop, o->now);
	/* The mean of two e-values is one: half of the larger is below it. */
	e = r->log_e - 0.6931;
	beacon = rhythm_beacon(r, need + 0.6931);
	if (moved && c->r[0].n >= 2 && c->r[0].n <= 256) {
		product = together(l, o, c, &par);
		if (par >= FAN_MIN && product >= FAN_LN_INV) {
			beacon = true;
			e = MAX(e, product);
		}
	}
	v->raw = beacon ? MAX(0, e - need + 4.6) : MAX(0, MIN(e - need, 4.5));
	v->odd = beacon;
	/* A channel that beats is told once an hour, the others once in all. */
	v->tested = r->n == 4 || (beacon && c->hour != o->now / NS_PER_H);
	if (v->tested)
		c->hour = o->now / NS_PER_H;
	v->days = (double)(o->now - state_first(&c->st)) / (double)NS_PER_D;
	v->peers_same = pop->cls[o->cls];
	v->peers = popular_peers(q, o->cls);
	verdict_set(v, OUT_BEACON, beacon);
	verdict_set(v, OUT_LOG_E, e);
	verdict_set(v, OUT_PERIOD, rhythm_period(r));
	verdict_set(v, OUT_ARRIVALS, r->n + 1);
	verdict_set(v, OUT_JITTER, rhythm_jitter(r));
	verdict_set(v, OUT_PARALLEL, par);
	verdict_set(v, OUT_ENTITIES, pop->ents);
	verdict_set(v, OUT_NEW_ORG, pop->ents <= 1 && o->now - state_first(&pop->st) < NS_PER_H);
	if (beacon || v->raw >= TEXT_NATS)
		tell(l, r, o, par, v);
}

const struct kind kind_rhythm = {
	.name = "rhythm", .needs_value = true, .own_scale = true, .see = see};
