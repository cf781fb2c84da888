/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "base/timeutil.h"
#include "store/segment.h"
#include "store/segment_impl.h"
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

struct seg_head seg_gap(off_t end)
{
	struct seg_head h = {.magic = SEG_GAP_MAGIC, .first_seq = (uint64_t)end};

	h.head_sum = seg_head_sum(&h, NULL);
	return h;
}

off_t seg_first(int fd)
{
	struct seg_head h;

	if (pread(fd, &h, sizeof(h), SEG_FILE_HEAD) == (ssize_t)sizeof(h) &&
	    h.magic == SEG_GAP_MAGIC && h.npost == 0 && h.head_sum == seg_head_sum(&h, NULL) &&
	    h.first_seq > SEG_FILE_HEAD && h.first_seq < INT64_MAX)
		return (off_t)h.first_seq;
	return SEG_FILE_HEAD;
}

int seg_scan_open(struct seg_scan *s, const char *path, struct diag *d)
{
	char magic[SEG_FILE_HEAD];

	*s = (struct seg_scan){0};
	s->f = fopen(path, "rbe");
	if (!s->f)
		return diag_set(d, -errno, "%s: %s", path, strerror(errno));
	if (fseeko(s->f, 0, SEEK_END) < 0 || (s->size = ftello(s->f)) < 0 ||
	    fseeko(s->f, 0, SEEK_SET) < 0 ||
	    fread(magic, 1, sizeof(magic), s->f) != sizeof(magic) ||
	    memcmp(magic, SEG_FILE_MAGIC, sizeof(magic)) != 0) {
		seg_scan_close(s);
		return diag_set(d, E_FORMAT, "%s: no event segment", path);
	}
	s->next = seg_first(fileno(s->f));
	return 0;
}

void seg_scan_close(struct seg_scan *s)
{
	if (s->f)
		fclose(s->f);
	free(s->post);
	free(s->comp);
	*s = (struct seg_scan){0};
}

static int reserve(void *pp, size_t *cap, size_t need)
{
	void **p = pp;
	void *n;

	if (need <= *cap)
		return 0;
	n = realloc(*p, need);
	if (!n)
		return -ENOMEM;
	*p = n;
	*cap = need;
	return 0;
}

uint32_t seg_head_sum(const struct seg_head *h, const uint64_t *post)
{
	struct seg_head x = *h;

	x.head_sum = 0;
	return (uint32_t)hash_bytes(post, h->npost * sizeof(*post),
				    hash_bytes(&x, sizeof(x), 0));
}

int seg_scan_next(struct seg_scan *s)
{
	struct seg_head *h = &s->head;
	size_t posts;

	if (fseeko(s->f, s->next, SEEK_SET) < 0)
		return -errno;
	if (fread(h, 1, sizeof(*h), s->f) != sizeof(*h) ||
	    (h->magic != SEG_BLOCK_MAGIC && h->magic != SEG_BLOCK_WHOLE) ||
	    h->npost > SEG_POST_MAX || h->raw_len > SEG_RAW_MAX ||
	    h->comp_len > 2 * SEG_RAW_MAX)
		return 0;
	posts = h->npost * sizeof(uint64_t);
	if (s->size - s->next < (off_t)(sizeof(*h) + posts + h->comp_len))
		return 0;
	if (reserve(&s->post, &s->post_cap, posts) < 0)
		return -ENOMEM;
	if (fread(s->post, 1, posts, s->f) != posts || seg_head_sum(h, s->post) != h->head_sum)
		return 0;
	s->at = s->next;
	s->next += (off_t)(sizeof(*h) + posts + h->comp_len);
	return 1;
}

int seg_scan_check(struct seg_scan *s)
{
	if (reserve(&s->comp, &s->comp_cap, s->head.comp_len) < 0)
		return -ENOMEM;
	if (fread(s->comp, 1, s->head.comp_len, s->f) != s->head.comp_len)
		return E_TRUNC;
	return hash_bytes(s->comp, s->head.comp_len, 0) == s->head.sum ? 0 : E_CHECKSUM;
}

