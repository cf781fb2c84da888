/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of findings, out of enough of them that each way of looking them up is taken: whatever
 * is asked, page after page gives what going through all of them gives.
 */
#include "base/hash.h"
#include "base/timeutil.h"
#include "store/store.h"
#include "tap.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define N	 14000u
#define T0	 (INT64_C(1700000000) * NS_PER_S)
#define QUERIES	 300u
#define PAGES	 3u
#define PAGE_MAX 60u

struct one {
	char id[16], title[64], model[16], entity[2][16], event[16];
	bool incident, compliance;
	const char *status;
	int severity;
	unsigned score;
	int64_t time;
};

static struct one all[N];

static uint64_t rng(uint64_t i, uint64_t what, uint64_t n)
{
	return hash_2(i, what + 1000) % n;
}

static void make(uint64_t i)
{
	struct one *o = &all[i];
	uint64_t who = rng(i, 1, 3) ? rng(i, 2, 2) : rng(i, 3, 500);

	snprintf(o->id, sizeof(o->id), "f%08x", (unsigned)hash_2(i, 4));
	snprintf(o->model, sizeof(o->model), "m%u", (unsigned)(rng(i, 5, 2) * rng(i, 6, 40)));
	snprintf(o->entity[0], sizeof(o->entity[0]), "pc%u", (unsigned)who);
	snprintf(o->entity[1], sizeof(o->entity[1]), "user%u", (unsigned)rng(i, 7, 900));
	snprintf(o->event, sizeof(o->event), "e%u", (unsigned)rng(i, 8, 5000));
	snprintf(o->title, sizeof(o->title), "%s On %s \"%u\"", o->entity[1], o->entity[0],
		 (unsigned)rng(i, 9, 30));
	o->incident = rng(i, 10, 8) == 0;
	o->compliance = rng(i, 11, 50) == 0;
	o->status = rng(i, 12, 90) ? "open" : rng(i, 13, 3) ? "closed" : "merged";
	o->severity = rng(i, 14, 20) ? (int)rng(i, 15, 3) : 3 + (int)rng(i, 16, 2);
	o->score = (unsigned)rng(i, 17, 30);
	o->time = T0 + (int64_t)rng(i, 18, 2000) * NS_PER_S;
}

static void fill(struct store *st)
{
	struct diag d = {{0}};

	for (uint64_t i = 0; i < N; i++) {
		struct one *o = &all[i];
		struct str names[2], event;
		struct store_finding f;

		make(i);
		names[0] = str_of(o->entity[0]);
		names[1] = str_of(o->entity[1]);
		event = str_of(o->event);
		f = (struct store_finding){.kind = o->incident ? STR("incident") : STR("alert"),
					   .id = str_of(o->id),
					   .title = str_of(o->title),
					   .model = str_of(o->model),
					   .queue = o->compliance ? STR("compliance")
								  : STR("threat"),
					   .status = str_of(o->status),
					   .time = o->time,
					   .severity = o->severity,
					   .score = o->score,
					   .json = STR("{}"),
					   .entities = names,
					   .nentities = 2,
					   .event_ids = &event,
					   .nevents = 1};
		if (i % 1000 == 7) { /* first with another title, that is found no longer */
			f.title = f.json = STR("nobody knows");
			CHECK_INT(store_finding_put(st, &f, &d), 0);
			f.title = str_of(o->title);
			f.json = STR("{}");
		}
		if (store_finding_put(st, &f, &d) < 0)
			CHECK(false);
	}
	CHECK_INT(store_sync(st, &d), 0);
}

static bool has_text(const char *hay, struct str needle)
{
	struct str h = str_of(hay);

	for (size_t i = 0; i + needle.len <= h.len; i++)
		if (str_ieq(str_sub(h, i, i + needle.len), needle))
			return true;
	return false;
}

static bool meant(const struct one *o, const struct store_query *q)
{
	return strcmp(o->status, "merged") != 0 &&
	       (!q->kind.len || str_eqz(q->kind, o->incident ? "incident" : "alert")) &&
	       (!q->queue.len || str_eqz(q->queue, o->compliance ? "compliance" : "threat")) &&
	       (!q->model.len || str_eqz(q->model, o->model)) &&
	       (!q->status.len || str_eqz(q->status, o->status)) &&
	       (!q->entity.len || str_ieqz(q->entity, o->entity[0]) ||
		str_ieqz(q->entity, o->entity[1])) &&
	       (!q->event.len || str_eqz(q->event, o->event)) &&
	       (!q->text.len || has_text(o->title, q->text)) &&
	       (q->from == TIME_NONE || o->time >= q->from) &&
	       (q->to == TIME_NONE || o->time < q->to) && o->severity >= q->severity_min &&
	       (!q->severity_max || o->severity <= q->severity_max);
}

static const struct store_query *sorting;

static int by_order(const void *a, const void *b)
{
	const struct one *x = *(const struct one *const *)a, *y = *(const struct one *const *)b;
	int back = str_eqz(sorting->order, "newest") ? -1 : 1;

	if (!sorting->order.len || str_eqz(sorting->order, "severity")) {
		if (x->severity != y->severity)
			return x->severity < y->severity ? 1 : -1;
		if (x->score != y->score)
			return x->score < y->score ? 1 : -1;
	}
	if (x->time != y->time)
		return x->time < y->time ? -back : back;
	return back * strcmp(x->id, y->id);
}

struct page {
	char id[PAGE_MAX][16];
	struct store_finding last;
	size_t n;
};

