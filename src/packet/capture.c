/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/capture.h"

#define MAGIC_US      0xa1b2c3d4U
#define MAGIC_NS      0xa1b23c4dU
#define MAGIC_MORE    0xa1b2cd34U /* of patched libpcap: eight more bytes a frame */
#define MAGIC_SECTION 0x0a0d0d0aU
#define BYTE_ORDER_NG 0x1a2b3c4dU
#define GUESS_FRAMES  2 /* headers in a row that must look right to go on after damage */
#define GUESS_FROM_S  100000000 /* 1973; earlier seconds are taken for other numbers */
#define GUESS_LEN     14
#define NG_MIN	      12

static uint32_t get32(const struct capture *c, const uint8_t *p)
{
	return c->swap ? be32(p) : le32(p);
}

static uint16_t get16(const struct capture *c, const uint8_t *p)
{
	return c->swap ? be16(p) : le16(p);
}

static bool is_pcap(uint32_t m)
{
	return m == MAGIC_US || m == MAGIC_NS || m == MAGIC_MORE;
}

bool capture_sniff(struct str head)
{
	const uint8_t *p = (const uint8_t *)head.p;
	uint32_t m;

	if (head.len < 24)
		return false;
	m = le32(p);
	if (m == MAGIC_SECTION)
		return le32(p + 8) == BYTE_ORDER_NG || be32(p + 8) == BYTE_ORDER_NG;
	if (is_pcap(m))
		return le16(p + 4) == 2;
	return is_pcap(be32(p)) && be16(p + 4) == 2;
}

static enum capture_result pcap_head(struct capture *c, struct str buf, size_t *pos)
{
	const uint8_t *p = (const uint8_t *)buf.p + *pos;
	uint32_t m;

	if (buf.len - *pos < 24)
		return CAPTURE_MORE;
	m = le32(p);
	if (m == MAGIC_SECTION) {
		c->ng = c->begun = true;
		return CAPTURE_BAD;
	}
	c->swap = !is_pcap(m);
	m = c->swap ? be32(p) : m;
	c->nano = m == MAGIC_NS;
	c->more = m == MAGIC_MORE ? 8 : 0;
	/* The upper bits hold the length of a frame check sequence. */
	c->link[0] = (struct capture_link){.link = (uint16_t)get32(c, p + 20)};
	c->nlink = 1;
	c->begun = true;
	*pos += 24;
	return CAPTURE_BAD;
}

static bool pcap_plausible(const struct capture *c, const uint8_t *p)
{
	uint32_t sub = get32(c, p + 4), len = get32(c, p + 8), wire = get32(c, p + 12);

	return sub < (c->nano ? 1000000000U : 1000000U) && len <= CAPTURE_FRAME_MAX &&
	       (len <= wire || wire == 0);
}

/*
 * After a damaged header: the next place from which two headers in a row look right and are
 * of about the same time. *pos moves to it, or to where it may begin once more bytes come.
 */
static void pcap_resync(struct capture *c, struct str buf, size_t *pos)
{
	const uint8_t *b = (const uint8_t *)buf.p;
	size_t from = *pos, i;

	for (i = *pos + 1; i + 16 <= buf.len; i++) {
		size_t at = i;
		unsigned good = 0;
		int64_t s = get32(c, b + i), d = s - c->last / NS_PER_S;

		if (!pcap_plausible(c, b + i) ||
		    (c->last ? d > S_PER_D || d < -S_PER_D : s < GUESS_FROM_S))
			continue;
		while (good < GUESS_FRAMES && at + 16 <= buf.len && pcap_plausible(c, b + at) &&
		       get32(c, b + at) - s <= S_PER_H && get32(c, b + at) - s >= -S_PER_H &&
		       get32(c, b + at + 8) >= GUESS_LEN) {
			at += 16 + c->more + (size_t)get32(c, b + at + 8);
			good++;
		}
		if (good == GUESS_FRAMES)
			break;
	}
	*pos = i;
	c->lost += i - from;
}

static enum capture_result pcap_next(struct capture *c, struct str buf, size_t *pos,
				     struct frame *ret_f)
{
	const uint8_t *p = (const uint8_t *)buf.p + *pos;
	const size_t head = 16 + c->more;
	uint32_t len;

	if (buf.len - *pos < head)
		return CAPTURE_MORE;
	if (!pcap_plausible(c, p)) {
		pcap_resync(c, buf, pos);
		return CAPTURE_BAD;
	}
	len = get32(c, p + 8);
	if (buf.len - *pos - head < len)
		return CAPTURE_MORE;
	ret_f->ts = (int64_t)get32(c, p) * NS_PER_S +
		    (int64_t)get32(c, p + 4) * (c->nano ? 1 : NS_PER_US);
	ret_f->p = p + head;
	ret_f->len = len;
	ret_f->wire = get32(c, p + 12);
	ret_f->link = c->link[0].link;
	c->last = ret_f->ts;
	*pos += head + len;
	return CAPTURE_FRAME;
}

/* A time of pcapng in units of the interface to ns. */
static int64_t ng_time(const struct capture_link *l, uint64_t t)
{
	uint64_t s, frac, unit = 1;
	uint8_t e = l->resol & 0x7f;

	if (l->resol & 0x80) {
		if (e > 62)
			return 0;
		s = t >> e;
		frac = (uint64_t)((double)(t & ((UINT64_C(1) << e) - 1)) * 1e9 /
				  (double)(UINT64_C(1) << e));
	} else {
		if (e > 18)
			return 0;
		for (unsigned i = 0; i < e; i++)
			unit *= 10;
		s = t / unit;
		frac = t % unit;
		for (; e < 9; e++)
			frac *= 10;
		for (; e > 9; e--)
			frac /= 10;
	}
	if (s > INT64_MAX / 2 / (uint64_t)NS_PER_S)
		return 0;
	return (int64_t)(s * (uint64_t)NS_PER_S + frac) + l->offset_s * NS_PER_S;
}

