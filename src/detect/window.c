/* SPDX-License-Identifier: Apache-2.0 */
/* Throttle windows and running counts, both bounded and in event time. */
#include "base/hash.h"
#include "detect/impl.h"
#include <stdlib.h>

#define WINDOWS_MAX 1000000
#define TALLIES_MAX 100000

bool window_open(struct detect *dt, uint64_t key, int64_t now, int64_t length_ns)
{
	uint64_t *until;
	bool fresh;

	/* Over the bound everything is forgotten: at worst something is said once more. */
	if (dt->throttle.len >= WINDOWS_MAX)
		map_clear(&dt->throttle);
	until = map_put(&dt->throttle, key, &fresh);
	if (!until)
		return true;
	if (!fresh && now < (int64_t)*until)
		return false;
	*until = (uint64_t)(now + length_ns);
	return true;
}

void tally_reset(struct tally *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->ids[i]);
	*t = (struct tally){0};
}

void tallies_free(struct detect *dt)
{
	struct map_slot slot;

	for (size_t i = 0; map_next(&dt->tallies, &i, &slot);) {
		struct tally *t = (struct tally *)(uintptr_t)slot.val;

		if (t)
			tally_reset(t);
		free(t);
	}
	map_free(&dt->tallies);
}

void windows_clear(struct detect *dt)
{
	map_clear(&dt->throttle);
	tallies_free(dt);
}

static void drop_first(struct tally *t, size_t k)
{
	for (size_t i = 0; i < k; i++)
		free(t->ids[i]);
	t->n -= k;
	memmove(t->times, t->times + k, t->n * sizeof(*t->times));
	memmove(t->hashes, t->hashes + k, t->n * sizeof(*t->hashes));
	memmove(t->seqs, t->seqs + k, t->n * sizeof(*t->seqs));
	memmove(t->ids, t->ids + k, t->n * sizeof(char *));
}

static void expire(struct tally *t, int64_t before)
{
	size_t k = 0;

	while (k < t->n && t->times[k] < before)
		k++;
	if (k)
		drop_first(t, k);
}

struct tally *tally_add(struct detect *dt, const struct rule *r, uint64_t key,
			const struct event *e)
{
	const struct val *v = event_get(e, r->count.distinct);
	uint64_t *slot, h = e->seq;
	struct tally *t;
	char tmp[40];

	if (dt->tallies.len >= TALLIES_MAX)
		tallies_free(dt);
	slot = map_put(&dt->tallies, key, NULL);
	if (!slot || (!*slot && !(*slot = (uintptr_t)calloc(1, sizeof(*t)))))
		return NULL;
	t = (struct tally *)(uintptr_t)*slot;
	expire(t, e->known - r->count.within_ns);
	if (r->count.distinct != ATTR_NONE) {
		if (!val_set(v))
			return NULL;
		h = hash_istr(val_text(v, tmp), 3);
		for (size_t i = 0; i < t->n; i++)
			if (t->hashes[i] == h)
				return NULL;
	}
	if (t->n == ALERT_IDS_MAX)
		drop_first(t, 1);
	t->times[t->n] = e->known;
	t->hashes[t->n] = h;
	t->seqs[t->n] = e->seq;
	t->ids[t->n] = str_dup(e->id);
	t->n++;
	return t->n >= r->count.n ? t : NULL;
}
