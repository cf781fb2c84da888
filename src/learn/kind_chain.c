/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain: how many different tactics surprised on one entity, and on those it is linked to,
 * within a day. One novelty is a note; several that follow an attacker's order of work are the
 * alert. It speaks on events that brought new evidence themselves, so what is cited is the
 * deed. With `channel: slow` it is the chain of somebody who does one step a day: risk that
 * adds up over days, with a door of its own, never added to the fast one.
 */
#include "learn/chain.h"
#include "learn/links.h"

static void see(struct learn *l, struct quantity *q, const struct observation *o,
		struct verdict *v)
{
	const struct entity *en = entity_get(l->entities, o->entity);
	struct chained *c;
	struct chain_sum s;
	bool *changed;

	if (q->links)
		links_event(l, q->links, o->e);
	chain_rest(l, q, o->now);
	c = en ? chain_find(l, en) : NULL;
	if (!c)
		return;
	changed = q->slow ? &c->slow_changed : &c->changed;
	if (!*changed)
		return;
	*changed = false;
	chain_add_up(c, q->slow, o->now, &s);
	if (!s.tactics)
		return;
	v->raw = s.raw;
	v->tested = true;
	v->odd = s.tactics > 1;
	v->days = (double)(o->now - en->first_seen) / (double)NS_PER_D;
	verdict_set(v, OUT_TACTICS, s.tactics);
}

static void explain(struct learn *l, const struct quantity *q, const struct observation *o,
		    struct verdict *v)
{
	const struct entity *en = entity_get(l->entities, o->entity);
	const struct chained *c = en ? chain_find(l, en) : NULL;
	struct chain_sum s;

	if (!c)
		return;
	chain_add_up(c, q->slow, o->now, &s);
	v->seen = chain_list(l, c, &s);
	v->usual = STR("no such combination");
}

static size_t keys(const struct learn *l, const struct quantity *q, const struct observation *o,
		   uint64_t ret_keys[KEYS_MAX])
{
	const struct entity *en = entity_get(l->entities, o->entity);

	(void)q;
	if (en)
		ret_keys[0] = chain_key(en);
	return en != NULL;
}

const struct kind kind_chain = {
	.name = "chain", .last = true, .see = see, .explain = explain, .keys = keys};
