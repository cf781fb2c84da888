/* SPDX-License-Identifier: Apache-2.0 */
/* DTLS: its records are ssl and x509, as those of TLS over TCP. */
#include "packet/dtls.h"

#define RECORD_HEAD  13
#define MESSAGE_HEAD 12

enum { CHANGE = 20, ALERT = 21, HANDSHAKE = 22, ACK = 26 };
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, HELLO_VERIFY = 3 };

static bool is_record(const uint8_t *p, size_t n)
{
	/* 1.0 is spoken by Cisco's VPN as OpenSSL had it before the standard. */
	return n >= RECORD_HEAD && p[0] >= CHANGE && p[0] <= ACK &&
	       ((p[1] == 0xfe && p[2] >= 0xfc) || (p[1] == 1 && !p[2])) &&
	       (size_t)be16(p + 11) + RECORD_HEAD <= n;
}

bool dtls_begins(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	return is_record(p, s.len) && p[0] == HANDSHAKE && !be16(p + 3) &&
	       be16(p + 11) >= MESSAGE_HEAD && p[RECORD_HEAD] >= CLIENT_HELLO &&
	       p[RECORD_HEAD] <= HELLO_VERIFY;
}

static bool is_client(unsigned type, enum dir d, struct dtls *t)
{
	if (type == CLIENT_HELLO && !t->h.hello[DIR_ORIG])
		t->flip = d == DIR_RESP;
	return d == (t->flip ? DIR_RESP : DIR_ORIG);
}

static bool message(struct conn *c, struct dtls *t, enum dir d, unsigned type, struct str body)
{
	enum dir role = is_client(type, d, t) ? DIR_ORIG : DIR_RESP;

	return handshake_message(c, &t->h, role, type, body);
}

static void drop(struct conn *c, struct dtls_way *w)
{
	conn_free(c, w->msg, w->len);
	w->msg = NULL;
	w->len = w->have = 0;
}

/* A part of a message, as long as parts come in order; true: all of it is there. */
static bool part(struct conn *c, struct dtls_way *w, uint16_t seq, uint32_t len, uint32_t off,
		 struct str s)
{
	if (!off && (!w->msg || seq != w->seq || len != w->len)) {
		drop(c, w);
		w->msg = conn_alloc(c, len);
		w->len = w->msg ? len : 0;
		w->seq = seq;
	}
	if (!w->msg || seq != w->seq || len != w->len || off > w->have ||
	    off + s.len <= w->have)
		return false;
	memcpy(w->msg + off, s.p, s.len);
	w->have = off + (uint32_t)s.len;
	return w->have == w->len;
}

/* The messages of one record; what was sent again is passed over. */
static bool messages(struct conn *c, struct dtls *t, enum dir d, struct str in)
{
	struct dtls_way *w = &t->way[d];

	while (in.len >= MESSAGE_HEAD) {
		const uint8_t *p = (const uint8_t *)in.p;
		uint32_t len = be24(p + 1), off = be24(p + 6), n = be24(p + 9);
		uint16_t seq = be16(p + 4);
		struct str body = str_sub(in, MESSAGE_HEAD, MESSAGE_HEAD + (size_t)n);
		bool ok = true;

		if (n > in.len - MESSAGE_HEAD || len > HANDSHAKE_MAX || off > len ||
		    n > len - off)
			return false;
		in = str_sub(in, MESSAGE_HEAD + (size_t)n, in.len);
		if (seq < w->next)
			continue;
		if (n == len) {
			w->next = seq + 1;
			ok = message(c, t, d, p[0], body);
		} else if (part(c, w, seq, len, off, body)) {
			w->next = seq + 1;
			ok = message(c, t, d, p[0], str_n((char *)w->msg, w->len));
			drop(c, w);
		}
		if (!ok)
			return false;
	}
	return true;
}

static bool record(struct conn *c, struct dtls *t, enum dir d, unsigned type, struct str in)
{
	enum dir role = is_client(0, d, t) ? DIR_ORIG : DIR_RESP;

	switch (type) {
	case CHANGE:
		handshake_note(&t->h, 'I', role);
		return true;
	case ALERT:
		handshake_alert(&t->h, role, in);
		return true;
	case HANDSHAKE:
		return messages(c, t, d, in);
	default:
		return true;
	}
}

bool dtls_datagram(struct conn *c, struct dtls *t, enum dir d, struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	t->h.transport = 'd';
	if (s.len && p[0] >> 5 == 1) { /* of 1.3, with a short head: always encrypted */
		t->way[d].sealed = true;
		s.len = 0;
	}
	while (s.len && !t->h.established) {
		p = (const uint8_t *)s.p;
		if (!is_record(p, s.len))
			return false;
		if (be16(p + 3)) /* an epoch with keys */
			t->way[d].sealed = true;
		else if (!record(c, t, d, p[0],
				 str_sub(s, RECORD_HEAD, RECORD_HEAD + (size_t)be16(p + 11))))
			return false;
		s = str_sub(s, RECORD_HEAD + (size_t)be16(p + 11), s.len);
	}
	if (t->way[0].sealed && t->way[1].sealed && t->h.hello[DIR_RESP] && !t->h.established) {
		t->h.established = true;
		handshake_write(c, &t->h);
	}
	return true;
}

void dtls_end(struct conn *c, struct dtls *t)
{
	if (t->h.hello[0] || t->h.hello[1])
		handshake_write(c, &t->h);
	for (unsigned d = 0; d < 2; d++)
		drop(c, &t->way[d]);
	handshake_free(c, &t->h);
}

static enum sniff_result sniff(const struct sniff *s)
{
	return dtls_begins(s->data) ? SNIFF_YES : SNIFF_NO;
}

static int datagram(struct conn *c, enum dir d, struct str s)
{
	if ((uint8_t)s.p[0] < CHANGE || (uint8_t)s.p[0] > 63)
		return 0; /* of STUN, or of media, beside it (RFC 7983) */
	return dtls_datagram(c, c->state, d, s) ? 0 : STREAM_FAIL;
}

static void dtls_close(struct conn *c)
{
	dtls_end(c, c->state);
}

const struct proto_ops proto_dtls = {
	.name = "dtls",
	.transports = PROTO_UDP,
	.ports = {4433, 5684},
	.state_size = sizeof(struct dtls),
	.sniff = sniff,
	.datagram = datagram,
	.close = dtls_close,
};
