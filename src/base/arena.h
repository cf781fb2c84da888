/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/arena: memory that is freed all at once. One arena per batch of events; slices of the
 * batch point into it. Not thread-safe: an arena belongs to one thread at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H
#include "base/str.h"

struct arena_block;

struct arena {
	struct arena_block *head; /* the block being filled */
	char *at, *end;		  /* free part of head */
	size_t bytes;		  /* of all blocks */
	size_t limit;		  /* ceiling of bytes; 0 = none */
};

/* An arena that takes memory only when first asked. limit 0 = no ceiling. */
void arena_init(struct arena *a, size_t limit);
/* n bytes aligned to 16, not zeroed; NULL when out of memory or over the limit. */
void *arena_alloc(struct arena *a, size_t n);
/* The same, zeroed. */
void *arena_zalloc(struct arena *a, size_t n);
/* A copy; its p is NULL only when memory ran out (an empty slice gives a non-NULL p). */
struct str arena_str(struct arena *a, struct str s);
/* NUL-terminated copy or NULL. */
char *arena_strz(struct arena *a, struct str s);
/* Formats into the arena; p NULL when out of memory. */
struct str arena_fmt(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
/* Forgets everything, keeps the largest block for reuse. */
void arena_reset(struct arena *a);
/* Frees everything; the arena may be used again. */
void arena_free(struct arena *a);

#endif
