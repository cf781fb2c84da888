/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MMS (ISO 9506) as IEC 61850 and TASE.2 use it: one record (mms) for each confirmed service
 * and its answer, with the names that the request holds.
 */
#include "base/hash.h"
#include "packet/ot.h"
#include "packet/ot_ber.h"
#include "packet/tpkt.h"

#define WAIT_MAX 16
#define WAIT_NS	 (60 * NS_PER_S)
#define NAME_LEN 100
#define DEPTH	 10
#define LOOK_MAX 64 /* elements that are looked at for a name */

struct ask {
	int64_t ts;
	uint64_t key;
	uint32_t invoke;
	uint16_t service;
	uint8_t nname;
	char name[NAME_LEN];
};

struct mms {
	struct tpkt way[2];
	struct ask wait[WAIT_MAX];
	unsigned n;
	struct ot_seen seen;
};

static const struct ot_name services[] = {
	{0, "status"},
	{1, "getNameList"},
	{2, "identify"},
	{3, "rename"},
	{4, "read"},
	{5, "write"},
	{6, "getVariableAccessAttributes"},
	{7, "defineNamedVariable"},
	{10, "deleteVariableAccess"},
	{11, "defineNamedVariableList"},
	{12, "getNamedVariableListAttributes"},
	{13, "deleteNamedVariableList"},
	{26, "initiateDownloadSequence"},
	{27, "downloadSegment"},
	{28, "terminateDownloadSequence"},
	{29, "initiateUploadSequence"},
	{30, "uploadSegment"},
	{31, "terminateUploadSequence"},
	{32, "requestDomainDownload"},
	{33, "requestDomainUpload"},
	{34, "loadDomainContent"},
	{35, "storeDomainContent"},
	{36, "deleteDomain"},
	{37, "getDomainAttributes"},
	{38, "createProgramInvocation"},
	{39, "deleteProgramInvocation"},
	{40, "start"},
	{41, "stop"},
	{42, "resume"},
	{43, "reset"},
	{44, "kill"},
	{45, "getProgramInvocationAttributes"},
	{46, "obtainFile"},
	{65, "readJournal"},
	{67, "initializeJournal"},
	{68, "reportJournalStatus"},
	{71, "getCapabilityList"},
	{72, "fileOpen"},
	{73, "fileRead"},
	{74, "fileClose"},
	{75, "fileRename"},
	{76, "fileDelete"},
	{77, "fileDirectory"},
};

static const char *access_of(uint16_t service)
{
	switch (service) {
	case 3:
	case 5:
		return "write";
	case 26:
	case 27:
	case 28:
	case 32:
	case 34:
	case 36:
	case 38:
	case 39:
	case 46:
	case 75:
	case 76:
		return "program";
	case 29:
	case 30:
	case 31:
	case 33:
	case 35:
		return "upload";
	case 40:
	case 41:
	case 42:
	case 43:
	case 44:
	case 67:
		return "control";
	case 2:
		return "identify";
	case 7:
	case 10:
	case 11:
	case 13:
		return "session"; /* lists of names that reports are made of */
	default:
		return "read";
	}
}

/* 1.0.9506.2.1, the abstract syntax of MMS, in the connection's set-up. */
static const uint8_t oid[] = {0x28, 0xca, 0x22, 0x02, 0x01};

static enum sniff_result mms_sniff(const struct sniff *s)
{
	struct str m;
	enum sniff_result r = tpkt_first(s->data, &m);
	const uint8_t *p = (const uint8_t *)m.p;

	if (r != SNIFF_YES)
		return r;
	if (m.len < 4)
		return SNIFF_NO;
	if (p[0] == 0x0d || p[0] == 0x0e) /* connect, accept: whole enough to show the syntax */
		return memmem(s->data.p, s->data.len, oid, sizeof(oid)) ? SNIFF_YES
		       : s->data.len < 400 && s->hinted			? SNIFF_MORE
									: SNIFF_NO;
	if (m.len < 5 || p[0] != 1 || p[1] || p[2] != 1 || p[3] || p[4] != 0x61)
		return SNIFF_NO;
	return s->hinted ? SNIFF_YES : SNIFF_NO;
}

/* The first two names in sight: a domain and what is in it, or one of them. */
static void names(struct ask *a, struct str in)
{
	struct str level[DEPTH];
	unsigned depth = 0, found = 0;
	struct ot_ber b;

	level[0] = in;
	for (unsigned i = 0; i < LOOK_MAX && found < 2; i++) {
		while (!level[depth].len && depth)
			depth--;
		if (!ot_ber_next(&level[depth], &b))
			return;
		if (b.first & 0x20) {
			if (depth + 1 < DEPTH)
				level[++depth] = b.value;
			continue;
		}
		if ((b.first != 0x1a && b.first != 0x19 && b.first != 0x80) ||
		    b.value.len < 2 || (size_t)a->nname + b.value.len + 1 > NAME_LEN)
			continue;
		for (size_t k = 0; k < b.value.len; k++)
			if (b.value.p[k] < 0x21 || b.value.p[k] > 0x7e)
				b.value.len = 0;
		if (!b.value.len)
			continue;
		if (found++)
			a->name[a->nname++] = '/';
		memcpy(a->name + a->nname, b.value.p, b.value.len);
		a->nname = (uint8_t)(a->nname + b.value.len);
	}
}

