/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS over UDP and TCP, and what speaks its format: mDNS, LLMNR, NetBIOS names. A query and its
 * answer are one record, written when the answer comes; what is not answered is written when
 * the connection ends or other queries need the room.
 */
#include "packet/proto.h"
#include <stdio.h>

#define HEAD	  12
#define NAME_MAX_ 255
#define WAIT_MAX  8
#define POOL	  640 /* text of names that wait */
#define ASKED_MAX 32  /* questions of a message that are told of */
#define RR_MAX	  64
#define PORT_MDNS 5353
#define PORT_NBNS 137

enum { QR = 0x8000, AA = 0x0400, TC = 0x0200, RD = 0x0100, RA = 0x0080 };

struct question {
	uint16_t type, class;
	struct str name;
};

struct waiting {
	int64_t ts;
	uint16_t id, type, class, flags;
	uint16_t name, len; /* in the pool */
};

struct dns {
	struct waiting q[WAIT_MAX];
	unsigned n, pool_len;
	char pool[POOL];
};

struct msg {
	const uint8_t *p;
	size_t len, at;
	uint16_t id, flags, count[4]; /* questions, answers, authorities, others */
};

struct name {
	char text[NAME_MAX_ + 1];
	size_t len;
};

/* Skips or reads a name; out may be NULL. false: broken. */
static bool name_read(struct msg *m, struct name *out)
{
	size_t at = m->at, n = 0;
	unsigned jumps = 0;
	bool jumped = false;

	for (;;) {
		uint8_t l;

		if (at >= m->len)
			return false;
		l = m->p[at];
		if (l >> 6 == 3) {
			size_t to;

			if (at + 2 > m->len || ++jumps > 16)
				return false;
			to = (size_t)(l & 0x3f) << 8 | m->p[at + 1];
			if (!jumped)
				m->at = at + 2;
			jumped = true;
			if (to >= at)
				return false;
			at = to;
			continue;
		}
		if (l >> 6 || at + 1 + l > m->len)
			return false;
		at++;
		if (!l)
			break;
		if (n + l + 1 > NAME_MAX_)
			return false;
		if (out) {
			if (n)
				out->text[n++] = '.';
			for (unsigned i = 0; i < l; i++)
				out->text[n++] = lower_c((char)m->p[at + i]);
		} else {
			n += l + 1U;
		}
		at += l;
	}
	if (!jumped)
		m->at = at;
	if (out)
		out->len = n;
	return true;
}

static bool head_read(struct msg *m, struct str s)
{
	*m = (struct msg){.p = (const uint8_t *)s.p, .len = s.len, .at = HEAD};
	if (s.len < HEAD)
		return false;
	m->id = be16(m->p);
	m->flags = be16(m->p + 2);
	for (unsigned i = 0; i < 4; i++)
		m->count[i] = be16(m->p + 4 + 2 * i);
	return true;
}

static bool class_ok(uint16_t c)
{
	c &= 0x7fff; /* mDNS uses the upper bit */
	return c == 1 || c == 3 || c == 4 || c == 254 || c == 255;
}

/* Whether these bytes are a message; strict on ports that say nothing. */
static bool is_message(struct str s, bool hinted)
{
	struct msg m;
	struct name name;
	uint16_t type, op;

	if (!head_read(&m, s))
		return false;
	op = m.flags >> 11 & 15;
	if (op > 8 || m.count[0] > 64 || !(m.count[0] + m.count[1] + m.count[2]))
		return false;
	if (!name_read(&m, &name) || m.at + 4 > m.len || !class_ok(be16(m.p + m.at + 2)))
		return false;
	type = be16(m.p + m.at);
	if (!type)
		return false;
	if (hinted)
		return true;
	if (op > 5 || m.count[0] != 1 || m.count[1] > 64 || m.count[2] > 32 ||
	    m.count[3] > 32 || (m.flags & 0x40) || (!(m.flags & QR) && (m.flags & 0xf)))
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.text[i] < 0x21 || name.text[i] > 0x7e)
			return false;
	return name.len > 0 && type < 512 && (m.flags & QR || m.count[1] == 0);
}

