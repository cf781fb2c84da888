/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/mime: the kind of a file by its first bytes.
 */
#ifndef PACKET_MIME_H
#define PACKET_MIME_H
#include "base/str.h"

#define MIME_BYTES 512 /* more than these are not looked at */

/* "application/x-dosexec", named as Zeek names it; NULL: not known. */
const char *mime_of(struct str head);

#endif
