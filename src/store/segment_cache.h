/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/segment_cache: blocks of events.seg as one reader has read and unpacked them. Bounded:
 * those that were not used for longest go.
 */
#ifndef STORE_SEGMENT_CACHE_H
#define STORE_SEGMENT_CACHE_H
#include "store/segment_index.h"
#include <zstd.h>

#define SEG_CACHE_SLOTS 256u
#define SEG_CACHE_BYTES (24 * MIB) /* of a block that is larger, that one alone is kept */

struct seg_cached {
	off_t place;
	uint32_t sum;  /* of its head: another block may come to stand at its place */
	uint64_t used; /* 0: empty */
	struct seg_frame frame[SEG_FRAMES];
	off_t at[SEG_FRAMES]; /* where it begins in the file */
	uint32_t nframes;
	/* The rows, once they were asked for (lead_len > 0): see segment_rows.h. */
	char *lead;
	size_t lead_len, lead_cap;
	struct str *name; /* the record types, then the entities; into lead */
	size_t name_cap;
	uint32_t ntypes, nents;
	const char *rows[SEG_FRAMES];
	/* The frames that were asked for: a bit each of have. */
	char *raw[SEG_FRAMES];
	size_t raw_cap[SEG_FRAMES];
	uint32_t have;
};

struct seg_cache {
	struct seg_cached slot[SEG_CACHE_SLOTS];
	size_t bytes;
	size_t latest; /* the slot used last */
	uint64_t clock;
	ZSTD_DCtx *dctx; /* made when first needed */
	char *disk;	 /* scratch: compressed bytes */
	size_t disk_cap;
};

void seg_cache_free(struct seg_cache *x);
/*
 * The block of h, with its rows when they are wanted; valid until the next call of this
 * function. 0, -ENOMEM, -EIO and the like; E_TRUNC, E_CHECKSUM or E_FORMAT: it is damaged.
 */
MUST int seg_cache_block(struct seg_cache *x, int fd, const struct seg_hit *h, bool rows,
			 struct seg_cached **ret_c);
/* Unpacks frame i of c, if it is not yet. Errors are the same. */
MUST int seg_cache_frame(struct seg_cache *x, int fd, struct seg_cached *c, uint32_t i);

#endif
