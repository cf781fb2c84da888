/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSL 3 and TLS 1.0 to 1.3 until the handshake is through: then ssl is written, and the rest of
 * the connection passed over. Certificates are written as x509, each once a day.
 */
#include "packet/handshake.h"

#define RECORD_HEAD 5
#define RECORD_MAX  (16384 + 2048)
#define OLD_HEAD    11

enum { CHANGE = 20, ALERT = 21, HANDSHAKE = 22, DATA = 23, HEARTBEAT = 24 };

struct way {
	uint8_t *msg; /* a handshake message over several records */
	uint32_t len, cap;
	bool sealed; /* encrypted from here on */
	bool data;   /* such bytes were seen */
};

struct ssl {
	struct handshake h;
	struct way way[2];
	bool old;	/* the client's hello had the form of SSL 2 */
	uint16_t asked; /* bytes that the heartbeat really had */
};

/*
 * A hello in the form of SSL 2 that offers TLS (RFC 5246, E.2), as old programs and devices
 * send it: length, type, version, lengths of suites, session and challenge. Its length, or 0.
 */
static size_t old_hello(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	unsigned len, suites, session, challenge;

	if (s.len < OLD_HEAD || !(p[0] & 0x80) || p[2] != 1 || p[3] != 3 || p[4] > 4)
		return 0;
	len = be16(p) & 0x7fff;
	suites = be16(p + 5);
	session = be16(p + 7);
	challenge = be16(p + 9);
	return suites && suites % 3 == 0 && session <= 32 && challenge >= 16 &&
			       challenge <= 32 && len == 9 + suites + session + challenge
		       ? len + 2
		       : 0;
}

static enum sniff_result ssl_sniff(const struct sniff *s)
{
	const uint8_t *p = (const uint8_t *)s->data.p;
	size_t n = s->data.len;

	if (s->dir == DIR_ORIG && p[0] & 0x80)
		return n < OLD_HEAD ? SNIFF_MORE : old_hello(s->data) ? SNIFF_YES : SNIFF_NO;
	if (p[0] != HANDSHAKE || (n > 1 && p[1] != 3) || (n > 2 && p[2] > 4))
		return SNIFF_NO;
	if (n < 6)
		return SNIFF_MORE;
	if (be16(p + 3) < 4 || be16(p + 3) > RECORD_MAX)
		return SNIFF_NO;
	return p[5] == 1 || p[5] == 2 ? SNIFF_YES : SNIFF_NO;
}

static void established(struct conn *c, struct ssl *s)
{
	s->h.established = true;
	handshake_write(c, &s->h);
	conn_skip(c, DIR_ORIG, UINT64_MAX / 2);
	conn_skip(c, DIR_RESP, UINT64_MAX / 2);
}

/* Whole messages at the head of s; bytes used, or -1. */
static int64_t messages(struct conn *c, struct ssl *s, enum dir d, struct str in)
{
	size_t used = 0;

	while (in.len - used >= 4) {
		const uint8_t *p = (const uint8_t *)in.p + used;
		uint32_t len = be24(p + 1);

		if (len > HANDSHAKE_MAX)
			return -1;
		if (in.len - used - 4 < len)
			break;
		if (!handshake_message(c, &s->h, d, p[0], str_n((const char *)p + 4, len)))
			return -1;
		used += 4 + len;
	}
	return (int64_t)used;
}

static bool keep(struct conn *c, struct way *w, struct str in)
{
	if (w->len + in.len > w->cap) {
		uint32_t cap = MAX(w->len + (uint32_t)in.len, w->cap * 2);
		uint8_t *p = cap <= HANDSHAKE_MAX + RECORD_MAX ? conn_alloc(c, cap) : NULL;

		if (!p)
			return false;
		if (w->len)
			memcpy(p, w->msg, w->len);
		conn_free(c, w->msg, w->cap);
		w->msg = p;
		w->cap = cap;
	}
	if (in.len)
		memcpy(w->msg + w->len, in.p, in.len);
	w->len += (uint32_t)in.len;
	return true;
}

