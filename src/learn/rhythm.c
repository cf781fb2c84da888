/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/rhythm.h"
#include "base/macros.h"
#include <math.h>

#define LN_SQRT_2PI 0.91893853320467274
#define TINY	    1e-300
#define INLIERS_MAX 60.0F
#define OUTLIER	    0.06
#define RESTART	    2.5
#define TICK_WEIGHT 0.6

static const double shape[RHYTHM_GAMMA] = {4, 12};
static const double sigma0[RHYTHM_NORMAL] = {0.012, 0.04, 0.11, 0.21};
static const double weight_gamma = 0.20, weight_normal = 0.15;
/* A tick, a missed one, two missed; and, early on, half a tick. */
static const double multiple[4] = {1, 2, 3, 0.5};
static const double share[4] = {0.90, 0.08, 0.02, 0.0};
static const double share_early[4] = {0.83, 0.08, 0.02, 0.07};

static double log_gamma(double x)
{
	int sign;

	return lgamma_r(x, &sign);
}

/* The rate-free null: right-Haar predictive of an exponential gap. */
static double log_single(double n, double sum, double y)
{
	return log(n) + n * log(sum) - (n + 1) * log(sum + y);
}

static double log_erlang(double k, double n, double sum, double y)
{
	return log_gamma(k * (n + 1)) - log_gamma(k) - log_gamma(k * n) + (k - 1) * log(y) +
	       k * n * log(sum) - k * (n + 1) * log(sum + y);
}

/* The bursty null: a mixture of exponentials over twelve scales, weights learned. */
static double mixture(struct rhythm *r, double y)
{
	double part[RHYTHM_NULLS], f = 0, total = 0, rate = 1 / 0.02;

	for (int b = 0; b < RHYTHM_NULLS; b++, rate /= 4) {
		part[b] = ((double)r->w[b] + 0.15) * rate * exp(-rate * y);
		f += part[b];
		total += (double)r->w[b];
	}
	for (int b = 0; b < RHYTHM_NULLS && f > 0; b++)
		r->w[b] += (float)(part[b] / f);
	return MAX(f / (total + 1.8), TINY);
}

static double phi(double z)
{
	return exp(-z * z / 2 - LN_SQRT_2PI);
}

/* Density of a gap y over the shares of the period, *ret_best the likeliest multiple. */
static double tick_density(double y, double mu, double sigma, const double *pi, int *ret_best)
{
	double f = 0, best = -1;

	for (int m = 0; m < 4; m++) {
		double p = pi[m] * phi((log(y / multiple[m]) - mu) / sigma) / (sigma * y);

		f += p;
		if (p > best) {
			best = p;
			*ret_best = m;
		}
	}
	return f;
}

/* Probability that the next tick comes later than e after the last one. */
static double tick_survives(double e, double mu, double sigma, const double *pi)
{
	double s = 0;

	for (int m = 0; m < 4; m++)
		s += pi[m] * erfc((log(e / multiple[m]) - mu) / (sigma * M_SQRT2)) / 2;
	return s;
}

/* One log-normal expert: likelihood of y, and what it learns from it. */
static void normal_step(struct rhythm *r, int i, double y, double outlier)
{
	double mu = (double)r->normal[i].mu, g = (double)r->normal[i].g;
	double width = MAX(sigma0[i], r->sharp / MAX(exp(mu), 1e-3));
	double sigma = width * sqrt(1 + 1 / g);
	const double *pi = r->n <= 2 ? share_early : share;
	double elapsed = (double)r->normal[i].elapsed, gap = y, in, ticked = 0;
	int m = 0, mt = 0;

	in = tick_density(y, mu, sigma, pi, &m);
	if (elapsed > 0) {
		double left = tick_survives(elapsed, mu, sigma, pi);

		if (left > 1e-3) {
			ticked = tick_density(elapsed + y, mu, sigma, pi, &mt) / left;
			in = TICK_WEIGHT * ticked + (1 - TICK_WEIGHT) * in;
		}
	}
	r->normal[i].like += log(OUTLIER * outlier + (1 - OUTLIER) * in);
	if ((1 - OUTLIER) * in <= OUTLIER * outlier) {
		elapsed += y;
		r->normal[i].elapsed = elapsed < 3.5 * exp(mu) ? (float)elapsed : 0;
		return;
	}
	if (TICK_WEIGHT * ticked > in / 2) {
		gap = elapsed + y;
		m = mt;
	}
	r->normal[i].elapsed = 0;
	if (multiple[m] < 1) {
		r->normal[i].mu = (float)log(gap);
		r->normal[i].g = 1;
		return;
	}
	g = MIN(g + 1, (double)INLIERS_MAX);
	r->normal[i].mu += (float)((log(gap / multiple[m]) - mu) / g);
	r->normal[i].g = (float)g;
}

