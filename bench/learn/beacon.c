/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How soon the beacon e-process speaks, how often it speaks falsely, what others do on the same
 * streams, and what an arrival costs. Usage: beacon [CHANNELS]; 20,000 channels a row unless
 * told otherwise. Everything comes from fixed seeds.
 */
#include "base/macros.h"
#include "bench/learn/arrivals.h"
#include "bench/learn/beacon_rivals.h"
#include "learn/rhythm.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ARRIVALS 200
#define ALPHAS	 3

static const struct rhythm_clock level = {.delta = 20 * NS_PER_MS};
static const double ln_inv[ALPHAS] = {4.6052, 6.9078, 9.2103};
static int channels = 20000;

/* One channel as kind_rhythm keeps it: gate, then bank; or the bank at once. */
struct channel {
	struct rhythm_gate gate;
	struct rhythm bank;
	bool gated;
	int banked; /* arrivals the bank heard */
};

static int64_t ns(double t)
{
	return (int64_t)(t * 1e9);
}

static void feed(struct channel *c, double t, double hold)
{
	bool open;

	if (c->bank.n) {
		c->banked++;
		(void)rhythm_add(&c->bank, c->gated ? &c->gate : NULL, &level, ns(t), ns(hold));
		return;
	}
	(void)rhythm_gate_add(&c->gate, &level, ns(t), ns(hold), &open);
	if (open || (!c->gated && c->gate.n)) {
		c->banked += c->gate.n;
		rhythm_open(&c->bank, &c->gate, &level);
	}
}

/* Arrivals until the alarm at each level, n + 1 = never; the highest ln E by then. */
static double run(const double *t, int n, bool gated, double hold, int ret_at[ALPHAS],
		  int *ret_banked)
{
	struct channel c = {.gated = gated};
	double top = -100;

	for (int a = 0; a < ALPHAS; a++)
		ret_at[a] = n + 1;
	for (int i = 0; i < n; i++) {
		feed(&c, t[i], hold);
		if (!c.bank.n)
			continue;
		top = MAX(top, rhythm_log_e(&c.bank));
		for (int a = 0; a < ALPHAS; a++)
			if (ret_at[a] > n && rhythm_beacon(&c.bank, &level, ln_inv[a]))
				ret_at[a] = i + 1;
	}
	*ret_banked = c.banked;
	return top;
}

static int by_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int by_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void speed_row(const char *name, const struct beacon *b, int *at[ALPHAS], bool gated)
{
	struct rng r = {.s = 1000 + (uint64_t)(b->jitter * 100)};
	double t[ARRIVALS];
	int by10 = 0, n = channels / 2, got[ALPHAS];
	int banked;

	for (int i = 0; i < n; i++) {
		beacon_stream(&r, b, ARRIVALS, t);
		(void)run(t, ARRIVALS, gated, 0, got, &banked);
		for (int a = 0; a < ALPHAS; a++)
			at[a][i] = got[a];
		by10 += got[0] <= 10;
	}
	printf("%-28s %3.0f %%", name, b->jitter * 100);
	for (int a = 0; a < ALPHAS; a++) {
		qsort(at[a], (size_t)n, sizeof(int), by_int);
		printf("  %3d (95 %% %3d)", at[a][n / 2], at[a][n * 95 / 100]);
	}
	printf("   by 10 at 1e-2: %.2f\n", (double)by10 / n);
}

static void speed(bool gated)
{
	static const double jitter[] = {0, 0.1, 0.2, 0.3, 0.5};
	static const struct {
		const char *name;
		double loss, stray;
	} way[] = {{"clean", 0, 0}, {"10 % loss", 0.1, 0}, {"10 % loss, 10 % stray", 0.1, 0.1}};
	int *at[ALPHAS];
	char name[64];

	printf("\nArrivals to alarm, median (95 %%), %s; alpha 1e-2, 1e-3, 1e-4\n",
	       gated ? "gate and bank" : "bank alone");
	for (int a = 0; a < ALPHAS; a++)
		at[a] = malloc((size_t)channels * sizeof(int));
	for (int side = 0; side < 2; side++)
		for (size_t w = 0; w < ARRAY_LEN(way); w++)
			for (size_t j = side; j < ARRAY_LEN(jitter); j++) {
				struct beacon b = {jitter[j], way[w].loss, way[w].stray, side};

				snprintf(name, sizeof(name), "%s %s",
					 side ? "one-sided" : "two-sided", way[w].name);
				speed_row(name, &b, at, gated);
			}
	for (int a = 0; a < ALPHAS; a++)
		free(at[a]);
}

static void nulls(bool gated)
{
	double t[ARRIVALS], ttl;

	printf("\nP(alarm ever within %d arrivals), %s; alpha 1e-2, 1e-3, 1e-4\n", ARRIVALS,
	       gated ? "gate and bank" : "bank alone");
	for (int k = 0; k <= NULL_COUNT; k++) {
		enum null_kind kind = k == NULL_COUNT ? NULL_TTL : (enum null_kind)k;
		int n = kind == NULL_POISSON ? 5 * channels : channels, bad[ALPHAS] = {0};
		struct rng r = {.s = 77 + (uint64_t)k};
		int at[ALPHAS];
		int64_t banks = 0;

		for (int i = 0; i < n; i++) {
			int banked;

			null_stream(&r, kind, ARRIVALS, t, &ttl);
			(void)run(t, ARRIVALS, gated, k == NULL_COUNT ? ttl : 0, at, &banked);
			banks += banked;
			for (int a = 0; a < ALPHAS; a++)
				bad[a] += at[a] <= ARRIVALS;
		}
		printf("%-28s", k == NULL_COUNT ? "the same, held by its TTL" : null_name[k]);
		for (int a = 0; a < ALPHAS; a++)
			printf("  %9.2e", (double)bad[a] / n);
		printf("   heard by the bank: %.0f %%\n",
		       100.0 * (double)banks / ((double)n * ARRIVALS));
	}
}

