/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/utf16.h"

bool utf16_mark(const unsigned char first[2], struct utf16 *ret_u)
{
	bool little = first[0] == 0xff && first[1] == 0xfe;
	bool big = first[0] == 0xfe && first[1] == 0xff;

	*ret_u = (struct utf16){.big = big};
	return little || big;
}

static size_t put(char *out, uint32_t c)
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

/* One 16-bit unit; a pair needs as much room as its halves would by themselves, or less. */
static size_t unit(struct utf16 *u, uint32_t c, char *out)
{
	bool low = c >= 0xdc00 && c < 0xe000;
	size_t n = 0;

	if (u->high && low) {
		n = put(out, 0x10000 + ((u->high - 0xd800) << 10) + (c - 0xdc00));
		u->high = 0;
		return n;
	}
	if (u->high)
		n = put(out, 0xfffd);
	u->high = c >= 0xd800 && c < 0xdc00 ? c : 0;
	return u->high ? n : n + put(out + n, low ? 0xfffd : c);
}

size_t utf16_put(struct utf16 *u, const unsigned char *in, size_t n, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (!u->odd) {
			u->byte = in[i];
			u->odd = true;
			continue;
		}
		u->odd = false;
		len += unit(u,
			    u->big ? (uint32_t)u->byte << 8 | in[i]
				   : (uint32_t)in[i] << 8 | u->byte,
			    out + len);
	}
	return len;
}

size_t utf16_end(struct utf16 *u, char *out)
{
	size_t n = u->high ? put(out, 0xfffd) : 0;

	if (u->odd)
		n += put(out + n, 0xfffd);
	*u = (struct utf16){.big = u->big};
	return n;
}
