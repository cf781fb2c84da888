/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/dissect.h"

#define DEPTH_MAX   12 /* headers of tunnels, tags aside */
#define TAGS_MAX    8
#define EXT_MAX	    8
#define ETH_IP4	    0x0800
#define ETH_ARP	    0x0806
#define ETH_IP6	    0x86dd
#define ETH_TEB	    0x6558
#define ETH_PPP	    0x880b
#define ETH_ERSPAN2 0x88be
#define ETH_ERSPAN3 0x22eb

struct walk {
	const uint8_t *p, *end;
	uint32_t cut; /* bytes of the frame that were on the wire but not captured */
	struct frag *frag;
	struct pkt k; /* being filled */
	struct pkt *out;
	unsigned n, depth;
};

static enum dissect_result ip(struct walk *w);
static enum dissect_result ethernet(struct walk *w);
static enum dissect_result by_type(struct walk *w, uint16_t type);

static size_t left(const struct walk *w)
{
	return (size_t)(w->end - w->p);
}

static struct ip ip4(const uint8_t *p)
{
	struct ip a = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, p[0], p[1], p[2], p[3]}};

	return a;
}

static struct ip ip6(const uint8_t *p)
{
	struct ip a;

	memcpy(a.b, p, 16);
	return a;
}

static enum dissect_result emit(struct walk *w, size_t size)
{
	w->k.data = w->p;
	w->k.len = (uint32_t)MIN(left(w), size);
	w->k.size = (uint32_t)size;
	if (w->n < DISSECT_MAX)
		w->out[w->n++] = w->k;
	return DISSECT_OK;
}

static void through(struct walk *w, const char *tunnel)
{
	w->k.tunnel = tunnel;
	w->k.outer[0] = w->k.src;
	w->k.outer[1] = w->k.dst;
	w->depth++;
}

static enum dissect_result vxlan(struct walk *w)
{
	if (left(w) < 8 || !(w->p[0] & 0x08))
		return DISSECT_OK;
	through(w, "Tunnel::VXLAN");
	w->p += 8;
	return ethernet(w);
}

static enum dissect_result geneve(struct walk *w)
{
	size_t n = left(w) < 8 ? SIZE_MAX : 8 + (size_t)(w->p[0] & 0x3f) * 4;
	uint16_t type;

	if (n > left(w) || w->p[0] >> 6)
		return DISSECT_OK;
	type = be16(w->p + 2);
	through(w, "Tunnel::GENEVE");
	w->p += n;
	return type == ETH_TEB ? ethernet(w) : by_type(w, type);
}

static enum dissect_result gtp(struct walk *w)
{
	size_t n = 8;

	if (left(w) < 8 || w->p[0] >> 4 != 3 || w->p[1] != 255)
		return DISSECT_OK;
	if (w->p[0] & 7) {
		n = 12;
		for (unsigned i = 0; i < EXT_MAX && n <= left(w) && w->p[n - 1]; i++) {
			if (n + 1 > left(w) || !w->p[n])
				return DISSECT_OK;
			n += (size_t)w->p[n] * 4;
		}
	}
	if (n + 1 > left(w) || (w->p[n] >> 4 != 4 && w->p[n] >> 4 != 6))
		return DISSECT_OK;
	through(w, "Tunnel::GTPv1");
	w->p += n;
	return ip(w);
}

static enum dissect_result udp(struct walk *w, size_t size)
{
	uint16_t len;
	enum dissect_result r;

	if (left(w) < 8)
		return DISSECT_SHORT;
	len = be16(w->p + 4);
	if (len && (len < 8 || len > size))
		return DISSECT_TCP;
	w->k.sport = be16(w->p);
	w->k.dport = be16(w->p + 2);
	size = len ? len : size;
	w->p += 8;
	r = emit(w, size - 8);
	if (left(w) > size - 8)
		w->end = w->p + (size - 8);
	switch (w->k.dport) {
	case 4789:
	case 8472:
		(void)vxlan(w);
		break;
	case 6081:
		(void)geneve(w);
		break;
	case 2152:
		(void)gtp(w);
		break;
	default:
		break;
	}
	return r;
}

static enum dissect_result tcp(struct walk *w, size_t size)
{
	size_t n;

	if (left(w) < 20)
		return DISSECT_SHORT;
	n = (size_t)(w->p[12] >> 4) * 4;
	if (n < 20 || n > size)
		return DISSECT_TCP;
	w->k.sport = be16(w->p);
	w->k.dport = be16(w->p + 2);
	w->k.seq = be32(w->p + 4);
	w->k.ack = be32(w->p + 8);
	w->k.flags = w->p[13];
	w->k.win = be16(w->p + 14);
	w->p += MIN(n, left(w));
	return emit(w, size - n);
}

