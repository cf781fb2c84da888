/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/rhythm.h"
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

/* Arrivals until the verdict, or max + 1. */
static int beats(double period, double jitter, double ln_inv, int max)
{
	struct rhythm r = {.delta = 0.02};
	double t = 0;

	for (int i = 1; i <= max; i++) {
		rhythm_add(&r, t + 0.02 * uniform());
		if (rhythm_beacon(&r, ln_inv))
			return i;
		t += period * (1 + jitter * (2 * uniform() - 1));
	}
	return max + 1;
}

static int by_size(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int median_beats(double jitter, double ln_inv)
{
	static int n[400];

	for (int i = 0; i < 400; i++)
		n[i] = beats(exp(log(5) + uniform() * log(720)), jitter, ln_inv, 100);
	qsort(n, 400, sizeof(n[0]), by_size);
	return n[200];
}

TEST(beacons_are_heard_after_few_arrivals)
{
	static const struct {
		double jitter;
		int most[3]; /* at alpha 1e-2, 1e-3, 1e-4 */
	} want[] = {
		{0, {5, 6, 6}}, {0.1, {7, 8, 10}}, {0.3, {10, 12, 14}}, {0.5, {12, 16, 19}}};
	static const double ln_inv[] = {4.605, 6.908, 9.21};

	seed = 88172645463325252u;
	for (size_t i = 0; i < 4; i++)
		for (size_t a = 0; a < 3; a++) {
			int m = median_beats(want[i].jitter, ln_inv[a]);

			printf("# jitter %.0f %%, ln 1/alpha %.1f: median %d arrivals\n",
			       100 * want[i].jitter, ln_inv[a], m);
			CHECK(m <= want[i].most[a]);
		}
}

static int false_alarms(int channels, int bursty)
{
	int alarms = 0;

	for (int c = 0; c < channels; c++) {
		struct rhythm r = {.delta = 0.02};
		double t = 0, scale = exp(uniform() * 6);

		for (int i = 0; i < 100; i++) {
			double s = bursty && uniform() < 0.8 ? scale / 50 : scale;

			rhythm_add(&r, t);
			if (rhythm_beacon(&r, 6.908)) {
				alarms++;
				break;
			}
			t += -log(uniform()) * s;
		}
	}
	return alarms;
}

TEST(irregular_traffic_stays_silent)
{
	int poisson, bursty;

	seed = 88172645463325252u;
	poisson = false_alarms(4000, 0);
	bursty = false_alarms(4000, 1);
	printf("# of 4000 channels at alpha 1e-3: Poisson %d, bursty %d\n", poisson, bursty);
	CHECK(poisson <= 8);
	CHECK(bursty <= 8);
}

TEST(late_and_close_arrivals_are_coalesced)
{
	struct rhythm r = {.delta = 3};

	CHECK(rhythm_add(&r, 0));
	CHECK(!rhythm_add(&r, 1));
	CHECK(rhythm_add(&r, 10));
	CHECK(!rhythm_add(&r, 5));
	CHECK_INT(r.arrivals, 2);
}

TAP_MAIN
