/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that grow, are rotated by copying, and followed by a run after another: each record is
 * given out once. Records carry ids; the time is the test's own.
 */
#include "parse/live.h"
#include "declared.h"
#include "tap.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char decl[] = "source: t.log\ncodec: [json]\ntypes:\n  - name: rec\n    "
			   "class: api_activity\n"
			   "    when: {has: [k]}\n    time: k\n    id: id\n";

#define BASE INT64_C(1777800000)
#define LATE (5 * NS_PER_S)
#define IDS  1000
#define ALL  ((size_t)IDS)

struct world {
	char dir[64], state[80], logs[80];
	const char *paths[1];
	struct schema *s;
	struct sources *src;
	struct live *lv;
	int64_t now;
	unsigned times[IDS]; /* each was given out */
};

static void start(struct world *w)
{
	struct live_conf c = {
		.sources = w->src, .paths = w->paths, .npaths = 1, .lateness = LATE};
	struct diag d = {{0}};

	CHECK_INT(live_new(&c, &w->lv, &d), 0);
}

static void world_open(struct world *w)
{
	*w = (struct world){.dir = "/tmp/liveXXXXXX", .now = (BASE + 1000) * NS_PER_S};
	CHECK(mkdtemp(w->dir) != NULL);
	snprintf(w->logs, sizeof(w->logs), "%s/logs", w->dir);
	snprintf(w->state, sizeof(w->state), "%s/state", w->dir);
	CHECK_INT(mkdir(w->logs, 0700), 0);
	w->paths[0] = w->logs;
	declare(decl, &w->s, &w->src);
	start(w);
}

static void world_close(struct world *w)
{
	char cmd[128];

	live_free(w->lv);
	sources_free(w->src);
	schema_free(w->s);
	snprintf(cmd, sizeof(cmd), "rm -r %s", w->dir);
	CHECK_INT(system(cmd), 0);
}

static const char *at(const struct world *w, const char *name)
{
	static char path[2][256];
	static int k;

	k = !k;
	snprintf(path[k], sizeof(path[k]), "%s/%s", w->logs, name);
	return path[k];
}

/* Records from..to of about 100 bytes; the time of each is its number plus `ahead` seconds. */
static void grow(struct world *w, const char *name, int from, int to, int ahead)
{
	FILE *f = fopen(at(w, name), "a");

	CHECK(f != NULL);
	for (int i = from; f && i < to; i++)
		fprintf(f, "{\"k\":%lld,\"id\":\"%d\",\"pad\":\"%060d\"}\n",
			(long long)(BASE + i + ahead), i, i);
	if (f)
		fclose(f);
}

static void copy(struct world *w, const char *from, const char *to)
{
	char cmd[600];

	snprintf(cmd, sizeof(cmd), "cp %s %s", at(w, from), at(w, to));
	CHECK_INT(system(cmd), 0);
}

/* Looks, and takes what is due; at most max. */
static void run(struct world *w, size_t max)
{
	struct diag d = {{0}};
	struct event *ev;
	struct arena *mem;
	int64_t wake;
	int n = 1;

	CHECK_INT(live_look(w->lv, w->now, true, &d), 0);
	for (size_t got = 0; n > 0 && got < max; got += (size_t)n) {
		n = live_next(w->lv, w->now, &ev, max - got, &mem, &wake, &d);
		CHECK(n >= 0);
		for (int i = 0; i < n; i++)
			w->times[atoi(ev[i].id.p)]++;
		if (n <= 0)
			break;
	}
}

static void pass(struct world *w, int seconds)
{
	for (int i = 0; i < seconds; i++) {
		w->now += NS_PER_S;
		run(w, ALL);
	}
}

static void keep(struct world *w)
{
	struct blocks_out *b;
	struct diag d = {{0}};

	CHECK_INT(blocks_create(w->state, &b, &d), 0);
	live_save(w->lv, b);
	CHECK_INT(blocks_commit(b, &d), 0);
}

/* As after kill -9: what was kept is all that is known. */
static void again(struct world *w)
{
	struct blocks_in *b;
	struct diag d = {{0}};

	live_free(w->lv);
	start(w);
	CHECK_INT(blocks_open(w->state, &b, &d), 0);
	CHECK_INT(live_load(w->lv, b), 0);
	blocks_close(b);
}

static void check_once(const struct world *w, int n)
{
	int none = 0, more = 0;

	for (int i = 0; i < n; i++) {
		none += w->times[i] == 0;
		more += w->times[i] > 1;
	}
	CHECK_INT(none, 0);
	CHECK_INT(more, 0);
}

/* 0..99 early, 100..149 late, 150..199 early: the last are given out while the second wait. */
static void out_of_order(struct world *w)
{
	grow(w, "a.log", 0, 100, 0);
	pass(w, 8);
	grow(w, "a.log", 100, 150, 500);
	grow(w, "a.log", 150, 200, 0);
	run(w, ALL);
	w->now += LATE;
	run(w, 50);
	CHECK_INT(w->times[150], 1);
	CHECK_INT(w->times[100], 0);
}

TEST(what_was_given_out_beyond_goes_with_a_copy_made_while_nobody_ran)
{
	struct world w;

	world_open(&w);
	out_of_order(&w);
	keep(&w);
	copy(&w, "a.log", "a.log.1");
	CHECK_INT(truncate(at(&w, "a.log"), 0), 0);
	again(&w);
	pass(&w, 10);
	check_once(&w, 200);
	world_close(&w);
}

TEST(and_with_one_that_comes_after_the_file_is_gone)
{
	struct world w;

	world_open(&w);
	out_of_order(&w);
	keep(&w);
	copy(&w, "a.log", "../aside");
	CHECK_INT(unlink(at(&w, "a.log")), 0);
	again(&w);
	pass(&w, 2);
	keep(&w);
	again(&w);
	copy(&w, "../aside", "a.log.1");
	pass(&w, 10);
	check_once(&w, 200);
	world_close(&w);
}

TEST(what_waits_of_a_truncated_file_is_in_the_checkpoint)
{
	struct world w;

	for (int seen = 0; seen < 2; seen++) { /* the copy, before the checkpoint */
		world_open(&w);
		out_of_order(&w);
		copy(&w, "a.log", seen ? "a.log.1" : "../aside");
		CHECK_INT(truncate(at(&w, "a.log"), 0), 0);
		grow(&w, "a.log", 200, 260, 0);
		for (int i = 0; i < 3; i++)
			run(&w, 1);
		CHECK_INT(w.times[149], 0);
		keep(&w);
		if (!seen)
			copy(&w, "../aside", "a.log.1");
		again(&w);
		pass(&w, 12);
		check_once(&w, 260);
		world_close(&w);
	}
}

TEST(a_clock_put_back_holds_nothing_up)
{
	struct world w;

	world_open(&w);
	grow(&w, "a.log", 0, 100, 2000);
	run(&w, ALL);
	CHECK_INT(w.times[0], 0);
	w.now -= 900 * NS_PER_S;
	pass(&w, 6);
	check_once(&w, 100);
	world_close(&w);
}

TAP_MAIN
