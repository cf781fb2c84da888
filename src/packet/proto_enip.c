/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EtherNet/IP and the CIP messages in it: one record (cip) for each request and its answer,
 * those within a Multiple Service Packet each for itself, with the names of ICSNPP's cip.log.
 * What a device says of itself becomes cip_identity and ot_asset.
 */
#include "base/hash.h"
#include "packet/cip.h"
#include <stdio.h>

#define HEAD	  24
#define WAIT_MAX  32
#define WAIT_NS	  (30 * NS_PER_S)
#define PARTS_MAX 32
#define SYMBOL	  32
#define PORT_ENIP 44818

enum {
	LIST_SERVICES = 0x04,
	LIST_IDENTITY = 0x63,
	LIST_INTERFACES = 0x64,
	REGISTER = 0x65,
	UNREGISTER = 0x66,
	RR_DATA = 0x6f,
	UNIT_DATA = 0x70,
};

/* A request that waits: the sender's context, or the sequence number of a connection, tells it.
 */
struct ask {
	int64_t ts;
	uint64_t id;
	uint64_t key;
	uint32_t class, instance, attribute;
	uint8_t service, part; /* which of a Multiple Service Packet */
	bool has_class, has_instance, has_attribute;
	uint8_t nsymbol;
	char symbol[SYMBOL];
	const char *access;
};

struct enip {
	struct ask wait[WAIT_MAX];
	unsigned n;
	struct ot_seen seen;
};

static bool command_ok(uint16_t c)
{
	return c <= 1 || c == LIST_SERVICES || (c >= LIST_IDENTITY && c <= UNREGISTER) ||
	       c == RR_DATA || c == UNIT_DATA || c == 0x72 || c == 0x73;
}

static enum sniff_result enip_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;

	if (s->data.len < HEAD) {
		if (s->data.len >= 2 && !command_ok(le16(p)))
			return SNIFF_NO;
		return s->transport == PROTO_TCP ? SNIFF_MORE : SNIFF_NO;
	}
	if (!command_ok(le16(p)) || le32(p + 20) || le32(p + 8) > 0xff)
		return SNIFF_NO;
	if (s->hinted)
		return SNIFF_YES;
	/* Elsewhere: a session that is opened as the specification has it, or an identity. */
	if (le16(p) == REGISTER)
		return le16(p + 2) == 4 && s->data.len >= HEAD + 4 && le16(p + HEAD) == 1
			       ? SNIFF_YES
			       : SNIFF_NO;
	return le16(p) == LIST_IDENTITY && s->data.len == HEAD && !le16(p + 2) ? SNIFF_YES
									       : SNIFF_NO;
}

static struct cip_path path_of(const struct ask *a)
{
	struct cip_path p = {.class = a->class,
			     .instance = a->instance,
			     .attribute = a->attribute,
			     .has_class = a->has_class,
			     .has_instance = a->has_instance,
			     .has_attribute = a->has_attribute};

	return p;
}

static void put_hex(struct rec *r, const char *key, uint32_t v)
{
	char tmp[16];

	snprintf(tmp, sizeof(tmp), "0x%02x", v);
	rec_z(r, key, tmp);
}

static void put_path(struct rec *r, const struct ask *a)
{
	struct cip_path p = path_of(a);
	char tmp[24];

	if (a->has_class) {
		put_hex(r, "class_id", a->class);
		rec_z(r, "class_name", cip_class(&p, tmp));
	}
	if (a->has_instance)
		put_hex(r, "instance_id", a->instance);
	if (a->has_attribute)
		put_hex(r, "attribute_id", a->attribute);
	if (a->nsymbol)
		rec_str(r, "symbol", str_n(a->symbol, a->nsymbol));
}

/* status < 0: nobody answered. */
static void tell(struct conn *c, struct enip *s, const struct ask *a, int status, uint16_t ext)
{
	struct cip m = {.service = a->service, .path = path_of(a)};
	bool refused = status > 0 && status != 6; /* 6: more is to come */
	const char *access = a->access;
	uint32_t repeats = 0;
	char tmp[24];
	struct rec *r;

	if (status >= 0 && !refused &&
	    !(ot_is_read(access) ? ot_due : ot_write_due)(c, &s->seen, a->key, &repeats))
		return;
	r = conn_rec(c, "cip", a->ts);
	rec_z(r, "direction", status >= 0 ? "response" : "request");
	put_hex(r, "cip_service_code", a->service);
	rec_z(r, "cip_service", cip_service(&m, tmp));
	rec_z(r, "access", access);
	if (status >= 0) {
		put_hex(r, "cip_status_code", (uint32_t)status);
		rec_z(r, "cip_status", cip_status((uint8_t)status, tmp));
	} else {
		rec_bool(r, "answered", false);
	}
	if (ext)
		put_hex(r, "cip_extended_status_code", ext);
	put_path(r, a);
	ot_repeats(r, repeats);
	rec_end(r);
}

