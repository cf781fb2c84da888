/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/segment_fill: a block of events.seg while it is filled, and its bytes for the file.
 * What happens at each event is cheap, since all wait for the thread that does it; hashing,
 * sorting and compressing are left to fill_pack, which another thread may call.
 */
#ifndef STORE_SEGMENT_FILL_H
#define STORE_SEGMENT_FILL_H
#include "base/map.h"
#include "store/segment.h"
#include "store/segment_impl.h"
#include "store/segment_rows.h"
#include <zstd.h>

#define FILL_TYPES 64u /* record types of one block */

/* An entity of the block: where its name begins in names, and the frames that have it. */
struct fill_entity {
	uint32_t at, len;
	uint8_t frames; /* a bit each */
};

struct fill {
	struct fill *next; /* the owner's */
	struct buf bytes;  /* of the frames: id, raw bytes and tail of each event */
	struct buf rows;   /* of the frames: segment_rows.h */
	struct buf names;  /* "kind:name" of the entities, one after the other */
	struct fill_entity *entity;
	size_t nentity, entity_cap; /* cap in bytes, as of all arrays here */
	struct map number;	    /* id -> the latest of the entities of that id */
	const struct rectype *type[FILL_TYPES];
	char *type_name[FILL_TYPES]; /* copied: the types may be gone when it is packed */
	size_t ntypes;
	uint64_t *post;
	size_t npost, post_cap;
	struct seg_row last;
	struct seg_head head;
	struct seg_frame frame[SEG_FRAMES];
	uint32_t nframes;
};

/* NULL: no memory. */
struct fill *fill_new(void);
struct fill *fill_free(struct fill *b);
/* As new, but that it keeps its memory. */
void fill_clear(struct fill *b);
bool fill_full(const struct fill *b);
/* 0, -ENOMEM or E_LIMIT; then it must not be packed. */
MUST int fill_add(struct fill *b, const struct event *e, const struct entities *en,
		  const struct store_extra *x);

/* Bytes of a block as they stand in the file. */
struct fill_bytes {
	char *p;
	size_t len, cap;
};
/* 0, -ENOMEM or -EIO. b may be cleared then. */
MUST int fill_pack(struct fill *b, ZSTD_CCtx *c, struct fill_bytes *out);

#endif
