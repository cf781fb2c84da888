/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/learn/arrivals: arrival times of beacons and of traffic that is none, from a seed.
 */
#ifndef BENCH_LEARN_ARRIVALS_H
#define BENCH_LEARN_ARRIVALS_H
#include <stdint.h>

#define DAY_S 86400.0

/* SplitMix64: one word of state. */
struct rng {
	uint64_t s;
};

double rng_unit(struct rng *r);	  /* (0, 1) */
double rng_exp(struct rng *r);	  /* mean 1 */
double rng_normal(struct rng *r); /* mean 0, deviation 1 */
double rng_range(struct rng *r, double a, double b);
double rng_scale(struct rng *r); /* log-uniform, 5 s to 1 h: periods and mean gaps */

enum null_kind {
	NULL_POISSON,
	NULL_DIURNAL,
	NULL_TWO_SPEED,
	NULL_CLUSTERED,
	NULL_LOMAX,
	NULL_BROWSING,
	NULL_WORKDAY,
	NULL_THINK_15, /* log-normal think times, sigma 1.5 and so on */
	NULL_THINK_10,
	NULL_THINK_08,
	NULL_THINK_06,
	NULL_TTL,
	NULL_COUNT
};
extern const char *const null_name[NULL_COUNT];

/* n ascending times in seconds. *ret_ttl, may be NULL: lifetime of the answers, else 0. */
void null_stream(struct rng *r, enum null_kind kind, int n, double *ret_t, double *ret_ttl);

struct beacon {
	double jitter;	    /* share of the period */
	double loss, stray; /* chance per tick that it is not seen, that something else calls */
	int one_sided;	    /* sleeps shorten only, as Cobalt Strike's do */
};
/* n arrivals of it, strays counted, with 20 ms of latency noise. */
void beacon_stream(struct rng *r, const struct beacon *b, int n, double *ret_t);

#endif
