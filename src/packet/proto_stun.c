/* SPDX-License-Identifier: Apache-2.0 */
/* STUN and TURN over UDP, which calls in browsers begin with. Named, not told of. */
#include "packet/proto.h"

static enum sniff_result stun_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;

	return s->data.len >= 20 && !(p[0] & 0xc0) && be32(p + 4) == 0x2112a442 &&
			       (size_t)be16(p + 2) + 20 == s->data.len
		       ? SNIFF_YES
		       : SNIFF_NO;
}

const struct proto_ops proto_stun = {
	.name = "stun",
	.transports = PROTO_UDP,
	.ports = {3478, 19302},
	.sniff = stun_sniff,
};