int seg_frames(const struct seg_head *h, struct str comp, struct seg_frame ret_f[SEG_FRAMES],
	       size_t *ret_at)
{
	uint64_t raw = 0, events = 0, at;
	uint32_t n = 1;

	if (h->magic == SEG_BLOCK_WHOLE) {
		ret_f[0] = (struct seg_frame){h->comp_len, h->raw_len, h->nevents};
		*ret_at = 0;
		return 1;
	}
	if (comp.len < sizeof(n))
		return E_FORMAT;
	memcpy(&n, comp.p, sizeof(n));
	at = sizeof(n) + (uint64_t)n * sizeof(*ret_f);
	if (n < 1 || n > SEG_FRAMES || comp.len < at)
		return E_FORMAT;
	memcpy(ret_f, comp.p + sizeof(n), n * sizeof(*ret_f));
	*ret_at = at;
	for (uint32_t i = 0; i < n; i++) {
		raw += ret_f[i].raw_len;
		events += ret_f[i].nevents;
		at += ret_f[i].comp_len;
	}
	return raw == h->raw_len && events == h->nevents && at == comp.len ? (int)n : E_FORMAT;
}

/* A place is the offset of the block and the number of the event in it. */
#define PLACE_BITS 20

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

#define GROUP	     256u /* blocks whose postings are sorted together */
#define GROUP_MASK   UINT64_C(0xff)
#define CACHE_SLOTS  48u
#define UNSORTED_MAX 8u

struct seg_block {
	struct seg_head head;
	off_t place;
	size_t post; /* its postings begin there in its group, until that is sorted */
};

/* Postings of up to 256 blocks: the upper 56 bits of a hash, and the block's place. */
struct seg_group {
	uint64_t *post;
	size_t n, cap;
	bool sorted;
};

struct seg_cached {
	uint32_t block;
	uint64_t used;	  /* 0: empty */
	char *disk, *raw; /* postings and compressed bytes; records */
	size_t disk_cap, raw_cap;
	struct seg_frame frame[SEG_FRAMES];
	size_t from[SEG_FRAMES]; /* where it begins in disk */
	uint32_t nframes, have;	 /* bits: frames that are unpacked */
};

/* Hashes of which an event has at least one. */
struct seg_set {
	size_t first, n;
};

struct seg_index {
	char path[4096];
	struct seg_scan scan;
	off_t first; /* of the file's blocks when it was indexed */
	struct seg_block *block;
	struct seg_group *group;
	size_t n, cap, ngroups;
	struct seg_cached cache[CACHE_SLOTS];
	uint64_t clock;
	ZSTD_DCtx *dctx; /* made when first needed */
	unsigned asked;	 /* a few questions are answered without sorting anything */
	uint64_t *tmp;	 /* of sorting */
	size_t tmp_cap;
	uint64_t *want; /* a bit for each block that a query may have to unpack */
	size_t want_cap;
	uint64_t *hash; /* what the query asks for: the sets' hashes one after the other */
	size_t nhash, hash_cap;
	struct seg_set *set;
	size_t nset, set_cap;
};

struct seg_index *seg_index_close(struct seg_index *x)
{
	if (!x)
		return NULL;
	seg_scan_close(&x->scan);
	for (size_t i = 0; i < x->ngroups; i++)
		free(x->group[i].post);
	for (size_t i = 0; i < CACHE_SLOTS; i++) {
		free(x->cache[i].disk);
		free(x->cache[i].raw);
	}
	free(x->hash);
	free(x->set);
	ZSTD_freeDCtx(x->dctx);
	free(x->block);
	free(x->group);
	free(x->tmp);
	free(x->want);
	free(x);
	return NULL;
}

