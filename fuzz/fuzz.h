/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz: what the libFuzzer targets share. A target that finds a broken promise of a header
 * calls abort() by EXPECT, as a sanitizer would.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H
#include "base/str.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FUZZ_PAD 64 /* readable bytes after a text, as base/json.h and parse/codec.h ask */

#define EXPECT(c)                                                                        \
	do {                                                                             \
		if (!(c)) {                                                              \
			fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #c); \
			abort();                                                         \
		}                                                                        \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy with padding that no parser may take for content. Free with free(). */
static inline char *fuzz_copy(const uint8_t *data, size_t size)
{
	char *p = malloc(size + FUZZ_PAD);

	if (!p)
		abort();
	if (size)
		memcpy(p, data, size);
	memset(p + size, '"', FUZZ_PAD);
	return p;
}

#endif
