/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/segment_impl: the layout on disk, and the scanner that writer and reader share.
 */
#ifndef STORE_SEGMENT_IMPL_H
#define STORE_SEGMENT_IMPL_H
#include "base/err.h"
#include "base/str.h"
#include <stdio.h>
#include <sys/types.h>

#define SEG_FILE_NAME	"events.seg"
#define SEG_FILE_MAGIC	"THYSEG2\n"
#define SEG_FILE_BEFORE "THYSEG1\n" /* what earlier versions wrote */
#define SEG_FILE_HEAD	8
#define SEG_BLOCK_MAGIC UINT32_C(0x334b4c42) /* "BLK3" */
#define SEG_FRAME_BYTES (64 * KIB)	     /* a frame is closed once it has so many */
#define SEG_FRAMES	8u
#define SEG_FRAME_MASK	UINT64_C(0xff)
#define SEG_BLOCK_BYTES (SEG_FRAMES * SEG_FRAME_BYTES)
#define SEG_GAP_MAGIC	UINT32_C(0x50414754) /* "TGAP" */
#define SEG_RECORD_MAX	(32 * MIB)
#define SEG_RAW_MAX	(64 * MIB)
#define SEG_POST_MAX	UINT32_C(8000000)
#define SEG_ENTITY_MAX	640 /* bytes of "kind:name" */
/* A place of an event is the offset of its block and its number in it. */
#define SEG_PLACE_BITS 20

struct seg_head {
	uint32_t magic, nevents, npost, raw_len, comp_len;
	uint32_t head_sum; /* of this head with head_sum 0, then the postings */
	uint64_t first_seq;
	int64_t min_known, max_known;
	uint64_t sum;	   /* of the table of frames and the compressed rows */
	uint32_t lead_len; /* bytes of those two */
	uint32_t rows_len; /* of the rows when unpacked */
};
_Static_assert(sizeof(struct seg_head) == 64, "layout on disk");

/* What is unpacked by itself: the bytes of some events of a block, and where their rows are. */
struct seg_frame {
	uint32_t comp_len, raw_len, nevents, rows_len;
	uint32_t sum; /* of the compressed bytes */
};

/*
 * The frames of a block with head h from its first lead_len bytes behind the postings; their
 * number, or E_CHECKSUM. *ret_at is where the compressed rows begin.
 */
MUST int seg_frames(const struct seg_head *h, const char *lead,
		    struct seg_frame ret_f[SEG_FRAMES], size_t *ret_at);
uint32_t seg_frame_sum(const char *p, size_t n);

struct seg_scan {
	FILE *f;
	off_t size, at, next; /* of the file; of the current block; of the one after it */
	struct seg_head head;
	uint64_t *post;
	size_t post_cap;
	char *comp;
	size_t comp_cap;
};

/*
 * What retention took away: a head of this magic stands at SEG_FILE_HEAD and its first_seq is
 * the offset of the first block that is left; between them is a hole. Offsets of blocks stay.
 */
struct seg_head seg_gap(off_t end);
/* The offset of the first block: behind the gap, if there is one. */
off_t seg_first(int fd);

MUST int seg_scan_open(struct seg_scan *s, const char *path, struct diag *d);
void seg_scan_close(struct seg_scan *s);
uint32_t seg_head_sum(const struct seg_head *h, const uint64_t *post);
/*
 * Reads and checks the next block's head and postings: 1, 0 at the end or at a torn or damaged
 * block, or <0.
 */
MUST int seg_scan_next(struct seg_scan *s);
/* Reads the compressed bytes of the current block and checks the sum: 0, E_TRUNC or E_CHECKSUM.
 */
MUST int seg_scan_check(struct seg_scan *s);

/* Room for need bytes in *pp, of which *cap are there. 0 or -ENOMEM. */
MUST int seg_reserve(void *pp, size_t *cap, size_t need);
/* The same for what grows piece by piece: at least doubled. */
MUST int seg_grow(void *pp, size_t *cap, size_t need);

#endif
