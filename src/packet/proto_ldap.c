/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LDAP 3 (RFC 4511), on TCP and, for the ping of domain controllers, UDP: what was asked and
 * what came of it. Behind a SASL log-in messages may be signed, and are then still read, or
 * sealed. Passwords are never written.
 */
#include "packet/ber.h"
#include "packet/ntlm.h"
#include <stdio.h>

#define MESSAGE_MAX (48 * KIB)
#define TEXT	    256
#define FILTER	    1024
#define DEPTH	    16 /* of filters in filters */
#define ASKS	    16
#define ATTRS	    16

enum op {
	BIND = 0x60,
	BIND_DONE = 0x61,
	UNBIND = 0x42,
	SEARCH = 0x63,
	ENTRY = 0x64,
	SEARCH_DONE = 0x65,
	MODIFY = 0x66,
	MODIFY_DONE = 0x67,
	ADD = 0x68,
	ADD_DONE = 0x69,
	DELETE = 0x4a,
	DELETE_DONE = 0x6b,
	RENAME = 0x6c,
	RENAME_DONE = 0x6d,
	COMPARE = 0x6e,
	COMPARE_DONE = 0x6f,
	ABANDON = 0x50,
	REFERENCE = 0x73,
	EXTENDED = 0x77,
	EXTENDED_DONE = 0x78,
	INTERMEDIATE = 0x79,
};

struct ask {
	bool used;
	uint8_t op;
	uint32_t id, entries;
	int64_t ts;
	uint32_t version;
	const char *opcode;
	const char *scope, *deref;
	uint16_t nobject, nargument, nfilter, nattrs;
	char object[TEXT], argument[TEXT], attrs[TEXT];
	char *filter; /* owns; nfilter bytes */
};

struct ldap {
	struct ask ask[ASKS];
	unsigned next;
	struct ntlm ntlm;
	bool starts_tls;
};

/* ---- recognition ---- */

static bool is_op(uint8_t tag)
{
	return (tag >= BIND && tag <= COMPARE_DONE) || tag == UNBIND || tag == DELETE ||
	       tag == ABANDON || tag == REFERENCE || (tag >= EXTENDED && tag <= INTERMEDIATE);
}

static enum sniff_result ldap_sniff(const struct sniff *s)
{
	struct str m = s->data;
	size_t len, id;
	int head = ber_head(m, &len), inner;

	if ((uint8_t)m.p[0] != BER_SEQ || head < 0)
		return SNIFF_NO;
	if (!head)
		return SNIFF_MORE;
	if (len < 5 || len > MESSAGE_MAX)
		return SNIFF_NO;
	m = str_sub(m, (size_t)head, m.len);
	inner = ber_head(m, &id);
	if (m.len && ((uint8_t)m.p[0] != BER_INT || inner < 0))
		return SNIFF_NO;
	if (inner <= 0 || m.len < (size_t)inner + 5)
		return inner > 0 && id > 4 ? SNIFF_NO : SNIFF_MORE;
	if (id < 1 || id > 4)
		return SNIFF_NO;
	m = str_sub(m, (size_t)inner + id, m.len);
	if (!m.len || !is_op((uint8_t)m.p[0]) || ber_head(m, &id) < 0 || id > len)
		return SNIFF_NO;
	/* Elsewhere only what opens a session; SNMP looks alike up to here. */
	return s->hinted || (uint8_t)m.p[0] == BIND || (uint8_t)m.p[0] == SEARCH ? SNIFF_YES
										 : SNIFF_NO;
}

/* ---- texts ---- */

static void keep(char out[TEXT], uint16_t *n, struct str s)
{
	*n = (uint16_t)MIN(s.len, (size_t)TEXT);
	if (*n)
		memcpy(out, s.p, *n);
}

static void put(char *out, size_t *n, struct str s)
{
	s.len = MIN(s.len, FILTER - *n);
	if (s.len)
		memcpy(out + *n, s.p, s.len);
	*n += s.len;
}

/* A value of a filter; bytes that are no text as RFC 4515 escapes them. */
static void put_value(char *out, size_t *n, struct str s)
{
	char esc[4];

	for (size_t i = 0; i < s.len && *n < FILTER; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x20 && c != 0x7f && c != '(' && c != ')' && c != '*' && c != '\\') {
			out[(*n)++] = (char)c;
			continue;
		}
		snprintf(esc, sizeof(esc), "\\%02x", c);
		put(out, n, str_n(esc, 3));
	}
}

