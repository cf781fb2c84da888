/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/rhythm.h"
#include "base/macros.h"
#include "learn/fmath.h"
#include "tests/unit/tap.h"
#include <math.h>

static const struct rhythm_clock level = {.delta = 20 * NS_PER_MS};
static uint64_t seed;

static double uniform(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return ((double)(seed >> 11) + 0.5) / 9007199254740992.0;
}

/* A channel as the kind keeps it; gated: false opens the bank with the first gap. */
struct channel {
	struct rhythm_gate gate;
	struct rhythm bank;
};

static bool hear(struct channel *c, double t, bool gated, double hold)
{
	int64_t at = (int64_t)(t * 1e9), ns = (int64_t)(hold * 1e9);
	bool open, moved;

	if (c->bank.n)
		return rhythm_add(&c->bank, gated ? &c->gate : NULL, &level, at, ns);
	moved = rhythm_gate_add(&c->gate, &level, at, ns, &open);
	if (open || (!gated && c->gate.n))
		rhythm_open(&c->bank, &c->gate, &level);
	return moved;
}

static bool alarms(const struct channel *c, double ln_inv)
{
	return c->bank.n && rhythm_beacon(&c->bank, &level, ln_inv);
}

TEST(own_exp_and_log_are_those_of_the_library)
{
	double worst_exp = 0, worst_log = 0;

	seed = 5;
	for (int i = 0; i < 200000; i++) {
		double x = (uniform() - 0.5) * 1390, y = exp((uniform() - 0.5) * 1300);
		double near = 1 + (uniform() - 0.5) * 1e-3;

		worst_exp = MAX(worst_exp, fabs(fm_exp(x) / exp(x) - 1));
		worst_log = MAX(worst_log, fabs(fm_log(y) / log(y) - 1));
		worst_log = MAX(worst_log, fabs(fm_log(near) / log(near) - 1));
	}
	printf("# relative error: exp %.1e, log %.1e\n", worst_exp, worst_log);
	CHECK(worst_exp < 1e-9);
	CHECK(worst_log < 1e-9);
	CHECK(fm_exp(-1e6) == 0);
	CHECK(fm_exp(1e6) > 1e300 && fm_exp(1e6) < HUGE_VAL);
	CHECK(fm_log(1) == 0);
}

/* Arrivals until the verdict, or max + 1. */
static int beats(double period, double jitter, double ln_inv, int max, bool gated)
{
	struct channel c = {0};
	double t = 1;

	for (int i = 1; i <= max; i++) {
		hear(&c, t + 0.02 * uniform(), gated, 0);
		if (alarms(&c, ln_inv))
			return i;
		t += period * (1 + jitter * (2 * uniform() - 1));
	}
	return max + 1;
}

