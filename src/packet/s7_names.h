/* SPDX-License-Identifier: Apache-2.0 */
/* packet/s7_names: words for the numbers of S7comm and S7comm-plus; NULL: none is known. */
#ifndef PACKET_S7_NAMES_H
#define PACKET_S7_NAMES_H
#include "packet/ot.h"

const char *s7_function(uint8_t f);
const char *s7_group(uint8_t g); /* of user data */
const char *s7_sub(uint8_t group, uint8_t sub);
const char *s7_error(uint8_t class);
const char *s7_return(uint8_t code); /* of an item of data; NULL for success */
const char *s7_plus_function(uint16_t f);
const char *s7_service(struct str pi); /* of "PLC Control" */

#endif
