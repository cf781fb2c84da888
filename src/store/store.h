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
	bool fresh;		   /* forget what an earlier run left there */
	bool background;	   /* compress and write in a thread of its own */
	unsigned level;		   /* zstd; 0 = 1 */
	struct store_index *index; /* of the same folder, shared; borrowed. NULL: its own */
};

/*
 * Where each id and entity stands among the stored events. Making it reads the heads of all
 * blocks (0.2 s for a million events), so who opens a store often, such as a server for each
 * request, makes one of these and gives it to each store_open. It follows what is appended and
 * what retention takes away. Any number of stores in any threads; outlives them. NULL: no
 * memory.
 */
struct store_index *store_index_new(const char *dir);
struct store_index *store_index_free(struct store_index *x);

MUST int store_open(const struct store_conf *conf, struct store **ret_st, struct diag *d);
/* Flushes and closes. NULL is fine; returns NULL. An error of the last flush: store_sync first.
 */
struct store *store_close(struct store *st);

/* Appends an event: its header, raw bytes, and the names of its entities. */
MUST int store_event(struct store *st, const struct event *e, const struct entities *en);
/* What learning found odd in an event. */
struct store_learned {
	struct str quantity, entity, usual, seen, text; /* entity: its name */
	double raw, surprise, days;
};
/*
 * The same, with what cannot be had from the raw bytes later: what was learned, and, when the
 * raw record does not say itself how it is read (a line under a header), the attributes of s.
 */
struct store_extra {
	const struct schema *schema; /* NULL: no attributes */
	const struct store_learned *learned;
	size_t nlearned;
};
MUST int store_event_with(struct store *st, const struct event *e, const struct entities *en,
			  const struct store_extra *x);
/* Makes everything appended so far durable. */
MUST int store_sync(struct store *st, struct diag *d);
/* Lets readers see the findings so far; store_sync makes them durable. */
MUST int store_publish(struct store *st, struct diag *d);
/*
 * For store_query.after_place: what is appended from now on stands behind it. Right after
 * store_sync.
 */
MUST int store_end(const struct store *st, uint64_t *ret_place, struct diag *d);

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
/* Another severity, score and line for a finding that is there; links stay. E_NOTFOUND. */
MUST int store_finding_rate(struct store *st, struct str kind, struct str id, int severity,
			    unsigned score, struct str json, struct diag *d);
/* Writes all living entities (name, kind, class, first and last seen, events, other names). */
MUST int store_entities_put(struct store *st, const struct entities *en, struct diag *d);
/* Key and value about the run: version, time range, counts. */
#define LEARNING_META "learning" /* JSON: how learning stood at the end of the last run */
MUST int store_meta_put(struct store *st, const char *key, struct str value, struct diag *d);
struct str store_meta_get(struct store *st, const char *key, struct arena *mem);

/* Names of one thing: an event has it when it has any of them ("device:pc0357"). */
struct store_names {
	const struct str *v;
	size_t n;
};

/* What a query may ask; empty parts are not asked. */
struct store_query {
	struct str kind, id, entity, queue, model, type; /* type: of events, "zeek.conn" */
	struct str event;				 /* findings that cite this event id */
	struct str text;  /* substring of title, or of an event's raw bytes; case ignored */
	int64_t from, to; /* known in [from, to); TIME_NONE = open */
	int severity_min;
	size_t limit;	   /* 0 = 100 */
	struct str order;  /* findings: "severity" (default), "time", or "newest" */
	struct str status; /* of findings: "open", "closed" */
	int severity_max;  /* 0 = any */
	const struct store_finding *after; /* findings that stand behind this one in `order` */
	const struct store_entity *after_entity;
	uint64_t after_place;	       /* events behind this place only; 0 = from the start */
	const struct store_names *has; /* events: all of these things, beside entity */
	size_t nhas;		       /* at most 31 */
	bool newest;	/* events: limit keeps the latest; they come block by block */
	bool rows_only; /* events: without id, raw and extra; see store_event_bytes */
};

/*
 * How many findings q means, without limit and after; counting ends at max. max too when words
 * or an entity that are frequent are asked for, which would have to be counted one by one.
 */
MUST int store_findings_count(struct store *st, const struct store_query *q, uint64_t max,
			      uint64_t *ret_n, struct diag *d);
/* Findings in order of writing: those whose number in the feed is above since. */
MUST int store_feed(struct store *st, uint64_t since, size_t limit,
		    int (*row)(uint64_t number, struct str kind, struct str id, void *arg),
		    void *arg, struct diag *d);
/* The number of the newest entry of the feed; 0 = none. */
MUST int store_feed_end(struct store *st, uint64_t *ret_number, struct diag *d);
/* How often each model fired: kind is "alert" or "note". */
MUST int store_models(struct store *st,
		      int (*row)(struct str model, struct str kind, uint64_t n, void *arg),
		      void *arg, struct diag *d);
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
	/* What is known of it: vendor, model, firmware, level ... (event/entity.h) */
	const struct entity_fact *facts;
	size_t nfacts;
};
MUST int store_entities(struct store *st, const struct store_query *q,
			int (*row)(const struct store_entity *e, void *arg), void *arg,
			struct diag *d);

