/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/dtls: DTLS 1.0 to 1.3 (RFC 6347, RFC 9147) up to where it is encrypted. By itself
 * (proto_dtls), or on a connection that STUN has opened (proto_stun).
 */
#ifndef PACKET_DTLS_H
#define PACKET_DTLS_H
#include "packet/handshake.h"

struct dtls_way {
	uint8_t *msg; /* owns; a message in fragments: len bytes, of which have are there */
	uint32_t len, have;
	uint16_t seq, next; /* number of that message; of the one to come */
	bool sealed;
};

/* Zeroed at first. */
struct dtls {
	struct handshake h;
	struct dtls_way way[2];
	bool flip; /* who was called is the client, as in WebRTC either may be */
};

/* Whether a datagram begins with a record of a handshake. */
bool dtls_begins(struct str s);
/* A datagram of records. false: it is none. */
bool dtls_datagram(struct conn *c, struct dtls *t, enum dir d, struct str s);
/* Writes what waits, frees what t owns; t itself belongs to the caller. */
void dtls_end(struct conn *c, struct dtls *t);

#endif
