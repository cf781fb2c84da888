/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/handshake: what the two sides of TLS say before they are encrypted, whichever protocol
 * carries it: ssl over TCP, dtls over UDP. Its records are ssl, and x509 once a day for each
 * certificate. The carrier brings whole messages and knows when all is sealed.
 */
#ifndef PACKET_HANDSHAKE_H
#define PACKET_HANDSHAKE_H
#include "packet/proto.h"
#include "packet/tls.h"

#define HANDSHAKE_MAX	  (64 * KIB) /* bytes of a message */
#define HANDSHAKE_CHAIN	  6
#define HANDSHAKE_HISTORY 16

/* Of a heartbeat that claims more than it brings (CVE-2014-0160). */
enum bleed { BLEED_NONE, BLEED_TRIED, BLEED_ANSWERED };

struct handshake {
	int64_t ts;	/* of the first hello */
	char transport; /* of tls_client_hello */
	bool hello[2], written, established, resumes, self_signed, matched, has_leaf;
	uint8_t bleed; /* enum bleed */
	uint16_t version, cipher, curve;
	uint8_t alert, nsession, nhist;
	bool has_alert;
	uint8_t nchain[2];
	uint8_t chain[2][HANDSHAKE_CHAIN][32]; /* fingerprints */
	uint8_t session[32];
	char hist[HANDSHAKE_HISTORY];
	char ja3[33], ja3s[33], ja4[40];
	char sni[TLS_NAME_MAX], alpn[32];
	uint16_t nsni, nalpn, nsubject, nissuer;
	char *leaf; /* owns; subject and issuer */
};

/* One message without its head; false: it is none, or broken. */
bool handshake_message(struct conn *c, struct handshake *s, enum dir d, unsigned type,
		       struct str body);
/* A letter of ssl_history; small where the server spoke. */
void handshake_note(struct handshake *s, char letter, enum dir d);
/* Two bytes of an alert in the clear. */
void handshake_alert(struct handshake *s, enum dir d, struct str body);
/* Writes ssl, once. */
void handshake_write(struct conn *c, struct handshake *s);
void handshake_free(struct conn *c, struct handshake *s);

#endif