int seg_index_open(const char *dir, struct seg_index **ret_x, struct diag *d)
{
	struct seg_index *x = calloc(1, sizeof(*x));
	int r;

	if (!x)
		return -ENOMEM;
	snprintf(x->path, sizeof(x->path), "%s/%s", dir, SEG_FILE_NAME);
	r = seg_scan_open(&x->scan, x->path, d);
	if (r < 0) {
		seg_index_close(x);
		return r;
	}
	x->first = x->scan.next;
	*ret_x = x;
	return 0;
}

/* Least significant digit first, 11 bits at a time: n is some 100,000. */
static int group_sort(struct seg_index *x, struct seg_group *g)
{
	uint64_t *from = g->post, *to;

	if (g->sorted)
		return 0;
	if (reserve(&x->tmp, &x->tmp_cap, g->n * sizeof(uint64_t)) < 0)
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

static int index_block(struct seg_index *x)
{
	const struct seg_head *h = &x->scan.head;
	size_t cap = x->cap * sizeof(*x->block), place = x->n % GROUP;
	struct seg_group *g;

	if (reserve(&x->block, &cap, MAX(cap, (x->n + 1) * 2 * sizeof(*x->block))) < 0)
		return -ENOMEM;
	x->cap = cap / sizeof(*x->block);
	if (place == 0) {
		g = realloc(x->group, (x->ngroups + 1) * sizeof(*g));
		if (!g)
			return -ENOMEM;
		x->group = g;
		g[x->ngroups++] = (struct seg_group){0};
	}
	g = &x->group[x->ngroups - 1];
	cap = g->cap * sizeof(uint64_t);
	if ((g->n + h->npost) > g->cap &&
	    reserve(&g->post, &cap, (g->n + h->npost) * 2 * sizeof(uint64_t)) < 0)
		return -ENOMEM;
	g->cap = cap / sizeof(uint64_t);
	x->block[x->n] = (struct seg_block){.head = *h, .place = x->scan.at, .post = g->n};
	x->n++;
	for (uint32_t i = 0; i < h->npost; i++)
		g->post[g->n++] = (x->scan.post[i] & ~GROUP_MASK) | place;
	return 0;
}

static void index_clear(struct seg_index *x)
{
	for (size_t i = 0; i < x->ngroups; i++)
		free(x->group[i].post);
	for (size_t i = 0; i < CACHE_SLOTS; i++)
		x->cache[i].used = 0;
	x->n = x->ngroups = 0;
	x->first = x->scan.next = seg_first(fileno(x->scan.f));
}

/* Takes in the blocks written since; all of them when the file was cut. */
static int index_follow(struct seg_index *x)
{
	int r;

	if (fseeko(x->scan.f, 0, SEEK_END) < 0 || (x->scan.size = ftello(x->scan.f)) < 0)
		return -errno;
	if (x->scan.size < x->scan.next || seg_first(fileno(x->scan.f)) != x->first)
		index_clear(x);
	while ((r = seg_scan_next(&x->scan)) > 0)
		if ((r = index_block(x)) < 0)
			return r;
	/* A group that is full is worth sorting once there are many questions. */
	x->asked++;
	for (size_t i = 0; r == 0 && x->asked > UNSORTED_MAX && i < x->n / GROUP; i++)
		r = group_sort(x, &x->group[i]);
	return r;
}

struct search {
	const struct store_query *q;
	struct seg_index *x;
	size_t left;
	int (*row)(const struct store_event *e, void *arg);
	void *arg;
};

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

static void set_bit(uint64_t *bits, size_t b)
{
	bits[b / 64] |= UINT64_C(1) << b % 64;
}

/* Sets the bit of every block that may hold h. */
static void mark(const struct seg_index *x, uint64_t h, uint64_t *bits)
{
	uint64_t least = h & ~GROUP_MASK;

	for (size_t k = 0; k < x->ngroups; k++) {
		const struct seg_group *g = &x->group[k];
		size_t at, end = MIN((k + 1) * GROUP, x->n);

		if (g->sorted) {
			at = lower(g->post, g->n, least);
			for (; at < g->n && (g->post[at] & ~GROUP_MASK) == least; at++)
				set_bit(bits, k * GROUP + (g->post[at] & GROUP_MASK));
			continue;
		}
		for (size_t b = k * GROUP; b < end; b++) {
			const uint64_t *post = g->post + x->block[b].post;

			at = lower(post, x->block[b].head.npost, least);
			if (at < x->block[b].head.npost && (post[at] & ~GROUP_MASK) == least)
				set_bit(bits, b);
		}
	}
}

static uint64_t kind_hash(int kind, struct str entity)
{
	char name[SEG_ENTITY_MAX];
	int n = snprintf(name, sizeof(name), "%s:%.*s", ent_kind_name((enum ent_kind)kind),
			 STR_ARG(entity));

	return seg_entity_hash(str_n(name, (size_t)MIN(n, (int)sizeof(name) - 1)));
}

static int set_begin(struct seg_index *x)
{
	if (reserve(&x->set, &x->set_cap,
		    MAX(x->set_cap, (x->nset + 1) * 2 * sizeof(*x->set))) < 0)
		return -ENOMEM;
	x->set[x->nset++] = (struct seg_set){.first = x->nhash};
	return 0;
}

static int set_hash(struct seg_index *x, uint64_t h)
{
	size_t need = (x->nhash + 1) * sizeof(*x->hash);

	if (need > x->hash_cap && reserve(&x->hash, &x->hash_cap, 2 * need) < 0)
		return -ENOMEM;
	x->hash[x->nhash++] = h;
	x->set[x->nset - 1].n++;
	return 0;
}

/* "device:pc0357", or a name alone: then of any kind. */
static int set_entity(struct seg_index *x, struct str entity)
{
	struct str rest, kind = str_cut(entity, ':', &rest);
	int r = 0;

	if (rest.len && ent_kind_of(kind) >= 0)
		return set_hash(x, seg_entity_hash(entity));
	for (int k = 0; r == 0 && k < ENT_KIND_COUNT; k++)
		r = set_hash(x, kind_hash(k, entity));
	return r;
}

/* The sets of hashes that what q asks for has one each of. */
static int make_sets(struct seg_index *x, const struct store_query *q)
{
	int r = 0;

	x->nset = x->nhash = 0;
	if (q->id.len && (r = set_begin(x)) == 0)
		r = set_hash(x, seg_id_hash(q->id));
	if (r == 0 && q->entity.len && (r = set_begin(x)) == 0)
		r = set_entity(x, q->entity);
	for (size_t i = 0; r == 0 && i < q->nhas; i++) {
		r = set_begin(x);
		for (size_t k = 0; r == 0 && k < q->has[i].n; k++)
			r = set_entity(x, q->has[i].v[k]);
	}
	return r;
}

/* The blocks that q may have to look into: those that hold one of each of its sets. */
static int choose(struct search *f)
{
	struct seg_index *x = f->x;
	size_t words = (x->n + 63) / 64 + 1;
	uint64_t *all, *one;
	int r = make_sets(x, f->q);

	if (r < 0)
		return r;
	if (reserve(&x->want, &x->want_cap, 2 * words * sizeof(uint64_t)) < 0)
		return -ENOMEM;
	all = x->want;
	one = all + words;
	memset(all, 0xff, words * sizeof(*all));
	for (size_t i = 0; i < x->nset; i++) {
		memset(one, 0, words * sizeof(*one));
		for (size_t k = 0; k < x->set[i].n; k++)
			mark(x, x->hash[x->set[i].first + k], one);
		for (size_t k = 0; k < words; k++)
			all[k] &= one[k];
	}
	return 0;
}

static bool block_may(const struct search *f, size_t b)
{
	const struct store_query *q = f->q;
	const struct seg_block *s = &f->x->block[b];

	return (f->x->want[b / 64] >> b % 64 & 1) &&
	       (uint64_t)s->place >= q->after_place >> PLACE_BITS &&
	       (q->from == TIME_NONE || s->head.max_known >= q->from) &&
	       (q->to == TIME_NONE || s->head.min_known < q->to);
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
static bool cache_find(struct seg_index *x, uint32_t b, struct seg_cached **ret_c)
{
	struct seg_cached *c = x->cache;

	for (size_t i = 0; i < CACHE_SLOTS; i++) {
		if (x->cache[i].used && x->cache[i].block == b) {
			*ret_c = &x->cache[i];
			return true;
		}
		if (x->cache[i].used < c->used)
			c = &x->cache[i];
	}
	*ret_c = c;
	return false;
}

/* Reads a block's postings and compressed bytes. */
static int block_load(struct seg_index *x, uint32_t b, struct seg_cached *c)
{
	const struct seg_block *s = &x->block[b];
	size_t posts = s->head.npost * sizeof(uint64_t), n = posts + s->head.comp_len, at;
	int frames;

	c->used = 0;
	c->have = 0;
	if (reserve(&c->disk, &c->disk_cap, n) < 0 ||
	    reserve(&c->raw, &c->raw_cap, s->head.raw_len) < 0)
		return -ENOMEM;
	if (fseeko(x->scan.f, s->place + (off_t)sizeof(s->head), SEEK_SET) < 0)
		return -errno;
	if (fread(c->disk, 1, n, x->scan.f) != n)
		return E_TRUNC;
	if (seg_head_sum(&s->head, (const uint64_t *)(const void *)c->disk) !=
		    s->head.head_sum ||
	    hash_bytes(c->disk + posts, s->head.comp_len, 0) != s->head.sum)
		return E_CHECKSUM;
	frames = seg_frames(&s->head, str_n(c->disk + posts, s->head.comp_len), c->frame, &at);
	if (frames < 0)
		return E_CHECKSUM;
	c->nframes = (uint32_t)frames;
	for (uint32_t i = 0; i < c->nframes; i++) {
		c->from[i] = posts + at;
		at += c->frame[i].comp_len;
	}
	c->block = b;
	return 0;
}

/* The frames of a block that may hold what the query asks for. */
static uint32_t frames_wanted(const struct seg_index *x, const struct seg_cached *c)
{
	const struct seg_head *h = &x->block[c->block].head;
	const uint64_t *post = (const uint64_t *)(const void *)c->disk;
	uint32_t all = (1u << c->nframes) - 1;

	for (size_t i = 0; h->magic == SEG_BLOCK_MAGIC && i < x->nset; i++) {
		uint64_t any = 0;

		for (size_t k = 0; k < x->set[i].n; k++) {
			uint64_t least = x->hash[x->set[i].first + k] & ~SEG_FRAME_MASK;
			size_t at = lower(post, h->npost, least);

			if (at < h->npost && (post[at] & ~SEG_FRAME_MASK) == least)
				any |= post[at];
		}
		all &= (uint32_t)(any & SEG_FRAME_MASK);
	}
	return all;
}

/* Unpacks the frames of want that are not yet. */
static int unpack(struct seg_index *x, struct seg_cached *c, uint32_t want)
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

/* A block with the frames that the query asks for, *ret_want, unpacked. */
static int block_raw(struct seg_index *x, uint32_t b, struct seg_cached **ret_c,
		     uint32_t *ret_want)
{
	struct seg_cached *c;
	int r = 0;

	if (!cache_find(x, b, &c))
		r = block_load(x, b, c);
	if (r == 0) {
		*ret_want = frames_wanted(x, c);
		r = unpack(x, c, *ret_want);
	}
	c->used = r == 0 ? ++x->clock : 0;
	*ret_c = c;
	return r;
}

/* The rows of one frame, whose first event is number i of the block. */
static int frame_rows(struct search *f, uint32_t b, struct str raw, uint64_t i)
{
	struct rd rd = {raw.p, raw.p + raw.len, false};
	struct str ents[256];

	while (rd.p < rd.end && f->left) {
		struct store_event e;

		if (!record(&rd, &e, ents))
			return E_FORMAT;
		e.place = (uint64_t)f->x->block[b].place << PLACE_BITS | i++;
		if (!event_meant(f->q, &e))
			continue;
		f->left--;
		if (f->row(&e, f->arg) != 0)
			return 1;
	}
	return f->left == 0;
}

static int block_rows(struct search *f, uint32_t b)
{
	struct seg_cached *c = NULL;
	uint32_t want = 0;
	int r = block_raw(f->x, b, &c, &want);
	uint64_t first = 0;
	size_t at = 0;

	/* Retention took it away since it was indexed. */
	if ((r == E_TRUNC || r == E_CHECKSUM) &&
	    f->x->block[b].place < seg_first(fileno(f->x->scan.f)))
		return 0;
	if (r == E_TRUNC || r == E_CHECKSUM)
		return 1; /* torn: nothing after it can be trusted */
	for (uint32_t i = 0; r == 0 && i < c->nframes; i++) {
		if (want >> i & 1)
			r = frame_rows(f, b, str_n(c->raw + at, c->frame[i].raw_len), first);
		at += c->frame[i].raw_len;
		first += c->frame[i].nevents;
	}
	return r;
}

int seg_read(struct seg_index *x, const struct store_query *q,
	     int (*row)(const struct store_event *e, void *arg), void *arg, struct diag *d)
{
	struct search f = {
		.q = q, .x = x, .left = q->limit ? q->limit : 100, .row = row, .arg = arg};
	int r = index_follow(x);

	if (r == 0)
		r = choose(&f);
	for (size_t i = 0; r == 0 && i < x->n; i++) {
		size_t b = q->newest ? x->n - 1 - i : i;

		if (block_may(&f, b))
			r = block_rows(&f, (uint32_t)b);
	}
	return r < 0 ? diag_set(d, r, "%s: %s", x->path, err_text(r)) : 0;
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

int seg_histogram(struct seg_index *x, const struct store_query *q, struct store_histogram *h,
		  struct diag *d)
{
	struct histogram g = {h, q->from};
	struct search f = {.q = q, .x = x, .left = SIZE_MAX, .row = histogram_row, .arg = &g};
	uint64_t bytes = 0;
	int r;

	if (q->from == TIME_NONE || q->to == TIME_NONE || h->step <= 0)
		return -EINVAL;
	r = index_follow(x);
	if (r == 0)
		r = choose(&f);
	for (size_t b = 0; r == 0 && b < x->n; b++) {
		if (!block_may(&f, b) || by_head(&g, q, &x->block[b].head))
			continue;
		if ((bytes += x->block[b].head.raw_len) > h->bytes_max)
			h->partial = true;
		else
			r = block_rows(&f, (uint32_t)b);
	}
	return r < 0 ? diag_set(d, r, "%s: %s", x->path, err_text(r)) : 0;
}

int seg_range(struct seg_index *x, int64_t *ret_from, int64_t *ret_to, uint64_t *ret_n,
	      struct diag *d)
{
	int r = index_follow(x);

	if (r < 0)
		return diag_set(d, r, "%s: %s", x->path, err_text(r));
	*ret_from = INT64_MAX;
	*ret_to = INT64_MIN;
	*ret_n = 0;
	for (size_t b = 0; b < x->n; b++) {
		*ret_from = MIN(*ret_from, x->block[b].head.min_known);
		*ret_to = MAX(*ret_to, x->block[b].head.max_known);
		*ret_n += x->block[b].head.nevents;
	}
	return *ret_n ? 0 : E_NOTFOUND;
}

int seg_end(const char *dir, uint64_t *ret_place, struct diag *d)
{
	char path[4096];
	struct stat sb;

	snprintf(path, sizeof(path), "%s/%s", dir, SEG_FILE_NAME);
	if (stat(path, &sb) < 0)
		return diag_set(d, -errno, "%s: %s", path, strerror(errno));
	*ret_place = ((uint64_t)sb.st_size << PLACE_BITS) - 1;
	return 0;
}
