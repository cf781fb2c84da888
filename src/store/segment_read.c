/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"
#include "store/segment_cache.h"
#include "store/segment_rows.h"
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

/* Of the sets that a query asks for (its entity first), those that a name belongs to. */
#define SETS_MAX 32u

/* An event of a block that is meant, as far as its row tells. */
struct row_hit {
	struct seg_row row;
	const char *ents; /* the numbers of its entities, behind the row */
	uint64_t place;
	uint32_t frame, at; /* where its bytes are */
};

struct seg_reader {
	struct seg_blocks *blocks;
	bool own; /* blocks is this reader's alone */
	struct seg_cache cache;
	struct seg_sets sets;
	struct seg_hits hits;
	uint32_t *marks; /* of the entities of the block at hand */
	size_t marks_cap;
	struct row_hit *rows; /* of the block at hand, where the latest are wanted */
	size_t nrows, rows_cap;
};

struct seg_reader *seg_reader_close(struct seg_reader *x)
{
	if (!x)
		return NULL;
	seg_cache_free(&x->cache);
	seg_sets_free(&x->sets);
	seg_hits_free(&x->hits);
	free(x->marks);
	free(x->rows);
	if (x->own)
		seg_blocks_close(x->blocks);
	free(x);
	return NULL;
}

int seg_reader_open(const char *dir, struct seg_blocks *shared, struct seg_reader **ret_x,
		    struct diag *d)
{
	struct seg_reader *x = calloc(1, sizeof(*x));
	int r = 0;

	if (!x)
		return -ENOMEM;
	x->blocks = shared;
	if (!shared) {
		r = seg_blocks_open(dir, &x->blocks, d);
		x->own = r == 0;
	}
	if (r < 0) {
		seg_reader_close(x);
		return r;
	}
	*ret_x = x;
	return 0;
}

struct search {
	const struct store_query *q;
	struct seg_reader *x;
	struct seg_cached *c; /* the block at hand */
	uint32_t sets;	      /* a bit for each that an event must have something of */
	size_t left;
	int (*row)(const struct store_event *e, void *arg);
	void *arg;
};

/* The blocks that q may mean, into x->hits. */
static int hits_find(struct seg_reader *x, const struct store_query *q)
{
	int r = seg_blocks_follow(x->blocks);

	if (r == 0)
		r = seg_sets_fill(&x->sets, q);
	return r < 0 ? r : seg_blocks_choose(x->blocks, q, &x->sets, &x->hits);
}

static bool has_text(struct str hay, struct str needle)
{
	for (size_t i = 0; needle.len <= hay.len && i <= hay.len - needle.len; i++)
		if (strncasecmp(hay.p + i, needle.p, needle.len) == 0)
			return true;
	return false;
}

/* "device:pc0357" is meant by itself and by "pc0357". */
static bool is_named(struct str whole, struct str name)
{
	size_t kind = whole.len - name.len - 1; /* bytes of it */

	if (whole.len <= name.len)
		return str_ieq(whole, name);
	return whole.p[kind] == ':' && str_chr(whole, ':', 0) == kind &&
	       str_ieq(str_sub(whole, kind + 1, whole.len), name);
}

static uint32_t sets_of(const struct store_query *q, struct str entity)
{
	uint32_t m = q->entity.len && is_named(entity, q->entity);

	for (size_t i = 0; i < q->nhas; i++)
		for (size_t k = 0; k < q->has[i].n; k++)
			if (is_named(entity, q->has[i].v[k]))
				m |= 2u << i;
	return m;
}

/* Which sets the entities of the block belong to. */
static int mark(struct search *f)
{
	struct seg_cached *c = f->c;

	if (!f->sets)
		return 0;
	if (seg_grow(&f->x->marks, &f->x->marks_cap, (c->nents + 1) * sizeof(uint32_t)) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->nents; i++)
		f->x->marks[i] = sets_of(f->q, c->name[c->ntypes + i]);
	return 0;
}

/* Passes over the entities of a row: 1 it has something of every set, 0, or E_FORMAT. */
static int has_sets(const struct search *f, const struct seg_row *row, struct seg_rd *rd)
{
	uint32_t m = 0;

	for (uint32_t i = 0; i < row->nents; i++) {
		uint64_t n = seg_get(rd);

		if (rd->bad || n >= f->c->nents)
			return E_FORMAT;
		if (f->sets)
			m |= f->x->marks[n];
	}
	return m == f->sets;
}

static bool row_meant(const struct search *f, const struct row_hit *h)
{
	const struct store_query *q = f->q;

	return h->place > q->after_place && (q->from == TIME_NONE || h->row.known >= q->from) &&
	       (q->to == TIME_NONE || h->row.known < q->to) &&
	       (!q->type.len || str_eq(q->type, f->c->name[h->row.type]));
}

