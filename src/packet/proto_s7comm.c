/* SPDX-License-Identifier: Apache-2.0 */
/*
 * S7comm and S7comm-plus over ISO transport: one record for each job or user data request and
 * its answer (s7comm), with the names of ICSNPP's log, the variables that were named
 * ("DB1.12 x4": four from byte 12 of data block 1) and the block that was loaded. Of
 * S7comm-plus the function is told (s7comm_plus); its contents are protected.
 */
#include "base/hash.h"
#include "packet/ot.h"
#include "packet/s7_names.h"
#include "packet/tpkt.h"
#include <stdio.h>

#define HEAD	  10
#define WAIT_MAX  16
#define WAIT_NS	  (20 * NS_PER_S)
#define ITEMS_MAX 8
#define ITEM_LEN  32
#define NAME_LEN  24

enum { JOB = 1, ACK = 2, ACK_DATA = 3, USER = 7 };
enum { READ = 4, WRITE = 5, DOWNLOAD = 0x1a, UPLOAD = 0x1d, CONTROL = 0x28, STOP = 0x29 };
enum { SZL_MODULE = 0x11, SZL_COMPONENT = 0x1c };

struct ask {
	int64_t ts;
	uint64_t key;
	uint16_t ref;
	uint8_t rosctr, func, sub, nitems;
	bool has_sub, plus;
	uint8_t version; /* of S7comm-plus */
	uint16_t function;
	char item[ITEMS_MAX][ITEM_LEN];
	char name[NAME_LEN]; /* of a block, or of a service of PLC Control */
};

struct s7 {
	struct tpkt way[2];
	struct ask wait[WAIT_MAX];
	unsigned n;
	struct ot_seen seen;
};

static enum sniff_result s7_sniff(const struct sniff *s)
{
	struct str m;
	enum sniff_result r = tpkt_first(s->data, &m);
	const uint8_t *p = (const uint8_t *)m.p;

	if (r != SNIFF_YES)
		return r;
	if (m.len < 4 || (p[0] != 0x32 && p[0] != 0x72))
		return SNIFF_NO;
	if (p[0] == 0x32)
		return p[1] >= JOB && p[1] <= USER ? SNIFF_YES : SNIFF_NO;
	return p[1] <= 3 || p[1] >= 0xfe ? SNIFF_YES : SNIFF_NO;
}

static const char *area_text(uint8_t area)
{
	static const struct ot_name areas[] = {{0x03, "SYS"}, {0x05, "SYSF"}, {0x06, "AI"},
					       {0x07, "AO"},  {0x1c, "C"},    {0x1d, "T"},
					       {0x80, "P"},   {0x81, "I"},    {0x82, "Q"},
					       {0x83, "M"},   {0x84, "DB"},   {0x85, "DI"},
					       {0x86, "L"},   {0x87, "V"}};

	return OT_NAME(areas, area);
}

/* Variables of a read or write: type, length, syntax, ... of each. */
static void items(struct ask *a, const uint8_t *p, size_t n)
{
	unsigned count = n > 1 ? p[1] : 0;
	size_t at = 2;

	for (unsigned i = 0; i < count && at + 2 <= n && a->nitems < ITEMS_MAX; i++) {
		const uint8_t *v = p + at;
		size_t len = 2U + v[1];
		char *out = a->item[a->nitems];

		if (v[0] != 0x12 || len < 3 || len > n - at)
			return;
		if (v[2] == 0x10 && len >= 12) {
			const char *area = area_text(v[8]);
			uint32_t bit = be24(v + 9);
			bool db = v[8] == 0x84 || v[8] == 0x85;
			/* Counters and timers are counted, all else is bits. */
			uint32_t byte = v[8] == 0x1c || v[8] == 0x1d ? bit : bit >> 3;

			if (db)
				snprintf(out, ITEM_LEN, "%s%u.%u x%u", area, be16(v + 6), byte,
					 be16(v + 4));
			else
				snprintf(out, ITEM_LEN, "%s%u x%u", area ? area : "?", byte,
					 be16(v + 4));
			a->nitems++;
		} else if (v[2] == 0xb0 && len >= 8) { /* parts of a data block */
			snprintf(out, ITEM_LEN, "DB%u.%u x%u", be16(v + 5),
				 len >= 9 ? be16(v + 7) : 0, v[4]);
			a->nitems++;
		} else {
			snprintf(out, ITEM_LEN, "syntax %u", v[2]);
			a->nitems++;
		}
		at += len + (i + 1 < count && (len & 1));
	}
}

static void name_put(struct ask *a, const uint8_t *p, size_t n)
{
	n = MIN(n, NAME_LEN - 1U);
	for (size_t i = 0; i < n; i++)
		a->name[i] = p[i] >= 0x20 && p[i] < 0x7f ? (char)p[i] : '.';
	a->name[n] = 0;
}

