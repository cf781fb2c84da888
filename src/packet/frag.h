/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/frag: IP datagrams from their fragments. Bounded in number, bytes and time; of two
 * fragments that overlap the first counts, and both the datagram is marked.
 */
#ifndef PACKET_FRAG_H
#define PACKET_FRAG_H
#include "packet/pkt.h"

#define FRAG_OPEN_MAX  256	 /* datagrams being put together */
#define FRAG_BYTES_MAX (4 * MIB) /* of all of them */
#define FRAG_TIME      (30 * NS_PER_S)

struct frag_part {
	struct ip src, dst;
	uint32_t id;
	uint8_t proto;
	bool more;
	uint32_t at; /* offset of the fragment's bytes in the datagram */
	const uint8_t *p;
	uint32_t len;
};

struct frag;
struct frag *frag_new(void);
struct frag *frag_free(struct frag *f);
/*
 * Adds a fragment. 1: *ret_p, *ret_len is the whole datagram, which lives until frag_release;
 * 0: others are missing; -1: refused.
 */
int frag_add(struct frag *f, int64_t ts, const struct frag_part *part, const uint8_t **ret_p,
	     uint32_t *ret_len);
/* Frees the datagrams that were given out. */
void frag_release(struct frag *f);

#endif
