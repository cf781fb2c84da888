/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: what is kept. Events go, in order of admission, to append-only segment files of
 * compressed, checksummed blocks with postings (entity -> block, id -> block, time range); all
 * that a person reads or edits goes to SQLite. Reads survive a torn tail; after kill -9 at most
 * the stated flush interval is missing. One writer; readers may be other processes.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H
#include "base/buf.h"
#include "event/entity.h"

struct store;

struct store_conf {
	const char *dir; /* made when absent */
	bool read_only;
	bool fresh;	 /* forget what an earlier run left there */
	bool background; /* compress and write in a thread of its own */
	unsigned level;	 /* zstd; 0 = 1 */
};

MUST int store_open(const struct store_conf *conf, struct store **ret_st, struct diag *d);
/* Flushes and closes. NULL is fine; returns NULL. An error of the last flush: store_sync first.
 */
struct store *store_close(struct store *st);

/* Appends an event: its header, raw bytes, and the names of its entities. */
MUST int store_event(struct store *st, const struct event *e, const struct entities *en);
/* Makes everything appended so far durable. */
MUST int store_sync(struct store *st, struct diag *d);

/* A finding as SQLite keeps it: the JSON line, and what is looked up by. Last write stands. */
struct store_finding {
	struct str kind; /* "alert", "note", "incident" */
	struct str id, title, model, queue, status;
	int64_t time;
	int severity; /* 0..4 */
	unsigned score;
	struct str json;
	const struct str *entities;
	size_t nentities;
	const struct str *event_ids;
	size_t nevents;
	const struct str *alert_ids; /* of incidents */
	size_t nalerts;
};
MUST int store_finding_put(struct store *st, const struct store_finding *f, struct diag *d);
/* Writes all living entities (name, kind, class, first and last seen, events, other names). */
MUST int store_entities_put(struct store *st, const struct entities *en, struct diag *d);
/* Key and value about the run: version, time range, counts. */
MUST int store_meta_put(struct store *st, const char *key, struct str value, struct diag *d);
struct str store_meta_get(struct store *st, const char *key, struct arena *mem);

/* What a query may ask; empty parts are not asked. */
struct store_query {
	struct str kind, id, entity, queue, model, type; /* type: of events, "zeek.conn" */
	struct str event;				 /* findings that cite this event id */
	struct str text;  /* substring of title, or of an event's raw bytes; case ignored */
	int64_t from, to; /* known in [from, to); TIME_NONE = open */
	int severity_min;
	size_t limit;	  /* 0 = 100 */
	struct str order; /* findings: "severity" (default) or "time" */
};

/* Calls row() for each finding; strings live during the call. row != 0 stops. */
MUST int store_findings(struct store *st, const struct store_query *q,
			int (*row)(const struct store_finding *f, void *arg), void *arg,
			struct diag *d);

struct store_entity {
	struct str kind, name, cls;
	int64_t first_seen, last_seen;
	int64_t events;
	const struct str *names;
	size_t nnames;
};
MUST int store_entities(struct store *st, const struct store_query *q,
			int (*row)(const struct store_entity *e, void *arg), void *arg,
			struct diag *d);

struct store_event {
	uint64_t seq;
	int64_t time, known;
	struct str type, id, raw;
	const struct str *entities; /* "device:pc0357" */
	size_t nentities;
};
/* Events in order of seq; uses the postings for id, entity and time. */
MUST int store_events(struct store *st, const struct store_query *q,
		      int (*row)(const struct store_event *e, void *arg), void *arg,
		      struct diag *d);

struct store_stats {
	uint64_t events, blocks, segments, bytes_raw, bytes_disk;
};
void store_stats(const struct store *st, struct store_stats *ret_s);

#endif
