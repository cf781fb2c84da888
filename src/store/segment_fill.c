/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segment_fill.h"
#include "base/hash.h"
#include <errno.h>
#include <stdlib.h>

struct fill *fill_new(void)
{
	struct fill *b = calloc(1, sizeof(*b));

	if (b) {
		buf_init(&b->bytes, SEG_RAW_MAX);
		buf_init(&b->rows, SEG_RAW_MAX);
		buf_init(&b->names, SEG_RAW_MAX);
		map_init(&b->number);
	}
	return b;
}

struct fill *fill_free(struct fill *b)
{
	if (!b)
		return NULL;
	fill_clear(b);
	buf_free(&b->bytes);
	buf_free(&b->rows);
	buf_free(&b->names);
	map_free(&b->number);
	free(b->entity);
	free(b->post);
	free(b);
	return NULL;
}

void fill_clear(struct fill *b)
{
	buf_clear(&b->bytes);
	buf_clear(&b->rows);
	buf_clear(&b->names);
	map_clear(&b->number);
	for (size_t i = 0; i < b->ntypes; i++)
		free(b->type_name[i]);
	b->ntypes = b->nentity = b->npost = 0;
	b->nframes = 0;
	b->head = (struct seg_head){0};
	memset(b->frame, 0, sizeof(b->frame));
}

bool fill_full(const struct fill *b)
{
	return b->bytes.len + b->rows.len >= SEG_BLOCK_BYTES || b->ntypes == FILL_TYPES;
}

/* ---- an event ---- */

/* The frame the next event belongs to. */
static struct seg_frame *frame_next(struct fill *b)
{
	struct seg_frame *f = &b->frame[b->nframes ? b->nframes - 1 : 0];

	if (b->nframes && (f->raw_len < SEG_FRAME_BYTES || b->nframes == SEG_FRAMES))
		return f;
	return &b->frame[b->nframes++];
}

static int type_number(struct fill *b, const struct rectype *t, uint32_t *ret_i)
{
	size_t i = 0;

	while (i < b->ntypes && b->type[i] != t)
		i++;
	if (i == b->ntypes) {
		b->type[i] = t;
		b->type_name[i] = str_dup(str_of(t->name));
		if (!b->type_name[i])
			return -ENOMEM;
		b->ntypes++;
	}
	*ret_i = (uint32_t)i;
	return 0;
}

static int entity_new(struct fill *b, struct str kind, struct str name)
{
	struct fill_entity *x;

	if (seg_grow(&b->entity, &b->entity_cap, (b->nentity + 1) * sizeof(*x)) < 0)
		return -ENOMEM;
	x = &b->entity[b->nentity++];
	*x = (struct fill_entity){.at = (uint32_t)b->names.len,
				  .len = (uint32_t)(kind.len + 1 + name.len)};
	buf_add(&b->names, kind);
	buf_addc(&b->names, ':');
	buf_add(&b->names, name);
	return buf_err(&b->names);
}

/* The number of an entity in the block: another one once it has another name. */
static int entity_number(struct fill *b, const struct entity *t, unsigned frame,
			 uint32_t *ret_i)
{
	struct str kind = str_of(ent_kind_name(t->kind));
	struct str name = str_sub(t->name, 0, SEG_ENTITY_MAX - kind.len - 1);
	bool fresh = false;
	uint64_t *i = map_put(&b->number, t->id, &fresh);
	struct fill_entity *x;
	int r;

	if (!i)
		return -ENOMEM;
	x = fresh ? NULL : &b->entity[*i];
	if (!x || x->len != kind.len + 1 + name.len ||
	    memcmp(b->names.p + x->at + kind.len + 1, name.p, name.len) != 0) {
		*i = b->nentity;
		r = entity_new(b, kind, name);
		if (r < 0)
			return r;
		x = &b->entity[*i];
	}
	x->frames |= (uint8_t)(1u << frame);
	*ret_i = (uint32_t)*i;
	return 0;
}

static int put_row(struct fill *b, const struct event *e, const struct entities *en,
		   struct seg_row *row)
{
	uint32_t number[EVENT_ENTS_MAX];
	struct seg_frame *f = &b->frame[b->nframes - 1];
	char *from = buf_room(&b->rows, SEG_ROW_MAX + EVENT_ENTS_MAX * SEG_NUMBER_MAX);
	char *p = from;
	int r = from ? type_number(b, e->type, &row->type) : buf_err(&b->rows);