static void forget(struct enip *s, unsigned i)
{
	memmove(&s->wait[i], &s->wait[i + 1], (s->n - i - 1) * sizeof(s->wait[0]));
	s->n--;
}

static void unanswered(struct conn *c, struct enip *s, int64_t before)
{
	while (s->n && s->wait[0].ts <= before) {
		tell(c, s, &s->wait[0], -1, 0);
		forget(s, 0);
	}
}

static void ask_one(struct conn *c, struct enip *s, const struct cip *m, uint64_t id,
		    uint8_t part)
{
	struct ask a = {.ts = c->ts,
			.id = id,
			.service = m->service,
			.part = part,
			.class = m->path.class,
			.instance = m->path.instance,
			.attribute = m->path.attribute,
			.has_class = m->path.has_class,
			.has_instance = m->path.has_instance,
			.has_attribute = m->path.has_attribute,
			.access = cip_access(m)};

	a.nsymbol = (uint8_t)MIN(m->path.symbol.len, (size_t)SYMBOL);
	if (a.nsymbol)
		memcpy(a.symbol, m->path.symbol.p, a.nsymbol);
	a.key = hash_str(m->path.symbol,
			 hash_2((uint64_t)m->service << 32 | m->path.class,
				(uint64_t)m->path.instance << 32 | m->path.attribute));
	unanswered(c, s, c->known - WAIT_NS);
	if (s->n == WAIT_MAX)
		unanswered(c, s, s->wait[0].ts);
	s->wait[s->n++] = a;
}

/* Vendor, type, product code, revision, status, serial number, name: class 1, all attributes.
 */
static void identity(struct conn *c, const uint8_t *d, size_t n, enum dir who)
{
	struct ot_asset a = {.protocol = "cip", .who = who};
	char revision[16], serial[16];
	const char *vendor, *type;
	struct rec *r;

	if (n < 15 || d[14] > n - 15)
		return;
	vendor = cip_vendor(le16(d));
	type = cip_device_type(le16(d + 2));
	snprintf(revision, sizeof(revision), "%u.%u", d[6], d[7]);
	snprintf(serial, sizeof(serial), "0x%08x", le32(d + 10));
	a.vendor = vendor ? str_of(vendor) : str_n(NULL, 0);
	a.type = type ? str_of(type) : str_n(NULL, 0);
	a.product = str_n((const char *)d + 15, d[14]);
	a.firmware = str_of(revision);
	a.serial = str_of(serial);
	ot_asset(c, &a);
	if (!conn_first_today(c,
			      hash_bytes(d, 15 + (size_t)d[14], le32(conn_ip(c, who)->b + 12))))
		return;
	r = conn_rec(c, "cip_identity", c->ts);
	rec_u64(r, "vendor_id", le16(d));
	rec_z(r, "vendor_name", vendor);
	rec_u64(r, "device_type_id", le16(d + 2));
	rec_z(r, "device_type_name", type);
	rec_u64(r, "product_code", le16(d + 4));
	rec_str(r, "revision", a.firmware);
	rec_str(r, "serial_number", a.serial);
	rec_str(r, "product_name", a.product);
	rec_end(r);
}

static void answer_one(struct conn *c, struct enip *s, enum dir d, const struct cip *m,
		       uint64_t id, uint8_t part)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct ask a = s->wait[i];

		if (a.id != id || a.part != part)
			continue;
		forget(s, i);
		tell(c, s, &a, m->status, m->extended);
		if (a.has_class && a.class == 1 && a.service == 1 && !m->status)
			identity(c, (const uint8_t *)m->data.p, m->data.len, d);
		return;
	}
}

