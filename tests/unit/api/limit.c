/* SPDX-License-Identifier: Apache-2.0 */
/* Tries and their return. */
#include "api/limit.h"
#include "tap.h"

TEST(tries_run_out_and_come_back)
{
	static struct limiter l;
	int64_t now = 1000 * NS_PER_S;

	limit_init(&l);
	for (int i = 0; i < 5; i++)
		CHECK_INT(limit_take(&l, 7, 5, 10 * NS_PER_S, now), 0);
	CHECK_INT(limit_take(&l, 7, 5, 10 * NS_PER_S, now), 10 * NS_PER_S);
	CHECK_INT(limit_take(&l, 8, 5, 10 * NS_PER_S, now), 0);
	CHECK_INT(limit_take(&l, 7, 5, 10 * NS_PER_S, now + 4 * NS_PER_S), 6 * NS_PER_S);
	CHECK_INT(limit_take(&l, 7, 5, 10 * NS_PER_S, now + 10 * NS_PER_S), 0);
	CHECK(limit_take(&l, 7, 5, 10 * NS_PER_S, now + 10 * NS_PER_S) > 0);
	limit_give(&l, 7, 10 * NS_PER_S);
	CHECK_INT(limit_take(&l, 7, 5, 10 * NS_PER_S, now + 10 * NS_PER_S), 0);
	limit_free(&l);
}

/* Somebody with many addresses must not make the table forget who has no tries left. */
TEST(many_keys_do_not_wash_out_one)
{
	static struct limiter l;
	int64_t now = 1000 * NS_PER_S;

	limit_init(&l);
	for (int i = 0; i < 5; i++)
		CHECK_INT(limit_take(&l, 7, 5, 10 * NS_PER_S, now), 0);
	for (uint64_t k = 100; k < 200000; k++)
		CHECK_INT(limit_take(&l, k, 5, 10 * NS_PER_S, now), 0);
	CHECK(limit_take(&l, 7, 5, 10 * NS_PER_S, now) > 0);
	limit_free(&l);
}

TAP_MAIN
