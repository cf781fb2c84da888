/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "learn/budget.h"
#include "learn/gpd.h"
#include "learn/report.h"
#include "learn/state_table.h"
#include "tests/unit/tap.h"
#include <math.h>

static uint64_t seed;

static double nats(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return -log(((double)(seed >> 11) + 0.5) / 9007199254740992.0);
}

TEST(surprise_is_uniform_on_its_own_past)
{
	struct door *d = calloc(1, sizeof(*d));
	int above[3] = {0}, n = 0;
	int64_t now = NS_PER_D;

	seed = 7;
	/* A raw score that is off by a factor of three must come out right. */
	for (int i = 0; i < 24 * 20 * 50; i++, now += NS_PER_H / 50) {
		double raw = 3 * nats();

		if (i > 24 * 10 * 50) {
			double s = door_judge(d, 1, raw, false, now);

			n++;
			for (int k = 0; k < 3; k++)
				above[k] += s > (k + 1) * 2.302585;
		}
		door_add(d, 1, raw, now);
	}
	for (int k = 0; k < 2; k++) {
		double p = (double)above[k] / n, want = pow(10, -(k + 1));

		printf("# P(p <= %g) = %g\n", want, p);
		CHECK(p < want * 1.3 && p > want * 0.6);
	}
	CHECK((double)above[2] / n < 2e-3);
	free(d);
}

TEST(learning_mode_caps)
{
	struct door *d = calloc(1, sizeof(*d));

	CHECK(door_learning(d, 1, NS_PER_D));
	door_add(d, 1, 1, NS_PER_D);
	CHECK(door_judge(d, 1, 40, false, NS_PER_D + 1) <= DOOR_LEARN_CAP);
	CHECK(door_judge(d, 1, 40, true, NS_PER_D + 1) > DOOR_LEARN_CAP);
	CHECK(!door_learning(d, 1, 5 * NS_PER_D));
	free(d);
}

TEST(the_tail_goes_on_beyond_what_was_counted)
{
	struct door *d = calloc(1, sizeof(*d));
	int64_t now = NS_PER_D;

	seed = 23;
	for (int i = 0; i < 24 * 10 * 40; i++, now += NS_PER_H / 40)
		door_add(d, 1, 2 * nats(), now);
	/* Raw 2x: s' is half of it, also where nothing was seen yet (ln 9600 = 9.2). */
	for (double raw = 6; raw <= 22; raw += 4) {
		double s = door_judge(d, 1, raw, false, now);

		printf("# raw %g judged %.2f\n", raw, s);
		CHECK(s > 0.75 * raw / 2 && s < 1.25 * raw / 2);
	}
	CHECK(door_judge(d, 1, 1e9, false, now) <= log(2 * 9601) + 3 + 1e-6);
	CHECK(door_judge(d, 1, INFINITY, false, now) < 20);
	CHECK(door_judge(d, 1, NAN, false, now) == 0);
	CHECK(door_judge(d, 1, -3, false, now) == 0);
	free(d);
}

TEST(the_order_within_an_hour_does_not_matter)
{
	double s[2];

	for (int run = 0; run < 2; run++) {
		struct door *d = calloc(1, sizeof(*d));
		int64_t now = 10 * NS_PER_D, end;

		seed = 29;
		for (int i = 0; i < 4000; i++, now += NS_PER_H / 10)
			door_add(d, 1, nats(), now);
		end = (now / NS_PER_H + 1) * NS_PER_H;
		(void)door_judge(d, 1, 1, false, end);
		for (int i = 0; run && i < 500; i++)
			door_add(d, 1, 9, end + i);
		s[run] = door_judge(d, 1, 9, false, end + 1000);
		free(d);
	}
	CHECK(memcmp(&s[0], &s[1], sizeof(s[0])) == 0);
}

