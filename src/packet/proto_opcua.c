/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OPC UA binary over TCP (OPC 10000-6): one record for each service that was asked for and its
 * result, with the names of ICSNPP's opcua_binary.log and the first node in question. What an
 * encrypted channel carries is told once in ten minutes, without its contents.
 */
#include "base/hash.h"
#include "packet/ot.h"
#include <stdio.h>

#define HEAD	  8
#define SYMMETRIC 24 /* header, channel, token, sequence, request */
#define CHUNK_MAX (64U * 1024)
#define WAIT_MAX  24
#define WAIT_NS	  (60 * NS_PER_S)
#define NODE_LEN  64

struct ask {
	int64_t ts;
	uint64_t key;
	uint32_t id;
	uint16_t service, count;
	char node[NODE_LEN];
};

struct opcua {
	struct ask wait[WAIT_MAX];
	unsigned n;
	struct ot_seen seen;
};

/* Numbers of requests in their binary encoding (OPC 10000-6, A.3); the response's is 3 more. */
static const struct ot_name services[] = {
	{422, "FindServersRequest"},
	{428, "GetEndpointsRequest"},
	{437, "RegisterServerRequest"},
	{446, "OpenSecureChannelRequest"},
	{452, "CloseSecureChannelRequest"},
	{461, "CreateSessionRequest"},
	{467, "ActivateSessionRequest"},
	{473, "CloseSessionRequest"},
	{479, "CancelRequest"},
	{488, "AddNodesRequest"},
	{494, "AddReferencesRequest"},
	{500, "DeleteNodesRequest"},
	{506, "DeleteReferencesRequest"},
	{527, "BrowseRequest"},
	{533, "BrowseNextRequest"},
	{554, "TranslateBrowsePathsToNodeIdsRequest"},
	{560, "RegisterNodesRequest"},
	{566, "UnregisterNodesRequest"},
	{615, "QueryFirstRequest"},
	{621, "QueryNextRequest"},
	{631, "ReadRequest"},
	{664, "HistoryReadRequest"},
	{673, "WriteRequest"},
	{700, "HistoryUpdateRequest"},
	{712, "CallRequest"},
	{751, "CreateMonitoredItemsRequest"},
	{763, "ModifyMonitoredItemsRequest"},
	{769, "SetMonitoringModeRequest"},
	{775, "SetTriggeringRequest"},
	{781, "DeleteMonitoredItemsRequest"},
	{787, "CreateSubscriptionRequest"},
	{793, "ModifySubscriptionRequest"},
	{799, "SetPublishingModeRequest"},
	{826, "PublishRequest"},
	{832, "RepublishRequest"},
	{841, "TransferSubscriptionsRequest"},
	{847, "DeleteSubscriptionsRequest"},
};

static const char *access_of(uint16_t service)
{
	switch (service) {
	case 422:
	case 428:
		return "identify";
	case 673:
	case 700:
		return "write";
	case 712:
		return "control"; /* runs a method */
	case 488:
	case 494:
	case 500:
	case 506:
		return "program";
	case 437:
	case 446:
	case 452:
	case 461:
	case 467:
	case 473:
	case 479:
		return "session";
	default:
		return "read";
	}
}

static enum sniff_result opcua_sniff(const struct sniff *s)
{
	static const char *const first[] = {"HELF", "ACKF", "OPNF", "MSGF", "RHEF"};
	const uint8_t *p = (const uint8_t *)s->data.p;
	size_t n = MIN(s->data.len, (size_t)4);
	bool fits = false;

	for (size_t i = 0; i < ARRAY_LEN(first); i++)
		fits |= memcmp(p, first[i], n) == 0;
	if (!fits)
		return SNIFF_NO;
	if (s->data.len < HEAD)
		return SNIFF_MORE;
	return le32(p + 4) >= HEAD + 4 && le32(p + 4) <= CHUNK_MAX ? SNIFF_YES : SNIFF_NO;
}

/* Views into a body; a failed one stays failed. */
struct in {
	const uint8_t *p;
	size_t n;
	bool bad;
};

static const uint8_t *bytes(struct in *i, size_t n)
{
	const uint8_t *p = i->p;

	if (i->bad || n > i->n) {
		i->bad = true;
		return NULL;
	}
	i->p += n;
	i->n -= n;
	return p;
}

static uint32_t u32(struct in *i)
{
	const uint8_t *p = bytes(i, 4);

	return p ? le32(p) : 0;
}

static struct str string(struct in *i)
{
	uint32_t n = u32(i);
	const uint8_t *p;

	if (n == UINT32_MAX || i->bad)
		return str_n("", 0);
	p = bytes(i, n);
	return p ? str_n((const char *)p, n) : str_n("", 0);
}

