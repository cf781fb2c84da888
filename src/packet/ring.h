/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/ring: the frames of a network interface, by AF_PACKET (TPACKET_V3): the kernel writes
 * them into blocks of memory it shares with us, and counts what it had no room for. Needs
 * CAP_NET_RAW in the interface's network namespace and nothing else. One thread owns a ring.
 */
#ifndef PACKET_RING_H
#define PACKET_RING_H
#include "base/err.h"
#include "packet/dissect.h"

struct ring_conf {
	const char *interface;
	const char *filter; /* as tcpdump has it; NULL = everything */
	unsigned mib;	    /* of shared memory; 0 = RING_MIB */
	bool promiscuous;
	uint16_t group; /* not 0: rings of this number share the connections out by hash */
};

#define RING_MIB 32

struct ring_stats {
	uint64_t frames;  /* that passed the filter, those lost included */
	uint64_t dropped; /* of these: lost for want of room in the ring */
	uint64_t taken;	  /* given out; the rest is still in the ring */
	uint64_t freezes; /* how often it was full */
};

struct ring;

/* 0; -EPERM, -ENODEV, -EINVAL (filter) and others, with a finished line in d. */
MUST int ring_open(const struct ring_conf *conf, struct ring **ret_r, struct diag *d);
struct ring *ring_close(struct ring *r); /* NULL is fine; returns NULL */
/*
 * The next frames, at most max, in order; they live until the next call. Waits for some up to
 * wait_ms. 0: none came; -ENETDOWN: the interface is down (it may come back: call again),
 * -ENODEV: it is gone (only a new ring will see one of its name), other -errno.
 */
MUST int ring_next(struct ring *r, struct frame *f, unsigned max, int wait_ms);
/* Whether the interface is not the one it was: a ring that was told ENETDOWN is told no more.
 */
bool ring_gone(const struct ring *r);
/* Since it was opened. */
void ring_stats(struct ring *r, struct ring_stats *ret_s);
uint16_t ring_link(const struct ring *r); /* LINKTYPE_* of its frames */

#endif
