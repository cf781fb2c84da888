/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds the door and the budget to their word, on ten synthetic organisations.
 *   calibration [SVG]
 * The door: how often P(s' >= x) came to e^-x for quantities whose raw scores have nothing to
 * do with probabilities: wrong by a factor, heavy-tailed, in steps, drifting, by class.
 * The budget: alerts a day asked and given, over sixty days of a stream with weekdays, six
 * families, one of which is noisy and now and then floods, and entities that come and go.
 * With SVG, a plot of both is written there.
 */
#include "base/hash.h"
#include "learn/budget.h"
#include "learn/report.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS	 10
#define DAYS	 60
#define X_MAX	 10 /* nats of the table */
#define KINDS	 5
#define ENTITIES 400
#define RATES	 4

static const double asked[RATES] = {0.5, 1, 3, 10};
static const char *const kind_names[KINDS] = {"off by a factor of 3", "heavy-tailed",
					      "in steps", "drifting 2 % a day",
					      "three classes"};

static uint64_t state;

static double uniform(void)
{
	state += UINT64_C(0x9e3779b97f4a7c15);
	return ((double)(hash_mix(state) >> 11) + 0.5) / 9007199254740992.0;
}

static double nats(void)
{
	return -log(uniform());
}

static double normal(void)
{
	return sqrt(2 * nats()) * cos(2 * M_PI * uniform());
}

static int poisson(double mean)
{
	double p = exp(-mean), sum = p, u = uniform();
	int k = 0;

	while (u > sum && k < 1000) {
		p *= mean / ++k;
		sum += p;
	}
	return k;
}

static double raw_of(int kind, uint8_t cls, double day)
{
	switch (kind) {
	case 0:
		return 3 * nats();
	case 1:
		return exp(1.2 * normal());
	case 2:
		return floor(2 * nats());
	case 3:
		return nats() * (1 + 0.02 * day);
	default:
		return nats() * (1 + 2 * cls);
	}
}

/* share[kind][x]: of judgements after four days, those of x nats or more. */
static void door_run(uint64_t seed, double share[KINDS][X_MAX + 1])
{
	for (int k = 0; k < KINDS; k++) {
		struct door *d = calloc(1, sizeof(*d));
		double n = 0, over[X_MAX + 1] = {0};

		state = hash_2(seed, k);
		for (int h = 0; d && h < 30 * 24; h++) {
			int64_t now = 1000 * NS_PER_D + h * NS_PER_H;

			for (int i = poisson(h % 24 < 7 ? 60 : 240); i > 0; i--) {
				uint8_t cls = (uint8_t)(1 + (int)(3 * uniform()));
				double raw = raw_of(k, cls, h / 24.0);
				double s = door_judge(d, cls, raw, false, now);

				door_add(d, cls, raw, now);
				if (h < 4 * 24)
					continue;
				n++;
				for (int x = 0; x <= X_MAX; x++)
					over[x] += s >= x;
			}
		}
		for (int x = 0; x <= X_MAX; x++)
			share[k][x] = over[x] / n;
		free(d);
	}
}

static void door_table(double mean[X_MAX + 1])
{
	static double share[SEEDS][KINDS][X_MAX + 1];

	for (int s = 0; s < SEEDS; s++)
		door_run((uint64_t)s + 1, share[s]);
	printf("The door: P(s' >= x) over e^-x, mean of %d seeds, by kind of raw score\n%-22s",
	       SEEDS, "x, nats");
	for (int x = 1; x <= X_MAX; x++)
		printf("%6d", x);
	putchar('\n');
	memset(mean, 0, (X_MAX + 1) * sizeof(*mean));
	for (int k = 0; k < KINDS; k++) {
		printf("%-22s", kind_names[k]);
		for (int x = 0; x <= X_MAX; x++) {
			double m = 0;

			for (int s = 0; s < SEEDS; s++)
				m += share[s][k][x] / SEEDS;
			mean[x] += m / KINDS;
			if (x)
				printf("%6.2f", m / exp(-x));
		}
		putchar('\n');
	}
}

/* One day's candidates of one family; free of the budget's own choices. */
static void family_day(struct budget *b, enum budget_lane lane, double rate, double scale,
		       int64_t day, uint64_t *given)
{
	int n = poisson(rate);

	/* A flood: a roll-out that touches a quarter of the organisation at once. */
	if (lane == LANE_NETWORK && uniform() < 0.04)
		n += ENTITIES / 4;
	for (int i = 0; i < n; i++) {
		struct budget_claim c = {
			.who = 1 + (uint64_t)(uniform() * uniform() * ENTITIES),
			.lane = lane,
			.surprise = 2 + scale * nats(),
			.now = day * NS_PER_D + (i + 1) * (NS_PER_D / (n + 1)),
		};

		given[lane] += budget_ask(b, &c);
	}
}

static double budget_run(double per_day, uint64_t seed, uint64_t *given)
{
	static const struct {
		enum budget_lane lane;
		double rate, scale;
	} families[] = {{LANE_NETWORK, 60, 1.4}, {LANE_IDENTITY, 25, 1.1},
			{LANE_CLOUD, 12, 1.2},	 {LANE_WORKLOAD, 6, 1},
			{LANE_OT, 1, 1.5},	 {LANE_EMAIL, 0.4, 2},
			{LANE_SLOW, 3, 1}};
	struct budget *b = malloc(sizeof(*b));
	double realised = -1;

	if (!b)
		return realised;
	budget_init(b, per_day);
	state = hash_2(seed, (uint64_t)(per_day * 100));
	memset(given, 0, LANE_COUNT * sizeof(*given));
	for (int64_t d = 0; d < DAYS; d++)
		for (size_t f = 0; f < ARRAY_LEN(families); f++)
			family_day(b, families[f].lane,
				   families[f].rate * (d % 7 < 5 ? 1 : 0.3), families[f].scale,
				   1000 + d, given);
	realised = (double)b->passed / DAYS;
	free(b);
	return realised;
}

static int budget_table(double real[RATES][SEEDS])
{
	int broken = 0;

	printf("\nThe budget: alerts a day given over %d days, %d seeds\n"
	       "%-8s%8s%8s%8s%12s   share of network, ot, identity, cloud, email, workload, "
	       "slow\n",
	       DAYS, SEEDS, "asked", "mean", "least", "most", "bound");
	for (int r = 0; r < RATES; r++) {
		double mean = 0, least = 1e9, most = 0, n = asked[r] * DAYS, all = 0;
		double bound = n >= 60 ? 1.25 * asked[r] : budget_poisson95(n) / DAYS;
		uint64_t given[LANE_COUNT], sum[LANE_COUNT] = {0};

		for (int s = 0; s < SEEDS; s++) {
			double x = real[r][s] = budget_run(asked[r], (uint64_t)s + 1, given);

			mean += x / SEEDS;
			least = MIN(least, x);
			most = MAX(most, x);
			for (int i = 0; i < LANE_COUNT; i++) {
				sum[i] += given[i];
				all += (double)given[i];
			}
		}
		broken += most > bound;
		printf("%-8g%8.2f%8.2f%8.2f%12.2f  ", asked[r], mean, least, most, bound);
		for (int i = 0; i < LANE_COUNT; i++)
			if (sum[i])
				printf(" %.0f %%", 100 * (double)sum[i] / all);
		printf("%s\n", most > bound ? "  EXCEEDED" : "");
	}
	return broken;
}

/* ---- the plot ---- */

#define W 300.0
#define H 220.0

static void axes(FILE *f, double left, const char *title, const char *x, const char *y)
{
	fprintf(f,
		"<g transform='translate(%g,30)'><rect width='%g' height='%g' fill='none' "
		"stroke='#888'/><text x='%g' y='-10' text-anchor='middle'>%s</text>"
		"<text x='%g' y='%g' text-anchor='middle'>%s</text>"
		"<text transform='translate(-30,%g) rotate(-90)' text-anchor='middle'>%s"
		"</text>\n",
		left, W, H, W / 2, title, W / 2, H + 32, x, H / 2, y);
}

static int plot(const char *path, const double door[X_MAX + 1], double real[RATES][SEEDS])
{
	FILE *f = fopen(path, "w");
	const double decade = W / 2; /* 0.3 to 30 */

	if (!f) {
		perror(path);
		return 1;
	}
	fprintf(f, "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 740 300' "
		   "font-family='sans-serif' font-size='12' fill='#444'>\n");
	axes(f, 50, "The door", "x, nats asked", "-ln P(s' &gt;= x), measured");
	fprintf(f, "<path d='M0 %g L%g 0' stroke='#bbb'/>", H, W);
	for (int x = 0; x <= X_MAX; x++) {
		if (door[x] > 0)
			fprintf(f, "<circle cx='%.1f' cy='%.1f' r='4' fill='#27c'/>",
				x * W / X_MAX, H + log(door[x]) * H / X_MAX);
		if (x % 2 == 0)
			fprintf(f, "<text x='%.1f' y='%g' text-anchor='middle'>%d</text>",
				x * W / X_MAX, H + 15, x);
	}
	fprintf(f, "</g>\n");
	axes(f, 420, "The budget", "alerts a day asked", "alerts a day given");
	fprintf(f, "<path d='M0 %g L%g 0' stroke='#bbb'/>", H, W);
	for (int r = 0; r < RATES; r++) {
		double at = log10(asked[r] / 0.3) * decade;

		fprintf(f, "<text x='%.1f' y='%g' text-anchor='middle'>%g</text>", at, H + 15,
			asked[r]);
		for (int s = 0; s < SEEDS; s++)
			fprintf(f,
				"<circle cx='%.1f' cy='%.1f' r='3' fill='#27c' "
				"fill-opacity='.5'/>",
				at, H - log10(MAX(real[r][s], 0.3) / 0.3) * H / 2);
	}
	fprintf(f, "</g>\n</svg>\n");
	return fclose(f) != 0;
}

int main(int argc, char **argv)
{
	double door[X_MAX + 1], real[RATES][SEEDS];
	int broken;

	door_table(door);
	broken = budget_table(real);
	if (argc > 1)
		broken += plot(argv[1], door, real);
	return broken > 0;
}