/* Parameters of a job: p[0] is the function. */
static void job(struct ask *a, const uint8_t *p, size_t n)
{
	a->func = n ? p[0] : 0;
	switch (a->func) {
	case READ:
	case WRITE:
		items(a, p, n);
		break;
	case DOWNLOAD:
	case DOWNLOAD + 1:
	case DOWNLOAD + 2:
	case UPLOAD:
		if (n > 9 && p[8] <= n - 9)
			name_put(a, p + 9, p[8]);
		break;
	case CONTROL:
		if (n > 10) {
			size_t at = 10U + be16(p + 8);

			if (at < n && p[at] <= n - at - 1)
				name_put(a, p + at + 1, p[at]);
		}
		break;
	case STOP:
		if (n > 7 && p[6] <= n - 7)
			name_put(a, p + 7, p[6]);
		break;
	default:
		break;
	}
}

static bool is_read(const struct ask *a)
{
	unsigned group = a->func & 0xf;

	if (a->plus)
		return a->function == 0x054c || a->function == 0x04bb ||
		       a->function == 0x0524 || a->function == 0x0586;
	if (a->rosctr == JOB)
		return a->func == READ || a->func == 0xf0;
	if (a->rosctr != USER)
		return false;
	return group == 2 || group == 3 || (group == 4 && a->sub != 3) || group == 6 ||
	       (group == 7 && (a->sub == 1 || a->sub == 3)) ||
	       (group == 1 &&
		(a->sub <= 6 || a->sub == 0x10 || a->sub == 0x11 || a->sub == 0x13 ||
		 a->sub == 0x0f || a->sub == 0x0d || a->sub == 0x0e));
}

static const char *access_user(const struct ask *a)
{
	switch (a->func & 0xf) {
	case 0:
		return "control";
	case 1:
		return a->sub >= 7 && a->sub <= 9     ? "write"
		       : a->sub == 11 || a->sub == 12 ? "control"
						      : "read";
	case 4:
		return a->sub == 1 ? "identify" : "read";
	case 5:
		return "session";
	case 7:
		return a->sub == 2 || a->sub == 4 ? "control" : "read";
	default:
		return is_read(a) ? "read" : "other";
	}
}

static const char *access_of(const struct ask *a)
{
	if (a->plus)
		return a->function == 0x04f2 || a->function == 0x0542 ? "write"
		       : is_read(a)				      ? "read"
								      : "session";
	if (a->rosctr == USER)
		return access_user(a);
	switch (a->func) {
	case READ:
		return "read";
	case WRITE:
		return "write";
	case DOWNLOAD:
	case DOWNLOAD + 1:
	case DOWNLOAD + 2:
		return "program";
	case UPLOAD:
	case UPLOAD + 1:
	case UPLOAD + 2:
		return "upload";
	case CONTROL: /* starts the program; what else it does concerns blocks */
		return strcmp(a->name, "P_PROGRAM") == 0 || a->name[1] == 'N' ? "control"
									      : "program";
	case STOP:
		return "control";
	default:
		return "session";
	}
}

static void tell_plus(struct conn *c, const struct ask *a, uint32_t repeats)
{
	struct rec *r = conn_rec(c, "s7comm_plus", a->ts);
	const char *name = s7_plus_function(a->function);
	char tmp[32];

	rec_u64(r, "version", a->version);
	rec_z(r, "opcode", "0x31");
	rec_z(r, "opcode_name", "Request");
	snprintf(tmp, sizeof(tmp), "0x%04x", a->function);
	rec_z(r, "function_code", tmp);
	snprintf(tmp, sizeof(tmp), "unknown 0x%04x", a->function);
	rec_z(r, "function_name", name ? name : tmp);
	rec_z(r, "access", access_of(a));
	ot_repeats(r, repeats);
	rec_end(r);
}

