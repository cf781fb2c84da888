/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segment.h"
#include "base/hash.h"
#include "store/segment_impl.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define QUEUE_MAX 4 /* full blocks waiting for the writer thread; then the caller waits */

/* A block being filled, or waiting to be written. */
struct block {
	struct buf rec;
	uint64_t *post;
	size_t npost, cap;
	uint32_t nevents;
	uint64_t first_seq;
	int64_t min_known, max_known;
	struct seg_frame frame[SEG_FRAMES]; /* raw_len and nevents, the last one being filled */
	uint32_t nframes;
};

struct seg_writer {
	int fd;
	bool background, stop;
	int err; /* sticky: first failure of a write */
	struct block *cur;
	struct block *queue[QUEUE_MAX];
	size_t nqueue;
	bool busy; /* the thread holds a block that is not in the queue */
	struct store_stats stats;
	ZSTD_CCtx *cctx;
	char *out;
	size_t out_cap;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t change;
};

uint64_t seg_id_hash(struct str id)
{
	return hash_str(id, 1);
}

uint64_t seg_entity_hash(struct str kind_and_name)
{
	return hash_istr(kind_and_name, 2);
}

static struct block *block_free(struct block *b)
{
	if (b) {
		buf_free(&b->rec);
		free(b->post);
		free(b);
	}
	return NULL;
}

static struct block *block_new(void)
{
	struct block *b = calloc(1, sizeof(*b));

	if (b) {
		buf_init(&b->rec, SEG_RAW_MAX);
		b->nframes = 1;
	}
	return b;
}

