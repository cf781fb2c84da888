/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/crowd: unanswered connections that were ended early for want of room (a SYN flood, a
 * scan at line rate) are told of together: one record for whoever called so many, or was called
 * by so many, each ten seconds. Private to the sensor.
 */
#ifndef PACKET_CROWD_H
#define PACKET_CROWD_H
#include "packet/flow.h"

#define CROWD_PLACES 64	  /* callers and called ones told apart; the rest is one */
#define CROWD_CELLS  1024 /* of the counts that decide between them */
#define CROWD_TIME   (10 * NS_PER_S)

struct crowd_place {
	struct ip ip;
	uint16_t port; /* of who was called */
	uint8_t proto;
	bool called; /* ip was called; else it is who called */
	uint64_t connections, pkts, ip_bytes;
	int64_t first, last;
};

struct crowd {
	struct crowd_place place[CROWD_PLACES + 1]; /* the last: all others */
	uint32_t cell[2][CROWD_CELLS];		    /* by caller, by called */
	unsigned n;
	bool rest;
	int64_t since; /* the sensor's clock at the first */
};

void crowd_add(struct crowd *c, const struct flow *f, int64_t now);
/* Whether it is time to tell. */
bool crowd_due(const struct crowd *c, int64_t now);
/* Writes `crowd` records and begins anew. */
void crowd_write(struct crowd *c, struct rec *r, int64_t now);

#endif
