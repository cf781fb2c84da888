/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/hold: what of one file was read and is not yet due, in order of (known, record):
 * decoded events, raw records, and runs of raw records in a temporary file. Private to
 * stream.c.
 */
#ifndef PARSE_HOLD_H
#define PARSE_HOLD_H
#include "parse/cursor.h"

/* A raw record that waits. */
struct held {
	int64_t known;
	uint64_t no;
	size_t len;
	uint64_t era; /* decoder_era; as wide as the others: raw follows without a gap */
	char raw[];   /* and padding for the scanners */
};

struct run; /* sorted raw records in the temporary file */

struct item {
	int64_t known;
	uint64_t no; /* record of the file; then `sub` */
	uint32_t sub;
	enum item_what { ITEM_EVENT, ITEM_HELD, ITEM_RUN } what;
	union {
		struct block *block; /* event `sub` of it */
		struct held *held;
		struct run *run;
	} u;
};

struct hold {
	struct item *heap;
	size_t n, cap;
	size_t bytes; /* of raw records in memory */
};

/* The temporary file of a whole stream. */
struct spill {
	int fd; /* -1 = not made yet */
	uint64_t end;
	const char *dir; /* NULL = $TMPDIR or /tmp */
};

MUST int hold_event(struct hold *h, struct block *b, uint64_t no, uint32_t event);
MUST int hold_raw(struct hold *h, const struct block_rec *rec);
static inline const struct item *hold_top(const struct hold *h)
{
	return h->n ? &h->heap[0] : NULL;
}
/*
 * Takes the top away. A raw record, from memory or a run, is handed over in ret->u.held to be
 * freed by the caller. 0, -ENOMEM or -errno of the temporary file.
 */
MUST int hold_pop(struct hold *h, struct spill *s, struct item *ret);
/* Writes all raw records in memory to a new run. */
MUST int hold_spill(struct hold *h, struct spill *s);
void hold_free(struct hold *h);
void spill_close(struct spill *s);

#endif
