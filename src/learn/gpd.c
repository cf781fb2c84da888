/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/gpd.h"
#include "base/macros.h"
#include <math.h>

#define XI_ZERO 1e-4 /* nearer to 0 the tail is exponential */

struct gpd gpd_fit(double a0, double a1)
{
	double d = a0 - 2 * a1, xi;

	if (!(a0 > 0) || !(a1 > 0))
		return (struct gpd){0, 0};
	/* d <= 0 cannot come from a tail: all excesses are alike, or rounding ate it. */
	xi = d > 1e-9 * a0 ? 2 - a0 / d : GPD_XI_MIN;
	xi = MAX(GPD_XI_MIN, MIN(xi, GPD_XI_MAX));
	/* The mean of a GPD is sigma / (1 - xi): kept whatever the clamp did. */
	return (struct gpd){(float)xi, (float)(a0 * (1 - xi))};
}

double gpd_nats(const struct gpd *g, double x)
{
	double xi = (double)g->xi, y;

	if (!(g->sigma > 0))
		return 0;
	y = x / (double)g->sigma;
	if (fabs(xi) < XI_ZERO)
		return y;
	if (1 + xi * y <= 0)
		return INFINITY;
	return log1p(xi * y) / xi;
}

double gpd_quantile(const struct gpd *g, double p)
{
	double xi = (double)g->xi;

	if (!(g->sigma > 0))
		return 0;
	if (fabs(xi) < XI_ZERO)
		return -(double)g->sigma * log(p);
	return (double)g->sigma * (pow(p, -xi) - 1) / xi;
}
