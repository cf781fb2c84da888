/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/str: a slice, a pointer and a length into memory that somebody else owns.
 * Not NUL-terminated. An empty slice may have a NULL pointer.
 */
#ifndef BASE_STR_H
#define BASE_STR_H
#include "base/macros.h"
#include <stdbool.h>
#include <string.h>

struct str {
	const char *p;
	size_t len;
};

/* For printf("%.*s"): STR_ARG(s). */
#define STR_ARG(s) (int)(s).len, (s).p ? (s).p : ""
/* A slice of a string literal. */
#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})

static inline struct str str_of(const char *z)
{
	return (struct str){z, z ? strlen(z) : 0};
}

static inline struct str str_n(const char *p, size_t len)
{
	return (struct str){p, len};
}

/* The n bytes at p, 8 at most, as a little-endian word. */
static inline uint64_t str_word(const char *p, size_t n)
{
	const uint8_t *u = (const uint8_t *)p;
	uint64_t k = 0;
	uint32_t lo, hi;

	if (n >= 8) {
		memcpy(&k, p, 8);
	} else if (n >= 4) {
		memcpy(&lo, p, 4);
		memcpy(&hi, p + n - 4, 4);
		k = lo | (uint64_t)hi << (8 * (n - 4));
	} else if (n) {
		k = u[0] | (uint64_t)u[n / 2] << (8 * (n / 2)) |
		    (uint64_t)u[n - 1] << (8 * (n - 1));
	}
	return k;
}

/* A word of text in lower case, ASCII only. */
static inline uint64_t word_lower(uint64_t k)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t low = k & ~high, upper;

	/* The high bit of each byte in A to Z, which then is bit 5. */
	upper = (low + (0x80 - 'A') * ones) & ~(low + (0x7f - 'Z') * ones) & ~k & high;
	return k | upper >> 2;
}

/* The high bit of each byte of a word that is no decimal digit. */
static inline uint64_t word_odd(uint64_t k)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t t = k ^ '0' * ones;

	return (((t & ~high) + (0x7f - 9) * ones) | t) & high;
}

/* The number that eight digits are, the first in the lowest byte: pairs, fours, all. */
static inline uint32_t word_number(uint64_t k)
{
	k = (k & UINT64_C(0x0f0f0f0f0f0f0f0f)) * (1 + (10 << 8)) >> 8;
	k = (k & UINT64_C(0x00ff00ff00ff00ff)) * (1 + (100 << 16)) >> 16;
	return (uint32_t)((k & UINT64_C(0x0000ffff0000ffff)) * (1 + (UINT64_C(10000) << 32)) >>
			  32);
}

#define WORD_ZEROS UINT64_C(0x3030303030303030)

/* Whether n bytes are alike: without a call where they are few, as those of names. */
static inline bool str_same(const char *a, const char *b, size_t n)
{
	if (n <= 8)
		return str_word(a, n) == str_word(b, n);
	if (n <= 16)
		return str_word(a, 8) == str_word(b, 8) &&
		       str_word(a + n - 8, 8) == str_word(b + n - 8, 8);
	return memcmp(a, b, n) == 0;
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool str_eqz(struct str a, const char *z)
{
	return str_eq(a, str_of(z));
}

/* ASCII only; bytes above 127 compare as they are. */
static inline char lower_c(char c)
{
	return (c >= 'A' && c <= 'Z') ? (char)(c | 0x20) : c;
}

static inline bool digit_c(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool upper_c(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* ASCII only, in either case. */
static inline bool letter_c(char c)
{
	return upper_c(c) || (c >= 'a' && c <= 'z');
}

/* Value of a hexadecimal digit, or -1. */
static inline int hex_digit(char c)
{
	c = lower_c(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool str_ieq(struct str a, struct str b);
bool str_ieqz(struct str a, const char *z);
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Orders by bytes, shorter first when one is the prefix of the other. */
int str_cmp(struct str a, struct str b);
/* Offset of the first c at or after from, or SIZE_MAX. */
size_t str_chr(struct str s, char c, size_t from);
/* Offset of the first occurrence of needle, or SIZE_MAX. An empty needle is found at 0. */
size_t str_find(struct str s, struct str needle);
/* The part [from, to), both cut to the length. */
struct str str_sub(struct str s, size_t from, size_t to);
/* Without ASCII white space at both ends. */
struct str str_trim(struct str s);
/*
 * Splits at the first c: returns the part before it, *rest is what follows.
 * Without c: returns all, *rest becomes empty with p == NULL.
 */
struct str str_cut(struct str s, char c, struct str *rest);
/* Decimal integer, optional sign, whole slice. false when it is none or does not fit. */
bool str_i64(struct str s, int64_t *ret_v);
/* Decimal or scientific number, whole slice, always with '.', whatever the locale. */
bool str_f64(struct str s, double *ret_v);
/* malloc'ed NUL-terminated copy, NULL when out of memory. The caller frees. */
char *str_dup(struct str s);

#endif
