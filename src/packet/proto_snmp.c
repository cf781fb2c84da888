/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SNMP 1, 2c and 3: a record a session with what was asked and set, as Zeek's; and what a
 * device says it is.
 */
#include "packet/ber.h"
#include "packet/line.h"
#include "packet/ot.h"

enum pdu { GET = 0xa0, GET_NEXT, RESPONSE, SET, TRAP_1, GET_BULK, INFORM, TRAP_2, REPORT };

struct snmp {
	uint8_t version; /* 0: 1, 1: 2c, 3: 3 */
	struct text community, display;
	uint64_t gets, bulks, responses, sets;
	int64_t first, last;
};

/* The version, and the rest of the message. */
static bool opened(struct str s, uint8_t *ret_version, struct str *ret_rest)
{
	struct str body, v;
	unsigned tag;

	if (!ber_next(&s, &tag, &body) || tag != BER_SEQ || !ber_next(&body, &tag, &v) ||
	    tag != BER_INT || v.len != 1)
		return false;
	*ret_version = (uint8_t)v.p[0];
	*ret_rest = body;
	return *ret_version <= 1 || *ret_version == 3;
}

static enum sniff_result snmp_sniff(const struct sniff *s)
{
	struct str rest;
	uint8_t version;

	return s->hinted && opened(s->data, &version, &rest) ? SNIFF_YES : SNIFF_NO;
}

/* Whose devices bear an enterprise's number (IANA); those that only make the agent are left
 * out.
 */
static const struct ot_name enterprises[] = {
	{9, "Cisco"},
	{11, "Hewlett-Packard"},
	{43, "3Com"},
	{171, "D-Link"},
	{232, "Compaq"},
	{236, "Samsung"},
	{248, "Hirschmann"},
	{253, "Xerox"},
	{311, "Microsoft"},
	{318, "APC"},
	{343, "Intel"},
	{367, "Ricoh"},
	{368, "Axis"},
	{534, "Eaton"},
	{641, "Lexmark"},
	{674, "Dell"},
	{890, "Zyxel"},
	{1248, "Epson"},
	{1347, "Kyocera"},
	{1588, "Brocade"},
	{1602, "Canon"},
	{1916, "Extreme Networks"},
	{2011, "Huawei"},
	{2435, "Brother"},
	{2620, "Check Point"},
	{2636, "Juniper"},
	{3375, "F5"},
	{3833, "Schneider Electric"},
	{4196, "Siemens"},
	{4329, "Siemens"},
	{4346, "Phoenix Contact"},
	{4526, "Netgear"},
	{6574, "Synology"},
	{6876, "VMware"},
	{8691, "Moxa"},
	{8741, "SonicWall"},
	{11863, "TP-Link"},
	{12356, "Fortinet"},
	{14823, "Aruba"},
	{14988, "MikroTik"},
	{16177, "Westermo"},
	{24681, "QNAP"},
	{25461, "Palo Alto Networks"},
	{25506, "H3C"},
	{30065, "Arista"},
	{41112, "Ubiquiti"},
};

/* Of a sysObjectID below 1.3.6.1.4.1. */
static struct str vendor_of(struct str oid)
{
	const char *name;
	uint32_t n = 0;
	size_t at = 5;

	if (!str_starts(oid, STR("\x2b\x06\x01\x04\x01")))
		return str_n(NULL, 0);
	while (at < oid.len && at < 8 && (uint8_t)oid.p[at] & 0x80)
		n = n << 7 | ((uint8_t)oid.p[at++] & 0x7f);
	n = at < oid.len ? n << 7 | (uint8_t)oid.p[at] : 0;
	name = n <= UINT16_MAX ? OT_NAME(enterprises, n) : NULL;
	return name ? str_of(name) : str_n(NULL, 0);
}

/* The number behind the last of these words that has one; of Linux its kernel's. */
static struct str version_of(struct str text)
{
	static const char *const words[] = {"version ", "firmware ", "revision ",
					    "fw: ", "junos "};
	struct str found = {0}, rest;

