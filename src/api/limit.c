/* SPDX-License-Identifier: Apache-2.0 */
#include "api/limit.h"
#include <string.h>

void limit_init(struct limiter *l)
{
	memset(l->b, 0, sizeof(l->b));
	pthread_mutex_init(&l->lock, NULL);
}

void limit_free(struct limiter *l)
{
	pthread_mutex_destroy(&l->lock);
}

/* The key's bucket; a free or the fullest one of its set becomes it when `make`. */
static struct limit_bucket *bucket(struct limiter *l, uint64_t key, bool make)
{
	struct limit_bucket *set = l->b[key % LIMIT_SETS], *best = set;

	for (size_t i = 0; i < LIMIT_WAYS; i++)
		if (set[i].key == key)
			return &set[i];
	if (!make)
		return NULL;
	for (size_t i = 1; i < LIMIT_WAYS; i++)
		if (set[i].full < best->full)
			best = &set[i];
	*best = (struct limit_bucket){.key = key};
	return best;
}

int64_t limit_take(struct limiter *l, uint64_t key, unsigned size, int64_t refill, int64_t now)
{
	struct limit_bucket *b;
	int64_t full, wait;

	pthread_mutex_lock(&l->lock);
	b = bucket(l, key, true);
	full = MAX(b->full, now) + refill;
	wait = full - now - (int64_t)size * refill;
	if (wait <= 0)
		b->full = full;
	pthread_mutex_unlock(&l->lock);
	return MAX(wait, 0);
}

void limit_give(struct limiter *l, uint64_t key, int64_t refill)
{
	struct limit_bucket *b;

	pthread_mutex_lock(&l->lock);
	b = bucket(l, key, false);
	if (b)
		b->full -= refill;
	pthread_mutex_unlock(&l->lock);
}
