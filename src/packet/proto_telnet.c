/* SPDX-License-Identifier: Apache-2.0 */
/* Telnet: begins with negotiation of options. Named, not told of. */
#include "packet/proto.h"

static enum sniff_result telnet_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;

	if (!s->hinted || p[0] != 0xff)
		return SNIFF_NO;
	if (s->data.len < 3)
		return SNIFF_MORE;
	return p[1] >= 0xfb && p[1] <= 0xfe && p[2] < 50 ? SNIFF_YES : SNIFF_NO;
}

const struct proto_ops proto_telnet = {
	.name = "telnet",
	.transports = PROTO_TCP,
	.ports = {23, 2323},
	.sniff = telnet_sniff,
};
