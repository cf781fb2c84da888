/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sense/utf16: UTF-16 with a byte order mark, as Windows tools write logs, to UTF-8 piece by
 * piece. Private to file.c.
 */
#ifndef SENSE_UTF16_H
#define SENSE_UTF16_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct utf16 {
	bool big; /* most significant byte first */
	bool odd; /* half a unit came last: byte */
	unsigned char byte;
	uint32_t high; /* surrogate that waits for its other half, or 0 */
};

/* Room that n bytes of UTF-16 may need, with what waited before them. */
#define UTF16_ROOM(n) ((n) / 2 * 3 + 6)

/* Whether the first two bytes are a mark; *ret_u is ready then. */
bool utf16_mark(const unsigned char first[2], struct utf16 *ret_u);
/* Bytes written to out. What is no pair of surrogates becomes U+FFFD. */
size_t utf16_put(struct utf16 *u, const unsigned char *in, size_t n, char *out);
/* What still waits at the end of the text. */
size_t utf16_end(struct utf16 *u, char *out);

#endif
