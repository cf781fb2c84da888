/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/budget.h"
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
	CHECK(budget_realised(b) >= 1.0);
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