/* Request and reply of one kind belong together: ports as for the other direction. */
static uint16_t icmp_twin(uint8_t proto, uint8_t type)
{
	static const uint8_t four[][2] = {{8, 0},   {0, 8},   {13, 14}, {14, 13}, {15, 16},
					  {16, 15}, {17, 18}, {18, 17}, {10, 9},  {9, 10}};
	static const uint8_t six[][2] = {{128, 129}, {129, 128}, {133, 134}, {134, 133},
					 {135, 136}, {136, 135}, {139, 140}, {140, 139}};
	const uint8_t(*t)[2] = proto == IPPROTO_N_ICMP ? four : six;
	size_t n = proto == IPPROTO_N_ICMP ? ARRAY_LEN(four) : ARRAY_LEN(six);

	for (size_t i = 0; i < n; i++)
		if (t[i][0] == type)
			return t[i][1];
	return UINT16_MAX;
}

static enum dissect_result icmp(struct walk *w, size_t size)
{
	uint16_t twin;

	if (left(w) < 4)
		return DISSECT_SHORT;
	if (size < 8)
		return DISSECT_TCP;
	twin = icmp_twin(w->k.proto, w->p[0]);
	w->k.sport = w->p[0];
	w->k.dport = twin == UINT16_MAX ? w->p[1] : twin;
	w->p += MIN(left(w), (size_t)8);
	return emit(w, size - 8);
}

static enum dissect_result sctp(struct walk *w, size_t size)
{
	if (left(w) < 12)
		return DISSECT_SHORT;
	if (size < 12)
		return DISSECT_TCP;
	w->k.sport = be16(w->p);
	w->k.dport = be16(w->p + 2);
	w->p += 12;
	return emit(w, size - 12);
}

static enum dissect_result ppp(struct walk *w)
{
	uint16_t proto;

	if (left(w) >= 2 && w->p[0] == 0xff && w->p[1] == 0x03)
		w->p += 2;
	if (left(w) < 2)
		return DISSECT_SHORT;
	proto = w->p[0] & 1 ? w->p[0] : be16(w->p); /* compressed to one byte */
	w->p += w->p[0] & 1 ? 1 : 2;
	if (proto == 0x21 || proto == 0x57)
		return ip(w);
	return proto == 0x281 ? by_type(w, 0x8847) : DISSECT_OK;
}

static bool gre_knows(uint16_t type)
{
	return type == ETH_IP4 || type == ETH_IP6 || type == ETH_TEB || type == ETH_PPP ||
	       type == ETH_ERSPAN2 || type == ETH_ERSPAN3 || type == 0x8847 || type == 0x8848 ||
	       type == 0x8100;
}

static enum dissect_result gre(struct walk *w, size_t size)
{
	uint16_t flags, type;
	size_t n = 4, more;

	if (left(w) < 4)
		return DISSECT_SHORT;
	flags = be16(w->p);
	type = be16(w->p + 2);
	n += (flags & 0x8000 ? 4U : 0U) + (flags & 0x2000 ? 4U : 0U) +
	     (flags & 0x1000 ? 4U : 0U) + (flags & 0x0080 ? 4U : 0U);
	if (flags & 0x4000 || (flags & 7) > 1 || n > size || !gre_knows(type))
		return emit(w, size); /* a connection, but not what is in it */
	if (n > left(w))
		return DISSECT_SHORT;
	more = type == ETH_ERSPAN2 && flags & 0x1000 ? 8 : type == ETH_ERSPAN3 ? 12 : 0;
	if (type == ETH_ERSPAN3 && n + 12 <= left(w) && w->p[n + 11] & 1)
		more += 8;
	if (n + more > left(w))
		return DISSECT_SHORT;
	through(w, "Tunnel::GRE");
	w->p += n + more;
	if (type == ETH_TEB || type == ETH_ERSPAN2 || type == ETH_ERSPAN3)
		return ethernet(w);
	return type == ETH_PPP ? ppp(w) : by_type(w, type);
}

/* What an IP header carries; size as the header says, never less than nothing. */
static enum dissect_result transport(struct walk *w, uint8_t proto, size_t size)
{
	w->k.proto = proto;
	w->k.sport = w->k.dport = 0;
	if (left(w) > size) /* padding of the frame */
		w->end = w->p + size;
	switch (proto) {
	case IPPROTO_N_TCP:
		return tcp(w, size);
	case IPPROTO_N_UDP:
		return udp(w, size);
	case IPPROTO_N_ICMP:
	case IPPROTO_N_ICMP6:
		return icmp(w, size);
	case IPPROTO_N_SCTP:
		return sctp(w, size);
	case IPPROTO_N_GRE:
		return gre(w, size);
	case IPPROTO_N_IPIP:
	case IPPROTO_N_IPV6:
		through(w, "Tunnel::IP");
		return ip(w);
	default:
		return emit(w, size);
	}
}

