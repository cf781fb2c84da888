/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNP3 over TCP and UDP (IEEE 1815): one record for each request and its response, with the
 * names of Zeek's dnp3.log and the objects that were named. Of a message in several segments
 * the first is read: it has the function and the first objects.
 */
#include "base/hash.h"
#include "packet/ot.h"
#include <stdio.h>

#define HEAD	  10
#define USER_MAX  250
#define WAIT_MAX  16
#define WAIT_NS	  (20 * NS_PER_S)
#define OBJ_MAX	  6
#define OBJ_LEN	  40
#define RESPONSE  0x81
#define UNSOL	  0x82
#define PORT_DNP3 20000

struct ask {
	int64_t ts;
	uint64_t key;
	uint16_t from, to; /* link addresses */
	uint8_t func, seq, nobj;
	bool by_resp; /* the side that was called asked */
	char obj[OBJ_MAX][OBJ_LEN];
};

struct dnp3 {
	struct ask wait[WAIT_MAX];
	unsigned n;
	struct ot_seen seen;
};

static const struct ot_name functions[] = {
	{0x00, "CONFIRM"},
	{0x01, "READ"},
	{0x02, "WRITE"},
	{0x03, "SELECT"},
	{0x04, "OPERATE"},
	{0x05, "DIRECT_OPERATE"},
	{0x06, "DIRECT_OPERATE_NR"},
	{0x07, "IMMED_FREEZE"},
	{0x08, "IMMED_FREEZE_NR"},
	{0x09, "FREEZE_CLEAR"},
	{0x0a, "FREEZE_CLEAR_NR"},
	{0x0b, "FREEZE_AT_TIME"},
	{0x0c, "FREEZE_AT_TIME_NR"},
	{0x0d, "COLD_RESTART"},
	{0x0e, "WARM_RESTART"},
	{0x0f, "INITIALIZE_DATA"},
	{0x10, "INITIALIZE_APPL"},
	{0x11, "START_APPL"},
	{0x12, "STOP_APPL"},
	{0x13, "SAVE_CONFIG"},
	{0x14, "ENABLE_UNSOLICITED"},
	{0x15, "DISABLE_UNSOLICITED"},
	{0x16, "ASSIGN_CLASS"},
	{0x17, "DELAY_MEASURE"},
	{0x18, "RECORD_CURRENT_TIME"},
	{0x19, "OPEN_FILE"},
	{0x1a, "CLOSE_FILE"},
	{0x1b, "DELETE_FILE"},
	{0x1c, "GET_FILE_INFO"},
	{0x1d, "AUTHENTICATE_FILE"},
	{0x1e, "ABORT_FILE"},
	{0x1f, "ACTIVATE_CONFIG"},
	{0x20, "AUTHENTICATE_REQ"},
	{0x21, "AUTHENTICATE_ERR"},
	{0x81, "RESPONSE"},
	{0x82, "UNSOLICITED_RESPONSE"},
	{0x83, "AUTHENTICATE_RESP"},
};

/* CRC-16/DNP: polynomial 0x3d65 reflected, complemented (IEEE 1815, 9.2.4). */
static uint16_t crc(const uint8_t *p, size_t n)
{
	uint16_t c = 0;

	for (size_t i = 0; i < n; i++) {
		c ^= p[i];
		for (unsigned b = 0; b < 8; b++)
			c = c & 1 ? (uint16_t)(c >> 1 ^ 0xa6bc) : (uint16_t)(c >> 1);
	}
	return (uint16_t)~c;
}

static bool is_head(const uint8_t *p)
{
	return p[0] == 0x05 && p[1] == 0x64 && p[2] >= 5 && crc(p, 8) == le16(p + 8);
}

static enum sniff_result dnp3_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;

	if (p[0] != 0x05 || (s->data.len > 1 && p[1] != 0x64))
		return SNIFF_NO;
	if (s->data.len < HEAD)
		return s->transport == PROTO_TCP ? SNIFF_MORE : SNIFF_NO;
	return is_head(p) ? SNIFF_YES : SNIFF_NO;
}

/* What a CROB (group 12, variation 1) does: IEEE 1815, A.8.1. */
static const char *crob_text(uint8_t code)
{
	static const char *const op[] = {"NUL", "PULSE_ON", "PULSE_OFF", "LATCH_ON",
					 "LATCH_OFF"};

	if (code >> 6 == 1)
		return "CLOSE";
	if (code >> 6 == 2)
		return "TRIP";
	return (code & 15) < ARRAY_LEN(op) ? op[code & 15] : "?";
}

/* Bytes of one object where a request brings values; 0: not known, reading ends there. */
static size_t object_size(uint8_t group, uint8_t var)
{
	switch (group << 8 | var) {
	case 12 << 8 | 1:
		return 11;
	case 41 << 8 | 1:
	case 41 << 8 | 3:
		return 5;
	case 41 << 8 | 2:
		return 3;
	case 41 << 8 | 4:
		return 9;
	case 50 << 8 | 1:
	case 50 << 8 | 3:
		return 6;
	case 34 << 8 | 1:
		return 2;
	case 34 << 8 | 2:
	case 34 << 8 | 3:
		return 4;
	default:
		return 0;
	}
}

