/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/text: names as protocols of Windows send them, as UTF-8.
 */
#ifndef PACKET_TEXT_H
#define PACKET_TEXT_H
#include "base/str.h"

/*
 * UTF-16, little endian, as UTF-8 without NUL: bytes written, at most max, whole characters.
 * A lone surrogate becomes U+FFFD; what follows a NUL is left out.
 */
size_t text_utf16(struct str in, char *out, size_t max);

#endif