static enum dissect_result fragment(struct walk *w, uint8_t proto, uint32_t id, uint32_t at,
				    bool more, size_t size)
{
	struct frag_part part = {w->k.src, w->k.dst, id, proto, more, at, w->p, (uint32_t)size};
	const uint8_t *p;
	uint32_t len;
	int r;

	if (left(w) < size)
		return DISSECT_SHORT; /* its end was not captured: never whole */
	r = frag_add(w->frag, w->k.ts, &part, &p, &len);
	if (r <= 0)
		return r < 0 ? DISSECT_FRAG : DISSECT_OK;
	w->p = p;
	w->end = p + len;
	w->k.ip_bytes = len + 20;
	return transport(w, proto, len);
}

static enum dissect_result v4(struct walk *w)
{
	size_t n, total;
	uint16_t frag;
	uint8_t proto;

	if (left(w) < 20)
		return DISSECT_SHORT;
	n = (size_t)(w->p[0] & 15) * 4;
	total = be16(w->p + 2);
	if (!total) /* made by a network card that cuts large segments itself */
		total = left(w) + w->cut;
	if (n < 20 || total < n)
		return DISSECT_IP;
	if (n > left(w))
		return DISSECT_SHORT;
	w->k.src = ip4(w->p + 12);
	w->k.dst = ip4(w->p + 16);
	w->k.ip_bytes = (uint32_t)total;
	frag = be16(w->p + 6);
	proto = w->p[9];
	if (frag & 0x3fff) {
		uint16_t id = be16(w->p + 4);

		w->p += n;
		return fragment(w, proto, id, (frag & 0x1fffU) * 8, frag & 0x2000, total - n);
	}
	w->p += n;
	return transport(w, proto, total - n);
}

static enum dissect_result v6(struct walk *w)
{
	size_t size;
	uint8_t next;

	if (left(w) < 40)
		return DISSECT_SHORT;
	size = be16(w->p + 4);
	next = w->p[6];
	w->k.src = ip6(w->p + 8);
	w->k.dst = ip6(w->p + 24);
	w->p += 40;
	if (!size && next)
		size = left(w) + w->cut;
	w->k.ip_bytes = (uint32_t)size + 40;
	for (unsigned i = 0; i < EXT_MAX; i++) {
		size_t n;

		if (next == 44) {
			if (left(w) < 8)
				return DISSECT_SHORT;
			if (size < 8)
				return DISSECT_IP;
			n = be16(w->p + 2);
			next = w->p[0];
			w->p += 8;
			size -= 8;
			if (n & 0xfff9)
				return fragment(w, next, be32(w->p - 4), n & 0xfff8, n & 1,
						size);
			continue;
		}
		if (next == 59)
			return DISSECT_OK;
		if (next != 0 && next != 43 && next != 60 && next != 51 && next != 135)
			return transport(w, next, size);
		if (left(w) < 8)
			return DISSECT_SHORT;
		n = next == 51 ? ((size_t)w->p[1] + 2) * 4 : ((size_t)w->p[1] + 1) * 8;
		if (n > size)
			return DISSECT_IP;
		if (n > left(w))
			return DISSECT_SHORT;
		next = w->p[0];
		w->p += n;
		size -= n;
	}
	return DISSECT_DEEP;
}

static enum dissect_result ip(struct walk *w)
{
	if (w->depth > DEPTH_MAX)
		return DISSECT_DEEP;
	if (!left(w))
		return DISSECT_SHORT;
	w->k.ethertype = w->p[0] >> 4 == 6 ? ETH_IP6 : ETH_IP4;
	if (w->p[0] >> 4 == 4)
		return v4(w);
	return w->p[0] >> 4 == 6 ? v6(w) : DISSECT_IP;
}

static enum dissect_result mpls(struct walk *w)
{
	for (unsigned i = 0; i < TAGS_MAX; i++) {
		bool last;

		if (left(w) < 5)
			return DISSECT_SHORT;
		last = w->p[2] & 1;
		w->p += 4;
		if (!last)
			continue;
		if (w->p[0] >> 4 == 4 || w->p[0] >> 4 == 6)
			return ip(w);
		/* A pseudowire, with a control word or without. */
		if (w->p[0] >> 4 == 0 && left(w) > 4)
			w->p += 4;
		w->depth++;
		return ethernet(w);
	}
	return DISSECT_DEEP;
}

