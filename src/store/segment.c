/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segment.h"
#include "base/fdio.h"
#include "base/hash.h"
#include "store/segment_fill.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUEUE_MAX 4 /* full blocks waiting for the writer thread; then the caller waits */

struct seg_writer {
	int fd;
	bool background, stop;
	int err; /* sticky: first failure of a write */
	struct fill *cur, *spare;
	struct fill *queue[QUEUE_MAX];
	size_t nqueue;
	bool busy; /* the thread holds a block that is not in the queue */
	struct store_stats stats;
	ZSTD_CCtx *cctx;
	struct fill_bytes out;
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

/* A spare block, else a new one. */
static struct fill *block_get(struct seg_writer *w)
{
	struct fill *b;

	pthread_mutex_lock(&w->lock);
	b = w->spare;
	if (b)
		w->spare = b->next;
	pthread_mutex_unlock(&w->lock);
	return b ? b : fill_new();
}

/* What was written; with the lock held. One large record does not keep its room. */
static void block_put(struct seg_writer *w, struct fill *b)
{
	if (b->bytes.cap > 4 * SEG_BLOCK_BYTES) {
		fill_free(b);
		return;
	}
	fill_clear(b);
	b->next = w->spare;
	w->spare = b;
}

static int block_write(struct seg_writer *w, struct fill *b)
{
	int r = fill_pack(b, w->cctx, &w->out);

	if (r == 0)
		r = fd_write(w->fd, w->out.p, w->out.len);
	if (r < 0)
		return r;
	pthread_mutex_lock(&w->lock);
	w->stats.blocks++;
	w->stats.bytes_disk += w->out.len;
	pthread_mutex_unlock(&w->lock);
	return 0;
}

static void *writer_thread(void *arg)
{
	struct seg_writer *w = arg;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct fill *b;
		int r;

		while (w->nqueue == 0 && !w->stop)
			pthread_cond_wait(&w->change, &w->lock);
		if (w->nqueue == 0)
			break;
		b = w->queue[0];
		w->nqueue--;
		memmove(w->queue, w->queue + 1, w->nqueue * sizeof(struct fill *));
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
	struct fill *b = w->cur;
	int r;

	if (!b || b->head.nevents == 0)
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

int seg_append(struct seg_writer *w, const struct event *e, const struct entities *en,
	       const struct store_extra *x)
{
	int r;

	if (e->raw.len > SEG_RECORD_MAX)
		return E_LIMIT;
	if (w->cur && fill_full(w->cur)) {
		r = block_flush(w);
		if (r < 0)
			return r;
	}
	if (!w->cur)
		w->cur = block_get(w);
	if (!w->cur)
		return -ENOMEM;
	r = fill_add(w->cur, e, en, x);
	if (r < 0) {
		w->cur = fill_free(w->cur);
		return r;
	}
	w->stats.events++;
	w->stats.bytes_raw += e->raw.len;
	return 0;
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
	fill_free(w->cur);
	while (w->spare) {
		struct fill *b = w->spare;

		w->spare = b->next;
		fill_free(b);
	}
	if (w->fd >= 0)
		close(w->fd);
	ZSTD_freeCCtx(w->cctx);
	pthread_cond_destroy(&w->change);
	pthread_mutex_destroy(&w->lock);
	free(w->out.p);
	free(w);
	return NULL;
}

void seg_stats(struct seg_writer *w, struct store_stats *ret_s)
{
	pthread_mutex_lock(&w->lock);
	*ret_s = w->stats;
	pthread_mutex_unlock(&w->lock);
}
