/* SPDX-License-Identifier: Apache-2.0 */
/* BitTorrent between peers and its table of hosts (DHT). Named, not told of. */
#include "packet/proto.h"

static enum sniff_result bittorrent_sniff(const struct sniff *s)
{
	struct str hello = STR("\x13"
			       "BitTorrent protocol");

	if (s->transport == PROTO_UDP)
		return str_starts(s->data, STR("d1:ad2:id20:")) ||
				       str_starts(s->data, STR("d1:rd2:id20:"))
			       ? SNIFF_YES
			       : SNIFF_NO;
	if (!str_starts(s->data, str_sub(hello, 0, s->data.len)))
		return SNIFF_NO;
	return s->data.len < hello.len ? SNIFF_MORE : SNIFF_YES;
}

const struct proto_ops proto_bittorrent = {
	.name = "bittorrent",
	.transports = PROTO_TCP | PROTO_UDP,
	.ports = {6881, 51413},
	.sniff = bittorrent_sniff,
};
