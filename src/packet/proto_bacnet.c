/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BACnet/IP (ASHRAE 135, annex J) and BACnet on Ethernet (clause 7): one record for each
 * request and its answer, and for what is sent unasked, with the names of ICSNPP's bacnet.log
 * and the object and property in question. Vendor, model and firmware that a device tells of
 * itself become ot_asset.
 */
#include "base/hash.h"
#include "packet/bacnet.h"
#include "packet/ot.h"
#include <stdio.h>

#define WAIT_MAX 24
#define WAIT_NS	 (20 * NS_PER_S)

enum { CONFIRMED, UNCONFIRMED, SIMPLE_ACK, COMPLEX_ACK, SEGMENT_ACK, ERROR, REJECT, ABORT };
enum {
	I_AM = 0,
	READ_PROPERTY = 12,
	READ_MULTIPLE = 14,
	WRITE_PROPERTY = 15,
	COMM_CONTROL = 17,
	REINIT = 20
};
enum { DEVICE = 8 };
enum { BACNET_LSAP = 0x82 }; /* of 802.2, where others have an EtherType */

struct ask {
	int64_t ts;
	uint64_t key;
	uint32_t instance, property;
	uint16_t object;
	uint8_t id, service, bvlc, asker, state;
	uint8_t mac[12]; /* of a frame: whom, and who asked */
	bool has_object, has_property, has_state;
};

struct bacnet {
	struct ask wait[WAIT_MAX];
	unsigned n;
	struct ot_seen seen;
};

/* Of all frames of the sensor. */
struct shared {
	struct bacnet b;
	struct ot_entry seen[OT_SEEN_MAX];
};

static void from_frame(const struct conn *c, struct ask *a)
{
	if (!c->flow)
		memcpy(a->mac, c->pkt->mac, sizeof(a->mac));
}

/* Whether what is said now may answer this. */
static bool may_answer(const struct conn *c, const struct ask *a, enum dir d)
{
	if (c->flow)
		return a->asker != d;
	return memcmp(a->mac + 6, c->pkt->mac, 6) == 0 &&
	       memcmp(a->mac, c->pkt->mac + 6, 6) == 0;
}

static enum sniff_result bacnet_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;
	struct str apdu;

	if (s->data.len < 4 || p[0] != 0x81 || p[1] > 0x0b || be16(p + 2) != s->data.len)
		return SNIFF_NO;
	if (s->hinted || p[1] < 4 || (p[1] > 4 && p[1] < 9))
		return s->hinted ? SNIFF_YES : SNIFF_NO;
	return bacnet_apdu(s->data, &apdu) ? SNIFF_YES : SNIFF_NO;
}

static const char *access_of(bool confirmed, uint8_t service)
{
	if (!confirmed)
		return service == 7 || service == 8   ? "identify"
		       : service == 6 || service == 9 ? "control"
						      : "notify";
	switch (service) {
	case 3:
	case 4:
	case 5:
	case 12:
	case 13:
	case 14:
	case 26:
	case 28:
	case 29:
		return "read";
	case 6:
		return "upload";
	case 7:
		return "program";
	case 0:
	case 8:
	case 9:
	case 10:
	case 11:
	case 15:
	case 16:
		return "write";
	case 17:
	case 20:
	case 27:
		return "control";
	case 1:
	case 2:
		return "notify";
	default:
		return "other";
	}
}

static bool repeats_of(bool confirmed, uint8_t service)
{
	const char *a = access_of(confirmed, service);

	return strcmp(a, "read") == 0 || strcmp(a, "notify") == 0 || strcmp(a, "identify") == 0;
}

static void put_object(struct rec *r, const struct ask *a)
{
	char tmp[24];

	if (a->has_object) {
		rec_z(r, "object_type", bacnet_object(a->object, tmp));
		rec_u64(r, "instance_number", a->instance);
	}
	if (a->has_property)
		rec_z(r, "property", bacnet_property(a->property, tmp));
	if (a->has_state)
		rec_u64(r, "device_state", a->state);
}