/* "attribute=value" with the operator of a kind of filter. */
static void put_pair(char *out, size_t *n, struct str body, const char *op)
{
	struct str attr, value;
	unsigned tag;

	if (!ber_next(&body, &tag, &attr) || !ber_next(&body, &tag, &value))
		return;
	put(out, n, attr);
	put(out, n, str_of(op));
	put_value(out, n, value);
}

static void put_substrings(char *out, size_t *n, struct str body)
{
	struct str attr, list, part;
	unsigned tag, last = 0;

	if (!ber_next(&body, &tag, &attr) || !ber_next(&body, &tag, &list))
		return;
	put(out, n, attr);
	put(out, n, STR("="));
	while (ber_next(&list, &tag, &part)) {
		if (tag != 0x80)
			put(out, n, STR("*"));
		put_value(out, n, part);
		last = tag;
	}
	if (last != 0x82)
		put(out, n, STR("*"));
}

static void put_extensible(char *out, size_t *n, struct str body)
{
	struct str v, rule = {0}, attr = {0}, value = {0};
	unsigned tag;

	while (ber_next(&body, &tag, &v)) {
		if (tag == 0x81)
			rule = v;
		else if (tag == 0x82)
			attr = v;
		else if (tag == 0x83)
			value = v;
	}
	put(out, n, attr);
	if (rule.len) {
		put(out, n, STR(":"));
		put(out, n, rule);
	}
	put(out, n, STR(":="));
	put_value(out, n, value);
}

/* As RFC 4515 writes filters. NOLINTNEXTLINE(misc-no-recursion): DEPTH bounds it */
static void put_filter(char *out, size_t *n, unsigned tag, struct str body, unsigned depth)
{
	struct str part;
	unsigned t;

	if (depth > DEPTH || *n >= FILTER)
		return;
	put(out, n, STR("("));
	switch (tag) {
	case 0xa0:
	case 0xa1:
	case 0xa2:
		put(out, n, tag == 0xa0 ? STR("&") : tag == 0xa1 ? STR("|") : STR("!"));
		while (ber_next(&body, &t, &part) && *n < FILTER)
			put_filter(out, n, t, part, depth + 1);
		break;
	case 0xa3:
		put_pair(out, n, body, "=");
		break;
	case 0xa4:
		put_substrings(out, n, body);
		break;
	case 0xa5:
		put_pair(out, n, body, ">=");
		break;
	case 0xa6:
		put_pair(out, n, body, "<=");
		break;
	case 0x87:
		put(out, n, body);
		put(out, n, STR("=*"));
		break;
	case 0xa8:
		put_pair(out, n, body, "~=");
		break;
	case 0xa9:
		put_extensible(out, n, body);
		break;
	default:
		break;
	}
	put(out, n, STR(")"));
}

static const char *result_text(uint32_t code)
{
	static const struct {
		uint32_t code;
		const char *text;
	} known[] = {
		{0, "success"},
		{1, "operations error"},
		{2, "protocol error"},
		{3, "time limit exceeded"},
		{4, "size limit exceeded"},
		{5, "compare false"},
		{6, "compare true"},
		{7, "auth method not supported"},
		{8, "stronger auth required"},
		{9, "partial results"},
		{10, "referral"},
		{11, "admin limit exceeded"},
		{12, "unavailable critical extension"},
		{13, "confidentiality required"},
		{14, "SASL bind in progress"},
		{16, "no such attribute"},
		{17, "undefined attribute type"},
		{18, "inappropriate matching"},
		{19, "constraint violation"},
		{20, "attribute or value exists"},
		{21, "invalid attribute syntax"},
		{32, "no such object"},
		{34, "invalid DN syntax"},
		{48, "inappropriate authentication"},
		{49, "invalid credentials"},
		{50, "insufficient access rights"},
		{51, "busy"},
		{52, "unavailable"},
		{53, "unwilling to perform"},
		{64, "naming violation"},
		{65, "object class violation"},
		{66, "not allowed on non-leaf"},
		{67, "not allowed on RDN"},
		{68, "entry already exists"},
		{80, "other"},
		{85, "timeout"},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].code == code)
			return known[i].text;
	return "unknown";
}

/* ---- records ---- */

struct outcome {
	const char *result; /* NULL: not seen */
	struct str message;
};

static void put_outcome(struct rec *r, const struct outcome *o)
{
	rec_z(r, "result", o->result);
	if (o->message.len)
		rec_str(r, "diagnostic_message", o->message);
}

