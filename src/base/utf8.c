/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

static bool cont(struct str s, size_t i)
{
	return ((unsigned char)s.p[i] & 0xc0) == 0x80;
}

size_t utf8_len(struct str s, size_t i)
{
	unsigned char c = (unsigned char)s.p[i];
	unsigned char d = i + 1 < s.len ? (unsigned char)s.p[i + 1] : 0;

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4 || (d & 0xc0) != 0x80)
		return 0;
	if (c < 0xe0)
		return 2;
	if (i + 2 >= s.len || !cont(s, i + 2))
		return 0;
	if (c < 0xf0) {
		if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f))
			return 0;
		return 3;
	}
	if (i + 3 >= s.len || !cont(s, i + 3) || (c == 0xf0 && d < 0x90) ||
	    (c == 0xf4 && d > 0x8f))
		return 0;
	return 4;
}

bool utf8_ok(struct str s)
{
	size_t i = 0;

	while (i < s.len) {
		size_t n = utf8_len(s, i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

size_t utf8_put(char out[4], uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}
