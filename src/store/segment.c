/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segment.h"
#include "base/fdio.h"
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

/* Of a record: its length, seq, time and known. */
#define RECORD_FIXED (sizeof(uint32_t) + 3 * sizeof(uint64_t))
#define QUEUE_MAX    4 /* full blocks waiting for the writer thread; then the caller waits */

/* A block being filled, waiting to be written, or spare. */
struct block {
	struct block *next; /* of the spare ones */
	struct buf rec;
	uint64_t *post;
	size_t npost, post_cap; /* bytes */
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
	struct block *cur, *spare;
	struct block *queue[QUEUE_MAX];
	size_t nqueue;
	bool busy; /* the thread holds a block that is not in the queue */
	struct store_stats stats;
	ZSTD_CCtx *cctx;
	int level;
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

/* A spare block, else a new one. */
static struct block *block_get(struct seg_writer *w)
{
	struct block *b;

	pthread_mutex_lock(&w->lock);
	b = w->spare;
	if (b)
		w->spare = b->next;
	pthread_mutex_unlock(&w->lock);
	if (!b) {
		b = calloc(1, sizeof(*b));
		if (!b)
			return NULL;
		buf_init(&b->rec, SEG_RAW_MAX);
	}
	return b;
}

/* What was written; with the lock held. One large record does not keep its room. */
static void block_put(struct seg_writer *w, struct block *b)
{
	if (b->rec.cap > 4 * SEG_BLOCK_BYTES) {
		block_free(b);
		return;
	}
	buf_clear(&b->rec);
	b->npost = 0;
	b->nevents = 0;
	b->nframes = 0;
	memset(b->frame, 0, sizeof(b->frame));
	b->next = w->spare;
	w->spare = b;
}

static int block_post(struct block *b, unsigned frame, uint64_t h)
{
	if (seg_grow(&b->post, &b->post_cap, (b->npost + 1) * sizeof(*b->post)) < 0)
		return -ENOMEM;
	b->post[b->npost++] = (h & ~SEG_FRAME_MASK) | UINT64_C(1) << frame;
	return 0;
}

/* The postings of one record: its id and its entities. It was written by block_add. */
static int record_posts(struct block *b, unsigned frame, const char *p)
{
	uint16_t n;
	uint32_t raw;
	uint8_t ents;
	int r;

	p += RECORD_FIXED;
	memcpy(&n, p, sizeof(n)); /* the type */
	p += sizeof(n) + n;
	memcpy(&n, p, sizeof(n));
	r = block_post(b, frame, seg_id_hash(str_n(p + sizeof(n), n)));
	p += sizeof(n) + n;
	memcpy(&raw, p, sizeof(raw));
	p += sizeof(raw) + raw;
	for (ents = (uint8_t)*p++; ents && r == 0; ents--) {
		memcpy(&n, p, sizeof(n));
		r = block_post(b, frame, seg_entity_hash(str_n(p + sizeof(n), n)));
		p += sizeof(n) + n;
	}
	return r;
}

/* Here and not while the block is filled, since that is done by the thread all wait for. */
static int block_posts(struct block *b)
{
	const char *p = b->rec.p;
	int r = 0;

	for (uint32_t i = 0; i < b->nframes; i++)
		for (uint32_t k = 0; k < b->frame[i].nevents && r == 0; k++) {
			uint32_t len;

			memcpy(&len, p, sizeof(len));
			r = record_posts(b, i, p);
			p += sizeof(len) + len;
		}
	return r;
}

/* Hashes are spread evenly: their first bytes put nearly all in place. */
static int posts_sort(uint64_t *v, size_t n)
{
	uint64_t *tmp = malloc((n + 1) * sizeof(*tmp));

	if (!tmp)
		return -ENOMEM;
	for (unsigned shift = 48; shift <= 56; shift += 8) {
		size_t at[257] = {0};

		for (size_t i = 0; i < n; i++)
			at[(v[i] >> shift & 0xff) + 1]++;
		for (size_t i = 1; i < 256; i++)
			at[i] += at[i - 1];
		for (size_t i = 0; i < n; i++)
			tmp[at[v[i] >> shift & 0xff]++] = v[i];
		memcpy(v, tmp, n * sizeof(*v));
	}
	free(tmp);
	for (size_t i = 1; i < n; i++) {
		uint64_t x = v[i];
		size_t k = i;

		for (; k && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
	return 0;
}

static int block_sort(struct block *b)
{
	size_t n = 0;
	int r = block_posts(b);

	if (r == 0)
		r = posts_sort(b->post, b->npost);
	if (r < 0 || b->npost == 0)
		return r;
	for (size_t i = 1; i < b->npost; i++)
		if ((b->post[i] ^ b->post[n]) & ~SEG_FRAME_MASK)
			b->post[++n] = b->post[i];
		else
			b->post[n] |= b->post[i];
	b->npost = n + 1;
	return 0;
}

/*
 * The frames, compressed, from w->out[at] on; the end, or <0. The first is taken in once as the
 * dictionary of the others. It begins with a length, so it cannot be taken for a trained one.
 */
static int64_t frames_pack(struct seg_writer *w, struct block *b, size_t at)
{
	ZSTD_CDict *dict = NULL;
	size_t raw = 0, n = 0;

	for (uint32_t i = 0; i < b->nframes && !ZSTD_isError(n); i++) {
		struct seg_frame *f = &b->frame[i];

		if (i == 1) {
			dict = ZSTD_createCDict(b->rec.p, b->frame[0].raw_len, w->level);
			n = dict ? ZSTD_CCtx_refCDict(w->cctx, dict) : (size_t)-1;
		}
		if (!ZSTD_isError(n))
			n = ZSTD_compress2(w->cctx, w->out + at, w->out_cap - at,
					   b->rec.p + raw, f->raw_len);
		f->comp_len = (uint32_t)n;
		at += n;
		raw += f->raw_len;
	}
	if (dict && ZSTD_isError(ZSTD_CCtx_refCDict(w->cctx, NULL)))
		n = (size_t)-1;
	ZSTD_freeCDict(dict);
	return ZSTD_isError(n) ? -EIO : (int64_t)at;
}

/* The frames' table and their compressed bytes into w->out; how many, or <0. */
static int64_t block_pack(struct seg_writer *w, struct block *b)
{
	size_t at = sizeof(b->nframes) + b->nframes * sizeof(b->frame[0]);
	size_t room = at;
	int64_t n;

	for (uint32_t i = 0; i < b->nframes; i++)
		room += ZSTD_compressBound(b->frame[i].raw_len);
	if (seg_reserve(&w->out, &w->out_cap, room) < 0)
		return -ENOMEM;
	n = frames_pack(w, b, at);
	if (n < 0)
		return n;
	memcpy(w->out, &b->nframes, sizeof(b->nframes));
	memcpy(w->out + sizeof(b->nframes), b->frame, b->nframes * sizeof(b->frame[0]));
	return n;
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

	r = block_sort(b);
	if (r < 0)
		return r;
	posts = b->npost * sizeof(*b->post);
	comp = block_pack(w, b);
	if (comp < 0)
		return (int)comp;
	h.npost = (uint32_t)b->npost;
	h.raw_len = (uint32_t)b->rec.len;
	h.comp_len = (uint32_t)comp;
	h.sum = hash_bytes(w->out, (size_t)comp, 0);
	h.head_sum = seg_head_sum(&h, b->post);
	if ((r = fd_write(w->fd, &h, sizeof(h))) < 0 ||
	    (r = fd_write(w->fd, b->post, posts)) < 0 ||
	    (r = fd_write(w->fd, w->out, (size_t)comp)) < 0)
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
		pthread_mutex_lock(&w->lock);
		block_put(w, b);
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
		pthread_mutex_lock(&w->lock);
		block_put(w, b);
		pthread_mutex_unlock(&w->lock);
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

static char *put(char *p, const void *v, size_t n)
{
	memcpy(p, v, n);
	return p + n;
}

static char *put_str16(char *p, struct str s)
{
	uint16_t n = (uint16_t)MIN(s.len, (size_t)UINT16_MAX);

	p = put(p, &n, sizeof(n));
	return n ? put(p, s.p, n) : p;
}

/* "kind:name" with its length, of SEG_ENTITY_MAX bytes at most. */
static char *put_entity(char *p, const struct entity *t)
{
	struct str kind = str_of(ent_kind_name(t->kind));
	size_t n = MIN(t->name.len, SEG_ENTITY_MAX - kind.len - 1);
	uint16_t len = (uint16_t)(kind.len + 1 + n);

	p = put(p, &len, sizeof(len));
	p = put(p, kind.p, kind.len);
	*p++ = ':';
	return n ? put(p, t->name.p, n) : p;
}

static char *put_entities(char *p, const struct event *e, const struct entities *en)
{
	char *count = p++;
	uint8_t n = 0;

	for (uint8_t i = 0; i < e->nents; i++) {
		const struct entity *t = entity_get(en, e->ents[i].id);

		if (!t)
			continue;
		p = put_entity(p, t);
		n++;
	}
	*count = (char)n;
	return p;
}

/* The frame the next record belongs to. */
static struct seg_frame *frame_next(struct block *b)
{
	struct seg_frame *f = &b->frame[b->nframes ? b->nframes - 1 : 0];

	if (b->nframes && (f->raw_len < SEG_FRAME_BYTES || b->nframes == SEG_FRAMES))
		return f;
	return &b->frame[b->nframes++];
}

/* All of a record but its length and tail. */
static int put_record(struct buf *b, const struct event *e, const struct entities *en)
{
	struct str type = str_of(e->type->name);
	uint32_t len = 0, raw = (uint32_t)e->raw.len;
	size_t most = RECORD_FIXED + 3 * sizeof(uint16_t) + type.len + e->id.len + sizeof(raw) +
		      raw + e->nents * (sizeof(uint16_t) + (size_t)SEG_ENTITY_MAX);
	char *from = buf_room(b, most), *p = from;

	if (!p)
		return buf_err(b);
	p = put(p, &len, sizeof(len));
	p = put(p, &e->seq, sizeof(e->seq));
	p = put(p, &e->time, sizeof(e->time));
	p = put(p, &e->known, sizeof(e->known));
	p = put_str16(p, type);
	p = put_str16(p, e->id);
	p = put(p, &raw, sizeof(raw));
	p = raw ? put(p, e->raw.p, raw) : p;
	p = put_entities(p, e, en);
	b->len += (size_t)(p - from);
	return 0;
}

static int block_add(struct block *b, const struct event *e, const struct entities *en,
		     const struct store_extra *x)
{
	size_t at = b->rec.len;
	struct seg_frame *f = frame_next(b);
	uint32_t len;
	int r = put_record(&b->rec, e, en);

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
	return 0;
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
		w->cur = block_get(w);
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
		r = fd_write(w->fd, SEG_FILE_MAGIC, SEG_FILE_HEAD);
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
	w->level = level;
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
	while (w->spare) {
		struct block *b = w->spare;

		w->spare = b->next;
		block_free(b);
	}
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
