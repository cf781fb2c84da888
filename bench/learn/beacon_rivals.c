/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/learn/beacon_rivals.h"
#include "base/macros.h"
#include "bench/learn/arrivals.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_MAX	     256
#define DELTA_S	     0.02
#define HOURS	     24
#define HOURS_LEAST  6	/* of duration score */
#define BOWLEY_LEAST 10 /* s; below so wide a middle half, skewness says nothing */
#define STROBE	     86400

/* Gaps as the product sees them: closer than 20 ms is one call. */
static int gaps(const double *t, int n, double *ret_y)
{
	double last = t[0];
	int k = 0;

	for (int i = 1; i < n && k < N_MAX; i++)
		if (t[i] - last > DELTA_S) {
			ret_y[k++] = t[i] - last;
			last = t[i];
		}
	return k;
}

double rival_cv(const double *t, int n)
{
	double y[N_MAX], mean = 0, m2 = 0;
	int k = gaps(t, n, y);

	for (int i = 0; i < k; i++)
		mean += y[i] / k;
	for (int i = 0; i < k; i++)
		m2 += (y[i] - mean) * (y[i] - mean) / k;
	return k > 1 ? -sqrt(m2) / mean : -100;
}

double rival_moran(const double *t, int n)
{
	double y[N_MAX], mean = 0, mean_ln = 0;
	int k = gaps(t, n, y);

	for (int i = 0; i < k; i++) {
		mean += y[i] / k;
		mean_ln += log(y[i]) / k;
	}
	return k > 1 ? mean_ln - log(mean) : -100;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const double *y, int n, double q)
{
	double at = q * (n - 1);
	int i = (int)at;

	return i + 1 < n ? y[i] + (at - i) * (y[i + 1] - y[i]) : y[n - 1];
}

double rival_rita(const double *t, int n)
{
	double y[N_MAX], q1, q2, q3, skew = 0, mad;
	int k = 0;

	for (int i = 1; i < n && k < N_MAX; i++)
		if (floor(t[i]) > floor(t[i - 1]))
			y[k++] = floor(t[i]) - floor(t[i - 1]);
	if (k < 3)
		return 0;
	qsort(y, (size_t)k, sizeof(y[0]), ascending);
	q1 = quantile(y, k, 0.25);
	q2 = quantile(y, k, 0.5);
	q3 = quantile(y, k, 0.75);
	if (q3 - q1 >= BOWLEY_LEAST && q2 != q1 && q2 != q3)
		skew = (q1 + q3 - 2 * q2) / (q3 - q1);
	for (int i = 0; i < k; i++)
		y[i] = fabs(y[i] - q2);
	qsort(y, (size_t)k, sizeof(y[0]), ascending);
	mad = quantile(y, k, 0.5);
	return ((1 - fabs(skew)) + MAX(0, 1 - mad / q2)) / 2;
}

double rival_rita_whole(const double *t, int n)
{
	double hour[HOURS] = {0}, mean = 0, m2 = 0, even, lasts, span = t[n - 1] - t[0];
	int used = 0;

	for (int i = 0; i < n; i++)
		hour[(int)fmod((t[i] - t[0]) / 3600, HOURS)]++;
	for (int i = 0; i < HOURS; i++) {
		mean += hour[i] / HOURS;
		used += hour[i] > 0;
	}
	for (int i = 0; i < HOURS; i++)
		m2 += (hour[i] - mean) * (hour[i] - mean) / HOURS;
	even = used >= HOURS_LEAST ? MAX(0, 1 - sqrt(m2) / mean) : 0;
	lasts = used >= HOURS_LEAST ? MIN(1, span / STROBE) : 0;
	return (rival_rita(t, n) + 1 + even + lasts) / 4;
}
