/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"
#include <stdbool.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

#define CHUNK 64

typedef void (*step_fn)(uint32_t *h, const uint8_t *p);

static uint32_t rol(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static uint32_t ror(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static uint32_t be(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t le(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void md5_step(uint32_t *h, const uint8_t *p)
{
	static const uint32_t k[64] = {
		0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a,
		0xa8304613, 0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be,
		0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340,
		0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
		0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8,
		0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c,
		0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
		0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
		0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92,
		0xffeff47d, 0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1,
		0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
	static const uint8_t s[4][4] = {
		{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
	uint32_t a = h[0], b = h[1], c = h[2], d = h[3];

	for (unsigned i = 0; i < 64; i++) {
		unsigned r = i / 16, g = r == 0	  ? i
					 : r == 1 ? 5 * i + 1
					 : r == 2 ? 3 * i + 5
						  : 7 * i;
		uint32_t f = r == 0   ? (b & c) | (~b & d)
			     : r == 1 ? (d & b) | (~d & c)
			     : r == 2 ? b ^ c ^ d
				      : c ^ (b | ~d);
		uint32_t t = d;

		d = c;
		c = b;
		b += rol(a + f + k[i] + le(p + 4 * (g % 16)), s[r][i % 4]);
		a = t;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
}

static void sha1_step(uint32_t *h, const uint8_t *p)
{
	static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
	uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

	for (unsigned i = 0; i < 16; i++)
		w[i] = be(p + 4 * i);
	for (unsigned i = 16; i < 80; i++)
		w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (unsigned i = 0; i < 80; i++) {
		unsigned r = i / 20;
		uint32_t f = r == 0   ? (b & c) | (~b & d)
			     : r == 2 ? (b & c) | (b & d) | (c & d)
				      : b ^ c ^ d;
		uint32_t t = rol(a, 5) + f + e + k[r] + w[i];

		e = d;
		d = c;
		c = rol(b, 30);
		b = a;
		a = t;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

static const uint32_t sha256_k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2};

static void sha256_step(uint32_t *h, const uint8_t *p)
{
	uint32_t w[64], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6],
			z = h[7];

	for (unsigned i = 0; i < 16; i++)
		w[i] = be(p + 4 * i);
	for (unsigned i = 16; i < 64; i++) {
		uint32_t x = w[i - 15], y = w[i - 2];

		w[i] = w[i - 16] + (ror(x, 7) ^ ror(x, 18) ^ x >> 3) + w[i - 7] +
		       (ror(y, 17) ^ ror(y, 19) ^ y >> 10);
	}
	for (unsigned i = 0; i < 64; i++) {
		uint32_t t = z + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + ((e & f) ^ (~e & g)) +
			     sha256_k[i] + w[i];
		uint32_t u =
			(ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));

		z = g;
		g = f;
		f = e;
		e = d + t;
		d = c;
		c = b;
		b = a;
		a = t + u;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
	h[5] += f;
	h[6] += g;
	h[7] += z;
}

#if defined(__x86_64__)
/* Four rounds, and before them the next four words, but for the first sixteen. */
#define NI_ROUNDS(i, first)                                                               \
	do {                                                                              \
		__m128i wk;                                                               \
		if (!(first)) {                                                           \
			wk = _mm_sha256msg1_epu32(w[(i) % 4], w[((i) + 1) % 4]);          \
			wk = _mm_add_epi32(wk, _mm_alignr_epi8(w[((i) + 3) % 4],          \
							       w[((i) + 2) % 4], 4));     \
			w[(i) % 4] = _mm_sha256msg2_epu32(wk, w[((i) + 3) % 4]);          \
		}                                                                         \
		wk = _mm_add_epi32(w[(i) % 4],                                            \
				   _mm_loadu_si128((const __m128i *)&sha256_k[4 * (i)])); \
		s1 = _mm_sha256rnds2_epu32(s1, s0, wk);                                   \
		s0 = _mm_sha256rnds2_epu32(s0, s1, _mm_shuffle_epi32(wk, 0x0e));          \
	} while (0)

/* With the instructions that processors have for it since 2016. */
__attribute__((target("sha,sse4.1"))) static void sha256_step_ni(uint32_t *h, const uint8_t *p)
{
	const __m128i turn = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i t = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)h), 0xb1);
	__m128i s1 = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(h + 4)), 0x1b);
	__m128i s0 = _mm_alignr_epi8(t, s1, 8), a, b, w[4];

	s1 = _mm_blend_epi16(s1, t, 0xf0);
	a = s0;
	b = s1;
	for (unsigned i = 0; i < 4; i++)
		w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(p + 16 * i)), turn);
	for (unsigned i = 0; i < 16; i += 4) {
		NI_ROUNDS(i, i == 0);
		NI_ROUNDS(i + 1, i == 0);
		NI_ROUNDS(i + 2, i == 0);
		NI_ROUNDS(i + 3, i == 0);
	}
	s0 = _mm_shuffle_epi32(_mm_add_epi32(s0, a), 0x1b);
	s1 = _mm_shuffle_epi32(_mm_add_epi32(s1, b), 0xb1);
	_mm_storeu_si128((__m128i *)h, _mm_blend_epi16(s0, s1, 0xf0));
	_mm_storeu_si128((__m128i *)(h + 4), _mm_alignr_epi8(s1, s0, 8));
}

static bool has_ni(void)
{
	unsigned a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_1) || !(c & bit_SSSE3))
		return false;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_SHA;
}
#else
#define sha256_step_ni sha256_step
static bool has_ni(void)
{
	return false;
}
#endif

