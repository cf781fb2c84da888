/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/stream.h"
#include "declared.h"
#include "tap.h"
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static const char decl[] = "source: t.log\ncodec: [zeek_tsv, json]\ntypes:\n  - name: rec\n    "
			   "class: api_activity\n"
			   "    when: {has: [k]}\n    time: k\n    id: id\n";

#define BASE INT64_C(1777800000)

struct world {
	char dir[64];
	struct schema *s;
	struct sources *src;
};

static void world_open_as(struct world *w, const char *what)
{
	*w = (struct world){.dir = "/tmp/streamXXXXXX"};
	CHECK(mkdtemp(w->dir) != NULL);
	declare(what, &w->s, &w->src);
}

static void world_open(struct world *w)
{
	world_open_as(w, decl);
}

static void world_close(struct world *w)
{
	DIR *dir = opendir(w->dir);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			CHECK_INT(unlinkat(dirfd(dir), e->d_name, 0), 0);
	if (dir)
		closedir(dir);
	rmdir(w->dir);
	sources_free(w->src);
	schema_free(w->s);
}

static FILE *in_world(const struct world *w, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	return fopen(path, "w");
}

/* A record; pad makes it larger. */
static void put(FILE *f, int64_t k, const char *id, size_t pad)
{
	fprintf(f, "{\"k\":%jd,\"id\":\"%s\",\"pad\":\"%*s\"}\n", (intmax_t)(BASE + k), id,
		(int)pad, "");
}

/* n records whose times wander by at most `jitter` behind a rising clock. */
static void put_many(const struct world *w, const char *name, unsigned n, unsigned jitter,
		     uint32_t seed)
{
	FILE *f = in_world(w, name);

	for (unsigned i = 0; f && i < n; i++) {
		char id[64];

		seed = seed * 1664525 + 1013904223;
		snprintf(id, sizeof(id), "%s-%u", name, i);
		put(f, i / 4 + (seed >> 8) % (jitter + 1), id, 40 + (seed >> 16) % 100);
	}
	if (f)
		fclose(f);
}

struct seen {
	uint64_t n, digest;
	bool sorted, counted;
	struct stream_stats stats;
	size_t nref;
	char why[64];
	uint64_t scanned; /* most that the first pass told of */
	bool too_far;
};

static void scanned(void *arg, uint64_t done, uint64_t total)
{
	struct seen *s = arg;

	s->scanned = MAX(s->scanned, done);
	s->too_far |= done > total;
}

/* Replays the folder and sums up what came in which order. */
static struct seen replay(const struct world *w, unsigned threads, size_t hold, size_t max)
{
	const char *paths[] = {w->dir};
	struct seen s = {.sorted = true, .counted = true};
	struct stream_conf conf = {.paths = paths,
				   .npaths = 1,
				   .threads = threads,
				   .hold_bytes = hold,
				   .scanned = scanned,
				   .scanned_arg = &s};
	struct stream *st = NULL;
	const struct refusal *ref;
	const struct stream_file *files;
	struct diag d = {{0}};
	struct arena *mem;
	struct event *e;
	int64_t last = INT64_MIN;
	int n;

	CHECK_INT(stream_open(&conf, w->src, &st, &d), 0);
	while (st && (n = stream_next(st, &e, max, &mem, &d)) > 0) {
		for (int i = 0; i < n; i++) {
			s.sorted &= e[i].known >= last;
			last = e[i].known;
			s.counted &= e[i].seq == ++s.n;
			s.digest = s.digest * 31 + e[i].hash;
			for (size_t c = 0; c < e[i].id.len; c++)
				s.digest = s.digest * 131 + (unsigned char)e[i].id.p[c];
		}
	}
	if (!st)
		return s;
	CHECK_INT(n, 0);
	stream_stats(st, &s.stats);
	s.nref = stream_refusals(st, &ref);
	if (s.nref)
		snprintf(s.why, sizeof(s.why), "%s", ref[0].why);
	CHECK_INT(stream_files(st, &files), s.stats.files);
	stream_free(st);
	return s;
}

TEST(order)
{
	struct world w;
	struct seen a;

	world_open(&w);
	put_many(&w, "a.log", 5000, 0, 1);
	put_many(&w, "b.log", 5000, 50, 2);
	put_many(&w, "c.log", 9000, 3000, 3); /* held */
	put_many(&w, "d.log", 10, 0, 4);
	a = replay(&w, 0, 0, 1000);
	CHECK_INT(a.n, 19010);
	CHECK(a.sorted && a.counted);
	CHECK_INT(a.stats.records, 19010);
	CHECK_INT(a.stats.events, 19010);
	CHECK_INT(a.stats.bytes_done, a.stats.bytes_total);
	CHECK_INT(a.stats.bytes_raw, a.stats.bytes_total);
	CHECK_INT(a.scanned, a.stats.bytes_total);
	CHECK(!a.too_far);
	for (unsigned threads = 0; threads < 3; threads++) {
		/* With so little to hold, runs of the temporary file are merged. */
		struct seen b = replay(&w, threads, 4096, 7 + threads);
		struct seen c = replay(&w, threads, 0, 4096);

		CHECK(b.digest == a.digest && b.n == a.n);
		CHECK(c.digest == a.digest && c.n == a.n);
	}
	world_close(&w);
}