/* A node id (OPC 10000-6, 5.2.2.9); out may be NULL. Returns a numeric one of namespace 0. */
static uint32_t node(struct in *i, char *out, size_t max)
{
	const uint8_t *p = bytes(i, 1), *q;
	uint32_t ns = 0, id = 0;
	struct str s;
	uint8_t kind = p ? p[0] & 0x3f : 0xff;

	switch (kind) {
	case 0:
		q = bytes(i, 1);
		id = q ? q[0] : 0;
		break;
	case 1:
		q = bytes(i, 3);
		ns = q ? q[0] : 0;
		id = q ? le16(q + 1) : 0;
		break;
	case 2:
	case 3:
	case 4:
	case 5:
		q = bytes(i, 2);
		ns = q ? le16(q) : 0;
		if (kind == 2) {
			id = u32(i);
			break;
		}
		s = kind == 4 ? str_n((const char *)bytes(i, 16), 16) : string(i);
		if (out && !i->bad && kind == 3)
			snprintf(out, max, "ns=%u;s=%.*s", ns, (int)MIN(s.len, max), s.p);
		else if (out)
			snprintf(out, max, "ns=%u;%s", ns, kind == 4 ? "g" : "b");
		return UINT32_MAX;
	default:
		i->bad = true;
		return UINT32_MAX;
	}
	if (out)
		snprintf(out, max, "ns=%u;i=%u", ns, id);
	return ns ? UINT32_MAX : id;
}

/* Token, time, handle, diagnostics, audit entry, time-out, additional header. */
static void request_header(struct in *i)
{
	const uint8_t *p;

	(void)node(i, NULL, 0);
	(void)bytes(i, 16);
	(void)string(i);
	(void)u32(i);
	(void)node(i, NULL, 0);
	p = bytes(i, 1);
	if (p && p[0])
		(void)string(i);
}

/* The first node of what a request is about, and of how many. */
static void subject(struct ask *a, struct in *i)
{
	uint32_t count;

	request_header(i);
	if (a->service == 631)
		(void)bytes(i, 12); /* age and time stamps */
	if (a->service == 527) {    /* browse: a view and how much */
		(void)node(i, NULL, 0);
		(void)bytes(i, 16);
	}
	if (a->service != 631 && a->service != 673 && a->service != 712 && a->service != 527)
		return;
	a->key = hash_bytes(i->p, MIN(i->n, (size_t)512), a->service);
	count = u32(i);
	a->count = (uint16_t)MIN(count, 65535U);
	if (i->bad || !a->count)
		return;
	(void)node(i, a->node, sizeof(a->node));
	if (a->service == 712 && !i->bad) /* the method, rather than its object */
		(void)node(i, a->node, sizeof(a->node));
	if (i->bad)
		a->node[0] = 0;
}

static void put_node(struct rec *r, const struct ask *a)
{
	if (a->node[0])
		rec_z(r, "node", a->node);
	if (a->count)
		rec_u64(r, "nodes", a->count);
}

static void tell(struct conn *c, struct opcua *s, const struct ask *a, bool answered,
		 uint32_t result)
{
	const char *access = access_of(a->service);
	bool bad = result >> 30 == 2; /* severity */
	uint32_t repeats = 0;
	struct rec *r;
	char tmp[24];

	if (answered && !bad && strcmp(access, "write") != 0 &&
	    strcmp(access, "control") != 0 && strcmp(access, "program") != 0 &&
	    !ot_due(c, &s->seen, a->key, &repeats))
		return;
	r = conn_rec(c, "opcua_binary", a->ts);
	rec_z(r, "msg_type", a->service == 446 ? "OPN" : a->service == 452 ? "CLO" : "MSG");
	rec_u64(r, "request_id", a->id);
	rec_u64(r, "identifier", a->service);
	rec_z(r, "identifier_str", OT_NAME_OR(services, a->service, tmp));
	rec_z(r, "access", access);
	put_node(r, a);
	if (bad) {
		snprintf(tmp, sizeof(tmp), "0x%08x", result);
		rec_z(r, "error", tmp);
	}
	if (!answered)
		rec_bool(r, "answered", false);
	ot_repeats(r, repeats);
	rec_end(r);
}

static void forget(struct opcua *s, unsigned i)
{
	memmove(&s->wait[i], &s->wait[i + 1], (s->n - i - 1) * sizeof(s->wait[0]));
	s->n--;
}

static void unanswered(struct conn *c, struct opcua *s, int64_t before)
{
	while (s->n && s->wait[0].ts <= before) {
		/* Publish waits for something to happen. */
		tell(c, s, &s->wait[0], s->wait[0].service == 826 || s->wait[0].service == 452,
		     0);
		forget(s, 0);
	}
}

