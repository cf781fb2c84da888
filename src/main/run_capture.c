/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's interfaces: their records into a spool, their figures to whoever asks. */
#include "base/log.h"
#include "main/run.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define SPOOL_BYTES (16 * MIB)

/* Records of any interface. When the reader is too far behind they have to wait. */
static int take(struct str lines, void *arg)
{
	struct run_capture *c = arg;
	uint64_t behind = atomic_load(&c->behind) + spool_bytes(c->spool) - atomic_load(&c->at);
	int e = behind > c->behind_max ? -EAGAIN : spool_add(c->spool, lines);

	return e < 0 ? -EAGAIN : 0; /* a full disk: later, too */
}

void run_capture_behind(struct run *r, uint64_t bytes)
{
	if (!r->cap.spool)
		return;
	atomic_store(&r->cap.at, spool_bytes(r->cap.spool));
	atomic_store(&r->cap.behind, bytes);
}

static char *below(const struct run *r, const char *name)
{
	char *p = NULL;

	return asprintf(&p, "%s/%s", r->dir, name) < 0 ? NULL : p;
}

static int start(struct run *r)
{
	struct config *c = r->conf;
	struct wire_conf w = {.interfaces = c->capture.v,
			      .n = c->capture.n,
			      .filter = r->cap.filter,
			      .threads = (unsigned)c->capture_threads,
			      .ring_mib = (unsigned)c->capture_ring_mib,
			      .promiscuous = c->capture_promiscuous,
			      .interval = (int64_t)(c->capture_interval_s * 1e9),
			      .keep_dir = c->capture_keep_mib ? r->cap.ring : NULL,
			      .keep = {.bytes = (uint64_t)c->capture_keep_mib * MIB,
				       .time = c->capture_keep_minutes * 60 * NS_PER_S,
				       .spare = (uint64_t)c->disk_reserve_mib * MIB},
			      .out = take,
			      .arg = &r->cap};
	int e = wire_start(&w, &r->cap.wire, &r->diag);

	for (size_t i = 0; e == 0 && i < c->capture.n; i++)
		log_line(LOG_INFO, "capturing on %s", c->capture.v[i]);
	return e;
}

int run_capture_open(struct run *r)
{
	struct run_capture *c = &r->cap;
	int e;

	if (!r->conf->capture.n)
		return 0;
	c->behind_max = (uint64_t)r->conf->spool_mib * MIB;
	c->filter = str_dup(r->conf->capture_filter);
	c->ring = below(r, "ring");
	c->evidence = below(r, "evidence");
	c->tail = calloc(TAILS_MAX, sizeof(*c->tail));
	if (!c->filter || !c->ring || !c->evidence || !c->tail)
		return diag_set(&r->diag, -ENOMEM, "out of memory");
	if (mkdir(c->evidence, 0700) < 0 && errno != EEXIST)
		return diag_set(&r->diag, -errno, "%s: %s", c->evidence, strerror(errno));
	e = spool_open(r->spools[SPOOL_PACKETS].dir, SPOOL_BYTES, &c->spool, &r->diag);
	return e < 0 ? e : start(r);
}

void run_capture_close(struct run *r)
{
	struct wire_stats s[CONFIG_LIST_MAX];
	size_t n = r->cap.wire ? wire_count(r->cap.wire) : 0;

	r->cap.wire = wire_stop(r->cap.wire, s);
	for (size_t i = 0; i < n; i++)
		log_line(s[i].dropped || s[i].records_lost ? LOG_WARN : LOG_INFO,
			 "%s: %llu frames, %llu lost; %llu records, %llu lost", s[i].name,
			 (unsigned long long)s[i].frames, (unsigned long long)s[i].dropped,
			 (unsigned long long)s[i].records,
			 (unsigned long long)s[i].records_lost);
	r->cap.spool = spool_close(r->cap.spool); /* the rest is read by the next run */
}

void run_capture_free(struct run *r)
{
	free(r->cap.filter);
	free(r->cap.ring);
	free(r->cap.evidence);
	free(r->cap.tail);
}

