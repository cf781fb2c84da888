/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STUN (RFC 8489) and TURN (RFC 8656) over UDP and TCP: which address the server sees, what is
 * relayed to whom, by whose name. One record for each method of a connection and each outcome:
 * checks are repeated every few seconds. On the same ports calls of browsers (WebRTC) go on
 * with DTLS, which is read here too, and with media, which are not.
 */
#include "base/hash.h"
#include "packet/dtls.h"
#include "packet/line.h"

#define HEAD	    20
#define COOKIE	    0x2112a442U
#define WAIT_MAX    8
#define TOLD_MAX    32 /* records of a connection */
#define CHANNEL	    4 /* before what a channel carries */
#define MESSAGE_MAX 65556

enum { REQUEST, INDICATION, SUCCESS, ERROR };

enum {
	A_MAPPED = 0x0001,
	A_USER = 0x0006,
	A_ERROR = 0x0009,
	A_PEER = 0x0012,
	A_REALM = 0x0014,
	A_RELAYED = 0x0016,
	A_XOR_MAPPED = 0x0020,
	A_XOR_MAPPED_OLD = 0x8020,
	A_SOFTWARE = 0x8022,
};

struct address {
	bool set;
	uint16_t port;
	struct ip ip;
};

/* A request without its answer, and what only requests say. */
struct ask {
	bool used;
	uint8_t id[12];
	uint16_t method;
	int64_t ts;
	struct address peer;
	struct text user, realm;
};

struct stun {
	struct ask ask[WAIT_MAX];
	unsigned next;
	uint64_t told[TOLD_MAX]; /* hashes of outcomes */
	unsigned ntold;
	uint32_t answered; /* a bit for each method */
	struct text software[2];
	struct dtls *dtls; /* owns; from its first record on */
};

struct msg {
	const uint8_t *p;
	uint16_t method;
	uint8_t class;
	unsigned error;
	struct address mapped, relayed, peer;
	struct str software, user, realm;
};

static const char *method_text(uint16_t m)
{
	static const char *const names[] = {NULL,
					    "BINDING",
					    NULL,
					    "ALLOCATE",
					    "REFRESH",
					    NULL,
					    "SEND",
					    "DATA",
					    "CREATE_PERMISSION",
					    "CHANNEL_BIND",
					    "CONNECT",
					    "CONNECTION_BIND",
					    "CONNECTION_ATTEMPT"};

	return m < ARRAY_LEN(names) && names[m] ? names[m] : "unknown";
}

static bool is_message(const uint8_t *p, size_t n, bool hinted)
{
	/* Microsoft's lengths need not be of whole words; RFC 3489 has no cookie. */
	return n >= HEAD && !(p[0] & 0xc0) &&
	       (be32(p + 4) == COOKIE ||
		(hinted && !(p[3] & 3) && (be16(p) == 0x0001 || be16(p) == 0x0101)));
}

static enum sniff_result stun_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;
	size_t n = s->data.len;

	if (s->transport == PROTO_TCP && n < HEAD)
		return p[0] & 0xc0 || (n > 7 && be32(p + 4) != COOKIE) ? SNIFF_NO : SNIFF_MORE;
	if (!is_message(p, n, s->hinted && s->transport == PROTO_UDP))
		return SNIFF_NO;
	return s->transport == PROTO_TCP || (size_t)be16(p + 2) + HEAD == n ? SNIFF_YES
									    : SNIFF_NO;
}

/* An address, as it is or xor'ed with cookie and id. */
static void address(struct address *a, const uint8_t *p, struct str v, bool is_xor)
{
	const uint8_t *b = (const uint8_t *)v.p;
	bool four = v.len >= 8 && b[1] == 1;

	if ((!four && (v.len < 20 || b[1] != 2)) || a->set)
		return;
	a->set = true;
	a->port = (uint16_t)(be16(b + 2) ^ (is_xor ? COOKIE >> 16 : 0));
	a->ip = (struct ip){{[10] = 0xff, [11] = 0xff}};
	for (size_t i = four ? 12 : 0, k = 4; i < sizeof(a->ip.b); i++, k++)
		a->ip.b[i] = b[k] ^ (is_xor ? p[k] : 0);
}

