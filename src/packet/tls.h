/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/tls: the hellos of TLS, their fingerprints, names of numbers; and certificates. For
 * every protocol that carries them (TLS over TCP, QUIC, DTLS).
 */
#ifndef PACKET_TLS_H
#define PACKET_TLS_H
#include "base/str.h"

#define TLS_LIST_MAX 128 /* ciphers, extensions, ... beyond these are not counted */
#define TLS_NAME_MAX 256

/* What a ClientHello says; views into its bytes. */
struct tls_client {
	uint16_t version;     /* highest that is offered */
	struct str sni, alpn; /* first name, first protocol */
	bool resumes;	      /* brings a ticket or a session id */
	struct str session;
	char ja3[33], ja4[40];
};

struct tls_server {
	uint16_t version, cipher, curve;
	bool retry; /* HelloRetryRequest */
	struct str alpn, session;
	char ja3s[33];
};

/* body: a handshake message without its head. transport: 't' TCP, 'q' QUIC, 'd' DTLS. */
bool tls_client_hello(struct str body, char transport, struct tls_client *ret_c);
bool tls_server_hello(struct str body, struct tls_server *ret_s);

/* "TLSv13"; unknown ones and ciphers not in the table are written as numbers into tmp. */
const char *tls_version_text(uint16_t v, char tmp[24]);
const char *tls_cipher_text(uint16_t v, char tmp[24]);
const char *tls_curve_text(uint16_t v, char tmp[24]);
const char *tls_alert_text(uint8_t v, char tmp[24]);

#define CERT_NAMES_MAX 32

struct cert {
	uint8_t fingerprint[32]; /* SHA-256 */
	unsigned version;
	struct str serial;		  /* bytes */
	char subject[1024], issuer[1024]; /* RFC 2253 */
	size_t nsubject, nissuer;
	int64_t from, to; /* validity, ns */
	struct str key_oid, sig_oid;
	unsigned key_bits;
	bool ec, self_signed, ca, has_constraints;
	struct str name[CERT_NAMES_MAX]; /* dNSNames, views */
	size_t nnames;
	char common[256]; /* CN of the subject */
	size_t ncommon;
};

/* Takes a certificate (DER) apart. Views point into der. false: broken. */
bool cert_read(struct str der, struct cert *ret_c);
/* Name of a known algorithm's OID, or NULL. */
const char *cert_oid_text(struct str oid);
/* Whether the certificate is for the host, wildcards too. */
bool cert_is_for(const struct cert *c, struct str host);

#endif
