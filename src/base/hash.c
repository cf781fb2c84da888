/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed)
{
	return XXH3_64bits_withSeed(p ? p : "", n, seed);
}

uint64_t hash_str(struct str s, uint64_t seed)
{
	return hash_bytes(s.p, s.len, seed);
}

uint64_t hash_istr(struct str s, uint64_t seed)
{
	char tmp[256];
	size_t at = 0;

	do {
		size_t n = MIN(s.len - at, sizeof(tmp));

		for (size_t i = 0; i < n; i += 8) {
			uint64_t w = word_lower(str_word(s.p + at + i, MIN(n - i, (size_t)8)));

			memcpy(tmp + i, &w, 8);
		}
		seed = hash_bytes(tmp, n, seed);
		at += n;
	} while (at < s.len);
	return seed;
}