static void tell(struct conn *c, struct mms *s, const struct ask *a, bool answered,
		 const char *error)
{
	const char *access = access_of(a->service);
	uint32_t repeats = 0;
	struct rec *r;
	char tmp[24];

	if (answered && !error && ot_is_read(access) && !ot_due(c, &s->seen, a->key, &repeats))
		return;
	r = conn_rec(c, "mms", a->ts);
	rec_u64(r, "invoke_id", a->invoke);
	rec_z(r, "service", OT_NAME_OR(services, a->service, tmp));
	rec_z(r, "access", access);
	if (a->nname)
		rec_str(r, "object", str_n(a->name, a->nname));
	rec_z(r, "error", error);
	if (!answered)
		rec_bool(r, "answered", false);
	ot_repeats(r, repeats);
	rec_end(r);
}

static void forget(struct mms *s, unsigned i)
{
	memmove(&s->wait[i], &s->wait[i + 1], (s->n - i - 1) * sizeof(s->wait[0]));
	s->n--;
}

static void unanswered(struct conn *c, struct mms *s, int64_t before)
{
	while (s->n && s->wait[0].ts <= before) {
		tell(c, s, &s->wait[0], false, NULL);
		forget(s, 0);
	}
}

static void request(struct conn *c, struct mms *s, struct str in)
{
	struct ask a = {.ts = c->ts};
	struct ot_ber b;

	if (!ot_ber_next(&in, &b) || b.first != 0x02)
		return;
	a.invoke = (uint32_t)ot_ber_uint(b.value);
	if (!ot_ber_next(&in, &b) || b.no > UINT16_MAX || (b.first & 0xc0) != 0x80)
		return;
	a.service = (uint16_t)b.no;
	names(&a, b.value);
	a.key = hash_str(str_sub(b.value, 0, 512), a.service);
	unanswered(c, s, c->known - WAIT_NS);
	if (s->n == WAIT_MAX)
		unanswered(c, s, s->wait[0].ts);
	s->wait[s->n++] = a;
}

/* Of a write the answer says of each variable whether it was refused. */
static const char *write_error(struct str in)
{
	struct ot_ber b, item;

	if (!ot_ber_next(&in, &b) || b.no != 5)
		return NULL;
	while (ot_ber_next(&b.value, &item))
		if (item.first == 0x80)
			return "data access error";
	return NULL;
}

static void answer(struct conn *c, struct mms *s, struct str in, const char *error)
{
	struct ot_ber b;

	if (!ot_ber_next(&in, &b) || (b.first != 0x02 && b.first != 0x80))
		return;
	for (unsigned i = 0; i < s->n; i++) {
		struct ask a = s->wait[i];

		if (a.invoke != ot_ber_uint(b.value))
			continue;
		forget(s, i);
		if (!error && a.service == 5)
			error = write_error(in);
		tell(c, s, &a, true, error);
		return;
	}
}

/* Vendor, model and revision: what "identify" is answered with. */
static void identity(struct conn *c, enum dir d, struct str in)
{
	struct ot_asset a = {.protocol = "mms", .who = d};
	struct ot_ber b;

	if (!ot_ber_next(&in, &b) || !ot_ber_next(&in, &b) || b.first != 0xa2)
		return;
	in = b.value;
	while (ot_ber_next(&in, &b)) {
		a.vendor = b.first == 0x80 ? b.value : a.vendor;
		a.product = b.first == 0x81 ? b.value : a.product;
		a.firmware = b.first == 0x82 ? b.value : a.firmware;
	}
	ot_asset(c, &a);
}

static void pdu(struct conn *c, struct mms *s, enum dir d, struct str in)
{
	struct ot_ber b;

	if (!ot_ber_next(&in, &b))
		return;
	switch (b.first) {
	case 0xa0:
		request(c, s, b.value);
		break;
	case 0xa1:
		identity(c, d, b.value);
		answer(c, s, b.value, NULL);
		break;
	case 0xa2:
		answer(c, s, b.value, "error");
		break;
	case 0xa4:
		answer(c, s, b.value, "rejected");
		break;
	default:
		break;
	}
}

/* Session and presentation around it: data transfer has no parameters of its own. */
static void message(struct conn *c, struct mms *s, enum dir d, struct str m)
{
	struct ot_ber b;

	if (m.len < 6 || m.p[0] != 1 || m.p[1] || m.p[2] != 1 || m.p[3])
		return; /* set-up and end */
	m = str_sub(m, 4, m.len);
	if (!ot_ber_next(&m, &b) || b.first != 0x61)
		return;
	m = b.value;
	if (!ot_ber_next(&m, &b) || b.first != 0x30)
		return;
	m = b.value;
	if (!ot_ber_next(&m, &b) || b.first != 0x02) /* the context: 3 is MMS by custom */
		return;
	if (ot_ber_next(&m, &b) && b.first == 0xa0)
		pdu(c, s, d, b.value);
}

static int64_t mms_stream(struct conn *c, enum dir d, struct str data)
{
	struct mms *s = c->state;
	struct str m;
	int64_t n = tpkt_next(c, &s->way[d], data, &m);

	if (n > 0 && m.p)
		message(c, s, d, m);
	return n;
}

static bool mms_gap(struct conn *c, enum dir d, uint64_t n)
{
	struct mms *s = c->state;

	(void)n;
	tpkt_gap(&s->way[d]);
	return true;
}

static void mms_close(struct conn *c)
{
	struct mms *s = c->state;

	unanswered(c, s, INT64_MAX);
	ot_close(c, &s->seen, "mms");
	for (unsigned d = 0; d < 2; d++)
		tpkt_free(c, &s->way[d]);
}

const struct proto_ops proto_mms = {
	.name = "mms",
	.transports = PROTO_TCP,
	.ports = {102},
	.state_size = sizeof(struct mms),
	.buffer_max = TPKT_BUFFER,
	.sniff = mms_sniff,
	.stream = mms_stream,
	.gap = mms_gap,
	.close = mms_close,
};