struct range {
	uint32_t from, to, count;
	size_t prefix; /* bytes before each object: its index */
	size_t len;
	bool all;
};

/* The range behind group, variation and qualifier; false: not one that is known. */
static bool range_read(const uint8_t *p, size_t n, uint8_t qualifier, struct range *r)
{
	static const uint8_t prefixes[] = {0, 1, 2, 4, 1, 2, 4, 0};
	static const uint8_t sizes[] = {2, 4, 8, 2, 4, 8, 0, 1, 2, 4};
	uint8_t kind = qualifier & 15;

	*r = (struct range){.prefix = prefixes[qualifier >> 4 & 7]};
	if (kind >= ARRAY_LEN(sizes) || sizes[kind] > n)
		return false;
	r->len = sizes[kind];
	switch (kind) {
	case 0:
		r->from = p[0];
		r->to = p[1];
		break;
	case 1:
		r->from = le16(p);
		r->to = le16(p + 2);
		break;
	case 2:
		r->from = le32(p);
		r->to = le32(p + 4);
		break;
	case 6:
		r->all = true;
		return true;
	case 7:
	case 8:
	case 9:
		r->count = kind == 7 ? p[0] : kind == 8 ? le16(p) : le32(p);
		return true;
	default:
		return false;
	}
	if (r->to < r->from)
		return false;
	r->count = r->to - r->from + 1;
	return true;
}

static uint32_t index_of(const uint8_t *p, size_t n)
{
	return n == 1 ? p[0] : n == 2 ? le16(p) : n == 4 ? le32(p) : 0;
}

/* Object headers of a request into words: "g12v1 3 LATCH_ON", "g30v0 0-9", "g60v2". */
static void objects(struct ask *a, const uint8_t *p, size_t n)
{
	bool values = a->func != 1;
	size_t at = 0;

	while (at + 3 <= n && a->nobj < OBJ_MAX) {
		const uint8_t *h = p + at;
		char *out = a->obj[a->nobj];
		size_t size = values ? object_size(h[0], h[1]) : 0;
		struct range r;
		int len;

		if (!range_read(h + 3, n - at - 3, h[2], &r))
			return;
		at += 3 + r.len;
		a->nobj++;
		len = snprintf(out, OBJ_LEN, "g%uv%u", h[0], h[1]);
		if (!r.prefix && !r.all && (h[2] & 15) < 6)
			len += snprintf(out + len, OBJ_LEN - (size_t)len, " %u-%u", r.from,
					r.to);
		if (r.prefix && at + r.prefix + (h[0] == 12 ? 1 : 0) <= n) {
			len += snprintf(out + len, OBJ_LEN - (size_t)len, " %u",
					index_of(p + at, r.prefix));
			if (h[0] == 12 && h[1] == 1)
				snprintf(out + len, OBJ_LEN - (size_t)len, " %s",
					 crob_text(p[at + r.prefix]));
		}
		if (!values && !r.prefix)
			continue;
		if (r.count > USER_MAX || (values && !size))
			return;
		at += (r.prefix + size) * r.count;
	}
}

static const char *access_of(uint8_t func)
{
	switch (func) {
	case 0x02:
	case 0x03:
	case 0x04:
	case 0x05:
	case 0x06:
		return "write";
	case 0x0d:
	case 0x0e:
	case 0x0f:
	case 0x10:
	case 0x11:
	case 0x12:
	case 0x15:
		return "control";
	case 0x13:
	case 0x1b:
	case 0x1d:
	case 0x1f:
		return "program";
	case 0x01:
	case 0x17:
	case 0x1c:
		return "read";
	default:
		return "other";
	}
}

static bool is_read(uint8_t func)
{
	return func <= 1 || func == 0x17 || func == UNSOL;
}

static void tell(struct conn *c, struct dnp3 *s, const struct ask *a, uint8_t reply,
		 const uint8_t *iin)
{
	/* Function not supported, object unknown, parameter error: the lower bits of the
	 * second. */
	bool refused = iin && iin[1] & 7;
	uint32_t repeats = 0;
	char tmp[24];
	struct rec *r;

	if (reply && !refused && is_read(a->func) && !ot_due(c, &s->seen, a->key, &repeats))
		return;
	r = ot_rec(c, "dnp3", a->ts, a->by_resp ? DIR_RESP : DIR_ORIG);
	if (a->func < RESPONSE)
		rec_z(r, "fc_request", OT_NAME_OR(functions, a->func, tmp));
	if (reply)
		rec_z(r, "fc_reply", OT_NAME_OR(functions, reply, tmp));
	if (iin)
		rec_u64(r, "iin", be16(iin));
	if (a->func < RESPONSE)
		rec_z(r, "access", access_of(a->func));
	else
		rec_z(r, "access", "notify");
	rec_u64(r, "link_from", a->from);
	rec_u64(r, "link_to", a->to);
	if (a->nobj) {
		rec_list(r, "objects");
		for (unsigned i = 0; i < a->nobj; i++)
			rec_z(r, NULL, a->obj[i]);
		rec_list_end(r);
	}
	if (refused)
		rec_z(r, "error",
		      iin[1] & 1   ? "NO_FUNC_CODE_SUPPORT"
		      : iin[1] & 2 ? "OBJECT_UNKNOWN"
				   : "PARAMETER_ERROR");
	if (!reply)
		rec_bool(r, "answered", false);
	ot_repeats(r, repeats);
	rec_end(r);
}

