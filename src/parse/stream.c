/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/cursor.h"
#include "parse/dedupe.h"
#include "parse/hold.h"
#include "parse/pool.h"
#include "parse/refusals.h"
#include "sense/unpack.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define HOLD_BYTES  (256 * MIB)
#define CHUNK_TOTAL (32 * MIB) /* what is decoded ahead, shared out among the files */
#define CHUNK_MIN   (16 * KIB)
#define CHUNK_MAX   (128 * KIB)
#define REDO_EVENTS 512

struct input {
	struct job job; /* first: scanning the file, later decoding its next block */
	struct cursor c;
	struct hold hold;
	struct block *ahead; /* being decoded or ready */
	uint32_t no;
	uint64_t size; /* on disk */
	int64_t bound; /* nothing earlier is still to be read */
	bool open, end;
	int scan;
	struct diag diag;
};

struct stream {
	struct pool *pool;
	struct file_list list;
	struct unpacked unpacked;  /* archives among them */
	struct input *in;	   /* [list.n] */
	struct stream_file *files; /* [list.n] */
	struct input **heap;	   /* files not at their end, the next due on top */
	size_t nheap;
	struct spill spill;
	struct headway way;
	size_t hold_bytes;
	struct dedupe dup;
	struct block *all, *spare, *used; /* used: freed at the next call */
	struct block *redo;		  /* records decoded when due */
	struct event *out;
	size_t out_cap;
	struct arena mem;
	struct stream_stats stats;
	uint64_t seq;
	struct refusals ref;
};

/* When the next event of a file can be due at the earliest. */
static int64_t due(const struct input *in)
{
	const struct item *top = hold_top(&in->hold);

	return top && top->known < in->bound ? top->known : in->bound;
}

static bool earlier(const struct input *a, const struct input *b)
{
	int64_t ka = due(a), kb = due(b);

	return ka != kb ? ka < kb : a->no < b->no;
}

static void heap_down(struct stream *st, size_t i)
{
	struct input *it = st->heap[i];

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= st->nheap)
			break;
		if (c + 1 < st->nheap && earlier(st->heap[c + 1], st->heap[c]))
			c++;
		if (!earlier(st->heap[c], it))
			break;
		st->heap[i] = st->heap[c];
		i = c;
	}
	st->heap[i] = it;
}

static struct block *block_get(struct stream *st)
{
	struct block *b = st->spare;

	if (b) {
		st->spare = b->next;
		block_reset(b);
		return b;
	}
	b = block_new();
	if (b) {
		b->all = st->all;
		st->all = b;
	}
	return b;
}

static void block_put(struct block **list, struct block *b)
{
	b->next = *list;
	*list = b;
}

static void job_scan(struct job *j)
{
	struct input *in = (struct input *)j;

	in->scan = cursor_scan(&in->c, &in->diag);
}

static void job_block(struct job *j)
{
	struct input *in = (struct input *)j;

	cursor_block(&in->c, in->ahead);
}

static void count_packets(struct stream *st, const struct input *in)
{
	const struct input_stats *p = &in->c.packets;

	for (int i = 0; i < DISSECT_RESULTS; i++)
		st->stats.refused += p->s.refused[i];
	st->stats.packets += p->s.packets;
	st->stats.flows += p->s.flows;
}

static void refuse_file(struct stream *st, struct input *in)
{
	struct stream_file *f = &st->files[in->no];
	size_t n = strlen(in->c.path);
	const char *why = in->diag.msg;

	/* The path stands beside it. */
	if (strncmp(why, in->c.path, n) == 0 && why[n] == ':')
		why += n + 1 + (why[n + 1] == ' ');
	snprintf(f->why, sizeof(f->why), "%.*s", (int)sizeof(f->why) - 1,
		 *why ? why : "cannot be read");
	f->source = NULL;
	st->stats.files_refused++;
	st->stats.bytes_done += f->bytes - f->bytes_done;
	f->bytes_done = f->bytes;
	in->end = true;
	in->bound = INT64_MAX;
}

static void count(struct stream *st, struct input *in, const struct block *b)
{
	struct stream_file *f = &st->files[in->no];
	uint64_t done = b->end ? f->bytes : MIN(b->taken, f->bytes);

	st->stats.bytes_done += done - f->bytes_done;
	st->stats.records += b->records - f->records;
	st->stats.refused += b->refused - f->refused;
	f->bytes_done = done;
	f->records = b->records;
	f->refused = b->refused;
}

