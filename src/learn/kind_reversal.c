/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reversal: one of ours calls an outside address that had called it before. Servers answer
 * their callers, they do not call them back; when one does, the call that came in may have
 * brought orders. Kept per internal end: who called in, when first, and on which port.
 *
 * Every record type that names both ends tells who called: a connection's own record comes when
 * it has ended, that of the request inside it comes first. Mail servers, peer-to-peer programs,
 * VPN gateways and telephony call back all the time. So what counts is how many of a device's
 * active hours brought a first call back, after what its class does.
 */
#include "base/hash.h"
#include "base/words.h"
#include "learn/group.h"
#include <math.h>

#define CALLERS_MIN 2
#define CALLERS_MAX 4096
#define REMEMBER_S  (7 * S_PER_D)
#define HABIT	    0.05 /* first calls back in so many hours are this device's way */
#define PRIOR_RATE  0.05 /* before anything is known */
#define PRIOR_HOURS 2.0
#define HOURS_MAX   720.0 /* then the past is halved */
#define SEED_CALLS  UINT64_C(0x63616c6c00000001)

struct caller {
	uint64_t addr;
	int64_t first;	 /* `time`, ns */
	uint32_t last_s; /* `time` */
	uint32_t back_s; /* `known` of the first call back, 0 none */
	uint16_t port;	 /* of ours that it called */
	bool told;	 /* a connection's own record told of a call back */
};

struct callers {
	struct state st;
	float hours, reversed;	  /* active ones; those with a first call back */
	uint32_t hour, hour_back; /* latest of each */
	uint32_t cap, n;	  /* open addressing, cap is a power of two */
	struct caller at[];
};

static struct caller *find(struct callers *c, uint64_t addr)
{
	uint32_t i = (uint32_t)addr & (c->cap - 1);

	for (uint32_t k = 0; k < c->cap; k++, i = (i + 1) & (c->cap - 1))
		if (!c->at[i].addr || c->at[i].addr == addr)
			return &c->at[i];
	return NULL;
}

static int by_latest(const void *a, const void *b)
{
	const struct caller *x = a, *y = b;

	if (x->last_s != y->last_s)
		return x->last_s > y->last_s ? -1 : 1;
	return (x->addr > y->addr) - (x->addr < y->addr);
}

/* Rebuilt with cap places; what is older than the memory is left behind. */
static struct callers *rebuild(struct learn *l, struct callers *c, uint32_t cap, int64_t now)
{
	uint32_t k = 0, now_s = (uint32_t)(now / NS_PER_S);
	struct caller *old = malloc((size_t)MAX(c->n, 1) * sizeof(*old));
	struct callers *bigger;

	if (!old)
		return NULL;
	for (uint32_t i = 0; i < c->cap; i++)
		if (c->at[i].addr && (int64_t)now_s - c->at[i].last_s < REMEMBER_S)
			old[k++] = c->at[i];
	/* Full of the living, as at a busy front door: the latest half stays. */
	qsort(old, k, sizeof(*old), by_latest);
	if (k > cap / 2)
		k = cap / 2;
	bigger = (struct callers *)state_grow(&l->states, &c->st,
					      sizeof(*c) + cap * sizeof(struct caller));
	if (bigger) {
		memset(bigger->at, 0, cap * sizeof(struct caller));
		bigger->cap = cap;
		bigger->n = k;
		for (uint32_t i = 0; i < k; i++)
			*find(bigger, old[i].addr) = old[i];
	}
	free(old);
	return bigger;
}

static struct callers *callers_put(struct learn *l, const struct quantity *q, uint64_t hash,
				   int64_t now)
{
	return (struct callers *)state_put(&l->states, hash_2(hash, q->id + SEED_CALLS),
					   sizeof(struct callers), now);
}

static void came_in(struct learn *l, const struct quantity *q, const struct event *e,
		    uint64_t addr, int64_t port)
{
	const struct entity *en = entity_get(l->entities, event_ent(e, ROLE_PEER));
	struct callers *c = en ? callers_put(l, q, en->hash, e->known) : NULL;
	struct caller *at;

	if (!c || e->time < 0)
		return;
	if (c->n >= c->cap * 3 / 4) {
		c = rebuild(l, c, MIN(MAX(c->cap * 2, CALLERS_MIN), CALLERS_MAX), e->known);
		if (!c)
			return;
	}
	at = find(c, addr);
	if (!at)
		return;
	if (!at->addr) {
		*at = (struct caller){.addr = addr, .first = e->time, .port = (uint16_t)port};
		c->n++;
	}
	at->first = MIN(at->first, e->time);
	at->last_s = MAX(at->last_s, (uint32_t)(e->time / NS_PER_S));
}

