/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "base/map.h"
#include "learn/state_table.h"
#include "tests/unit/tap.h"

static uint64_t seed;

static uint64_t rnd(uint64_t below)
{
	seed += UINT64_C(0x9e3779b97f4a7c15);
	return hash_mix(seed) % below;
}

/* A state whose bytes all follow from its key and size: whatever moved or mixed shows. */
static void fill(struct state *s, size_t from, size_t size)
{
	unsigned char *p = (unsigned char *)s;

	for (size_t i = from; i < size; i++)
		p[i] = (unsigned char)(s->key * 31 + i);
}

static bool intact(const struct state *s)
{
	const unsigned char *p = (const unsigned char *)s;

	for (size_t i = sizeof(*s); i < s->size8 * (size_t)8; i++)
		if (p[i] != (unsigned char)(s->key * 31 + i))
			return false;
	return true;
}

static size_t size_of(uint64_t key)
{
	return sizeof(struct state) + 8 * (hash_mix(key) % 60);
}

TEST(what_is_put_is_found_whole)
{
	struct state_table t;
	size_t bytes = 0;

	state_init(&t, 64 * MIB);
	for (uint64_t k = 1; k <= 60000; k++) {
		struct state *s = state_put(&t, k, size_of(k), (int64_t)k * NS_PER_S);

		if (!s)
			break;
		fill(s, sizeof(*s), size_of(k));
		bytes += size_of(k);
	}
	CHECK_INT(t.len, 60000);
	CHECK_INT(t.evictions, 0);
	for (uint64_t k = 1; k <= 60000; k++) {
		const struct state *s = state_peek(&t, k);

		if (!s || s->key != k || !intact(s) || s->size8 * (size_t)8 != size_of(k)) {
			CHECK_INT(k, 0); /* it is not as it was put */
			break;
		}
		CHECK_INT(state_first(s), (int64_t)k * NS_PER_S);
	}
	CHECK(!state_peek(&t, 60001));
	printf("# %zu states, %.1f bytes each, %.1f with everything\n", t.len,
	       (double)bytes / (double)t.len, (double)t.bytes / (double)t.len);
	CHECK((double)t.bytes < 1.25 * (double)bytes);
	state_free(&t);
}

TEST(the_budget_holds_under_any_mix)
{
	struct state_table t;
	int lost = 0, broken = 0;

	seed = 5;
	state_init(&t, 2 * MIB);
	for (int i = 0; i < 300000; i++) {
		uint64_t k = 1 + rnd(30000);
		bool known = state_peek(&t, k) != NULL;
		struct state *s = state_put(&t, k, size_of(k), i * NS_PER_S);

		if (!s) {
			lost++;
			continue;
		}
		if (!known)
			fill(s, sizeof(*s), s->size8 * (size_t)8);
		broken += !intact(s);
		if (rnd(20) == 0) {
			size_t old = s->size8 * (size_t)8;
			/* Past 4 KiB states live outside the slabs. */
			struct state *g = state_grow(&t, s, old + 8 * rnd(rnd(50) ? 40 : 2000));

			if (g) {
				fill(g, old, g->size8 * (size_t)8);
				broken += state_peek(&t, k) != g || !intact(g);
			}
		}
		if (rnd(50) == 0 && (s = state_peek(&t, 1 + rnd(30000))))
			state_drop(&t, s);
		if (t.bytes > t.limit) {
			CHECK_INT(t.bytes, t.limit);
			break;
		}
	}
	CHECK_INT(broken, 0);
	CHECK_INT(lost, 0);
	CHECK(t.evictions > 10000);
	printf("# %zu states in %zu bytes of %zu, %zu evictions\n", t.len, t.bytes, t.limit,
	       t.evictions);
	state_free(&t);
}

TEST(what_is_touched_stays_and_what_is_held_too)
{
	struct state_table t;
	int hot = 0, held = 0, cold = 0;
	struct state *s;

	state_init(&t, 2 * MIB);
	for (uint64_t k = 1; k <= 200; k++) {
		s = state_put(&t, k, 200, 0);
		state_hold(&t, s);
	}
	for (uint64_t k = 1000; k < 60000; k++) {
		CHECK(state_put(&t, k, 200, (int64_t)k * NS_PER_S) != NULL);
		/* 100 states are in use all the time. */
		s = state_get(&t, 1000 + k % 100, (int64_t)k * NS_PER_S);
		if (k < 1100)
			(void)state_get(&t, k, (int64_t)k * NS_PER_S);
	}
	for (uint64_t k = 1; k <= 200; k++)
		held += state_peek(&t, k) != NULL;
	for (uint64_t k = 1000; k < 1100; k++)
		hot += state_peek(&t, k) != NULL;
	for (uint64_t k = 1100; k < 1300; k++)
		cold += state_peek(&t, k) != NULL;
	printf("# held %d of 200, in use %d of 100, idle %d of 200\n", held, hot, cold);
	CHECK_INT(held, 200);
	CHECK_INT(hot, 100);
	CHECK_INT(cold, 0);
	/* Three weeks of silence end the hold. */
	for (uint64_t k = 100000; k < 140000; k++)
		CHECK(state_put(&t, k, 200, (int64_t)k * NS_PER_S + 22 * NS_PER_D) != NULL);
	held = 0;
	for (uint64_t k = 1; k <= 200; k++)
		held += state_peek(&t, k) != NULL;
	CHECK_INT(held, 0);
	state_free(&t);
}