/* Spills the file that holds most until all are within the limit. */
static int spill(struct stream *st, size_t total)
{
	int r = 0;

	while (r == 0 && total > st->hold_bytes) {
		struct input *most = &st->in[0];

		for (size_t i = 1; i < st->list.n; i++)
			if (st->in[i].hold.bytes > most->hold.bytes)
				most = &st->in[i];
		if (!most->hold.bytes)
			break;
		total -= most->hold.bytes;
		r = hold_spill(&most->hold, &st->spill);
	}
	return r;
}

static size_t held_bytes(const struct stream *st)
{
	size_t n = 0;

	for (size_t i = 0; i < st->nheap; i++)
		n += st->heap[i]->hold.bytes;
	return n;
}

/* A decoded block into the file's order: what waits long as raw bytes, the rest as it is. */
static int block_enter(struct stream *st, struct input *in, struct block *b)
{
	bool raw = false;
	int r = b->err;

	for (size_t i = 0; i < b->nrec && r == 0; i++) {
		const struct block_rec *rec = &b->rec[i];

		if (rec->known > b->later) {
			r = hold_raw(&in->hold, rec);
			raw = true;
			continue;
		}
		for (uint32_t e = 0; e < rec->n && r == 0; e++, b->live++)
			r = hold_event(&in->hold, b, rec->no, rec->first + e);
	}
	if (!b->live)
		block_put(&st->spare, b);
	return r == 0 && raw ? spill(st, held_bytes(st)) : r;
}

/* Opens a file whose time has come. A file that cannot be opened any more is refused. */
static int input_open(struct stream *st, struct input *in)
{
	if (cursor_open(&in->c, &in->diag) < 0) {
		refuse_file(st, in);
		return 0;
	}
	in->open = true;
	in->ahead = block_get(st);
	if (!in->ahead)
		return -ENOMEM;
	in->job.run = job_block;
	pool_submit(st->pool, &in->job);
	return 0;
}

/* Takes the next block of a file and has the one after it begun. */
static int input_load(struct stream *st, struct input *in)
{
	struct block *b;

	if (!in->open)
		return input_open(st, in);
	pool_wait(st->pool, &in->job);
	b = in->ahead;
	in->ahead = NULL;
	count(st, in, b);
	in->bound = b->bound;
	in->end = b->end;
	st->stats.bytes_raw += b->bytes;
	if (!in->end) {
		in->ahead = block_get(st);
		if (!in->ahead)
			return -ENOMEM;
		pool_submit(st->pool, &in->job);
	}
	return block_enter(st, in, b);
}

/* A raw record that is due, decoded. */
static int redo(struct stream *st, struct input *in, struct held *h)
{
	struct block *b = st->redo;
	size_t first;
	char *raw;
	int r;

	if (!b)
		b = st->redo = block_get(st);
	if (!b)
		return -ENOMEM;
	/* The file's decoder may be at work on the next block. */
	pool_wait(st->pool, &in->job);
	first = b->b.n;
	raw = arena_alloc(&b->b.mem, h->len + 64);
	if (!raw)
		return -ENOMEM;
	memcpy(raw, h->raw, h->len + 64);
	decoder_at(in->c.dec, (uint32_t)h->era);
	r = block_decode(b, in->c.dec, str_n(raw, h->len));
	decoder_at(in->c.dec, ERA_NOW);
	for (size_t i = first; i < b->b.n && r >= 0; i++, b->live++)
		r = hold_event(&in->hold, b, h->no, (uint32_t)i);
	if (b->b.n >= REDO_EVENTS || b->b.mem.bytes > MIB) {
		st->redo = NULL;
		if (!b->live)
			block_put(&st->used, b);
	}
	return r < 0 ? r : 0;
}

static void event_out(struct stream *st, struct input *in, struct block *b, uint32_t i,
		      size_t *n)
{
	const struct event *e = &b->b.events[i];

	if (dedupe_seen(&st->dup, e)) {
		st->stats.duplicates++;
	} else {
		st->out[*n] = *e;
		st->out[(*n)++].seq = ++st->seq;
		st->files[in->no].events++;
		st->stats.events++;
	}
	if (--b->live == 0 && b != st->redo)
		block_put(&st->used, b);
}

static int input_close(struct stream *st, struct input *in)
{
	int r = in->c.dec ? refusals_take(&st->ref, &in->c) : 0;

	if (in->c.dec && in->c.ordered)
		count_packets(st, in);
	cursor_free(&in->c);
	hold_free(&in->hold);
	return r;
}