/* type: of the answer, CONFIRMED when there is none, UNCONFIRMED when none is due. */
static void tell(struct conn *c, struct bacnet *s, const struct ask *a, unsigned type,
		 const char *result)
{
	static const char *const types[] = {"CONFIRMED_REQUEST", "UNCONFIRMED_REQUEST",
					    "SIMPLE_ACK",	 "COMPLEX_ACK",
					    "SEGMENT_ACK",	 "ERROR_PDU",
					    "REJECT_PDU",	 "ABORT_PDU"};
	bool confirmed = type != UNCONFIRMED;
	uint32_t repeats = 0;
	struct rec *r;
	char tmp[24];

	if (type != CONFIRMED && !result && repeats_of(confirmed, a->service) &&
	    !ot_due(c, &s->seen, a->key, &repeats))
		return;
	r = c->flow ? ot_rec(c, "bacnet", a->ts, a->asker)
		    : ot_mac_rec(c, "bacnet", a->ts, a->mac);
	if (c->flow)
		rec_z(r, "bvlc_function", bacnet_bvlc(a->bvlc));
	rec_z(r, "pdu_type", types[type]);
	rec_z(r, "pdu_service", bacnet_service(confirmed, a->service, tmp));
	rec_z(r, "access", access_of(confirmed, a->service));
	if (confirmed)
		rec_u64(r, "invoke_id", a->id);
	put_object(r, a);
	if (result)
		rec_z(r, "result_code", result);
	if (type == CONFIRMED)
		rec_bool(r, "answered", false);
	ot_repeats(r, repeats);
	rec_end(r);
}

static void forget(struct bacnet *s, unsigned i)
{
	memmove(&s->wait[i], &s->wait[i + 1], (s->n - i - 1) * sizeof(s->wait[0]));
	s->n--;
}

static void unanswered(struct conn *c, struct bacnet *s, int64_t before)
{
	while (s->n && s->wait[0].ts <= before) {
		tell(c, s, &s->wait[0], CONFIRMED, NULL);
		forget(s, 0);
	}
}

/* Object and property at the head of a request's parameters. */
static void subject(struct ask *a, struct str p)
{
	struct bacnet_tag t;

	if (a->service == COMM_CONTROL || a->service == REINIT) {
		while (bacnet_tag(&p, &t) && t.context)
			if (t.no == (a->service == REINIT ? 0 : 1)) {
				a->state = (uint8_t)t.value;
				a->has_state = true;
			}
		return;
	}
	if (!bacnet_tag(&p, &t) || !t.context || t.no != 0 || t.data.len != 4)
		return;
	a->has_object = true;
	a->object = (uint16_t)(t.value >> 22);
	a->instance = t.value & 0x3fffff;
	if (!bacnet_tag(&p, &t))
		return;
	if (a->service == READ_MULTIPLE && t.opening && !bacnet_tag(&p, &t))
		return;
	if (t.context && t.data.len && t.data.len <= 4) {
		a->has_property = true;
		a->property = t.value;
	}
}

static void request(struct conn *c, struct bacnet *s, enum dir d, uint8_t bvlc, struct str p)
{
	const uint8_t *b = (const uint8_t *)p.p;
	bool segmented = p.len && b[0] & 8;
	size_t at = segmented ? 5 : 3;
	struct ask a = {.ts = c->ts, .bvlc = bvlc, .asker = (uint8_t)d};

	if (p.len <= at || (segmented && b[3])) /* not the first segment */
		return;
	a.id = b[2];
	a.service = b[at];
	subject(&a, str_sub(p, at + 1, p.len));
	from_frame(c, &a);
	a.key = hash_bytes(b + at, MIN(p.len - at, (size_t)64),
			   hash_bytes(a.mac, sizeof(a.mac), d));
	unanswered(c, s, c->known - WAIT_NS);
	if (s->n == WAIT_MAX)
		unanswered(c, s, s->wait[0].ts);
	s->wait[s->n++] = a;
}

/* A text that a device gave for a property of itself. */
static void identity(struct conn *c, enum dir who, const struct ask *a, struct str p)
{
	struct ot_asset x = {.protocol = "bacnet", .who = who};
	struct bacnet_tag t;
	struct str text = {0};

	if (a->service != READ_PROPERTY || !a->has_object || a->object != DEVICE)
		return;
	for (unsigned i = 0; i < 8 && bacnet_tag(&p, &t); i++)
		if (!t.context && t.no == 7 && t.data.len > 1 && !t.data.p[0])
			text = str_sub(t.data, 1, t.data.len);
	switch (a->property) {
	case 121:
		x.vendor = text;
		break;
	case 70:
		x.product = text;
		break;
	case 44:
		x.firmware = text;
		break;
	case 77:
		x.name = text;
		break;
	default:
		return;
	}
	ot_asset(c, &x);
}