/* The bytes of an event, which its frame has from `at` on. */
static int bytes_of(struct seg_reader *x, struct seg_cached *c, const struct store_bytes *b,
		    struct store_event *e)
{
	int r = seg_cache_frame(&x->cache, seg_blocks_fd(x->blocks), c, b->frame);
	const char *p;

	if (r < 0)
		return r;
	p = c->raw[b->frame] + b->at;
	e->id = str_n(p, b->id_len);
	e->raw = str_n(p + b->id_len, b->raw_len);
	e->extra = str_n(p + b->id_len + b->raw_len, b->extra_len);
	return 0;
}

/* Whether only the bytes of an event tell if it is meant. */
static bool by_bytes(const struct store_query *q)
{
	return q->id.len || q->text.len;
}

/* The event of a row, and whether it is meant: 1, 0, or <0. */
static int event_of(struct search *f, const struct row_hit *h, struct store_event *e,
		    struct str ents[EVENT_ENTS_MAX])
{
	const struct store_query *q = f->q;
	struct seg_cached *c = f->c;
	struct seg_rd rd = {h->ents, c->lead + c->lead_len, false};
	int r;

	*e = (struct store_event){.seq = h->row.seq,
				  .place = h->place,
				  .time = h->row.time,
				  .known = h->row.known,
				  .type = c->name[h->row.type],
				  .entities = ents,
				  .nentities = MIN(h->row.nents, (uint32_t)EVENT_ENTS_MAX),
				  .bytes = {.frame = h->frame,
					    .at = h->at,
					    .id_len = h->row.id_len,
					    .raw_len = h->row.raw_len,
					    .extra_len = h->row.extra_len}};
	for (size_t i = 0; i < e->nentities; i++)
		ents[i] = c->name[c->ntypes + seg_get(&rd)];
	if (q->rows_only && !by_bytes(q))
		return 1;
	r = bytes_of(f->x, c, &e->bytes, e);
	if (r < 0)
		return r;
	return (!q->id.len || str_eq(q->id, e->id)) &&
	       (!q->text.len || has_text(e->raw, q->text));
}

/* Calls row() for the event, if it is meant. 1: no more is wanted. */
static int give(struct search *f, const struct row_hit *h)
{
	struct str ents[EVENT_ENTS_MAX];
	struct store_event e;
	int r = event_of(f, h, &e, ents);

	if (r <= 0)
		return r;
	f->left--;
	return f->row(&e, f->arg) != 0 || f->left == 0;
}

/* Kept until it is known which of the block are the latest. */
static int gather(struct search *f, const struct row_hit *h)
{
	struct seg_reader *x = f->x;
	struct str ents[EVENT_ENTS_MAX];
	struct store_event e;
	int r = by_bytes(f->q) ? event_of(f, h, &e, ents) : 1;

	if (r <= 0)
		return r;
	if (seg_grow(&x->rows, &x->rows_cap, (x->nrows + 1) * sizeof(*x->rows)) < 0)
		return -ENOMEM;
	x->rows[x->nrows++] = *h;
	return 0;
}

/* The rows of frame i, whose first event has this place. 1: no more is wanted. */
static int frame_rows(struct search *f, uint32_t i, uint64_t place)
{
	const struct seg_frame *frame = &f->c->frame[i];
	struct seg_rd rd = {f->c->rows[i], f->c->rows[i] + frame->rows_len, false};
	struct row_hit h = {.frame = i};
	uint64_t at = 0;
	int r = 0;

	for (uint32_t k = 0; k < frame->nevents && r == 0; k++) {
		uint64_t next;
		int has;

		if (!seg_row_get(&rd, &h.row) || h.row.type >= f->c->ntypes)
			return E_FORMAT;
		h.ents = rd.p;
		h.place = place + k;
		h.at = (uint32_t)at;
		next = at + h.row.id_len + h.row.raw_len + h.row.extra_len;
		has = has_sets(f, &h.row, &rd);
		if (has < 0 || next > frame->raw_len)
			return E_FORMAT;
		if (has && row_meant(f, &h))
			r = f->q->newest ? gather(f, &h) : give(f, &h);
		at = next;
	}
	return r;
}

static int block_events(struct search *f, const struct seg_hit *h)
{
	struct seg_reader *x = f->x;
	uint64_t place = (uint64_t)h->place << SEG_PLACE_BITS;
	int r = seg_cache_block(&x->cache, seg_blocks_fd(x->blocks), h, true, &f->c);

	if (r == 0)
		r = mark(f);
	x->nrows = 0;
	for (uint32_t i = 0; r == 0 && i < f->c->nframes; i++) {
		if (h->frames >> i & 1)
			r = frame_rows(f, i, place);
		place += f->c->frame[i].nevents;
	}
	for (size_t i = x->nrows - MIN(x->nrows, f->left); r == 0 && i < x->nrows; i++)
		r = give(f, &x->rows[i]);
	return r;
}