/* Zero class and code: no error. */
static void tell(struct conn *c, struct s7 *s, const struct ask *a, bool answered,
		 uint8_t error_class, uint8_t error_code, const char *error)
{
	static const char *const rosctr[] = {[JOB] = "Job-Request", [USER] = "User-Data"};
	uint32_t repeats = 0;
	char tmp[40];
	struct rec *r;

	if (answered && !error && is_read(a) && !ot_due(c, &s->seen, a->key, &repeats))
		return;
	if (a->plus) {
		tell_plus(c, a, repeats);
		return;
	}
	r = conn_rec(c, "s7comm", a->ts);
	rec_u64(r, "rosctr_code", a->rosctr);
	rec_z(r, "rosctr_name", rosctr[a->rosctr]);
	rec_u64(r, "pdu_reference", a->ref);
	snprintf(tmp, sizeof(tmp), "0x%02x", a->func);
	rec_z(r, "function_code", tmp);
	if (a->rosctr == USER) {
		const char *g = s7_group(a->func & 0xf);

		snprintf(tmp, sizeof(tmp), "Request: %s", g ? g : "unknown");
		rec_z(r, "function_name", tmp);
	} else {
		const char *f = s7_function(a->func);

		rec_z(r, "function_name", f ? f : "unknown");
	}
	if (a->has_sub) {
		const char *sub = s7_sub(a->func & 0xf, a->sub);

		snprintf(tmp, sizeof(tmp), "0x%02x", a->sub);
		rec_z(r, "subfunction_code", tmp);
		rec_z(r, "subfunction_name", sub ? sub : "unknown");
	} else if (a->func == CONTROL && a->name[0]) {
		const char *sub = s7_service(str_of(a->name));

		rec_z(r, "subfunction_code", a->name);
		rec_z(r, "subfunction_name", sub ? sub : "unknown");
	} else if (a->name[0]) {
		rec_z(r, "filename", a->name);
	}
	rec_z(r, "access", access_of(a));
	if (a->nitems) {
		rec_list(r, "items");
		for (unsigned i = 0; i < a->nitems; i++)
			rec_z(r, NULL, a->item[i]);
		rec_list_end(r);
	}
	if (error) {
		rec_z(r, "error_class", error);
		snprintf(tmp, sizeof(tmp), "0x%02x%02x", error_class, error_code);
		rec_z(r, "error_code", tmp);
	}
	if (!answered)
		rec_bool(r, "answered", false);
	ot_repeats(r, repeats);
	rec_end(r);
}

static void forget(struct s7 *s, unsigned i)
{
	memmove(&s->wait[i], &s->wait[i + 1], (s->n - i - 1) * sizeof(s->wait[0]));
	s->n--;
}

static void unanswered(struct conn *c, struct s7 *s, int64_t before)
{
	while (s->n && s->wait[0].ts <= before) {
		tell(c, s, &s->wait[0], false, 0, 0, NULL);
		forget(s, 0);
	}
}

static void wait_for(struct conn *c, struct s7 *s, const struct ask *a)
{
	unanswered(c, s, c->known - WAIT_NS);
	if (s->n == WAIT_MAX)
		unanswered(c, s, s->wait[0].ts);
	s->wait[s->n++] = *a;
}

/* A text of a system status list: blanks and zeros behind it are not part. */
static struct str szl_text(const uint8_t *p, size_t n)
{
	struct str s = str_n((const char *)p, n);
	const char *nul = memchr(s.p, 0, n);

	if (nul)
		s.len = (size_t)(nul - s.p);
	return str_trim(s);
}

/* Order number and firmware (list 0x11), names and serial number (list 0x1c). */
static void identity(struct conn *c, enum dir who, const uint8_t *d, size_t n)
{
	struct ot_asset a = {.protocol = "s7comm", .who = who};
	char version[24];
	size_t len, count;

	if (n < 12 || d[0] != 0xff)
		return;
	len = be16(d + 8);
	count = be16(d + 10);
	if (d[5] != SZL_MODULE && d[5] != SZL_COMPONENT)
		return;
	for (size_t i = 0, at = 12; i < count && len >= 28 && len <= n - at; i++, at += len) {
		unsigned index = be16(d + at);

		if (d[5] == SZL_MODULE && (index == 1 || (index == 7 && !a.firmware.len))) {
			if (index == 1) {
				a.vendor = STR("Siemens");
				a.product = szl_text(d + at + 2, 20);
			}
			if (d[at + 24] == 'V') {
				snprintf(version, sizeof(version), "V%u.%u.%u", d[at + 25],
					 d[at + 26], d[at + 27]);
				a.firmware = str_of(version);
			}
		} else if (d[5] == SZL_COMPONENT) {
			struct str t = szl_text(d + at + 2, MIN(len - 2, (size_t)32));

			a.name = index == 1 ? t : a.name;
			a.serial = index == 5 ? t : a.serial;
			a.type = index == 7 ? t : a.type;
		}
	}
	ot_asset(c, &a);
}

static void reply(struct conn *c, struct s7 *s, uint16_t ref, uint8_t class, uint8_t code,
		  const char *error)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct ask a = s->wait[i];

		if (a.plus || a.ref != ref)
			continue;
		forget(s, i);
		tell(c, s, &a, true, class, code, error);
		return;
	}
}

/* An answer to a job: the header's error, or that of the first item that failed. */
static void job_reply(struct conn *c, struct s7 *s, const uint8_t *p, size_t nparam,
		      const uint8_t *d, size_t ndata, uint8_t class, uint8_t code)
{
	uint8_t func = nparam ? d[-(ptrdiff_t)nparam] : 0;
	const char *error = NULL;

	if (class || code) {
		error = s7_error(class);
		error = error ? error : "Unknown error class";
	} else if ((func == READ || func == WRITE) && ndata && d[0] != 0xff) {
		error = s7_return(d[0]);
		code = error ? d[0] : 0;
	}
	reply(c, s, be16(p + 4), class, code, error);
}

