/* SPDX-License-Identifier: Apache-2.0 */
/*
 * atlas: the live map, made from the events alone: which devices, accounts, roles, workloads,
 * programs, services and resources there are, who has to do with whom, since when, how much,
 * who made it, and what the internet reaches. It lies in DIR/map.db (SQLite, apart from
 * thymus.db, so that neither holds the other up), with the hours of every day in which a tie
 * was in use, so that it can be asked as of any past moment.
 *
 * In memory are only the ties used lately; when there are too many, the longest idle are
 * written and let go. Nothing is lost by that but memory: what is written adds to what was
 * there. One thread writes; readers may be other processes.
 */
#ifndef ATLAS_ATLAS_H
#define ATLAS_ATLAS_H
#include "base/buf.h"
#include "event/entity.h"
#include "store/store.h"

struct atlas;

struct atlas_conf {
	const char *dir;     /* of the store */
	bool fresh;	     /* forget what an earlier run left */
	size_t memory_bytes; /* ceiling of the ties held; 0 = 48 MiB */
	size_t rows_max;     /* ties in the file; 0 = 2,000,000; the longest unused go */
};

/* Wants the attributes that atlas_event reads. After entities_provide, before schema_freeze. */
MUST int atlas_want(struct schema *s);
/* After schema_freeze. 0, or <0 with d. */
MUST int atlas_open(const struct atlas_conf *conf, const struct schema *s, struct entities *en,
		    struct atlas **ret_a, struct diag *d);
/* Without writing: atlas_flush first. NULL is fine; returns NULL. */
struct atlas *atlas_close(struct atlas *a);
/*
 * One resolved event. again: it was counted by an earlier run already, which may not have lived
 * to write it: its times count, its numbers do not.
 */
MUST int atlas_event(struct atlas *a, const struct event *e, bool again, struct diag *d);
/* Writes what changed since the last time. 0, or <0 with d. */
MUST int atlas_flush(struct atlas *a, struct diag *d);

/* What could go wrong: a weakness that an event showed of an entity, or showed to be gone. */
struct atlas_weakness {
	uint32_t ent;
	struct str
		what; /* the model that knows it: one weakness of a place, however often seen */
	struct str title, event_id;
	int64_t time;
	bool mended;
};
MUST int atlas_weak(struct atlas *a, const struct atlas_weakness *w, struct diag *d);

struct atlas_stats {
	uint64_t places, ties; /* held in memory now */
	uint64_t let_go;       /* ties written and let go for want of memory */
	uint64_t forgotten;    /* ties removed from the file for want of room */
	uint64_t bytes;	       /* of memory */
};
void atlas_stats(const struct atlas *a, struct atlas_stats *ret_s);

/* ---- reading ---- */

struct chart;

/* -ENOENT when DIR has no map. */
MUST int chart_open(const char *dir, struct chart **ret_c, struct diag *d);
struct chart *chart_close(struct chart *c);

/*
 * What an entity is called, so that it can be found under any of its names ("pc1",
 * "device:pc1", "10.0.0.1"): what itself first, then all names the store has; at most max, made
 * in mem.
 */
MUST int chart_names(struct store *st, struct str what, struct arena *mem, struct str *ret_v,
		     size_t max, size_t *ret_n, struct diag *d);

#define CHART_PLACES_MAX 2000

struct chart_query {
	/* Names of one thing, with or without "kind:" before it; none: the overview. */
	const struct str *names;
	size_t nnames;
	int64_t at;	/* TIME_NONE: when it was seen last; of the overview the latest event */
	int64_t within; /* ties in use so long before at; 0 = 24 h */
	unsigned hops;	/* 0 = 1; at most 3 */
	size_t each;	/* ties of one place, rarest first; 0 = 20 */
	size_t limit;	/* places in all; 0 = 200, at most CHART_PLACES_MAX */
};

enum chart_form { CHART_TEXT, CHART_JSON, CHART_GRAPHML };
/* "text", "json", "graphml"; -1 when it is none. */
int chart_form_of(struct str name);

/* The part of the map that q means. E_NOTFOUND when no place has any of the names. */
/* What could go wrong there (of all places without names) at that time, latest first. */
MUST int chart_weak(struct chart *c, const struct chart_query *q, enum chart_form form,
		    struct buf *out, struct diag *d);
MUST int chart_draw(struct chart *c, const struct chart_query *q, enum chart_form form,
		    struct buf *out, struct diag *d);

#endif
