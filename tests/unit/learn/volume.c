/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/group.h"
#include "learn/level.h"
#include "tests/unit/learn/feed.h"
#include <math.h>

#define DAY0 (1005 * NS_PER_D) /* a Monday */

TEST(sketch_quantiles_are_within_five_percent_and_merge)
{
	struct sketch a = {0}, b = {0}, both = {0};
	double x[2000];

	feed_seed = 3;
	for (int i = 0; i < 2000; i++) {
		x[i] = 1000 * exp(feed_uniform());
		sketch_add(i % 2 ? &a : &b, x[i]);
		sketch_add(&both, x[i]);
	}
	/* ln x is uniform, so the quantiles are known. */
	for (double p = 0.1; p < 0.95; p += 0.2) {
		double q = sketch_quantile(&both, p);

		CHECK(fabs(log(q / (1000 * exp(p)))) < 0.10);
	}
	sketch_merge(&a, &b);
	CHECK_INT(a.n, both.n);
	CHECK(fabs(log(sketch_quantile(&a, 0.5) / sketch_quantile(&both, 0.5))) < 0.11);
	CHECK(sketch_tail(&both, 1) > 0.99 && sketch_tail(&both, 1e6) < 0.001);
}

TEST(sketch_spans_what_it_must)
{
	struct sketch s = {0};

	for (int i = 0; i < 100; i++)
		sketch_add(&s, 5);
	for (int i = 0; i < 100; i++)
		sketch_add(&s, 4e9);
	CHECK_INT(s.n, 200);
	CHECK(fabs(log(sketch_quantile(&s, 0.25) / 5)) < 0.5);
	CHECK(fabs(log(sketch_quantile(&s, 0.75) / 4e9)) < 0.5);
	sketch_add(&s, 0);
	sketch_add(&s, -7);
	sketch_add(&s, INFINITY);
	CHECK_INT(s.n, 203);
	/* Full bins halve and go on. */
	for (int i = 0; i < 70000; i++)
		sketch_add(&s, 5);
	CHECK(s.n > 30000 && s.n < 70203);
}

TEST(an_entitys_own_sketch_tells_what_a_large_one_does)
{
	struct sketch_own own = {0};
	struct sketch all = {0}, s;

	feed_seed = 5;
	for (int i = 0; i < 200; i++) {
		double x = 1000 * exp(5 * feed_uniform());

		sketch_own_add(&own, x);
		sketch_add(&all, x);
	}
	sketch_of(&own, &s);
	CHECK_INT(s.n, 200);
	CHECK(fabs(log(sketch_quantile(&s, 0.5) / sketch_quantile(&all, 0.5))) < 0.1);
	CHECK(fabs(log(sketch_quantile(&s, 0.95) / sketch_quantile(&all, 0.95))) < 0.1);
	/* Joins what does not fit, and halves what a byte cannot count. */
	sketch_own_add(&own, 1e15);
	sketch_own_add(&own, 1e-3);
	sketch_of(&own, &s);
	CHECK_INT(s.n, 202);
	CHECK(fabs(log(sketch_quantile(&s, 1) / 1e15)) < 0.5);
	for (int i = 0; i < 1000; i++)
		sketch_own_add(&own, 5);
	sketch_of(&own, &s);
	CHECK(s.n >= 128 && s.n < 600);
	CHECK(fabs(log(sketch_quantile(&s, 0.5) / 5)) < 0.5);
	sketch_own_add(&own, INFINITY);
}

TEST(owners_are_counted_by_class_once_they_differ)
{
	static struct group groups[CLASSES + 1];
	struct quantity q = {.id = 7, .groups = groups};
	struct learn l = {0};
	struct popular *p, *plain;

	quantity_keys(&q);
	state_init(&l.states, MIB);
	p = popular_put(&l, &q, 99, STR("a.example"), DAY0);
	CHECK(p && popular_first(p));
	*popular_first(p) = 41;
	for (int i = 0; i < 3; i++)
		popular_add(&l, &q, &p, ENT_CLASS_CLIENT);
	CHECK_INT(p->st.size8 * 8, 48);
	CHECK_INT(popular_of(p, ENT_CLASS_CLIENT), 3);
	CHECK_INT(popular_of(p, ENT_CLASS_SERVER), 0);
	popular_add(&l, &q, &p, ENT_CLASS_SERVER);
	popular_add(&l, &q, &p, ENT_CLASS_CLIENT);
	CHECK_INT(popular_of(p, ENT_CLASS_CLIENT), 4);
	CHECK_INT(popular_of(p, ENT_CLASS_SERVER), 1);
	CHECK_INT(popular_of(p, ENT_CLASS_UNKNOWN), 0);
	CHECK_INT(p->ents, 5);
	CHECK_INT(*popular_first(p), 41);
	CHECK(str_eqz(popular_text(&l, &q, 99), "a.example"));
	plain = popular_put(&l, &q, 100, (struct str){NULL, 0}, DAY0);
	CHECK(plain && plain->st.size8 * 8 == 32 && !popular_first(plain));
	state_free(&l.states);
}

