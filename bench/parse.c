/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From bytes to events, each part by itself, in CPU time of one thread:
 *   read     the file's bytes, decompressed
 *   scan     base/json over the framed records, beside jansson over the same (JSON sources)
 *   order    the first pass, which learns how far out of order a file is
 *   decode   the second pass: framing, decoding, merging, dropping of duplicates
 *   keep     the events into a store, compressed
 * Usage: bench_parse [--keep DIR | --stream] PATH...   --stream: only order and decode. The
 * sources, learned quantities and models are those of the repository (or THYMUS_SHARE), so the
 * rows are as wide as in a replay.
 */
#include "base/json.h"
#include "main/pipeline.h"
#include "parse/stream.h"
#include "peer.h"
#include "sense/file.h"
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define BATCH 1024

struct bench {
	struct config conf;
	struct pipeline pipe;
	struct diag diag;
	const char *const *paths;
	size_t npaths;
	bool stream_only;
	uint64_t bytes, records;
};

/* CPU seconds of the process; the walk through the files is one thread's. */
static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void line(const struct bench *b, const char *what, uint64_t records, double t0)
{
	double s = now() - t0;

	s = s > 1e-6 ? s : 1e-6;
	printf("  %-8s %7.3f s %8.0f MB/s", what, s, (double)b->bytes / 1e6 / s);
	if (records)
		printf(" %10.0f records/s", (double)records / s);
	putchar('\n');
	fflush(stdout);
}

static int read_all(struct bench *b, struct file_list *l)
{
	char *buf = malloc(MIB);
	double t0 = now();
	int r = buf ? 0 : -ENOMEM;

	b->bytes = 0;
	for (size_t i = 0; i < l->n && r == 0; i++) {
		struct file_in *f;
		int64_t n;

		r = file_open(l->v[i].path, NULL, &f, &b->diag);
		if (r < 0)
			break;
		while ((n = file_read(f, buf, MIB)) > 0)
			b->bytes += (uint64_t)n;
		r = (int)n;
		file_close(f);
	}
	free(buf);
	if (r == 0)
		line(b, "read", 0, t0);
	return r;
}

/* The records of one file, taken apart by base/json (or by the peer). */
static int scan_file(struct bench *b, const char *path, bool peer, uint64_t *ret_n)
{
	struct file_in *f;
	struct decoder *dec = NULL;
	struct json j;
	char *buf = malloc(16 * MIB + JSON_PAD);
	size_t len, at = 0;
	int64_t n;
	int r = file_open(path, NULL, &f, &b->diag);

	if (r < 0 || !buf) {
		free(buf);
		return r < 0 ? r : -ENOMEM;
	}
	json_init(&j);
	n = file_read(f, buf, 16 * MIB);
	len = n > 0 ? (size_t)n : 0;
	memset(buf + len, 0, JSON_PAD);
	r = decoder_open(b->pipe.sources, path, str_n(buf, MIN(len, 64 * KIB)), &dec, &b->diag);
	while (r == 0 && decoder_codec(dec)->json) {
		struct str rec;
		enum frame_result fr = decoder_frame(dec, str_n(buf, len), &at, n <= 0, &rec);

		if (fr == FRAME_END)
			break;
		if (fr == FRAME_RECORD) {
			++*ret_n;
			if (peer ? !peer_json(rec.p, rec.len) : json_scan(&j, rec, NULL) < 0)
				r = E_FORMAT;
		} else if (fr == FRAME_MORE) {
			memmove(buf, buf + at, len - at);
			len -= at;
			at = 0;
			n = file_read(f, buf + len, 16 * MIB - len);
			len += n > 0 ? (size_t)n : 0;
			memset(buf + len, 0, JSON_PAD);
		}
	}
	json_free(&j);
	decoder_free(dec);
	file_close(f);
	free(buf);
	return r;
}

