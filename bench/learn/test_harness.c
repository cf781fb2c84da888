/* SPDX-License-Identifier: Apache-2.0 */
/* What the comparison itself rests on: streams, baselines, and the counting of alerts. */
#include "bench/learn/baselines.h"
#include "bench/learn/hour.h"
#include "bench/learn/merit.h"
#include "bench/learn/product.h"
#include "tests/unit/tap.h"

static uint64_t sum_of(const struct stream *s)
{
	uint64_t h = s->n;

	for (size_t i = 0; i < s->n; i++) {
		const struct rec *r = &s->rec[i];

		h = h * 1099511628211u ^ (uint64_t)r->t ^ (uint64_t)r->actor << 20 ^ r->f[0] ^
		    (uint64_t)r->attack << 40 ^ (uint64_t)(int64_t)r->bytes_out;
	}
	return h;
}

static void open_small(struct stream *s, bool lan, uint64_t seed)
{
	struct stream_conf conf = {.seed = seed, .rate = 0.1};

	CHECK_INT(lan ? stream_lan(&conf, s) : stream_cloud(&conf, s), 0);
}

TEST(a_seed_gives_one_stream)
{
	for (int lan = 0; lan < 2; lan++) {
		struct stream a, b, c;
		size_t back = 0;

		open_small(&a, lan, 1);
		open_small(&b, lan, 1);
		open_small(&c, lan, 2);
		CHECK(a.n > 10000);
		CHECK(sum_of(&a) == sum_of(&b));
		CHECK(sum_of(&a) != sum_of(&c));
		for (size_t i = 1; i < a.n; i++)
			back += a.rec[i].due < a.rec[i - 1].due;
		CHECK_INT(back, 0);
		stream_free(&a);
		stream_free(&b);
		stream_free(&c);
	}
}

TEST(every_attack_takes_all_its_steps_inside_the_stream)
{
	for (int lan = 0; lan < 2; lan++) {
		uint32_t steps[256] = {0};
		struct stream s;

		open_small(&s, lan, 3);
		CHECK(s.nattacks > 10 && s.nattacks < 256);
		for (size_t i = 0; i < s.n; i++) {
			const struct rec *r = &s.rec[i];

			if (!r->attack)
				continue;
			CHECK_INT(r->actor, s.attacks[r->attack - 1].victim);
			CHECK(r->t >= s.attacks_from && r->t < s.end + 8 * NS_PER_D);
			steps[r->attack - 1] |= 1u << r->step;
		}
		for (size_t a = 0; a < s.nattacks; a++)
			CHECK(__builtin_popcount(steps[a] & 0xfe) >= (lan ? 6 : 7));
		stream_free(&s);
	}
}

TEST(stress_changes_what_it_says_and_no_more)
{
	struct stream s, plain;
	size_t moved = 0, ahead = 0, attack = 0, was = 0;

	open_small(&plain, false, 1);
	open_small(&s, false, 1);
	CHECK_INT(stream_stress(&s, STRESS_LATE, 1), 0);
	CHECK_INT(s.n, plain.n);
	for (size_t i = 0; i < s.n; i++)
		moved += s.rec[i].due != s.rec[i].t;
	CHECK(moved > s.n / 25 && moved < s.n / 16);
	CHECK_INT(stream_stress(&s, STRESS_TWICE, 1), 0);
	CHECK(s.n > plain.n + plain.n / 125 && s.n < plain.n + plain.n / 80);
	stream_free(&s);
	open_small(&s, false, 1);
	CHECK_INT(stream_stress(&s, STRESS_JUMP, 1), 0);
	for (size_t i = 0; i < s.n; i++)
		ahead += s.rec[i].t == s.rec[i].due + NS_PER_H;
	CHECK(ahead > 0 && ahead < s.n / 30);
	CHECK_INT(stream_stress(&s, STRESS_GAP, 1), 0);
	CHECK(s.n < plain.n);
	stream_free(&s);
	open_small(&s, false, 1);
	CHECK_INT(stream_stress(&s, STRESS_TENFOLD, 1), 0);
	for (size_t i = 0; i < s.n; i++)
		attack += s.rec[i].attack != 0;
	for (size_t i = 0; i < plain.n; i++)
		was += plain.rec[i].attack != 0;
	CHECK(s.n > plain.n + plain.n / 6);
	CHECK_INT(attack, was);
	stream_free(&s);
	stream_free(&plain);
}

