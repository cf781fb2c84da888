/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/utf8: one question, asked wherever bytes from outside are shown or stored.
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

#endif
