/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/unpack: a body that came compressed (gzip, deflate), unpacked as it passes by.
 * Bounded: one block of memory of the sensor's, and no more bytes out than UNPACK_RATIO for
 * each that came in, besides UNPACK_FREE, and UNPACK_MAX in all; what would give more is given
 * up.
 */
#ifndef PACKET_UNPACK_H
#define PACKET_UNPACK_H
#include "packet/proto.h"

#define UNPACK_RATIO 100
#define UNPACK_FREE  (256 * KIB)
#define UNPACK_MAX   (64 * MIB)

struct unpack;

/* Whether a Content-Encoding is one of those unpacked here. */
bool unpack_knows(struct str coding);
/* NULL when memory is out. */
struct unpack *unpack_new(struct conn *c);
void unpack_free(struct conn *c, struct unpack *u);
/*
 * Gives what s unpacks to, in pieces. false: it is broken or too large, or it goes on behind
 * its end; then u is of no use any more.
 */
bool unpack_bytes(struct unpack *u, struct str s, void (*out)(void *arg, struct str piece),
		  void *arg);
/* Whether the end was reached: what came out is all there is. */
bool unpack_done(const struct unpack *u);

#endif
