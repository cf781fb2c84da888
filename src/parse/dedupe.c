/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/dedupe.h"
#include "base/hash.h"
#include <errno.h>
#include <stdlib.h>

#define GENERATION ((size_t)1 << 20)
#define SLOTS	   (GENERATION * 2)

int dedupe_init(struct dedupe *d)
{
	*d = (struct dedupe){0};
	d->now = calloc(SLOTS, sizeof(*d->now));
	d->past = calloc(SLOTS, sizeof(*d->past));
	if (d->now && d->past)
		return 0;
	dedupe_free(d);
	return -ENOMEM;
}

/* The slot that holds key, or the free one where it belongs. */
static size_t slot(const uint64_t *t, uint64_t key)
{
	size_t i = key & (SLOTS - 1);

	while (t[i] && t[i] != key)
		i = (i + 1) & (SLOTS - 1);
	return i;
}

bool dedupe_seen(struct dedupe *d, const struct event *e)
{
	uint64_t key = hash_2(hash_2(e->hash, hash_str(e->id, e->type->id)),
			      hash_str(str_of(e->type->source), 0));
	size_t i;

	key += key == 0;
	i = slot(d->now, key);
	if (d->now[i])
		return true;
	if (d->n == GENERATION) {
		uint64_t *t = d->past;

		d->past = d->now;
		d->now = memset(t, 0, SLOTS * sizeof(*t));
		d->n = 0;
		i = slot(t, key);
	}
	d->now[i] = key;
	d->n++;
	return d->past[slot(d->past, key)] != 0;
}

void dedupe_free(struct dedupe *d)
{
	free(d->now);
	free(d->past);
	*d = (struct dedupe){0};
}