/* A stream by hand: every entity once a day at noon for 30 days; attacks begin on day 25. */
static void open_toy(struct stream *s, uint32_t entities)
{
	*s = (struct stream){.begin = 0,
			     .attacks_from = 25 * NS_PER_D,
			     .end = 30 * NS_PER_D,
			     .entities = entities,
			     .nfields = 1};
	for (int day = 0; day < 30; day++)
		for (uint32_t i = 0; i < entities; i++)
			CHECK(stream_add(s, i, day * NS_PER_D + 12 * NS_PER_H) != NULL);
}

TEST(merit_counts_alerts_and_attacks)
{
	struct outcome sum = {0};
	struct merit *m;
	struct stream s;
	uint16_t id;

	open_toy(&s, 100);
	id = stream_attack(&s, ATTACK_LOUD, 7, 27 * NS_PER_D);
	s.rec[27 * 100 + 7].attack = id;
	s.rec[27 * 100 + 7].step = 4;
	m = merit_new(&s, false);
	CHECK(m != NULL);
	/* Entity i always scores i, so that the past says: 1 a day is above 98. */
	for (size_t i = 0; i < s.n; i++)
		merit_see(m, &s.rec[i], s.rec[i].attack ? 97.5 : (double)s.rec[i].actor);
	merit_add(m, &sum);
	CHECK_INT(sum.kind[ATTACK_LOUD].n, 1);
	CHECK_INT(sum.kind[ATTACK_LOUD].past[0], 0); /* 98 and 99 are above it */
	CHECK_INT(sum.kind[ATTACK_LOUD].past[1], 1);
	CHECK_INT(sum.kind[ATTACK_LOUD].same[0], 0);
	CHECK_INT(sum.kind[ATTACK_LOUD].same[1], 1);
	CHECK_INT(sum.kind[ATTACK_LOUD].first[1][4], 1);
	CHECK_INT(sum.kind[ATTACK_LOUD].top[0], 0);
	CHECK_INT(sum.kind[ATTACK_LOUD].top[1], 1);
	CHECK_INT((int)sum.days, 5);
	/* As asked: 99; 97 to 99; 90 to 99. The attack is past from day 28 on and takes a
	 * place. */
	CHECK_INT((int)sum.alerts[0], 5);
	CHECK_INT((int)sum.alerts[1], 3 * 3 + 2 * 2);
	CHECK_INT((int)sum.alerts[2], 3 * 10 + 2 * 9);
	merit_free(m);
	stream_free(&s);
}

TEST(equal_scores_do_not_pass_a_budget)
{
	struct outcome sum = {0};
	struct stream s;
	struct merit *m;

	open_toy(&s, 50);
	m = merit_new(&s, false);
	for (size_t i = 0; i < s.n; i++)
		merit_see(m, &s.rec[i], 3);
	merit_add(m, &sum);
	CHECK_INT((int)sum.alerts[2], 0);
	merit_free(m);
	stream_free(&s);
}

TEST(an_alert_goes_on_for_a_day)
{
	struct outcome sum = {0};
	struct stream s;
	struct merit *m;

	open_toy(&s, 10);
	m = merit_new(&s, true);
	for (size_t i = 0; i < s.n; i++)
		merit_see(m, &s.rec[i], s.rec[i].actor == 3 && s.rec[i].t < 10 * NS_PER_D);
	merit_add(m, &sum);
	/* Once a day at the same hour: each is a decision of its own. */
	CHECK_INT((int)sum.decisions, 10);
	CHECK_INT((int)sum.alerts[0], 0); /* before the attacks began */
	merit_free(m);
	stream_free(&s);
}

TEST(wilson_as_published)
{
	double low, high;

	wilson(8, 10, &low, &high);
	CHECK(low > 48.9 && low < 49.1 && high > 94.2 && high < 94.4);
	wilson(0, 10, &low, &high);
	CHECK(low < 1e-6 && high > 27.7 && high < 27.9);
}