static enum sniff_result dns_sniff(const struct sniff *s)
{
	struct str d = s->data;

	if (s->transport == PROTO_UDP)
		return is_message(d, s->hinted) ? SNIFF_YES : SNIFF_NO;
	if (d.len < 2)
		return SNIFF_MORE;
	if (be16((const uint8_t *)d.p) < HEAD + 5)
		return SNIFF_NO;
	d = str_sub(d, 2, 2 + (size_t)be16((const uint8_t *)d.p));
	if (is_message(d, s->hinted))
		return SNIFF_YES;
	return d.len < HEAD ? SNIFF_MORE : SNIFF_NO;
}

static const char *type_text(uint16_t t, bool netbios, char tmp[24])
{
	static const struct {
		uint16_t t;
		const char *text;
	} types[] = {{1, "A"},	    {2, "NS"},	   {5, "CNAME"},  {6, "SOA"},	 {10, "NULL"},
		     {12, "PTR"},   {13, "HINFO"}, {15, "MX"},	  {16, "TXT"},	 {17, "RP"},
		     {18, "AFSDB"}, {24, "SIG"},   {25, "KEY"},	  {28, "AAAA"},	 {29, "LOC"},
		     {33, "SRV"},   {35, "NAPTR"}, {37, "CERT"},  {39, "DNAME"}, {41, "EDNS"},
		     {43, "DS"},    {44, "SSHFP"}, {46, "RRSIG"}, {47, "NSEC"},	 {48, "DNSKEY"},
		     {50, "NSEC3"}, {52, "TLSA"},  {64, "SVCB"},  {65, "HTTPS"}, {99, "SPF"},
		     {249, "TKEY"}, {250, "TSIG"}, {251, "IXFR"}, {252, "AXFR"}, {255, "*"},
		     {256, "URI"},  {257, "CAA"}};

	if (netbios && (t == 32 || t == 33))
		return t == 32 ? "NB" : "NBSTAT";
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].t == t)
			return types[i].text;
	snprintf(tmp, 24, "query-%u", t);
	return tmp;
}

static const char *rcode_text(unsigned r, char tmp[24])
{
	static const char *const text[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
					   "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
					   "NXRRSET", "NOTAUTH", "NOTZONE"};

	if (r < ARRAY_LEN(text))
		return text[r];
	snprintf(tmp, 24, "rcode-%u", r);
	return tmp;
}

static const char *class_text(uint16_t c, char tmp[24])
{
	switch (c) {
	case 1:
		return "C_INTERNET";
	case 3:
		return "C_CHAOS";
	case 4:
		return "C_HESOD";
	case 254:
		return "C_NONE";
	case 255:
		return "C_ANY";
	default:
		snprintf(tmp, 24, "qclass-%u", c);
		return tmp;
	}
}

/* A NetBIOS name in its encoding of 32 letters, as people write it. */
static void netbios_name(struct name *n)
{
	char out[16];

	if (n->len < 32)
		return;
	for (size_t i = 0; i < 16; i++) {
		char a = n->text[2 * i], b = n->text[2 * i + 1];

		if (a < 'a' || a > 'p' || b < 'a' || b > 'p')
			return;
		out[i] = (char)((a - 'a') << 4 | (b - 'a'));
	}
	n->len = 15; /* the last byte is the kind of name */
	while (n->len && (out[n->len - 1] == ' ' || out[n->len - 1] == 0))
		n->len--;
	memcpy(n->text, out, n->len);
}

static bool netbios(const struct conn *c)
{
	return conn_port(c, DIR_RESP) == PORT_NBNS;
}

static struct rec *begin(struct conn *c, int64_t ts, uint16_t id)
{
	struct rec *r = conn_rec(c, "dns", ts);

