/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "base/timeutil.h"
#include "store/segment_index.h"
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

/* A sticky-error reader over one record. */
struct rd {
	const char *p, *end;
	bool bad;
};

static void get(struct rd *r, void *out, size_t n)
{
	if (r->bad || (size_t)(r->end - r->p) < n) {
		r->bad = true;
		memset(out, 0, n);
		return;
	}
	memcpy(out, r->p, n);
	r->p += n;
}

static struct str get_n(struct rd *r, size_t n)
{
	struct str s = {r->p, n};

	if (r->bad || (size_t)(r->end - r->p) < n) {
		r->bad = true;
		return (struct str){NULL, 0};
	}
	r->p += n;
	return s;
}

static struct str get_str16(struct rd *r)
{
	uint16_t n;

	get(r, &n, sizeof(n));
	return get_n(r, n);
}

static bool record(struct rd *r, struct store_event *e, struct str ents[256])
{
	struct rd in;
	uint32_t len, raw;
	uint8_t n;

	get(r, &len, sizeof(len));
	in.p = get_n(r, len).p;
	if (r->bad)
		return false;
	in.end = in.p + len;
	in.bad = false;
	get(&in, &e->seq, sizeof(e->seq));
	get(&in, &e->time, sizeof(e->time));
	get(&in, &e->known, sizeof(e->known));
	e->type = get_str16(&in);
	e->id = get_str16(&in);
	get(&in, &raw, sizeof(raw));
	e->raw = get_n(&in, raw);
	get(&in, &n, sizeof(n));
	for (uint8_t i = 0; i < n; i++)
		ents[i] = get_str16(&in);
	e->entities = ents;
	e->nentities = n;
	e->extra = str_n(in.p, in.bad ? 0 : (size_t)(in.end - in.p));
	return !in.bad;
}

#define CACHE_SLOTS 64u
#define CACHE_BYTES (24 * MIB) /* of a block that is larger, that one alone is kept */

/* A block that was read, and those of its frames that were unpacked. */
struct seg_cached {
	off_t place;
	uint32_t sum;	  /* of its head: another block may come to stand at its place */
	uint64_t used;	  /* 0: empty */
	char *disk, *raw; /* compressed bytes; records */
	size_t disk_cap, raw_cap;
	struct seg_frame frame[SEG_FRAMES];
	size_t from[SEG_FRAMES]; /* where it begins in disk */
	uint32_t nframes, have;	 /* bits: frames that are unpacked */
};

struct seg_reader {
	struct seg_blocks *blocks;
	bool own; /* blocks is this reader's alone */
	struct seg_cached cache[CACHE_SLOTS];
	size_t bytes; /* of the cache */
	uint64_t clock;
	ZSTD_DCtx *dctx; /* made when first needed */
	struct seg_sets sets;
	struct seg_hits hits;
};

static void cached_free(struct seg_reader *x, struct seg_cached *c)
{
	x->bytes -= c->disk_cap + c->raw_cap;
	free(c->disk);
	free(c->raw);
	*c = (struct seg_cached){0};
}

