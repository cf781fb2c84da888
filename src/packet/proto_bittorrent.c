/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BitTorrent between peers, its table of hosts (DHT), trackers over UDP (BEP 15) and the search
 * in the own network (BEP 14). Named, not told of.
 */
#include "packet/proto.h"

#define TRACKER UINT64_C(0x41727101980) /* what a call to a tracker begins with */

static bool is_datagram(struct str d)
{
	const uint8_t *p = (const uint8_t *)d.p;

	return str_starts(d, STR("d1:ad2:id20:")) || str_starts(d, STR("d1:rd2:id20:")) ||
	       str_starts(d, STR("BT-SEARCH * HTTP/1.1\r\n")) ||
	       (d.len == 16 && be64(p) == TRACKER && !be32(p + 8));
}

static enum sniff_result bittorrent_sniff(const struct sniff *s)
{
	struct str hello = STR("\x13"
			       "BitTorrent protocol");

	if (s->transport == PROTO_UDP)
		return is_datagram(s->data) ? SNIFF_YES : SNIFF_NO;
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
