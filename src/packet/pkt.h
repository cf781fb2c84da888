/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/pkt: one packet, taken apart down to its transport. Views point into the capture's
 * buffer (or that of a reassembled datagram) and live as long as the batch.
 */
#ifndef PACKET_PKT_H
#define PACKET_PKT_H
#include "base/str.h"
#include "event/ip.h"

enum {
	IPPROTO_N_ICMP = 1,
	IPPROTO_N_IPIP = 4,
	IPPROTO_N_TCP = 6,
	IPPROTO_N_UDP = 17,
	IPPROTO_N_IPV6 = 41,
	IPPROTO_N_GRE = 47,
	IPPROTO_N_ICMP6 = 58,
	IPPROTO_N_SCTP = 132,
};

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };

struct pkt {
	int64_t ts;    /* ns, as the capture says */
	int64_t known; /* the sensor's clock at this packet */
	struct ip src, dst;
	uint16_t sport, dport; /* ICMP: type and code, or the types of request and reply */
	uint8_t proto;	       /* number in the IP header; 0: no IP, see ethertype */
	uint8_t flags;	       /* of TCP */
	uint16_t win;
	uint32_t seq, ack;
	const uint8_t *data; /* payload as captured */
	uint32_t len;	     /* of data */
	uint32_t size;	     /* of the payload on the wire */
	uint32_t ip_bytes;   /* of the datagram on the wire */
	uint16_t ethertype;  /* of the innermost frame */
	uint16_t vlan;	     /* innermost; 0 none */
	const uint8_t *mac;  /* destination, source: 12 bytes; NULL when there are none */
	const char *tunnel;  /* what it came through last, or NULL */
	struct ip outer[2];  /* addresses of that tunnel */
	uint64_t hash;	     /* of the connection, the same both ways */
};

static inline uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static inline uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[1] << 8 | p[0]);
}

static inline uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

#endif