static void answer(struct conn *c, struct bacnet *s, enum dir d, unsigned type, struct str p)
{
	const uint8_t *b = (const uint8_t *)p.p;
	const char *result = NULL;
	struct bacnet_tag t;
	char tmp[24];
	struct str rest;

	if (p.len < 3 || type == SEGMENT_ACK || type > ABORT)
		return;
	if (type == COMPLEX_ACK && b[0] & 8 && p.len > 3 && b[2]) /* a later segment */
		return;
	if (type == REJECT || type == ABORT) {
		result = bacnet_reason(type == REJECT, b[2], tmp);
	} else if (type == ERROR) {
		rest = str_sub(p, 3, p.len);
		result = "other";
		if (bacnet_tag(&rest, &t) && bacnet_tag(&rest, &t))
			result = bacnet_error(t.value, tmp);
	}
	for (unsigned i = 0; i < s->n; i++) {
		struct ask a = s->wait[i];

		if (a.id != b[1] || !may_answer(c, &a, d))
			continue;
		forget(s, i);
		tell(c, s, &a, type, result);
		if (type == COMPLEX_ACK)
			identity(c, d, &a, str_sub(p, 3, p.len));
		return;
	}
}

/* "I am": object, size, segmentation, vendor; others in sight of nothing but the service. */
static void unasked(struct conn *c, struct bacnet *s, enum dir d, uint8_t bvlc, struct str p)
{
	struct ask a = {.ts = c->ts, .bvlc = bvlc, .asker = (uint8_t)d};
	struct str rest = str_sub(p, 2, p.len);
	struct bacnet_tag t;
	uint32_t vendor = 0;

	if (p.len < 2)
		return;
	a.service = (uint8_t)p.p[1];
	from_frame(c, &a);
	a.key = hash_bytes(a.mac, sizeof(a.mac), hash_2(UNCONFIRMED << 8 | a.service, d));
	if (a.service == I_AM && bacnet_tag(&rest, &t) && !t.context && t.no == 12) {
		struct ot_asset x = {.protocol = "bacnet", .who = d};
		char name[32];

		a.has_object = true;
		a.object = (uint16_t)(t.value >> 22);
		a.instance = t.value & 0x3fffff;
		a.key = hash_2(a.key, t.value);
		for (unsigned i = 0; i < 3 && bacnet_tag(&rest, &t); i++)
			vendor = t.value;
		snprintf(name, sizeof(name), "device %u", a.instance);
		x.name = str_of(name);
		if (bacnet_vendor(vendor))
			x.vendor = str_of(bacnet_vendor(vendor));
		ot_asset(c, &x);
	}
	tell(c, s, &a, UNCONFIRMED, NULL);
}

static void apdu(struct conn *c, struct bacnet *s, enum dir d, uint8_t bvlc, struct str p)
{
	switch ((uint8_t)p.p[0] >> 4) {
	case CONFIRMED:
		request(c, s, d, bvlc, p);
		break;
	case UNCONFIRMED:
		unasked(c, s, d, bvlc, p);
		break;
	default:
		answer(c, s, d, (uint8_t)p.p[0] >> 4, p);
		break;
	}
}

static int bacnet_datagram(struct conn *c, enum dir d, struct str data)
{
	struct str p;

	if (data.len < 4 || data.p[0] != (char)0x81)
		return STREAM_FAIL;
	/* Else of the networks below; nothing is done to a device. */
	if (bacnet_apdu(data, &p) && p.len)
		apdu(c, c->state, d, (uint8_t)data.p[1], p);
	return 0;
}

static void bacnet_frame(struct conn *c, struct str data)
{
	struct shared *s = c->shared;
	struct str p;

	s->b.seen.e = s->seen;
	s->b.seen.cap = OT_SEEN_MAX;
	if (c->pkt->mac && bacnet_npdu(data, 0, &p) && p.len)
		apdu(c, &s->b, DIR_ORIG, 0, p);
}

static void bacnet_finish(struct conn *c)
{
	struct shared *s = c->shared;

	unanswered(c, &s->b, INT64_MAX);
	ot_close(c, &s->b.seen, "bacnet");
}

static void bacnet_close(struct conn *c)
{
	struct bacnet *s = c->state;

	unanswered(c, s, INT64_MAX);
	ot_close(c, &s->seen, "bacnet");
}

const struct proto_ops proto_bacnet = {
	.name = "bacnet",
	.transports = PROTO_UDP | PROTO_ETHER,
	.ports = {47808, 47809},
	.ethertype = BACNET_LSAP,
	.state_size = sizeof(struct bacnet),
	.shared_size = sizeof(struct shared),
	.frame = bacnet_frame,
	.finish = bacnet_finish,
	.sniff = bacnet_sniff,
	.datagram = bacnet_datagram,
	.close = bacnet_close,
};