	rec_z(r, "proto", conn_proto(c) == IPPROTO_N_TCP ? "tcp" : "udp");
	rec_u64(r, "trans_id", id);
	return r;
}

static void put_question(struct conn *c, struct rec *r, const struct question *q)
{
	char tmp[24];

	rec_str(r, "query", q->name);
	rec_u64(r, "qclass", q->class);
	rec_z(r, "qclass_name", class_text(q->class, tmp));
	rec_u64(r, "qtype", q->type);
	rec_z(r, "qtype_name", type_text(q->type, netbios(c), tmp));
}

static void put_flags(struct rec *r, uint16_t query, uint16_t reply)
{
	rec_bool(r, "AA", reply & AA);
	rec_bool(r, "TC", (query | reply) & TC);
	rec_bool(r, "RD", (query | reply) & RD);
	rec_bool(r, "RA", reply & RA);
	rec_u64(r, "Z", (query | reply) >> 4 & 7);
}

static void unanswered(struct conn *c, struct dns *s, unsigned i)
{
	struct waiting *w = &s->q[i];
	struct question q = {w->type, w->class, str_n(s->pool + w->name, w->len)};
	struct rec *r = begin(c, w->ts, w->id);

	put_question(c, r, &q);
	put_flags(r, w->flags, 0);
	rec_bool(r, "rejected", false);
	rec_end(r);
}

static void forget(struct dns *s, unsigned i)
{
	unsigned from = s->q[i].name, len = s->q[i].len;

	memmove(s->pool + from, s->pool + from + len, s->pool_len - from - len);
	s->pool_len -= len;
	memmove(&s->q[i], &s->q[i + 1], (s->n - i - 1) * sizeof(s->q[0]));
	s->n--;
	for (unsigned k = 0; k < s->n; k++)
		if (s->q[k].name > from)
			s->q[k].name = (uint16_t)(s->q[k].name - len);
}

static void wait_for(struct conn *c, struct dns *s, const struct msg *m,
		     const struct question *q)
{
	for (unsigned i = 0; i < s->n; i++) /* asked again */
		if (s->q[i].id == m->id && s->q[i].type == q->type)
			return;
	while (s->n == WAIT_MAX || s->pool_len + q->name.len > POOL) {
		unanswered(c, s, 0);
		forget(s, 0);
	}
	s->q[s->n++] = (struct waiting){.ts = c->ts,
					.id = m->id,
					.type = q->type,
					.class = q->class,
					.flags = m->flags,
					.name = (uint16_t)s->pool_len,
					.len = (uint16_t)q->name.len};
	if (q->name.len)
		memcpy(s->pool + s->pool_len, q->name.p, q->name.len);
	s->pool_len += (unsigned)q->name.len;
}

static bool question_read(struct conn *c, struct msg *m, struct name *n, struct question *q)
{
	if (!name_read(m, n) || m->at + 4 > m->len)
		return false;
	if (netbios(c))
		netbios_name(n);
	q->name = str_n(n->text, n->len);
	q->type = be16(m->p + m->at);
	q->class = be16(m->p + m->at + 2);
	m->at += 4;
	return true;
}

static int query(struct conn *c, struct dns *s, struct msg *m)
{
	bool wait = conn_port(c, DIR_RESP) != PORT_MDNS;

	for (unsigned i = 0; i < MIN(m->count[0], ASKED_MAX); i++) {
		struct name n;
		struct question q;
		struct rec *r;

		if (!question_read(c, m, &n, &q))
			return i ? 0 : STREAM_FAIL;
		if (wait) {
			wait_for(c, s, m, &q);
			continue;
		}
		r = begin(c, c->ts, m->id);
		put_question(c, r, &q);
		put_flags(r, m->flags, 0);
		rec_bool(r, "rejected", false);
		rec_end(r);
	}
	return 0;
}

struct rr {
	uint16_t type, class;
	uint32_t ttl;
	size_t data, len;
	struct name owner;
};

