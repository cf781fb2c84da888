/* SPDX-License-Identifier: Apache-2.0 */
/* ARP for IPv4 over Ethernet: who asks for whom, and who says it is whom. */
#include "packet/proto.h"

static struct ip addr(const uint8_t *p)
{
	struct ip a = {
		{[10] = 0xff, [11] = 0xff, [12] = p[0], [13] = p[1], [14] = p[2], [15] = p[3]}};

	return a;
}

static void arp_frame(struct conn *c, struct str data)
{
	const uint8_t *p = (const uint8_t *)data.p;
	struct ip a, b;
	unsigned op;

	if (data.len < 28 || be16(p) != 1 || be16(p + 2) != 0x0800 || p[4] != 6 || p[5] != 4)
		return;
	op = be16(p + 6);
	if (op != 1 && op != 2)
		return;
	a = addr(p + 14);
	b = addr(p + 24);
	rec_begin(c->rec, "arp", c->known, c->ts);
	rec_z(c->rec, "operation", op == 1 ? "request" : "reply");
	rec_mac(c->rec, "src_mac", c->pkt->mac ? c->pkt->mac + 6 : p + 8);
	rec_mac(c->rec, "dst_mac", c->pkt->mac ? c->pkt->mac : p + 18);
	rec_ip(c->rec, "orig_h", &a);
	rec_ip(c->rec, "resp_h", &b);
	rec_mac(c->rec, "orig_hw", p + 8);
	rec_mac(c->rec, "resp_hw", p + 18);
	rec_bool(c->rec, "unsolicited", op == 1 && memcmp(&a, &b, sizeof(a)) == 0);
	rec_end(c->rec);
}

const struct proto_ops proto_arp = {
	.name = "arp",
	.transports = PROTO_ETHER,
	.ethertype = 0x0806,
	.frame = arp_frame,
};