static void cip(struct conn *c, struct enip *s, enum dir d, struct str msg, uint64_t id)
{
	struct str part[PARTS_MAX];
	struct cip m, in;
	unsigned n;

	if (!cip_read(msg, &m))
		return;
	n = cip_inner(&m, part, PARTS_MAX);
	if (n == 1 && !m.reply && m.service == 0x52) { /* Unconnected Send: what it carries */
		if (!cip_read(part[0], &m) || m.reply)
			return;
		n = cip_inner(&m, part, PARTS_MAX);
	}
	if (!n) {
		if (!m.reply)
			ask_one(c, s, &m, id, 0);
		else
			answer_one(c, s, d, &m, id, 0);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		if (!cip_read(part[i], &in) || in.reply != m.reply)
			continue;
		if (in.reply)
			answer_one(c, s, d, &in, id, (uint8_t)i);
		else
			ask_one(c, s, &in, id, (uint8_t)i);
	}
}

/* The items of a packet; connected data begin with a sequence number. */
static void items(struct conn *c, struct enip *s, enum dir d, const uint8_t *p, size_t n,
		  uint64_t context)
{
	unsigned count;
	size_t at = 8;

	if (n < 8)
		return;
	count = le16(p + 6);
	for (unsigned i = 0; i < count && i < 8 && at + 4 <= n; i++) {
		uint16_t type = le16(p + at), len = le16(p + at + 2);
		struct str v = str_n((const char *)p + at + 4, len);

		if (len > n - at - 4)
			return;
		at += 4U + len;
		if (type == 0xb2)
			cip(c, s, d, v, context | UINT64_C(1) << 63);
		else if (type == 0xb1 && len > 2)
			cip(c, s, d, str_sub(v, 2, v.len), le16((const uint8_t *)v.p));
	}
}

/* An answer to List Identity: version, socket address, then as class 1 has it. */
static void listed(struct conn *c, enum dir d, const uint8_t *p, size_t n)
{
	if (n >= 6 + 18 && le16(p) && le16(p + 2) == 0x0c)
		identity(c, p + 24, n - 24, d);
}

static void command(struct conn *c, struct enip *s, enum dir d, const uint8_t *p, size_t n)
{
	static const struct ot_name names[] = {{LIST_SERVICES, "List Services"},
					       {LIST_IDENTITY, "List Identity"},
					       {LIST_INTERFACES, "List Interfaces"},
					       {REGISTER, "Register Session"}};
	uint16_t cmd = le16(p);
	uint32_t repeats;
	struct rec *r;
	char tmp[16];

	if (cmd == RR_DATA || cmd == UNIT_DATA) {
		if (!le32(p + 8))
			items(c, s, d, p + HEAD, n - HEAD, hash_bytes(p + 12, 8, 1) >> 1);
		return;
	}
	if (cmd == LIST_IDENTITY && d == DIR_RESP)
		listed(c, d, p + HEAD, n - HEAD);
	if (d != DIR_ORIG || !OT_NAME(names, cmd) ||
	    !ot_due(c, &s->seen, hash_2(cmd, 5), &repeats))
		return;
	r = conn_rec(c, "enip", c->ts);
	rec_bool(r, "is_orig", true);
	snprintf(tmp, sizeof(tmp), "0x%04x", cmd);
	rec_z(r, "enip_command_code", tmp);
	rec_z(r, "enip_command", OT_NAME(names, cmd));
	rec_u64(r, "length", le16(p + 2));
	rec_z(r, "access", cmd == REGISTER ? "session" : "identify");
	ot_repeats(r, repeats);
	rec_end(r);
}

static int64_t enip_stream(struct conn *c, enum dir d, struct str data)
{
	const uint8_t *p = (const uint8_t *)data.p;
	size_t n;

	if (data.len < HEAD)
		return 0;
	n = HEAD + (size_t)le16(p + 2);
	if (!command_ok(le16(p)))
		return STREAM_FAIL;
	if (data.len < n)
		return n > 8192 ? STREAM_FAIL : 0;
	command(c, c->state, d, p, n);
	return (int64_t)n;
}

static int enip_datagram(struct conn *c, enum dir d, struct str data)
{
	return enip_stream(c, d, data) > 0 ? 0 : STREAM_FAIL;
}

static void enip_close(struct conn *c)
{
	struct enip *s = c->state;

	unanswered(c, s, INT64_MAX);
	ot_close(c, &s->seen, "cip");
}

const struct proto_ops proto_enip = {
	.name = "enip",
	.transports = PROTO_TCP | PROTO_UDP,
	.ports = {PORT_ENIP},
	.state_size = sizeof(struct enip),
	.buffer_max = 8192,
	.sniff = enip_sniff,
	.stream = enip_stream,
	.datagram = enip_datagram,
	.gap = ot_gap,
	.close = enip_close,
};