void run_capture_health(struct buf *b, struct run *r)
{
	struct wire_stats s;

	if (!r->cap.wire)
		return;
	buf_addz(b, "\"capture\":[");
	for (size_t i = 0; i < wire_count(r->cap.wire); i++) {
		wire_stats(r->cap.wire, i, &s);
		buf_fmt(b, "%s{\"interface\":\"%s\",\"up\":%s,\"frames\":%llu,\"bytes\":%llu,",
			i ? "," : "", s.name, s.up ? "true" : "false",
			(unsigned long long)s.frames, (unsigned long long)s.bytes);
		buf_fmt(b, "\"dropped\":%llu,\"refused\":%llu,\"connections\":%llu,",
			(unsigned long long)s.dropped, (unsigned long long)s.refused,
			(unsigned long long)s.flows);
		buf_fmt(b, "\"ended_early\":%llu,\"unread\":%llu,\"records\":%llu,",
			(unsigned long long)s.evicted, (unsigned long long)s.unread,
			(unsigned long long)s.records);
		buf_fmt(b, "\"records_dropped\":%llu,\"not_kept\":%llu,\"downs\":%llu}",
			(unsigned long long)s.records_lost, (unsigned long long)s.kept_lost,
			(unsigned long long)s.downs);
	}
	buf_fmt(b, "],\"evidence\":{\"saved\":%llu,\"failed\":%llu},",
		(unsigned long long)r->cap.saved, (unsigned long long)r->cap.failed);
}

uint64_t run_capture_lost(struct run *r)
{
	struct wire_stats s;
	uint64_t n = 0;

	for (size_t i = 0; r->cap.wire && i < wire_count(r->cap.wire); i++) {
		wire_stats(r->cap.wire, i, &s);
		n += s.dropped + s.records_lost;
	}
	return n;
}

void run_capture_metrics(struct buf *b, struct run *r)
{
	static const struct {
		const char *name, *kind, *help;
		size_t at;
	} rows[] = {
		{"frames_total", "counter", "Frames read.",
		 offsetof(struct wire_stats, frames)},
		{"bytes_total", "counter", "Bytes of these on the wire.",
		 offsetof(struct wire_stats, bytes)},
		{"dropped_total", "counter", "Frames that the kernel had no room for.",
		 offsetof(struct wire_stats, dropped)},
		{"refused_total", "counter", "Frames that are no packet.",
		 offsetof(struct wire_stats, refused)},
		{"connections", "gauge", "Connections open now.",
		 offsetof(struct wire_stats, flows)},
		{"ended_early_total", "counter", "Connections ended early for want of room.",
		 offsetof(struct wire_stats, evicted)},
		{"unread_total", "counter", "Connections not read for want of room.",
		 offsetof(struct wire_stats, unread)},
		{"records_total", "counter", "Records made.",
		 offsetof(struct wire_stats, records)},
		{"records_dropped_total", "counter", "Records that nobody took.",
		 offsetof(struct wire_stats, records_lost)},
		{"not_kept_total", "counter", "Frames that could not be kept on disk.",
		 offsetof(struct wire_stats, kept_lost)},
		{"downs_total", "counter", "How often the interface went down.",
		 offsetof(struct wire_stats, downs)},
	};
	struct wire_stats s;

	for (size_t k = 0; r->cap.wire && k < ARRAY_LEN(rows); k++) {
		buf_fmt(b, "# HELP thymus_capture_%s %s\n# TYPE thymus_capture_%s %s\n",
			rows[k].name, rows[k].help, rows[k].name, rows[k].kind);
		for (size_t i = 0; i < wire_count(r->cap.wire); i++) {
			uint64_t v;

			wire_stats(r->cap.wire, i, &s);
			memcpy(&v, (const char *)&s + rows[k].at, sizeof(v));
			buf_fmt(b, "thymus_capture_%s{interface=\"%s\"} %llu\n", rows[k].name,
				s.name, (unsigned long long)v);
		}
	}
}
