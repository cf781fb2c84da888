/* SPDX-License-Identifier: Apache-2.0 */
/* XMPP, which messengers speak. Named, not told of. */
#include "packet/proto.h"

static enum sniff_result xmpp_sniff(const struct sniff *s)
{
	size_t at = str_find(s->data, STR("<stream:stream"));

	if (s->data.p[0] != '<')
		return SNIFF_NO;
	if (at != SIZE_MAX && at < 64)
		return SNIFF_YES;
	return s->data.len < 80 ? SNIFF_MORE : SNIFF_NO;
}

const struct proto_ops proto_xmpp = {
	.name = "xmpp",
	.transports = PROTO_TCP,
	.ports = {5222, 5269},
	.sniff = xmpp_sniff,
};
