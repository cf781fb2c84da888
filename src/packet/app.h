/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/app: what goes on inside a connection: its bytes in order, the search for its
 * protocol, and that protocol. Private to the sensor.
 */
#ifndef PACKET_APP_H
#define PACKET_APP_H
#include "packet/flow.h"

#define EXPECT_MAX 64

/* A connection that another one has announced. */
struct expect {
	struct ip ip;
	uint16_t port;
	int no;	       /* in protos */
	int64_t until; /* of the sensor's clock */
	uint8_t nname;
	char name[126]; /* of what will be carried, when that is known */
};

/* All that protocols and reassembly hold, of all connections. */
struct app_room {
	size_t used, max;
	uint64_t refused;
	void *shared[PROTOS_MAX];	  /* of each protocol; made when first asked for */
	struct expect expect[EXPECT_MAX]; /* a ring */
	uint32_t nexpect;		  /* ever */
};

/* Where a packet is handled; lives as long as the call. */
struct app_ctx {
	struct app_room *room;
	struct sensor *sensor;
	struct rec *rec;
	int64_t known;
};

/* Payload of a TCP packet, or none but flags. May free f->app and set FLOW_NO_APP. */
void app_stream(const struct app_ctx *c, struct flow *f, const struct pkt *k, enum dir d);
void app_datagram(const struct app_ctx *c, struct flow *f, const struct pkt *k, enum dir d);
/* Ends the protocol; the connection is over. */
void app_close(const struct app_ctx *c, struct flow *f);
void app_room_free(struct app_room *room);
/* Whether segments behind a hole are still waited for. */
bool app_waits(const struct flow *f);
void app_frame(const struct app_ctx *c, const struct pkt *k);
/* The capture ended: what protocols know of frames is written. */
void app_finish(const struct app_ctx *c);
/* Whether the port is one on which a known protocol's servers listen. */
bool app_server_port(uint8_t transport, uint16_t port);

#endif