static bool rr_read(struct msg *m, struct rr *r, bool owner)
{
	if (!name_read(m, owner ? &r->owner : NULL) || m->at + 10 > m->len)
		return false;
	r->type = be16(m->p + m->at);
	r->class = be16(m->p + m->at + 2);
	r->ttl = be32(m->p + m->at + 4);
	r->len = be16(m->p + m->at + 8);
	r->data = m->at + 10;
	if (r->len > m->len - r->data)
		return false;
	m->at = r->data + r->len;
	return true;
}

static void put_name_at(struct rec *rec, const struct msg *m, size_t at)
{
	struct msg sub = *m;
	struct name n;

	sub.at = at;
	if (at < m->len && name_read(&sub, &n))
		rec_str(rec, NULL, str_n(n.text, n.len));
	else
		rec_z(rec, NULL, "<broken>");
}

static void put_txt(struct rec *rec, const struct msg *m, const struct rr *r)
{
	char text[512];
	size_t n = 0;

	for (size_t i = 0; i < r->len;) {
		size_t l = MIN((size_t)m->p[r->data + i], r->len - i - 1);
		int k = snprintf(text + n, sizeof(text) - n, "%sTXT %zu ", n ? " " : "", l);

		if (k < 0 || n + (size_t)k >= sizeof(text))
			break;
		n += (size_t)k;
		k = (int)MIN(l, sizeof(text) - n - 1);
		memcpy(text + n, m->p + r->data + i + 1, (size_t)k);
		n += (size_t)k;
		i += l + 1;
	}
	rec_str(rec, NULL, str_n(text, n));
}

/* A resource record as one text, the way Zeek writes it. */
static void put_rr(struct rec *rec, const struct msg *m, const struct rr *r, bool nb)
{
	const uint8_t *p = m->p + r->data;
	struct ip ip = {{[10] = 0xff, [11] = 0xff}};
	char tmp[24], text[48];

	if (nb && r->type == 32 && r->len >= 6) { /* flags, then the address */
		memcpy(ip.b + 12, p + 2, 4);
		rec_ip(rec, NULL, &ip);
		return;
	}
	switch (r->type) {
	case 1:
		if (r->len != 4)
			break;
		memcpy(ip.b + 12, p, 4);
		rec_ip(rec, NULL, &ip);
		return;
	case 28:
		if (r->len != 16)
			break;
		memcpy(ip.b, p, 16);
		rec_ip(rec, NULL, &ip);
		return;
	case 2:
	case 5:
	case 6:
	case 12:
	case 39:
		put_name_at(rec, m, r->data);
		return;
	case 15:
		put_name_at(rec, m, r->data + 2);
		return;
	case 33:
		put_name_at(rec, m, r->data + 6);
		return;
	case 16:
	case 99:
		put_txt(rec, m, r);
		return;
	default:
		break;
	}
	snprintf(text, sizeof(text), "<%s %zu bytes>", type_text(r->type, nb, tmp), r->len);
	rec_z(rec, NULL, text);
}

/*
 * The answers from m->at on. same: only those that belong to the first one's name; the number
 * that were read comes back.
 */
static unsigned put_answers(struct rec *rec, struct msg *m, unsigned n, bool same, bool nb)
{
	uint32_t ttl[RR_MAX];
	struct rr r, first;
	unsigned i = 0, got = 0;

	rec_list(rec, "answers");
	for (; i < MIN(n, RR_MAX); i++) {
		size_t before = m->at;

		if (!rr_read(m, &r, same))
			break;
		if (same && i == 0)
			first = r;
		if (same && (r.type != first.type || r.owner.len != first.owner.len ||
			     memcmp(r.owner.text, first.owner.text, r.owner.len) != 0)) {
			m->at = before;
			break;
		}
		put_rr(rec, m, &r, nb);
		ttl[got++] = r.ttl;
	}
	rec_list_end(rec);
	rec_list(rec, "TTLs");
	for (unsigned k = 0; k < got; k++)
		rec_u64(rec, NULL, ttl[k]);
	rec_list_end(rec);
	return i;
}