static int row(const struct store_finding *f, void *arg)
{
	struct page *p = arg;

	snprintf(p->id[p->n], sizeof(p->id[0]), "%.*s", STR_ARG(f->id));
	p->last = (struct store_finding){
		.severity = f->severity, .score = f->score, .time = f->time};
	p->last.id = str_of(p->id[p->n]);
	return ++p->n == PAGE_MAX;
}

/* What is asked number i; words live in text. */
static struct store_query query(uint64_t i, char text[4][32])
{
	static const char *const orders[] = {"", "severity", "time", "newest"};
	const struct one *o = &all[rng(i, 20, N)];
	struct store_query q = {.from = TIME_NONE, .to = TIME_NONE};

	q.kind = rng(i, 21, 9) ? STR("alert") : STR("incident");
	q.order = str_of(orders[rng(i, 22, 4)]);
	q.limit = 1 + rng(i, 23, PAGE_MAX - 1);
	if (rng(i, 24, 3) == 0)
		q.queue = rng(i, 25, 2) ? STR("threat") : STR("compliance");
	if (rng(i, 26, 4) == 0)
		q.model = str_of(o->model);
	if (rng(i, 27, 4) == 0)
		q.status = rng(i, 28, 2) ? STR("open") : STR("closed");
	if (rng(i, 29, 4) == 0)
		q.entity = str_of(o->entity[rng(i, 30, 2)]);
	if (rng(i, 31, 12) == 0)
		q.event = str_of(o->event);
	if (rng(i, 32, 3) == 0) {
		snprintf(text[0], sizeof(text[0]), "%s",
			 o->title + rng(i, 33, strlen(o->title) - 1));
		text[0][1 + rng(i, 34, 20)] = 0;
		q.text = str_of(text[0]);
	}
	if (rng(i, 35, 4) == 0)
		q.from = T0 + (int64_t)rng(i, 36, 1900) * NS_PER_S;
	if (rng(i, 37, 4) == 0)
		q.to = T0 + (int64_t)(1990 - rng(i, 38, 900)) * NS_PER_S;
	if (rng(i, 39, 3) == 0)
		q.severity_min = (int)rng(i, 40, 5);
	if (rng(i, 41, 4) == 0)
		q.severity_max = q.severity_min = 1 + (int)rng(i, 42, 4);
	return q;
}

/* Number of findings in which the pages differ from what they should be. */
static size_t wrong(struct store *st, struct store_query *q, size_t *ret_seen)
{
	static const struct one *want[N];
	struct store_finding after;
	struct diag d = {{0}};
	size_t n = 0, at = 0, bad = 0;
	char id[16];
	uint64_t total;

	for (size_t i = 0; i < N; i++)
		if (meant(&all[i], q))
			want[n++] = &all[i];
	sorting = q;
	qsort(want, n, sizeof(*want), by_order);
	bad += store_findings_count(st, q, N, &total, &d) < 0;
	/* Frequent words and entities need not be counted. */
	bad += total != n && !(total == N && (q->text.len || q->entity.len));
	for (size_t k = 0; k < PAGES; k++) {
		struct page p = {.n = 0};

		bad += store_findings(st, q, row, &p, &d) < 0;
		bad += p.n != MIN(q->limit, n - at);
		for (size_t i = 0; i < p.n; i++, at++)
			bad += at >= n || strcmp(p.id[i], want[at]->id) != 0;
		if (!p.n)
			break;
		after = p.last;
		snprintf(id, sizeof(id), "%.*s", STR_ARG(after.id));
		after.id = str_of(id);
		q->after = &after;
	}
	*ret_seen += at;
	return bad;
}

/* One reader is asked for words beside an entity that few have, then for the words alone. */
static void ask_words_again(const char *dir)
{
	struct store_query few = {.kind = STR("alert"),
				  .limit = 20,
				  .text = STR("user77"),
				  .entity = STR("user77"),
				  .from = TIME_NONE,
				  .to = TIME_NONE};
	struct store_query all_of_them = few;
	struct store *st = NULL;
	struct diag d = {{0}};
	size_t seen = 0;

	all_of_them.entity = STR("");
	CHECK_INT(store_open(&(struct store_conf){.dir = dir, .read_only = true}, &st, &d), 0);
	CHECK_INT(wrong(st, &few, &seen), 0);
	CHECK(seen > 0 && seen < 20);
	CHECK_INT(wrong(st, &all_of_them, &seen), 0);
	CHECK(seen > 60);
	store_close(st);
}

TEST(pages_are_those_of_going_through_all)
{
	char dir[] = "/tmp/thymus-findings-XXXXXX", path[64], text[4][32];
	struct store *st = NULL;
	struct diag d = {{0}};
	size_t seen = 0, questions = 0;

	if (!mkdtemp(dir))
		abort();
	CHECK_INT(store_open(&(struct store_conf){.dir = dir, .fresh = true}, &st, &d), 0);
	fill(st);
	for (uint64_t i = 0; i < QUERIES; i++) {
		struct store_query q = query(i, text);
		size_t bad = wrong(st, &q, &seen);

		questions += bad != 0;
		if (bad)
			printf("# question %u: %zu wrong\n", (unsigned)i, bad);
	}
	CHECK_INT(questions, 0);
	CHECK(seen > 2000);
	store_close(st);
	ask_words_again(dir);
	for (size_t i = 0; i < 4; i++) {
		static const char *const names[] = {"events.seg", "thymus.db", "thymus.db-wal",
						    "thymus.db-shm"};

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

TAP_MAIN