static void write_search(struct conn *c, const struct ask *a, const struct outcome *o)
{
	struct rec *r = conn_rec(c, "ldap_search", a->ts);
	struct str rest = str_n(a->attrs, a->nattrs), s;

	rec_u64(r, "message_id", a->id);
	rec_z(r, "scope", a->scope);
	rec_z(r, "deref_aliases", a->deref);
	rec_str(r, "base_object", str_n(a->object, a->nobject));
	rec_u64(r, "result_count", a->entries);
	put_outcome(r, o);
	if (a->filter)
		rec_str(r, "filter", str_n(a->filter, a->nfilter));
	if (a->nattrs) {
		rec_list(r, "attributes");
		while (rest.p) {
			s = str_cut(rest, ',', &rest);
			rec_str(r, NULL, s);
		}
		rec_list_end(r);
	}
	rec_end(r);
}

static void write_ask(struct conn *c, struct ask *a, const struct outcome *o)
{
	struct rec *r;

	if (a->op == SEARCH) {
		write_search(c, a, o);
	} else {
		r = conn_rec(c, "ldap", a->ts);
		rec_u64(r, "message_id", a->id);
		if (a->version)
			rec_u64(r, "version", a->version);
		rec_z(r, "opcode", a->opcode);
		put_outcome(r, o);
		if (a->nobject)
			rec_str(r, "object", str_n(a->object, a->nobject));
		if (a->nargument)
			rec_str(r, "argument", str_n(a->argument, a->nargument));
		rec_end(r);
	}
	conn_free(c, a->filter, a->nfilter);
	*a = (struct ask){0};
}

static struct ask *ask_new(struct conn *c, struct ldap *l, uint8_t op, uint32_t id,
			   const char *opcode)
{
	struct ask *a = &l->ask[l->next++ % ASKS];

	if (a->used)
		write_ask(c, a, &(struct outcome){0});
	a->used = true;
	a->op = op;
	a->id = id;
	a->ts = c->ts;
	a->opcode = opcode;
	return a;
}

static struct ask *ask_find(struct ldap *l, uint32_t id)
{
	for (unsigned i = 0; i < ASKS; i++)
		if (l->ask[i].used && l->ask[i].id == id)
			return &l->ask[i];
	return NULL;
}

/* ---- messages ---- */

static void bind(struct conn *c, struct ldap *l, uint32_t id, struct str body)
{
	struct ask *a = ask_new(c, l, BIND, id, "bind");
	struct str v, mechanism;
	unsigned tag;

	if (ber_want(&body, BER_INT, &v))
		a->version = ber_u32(v);
	if (ber_next(&body, &tag, &v))
		keep(a->object, &a->nobject, v);
	if (!ber_next(&body, &tag, &v))
		return;
	if (tag == 0x80) {
		a->opcode = "bind simple";
		if (v.len)
			keep(a->argument, &a->nargument, STR("REDACTED"));
	} else if (tag == 0xa3 && ber_next(&v, &tag, &mechanism)) {
		a->opcode = "bind SASL";
		keep(a->argument, &a->nargument, mechanism);
		ntlm_token(c, &l->ntlm, v);
	} else if (tag == 0x89 || tag == 0x8a || tag == 0x8b) { /* MS-ADTS 5.1.1.1.3 */
		a->opcode = tag == 0x8b ? "sicily_response" : "sicily_negotiate";
		ntlm_token(c, &l->ntlm, v);
	}
}

static void search(struct conn *c, struct ldap *l, uint32_t id, struct str body)
{
	static const char *const scope[] = {"base", "single", "tree"};
	static const char *const deref[] = {"never", "searching", "finding", "always"};
	struct ask *a = ask_new(c, l, SEARCH, id, "search");
	char filter[FILTER];
	struct str v, attr;
	unsigned tag;
	size_t n = 0;

	if (!ber_next(&body, &tag, &v))
		return;
	keep(a->object, &a->nobject, v);
	if (ber_next(&body, &tag, &v) && ber_u32(v) < ARRAY_LEN(scope))
		a->scope = scope[ber_u32(v)];
	if (ber_next(&body, &tag, &v) && ber_u32(v) < ARRAY_LEN(deref))
		a->deref = deref[ber_u32(v)];
	for (unsigned i = 0; i < 3; i++) /* limits of size and time; types alone */
		if (!ber_next(&body, &tag, &v))
			return;
	if (!ber_next(&body, &tag, &v))
		return;
	put_filter(filter, &n, tag, v, 0);
	a->filter = conn_alloc(c, n);
	if (a->filter) {
		memcpy(a->filter, filter, n);
		a->nfilter = (uint16_t)n;
	}
	if (!ber_want(&body, BER_SEQ, &v))
		return;
	for (unsigned i = 0; i < ATTRS && ber_next(&v, &tag, &attr); i++) {
		if (attr.len + a->nattrs + 1 > TEXT)
			break;
		if (a->nattrs)
			a->attrs[a->nattrs++] = ',';
		memcpy(a->attrs + a->nattrs, attr.p, attr.len);
		a->nattrs = (uint16_t)(a->nattrs + attr.len);
	}
}