static void attribute(struct msg *m, unsigned type, struct str v)
{
	const uint8_t *b = (const uint8_t *)v.p;

	switch (type) {
	case A_MAPPED:
		address(&m->mapped, m->p, v, false);
		break;
	case A_XOR_MAPPED:
	case A_XOR_MAPPED_OLD:
		m->mapped.set = false; /* the plain one may have been meddled with */
		address(&m->mapped, m->p, v, true);
		break;
	case A_PEER:
		address(&m->peer, m->p, v, true);
		break;
	case A_RELAYED:
		address(&m->relayed, m->p, v, true);
		break;
	case A_USER:
		m->user = v;
		break;
	case A_REALM: /* a number used once, to Microsoft's servers */
		if (line_text(v))
			m->realm = v;
		break;
	case A_SOFTWARE:
		m->software = v;
		break;
	case A_ERROR:
		m->error = v.len >= 4 ? (b[2] & 7U) * 100 + b[3] : 0;
		break;
	default:
		break;
	}
}

/* p: of a message whose head was looked at, n bytes and no more. */
static void msg_read(struct msg *m, const uint8_t *p, size_t n)
{
	unsigned t = be16(p);
	size_t at = HEAD;

	*m = (struct msg){.p = p,
			  .class = (uint8_t)((t >> 7 & 2) | (t >> 4 & 1)),
			  .method = (uint16_t)((t & 15) | (t >> 1 & 0x70) | (t >> 2 & 0xf80))};
	while (at + 4 <= n) {
		size_t len = be16(p + at + 2);

		if (len > n - at - 4)
			break;
		attribute(m, be16(p + at), str_n((const char *)p + at + 4, len));
		at += 4 + ((len + 3) & ~(size_t)3);
	}
}

static void put_address(struct rec *r, const char *host, const char *port,
			const struct address *a)
{
	if (!a->set)
		return;
	rec_ip(r, host, &a->ip);
	rec_u64(r, port, a->port);
}

static void put_software(struct rec *r, const char *key, const struct text *t)
{
	if (t->n) /* some end it with a NUL */
		rec_str(r, key, str_sub(text_str(t), 0, str_chr(text_str(t), 0, 0)));
}

/* An outcome that was not told of yet. m: the answer or indication, or NULL. */
static void tell(struct conn *c, struct stun *s, const struct ask *q, const struct msg *m)
{
	static const char *const classes[] = {"REQUEST", "INDICATION", "SUCCESS", "ERROR"};
	uint16_t method = q ? q->method : m->method;
	uint8_t class = m ? m->class : REQUEST;
	const struct address *peer = q ? &q->peer : &m->peer;
	uint64_t h = hash_2(hash_2((uint64_t)method << 32 | class, m ? m->error : 0),
			    hash_bytes(&peer->ip, sizeof(peer->ip), peer->port));
	uint32_t bit = UINT32_C(1) << (method & 31);
	struct rec *r;

	if (class == REQUEST && s->answered & bit) /* the last check, as a rule */
		return;
	s->answered |= class > INDICATION ? bit : 0;
	for (unsigned i = 0; i < s->ntold; i++)
		if (s->told[i] == h)
			return;
	if (s->ntold == TOLD_MAX)
		return;
	s->told[s->ntold++] = h;
	r = conn_rec(c, "stun", q ? q->ts : c->ts);
	rec_z(r, "method", method_text(method));
	rec_z(r, "class", classes[class]);
	if (m && m->error)
		rec_u64(r, "error_code", m->error);
	if (m) {
		put_address(r, "mapped_h", "mapped_p", &m->mapped);
		put_address(r, "relayed_h", "relayed_p", &m->relayed);
	}
	put_address(r, "peer_h", "peer_p", peer);
	if (q && q->realm.n) { /* else the name is of this one call */
		text_put(r, "user", &q->user);
		text_put(r, "realm", &q->realm);
	}
	put_software(r, "client_software", &s->software[DIR_ORIG]);
	put_software(r, "server_software", &s->software[DIR_RESP]);
	rec_end(r);
}