TEST(a_small_class_borrows_the_pool)
{
	struct door *d = calloc(1, sizeof(*d));
	int64_t now = 10 * NS_PER_D;

	for (int i = 0; i < 5000; i++, now += NS_PER_H / 20)
		door_add(d, 1, i % 10, now);
	/* A class nobody has seen is judged as all are, and not in learning mode. */
	CHECK(fabs(door_judge(d, 2, 5, false, now) - door_judge(d, 1, 5, false, now)) < 1e-6);
	CHECK(!door_learning(d, 2, now));
	/* What is taken back was never there. */
	door_add(d, 1, 200, now);
	door_take(d, 1, 200, now);
	CHECK(door_judge(d, 1, 200, false, now + NS_PER_H) > 5);
	free(d);
}

TEST(a_pareto_tail_is_found_again)
{
	double a0 = 0, a1 = 0;
	enum { N = 4000 };
	struct gpd g;

	/* Quantiles of xi 0.25, sigma 2, highest first. */
	for (int i = 0; i < N; i++) {
		double x = 2 * (pow((i + 0.5) / N, -0.25) - 1) / 0.25;

		a0 += x / N;
		a1 += x * (i + 0.5) / N / N;
	}
	g = gpd_fit(a0, a1);
	printf("# xi %.3f sigma %.3f\n", (double)g.xi, (double)g.sigma);
	CHECK(fabs((double)g.xi - 0.25) < 0.03 && fabs((double)g.sigma - 2) < 0.1);
	CHECK(fabs(gpd_nats(&g, gpd_quantile(&g, 1e-3)) - log(1e3)) < 1e-6);
	/* What is no tail gives no infinities. */
	g = gpd_fit(1, 0.5);
	CHECK(isfinite(gpd_quantile(&g, 1e-9)));
	g = gpd_fit(0, 0);
	CHECK(gpd_nats(&g, 5) == 0);
}

TEST(budget_is_kept_on_a_steady_stream)
{
	struct budget *b = malloc(sizeof(*b));
	int64_t now = 100 * NS_PER_D;

	seed = 11;
	budget_init(b, 3);
	for (int i = 0; i < 60 * 1000; i++, now += NS_PER_D / 1000)
		(void)budget_offer(b, nats(), now);
	printf("# asked 3 a day, realised %.2f\n", budget_realised(b));
	CHECK(budget_realised(b) <= 3.1);
	CHECK(budget_realised(b) >= 2.0);
	free(b);
}

static bool ask(struct budget *b, uint64_t who, enum budget_lane lane, double s, int64_t now)
{
	return budget_ask(
		b, &(struct budget_claim){.who = who, .lane = lane, .surprise = s, .now = now});
}

TEST(no_stream_breaks_the_budget)
{
	static const double asked[] = {0.5, 1, 3, 10};

	for (size_t r = 0; r < ARRAY_LEN(asked); r++) {
		struct budget *b = malloc(sizeof(*b));
		double per_day = asked[r], given = 0;

		budget_init(b, per_day);
		/* Everything shouts, louder each day. */
		for (int d = 0; d < 60; d++) {
			int today = 0;

			for (int i = 0; i < 500; i++)
				today +=
					ask(b, hash_2(d, i), (enum budget_lane)(i % LANE_COUNT),
					    10 + d, (100 + d) * NS_PER_D + i * NS_PER_S);
			given += today;
			CHECK(today <= MAX(1, per_day + 3 * sqrt(per_day)));
			CHECK(given <= budget_poisson95(per_day * (d + 1)));
		}
		printf("# asked %g, given %.2f\n", per_day, given / 60);
		CHECK(given / 60 <= 1.25 * per_day);
		CHECK(given / 60 >= 0.8 * per_day);
		free(b);
	}
}

