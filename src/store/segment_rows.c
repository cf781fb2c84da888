/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segment_rows.h"
#include "store/segment_impl.h"

char *seg_put(char *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (char)(v | 0x80);
	*p++ = (char)v;
	return p;
}

/* Differences are mostly small, and may be below 0. */
static char *put_step(char *p, uint64_t to, uint64_t from)
{
	uint64_t v = to - from;

	return seg_put(p, v << 1 ^ (0 - (v >> 63)));
}

char *seg_row_put(char *p, const struct seg_row *row, const struct seg_row *last)
{
	p = put_step(p, row->seq, last->seq);
	p = put_step(p, (uint64_t)row->known, (uint64_t)last->known);
	p = put_step(p, (uint64_t)row->known, (uint64_t)row->time);
	p = seg_put(p, row->type);
	p = seg_put(p, row->id_len);
	p = seg_put(p, row->raw_len);
	p = seg_put(p, row->extra_len);
	return seg_put(p, row->nents);
}

uint64_t seg_get(struct seg_rd *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && r->p < r->end; shift += 7) {
		uint8_t b = (uint8_t)*r->p++;

		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	r->bad = true;
	r->p = r->end;
	return 0;
}

struct str seg_get_n(struct seg_rd *r, size_t n)
{
	struct str s = {r->p, n};

	if ((size_t)(r->end - r->p) < n) {
		r->bad = true;
		r->p = r->end;
		return str_n(NULL, 0);
	}
	r->p += n;
	return s;
}

static uint64_t get_step(struct seg_rd *r, uint64_t from)
{
	uint64_t v = seg_get(r);

	return from + (v >> 1 ^ (0 - (v & 1)));
}

static uint32_t get_length(struct seg_rd *r)
{
	uint64_t v = seg_get(r);

	r->bad |= v > SEG_RAW_MAX;
	return r->bad ? 0 : (uint32_t)v;
}

bool seg_row_get(struct seg_rd *r, struct seg_row *row)
{
	row->seq = get_step(r, row->seq);
	row->known = (int64_t)get_step(r, (uint64_t)row->known);
	row->time = (int64_t)((uint64_t)row->known - get_step(r, 0));
	row->type = get_length(r);
	row->id_len = get_length(r);
	row->raw_len = get_length(r);
	row->extra_len = get_length(r);
	row->nents = get_length(r);
	return !r->bad;
}
