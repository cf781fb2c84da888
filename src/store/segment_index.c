/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segment_index.h"
#include "base/timeutil.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define GROUP	     256u /* blocks whose postings are sorted together */
#define GROUP_BITS   16u  /* the lower bits of a posting: number in the group, then frames */
#define GROUP_MASK   ((UINT64_C(1) << GROUP_BITS) - 1)
#define FRAMES_MASK  ((UINT64_C(1) << SEG_FRAMES) - 1)
#define UNSORTED_MAX 8u
_Static_assert(GROUP == 1u << (GROUP_BITS - SEG_FRAMES), "a posting names every block");

struct seg_block {
	struct seg_head head;
	off_t place;
	size_t post; /* its postings begin there in its group, until that is sorted */
};

/*
 * Postings of up to 256 blocks: the upper 48 bits of a hash, the block's number and a bit for
 * each of its frames.
 */
struct seg_group {
	uint64_t *post;
	size_t n, cap; /* cap in bytes, as of all arrays here */
	bool sorted;
};

struct seg_blocks {
	char path[4096];
	pthread_rwlock_t lock; /* of all that follows */
	struct seg_scan scan;
	off_t first; /* of the file's blocks when it was indexed */
	struct seg_block *block;
	struct seg_group *group;
	size_t n, cap, ngroups;
	unsigned asked; /* a few questions are answered without sorting anything */
	uint64_t *tmp;	/* of sorting */
	size_t tmp_cap;
};

/* ---- what is asked for ---- */

void seg_sets_free(struct seg_sets *s)
{
	free(s->hash);
	free(s->set);
	*s = (struct seg_sets){0};
}

void seg_hits_free(struct seg_hits *h)
{
	free(h->v);
	free(h->bits);
	*h = (struct seg_hits){0};
}

static uint64_t kind_hash(int kind, struct str entity)
{
	char name[SEG_ENTITY_MAX];
	int n = snprintf(name, sizeof(name), "%s:%.*s", ent_kind_name((enum ent_kind)kind),
			 STR_ARG(entity));

	return seg_entity_hash(str_n(name, (size_t)MIN(n, (int)sizeof(name) - 1)));
}

static int set_begin(struct seg_sets *s)
{
	if (seg_grow(&s->set, &s->set_cap, (s->nset + 1) * sizeof(*s->set)) < 0)
		return -ENOMEM;
	s->set[s->nset++] = (struct seg_set){.first = s->nhash};
	return 0;
}

static int set_hash(struct seg_sets *s, uint64_t h)
{
	if (seg_grow(&s->hash, &s->hash_cap, (s->nhash + 1) * sizeof(*s->hash)) < 0)
		return -ENOMEM;
	s->hash[s->nhash++] = h;
	s->set[s->nset - 1].n++;
	return 0;
}

/* "device:pc0357", or a name alone: then of any kind. */
static int set_entity(struct seg_sets *s, struct str entity)
{
	struct str rest, kind = str_cut(entity, ':', &rest);
	int r = 0;

	if (rest.len && ent_kind_of(kind) >= 0)
		return set_hash(s, seg_entity_hash(entity));
	for (int k = 0; r == 0 && k < ENT_KIND_COUNT; k++)
		r = set_hash(s, kind_hash(k, entity));
	return r;
}

int seg_sets_fill(struct seg_sets *s, const struct store_query *q)
{
	int r = 0;

	s->nset = s->nhash = 0;
	if (q->id.len && (r = set_begin(s)) == 0)
		r = set_hash(s, seg_id_hash(q->id));
	if (r == 0 && q->entity.len && (r = set_begin(s)) == 0)
		r = set_entity(s, q->entity);
	for (size_t i = 0; r == 0 && i < q->nhas; i++) {
		r = set_begin(s);
		for (size_t k = 0; r == 0 && k < q->has[i].n; k++)
			r = set_entity(s, q->has[i].v[k]);
	}
	return r;
}

/* ---- following the file ---- */

int seg_blocks_open(const char *dir, struct seg_blocks **ret_x, struct diag *d)
{
	struct seg_blocks *x = calloc(1, sizeof(*x));
	int r;

	if (!x)
		return -ENOMEM;
	pthread_rwlock_init(&x->lock, NULL);
	snprintf(x->path, sizeof(x->path), "%s/%s", dir, SEG_FILE_NAME);
	r = seg_scan_open(&x->scan, x->path, d);
	if (r < 0) {
		seg_blocks_close(x);
		return r;
	}
	x->first = x->scan.next;
	*ret_x = x;
	return 0;
}

