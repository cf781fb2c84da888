/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/cursor: one file of a stream, read twice. cursor_scan learns how far out of order it
 * is; cursor_block then cuts and decodes it block by block. A cursor is used by one thread at a
 * time. Or, for a file that may grow, without a scan: `follow` is set before cursor_open, the
 * end of the file is then no end of a record, and cursor_more reads on. Private to stream.c and
 * live*.c.
 */
#ifndef PARSE_CURSOR_H
#define PARSE_CURSOR_H
#include "packet/input.h"
#include "parse/stream.h"
#include <stdatomic.h>

#define BLOCK_RECORDS 1024

/* A record of a block and its events, [first, first + n). */
struct block_rec {
	struct str raw;
	uint64_t no; /* in the file, from 0 */
	uint32_t first, n;
	uint32_t era;  /* decoder_era */
	int64_t known; /* least of its events */
};

/* Records decoded together, with the bytes they view. */
struct block {
	struct block *next; /* in the list of free or used ones */
	struct block *all;  /* in the list of all */
	struct batch b;
	char *raw;
	size_t raw_cap;
	struct block_rec *rec; /* [BLOCK_RECORDS] */
	size_t nrec;
	size_t live; /* events still to be given out */
	/* What the file came to with this block: */
	uint64_t taken, records, refused;
	uint64_t bytes; /* of this block alone, decompressed */
	int64_t bound;	/* nothing earlier follows in the file */
	int64_t later;	/* nothing earlier follows the block after this one */
	bool end;
	int err; /* -ENOMEM */
};

/* How far the first pass over all files is; the files add to it. */
struct headway {
	void (*tell)(void *arg, uint64_t done, uint64_t total); /* or NULL */
	void *arg;
	uint64_t total;
	atomic_uint_fast64_t done;
	atomic_flag busy; /* a thread is telling */
};

struct cursor {
	const char *path;
	const char *source;   /* as recognised; belongs to src */
	struct recognised as; /* by cursor_scan, for the second time */
	const struct sources *src;
	struct headway *way; /* may be NULL */
	size_t chunk;	     /* bytes decoded together */
	struct packet_in *in;
	bool ordered;  /* a capture: records come in order of known, and are not scanned */
	int64_t known; /* ordered: of the last record */
	struct input_stats packets; /* of a capture, once it is read */
	struct decoder *dec;
	char *buf; /* read but not yet framed: [at, len) */
	size_t at, len, cap;
	bool eof, torn;
	bool follow;	       /* the file may grow */
	bool settle;	       /* followed: its end is that of a record, for the next block */
	const char *codec;     /* followed: read with this one, whatever the head; or NULL */
	int err;	       /* of reading */
	uint64_t bytes, given; /* decompressed: read, of those in blocks */
	uint64_t records, skipped;
	int64_t *least; /* [nleast] least known from record 64 i on */
	size_t nleast, capleast;
	int64_t written;		 /* when, if better known than by its date; else 0 */
	bool yearless;			 /* by cursor_scan: times hang on that */
	int64_t first_known, last_known; /* first > last: no record has a time */
};

/* Reads the whole file once. 0, or <0 with d: it is refused. The file is closed again. */
MUST int cursor_scan(struct cursor *c, struct diag *d);
/* Opens it again for cursor_block. */
MUST int cursor_open(struct cursor *c, struct diag *d);
/* Decodes the next block; b->err says when memory ran out. */
void cursor_block(struct cursor *c, struct block *b);
/* A followed file has grown. false: it cannot be read on (compressed). */
bool cursor_more(struct cursor *c);
/* Cuts n records without decoding them: to go on where an earlier run was. 0 or <0. */
MUST int cursor_skip(struct cursor *c, uint64_t n);
void cursor_close(struct cursor *c); /* keeps what the scan learnt */
void cursor_free(struct cursor *c);

struct block *block_new(void);
struct block *block_free(struct block *b);
void block_reset(struct block *b);
/* Decodes one record into b, growing it. Number of events or -ENOMEM. */
MUST int block_decode(struct block *b, struct decoder *dec, struct str rec);

#endif