static int scan_all(struct bench *b, struct file_list *l, bool peer)
{
	double t0 = now();
	uint64_t n = 0;
	int r = 0;

	for (size_t i = 0; i < l->n && r == 0; i++)
		r = scan_file(b, l->v[i].path, peer, &n);
	if (n && r == 0)
		line(b, peer ? "jansson" : "scan", n, t0);
	return r;
}

static int decode_all(struct bench *b, const char *keep)
{
	struct stream_conf sc = {.paths = b->paths, .npaths = b->npaths};
	struct store_conf kc = {.dir = keep, .fresh = true};
	struct stream_stats s;
	struct store_stats ks;
	struct stream *st = NULL;
	struct store *store = NULL;
	struct event *ev;
	struct arena *mem;
	double t0 = now(), spent = 0;
	uint64_t n = 0;
	int r = stream_open(&sc, b->pipe.sources, &st, &b->diag);

	if (r < 0)
		return r;
	line(b, "order", b->records, t0);
	if (keep)
		r = store_open(&kc, &store, &b->diag);
	t0 = now();
	while (r >= 0 && (r = stream_next(st, &ev, BATCH, &mem, &b->diag)) > 0) {
		double t1 = now();

		n += (uint64_t)r;
		for (int i = 0; i < r && store; i++)
			if (store_event(store, &ev[i], b->pipe.entities) < 0)
				return -EIO;
		spent += now() - t1;
	}
	if (r == 0 && store) {
		double t1 = now();

		r = store_sync(store, &b->diag);
		spent += now() - t1;
	}
	stream_stats(st, &s);
	if (r == 0) {
		b->records = s.records;
		if (!keep) {
			line(b, "decode", s.records, t0);
			printf("  %llu events, %llu duplicates, %llu refused, %llu bytes a "
			       "record\n",
			       (unsigned long long)n, (unsigned long long)s.duplicates,
			       (unsigned long long)s.refused,
			       (unsigned long long)(b->bytes / MAX(s.records, 1u)));
		}
	}
	if (r == 0 && store) {
		store_stats(store, &ks);
		line(b, "keep", n, now() - spent);
		printf("  %.1f bytes kept for each of %.1f\n",
		       (double)ks.bytes_disk / (double)MAX(n, 1u),
		       (double)ks.bytes_raw / (double)MAX(n, 1u));
	}
	store_close(store);
	stream_free(st);
	return r;
}

static int run(struct bench *b, const char *keep)
{
	struct file_list l = {0};
	int r = pipeline_open(&b->pipe, &b->conf, &b->diag);

	for (size_t i = 0; i < b->npaths && r == 0; i++)
		r = file_walk(&l, b->paths[i], &b->diag);
	if (r == 0)
		r = read_all(b, &l);
	if (r == 0 && !b->stream_only)
		r = scan_all(b, &l, false);
	if (r == 0 && !b->stream_only)
		r = scan_all(b, &l, true);
	if (r == 0)
		r = decode_all(b, NULL);
	if (r == 0 && keep)
		r = decode_all(b, keep);
	file_list_free(&l);
	return r;
}

int main(int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof(*b));
	const char *keep = NULL;
	bool stream_only = argc > 1 && strcmp(argv[1], "--stream") == 0;
	int r, first = 1 + stream_only;

	if (argc > 2 && strcmp(argv[1], "--keep") == 0) {
		keep = argv[2];
		first = 3;
	}
	if (first >= argc || !b || config_init(&b->conf) < 0) {
		fprintf(stderr, "usage: bench_parse [--keep DIR | --stream] PATH...\n");
		free(b);
		return 2;
	}
	b->stream_only = stream_only;
	b->paths = (const char *const *)(argv + first);
	b->npaths = (size_t)(argc - first);
	r = run(b, keep);
	if (r < 0)
		fprintf(stderr, "bench_parse: %s\n",
			b->diag.msg[0] ? b->diag.msg : err_text(r));
	pipeline_close(&b->pipe);
	config_free(&b->conf);
	free(b);
	return r < 0;
}
