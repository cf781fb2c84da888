/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/handshake.h"

void handshake_note(struct handshake *s, char letter, enum dir d)
{
	if (s->nhist < HANDSHAKE_HISTORY)
		s->hist[s->nhist++] = d == DIR_ORIG ? letter : lower_c(letter);
}

void handshake_alert(struct handshake *s, enum dir d, struct str body)
{
	if (body.len != 2)
		return;
	handshake_note(s, 'L', d);
	s->has_alert = true;
	s->alert = (uint8_t)body.p[1];
}

static void put_chain(struct rec *r, const char *key, const struct handshake *s, enum dir d)
{
	if (!s->nchain[d])
		return;
	rec_list(r, key);
	for (unsigned i = 0; i < s->nchain[d]; i++)
		rec_hex(r, NULL, s->chain[d][i], 32);
	rec_list_end(r);
}

/* "www.", so many letters and digits of base32 from min to max, and an end. */
static bool tor_name(struct str s, size_t min, size_t max, const char *end)
{
	size_t n = strlen(end);

	if (!str_starts(s, STR("www.")) || !str_ends(s, str_of(end)) || s.len < 4 + min + n ||
	    s.len > 4 + max + n)
		return false;
	for (size_t i = 4; i < s.len - n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '2' && s.p[i] <= '7')))
			return false;
	return true;
}

/*
 * Tor by shape (crypto_random_hostname and tor_tls_context_new of its source): up to TLS 1.2 a
 * certificate of one made-up .net host by another made-up .com host; in 1.3, where it is
 * hidden, a made-up .com host asked for with the ciphers that Tor has of its own, without ALPN.
 */
static bool is_tor(const struct handshake *s)
{
	static const char ciphers[] = "_796efca44d18_"; /* in the middle of the JA4 */
	struct str subject, issuer;

	if (s->has_leaf && s->leaf) {
		subject = str_n(s->leaf, s->nsubject);
		issuer = str_n(s->leaf + s->nsubject, s->nissuer);
		return str_starts(subject, STR("CN=")) && str_starts(issuer, STR("CN=")) &&
		       tor_name(str_sub(subject, 3, subject.len), 8, 20, ".net") &&
		       tor_name(str_sub(issuer, 3, issuer.len), 8, 20, ".com");
	}
	return tor_name(str_n(s->sni, s->nsni), 4, 25, ".com") && strstr(s->ja4, ciphers) &&
	       !s->nalpn && str_eqz(str_n(s->ja4 + 8, 2), "00");
}

void handshake_write(struct conn *c, struct handshake *s)
{
	struct rec *r;
	char tmp[24];

	if (s->written)
		return;
	s->written = true;
	if (s->hello[DIR_RESP] && is_tor(s))
		conn_service(c, "tor");
	r = conn_rec(c, "ssl", s->ts);
	if (s->hello[DIR_RESP]) {
		rec_z(r, "version", tls_version_text(s->version, tmp));
		rec_z(r, "cipher", tls_cipher_text(s->cipher, tmp));
		if (s->curve)
			rec_z(r, "curve", tls_curve_text(s->curve, tmp));
	}
	if (s->nsni)
		rec_str(r, "server_name", str_n(s->sni, s->nsni));
	rec_bool(r, "resumed", s->resumes && s->established && !s->nchain[DIR_RESP]);
	if (s->has_alert)
		rec_z(r, "last_alert", tls_alert_text(s->alert, tmp));
	if (s->nalpn)
		rec_str(r, "next_protocol", str_n(s->alpn, s->nalpn));
	rec_bool(r, "established", s->established);
	rec_str(r, "ssl_history", str_n(s->hist, s->nhist));
	put_chain(r, "cert_chain_fps", s, DIR_RESP);
	put_chain(r, "client_cert_chain_fps", s, DIR_ORIG);
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

static void keep_leaf(struct conn *c, struct handshake *s, const struct cert *x)
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

static void certificates(struct conn *c, struct handshake *s, enum dir d, struct str body)
{
	const uint8_t *p = (const uint8_t *)body.p;
	uint8_t *n = &s->nchain[d];

	if (body.len < 3)
		return;
	for (size_t at = 3; at + 3 <= body.len && *n < HANDSHAKE_CHAIN;) {
		size_t len = be24(p + at);
		struct cert x;

		if (len > body.len - at - 3)
			return;
		if (!cert_read(str_n(body.p + at + 3, len), &x))
			return;
		memcpy(s->chain[d][*n], x.fingerprint, 32);
		write_x509(c, &x, *n == 0, d);
		if (!(*n)++ && d == DIR_RESP)
			keep_leaf(c, s, &x);
		at += 3 + len;
	}
}

static bool client_hello(struct conn *c, struct handshake *s, struct str body)
{
	struct tls_client h;

	if (!tls_client_hello(body, s->transport, &h))
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

static bool server_hello(struct conn *c, struct handshake *s, struct str body)
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
	s->resumes =
		h.version != 0x0304 && h.version != 0xfefc &&
		(s->resumes ||
		 (s->nsession && str_eq(h.session, str_n((char *)s->session, s->nsession))));
	return true;
}

bool handshake_message(struct conn *c, struct handshake *s, enum dir d, unsigned type,
		       struct str body)
{
	static const char letter[] = {
		[0] = 'H',  [1] = 'C',	[2] = 'S',  [4] = 'T',	[11] = 'X', [12] = 'K',
		[13] = 'R', [14] = 'N', [15] = 'Y', [16] = 'G', [20] = 'F', [22] = 'U'};

	if (type < sizeof(letter) && letter[type])
		handshake_note(s, letter[type], d);
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

void handshake_free(struct conn *c, struct handshake *s)
{
	if (s->leaf)
		conn_free(c, s->leaf, (size_t)s->nsubject + s->nissuer + 1);
	s->leaf = NULL;
}
