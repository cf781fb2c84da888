/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/digest: MD5, SHA-1 and SHA-256 of bytes at hand, for fingerprints that others compute
 * likewise (JA3, JA4, community id, hashes of files and certificates). Nothing here is secret.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H
#include "base/macros.h"

void digest_md5(const void *p, size_t n, uint8_t out[16]);
void digest_sha1(const void *p, size_t n, uint8_t out[20]);
void digest_sha256(const void *p, size_t n, uint8_t out[32]);

#endif
