/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edge: the first time that two entities meet, judged from both ends:
 * p = 2 min(p of this target for the source, p of this source for the target).
 */
#include "base/hash.h"
#include "learn/core.h"

#define SEED_BACK UINT64_C(0x6261636b0000)

static size_t keys(const struct learn *l, const struct quantity *q, const struct observation *o,
		   uint64_t ret_keys[KEYS_MAX])
{
	(void)l;
	ret_keys[0] = hash_join(o->what, q->tail);
	ret_keys[1] = hash_2(o->what, q->id + SEED_BACK);
	ret_keys[2] = hash_join(hash_2(o->who, 1), q->tail);
	return 3;
}

static void see(struct learn *l, struct quantity *q, const struct observation *o,
		struct verdict *v)
{
	struct rarity there, back;
	struct observation other = {.entity = ENT_NONE,
				    .who = hash_2(o->what, q->id + SEED_BACK),
				    .what = hash_2(o->who, 1),
				    .cls = o->cls,
				    .now = o->now};

	rarity_see(l, q, o, &there);
	if (!there.st)
		return;
	rarity_see(l, q, &other, &back);
	/* That a newcomer is new to everybody says nothing of it. */
	v->raw = there.young ? there.raw : MAX(0, MAX(there.raw, back.raw) - 0.6931);
	if (!there.first_hour)
		v->raw = 0;
	rarity_peers(l, q, o, &there);
	rarity_verdict(&there, v);
}

const struct kind kind_edge = {.name = "edge",
			       .needs_value = true,
			       .takes_late = true,
			       .values = true,
			       .habits = true,
			       .version = 1,
			       .see = see,
			       .keys = keys,
			       .explain = rarity_explain};
