/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segment_cache.h"
#include "store/segment_rows.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static size_t bytes_of(const struct seg_cached *c)
{
	size_t n = c->lead_cap + c->name_cap;

	for (size_t i = 0; i < SEG_FRAMES; i++)
		n += c->raw_cap[i];
	return n;
}

static void cached_free(struct seg_cache *x, struct seg_cached *c)
{
	x->bytes -= bytes_of(c);
	free(c->lead);
	free(c->name);
	for (size_t i = 0; i < SEG_FRAMES; i++)
		free(c->raw[i]);
	*c = (struct seg_cached){0};
}

void seg_cache_free(struct seg_cache *x)
{
	for (size_t i = 0; i < SEG_CACHE_SLOTS; i++)
		cached_free(x, &x->slot[i]);
	ZSTD_freeDCtx(x->dctx);
	free(x->disk);
}

/* Makes room for more bytes: the idlest blocks go, but not keep. */
static void trim(struct seg_cache *x, size_t more, const struct seg_cached *keep)
{
	while (x->bytes && x->bytes + more > SEG_CACHE_BYTES) {
		struct seg_cached *idle = NULL;

		for (size_t i = 0; i < SEG_CACHE_SLOTS; i++)
			if (x->slot[i].used && &x->slot[i] != keep &&
			    (!idle || x->slot[i].used < idle->used))
				idle = &x->slot[i];
		if (!idle)
			return;
		cached_free(x, idle);
	}
}

/* Room for need bytes of c, accounted for. */
static int room(struct seg_cache *x, struct seg_cached *c, void *pp, size_t *cap, size_t need)
{
	size_t had = *cap;
	int r;

	if (need <= had)
		return 0;
	trim(x, need - had, c);
	r = seg_reserve(pp, cap, need);
	x->bytes += *cap - had;
	return r;
}

/* n bytes of the file from at on, into x->disk. */
static int load(struct seg_cache *x, int fd, off_t at, size_t n)
{
	ssize_t got;

	if (seg_reserve(&x->disk, &x->disk_cap, n) < 0)
		return -ENOMEM;
	got = pread(fd, x->disk, n, at);
	if (got < 0)
		return -errno;
	return (size_t)got == n ? 0 : E_TRUNC;
}

static int unpack(struct seg_cache *x, char *to, size_t len, const char *from, size_t n)
{
	if (!x->dctx && !(x->dctx = ZSTD_createDCtx()))
		return -ENOMEM;
	return ZSTD_decompressDCtx(x->dctx, to, len, from, n) == len ? 0 : E_CHECKSUM;
}

/* Counted names from rd, behind the n that are there. */
static int names_read(struct seg_cache *x, struct seg_cached *c, struct seg_rd *rd, uint32_t n,
		      uint32_t *ret_more)
{
	uint64_t more = seg_get(rd);

	if (more > (uint64_t)(rd->end - rd->p))
		return E_FORMAT;
	if (room(x, c, &c->name, &c->name_cap, (n + more + 1) * sizeof(*c->name)) < 0)
		return -ENOMEM;
	for (uint64_t i = 0; i < more; i++)
		c->name[n + i] = seg_get_n(rd, (size_t)seg_get(rd));
	*ret_more = (uint32_t)more;
	return 0;
}

/* Unpacks the rows, whose compressed bytes begin at `at` of x->disk. */
static int rows_read(struct seg_cache *x, const struct seg_head *h, struct seg_cached *c,
		     size_t at)
{
	struct seg_rd rd;
	int r = room(x, c, &c->lead, &c->lead_cap, h->rows_len);

	if (r == 0)
		r = unpack(x, c->lead, h->rows_len, x->disk + at, h->lead_len - at);
	if (r < 0)
		return r;
	rd = (struct seg_rd){c->lead, c->lead + h->rows_len, false};
	r = names_read(x, c, &rd, 0, &c->ntypes);
	if (r == 0)
		r = names_read(x, c, &rd, c->ntypes, &c->nents);
	for (uint32_t i = 0; i < c->nframes && r == 0; i++)
		c->rows[i] = seg_get_n(&rd, c->frame[i].rows_len).p;
	if (r == 0 && rd.bad)
		r = E_FORMAT;
	c->lead_len = r == 0 ? h->rows_len : 0;
	return r;
}

static bool is_block(const struct seg_cached *c, const struct seg_hit *h)
{
	return c->used && c->place == h->place && c->sum == h->head.head_sum;
}

/* The block's own place in the cache, else that of the idlest. */
static struct seg_cached *slot_of(struct seg_cache *x, const struct seg_hit *h)
{
	struct seg_cached *c = x->slot;

	if (is_block(&x->slot[x->latest], h))
		return &x->slot[x->latest];
	for (size_t i = 0; i < SEG_CACHE_SLOTS; i++) {
		if (is_block(&x->slot[i], h))
			return &x->slot[i];
		if (x->slot[i].used < c->used)
			c = &x->slot[i];
	}
	cached_free(x, c);
	return c;
}

/* Reads the table of frames, and the rows when they are wanted. */
static int lead_read(struct seg_cache *x, int fd, const struct seg_hit *h, bool rows,
		     struct seg_cached *c)
{
	off_t lead = h->place + (off_t)(sizeof(h->head) + h->head.npost * sizeof(uint64_t));
	int n = load(x, fd, lead, h->head.lead_len);
	size_t at;

	if (n == 0)
		n = seg_frames(&h->head, x->disk, c->frame, &at);
	if (n < 0)
		return n;
	c->nframes = (uint32_t)n;
	lead += h->head.lead_len;
	for (uint32_t i = 0; i < c->nframes; lead += c->frame[i++].comp_len)
		c->at[i] = lead;
	c->place = h->place;
	c->sum = h->head.head_sum;
	return rows ? rows_read(x, &h->head, c, at) : 0;
}

int seg_cache_block(struct seg_cache *x, int fd, const struct seg_hit *h, bool rows,
		    struct seg_cached **ret_c)
{
	struct seg_cached *c = slot_of(x, h);
	int r = 0;

	if (!c->used || (rows && !c->lead_len))
		r = lead_read(x, fd, h, rows, c);
	c->used = ++x->clock;
	x->latest = (size_t)(c - x->slot);
	if (r < 0)
		cached_free(x, c);
	*ret_c = c;
	return r;
}

int seg_cache_frame(struct seg_cache *x, int fd, struct seg_cached *c, uint32_t i)
{
	const struct seg_frame *f = &c->frame[i];
	int r;

	if (c->have >> i & 1)
		return 0;
	r = load(x, fd, c->at[i], f->comp_len);
	if (r == 0 && seg_frame_sum(x->disk, f->comp_len) != f->sum)
		r = E_CHECKSUM;
	if (r == 0)
		r = room(x, c, &c->raw[i], &c->raw_cap[i], MAX(f->raw_len, 1u));
	if (r == 0)
		r = unpack(x, c->raw[i], f->raw_len, x->disk, f->comp_len);
	if (r == 0)
		c->have |= 1u << i;
	return r;
}
