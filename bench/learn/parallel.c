/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How soon nine endpoints polled every 500 ms are heard, and how often traffic that only looks
 * parallel is taken for that: by groups as learn/parallel forms them, and by the sum of the
 * channels' evidence, as if they were independent. Usage: parallel [RUNS].
 */
#include "learn/parallel.h"
#include "base/hash.h"
#include "base/macros.h"
#include "bench/learn/arrivals.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLS_MAX 65536
#define HOSTS	  128
#define LN_1E3	  6.9078
#define LN_1E4	  9.2103
#define NEVER	  1e9

struct call {
	int64_t t;
	uint32_t host;
};

struct calls {
	struct call at[CALLS_MAX];
	int n;
};

static void call(struct calls *c, double t, int host)
{
	if (c->n < CALLS_MAX)
		c->at[c->n++] = (struct call){(int64_t)(t * 1e9), (uint32_t)host};
}

static int by_time(const void *a, const void *b)
{
	const struct call *x = a, *y = b;

	if (x->t != y->t)
		return x->t < y->t ? -1 : 1;
	return (x->host > y->host) - (x->host < y->host);
}

/* Time of the first alarm, s, or NEVER. */
static double grouped(const struct calls *c, double ln_inv, bool slow)
{
	struct parallel p = {0};

	for (int i = 0; i < c->n; i++) {
		const struct parallel_group *g =
			parallel_add(&p, hash_mix(c->at[i].host + 1), c->at[i].t);

		if (g && parallel_in_step(g, ln_inv, slow))
			return (double)c->at[i].t * 1e-9;
	}
	return NEVER;
}

/* The rival: ln E summed over channels that began within 2 s and share a period within 10 %. */
static double summed(const struct calls *c, double ln_inv)
{
	static const struct rhythm_clock level = {.delta = 20 * NS_PER_MS};
	static struct rhythm r[HOSTS];
	static struct rhythm_gate g[HOSTS];
	static int64_t first[HOSTS];
	bool open;

	memset(r, 0, sizeof(r));
	memset(g, 0, sizeof(g));
	for (int i = 0; i < c->n; i++) {
		uint32_t h = c->at[i].host;
		double sum = 0;
		int n = 0;

		if (r[h].n) {
			(void)rhythm_add(&r[h], NULL, &level, c->at[i].t, 0);
		} else {
			if (!g[h].last)
				first[h] = c->at[i].t;
			(void)rhythm_gate_add(&g[h], &level, c->at[i].t, 0, &open);
			if (g[h].n)
				rhythm_open(&r[h], &g[h], &level);
		}
		if (r[h].n < 2)
			continue;
		for (int k = 0; k < HOSTS; k++) {
			if (r[k].n < 2 || llabs(first[k] - first[h]) > 2 * NS_PER_S ||
			    (double)r[k].sum < 1.5 ||
			    fabs(rhythm_period(&r[k], &level) / rhythm_period(&r[h], &level) -
				 1) > 0.1)
				continue;
			sum += rhythm_log_e(&r[k]);
			n++;
		}
		if (n >= PARALLEL_MIN && sum >= ln_inv)
			return (double)c->at[i].t * 1e-9;
	}
	return NEVER;
}

/* Nine endpoints every 500 ms: one loop, whose pauses vary by loop_s, each call by latency_s.
 */
static void polling(struct rng *r, struct calls *c, double latency_s, double loop_s,
		    double loss)
{
	double t = 100;

	for (int k = 0; k < 60; k++) {
		for (int h = 0; h < 9; h++)
			if (rng_unit(r) >= loss)
				call(c, t + fabs(latency_s * rng_normal(r)), h);
		t += MAX(0.05, 0.5 + loop_s * rng_normal(r));
	}
}

/* A person opens pages; each calls six to twelve of a site's servers, each one to `most` times.
 */
static void pages(struct rng *r, struct calls *c, double hours, double think_s, int most)
{
	double t = 100;
	int site = 0;

	while (t < hours * 3600 && c->n < CALLS_MAX - 80) {
		int servers = 6 + (int)(rng_unit(r) * 7);

		if (rng_unit(r) < 0.2)
			site = (int)(rng_unit(r) * 8);
		for (int s = 0; s < servers; s++)
			for (int k = (int)(rng_unit(r) * most); k >= 0; k--)
				call(c, t + 0.3 * rng_exp(r), site * 12 + s);
		t += think_s * exp(rng_normal(r));
	}
}

static void null_pages(struct rng *r, struct calls *c)
{
	pages(r, c, 1, 20, 6);
}

static void null_clicks(struct rng *r, struct calls *c)
{
	pages(r, c, 1, 3, 6);
}

