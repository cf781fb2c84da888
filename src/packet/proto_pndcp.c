/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PROFINET on Ethernet (IEC 61158-6-10): DCP, by which stations are found, named, addressed and
 * reset, one record a message (profinet_dcp), and once a day who exchanges cyclic data with
 * whom (profinet_rt). What a station says of itself becomes ot_asset.
 */
#include "base/hash.h"
#include "packet/ot.h"
#include <stdio.h>

#define HEAD	   12 /* frame id, service, type, transaction, delay, length */
#define BLOCKS_MAX 32

enum { HELLO = 0xfefc, GET_SET = 0xfefd, IDENTIFY_ASK = 0xfefe, IDENTIFY_TELL = 0xfeff };
enum { GET = 3, SET = 4, IDENTIFY = 5, HELLO_SERVICE = 6 };

struct found {
	struct str name, type;
	struct ip ip;
	bool has_ip, reset, blink, set_name, set_ip;
	uint16_t vendor, device;
};

static const struct ot_name vendors[] = {
	{0x0009, "Softing"}, {0x001e, "Hilscher"},
	{0x002a, "Siemens"}, {0x00b0, "Phoenix Contact"},
	{0x0101, "SICK"},    {0x0119, "Beckhoff"},
	{0x011d, "WAGO"},
};

/*
 * Blocks of option, suboption, length and data, even in length. Before data of answers stand
 * two bytes of information, of what is set two of a qualifier; of what is asked for there is no
 * more than option and suboption.
 */
static void blocks(const uint8_t *p, size_t n, unsigned service, bool answer, struct found *f)
{
	size_t at = 0, skip = answer || service == SET || service == HELLO_SERVICE ? 2 : 0;

	if (service == GET && !answer)
		return;
	for (unsigned i = 0; i < BLOCKS_MAX && at + 4 <= n; i++) {
		unsigned what = be16(p + at);
		size_t len = be16(p + at + 2);
		struct str v;

		if (len > n - at - 4)
			return;
		v = str_n((const char *)p + at + 4, len);
		v = str_sub(v, MIN(skip, len), len);
		at += 4 + len + (len & 1);
		switch (what) {
		case 0x0102: /* address, mask, gateway */
			f->set_ip = true;
			if (v.len < 4)
				break;
			f->has_ip = v.p[0] != 0;
			f->ip = (struct ip){{[10] = 0xff, [11] = 0xff}};
			memcpy(f->ip.b + 12, v.p, 4);
			break;
		case 0x0201:
			f->type = v;
			break;
		case 0x0202:
			f->name = v;
			f->set_name = true;
			break;
		case 0x0203:
			if (v.len >= 4) {
				f->vendor = be16((const uint8_t *)v.p);
				f->device = be16((const uint8_t *)v.p + 2);
			}
			break;
		case 0x0503:
			f->blink = true;
			break;
		case 0x0505:
		case 0x0506:
			f->reset = true;
			break;
		default:
			break;
		}
	}
}

static const char *action(unsigned service, const struct found *f)
{
	if (service != SET)
		return service == GET ? "get" : service == IDENTIFY ? "identify" : "hello";
	return f->reset	     ? "reset to factory"
	       : f->set_name ? "set name"
	       : f->set_ip   ? "set address"
	       : f->blink    ? "blink"
			     : "set";
}

static void asset(struct conn *c, const struct found *f)
{
	const char *vendor = OT_NAME(vendors, f->vendor);
	struct ot_asset a = {.protocol = "profinet",
			     .vendor = vendor ? str_of(vendor) : (struct str){0},
			     .product = f->type,
			     .name = f->name,
			     .host = f->has_ip ? &f->ip : NULL};

	ot_asset(c, &a);
}

static void dcp(struct conn *c, const uint8_t *p, size_t n)
{
	unsigned service = p[2];
	bool answer = p[3] & 1 || service == HELLO_SERVICE;
	struct found f = {0};
	const char *what;
	struct rec *r;

	if (service < GET || service > HELLO_SERVICE || be16(p + 10) > n - HEAD)
		return;
	blocks(p + HEAD, be16(p + 10), service, answer, &f);
	if (answer && service != SET)
		asset(c, &f);
	what = action(service, &f);
	/* Looking for stations is repeated without end; changing one is not. */
	if (service != SET &&
	    !conn_first_today(c, hash_str(f.name,
					  hash_bytes(p, 4, hash_bytes(c->pkt->mac, 12, 7)))))
		return;
	r = ot_frame_rec(c, "profinet_dcp");
	rec_z(r, "service", what);
	rec_z(r, "direction", answer ? "response" : "request");
	rec_z(r, "access",
	      answer	       ? "notify"
	      : service != SET ? "identify"
	      : f.blink	       ? "other"
			       : "control");
	if (f.name.len)
		rec_str(r, "station", f.name);
	if (f.has_ip)
		rec_ip(r, "address", &f.ip);
	if (f.type.len)
		rec_str(r, "station_type", f.type);
	rec_end(r);
}

static void pndcp_frame(struct conn *c, struct str data)
{
	const uint8_t *p = (const uint8_t *)data.p;
	struct rec *r;
	unsigned id;

	if (data.len < 2 || !c->pkt->mac)
		return;
	id = be16(p);
	if (id >= HELLO && id <= IDENTIFY_TELL) {
		if (data.len >= HEAD)
			dcp(c, p, data.len);
		return;
	}
	/* Cyclic data of the classes 3, 2 and 1. */
	if (id < 0x0100 || id >= 0xfc00 || (id > 0x0fff && id < 0x8000) ||
	    !conn_first_today(c, hash_bytes(c->pkt->mac, 12, 8)))
		return;
	r = ot_frame_rec(c, "profinet_rt");
	rec_z(r, "service", "cyclic data");
	rec_z(r, "access", "notify");
	rec_u64(r, "frame_id", id);
	rec_end(r);
}

const struct proto_ops proto_pndcp = {
	.name = "pndcp",
	.transports = PROTO_ETHER,
	.ethertype = 0x8892,
	.frame = pndcp_frame,
};
