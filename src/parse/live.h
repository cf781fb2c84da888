/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/live: files and folders that go on growing, as one stream of events.
 *
 * What is there already is merged by `known`, as parse/stream does, but without a first pass:
 * out of order within a file only so far as a block (1,024 records) reaches. Once all files are
 * read to their end, an event waits for `lateness` after it was read, so that those of other
 * files that are known earlier come before it.
 *
 * A file is known by device and inode: renamed it is read on, and so is what it was read into
 * (a copy of what was truncated, or its compressed copy, which begins with the same KiB). Where
 * each file stands is part of a checkpoint (live_save); the run that starts from there reads
 * just what the one before had not given out. A compressed file is read once, when it has
 * stopped growing.
 *
 * The clock is the caller's: every function that needs it is given `now`. One thread owns it.
 */
#ifndef PARSE_LIVE_H
#define PARSE_LIVE_H
#include "base/blocks.h"
#include "parse/source.h"

struct live;

/* A folder whose files are written by us and are taken away once read (see live_trim). */
struct live_spool {
	const char *dir;
	const char *codec; /* "json": whatever the files begin with; NULL: as recognised */
};

struct live_conf {
	const struct sources *sources;
	const char *const *paths; /* files and folders; they need not be there yet */
	size_t npaths;
	const struct live_spool *spools;
	size_t nspools;
	int64_t lateness; /* ns */
	size_t hold;	  /* bytes of events that wait, then the earliest go; 0 = 256 MiB */
	size_t open_max;  /* files open at once; 0 = 1024 */
};

struct live_stats {
	uint64_t events, records, refused, duplicates, bytes;
	uint64_t early;	  /* given out before their time, for want of memory */
	uint64_t late;	  /* known before an event that was given out already */
	uint64_t waiting; /* events that wait */
	uint64_t seq;
	uint64_t behind; /* bytes on disk not read yet */
	size_t files, open, refused_files;
	int64_t known; /* of the last event; 0 = none */
};

struct live_file {
	const char *path, *source; /* source NULL: not recognised (yet) */
	uint64_t records, size;
	bool done, refused;
};

MUST int live_new(const struct live_conf *conf, struct live **ret_lv, struct diag *d);
struct live *live_free(struct live *lv);
/*
 * What was numbered before; to be called with what live_load did not know of, when the store
 * is ahead of a checkpoint. seq only grows.
 */
void live_seq(struct live *lv, uint64_t seq);
/*
 * Looks for new, renamed and grown files: every file when `all`, else only what is known. 0 or
 * <0 (memory).
 */
MUST int live_look(struct live *lv, int64_t now, bool all, struct diag *d);
/*
 * Up to max events, seq set, in order; valid until the next call of live_next or live_free.
 * 0: nothing is due now; *ret_wake is when the next will be (INT64_MAX: when a file grows).
 */
MUST int live_next(struct live *lv, int64_t now, struct event **ret_events, size_t max,
		   struct arena **ret_mem, int64_t *ret_wake, struct diag *d);
/* Whether there are bytes that live_next could read at once. */
bool live_busy(const struct live *lv);

/* Where all files stand, as blocks of a checkpoint; between two live_next. */
void live_save(const struct live *lv, struct blocks_out *w);
/* Before the first live_look. 0, E_FORMAT, E_VERSION or -ENOMEM. */
MUST int live_load(struct live *lv, struct blocks_in *r);
/*
 * A checkpoint was kept. Removes the files of spools that were read to their end when the one
 * before was made, so that either can be started from; never the newest of a spool.
 */
void live_trim(struct live *lv);

void live_stats(const struct live *lv, struct live_stats *ret_s);
size_t live_files(const struct live *lv);
void live_file(const struct live *lv, size_t i, struct live_file *ret_f);
/* Refusals of all files added up. */
size_t live_refusals(struct live *lv, const struct refusal **ret_r);

#endif