/*
 * All names under which the entity of this kind and name (any of them) was known, the one it
 * has now first; at most max, made in mem. *ret_n 0: it is not known.
 */
MUST int store_entity_names(struct store *st, struct str kind, struct str name,
			    struct arena *mem, struct str *ret_v, size_t max, size_t *ret_n,
			    struct diag *d);

/* Its class as entities tell it ("ot", "client" ...), made in mem; empty: it is not known. */
MUST int store_entity_class(struct store *st, struct str kind, struct str name,
			    struct arena *mem, struct str *ret_class, struct diag *d);

/*
 * Whether a word is a name of an account that is not known to be a program's: 1 and the name it
 * has now, made in mem; 0; or <0.
 */
MUST int store_person(struct store *st, struct str word, struct arena *mem,
		      struct str *ret_name, struct diag *d);
/* Whether anything is known under this name: 1, 0, or <0. */
MUST int store_known(struct store *st, struct str name, struct diag *d);
/* The present names of all such accounts. */
MUST int store_persons(struct store *st, int (*row)(struct str name, void *arg), void *arg,
		       struct diag *d);

/* Where the bytes of an event are in its block; the store's own. */
struct store_bytes {
	uint32_t frame, at, id_len, raw_len, extra_len;
};

struct store_event {
	uint64_t seq;
	uint64_t place; /* in the store; grows with admission, never 0 */
	int64_t time, known;
	struct str type, id, raw;
	const struct str *entities; /* "device:pc0357" */
	size_t nentities;
	struct str extra; /* store_extra as kept: read with store_attr and store_learned */
	struct store_bytes bytes;
};
/* The kept attributes, one after the other; *at is 0 at first. false at the end. */
bool store_attr(const struct store_event *e, size_t *at, struct str *ret_name,
		struct str *ret_text, bool *ret_number);
bool store_learned(const struct store_event *e, size_t *at, struct store_learned *ret_l);
/*
 * Events in order of admission. The first call reads the heads of all blocks into an index (8
 * bytes an id or entity of a block) that later calls share (see store_index_new), with a cache
 * of unpacked blocks of 24 MiB: a question costs what the blocks cost that may hold its answer;
 * where nothing is asked of the bytes of events (id, text), only those of its answers are
 * unpacked. One thread a store.
 */
MUST int store_events(struct store *st, const struct store_query *q,
		      int (*row)(const struct store_event *e, void *arg), void *arg,
		      struct diag *d);
/*
 * id, raw and extra of an event that store_events gave with rows_only (of which place and bytes
 * are read); they live until the next call for this store. 0, or <0 with d (E_NOTFOUND: it is
 * gone since).
 */
MUST int store_event_bytes(struct store *st, struct store_event *e, struct diag *d);
/* Whether the bytes of both are unpacked together: after those of one the other's are cheap. */
bool store_same_frame(const struct store_event *a, const struct store_event *b);

/* Events counted in steps of time (known) from q->from to q->to; both must be set. */
struct store_histogram {
	int64_t step;	 /* ns */
	uint64_t *count; /* n of them; the caller's */
	size_t n;
	/*
	 * Blocks that must be unpacked (q asks for an entity, a type or words, or the block
	 * spans several steps) are at most this many bytes together; then partial is set.
	 */
	uint64_t bytes_max;
	bool partial;
};
MUST int store_histogram(struct store *st, const struct store_query *q,
			 struct store_histogram *h, struct diag *d);
/* First and last `known` and the number of events. E_NOTFOUND when there are none. */
MUST int store_range(struct store *st, int64_t *ret_from, int64_t *ret_to, uint64_t *ret_n,
		     struct diag *d);
/* Every key and value of store_meta_put. */
MUST int store_meta_each(struct store *st,
			 int (*row)(struct str key, struct str value, void *arg), void *arg,
			 struct diag *d);

/*
 * What need not be kept any longer: records known before events_before (or that are more than
 * events_bytes on disk; UINT64_MAX: any number), findings of before findings_before (incidents:
 * last updated before), and what of the feed lies more than a million entries back. Times in
 * ns; INT64_MIN: none. Nothing at or behind keep (store_end). A call takes a bounded time; what
 * is left over goes with the next.
 */
struct store_retain {
	int64_t events_before, findings_before;
	uint64_t events_bytes, keep;
};
/* *ret_blocks and *ret_findings: how many went. 0, or <0 with d: some may have gone. */
MUST int store_retain(struct store *st, const struct store_retain *x, uint64_t *ret_blocks,
		      uint64_t *ret_findings, struct diag *d);

struct store_stats {
	uint64_t events, blocks, segments, bytes_raw, bytes_disk;
};
void store_stats(const struct store *st, struct store_stats *ret_s);

#endif
