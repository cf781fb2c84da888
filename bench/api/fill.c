/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/api/fill: a store with N alerts (one million) and an incident for each fifty of them,
 * written through the store's own writer: bench_fill DIR [N].
 *
 * 300 models fire, a few of them most of the time; 20,000 devices and 5,000 accounts, of which
 * some are named often. A line has about the size of a real one.
 */
#include "base/hash.h"
#include "base/timeutil.h"
#include "detect/detect.h"
#include "store/store.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MODELS	 300u
#define DEVICES	 20000u
#define ACCOUNTS 5000u
#define EACH	 50u /* alerts of an incident */
#define STEP	 (20 * NS_PER_S)
#define T0	 (INT64_C(1700000000) * NS_PER_S)

static struct diag diag;

static void must(int r)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s\n", diag.msg[0] ? diag.msg : "failed");
	exit(1);
}

static uint64_t rng(uint64_t i, uint64_t what, uint64_t n)
{
	return hash_2(i, what) % n;
}

/* One of n, the first ones far more often. */
static uint64_t skewed(uint64_t i, uint64_t what, uint64_t n, unsigned bits)
{
	uint64_t span = UINT64_C(1) << rng(i, what, bits);

	return rng(i, what + 1, MIN(span, n));
}

struct words {
	char id[32], title[160], model[48], device[32], account[32], event[48];
	struct str names[2], event_id;
};

static int severity_of(uint64_t i)
{
	uint64_t r = rng(i, 7, 1000);

	return r < 2 ? SEV_CRITICAL : r < 40 ? SEV_HIGH : r < 300 ? SEV_MEDIUM : SEV_LOW;
}

static struct store_finding make(struct words *w, struct buf *line, const char *kind,
				 uint64_t i)
{
	uint64_t m = skewed(i, 1, MODELS, 9);
	int severity = severity_of(i);
	bool compliance = rng(i, 9, 5) == 0;
	char when[TIME_TEXT];
	int64_t time = T0 + (int64_t)i * STEP;
	struct store_finding f = {.kind = str_of(kind),
				  .queue = compliance ? STR("compliance") : STR("threat"),
				  .status = STR("open"),
				  .time = time,
				  .severity = severity,
				  .score = (unsigned)(20 * severity + (int)rng(i, 10, 20)),
				  .entities = w->names,
				  .nentities = 2,
				  .event_ids = &w->event_id,
				  .nevents = 1};

	snprintf(w->id, sizeof(w->id), "%c%016" PRIx64, kind[0], hash_2(i, 11));
	snprintf(w->model, sizeof(w->model), "family%" PRIu64 "/model_%" PRIu64, m % 12, m);
	snprintf(w->device, sizeof(w->device), "pc%" PRIu64, skewed(i, 2, DEVICES, 16));
	snprintf(w->account, sizeof(w->account), "user%" PRIu64, skewed(i, 4, ACCOUNTS, 14));
	snprintf(w->event, sizeof(w->event), "C%016" PRIx64, hash_2(i, 12));
	snprintf(w->title, sizeof(w->title),
		 "%s on %s did what model %" PRIu64 " looks for, %" PRIu64 " times", w->account,
		 w->device, m, rng(i, 13, 40));
	w->names[0] = str_of(w->device);
	w->names[1] = str_of(w->account);
	w->event_id = str_of(w->event);
	f.id = str_of(w->id);
	f.title = str_of(w->title);
	f.model = str_eqz(f.kind, "alert") ? str_of(w->model) : STR("");
	buf_clear(line);
	buf_fmt(line, "{\"kind\":\"%s\",\"id\":\"%s\",\"time\":\"%s\",\"title\":\"%s\",", kind,
		w->id, time_rfc3339(time, when), w->title);
	buf_fmt(line, "\"severity\":\"%s\",\"score\":%u,\"model\":\"%s\",",
		severity_name((enum severity)severity), f.score, w->model);
	buf_fmt(line, "\"entities\":[\"%s\",\"%s\"],\"event_ids\":[\"%s\"],", w->device,
		w->account, w->event);
	buf_addz(line, "\"attack\":[\"T1564.008\",\"T1114.003\"],\"why\":[");
	for (int k = 0; k < 4; k++)
		buf_fmt(line,
			"%s{\"quantity\":\"bytes_out\",\"surprise\":%d.5,\"text\":\"%s sent "
			"more to %s than in %d days before\"}",
			k ? "," : "", k + 7, w->account, w->device, k + 11);
	buf_addz(line, "],\"count\":1}");
	must(buf_err(line));
	f.json = buf_str(line);
	return f;
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
	struct store_conf conf = {.dir = argc > 1 ? argv[1] : NULL, .fresh = true};
	struct store *st;
	struct words w;
	struct buf line;

	if (!conf.dir || !n) {
		fprintf(stderr, "usage: bench_fill DIR [ALERTS]\n");
		return 2;
	}
	must(store_open(&conf, &st, &diag));
	buf_init(&line, MIB);
	for (uint64_t i = 0; i < n; i++) {
		struct store_finding f = make(&w, &line, "alert", i);

		must(store_finding_put(st, &f, &diag));
		if (i % EACH)
			continue;
		f = make(&w, &line, "incident", i);
		f.status = rng(i, 14, 4) ? STR("closed") : STR("open");
		must(store_finding_put(st, &f, &diag));
	}
	must(store_sync(st, &diag));
	store_close(st);
	buf_free(&line);
	return 0;
}
