/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenVPN by shape: a client's reset (a session number, no acknowledgement, number 0) that the
 * server answers with one of its own that acknowledges the client's. Named when both have
 * spoken.
 */
#include "packet/proto.h"

#define RESET_CLIENT 7
#define RESET_SERVER 8

struct openvpn {
	uint8_t session[8];
	bool asked;
};

/* The packet itself: over TCP a length stands before it. */
static struct str packet_of(struct str s, uint8_t transport)
{
	if (transport == PROTO_UDP)
		return s;
	return s.len >= 2 && be16((const uint8_t *)s.p) + (size_t)2 <= s.len
		       ? str_sub(s, 2, s.len)
		       : str_n(s.p, 0);
}

static enum sniff_result openvpn_sniff(const struct sniff *s)
{
	struct str p = packet_of(s->data, s->transport);

	/* Operation and key number; plain ones end with a count of 0 and a number of 0, those
	 * with a signature are longer by it. */
	if (p.len < 14 || p.len > 100 || (uint8_t)p.p[0] != RESET_CLIENT << 3 ||
	    s->dir != DIR_ORIG)
		return SNIFF_NO;
	return s->hinted || (p.len == 14 && !be32((const uint8_t *)p.p + 10) && !p.p[9])
		       ? SNIFF_YES
		       : SNIFF_NO;
}

static int look(struct conn *c, enum dir d, struct str p)
{
	struct openvpn *o = c->state;

	if (p.len < 9)
		return STREAM_FAIL;
	if (d == DIR_ORIG) {
		memcpy(o->session, p.p + 1, sizeof(o->session));
		o->asked = true;
		return 0;
	}
	if (o->asked && (uint8_t)p.p[0] == RESET_SERVER << 3)
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
		return s.len < 200 ? 0 : STREAM_FAIL;
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