/* As good as the processor can. */
static step_fn sha256_best(void)
{
	static int known; /* 1: without, 2: with */
	int k = __atomic_load_n(&known, __ATOMIC_RELAXED);

	if (!k) {
		k = has_ni() ? 2 : 1;
		__atomic_store_n(&known, k, __ATOMIC_RELAXED);
	}
	return k == 2 ? sha256_step_ni : sha256_step;
}

static void put(uint8_t *out, const uint32_t *h, size_t words, bool big)
{
	for (size_t i = 0; i < words * 4; i++)
		out[i] = (uint8_t)(h[i / 4] >> 8 * (big ? 3 - i % 4 : i % 4));
}

static const struct {
	step_fn step;
	uint8_t words;
	bool big;
	uint32_t h[8];
} kinds[] = {
	[DIGEST_MD5] = {md5_step, 4, false, {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}},
	[DIGEST_SHA1] = {sha1_step,
			 5,
			 true,
			 {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}},
	[DIGEST_SHA256] = {sha256_step,
			   8,
			   true,
			   {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
			    0x9b05688c, 0x1f83d9ab, 0x5be0cd19}},
};

static step_fn step_of(enum digest_kind kind)
{
	return kind == DIGEST_SHA256 ? sha256_best() : kinds[kind].step;
}

void digest_begin(struct digest *d, enum digest_kind kind)
{
	d->kind = kind;
	d->n = 0;
	memcpy(d->h, kinds[kind].h, sizeof(d->h));
}

void digest_add(struct digest *d, const void *p, size_t n)
{
	step_fn step = step_of(d->kind);
	const uint8_t *s = p;
	size_t have = d->n % CHUNK;

	d->n += n;
	if (have) {
		size_t k = n < CHUNK - have ? n : CHUNK - have;

		if (k)
			memcpy(d->rest + have, s, k);
		s += k;
		n -= k;
		if (have + k < CHUNK)
			return;
		step(d->h, d->rest);
	}
	for (; n >= CHUNK; s += CHUNK, n -= CHUNK)
		step(d->h, s);
	if (n)
		memcpy(d->rest, s, n);
}

/* The last chunk with its padding and the length in bits. */
size_t digest_end(struct digest *d, uint8_t out[32])
{
	uint8_t last[2 * CHUNK] = {0};
	size_t rest = d->n % CHUNK, end = rest < CHUNK - 8 ? CHUNK : 2 * CHUNK;
	bool big = kinds[d->kind].big;
	uint64_t bits = d->n * 8;

	if (rest)
		memcpy(last, d->rest, rest);
	last[rest] = 0x80;
	for (size_t i = 0; i < 8; i++)
		last[end - 8 + i] = (uint8_t)(bits >> 8 * (big ? 7 - i : i));
	for (size_t i = 0; i < end; i += CHUNK)
		step_of(d->kind)(d->h, last + i);
	put(out, d->h, kinds[d->kind].words, big);
	return kinds[d->kind].words * (size_t)4;
}

static void whole(enum digest_kind kind, const void *p, size_t n, uint8_t *out)
{
	struct digest d;
	uint8_t sum[32];

	digest_begin(&d, kind);
	digest_add(&d, p, n);
	memcpy(out, sum, digest_end(&d, sum));
}

void digest_md5(const void *p, size_t n, uint8_t out[16])
{
	whole(DIGEST_MD5, p, n, out);
}

void digest_sha1(const void *p, size_t n, uint8_t out[20])
{
	whole(DIGEST_SHA1, p, n, out);
}

void digest_sha256(const void *p, size_t n, uint8_t out[32])
{
	whole(DIGEST_SHA256, p, n, out);
}
