/* SPDX-License-Identifier: Apache-2.0 */
/* packet/bacnet: the tags and words of BACnet (ASHRAE 135, 20.2 and 21), as ICSNPP spells them.
 */
#ifndef PACKET_BACNET_H
#define PACKET_BACNET_H
#include "packet/ot.h"

struct bacnet_tag {
	uint8_t no;
	bool context, opening, closing;
	uint32_t value; /* of up to four bytes, big-endian */
	struct str data;
};

/* Takes the next tag off s; false: none, or broken. */
bool bacnet_tag(struct str *s, struct bacnet_tag *ret_tag);
/* The APDU behind the headers of link and network; false: none (a message of the network). */
bool bacnet_apdu(struct str datagram, struct str *ret_apdu);
/* The same where the header of the network begins at `at`, as in a frame of Ethernet. */
bool bacnet_npdu(struct str data, size_t at, struct str *ret_apdu);

const char *bacnet_bvlc(uint8_t function);
const char *bacnet_service(bool confirmed, uint8_t service, char tmp[24]);
const char *bacnet_object(uint16_t type, char tmp[24]);
const char *bacnet_property(uint32_t property, char tmp[24]);
const char *bacnet_error(uint32_t code, char tmp[24]);
const char *bacnet_reason(bool reject, uint8_t code, char tmp[24]);
const char *bacnet_vendor(uint32_t id); /* NULL: not known */

#endif