static void null_single(struct rng *r, struct calls *c)
{
	pages(r, c, 0.5, 3, 1);
}

/* Advertisements and trackers of one page, each polling at its own pace. */
static void null_ads(struct rng *r, struct calls *c)
{
	for (int h = 0; h < 10; h++) {
		double period = exp(rng_range(r, log(1), log(30))), t = 100 + rng_unit(r);

		for (; t < 1900; t += period * rng_range(r, 0.95, 1.05))
			call(c, t, h);
	}
}

/* Nine channels of one client, each calling at random, equally often. */
static void null_random(struct rng *r, struct calls *c)
{
	double mean = exp(rng_range(r, log(0.2), log(5)));

	for (int h = 0; h < 9; h++)
		for (double t = 100; t < 700; t += mean * rng_exp(r))
			call(c, t, h);
}

/* A dashboard: six servers, every 15 s to 5 min: as regular as a beacon, but slow. */
static void null_dashboard(struct rng *r, struct calls *c)
{
	double period = exp(rng_range(r, log(15), log(300)));

	for (double t = 100; t < 3700; t += period + 0.05 * rng_unit(r))
		for (int h = 0; h < 6; h++)
			call(c, t + 0.1 * rng_exp(r), h);
}

static int by_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void put_time(double s)
{
	if (s > NEVER / 2)
		printf("never          ");
	else
		printf("%4.1f s %2.0f polls", s, floor(s / 0.5) + 1);
}

static void soon(struct calls *c, int runs, double latency_s, double loop_s, double loss)
{
	struct rng r = {.s = 31};
	double *at[3];

	for (int v = 0; v < 3; v++)
		at[v] = malloc((size_t)runs * sizeof(double));
	for (int i = 0; i < runs; i++) {
		c->n = 0;
		polling(&r, c, latency_s, loop_s, loss);
		qsort(c->at, (size_t)c->n, sizeof(c->at[0]), by_time);
		at[0][i] = grouped(c, LN_1E3, false) - 100;
		at[1][i] = grouped(c, LN_1E4, false) - 100;
		at[2][i] = summed(c, LN_1E4) - 100;
	}
	printf("latency %3.0f ms, loop %3.0f ms, loss %2.0f %%:", latency_s * 1e3, loop_s * 1e3,
	       loss * 100);
	for (int v = 0; v < 3; v++) {
		qsort(at[v], (size_t)runs, sizeof(double), by_double);
		printf("  ");
		put_time(at[v][runs / 2]);
		printf(" / ");
		put_time(at[v][runs * 95 / 100]);
		free(at[v]);
	}
	printf("\n");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*make)(struct rng *r, struct calls *c);
	} nulls[] = {
		{"an hour of pages, think time 20 s", null_pages},
		{"an hour of fast clicks, 3 s", null_clicks},
		{"half an hour, 3 s, one call each", null_single},
		{"ten ad pollers, half an hour", null_ads},
		{"nine random channels, 10 min", null_random},
		{"dashboard, an hour", null_dashboard},
	};
	static struct calls c;
	int runs = argc > 1 ? MAX(100, (int)strtol(argv[1], NULL, 10)) : 1000;

	printf("Nine endpoints every 500 ms, time to alarm, median / 95 %%: groups at 1e-3, at "
	       "1e-4; summed channels at 1e-4\n");
	soon(&c, runs, 0.010, 0, 0);
	soon(&c, runs, 0.050, 0, 0);
	soon(&c, runs, 0.050, 0, 0.1);
	soon(&c, runs, 0.150, 0, 0);
	soon(&c, runs, 0.150, 0.1, 0);
	printf("\nShare of runs with an alarm: groups at 1e-3, at 1e-4, slow ones too at 1e-3; "
	       "summed at 1e-4\n");
	for (size_t k = 0; k < ARRAY_LEN(nulls); k++) {
		struct rng r = {.s = 17 + k};
		int bad[4] = {0};

		for (int i = 0; i < runs; i++) {
			c.n = 0;
			nulls[k].make(&r, &c);
			qsort(c.at, (size_t)c.n, sizeof(c.at[0]), by_time);
			bad[0] += grouped(&c, LN_1E3, false) < NEVER;
			bad[1] += grouped(&c, LN_1E4, false) < NEVER;
			bad[2] += grouped(&c, LN_1E3, true) < NEVER;
			bad[3] += summed(&c, LN_1E4) < NEVER;
		}
		printf("%-36s", nulls[k].name);
		for (int v = 0; v < 4; v++)
			printf("  %7.4f", (double)bad[v] / runs);
		printf("\n");
	}
	printf("bytes a client: %zu\n", sizeof(struct parallel));
	return 0;
}