TEST(what_was_never_seen_is_never_impossible)
{
	struct sketch s = {0};
	struct class_past g;
	struct level own = {0};
	double nats;

	/* All of the top alike: a fitted tail would end right above it. */
	memset(&g, 0, sizeof(g));
	for (int i = 0; i < 4000; i++) {
		double x = i % 40 ? 50 + i % 7 : 130 - i % 3;

		sketch_add(&s, x);
		level_learn(&g.level, log1p(x), NS_PER_H, 100);
	}
	g.sizes = s;
	nats = size_nats(&own, &g, 0, 1e6, NS_PER_D);
	printf("# %.1f nats\n", nats);
	CHECK(isfinite(nats) && nats > 10);
}

TEST(negative_binomial_tail_is_exact)
{
	/* Poisson limit: P(X >= 5 | mean 1) = 0.00365985. */
	CHECK(fabs(nb_nats(1, 1e7, 5) + log(0.00365985)) < 1e-3);
	/* Geometric, r = 1, mean 2: P(X >= k) = (2/3)^k. */
	CHECK(fabs(nb_nats(2, 1, 10) + 10 * log(2.0 / 3)) < 1e-6);
	CHECK(fabs(nb_nats(500, 1, 20000) + 20000 * log(500.0 / 501)) < 0.05);
	CHECK(nb_nats(3, 2, 0) >= 0);
	CHECK(isfinite(nb_nats(1e-9, 0.2, 1e6)));
}

TEST(fisher_combines_as_a_chi_square)
{
	double one[] = {3}, two[] = {3, 3};

	CHECK(fabs(fisher_nats(one, 1) - 3) < 1e-12);
	/* Chi-square of 4 degrees above 12: e^-6 (1 + 6). */
	CHECK(fabs(fisher_nats(two, 2) - (6 - log(7))) < 1e-12);
}

TEST(an_entity_speaks_for_itself_the_longer_it_is_known)
{
	struct level group = {0}, own = {0};
	double fresh;

	for (int i = 0; i < 1000; i++)
		level_learn(&group, 5 + (i % 3 - 1), NS_PER_H, 10);
	fresh = level_log_t(&own, &group, 12);
	for (int i = 0; i < 100; i++)
		level_learn(&own, 12 + 0.5 * (i % 3 - 1), NS_PER_H, 1);
	CHECK(fresh > 3);
	CHECK(level_log_t(&own, &group, 12) < 2);
	CHECK(level_log_t(&own, &group, 17) > 8);
}

TEST(the_hour_of_the_week_is_learned)
{
	struct hours h;
	struct own_hours own;

	memset(&h, 0, sizeof(h));
	memset(&own, 0, sizeof(own));
	/* Six nats more at night, on weekdays: a backup. */
	for (int d = 0; d < 28; d++)
		for (int hr = 0; hr < 24; hr++)
			for (int e = 0; e < 20; e++)
				hours_add(&h, e ? NULL : &own,
					  DAY0 + d * NS_PER_D + hr * NS_PER_H, NS_PER_H,
					  hr == 2 && d % 7 < 5 ? 6 : -1);
	CHECK(hours_shift(&h, NULL, DAY0 + 28 * NS_PER_D + 2 * NS_PER_H, NS_PER_H) > 4);
	CHECK(hours_shift(&h, &own, DAY0 + 28 * NS_PER_D + 2 * NS_PER_H, NS_PER_H) > 4);
	CHECK(hours_shift(&h, NULL, DAY0 + 28 * NS_PER_D + 3 * NS_PER_H, NS_PER_H) < 0);
	/* Saturday. */
	CHECK(hours_shift(&h, NULL, DAY0 + 33 * NS_PER_D + 2 * NS_PER_H, NS_PER_H) < 0);
}

#define UPLOAD                                                                                 \
	"name: q\nkind: volume\nentity: [device, dst_endpoint.hostname]\n"                     \
	"value: dst_endpoint.hostname\nnumber: traffic.bytes_out\nagainst: traffic.bytes_in\n" \
	"window: 1h\n"

static struct event *sent(struct feed *w, const char *who, const char *to, int64_t at,
			  int64_t out, int64_t in)
{
	struct event *e = feed_event(w, who, at);

	event_set(e, ATTR_DST_HOST, val_s(str_of(to)));
	event_set(e, ATTR_BYTES_OUT, val_i(out));
	event_set(e, ATTR_BYTES_IN, val_i(in));
	feed_learn(w, e);
	return e;
}

