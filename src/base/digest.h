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

/* The same of bytes that come piece by piece. */
enum digest_kind { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256 };

struct digest {
	enum digest_kind kind;
	uint64_t n; /* bytes so far */
	uint32_t h[8];
	uint8_t rest[64];
};

void digest_begin(struct digest *d, enum digest_kind kind);
void digest_add(struct digest *d, const void *p, size_t n);
/* Writes the digest and returns its length: 16, 20 or 32. d is used up. */
size_t digest_end(struct digest *d, uint8_t out[32]);

#endif
