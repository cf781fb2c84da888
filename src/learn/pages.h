/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/pages: large zeroed ranges, on huge pages where the system has them: what is looked up
 * all over costs as much in addresses as in data.
 */
#ifndef LEARN_PAGES_H
#define LEARN_PAGES_H
#include <stddef.h>
#include <sys/mman.h>

/* Memory is only taken where it is touched. NULL when it cannot be had. */
static inline void *pages_take(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

/* NULL is fine. */
static inline void pages_give(void *p, size_t bytes)
{
	if (p)
		munmap(p, bytes);
}

#endif
