/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/live.h"
#include "base/hash.h"
#include "parse/live_impl.h"
#include <errno.h>
#include <stdlib.h>

#define HOLD_BYTES (256 * MIB)
#define OPEN_MAX   1024
#define SEEN_MAX   ((size_t)1 << 16) /* events a generation of duplicates */
#define OUT_MAX	   8192		     /* places kept of a file before they are looked through */
#define EARLIEST   (-INT64_C(4000000000000000000))

int live_new(const struct live_conf *conf, struct live **ret_lv, struct diag *d)
{
	struct live *lv = calloc(1, sizeof(*lv));

	if (!lv)
		return diag_set(d, -ENOMEM, "out of memory");
	lv->conf = *conf;
	if (!lv->conf.hold)
		lv->conf.hold = HOLD_BYTES;
	if (!lv->conf.open_max)
		lv->conf.open_max = OPEN_MAX;
	map_init(&lv->by_inode);
	map_init(&lv->seen[0]);
	map_init(&lv->seen[1]);
	arena_init(&lv->mem, 0);
	lv->stats.known = EARLIEST;
	*ret_lv = lv;
	return 0;
}

static void blocks_drop(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		block_free(b);
		b = next;
	}
}

struct live *live_free(struct live *lv)
{
	if (!lv)
		return NULL;
	for (size_t i = 0; i < lv->nheap; i++)
		if (--lv->heap[i].b->live == 0)
			block_free(lv->heap[i].b);
	for (size_t i = 0; i < lv->nfeed; i++)
		feed_free(lv->feed[i]);
	for (size_t i = 0; i < GONE_MAX; i++)
		free(lv->gone[i].skip.v);
	blocks_drop(lv->spare);
	blocks_drop(lv->used);
	map_free(&lv->by_inode);
	map_free(&lv->seen[0]);
	map_free(&lv->seen[1]);
	arena_free(&lv->mem);
	free(lv->feed);
	free(lv->heap);
	free(lv->out);
	free(lv->ref.v);
	free(lv->whole.v);
	free(lv);
	return NULL;
}

void live_seq(struct live *lv, uint64_t seq)
{
	lv->stats.seq = MAX(lv->stats.seq, seq);
}

static bool before(const struct item *a, const struct item *b)
{
	if (a->known != b->known)
		return a->known < b->known;
	if (a->f->no != b->f->no)
		return a->f->no < b->f->no;
	return a->rec != b->rec ? a->rec < b->rec : a->sub < b->sub;
}

static void sift_up(struct live *lv, size_t i, struct item it)
{
	for (; i && before(&it, &lv->heap[(i - 1) / 2]); i = (i - 1) / 2)
		lv->heap[i] = lv->heap[(i - 1) / 2];
	lv->heap[i] = it;
}

void heap_again(struct live *lv)
{
	for (size_t i = 1; i < lv->nheap; i++)
		sift_up(lv, i, lv->heap[i]);
}

