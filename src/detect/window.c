/* SPDX-License-Identifier: Apache-2.0 */
/* Throttle windows and running counts, both bounded and in event time. */
#include "base/hash.h"
#include "detect/correlate.h"
#include <stdlib.h>

#define WINDOWS_MAX 1000000
#define TALLIES_MAX 20000 /* about 2.5 KB each */

static struct tally *tally_at(uint64_t slot)
{
	return (struct tally *)(uintptr_t)slot;
}

/* Frees what is over by now; when that is too little, everything: a thing is said twice. */
static void make_room(struct map *m, size_t max, bool tallies, int64_t now)
{
	struct map keep;
	struct map_slot slot;
	bool all;

	map_init(&keep);
	for (size_t i = 0; map_next(m, &i, &slot);) {
		int64_t until = tallies ? tally_at(slot.val)->until : (int64_t)slot.val;
		uint64_t *to = until > now ? map_put(&keep, slot.key, NULL) : NULL;

		if (to)
			*to = slot.val;
	}
	all = keep.len > max / 4 * 3;
	for (size_t i = 0; tallies && map_next(m, &i, &slot);)
		if (all || !map_get(&keep, slot.key)) {
			tally_reset(tally_at(slot.val));
			free(tally_at(slot.val));
		}
	if (all)
		map_clear(&keep);
	map_free(m);
	*m = keep;
}

bool window_open(struct detect *dt, uint64_t key, int64_t now, int64_t length_ns)
{
	uint64_t *until;
	bool fresh;

	if (dt->throttle.len >= WINDOWS_MAX)
		make_room(&dt->throttle, WINDOWS_MAX, false, now);
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

void windows_clear(struct detect *dt)
{
	struct map_slot slot;

	for (size_t i = 0; map_next(&dt->tallies, &i, &slot);) {
		tally_reset(tally_at(slot.val));
		free(tally_at(slot.val));
	}
	map_free(&dt->tallies);
	map_free(&dt->throttle);
	corr_clear(dt);
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

static struct tally *tally_get(struct detect *dt, uint64_t key, int64_t now)
{
	uint64_t *slot;
	struct tally *t;

	if (dt->tallies.len >= TALLIES_MAX)
		make_room(&dt->tallies, TALLIES_MAX, true, now);
	slot = map_get(&dt->tallies, key);
	if (slot)
		return tally_at(*slot);
	t = calloc(1, sizeof(*t));
	slot = t ? map_put(&dt->tallies, key, NULL) : NULL;
	if (!slot) {
		free(t);
		return NULL;
	}
	*slot = (uintptr_t)t;
	return t;
}

static bool tally_has(const struct tally *t, uint64_t h)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->hashes[i] == h)
			return true;
	return false;
}

struct tally *tally_add(struct detect *dt, const struct rule *r, uint64_t key,
			const struct event *e)
{
	const struct val *v = event_get(e, r->count.distinct);
	uint64_t h = hash_2(e->seq, e->hash);
	struct tally *t;
	char *id;
	size_t old = 0;

	if (r->count.distinct != ATTR_NONE) {
		if (!val_set(v))
			return NULL;
		/* A list is one value: one message to two is not two messages to one. */
		h = list_hash(v);
	}
	t = tally_get(dt, key, e->known);
	if (!t)
		return NULL;
	while (old < t->n && t->times[old] < e->known - r->count.within_ns)
		old++;
	if (old)
		drop_first(t, old);
	if (r->count.distinct != ATTR_NONE && tally_has(t, h))
		return NULL;
	id = str_dup(e->id);
	if (!id)
		return NULL;
	if (t->n == ALERT_IDS_MAX)
		drop_first(t, 1);
	t->times[t->n] = e->known;
	t->hashes[t->n] = h;
	t->seqs[t->n] = e->seq;
	t->ids[t->n++] = id;
	t->until = e->known + r->count.within_ns;
	return t->n >= r->count.n ? t : NULL;
}
