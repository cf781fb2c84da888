/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/file.h"
#include "sense/evtx.h"
#include "sense/utf16.h"
#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define IN_BYTES	   (64 * KIB)
#define UTF16_BYTES	   (16 * KIB)
#define DEFAULT_RATIO_FREE (64 * MIB)
#define DEFAULT_MAX_BYTES  ((uint64_t)64 << 30)
#define DEFAULT_MAX_RATIO  400
#define ZSTD_WINDOW_LOG	   27 /* 128 MiB, what every encoder without --long stays within */

/* A gzip file up to these sizes is decompressed at once, which takes half the time. */
#define WHOLE_IN    (4 * MIB)
#define WHOLE_OUT   (32 * MIB)
#define WHOLE_TOTAL (256 * MIB) /* of all open files; beyond it they stream */

/* A Windows event log on its way to XML. */
struct events {
	struct buf out;
	size_t at; /* of out, not yet given out */
	bool end;
	char in[EVTX_CHUNK];
};

enum packing { PLAIN, GZIP, ZSTD, WHOLE };

/* A text in UTF-16 on its way to UTF-8. */
struct text16 {
	struct utf16 u;
	bool end;
	unsigned char in[UTF16_BYTES];
	char out[UTF16_ROOM(UTF16_BYTES)];
	size_t at, len; /* of out, not yet given out */
};

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
	char *whole; /* WHOLE: all of it, decompressed */
	size_t whole_len, whole_at;
	unsigned char first[8]; /* of the text; [first_at, nfirst) is not given out yet */
	size_t first_at, nfirst;
	bool begun, brief; /* brief: nobody wants all of it */
	struct text16 *wide;
	struct events *evtx;
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

static atomic_size_t whole_total;

/* The file's bytes on disk, malloc'ed; NULL when there are not exactly n. */
static unsigned char *read_disk(const struct file_in *f, size_t n)
{
	unsigned char *p = malloc(n);
	size_t got = 0;
	ssize_t r;

	while (p && got < n) {
		r = pread(f->fd, p + got, n - got, (off_t)got);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		got += (size_t)r;
	}
	if (got == n)
		return p;
	free(p);
	return NULL;
}

/* The decompressed length that a gzip file states (RFC 1952, ISIZE); 0 beyond the limits. */
static size_t whole_length(const struct file_in *f, const unsigned char *in, size_t n)
{
	size_t out = (size_t)in[n - 4] | (size_t)in[n - 3] << 8 | (size_t)in[n - 2] << 16 |
		     (size_t)in[n - 1] << 24;

	return out <= MIN(WHOLE_OUT, f->limits.ratio_free) && out <= f->limits.bytes_max ? out
											 : 0;
}

static void whole_free(struct file_in *f)
{
	free(f->whole);
	f->whole = NULL;
	atomic_fetch_sub(&whole_total, f->whole_len);
	f->whole_len = 0;
}

static bool whole_inflate(struct file_in *f, const unsigned char *in, size_t n)
{
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	size_t used = 0, got = 0;
	bool ok;

	f->whole_len = whole_length(f, in, n);
	ok = atomic_fetch_add(&whole_total, f->whole_len) + f->whole_len <= WHOLE_TOTAL;
	f->whole = ok && f->whole_len ? malloc(f->whole_len) : NULL;
	ok = d && f->whole &&
	     libdeflate_gzip_decompress_ex(d, in, n, f->whole, f->whole_len, &used, &got) ==
		     LIBDEFLATE_SUCCESS &&
	     used == n && got == f->whole_len;
	if (!ok)
		whole_free(f);
	libdeflate_free_decompressor(d);
	return ok;
}

/*
 * Decompresses a small gzip file of one member at once. false: it is none, or is damaged, or
 * memory is short; it is streamed then, which also finds the good bytes of a damaged one.
 */
static bool whole_open(struct file_in *f, uint64_t size)
{
	unsigned char *in = NULL;
	bool ok;

	if (size < 18 || size > WHOLE_IN) /* 18: header and trailer */
		return false;
	in = read_disk(f, (size_t)size);
	ok = in && whole_inflate(f, in, (size_t)size);
	free(in);
	return ok;
}

