/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/learn/arrivals.h"
#include "base/hash.h"
#include <math.h>

#define LATENCY_S 0.02

double rng_unit(struct rng *r)
{
	r->s += UINT64_C(0x9e3779b97f4a7c15);
	return ((double)(hash_mix(r->s) >> 11) + 0.5) / 9007199254740992.0;
}

double rng_exp(struct rng *r)
{
	return -log(rng_unit(r));
}

double rng_normal(struct rng *r)
{
	double a = rng_unit(r), b = rng_unit(r);

	return sqrt(-2 * log(a)) * cos(2 * M_PI * b);
}

double rng_range(struct rng *r, double a, double b)
{
	return a + (b - a) * rng_unit(r);
}

double rng_scale(struct rng *r)
{
	return exp(rng_range(r, log(5), log(3600)));
}

const char *const null_name[NULL_COUNT] = {
	"Poisson",
	"diurnal rate",
	"two-speed",
	"clustered",
	"Lomax",
	"browsing, page bursts",
	"working day",
	"think time sigma 1.5",
	"think time sigma 1.0",
	"think time sigma 0.8",
	"think time sigma 0.6",
	"TTL + Exp",
};

/* What a stream remembers from one arrival to the next. */
struct walk {
	double scale, ttl;
	int left; /* arrivals left in this cluster, page or session */
	int pages;
};

/* Sessions of pages; a page opens one to eight connections within its first seconds. */
static double browsing(struct rng *r, struct walk *w)
{
	if (w->left-- > 0)
		return rng_exp(r) * 0.3;
	w->left = (int)(rng_unit(r) * 8);
	if (w->pages-- > 0)
		return exp(log(20) + rng_normal(r));
	w->pages = (int)(rng_exp(r) * 10);
	return rng_exp(r) * 3600;
}

static double clustered(struct rng *r, struct walk *w)
{
	if (w->left-- > 0)
		return rng_exp(r) * 0.5;
	w->left = (int)(rng_exp(r) * 5);
	return rng_exp(r) * w->scale;
}

/* Thins a Poisson process by the hour. */
static double thinned(struct rng *r, double t, double scale, int workday)
{
	double from = t, day, keep;

	do {
		t += rng_exp(r) * scale;
		day = fmod(t, DAY_S) / DAY_S;
		keep = workday ? day > 9 / 24.0 && day < 17 / 24.0
			       : 0.5 + 0.45 * sin(2 * M_PI * day);
	} while (rng_unit(r) > keep);
	return t - from;
}

static double null_gap(struct rng *r, enum null_kind kind, struct walk *w, double t)
{
	switch (kind) {
	case NULL_DIURNAL:
		return thinned(r, t, w->scale, 0);
	case NULL_TWO_SPEED:
		return rng_exp(r) * (rng_unit(r) < 0.5 ? w->scale : w->scale / 50);
	case NULL_CLUSTERED:
		return clustered(r, w);
	case NULL_LOMAX:
		return w->scale * (pow(rng_unit(r), -1 / 1.5) - 1);
	case NULL_BROWSING:
		return browsing(r, w);
	case NULL_WORKDAY:
		return thinned(r, t, w->scale, 1);
	case NULL_THINK_15:
		return w->scale * exp(1.5 * rng_normal(r));
	case NULL_THINK_10:
		return w->scale * exp(rng_normal(r));
	case NULL_THINK_08:
		return w->scale * exp(0.8 * rng_normal(r));
	case NULL_THINK_06:
		return w->scale * exp(0.6 * rng_normal(r));
	case NULL_TTL:
		return w->ttl + rng_exp(r) * w->scale;
	default:
		return rng_exp(r) * w->scale;
	}
}

void null_stream(struct rng *r, enum null_kind kind, int n, double *ret_t, double *ret_ttl)
{
	struct walk w = {.scale = rng_scale(r)};
	double t = DAY_S * rng_unit(r);

	if (kind == NULL_TTL)
		w.ttl = w.scale * rng_range(r, 1, 5);
	if (ret_ttl)
		*ret_ttl = w.ttl;
	for (int i = 0; i < n; i++) {
		ret_t[i] = t;
		t += null_gap(r, kind, &w, t);
	}
}

void beacon_stream(struct rng *r, const struct beacon *b, int n, double *ret_t)
{
	double period = rng_scale(r), tick = DAY_S * rng_unit(r), t;

	for (int i = 0; i < n;) {
		double gap = b->one_sided ? period * (1 - b->jitter * rng_unit(r))
					  : period * (1 + b->jitter * (2 * rng_unit(r) - 1));

		/* The first is always seen: without it there is no channel. */
		t = tick + LATENCY_S * rng_unit(r);
		if (i == 0 || rng_unit(r) >= b->loss) {
			ret_t[i] = i && t < ret_t[i - 1] ? ret_t[i - 1] : t;
			i++;
		}
		if (i < n && rng_unit(r) < b->stray)
			ret_t[i++] = tick + LATENCY_S + (gap - LATENCY_S) * rng_unit(r);
		tick += gap;
	}
}
