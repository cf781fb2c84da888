/* SPDX-License-Identifier: Apache-2.0 */
/* NFS and its relatives over ONC RPC (RFC 5531). Named, not told of. */
#include "packet/proto.h"

/* Programs 100000 (port mapper), 100003 (NFS), 100005 (mounts). */
static bool is_call(const uint8_t *p)
{
	uint32_t program = be32(p + 12);

	return !be32(p + 4) && be32(p + 8) == 2 &&
	       (program == 100000 || program == 100003 || program == 100005);
}

static enum sniff_result nfs_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;

	if (s->transport == PROTO_UDP)
		return s->data.len >= 24 && is_call(p) ? SNIFF_YES : SNIFF_NO;
	if (s->data.len < 28)
		return s->hinted ? SNIFF_MORE : SNIFF_NO;
	return p[0] & 0x80 && is_call(p + 4) ? SNIFF_YES : SNIFF_NO;
}

const struct proto_ops proto_nfs = {
	.name = "nfs",
	.transports = PROTO_TCP | PROTO_UDP,
	.ports = {2049, 111},
	.sniff = nfs_sniff,
};