static int heap_push(struct live *lv, struct item it)
{
	if (lv->nheap == lv->capheap) {
		size_t cap = lv->capheap ? lv->capheap * 2 : 1024;
		struct item *p = realloc(lv->heap, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		lv->heap = p;
		lv->capheap = cap;
	}
	sift_up(lv, lv->nheap++, it);
	return 0;
}

static struct item heap_pop(struct live *lv)
{
	struct item top = lv->heap[0], it = lv->heap[--lv->nheap];
	size_t i = 0;

	for (size_t c; (c = 2 * i + 1) < lv->nheap; i = c) {
		if (c + 1 < lv->nheap && before(&lv->heap[c + 1], &lv->heap[c]))
			c++;
		if (!before(&lv->heap[c], &it))
			break;
		lv->heap[i] = lv->heap[c];
	}
	if (lv->nheap)
		lv->heap[i] = it;
	return top;
}

static size_t block_bytes(const struct block *b)
{
	return b->raw_cap + b->b.mem.bytes;
}

static struct block *block_get(struct live *lv)
{
	struct block *b = lv->spare;

	if (!b)
		return block_new();
	lv->spare = b->next;
	block_reset(b);
	return b;
}

static void block_put(struct block **list, struct block *b)
{
	b->next = *list;
	*list = b;
}

/* Events of a block among those that wait. */
static int block_enter(struct live *lv, struct feed *f, struct block *b, int64_t now)
{
	int64_t least = INT64_MAX;
	int r = b->err;

	for (size_t i = 0; i < b->nrec && r == 0; i++) {
		const struct block_rec *rec = &b->rec[i];

		for (uint32_t e = 0; e < rec->n && r == 0; e++) {
			int64_t known = b->b.events[rec->first + e].known;
			struct item it = {.known = known,
					  .due = now + lv->conf.lateness,
					  .rec = rec->no,
					  .f = f,
					  .b = b,
					  .i = rec->first + e,
					  .sub = e};

			least = MIN(least, known);
			if (f->skip.n && places_have(&f->skip, rec->no, e))
				continue;
			r = heap_push(lv, it);
			if (r == 0) {
				b->live++;
				f->pending++;
			}
		}
	}
	if (least != INT64_MAX)
		f->bound = least;
	else if (f->bound == NO_BOUND)
		f->bound = NO_BOUND + 1;
	if (b->live)
		lv->held += block_bytes(b);
	else
		block_put(&lv->spare, b);
	return r;
}

/* The next block of a file; or the file is opened, refused, or found to be at its end. */
static int feed_read(struct live *lv, struct feed *f, int64_t now)
{
	uint64_t records, bytes;
	struct block *b;
	bool end;
	int r;

	if (f->state != FEED_OPEN) {
		r = feed_open(lv, f);
		if (r < 0 || f->state != FEED_OPEN)
			return r;
	}
	b = block_get(lv);
	if (!b)
		return -ENOMEM;
	records = f->c.records;
	bytes = f->c.given;
	cursor_block(&f->c, b);
	lv->stats.records += f->c.records - records;
	lv->stats.bytes += f->c.given - bytes;
	f->c.settle = false;
	f->grown = now;
	end = b->end;
	f->more = !f->c.eof || (f->c.records > records && f->c.at < f->c.len);
	r = block_enter(lv, f, b, now);
	if (r < 0)
		return r;
	if (end || f->c.torn)
		return feed_close(lv, f, FEED_DONE);
	return 0;
}

/* The file whose next bytes may hold the earliest event; NULL when all are at their end. */
static struct feed *least(const struct live *lv)
{
	bool full = lv->nopen >= lv->conf.open_max;
	struct feed *best = NULL;

	for (size_t i = 0; i < lv->nfeed; i++) {
		struct feed *f = lv->feed[i];

		if (!f->more || (full && f->state != FEED_OPEN))
			continue;
		if (!best || f->bound < best->bound ||
		    (f->bound == best->bound && f->no < best->no))
			best = f;
	}
	return best;
}

/* Room for files that wait to be opened: one at its end is closed. */
static int make_room(struct live *lv)
{
	for (size_t i = 0; i < lv->nfeed && lv->nopen >= lv->conf.open_max; i++) {
		struct feed *f = lv->feed[i];

		if (f->state == FEED_OPEN && !f->more && !f->missing && !f->orphan) {
			int r = feed_close(lv, f, FEED_IDLE);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* Whether an event was given out lately; remembers it. */
static bool seen(struct live *lv, const struct event *e)
{
	uint64_t key = hash_2(e->hash, hash_str(e->id, e->type->id));
	bool fresh = true;

	if (map_get(&lv->seen[1], key))
		return true;
	if (lv->seen[0].len >= SEEN_MAX) {
		struct map old = lv->seen[1];

		lv->seen[1] = lv->seen[0];
		lv->seen[0] = old;
		map_clear(&lv->seen[0]);
	}
	/* Out of memory: it is not remembered. */
	return map_put(&lv->seen[0], key, &fresh) && !fresh;
}

static int give_out(struct live *lv, size_t *n)
{
	struct item it = heap_pop(lv);
	const struct event *e = &it.b->b.events[it.i];
	int r = 0;

	if (seen(lv, e)) {
		lv->stats.duplicates++;
	} else {
		lv->stats.late += e->known < lv->stats.known;
		lv->stats.known = MAX(lv->stats.known, e->known);
		lv->stats.events++;
		lv->out[*n] = *e;
		lv->out[(*n)++].seq = ++lv->stats.seq;
	}
	if (--it.f->pending == 0)
		it.f->out.n = 0;
	else
		r = places_add(&it.f->out, it.rec, it.sub);
	if (it.f->out.n > MAX(it.f->trim_at, (size_t)OUT_MAX)) {
		places_trim(lv);
		it.f->trim_at = 2 * it.f->out.n; /* an early record may wait for long */
	}
	if (--it.b->live == 0) {
		lv->held -= MIN(lv->held, block_bytes(it.b));
		block_put(&lv->used, it.b);
	}
	return r;
}

static int reserve_out(struct live *lv, size_t max)
{
	struct event *p;

	if (max <= lv->out_cap)
		return 0;
	p = realloc(lv->out, max * sizeof(*p));
	if (!p)
		return -ENOMEM;
	lv->out = p;
	lv->out_cap = max;
	return 0;
}

int live_next(struct live *lv, int64_t now, struct event **ret_events, size_t max,
	      struct arena **ret_mem, int64_t *ret_wake, struct diag *d)
{
	struct feed *f;
	size_t n = 0;
	int r;

	max = MIN(max, (size_t)INT32_MAX);
	while (lv->used) {
		struct block *b = lv->used;

		lv->used = b->next;
		block_put(&lv->spare, b);
	}
	arena_reset(&lv->mem);
	*ret_wake = INT64_MAX;
	r = reserve_out(lv, max);
	f = least(lv);
	while (r == 0 && n < max) {
		bool full = lv->held >= lv->conf.hold, due;

		if (f && !full && (!lv->nheap || f->bound <= lv->heap[0].known)) {
			r = feed_read(lv, f, now);
			if (r == 0 && lv->nopen >= lv->conf.open_max)
				r = make_room(lv);
			f = least(lv);
			continue;
		}
		if (!lv->nheap)
			break;
		/* What other files still hold of that time is not read yet, but is on disk. */
		due = lv->heap[0].due <= now ||
		      lv->heap[0].due - now > lv->conf.lateness || /* the clock was put back */
		      (f && lv->heap[0].known < now - lv->conf.lateness);
		if (!due && !full) {
			*ret_wake = lv->heap[0].due;
			break;
		}
		lv->stats.early += !due;
		r = give_out(lv, &n);
	}
	if (r < 0)
		return diag_set(d, r, "reading the records: %s", err_text(r));
	*ret_events = lv->out;
	*ret_mem = &lv->mem;
	return (int)n;
}

bool live_busy(const struct live *lv)
{
	return lv->held < lv->conf.hold && least(lv) != NULL;
}

void live_stats(const struct live *lv, struct live_stats *ret_s)
{
	struct live_stats s = lv->stats;

	s.waiting = lv->nheap;
	s.files = lv->nfeed;
	s.open = lv->nopen;
	s.known = s.known == EARLIEST ? 0 : s.known;
	for (size_t i = 0; i < lv->ref.n; i++)
		s.refused += lv->ref.v[i].n;
	for (size_t i = 0; i < lv->nfeed; i++) {
		const struct feed *f = lv->feed[i];
		uint64_t read = f->state == FEED_OPEN ? packet_taken(f->c.in) : f->bytes;
		const struct refusal *ref;

		s.refused_files += f->state == FEED_REFUSED;
		if (f->state == FEED_NEW || f->state == FEED_OPEN || f->state == FEED_IDLE)
			s.behind += f->size > read ? f->size - read : 0;
		if (f->state != FEED_OPEN)
			continue;
		s.refused += f->c.skipped;
		for (size_t k = decoder_refusals(f->c.dec, &ref); k-- > 0;)
			s.refused += ref[k].n;
	}
	*ret_s = s;
}

size_t live_files(const struct live *lv)
{
	return lv->nfeed;
}

void live_file(const struct live *lv, size_t i, struct live_file *ret_f)
{
	const struct feed *f = lv->feed[i];

	*ret_f = (struct live_file){.path = f->path,
				    .source = f->c.source,
				    .records = feed_records(f),
				    .size = f->size,
				    .done = f->state == FEED_DONE,
				    .refused = f->state == FEED_REFUSED};
}

size_t live_refusals(struct live *lv, const struct refusal **ret_r)
{
	int r = 0;

	lv->whole.n = 0;
	for (size_t i = 0; i < lv->ref.n && r == 0; i++)
		r = refusals_add(&lv->whole, &lv->ref.v[i]);
	for (size_t i = 0; i < lv->nfeed && r == 0; i++)
		if (lv->feed[i]->state == FEED_OPEN)
			r = refusals_take(&lv->whole, &lv->feed[i]->c);
	refusals_sort(&lv->whole);
	*ret_r = lv->whole.v;
	return lv->whole.n;
}