static const struct baseline *named(const char *name)
{
	for (size_t i = 0; i < nbaselines; i++)
		if (!strcmp(baselines[i].name, name))
			return &baselines[i];
	return NULL;
}

/* One entity, values 1 to 3 in turn, every ten minutes for ten days; then something else. */
static double last_score(const char *name, bool lan, uint16_t value, int burst, double gap_s)
{
	const struct baseline *b = named(name);
	struct stream s = {.entities = 2, .lan = lan, .nvalues = {10, 10, 10, 10, 10}};
	void *state = b->open(&s);
	struct rec r = {0};
	double score = 0;

	for (int i = 0; i < 1440; i++) {
		r.t = NS_PER_D + i * 600 * NS_PER_S;
		r.f[0] = (uint16_t)(1 + i % 3);
		(void)b->see(state, &r);
	}
	r.t += 3600 * NS_PER_S;
	for (int i = 0; i < burst; i++) {
		r.t += (int64_t)(gap_s * (double)NS_PER_S);
		r.f[0] = value;
		score = b->see(state, &r);
	}
	b->close(state);
	return score;
}

TEST(baselines_see_what_they_are_for)
{
	CHECK(last_score("first time", false, 2, 1, 1) == 0);
	CHECK(last_score("first time", false, 7, 1, 1) == 1);
	CHECK(last_score("z-score", false, 2, 3, 1) < 1);
	CHECK(last_score("z-score", false, 2, 60, 1) > 10);
	CHECK(last_score("rare", false, 7, 1, 1) > last_score("rare", false, 2, 1, 1) + 10);
	CHECK(last_score("MIDAS-F", false, 2, 60, 1) >
	      10 * last_score("MIDAS-F", false, 2, 2, 1));
	CHECK(last_score("LODA", false, 2, 40, 1) > last_score("LODA", false, 2, 1, 1) + 0.5);
	CHECK(last_score("LODA", false, 7, 1, 1) > last_score("LODA", false, 2, 1, 1) + 0.5);
	CHECK(last_score("CV", true, 7, 5, 60) == 0);
	CHECK(last_score("CV", true, 7, 20, 60) > 1e5);
}

static struct learn_result result(const char *quantity, const char *seen, double raw)
{
	return (struct learn_result){
		.quantity = str_of(quantity), .seen = str_of(seen), .raw = raw};
}

TEST(an_hour_of_many_novelties_is_odder_than_one_of_few)
{
	bool human[1] = {true};
	struct stream s = {.entities = 1, .human = human};
	struct hour *h = hour_new(&s);
	struct learn_result res[4];
	struct rec r = {0};
	double few, same, many;

	for (int i = 0; i < 24 * 20; i++) {
		r.t = NS_PER_D + i * NS_PER_H;
		res[0] = result("call", "one", i % 10 ? 0.5 : 4);
		(void)hour_see(h, &r, res, 1);
	}
	r.t += 100 * NS_PER_H;
	res[0] = result("call", "two", 4);
	few = hour_see(h, &r, res, 1);
	same = hour_see(h, &r, res, 1);
	res[0] = result("call", "three", 4);
	res[1] = result("call", "four", 4);
	res[2] = result("net", "five", 4);
	many = hour_see(h, &r, res, 3);
	CHECK(few > 0 && same <= few); /* the same value counts once an hour */
	CHECK(many > few + 2);
	hour_free(h);
}

TEST(the_product_reads_both_streams_the_same_way_twice)
{
	for (int lan = 0; lan < 2; lan++) {
		double sum[2] = {0}, view[VIEWS];
		struct stream s;

		open_small(&s, lan, 1);
		for (int run = 0; run < 2; run++) {
			struct diag d = {{0}};
			struct product *p = NULL;

			CHECK_INT(product_open(&s, SHARE_DIR, 3, false, &p, &d), 0);
			for (size_t i = 0; p && i < MIN(s.n, (size_t)20000); i++) {
				CHECK_INT(product_see(p, &s.rec[i], view), 0);
				sum[run] += view[VIEW_SINGLE] + view[VIEW_HOUR];
			}
			product_free(p);
		}
		CHECK(sum[0] > 0);
		CHECK(memcmp(&sum[0], &sum[1], sizeof(double)) == 0);
		stream_free(&s);
	}
}

TAP_MAIN
