/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/store/questions: look-ups in a store of N events (10 million): bench_questions DIR [N].
 * Makes the store in DIR when it is not there, then asks 1,000 times for the events of two
 * entities together that have at most 100 hits, and prints the CPU time of one.
 */
#include "base/hash.h"
#include "base/timeutil.h"
#include "store/store.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define DEVICES	  20000u
#define ENDPOINTS 50000u
#define ASKED	  1000u
#define T0	  (INT64_C(1700000000) * NS_PER_S)

static uint64_t rng(uint64_t i, uint64_t what, uint64_t n)
{
	return hash_2(i, what) % n;
}

/* Popular endpoints get most of the calls. */
static uint64_t endpoint_of(uint64_t i)
{
	uint64_t span = UINT64_C(1) << rng(i, 3, 16);

	return rng(i, 4, MIN(span, (uint64_t)ENDPOINTS));
}

static void name_of(char out[32], const char *what, uint64_t i)
{
	snprintf(out, 32, "%s%" PRIu64, what, i);
}

static void fill(const char *dir, uint64_t n)
{
	struct store_conf c = {.dir = dir, .fresh = true, .background = true};
	struct schema *s = NULL;
	struct rectype *t;
	struct entities *en = NULL;
	struct batch b;
	struct store *st = NULL;
	struct diag d = {{0}};
	char raw[512], id[24], name[32];

	if (schema_new(&s) < 0 ||
	    !(t = schema_type_add(s, STR("zeek"), STR("zeek.conn"), CLASS_NETWORK_ACTIVITY)) ||
	    schema_freeze(s) < 0 ||
	    entities_new(&(struct entities_conf){.max = 1000000}, s, &en) < 0 ||
	    batch_init(&b, 1) < 0 || store_open(&c, &st, &d) < 0)
		exit(1);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t dev = rng(i, 1, DEVICES), dst = endpoint_of(i);
		struct event *e;

		batch_reset(&b);
		e = batch_add(&b, t);
		snprintf(id, sizeof(id), "C%016" PRIx64, hash_mix(i));
		snprintf(raw, sizeof(raw),
			 "{\"ts\":%" PRIu64 ".%06" PRIu64
			 ",\"uid\":\"%s\",\"id.orig_h\":\"10.%" PRIu64 ".%" PRIu64
			 ".7\",\"id.orig_p\":%" PRIu64 ",\"id.resp_h\":\"198.51.%" PRIu64
			 ".%" PRIu64
			 "\",\"id.resp_p\":443,\"proto\":\"tcp\",\"service\":\"ssl\","
			 "\"duration\":%" PRIu64 ".%03" PRIu64 ",\"orig_bytes\":%" PRIu64
			 ",\"resp_bytes\":%" PRIu64
			 ",\"conn_state\":\"SF\",\"history\":\"ShADadFf\"}",
			 1700000000 + i / 16, rng(i, 5, 1000000), id, dev / 250, dev % 250,
			 1024 + rng(i, 6, 60000), dst / 250, dst % 250, rng(i, 7, 60),
			 rng(i, 8, 1000), rng(i, 9, 100000), rng(i, 10, 1000000));
		e->seq = i + 1;
		e->time = e->known = T0 + (int64_t)i * (NS_PER_S / 16);
		e->raw = str_of(raw);
		e->id = str_of(id);
		name_of(name, "pc", dev);
		e->ents[0] = (struct entref){entity_put(en, ENT_DEVICE, str_of(name), e->known),
					     ROLE_DEVICE};
		name_of(name, "host", dst);
		e->ents[1] = (struct entref){
			entity_put(en, ENT_ENDPOINT, str_of(name), e->known), ROLE_PEER};
		e->nents = 2;
		if (store_event(st, e, en) < 0)
			exit(1);
	}
	if (store_sync(st, &d) < 0)
		exit(1);
	store_close(st);
	batch_free(&b);
	entities_free(en);
	schema_free(s);
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int count(const struct store_event *e, void *arg)
{
	(void)e;
	++*(size_t *)arg;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The CPU time of one look-up, or <0 when it has too many hits. */
static double ask(struct store *st, struct str *v, size_t n)
{
	struct store_names has[2] = {{&v[0], 1}, {&v[1], 1}};
	struct store_query q = {.from = TIME_NONE, .to = TIME_NONE, .limit = 101};
	struct diag d = {{0}};
	size_t hits = 0;
	double t0 = cpu_ms();

	q.has = has;
	q.nhas = n;
	if (store_events(st, &q, count, &hits, &d) < 0)
		exit(1);
	return hits > 100 ? -1 : cpu_ms() - t0;
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000000;
	struct store_conf c = {.dir = argc > 1 ? argv[1] : "", .read_only = true};
	struct store *st = NULL;
	struct diag d = {{0}};
	struct stat have;
	char path[4096], a[48], b[48];
	double ms[ASKED], first;
	size_t got = 0;

	if (argc < 2)
		return 2;
	snprintf(path, sizeof(path), "%s/events.seg", argv[1]);
	if (stat(path, &have) < 0)
		fill(argv[1], n);
	if (store_open(&c, &st, &d) < 0)
		return 1;
	first = cpu_ms();
	for (uint64_t i = 0; got < ASKED && i < 20 * ASKED; i++) {
		uint64_t k = rng(i, 77, n);
		struct str v[2];
		double t;

		snprintf(a, sizeof(a), "device:pc%" PRIu64, rng(k, 1, DEVICES));
		snprintf(b, sizeof(b), "endpoint:host%" PRIu64, endpoint_of(k));
		v[0] = str_of(a);
		v[1] = str_of(b);
		t = ask(st, v, 2);
		if (i == 16)
			printf("the first 16, with the index: %.0f ms\n", cpu_ms() - first);
		if (i >= 16 && t >= 0)
			ms[got++] = t;
	}
	qsort(ms, got, sizeof(*ms), by_value);
	if (got)
		printf("%zu look-ups of at most 100 hits: median %.2f ms, 99 %% %.2f ms, most "
		       "%.2f ms\n",
		       got, ms[got / 2], ms[got * 99 / 100], ms[got - 1]);
	store_close(st);
	return 0;
}
