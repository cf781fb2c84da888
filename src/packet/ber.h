/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/ber: elements of BER and DER (X.690), of definite length and with tags of one byte,
 * which are all that X.509, Kerberos, LDAP and SPNEGO send.
 */
#ifndef PACKET_BER_H
#define PACKET_BER_H
#include "base/str.h"

enum {
	BER_BOOL = 1,
	BER_INT = 2,
	BER_BITS = 3,
	BER_OCTETS = 4,
	BER_OID = 6,
	BER_ENUM = 10,
	BER_TIME_UTC = 23,
	BER_TIME_GEN = 24,
	BER_SEQ = 0x30,
	BER_SET = 0x31,
};

/*
 * Bytes of the head of the element at the start of s, *ret_len those of its content, of which
 * not all need be there. 0: more bytes are needed; -1: it is none.
 */
static inline int ber_head(struct str s, size_t *ret_len)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t n, len = 0;

	if (s.len < 2)
		return s.len && (p[0] & 0x1f) == 0x1f ? -1 : 0;
	if ((p[0] & 0x1f) == 0x1f)
		return -1;
	if (!(p[1] & 0x80)) {
		*ret_len = p[1];
		return 2;
	}
	n = p[1] & 0x7f;
	if (n == 0 || n > 4)
		return -1;
	if (s.len < 2 + n)
		return 0;
	for (size_t i = 0; i < n; i++)
		len = len << 8 | p[2 + i];
	*ret_len = len;
	return 2 + (int)n;
}

/* The next element of s: its tag, its content; s moves past it. false: broken, or none. */
static inline bool ber_next(struct str *s, unsigned *tag, struct str *body)
{
	size_t len;
	int head = ber_head(*s, &len);

	if (head <= 0 || len > s->len - (size_t)head)
		return false;
	*tag = (uint8_t)s->p[0];
	*body = str_n(s->p + head, len);
	*s = str_sub(*s, (size_t)head + len, s->len);
	return true;
}

static inline bool ber_want(struct str *s, unsigned tag, struct str *body)
{
	unsigned got;

	return ber_next(s, &got, body) && got == tag;
}

/* An integer of at most four bytes, cut to 32 bits beyond. */
static inline uint32_t ber_u32(struct str body)
{
	uint32_t v = 0;

	for (size_t i = 0; i < body.len; i++)
		v = v << 8 | (uint8_t)body.p[i];
	return v;
}

/* A signed integer (X.690, 8.3), cut to its lowest 32 bits. */
static inline int32_t ber_i32(struct str body)
{
	uint32_t v = ber_u32(body);

	if (body.len && body.len < 4 && body.p[0] & 0x80)
		v |= UINT32_MAX << 8 * body.len;
	return (int32_t)v;
}

/* UTCTime or GeneralizedTime as ns; 0 when it is none that can be had. */
int64_t ber_moment(unsigned tag, struct str s);

#endif
