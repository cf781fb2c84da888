/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reversal: one of ours calls an outside address that had called it before. Servers answer
 * their callers, they do not call them back; when one does, the call that came in may have
 * brought orders. Kept per internal end: who called in, when first, and on which port.
 */
#include "base/hash.h"
#include "learn/group.h"
#include <math.h>

#define CALLERS_MIN 8
#define CALLERS_MAX 4096
#define REMEMBER    (7 * NS_PER_D)

struct caller {
	uint64_t addr;
	int64_t first, last; /* `time` */
	int64_t back;	     /* known of the first call back, 0 none */
	uint16_t port;	     /* of ours that it called */
};

struct callers {
	struct state st;
	float tried, reversed; /* outbound calls; calls back */
	uint32_t cap, n;       /* open addressing, cap is a power of two */
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

/* Rebuilt with cap places; what is older than the memory is left behind. */
static struct callers *rebuild(struct learn *l, struct callers *c, uint32_t cap, int64_t now)
{
	uint32_t n = c->n, k = 0;
	struct caller *old = malloc((size_t)MAX(n, 1) * sizeof(*old));
	struct callers *bigger;

	if (!old)
		return NULL;
	for (uint32_t i = 0; i < c->cap; i++)
		if (c->at[i].addr && now - c->at[i].last < REMEMBER)
			old[k++] = c->at[i];
	/* Full of the living: the map of a busy front door starts anew with the latest half. */
	bigger = (struct callers *)state_grow(&l->states, &c->st,
					      sizeof(*c) + cap * sizeof(struct caller));
	if (bigger) {
		uint32_t from = k > cap * 3 / 4 ? k / 2 : 0;

		memset(bigger->at, 0, cap * sizeof(struct caller));
		bigger->cap = cap;
		bigger->n = k - from;
		for (uint32_t i = from; i < k; i++)
			*find(bigger, old[i].addr) = old[i];
	}
	free(old);
	return bigger;
}

static struct callers *callers_put(struct learn *l, const struct quantity *q, uint64_t hash,
				   int64_t now)
{
	struct callers *c = (struct callers *)state_put(
		&l->states, hash_2(hash, q->id + UINT64_C(0x63616c6c0000)),
		sizeof(*c) + CALLERS_MIN * sizeof(struct caller), now);

	if (c && !c->cap)
		c->cap = CALLERS_MIN;
	return c;
}

static void came_in(struct learn *l, const struct quantity *q, const struct event *e,
		    uint64_t addr, int64_t port)
{
	const struct entity *en = entity_get(l->entities, event_ent(e, ROLE_PEER));
	struct callers *c = en ? callers_put(l, q, en->hash, e->known) : NULL;
	struct caller *at;

	if (!c)
		return;
	if (c->n >= c->cap * 3 / 4) {
		c = rebuild(l, c, MIN(c->cap * 2, CALLERS_MAX), e->known);
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
	at->last = MAX(at->last, e->time);
}

static void goes_out(struct learn *l, struct quantity *q, const struct observation *o,
		     uint64_t addr, int64_t sport, struct verdict *v)
{
	struct group *g = &q->groups[o->cls];
	const struct entity *en = entity_get(l->entities, o->entity);
	struct callers *c = en ? callers_put(l, q, en->hash, o->now) : NULL;
	struct caller *at = c ? find(c, addr) : NULL;
	double share;

	if (!c)
		return;
	c->tried += 1;
	g->tried += 1;
	if (!at || !at->addr || at->first > o->e->time || o->e->time - at->last > REMEMBER)
		return;
	/* Packets of an answer, seen as a flow of their own. */
	if (sport == at->port && sport)
		return;
	share = (g->reversed + 0.5) / (g->tried + 1);
	v->raw = -log(MIN(1.0, ((double)c->reversed + 2 * share) / ((double)c->tried + 2)));
	v->tested = !at->back;
	if (!at->back) {
		at->back = o->now;
		c->reversed += 1;
		g->reversed += 1;
	}
	v->odd = true;
	v->days = (double)(o->now - state_first(&c->st)) / (double)NS_PER_D;
	verdict_set(v, OUT_NEW, o->now - at->back < NS_PER_H);
	verdict_set(v, OUT_CALLED_BEFORE, (double)(o->e->time - at->first) / (double)NS_PER_S);
	v->seen = arena_fmt(&l->text, "%.*s, which had called it %.0f s before",
			    STR_ARG(o->value),
			    (double)(o->e->time - at->first) / (double)NS_PER_S);
	v->usual = arena_fmt(&l->text, "%.0f of %.0f outbound calls went back to a caller",
			     (double)c->reversed - (v->tested ? 1 : 0), (double)c->tried);
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

const struct kind kind_reversal = {
	.name = "reversal", .needs_value = true, .own_scale = true, .see = see};
