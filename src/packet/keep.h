/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/keep: the packets of the last minutes, in a bounded ring of capture files
 * (DIR/NAME-000000000001.pcap, nanoseconds), so that an alert can save those around it. Each
 * capturing thread has one keep of its own; keep_pick reads them from another.
 */
#ifndef PACKET_KEEP_H
#define PACKET_KEEP_H
#include "base/err.h"
#include "packet/dissect.h"

#define KEEP_FILES 16 /* the ring is cut into so many at least; whole ones go */

struct keep_conf {
	uint64_t bytes; /* of all files; 0 = KEEP_BYTES */
	int64_t time;	/* ns; what is older goes; 0 = KEEP_TIME */
	uint32_t snap;	/* bytes kept of a frame; 0 = all */
	uint64_t spare; /* so many bytes of the disk are left to others */
};

#define KEEP_BYTES (256 * MIB)
#define KEEP_TIME  (900 * NS_PER_S)

struct keep;

/* Takes up what an earlier run left under this name. DIR is made when absent. */
MUST int keep_open(const struct keep_conf *conf, const char *dir, const char *name,
		   uint16_t link, struct keep **ret_k, struct diag *d);
struct keep *keep_close(struct keep *k); /* NULL is fine; returns NULL */
/* Adds a frame; what cannot be written is counted in keep_lost. */
void keep_add(struct keep *k, const struct frame *f);
/* So that others can read what was added. */
void keep_flush(struct keep *k);
uint64_t keep_lost(const struct keep *k);

/* Which packets are wanted. */
struct keep_want {
	struct ip ip[8];
	unsigned nip; /* a packet of any of these */
	int64_t from, to;
	/* Of these connections all that there is, whenever: */
	struct {
		struct ip ip[2];
		uint16_t port[2];
		uint8_t proto; /* 0: any */
	} conn[16];
	unsigned nconn;
	uint64_t bytes_max; /* of the file; 0 = 64 MiB */
};

struct keep_picked {
	uint64_t packets, bytes, left_out; /* left_out: beyond bytes_max */
	int64_t first, last;		   /* times of packets */
};

/*
 * Writes the wanted packets of all rings below dir, in order of time, as pcapng to the file
 * `path`; `comment` is kept in its head. 0 or <0. Files that vanish meanwhile are passed over.
 */
MUST int keep_pick(const char *dir, const struct keep_want *want, const char *comment,
		   const char *path, struct keep_picked *ret_p, struct diag *d);

#endif
