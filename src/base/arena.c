/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ALIGN	    ((size_t)16)
#define BLOCK_FIRST (4 * KIB) /* hundreds of small files have an arena each */
#define BLOCK_MAX   (1 * MIB)

struct arena_block {
	struct arena_block *next;
	size_t size; /* usable bytes after this header */
};

void arena_init(struct arena *a, size_t limit)
{
	*a = (struct arena){.limit = limit};
}

static char *block_data(struct arena_block *b)
{
	return (char *)b + ALIGN;
}

static int block_add(struct arena *a, size_t need)
{
	size_t size = a->head ? MIN(a->head->size * 2, BLOCK_MAX) : BLOCK_FIRST;
	struct arena_block *b;

	if (size < need)
		size = need;
	if (a->limit && a->bytes + size > a->limit) {
		size = need;
		if (a->bytes + size > a->limit)
			return -1;
	}
	b = malloc(ALIGN + size);
	if (!b)
		return -1;
	b->next = a->head;
	b->size = size;
	a->head = b;
	a->bytes += size;
	a->at = block_data(b);
	a->end = a->at + size;
	return 0;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p;

	if (n > SIZE_MAX / 2)
		return NULL;
	n = (n + ALIGN - 1) & ~(ALIGN - 1);
	if (n == 0)
		n = ALIGN;
	if ((size_t)(a->end - a->at) < n && block_add(a, n) < 0)
		return NULL;
	p = a->at;
	a->at += n;
	return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);

	return p ? memset(p, 0, n) : NULL;
}

char *arena_strz(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.len + 1);

	if (!p)
		return NULL;
	if (s.len)
		memcpy(p, s.p, s.len);
	p[s.len] = 0;
	return p;
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = arena_strz(a, s);

	return (struct str){p, p ? s.len : 0};
}

struct str arena_fmt(struct arena *a, const char *fmt, ...)
{
	va_list ap, ap2;
	int n;
	char *p;

	va_start(ap, fmt);
	va_copy(ap2, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, fmt, ap2);
	va_end(ap2);
	return (struct str){p, p ? (size_t)n : 0};
}

void arena_reset(struct arena *a)
{
	struct arena_block *keep = a->head, *b;

	if (!keep)
		return;
	b = keep->next;
	keep->next = NULL;
	while (b) {
		struct arena_block *next = b->next;

		free(b);
		b = next;
	}
	a->bytes = keep->size;
	a->at = block_data(keep);
	a->end = a->at + keep->size;
}

void arena_free(struct arena *a)
{
	struct arena_block *b = a->head;

	while (b) {
		struct arena_block *next = b->next;

		free(b);
		b = next;
	}
	arena_init(a, a->limit);
}
