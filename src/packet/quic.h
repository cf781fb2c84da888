/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/quic: the first packets of QUIC, whose keys everybody can make from what stands in
 * them (RFC 9001 section 5.2, RFC 9369 for version 2, drafts 23 to 34).
 */
#ifndef PACKET_QUIC_H
#define PACKET_QUIC_H
#include "base/str.h"

#define QUIC_CID_MAX 20
#define QUIC_PLAIN   1500

/* The head of a packet with a long header; views into it. */
struct quic_head {
	uint32_t version;
	bool initial;
	struct str dcid, scid;
	struct str token;
	size_t pn;   /* where the packet number stands */
	size_t size; /* of the whole packet: another may follow in the datagram */
};

struct quic_keys {
	uint8_t key[16], iv[12], hp[16];
};

/* false: none, or of a version that is not known. */
bool quic_head(struct str datagram, struct quic_head *ret_h);
/* "1", "2", "draft-29"; NULL: not known. */
const char *quic_version_text(uint32_t version);
/* Keys of the client's (else the server's) first packets. cid: the first the client wrote to.
 */
bool quic_keys(uint32_t version, struct str cid, bool client, struct quic_keys *ret_k);
/*
 * Opens a packet: plain text into out (QUIC_PLAIN bytes), its length, or 0 when it is not of
 * these keys.
 */
size_t quic_open(const struct quic_keys *k, struct str datagram, const struct quic_head *h,
		 uint8_t *out);
/* A number of variable length (RFC 9000 section 16); *at goes behind it. */
bool quic_int(struct str s, size_t *at, uint64_t *ret_v);

#endif
