/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/stream: many files as one stream of events in order of (known, file number, record
 * number). File numbers follow the byte order of the paths as walked, so the order depends on
 * neither the command line's order of folders' contents nor on threads.
 *
 * First pass (stream_open): every file is opened, recognised, and read once by the worker
 * threads to learn its time range and, per chunk, the least `known` that is still to come after
 * it. Second pass (stream_next): a file is opened when the merge reaches its range and decoded
 * chunk by chunk by the workers; a record is given out once nothing earlier can follow.
 * Records that must wait longer than their chunk are held as raw bytes (and spilled to sorted
 * runs in a temporary file beyond hold_bytes).
 */
#ifndef PARSE_STREAM_H
#define PARSE_STREAM_H
#include "parse/source.h"

struct stream_conf {
	const char *const *paths; /* files, folders, and tar archives, which are read as such */
	size_t npaths;
	unsigned threads;   /* workers beside the caller's thread; 0 = decode in the caller */
	size_t hold_bytes;  /* held raw records of all files before they spill; 0 = 256 MiB */
	const char *tmpdir; /* for spills and archives; NULL = $TMPDIR or /tmp */
	/* How far the first pass is, in bytes on disk: by any thread, one at a time. Or NULL.
	 */
	void (*scanned)(void *arg, uint64_t done, uint64_t total);
	void *scanned_arg;
};

struct stream_file {
	const char *path;	    /* of what an archive holds: ARCHIVE/NAME */
	const char *source;	    /* NULL when refused */
	uint64_t bytes, bytes_done; /* as on disk */
	uint64_t records, events, refused;
	int64_t first_known, last_known;
	char why[256]; /* why it was refused as a whole, or empty */
};

struct stream_stats {
	uint64_t bytes_total, bytes_done; /* on disk; both passes count once, at decoding */
	uint64_t bytes_raw;		  /* decompressed, decoded so far */
	uint64_t records, events, duplicates, refused;
	uint64_t packets, flows; /* of captures that are read to their end */
	size_t files, files_refused;
};

struct stream;

MUST int stream_open(const struct stream_conf *conf, const struct sources *src,
		     struct stream **ret_st, struct diag *d);
struct stream *stream_free(struct stream *st);
/*
 * Up to max next events; seq is set, duplicates (DESIGN: same source, type, id and hash) are
 * dropped and counted. Events, and *ret_mem, an arena for text that lives as long, stay valid
 * until the next call. 0 at the end, <0 on an error that ends the run (d says).
 */
MUST int stream_next(struct stream *st, struct event **ret_events, size_t max,
		     struct arena **ret_mem, struct diag *d);
void stream_stats(const struct stream *st, struct stream_stats *ret_stats);
size_t stream_files(const struct stream *st, const struct stream_file **ret_files);
/* Refusals of all files added up, in order of source and reason. */
size_t stream_refusals(struct stream *st, const struct refusal **ret_r);

#endif
