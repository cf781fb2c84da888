/* SPDX-License-Identifier: Apache-2.0 */
/* WireGuard by shape: an initiation of 148 bytes that is answered by a response of 92. */
#include "packet/proto.h"

static bool is_message(struct str s, uint8_t type, size_t len)
{
	return s.len == len && (uint8_t)s.p[0] == type && !s.p[1] && !s.p[2] && !s.p[3];
}

static enum sniff_result wireguard_sniff(const struct sniff *s)
{
	return s->dir == DIR_ORIG && is_message(s->data, 1, 148) ? SNIFF_YES : SNIFF_NO;
}

static int wireguard_datagram(struct conn *c, enum dir d, struct str s)
{
	if (d == DIR_ORIG)
		return 0;
	if (is_message(s, 2, 92))
		conn_service(c, "wireguard");
	return STREAM_FAIL;
}

const struct proto_ops proto_wireguard = {
	.name = "wireguard",
	.transports = PROTO_UDP,
	.ports = {51820},
	.no_service = true,
	.sniff = wireguard_sniff,
	.datagram = wireguard_datagram,
};
