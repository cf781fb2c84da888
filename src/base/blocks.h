/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/blocks: a file of checksummed blocks, for what a program keeps from run to run. It is
 * written beside its place, synced and moved there, the one before it is kept as PATH.1; so at
 * any moment, also after a crash, one whole file is there.
 *
 * Layout, little-endian: 16 bytes of magic, then blocks of a 32-byte head (tag, number from 0,
 * length, XXH3 of head and content) and their content. The last block has the tag BLOCKS_END.
 * What the contents mean is their writers' business.
 */
#ifndef BASE_BLOCKS_H
#define BASE_BLOCKS_H
#include "base/err.h"
#include "base/str.h"

#define BLOCK_MAX  (4 * MIB) /* content of one */
#define BLOCKS_END BLOCK_TAG('e', 'n', 'd', '.')

#define BLOCK_TAG(a, b, c, d) \
	((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

struct blocks_out;
struct blocks_in;

/* Starts a file that is to become path (mode 0600). 0 or -errno with d filled. */
MUST int blocks_create(const char *path, struct blocks_out **ret_w, struct diag *d);
/* One block: head, then p (each may be empty). The first error sticks until blocks_commit. */
void blocks_put(struct blocks_out *w, uint32_t tag, const void *head, size_t nhead,
		const void *p, size_t n);
/*
 * An array as blocks of at most 1 MiB, each with the offset of its bytes (uint64_t) as head;
 * those that are all zero are left out.
 */
void blocks_put_array(struct blocks_out *w, uint32_t tag, const void *p, size_t bytes);
/* An error of the writer's own: nothing will be put in place. */
void blocks_fail(struct blocks_out *w, int err);
/* Ends the file, puts it in its place. Frees w in any case. */
MUST int blocks_commit(struct blocks_out *w, struct diag *d);
/* Throws away what was written. NULL is fine. Always returns NULL. */
struct blocks_out *blocks_abort(struct blocks_out *w);

/*
 * Opens a file after having read it from end to end: E_FORMAT not such a file, E_VERSION of
 * another byte order or version, E_TRUNC, E_CHECKSUM, or -errno; d says which.
 */
MUST int blocks_open(const char *path, struct blocks_in **ret_r, struct diag *d);
/* The next block; 1, 0 after the last, <0. *ret_data is valid until the next call. */
MUST int blocks_next(struct blocks_in *r, uint32_t *ret_tag, struct str *ret_data);
struct blocks_in *blocks_close(struct blocks_in *r);

#endif