TEST(duplicates)
{
	struct world w;
	struct seen a;

	world_open(&w);
	put_many(&w, "same", 300, 5, 1);
	a = replay(&w, 0, 0, 100);
	CHECK_INT(a.stats.duplicates, 0);
	for (int i = 0; i < 2; i++) {
		FILE *f = in_world(&w, i ? "x" : "y");

		for (int k = 0; f && k < 50; k++)
			put(f, k, "", 0);
		if (f)
			fclose(f);
	}
	a = replay(&w, 1, 0, 100);
	CHECK_INT(a.n, 350);
	CHECK_INT(a.stats.duplicates, 50);
	world_close(&w);
}

/* An archive is read as the folder it was made of; a torn one as far as it goes. */
TEST(archive)
{
	struct world w;
	struct seen folder, packed, torn;
	char cmd[512];

	world_open(&w);
	put_many(&w, "a", 2000, 30, 1);
	put_many(&w, "b", 1000, 0, 2);
	folder = replay(&w, 0, 0, 100);
	snprintf(cmd, sizeof(cmd), "cd %s && tar czf .x a b && rm a b && mv .x logs", w.dir);
	CHECK_INT(system(cmd), 0);
	for (unsigned threads = 0; threads < 3; threads++) {
		packed = replay(&w, threads, 0, 100);
		CHECK(packed.n == 3000 && packed.digest == folder.digest);
		CHECK_INT(packed.stats.files, 2);
		CHECK_INT(packed.stats.files_refused, 0);
	}
	snprintf(cmd, sizeof(cmd), "cd %s && zcat logs | head -c 200000 >.x; mv .x logs",
		 w.dir);
	CHECK_INT(system(cmd), 0);
	torn = replay(&w, 1, 0, 100);
	CHECK(torn.n > 500 && torn.n < 2000);
	CHECK_INT(torn.stats.files_refused, 1);
	world_close(&w);
}

static const char years_decl[] = "source: t.years\ncodec: [json, syslog]\ntypes:\n  - name: "
				 "rec\n    class: api_activity\n"
				 "    when: {has: [time]}\n    time: time\n";

static void put_text(const struct world *w, const char *name, const char *text)
{
	/* 2026-11-24: of the copy */
	struct timespec when[2] = {{.tv_sec = 1795478400}, {.tv_sec = 1795478400}};
	FILE *f = in_world(w, name);

	CHECK(f && fputs(text, f) > 0 && fflush(f) == 0 && futimens(fileno(f), when) == 0);
	if (f)
		fclose(f);
}

static struct stream_file of_file(const struct world *w, const char *name)
{
	const char *paths[] = {w->dir};
	struct stream_conf conf = {.paths = paths, .npaths = 1};
	struct stream_file found = {0};
	const struct stream_file *files;
	struct stream *st = NULL;
	struct diag d = {{0}};

	CHECK_INT(stream_open(&conf, w->src, &st, &d), 0);
	for (size_t i = st ? stream_files(st, &files) : 0; i-- > 0;)
		if (strstr(files[i].path, name))
			found = files[i];
	stream_free(st);
	return found;
}

/* Times without a year get that of the files beside them; over the turn of a year, both. */
TEST(years)
{
	struct stream_file f;
	struct world w;

	world_open_as(&w, years_decl);
	put_text(&w, "messages",
		 "Dec 30 10:00:00 h a: x\nDec 31 23:59:59 h a: y\n"
		 "Jan  1 00:00:01 h a: z\n");
	f = of_file(&w, "messages"); /* alone: by its date */
	CHECK_INT(f.first_known / NS_PER_S, 1767088800);
	CHECK_INT(f.last_known / NS_PER_S, 1767225601);
	put_text(&w, "audit",
		 "{\"time\":\"2019-12-31T12:00:00Z\"}\n"
		 "{\"time\":\"2020-01-02T12:00:00Z\"}\n");
	f = of_file(&w, "messages");
	CHECK_INT(f.first_known / NS_PER_S, 1577700000);
	CHECK_INT(f.last_known / NS_PER_S, 1577836801);
	CHECK(replay(&w, 2, 0, 10).sorted);
	/* Neighbours of another season tell nothing, and those that fit change nothing. */
	put_text(&w, "audit", "{\"time\":\"2019-06-01T12:00:00Z\"}\n");
	CHECK_INT(of_file(&w, "messages").last_known / NS_PER_S, 1767225601);
	put_text(&w, "audit",
		 "{\"time\":\"2019-12-31T12:00:00Z\"}\n"
		 "{\"time\":\"2026-06-01T12:00:00Z\"}\n");
	CHECK_INT(of_file(&w, "messages").last_known / NS_PER_S, 1767225601);
	world_close(&w);
}

