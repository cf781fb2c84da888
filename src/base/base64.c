/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

uint32_t base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

size_t base64_decode(struct str s, char *out, size_t max)
{
	uint32_t v = 0, bits = 0;
	size_t n = 0;

	for (size_t i = 0; i < s.len && n < max; i++) {
		uint32_t d = base64_digit(s.p[i]);

		if (d == 64)
			break;
		v = v << 6 | d;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		out[n++] = (char)(v >> bits);
	}
	return n;
}
