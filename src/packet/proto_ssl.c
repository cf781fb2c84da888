/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSL 3 and TLS 1.0 to 1.3 until the handshake is through: then ssl is written, and the rest of
 * the connection passed over. Certificates are written as x509, each once a day.
 */
#include "packet/proto.h"
#include "packet/tls.h"

#define RECORD_HEAD 5
#define RECORD_MAX  (16384 + 2048)
#define MESSAGE_MAX (64 * KIB)
#define CHAIN_MAX   6
#define HISTORY	    16
#define OLD_HEAD    11

enum { CHANGE = 20, ALERT = 21, HANDSHAKE = 22, DATA = 23, HEARTBEAT = 24 };

/* Of a heartbeat that claims more than it brings (CVE-2014-0160). */
enum bleed { BLEED_NONE, BLEED_TRIED, BLEED_ANSWERED };

struct way {
	uint8_t *msg; /* a handshake message over several records */
	uint32_t len, cap;
	bool sealed; /* encrypted from here on */
	uint8_t nchain;
	uint8_t chain[CHAIN_MAX][32]; /* fingerprints */
};

struct ssl {
	struct way way[2];
	int64_t ts; /* of the first hello */
	bool old;   /* the client's hello had the form of SSL 2 */
	bool hello[2], written, established, resumes, self_signed, matched, has_leaf;
	bool data[2];
	uint8_t bleed;	/* enum bleed */
	uint16_t asked; /* bytes that the heartbeat really had */
	uint16_t version, cipher, curve;
	uint8_t alert, nsession, nhist;
	bool has_alert;
	uint8_t session[32];
	char hist[HISTORY];
	char ja3[33], ja3s[33], ja4[40];
	char sni[TLS_NAME_MAX], alpn[32];
	uint16_t nsni, nalpn, nsubject, nissuer;
	char *leaf; /* subject and issuer */
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

static void note(struct ssl *s, char c, enum dir d)
{
	if (s->nhist < HISTORY)
		s->hist[s->nhist++] = d == DIR_ORIG ? c : lower_c(c);
}

static void put_chain(struct rec *r, const char *key, const struct way *w)
{
	if (!w->nchain)
		return;
	rec_list(r, key);
	for (unsigned i = 0; i < w->nchain; i++)
		rec_hex(r, NULL, w->chain[i], 32);
	rec_list_end(r);
}

static void write_ssl(struct conn *c, struct ssl *s)
{
	struct rec *r;
	char tmp[24];

	if (s->written)
		return;
	s->written = true;
	r = conn_rec(c, "ssl", s->ts);
	if (s->hello[DIR_RESP]) {
		rec_z(r, "version", tls_version_text(s->version, tmp));
		rec_z(r, "cipher", tls_cipher_text(s->cipher, tmp));
		if (s->curve)
			rec_z(r, "curve", tls_curve_text(s->curve, tmp));
	}
	if (s->nsni)
		rec_str(r, "server_name", str_n(s->sni, s->nsni));
	rec_bool(r, "resumed", s->resumes && s->established && !s->way[DIR_RESP].nchain);
	if (s->has_alert)
		rec_z(r, "last_alert", tls_alert_text(s->alert, tmp));
	if (s->nalpn)
		rec_str(r, "next_protocol", str_n(s->alpn, s->nalpn));
	rec_bool(r, "established", s->established);
	rec_str(r, "ssl_history", str_n(s->hist, s->nhist));
	put_chain(r, "cert_chain_fps", &s->way[DIR_RESP]);
	put_chain(r, "client_cert_chain_fps", &s->way[DIR_ORIG]);
	if (s->has_leaf && s->leaf) {
		rec_str(r, "subject", str_n(s->leaf, s->nsubject));
		rec_str(r, "issuer", str_n(s->leaf + s->nsubject, s->nissuer));
		if (s->nsni)
			rec_bool(r, "sni_matches_cert", s->matched);
	}
	if (s->self_signed)
		rec_z(r, "validation_status", "self signed certificate");
	if (s->hello[DIR_ORIG]) {
		rec_str(r, "ja3", str_n(s->ja3, 32));
		rec_str(r, "ja4", str_of(s->ja4));
	}
	if (s->hello[DIR_RESP])
		rec_str(r, "ja3s", str_n(s->ja3s, 32));
	if (s->bleed)
		rec_z(r, "heartbleed", s->bleed == BLEED_ANSWERED ? "answered" : "tried");
	rec_end(r);
}

static void established(struct conn *c, struct ssl *s)
{
	s->established = true;
	write_ssl(c, s);
	conn_skip(c, DIR_ORIG, UINT64_MAX / 2);
	conn_skip(c, DIR_RESP, UINT64_MAX / 2);
}

static void write_x509(struct conn *c, const struct cert *x, bool host, enum dir d)
{
	struct rec *r = c->rec;
	const char *key = cert_oid_text(x->key_oid), *sig = cert_oid_text(x->sig_oid);
	uint64_t hash = be64(x->fingerprint);

	if (!conn_first_today(c, hash))
		return;
	rec_begin(r, "x509", c->known, c->ts);
	rec_hex(r, "fingerprint", x->fingerprint, 32);
	rec_u64(r, "certificate.version", x->version);
	rec_hex(r, "certificate.serial", (const uint8_t *)x->serial.p, x->serial.len);
	rec_str(r, "certificate.subject", str_n(x->subject, x->nsubject));
	rec_str(r, "certificate.issuer", str_n(x->issuer, x->nissuer));
	rec_secs(r, "certificate.not_valid_before", x->from);
	rec_secs(r, "certificate.not_valid_after", x->to);
	rec_z(r, "certificate.key_alg", key ? key : "unknown");
	rec_z(r, "certificate.sig_alg", sig ? sig : "unknown");
	rec_z(r, "certificate.key_type", x->ec ? "ecdsa" : "rsa");
	if (x->key_bits)
		rec_u64(r, "certificate.key_length", x->key_bits);
	if (x->nnames) {
		rec_list(r, "san.dns");
		for (size_t i = 0; i < x->nnames; i++)
			rec_str(r, NULL, x->name[i]);
		rec_list_end(r);
	}
	if (x->has_constraints)
		rec_bool(r, "basic_constraints.ca", x->ca);
	rec_bool(r, "host_cert", host && d == DIR_RESP);
	rec_bool(r, "client_cert", host && d == DIR_ORIG);
	rec_end(r);
}

static void keep_leaf(struct conn *c, struct ssl *s, const struct cert *x)
{
	if (s->has_leaf)
		return;
	s->has_leaf = true;
	s->self_signed = x->self_signed;
	s->matched = s->nsni && cert_is_for(x, str_n(s->sni, s->nsni));
	s->leaf = conn_alloc(c, x->nsubject + x->nissuer + 1);
	if (!s->leaf)
		return;
	s->nsubject = (uint16_t)x->nsubject;
	s->nissuer = (uint16_t)x->nissuer;
	memcpy(s->leaf, x->subject, x->nsubject);
	memcpy(s->leaf + x->nsubject, x->issuer, x->nissuer);
}

static void certificates(struct conn *c, struct ssl *s, enum dir d, struct str body)
{
	const uint8_t *p = (const uint8_t *)body.p;
	struct way *w = &s->way[d];

	if (body.len < 3)
		return;
	for (size_t at = 3; at + 3 <= body.len && w->nchain < CHAIN_MAX;) {
		size_t len = be24(p + at);
		struct cert x;

		if (len > body.len - at - 3)
			return;
		if (!cert_read(str_n(body.p + at + 3, len), &x))
			return;
		memcpy(w->chain[w->nchain], x.fingerprint, 32);
		write_x509(c, &x, w->nchain == 0, d);
		if (!w->nchain++ && d == DIR_RESP)
			keep_leaf(c, s, &x);
		at += 3 + len;
	}
}

static bool client_hello(struct conn *c, struct ssl *s, struct str body)
{
	struct tls_client h;

	if (!tls_client_hello(body, 't', &h))
		return false;
	if (s->hello[DIR_ORIG]) /* after a HelloRetryRequest, or again */
		return true;
	s->hello[DIR_ORIG] = true;
	s->ts = c->ts;
	s->version = h.version;
	s->resumes = h.resumes;
	s->nsession = (uint8_t)MIN(h.session.len, sizeof(s->session));
	if (s->nsession)
		memcpy(s->session, h.session.p, s->nsession);
	s->nsni = (uint16_t)MIN(h.sni.len, sizeof(s->sni));
	if (s->nsni)
		memcpy(s->sni, h.sni.p, s->nsni);
	memcpy(s->ja3, h.ja3, sizeof(s->ja3));
	memcpy(s->ja4, h.ja4, sizeof(s->ja4));
	return true;
}

static bool server_hello(struct conn *c, struct ssl *s, struct str body)
{
	struct tls_server h;

	if (!tls_server_hello(body, &h))
		return false;
	if (h.retry)
		return true;
	if (!s->ts)
		s->ts = c->ts;
	s->hello[DIR_RESP] = true;
	s->version = h.version;
	s->cipher = h.cipher;
	s->curve = h.curve;
	memcpy(s->ja3s, h.ja3s, sizeof(s->ja3s));
	s->nalpn = (uint16_t)MIN(h.alpn.len, sizeof(s->alpn));
	if (s->nalpn)
		memcpy(s->alpn, h.alpn.p, s->nalpn);
	/* 1.3 sends the client's own session id back to all. */
	s->resumes |= h.version < 0x0304 && s->nsession &&
		      str_eq(h.session, str_n((char *)s->session, s->nsession));
	if (h.version >= 0x0304)
		s->resumes = false;
	return true;
}

static bool message(struct conn *c, struct ssl *s, enum dir d, unsigned type, struct str body)
{
	static const char letter[] = {
		[0] = 'H',  [1] = 'C',	[2] = 'S',  [4] = 'T',	[11] = 'X', [12] = 'K',
		[13] = 'R', [14] = 'N', [15] = 'Y', [16] = 'G', [20] = 'F', [22] = 'U'};

	if (type < sizeof(letter) && letter[type])
		note(s, letter[type], d);
	switch (type) {
	case 1:
		return client_hello(c, s, body);
	case 2:
		return server_hello(c, s, body);
	case 11:
		certificates(c, s, d, body);
		return true;
	case 12:
		if (body.len >= 3 && body.p[0] == 3) /* a named curve */
			s->curve = be16((const uint8_t *)body.p + 1);
		return true;
	default:
		return type < 25 || type == 67 || type == 254;
	}
}

/* Whole messages at the head of s; bytes used, or -1. */
static int64_t messages(struct conn *c, struct ssl *s, enum dir d, struct str in)
{
	size_t used = 0;

	while (in.len - used >= 4) {
		const uint8_t *p = (const uint8_t *)in.p + used;
		uint32_t len = be24(p + 1);

		if (len > MESSAGE_MAX)
			return -1;
		if (in.len - used - 4 < len)
			break;
		if (!message(c, s, d, p[0], str_n((const char *)p + 4, len)))
			return -1;
		used += 4 + len;
	}
	return (int64_t)used;
}

static bool keep(struct conn *c, struct way *w, struct str in)
{
	if (w->len + in.len > w->cap) {
		uint32_t cap = MAX(w->len + (uint32_t)in.len, w->cap * 2);
		uint8_t *p = cap <= MESSAGE_MAX + RECORD_MAX ? conn_alloc(c, cap) : NULL;

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
		s->bleed = MAX(s->bleed, BLEED_TRIED);
		s->asked = (uint16_t)in.len;
	} else if (p[0] == 2 && s->bleed && in.len > s->asked) {
		s->bleed = BLEED_ANSWERED;
	}
}

static bool record(struct conn *c, struct ssl *s, enum dir d, unsigned type, struct str in)
{
	struct way *w = &s->way[d];

	switch (type) {
	case CHANGE:
		note(s, 'I', d);
		/* In 1.3 it means nothing, but all is encrypted once the server's hello is out.
		 */
		w->sealed = true;
		return true;
	case ALERT:
		if (!w->sealed && in.len == 2) {
			note(s, 'L', d);
			s->has_alert = true;
			s->alert = (uint8_t)in.p[1];
		}
		return true;
	case HANDSHAKE:
		if (!w->sealed)
			return handshake(c, s, d, in);
		break;
	case DATA:
		w->sealed = true;
		if (!s->data[d])
			note(s, 'D', d);
		s->data[d] = true;
		break;
	case HEARTBEAT:
		if (!w->sealed)
			heartbeat(s, in);
		return true;
	default:
		return false;
	}
	/* Encrypted bytes: the handshake is through once both have sent such. */
	if (s->way[0].sealed && s->way[1].sealed && s->hello[DIR_RESP] &&
	    (s->version >= 0x0304 ? s->data[DIR_ORIG] && s->data[DIR_RESP] : true) &&
	    !s->established)
		established(c, s);
	return true;
}

static int64_t ssl_stream(struct conn *c, enum dir d, struct str data)
{
	struct ssl *s = c->state;
	size_t used = 0, old = d == DIR_ORIG && !s->nhist ? old_hello(data) : 0;

	if (old > data.len)
		return 0;
	if (old) {
		s->old = true;
		s->ts = c->ts;
		note(s, 'C', d);
		used = old;
	}
	while (data.len - used >= RECORD_HEAD && !s->established) {
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

	if (s->hello[0] || s->hello[1] || s->old)
		write_ssl(c, s);
	for (unsigned d = 0; d < 2; d++)
		conn_free(c, s->way[d].msg, s->way[d].cap);
	if (s->leaf)
		conn_free(c, s->leaf, (size_t)s->nsubject + s->nissuer + 1);
	s->leaf = NULL;
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
