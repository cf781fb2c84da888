/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/tenure.h"
#include "base/macros.h"

#define PRIOR 4.0 /* observations that the organisation is worth in a group's share */

unsigned tenure_bucket(uint32_t hours)
{
	static const uint32_t below[TENURES - 1] = {2, 8, 24, 80, 250};
	unsigned b = 0;

	while (b < TENURES - 1 && hours >= below[b])
		b++;
	return b;
}

void tenure_add(struct tenure *t, unsigned bucket, bool fresh, bool settled, bool rare)
{
	/* A float counts to 2^24: from there on both halve, the share stays. */
	if (t->tests[bucket] >= 16e6F) {
		t->tests[bucket] /= 2;
		t->fresh[bucket] /= 2;
		t->rare[bucket] /= 2;
		t->news[bucket] /= 2;
	}
	t->tests[bucket] += 1;
	t->fresh[bucket] += fresh ? 1.0F : 0.0F;
	t->news[bucket] += fresh && settled ? 1.0F : 0.0F;
	t->rare[bucket] += fresh && settled && rare ? 1.0F : 0.0F;
}

double tenure_novelty(const struct tenure *group, const struct tenure *org, unsigned bucket)
{
	double m = ((double)org->fresh[bucket] + 1) / ((double)org->tests[bucket] + 1);

	return ((double)group->fresh[bucket] + PRIOR * m) /
	       ((double)group->tests[bucket] + PRIOR);
}

double tenure_lift(const struct tenure *group, const struct tenure *org, unsigned bucket)
{
	double m = ((double)org->rare[bucket] + PRIOR * TENURE_RARE) /
		   ((double)org->news[bucket] + PRIOR);

	m = ((double)group->rare[bucket] + PRIOR * m) / ((double)group->news[bucket] + PRIOR);
	return MAX(1.0, m / TENURE_RARE);
}
