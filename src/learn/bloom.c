/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Bloom filter whose pairs lie in one cache line each (Putze, Sanders, Singler 2007), in two
 * generations, so that it neither fills up nor forgets at once.
 */
#include "base/hash.h"
#include "learn/core.h"
#include "learn/pages.h"

#define PROBES	      5
#define BITS_PER_PAIR 12 /* about 1 % of strangers are taken for known then */

void bloom_free(struct bloom *b)
{
	pages_give(b->young, b->lines * 64);
	pages_give(b->old, b->lines * 64);
	*b = (struct bloom){.lines = b->lines};
}

bool bloom_make(struct bloom *b)
{
	b->young = pages_take(b->lines * 64);
	b->old = pages_take(b->lines * 64);
	if (b->young && b->old)
		return true;
	bloom_free(b);
	return false;
}

static void turn(struct bloom *b)
{
	uint64_t *t = b->old;

	memset(t, 0, b->lines * 64);
	b->old = b->young;
	b->young = t;
	b->n = 0;
}

void bloom_prefetch(const struct bloom *b, uint64_t pair)
{
	if (b->young)
		__builtin_prefetch(&b->young[(hash_mix(pair) >> 32) * b->lines >> 32 << 3], 1);
}

/* Whether all of the pair's bits are set in its line; sets them when asked. */
static bool line_has(uint64_t *line, uint64_t bits, bool set)
{
	bool has = true;

	for (int i = 0; i < PROBES; i++, bits >>= 9) {
		uint64_t bit = UINT64_C(1) << (bits & 63);

		has &= (line[bits >> 6 & 7] & bit) != 0;
		if (set)
			line[bits >> 6 & 7] |= bit;
	}
	return has;
}

bool bloom_test_set(struct learn *l, uint64_t pair, bool set)
{
	struct bloom *b = &l->bloom;
	uint64_t h = hash_mix(pair), bits = hash_mix(h);
	size_t at = (h >> 32) * b->lines >> 32 << 3;
	bool old;

	if (!b->young && !bloom_make(b))
		return false;
	if (line_has(&b->young[at], bits, set))
		return true;
	old = line_has(&b->old[at], bits, false);
	if (set && ++b->n > b->lines * 512 / BITS_PER_PAIR)
		turn(b);
	return old;
}
