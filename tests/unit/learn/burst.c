/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "learn/distinct.h"
#include "tests/unit/learn/feed.h"
#include <math.h>

#define DAY0 (1004 * NS_PER_D)

TEST(distinct_is_exact_to_sixteen_and_near_beyond)
{
	double worst = 0, sum = 0;

	for (uint64_t seed = 0; seed < 200; seed++) {
		struct distinct d = {0};

		for (uint64_t i = 0; i < 500; i++) {
			(void)distinct_add(&d, hash_2(seed, i));
			(void)distinct_add(&d, hash_2(seed, i / 2));
			if (i < 16)
				CHECK(distinct_count(&d) >= (double)i &&
				      distinct_count(&d) <= (double)i + 1);
		}
		worst = MAX(worst, fabs(distinct_count(&d) / 500 - 1));
		sum += distinct_count(&d) / 500 / 200;
	}
	printf("# 500 things: mean estimate %.2f of the truth, worst error %.0f %%\n", sum,
	       100 * worst);
	CHECK(fabs(sum - 1) < 0.06);
	CHECK(worst < 0.8);
}

TEST(a_union_counts_once)
{
	struct distinct a = {0}, b = {0};

	for (uint64_t i = 0; i < 10; i++) {
		(void)distinct_add(&a, hash_2(1, i));
		(void)distinct_add(&b, hash_2(1, i + 5));
	}
	CHECK(distinct_union(&a, &b) == 15);
	for (uint64_t i = 0; i < 200; i++)
		(void)distinct_add(&b, hash_2(1, i));
	CHECK(fabs(distinct_union(&a, &b) - distinct_count(&b)) < 1e-9);
}

#define FANOUT \
	"name: q\nkind: burst\nentity: device\nvalue: dst_endpoint.hostname\nwindow: 10m\n"

static struct event *touch(struct feed *w, const char *who, int thing, int64_t at)
{
	struct event *e = feed_event(w, who, at);
	char name[24];

	snprintf(name, sizeof(name), "h%d", thing);
	event_set(e, ATTR_DST_HOST, val_s(str_of(name)));
	feed_learn(w, e);
	return e;
}

TEST(a_scan_is_a_burst_and_a_scanner_is_known_for_it)
{
	struct feed w;
	struct event *e = NULL;
	double quiet, scan, again;

	feed_seed = 9;
	feed_open(&w, FANOUT);
	for (int h = 0; h < 24 * 10; h++)
		for (int d = 1; d <= 10; d++) {
			char who[16];

			snprintf(who, sizeof(who), "10.0.0.%d", d);
			for (int i = 0; i < 3; i++)
				e = touch(&w, who, (int)(8 * feed_uniform()),
					  DAY0 + h * NS_PER_H + d * NS_PER_S);
		}
	quiet = feed_out(&w, e, "raw");
	for (int i = 0; i < 60; i++)
		e = touch(&w, "10.0.0.1", 1000 + i, DAY0 + 240 * NS_PER_H + i * NS_PER_S);
	scan = feed_out(&w, e, "raw");
	CHECK(feed_out(&w, e, "distinct_new") == 60);
	CHECK(feed_out(&w, e, "surprise") > 6);
	/* It does so every hour of a week. */
	for (int h = 241; h < 241 + 168; h++)
		for (int i = 0; i < 60; i++)
			e = touch(&w, "10.0.0.1", 1000 + i, DAY0 + h * NS_PER_H + i * NS_PER_S);
	again = feed_out(&w, e, "raw");
	printf("# usual %.1f, a scan %.1f, the scan of a scanner %.1f nats\n", quiet, scan,
	       again);
	CHECK(quiet < 2 && scan > 10 && again < 3);
	feed_close(&w);
}

TEST(a_window_counts_once_in_the_door)
{
	struct feed w;
	struct event *e = NULL;

	/* 300 hours of 30 things each: if every step counted, 30 would be one of many. */
	feed_open(&w, FANOUT);
	for (int h = 0; h < 300; h++)
		for (int i = 0; i < 30; i++)
			e = touch(&w, "10.0.0.1", i, DAY0 + h * NS_PER_H + i * NS_PER_S);
	/* The whole window is as usual as can be: its surprise is about ln 2. */
	CHECK(feed_out(&w, e, "surprise") < 1.5);
	feed_close(&w);
}

#define TUNNEL                                                                          \
	"name: q\nkind: burst\nentity: [device, query.domain]\nvalue: query.hostname\n" \
	"measure: bits\nwindow: 10m\n"