TEST(no_more_than_a_quarter_is_held)
{
	struct state_table t;
	int refused = 0;

	state_init(&t, MIB);
	for (uint64_t k = 1; k <= 20000; k++) {
		struct state *s = state_put(&t, k, 200, 0);

		if (s)
			state_hold(&t, s);
		else
			refused++;
	}
	CHECK_INT(refused, 0);
	CHECK(t.held_bytes <= MIB / 4);
	CHECK(t.bytes <= t.limit);
	state_free(&t);
}

TEST(the_evicted_come_back_as_old_acquaintances)
{
	struct state_table t;
	struct state *s;
	int back = 0;

	state_init(&t, 4 * MIB);
	for (uint64_t k = 1; k <= 15000; k++)
		(void)state_put(&t, k, 400, (int64_t)k * NS_PER_S);
	CHECK(t.evictions > 4000);
	CHECK(!state_peek(&t, 1));
	for (uint64_t k = 1; k <= 500; k++) {
		s = state_put(&t, k, 400, NS_PER_D);
		if (!s)
			break;
		back += state_returned(s) && state_first(s) == (int64_t)k * NS_PER_S;
	}
	/* Sets of eight overflow now and then. */
	printf("# %zu went, of the first 500 of them %d are known again\n", t.evictions, back);
	CHECK(back > 350);
	s = state_put(&t, 1000000, 400, NS_PER_D);
	CHECK(s && !state_returned(s) && state_first(s) == NS_PER_D);
	state_free(&t);
}

TEST(the_recently_touched_neither_go_nor_move)
{
	struct state_table t;
	struct state *mine;
	int moved = 0;

	state_init(&t, MIB);
	for (uint64_t k = 1; k < 5000; k++)
		(void)state_put(&t, k, 100, 0);
	for (uint64_t k = 10000; k < 12000; k++) {
		mine = state_put(&t, k, 64 + k % 7 * 300, 0);
		for (uint64_t j = 1; j < STATE_RECENT - 1; j++)
			(void)state_put(&t, k * 1000 + j, 40 + j * 8, 0);
		moved += state_peek(&t, k) != mine;
	}
	CHECK_INT(moved, 0);
	state_free(&t);
}

/* The same calls give the same states whatever the addresses are. */
TEST(the_same_calls_keep_the_same_states)
{
	uint64_t sum[2] = {0, 0};

	for (int run = 0; run < 2; run++) {
		struct state_table t, other;

		seed = 9;
		state_init(&other, 8 * MIB);
		for (uint64_t k = 0; k < (run ? 5000 : 1); k++)
			(void)state_put(&other, k, 300, 0);
		state_init(&t, MIB);
		for (int i = 0; i < 100000; i++) {
			uint64_t k = 1 + rnd(1 + rnd(20000));
			struct state *s = state_put(&t, k, size_of(k), i * NS_PER_S);

			if (s && rnd(9) == 0)
				(void)state_grow(&t, s, s->size8 * (size_t)8 * 2);
		}
		for (uint64_t k = 1; k <= 20000; k++)
			sum[run] = hash_2(sum[run], state_peek(&t, k) != NULL);
		sum[run] = hash_2(sum[run], t.evictions);
		state_free(&t);
		state_free(&other);
	}
	CHECK(sum[0] == sum[1]);
}

TEST(times_outside_the_clock_do_no_harm)
{
	struct state_table t;
	struct state *s;

	state_init(&t, MIB);
	s = state_put(&t, 1, 40, -5 * NS_PER_D);
	CHECK(s && state_first(s) == 0);
	s = state_put(&t, 2, 40, INT64_MAX);
	CHECK(s && state_first(s) > 0);
	CHECK(!state_put(&t, 3, SIZE_MAX / 2, 0));
	CHECK(!state_put(&t, 3, STATE_SIZE_MAX + 8, 0));
	s = state_put(&t, 4, 0, 0);
	CHECK(s && !state_grow(&t, s, STATE_SIZE_MAX + 8) && state_peek(&t, 4) == s);
	/* Larger than the whole budget together: some of it is refused, none of it breaks. */
	for (uint64_t k = 10; k < 20; k++)
		(void)state_put(&t, k, 300 * KIB, 0);
	CHECK(t.bytes <= t.limit);
	state_free(&t);
}

TAP_MAIN
