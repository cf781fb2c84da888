/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/dissect: a captured frame to packets, through VLAN tags, MPLS, PPPoE, tunnels and
 * fragments. A frame gives the innermost packet, and before it the UDP datagram that carried it
 * where a tunnel runs over UDP.
 */
#ifndef PACKET_DISSECT_H
#define PACKET_DISSECT_H
#include "packet/frag.h"
#include "packet/pkt.h"

#define DISSECT_MAX 4 /* packets of one frame */

struct frame {
	int64_t ts; /* ns */
	const uint8_t *p;
	uint32_t len;  /* captured */
	uint32_t wire; /* on the wire */
	uint16_t link; /* LINKTYPE_* */
};

/* Why a frame gave nothing; DISSECT_OK also when it is a fragment that waits for others. */
enum dissect_result {
	DISSECT_OK,
	DISSECT_LINK,  /* link type is not known */
	DISSECT_SHORT, /* captured part ends within the headers */
	DISSECT_IP,    /* bad IP header */
	DISSECT_TCP,   /* bad transport header */
	DISSECT_FRAG,  /* fragments that overlap, or are too many */
	DISSECT_DEEP,  /* more tunnels and headers within each other than anybody means */
	DISSECT_RESULTS,
};
const char *dissect_text(enum dissect_result r);

/* Up to DISSECT_MAX packets, hashes not set. */
enum dissect_result dissect(struct frag *frag, const struct frame *f,
			    struct pkt out[DISSECT_MAX], unsigned *ret_n);
/* Whether frames of this link type can be taken apart. */
bool dissect_knows(uint16_t link);

#endif
