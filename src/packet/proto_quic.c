/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QUIC: its first packets are opened for the client's hello, then the connection is passed
 * over. Google's own QUIC of old is only named.
 */
#include "packet/proto.h"
#include "packet/quic.h"
#include "packet/tls.h"

#define HELLO_MAX 8192

struct quic {
	uint32_t version;
	bool told, have_keys, answered;
	uint8_t ndcid, nclient, nserver, tries;
	uint8_t dcid[QUIC_CID_MAX], client[QUIC_CID_MAX], server[QUIC_CID_MAX];
	int64_t ts;
	struct quic_keys keys;
	uint8_t *hello; /* HELLO_MAX bytes, then a bit for each that is there */
};

static bool is_google(struct str d)
{
	const uint8_t *p = (const uint8_t *)d.p;

	/* Flags with a version, a connection id of 8 bytes, "Q0nn". */
	return d.len > 13 && (p[0] & 0x09) == 0x09 && p[9] == 'Q' && p[10] == '0' &&
	       p[11] >= '0' && p[11] <= '9';
}

/* A version that nobody speaks, so that the server names those it does (RFC 9000 section 15).
 */
static bool asks_version(struct str d)
{
	return d.len >= 1200 && (d.p[0] & 0xc0) == 0xc0 &&
	       (be32((const uint8_t *)d.p + 1) & 0x0f0f0f0fU) == 0x0a0a0a0aU;
}

static enum sniff_result quic_sniff(const struct sniff *s)
{
	struct quic_head h;

	if ((is_google(s->data) && s->hinted) || asks_version(s->data))
		return SNIFF_YES;
	return quic_head(s->data, &h) && (s->hinted || s->data.len >= 1200) ? SNIFF_YES
									    : SNIFF_NO;
}

static void forget(struct conn *c, struct quic *q)
{
	conn_free(c, q->hello, HELLO_MAX + HELLO_MAX / 8);
	q->hello = NULL;
}

static void write_quic(struct conn *c, struct quic *q, const struct tls_client *t)
{
	struct rec *r;

	q->told = true;
	r = conn_rec(c, "quic", q->ts);
	rec_z(r, "version", quic_version_text(q->version));
	rec_hex(r, "client_initial_dcid", q->dcid, q->ndcid);
	rec_hex(r, "client_scid", q->client, q->nclient);
	if (q->answered)
		rec_hex(r, "server_scid", q->server, q->nserver);
	if (t) {
		if (t->sni.len)
			rec_str(r, "server_name", t->sni);
		if (t->alpn.len)
			rec_str(r, "client_protocol", t->alpn);
		rec_z(r, "ja3", t->ja3);
		rec_z(r, "ja4", t->ja4);
	}
	rec_z(r, "history", !q->answered ? "I" : t ? "ISis" : "Ii");
	rec_end(r);
}

static bool has(const struct quic *q, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (!(q->hello[HELLO_MAX + i / 8] >> (i & 7) & 1))
			return false;
	return true;
}

/* A piece of the hello, at its place. */
static void put(struct quic *q, uint64_t off, struct str part)
{
	if (off >= HELLO_MAX || part.len > HELLO_MAX - off)
		return;
	memcpy(q->hello + off, part.p, part.len);
	for (size_t i = (size_t)off; i < (size_t)off + part.len; i++)
		q->hello[HELLO_MAX + i / 8] |= (uint8_t)(1 << (i & 7));
}

/* Tells of the hello when all of it is there. */
static void complete(struct conn *c, struct quic *q)
{
	struct tls_client t;
	size_t len;

	if (!has(q, 0, 4) || q->hello[0] != 1)
		return;
	len = be24(q->hello + 1);
	if (len + 4 > HELLO_MAX || !has(q, 4, len + 4))
		return;
	if (tls_client_hello(str_n((char *)q->hello + 4, len), 'q', &t))
		write_quic(c, q, &t);
	else
		write_quic(c, q, NULL);
	forget(c, q);
}

/* Frames that may come in a first packet: padding, ping, acknowledgements, hello, close. */
static void frames(struct quic *q, struct str s)
{
	size_t at = 0;
	uint64_t type, v[4];

	while (at < s.len) {
		if (!s.p[at]) {
			at++;
			continue;
		}
		if (!quic_int(s, &at, &type))
			return;
		if (type == 1)
			continue;
		if (type == 6) {
			if (!quic_int(s, &at, &v[0]) || !quic_int(s, &at, &v[1]) ||
			    v[1] > s.len - at)
				return;
			put(q, v[0], str_n(s.p + at, (size_t)v[1]));
			at += (size_t)v[1];
			continue;
		}
		if (type != 2 && type != 3)
			return;
		for (unsigned i = 0; i < 4; i++)
			if (!quic_int(s, &at, &v[i]))
				return;
		for (uint64_t i = 0; i < v[2]; i++) /* ranges; ends with the packet */
			if (!quic_int(s, &at, &v[0]) || !quic_int(s, &at, &v[1]))
				return;
		for (unsigned i = 0; type == 3 && i < 3; i++)
			if (!quic_int(s, &at, &v[0]))
				return;
	}
}

static void from_client(struct conn *c, struct quic *q, struct str packet,
			const struct quic_head *h)
{
	uint8_t plain[QUIC_PLAIN];
	size_t n;

	/* After a retry the server's choice makes new keys. */
	if (!q->have_keys || (h->token.len && q->tries == 0)) {
		q->ndcid = (uint8_t)h->dcid.len;
		memcpy(q->dcid, h->dcid.p, h->dcid.len);
		q->nclient = (uint8_t)h->scid.len;
		if (h->scid.len)
			memcpy(q->client, h->scid.p, h->scid.len);
		q->version = h->version;
		q->have_keys = quic_keys(h->version, h->dcid, true, &q->keys);
	}
	if (!q->hello) {
		q->hello = conn_alloc(c, HELLO_MAX + HELLO_MAX / 8);
		if (!q->hello)
			return;
		memset(q->hello + HELLO_MAX, 0, HELLO_MAX / 8);
	}
	n = q->have_keys ? quic_open(&q->keys, packet, h, plain) : 0;
	if (!n)
		return;
	q->tries++;
	frames(q, str_n((char *)plain, n));
	complete(c, q);
}

static int quic_datagram(struct conn *c, enum dir d, struct str s)
{
	struct quic *q = c->state;
	struct quic_head h;

	if (q->told)
		return 0;
	if (!q->ts)
		q->ts = c->ts;
	while (s.len && !q->told && quic_head(s, &h)) {
		if (d == DIR_ORIG && h.initial) {
			from_client(c, q, s, &h);
		} else if (d == DIR_RESP && !q->answered) {
			q->answered = true;
			q->nserver = (uint8_t)h.scid.len;
			if (h.scid.len)
				memcpy(q->server, h.scid.p, h.scid.len);
		}
		s = str_sub(s, h.size, s.len);
	}
	return 0;
}

static void quic_close(struct conn *c)
{
	struct quic *q = c->state;

	if (!q->told && q->have_keys)
		write_quic(c, q, NULL);
	if (q->hello)
		forget(c, q);
}

const struct proto_ops proto_quic = {
	.name = "quic",
	.transports = PROTO_UDP,
	.ports = {443, 80, 853, 8443},
	.state_size = sizeof(struct quic),
	.sniff = quic_sniff,
	.datagram = quic_datagram,
	.close = quic_close,
};
