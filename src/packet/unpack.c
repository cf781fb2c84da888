/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/unpack.h"
#include <zlib.h>

#define ROOM	    (48 * KIB) /* zlib's own state and a window of 32 KiB */
#define PIECE	    ((size_t)8 * KIB)
#define EITHER_BITS (15 + 32) /* a head of gzip or zlib tells which */
#define RAW_BITS    (-15)

struct unpack {
	z_stream z;
	uint64_t in, out;
	bool begun, done, bad;
	size_t used; /* of room */
	_Alignas(16) uint8_t room[ROOM];
};

bool unpack_knows(struct str coding)
{
	return str_ieqz(coding, "gzip") || str_ieqz(coding, "x-gzip") ||
	       str_ieqz(coding, "deflate");
}

/* zlib takes its memory here, once; it goes with the block. */
static void *room_take(void *arg, unsigned items, unsigned size)
{
	struct unpack *u = arg;
	size_t n = ((size_t)items * size + 15) & ~(size_t)15;
	void *p = u->room + u->used;

	if (n > ROOM - u->used)
		return NULL;
	u->used += n;
	return p;
}

static void room_give(void *arg, void *p)
{
	(void)arg;
	(void)p;
}

struct unpack *unpack_new(struct conn *c)
{
	struct unpack *u = conn_alloc(c, sizeof(*u));

	if (!u)
		return NULL;
	memset(u, 0, offsetof(struct unpack, room));
	u->z.zalloc = room_take;
	u->z.zfree = room_give;
	u->z.opaque = u;
	return u;
}

void unpack_free(struct conn *c, struct unpack *u)
{
	if (!u)
		return;
	if (u->begun)
		inflateEnd(&u->z);
	conn_free(c, u, sizeof(*u));
}

/* "deflate" is sent with zlib's head and without it. */
static bool begin(struct unpack *u, struct str s)
{
	const uint8_t *b = (const uint8_t *)s.p;
	bool gzip = b[0] == 0x1f;
	bool zlib = (b[0] & 0xf) == 8 && b[0] >> 4 <= 7 &&
		    (s.len < 2 || (b[0] << 8 | b[1]) % 31 == 0);

	u->begun = inflateInit2(&u->z, gzip || zlib ? EITHER_BITS : RAW_BITS) == Z_OK;
	return u->begun;
}

bool unpack_bytes(struct unpack *u, struct str s, void (*out)(void *arg, struct str piece),
		  void *arg)
{
	uint8_t piece[PIECE];

	if (!s.len)
		return !u->bad;
	if (u->bad || u->done || (!u->begun && !begin(u, s))) {
		u->bad = true;
		return false;
	}
	u->in += s.len;
	u->z.next_in = (uint8_t *)(uintptr_t)s.p;
	u->z.avail_in = (unsigned)s.len;
	do {
		size_t n;
		int r;

		u->z.next_out = piece;
		u->z.avail_out = PIECE;
		r = inflate(&u->z, Z_NO_FLUSH);
		n = PIECE - u->z.avail_out;
		u->out += n;
		u->bad = (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR) ||
			 u->out > UNPACK_MAX || u->out > UNPACK_FREE + u->in * UNPACK_RATIO;
		if (u->bad)
			return false;
		if (n)
			out(arg, str_n((char *)piece, n));
		u->done = r == Z_STREAM_END;
	} while (!u->done && (u->z.avail_in || !u->z.avail_out));
	u->bad = u->done && u->z.avail_in;
	return !u->bad;
}

bool unpack_done(const struct unpack *u)
{
	return u->done && !u->bad;
}