struct seg_blocks *seg_blocks_close(struct seg_blocks *x)
{
	if (!x)
		return NULL;
	seg_scan_close(&x->scan);
	for (size_t i = 0; i < x->ngroups; i++)
		free(x->group[i].post);
	free(x->block);
	free(x->group);
	free(x->tmp);
	pthread_rwlock_destroy(&x->lock);
	free(x);
	return NULL;
}

int seg_blocks_fd(const struct seg_blocks *x)
{
	return fileno(x->scan.f);
}

const char *seg_blocks_path(const struct seg_blocks *x)
{
	return x->path;
}

/* Least significant digit first, 11 bits at a time: n is some 100,000. */
static int group_sort(struct seg_blocks *x, struct seg_group *g)
{
	uint64_t *from = g->post, *to;

	if (g->sorted)
		return 0;
	if (seg_reserve(&x->tmp, &x->tmp_cap, g->n * sizeof(uint64_t)) < 0)
		return -ENOMEM;
	to = x->tmp;
	for (unsigned shift = 0; shift < 66; shift += 11) {
		size_t count[2048] = {0}, at = 0;

		for (size_t i = 0; i < g->n; i++)
			count[from[i] >> shift & 2047]++;
		for (size_t i = 0; i < 2048; i++) {
			size_t c = count[i];

			count[i] = at;
			at += c;
		}
		for (size_t i = 0; i < g->n; i++)
			to[count[from[i] >> shift & 2047]++] = from[i];
		from = to;
		to = from == g->post ? x->tmp : g->post;
	}
	g->sorted = true; /* six passes: the result stands in g->post again */
	return 0;
}

/* The group that the next block goes to; one that is full gives back what it does not need. */
static struct seg_group *group_next(struct seg_blocks *x)
{
	struct seg_group *g;
	uint64_t *fit;

	if (x->n / GROUP < x->ngroups)
		return &x->group[x->ngroups - 1];
	if (x->ngroups) {
		g = &x->group[x->ngroups - 1];
		fit = g->n ? realloc(g->post, g->n * sizeof(*fit)) : NULL;
		if (fit) {
			g->post = fit;
			g->cap = g->n * sizeof(*fit);
		}
	}
	g = realloc(x->group, (x->ngroups + 1) * sizeof(*g));
	if (!g)
		return NULL;
	x->group = g;
	g[x->ngroups] = (struct seg_group){0};
	return &g[x->ngroups++];
}

static int index_block(struct seg_blocks *x)
{
	const struct seg_head *h = &x->scan.head;
	struct seg_group *g;

	if (seg_grow(&x->block, &x->cap, (x->n + 1) * sizeof(*x->block)) < 0)
		return -ENOMEM;
	g = group_next(x);
	if (!g)
		return -ENOMEM;
	if (seg_grow(&g->post, &g->cap, (g->n + h->npost) * sizeof(*g->post)) < 0)
		return -ENOMEM;
	x->block[x->n] = (struct seg_block){.head = *h, .place = x->scan.at, .post = g->n};
	for (uint32_t i = 0; i < h->npost; i++) {
		uint64_t p = x->scan.post[i];

		g->post[g->n++] =
			(p & ~GROUP_MASK) | x->n % GROUP << SEG_FRAMES | (p & FRAMES_MASK);
	}
	x->n++;
	return 0;
}

static void index_clear(struct seg_blocks *x)
{
	for (size_t i = 0; i < x->ngroups; i++)
		free(x->group[i].post);
	x->n = x->ngroups = 0;
	x->first = x->scan.next = seg_first(fileno(x->scan.f));
}

/* Another run may have emptied the file and written it anew, past where we were. */
static bool last_stands(const struct seg_blocks *x)
{
	const struct seg_block *b = x->n ? &x->block[x->n - 1] : NULL;
	struct seg_head h;

	return !b || (pread(fileno(x->scan.f), &h, sizeof(h), b->place) == (ssize_t)sizeof(h) &&
		      memcmp(&h, &b->head, sizeof(h)) == 0);
}

static int follow(struct seg_blocks *x)
{
	int r;

	if (fseeko(x->scan.f, 0, SEEK_END) < 0 || (x->scan.size = ftello(x->scan.f)) < 0)
		return -errno;
	if (x->scan.size < x->scan.next || seg_first(fileno(x->scan.f)) != x->first ||
	    !last_stands(x))
		index_clear(x);
	while ((r = seg_scan_next(&x->scan)) > 0)
		if ((r = index_block(x)) < 0) {
			x->scan.next = x->scan.at; /* again the next time */
			return r;
		}
	/* A group that is full is worth sorting once there are many questions. */
	x->asked++;
	for (size_t i = 0; r == 0 && x->asked > UNSORTED_MAX && i < x->n / GROUP; i++)
		r = group_sort(x, &x->group[i]);
	return r;
}