static void ng_interface(struct capture *c, const uint8_t *p, size_t n)
{
	struct capture_link *l = &c->link[MIN(c->nlink, CAPTURE_LINKS_MAX - 1U)];

	if (n < 8)
		return;
	*l = (struct capture_link){.link = get16(c, p), .resol = 6, .snap = get32(c, p + 4)};
	c->nlink = MIN(c->nlink + 1, CAPTURE_LINKS_MAX);
	for (size_t i = 8; i + 4 <= n;) {
		uint16_t code = get16(c, p + i), len = get16(c, p + i + 2);

		i += 4;
		if (!code || len > n - i)
			return;
		if (code == 9 && len == 1)
			l->resol = p[i];
		if (code == 14 && len == 8) {
			uint64_t lo = get32(c, p + i + (c->swap ? 4 : 0));
			uint64_t hi = get32(c, p + i + (c->swap ? 0 : 4));
			int64_t off = (int64_t)(hi << 32 | lo);

			if (off > -(INT64_C(1) << 32) && off < (INT64_C(1) << 32))
				l->offset_s = off;
		}
		i += (len + 3U) & ~3U;
	}
}

/* An enhanced packet block, or the obsolete one, whose interface number has 16 bits. */
static bool ng_packet(struct capture *c, uint32_t type, const uint8_t *p, size_t n,
		      struct frame *ret_f)
{
	uint32_t id;

	if (n < 20)
		return false;
	id = type == 2 ? get16(c, p) : get32(c, p);
	if (id >= c->nlink)
		return false;
	ret_f->len = get32(c, p + 12);
	ret_f->wire = get32(c, p + 16);
	if (ret_f->len > n - 20)
		return false;
	ret_f->p = p + 20;
	ret_f->link = c->link[id].link;
	ret_f->ts = ng_time(&c->link[id], (uint64_t)get32(c, p + 4) << 32 | get32(c, p + 8));
	c->last = ret_f->ts;
	return true;
}

static bool ng_simple(struct capture *c, const uint8_t *p, size_t n, struct frame *ret_f)
{
	uint32_t len;

	if (n < 4 || !c->nlink)
		return false;
	ret_f->wire = get32(c, p);
	len = MIN(ret_f->wire, (uint32_t)(n - 4));
	if (c->link[0].snap)
		len = MIN(len, c->link[0].snap);
	ret_f->p = p + 4;
	ret_f->len = len;
	ret_f->link = c->link[0].link;
	ret_f->ts = c->last;
	return true;
}

static uint32_t ng_length(const struct capture *c, const uint8_t *p, size_t n,
			  uint32_t *ret_type)
{
	uint32_t type = get32(c, p), len;
	bool swap = c->swap;

	if (le32(p) == MAGIC_SECTION) {
		if (n < 12)
			return 0;
		type = MAGIC_SECTION;
		swap = be32(p + 8) == BYTE_ORDER_NG;
	}
	*ret_type = type;
	len = swap ? be32(p + 4) : le32(p + 4);
	return len >= NG_MIN && len <= CAPTURE_FRAME_MAX && len % 4 == 0 ? len : UINT32_MAX;
}

/* After damage: the next block whose two lengths agree. */
static void ng_resync(struct capture *c, struct str buf, size_t *pos)
{
	const uint8_t *b = (const uint8_t *)buf.p;
	size_t from = *pos, i;

	for (i = *pos + 1; i + NG_MIN <= buf.len; i++) {
		uint32_t type, len = ng_length(c, b + i, buf.len - i, &type);

		if (len != UINT32_MAX && len && (type == MAGIC_SECTION || type <= 6) &&
		    len <= buf.len - i && get32(c, b + i + len - 4) == len)
			break;
	}
	*pos = i;
	c->lost += i - from;
}

static enum capture_result ng_next(struct capture *c, struct str buf, size_t *pos,
				   struct frame *ret_f)
{
	for (;;) {
		const uint8_t *p = (const uint8_t *)buf.p + *pos;
		uint32_t type, len;

		if (buf.len - *pos < NG_MIN)
			return CAPTURE_MORE;
		len = ng_length(c, p, buf.len - *pos, &type);
		if (len == UINT32_MAX) {
			ng_resync(c, buf, pos);
			return CAPTURE_BAD;
		}
		if (!len || buf.len - *pos < len)
			return CAPTURE_MORE;
		*pos += len;
		if (type == MAGIC_SECTION) {
			c->swap = be32(p + 8) == BYTE_ORDER_NG;
			c->nlink = 0;
		} else if (type == 1) {
			ng_interface(c, p + 8, len - NG_MIN);
		} else if (type == 6 || type == 2 || type == 3) {
			bool ok = type == 3 ? ng_simple(c, p + 8, len - NG_MIN, ret_f)
					    : ng_packet(c, type, p + 8, len - NG_MIN, ret_f);

			if (ok)
				return CAPTURE_FRAME;
			c->lost += len;
			return CAPTURE_BAD;
		}
	}
}

enum capture_result capture_next(struct capture *c, struct str buf, size_t *pos,
				 struct frame *ret_f)
{
	if (!c->begun) {
		enum capture_result r = pcap_head(c, buf, pos);

		if (r == CAPTURE_MORE)
			return r;
	}
	return c->ng ? ng_next(c, buf, pos, ret_f) : pcap_next(c, buf, pos, ret_f);
}