static int by_size(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int median_beats(double jitter, double ln_inv, bool gated)
{
	static int n[400];

	for (int i = 0; i < 400; i++)
		n[i] = beats(exp(log(5) + uniform() * log(720)), jitter, ln_inv, 100, gated);
	qsort(n, 400, sizeof(n[0]), by_size);
	return n[200];
}

TEST(beacons_are_heard_after_few_arrivals)
{
	static const struct {
		double jitter;
		int most[3]; /* at alpha 1e-2, 1e-3, 1e-4 */
	} want[] = {{0, {4, 5, 5}}, {0.1, {6, 7, 8}}, {0.3, {8, 10, 12}}, {0.5, {10, 13, 16}}};
	static const double ln_inv[] = {4.605, 6.908, 9.21};

	seed = 88172645463325252u;
	for (size_t i = 0; i < 8; i++)
		for (size_t a = 0; a < 3; a++) {
			int m = median_beats(want[i / 2].jitter, ln_inv[a], i % 2);

			printf("# jitter %.0f %%, ln 1/alpha %.1f, %s: median %d arrivals\n",
			       100 * want[i / 2].jitter, ln_inv[a], i % 2 ? "gated" : "bank",
			       m);
			CHECK(m <= want[i / 2].most[a]);
		}
}

static int false_alarms(int channels, bool bursty, bool gated)
{
	int bad = 0;

	for (int c = 0; c < channels; c++) {
		struct channel ch = {0};
		double t = 1, scale = exp(uniform() * 6);

		for (int i = 0; i < 100; i++) {
			double s = bursty && uniform() < 0.8 ? scale / 50 : scale;

			hear(&ch, t, gated, 0);
			if (alarms(&ch, 6.908)) {
				bad++;
				break;
			}
			t += -log(uniform()) * s;
		}
	}
	return bad;
}

TEST(irregular_traffic_stays_silent)
{
	seed = 88172645463325252u;
	for (int gated = 0; gated < 2; gated++) {
		int poisson = false_alarms(4000, false, gated);
		int bursty = false_alarms(4000, true, gated);

		printf("# of 4000 channels at alpha 1e-3, %s: Poisson %d, bursty %d\n",
		       gated ? "gated" : "bank", poisson, bursty);
		/* Ville: at most 4 expected; 10 is past its 99.9 %. */
		CHECK(poisson <= 10);
		CHECK(bursty <= 10);
	}
}

/* Share of 400 channels whose period is told within 15 % once they are told of, and later. */
static void periods(double jitter, double loss, double stray, double ret_right[2])
{
	int right[2] = {0}, n[2] = {0};

	for (int c = 0; c < 400; c++) {
		struct channel ch = {0};
		double period = exp(log(5) + uniform() * log(720)), t = 0;
		bool told = false;

		for (int i = 0; i < 60; i++) {
			bool now;

			t += period * (1 + jitter * (2 * uniform() - 1));
			if (uniform() < stray)
				(void)hear(&ch, t - period * 0.4 * uniform(), true, 0);
			if (uniform() < loss)
				continue;
			(void)hear(&ch, t, true, 0);
			now = !told && alarms(&ch, 6.9);
			told |= now;
			if (now || (told && i == 59)) {
				int k = !now;

				n[k]++;
				right[k] += fabs(rhythm_period(&ch.bank, &level) / period - 1) <
					    0.15;
			}
		}
	}
	for (int k = 0; k < 2; k++)
		ret_right[k] = (double)right[k] / MAX(1, n[k]);
}

TEST(the_period_told_is_the_period)
{
	static const double jitter[] = {0, 0.1, 0.2, 0.3, 0.5};

	seed = 77;
	for (size_t i = 0; i < ARRAY_LEN(jitter); i++) {
		double plain[2], lossy[2], stray[2];

		periods(jitter[i], 0, 0, plain);
		periods(jitter[i], 0.1, 0, lossy);
		periods(jitter[i], 0.1, 0.1, stray);
		printf("# jitter %.0f %%: right when told and at the end: plain %.2f %.2f, 10 "
		       "%% "
		       "lost %.2f %.2f, and 10 %% strays %.2f %.2f\n",
		       100 * jitter[i], plain[0], plain[1], lossy[0], lossy[1], stray[0],
		       stray[1]);
		CHECK(plain[1] > 0.97 && lossy[1] > (jitter[i] > 0.4 ? 0.70 : 0.95));
		CHECK(plain[0] > 0.85 && stray[1] > 0.90);
	}
}

TEST(late_and_close_arrivals_are_coalesced)
{
	struct channel c = {0};

	CHECK(hear(&c, 10, true, 0));
	CHECK(!hear(&c, 10.01, true, 0));
	CHECK(hear(&c, 20, true, 0));
	CHECK(!hear(&c, 15, true, 0));
	CHECK(hear(&c, 30, true, 0));
	CHECK(hear(&c, 40, true, 0));
	CHECK_INT(c.bank.n, 3); /* three gaps that look alike open it */
	CHECK(!hear(&c, 40.01, true, 0));
	CHECK(!hear(&c, 35, true, 0));
	CHECK_INT(c.bank.n, 3);
}

/* What a cache holds back comes in no rhythm of its own. */
TEST(answers_that_live_hold_the_next_call)
{
	int bare = 0, held = 0;

	seed = 99;
	for (int c = 0; c < 200; c++) {
		struct channel a = {0}, b = {0};
		double t = 1;

		for (int i = 0; i < 100; i++) {
			hear(&a, t, true, 0);
			hear(&b, t, true, 300);
			t += 300 - log(uniform()) * 100;
		}
		bare += alarms(&a, 6.908);
		held += alarms(&b, 6.908);
	}
	CHECK(bare > 190);
	CHECK(held <= 2);
}

/* A night without calls costs a beacon little. */
TEST(pauses_restart_and_do_not_kill)
{
	int again = 0;

	seed = 7;
	for (int c = 0; c < 200; c++) {
		struct channel ch = {0};
		double t = 1;

		/* Two calls before the night, too few to tell. */
		hear(&ch, t, true, 0);
		hear(&ch, t += 60, true, 0);
		t += 43200;
		for (int i = 0; i < 9; i++) {
			hear(&ch, t, true, 0);
			t += 60 * (1 + 0.1 * (2 * uniform() - 1));
		}
		again += alarms(&ch, 4.605);
	}
	printf("# heard nine calls after the night: %d of 200\n", again);
	CHECK(again >= 190);
}

TEST(an_established_beacon_survives_the_night)
{
	struct channel ch = {0};
	double t = 1;

	seed = 8;
	for (int day = 0; day < 5; day++, t += 43200)
		for (int i = 0; i < 50; i++, t += 60 * (1 + 0.2 * (2 * uniform() - 1)))
			hear(&ch, t, true, 0);
	CHECK(alarms(&ch, 9.21));
	CHECK(fabs(rhythm_period(&ch.bank, &level) - 60) < 5);
	CHECK(fabs(rhythm_jitter(&ch.bank) - 0.115) < 0.05);
}

TEST(hostile_times_do_no_harm)
{
	static const int64_t t[] = {INT64_MIN,	   INT64_MAX,	  0,	   1, -1,
				    INT64_MAX - 1, INT64_MIN + 1, NS_PER_S};
	struct rhythm_gate g = {0};
	struct rhythm r = {0};
	bool open;

	for (size_t i = 0; i < 4096; i++) {
		int64_t at = t[i * 7 % ARRAY_LEN(t)], hold = t[i * 5 % ARRAY_LEN(t)];

		if (r.n)
			(void)rhythm_add(&r, &g, &level, at, hold);
		else if (rhythm_gate_add(&g, &level, at, hold, &open) && open)
			rhythm_open(&r, &g, &level);
		CHECK(!isnan(rhythm_log_e(&r)));
	}
	rhythm_start(&r, 1e-6, 1);
	for (int64_t at = 1; at < INT64_MAX / 4; at *= 3) {
		(void)rhythm_add(&r, NULL, &level, at, 0);
		CHECK(isfinite(rhythm_log_e(&r)) && isfinite(rhythm_period(&r, &level)));
	}
}

TEST(sizes_are_what_the_budget_counts_with)
{
	CHECK_INT(sizeof(struct rhythm_gate), 32);
	CHECK_INT(sizeof(struct rhythm), 104);
}

TAP_MAIN