/* An announcement: answers nobody of this connection has asked for, by name and type. */
static int announcement(struct conn *c, struct msg *m)
{
	unsigned left = MIN(m->count[1], RR_MAX);

	while (left) {
		struct msg look = *m;
		struct rr rr;
		struct question q;
		struct rec *r;
		unsigned n;

		if (!rr_read(&look, &rr, true))
			break;
		if (netbios(c))
			netbios_name(&rr.owner);
		q = (struct question){rr.type, rr.class & 0x7fff,
				      str_n(rr.owner.text, rr.owner.len)};
		r = begin(c, c->ts, m->id);
		put_question(c, r, &q);
		rec_u64(r, "rcode", m->flags & 15);
		rec_z(r, "rcode_name", "NOERROR");
		put_flags(r, 0, m->flags);
		n = put_answers(r, m, left, true, netbios(c));
		rec_bool(r, "rejected", false);
		rec_end(r);
		if (!n)
			break;
		left -= n;
	}
	return 0;
}

static int reply(struct conn *c, struct dns *s, struct msg *m)
{
	struct name n;
	struct question q;
	struct waiting w = {.ts = c->ts};
	char tmp[24];
	struct rec *r;
	unsigned i = 0;

	if (!m->count[0])
		return announcement(c, m);
	if (!question_read(c, m, &n, &q))
		return STREAM_FAIL;
	for (unsigned k = 1; k < m->count[0]; k++) {
		struct name more;
		struct question rest;

		if (!question_read(c, m, &more, &rest))
			return STREAM_FAIL;
	}
	while (i < s->n && (s->q[i].id != m->id || s->q[i].type != q.type))
		i++;
	if (i < s->n) {
		w = s->q[i];
		forget(s, i);
	} else {
		i = UINT32_MAX;
	}
	r = begin(c, w.ts, m->id);
	if (i != UINT32_MAX)
		rec_secs(r, "rtt", c->ts - w.ts);
	put_question(c, r, &q);
	rec_u64(r, "rcode", m->flags & 15);
	rec_z(r, "rcode_name", rcode_text(m->flags & 15, tmp));
	put_flags(r, w.flags, m->flags);
	if (m->count[1])
		put_answers(r, m, m->count[1], false, netbios(c));
	rec_bool(r, "rejected", !m->count[1] && !m->count[2] && !m->count[3]);
	rec_end(r);
	return 0;
}

static int dns_datagram(struct conn *c, enum dir d, struct str data)
{
	struct msg m;

	(void)d;
	if (!head_read(&m, data))
		return 0;
	return m.flags & QR ? reply(c, c->state, &m) : query(c, c->state, &m);
}

static int64_t dns_stream(struct conn *c, enum dir d, struct str data)
{
	size_t used = 0;

	while (data.len - used >= 2) {
		size_t len = be16((const uint8_t *)data.p + used);

		if (len < HEAD)
			return STREAM_FAIL;
		if (data.len - used - 2 < len)
			break;
		if (dns_datagram(c, d, str_n(data.p + used + 2, len)) < 0)
			return STREAM_FAIL;
		used += 2 + len;
	}
	return (int64_t)used;
}

static void dns_close(struct conn *c)
{
	struct dns *s = c->state;

	for (unsigned i = 0; i < s->n; i++)
		unanswered(c, s, i);
	s->n = 0;
}

const struct proto_ops proto_dns = {
	.name = "dns",
	.transports = PROTO_UDP | PROTO_TCP,
	.ports = {53, PORT_MDNS, 5355, PORT_NBNS},
	.state_size = sizeof(struct dns),
	.buffer_max = 65537,
	.sniff = dns_sniff,
	.stream = dns_stream,
	.datagram = dns_datagram,
	.close = dns_close,
};
