/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/quic.h"
#include "base/buf.h"
#include "packet/pkt.h"
#include <nettle/gcm.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>

#define TAG	  16
#define SAMPLE	  16
#define DRAFT	  0xff000000U
#define VERSION_1 1U
#define VERSION_2 0x6b3343cfU

static const uint8_t salt_1[20] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
				   0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
static const uint8_t salt_2[20] = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
				   0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};
static const uint8_t salt_29[20] = {0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
				    0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99};
static const uint8_t salt_23[20] = {0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7,
				    0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02};

/* The salt of a version; NULL: not known. */
static const uint8_t *salt_of(uint32_t version)
{
	uint32_t draft = version & 0xff;

	if (version == VERSION_1)
		return salt_1;
	if (version == VERSION_2)
		return salt_2;
	if ((version & 0xffffff00U) != DRAFT)
		return NULL;
	if (draft >= 33 && draft <= 34)
		return salt_1;
	if (draft >= 29 && draft <= 32)
		return salt_29;
	return draft >= 23 && draft <= 28 ? salt_23 : NULL;
}

const char *quic_version_text(uint32_t version)
{
	static const char *const drafts[] = {"draft-23", "draft-24", "draft-25", "draft-26",
					     "draft-27", "draft-28", "draft-29", "draft-30",
					     "draft-31", "draft-32", "draft-33", "draft-34"};

	if (!salt_of(version))
		return NULL;
	if (version == VERSION_1)
		return "1";
	return version == VERSION_2 ? "2" : drafts[(version & 0xff) - 23];
}

bool quic_int(struct str s, size_t *at, uint64_t *ret_v)
{
	size_t n;
	uint64_t v;

	if (*at >= s.len)
		return false;
	n = (size_t)1 << ((uint8_t)s.p[*at] >> 6);
	if (n > s.len - *at)
		return false;
	v = (uint8_t)s.p[*at] & 0x3f;
	for (size_t i = 1; i < n; i++)
		v = v << 8 | (uint8_t)s.p[*at + i];
	*at += n;
	*ret_v = v;
	return true;
}

static bool cid_of(struct str s, size_t *at, struct str *ret_cid)
{
	size_t n;

	if (*at >= s.len)
		return false;
	n = (uint8_t)s.p[(*at)++];
	if (n > QUIC_CID_MAX || n > s.len - *at)
		return false;
	*ret_cid = str_n(s.p + *at, n);
	*at += n;
	return true;
}

bool quic_head(struct str s, struct quic_head *ret_h)
{
	const uint8_t *p = (const uint8_t *)s.p;
	struct quic_head h = {0};
	size_t at = 5;
	uint64_t n;

	if (s.len < 7 || (p[0] & 0xc0) != 0xc0)
		return false;
	h.version = be32(p + 1);
	if (!salt_of(h.version) || !cid_of(s, &at, &h.dcid) || !cid_of(s, &at, &h.scid))
		return false;
	h.initial = (p[0] >> 4 & 3) == (h.version == VERSION_2 ? 1 : 0);
	if ((p[0] >> 4 & 3) == (h.version == VERSION_2 ? 0 : 3)) { /* retry: no length */
		h.size = s.len;
		*ret_h = h;
		return true;
	}
	if (h.initial) {
		if (!quic_int(s, &at, &n) || n > s.len - at)
			return false;
		h.token = str_n(s.p + at, (size_t)n);
		at += (size_t)n;
	}
	if (!quic_int(s, &at, &n) || n > s.len - at)
		return false;
	h.pn = at;
	h.size = at + (size_t)n;
	*ret_h = h;
	return true;
}

/* HKDF-Expand-Label of TLS 1.3 with an empty context. */
static void expand(const uint8_t secret[32], const char *label, uint8_t *out, size_t n)
{
	struct hmac_sha256_ctx ctx;
	uint8_t info[48];
	size_t len = strlen(label);

	info[0] = 0;
	info[1] = (uint8_t)n;
	info[2] = (uint8_t)(6 + len);
	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, len);
	info[9 + len] = 0;
	hmac_sha256_set_key(&ctx, 32, secret);
	hkdf_expand(&ctx, (nettle_hash_update_func *)hmac_sha256_update,
		    (nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE, 10 + len,
		    info, n, out);
}

bool quic_keys(uint32_t version, struct str cid, bool client, struct quic_keys *ret_k)
{
	const uint8_t *salt = salt_of(version);
	bool two = version == VERSION_2;
	struct hmac_sha256_ctx ctx;
	uint8_t initial[32], secret[32];

	if (!salt)
		return false;
	hmac_sha256_set_key(&ctx, 20, salt);
	hkdf_extract(&ctx, (nettle_hash_update_func *)hmac_sha256_update,
		     (nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE, cid.len,
		     (const uint8_t *)cid.p, initial);
	expand(initial, client ? "client in" : "server in", secret, sizeof(secret));
	expand(secret, two ? "quicv2 key" : "quic key", ret_k->key, sizeof(ret_k->key));
	expand(secret, two ? "quicv2 iv" : "quic iv", ret_k->iv, sizeof(ret_k->iv));
	expand(secret, two ? "quicv2 hp" : "quic hp", ret_k->hp, sizeof(ret_k->hp));
	return true;
}

size_t quic_open(const struct quic_keys *k, struct str s, const struct quic_head *h,
		 uint8_t *out)
{
	const uint8_t *p = (const uint8_t *)s.p;
	uint8_t head[128], mask[16], iv[12], tag[TAG];
	struct gcm_aes128_ctx gcm;
	struct aes128_ctx aes;
	size_t npn, text;

	/* The token is part of what is authenticated; a long one is not looked behind. */
	if (h->size > s.len || h->pn + 4 + SAMPLE > h->size || h->size - h->pn > QUIC_PLAIN ||
	    h->pn + 4 > sizeof(head))
		return 0;
	aes128_set_encrypt_key(&aes, k->hp);
	aes128_encrypt(&aes, sizeof(mask), mask, p + h->pn + 4);
	memcpy(head, p, h->pn + 4);
	head[0] ^= mask[0] & 0x0f;
	npn = (size_t)(head[0] & 3) + 1;
	memcpy(iv, k->iv, sizeof(iv));
	for (size_t i = 0; i < npn; i++) {
		head[h->pn + i] ^= mask[1 + i];
		iv[sizeof(iv) - npn + i] ^= head[h->pn + i];
	}
	text = h->size - h->pn - npn;
	if (text <= TAG)
		return 0;
	text -= TAG;
	gcm_aes128_set_key(&gcm, k->key);
	gcm_aes128_set_iv(&gcm, sizeof(iv), iv);
	gcm_aes128_update(&gcm, h->pn + npn, head);
	gcm_aes128_decrypt(&gcm, text, out, p + h->pn + npn);
	gcm_aes128_digest(&gcm, TAG, tag);
	return memeql_sec(tag, p + h->pn + npn + text, TAG) ? text : 0;
}
