/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenVPN by shape: a client's reset (a session number, no acknowledgement, number 0) that the
 * server answers with one of its own, longer by its acknowledgement of the client's: twelve
 * bytes, whatever is wrapped around both (tls-auth, tls-crypt). Named when both have spoken.
 */
#include "packet/proto.h"

#define PLAIN	     14 /* bytes of a reset: operation, session, count of 0, number of 0 */
#define ACK	     12 /* number, and the session it belongs to */
#define WRAPPED	     40 /* by tls-crypt: a number, a time, a tag */
#define RESET_CLIENT (7 << 3)
#define RESET_SERVER (8 << 3)
#define RESET_V3     (10 << 3) /* tls-crypt-v2: the client's key comes behind it */

struct openvpn {
	uint8_t session[8];
	size_t answer; /* bytes that the server's has to have */
};

/* The packet itself: over TCP a length stands before it. */
static struct str packet_of(struct str s, uint8_t transport)
{
	size_t n = transport == PROTO_UDP || s.len < 2 ? 0 : be16((const uint8_t *)s.p);

	if (transport == PROTO_UDP)
		return s;
	return n + 2 <= s.len ? str_sub(s, 2, n + 2) : str_n(s.p, 0);
}

static enum sniff_result openvpn_sniff(const struct sniff *s)
{
	/* Plain; with HMAC-SHA1 before it; with SHA-256, or in tls-crypt; with SHA-512. */
	static const uint8_t lengths[] = {PLAIN, PLAIN + 28, PLAIN + WRAPPED, PLAIN + 72};
	struct str p = packet_of(s->data, s->transport);

	if (p.len < PLAIN || s->dir != DIR_ORIG)
		return SNIFF_NO;
	if ((uint8_t)p.p[0] == RESET_V3)
		return s->hinted && p.len > PLAIN + WRAPPED && p.len < 1200 ? SNIFF_YES
									    : SNIFF_NO;
	if ((uint8_t)p.p[0] != RESET_CLIENT ||
	    (p.len == PLAIN && (be32((const uint8_t *)p.p + 10) || p.p[9])))
		return SNIFF_NO;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
		if (p.len == lengths[i])
			return SNIFF_YES;
	return s->hinted && p.len <= 100 ? SNIFF_YES : SNIFF_NO;
}

static int look(struct conn *c, enum dir d, struct str p)
{
	struct openvpn *o = c->state;
	uint8_t op = p.len >= PLAIN ? (uint8_t)p.p[0] : 0;

	if (d == DIR_ORIG) {
		if (op == RESET_CLIENT || op == RESET_V3) { /* may be sent again */
			memcpy(o->session, p.p + 1, sizeof(o->session));
			o->answer = ACK + (op == RESET_V3 ? PLAIN + WRAPPED : p.len);
		}
		return 0;
	}
	if (o->answer && op == RESET_SERVER && p.len == o->answer &&
	    (p.len > PLAIN + ACK ||
	     str_find(p, str_n((char *)o->session, sizeof(o->session))) != SIZE_MAX))
		conn_service(c, "openvpn");
	return STREAM_FAIL; /* named or not: what follows is encrypted */
}

static int openvpn_datagram(struct conn *c, enum dir d, struct str s)
{
	return look(c, d, s);
}

static int64_t openvpn_stream(struct conn *c, enum dir d, struct str s)
{
	struct str p = packet_of(s, PROTO_TCP);

	if (!p.len)
		return s.len < 1300 ? 0 : STREAM_FAIL;
	return look(c, d, p) < 0 ? STREAM_FAIL : (int64_t)s.len;
}

const struct proto_ops proto_openvpn = {
	.name = "openvpn",
	.transports = PROTO_UDP | PROTO_TCP,
	.ports = {1194},
	.state_size = sizeof(struct openvpn),
	.no_service = true,
	.sniff = openvpn_sniff,
	.stream = openvpn_stream,
	.datagram = openvpn_datagram,
};