/* Adding, changing, removing: the first thing is whom it is about. */
static void change(struct conn *c, struct ldap *l, uint8_t op, uint32_t id, struct str body)
{
	const char *opcode = op == ADD	     ? "add"
			     : op == DELETE  ? "delete"
			     : op == COMPARE ? "compare"
					     : "modify";
	struct ask *a = ask_new(c, l, op, id, opcode);
	struct str v = body, item, attr;
	unsigned tag;

	if (op != DELETE && !ber_next(&body, &tag, &v))
		return;
	keep(a->object, &a->nobject, v);
	/* Of a change the names of attributes, not their values. */
	if (op != MODIFY || !ber_want(&body, BER_SEQ, &v))
		return;
	while (ber_want(&v, BER_SEQ, &item)) {
		struct str kind, inner;

		if (!ber_want(&item, BER_ENUM, &kind) || !ber_want(&item, BER_SEQ, &inner) ||
		    !ber_next(&inner, &tag, &attr) || attr.len + a->nargument + 1 > TEXT)
			break;
		if (a->nargument)
			a->argument[a->nargument++] = ',';
		memcpy(a->argument + a->nargument, attr.p, attr.len);
		a->nargument = (uint16_t)(a->nargument + attr.len);
	}
}

static void extended(struct conn *c, struct ldap *l, uint32_t id, struct str body)
{
	struct ask *a = ask_new(c, l, EXTENDED, id, "extended");
	char text[TEXT];
	struct str oid;
	unsigned tag;
	bool tls;

	if (!ber_next(&body, &tag, &oid) || tag != 0x80)
		return;
	tls = str_eqz(oid, "1.3.6.1.4.1.1466.20037");
	l->starts_tls |= tls;
	snprintf(text, sizeof(text), "%.*s (%s)", (int)MIN(oid.len, (size_t)200), oid.p,
		 tls					   ? "StartTLS"
		 : str_eqz(oid, "1.3.6.1.4.1.4203.1.11.3") ? "whoami"
							   : "unknown");
	keep(a->object, &a->nobject, str_of(text));
}

/* The end of a request: a code, what matched, a message, and for a log-in the answer. */
static void answer(struct conn *c, struct ldap *l, uint8_t op, uint32_t id, struct str body)
{
	struct ask *a = ask_find(l, id);
	struct outcome o = {0};
	uint32_t code = UINT32_MAX;
	struct str v;
	unsigned tag;

	if (ber_next(&body, &tag, &v) && tag == BER_ENUM) {
		code = ber_u32(v);
		o.result = result_text(code);
	}
	if (ber_next(&body, &tag, &v) && ber_next(&body, &tag, &v))
		o.message = v;
	if (op == BIND_DONE) {
		if (code == 14 || (a && a->op == BIND && !code))
			ntlm_token(c, &l->ntlm, body);
		if (code != 14)
			ntlm_write(c, &l->ntlm, code ? NTLM_FAILURE : NTLM_SUCCESS);
	}
	if (a)
		write_ask(c, a, &o);
	if (op == EXTENDED_DONE && l->starts_tls) {
		l->starts_tls = false;
		if (!code)
			conn_again(c);
	}
}

static bool message(struct conn *c, struct str s)
{
	struct ldap *l = c->state;
	struct str seq, v, body;
	unsigned tag;
	struct ask *a;
	uint32_t id;

	if (!ber_want(&s, BER_SEQ, &seq) || !ber_want(&seq, BER_INT, &v) ||
	    !ber_next(&seq, &tag, &body) || !is_op((uint8_t)tag))
		return false;
	id = ber_u32(v);
	switch (tag) {
	case BIND:
		bind(c, l, id, body);
		break;
	case SEARCH:
		search(c, l, id, body);
		break;
	case ENTRY:
		a = ask_find(l, id);
		if (a)
			a->entries++;
		break;
	case MODIFY:
	case ADD:
	case DELETE:
	case RENAME:
	case COMPARE:
		change(c, l, (uint8_t)tag, id, body);
		break;
	case EXTENDED:
		extended(c, l, id, body);
		break;
	case UNBIND:
		a = ask_new(c, l, UNBIND, id, "unbind");
		write_ask(c, a, &(struct outcome){0});
		break;
	case BIND_DONE:
	case SEARCH_DONE:
	case MODIFY_DONE:
	case ADD_DONE:
	case DELETE_DONE:
	case RENAME_DONE:
	case COMPARE_DONE:
	case EXTENDED_DONE:
		answer(c, l, (uint8_t)tag, id, body);
		break;
	default:
		break;
	}
	return true;
}

