/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/parallel.h"
#include "base/hash.h"
#include "base/macros.h"
#include "tests/unit/tap.h"
#include <math.h>

static uint64_t seed;

static double uniform(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return ((double)(seed >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void)
{
	return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

static int call(struct parallel *p, int host, double t, bool slow)
{
	const struct parallel_group *g =
		parallel_add(p, hash_mix((uint64_t)host + 1), (int64_t)(t * 1e9));

	return g ? parallel_in_step(g, 6.908, slow) : 0;
}

/* Seconds to the alarm when `hosts` endpoints are polled, or -1. */
static double polled(int hosts, double period, double latency, int polls)
{
	struct parallel p = {0};
	double at[12], t = 100;

	for (int k = 0; k < polls; k++, t += period) {
		for (int h = 0; h < hosts; h++)
			at[h] = t + fabs(latency * normal());
		/* In order of time, as the product sees them. */
		for (int h = 0; h < hosts; h++) {
			int first = 0;

			for (int i = 0; i < hosts; i++)
				if (at[i] < at[first])
					first = i;
			if (call(&p, first, at[first], false))
				return at[first] - 100;
			at[first] = 1e18;
		}
	}
	return -1;
}

TEST(nine_endpoints_twice_a_second_are_heard_within_five)
{
	static const double latency[] = {0.01, 0.05, 0.15};

	seed = 3;
	for (size_t i = 0; i < ARRAY_LEN(latency); i++) {
		int in_time = 0;

		for (int run = 0; run < 200; run++) {
			double s = polled(9, 0.5, latency[i], 40);

			in_time += s >= 1.5 && s <= 5;
		}
		printf("# latency %.0f ms: %d of 200 within 5 s\n", latency[i] * 1e3, in_time);
		CHECK(in_time >= 190);
	}
}

TEST(three_endpoints_are_too_few)
{
	seed = 4;
	CHECK(polled(3, 0.5, 0.01, 100) < 0);
	CHECK(polled(4, 0.5, 0.01, 100) > 0);
}

TEST(slow_ones_are_told_only_when_asked_for)
{
	struct parallel p = {0};
	int fast = 0, slow = 0;

	for (int k = 0; k < 8; k++)
		for (int h = 0; h < 6; h++) {
			const struct parallel_group *g = parallel_add(
				&p, hash_mix((uint64_t)h + 1),
				100 * NS_PER_S + k * 600 * NS_PER_S + h * NS_PER_MS);

			fast |= g && parallel_in_step(g, 6.908, false);
			slow |= g && parallel_in_step(g, 6.908, true);
		}
	CHECK(!fast);
	CHECK(slow);
}

/* Pages that a person opens: many servers at once, at irregular times. */
TEST(pages_are_not_polling)
{
	int bad = 0;

	seed = 5;
	for (int run = 0; run < 300; run++) {
		struct parallel p = {0};
		double t = 100;
		bool alarm = false;

		for (int page = 0; page < 100; page++, t += 3 * exp(normal()))
			for (int h = 0; h < 9; h++)
				alarm |= call(&p, h, t + 0.02 * h, true) > 0;
		bad += alarm;
	}
	printf("# of 300 sessions of 100 pages: %d\n", bad);
	CHECK(bad <= 3);
}

TEST(hostile_times_do_no_harm)
{
	static const int64_t t[] = {INT64_MAX, INT64_MIN, 0, -1, 1, INT64_MAX / 2, NS_PER_S};
	struct parallel p = {0};

	for (uint64_t i = 0; i < 10000; i++) {
		const struct parallel_group *g =
			parallel_add(&p, hash_mix(i % 13), t[i * 11 % ARRAY_LEN(t)]);

		CHECK(!g || (g->n <= PARALLEL_MEMBERS && g->ticks > 0));
	}
}

/* Random pages and a poller: as many groups as are called for hear what three would. */
TEST(groups_made_on_demand_hear_the_same)
{
	int ever = 0, grown = 0;

	seed = 11;
	for (int run = 0; run < 200; run++) {
		struct parallel whole = {0}, part = {0};
		int64_t t = 0;
		int room = 1;

		for (int i = 0; i < 2000; i++) {
			uint64_t c = hash_mix(1 + (uint64_t)(uniform() * (run % 2 ? 6 : 40)));
			const struct parallel_group *a, *b;

			/* Pages of several calls, with pauses of up to half a day between. */
			t += (int64_t)((uniform() < 0.1 ? pow(uniform(), 8) * 43200
							: uniform() * 0.1) *
				       1e9);
			if (room < PARALLEL_GROUPS && parallel_full(part.group, room, c, t))
				room++;
			a = parallel_add(&whole, c, t);
			b = parallel_add_in(part.group, room, c, t);
			CHECK_INT(a != NULL, b != NULL);
			if (a && b)
				CHECK(a->r.ln_mix == b->r.ln_mix && a->ticks == b->ticks);
			ever += a != NULL;
		}
		grown += room > 1;
	}
	printf("# %d ticks; %d of 200 grew\n", ever, grown);
	CHECK(ever > 0 && grown > 0);
}

TAP_MAIN
