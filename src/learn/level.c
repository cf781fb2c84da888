/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/core.h"
#include <math.h>

/* An entity speaks for itself once it has lived through this many windows. */
#define OWN_WEIGHT 5.0F
#define N_MAX	   200.0F
#define SD_MIN	   0.4

double level_surprise(const struct level *own, const struct level *group, double x)
{
	double w = (double)(own->n / (own->n + OWN_WEIGHT));
	double gn = (double)group->n;
	double gsd = gn >= 2 ? sqrt((double)group->m2 / gn) : 1.5;
	double osd = own->n >= 2 ? sqrt((double)(own->m2 / own->n)) : gsd;
	double mean = w * (double)own->mean + (1 - w) * (double)group->mean;
	double sd = MAX(SD_MIN, w * osd + (1 - w) * gsd);
	double z = (log1p(x) - mean) / sd;
	double df = 3 + (double)own->n;

	if (z <= 0 || gn + (double)own->n < 1)
		return z > 0 ? 0.7 : 0;
	/* Upper tail of Student's t: near the normal for long histories, heavy for short ones.
	 */
	return (df + 1) / 2 * log1p(z * z / df) + 0.69;
}

void level_add(struct level *lv, double x)
{
	float y = (float)log1p(MAX(x, 0)), d;

	lv->n = MIN(lv->n + 1, N_MAX);
	d = y - lv->mean;
	lv->mean += d / lv->n;
	lv->m2 += d * (y - lv->mean);
	if (lv->n >= N_MAX)
		lv->m2 *= 1 - 1 / N_MAX;
}
