/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/proto: what a protocol is to the sensor. One file proto_NAME.c with one const struct
 * at its foot, and one line X(NAME) in registry.def: the same line feeds the build, the table
 * and the fuzz target. docs/PACKETS.md shows how to add one.
 *
 * The sensor reassembles, buffers, bounds and frees; a protocol looks at bytes and writes
 * records. Its bytes are hostile: it must be safe on any.
 */
#ifndef PACKET_PROTO_H
#define PACKET_PROTO_H
#include "packet/pkt.h"
#include "packet/rec.h"

enum dir { DIR_ORIG, DIR_RESP }; /* from who opened the connection; from who was called */

enum { PROTO_TCP = 1, PROTO_UDP = 2, PROTO_SCTP = 4, PROTO_ETHER = 8 };

enum sniff_result { SNIFF_NO, SNIFF_MORE, SNIFF_YES };

struct sniff {
	struct str data; /* the first bytes of one direction, or one datagram */
	enum dir dir;
	uint8_t transport;     /* one of PROTO_* */
	bool hinted;	       /* a port of the connection is one of the protocol's */
	uint16_t sport, dport; /* of these bytes */
};

/* A connection as its protocol sees it. */
struct conn {
	void *state;  /* ops->state_size bytes, zeroed at first */
	void *shared; /* ops->shared_size bytes of the sensor, zeroed at first */
	struct rec *rec;
	int64_t ts;	       /* of the packet that brought these bytes */
	int64_t known;	       /* now; never goes back */
	const struct pkt *pkt; /* that packet; NULL in close and in what waited for others */
	struct flow *flow;
	struct sensor *sensor;
	struct app_room *room; /* see conn_alloc */
	bool again;	       /* see conn_again */
};

#define STREAM_FAIL (-1) /* not this protocol, or beyond use: give me no more */

struct proto_ops {
	const char *name;   /* "dns": of the file, and of the service in conn records */
	uint8_t transports; /* PROTO_* or'ed */
	uint16_t ports[16]; /* usual ports of the server, 0 ends: tried first there */
	uint16_t ethertype; /* of PROTO_ETHER */
	size_t state_size;
	size_t shared_size;  /* of one block for all connections of a sensor */
	uint32_t buffer_max; /* bytes of one direction that may wait for more; 0 = 16 KiB */
	bool no_service;     /* conn records do not name it */
	/* By content, on any port. Cheap: called for every connection's first bytes. */
	enum sniff_result (*sniff)(const struct sniff *s);
	/*
	 * NULL, as datagram may be too: recognised and named is all there is to it.
	 * Bytes of one direction in order, from the first not yet taken. Returns how many it
	 * took; the rest comes again with more behind it. STREAM_FAIL ends it. More than
	 * buffer_max left over does, too.
	 */
	int64_t (*stream)(struct conn *c, enum dir d, struct str data);
	/* One datagram. 0, or STREAM_FAIL: it is none. */
	int (*datagram)(struct conn *c, enum dir d, struct str data);
	/* n bytes of a direction were lost. false or NULL: give me no more of it. */
	bool (*gap)(struct conn *c, enum dir d, uint64_t n);
	/* The connection ended, or was given up: writes what waits. May be NULL. */
	void (*close)(struct conn *c);
	/* A frame of ops->ethertype; c->state and c->flow are NULL. */
	void (*frame)(struct conn *c, struct str data);
	/* The capture ended: what waits in c->shared is written. Both are NULL, as is c->pkt. */
	void (*finish)(struct conn *c);
};

/* A record of the connection: ts, uid and the four fields of id. */
struct rec *conn_rec(struct conn *c, const char *path, int64_t ts);
/* The next n bytes of a direction are of no interest: they are passed over, gaps and all. */
void conn_skip(struct conn *c, enum dir d, uint64_t n);
/* From the next byte on another protocol speaks (STARTTLS, CONNECT): sniff anew. */
void conn_again(struct conn *c);
/* Names one more service in the conn record ("ntlm"); the name must be in the registry. */
void conn_service(struct conn *c, const char *name);
/*
 * The next TCP connection to this address and port, within a minute, will speak the protocol of
 * that name in the registry (a data channel), unless a known service listens at that port. Only
 * the last EXPECT_MAX of a sensor are remembered.
 */
void conn_expect(struct conn *c, const char *name, const struct ip *ip, uint16_t port);
/* What the connection announced last for this address and port will carry (a file's name). */
void conn_expect_name(struct conn *c, const struct ip *ip, uint16_t port, struct str name);
/* That name, asked by the connection announced; empty: none. It lives as long as the call. */
struct str conn_expected_name(const struct conn *c);
/*
 * Memory that counts towards the sensor's bound; NULL when that is reached. What a protocol has
 * taken it frees, with the same n, in close at the latest.
 */
void *conn_alloc(struct conn *c, size_t n);
void conn_free(struct conn *c, void *p, size_t n);
/*
 * Whether this is the first time within a day that a protocol asks for this hash: for what is
 * told once (a certificate, a host's software). Forgets early rather than grow.
 */
bool conn_first_today(struct conn *c, uint64_t hash);
/* Addresses and ports: of the originator, of the responder. */
const struct ip *conn_ip(const struct conn *c, enum dir d);
uint16_t conn_port(const struct conn *c, enum dir d);
uint8_t conn_proto(const struct conn *c); /* number in the IP header */
/* "C" and 17 characters; made of addresses, ports and start. */
struct str conn_uid(const struct conn *c, char out[20]);

extern const struct proto_ops *const protos[]; /* in order of registry.def; ends with NULL */
#define PROTOS_MAX 64
int proto_find(const char *name); /* index or -1 */

#endif