static void forget(struct dnp3 *s, unsigned i)
{
	memmove(&s->wait[i], &s->wait[i + 1], (s->n - i - 1) * sizeof(s->wait[0]));
	s->n--;
}

static void unanswered(struct conn *c, struct dnp3 *s, int64_t before)
{
	while (s->n && s->wait[0].ts <= before) {
		tell(c, s, &s->wait[0], 0, NULL);
		forget(s, 0);
	}
}

static void request(struct conn *c, struct dnp3 *s, struct ask *a, const uint8_t *app, size_t n)
{
	bool silent = a->func == 0 || a->func == 6 || a->func == 8 || a->func == 10 ||
		      a->func == 12; /* these have no answer */

	objects(a, app + 2, n - 2);
	a->key = hash_bytes(app + 1, n - 1, (uint64_t)a->from << 16 | a->to);
	if (silent) {
		if (a->func)
			tell(c, s, a, RESPONSE, NULL);
		return;
	}
	unanswered(c, s, c->known - WAIT_NS);
	if (s->n == WAIT_MAX)
		unanswered(c, s, s->wait[0].ts);
	s->wait[s->n++] = *a;
}

static void reply(struct conn *c, struct dnp3 *s, struct ask *a, const uint8_t *app, size_t n)
{
	const uint8_t *iin = n >= 4 ? app + 2 : NULL;

	if (a->func == UNSOL) {
		a->key = hash_2(UNSOL, (uint64_t)a->from << 16 | a->to);
		tell(c, s, a, UNSOL, iin);
		return;
	}
	for (unsigned i = 0; i < s->n; i++) {
		struct ask q = s->wait[i];

		if (q.from != a->to || q.to != a->from || q.seq != a->seq)
			continue;
		forget(s, i);
		tell(c, s, &q, a->func, iin);
		return;
	}
}

/* One frame of the link layer, whole. */
static void frame(struct conn *c, struct dnp3 *s, enum dir d, const uint8_t *p, size_t user)
{
	uint8_t data[USER_MAX + 2];
	size_t n = 0;
	struct ask a = {.ts = c->ts, .to = le16(p + 4), .from = le16(p + 6)};

	for (size_t at = 0; at < user; at += 16) {
		const uint8_t *block = p + HEAD + at / 16 * 18;
		size_t len = MIN(user - at, (size_t)16);

		if (crc(block, len) != le16(block + len))
			return;
		memcpy(data + n, block, len);
		n += len;
	}
	if (n < 3 || !(data[0] & 0x40)) /* not the first segment */
		return;
	a.seq = data[1] & 15;
	a.func = data[2];
	a.by_resp = d == DIR_RESP;
	if (a.func >= RESPONSE) {
		if (data[1] & 0x80) /* the first fragment */
			reply(c, s, &a, data + 1, n - 1);
		return;
	}
	request(c, s, &a, data + 1, n - 1);
}

static int64_t frame_len(struct str data)
{
	const uint8_t *p = (const uint8_t *)data.p;
	size_t user, len;

	if (data.len < HEAD)
		return 0;
	if (!is_head(p))
		return -1;
	user = p[2] - 5U;
	len = HEAD + user + (user + 15) / 16 * 2;
	return data.len < len ? 0 : (int64_t)len;
}

static int64_t dnp3_stream(struct conn *c, enum dir d, struct str data)
{
	int64_t n = frame_len(data);

	if (n > 0)
		frame(c, c->state, d, (const uint8_t *)data.p, (uint8_t)data.p[2] - 5U);
	return n;
}

static int dnp3_datagram(struct conn *c, enum dir d, struct str data)
{
	int64_t n;

	while (data.len) {
		n = dnp3_stream(c, d, data);
		if (n <= 0)
			return STREAM_FAIL;
		data = str_sub(data, (size_t)n, data.len);
	}
	return 0;
}

static void dnp3_close(struct conn *c)
{
	struct dnp3 *s = c->state;

	unanswered(c, s, INT64_MAX);
	ot_close(c, &s->seen, "dnp3");
}

const struct proto_ops proto_dnp3 = {
	.name = "dnp3",
	.transports = PROTO_TCP | PROTO_UDP,
	.ports = {PORT_DNP3, 19999},
	.state_size = sizeof(struct dnp3),
	.buffer_max = 1024,
	.sniff = dnp3_sniff,
	.stream = dnp3_stream,
	.datagram = dnp3_datagram,
	.gap = ot_gap,
	.close = dnp3_close,
};
