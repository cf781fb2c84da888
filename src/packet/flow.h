/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/flow: the table of connections. Private to the sensor.
 *
 * Flows stand in one reserved range and are known by number (from 1). An index of 64-bit words
 * (half of the hash, number) finds them: eight words are a bucket and a cache line, what does
 * not fit stands in the next. A wheel with a slot a quarter second
 * tells which have been idle long enough. A flow is put into the wheel where it is due at the
 * earliest and only looked at again then, so that a packet touches the flow alone.
 */
#ifndef PACKET_FLOW_H
#define PACKET_FLOW_H
#include "packet/proto.h"

enum tcp_state {
	TCPS_INACTIVE,
	TCPS_SYN_SENT,
	TCPS_SYN_ACK_SENT,
	TCPS_PARTIAL,
	TCPS_ESTABLISHED,
	TCPS_CLOSED,
	TCPS_RESET,
};

enum {
	FLOW_FLIPPED = 1, /* the first packet came from who answers */
	FLOW_NO_APP = 2,  /* no protocol, or given up */
	FLOW_SEQ0 = 4,	  /* the originator's sequence numbers are known; responder: << 1 */
	FLOW_SEQ1 = 8,
	FLOW_USED = 16, /* its place in the table is taken */
};

struct side {
	uint64_t bytes; /* payload; for TCP what sequence numbers say */
	uint64_t ip_bytes;
	uint32_t pkts;
	uint32_t next;	/* sequence number of the next byte; ping: length of the last, and 1 */
	uint32_t acked; /* by the other side; ping: replies of another length */
} __attribute__((packed, aligned(4)));

/* What a history tells, in order of Zeek's letters for it. */
enum note {
	NOTE_SYN,
	NOTE_SYN_ACK,
	NOTE_ACK,
	NOTE_DATA,
	NOTE_FIN,
	NOTE_RST,
	NOTE_AGAIN,
	NOTE_WINDOW0,
	NOTE_GAP,
	NOTE_FIN_RST,
	NOTE_SYN_MORE,
	NOTE_FLIPPED,
	NOTES,
};
#define HISTORY_MAX  (2 * NOTES)
#define HISTORY_WORD 12 /* notes in a word, five bits each */

/* A packet of a connection touches the first two lines of 64 bytes alone. */
struct flow {
	struct ip ip[2];
	uint16_t port[2];
	uint8_t proto;
	uint8_t state[2]; /* of TCP */
	uint8_t flags;
	uint32_t last_t; /* tick of the sensor's clock when last seen, its lower half */
	uint32_t noted;	 /* what is in the history, a bit for each note and side */
	int64_t last;	 /* of the packets */
	struct app *app;
	struct side side[2];
	uint64_t hist; /* the first notes, 1 + 2 * note + side each */
	int64_t start; /* of the packets */
	uint64_t hist_more;
	uint64_t services; /* bit: number in protos */
	uint32_t missed[2];
	uint32_t hash;	     /* upper half */
	uint32_t prev, next; /* in the wheel; next also in the free list */
	uint16_t slot;
	uint8_t reports; /* how often it was reported while open */
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct flow) == 192 && offsetof(struct flow, start) == 128,
	       "three cache lines, the last for what few packets need");

#define TICK_NS	    (NS_PER_S / 4) /* how late the end of a connection may be told of */
#define WHEEL_SLOTS 2048

struct flows {
	struct flow *f; /* [max + 1] */
	size_t reserved;
	uint32_t max, top, n, most, free;
	uint64_t *index;
	size_t cap; /* of index, a power of two */
	uint64_t seed;
	uint32_t wheel[WHEEL_SLOTS];
	uint64_t wheel_t; /* the tick (TICK_NS since 1970) whose slot is being emptied */
};

MUST int flows_init(struct flows *t, uint32_t max);
void flows_free(struct flows *t);
uint64_t flows_hash(const struct flows *t, const struct pkt *k);
/* Where the bucket of an upper half of a hash begins. */
static inline size_t flows_home(size_t cap, uint32_t h)
{
	return h & (cap - 1) & ~(size_t)7;
}
static inline void flows_prefetch(const struct flows *t, uint64_t hash)
{
	__builtin_prefetch(&t->index[flows_home(t->cap, (uint32_t)(hash >> 32))]);
}
/* The flow of a hash may be this one; for prefetching. */
const struct flow *flows_guess(const struct flows *t, uint64_t hash);
/* The flow of a packet, *ret_dir who sent it; NULL: none. */
struct flow *flows_find(struct flows *t, const struct pkt *k, enum dir *ret_dir);
/* A zeroed flow under the packet's hash; NULL when there is no room. Not in the wheel. */
struct flow *flows_add(struct flows *t, uint64_t hash);
void flows_del(struct flows *t, struct flow *f);
static inline uint32_t flow_no(const struct flows *t, const struct flow *f)
{
	return (uint32_t)(f - t->f);
}

/* Puts the flow into the wheel for the tick `due`, out of where it stood. */
void wheel_put(struct flows *t, struct flow *f, uint64_t due);
void wheel_cut(struct flows *t, struct flow *f);
/* The next flow of the slot of a tick, or NULL. */
struct flow *wheel_top(struct flows *t, uint64_t tick);
/* The tick in which the flow is over when nothing more of it comes. */
uint64_t flow_due(const struct flows *t, const struct flow *f);

/* Seconds of idleness after which a flow is over. */
uint32_t flow_idle_s(const struct flow *f);
/* "SF", "S0", ... as Zeek has them. */
const char *flow_state(const struct flow *f);
void flow_note_first(struct flow *f, enum note n, enum dir d, uint32_t bit);
/* Once per note and side. */
static inline void flow_note(struct flow *f, enum note n, enum dir d)
{
	uint32_t bit = UINT32_C(1) << (2 * n + (d == DIR_RESP));

	if (!(f->noted & bit))
		flow_note_first(f, n, d, bit);
}
/* The history in Zeek's letters, those of the responder small. */
struct str flow_history(const struct flow *f, char out[HISTORY_MAX]);
/* Takes a packet of a TCP flow into account, payload aside. */
void tcp_update(struct flow *f, const struct pkt *k, enum dir d);

#endif