static struct event *ask(struct feed *w, const char *who, const char *label, const char *domain,
			 int64_t at)
{
	struct event *e = feed_event(w, who, at);
	char name[128];

	snprintf(name, sizeof(name), "%s%s%s", label, *label ? "." : "", domain);
	event_set(e, ATTR_QUERY, val_s(str_of(name)));
	event_set(e, ATTR_QUERY_DOMAIN, val_s(str_of(domain)));
	feed_learn(w, e);
	return e;
}

TEST(a_tunnel_is_told_from_looking_up_names)
{
	static const char *const labels[] = {"www", "api", "cdn", "mail", "img", "static"};
	struct feed w;
	struct event *e = NULL;
	int64_t t = DAY0;
	double at = -1;

	feed_seed = 21;
	feed_open(&w, TUNNEL);
	for (int i = 0; i < 40000; i++, t += 20 * NS_PER_S) {
		char who[24], domain[24];

		snprintf(who, sizeof(who), "10.0.0.%d", 1 + (int)(30 * feed_uniform()));
		snprintf(domain, sizeof(domain), "d%d.example",
			 (int)(300 * feed_uniform() * feed_uniform()));
		e = ask(&w, who, labels[(int)(6 * feed_uniform())], domain, t);
	}
	e = ask(&w, "10.0.0.1", "", "d1.example", t);
	CHECK(feed_out(&w, e, "bits") >= 0);
	/* 30 characters a query, one a second. */
	for (int i = 0; i < 60; i++) {
		char label[40];

		snprintf(label, sizeof(label), "%015llx%015llx",
			 (unsigned long long)(hash_2(5, i) >> 4),
			 (unsigned long long)(hash_2(6, i) >> 4));
		e = ask(&w, "10.0.0.2", label, "t.example", t + i * NS_PER_S);
		if (at < 0 && feed_out(&w, e, "surprise") >= 6)
			at = i;
	}
	printf("# the tunnel's bits %.0f, surprise 6 after %.0f queries, at the end %.1f\n",
	       feed_out(&w, e, "bits"), at + 1, feed_out(&w, e, "surprise"));
	/* HyperLogLog is within a fifth or two of 60 x 30 x 4. */
	CHECK(feed_out(&w, e, "bits") > 4000 && feed_out(&w, e, "bits") < 13000);
	CHECK(at >= 0 && at < 30);
	feed_close(&w);
}

/* Surprise of 22 names of 30 characters, one in half a minute, after days of block lists. */
static double slow_tunnel(const char *address)
{
	struct feed w;
	struct event *e = NULL;
	int64_t t = DAY0;
	double surprise;
	char label[40];

	feed_seed = 22;
	feed_open(&w, TUNNEL);
	for (int i = 0; i < 30000; i++, t += 20 * NS_PER_S) {
		char who[24], domain[24];

		snprintf(who, sizeof(who), "10.0.0.%d", 1 + (int)(30 * feed_uniform()));
		snprintf(domain, sizeof(domain), "d%d.example",
			 (int)(300 * feed_uniform() * feed_uniform()));
		ask(&w, who, "www", domain, t);
		for (int k = 0; k < 3; k++) {
			int a = (int)(256 * feed_uniform()), b = (int)(256 * feed_uniform());

			snprintf(label, sizeof(label), address, a, b, k, b);
			snprintf(domain, sizeof(domain), "list%d.example", i / 90 % 12);
			ask(&w, "10.0.1.1", label, domain, t + 1 + k);
		}
	}
	for (int i = 0; i < 22; i++) {
		snprintf(label, sizeof(label), "%015llx%015llx",
			 (unsigned long long)(hash_2(5, i) >> 4),
			 (unsigned long long)(hash_2(6, i) >> 4));
		e = ask(&w, "10.0.0.2", label, "t.example", t + i * 27 * NS_PER_S);
	}
	surprise = feed_out(&w, e, "surprise");
	feed_close(&w);
	return surprise;
}

/* Block lists are asked for addresses turned round: that hides no tunnel; other names would. */
TEST(block_lists_do_not_hide_a_slow_tunnel)
{
	double beside = slow_tunnel("%d.%d.%d.%d"), among = slow_tunnel("%d-%d-%d-%d");

	printf("# beside block lists %.1f, beside lists of other names %.1f nats\n", beside,
	       among);
	CHECK(beside >= 6);
	CHECK(among < beside - 1);
}

#define REWRITE                                                      \
	"name: q\nkind: rewrite\nentity: device\nvalue: file.path\n" \
	"against: file.previous_path\n"