/* One step of the file on top: its next event, or its next block. */
static int step(struct stream *st, size_t *n)
{
	struct input *in = st->heap[0];
	const struct item *top = hold_top(&in->hold);
	struct item it;
	int r = 0;

	if (top && top->known <= in->bound) {
		r = hold_pop(&in->hold, &st->spill, &it);
		if (r == 0 && it.what == ITEM_HELD) {
			r = redo(st, in, it.u.held);
			free(it.u.held);
		} else if (r == 0) {
			event_out(st, in, it.u.block, it.sub, n);
		}
	} else if (!in->end) {
		r = input_load(st, in);
	}
	/* At once: thousands of files must not stay open until the last has ended. */
	if (r == 0 && in->end && !hold_top(&in->hold)) {
		r = input_close(st, in);
		st->heap[0] = st->heap[--st->nheap];
	}
	if (st->nheap)
		heap_down(st, 0);
	return r;
}

int stream_next(struct stream *st, struct event **ret_events, size_t max,
		struct arena **ret_mem, struct diag *d)
{
	size_t n = 0;
	int r = 0;

	max = MIN(max, (size_t)INT32_MAX);
	if (max > st->out_cap) {
		struct event *p = realloc(st->out, max * sizeof(*p));

		if (!p)
			return diag_set(d, -ENOMEM, "out of memory");
		st->out = p;
		st->out_cap = max;
	}
	while (st->used) {
		struct block *b = st->used;

		st->used = b->next;
		block_put(&st->spare, b);
	}
	if (st->redo && !st->redo->live) {
		block_put(&st->spare, st->redo);
		st->redo = NULL;
	}
	arena_reset(&st->mem);
	while (n < max && st->nheap && r == 0)
		r = step(st, &n);
	if (r < 0)
		return diag_set(d, r, "reading the records: %s", err_text(r));
	*ret_events = st->out;
	*ret_mem = &st->mem;
	return (int)n;
}

/* Whether the file's times lie beside all those from `first` to `last`. */
static bool apart(const struct input *in, int64_t first, int64_t last)
{
	return in->c.first_known <= in->c.last_known &&
	       (in->c.last_known < first - NS_PER_D || in->c.first_known > last + NS_PER_D);
}

/*
 * Files whose times have no year were given it by their date, which is that of the copy where
 * they were copied. If they lie beside all files with years, and would not with the years of
 * those, these it is.
 */
static void settle_years(struct stream *st)
{
	int64_t first = INT64_MAX, last = INT64_MIN;

	for (size_t i = 0; i < st->list.n; i++) {
		const struct input *in = &st->in[i];

		if (in->scan < 0 || in->c.yearless || in->c.first_known > in->c.last_known)
			continue;
		first = MIN(first, in->c.first_known);
		last = MAX(last, in->c.last_known);
	}
	/* Ends of the calendar are nobody's. */
	if (first > last || first < NS_PER_D || last > INT64_MAX - 400 * NS_PER_D)
		return;
	for (size_t i = 0; i < st->list.n; i++) {
		struct input *in = &st->in[i];

		if (in->scan < 0 || !in->c.yearless || !apart(in, first, last))
			continue;
		in->c.written = last;
		in->scan = cursor_scan(&in->c, &in->diag);
		if (in->scan == 0 && apart(in, first, last)) {
			in->c.written = 0;
			in->scan = cursor_scan(&in->c, &in->diag);
		}
	}
}

/* Results of the first pass: who takes part in the merge. */
static void inputs_ready(struct stream *st)
{
	for (size_t i = 0; i < st->list.n; i++) {
		pool_wait(st->pool, &st->in[i].job);
		st->in[i].job.state = JOB_IDLE;
	}
	settle_years(st);
	for (size_t i = 0; i < st->list.n; i++) {
		struct input *in = &st->in[i];
		struct stream_file *f = &st->files[i];

		if (in->scan < 0) {
			refuse_file(st, in);
			cursor_free(&in->c);
			continue;
		}
		f->source = in->c.source;
		f->first_known = in->c.first_known;
		f->last_known = in->c.last_known;
		/* Without any time it is read last, for the count of what it refuses. */
		in->bound = in->c.first_known;
		st->heap[st->nheap++] = in;
	}
	for (size_t i = st->nheap / 2; i-- > 0;)
		heap_down(st, i);
}