/* An hour in which the device calls out at all. */
static void live(struct callers *c, struct group *g, uint32_t hour)
{
	if (c->hour == hour)
		return;
	c->hour = hour;
	c->hours += 1;
	g->tried += 1;
	if ((double)c->hours > HOURS_MAX) {
		c->hours /= 2;
		c->reversed /= 2;
	}
}

/* Chance that an hour of this device brings a first call back. */
static double habit(const struct callers *c, const struct group *g)
{
	double class_rate = (g->reversed + PRIOR_RATE) / (g->tried + 1);

	return MIN(1.0, ((double)c->reversed + PRIOR_HOURS * class_rate) /
				((double)c->hours + PRIOR_HOURS));
}

static void goes_out(struct learn *l, struct quantity *q, const struct observation *o,
		     uint64_t addr, int64_t sport, struct verdict *v)
{
	struct group *g = &q->groups[o->cls];
	const struct entity *en = entity_get(l->entities, o->entity);
	struct callers *c = en ? callers_put(l, q, en->hash, o->now) : NULL;
	struct caller *at = c ? find(c, addr) : NULL;
	bool whole = o->e->type->cls == CLASS_NETWORK_ACTIVITY, fresh;
	uint32_t hour = (uint32_t)(o->now / NS_PER_H), now_s = (uint32_t)(o->now / NS_PER_S);
	double p;

	if (!c)
		return;
	live(c, g, hour);
	if (!at || !at->addr || at->first > o->e->time ||
	    o->e->time / NS_PER_S - at->last_s > REMEMBER_S)
		return;
	/* Packets of an answer, seen as a flow of their own. */
	if (sport == at->port && sport)
		return;
	p = habit(c, g);
	v->raw = -log(p);
	v->tested = !at->back_s;
	if (!at->back_s) {
		at->back_s = now_s;
		if (c->hour_back != hour) {
			c->hour_back = hour;
			c->reversed += 1;
			g->reversed += 1;
		}
	}
	/* The request inside is told first, the connection when it has ended: both are new. */
	fresh = now_s - at->back_s < S_PER_H || (whole && !at->told);
	at->told |= whole;
	v->odd = true;
	v->days = (double)(o->now - state_first(&c->st)) / (double)NS_PER_D;
	verdict_set(v, OUT_NEW, fresh && p <= HABIT);
	verdict_set(v, OUT_CALLED_BEFORE, (double)(o->e->time - at->first) / (double)NS_PER_S);
}

static void see(struct learn *l, struct quantity *q, const struct observation *o,
		struct verdict *v)
{
	const struct event *e = o->e;
	const struct val *si = event_get(e, ATTR_SRC_INTERNAL),
			 *di = event_get(e, ATTR_DST_INTERNAL);
	int64_t port = 0;

	if (di->kind != VAL_BOOL)
		return;
	if (di->i && si->kind == VAL_BOOL && !si->i) {
		(void)val_int(event_get(e, ATTR_DST_PORT), &port);
		came_in(l, q, e, hash_str(event_str(e, ATTR_SRC_IP), 1) | 1, port);
	} else if (!di->i && (si->kind != VAL_BOOL || si->i)) {
		(void)val_int(event_get(e, ATTR_SRC_PORT), &port);
		goes_out(l, q, o, hash_str(event_str(e, ATTR_DST_IP), 1) | 1, port, v);
	}
}

static size_t keys(const struct learn *l, const struct quantity *q, const struct observation *o,
		   uint64_t ret_keys[KEYS_MAX])
{
	const struct val *in = event_get(o->e, ATTR_DST_INTERNAL);
	const struct entity *en =
		entity_get(l->entities, val_true(in) ? event_ent(o->e, ROLE_PEER) : o->entity);

	if (en)
		ret_keys[0] = hash_2(en->hash, q->id + SEED_CALLS);
	return en != NULL;
}

static void explain(struct learn *l, const struct quantity *q, const struct observation *o,
		    struct verdict *v)
{
	const struct entity *en = entity_get(l->entities, o->entity);
	const struct callers *c = en ? (const struct callers *)state_peek(
					       &l->states, hash_2(en->hash, q->id + SEED_CALLS))
				     : NULL;
	struct buf ago;

	buf_init(&ago, 64);
	words_span(&ago, v->f[OUT_CALLED_BEFORE]);
	v->seen = arena_fmt(&l->text, "%.*s, which had called it %.*s before",
			    STR_ARG(o->value), STR_ARG(buf_str(&ago)));
	buf_free(&ago);
	if (c)
		v->usual =
			arena_fmt(&l->text,
				  "it called callers back in %.0f of %.0f active hours",
				  (double)c->reversed - (v->tested ? 1 : 0), (double)c->hours);
}

const struct kind kind_reversal = {.name = "reversal",
				   .needs_value = true,
				   .own_scale = true,
				   .values = true,
				   .version = 1,
				   .see = see,
				   .keys = keys,
				   .explain = explain};