static void request(struct conn *c, struct stun *s, const struct msg *m)
{
	struct ask *q;

	for (unsigned i = 0; i < WAIT_MAX; i++) /* sent again */
		if (s->ask[i].used && memcmp(s->ask[i].id, m->p + 8, 12) == 0)
			return;
	q = &s->ask[s->next++ % WAIT_MAX];
	if (q->used)
		tell(c, s, q, NULL);
	*q = (struct ask){.used = true, .method = m->method, .ts = c->ts, .peer = m->peer};
	memcpy(q->id, m->p + 8, 12);
	text_set(&q->user, m->user);
	text_set(&q->realm, m->realm);
}

static void message(struct conn *c, struct stun *s, enum dir d, const uint8_t *p, size_t n)
{
	struct msg m;

	msg_read(&m, p, n);
	if (m.software.len)
		text_set(&s->software[d], m.software);
	if (m.class == REQUEST) {
		request(c, s, &m);
		return;
	}
	if (m.class == INDICATION) {
		if (m.peer.set) /* else a sign of life */
			tell(c, s, NULL, &m);
		return;
	}
	for (unsigned i = 0; i < WAIT_MAX; i++) {
		struct ask *q = &s->ask[i];

		if (!q->used || memcmp(q->id, p + 8, 12) != 0)
			continue;
		q->used = false;
		tell(c, s, q, &m);
		return;
	}
	tell(c, s, NULL, &m);
}

/* A record of DTLS between those who have found each other. */
static void sealed(struct conn *c, struct stun *s, enum dir d, struct str data)
{
	if (!s->dtls && dtls_begins(data)) {
		s->dtls = conn_alloc(c, sizeof(*s->dtls));
		if (!s->dtls)
			return;
		memset(s->dtls, 0, sizeof(*s->dtls));
		conn_service(c, "dtls");
	}
	if (s->dtls)
		(void)dtls_datagram(c, s->dtls, d, data);
}

/* RFC 7983 tells by the first byte what a datagram is. */
static int stun_datagram(struct conn *c, enum dir d, struct str data)
{
	const uint8_t *p = (const uint8_t *)data.p;

	if (p[0] < 4 && is_message(p, data.len, true) && (size_t)be16(p + 2) + HEAD == data.len)
		message(c, c->state, d, p, data.len);
	else if (p[0] >= 20 && p[0] < 64)
		sealed(c, c->state, d, data);
	return 0;
}

/* TURN over TCP: messages and what channels carry, one behind the other. */
static int64_t stun_stream(struct conn *c, enum dir d, struct str data)
{
	const uint8_t *p = (const uint8_t *)data.p;
	size_t n;

	if (data.len < CHANNEL)
		return 0;
	n = be16(p + 2);
	if (p[0] >> 6 == 1) {
		n = CHANNEL + ((n + 3) & ~(size_t)3);
		conn_skip(c, d, n);
		return 0;
	}
	n += HEAD;
	if (data.len < HEAD)
		return 0;
	if (!is_message(p, data.len, false))
		return STREAM_FAIL;
	if (data.len < n)
		return 0;
	message(c, c->state, d, p, n);
	return (int64_t)n;
}

static void stun_close(struct conn *c)
{
	struct stun *s = c->state;

	for (unsigned i = 0; i < WAIT_MAX; i++) {
		struct ask *q = &s->ask[(s->next + i) % WAIT_MAX];

		if (q->used)
			tell(c, s, q, NULL);
	}
	if (s->dtls) {
		dtls_end(c, s->dtls);
		conn_free(c, s->dtls, sizeof(*s->dtls));
	}
}

const struct proto_ops proto_stun = {
	.name = "stun",
	.transports = PROTO_UDP | PROTO_TCP,
	.ports = {3478, 19302, 5349},
	.state_size = sizeof(struct stun),
	.buffer_max = MESSAGE_MAX,
	.sniff = stun_sniff,
	.stream = stun_stream,
	.datagram = stun_datagram,
	.close = stun_close,
};
