/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modbus over TCP (and UDP): one record for each request and its answer, with the names of
 * Zeek's modbus.log and what was asked for as in ICSNPP's modbus_detailed. Schneider's function
 * 90 is named by the UMAS service within. What devices say of themselves becomes ot_asset.
 */
#include "base/hash.h"
#include "packet/ot.h"

#define HEAD	 7 /* transaction, protocol, length, unit */
#define PDU_MAX	 253
#define WAIT_MAX 16
#define WAIT_NS	 (20 * NS_PER_S)
#define VALUES	 8 /* written values that are told of */
#define PORT	 502

enum { UMAS = 0x5a, MEI = 0x2b, EXCEPTION = 0x80 };

struct ask {
	int64_t ts;
	uint16_t tid, address, quantity;
	uint8_t unit, func, sub, nvalues;
	bool where, values; /* address and quantity are set; the values below are written */
	uint16_t value[VALUES];
};

struct modbus {
	struct ask wait[WAIT_MAX];
	unsigned n;
	struct ot_seen seen;
};

static const struct ot_name functions[] = {
	{1, "READ_COILS"},
	{2, "READ_DISCRETE_INPUTS"},
	{3, "READ_HOLDING_REGISTERS"},
	{4, "READ_INPUT_REGISTERS"},
	{5, "WRITE_SINGLE_COIL"},
	{6, "WRITE_SINGLE_REGISTER"},
	{7, "READ_EXCEPTION_STATUS"},
	{8, "DIAGNOSTICS"},
	{9, "PROGRAM_484"},
	{10, "POLL_484"},
	{11, "GET_COMM_EVENT_COUNTER"},
	{12, "GET_COMM_EVENT_LOG"},
	{13, "PROGRAM_584_984"},
	{14, "POLL_584_984"},
	{15, "WRITE_MULTIPLE_COILS"},
	{16, "WRITE_MULTIPLE_REGISTERS"},
	{17, "REPORT_SLAVE_ID"},
	{18, "PROGRAM_884_M84"},
	{19, "RESET_COMM_LINK_884_M84"},
	{20, "READ_FILE_RECORD"},
	{21, "WRITE_FILE_RECORD"},
	{22, "MASK_WRITE_REGISTER"},
	{23, "READ_WRITE_MULTIPLE_REGISTERS"},
	{24, "READ_FIFO_QUEUE"},
	{40, "PROGRAM_CONCEPT"},
	{43, "ENCAP_INTERFACE_TRANSPORT"},
	{90, "PROGRAM_UNITY"},
	{125, "FIRMWARE_REPLACEMENT"},
	{126, "PROGRAM_584_984_2"},
	{127, "REPORT_LOCAL_ADDRESS"},
};

static const struct ot_name exceptions[] = {
	{1, "ILLEGAL_FUNCTION"},
	{2, "ILLEGAL_DATA_ADDRESS"},
	{3, "ILLEGAL_DATA_VALUE"},
	{4, "SLAVE_DEVICE_FAILURE"},
	{5, "ACKNOWLEDGE"},
	{6, "SLAVE_DEVICE_BUSY"},
	{7, "NEGATIVE_ACKNOWLEDGE"},
	{8, "MEMORY_PARITY_ERROR"},
	{10, "GATEWAY_PATH_UNAVAILABLE"},
	{11, "GATEWAY_TARGET_DEVICE_FAILED_TO_RESPOND"},
};