	for (uint8_t i = 0; i < e->nents && r == 0; i++) {
		const struct entity *t = entity_get(en, e->ents[i].id);

		if (t)
			r = entity_number(b, t, b->nframes - 1, &number[row->nents++]);
	}
	if (r < 0)
		return r;
	p = seg_row_put(p, row, f->nevents ? &b->last : &(struct seg_row){0});
	for (uint32_t i = 0; i < row->nents; i++)
		p = seg_put(p, number[i]);
	b->last = *row;
	b->rows.len += (size_t)(p - from);
	f->rows_len += (uint32_t)(p - from);
	return 0;
}

int fill_add(struct fill *b, const struct event *e, const struct entities *en,
	     const struct store_extra *x)
{
	struct str id = str_sub(e->id, 0, UINT16_MAX);
	struct seg_row row = {.seq = e->seq,
			      .time = e->time,
			      .known = e->known,
			      .id_len = (uint32_t)id.len,
			      .raw_len = (uint32_t)e->raw.len};
	size_t at = b->bytes.len;
	struct seg_frame *f = frame_next(b);
	int r;

	buf_add(&b->bytes, id);
	buf_add(&b->bytes, e->raw);
	if (x)
		seg_extra_put(&b->bytes, e, x);
	r = buf_err(&b->bytes);
	if (r < 0)
		return r;
	row.extra_len = (uint32_t)(b->bytes.len - at - row.id_len - row.raw_len);
	r = put_row(b, e, en, &row);
	if (r < 0)
		return r;
	f->raw_len += (uint32_t)(b->bytes.len - at);
	f->nevents++;
	if (b->head.nevents++ == 0) {
		b->head.first_seq = e->seq;
		b->head.min_known = b->head.max_known = e->known;
	}
	b->head.min_known = MIN(b->head.min_known, e->known);
	b->head.max_known = MAX(b->head.max_known, e->known);
	return 0;
}

/* ---- its bytes ---- */

static int post(struct fill *b, uint32_t frames, uint64_t h)
{
	if (seg_grow(&b->post, &b->post_cap, (b->npost + 1) * sizeof(*b->post)) < 0)
		return -ENOMEM;
	b->post[b->npost++] = (h & ~SEG_FRAME_MASK) | frames;
	return 0;
}

static int post_all(struct fill *b)
{
	struct seg_rd rd = {b->rows.p, b->rows.p + b->rows.len, false};
	const char *p = b->bytes.p;
	int r = 0;

	for (size_t i = 0; i < b->nentity && r == 0; i++)
		r = post(
			b, b->entity[i].frames,
			seg_entity_hash(str_n(b->names.p + b->entity[i].at, b->entity[i].len)));
	for (uint32_t f = 0; f < b->nframes; f++) {
		struct seg_row row = {0};

		for (uint32_t k = 0; k < b->frame[f].nevents && r == 0; k++) {
			if (!seg_row_get(&rd, &row))
				return -EIO;
			for (uint32_t n = 0; n < row.nents; n++)
				seg_get(&rd);
			r = post(b, 1u << f, seg_id_hash(str_n(p, row.id_len)));
			p += row.id_len + row.raw_len + row.extra_len;
		}
	}
	return r;
}