TEST(a_noisy_family_does_not_starve_the_rest)
{
	struct budget *b = malloc(sizeof(*b));
	int quiet = 0, asked = 0, noisy = 0, slow = 0;

	seed = 31;
	budget_init(b, 3);
	for (int d = 0; d < 40; d++) {
		int64_t now = (100 + d) * NS_PER_D;

		for (int i = 0; i < 300; i++)
			noisy += ask(b, (uint64_t)i + 1, LANE_NETWORK, 5 + 3 * nats(),
				     now + i * 60 * NS_PER_S);
		for (int i = 0; i < 20; i++)
			slow += ask(b, (uint64_t)i + 1000, LANE_SLOW, 4 + nats(),
				    now + i * 600 * NS_PER_S);
		/* One real thing every three days, late on the day, milder than the noise. */
		if (d >= 5 && d % 3 == 0) {
			asked++;
			quiet += ask(b, 7, LANE_IDENTITY, 6.5, now + 80000 * NS_PER_S);
		}
	}
	printf("# of %d of the quiet family %d passed, %d noisy, %d slow\n", asked, quiet,
	       noisy, slow);
	CHECK(quiet >= asked - 1);
	CHECK(noisy >= 40);
	CHECK(slow >= 15 && slow <= 45);
	free(b);
}

TEST(what_nobody_wants_is_lent)
{
	struct budget *b = malloc(sizeof(*b));
	int n = 0;

	seed = 37;
	budget_init(b, 4);
	for (int i = 0; i < 40 * 200; i++)
		n += ask(b, hash_2(1, i), LANE_CLOUD, 3 + 2 * nats(),
			 100 * NS_PER_D + i * (NS_PER_D / 200));
	printf("# one family alone: asked 4, given %.2f\n", n / 40.0);
	CHECK(n / 40.0 > 3 && n / 40.0 <= 4.2);
	free(b);
}

TEST(an_entity_that_shouts_all_day_counts_once)
{
	double threshold[2];

	for (int run = 0; run < 2; run++) {
		struct budget *b = malloc(sizeof(*b));

		seed = 41;
		budget_init(b, 3);
		for (int d = 0; d < 25; d++) {
			int64_t now = (100 + d) * NS_PER_D;

			for (int i = 0; i < 40; i++)
				(void)ask(b, (uint64_t)i + 1, LANE_CLOUD, 3 + 2 * nats(),
					  now + i);
			for (int i = 0; run && i < 1000; i++)
				(void)ask(b, 99, LANE_CLOUD, 12, now + 100 + i);
		}
		threshold[run] = b->lane[LANE_CLOUD].threshold;
		free(b);
	}
	printf("# threshold %.2f, with one that shouts %.2f\n", threshold[0], threshold[1]);
	/* One more entity a day above it, not a thousand. */
	CHECK(threshold[1] > threshold[0] && threshold[1] < threshold[0] + 2.5);
}

TEST(what_goes_on_is_free)
{
	struct budget *b = malloc(sizeof(*b));
	struct budget_claim c = {.who = 5, .lane = LANE_OT, .surprise = 9, .now = NS_PER_D};

	budget_init(b, 0.5);
	CHECK(budget_ask(b, &c));
	c.goes_on = true;
	for (int i = 0; i < 100; i++)
		CHECK(budget_ask(b, &c));
	CHECK_INT(b->passed, 1);
	free(b);
}

TEST(states_stay_within_their_bytes)
{
	struct state_table t;
	struct state *s;

	state_init(&t, MIB);
	for (uint64_t k = 1; k <= 10000; k++)
		CHECK(state_put(&t, k, 400, (int64_t)k) != NULL);
	CHECK(t.bytes <= MIB);
	CHECK(t.evictions > 0);
	CHECK(!state_peek(&t, 1));
	s = state_get(&t, 10000, 10001);
	CHECK(s != NULL);
	s = state_grow(&t, s, 5000);
	CHECK(s && s->key == 10000 && state_peek(&t, 10000) == s);
	CHECK(t.bytes <= MIB);
	state_free(&t);
}

TAP_MAIN