/* A service whose messages cannot be read. */
static void sealed(struct conn *c, struct opcua *s, enum dir d)
{
	uint32_t repeats;
	struct rec *r;

	if (d != DIR_ORIG || !ot_due(c, &s->seen, 2, &repeats))
		return;
	r = conn_rec(c, "opcua_binary", c->ts);
	rec_z(r, "msg_type", "MSG");
	rec_z(r, "identifier_str", "encrypted");
	rec_z(r, "access", "other");
	ot_repeats(r, repeats);
	rec_end(r);
}

static void service(struct conn *c, struct opcua *s, enum dir d, uint32_t id, struct in *i)
{
	uint32_t no = node(i, NULL, 0);
	struct ask a = {.ts = c->ts, .id = id};

	if (i->bad || no > UINT16_MAX ||
	    (!OT_NAME(services, no) && no != 397 && !OT_NAME(services, no - 3))) {
		sealed(c, s, d);
		return;
	}
	if (OT_NAME(services, no)) {
		a.service = (uint16_t)no;
		a.key = hash_2(no, 1);
		subject(&a, i);
		unanswered(c, s, c->known - WAIT_NS);
		if (s->n == WAIT_MAX)
			unanswered(c, s, s->wait[0].ts);
		s->wait[s->n++] = a;
		return;
	}
	(void)bytes(i, 12); /* time, handle */
	for (unsigned k = 0; k < s->n; k++) {
		struct ask q = s->wait[k];

		if (q.id != id)
			continue;
		forget(s, k);
		tell(c, s, &q, true, u32(i));
		return;
	}
}

/* Hello: version, sizes and the address that is called. */
static void hello(struct conn *c, const uint8_t *p, size_t n)
{
	struct in i = {.p = p + HEAD, .n = n - HEAD};
	struct rec *r;
	struct str url;

	(void)bytes(&i, 20);
	url = string(&i);
	r = conn_rec(c, "opcua_binary", c->ts);
	rec_z(r, "msg_type", "HEL");
	rec_z(r, "identifier_str", "Hello");
	rec_z(r, "access", "session");
	if (url.len)
		rec_str(r, "endpoint", url);
	rec_end(r);
}

/* Opens a channel: the policy, two certificates, then as other messages where it is readable.
 */
static void opened(struct conn *c, struct opcua *s, enum dir d, const uint8_t *p, size_t n)
{
	struct in i = {.p = p + HEAD, .n = n - HEAD};
	struct str policy;
	const uint8_t *q;
	struct rec *r;

	(void)u32(&i);
	policy = string(&i);
	(void)string(&i);
	(void)string(&i);
	q = bytes(&i, 8);
	if (i.bad || !q)
		return;
	if (str_ends(policy, STR("#None"))) {
		service(c, s, d, le32(q + 4), &i);
		return;
	}
	if (d != DIR_ORIG)
		return;
	r = conn_rec(c, "opcua_binary", c->ts);
	rec_z(r, "msg_type", "OPN");
	rec_z(r, "identifier_str", "OpenSecureChannelRequest");
	rec_z(r, "access", "session");
	rec_str(r, "sec_policy_uri", policy);
	rec_end(r);
}

static void message(struct conn *c, enum dir d, const uint8_t *p, size_t n)
{
	struct opcua *s = c->state;
	struct in i = {.p = p + SYMMETRIC, .n = n - MIN(n, (size_t)SYMMETRIC)};

	if (memcmp(p, "HEL", 3) == 0 && d == DIR_ORIG) {
		hello(c, p, n);
	} else if (memcmp(p, "OPN", 3) == 0) {
		opened(c, s, d, p, n);
	} else if (n > SYMMETRIC && (memcmp(p, "MSG", 3) == 0 || memcmp(p, "CLO", 3) == 0)) {
		/* Of a message in chunks the last is another's middle: only single ones are
		 * read. */
		if (p[3] == 'F')
			service(c, s, d, le32(p + 20), &i);
	}
}

static int64_t opcua_stream(struct conn *c, enum dir d, struct str data)
{
	const uint8_t *p = (const uint8_t *)data.p;
	uint32_t n;

	if (data.len < HEAD)
		return 0;
	n = le32(p + 4);
	if (n < HEAD || n > CHUNK_MAX || (p[3] != 'F' && p[3] != 'C' && p[3] != 'A'))
		return STREAM_FAIL;
	if (data.len < n)
		return 0;
	message(c, d, p, n);
	return n;
}

static void opcua_close(struct conn *c)
{
	struct opcua *s = c->state;

	unanswered(c, s, INT64_MAX);
	ot_close(c, &s->seen, "opcua");
}

const struct proto_ops proto_opcua = {
	.name = "opcua",
	.transports = PROTO_TCP,
	.ports = {4840, 4843, 48010, 62541, 53530},
	.state_size = sizeof(struct opcua),
	.buffer_max = CHUNK_MAX,
	.sniff = opcua_sniff,
	.stream = opcua_stream,
	.gap = ot_gap,
	.close = opcua_close,
};