/* What a file cannot give is counted, and the others go on. */
TEST(refused)
{
	struct world w;
	struct seen a;
	FILE *f;

	world_open(&w);
	put_many(&w, "good", 10, 0, 1);
	f = in_world(&w, "empty");
	fclose(f);
	f = in_world(&w, "noise");
	fputs("what is this\nnobody knows\n", f);
	fclose(f);
	f = in_world(&w, ".hidden");
	put(f, 1, "h", 0);
	fclose(f);
	f = in_world(&w, "part");
	put(f, 1, "p", 0);
	fputs("{\"other\":1}\n", f);
	put(f, 2, "q", 0);
	fclose(f);
	a = replay(&w, 0, 0, 100);
	CHECK_INT(a.n, 12);
	CHECK_INT(a.stats.files, 4);
	CHECK_INT(a.stats.files_refused, 2);
	CHECK_INT(a.stats.refused, 1);
	CHECK_INT(a.nref, 1);
	f = in_world(&w, ".hidden");
	fclose(f);
	{
		char path[160];

		snprintf(path, sizeof(path), "%s/.hidden", w.dir);
		unlink(path);
	}
	world_close(&w);
}

TEST(missing)
{
	const char *paths[] = {"/nowhere/at/all"};
	struct stream_conf conf = {.paths = paths, .npaths = 1};
	struct stream *st = NULL;
	struct diag d = {{0}};
	struct world w;

	world_open(&w);
	CHECK(stream_open(&conf, w.src, &st, &d) < 0);
	CHECK(st == NULL && strstr(d.msg, "/nowhere/at/all"));
	world_close(&w);
}

/* Records of several chunks, between small ones. */
TEST(large)
{
	struct world w;
	struct seen a, b;
	FILE *f;

	world_open(&w);
	f = in_world(&w, "large");
	for (int i = 0; f && i < 12; i++) {
		char id[8];

		snprintf(id, sizeof(id), "%d", i);
		put(f, 100 - i, id, i % 3 == 1 ? 500000 : 10);
	}
	fclose(f);
	a = replay(&w, 0, 0, 5);
	CHECK_INT(a.n, 12);
	CHECK(a.sorted);
	b = replay(&w, 2, 1000, 1);
	CHECK(a.digest == b.digest);
	world_close(&w);
}

TEST(torn_gz)
{
	struct world w;
	struct seen a;
	char path[160];
	gzFile g;
	FILE *f;
	long size;

	world_open(&w);
	snprintf(path, sizeof(path), "%s/t.gz", w.dir);
	g = gzopen(path, "w");
	for (int i = 0; i < 20000; i++)
		gzprintf(g, "{\"k\":%jd,\"id\":\"%x\"}\n", (intmax_t)(BASE + i),
			 (unsigned)i * 2654435761u);
	gzclose(g);
	a = replay(&w, 1, 0, 4096);
	CHECK_INT(a.n, 20000);
	CHECK_INT(a.stats.refused, 0);
	CHECK_INT(a.stats.bytes_done, a.stats.bytes_total);
	f = fopen(path, "r");
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	fclose(f);
	CHECK_INT(truncate(path, size / 2), 0);
	a = replay(&w, 0, 0, 4096);
	CHECK(a.n > 8000 && a.n < 12000);
	CHECK(a.sorted);
	CHECK(a.stats.refused >= 1);
	world_close(&w);
}

/* A file whose header changes while records wait: each is read under its own. */
TEST(headers)
{
	static const char *const header[] = {"#fields\tk\tid\tpad", "#fields\tid\tpad\tk"};
	enum { N = 4000 };
	struct world w;
	FILE *f;

	world_open(&w);
	f = in_world(&w, "turned.log");
	for (int i = 0; i < N; i++) {
		intmax_t k = BASE + N - i;

		if (i % 500 == 0)
			fprintf(f, "%s\n", header[i / 500 % 2]);
		if (i / 500 % 2)
			fprintf(f, "i%jd\t%0100d\t%jd\n", k, i, k);
		else
			fprintf(f, "%jd\ti%jd\t%0100d\n", k, k, i);
	}
	fclose(f);
	for (int hold = 0; hold < 2; hold++) {
		const char *paths[] = {w.dir};
		struct stream_conf conf = {
			.paths = paths, .npaths = 1, .hold_bytes = hold ? 4096 : 0};
		struct stream *st = NULL;
		struct diag d = {{0}};
		struct arena *mem;
		struct event *e;
		int n, good = 0;

		CHECK_INT(stream_open(&conf, w.src, &st, &d), 0);
		while (st && (n = stream_next(st, &e, 100, &mem, &d)) > 0)
			for (int i = 0; i < n; i++) {
				char id[32];

				snprintf(id, sizeof(id), "i%jd",
					 (intmax_t)(e[i].known / 1000000000));
				good += str_eqz(e[i].id, id);
			}
		CHECK_INT(good, N);
		stream_free(st);
	}
	world_close(&w);
}

TAP_MAIN
