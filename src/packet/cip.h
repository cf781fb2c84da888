/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/cip: messages of the Common Industrial Protocol, of which EtherNet/IP carries one or
 * several in a request. Words are those of ICSNPP's cip.log; classes of Rockwell's controllers
 * have names of our own.
 */
#ifndef PACKET_CIP_H
#define PACKET_CIP_H
#include "packet/ot.h"

struct cip_path {
	uint32_t class, instance, attribute;
	bool has_class, has_instance, has_attribute;
	struct str symbol; /* name of a tag */
};

/* One request, or one reply (service without its upper bit). */
struct cip {
	uint8_t service;
	bool reply;
	uint8_t status;	   /* of a reply */
	uint16_t extended; /* status, or 0 */
	struct cip_path path;
	struct str data;
};

/* false: not whole, or none. */
bool cip_read(struct str s, struct cip *m);
/*
 * The messages within: of Unconnected Send the one it carries, of a Multiple Service Packet
 * each. n messages at most, returned how many; 0: it carries none.
 */
unsigned cip_inner(const struct cip *m, struct str *ret_part, unsigned max);
const char *cip_service(const struct cip *m, char tmp[24]);
const char *cip_class(const struct cip_path *p, char tmp[24]); /* NULL: no class */
const char *cip_status(uint8_t status, char tmp[24]);
/* read, write, control, program, upload, identify, session or other: docs/PACKETS.md. */
const char *cip_access(const struct cip *m);
const char *cip_vendor(uint16_t id); /* NULL: not known */
const char *cip_device_type(uint16_t id);

#endif
