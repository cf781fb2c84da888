/* SPDX-License-Identifier: Apache-2.0 */
/* base/base64: RFC 4648's base64 as it is met in what others send: read as far as it goes. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H
#include "base/str.h"

/* 0 to 63, or 64: no digit of base64. */
uint32_t base64_digit(char c);
/* s up to its first foreign character; bytes written to out, at most max. out may be s.p. */
size_t base64_decode(struct str s, char *out, size_t max);

#endif
