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
#define DASHES 5 /* hyphen, slash, en dash, em dash, horizontal bar */
/* Bytes of the dash that stands at s[i]; 0: none. */
size_t encode_dash_at(struct str s, size_t i);
/* How many dashes of s begin an option: no word before them and one after them. */
size_t encode_dashes(struct str s);
/* s with its nth such dash written as dash number (choice / DASHES^n) % DASHES. */
struct str encode_dash(struct arena *a, struct str s, unsigned choice);
/* s with each of them as the one byte `mark`. */
struct str encode_dash_mark(struct arena *a, struct str s, char mark);
/* UTF-8 as UTF-16; mark: a little-endian byte order mark goes before it. */
struct str encode_utf16(struct arena *a, struct str s, bool big, bool mark);
/*
 * Base64 of s when `skip` (0 to 2) bytes stand before it and anything may follow: characters
 * that depend on the neighbours are left out. pad: nothing follows.
 */
struct str encode_base64(struct arena *a, struct str s, unsigned skip, bool pad);

#endif