static int block_rows(struct search *f, const struct seg_hit *h)
{
	int r = block_events(f, h);

	/* Retention took it away since it was indexed. */
	if ((r == E_TRUNC || r == E_CHECKSUM) &&
	    h->place < seg_first(seg_blocks_fd(f->x->blocks)))
		return 0;
	if (r == E_TRUNC || r == E_CHECKSUM)
		return 1; /* torn: nothing after it can be trusted */
	return r;
}

static int failed(const struct seg_reader *x, int r, struct diag *d)
{
	return r < 0 ? diag_set(d, r, "%s: %s", seg_blocks_path(x->blocks), err_text(r)) : 0;
}

static int search_begin(struct search *f)
{
	if (f->q->nhas >= SETS_MAX)
		return E_LIMIT;
	f->sets = f->q->entity.len > 0;
	for (size_t i = 0; i < f->q->nhas; i++)
		f->sets |= 2u << i;
	return hits_find(f->x, f->q);
}

int seg_read(struct seg_reader *x, const struct store_query *q,
	     int (*row)(const struct store_event *e, void *arg), void *arg, struct diag *d)
{
	struct search f = {
		.q = q, .x = x, .left = q->limit ? q->limit : 100, .row = row, .arg = arg};
	int r = search_begin(&f);

	for (size_t i = 0; r == 0 && i < x->hits.n; i++)
		r = block_rows(&f, &x->hits.v[q->newest ? x->hits.n - 1 - i : i]);
	return failed(x, r, d);
}

int seg_read_bytes(struct seg_reader *x, struct store_event *e, struct diag *d)
{
	struct seg_hit h;
	struct seg_cached *c;
	int r = seg_blocks_at(x->blocks, e->place, &h);

	if (r == 0)
		r = seg_cache_block(&x->cache, seg_blocks_fd(x->blocks), &h, false, &c);
	if (r == 0 &&
	    (e->bytes.frame >= c->nframes ||
	     (uint64_t)e->bytes.at + e->bytes.id_len + e->bytes.raw_len + e->bytes.extra_len >
		     c->frame[e->bytes.frame].raw_len))
		r = E_NOTFOUND;
	if (r == 0)
		r = bytes_of(x, c, &e->bytes, e);
	if (r == E_TRUNC || r == E_CHECKSUM)
		r = E_NOTFOUND;
	return failed(x, r, d);
}

struct histogram {
	struct store_histogram *h;
	int64_t from;
};

static size_t step_of(const struct histogram *x, int64_t known)
{
	return (size_t)(((uint64_t)known - (uint64_t)x->from) / (uint64_t)x->h->step);
}

static int histogram_row(const struct store_event *e, void *arg)
{
	struct histogram *x = arg;
	size_t i = step_of(x, e->known);

	if (i < x->h->n)
		x->h->count[i]++;
	return 0;
}

/* The heads say enough where nothing is asked but time and a block lies within one step. */
static bool by_head(const struct histogram *x, const struct store_query *q,
		    const struct seg_head *b)
{
	size_t i;

	if (q->id.len || q->type.len || q->entity.len || q->text.len || q->nhas ||
	    b->min_known < q->from || b->max_known >= q->to)
		return false;
	i = step_of(x, b->min_known);
	if (i != step_of(x, b->max_known) || i >= x->h->n)
		return false;
	x->h->count[i] += b->nevents;
	return true;
}

int seg_histogram(struct seg_reader *x, const struct store_query *q, struct store_histogram *h,
		  struct diag *d)
{
	struct histogram g = {h, q->from};
	struct store_query rows = *q;
	struct search f = {
		.q = &rows, .x = x, .left = SIZE_MAX, .row = histogram_row, .arg = &g};
	uint64_t bytes = 0;
	int r;

	if (q->from == TIME_NONE || q->to == TIME_NONE || h->step <= 0)
		return -EINVAL;
	rows.rows_only = true;
	r = search_begin(&f);
	for (size_t i = 0; r == 0 && i < x->hits.n; i++) {
		const struct seg_hit *b = &x->hits.v[i];

		if (by_head(&g, q, &b->head))
			continue;
		if ((bytes += b->head.raw_len) > h->bytes_max)
			h->partial = true;
		else
			r = block_rows(&f, b);
	}
	return failed(x, r, d);
}

int seg_range(struct seg_reader *x, int64_t *ret_from, int64_t *ret_to, uint64_t *ret_n,
	      struct diag *d)
{
	int r = seg_blocks_follow(x->blocks);

	return r < 0 ? failed(x, r, d) : seg_blocks_range(x->blocks, ret_from, ret_to, ret_n);
}

int seg_end(const char *dir, uint64_t *ret_place, struct diag *d)
{
	char path[4096];
	struct stat sb;

	snprintf(path, sizeof(path), "%s/%s", dir, SEG_FILE_NAME);
	if (stat(path, &sb) < 0)
		return diag_set(d, -errno, "%s: %s", path, strerror(errno));
	*ret_place = ((uint64_t)sb.st_size << SEG_PLACE_BITS) - 1;
	return 0;
}