static int by_size(const void *a, const void *b)
{
	const struct input *x = *(struct input *const *)a, *y = *(struct input *const *)b;
	uint64_t n = x->size, m = y->size;

	return n != m ? (n > m ? -1 : 1) : x->no > y->no ? 1 : -1;
}

/* Has all files read once, the largest begun first: it would be what all others wait for. */
static void scan_all(struct stream *st)
{
	/* The heap is not in use yet. */
	for (size_t i = 0; i < st->list.n; i++)
		st->heap[i] = &st->in[i];
	qsort(st->heap, st->list.n, sizeof(*st->heap), by_size);
	for (size_t i = 0; i < st->list.n; i++) {
		struct input *in = st->heap[i];

		in->job.run = job_scan;
		if (!st->list.v[in->no].why)
			pool_submit(st->pool, &in->job);
	}
}

static int prepare(struct stream *st, const struct stream_conf *conf, const struct sources *src,
		   struct diag *d)
{
	int r = 0;

	for (size_t i = 0; i < conf->npaths && r == 0; i++)
		r = file_walk(&st->list, conf->paths[i], d);
	if (r < 0)
		return r;
	file_list_sort(&st->list);
	r = unpack_list(&st->list, conf->tmpdir, NULL, &st->unpacked, d);
	if (r < 0)
		return r;
	st->in = calloc(st->list.n + 1, sizeof(*st->in));
	st->files = calloc(st->list.n + 1, sizeof(*st->files));
	st->heap = calloc(st->list.n + 1, sizeof(struct input *));
	if (!st->in || !st->files || !st->heap || dedupe_init(&st->dup) < 0)
		return -ENOMEM;
	r = pool_new(conf->threads, &st->pool);
	st->stats.files = st->list.n;
	for (size_t i = 0; i < st->list.n && r == 0; i++) {
		const struct file_entry *e = &st->list.v[i];
		struct input *in = &st->in[i];
		size_t chunk = CHUNK_TOTAL / st->list.n;

		in->no = (uint32_t)i;
		st->files[i].path = e->path;
		in->c.path = file_place(e);
		if (e->why)
			in->scan = diag_set(&in->diag, E_FORMAT, "%s", e->why);
		in->c.src = src;
		in->c.chunk = MIN(MAX(chunk, CHUNK_MIN), CHUNK_MAX);
		in->size = st->files[i].bytes = e->size;
		in->c.way = &st->way;
		st->stats.bytes_total += e->size;
	}
	st->way.total = st->stats.bytes_total;
	if (r == 0)
		scan_all(st);
	return r;
}

int stream_open(const struct stream_conf *conf, const struct sources *src,
		struct stream **ret_st, struct diag *d)
{
	struct stream *st = calloc(1, sizeof(*st));
	int r;

	if (!st)
		return diag_set(d, -ENOMEM, "out of memory");
	st->spill = (struct spill){.fd = -1, .dir = conf->tmpdir};
	atomic_flag_clear(&st->way.busy);
	st->way.tell = conf->scanned;
	st->way.arg = conf->scanned_arg;
	st->hold_bytes = conf->hold_bytes ? conf->hold_bytes : HOLD_BYTES;
	arena_init(&st->mem, 0);
	r = prepare(st, conf, src, d);
	if (r < 0) {
		stream_free(st);
		return r == -ENOMEM ? diag_set(d, r, "out of memory") : r;
	}
	inputs_ready(st);
	*ret_st = st;
	return 0;
}

struct stream *stream_free(struct stream *st)
{
	if (!st)
		return NULL;
	pool_free(st->pool);
	for (size_t i = 0; st->in && i < st->list.n; i++) {
		cursor_free(&st->in[i].c);
		hold_free(&st->in[i].hold);
	}
	while (st->all) {
		struct block *b = st->all;

		st->all = b->all;
		block_free(b);
	}
	spill_close(&st->spill);
	dedupe_free(&st->dup);
	arena_free(&st->mem);
	unpack_remove(&st->unpacked);
	file_list_free(&st->list);
	free(st->in);
	free(st->files);
	free(st->heap);
	free(st->out);
	free(st->ref.v);
	free(st);
	return NULL;
}

void stream_stats(const struct stream *st, struct stream_stats *ret_stats)
{
	*ret_stats = st->stats;
}

size_t stream_files(const struct stream *st, const struct stream_file **ret_files)
{
	*ret_files = st->files;
	return st->list.n;
}

size_t stream_refusals(struct stream *st, const struct refusal **ret_r)
{
	refusals_sort(&st->ref);
	*ret_r = st->ref.v;
	return st->ref.n;
}
