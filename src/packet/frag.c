/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/frag.h"
#include "base/hash.h"
#include <stdlib.h>

#define HOLES_MAX 64
#define TOTAL_MAX 65535U

struct span {
	uint32_t from, to;
};

struct open {
	bool used;
	struct ip src, dst;
	uint32_t id;
	uint8_t proto;
	int64_t ts; /* of the first fragment */
	uint8_t *p;
	uint32_t cap, total; /* total 0: the last fragment has not come */
	struct span have[HOLES_MAX];
	unsigned n;
};

struct given {
	struct given *next;
	uint8_t *p;
};

struct frag {
	struct open open[FRAG_OPEN_MAX];
	unsigned n;
	size_t bytes;
	struct given *given;
};

struct frag *frag_new(void)
{
	return calloc(1, sizeof(struct frag));
}

void frag_release(struct frag *f)
{
	while (f->given) {
		struct given *g = f->given;

		f->given = g->next;
		free(g->p);
		free(g);
	}
}

static void drop(struct frag *f, struct open *o)
{
	f->bytes -= o->cap;
	free(o->p);
	*o = (struct open){0};
	f->n--;
}

struct frag *frag_free(struct frag *f)
{
	if (!f)
		return NULL;
	frag_release(f);
	for (unsigned i = 0; i < FRAG_OPEN_MAX; i++)
		if (f->open[i].used)
			drop(f, &f->open[i]);
	free(f);
	return NULL;
}

static bool same(const struct open *o, const struct frag_part *k)
{
	return o->used && o->id == k->id && o->proto == k->proto &&
	       memcmp(&o->src, &k->src, sizeof(o->src)) == 0 &&
	       memcmp(&o->dst, &k->dst, sizeof(o->dst)) == 0;
}

/* The datagram's place; a new one in a free place, or in that of the oldest. */
static struct open *find(struct frag *f, int64_t ts, const struct frag_part *k)
{
	struct open *room = NULL, *oldest = NULL;

	for (unsigned i = 0; i < FRAG_OPEN_MAX; i++) {
		struct open *o = &f->open[i];

		if (o->used && (ts - o->ts > FRAG_TIME || ts < o->ts - FRAG_TIME))
			drop(f, o);
		if (same(o, k))
			return o;
		if (!o->used)
			room = room ? room : o;
		else if (!oldest || o->ts < oldest->ts)
			oldest = o;
	}
	if (!room) {
		drop(f, oldest);
		room = oldest;
	}
	*room = (struct open){true, k->src, k->dst, k->id, k->proto, ts, NULL, 0, 0, {{0}}, 0};
	f->n++;
	return room;
}

static bool grow(struct frag *f, struct open *o, uint32_t need)
{
	uint32_t cap = MAX(need, MIN(o->cap * 2, TOTAL_MAX));
	uint8_t *p;

	if (need <= o->cap)
		return true;
	if (f->bytes + cap - o->cap > FRAG_BYTES_MAX)
		return false;
	p = realloc(o->p, cap);
	if (!p)
		return false;
	f->bytes += cap - o->cap;
	o->p = p;
	o->cap = cap;
	return true;
}

/* Adds [from, to) to what is there, in order; false: it overlaps, or pieces are too many. */
static bool have_add(struct open *o, uint32_t from, uint32_t to)
{
	unsigned i = 0;

	while (i < o->n && o->have[i].to < from)
		i++;
	if (i < o->n && o->have[i].to > from && o->have[i].from < to)
		return false;
	if (i < o->n && o->have[i].to == from) {
		if (i + 1 < o->n && o->have[i + 1].from < to)
			return false;
		o->have[i].to = to;
	} else if (o->n < HOLES_MAX) {
		memmove(&o->have[i + 1], &o->have[i], (o->n - i) * sizeof(o->have[0]));
		o->have[i] = (struct span){from, to};
		o->n++;
	} else {
		return false;
	}
	if (i + 1 < o->n && o->have[i].to == o->have[i + 1].from) {
		o->have[i].to = o->have[i + 1].to;
		memmove(&o->have[i + 1], &o->have[i + 2], (o->n - i - 2) * sizeof(o->have[0]));
		o->n--;
	}
	return true;
}

static int give(struct frag *f, struct open *o, const uint8_t **ret_p, uint32_t *ret_len)
{
	struct given *g = malloc(sizeof(*g));

	if (!g)
		return -1;
	*g = (struct given){f->given, o->p};
	f->given = g;
	*ret_p = o->p;
	*ret_len = o->total;
	f->bytes -= o->cap;
	f->n--;
	*o = (struct open){0};
	return 1;
}

int frag_add(struct frag *f, int64_t ts, const struct frag_part *part, const uint8_t **ret_p,
	     uint32_t *ret_len)
{
	uint32_t to = part->at + part->len;
	struct open *o;

	if (!part->len || to > TOTAL_MAX || (part->more && part->len % 8))
		return -1;
	o = find(f, ts, part);
	/* A copy of what is there (a mirrored port shows packets twice) is no overlap. */
	for (unsigned i = 0; i < o->n; i++)
		if (o->have[i].from <= part->at && o->have[i].to >= to)
			return memcmp(o->p + part->at, part->p, part->len) == 0 ? 0 : -1;
	if ((o->total && to > o->total) || !grow(f, o, to) || !have_add(o, part->at, to)) {
		drop(f, o);
		return -1;
	}
	memcpy(o->p + part->at, part->p, part->len);
	if (!part->more)
		o->total = to;
	if (o->total && o->n && o->have[o->n - 1].to > o->total) {
		drop(f, o);
		return -1;
	}
	if (o->total && o->n == 1 && o->have[0].from == 0 && o->have[0].to == o->total)
		return give(f, o, ret_p, ret_len);
	return 0;
}
