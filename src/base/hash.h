/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/hash: XXH3 of libxxhash. Stable over machines and runs, so ids and learned state built
 * on it may be stored; not for secrets. Maps that take keys from outside add a seed.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H
#include "base/str.h"

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed);
uint64_t hash_str(struct str s, uint64_t seed);
/* ASCII case folded, any length. */
uint64_t hash_istr(struct str s, uint64_t seed);

/* One 64-bit word to a well-mixed one (finaliser of SplitMix64). */
static inline uint64_t hash_mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Both parts of hash_2, for a b that is joined to many. */
static inline uint64_t hash_tail(uint64_t b)
{
	return hash_mix(b + UINT64_C(0x9e3779b97f4a7c15));
}

static inline uint64_t hash_join(uint64_t a, uint64_t tail)
{
	return hash_mix(a ^ tail);
}

static inline uint64_t hash_2(uint64_t a, uint64_t b)
{
	return hash_join(a, hash_tail(b));
}

#endif
