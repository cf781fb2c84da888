/* SPDX-License-Identifier: Apache-2.0 */
/* MongoDB: messages with a head of length, numbers and operation. Named, not told of. */
#include "packet/proto.h"

static enum sniff_result mongodb_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;
	uint32_t op;

	if (s->data.len < 16)
		return s->hinted ? SNIFF_MORE : SNIFF_NO;
	op = le32(p + 12);
	if (le32(p) < 16 || le32(p) > 48000000 || le32(p + 8))
		return SNIFF_NO;
	return op == 2013 || op == 2012 || op == 2004 ? SNIFF_YES : SNIFF_NO;
}

const struct proto_ops proto_mongodb = {
	.name = "mongodb",
	.transports = PROTO_TCP,
	.ports = {27017},
	.sniff = mongodb_sniff,
};
