/* SPDX-License-Identifier: Apache-2.0 */
/* IKE, with which IPsec agrees on keys. Named, not told of. */
#include "packet/proto.h"

static enum sniff_result isakmp_sniff(const struct sniff *s)
{
	struct str d = s->data;
	const uint8_t *p = (const uint8_t *)d.p;

	if (s->hinted && d.len > 32 && !be32(p)) /* the mark of NAT traversal */
		d = str_sub(d, 4, d.len);
	p = (const uint8_t *)d.p;
	if (d.len < 28 || !be64(p))
		return SNIFF_NO;
	return (p[17] == 0x10 || p[17] == 0x20) && be32(p + 24) == d.len ? SNIFF_YES : SNIFF_NO;
}

const struct proto_ops proto_isakmp = {
	.name = "ipsec",
	.transports = PROTO_UDP,
	.ports = {500, 4500},
	.sniff = isakmp_sniff,
};
