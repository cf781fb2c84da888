/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/encode: the ways in which a searched text may be written in a record. All results are
 * made in a; p is NULL when out of memory.
 */
#ifndef EVENT_ENCODE_H
#define EVENT_ENCODE_H
#include "base/arena.h"

/* Letter, digit or underscore. */
bool encode_word(char c);
/* s with every dash or slash that begins an option written as `dash` (at most 3 bytes). */
struct str encode_dash(struct arena *a, struct str s, const char *dash);
/* UTF-8 as UTF-16; mark: a little-endian byte order mark goes before it. */
struct str encode_utf16(struct arena *a, struct str s, bool big, bool mark);
/*
 * Base64 of s when `skip` (0 to 2) bytes stand before it and anything may follow: characters
 * that depend on the neighbours are left out. pad: nothing follows.
 */
struct str encode_base64(struct arena *a, struct str s, unsigned skip, bool pad);

#endif