static bool handshake(struct conn *c, struct ssl *s, enum dir d, struct str in)
{
	struct way *w = &s->way[d];
	int64_t used;

	if (!w->len) {
		used = messages(c, s, d, in);
		return used >= 0 && ((size_t)used == in.len ||
				     keep(c, w, str_sub(in, (size_t)used, in.len)));
	}
	if (!keep(c, w, in))
		return false;
	used = messages(c, s, d, str_n((char *)w->msg, w->len));
	if (used < 0)
		return false;
	w->len -= (uint32_t)used;
	if (w->len && used)
		memmove(w->msg, w->msg + used, w->len);
	return true;
}

/* RFC 6520: type, length of what is to come back, that, at least 16 bytes of padding. */
static void heartbeat(struct ssl *s, struct str in)
{
	const uint8_t *p = (const uint8_t *)in.p;

	if (in.len < 3)
		return;
	if (p[0] == 1 && (size_t)be16(p + 1) + 3 + 16 > in.len) {
		s->h.bleed = MAX(s->h.bleed, BLEED_TRIED);
		s->asked = (uint16_t)in.len;
	} else if (p[0] == 2 && s->h.bleed && in.len > s->asked) {
		s->h.bleed = BLEED_ANSWERED;
	}
}

static bool record(struct conn *c, struct ssl *s, enum dir d, unsigned type, struct str in)
{
	struct way *w = &s->way[d];

	switch (type) {
	case CHANGE:
		handshake_note(&s->h, 'I', d);
		/* In 1.3 it means nothing, but all is encrypted once the server's hello is out.
		 */
		w->sealed = true;
		return true;
	case ALERT:
		if (!w->sealed)
			handshake_alert(&s->h, d, in);
		return true;
	case HANDSHAKE:
		if (!w->sealed)
			return handshake(c, s, d, in);
		break;
	case DATA:
		w->sealed = true;
		if (!w->data)
			handshake_note(&s->h, 'D', d);
		w->data = true;
		break;
	case HEARTBEAT:
		if (!w->sealed)
			heartbeat(s, in);
		return true;
	default:
		return false;
	}
	/* Encrypted bytes: the handshake is through once both have sent such. */
	if (s->way[0].sealed && s->way[1].sealed && s->h.hello[DIR_RESP] &&
	    (s->h.version >= 0x0304 ? s->way[0].data && s->way[1].data : true) &&
	    !s->h.established)
		established(c, s);
	return true;
}

static int64_t ssl_stream(struct conn *c, enum dir d, struct str data)
{
	struct ssl *s = c->state;
	size_t used = 0, old = d == DIR_ORIG && !s->h.nhist ? old_hello(data) : 0;

	s->h.transport = 't';
	if (old > data.len)
		return 0;
	if (old) {
		s->old = true;
		s->h.ts = c->ts;
		handshake_note(&s->h, 'C', d);
		used = old;
	}
	while (data.len - used >= RECORD_HEAD && !s->h.established) {
		const uint8_t *p = (const uint8_t *)data.p + used;
		size_t len = be16(p + 3);

		if (p[1] != 3 || p[0] < CHANGE || p[0] > 24 || len > RECORD_MAX)
			return STREAM_FAIL;
		if (data.len - used - RECORD_HEAD < len)
			break;
		if (!record(c, s, d, p[0], str_n((const char *)p + RECORD_HEAD, len)))
			return STREAM_FAIL;
		used += RECORD_HEAD + len;
	}
	return (int64_t)used;
}

static void ssl_close(struct conn *c)
{
	struct ssl *s = c->state;

	if (s->h.hello[0] || s->h.hello[1] || s->old)
		handshake_write(c, &s->h);
	for (unsigned d = 0; d < 2; d++)
		conn_free(c, s->way[d].msg, s->way[d].cap);
	handshake_free(c, &s->h);
}

const struct proto_ops proto_ssl = {
	.name = "ssl",
	.transports = PROTO_TCP,
	.ports = {443, 8443, 993, 995, 465, 636, 853, 563, 585, 614, 989, 990, 992, 3269, 5061,
		  5986},
	.state_size = sizeof(struct ssl),
	.buffer_max = RECORD_HEAD + RECORD_MAX,
	.sniff = ssl_sniff,
	.stream = ssl_stream,
	.close = ssl_close,
};