static int packing_open(struct file_in *f, uint64_t size)
{
	static const unsigned char gz[2] = {0x1f, 0x8b}, zst[4] = {0x28, 0xb5, 0x2f, 0xfd};

	if (f->len >= 2 && memcmp(f->in, gz, 2) == 0) {
		if (!f->brief && whole_open(f, size)) {
			f->packing = WHOLE;
			f->len = (size_t)size; /* on disk */
			return 0;
		}
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
	return r < 0 ? r : packing_open(f, (uint64_t)sb.st_size);
}

static int open_for(const char *path, const struct file_limits *limits, bool brief,
		    struct file_in **ret_f, struct diag *d)
{
	struct file_in *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return diag_set(d, -ENOMEM, "%s: out of memory", path);
	f->brief = brief;
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

int file_open(const char *path, const struct file_limits *limits, struct file_in **ret_f,
	      struct diag *d)
{
	return open_for(path, limits, false, ret_f, d);
}

int file_open_begin(const char *path, struct file_in **ret_f, struct diag *d)
{
	return open_for(path, NULL, true, ret_f, d);
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
	whole_free(f);
	free(f->wide);
	if (f->evtx)
		buf_free(&f->evtx->out);
	free(f->evtx);
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
	ssize_t r;

	if (k) {
		memcpy(p, f->in + f->at, k);
		use(f, k);
		return (ssize_t)k;
	}
	do {
		r = read(f->fd, p, n);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	f->used += (uint64_t)r;
	f->end = r == 0;
	return r;
}

static ssize_t step_whole(struct file_in *f, char *p, size_t n)
{
	size_t k = MIN(n, f->whole_len - f->whole_at);

	memcpy(p, f->whole + f->whole_at, k);
	f->whole_at += k;
	/* As much of the disk's bytes as of what they became. */
	f->used = (uint64_t)((double)f->len * (double)f->whole_at / (double)f->whole_len);
	f->end = f->whole_at == f->whole_len;
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
	       (f->packing != PLAIN && f->packing != WHOLE && f->out > f->limits.ratio_free &&
		f->out / f->limits.ratio_max > f->used);
}

/* The decompressed bytes as they are. */
static int64_t read_bytes(struct file_in *f, char *buf, size_t n)
{
	size_t got = 0;

	while (got < n && !f->end && !f->err) {
		ssize_t r = 0;

		if (f->packing == GZIP || f->packing == ZSTD)
			r = refill(f);
		if (r == 0 && f->packing == GZIP)
			r = step_gzip(f, buf + got, n - got);
		else if (f->packing == WHOLE)
			r = step_whole(f, buf + got, n - got);
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

static int64_t read_wide(struct file_in *f, char *buf, size_t n)
{
	struct text16 *w = f->wide;
	size_t got = 0;

	while (got < n) {
		size_t k = MIN(n - got, w->len - w->at);
		int64_t r;

		if (k) {
			memcpy(buf + got, w->out + w->at, k);
			w->at += k;
			got += k;
			continue;
		}
		if (w->end)
			break;
		r = read_bytes(f, (char *)w->in, sizeof(w->in));
		w->end = r <= 0;
		w->at = 0;
		w->len = w->end ? utf16_end(&w->u, w->out)
				: utf16_put(&w->u, w->in, (size_t)r, w->out);
	}
	return got || !f->err ? (int64_t)got : f->err;
}

/* The next n decompressed bytes, fewer at the end alone. */
static size_t read_full(struct file_in *f, char *p, size_t n)
{
	size_t got = 0;
	int64_t r;

	while (got < n && (r = read_bytes(f, p + got, n - got)) > 0)
		got += (size_t)r;
	return got;
}

static int64_t read_events(struct file_in *f, char *buf, size_t n)
{
	struct events *e = f->evtx;
	size_t got = 0;

	while (got < n) {
		size_t k = MIN(n - got, e->out.len - e->at);

		if (k) {
			memcpy(buf + got, e->out.p + e->at, k);
			e->at += k;
			got += k;
			continue;
		}
		if (e->end)
			break;
		buf_clear(&e->out);
		e->at = 0;
		k = read_full(f, e->in, sizeof(e->in));
		e->end = k < sizeof(e->in);
		if (k)
			evtx_chunk(str_n(e->in, k), &e->out);
	}
	return got || !f->err ? (int64_t)got : f->err;
}

/* The rest of the file's head is passed over: each chunk says of itself what matters. */
static void begin_events(struct file_in *f)
{
	f->evtx = calloc(1, sizeof(*f->evtx));
	if (!f->evtx) {
		f->err = -ENOMEM;
		return;
	}
	buf_init(&f->evtx->out, EVTX_CHUNK_XML);
	buf_addz(&f->evtx->out, "<Events>\n");
	(void)read_full(f, f->evtx->in, EVTX_HEAD - f->nfirst);
}

/* Looks at the first bytes: they are a mark, or are given out like all others. */
static void begin(struct file_in *f)
{
	struct utf16 u;

	f->begun = true;
	f->nfirst = read_full(f, (char *)f->first, sizeof(f->first));
	if (evtx_is(str_n((char *)f->first, f->nfirst))) {
		begin_events(f);
		return;
	}
	if (f->nfirst < 2 || !utf16_mark(f->first, &u))
		return;
	f->wide = calloc(1, sizeof(*f->wide));
	if (!f->wide) {
		f->err = -ENOMEM;
		return;
	}
	f->wide->u = u;
	f->wide->len = utf16_put(&f->wide->u, f->first + 2, f->nfirst - 2, f->wide->out);
	f->nfirst = 0;
}

int64_t file_read(struct file_in *f, char *buf, size_t n)
{
	size_t got = 0;
	int64_t r;

	if (!f->begun)
		begin(f);
	if (f->wide)
		return read_wide(f, buf, n);
	if (f->evtx)
		return read_events(f, buf, n);
	while (got < n && f->first_at < f->nfirst)
		buf[got++] = (char)f->first[f->first_at++];
	r = read_bytes(f, buf + got, n - got);
	return r < 0 && !got ? r : (int64_t)got + MAX(r, 0);
}

uint64_t file_taken(const struct file_in *f)
{
	return f->used;
}

bool file_more(struct file_in *f)
{
	if (f->packing != PLAIN || f->wide || f->err)
		return false;
	f->end = f->in_end = false;
	return true;
}

int file_fd(const struct file_in *f)
{
	return f->fd;
}