/* User data: 00 01 12, length, method, type and group, number, sequence. */
static void user(struct conn *c, struct s7 *s, enum dir dir, const uint8_t *p, size_t nparam,
		 const uint8_t *d, size_t ndata)
{
	const uint8_t *q = d - nparam;
	struct ask a = {.ts = c->ts, .ref = be16(p + 4), .rosctr = USER, .has_sub = true};
	uint8_t type;

	if (nparam < 8)
		return;
	type = q[5] >> 4;
	a.func = q[5];
	a.sub = q[6];
	if (type == 8) {
		unsigned error = nparam >= 12 ? be16(q + 10) : 0;

		if ((q[5] & 15) == 4 && q[6] == 1)
			identity(c, dir, d, ndata);
		reply(c, s, a.ref, (uint8_t)(error >> 8), (uint8_t)error,
		      error ? "Parameter Error" : NULL);
		return;
	}
	if (type != 4)
		return; /* what a controller sends by itself */
	a.key = hash_bytes(d, MIN(ndata, (size_t)64), hash_bytes(q + 5, 2, USER));
	wait_for(c, s, &a);
}

static bool classic(struct conn *c, struct s7 *s, enum dir dir, const uint8_t *p, size_t n)
{
	size_t head = n > 1 && (p[1] == ACK || p[1] == ACK_DATA) ? HEAD + 2 : HEAD;
	size_t nparam, ndata;
	const uint8_t *d;

	if (n < head || p[1] < JOB || p[1] > USER)
		return false;
	nparam = be16(p + 6);
	ndata = be16(p + 8);
	if (nparam > n - head)
		return false;
	d = p + head + nparam;
	ndata = MIN(ndata, n - head - nparam);
	if (p[1] == JOB) {
		struct ask a = {.ts = c->ts, .ref = be16(p + 4), .rosctr = JOB};

		job(&a, p + head, nparam);
		a.key = hash_bytes(p + head, nparam, JOB);
		wait_for(c, s, &a);
	} else if (p[1] == USER) {
		user(c, s, dir, p, nparam, d, ndata);
	} else if (p[1] == ACK || p[1] == ACK_DATA) {
		job_reply(c, s, p, nparam, d, ndata, p[10], p[11]);
	}
	return true;
}

/* Version, length, in version 3 a digest, then opcode and function. */
static bool plus(struct conn *c, struct s7 *s, const uint8_t *p, size_t n)
{
	struct ask a = {.ts = c->ts, .plus = true, .version = p[1]};
	size_t at = 4;
	uint32_t repeats;

	if (n < 4 || p[1] >= 0xfe) /* keep-alives */
		return true;
	if (p[1] == 3 && n > at && p[at] == 32)
		at += 33;
	if (at + 5 > n || p[at] != 0x31)
		return true; /* answers and notifications repeat the request's function */
	a.function = be16(p + at + 3);
	a.key = hash_2(a.function, p[1]);
	if (is_read(&a) && !ot_due(c, &s->seen, a.key, &repeats))
		return true;
	tell_plus(c, &a, 0);
	return true;
}

static int64_t s7_stream(struct conn *c, enum dir d, struct str data)
{
	struct s7 *s = c->state;
	struct str m;
	int64_t n = tpkt_next(c, &s->way[d], data, &m);
	const uint8_t *p = (const uint8_t *)m.p;

	if (n <= 0 || m.len < 4)
		return n;
	if (p[0] == 0x32)
		return classic(c, s, d, p, m.len) ? n : STREAM_FAIL;
	if (p[0] == 0x72)
		return plus(c, s, p, m.len) ? n : STREAM_FAIL;
	return STREAM_FAIL;
}

static bool s7_gap(struct conn *c, enum dir d, uint64_t n)
{
	struct s7 *s = c->state;

	(void)n;
	tpkt_gap(&s->way[d]);
	return true;
}

static void s7_close(struct conn *c)
{
	struct s7 *s = c->state;

	unanswered(c, s, INT64_MAX);
	ot_close(c, &s->seen, "s7comm");
	for (unsigned d = 0; d < 2; d++)
		tpkt_free(c, &s->way[d]);
}

const struct proto_ops proto_s7comm = {
	.name = "s7comm",
	.transports = PROTO_TCP,
	.ports = {102},
	.state_size = sizeof(struct s7),
	.buffer_max = TPKT_BUFFER,
	.sniff = s7_sniff,
	.stream = s7_stream,
	.gap = s7_gap,
	.close = s7_close,
};