struct seg_reader *seg_reader_close(struct seg_reader *x)
{
	if (!x)
		return NULL;
	for (size_t i = 0; i < CACHE_SLOTS; i++)
		cached_free(x, &x->cache[i]);
	seg_sets_free(&x->sets);
	seg_hits_free(&x->hits);
	ZSTD_freeDCtx(x->dctx);
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

static bool event_has_entity(const struct store_event *e, struct str name)
{
	for (size_t i = 0; i < e->nentities; i++)
		if (is_named(e->entities[i], name))
			return true;
	return false;
}

static bool event_has_any(const struct store_event *e, const struct store_names *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (event_has_entity(e, v->v[i]))
			return true;
	return false;
}

static bool event_meant(const struct store_query *q, const struct store_event *e)
{
	if (e->place <= q->after_place)
		return false;
	if ((q->from != TIME_NONE && e->known < q->from) ||
	    (q->to != TIME_NONE && e->known >= q->to))
		return false;
	if (q->id.len && !str_eq(q->id, e->id))
		return false;
	if (q->type.len && !str_eq(q->type, e->type))
		return false;
	if (q->entity.len && !event_has_entity(e, q->entity))
		return false;
	for (size_t i = 0; i < q->nhas; i++)
		if (!event_has_any(e, &q->has[i]))
			return false;
	return !q->text.len || has_text(e->raw, q->text);
}

/* The place of a block in the cache: its own, or that of the idlest. true: it is there. */
static bool cache_find(struct seg_reader *x, const struct seg_hit *h, struct seg_cached **ret_c)
{
	struct seg_cached *c = x->cache;

	for (size_t i = 0; i < CACHE_SLOTS; i++) {
		if (x->cache[i].used && x->cache[i].place == h->place &&
		    x->cache[i].sum == h->head.head_sum) {
			*ret_c = &x->cache[i];
			return true;
		}
		if (x->cache[i].used < c->used)
			c = &x->cache[i];
	}
	*ret_c = c;
	return false;
}

/* Makes room for more bytes: the idlest blocks go, but not keep. */
static void cache_trim(struct seg_reader *x, size_t more, const struct seg_cached *keep)
{
	while (x->bytes && x->bytes + more > CACHE_BYTES) {
		struct seg_cached *idle = NULL;

		for (size_t i = 0; i < CACHE_SLOTS; i++)
			if (x->cache[i].raw && &x->cache[i] != keep &&
			    (!idle || x->cache[i].used < idle->used))
				idle = &x->cache[i];
		if (!idle)
			return;
		cached_free(x, idle);
	}
}

/* c can hold the block of h. */
static int cache_room(struct seg_reader *x, const struct seg_hit *h, struct seg_cached *c)
{
	size_t had = c->disk_cap + c->raw_cap, need = h->head.comp_len + h->head.raw_len;
	int r;

	c->used = 0;
	c->have = 0;
	if (had > CACHE_BYTES / CACHE_SLOTS && need < had / 2)
		cached_free(x, c); /* after a large one */
	cache_trim(x, need, c);
	had = c->disk_cap + c->raw_cap;
	r = seg_reserve(&c->disk, &c->disk_cap, h->head.comp_len);
	if (r == 0)
		r = seg_reserve(&c->raw, &c->raw_cap, h->head.raw_len);
	x->bytes += c->disk_cap + c->raw_cap - had;
	return r;
}

/* Reads a block's compressed bytes. */
static int block_load(struct seg_reader *x, const struct seg_hit *h, struct seg_cached *c)
{
	size_t posts = h->head.npost * sizeof(uint64_t), n = h->head.comp_len, at;
	int frames = cache_room(x, h, c);
	ssize_t got;

	if (frames < 0)
		return frames;
	got = pread(seg_blocks_fd(x->blocks), c->disk, n,
		    h->place + (off_t)(sizeof(h->head) + posts));
	if (got < 0)
		return -errno;
	if ((size_t)got != n)
		return E_TRUNC;
	if (hash_bytes(c->disk, n, 0) != h->head.sum)
		return E_CHECKSUM;
	frames = seg_frames(&h->head, str_n(c->disk, n), c->frame, &at);
	if (frames < 0)
		return E_CHECKSUM;
	c->nframes = (uint32_t)frames;
	for (uint32_t i = 0; i < c->nframes; i++) {
		c->from[i] = at;
		at += c->frame[i].comp_len;
	}
	c->place = h->place;
	c->sum = h->head.head_sum;
	return 0;
}

/* Unpacks the frames of want that are not yet. */
static int unpack(struct seg_reader *x, struct seg_cached *c, uint32_t want)
{
	char *raw = c->raw;

	want |= want != 0; /* the first one is the dictionary of the others */
	if (!x->dctx && !(x->dctx = ZSTD_createDCtx()))
		return -ENOMEM;
	for (uint32_t i = 0; i < c->nframes; raw += c->frame[i++].raw_len) {
		size_t n;

		if (!(want & ~c->have & 1u << i))
			continue;
		if (i &&
		    ZSTD_isError(ZSTD_DCtx_refPrefix(x->dctx, c->raw, c->frame[0].raw_len)))
			return E_CHECKSUM;
		n = ZSTD_decompressDCtx(x->dctx, raw, c->frame[i].raw_len, c->disk + c->from[i],
					c->frame[i].comp_len);
		if (n != c->frame[i].raw_len)
			return E_CHECKSUM;
		c->have |= 1u << i;
	}
	return 0;
}

/* A block with the frames that the query asks for unpacked. */
static int block_raw(struct seg_reader *x, const struct seg_hit *h, struct seg_cached **ret_c)
{
	struct seg_cached *c;
	int r = 0;

	if (!cache_find(x, h, &c))
		r = block_load(x, h, c);
	if (r == 0)
		r = unpack(x, c, h->frames & ((1u << c->nframes) - 1));
	c->used = r == 0 ? ++x->clock : 0;
	*ret_c = c;
	return r;
}

/* The rows of one frame, whose first event is number i of the block. */
static int frame_rows(struct search *f, const struct seg_hit *h, struct str raw, uint64_t i)
{
	struct rd rd = {raw.p, raw.p + raw.len, false};
	struct str ents[256];

	while (rd.p < rd.end && f->left) {
		struct store_event e;

		if (!record(&rd, &e, ents))
			return E_FORMAT;
		e.place = (uint64_t)h->place << SEG_PLACE_BITS | i++;
		if (!event_meant(f->q, &e))
			continue;
		f->left--;
		if (f->row(&e, f->arg) != 0)
			return 1;
	}
	return f->left == 0;
}

static int block_rows(struct search *f, const struct seg_hit *h)
{
	struct seg_cached *c = NULL;
	int r = block_raw(f->x, h, &c);
	uint64_t first = 0;
	size_t at = 0;

	/* Retention took it away since it was indexed. */
	if ((r == E_TRUNC || r == E_CHECKSUM) &&
	    h->place < seg_first(seg_blocks_fd(f->x->blocks)))
		return 0;
	if (r == E_TRUNC || r == E_CHECKSUM)
		return 1; /* torn: nothing after it can be trusted */
	for (uint32_t i = 0; r == 0 && i < c->nframes; i++) {
		if (h->frames >> i & 1)
			r = frame_rows(f, h, str_n(c->raw + at, c->frame[i].raw_len), first);
		at += c->frame[i].raw_len;
		first += c->frame[i].nevents;
	}
	return r;
}

static int failed(const struct seg_reader *x, int r, struct diag *d)
{
	return r < 0 ? diag_set(d, r, "%s: %s", seg_blocks_path(x->blocks), err_text(r)) : 0;
}

int seg_read(struct seg_reader *x, const struct store_query *q,
	     int (*row)(const struct store_event *e, void *arg), void *arg, struct diag *d)
{
	struct search f = {
		.q = q, .x = x, .left = q->limit ? q->limit : 100, .row = row, .arg = arg};
	int r = hits_find(x, q);

	for (size_t i = 0; r == 0 && i < x->hits.n; i++)
		r = block_rows(&f, &x->hits.v[q->newest ? x->hits.n - 1 - i : i]);
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
	struct search f = {.q = q, .x = x, .left = SIZE_MAX, .row = histogram_row, .arg = &g};
	uint64_t bytes = 0;
	int r;

	if (q->from == TIME_NONE || q->to == TIME_NONE || h->step <= 0)
		return -EINVAL;
	r = hits_find(x, q);
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