/* Hashes are spread evenly: their first bytes put nearly all in place. */
static int posts_sort(uint64_t *v, size_t n)
{
	uint64_t *tmp = malloc((n + 1) * sizeof(*tmp));

	if (!tmp)
		return -ENOMEM;
	for (unsigned shift = 48; shift <= 56; shift += 8) {
		size_t at[257] = {0};

		for (size_t i = 0; i < n; i++)
			at[(v[i] >> shift & 0xff) + 1]++;
		for (size_t i = 1; i < 256; i++)
			at[i] += at[i - 1];
		for (size_t i = 0; i < n; i++)
			tmp[at[v[i] >> shift & 0xff]++] = v[i];
		memcpy(v, tmp, n * sizeof(*v));
	}
	free(tmp);
	for (size_t i = 1; i < n; i++) {
		uint64_t x = v[i];
		size_t k = i;

		for (; k && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
	return 0;
}

/* The postings in order, each hash once. */
static int index_make(struct fill *b)
{
	size_t n = 0;
	int r = post_all(b);

	if (r == 0)
		r = posts_sort(b->post, b->npost);
	if (r < 0 || b->npost == 0)
		return r;
	for (size_t i = 1; i < b->npost; i++)
		if ((b->post[i] ^ b->post[n]) & ~SEG_FRAME_MASK)
			b->post[++n] = b->post[i];
		else
			b->post[n] |= b->post[i];
	b->npost = n + 1;
	return 0;
}

static void put_count(struct buf *b, size_t n)
{
	char p[SEG_NUMBER_MAX];

	buf_add(b, str_n(p, (size_t)(seg_put(p, n) - p)));
}

static void put_name(struct buf *b, struct str s)
{
	put_count(b, s.len);
	buf_add(b, s);
}

/* What the rows are numbered by, and the rows. */
static void rows_make(const struct fill *b, struct buf *out)
{
	put_count(out, b->ntypes);
	for (size_t i = 0; i < b->ntypes; i++)
		put_name(out, str_of(b->type_name[i]));
	put_count(out, b->nentity);
	for (size_t i = 0; i < b->nentity; i++)
		put_name(out, str_n(b->names.p + b->entity[i].at, b->entity[i].len));
	buf_add(out, buf_str(&b->rows));
}

static int compress(struct fill_bytes *out, ZSTD_CCtx *c, struct str s, uint32_t *ret_len)
{
	size_t n;

	if (seg_grow(&out->p, &out->cap, out->len + ZSTD_compressBound(s.len)) < 0)
		return -ENOMEM;
	n = ZSTD_compress2(c, out->p + out->len, out->cap - out->len, s.p, s.len);
	if (ZSTD_isError(n))
		return -EIO;
	out->len += n;
	*ret_len = (uint32_t)n;
	return 0;
}

/* Behind the room that head, postings and table take: the rows, then the frames. */
static int pack_parts(struct fill *b, ZSTD_CCtx *c, struct fill_bytes *out)
{
	struct buf rows;
	size_t raw = 0;
	uint32_t len = 0;
	int r;

	buf_init(&rows, 2 * SEG_RAW_MAX);
	rows_make(b, &rows);
	r = buf_err(&rows);
	if (r == 0)
		r = compress(out, c, buf_str(&rows), &len);
	b->head.rows_len = (uint32_t)rows.len;
	b->head.lead_len = len;
	buf_free(&rows);
	for (uint32_t i = 0; i < b->nframes && r == 0; i++) {
		struct seg_frame *f = &b->frame[i];

		r = compress(out, c, str_n(b->bytes.p + raw, f->raw_len), &f->comp_len);
		if (r == 0)
			f->sum = seg_frame_sum(out->p + out->len - f->comp_len, f->comp_len);
		raw += f->raw_len;
	}
	return r;
}

int fill_pack(struct fill *b, ZSTD_CCtx *c, struct fill_bytes *out)
{
	struct seg_head *h = &b->head;
	size_t frames = b->nframes * sizeof(b->frame[0]), posts, lead;
	int r = index_make(b);
	char *p;

	if (r < 0)
		return r;
	posts = b->npost * sizeof(*b->post);
	lead = sizeof(*h) + posts;
	out->len = lead + sizeof(b->nframes) + frames;
	if (seg_reserve(&out->p, &out->cap, out->len) < 0)
		return -ENOMEM;
	r = pack_parts(b, c, out);
	if (r < 0)
		return r;
	p = out->p + lead;
	memcpy(p, &b->nframes, sizeof(b->nframes));
	memcpy(p + sizeof(b->nframes), b->frame, frames);
	h->lead_len += (uint32_t)(sizeof(b->nframes) + frames);
	h->sum = hash_bytes(p, h->lead_len, 0);
	h->magic = SEG_BLOCK_MAGIC;
	h->npost = (uint32_t)b->npost;
	h->raw_len = (uint32_t)b->bytes.len;
	h->comp_len = (uint32_t)(out->len - lead);
	h->head_sum = seg_head_sum(h, b->post);
	memcpy(out->p, h, sizeof(*h));
	memcpy(out->p + sizeof(*h), b->post, posts);
	return 0;
}