/* Services of UMAS; what analysts of Schneider's protocol have called them. */
static const struct ot_name umas[] = {
	{0x01, "UMAS_INIT_COMM"},
	{0x02, "UMAS_READ_ID"},
	{0x03, "UMAS_READ_PROJECT_INFO"},
	{0x04, "UMAS_READ_PLC_INFO"},
	{0x06, "UMAS_READ_CARD_INFO"},
	{0x0a, "UMAS_REPEAT"},
	{0x10, "UMAS_TAKE_PLC_RESERVATION"},
	{0x11, "UMAS_RELEASE_PLC_RESERVATION"},
	{0x12, "UMAS_KEEP_ALIVE"},
	{0x20, "UMAS_READ_MEMORY_BLOCK"},
	{0x21, "UMAS_WRITE_MEMORY_BLOCK"},
	{0x22, "UMAS_READ_VARIABLES"},
	{0x23, "UMAS_WRITE_VARIABLES"},
	{0x24, "UMAS_READ_COILS_REGISTERS"},
	{0x25, "UMAS_WRITE_COILS_REGISTERS"},
	{0x30, "UMAS_INITIALIZE_UPLOAD"},
	{0x31, "UMAS_UPLOAD_BLOCK"},
	{0x32, "UMAS_END_UPLOAD"},
	{0x33, "UMAS_INITIALIZE_DOWNLOAD"},
	{0x34, "UMAS_DOWNLOAD_BLOCK"},
	{0x35, "UMAS_END_DOWNLOAD"},
	{0x40, "UMAS_START_PLC"},
	{0x41, "UMAS_STOP_PLC"},
	{0x50, "UMAS_MONITOR_PLC"},
	{0x58, "UMAS_CHECK_PLC"},
	{0x70, "UMAS_READ_IO_OBJECT"},
	{0x71, "UMAS_WRITE_IO_OBJECT"},
	{0x73, "UMAS_GET_STATUS_MODULE"},
};

static bool is_read(const struct ask *a)
{
	if (a->func == UMAS)
		return a->sub == 0x0a || a->sub == 0x12 || a->sub == 0x20 || a->sub == 0x22 ||
		       a->sub == 0x24 || a->sub == 0x50 || a->sub == 0x58 || a->sub == 0x70 ||
		       a->sub == 0x73 || a->sub == 0x04;
	return (a->func >= 1 && a->func <= 4) || a->func == 7 || a->func == 10 ||
	       a->func == 11 || a->func == 14 || a->func == 20 || a->func == 24;
}

static const char *umas_access(uint8_t sub)
{
	switch (sub) {
	case 0x02:
	case 0x03:
		return "identify";
	case 0x21:
	case 0x23:
	case 0x25:
	case 0x71:
		return "write";
	case 0x30:
	case 0x31:
	case 0x32:
		return "upload";
	case 0x33:
	case 0x34:
	case 0x35:
		return "program";
	case 0x40:
	case 0x41:
		return "control";
	case 0x01:
	case 0x10:
	case 0x11:
		return "session";
	default:
		return "read";
	}
}

static const char *access_of(const struct ask *a)
{
	if (a->func == UMAS)
		return umas_access(a->sub);
	switch (a->func) {
	case 5:
	case 6:
	case 15:
	case 16:
	case 21:
	case 22:
	case 23:
		return "write";
	case 8: /* restart, listen only, clear counters; the rest looks */
		return a->sub == 1 || a->sub == 4 || a->sub == 10 ? "control" : "identify";
	case 19:
		return "control";
	case 9:
	case 13:
	case 18:
	case 40:
	case 125:
	case 126:
		return "program";
	case 11:
	case 12:
	case 17:
	case 127:
		return "identify";
	case MEI:
		return a->sub == 14 ? "identify" : "other";
	default:
		return is_read(a) ? "read" : "other";
	}
}

/* Length of a request's data after the function where the function fixes it, else 0. */
static bool length_fits(const uint8_t *pdu, size_t n)
{
	switch (pdu[0]) {
	case 1:
	case 2:
	case 3:
	case 4:
		return n == 5 && be16(pdu + 3) > 0 && be16(pdu + 3) <= 2000;
	case 5:
	case 6:
		return n == 5;
	case 15:
	case 16:
		return n > 6 && n == 6U + pdu[5];
	case 7:
	case 11:
	case 12:
	case 17:
		return n == 1;
	case 22:
		return n == 7;
	case 23:
		return n > 10 && n == 10U + pdu[9];
	default:
		return false;
	}
}

static enum sniff_result modbus_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;
	size_t n = s->data.len, len;

	if (n < HEAD + 1) {
		if (n > 2 && p[2])
			return SNIFF_NO;
		return s->transport == PROTO_TCP ? SNIFF_MORE : SNIFF_NO;
	}
	len = be16(p + 4);
	if (be16(p + 2) || len < 2 || len > PDU_MAX + 1)
		return SNIFF_NO;
	if (s->hinted)
		return OT_NAME(functions, p[7] & 0x7f) ? SNIFF_YES : SNIFF_NO;
	/* Elsewhere only a whole request of a common function is believed. */
	if (s->dir != DIR_ORIG || n < 6 + len || !length_fits(p + 7, len - 1))
		return SNIFF_NO;
	if (n >= 6 + len + 6 && (be16(p + 6 + len + 2) || be16(p + 6 + len + 4) > PDU_MAX + 1))
		return SNIFF_NO;
	return n == 6 + len || n >= 6 + len + 6 ? SNIFF_YES : SNIFF_NO;
}