/* A new start, with y as the gap that sets the scale. */
static void begin(struct rhythm *r, double y, double start)
{
	r->starts++;
	r->base = -log((double)r->starts * (r->starts + 1.0));
	/* The very first start carries half of the weight: the sum over all starts is one. */
	r->log_e = r->base;
	r->start = start;
	r->n = 1;
	r->sum = y;
	r->null1 = r->null2 = 0;
	for (int i = 0; i < RHYTHM_GAMMA; i++)
		r->gamma[i] = log(weight_gamma);
	for (int i = 0; i < RHYTHM_NORMAL; i++) {
		r->normal[i].like = log(weight_normal);
		r->normal[i].mu = (float)log(y);
		r->normal[i].g = 1;
		r->normal[i].elapsed = 0;
	}
	r->mean = (float)y;
	r->m2 = 0;
	r->near = 1;
}

static double log_sum(const struct rhythm *r)
{
	double top = r->gamma[0], sum = 0;

	for (int i = 1; i < RHYTHM_GAMMA; i++)
		top = MAX(top, r->gamma[i]);
	for (int i = 0; i < RHYTHM_NORMAL; i++)
		top = MAX(top, r->normal[i].like);
	for (int i = 0; i < RHYTHM_GAMMA; i++)
		sum += exp(r->gamma[i] - top);
	for (int i = 0; i < RHYTHM_NORMAL; i++)
		sum += exp(r->normal[i].like - top);
	return top + log(sum);
}

static void score(struct rhythm *r, double y)
{
	double n = r->n, f1 = log_single(n, r->sum, y), f2 = mixture(r, y);
	double outlier = (exp(f1) + f2) / 2;

	for (int i = 0; i < RHYTHM_GAMMA; i++)
		r->gamma[i] += log_erlang(shape[i], n, r->sum, y);
	for (int i = 0; i < RHYTHM_NORMAL; i++)
		normal_step(r, i, y, outlier);
	r->null1 += f1;
	r->null2 += log(f2);
	r->n++;
	r->sum += y;
	r->log_e = r->base + log_sum(r) - MAX(r->null1, r->null2);
}

bool rhythm_add(struct rhythm *r, double t)
{
	double y;

	if (!r->arrivals) {
		r->arrivals = 1;
		r->start = r->last = t;
		return true;
	}
	y = t - r->last - r->delta;
	if (!(y > 1e-6))
		return false;
	r->arrivals++;
	if (!r->starts) {
		(void)mixture(r, y);
		begin(r, y, r->last);
	} else {
		score(r, y);
		if (fabs(y - (double)r->mean) < (double)r->mean) {
			float d = (float)y - r->mean;

			r->near++;
			r->mean += d / (float)MIN(r->near, 100u);
			r->m2 += d * ((float)y - r->mean);
		}
		if (r->log_e < r->base - RESTART && r->starts < UINT16_MAX)
			begin(r, y, r->last);
	}
	r->last = t;
	return true;
}

bool rhythm_beacon(const struct rhythm *r, double ln_inverse_alpha)
{
	return r->n >= 4 && r->last - r->start >= 5 && r->log_e >= ln_inverse_alpha &&
	       r->log_e >= 0.25 * (r->n + 1.0);
}

double rhythm_period(const struct rhythm *r)
{
	return r->n ? exp((double)r->normal[2].mu) + r->delta : 0;
}

double rhythm_jitter(const struct rhythm *r)
{
	return r->near > 1 && r->mean > 0
		       ? sqrt((double)r->m2 / (double)MIN(r->near, 100u)) / (double)r->mean
		       : 0;
}
