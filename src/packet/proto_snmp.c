/* SPDX-License-Identifier: Apache-2.0 */
/* SNMP 1, 2c and 3: a record a session with what was asked and set, as Zeek's. */
#include "packet/ber.h"
#include "packet/line.h"

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

/* sysDescr.0 in the bindings of a response: what the device says it is. */
static void description(struct snmp *s, struct str pdu)
{
	static const char sys_descr[] = "\x2b\x06\x01\x02\x01\x01\x01\x00";
	struct str v, list, pair, name, value;
	unsigned tag;

	for (unsigned i = 0; i < 3; i++) /* id, error, index */
		if (!ber_next(&pdu, &tag, &v))
			return;
	if (!ber_next(&pdu, &tag, &list) || tag != BER_SEQ)
		return;
	while (ber_next(&list, &tag, &pair) && ber_next(&pair, &tag, &name) && tag == BER_OID &&
	       ber_next(&pair, &tag, &value))
		if (str_eq(name, str_n(sys_descr, sizeof(sys_descr) - 1)) && tag == BER_OCTETS)
			text_set(&s->display, value);
}

static void count(struct snmp *s, unsigned pdu, struct str body)
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
		description(s, body);
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

	(void)d;
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
		count(s, tag, body);
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