static void values_of(struct ask *a, const uint8_t *p, size_t n)
{
	a->values = true;
	for (; n >= 2 && a->nvalues < VALUES; p += 2, n -= 2)
		a->value[a->nvalues++] = be16(p);
}

static struct ask ask_read(const uint8_t *p, size_t n, int64_t ts)
{
	const uint8_t *d = p + HEAD + 1; /* behind the function */
	size_t left = n - HEAD - 1;
	struct ask a = {.ts = ts, .tid = be16(p), .unit = p[6], .func = p[7]};

	switch (a.func) {
	case 1:
	case 2:
	case 3:
	case 4:
	case 15:
	case 16:
		a.where = left >= 4;
		if (a.where) {
			a.address = be16(d);
			a.quantity = be16(d + 2);
		}
		if (a.func == 16 && left > 5)
			values_of(&a, d + 5, left - 5);
		break;
	case 5:
	case 6:
	case 22:
		a.where = left >= 4;
		if (a.where) {
			a.address = be16(d);
			a.quantity = 1;
			values_of(&a, d + 2, left - 2);
		}
		break;
	case 23:
		a.where = left >= 9;
		if (a.where) {
			a.address = be16(d + 4);
			a.quantity = be16(d + 6);
			values_of(&a, d + 9, left - 9);
		}
		break;
	case 8:
		a.sub = left >= 2 ? d[1] : 0;
		break;
	case MEI:
		a.sub = left ? d[0] : 0;
		break;
	case UMAS:
		a.sub = left >= 2 ? d[1] : 0;
		break;
	default:
		break;
	}
	return a;
}

static const char *func_text(const struct ask *a, char tmp[24])
{
	const char *t = a->func == UMAS ? OT_NAME(umas, a->sub) : NULL;

	if (a->func == MEI && a->sub == 14)
		return "READ_DEVICE_IDENTIFICATION";
	return t ? t : OT_NAME_OR(functions, a->func, tmp);
}

/* exception < 0: none; answered: false when nothing came. */
static void tell(struct conn *c, struct modbus *m, const struct ask *a, int exception,
		 bool answered)
{
	uint64_t key = (uint64_t)a->unit << 48 | (uint64_t)a->func << 40 |
		       (uint64_t)a->sub << 32 | (uint64_t)a->address << 16 | a->quantity;
	uint32_t repeats = 0;
	char tmp[24];
	struct rec *r;

	if (answered && exception < 0 && is_read(a) &&
	    !ot_due(c, &m->seen, hash_mix(key), &repeats))
		return;
	r = conn_rec(c, "modbus", a->ts);
	rec_u64(r, "tid", a->tid);
	rec_u64(r, "unit", a->unit);
	rec_z(r, "func", func_text(a, tmp));
	rec_z(r, "access", access_of(a));
	rec_z(r, "pdu_type", answered ? "RESP" : "REQ");
	if (exception >= 0)
		rec_z(r, "exception", OT_NAME_OR(exceptions, (unsigned)exception, tmp));
	if (!answered)
		rec_bool(r, "answered", false);
	if (a->where) {
		rec_u64(r, "address", a->address);
		rec_u64(r, "quantity", a->quantity);
	}
	if (a->func == 8)
		rec_u64(r, "subfunction", a->sub);
	if (a->values && a->nvalues) {
		rec_list(r, "request_values");
		for (unsigned i = 0; i < a->nvalues; i++)
			rec_u64(r, NULL, a->value[i]);
		rec_list_end(r);
	}
	ot_repeats(r, repeats);
	rec_end(r);
}

static void forget(struct modbus *m, unsigned i)
{
	memmove(&m->wait[i], &m->wait[i + 1], (m->n - i - 1) * sizeof(m->wait[0]));
	m->n--;
}

