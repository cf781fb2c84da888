/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/utf8: whether bytes are UTF-8, asked wherever bytes from outside are shown or stored;
 * and the bytes of a code point.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H
#include "base/str.h"

/*
 * Length (1..4) of the well-formed UTF-8 sequence at s[i], or 0. Overlong forms, surrogates
 * and values above U+10FFFF are refused (RFC 3629).
 */
size_t utf8_len(struct str s, size_t i);
/* Whether the whole slice is well-formed. */
bool utf8_ok(struct str s);
/* Bytes (1..4) of the code point c, which is at most U+10FFFF, written to out. */
size_t utf8_put(char out[4], uint32_t c);

#endif