/* What is in the envelope of a SASL session, if it is but signed (RFC 4121, MS-NLMP). */
static struct str unwrapped(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	if (s.len > 16 && p[0] == 5 && p[1] == 4 && !(p[2] & 2)) {
		size_t sum = be16(p + 4), turned = be16(p + 6);

		if (sum > s.len - 16)
			return str_n(NULL, 0);
		return turned ? str_sub(s, 16 + sum, s.len) : str_sub(s, 16, s.len - sum);
	}
	if (s.len > 16 && le32(p) == 1)
		return str_sub(s, 16, s.len);
	return str_n(NULL, 0);
}

static void envelope(struct conn *c, struct str s)
{
	size_t len;

	for (s = unwrapped(s); s.len && (uint8_t)s.p[0] == BER_SEQ;) {
		int head = ber_head(s, &len);

		if (head <= 0 || len > s.len - (size_t)head ||
		    !message(c, str_sub(s, 0, (size_t)head + len)))
			return;
		s = str_sub(s, (size_t)head + len, s.len);
	}
}

/* A longer message is passed over: an answer to a search, of which the count is enough. */
static int64_t pass_over(struct conn *c, enum dir d, struct str in, size_t whole)
{
	struct ldap *l = c->state;
	struct str m = str_sub(in, (size_t)ber_head(in, &(size_t){0}), in.len), v;
	struct ask *a;

	if (ber_want(&m, BER_INT, &v) && m.len && (uint8_t)m.p[0] == ENTRY) {
		a = ask_find(l, ber_u32(v));
		if (a)
			a->entries++;
	}
	conn_skip(c, d, whole - in.len);
	return (int64_t)in.len;
}

static int64_t ldap_stream(struct conn *c, enum dir d, struct str in)
{
	size_t len, whole;
	int head;

	if (in.len && (uint8_t)in.p[0] == 0) { /* an envelope */
		if (in.len < 4)
			return 0;
		whole = 4 + (size_t)be32((const uint8_t *)in.p);
		if (whole > 16 * MIB)
			return STREAM_FAIL;
		if (whole > MESSAGE_MAX) {
			conn_skip(c, d, whole - MIN(whole, in.len));
			return (int64_t)MIN(whole, in.len);
		}
		if (in.len < whole)
			return 0;
		envelope(c, str_sub(in, 4, whole));
		return (int64_t)whole;
	}
	head = ber_head(in, &len);
	if (head < 0 || (in.len && (uint8_t)in.p[0] != BER_SEQ))
		return STREAM_FAIL;
	if (!head)
		return 0;
	whole = (size_t)head + len;
	if (whole > MESSAGE_MAX)
		return in.len < 64 ? 0 : pass_over(c, d, str_sub(in, 0, whole), whole);
	if (in.len < whole)
		return 0;
	return message(c, str_sub(in, 0, whole)) ? (int64_t)whole : STREAM_FAIL;
}

static int ldap_datagram(struct conn *c, enum dir d, struct str data)
{
	(void)d;
	while (data.len) {
		size_t len;
		int head = ber_head(data, &len);

		if (head <= 0 || len > data.len - (size_t)head ||
		    !message(c, str_sub(data, 0, (size_t)head + len)))
			return STREAM_FAIL;
		data = str_sub(data, (size_t)head + len, data.len);
	}
	return 0;
}

static void ldap_close(struct conn *c)
{
	struct ldap *l = c->state;

	for (unsigned i = 0; i < ASKS; i++) {
		struct ask *a = &l->ask[(l->next + i) % ASKS];

		if (a->used)
			write_ask(c, a, &(struct outcome){0});
	}
	ntlm_write(c, &l->ntlm, NTLM_UNKNOWN);
}

const struct proto_ops proto_ldap = {
	.name = "ldap",
	.transports = PROTO_TCP | PROTO_UDP,
	.ports = {389, 3268},
	.state_size = sizeof(struct ldap),
	.buffer_max = MESSAGE_MAX,
	.sniff = ldap_sniff,
	.stream = ldap_stream,
	.datagram = ldap_datagram,
	.close = ldap_close,
};
