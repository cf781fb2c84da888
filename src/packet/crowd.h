/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/crowd: connections that came to nothing and were too many to be told of one by one (a
 * scan, a flood of SYNs, a client that calls the dead) are told of together. Private to the
 * sensor.
 *
 * Each belongs to four groups: what its caller asked of that host; of that port, anywhere; what
 * was asked of that service, by anybody; and what its caller asked at all. Of each group the
 * first CROWD_FIRST different ones in five minutes of the clock (CROWD_ALL of the last) are
 * conn records like any other (CROWD_AGAIN, where it had more in the five minutes before), and
 * so are the first CROWD_FIRST times that one calls the same service. Of those beyond, each
 * minute, one `crowd` record for each group and conn_state tells how many there were, with all
 * their packets and bytes, about how many different hosts, ports or callers, and some of these
 * by name.
 * So are lookups of one caller at one resolver (one question, one answer) beyond CROWD_FIRST in
 * five minutes: each has its dns record.
 */
#ifndef PACKET_CROWD_H
#define PACKET_CROWD_H
#include "packet/flow.h"

#define CROWD_FIRST   64U /* above what models of scans and floods count to */
#define CROWD_AGAIN   8U
#define CROWD_ALL     1024U
#define CROWD_WINDOW  (300 * NS_PER_S)
#define CROWD_TIME    (60 * NS_PER_S)
#define CROWD_PLACES  256 /* groups told apart in one minute; the rest is one */
#define CROWD_SAMPLES 8
#define CROWD_BITS    2048 /* of each count of what differs: 15,600 at most, some % off */
#define CROWD_SETS    4096 /* of four cells each, for how many a group has had */

/* Which group. The first that is full tells. */
enum crowd_kind { CROWD_PAIR, CROWD_SWEEP, CROWD_SERVICE, CROWD_CALLER, CROWD_KINDS };

struct crowd_cell {
	uint64_t key;
	uint32_t window, n;
};

/* How many different ones: a bit for each hash (linear counting, Whang et al. 1990). */
struct crowd_count {
	uint64_t bit[CROWD_BITS / 64];
};

struct crowd_place {
	uint64_t key;
	const char *state; /* conn_state of all */
	const char *service;
	enum crowd_kind kind;
	uint8_t proto, nsamples;
	uint16_t port[2]; /* of the first */
	struct ip ip[2];
	struct {
		struct ip ip;
		uint16_t port;
	} sample[CROWD_SAMPLES];
	uint64_t connections, bytes[2], pkts[2], ip_bytes[2];
	int64_t first, last;
	struct crowd_count hosts, ports; /* hosts: callers, of CROWD_SERVICE */
};

struct crowd {
	struct crowd_place place[CROWD_PLACES + 1]; /* the last: all others */
	uint16_t index[2 * CROWD_PLACES];	    /* of places by key, from 1; 0 ends */
	struct crowd_cell cell[CROWD_SETS][4];
	uint64_t dns; /* its bit among a flow's services; set by the owner */
	unsigned n;
	bool rest;
	int64_t since; /* the sensor's clock at the first */
};

/*
 * A connection is over. true: it came to nothing or was a lookup, was one too many of its
 * group, and is counted here; false: it is to be told of by itself. `early`: room is short, so
 * that beyond CROWD_ALL of these in five minutes all are too many, whatever their groups.
 */
bool crowd_take(struct crowd *c, const struct flow *f, int64_t now, bool early);
/* Whether it is time to tell. */
bool crowd_due(const struct crowd *c, int64_t now);
/* Writes `crowd` records and begins them anew. */
void crowd_write(struct crowd *c, struct rec *r, int64_t now);

#endif