int seg_blocks_follow(struct seg_blocks *x)
{
	int r;

	pthread_rwlock_wrlock(&x->lock);
	r = follow(x);
	pthread_rwlock_unlock(&x->lock);
	return r;
}

/* ---- asking ---- */

/* The first of n sorted postings that is not below least. */
static size_t lower(const uint64_t *post, size_t n, uint64_t least)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (post[mid] < least)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Takes the postings of n that have the hash least, from the first of them on. */
static void mark_from(const uint64_t *post, size_t n, uint64_t least, uint8_t *frames)
{
	for (size_t i = lower(post, n, least); i < n && (post[i] & ~GROUP_MASK) == least; i++)
		frames[(post[i] & GROUP_MASK) >> SEG_FRAMES] |= post[i] & FRAMES_MASK;
}

/* Sets, for every block, the bits of the frames that may hold h. */
static void mark(const struct seg_blocks *x, uint64_t h, uint8_t *frames)
{
	uint64_t least = h & ~GROUP_MASK;

	for (size_t k = 0; k < x->ngroups; k++) {
		const struct seg_group *g = &x->group[k];
		size_t end = MIN((k + 1) * GROUP, x->n);

		if (g->sorted) {
			mark_from(g->post, g->n, least, frames + k * GROUP);
			continue;
		}
		for (size_t b = k * GROUP; b < end; b++)
			mark_from(g->post + x->block[b].post, x->block[b].head.npost, least,
				  frames + k * GROUP);
	}
}

static bool block_may(const struct seg_block *b, const struct store_query *q)
{
	return (uint64_t)b->place >= q->after_place >> SEG_PLACE_BITS &&
	       (q->from == TIME_NONE || b->head.max_known >= q->from) &&
	       (q->to == TIME_NONE || b->head.min_known < q->to);
}

static int choose(struct seg_blocks *x, const struct store_query *q, const struct seg_sets *s,
		  struct seg_hits *ret_h)
{
	uint8_t *all, *one;

	if (seg_reserve(&ret_h->bits, &ret_h->bits_cap, 2 * x->n + 1) < 0)
		return -ENOMEM;
	all = ret_h->bits;
	one = all + x->n;
	memset(all, FRAMES_MASK, x->n);
	for (size_t i = 0; i < s->nset; i++) {
		memset(one, 0, x->n);
		for (size_t k = 0; k < s->set[i].n; k++)
			mark(x, s->hash[s->set[i].first + k], one);
		for (size_t b = 0; b < x->n; b++)
			all[b] &= one[b];
	}
	ret_h->n = 0;
	for (size_t b = 0; b < x->n; b++) {
		if (!all[b] || !block_may(&x->block[b], q))
			continue;
		if (seg_grow(&ret_h->v, &ret_h->cap, (ret_h->n + 1) * sizeof(*ret_h->v)) < 0)
			return -ENOMEM;
		ret_h->v[ret_h->n++] =
			(struct seg_hit){x->block[b].head, x->block[b].place, all[b]};
	}
	return 0;
}

int seg_blocks_choose(struct seg_blocks *x, const struct store_query *q,
		      const struct seg_sets *s, struct seg_hits *ret_h)
{
	int r;

	pthread_rwlock_rdlock(&x->lock);
	r = choose(x, q, s, ret_h);
	pthread_rwlock_unlock(&x->lock);
	return r;
}

int seg_blocks_at(struct seg_blocks *x, uint64_t place, struct seg_hit *ret_h)
{
	off_t at = (off_t)(place >> SEG_PLACE_BITS);
	size_t lo = 0, hi;
	int r = E_NOTFOUND;

	pthread_rwlock_rdlock(&x->lock);
	hi = x->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (x->block[mid].place < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < x->n && x->block[lo].place == at) {
		*ret_h = (struct seg_hit){x->block[lo].head, at, 0};
		r = 0;
	}
	pthread_rwlock_unlock(&x->lock);
	return r;
}

int seg_blocks_range(struct seg_blocks *x, int64_t *ret_from, int64_t *ret_to, uint64_t *ret_n)
{
	int64_t from = INT64_MAX, to = INT64_MIN;
	uint64_t n = 0;

	pthread_rwlock_rdlock(&x->lock);
	for (size_t b = 0; b < x->n; b++) {
		from = MIN(from, x->block[b].head.min_known);
		to = MAX(to, x->block[b].head.max_known);
		n += x->block[b].head.nevents;
	}
	pthread_rwlock_unlock(&x->lock);
	*ret_from = from;
	*ret_to = to;
	*ret_n = n;
	return n ? 0 : E_NOTFOUND;
}