static double file_op(struct feed *w, const char *who, const char *op, const char *path,
		      const char *before, int64_t at)
{
	struct event *e = feed_event(w, who, at);

	event_set(e, ATTR_ACTIVITY, val_s(str_of(op)));
	event_set(e, ATTR_FILE_PATH, val_s(str_of(path)));
	if (before)
		event_set(e, schema_attr(w->s, STR("file.previous_path")),
			  val_s(str_of(before)));
	feed_learn(w, e);
	return feed_out(w, e, "log_e");
}

/* Twenty devices that open, save and rename documents for days. */
static int64_t office(struct feed *w)
{
	int64_t t = DAY0;

	for (int i = 0; i < 3000; i++, t += 60 * NS_PER_S) {
		char who[16], path[32], old[32];

		snprintf(who, sizeof(who), "10.0.0.%d", 1 + i % 20);
		snprintf(path, sizeof(path), "a/doc%d.docx", i % 97);
		snprintf(old, sizeof(old), "a/~wrl%d.tmp", i);
		file_op(w, who, "SMB::FILE_OPEN", path, NULL, t);
		if (i % 5 == 0)
			file_op(w, who, "SMB::FILE_RENAME", path, old, t + NS_PER_S);
	}
	return t;
}

TEST(five_files_renamed_to_a_strange_ending_are_enough)
{
	struct feed w;
	int64_t t;
	double e = 0;
	int after = 0;

	feed_open(&w, REWRITE);
	t = office(&w);
	for (int i = 0; i < 8; i++) {
		char path[32], old[32];

		snprintf(old, sizeof(old), "b/x%d.pdf", i);
		snprintf(path, sizeof(path), "b/x%d.pdf.k7f2x", i);
		file_op(&w, "10.0.0.4", "SMB::FILE_OPEN", old, NULL, t + 2 * i * NS_PER_S);
		e = file_op(&w, "10.0.0.4", "SMB::FILE_RENAME", path, old,
			    t + (2 * i + 1) * NS_PER_S);
		if (!after && e >= 13.8)
			after = i + 1;
	}
	printf("# alarm after %d files\n", after);
	CHECK_INT(after, 5);
	feed_close(&w);
}

TEST(files_read_and_overwritten_in_a_row_are_told)
{
	struct feed w;
	int64_t t;
	double e = 0;

	feed_open(&w, REWRITE);
	t = office(&w);
	for (int i = 0; i < 6; i++) {
		char path[32];

		snprintf(path, sizeof(path), "b/y%d.xlsx", i);
		file_op(&w, "10.0.0.4", "SMB::FILE_READ", path, NULL, t + i * NS_PER_S);
		e = file_op(&w, "10.0.0.4", "SMB::FILE_WRITE", path, NULL, t + i * NS_PER_S);
	}
	CHECK(e >= 13.8);
	/* One file saved again and again counts once. */
	t += NS_PER_D;
	for (int i = 0; i < 30; i++) {
		file_op(&w, "10.0.0.5", "SMB::FILE_READ", "b/z.xlsx", NULL, t + i * NS_PER_S);
		e = file_op(&w, "10.0.0.5", "SMB::FILE_WRITE", "b/z.xlsx", NULL,
			    t + i * NS_PER_S);
		CHECK(e < 5);
	}
	feed_close(&w);
}

TEST(an_archive_job_and_a_busy_editor_are_not)
{
	struct feed w;
	int64_t t;
	double most = 0;

	feed_open(&w, REWRITE);
	t = office(&w);
	for (int i = 0; i < 400; i++) {
		char path[32], old[32];

		snprintf(old, sizeof(old), "b/x%d.docx", i);
		snprintf(path, sizeof(path), "archive/x%d.docx", i);
		most = MAX(most, file_op(&w, "10.0.0.6", "SMB::FILE_RENAME", path, old,
					 t + i * NS_PER_S));
	}
	/* A document every two minutes. */
	for (int i = 0; i < 50; i++) {
		char path[32];

		snprintf(path, sizeof(path), "b/e%d.docx", i);
		file_op(&w, "10.0.0.7", "SMB::FILE_READ", path, NULL, t + i * 120 * NS_PER_S);
		most = MAX(most, file_op(&w, "10.0.0.7", "SMB::FILE_WRITE", path, NULL,
					 t + (i * 120 + 60) * NS_PER_S));
	}
	printf("# highest evidence %.1f\n", most);
	CHECK(most < 13.8);
	feed_close(&w);
}

TAP_MAIN