enum rival { OURS, CV, MORAN, RITA, RITA_WHOLE, RIVALS };

static void judge(const double *t, int n, double ret_s[RIVALS])
{
	int at[ALPHAS];
	int banked;

	ret_s[OURS] = run(t, n, true, 0, at, &banked);
	ret_s[CV] = rival_cv(t, n);
	ret_s[MORAN] = rival_moran(t, n);
	ret_s[RITA] = rival_rita(t, n);
	ret_s[RITA_WHOLE] = rival_rita_whole(t, n);
}

/* Share of beacons above the threshold that lets a share fpr of the nulls through. */
static void rivals(int n, double fpr, bool mixed)
{
	static const double jitter[] = {0, 0.1, 0.2, 0.3, 0.5};
	int m = 5 * channels;
	double *s[RIVALS], t[ARRIVALS], got[RIVALS], limit[RIVALS];
	struct rng r = {.s = 4242};

	for (int v = 0; v < RIVALS; v++)
		s[v] = malloc((size_t)m * sizeof(double));
	for (int i = 0; i < m; i++) {
		null_stream(&r,
			    mixed ? (enum null_kind)(i % (NULL_THINK_10 + 1)) : NULL_POISSON, n,
			    t, NULL);
		judge(t, n, got);
		for (int v = 0; v < RIVALS; v++)
			s[v][i] = got[v];
	}
	for (int v = 0; v < RIVALS; v++) {
		qsort(s[v], (size_t)m, sizeof(double), by_double);
		limit[v] = s[v][m - 1 - (int)(fpr * m)];
		free(s[v]);
	}
	for (size_t j = 0; j < ARRAY_LEN(jitter); j++) {
		struct beacon b = {jitter[j], 0.1, 0, 0};
		int above[RIVALS] = {0};

		for (int i = 0; i < channels; i++) {
			beacon_stream(&r, &b, n, t);
			judge(t, n, got);
			for (int v = 0; v < RIVALS; v++)
				above[v] += got[v] > limit[v];
		}
		printf("n = %2d, %-8s FPR %.0e, jitter %2.0f %%:", n,
		       mixed ? "mixed," : "Poisson,", fpr, jitter[j] * 100);
		for (int v = 0; v < RIVALS; v++)
			printf("  %.2f", (double)above[v] / channels);
		printf("\n");
	}
}

static double cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* One hot channel, and as many as do not fit into a cache. */
static void cost(void)
{
	enum { N = 1 << 20, MANY = 1 << 17 };
	static double t[N];
	struct rhythm_gate *gates = calloc(MANY, sizeof(*gates));
	struct rhythm *banks = calloc(MANY, sizeof(*banks));
	struct rng r = {.s = 9};
	double from, gate, bank, gate_cold, bank_cold;
	unsigned opened = 0;
	bool open;

	t[0] = 1;
	for (int i = 1; i < N; i++)
		t[i] = t[i - 1] + 60 * rng_exp(&r);
	from = cpu_s();
	for (int i = 0; i < N; i++) {
		(void)rhythm_gate_add(&gates[0], &level, ns(t[i]), 0, &open);
		opened += open;
	}
	gate = cpu_s() - from;
	rhythm_start(&banks[0], 60, NS_PER_S);
	from = cpu_s();
	for (int i = 1; i < N; i++)
		(void)rhythm_add(&banks[0], NULL, &level, ns(t[i]), 0);
	bank = cpu_s() - from;
	for (int i = 0; i < MANY; i++)
		rhythm_start(&banks[i], 60, NS_PER_S);
	memset(gates, 0, MANY * sizeof(*gates));
	from = cpu_s();
	for (int i = 1; i < N; i++)
		(void)rhythm_gate_add(&gates[(uint64_t)i * 40503 % MANY], &level, ns(t[i]), 0,
				      &open);
	gate_cold = cpu_s() - from;
	from = cpu_s();
	for (int i = 1; i < N; i++)
		(void)rhythm_add(&banks[(uint64_t)i * 40503 % MANY], NULL, &level, ns(t[i]), 0);
	bank_cold = cpu_s() - from;
	printf("\nCPU ns an arrival, hot / cold cache: gate %.0f / %.0f, bank %.0f / %.0f; "
	       "bytes: gate %zu, bank %zu; the gate lets %.1f %% of Poisson arrivals pass\n",
	       gate / N * 1e9, gate_cold / N * 1e9, bank / N * 1e9, bank_cold / N * 1e9,
	       sizeof(struct rhythm_gate), sizeof(struct rhythm), 100.0 * opened / N);
	free(gates);
	free(banks);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		channels = MAX(1000, (int)strtol(argv[1], NULL, 10));
	cost();
	for (int gated = 0; gated < 2; gated++) {
		speed(gated);
		nulls(gated);
	}
	printf("\nShare found at equal false-positive rate, 10 %% loss: "
	       "ours, CV, Moran, RITA times, RITA whole\n");
	for (int mixed = 0; mixed < 2; mixed++)
		for (int n = 10; n <= 30; n += 20) {
			rivals(n, 1e-3, mixed);
			rivals(n, 1e-4, mixed);
		}
	return 0;
}
