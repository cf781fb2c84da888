/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/segment_index: which frames of which blocks of events.seg may hold what is asked for,
 * from the heads and hashes of all blocks. Follows the file as it grows or loses its oldest
 * blocks. Any number of threads may ask one of these; who asks reads the blocks itself.
 */
#ifndef STORE_SEGMENT_INDEX_H
#define STORE_SEGMENT_INDEX_H
#include "store/segment.h"
#include "store/segment_impl.h"

/* Hashes, of which an event must have at least one of each set. */
struct seg_sets {
	uint64_t *hash;
	size_t nhash, hash_cap;
	struct seg_set {
		size_t first, n;
	} * set;
	size_t nset, set_cap;
};

void seg_sets_free(struct seg_sets *s);
/* What q asks for; without id and names: no set. 0 or -ENOMEM. */
MUST int seg_sets_fill(struct seg_sets *s, const struct store_query *q);

/* A block to look into, and a bit for each of its frames that may hold something. */
struct seg_hit {
	struct seg_head head;
	off_t place;
	uint32_t frames;
};
struct seg_hits {
	struct seg_hit *v;
	size_t n, cap;
	uint8_t *bits; /* scratch */
	size_t bits_cap;
};
void seg_hits_free(struct seg_hits *h);

/* Takes in the blocks written since; all of them anew when the file was cut. */
MUST int seg_blocks_follow(struct seg_blocks *x);
/* The blocks, oldest first, that q (with its sets s) may mean. */
MUST int seg_blocks_choose(struct seg_blocks *x, const struct store_query *q,
			   const struct seg_sets *s, struct seg_hits *ret_h);
/* The block at a place of its events. 0, or E_NOTFOUND: it is not there any more. */
MUST int seg_blocks_at(struct seg_blocks *x, uint64_t place, struct seg_hit *ret_h);
/* As store_range. */
MUST int seg_blocks_range(struct seg_blocks *x, int64_t *ret_from, int64_t *ret_to,
			  uint64_t *ret_n);
/* For pread. Stays open as long as x. */
int seg_blocks_fd(const struct seg_blocks *x);
const char *seg_blocks_path(const struct seg_blocks *x);

#endif