TEST(an_upload_to_a_rare_place_is_odder_than_the_same_to_a_common_one)
{
	struct feed w;
	struct event *e;
	double common, rare, down;
	int64_t t = DAY0;

	feed_seed = 5;
	feed_open(&w, UPLOAD);
	for (int h = 0; h < 10 * 24; h++, t += NS_PER_H)
		for (int d = 0; d < 20; d++) {
			char who[16];

			snprintf(who, sizeof(who), "10.0.0.%d", d + 1);
			sent(&w, who, "cloud.example", t + d * NS_PER_S,
			     (int64_t)(20000 * exp(2 * feed_uniform())),
			     (int64_t)(200000 * exp(2 * feed_uniform())));
		}
	e = sent(&w, "10.0.0.3", "cloud.example", t + 60 * NS_PER_S, 50000000, 10000);
	common = feed_out(&w, e, "raw");
	e = sent(&w, "10.0.0.4", "drop.example", t + 61 * NS_PER_S, 50000000, 10000);
	rare = feed_out(&w, e, "raw");
	CHECK(feed_out(&w, e, "surprise") > 6);
	e = sent(&w, "10.0.0.5", "mirror.example", t + 62 * NS_PER_S, 50000000, 900000000);
	down = feed_out(&w, e, "raw");
	printf("# common place %.1f, rare place %.1f, a download %.1f nats\n", common, rare,
	       down);
	CHECK(rare > common + 1);
	CHECK(down <= 1);
	feed_close(&w);
}

#define LEAK "name: q\nkind: volume\nentity: device\nnumber: traffic.bytes_out\nwindow: 1d\n"

/*
 * Fifty devices with log-normal daily totals of sd 0.5; those of the first half send e^1.1
 * times as much from day `from` on. told[i]: the day on which device i was first told, or 0.
 */
static void leaks(struct feed *w, int days, int from, int told[50])
{
	for (int d = 0; d < days; d++)
		for (int i = 0; i < 50; i++) {
			struct event *e;
			char who[16];
			double z = 0, more = i < 25 && d >= from ? 1.1 : 0;

			for (int k = 0; k < 12; k++)
				z += feed_uniform();
			snprintf(who, sizeof(who), "10.0.1.%d", i);
			e = sent(w, who, "x.example",
				 DAY0 + d * NS_PER_D + 20 * NS_PER_H + i * NS_PER_S,
				 (int64_t)(1e7 * exp(0.5 * (z - 6) + more)), 0);
			if (!told[i] && feed_out(w, e, "leak") >= 8)
				told[i] = d + 1;
		}
}

TEST(a_slow_leak_is_told_within_days_and_steady_traffic_is_not)
{
	struct feed w;
	int told[50] = {0}, slowest = 0, missed = 0, false_ones = 0;

	feed_seed = 17;
	feed_open(&w, LEAK);
	leaks(&w, 90, 60, told);
	for (int i = 0; i < 25; i++) {
		missed += told[i] <= 60;
		slowest = MAX(slowest, told[i] - 60);
		false_ones += told[25 + i] > 0;
	}
	printf("# three times as much: told after at most %d days, %d of 25 not or before; "
	       "%d of 25 steady ones within 90 days\n",
	       slowest, missed, false_ones);
	CHECK(missed <= 1);
	CHECK(slowest <= 14);
	CHECK(false_ones <= 1);
	feed_close(&w);
}

#define EVENTS "name: q\nkind: volume\nmeasure: events\nentity: device\nwindow: 1h\n"

TEST(events_are_counted)
{
	struct feed w;
	struct event *e = NULL;
	double usual;

	feed_open(&w, EVENTS);
	for (int h = 0; h < 120; h++)
		for (int i = 0; i < 4; i++)
			e = sent(&w, "10.0.0.1", "x", DAY0 + h * NS_PER_H + i * NS_PER_S, 0, 0);
	usual = feed_out(&w, e, "raw");
	CHECK(feed_out(&w, e, "value") == 4);
	for (int i = 0; i < 40; i++)
		e = sent(&w, "10.0.0.1", "x", DAY0 + 120 * NS_PER_H + i * NS_PER_S, 0, 0);
	printf("# four an hour %.1f nats, forty %.1f\n", usual, feed_out(&w, e, "raw"));
	CHECK(usual < 2);
	CHECK(feed_out(&w, e, "raw") > 8);
	feed_close(&w);
}

TEST(earlier_windows_are_counted)
{
	struct feed w;
	struct event *e = NULL;

	feed_open(&w, EVENTS);
	for (int h = 0; h < 3; h++) {
		e = sent(&w, "10.0.0.1", "x", DAY0 + h * NS_PER_H, 0, 0);
		CHECK(feed_out(&w, e, "count") == h);
	}
	e = sent(&w, "10.0.0.1", "x", DAY0 + 2 * NS_PER_H + 1, 0, 0);
	CHECK(feed_out(&w, e, "count") == 2);
	e = sent(&w, "10.0.0.1", "x", DAY0 + 500 * NS_PER_H, 0, 0);
	CHECK(feed_out(&w, e, "count") == 3);
	e = sent(&w, "10.0.0.2", "x", DAY0 + 500 * NS_PER_H, 0, 0);
	CHECK(feed_out(&w, e, "count") == 0);
	feed_close(&w);
}

TAP_MAIN
