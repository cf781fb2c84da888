/* SPDX-License-Identifier: Apache-2.0 */
/* Where all files stand, in a checkpoint. */
#include "base/buf.h"
#include "parse/live_impl.h"
#include <errno.h>
#include <stdlib.h>

#define FORMAT	   2 /* 1, which is read still, had all that are gone in one block */
#define TAG_HEAD   BLOCK_TAG('l', 'i', 'v', ' ')
#define TAG_FILE   BLOCK_TAG('f', 'e', 'e', 'd')
#define TAG_PLACES BLOCK_TAG('p', 'l', 'c', 's')
#define TAG_GONE   BLOCK_TAG('g', 'o', 'n', 'e')
#define TAG_GONE1  BLOCK_TAG('g', 'o', 'n', '1')
#define TAG_END	   BLOCK_TAG('l', 'i', 'v', '.')

#define PATH_BYTES_MAX 65536

struct head {
	uint32_t format, next_no;
	uint64_t seq, spare;
	int64_t known;
};

/* Followed by the path. */
struct row {
	uint64_t dev, ino, records, bytes, print;
	uint32_t printed, no;
	uint8_t end; /* nothing of it was unread */
	uint8_t packed, done, spare[5];
};

/* A file that is no more; also all there are, in format 1. */
struct gone_row {
	uint64_t print, records;
};

/* The first record of which something waits. */
static uint64_t low_of(const struct live *lv, const struct feed *f)
{
	uint64_t low = feed_records(f);

	for (size_t i = 0; i < lv->nheap && f->pending; i++)
		if (lv->heap[i].f == f)
			low = MIN(low, lv->heap[i].rec);
	return low;
}

/* As blocks that belong to the file before them. */
static void save_places(const struct places *l, uint64_t low, struct buf *b,
			struct blocks_out *w)
{
	buf_clear(b);
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].rec < low)
			continue;
		buf_add(b, str_n((const char *)&l->v[i], sizeof(l->v[i])));
		if (b->len >= MIB) {
			blocks_put(w, TAG_PLACES, NULL, 0, b->p, b->len);
			buf_clear(b);
		}
	}
	if (buf_err(b) < 0)
		blocks_fail(w, buf_err(b));
	else if (b->len)
		blocks_put(w, TAG_PLACES, NULL, 0, b->p, b->len);
}

static void save_feed(const struct live *lv, const struct feed *f, struct buf *b,
		      struct blocks_out *w)
{
	uint64_t low = low_of(lv, f);
	struct row row = {.dev = f->dev,
			  .ino = f->ino,
			  .records = low,
			  .print = f->print,
			  .printed = f->printed,
			  .no = f->no,
			  .packed = f->packed,
			  .done = f->state == FEED_DONE && !f->pending};
	size_t npath = strlen(f->path);

	row.bytes = f->state == FEED_OPEN && f->c.in ? packet_taken(f->c.in) : f->bytes;
	row.end = !f->pending && !f->more &&
		  (f->state == FEED_IDLE || (f->state == FEED_OPEN && f->c.at == f->c.len));
	if (npath > PATH_BYTES_MAX)
		blocks_fail(w, E_LIMIT);
	blocks_put(w, TAG_FILE, &row, sizeof(row), f->path, npath);
	save_places(&f->skip, low, b, w);
	save_places(&f->out, low, b, w);
}

static void save_gone(const struct live *lv, struct buf *b, struct blocks_out *w)
{
	for (size_t i = lv->ngone - MIN(lv->ngone, (size_t)GONE_MAX); i < lv->ngone; i++) {
		const struct gone *x = &lv->gone[i % GONE_MAX];
		struct gone_row row = {x->print, x->records};

		blocks_put(w, TAG_GONE1, &row, sizeof(row), NULL, 0);
		save_places(&x->skip, x->records, b, w);
	}
}

/* A file that was truncated, of which something may wait: a copy of it has to go on there. */
static void save_orphan(const struct live *lv, const struct feed *f, struct buf *b,
			struct blocks_out *w)
{
	struct gone_row row = {f->print, low_of(lv, f)};

	if (f->printed < PRINT_BYTES)
		return;
	blocks_put(w, TAG_GONE1, &row, sizeof(row), NULL, 0);
	save_places(&f->skip, row.records, b, w);
	save_places(&f->out, row.records, b, w);
}

