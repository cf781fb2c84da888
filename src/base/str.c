/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

bool str_ieq(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower_c(a.p[i]) != lower_c(b.p[i]))
			return false;
	return true;
}

bool str_ieqz(struct str a, const char *z)
{
	return str_ieq(a, str_of(z));
}

bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(s.p, prefix.p, prefix.len) == 0);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.len >= suffix.len &&
	       (suffix.len == 0 || memcmp(s.p + s.len - suffix.len, suffix.p, suffix.len) == 0);
}

int str_cmp(struct str a, struct str b)
{
	size_t n = MIN(a.len, b.len);
	int c = n ? memcmp(a.p, b.p, n) : 0;

	if (c)
		return c;
	return a.len < b.len ? -1 : a.len > b.len;
}

size_t str_chr(struct str s, char c, size_t from)
{
	const char *q;

	if (from >= s.len)
		return SIZE_MAX;
	q = memchr(s.p + from, c, s.len - from);
	return q ? (size_t)(q - s.p) : SIZE_MAX;
}

size_t str_find(struct str s, struct str needle)
{
	const char *q;

	if (needle.len == 0)
		return 0;
	if (s.len < needle.len)
		return SIZE_MAX;
	q = memmem(s.p, s.len, needle.p, needle.len);
	return q ? (size_t)(q - s.p) : SIZE_MAX;
}

struct str str_sub(struct str s, size_t from, size_t to)
{
	if (to > s.len)
		to = s.len;
	if (from >= to)
		return (struct str){s.p, 0};
	return (struct str){s.p + from, to - from};
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
	while (s.len && is_space(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len && is_space(s.p[s.len - 1]))
		s.len--;
	return s;
}

struct str str_cut(struct str s, char c, struct str *rest)
{
	size_t i = str_chr(s, c, 0);

	if (i == SIZE_MAX) {
		*rest = (struct str){NULL, 0};
		return s;
	}
	*rest = str_sub(s, i + 1, s.len);
	return str_sub(s, 0, i);
}

bool str_i64(struct str s, int64_t *ret_v)
{
	uint64_t v = 0, lim = INT64_MAX;
	bool neg = false;
	size_t i = 0;

	/* Most are short and plain: shifted so that zeros come first. */
	if (s.len && s.len < 8) {
		uint64_t w = str_word(s.p, s.len) << 8 * (8 - s.len) | WORD_ZEROS >> 8 * s.len;

		if (!word_odd(w)) {
			*ret_v = word_number(w);
			return true;
		}
	}
	if (s.len && (s.p[0] == '-' || s.p[0] == '+')) {
		neg = s.p[0] == '-';
		lim += neg;
		i = 1;
	}
	if (i == s.len)
		return false;
	for (; i < s.len; i++) {
		unsigned d = (unsigned char)s.p[i] - (unsigned)'0';

		/* Eighteen digits always fit. */
		if (d > 9 || (i >= 18 && v > (lim - d) / 10))
			return false;
		v = v * 10 + d;
	}
	*ret_v = neg ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

/* strtod reads the decimal point of the locale, so it is given the C locale once for all. */
static locale_t c_locale(void)
{
	static locale_t loc;
	locale_t l = __atomic_load_n(&loc, __ATOMIC_ACQUIRE);

	if (!l) {
		l = newlocale(LC_ALL_MASK, "C", (locale_t)0);
		__atomic_store_n(&loc, l, __ATOMIC_RELEASE);
	}
	return l;
}

bool str_f64(struct str s, double *ret_v)
{
	static const double p10[] = {1,	   1e1,	 1e2,  1e3,  1e4,  1e5,	 1e6,  1e7,
				     1e8,  1e9,	 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
				     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	char tmp[64];
	char *end;
	uint64_t m = 0;
	size_t i = 0, frac = 0;
	bool neg = false, dot = false;

	/* Up to 15 digits and no exponent: exact in one division (Clinger's fast path). */
	if (s.len && s.p[0] == '-') {
		neg = true;
		i = 1;
	}
	if (s.len - i >= 1 && s.len - i <= 16) {
		size_t j, digits = 0;

		for (j = i; j < s.len; j++) {
			char c = s.p[j];

			if (c >= '0' && c <= '9') {
				m = m * 10 + (uint64_t)(c - '0');
				digits++;
				frac += dot;
			} else if (c == '.' && !dot) {
				dot = true;
			} else {
				break;
			}
		}
		if (j == s.len && digits > 0 && digits <= 15) {
			double v = (double)m / p10[frac];

			*ret_v = neg ? -v : v;
			return true;
		}
	}
	if (s.len == 0 || s.len >= sizeof(tmp) || is_space(s.p[0]))
		return false;
	memcpy(tmp, s.p, s.len);
	tmp[s.len] = 0;
	errno = 0;
	*ret_v = strtod_l(tmp, &end, c_locale());
	return end == tmp + s.len && isfinite(*ret_v);
}

char *str_dup(struct str s)
{
	char *z = malloc(s.len + 1);

	if (!z)
		return NULL;
	if (s.len)
		memcpy(z, s.p, s.len);
	z[s.len] = 0;
	return z;
}
