/* SPDX-License-Identifier: Apache-2.0 */
#include "event/encode.h"

bool encode_word(char c)
{
	c = lower_c(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static const char *const dashes[DASHES] = {"-", "/", "\xe2\x80\x93", "\xe2\x80\x94",
					   "\xe2\x80\x95"};

size_t encode_dash_at(struct str s, size_t i)
{
	for (size_t k = 0; k < DASHES; k++) {
		size_t n = k < 2 ? 1 : 3;

		if (s.len - i >= n && memcmp(s.p + i, dashes[k], n) == 0)
			return n;
	}
	return 0;
}

/* The same, of a dash that begins an option. */
static size_t option_at(struct str s, size_t i)
{
	size_t n = encode_dash_at(s, i);

	return n && (i == 0 || !encode_word(s.p[i - 1])) && i + n < s.len &&
			       encode_word(s.p[i + n])
		       ? n
		       : 0;
}

size_t encode_dashes(struct str s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.len; i++)
		count += option_at(s, i) > 0;
	return count;
}

struct str encode_dash(struct arena *a, struct str s, unsigned choice)
{
	char *out = arena_alloc(a, s.len * 3 + 1);
	size_t len = 0;

	for (size_t i = 0; out && i < s.len;) {
		size_t n = option_at(s, i), put = n ? strlen(dashes[choice % DASHES]) : 1;

		memcpy(out + len, n ? dashes[choice % DASHES] : s.p + i, put);
		len += put;
		i += n ? n : 1;
		choice = n ? choice / DASHES : choice;
	}
	return str_n(out, out ? len : 0);
}

struct str encode_dash_mark(struct arena *a, struct str s, char mark)
{
	char *out = arena_alloc(a, s.len + 1);
	size_t len = 0;

	for (size_t i = 0; out && i < s.len;) {
		size_t n = option_at(s, i);

		out[len++] = n ? mark : s.p[i];
		i += n ? n : 1;
	}
	return str_n(out, out ? len : 0);
}

/* One code point of s at *i, or U+FFFD for a broken byte. */
static uint32_t code_point(struct str s, size_t *i)
{
	unsigned char c = (unsigned char)s.p[*i];
	unsigned n = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 4;
	uint32_t v = n == 0 ? c : c & (0x3fu >> n);

	(*i)++;
	if (n == 4)
		return 0xfffd;
	for (; n > 0; n--, (*i)++) {
		if (*i >= s.len || ((unsigned char)s.p[*i] & 0xc0) != 0x80)
			return 0xfffd;
		v = v << 6 | ((unsigned char)s.p[*i] & 0x3fu);
	}
	return v;
}

static char *put_unit(char *p, uint32_t unit, bool big)
{
	*p++ = (char)(big ? unit >> 8 : unit & 0xff);
	*p++ = (char)(big ? unit & 0xff : unit >> 8);
	return p;
}

struct str encode_utf16(struct arena *a, struct str s, bool big, bool mark)
{
	char *out = arena_alloc(a, s.len * 2 + 4), *p = out;

	if (!out)
		return str_n(NULL, 0);
	if (mark)
		p = put_unit(p, 0xfeff, false);
	for (size_t i = 0; i < s.len;) {
		uint32_t v = code_point(s, &i);

		if (v >= 0x10000) {
			p = put_unit(p, 0xd7c0 + (v >> 10), big);
			v = 0xdc00 + (v & 0x3ff);
		}
		p = put_unit(p, v, big);
	}
	return str_n(out, (size_t)(p - out));
}

struct str encode_base64(struct arena *a, struct str s, unsigned skip, bool pad)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const uint8_t lost[] = {0, 2, 3}; /* first characters that hold other bits */
	size_t bits = (skip + s.len) * 8, chars = pad ? (bits + 5) / 6 : bits / 6, len = 0;
	char *out = arena_alloc(a, chars + 4);

	for (size_t i = lost[skip]; out && i < chars; i++) {
		uint32_t v = 0;

		for (size_t bit = i * 6; bit < i * 6 + 6; bit++) {
			size_t byte = bit / 8 - skip;
			unsigned c = byte < s.len ? (unsigned char)s.p[byte] : 0;

			v = v << 1 | (c >> (7 - bit % 8) & 1);
		}
		out[len++] = set[v];
	}
	while (out && pad && len % 4)
		out[len++] = '=';
	return str_n(out, out ? len : 0);
}
