/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/utf16.h"
#include "base/utf8.h"

bool utf16_mark(const unsigned char first[2], struct utf16 *ret_u)
{
	bool little = first[0] == 0xff && first[1] == 0xfe;
	bool big = first[0] == 0xfe && first[1] == 0xff;

	*ret_u = (struct utf16){.big = big};
	return little || big;
}

/* One 16-bit unit; a pair needs as much room as its halves would by themselves, or less. */
static size_t unit(struct utf16 *u, uint32_t c, char *out)
{
	bool low = c >= 0xdc00 && c < 0xe000;
	size_t n = 0;

	if (u->high && low) {
		n = utf8_put(out, 0x10000 + ((u->high - 0xd800) << 10) + (c - 0xdc00));
		u->high = 0;
		return n;
	}
	if (u->high)
		n = utf8_put(out, 0xfffd);
	u->high = c >= 0xd800 && c < 0xdc00 ? c : 0;
	return u->high ? n : n + utf8_put(out + n, low ? 0xfffd : c);
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
	size_t n = u->high ? utf8_put(out, 0xfffd) : 0;

	if (u->odd)
		n += utf8_put(out + n, 0xfffd);
	*u = (struct utf16){.big = u->big};
	return n;
}
