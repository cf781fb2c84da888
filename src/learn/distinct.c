/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/distinct.h"
#include <math.h>
#include <string.h>

#define ALPHA 0.697 /* of 32 registers (Flajolet et al. 2007) */

/* A fingerprint holds what a register needs: 5 bits of index, the rest for the rank. */
static bool dense_add(struct distinct *d, uint64_t hash)
{
	uint8_t *reg = &d->u.reg[hash & (DISTINCT_REGISTERS - 1)];
	uint8_t rank = (uint8_t)(1 + __builtin_ctzll(hash >> 5 | UINT64_C(1) << 40));

	if (rank <= *reg)
		return false;
	*reg = rank;
	return true;
}

static void make_dense(struct distinct *d)
{
	uint16_t print[DISTINCT_EXACT];
	uint8_t n = d->n;

	memcpy(print, d->u.print, sizeof(print));
	memset(d, 0, sizeof(*d));
	d->dense = true;
	/* Of a fingerprint whose eleven bits are all 0 the rank is at least twelve. */
	for (uint8_t i = 0; i < n; i++)
		(void)dense_add(d, print[i] | UINT64_C(1) << 16);
}

bool distinct_add(struct distinct *d, uint64_t hash)
{
	uint16_t print = (uint16_t)hash;

	if (d->dense)
		return dense_add(d, hash);
	for (uint8_t i = 0; i < d->n; i++)
		if (d->u.print[i] == print)
			return false;
	if (d->n == DISTINCT_EXACT) {
		make_dense(d);
		(void)dense_add(d, hash);
		return true;
	}
	d->u.print[d->n++] = print;
	return true;
}

double distinct_count(const struct distinct *d)
{
	double sum = 0, e;
	int zeros = 0;

	if (!d->dense)
		return d->n;
	for (int i = 0; i < DISTINCT_REGISTERS; i++) {
		sum += ldexp(1, -d->u.reg[i]);
		zeros += d->u.reg[i] == 0;
	}
	e = ALPHA * DISTINCT_REGISTERS * DISTINCT_REGISTERS / sum;
	if (e <= 2.5 * DISTINCT_REGISTERS && zeros)
		e = DISTINCT_REGISTERS * log((double)DISTINCT_REGISTERS / zeros);
	return MAX(e, DISTINCT_EXACT + 1);
}

double distinct_union(const struct distinct *a, const struct distinct *b)
{
	struct distinct both = *a, other = *b;

	if (!both.dense && !other.dense) {
		int n = a->n;

		for (uint8_t i = 0; i < b->n; i++) {
			bool there = false;

			for (uint8_t k = 0; k < a->n && !there; k++)
				there = a->u.print[k] == b->u.print[i];
			n += !there;
		}
		return n;
	}
	if (!both.dense)
		make_dense(&both);
	if (!other.dense)
		make_dense(&other);
	for (int i = 0; i < DISTINCT_REGISTERS; i++)
		both.u.reg[i] = MAX(both.u.reg[i], other.u.reg[i]);
	return distinct_count(&both);
}
