/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/tpkt: ISO transport over TCP (RFC 1006), under S7comm and MMS: packets of TPKT with a
 * PDU of COTP each, whose data may be cut into several.
 */
#ifndef PACKET_TPKT_H
#define PACKET_TPKT_H
#include "packet/proto.h"

#define TPKT_BUFFER 8192 /* for ops->buffer_max */

enum { COTP_CONNECT = 0xe0, COTP_CONFIRM = 0xd0, COTP_DATA = 0xf0 };

/* One direction; zeroed at first. */
struct tpkt {
	uint8_t *part; /* data whose end has not come */
	uint32_t len, cap;
	bool lost; /* too long: its rest is passed over */
};

/*
 * The next packet of data: bytes it takes, 0 not whole, STREAM_FAIL none. *ret_msg is the data
 * of a message that is whole with it, without p otherwise; it lives until the next call.
 */
int64_t tpkt_next(struct conn *c, struct tpkt *t, struct str data, struct str *ret_msg);
void tpkt_free(struct conn *c, struct tpkt *t);
/* Forgets a message of which bytes were lost. */
void tpkt_gap(struct tpkt *t);
/*
 * For sniff: the data of the first message in sight (a few bytes are enough). SNIFF_MORE: only
 * the connection's set-up so far.
 */
enum sniff_result tpkt_first(struct str data, struct str *ret_msg);

#endif
