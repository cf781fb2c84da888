/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "base/timeutil.h"
#include "store/segment.h"
#include "store/segment_impl.h"
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <zstd.h>

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
	s->next = SEG_FILE_HEAD;
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
	if (fread(h, 1, sizeof(*h), s->f) != sizeof(*h) || h->magic != SEG_BLOCK_MAGIC ||
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
	return !in.bad;
}

struct search {
	const struct store_query *q;
	uint64_t id_hash, ent_hash[ENT_KIND_COUNT];
	size_t nent;
	size_t left;
	char *raw;
	size_t raw_cap;
	int (*row)(const struct store_event *e, void *arg);
	void *arg;
};

static bool has(const struct seg_scan *s, uint64_t h)
{
	size_t lo = 0, hi = s->head.npost;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->post[mid] < h)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->head.npost && s->post[lo] == h;
}

static bool block_may(const struct search *f, const struct seg_scan *s)
{
	const struct store_query *q = f->q;

	if ((uint64_t)s->at < q->after_place >> PLACE_BITS)
		return false;
	if ((q->from != TIME_NONE && s->head.max_known < q->from) ||
	    (q->to != TIME_NONE && s->head.min_known >= q->to))
		return false;
	if (q->id.len && !has(s, f->id_hash))
		return false;
	if (!q->entity.len)
		return true;
	for (size_t i = 0; i < f->nent; i++)
		if (has(s, f->ent_hash[i]))
			return true;
	return false;
}

static bool has_text(struct str hay, struct str needle)
{
	for (size_t i = 0; needle.len <= hay.len && i <= hay.len - needle.len; i++)
		if (strncasecmp(hay.p + i, needle.p, needle.len) == 0)
			return true;
	return false;
}

/* "device:pc0357" is meant by itself and by "pc0357". */
static bool event_has_entity(const struct store_event *e, struct str name)
{
	for (size_t i = 0; i < e->nentities; i++) {
		struct str rest, whole = e->entities[i];

		str_cut(whole, ':', &rest);
		if (str_ieq(whole, name) || str_ieq(rest, name))
			return true;
	}
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
	return !q->text.len || has_text(e->raw, q->text);
}

static int block_rows(struct search *f, struct seg_scan *s)
{
	struct str ents[256];
	struct rd r;
	size_t n, i = 0;

	if (seg_scan_check(s) < 0)
		return 1; /* torn: nothing after it can be trusted */
	if (reserve(&f->raw, &f->raw_cap, s->head.raw_len) < 0)
		return -ENOMEM;
	n = ZSTD_decompress(f->raw, s->head.raw_len, s->comp, s->head.comp_len);
	if (ZSTD_isError(n))
		return E_CHECKSUM;
	r = (struct rd){f->raw, f->raw + n, false};
	while (r.p < r.end && f->left) {
		struct store_event e;

		if (!record(&r, &e, ents))
			return E_FORMAT;
		e.place = (uint64_t)s->at << PLACE_BITS | i++;
		if (!event_meant(f->q, &e))
			continue;
		f->left--;
		if (f->row(&e, f->arg) != 0)
			return 1;
	}
	return f->left == 0;
}

static void search_hashes(struct search *f)
{
	struct str rest, kind = str_cut(f->q->entity, ':', &rest);
	char name[SEG_ENTITY_MAX];

	f->id_hash = seg_id_hash(f->q->id);
	if (rest.len && ent_kind_of(kind) >= 0) {
		f->ent_hash[f->nent++] = seg_entity_hash(f->q->entity);
		return;
	}
	for (int k = 0; k < ENT_KIND_COUNT; k++) {
		int n = snprintf(name, sizeof(name), "%s:%.*s", ent_kind_name((enum ent_kind)k),
				 STR_ARG(f->q->entity));

		f->ent_hash[f->nent++] =
			seg_entity_hash(str_n(name, (size_t)MIN(n, (int)sizeof(name) - 1)));
	}
}

static int scan_open(struct seg_scan *s, const char *dir, char path[4096], struct diag *d)
{
	snprintf(path, 4096, "%s/%s", dir, SEG_FILE_NAME);
	return seg_scan_open(s, path, d);
}

int seg_read(const char *dir, const struct store_query *q,
	     int (*row)(const struct store_event *e, void *arg), void *arg, struct diag *d)
{
	struct search f = {.q = q, .left = q->limit ? q->limit : 100, .row = row, .arg = arg};
	struct seg_scan s;
	char path[4096];
	int r = scan_open(&s, dir, path, d);

	if (r < 0)
		return r;
	search_hashes(&f);
	while ((r = seg_scan_next(&s)) > 0) {
		if (!block_may(&f, &s))
			continue;
		r = block_rows(&f, &s);
		if (r != 0)
			break;
	}
	seg_scan_close(&s);
	free(f.raw);
	return r < 0 ? diag_set(d, r, "%s: %s", path, err_text(r)) : 0;
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
		    const struct seg_head *h)
{
	size_t i;

	if (q->id.len || q->type.len || q->entity.len || q->text.len ||
	    h->min_known < q->from || h->max_known >= q->to)
		return false;
	i = step_of(x, h->min_known);
	if (i != step_of(x, h->max_known) || i >= x->h->n)
		return false;
	x->h->count[i] += h->nevents;
	return true;
}

int seg_histogram(const char *dir, const struct store_query *q, struct store_histogram *h,
		  struct diag *d)
{
	struct histogram x = {h, q->from};
	struct search f = {.q = q, .left = SIZE_MAX, .row = histogram_row, .arg = &x};
	struct seg_scan s;
	char path[4096];
	uint64_t bytes = 0;
	int r;

	if (q->from == TIME_NONE || q->to == TIME_NONE || h->step <= 0)
		return -EINVAL;
	if ((r = scan_open(&s, dir, path, d)) < 0)
		return r;
	search_hashes(&f);
	while ((r = seg_scan_next(&s)) > 0) {
		if (!block_may(&f, &s) || by_head(&x, q, &s.head))
			continue;
		if ((bytes += s.head.raw_len) > h->bytes_max) {
			h->partial = true;
			continue;
		}
		r = block_rows(&f, &s);
		if (r != 0)
			break;
	}
	seg_scan_close(&s);
	free(f.raw);
	return r < 0 ? diag_set(d, r, "%s: %s", path, err_text(r)) : 0;
}

int seg_range(const char *dir, int64_t *ret_from, int64_t *ret_to, uint64_t *ret_n,
	      struct diag *d)
{
	struct seg_scan s;
	char path[4096];
	int r = scan_open(&s, dir, path, d);

	if (r < 0)
		return r;
	*ret_from = INT64_MAX;
	*ret_to = INT64_MIN;
	*ret_n = 0;
	while ((r = seg_scan_next(&s)) > 0) {
		*ret_from = MIN(*ret_from, s.head.min_known);
		*ret_to = MAX(*ret_to, s.head.max_known);
		*ret_n += s.head.nevents;
	}
	seg_scan_close(&s);
	if (r < 0)
		return diag_set(d, r, "%s: %s", path, err_text(r));
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
