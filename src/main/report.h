/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main/report: what a person sees of a replay: the progress bar and the closing summary.
 */
#ifndef MAIN_REPORT_H
#define MAIN_REPORT_H
#include "main/pipeline.h"
#include "parse/stream.h"

struct progress {
	bool on;
	int64_t started, shown; /* wall clock, for the bar only */
};

void progress_start(struct progress *p, bool on);
/* For stream_conf.scanned, with arg a struct progress: the look through the files beforehand.
 */
void progress_scan(void *arg, uint64_t done, uint64_t total);
void progress_show(struct progress *p, const struct stream *st, int64_t event_time);
void progress_end(struct progress *p);

/* The gravest incidents of both queues, as the store has them; nothing without a store. */
void report_incidents(struct store *st);
/* Events by type, what was refused and why, rate, alerts, learning. */
void report_run(struct pipeline *p, struct stream *st, const uint64_t *per_type, int64_t first,
		int64_t last, int64_t wall_ns);

#endif
