/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain: how many different tactics surprised on one entity within a day. One novelty is a
 * note; several that follow an attacker's order of work are the alert.
 */
#include "base/hash.h"
#include "learn/core.h"

#define TACTICS 12
#define SPAN	NS_PER_D
#define BONUS	1.5 /* nats for each tactic beyond the first */

struct chained {
	struct state st;
	struct {
		char name[24];
		float most;
		int64_t at;
	} t[TACTICS];
	bool changed;
};

static uint64_t key_of(const struct entity *en)
{
	return hash_2(en->hash, UINT64_C(0x636861696e));
}

void chain_note(struct learn *l, uint32_t entity, struct str tactic, double s, int64_t now)
{
	const struct entity *en = entity_get(l->entities, entity);
	struct chained *c;
	size_t i, oldest = 0;
	char name[24] = "";

	if (!en || !tactic.len)
		return;
	c = (struct chained *)state_put(&l->states, key_of(en), sizeof(*c), now);
	if (!c)
		return;
	memcpy(name, tactic.p, MIN(tactic.len, sizeof(name) - 1));
	for (i = 0; i < TACTICS; i++) {
		if (!c->t[i].name[0] || !strcmp(c->t[i].name, name))
			break;
		if (c->t[i].at < c->t[oldest].at)
			oldest = i;
	}
	if (i == TACTICS)
		i = oldest;
	if (strcmp(c->t[i].name, name) != 0 || now - c->t[i].at > SPAN) {
		memcpy(c->t[i].name, name, sizeof(name));
		c->t[i].most = 0;
		c->changed = true;
	}
	c->t[i].at = MAX(c->t[i].at, now);
	c->t[i].most = MAX(c->t[i].most, (float)s);
}

static void see(struct learn *l, struct quantity *q, const struct observation *o,
		struct verdict *v)
{
	const struct entity *en = entity_get(l->entities, o->entity);
	struct chained *c = en ? (struct chained *)state_peek(&l->states, key_of(en)) : NULL;
	struct str list = STR("");
	double most = 0;
	int n = 0;

	if (!c)
		return;
	for (size_t i = 0; i < TACTICS && c->t[i].name[0]; i++) {
		if (o->now - c->t[i].at > SPAN)
			continue;
		n++;
		most = MAX(most, (double)c->t[i].most);
		list = arena_fmt(&l->text, "%.*s%s%s", STR_ARG(list), n > 1 ? ", " : "",
				 c->t[i].name);
	}
	if (!n)
		return;
	v->raw = most + BONUS * (n - 1);
	v->tested = c->changed;
	v->odd = n > 1;
	v->seen = list;
	v->usual = STR("no such combination");
	v->days = (double)(o->now - en->first_seen) / (double)NS_PER_D;
	c->changed = false;
	verdict_set(v, OUT_TACTICS, n);
	(void)q;
}

const struct kind kind_chain = {.name = "chain", .see = see};