static int block_post(struct block *b, uint64_t h)
{
	if (b->npost == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 1024;
		uint64_t *post = realloc(b->post, cap * sizeof(*post));

		if (!post)
			return -ENOMEM;
		b->post = post;
		b->cap = cap;
	}
	b->post[b->npost++] = (h & ~SEG_FRAME_MASK) | UINT64_C(1) << (b->nframes - 1);
	return 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void block_sort(struct block *b)
{
	size_t n = 0;

	if (b->npost == 0)
		return;
	qsort(b->post, b->npost, sizeof(*b->post), by_value);
	for (size_t i = 1; i < b->npost; i++)
		if ((b->post[i] ^ b->post[n]) & ~SEG_FRAME_MASK)
			b->post[++n] = b->post[i];
		else
			b->post[n] |= b->post[i];
	b->npost = n + 1;
}

static int write_all(int fd, const void *p, size_t n)
{
	const char *q = p;

	while (n) {
		ssize_t w = write(fd, q, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return w < 0 ? -errno : -EIO;
		q += w;
		n -= (size_t)w;
	}
	return 0;
}

/* The frames' table and their compressed bytes into w->out; how many, or <0. */
static int64_t block_pack(struct seg_writer *w, struct block *b)
{
	size_t at = sizeof(b->nframes) + b->nframes * sizeof(b->frame[0]), raw = 0;
	size_t room = at;

	for (uint32_t i = 0; i < b->nframes; i++)
		room += ZSTD_compressBound(b->frame[i].raw_len);
	if (room > w->out_cap) {
		char *out = realloc(w->out, room);

		if (!out)
			return -ENOMEM;
		w->out = out;
		w->out_cap = room;
	}
	for (uint32_t i = 0; i < b->nframes; i++) {
		struct seg_frame *f = &b->frame[i];
		size_t n = i ? ZSTD_CCtx_refPrefix(w->cctx, b->rec.p, b->frame[0].raw_len) : 0;

		if (!ZSTD_isError(n))
			n = ZSTD_compress2(w->cctx, w->out + at, w->out_cap - at,
					   b->rec.p + raw, f->raw_len);
		if (ZSTD_isError(n))
			return -EIO;
		f->comp_len = (uint32_t)n;
		at += n;
		raw += f->raw_len;
	}
	memcpy(w->out, &b->nframes, sizeof(b->nframes));
	memcpy(w->out + sizeof(b->nframes), b->frame, b->nframes * sizeof(b->frame[0]));
	return (int64_t)at;
}

static int block_write(struct seg_writer *w, struct block *b)
{
	struct seg_head h = {.magic = SEG_BLOCK_MAGIC,
			     .nevents = b->nevents,
			     .first_seq = b->first_seq,
			     .min_known = b->min_known,
			     .max_known = b->max_known};
	size_t posts;
	int64_t comp;
	int r;

	block_sort(b);
	posts = b->npost * sizeof(*b->post);
	comp = block_pack(w, b);
	if (comp < 0)
		return (int)comp;
	h.npost = (uint32_t)b->npost;
	h.raw_len = (uint32_t)b->rec.len;
	h.comp_len = (uint32_t)comp;
	h.sum = hash_bytes(w->out, (size_t)comp, 0);
	h.head_sum = seg_head_sum(&h, b->post);
	if ((r = write_all(w->fd, &h, sizeof(h))) < 0 ||
	    (r = write_all(w->fd, b->post, posts)) < 0 ||
	    (r = write_all(w->fd, w->out, (size_t)comp)) < 0)
		return r;
	pthread_mutex_lock(&w->lock);
	w->stats.blocks++;
	w->stats.bytes_disk += sizeof(h) + posts + (size_t)comp;
	pthread_mutex_unlock(&w->lock);
	return 0;
}

static void *writer_thread(void *arg)
{
	struct seg_writer *w = arg;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct block *b;
		int r;

		while (w->nqueue == 0 && !w->stop)
			pthread_cond_wait(&w->change, &w->lock);
		if (w->nqueue == 0)
			break;
		b = w->queue[0];
		w->nqueue--;
		memmove(w->queue, w->queue + 1, w->nqueue * sizeof(struct block *));
		w->busy = true;
		pthread_cond_broadcast(&w->change);
		r = w->err;
		pthread_mutex_unlock(&w->lock);
		if (r == 0)
			r = block_write(w, b);
		block_free(b);
		pthread_mutex_lock(&w->lock);
		if (r < 0 && !w->err)
			w->err = r;
		w->busy = false;
		pthread_cond_broadcast(&w->change);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Hands the current block on; with a thread it waits while the queue is full. */
static int block_flush(struct seg_writer *w)
{
	struct block *b = w->cur;
	int r;

	if (!b || b->nevents == 0)
		return w->background ? 0 : w->err;
	w->cur = NULL;
	if (!w->background) {
		r = block_write(w, b);
		block_free(b);
		if (r < 0)
			w->err = r;
		return w->err;
	}
	pthread_mutex_lock(&w->lock);
	while (w->nqueue == QUEUE_MAX)
		pthread_cond_wait(&w->change, &w->lock);
	w->queue[w->nqueue++] = b;
	r = w->err;
	pthread_cond_broadcast(&w->change);
	pthread_mutex_unlock(&w->lock);
	return r;
}

static void put(struct buf *b, const void *p, size_t n)
{
	buf_add(b, str_n(p, n));
}

static void put_str16(struct buf *b, struct str s)
{
	uint16_t n = (uint16_t)MIN(s.len, (size_t)UINT16_MAX);

	put(b, &n, sizeof(n));
	put(b, s.p, n);
}

/* "kind:name", cut at the size of out; by hand, since it runs for every entity of every event.
 */
static struct str entity_text(const struct entity *t, char out[SEG_ENTITY_MAX])
{
	struct str kind = str_of(ent_kind_name(t->kind));
	size_t n = MIN(t->name.len, SEG_ENTITY_MAX - kind.len - 1);

	memcpy(out, kind.p, kind.len);
	out[kind.len] = ':';
	memcpy(out + kind.len + 1, t->name.p, n);
	return str_n(out, kind.len + 1 + n);
}

static int put_entities(struct block *b, const struct event *e, const struct entities *en)
{
	char name[SEG_ENTITY_MAX];
	uint8_t n = 0;
	size_t at = b->rec.len;

	put(&b->rec, &n, 1);
	for (uint8_t i = 0; i < e->nents; i++) {
		const struct entity *t = entity_get(en, e->ents[i].id);
		struct str text;

		if (!t)
			continue;
		text = entity_text(t, name);
		put_str16(&b->rec, text);
		if (block_post(b, seg_entity_hash(text)) < 0)
			return -ENOMEM;
		n++;
	}
	if (buf_err(&b->rec) == 0)
		b->rec.p[at] = (char)n;
	return 0;
}

/* The frame the next record belongs to. */
static struct seg_frame *frame_next(struct block *b)
{
	struct seg_frame *f = &b->frame[b->nframes - 1];

	if (f->raw_len < SEG_FRAME_BYTES || b->nframes == SEG_FRAMES)
		return f;
	b->nframes++;
	return f + 1;
}

static int block_add(struct block *b, const struct event *e, const struct entities *en,
		     const struct store_extra *x)
{
	uint32_t len = 0, raw = (uint32_t)e->raw.len;
	size_t at = b->rec.len;
	struct seg_frame *f = frame_next(b);
	int r;

	put(&b->rec, &len, sizeof(len));
	put(&b->rec, &e->seq, sizeof(e->seq));
	put(&b->rec, &e->time, sizeof(e->time));
	put(&b->rec, &e->known, sizeof(e->known));
	put_str16(&b->rec, str_of(e->type->name));
	put_str16(&b->rec, e->id);
	put(&b->rec, &raw, sizeof(raw));
	put(&b->rec, e->raw.p, raw);
	r = put_entities(b, e, en);
	if (r == 0 && x)
		seg_extra_put(&b->rec, e, x);
	if (r == 0)
		r = buf_err(&b->rec);
	if (r < 0)
		return r;
	len = (uint32_t)(b->rec.len - at - sizeof(len));
	memcpy(b->rec.p + at, &len, sizeof(len));
	f->raw_len += (uint32_t)(b->rec.len - at);
	f->nevents++;
	if (b->nevents == 0) {
		b->first_seq = e->seq;
		b->min_known = b->max_known = e->known;
	}
	b->min_known = MIN(b->min_known, e->known);
	b->max_known = MAX(b->max_known, e->known);
	b->nevents++;
	return block_post(b, seg_id_hash(e->id));
}

int seg_append(struct seg_writer *w, const struct event *e, const struct entities *en,
	       const struct store_extra *x)
{
	int r;

	if (e->raw.len > SEG_RECORD_MAX)
		return E_LIMIT;
	if (w->cur && w->cur->rec.len >= SEG_BLOCK_BYTES) {
		r = block_flush(w);
		if (r < 0)
			return r;
	}
	if (!w->cur)
		w->cur = block_new();
	if (!w->cur)
		return -ENOMEM;
	w->stats.events++;
	w->stats.bytes_raw += e->raw.len;
	return block_add(w->cur, e, en, x);
}

int seg_sync(struct seg_writer *w)
{
	int r = block_flush(w);

	if (w->background) {
		pthread_mutex_lock(&w->lock);
		while (w->nqueue || w->busy)
			pthread_cond_wait(&w->change, &w->lock);
		r = w->err;
		pthread_mutex_unlock(&w->lock);
	}
	if (r == 0 && fdatasync(w->fd) < 0)
		r = -errno;
	return r;
}

/* Cuts a torn tail off and stands at the end. */
static int writer_position(struct seg_writer *w, const char *path, bool fresh, struct diag *d)
{
	struct seg_scan s;
	off_t end = lseek(w->fd, 0, SEEK_END);
	int r;

	/* A file torn within its magic holds nothing. */
	if (fresh || end < SEG_FILE_HEAD) {
		if (ftruncate(w->fd, 0) < 0 || lseek(w->fd, 0, SEEK_SET) < 0)
			return diag_set(d, -errno, "%s: %s", path, strerror(errno));
		r = write_all(w->fd, SEG_FILE_MAGIC, SEG_FILE_HEAD);
		return r < 0 ? diag_set(d, r, "%s: %s", path, err_text(r)) : 0;
	}
	r = seg_scan_open(&s, path, d);
	if (r < 0)
		return r;
	end = s.next;
	while (seg_scan_next(&s) > 0) {
		if (seg_scan_check(&s) < 0)
			break;
		w->stats.blocks++;
		w->stats.events += s.head.nevents;
		end = s.next;
	}
	seg_scan_close(&s);
	if (ftruncate(w->fd, end) < 0 || lseek(w->fd, end, SEEK_SET) < 0)
		return diag_set(d, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

int seg_writer_open(const char *dir, bool fresh, bool background, int level,
		    struct seg_writer **ret_w, struct diag *d)
{
	struct seg_writer *w = calloc(1, sizeof(*w));
	char path[4096];
	int r = 0;

	if (!w)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/%s", dir, SEG_FILE_NAME);
	w->stats.segments = 1;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->change, NULL);
	w->cctx = ZSTD_createCCtx();
	w->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (w->fd < 0)
		r = diag_set(d, -errno, "%s: %s", path, strerror(errno));
	else
		r = w->cctx && !ZSTD_isError(ZSTD_CCtx_setParameter(
				       w->cctx, ZSTD_c_compressionLevel, level))
			    ? writer_position(w, path, fresh, d)
			    : -ENOMEM;
	if (r == 0 && background) {
		r = -pthread_create(&w->thread, NULL, writer_thread, w);
		w->background = r == 0;
	}
	if (r < 0) {
		seg_writer_close(w);
		return r;
	}
	*ret_w = w;
	return 0;
}

struct seg_writer *seg_writer_close(struct seg_writer *w)
{
	if (!w)
		return NULL;
	if (w->fd >= 0 && block_flush(w) < 0 && !w->err)
		w->err = -EIO;
	if (w->background) {
		pthread_mutex_lock(&w->lock);
		w->stop = true;
		pthread_cond_broadcast(&w->change);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	block_free(w->cur);
	if (w->fd >= 0)
		close(w->fd);
	ZSTD_freeCCtx(w->cctx);
	pthread_cond_destroy(&w->change);
	pthread_mutex_destroy(&w->lock);
	free(w->out);
	free(w);
	return NULL;
}

void seg_stats(struct seg_writer *w, struct store_stats *ret_s)
{
	pthread_mutex_lock(&w->lock);
	*ret_s = w->stats;
	pthread_mutex_unlock(&w->lock);
}
