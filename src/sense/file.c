/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define IN_BYTES	   (64 * KIB)
#define DEFAULT_RATIO_FREE (64 * MIB)
#define DEFAULT_MAX_BYTES  ((uint64_t)64 << 30)
#define DEFAULT_MAX_RATIO  400
#define ZSTD_WINDOW_LOG	   27 /* 128 MiB, what every encoder without --long stays within */

enum packing { PLAIN, GZIP, ZSTD };

struct file_in {
	int fd;
	enum packing packing;
	bool inside; /* a gzip member or zstd frame has begun and not ended */
	bool in_end; /* the disk has no more bytes */
	bool end;
	int err; /* sticky; told once the good bytes are out */
	uint64_t used, out;
	struct file_limits limits;
	z_stream z;
	ZSTD_DCtx *zd;
	size_t at, len; /* unread part of in */
	unsigned char in[IN_BYTES];
};

/* Reads more of the disk's bytes when there are none left. */
static int refill(struct file_in *f)
{
	ssize_t r;

	if (f->at < f->len || f->in_end)
		return 0;
	do {
		r = read(f->fd, f->in, sizeof(f->in));
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	f->at = 0;
	f->len = (size_t)r;
	f->in_end = r == 0;
	return 0;
}

static int packing_open(struct file_in *f)
{
	static const unsigned char gz[2] = {0x1f, 0x8b}, zst[4] = {0x28, 0xb5, 0x2f, 0xfd};

	if (f->len >= 2 && memcmp(f->in, gz, 2) == 0) {
		if (inflateInit2(&f->z, 15 + 16) != Z_OK)
			return -ENOMEM;
		f->packing = GZIP;
	} else if (f->len >= 4 && memcmp(f->in, zst, 4) == 0) {
		f->zd = ZSTD_createDCtx();
		if (!f->zd)
			return -ENOMEM;
		f->packing = ZSTD;
		if (ZSTD_isError(ZSTD_DCtx_setParameter(f->zd, ZSTD_d_windowLogMax,
							ZSTD_WINDOW_LOG)))
			return -EINVAL;
	}
	return 0;
}

static int file_start(struct file_in *f, const char *path)
{
	struct stat sb;
	int r;

	/* Not blocking: a named pipe must not hold up the run before it is refused. */
	f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (f->fd < 0 || fstat(f->fd, &sb) < 0)
		return -errno;
	if (!S_ISREG(sb.st_mode))
		return -EINVAL;
	r = refill(f);
	return r < 0 ? r : packing_open(f);
}

int file_open(const char *path, const struct file_limits *limits, struct file_in **ret_f,
	      struct diag *d)
{
	struct file_in *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return diag_set(d, -ENOMEM, "%s: out of memory", path);
	if (limits)
		f->limits = *limits;
	if (!f->limits.bytes_max)
		f->limits.bytes_max = DEFAULT_MAX_BYTES;
	if (!f->limits.ratio_max)
		f->limits.ratio_max = DEFAULT_MAX_RATIO;
	if (!f->limits.ratio_free)
		f->limits.ratio_free = DEFAULT_RATIO_FREE;
	r = file_start(f, path);
	if (r < 0) {
		file_close(f);
		return diag_set(d, r, "%s: %s", path,
				r == -EINVAL ? "not a regular file" : err_text(r));
	}
	*ret_f = f;
	return 0;
}

struct file_in *file_close(struct file_in *f)
{
	if (!f)
		return NULL;
	if (f->fd >= 0)
		close(f->fd);
	if (f->packing == GZIP)
		inflateEnd(&f->z);
	ZSTD_freeDCtx(f->zd);
	free(f);
	return NULL;
}

static void use(struct file_in *f, size_t n)
{
	f->at += n;
	f->used += n;
}

/* Each of these turns some input into at most n bytes at p; 0 may mean "call again". */
static ssize_t step_plain(struct file_in *f, char *p, size_t n)
{
	size_t k = MIN(n, f->len - f->at);

	memcpy(p, f->in + f->at, k);
	use(f, k);
	f->end = k == 0;
	return (ssize_t)k;
}

static ssize_t step_gzip(struct file_in *f, char *p, size_t n)
{
	size_t avail = f->len - f->at;
	int r;

	if (!f->inside && f->used > 0) {
		/* Padding and other bytes after the last member are no data, as for gzip. */
		if (!avail || f->in[f->at] != 0x1f) {
			f->end = true;
			return 0;
		}
		if (inflateReset(&f->z) != Z_OK)
			return E_FORMAT;
	}
	f->inside = true;
	f->z.next_in = f->in + f->at;
	f->z.avail_in = (uInt)avail;
	f->z.next_out = (unsigned char *)p;
	f->z.avail_out = (uInt)MIN(n, UINT32_MAX);
	r = inflate(&f->z, Z_NO_FLUSH);
	use(f, avail - f->z.avail_in);
	if (r == Z_STREAM_END)
		f->inside = false;
	else if (r != Z_OK && r != Z_BUF_ERROR)
		f->err = r == Z_MEM_ERROR ? -ENOMEM : E_FORMAT;
	else if (!avail && (char *)f->z.next_out == p)
		f->err = E_TRUNC;
	return (char *)f->z.next_out - p;
}

static ssize_t step_zstd(struct file_in *f, char *p, size_t n)
{
	ZSTD_inBuffer in = {f->in + f->at, f->len - f->at, 0};
	ZSTD_outBuffer out = {p, n, 0};
	size_t r;

	if (in.size == 0 && !f->inside) {
		f->end = true;
		return 0;
	}
	r = ZSTD_decompressStream(f->zd, &out, &in);
	use(f, in.pos);
	if (ZSTD_isError(r))
		f->err = E_FORMAT;
	else if (in.size == 0 && out.pos == 0)
		f->err = E_TRUNC;
	f->inside = r != 0;
	return (ssize_t)out.pos;
}

static bool bomb(const struct file_in *f)
{
	return f->out > f->limits.bytes_max ||
	       (f->packing != PLAIN && f->out > f->limits.ratio_free &&
		f->out / f->limits.ratio_max > f->used);
}

int64_t file_read(struct file_in *f, char *buf, size_t n)
{
	size_t got = 0;

	while (got < n && !f->end && !f->err) {
		ssize_t r = refill(f);

		if (r == 0 && f->packing == GZIP)
			r = step_gzip(f, buf + got, n - got);
		else if (r == 0 && f->packing == ZSTD)
			r = step_zstd(f, buf + got, n - got);
		else if (r == 0)
			r = step_plain(f, buf + got, n - got);
		if (r < 0) {
			f->err = (int)r;
			break;
		}
		got += (size_t)r;
		f->out += (size_t)r;
		if (bomb(f))
			f->err = E_LIMIT;
	}
	return got || !f->err ? (int64_t)got : f->err;
}

uint64_t file_taken(const struct file_in *f)
{
	return f->used;
}
