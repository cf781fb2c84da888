/* SPDX-License-Identifier: Apache-2.0 */
#include "base/blocks.h"
#include "base/hash.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "blocks are written as they lie in memory, which must be little-endian"
#endif

#define MAGIC	"thymus blocks 1\n"
#define MAGIC_N 16
#define WRITE_N MIB

struct block_head {
	uint32_t tag, number;
	uint64_t len;
	uint64_t spare;
	uint64_t sum; /* of the above and the content */
};

struct blocks_out {
	FILE *f;
	char *path, *temp;
	char *data; /* [BLOCK_MAX] */
	uint32_t n;
	int err;
};

struct blocks_in {
	FILE *f;
	char *data; /* [BLOCK_MAX] */
	uint32_t n;
	bool ended;
};

static uint64_t sum_of(const struct block_head *h, const char *data)
{
	return hash_bytes(data, h->len, hash_bytes(h, offsetof(struct block_head, sum), 0));
}

struct blocks_out *blocks_abort(struct blocks_out *w)
{
	if (!w)
		return NULL;
	if (w->f)
		fclose(w->f);
	if (w->temp)
		unlink(w->temp);
	free(w->path);
	free(w->temp);
	free(w->data);
	free(w);
	return NULL;
}

static char *with(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end) + 1;
	char *p = malloc(n + m);

	if (!p)
		return NULL;
	memcpy(p, path, n);
	memcpy(p + n, end, m);
	return p;
}

int blocks_create(const char *path, struct blocks_out **ret_w, struct diag *d)
{
	struct blocks_out *w = calloc(1, sizeof(*w));
	int fd;

	if (!w)
		return -ENOMEM;
	w->path = with(path, "");
	w->temp = with(path, ".new");
	w->data = malloc(BLOCK_MAX);
	if (!w->path || !w->temp || !w->data) {
		blocks_abort(w);
		return -ENOMEM;
	}
	fd = open(w->temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	w->f = fd < 0 ? NULL : fdopen(fd, "wb");
	if (!w->f) {
		int err = diag_set(d, -errno, "%s: %s", w->temp, strerror(errno));

		if (fd >= 0)
			close(fd);
		blocks_abort(w);
		return err;
	}
	(void)setvbuf(w->f, NULL, _IOFBF, WRITE_N);
	if (fwrite(MAGIC, 1, MAGIC_N, w->f) != MAGIC_N)
		w->err = -errno;
	*ret_w = w;
	return 0;
}

void blocks_put(struct blocks_out *w, uint32_t tag, const void *head, size_t nhead,
		const void *p, size_t n)
{
	struct block_head h = {.tag = tag, .number = w->n++, .len = nhead + n};

	if (w->err)
		return;
	if (nhead > BLOCK_MAX || n > BLOCK_MAX - nhead) {
		w->err = E_LIMIT;
		return;
	}
	if (nhead)
		memcpy(w->data, head, nhead);
	if (n)
		memcpy(w->data + nhead, p, n);
	h.sum = sum_of(&h, w->data);
	if (fwrite(&h, 1, sizeof(h), w->f) != sizeof(h) ||
	    fwrite(w->data, 1, h.len, w->f) != h.len)
		w->err = errno ? -errno : -EIO;
}

static bool all_zero(const char *p, size_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

void blocks_put_array(struct blocks_out *w, uint32_t tag, const void *p, size_t bytes)
{
	const char *at = p;

	for (uint64_t off = 0; at && off < bytes; off += MIB) {
		size_t n = MIN(MIB, bytes - off);

		if (!all_zero(at + off, n))
			blocks_put(w, tag, &off, sizeof(off), at + off, n);
	}
}

void blocks_fail(struct blocks_out *w, int err)
{
	if (!w->err)
		w->err = err;
}

/* So that the names, too, are on disk. */
static void sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : NULL;
	int fd = open(dir ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
	free(dir);
}

/* The file before keeps a second name until the new one has taken the first. */
static int take_place(const struct blocks_out *w)
{
	char *before = with(w->path, ".1");
	int err = 0;

	if (!before)
		return -ENOMEM;
	if (access(w->path, F_OK) == 0) {
		(void)unlink(before);
		if (link(w->path, before) < 0 && rename(w->path, before) < 0)
			err = -errno;
	}
	if (err == 0 && rename(w->temp, w->path) < 0)
		err = -errno;
	free(before);
	sync_folder(w->path);
	return err;
}

int blocks_commit(struct blocks_out *w, struct diag *d)
{
	int err;

	blocks_put(w, BLOCKS_END, NULL, 0, NULL, 0);
	if (!w->err && (fflush(w->f) != 0 || fsync(fileno(w->f)) < 0))
		w->err = -errno;
	if (fclose(w->f) != 0 && !w->err)
		w->err = -errno;
	w->f = NULL;
	if (!w->err)
		w->err = take_place(w);
	err = w->err;
	if (err)
		diag_set(d, err, "%s: %s", w->path, err_text(err));
	else
		(void)unlink(w->temp);
	blocks_abort(w);
	return err;
}

struct blocks_in *blocks_close(struct blocks_in *r)
{
	if (!r)
		return NULL;
	if (r->f)
		fclose(r->f);
	free(r->data);
	free(r);
	return NULL;
}

static int read_magic(struct blocks_in *r)
{
	char magic[MAGIC_N];
	size_t n = fread(magic, 1, sizeof(magic), r->f);

	if (n < 14 || memcmp(magic, MAGIC, 14) != 0)
		return E_FORMAT;
	return n == sizeof(magic) && memcmp(magic, MAGIC, MAGIC_N) == 0 ? 0 : E_VERSION;
}

int blocks_next(struct blocks_in *r, uint32_t *ret_tag, struct str *ret_data)
{
	struct block_head h;

	if (r->ended)
		return 0;
	if (fread(&h, 1, sizeof(h), r->f) != sizeof(h))
		return E_TRUNC;
	/* A length that cannot be is a flipped bit, as is a block out of its turn. */
	if (h.len > BLOCK_MAX || h.number != r->n++)
		return E_CHECKSUM;
	if (fread(r->data, 1, h.len, r->f) != h.len)
		return E_TRUNC;
	if (h.sum != sum_of(&h, r->data))
		return E_CHECKSUM;
	r->ended = h.tag == BLOCKS_END;
	*ret_tag = h.tag;
	*ret_data = str_n(r->data, h.len);
	return !r->ended;
}

static int verify(struct blocks_in *r)
{
	struct str data;
	uint32_t tag;
	int n;

	while ((n = blocks_next(r, &tag, &data)) > 0)
		;
	if (n == 0 && fgetc(r->f) != EOF)
		n = E_FORMAT;
	return n;
}

int blocks_open(const char *path, struct blocks_in **ret_r, struct diag *d)
{
	struct blocks_in *r = calloc(1, sizeof(*r));
	int err = r && (r->data = malloc(BLOCK_MAX)) ? 0 : -ENOMEM;

	if (err == 0 && !(r->f = fopen(path, "rbe")))
		err = -errno;
	if (err == 0)
		(void)setvbuf(r->f, NULL, _IOFBF, WRITE_N);
	if (err == 0)
		err = read_magic(r);
	if (err == 0)
		err = verify(r);
	if (err == 0 && fseek(r->f, MAGIC_N, SEEK_SET) < 0)
		err = -errno;
	if (err < 0) {
		blocks_close(r);
		return diag_set(d, err, "%s: %s", path, err_text(err));
	}
	r->n = 0;
	r->ended = false;
	*ret_r = r;
	return 0;
}
