/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edge: the first time that two entities meet, judged from both ends:
 * p = 2 min(p of this target for the source, p of this source for the target).
 */
#include "base/hash.h"
#include "learn/core.h"

static void see(struct learn *l, struct quantity *q, const struct observation *o,
		struct verdict *v)
{
	struct rarity there, back;
	uint64_t back_who = hash_2(o->what, q->id + UINT64_C(0x6261636b0000));

	rarity_see(l, q, o->who, o->what, o->value, o->cls, o->now, &there);
	if (!there.st)
		return;
	rarity_see(l, q, back_who, hash_2(o->who, 1), STR(""), o->cls, o->now, &back);
	v->raw = MAX(0, MAX(there.raw, back.raw) - 0.6931);
	v->tested = there.tested;
	v->odd = there.first_hour;
	v->days = there.days;
	v->peers_same = there.peers;
	v->peers = popular_peers(q, o->cls);
	if (!there.first_hour)
		v->raw = 0;
	verdict_set(v, OUT_NEW, there.first_hour);
	verdict_set(v, OUT_NEW_PEERS, there.first_hour && there.peers <= 1);
	verdict_set(v, OUT_NEW_ORG, there.first_hour && there.ents <= 1);
	verdict_set(v, OUT_TIMES_SEEN, MAX(0, there.count));
	verdict_set(v, OUT_ENTITIES, there.ents);
	if (v->odd) {
		/* The second look may have moved the first state: ask for it again. */
		struct state *st = state_peek(&l->states, o->who);

		v->usual = st ? rarity_usual(l, q, st) : STR("");
		v->seen = o->value;
	}
}

const struct kind kind_edge = {.name = "edge", .needs_value = true, .see = see};
