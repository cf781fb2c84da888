/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/wire: live capture. For each interface one thread or several, each with a ring and a
 * sensor of its own (a connection always comes to the same); their records go out as they are
 * made, and once an interval, and at the end, a `stats` record for each interface says what
 * came and what was lost.
 *
 * When records are not taken, frames are not either: then the kernel's ring fills and the
 * kernel counts what it drops. So nothing is lost uncounted, and memory is bounded.
 */
#ifndef PACKET_WIRE_H
#define PACKET_WIRE_H
#include "packet/keep.h"
#include "packet/ring.h"
#include "packet/sensor.h"

#define WIRE_THREADS_MAX 64
#define WIRE_NAME	 16 /* IFNAMSIZ */

struct wire_conf {
	const char *const *interfaces;
	size_t n;
	const char *filter; /* NULL = everything */
	unsigned threads;   /* of each interface; 0 = 1 */
	unsigned ring_mib;  /* of each thread; 0 = RING_MIB */
	bool promiscuous;
	int64_t interval; /* ns between stats records; 0 = a minute */
	struct sensor_conf sensor;
	const char *keep_dir; /* the packets of the last minutes are kept there; NULL = not */
	struct keep_conf keep;
	/*
	 * Takes whole lines; -EAGAIN: later (they come again), other <0: lost, and counted. Any
	 * thread.
	 */
	int (*out)(struct str lines, void *arg);
	void *arg;
};

struct wire_stats {
	char name[WIRE_NAME];
	uint64_t frames, bytes; /* that the sensor was given */
	uint64_t dropped;	/* by the kernel, for want of room in the ring; or left in it */
	uint64_t freezes;
	uint64_t refused; /* frames that are no packet we know */
	uint64_t evicted; /* connections ended early for want of room */
	uint64_t unread;  /* connections not read for want of room */
	uint64_t records, records_lost;
	uint64_t kept_lost; /* frames that could not be kept on disk */
	uint64_t flows;	    /* connections open now */
	uint64_t downs;	    /* how often the interface went */
	bool up;
};

struct wire;

/* Fails when an interface cannot be opened: the reason is a finished line in d. */
MUST int wire_start(const struct wire_conf *conf, struct wire **ret_w, struct diag *d);
/*
 * What was captured so far is read, every connection is finished and told of. NULL is fine;
 * returns NULL. ret_s: figures at the end, [conf.n], or NULL.
 */
struct wire *wire_stop(struct wire *w, struct wire_stats *ret_s);
size_t wire_count(const struct wire *w);
/* Of interface i; any thread. */
void wire_stats(struct wire *w, size_t i, struct wire_stats *ret_s);

#endif
