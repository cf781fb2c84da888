/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/block: text looked at 16 or 64 bytes at a time, one bit a byte, for what reads JSON
 * without taking it apart. Reads beyond the end, which JSON_PAD of base/json.h allows.
 */
#ifndef BASE_BLOCK_H
#define BASE_BLOCK_H
#include <stdbool.h>
#include <stdint.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

/* Which of the 64 bytes at p are c. */
static inline uint64_t block_eq(const char *p, char c)
{
	uint64_t bits = 0;

#if defined(__SSE2__)
	const __m128i want = _mm_set1_epi8(c);

	for (int i = 0; i < 4; i++) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
		uint64_t m = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, want));

		bits |= m << (16 * i);
	}
#else
	for (int i = 0; i < 64; i++)
		bits |= (uint64_t)(p[i] == c) << i;
#endif
	return bits;
}

/* block_eq or one like it. */
typedef uint64_t block_eq_fn(const char *p, char c);

#if defined(__x86_64__)
#define BLOCK_WIDE __attribute__((target("avx2,bmi,bmi2")))

static inline bool block_wide(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
}

/* The same in half the steps, for functions that are BLOCK_WIDE and called where block_wide. */
BLOCK_WIDE static inline uint64_t block_eq_wide(const char *p, char c)
{
	const __m256i want = _mm256_set1_epi8(c);
	__m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p);
	__m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));

	return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, want)) |
	       (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, want)) << 32;
}
#endif

/*
 * Of the backslashes in bs, which bytes they escape: every second of a run, and what follows
 * an odd run. *carry: the block before ended in an open escape. (Langdale and Lemire, "Parsing
 * gigabytes of JSON per second", 2019, section 3.1.1.)
 */
static inline uint64_t block_escaped(uint64_t bs, uint64_t *carry)
{
	const uint64_t even = UINT64_C(0x5555555555555555);
	uint64_t follows, odd, ends;

	if (!bs) {
		follows = *carry;
		*carry = 0;
		return follows;
	}
	bs &= ~*carry;
	follows = bs << 1 | *carry;
	odd = bs & ~even & ~follows;
	*carry = __builtin_add_overflow(odd, bs, &ends);
	return (even ^ ends << 1) & follows;
}

/* Bit i: whether an odd number of bits of x stand at or below i. */
static inline uint64_t block_parity(uint64_t x)
{
	for (int i = 1; i < 64; i *= 2)
		x ^= x << i;
	return x;
}

/* First byte of [p, end) that ends a number or a word: a comma, a bracket, white space; or end.
 */
static inline const char *block_word_stop(const char *p, const char *end)
{
#if defined(__SSE2__)
	const __m128i comma = _mm_set1_epi8(','), brace = _mm_set1_epi8('}');
	const __m128i bracket = _mm_set1_epi8(']'), blank = _mm_set1_epi8(' ');

	for (; p < end; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i m = _mm_or_si128(
			_mm_or_si128(_mm_cmpeq_epi8(v, comma), _mm_cmpeq_epi8(v, brace)),
			_mm_or_si128(_mm_cmpeq_epi8(v, bracket),
				     _mm_cmpeq_epi8(_mm_max_epu8(v, blank), blank)));
		int bits = _mm_movemask_epi8(m);

		if (bits) {
			p += __builtin_ctz((unsigned)bits);
			break;
		}
	}
	return p < end ? p : end;
#else
	while (p < end && *p != ',' && *p != '}' && *p != ']' && (unsigned char)*p > ' ')
		p++;
	return p;
#endif
}

/* First byte of [p, end) that is a quote, a backslash or a control character, else end. */
static inline const char *block_text_stop(const char *p, const char *end)
{
#if defined(__SSE2__)
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
	const __m128i ctl = _mm_set1_epi8(0x1f);

	while (p < end) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i m = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote),
						      _mm_cmpeq_epi8(v, slash)),
					 _mm_cmpeq_epi8(_mm_max_epu8(v, ctl), ctl));
		int bits = _mm_movemask_epi8(m);

		if (bits) {
			p += __builtin_ctz((unsigned)bits);
			return p < end ? p : end;
		}
		p += 16;
	}
	return end;
#else
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p > 0x1f)
		p++;
	return p;
#endif
}

#endif
