/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs that stop: told once, not for nights and weekends, not for what we slept through. */
#include "sense/silence.h"
#include "base/timeutil.h"
#include "tap.h"
#include <stdio.h>
#include <unistd.h>

#define MINUTE (60 * NS_PER_S)
#define T0     (INT64_C(1767571200) * NS_PER_S) /* Monday 2026-01-05 00:00 UTC */

struct heard {
	unsigned silent, back;
	struct silence_told last;
	bool deaf;
};

static int hear(const struct silence_told *t, void *arg)
{
	struct heard *h = arg;

	if (h->deaf)
		return -1;
	h->last = *t;
	*(t->back ? &h->back : &h->silent) += 1;
	return 0;
}

/* Minute after minute; the input speaks when at(minute) says so. */
static void run(struct silence *s, struct heard *h, int64_t from, int64_t minutes,
		bool (*at)(int64_t minute))
{
	int input = silence_input(s, STR("zeek"));

	for (int64_t m = from; m < from + minutes; m++) {
		if (at(m))
			silence_seen(s, input, T0 + m * MINUTE);
		silence_check(s, T0 + m * MINUTE, hear, h);
	}
}

static bool always(int64_t m)
{
	(void)m;
	return true;
}

static bool never(int64_t m)
{
	(void)m;
	return false;
}

/* Monday to Friday, eight to eighteen. */
static bool office(int64_t m)
{
	int64_t day = m / 1440, hour = m / 60 % 24;

	return day % 7 < 5 && hour >= 8 && hour < 18;
}

static struct silence *fresh(void)
{
	struct silence *s = NULL;

	CHECK_INT(silence_new(&s), 0);
	return s;
}

TEST(told_once_and_back_once)
{
	struct silence *s = fresh();
	struct heard h = {0};
	size_t n, silent;

	run(s, &h, 0, 2 * 1440, always);
	CHECK_INT(h.silent, 0);
	run(s, &h, 2 * 1440, 600, never);
	CHECK_INT(h.silent, 1);
	CHECK_STR(str_of(h.last.input), "zeek");
	CHECK_INT(h.last.usual, MINUTE);
	CHECK_INT(h.last.quiet, 19 * MINUTE); /* the first minute beyond 3 + 15 */
	silence_count(s, &n, &silent);
	CHECK_INT(n, 1);
	CHECK_INT(silent, 1);
	run(s, &h, 2 * 1440 + 600, 60, always);
	CHECK_INT(h.silent, 1);
	CHECK_INT(h.back, 1);
	CHECK_INT(h.last.quiet, 601 * MINUTE);
	silence_free(s);
}

TEST(too_young_to_be_missed)
{
	struct silence *s = fresh();
	struct heard h = {0};

	run(s, &h, 0, 1000, always);
	run(s, &h, 1000, 400, never);
	CHECK_INT(h.silent, 0);
	silence_free(s);
}

TEST(nights_and_weekends_are_usual)
{
	struct silence *s = fresh();
	struct heard h = {0};

	run(s, &h, 0, 28 * 1440, office);
	CHECK_INT(h.silent, 0);
	/* Gone on a Monday: three weekends later that is clear. */
	run(s, &h, 28 * 1440, 14 * 1440, never);
	CHECK_INT(h.silent, 1);
	silence_free(s);
}

TEST(what_we_slept_through_is_not_theirs)
{
	struct silence *s = fresh();
	struct heard h = {0};

	run(s, &h, 0, 2 * 1440, always);
	silence_resume(s, T0 + 5 * NS_PER_D);
	run(s, &h, 5 * 1440, 10, never);
	CHECK_INT(h.silent, 0);
	run(s, &h, 5 * 1440 + 10, 1440, always);
	run(s, &h, 6 * 1440 + 10, 60, never);
	CHECK_INT(h.silent, 1);
	CHECK(h.last.usual < 30 * MINUTE);
	/* The clock is set back. */
	silence_resume(s, T0);
	run(s, &h, 0, 300, always);
	CHECK_INT(h.back, 1);
	silence_free(s);
}

TEST(what_could_not_be_told_is_told_later)
{
	struct silence *s = fresh();
	struct heard h = {.deaf = true};

	run(s, &h, 0, 2 * 1440, always);
	run(s, &h, 2 * 1440, 100, never);
	CHECK_INT(h.silent, 0);
	h.deaf = false;
	run(s, &h, 2 * 1440 + 100, 1, never);
	CHECK_INT(h.silent, 1);
	silence_free(s);
}

TEST(kept_and_gone_on_with)
{
	char path[] = "/tmp/thymus-silence-XXXXXX", before[64];
	struct silence *s = fresh(), *t = fresh();
	struct blocks_out *w = NULL;
	struct blocks_in *r = NULL;
	struct heard h = {0};
	struct diag d;

	if (mkstemp(path) < 0)
		return;
	run(s, &h, 0, 2 * 1440, always);
	run(s, &h, 2 * 1440, 60, never);
	CHECK_INT(h.silent, 1);
	CHECK_INT(blocks_create(path, &w, &d), 0);
	silence_save(s, w);
	CHECK_INT(blocks_commit(w, &d), 0);
	CHECK_INT(blocks_open(path, &r, &d), 0);
	CHECK_INT(silence_load(t, r), 0);
	blocks_close(r);
	silence_resume(t, T0 + (2 * 1440 + 90) * MINUTE);
	run(t, &h, 2 * 1440 + 90, 300, never);
	CHECK_INT(h.silent, 1); /* it was told before */
	run(t, &h, 2 * 1440 + 390, 2, always);
	CHECK_INT(h.back, 1);
	snprintf(before, sizeof(before), "%s.1", path);
	unlink(path);
	unlink(before);
	silence_free(s);
	silence_free(t);
}

TEST(more_inputs_than_there_is_room_for)
{
	struct silence *s = fresh();
	char name[16];

	for (unsigned i = 0; i < SILENCE_INPUTS + 10; i++) {
		snprintf(name, sizeof(name), "in%u", i);
		CHECK_INT(silence_input(s, str_of(name)), i < SILENCE_INPUTS ? (int)i : -1);
	}
	CHECK_INT(silence_input(s, STR("in7")), 7);
	silence_seen(s, -1, T0);
	silence_seen(s, 100000, T0);
	silence_free(s);
}

TAP_MAIN