void live_save(const struct live *lv, struct blocks_out *w)
{
	struct head h = {.format = FORMAT,
			 .next_no = lv->next_no,
			 .seq = lv->stats.seq,
			 .known = lv->stats.known};
	struct buf b;

	buf_init(&b, BLOCK_MAX);
	blocks_put(w, TAG_HEAD, &h, sizeof(h), NULL, 0);
	for (size_t i = 0; i < lv->nfeed; i++) {
		const struct feed *f = lv->feed[i];

		if (!f->orphan && f->state != FEED_REFUSED)
			save_feed(lv, f, &b, w);
	}
	save_gone(lv, &b, w);
	for (size_t i = 0; i < lv->nfeed; i++)
		if (lv->feed[i]->orphan)
			save_orphan(lv, lv->feed[i], &b, w);
	blocks_put(w, TAG_END, NULL, 0, NULL, 0);
	buf_free(&b);
}

static void take(struct str *data, void *p, size_t n)
{
	if (n)
		memcpy(p, data->p, n);
	*data = str_n(data->p + n, data->len - n);
}

/* In which spool a path is, -1 in none. */
static int spool_of(const struct live *lv, struct str path)
{
	for (size_t i = 0; i < lv->conf.nspools; i++) {
		struct str dir = str_of(lv->conf.spools[i].dir);

		if (str_starts(path, dir) && path.len > dir.len && path.p[dir.len] == '/')
			return (int)i;
	}
	return -1;
}

static int load_feed(struct live *lv, struct str data)
{
	struct feed *f;
	struct row row;
	char *path;

	if (data.len < sizeof(row) || data.len > sizeof(row) + PATH_BYTES_MAX)
		return E_FORMAT;
	take(&data, &row, sizeof(row));
	path = str_dup(data);
	if (!path)
		return -ENOMEM;
	f = feed_new(lv, path, row.dev, row.ino, spool_of(lv, data));
	if (!f)
		return -ENOMEM;
	f->no = row.no;
	f->more = false;
	f->records = row.records;
	f->bytes = row.bytes;
	f->print = row.print;
	f->printed = row.printed;
	f->packed = row.packed;
	f->state = row.done ? FEED_DONE : row.end ? FEED_IDLE : FEED_NEW;
	return 0;
}

/* Of the file, there or gone, loaded last. */
static int load_places(struct places *l, struct str data)
{
	struct place p;
	int r = 0;

	if (!l || data.len % sizeof(p))
		return E_FORMAT;
	while (data.len && r == 0) {
		take(&data, &p, sizeof(p));
		r = places_add(l, p.rec, p.sub);
	}
	return r;
}

static void load_gone(struct live *lv, struct str data)
{
	struct gone_row row;

	while (data.len >= sizeof(row)) {
		take(&data, &row, sizeof(row));
		if (row.print)
			gone_slot(lv, row.print, row.records);
	}
}

static int load_block(struct live *lv, uint32_t tag, struct str data, struct places **last)
{
	int r;

	switch (tag) {
	case TAG_FILE:
		r = load_feed(lv, data);
		*last = r == 0 ? &lv->feed[lv->nfeed - 1]->skip : NULL;
		return r;
	case TAG_PLACES:
		return load_places(*last, data);
	case TAG_GONE:
	case TAG_GONE1:
		if (data.len % sizeof(struct gone_row))
			return E_FORMAT;
		load_gone(lv, data);
		*last = lv->ngone ? &lv->gone[(lv->ngone - 1) % GONE_MAX].skip : NULL;
		return 0;
	default:
		return E_FORMAT;
	}
}

static void sort_places(struct live *lv)
{
	for (size_t i = 0; i < lv->nfeed; i++)
		places_sort(&lv->feed[i]->skip);
}

/* Back to knowing nothing, so that an older checkpoint may be tried. */
static void forget(struct live *lv)
{
	while (lv->nfeed)
		feed_free(lv->feed[--lv->nfeed]);
	map_clear(&lv->by_inode);
	lv->next_no = 0;
	lv->stats.seq = 0;
	lv->ngone = 0;
}

int live_load(struct live *lv, struct blocks_in *r)
{
	struct places *last = NULL;
	struct head h;
	struct str data;
	uint32_t tag;
	int n = blocks_next(r, &tag, &data), err = 0;

	forget(lv);
	if (n <= 0 || tag != TAG_HEAD)
		return n < 0 ? n : E_FORMAT;
	if (data.len != sizeof(h))
		return E_VERSION;
	memcpy(&h, data.p, sizeof(h));
	if (h.format < 1 || h.format > FORMAT)
		return E_VERSION;
	while (err == 0 && (n = blocks_next(r, &tag, &data)) > 0 && tag != TAG_END)
		err = load_block(lv, tag, data, &last);
	if (err == 0 && n <= 0)
		err = n < 0 ? n : E_FORMAT;
	if (err < 0) {
		forget(lv);
		return err;
	}
	sort_places(lv);
	lv->next_no = h.next_no;
	lv->stats.seq = h.seq;
	lv->stats.known = h.known;
	return 0;
}