static void unanswered(struct conn *c, struct modbus *m, int64_t before)
{
	while (m->n && m->wait[0].ts <= before) {
		tell(c, m, &m->wait[0], -1, false);
		forget(m, 0);
	}
}

/* The objects of "read device identification": vendor, product code, revision, ... */
static void identity(struct conn *c, const uint8_t *d, size_t n)
{
	struct ot_asset a = {.protocol = "modbus", .who = DIR_RESP};
	size_t at = 6;

	if (n < 6 || d[0] != 14)
		return;
	for (unsigned i = 0; i < d[5] && at + 2 <= n && d[at + 1] <= n - at - 2; i++) {
		struct str v = str_n((const char *)d + at + 2, d[at + 1]);

		if (d[at] == 0)
			a.vendor = v;
		else if (d[at] == 2)
			a.firmware = v;
		else if (d[at] == 5 || (d[at] == 4 && !a.product.len) || d[at] == 1)
			a.product = v;
		else if (d[at] == 6)
			a.name = v;
		at += 2 + v.len;
	}
	ot_asset(c, &a);
}

static void reply(struct conn *c, struct modbus *m, const uint8_t *p, size_t n)
{
	uint8_t func = p[7] & 0x7f;
	int exception = p[7] & EXCEPTION ? (n > HEAD + 1 ? p[8] : 0) : -1;
	struct ask lone = {.ts = c->ts, .tid = be16(p), .unit = p[6], .func = func};

	/* Of UMAS the answer's code says whether it was refused. */
	if (func == UMAS && n > HEAD + 2 && p[9] == 0xfd)
		exception = 4;
	if (func == MEI && exception < 0)
		identity(c, p + HEAD + 1, n - HEAD - 1);
	for (unsigned i = 0; i < m->n; i++) {
		struct ask a = m->wait[i];

		if (a.tid != be16(p) || a.func != func || a.unit != p[6])
			continue;
		forget(m, i);
		tell(c, m, &a, exception, true);
		return;
	}
	/* What was asked was not seen. */
	lone.sub = func == MEI && n > HEAD + 1 ? p[8] : 0;
	tell(c, m, &lone, exception, true);
}

static bool message(struct conn *c, enum dir d, const uint8_t *p, size_t n)
{
	struct modbus *m = c->state;

	if (d == DIR_RESP) {
		reply(c, m, p, n);
		return true;
	}
	if (p[7] & EXCEPTION)
		return false;
	unanswered(c, m, c->known - WAIT_NS);
	if (m->n == WAIT_MAX)
		unanswered(c, m, m->wait[0].ts);
	m->wait[m->n++] = ask_read(p, n, c->ts);
	return true;
}

/* Bytes of the message at the head of data: 0 not whole, -1 none. */
static int64_t message_len(struct str data)
{
	const uint8_t *p = (const uint8_t *)data.p;
	size_t len;

	if (data.len < HEAD + 1)
		return 0;
	len = be16(p + 4);
	if (be16(p + 2) || len < 2 || len > PDU_MAX + 1)
		return -1;
	return data.len < 6 + len ? 0 : (int64_t)(6 + len);
}

static int64_t modbus_stream(struct conn *c, enum dir d, struct str data)
{
	int64_t n = message_len(data);

	if (n > 0 && !message(c, d, (const uint8_t *)data.p, (size_t)n))
		return STREAM_FAIL;
	return n;
}

static int modbus_datagram(struct conn *c, enum dir d, struct str data)
{
	int64_t n = message_len(data);

	return n > 0 && message(c, d, (const uint8_t *)data.p, (size_t)n) ? 0 : STREAM_FAIL;
}

static void modbus_close(struct conn *c)
{
	struct modbus *m = c->state;

	unanswered(c, m, INT64_MAX);
	ot_close(c, &m->seen, "modbus");
}

const struct proto_ops proto_modbus = {
	.name = "modbus",
	.transports = PROTO_TCP | PROTO_UDP,
	.ports = {PORT},
	.state_size = sizeof(struct modbus),
	.buffer_max = 1024,
	.sniff = modbus_sniff,
	.stream = modbus_stream,
	.datagram = modbus_datagram,
	.gap = ot_gap,
	.close = modbus_close,
};
