/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/ip: addresses as 16 bytes. IPv4 stands in its v4-mapped IPv6 form, so that both ways
 * of writing one address are the same address.
 */
#ifndef EVENT_IP_H
#define EVENT_IP_H
#include "base/arena.h"

#define IP_TEXT 48 /* bytes that ip_text needs at most, NUL included */

struct ip {
	uint8_t b[16];
};

struct cidr {
	struct ip ip;
	uint8_t bits; /* 0..128; an IPv4 block counts from 96 */
};

/* "10.0.0.5", "fe80::1", "fe80::1%eth0", "[::1]", "::ffff:10.0.0.5". Whole slice. */
bool ip_parse(struct str s, struct ip *ret_ip);
bool ip_is_v4(const struct ip *ip);
/* Canonical text (RFC 5952; dotted for IPv4) into out. Returns it as a slice. */
struct str ip_text(const struct ip *ip, char out[IP_TEXT]);
/* The network it counts as: "203.0.0.0/16" or "2001:db8::/32"; empty when out of memory. */
struct str ip_network(const struct ip *ip, struct arena *mem);
/* Private, shared (RFC 6598), link-local, loopback and unique local addresses. */
bool ip_private(const struct ip *ip);
/* Multicast, broadcast and unspecified: nobody's address. */
bool ip_nobody(const struct ip *ip);

/* "10.0.0.0/8", "fc00::/7", or an address alone. Host bits are ignored. */
bool cidr_parse(struct str s, struct cidr *ret_c);
bool cidr_has(const struct cidr *c, const struct ip *ip);

#endif
