/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/text.h"
#include "base/utf8.h"
#include "packet/pkt.h"

size_t text_utf16(struct str in, char *out, size_t max)
{
	const uint8_t *p = (const uint8_t *)in.p;
	size_t n = 0;

	for (size_t i = 0; i + 2 <= in.len && n + 4 <= max; i += 2) {
		uint32_t c = le16(p + i), low;

		if (!c)
			break;
		low = c >> 10 == 0x36 && i + 4 <= in.len ? le16(p + i + 2) : 0;
		if (low >> 10 == 0x37) {
			c = 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff);
			i += 2;
		} else if (c >> 11 == 0x1b) {
			c = 0xfffd;
		}
		n += utf8_put(out + n, c);
	}
	return n;
}
