/* SPDX-License-Identifier: Apache-2.0 */
/* packet/ot_ber: tags and lengths of ASN.1's basic encoding (X.690), for MMS and GOOSE. */
#ifndef PACKET_OT_BER_H
#define PACKET_OT_BER_H
#include "packet/pkt.h"

struct ot_ber {
	uint8_t first;	  /* byte of the tag: class and form in the upper three bits */
	uint32_t no;	  /* number of the tag */
	struct str value; /* of the indefinite form: all that is left */
};

/* Takes the next element off s; false: broken, or none. */
static inline bool ot_ber_next(struct str *s, struct ot_ber *ret_b)
{
	const uint8_t *p = (const uint8_t *)s->p;
	size_t at = 1, len;
	struct ot_ber b;

	if (s->len < 2)
		return false;
	b.first = p[0];
	b.no = p[0] & 31;
	if (b.no == 31) {
		b.no = 0;
		do {
			if (at >= s->len || at > 4)
				return false;
			b.no = b.no << 7 | (p[at] & 0x7f);
		} while (p[at++] & 0x80);
	}
	if (at >= s->len)
		return false;
	len = p[at++];
	if (len == 0x80) {
		len = s->len - at;
	} else if (len > 0x80) {
		unsigned k = (unsigned)len & 0x7f;

		if (k > 4 || k > s->len - at)
			return false;
		for (len = 0; k; k--)
			len = len << 8 | p[at++];
	}
	if (len > s->len - at)
		return false;
	b.value = str_sub(*s, at, at + len);
	*s = str_sub(*s, at + len, s->len);
	*ret_b = b;
	return true;
}

/* Of up to eight bytes. */
static inline uint64_t ot_ber_uint(struct str v)
{
	uint64_t u = 0;

	for (size_t i = 0; i < v.len && i < 9; i++)
		u = u << 8 | (uint8_t)v.p[i];
	return u;
}

#endif
