/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/tpkt.h"

#define HEAD	    4
#define MESSAGE_MAX (64 * KIB)

/* The PDU of COTP of one packet, and where its own data begin; false: broken. */
static bool cotp(const uint8_t *p, size_t n, uint8_t *ret_type, size_t *ret_at, bool *ret_end)
{
	size_t li;

	if (n < HEAD + 3 || p[0] != 3)
		return false;
	li = p[4];
	if (li < 2 || HEAD + 1 + li > n)
		return false;
	*ret_type = p[5] & 0xf0;
	*ret_at = HEAD + 1 + li;
	*ret_end = *ret_type != COTP_DATA || (p[6] & 0x80);
	return *ret_type == COTP_CONNECT || *ret_type == COTP_CONFIRM ||
	       *ret_type == COTP_DATA || p[5] == 0x80 || p[5] == 0x70;
}

static bool add(struct conn *c, struct tpkt *t, const uint8_t *p, size_t n)
{
	if (t->len + n > t->cap) {
		uint32_t cap = MAX(t->len + (uint32_t)n, MAX(t->cap * 2, 2048U));
		uint8_t *q = cap <= MESSAGE_MAX ? conn_alloc(c, cap) : NULL;

		if (!q)
			return false;
		if (t->len)
			memcpy(q, t->part, t->len);
		conn_free(c, t->part, t->cap);
		t->part = q;
		t->cap = cap;
	}
	if (n)
		memcpy(t->part + t->len, p, n);
	t->len += (uint32_t)n;
	return true;
}

int64_t tpkt_next(struct conn *c, struct tpkt *t, struct str data, struct str *ret_msg)
{
	const uint8_t *p = (const uint8_t *)data.p;
	uint8_t type;
	size_t n, at;
	bool end;

	*ret_msg = (struct str){0};
	if (data.len < HEAD)
		return data.len && p[0] != 3 ? STREAM_FAIL : 0;
	n = be16(p + 2);
	if (p[0] != 3 || n < HEAD + 3)
		return STREAM_FAIL;
	if (n > data.len)
		return n > TPKT_BUFFER ? STREAM_FAIL : 0;
	if (!cotp(p, n, &type, &at, &end))
		return STREAM_FAIL;
	if (type != COTP_DATA)
		return (int64_t)n;
	if (!t->len && end && !t->lost) {
		*ret_msg = str_n(data.p + at, n - at);
		return (int64_t)n;
	}
	if (!t->lost && !add(c, t, p + at, n - at))
		t->lost = true;
	if (!end)
		return (int64_t)n;
	if (!t->lost)
		*ret_msg = str_n((const char *)t->part, t->len);
	tpkt_gap(t);
	return (int64_t)n;
}

void tpkt_gap(struct tpkt *t)
{
	t->len = 0;
	t->lost = false;
}

void tpkt_free(struct conn *c, struct tpkt *t)
{
	conn_free(c, t->part, t->cap);
	*t = (struct tpkt){0};
}

enum sniff_result tpkt_first(struct str data, struct str *ret_msg)
{
	const uint8_t *p = (const uint8_t *)data.p;
	size_t left = data.len;

	*ret_msg = (struct str){0};
	while (left) {
		uint8_t type;
		size_t n, at;
		bool end;

		if (p[0] != 3 || (left > 1 && p[1] != 0))
			return SNIFF_NO;
		if (left < HEAD + 3)
			return SNIFF_MORE;
		n = be16(p + 2);
		if (n < HEAD + 3 || p[4] < 2 || HEAD + 1U + p[4] > n)
			return SNIFF_NO;
		if (left < HEAD + 1U + p[4])
			return SNIFF_MORE;
		if (!cotp(p, MIN(n, left), &type, &at, &end))
			return SNIFF_NO;
		if (type == COTP_DATA) {
			if (left < at + 4 && left < n)
				return SNIFF_MORE;
			*ret_msg = str_n((const char *)p + at, MIN(left, n) - at);
			return SNIFF_YES;
		}
		if (n > left)
			return SNIFF_MORE;
		p += n;
		left -= n;
	}
	return SNIFF_MORE;
}
