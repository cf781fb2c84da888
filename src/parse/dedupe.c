/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/dedupe.h"
#include "base/hash.h"
#include <errno.h>
#include <stdlib.h>

#define SLOTS_FIRST ((size_t)64)
#define SLOTS_MAX   ((size_t)1 << 21)

int dedupe_init(struct dedupe *d)
{
	*d = (struct dedupe){.mask = SLOTS_FIRST - 1};
	d->slot = calloc(SLOTS_FIRST, sizeof(*d->slot));
	return d->slot ? 0 : -ENOMEM;
}

/* The slot that holds key, or the free one where it belongs. */
static size_t place(const uint64_t *t, size_t mask, uint64_t key)
{
	size_t i = key & mask;

	while (t[i] && t[i] != key)
		i = (i + 1) & mask;
	return i;
}

/* Forgets everything. A table that a crowded moment left large is made small again. */
static void forget(struct dedupe *d)
{
	if (!d->n)
		return;
	d->mask = SLOTS_FIRST - 1;
	memset(d->slot, 0, SLOTS_FIRST * sizeof(*d->slot));
	d->n = 0;
}

/* More room; what finds none is forgotten, so that memory stays bounded. */
static void grow(struct dedupe *d)
{
	size_t cap = (d->mask + 1) * 2;
	uint64_t *t = cap <= SLOTS_MAX ? calloc(cap, sizeof(*t)) : NULL;

	if (!t) {
		forget(d);
		return;
	}
	for (size_t i = 0; i <= d->mask; i++)
		if (d->slot[i])
			t[place(t, cap - 1, d->slot[i])] = d->slot[i];
	free(d->slot);
	d->slot = t;
	d->mask = cap - 1;
}

bool dedupe_seen(struct dedupe *d, const struct event *e)
{
	uint64_t key = hash_2(e->hash, hash_str(e->id, e->type->id));
	size_t i;

	key += key == 0;
	if (e->known != d->known) {
		forget(d);
		d->known = e->known;
	}
	i = place(d->slot, d->mask, key);
	if (d->slot[i])
		return true;
	if (d->n * 2 > d->mask) {
		grow(d);
		i = place(d->slot, d->mask, key);
	}
	d->slot[i] = key;
	d->n++;
	return false;
}

void dedupe_free(struct dedupe *d)
{
	free(d->slot);
	*d = (struct dedupe){0};
}