	if (str_starts(text, STR("Linux "))) {
		line_word(str_sub(text, 6, text.len), &rest);
		return line_word(rest, &rest);
	}
	for (size_t i = 0; i < text.len; i++) {
		for (size_t k = 0; k < ARRAY_LEN(words); k++) {
			size_t n = strlen(words[k]), end = i + n;

			if (!str_ieqz(str_sub(text, i, end), words[k]))
				continue;
			while (end < text.len && text.p[end] > ' ' && text.p[end] != ',' &&
			       text.p[end] != ';')
				end++;
			for (size_t d = i + n; d < end; d++)
				if (text.p[d] >= '0' && text.p[d] <= '9') {
					found = str_sub(text, i + n, end);
					break;
				}
		}
	}
	return found;
}

/* What a device says it is: sysDescr, sysObjectID and sysName in the bindings of a response. */
static void description(struct conn *c, struct snmp *s, enum dir d, struct str pdu)
{
	static const struct str system = {"\x2b\x06\x01\x02\x01\x01", 6};
	struct ot_asset a = {.protocol = "snmp", .office = true, .who = d};
	struct str v, list, pair, name, value;
	unsigned tag;

	for (unsigned i = 0; i < 3; i++) /* id, error, index */
		if (!ber_next(&pdu, &tag, &v))
			return;
	if (!ber_next(&pdu, &tag, &list) || tag != BER_SEQ)
		return;
	while (ber_next(&list, &tag, &pair) && ber_next(&pair, &tag, &name) && tag == BER_OID &&
	       ber_next(&pair, &tag, &value)) {
		if (name.len != system.len + 2 || name.p[system.len + 1] ||
		    !str_starts(name, system))
			continue;
		if (name.p[system.len] == 1 && tag == BER_OCTETS)
			a.product = value;
		else if (name.p[system.len] == 2 && tag == BER_OID)
			a.vendor = vendor_of(value);
		else if (name.p[system.len] == 5 && tag == BER_OCTETS)
			a.name = value;
	}
	if (a.product.len)
		text_set(&s->display, a.product);
	a.firmware = version_of(str_sub(a.product, 0, 512));
	ot_asset(c, &a);
}

static void count(struct conn *c, struct snmp *s, enum dir d, unsigned pdu, struct str body)
{
	switch (pdu) {
	case GET:
	case GET_NEXT:
		s->gets++;
		break;
	case GET_BULK:
		s->bulks++;
		break;
	case SET:
		s->sets++;
		break;
	case RESPONSE:
		s->responses++;
		description(c, s, d, body);
		break;
	default:
		break;
	}
}

static int snmp_datagram(struct conn *c, enum dir d, struct str data)
{
	struct snmp *s = c->state;
	struct str rest, community, body;
	unsigned tag;
	uint8_t version;

	if (!opened(data, &version, &rest))
		return STREAM_FAIL;
	if (!s->first)
		s->first = c->ts;
	s->last = c->ts;
	s->version = version;
	if (version == 3 || !ber_next(&rest, &tag, &community) || tag != BER_OCTETS)
		return 0;
	text_set(&s->community, community);
	if (ber_next(&rest, &tag, &body))
		count(c, s, d, tag, body);
	return 0;
}

static void snmp_close(struct conn *c)
{
	static const char *const versions[] = {"1", "2c", "", "3"};
	struct snmp *s = c->state;
	struct rec *r;

	if (!s->first)
		return;
	r = conn_rec(c, "snmp", s->first);
	rec_secs(r, "duration", s->last - s->first);
	rec_z(r, "version", versions[s->version]);
	text_put(r, "community", &s->community);
	rec_u64(r, "get_requests", s->gets);
	rec_u64(r, "get_bulk_requests", s->bulks);
	rec_u64(r, "get_responses", s->responses);
	rec_u64(r, "set_requests", s->sets);
	text_put(r, "display_string", &s->display);
	rec_end(r);
}

const struct proto_ops proto_snmp = {
	.name = "snmp",
	.transports = PROTO_UDP,
	.ports = {161, 162},
	.state_size = sizeof(struct snmp),
	.sniff = snmp_sniff,
	.datagram = snmp_datagram,
	.close = snmp_close,
};
