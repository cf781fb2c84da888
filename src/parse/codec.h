/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/codec: bytes to fields. A codec knows a syntax (JSON, Zeek TSV, CSV, auditd, mail ...);
 * what the fields mean is written in sources/. One const struct at the foot of codec_NAME.c and
 * one line X(NAME) in registry.def; the same line feeds the build, the table, the fuzz target
 * and the case runner.
 */
#ifndef PARSE_CODEC_H
#define PARSE_CODEC_H
#include "base/arena.h"
#include "event/val.h"

enum frame_result {
	FRAME_RECORD, /* *ret_rec is the next record, *pos moved past it */
	FRAME_MORE,   /* no whole record in buf[*pos..]; read on (never returned when eof) */
	FRAME_SKIP,   /* *pos moved past something refused; *ret_why says what; go on */
	FRAME_END,    /* nothing left; only when eof */
};

/* A field of a record whose codec is not JSON. */
struct field {
	struct str name; /* raw field name, as sources/ spells it */
	struct val val;
};

/* The fields of one record, in the codec's own order; made in the batch's arena. */
struct fields {
	struct field *f;
	size_t n;
};

struct codec_ops {
	const char *name; /* "json"; equals the file name's part */
	const char *summary;
	/* The file is cut into records of at most this many bytes; longer ones are skipped. */
	size_t record_max;
	size_t state_size; /* per open file; zeroed before open */
	/*
	 * How sure it is that `head` (first up to 64 KiB of the decompressed file) is its own:
	 * 0 no .. 100 certain. Must be safe on any bytes.
	 */
	int (*sniff)(struct str head);
	int (*open)(void *state);   /* may be NULL */
	void (*close)(void *state); /* may be NULL; accepts a half-opened state */
	/*
	 * Finds the next record in buf from *pos on. Bytes after buf.len (64) are readable.
	 * Views in *ret_rec point into buf.
	 */
	enum frame_result (*frame)(void *state, struct str buf, size_t *pos, bool eof,
				   struct str *ret_rec, const char **ret_why);
	/*
	 * Takes a record apart. 0, or <0 with *ret_why (static text: the reason under which it
	 * is counted). Not called for JSON, whose records go through base/json and the plan.
	 * ret_f is reused from record to record. Values may be views into rec.
	 */
	int (*fields)(void *state, struct str rec, struct arena *mem, struct fields *ret_f,
		      const char **ret_why);
	bool json; /* records are JSON texts */
	/* State is learnt from header lines: what recognising the head left is kept. */
	bool primed;
	/*
	 * The header may change inside a file: the state begins with a uint32_t that frame()
	 * counts up then, and is copied with memcpy to read a record of an earlier header.
	 */
	bool eras;
	/* Names of fields are views into the state, the same for every record of a header. */
	bool columns;
	/*
	 * When the record was known, without taking all of it apart; agrees with what sources/
	 * say of this codec. false: it is not sure. NULL: fields() is the only way. May be
	 * called by many threads.
	 */
	bool (*known)(void *state, struct str rec, int64_t *ret_known);
	/* Where a record ends is known only when the next begins, or the file ends. */
	bool waits;
	/* Told after open when the file was last written, where that is known. May be NULL. */
	void (*written)(void *state, int64_t ns);
	/* Whether a time of a record so far had no year, and hangs on that. With written. */
	bool (*yearless)(const void *state);
};

/* All codecs, in order of registry.def; ends with NULL. */
extern const struct codec_ops *const codecs[];
/* By name, or NULL. */
const struct codec_ops *codec_find(struct str name);

#endif