static enum dissect_result other(struct walk *w, uint16_t type)
{
	w->k.proto = 0;
	w->k.ethertype = type;
	return emit(w, left(w) + w->cut);
}

/* 802.2 of a length: by the service access point where both sides' are one (type UI). */
static enum dissect_result llc(struct walk *w, uint16_t len)
{
	uint16_t sap = 0;

	if (left(w) > len)
		w->end = w->p + len;
	if (left(w) >= 3 && w->p[0] == w->p[1] && w->p[2] == 3) {
		sap = w->p[0];
		w->p += 3;
		w->cut = 0; /* what is missing at the end may be padding */
	}
	return other(w, sap);
}

/* By EtherType, tags first. */
static enum dissect_result by_type(struct walk *w, uint16_t type)
{
	for (unsigned i = 0; i < TAGS_MAX; i++) {
		if (type != 0x8100 && type != 0x88a8 && type != 0x9100 && type != 0x9200)
			break;
		if (left(w) < 4)
			return DISSECT_SHORT;
		w->k.vlan = be16(w->p) & 0xfff;
		type = be16(w->p + 2);
		w->p += 4;
	}
	switch (type) {
	case ETH_IP4:
	case ETH_IP6:
		return ip(w);
	case 0x8847:
	case 0x8848:
		return mpls(w);
	case 0x8864:
		if (left(w) < 6)
			return DISSECT_SHORT;
		w->p += 6;
		return ppp(w);
	default:
		break;
	}
	if (type <= 1500) { /* a length: LLC */
		if (left(w) >= 8 && w->p[0] == 0xaa && w->p[1] == 0xaa && be24(w->p + 3) == 0) {
			type = be16(w->p + 6);
			w->p += 8;
			if (type == ETH_IP4 || type == ETH_IP6)
				return ip(w);
			return other(w, type);
		}
		return llc(w, type);
	}
	return other(w, type);
}

static enum dissect_result ethernet(struct walk *w)
{
	uint16_t type;

	if (w->depth > DEPTH_MAX)
		return DISSECT_DEEP;
	if (left(w) < 14)
		return DISSECT_SHORT;
	w->k.mac = w->p;
	type = be16(w->p + 12);
	w->p += 14;
	return by_type(w, type);
}

/* A fixed header of n bytes with the EtherType at `at`. */
static enum dissect_result cooked(struct walk *w, size_t n, size_t at)
{
	uint16_t type;

	if (left(w) < n)
		return DISSECT_SHORT;
	type = be16(w->p + at);
	w->p += n;
	return by_type(w, type);
}

static enum dissect_result link_layer(struct walk *w, uint16_t link)
{
	switch (link) {
	case 1: /* Ethernet */
		return ethernet(w);
	case 0:	  /* BSD loopback */
	case 108: /* the same of OpenBSD */
		if (left(w) < 4)
			return DISSECT_SHORT;
		w->p += 4;
		return ip(w);
	case 12:
	case 14:
	case 101: /* raw IP */
	case 228:
	case 229:
		return ip(w);
	case 113: /* Linux cooked */
		return cooked(w, 16, 14);
	case 276: /* the same, version 2 */
		return cooked(w, 20, 0);
	case 9: /* PPP */
	case 50:
		return ppp(w);
	case 104: /* Cisco HDLC */
		return cooked(w, 4, 2);
	default:
		return DISSECT_LINK;
	}
}

bool dissect_knows(uint16_t link)
{
	struct walk w = {0};

	return link_layer(&w, link) != DISSECT_LINK;
}

enum dissect_result dissect(struct frag *frag, const struct frame *f,
			    struct pkt out[DISSECT_MAX], unsigned *ret_n)
{
	struct walk w = {.p = f->p, .end = f->p + f->len, .frag = frag, .out = out};
	enum dissect_result r;

	w.cut = f->wire > f->len ? f->wire - f->len : 0;
	w.k.ts = f->ts;
	r = link_layer(&w, f->link);
	*ret_n = w.n;
	return r;
}

const char *dissect_text(enum dissect_result r)
{
	static const char *const text[DISSECT_RESULTS] = {
		[DISSECT_OK] = "fine",
		[DISSECT_LINK] = "link type not known",
		[DISSECT_SHORT] = "captured part ends within the headers",
		[DISSECT_IP] = "bad IP header",
		[DISSECT_TCP] = "bad TCP or UDP header",
		[DISSECT_FRAG] = "fragments that do not fit together",
		[DISSECT_DEEP] = "tunnels too deep",
	};

	return text[r];
}
