/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state table as blocks, place for place, so that what comes after a restore is what would
 * have come without: the same states in the same slabs, the hand where it was.
 *
 * The structure of the table is checked as it is read; what lies inside a state is its kind's
 * and is believed, as the checksums are right and the file is the program's own.
 */
#include "learn/state_image.h"
#include "learn/state_priv.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TAG_HEAD  BLOCK_TAG('s', 't', 'a', 't')
#define TAG_SLABS BLOCK_TAG('s', 'l', 'a', 'b')
#define TAG_PLACE BLOCK_TAG('p', 'l', 'a', 'c')
#define TAG_BIG	  BLOCK_TAG('b', 'i', 'g', ' ')
#define TAG_STUBS BLOCK_TAG('s', 't', 'u', 'b')
#define TAG_END	  BLOCK_TAG('s', 't', 'e', 'n')

#define CHUNK ((size_t)64 * STATE_SLAB)

struct image_head {
	uint64_t len, evictions, held_bytes, ops;
	uint32_t now_s, nslabs, empty, hand, nbig, hand_big, big_hint, nbuckets, nstubs;
	uint32_t open[STATE_CLASSES];
};

void state_save(const struct state_table *t, struct blocks_out *w)
{
	struct image_head h = {
		.len = t->len,
		.evictions = t->evictions,
		.held_bytes = t->held_bytes,
		.ops = t->ops,
		.now_s = t->now_s,
		.nslabs = t->nslabs,
		.empty = t->empty,
		.hand = t->hand,
		.nbig = t->nbig,
		.hand_big = t->hand_big,
		.big_hint = t->big_hint,
		.nbuckets = t->nbuckets,
		.nstubs = t->nstubs,
	};

	memcpy(h.open, t->open, sizeof(h.open));
	blocks_put(w, TAG_HEAD, &h, sizeof(h), NULL, 0);
	blocks_put_array(w, TAG_SLABS, t->slab, t->nslabs * sizeof(*t->slab));
	for (uint32_t i = 0, n; i < t->nslabs; i += n) {
		uint64_t at = i;

		n = 1;
		if (!t->slab[i].live)
			continue;
		while (n < CHUNK / STATE_SLAB && i + n < t->nslabs && t->slab[i + n].live)
			n++;
		blocks_put(w, TAG_PLACE, &at, sizeof(at), t->base + at * STATE_SLAB,
			   n * STATE_SLAB);
	}
	for (uint64_t i = 0; i < t->nbig; i++) {
		const struct state *s = t->big[i];

		if (s)
			blocks_put(w, TAG_BIG, &i, sizeof(i), s, s->size8 * (size_t)8);
	}
	blocks_put_array(w, TAG_STUBS, t->stubs, t->nstubs * (size_t)64);
	blocks_put(w, TAG_END, NULL, 0, NULL, 0);
}

static int load_head(struct state_table *t, struct str data, struct image_head *h)
{
	size_t limit = t->limit;
	int r;

	if (data.len != sizeof(*h))
		return E_VERSION;
	memcpy(h, data.p, sizeof(*h));
	if (!h->nbuckets) /* nothing was ever put */
		return h->nslabs || h->nbig || h->len ? E_FORMAT : 0;
	if (h->nslabs > STATE_BYTES_MAX / STATE_SLAB || h->nbig > STATE_BYTES_MAX / 4096 ||
	    h->empty > h->nslabs || h->big_hint > h->nbig || h->nbuckets > UINT32_MAX / 2)
		return E_FORMAT;
	for (int i = 0; i < STATE_CLASSES; i++)
		if (h->open[i] > h->nslabs)
			return E_FORMAT;
	/* A smaller budget than it was written under: all of it comes in, then some goes. */
	t->limit = MAX(limit, h->nslabs * STATE_SLAB);
	r = state_begin(t);
	t->limit = limit;
	t->nslabs = h->nslabs;
	t->cap_big = t->nbig = h->nbig;
	t->big = calloc(MAX(h->nbig, 1), sizeof(*t->big));
	t->bytes += h->nbig * sizeof(*t->big);
	return r < 0 ? r : t->big ? 0 : -ENOMEM;
}

/* A piece of an array of `bytes` bytes at p. */
static int load_piece(struct str data, void *p, size_t bytes, size_t unit)
{
	uint64_t at;

	if (data.len < sizeof(at))
		return E_FORMAT;
	memcpy(&at, data.p, sizeof(at));
	data = str_sub(data, sizeof(at), data.len);
	if (at > bytes / unit || data.len > bytes - at * unit)
		return E_FORMAT;
	memcpy((char *)p + at * unit, data.p, data.len);
	return 0;
}

static int load_big(struct state_table *t, struct str data)
{
	uint64_t i;
	struct state *s;

	if (data.len < sizeof(i) + sizeof(*s))
		return E_FORMAT;
	memcpy(&i, data.p, sizeof(i));
	data = str_sub(data, sizeof(i), data.len);
	if (i >= t->nbig || t->big[i])
		return E_FORMAT;
	s = t->big[i] = malloc(data.len);
	if (!s)
		return -ENOMEM;
	memcpy(s, data.p, data.len);
	t->bytes += data.len + BIG_COST;
	return s->size8 * (size_t)8 == data.len ? 0 : E_FORMAT;
}

/* Whether a slab's counts, free places and sizes agree with each other. */
static bool slab_sound(const struct state_table *t, uint32_t slab)
{
	const struct slab *b = &t->slab[slab];
	uint32_t live = 0, chained = 0;

	if (b->cls >= STATE_CLASSES || b->prev > t->nslabs || b->next > t->nslabs ||
	    b->fresh > slab_places(b->cls) || b->live > b->fresh)
		return false;
	if (!b->live) /* its places are anybody's */
		return b->free == 0 && b->fresh == 0;
	for (uint32_t i = 0; i < b->fresh; i++) {
		size_t size = place_at(t, slab_handle(t, slab, i))->size8 * (size_t)8;

		if (size && (size < sizeof(struct state) || size > state_class_size[b->cls]))
			return false;
		live += size != 0;
	}
	for (uint32_t i = b->free; i; chained++) {
		const struct state *s;

		if (i > b->fresh || chained > b->fresh)
			return false;
		s = place_at(t, slab_handle(t, slab, i - 1));
		if (s->size8)
			return false;
		i = s->stamp;
	}
	return live == b->live && live + chained == b->fresh;
}

/* Every list holds whom it should, once. */
static bool list_sound(const struct state_table *t, uint32_t first, int cls)
{
	uint32_t before = 0, n = 0;

	for (uint32_t i = first; i; before = i, i = t->slab[i - 1].next, n++) {
		const struct slab *b = &t->slab[i - 1];

		if (n > t->nslabs || b->prev != before || !b->linked ||
		    (cls < 0 ? b->live != 0
			     : b->cls != cls || !b->live ||
				       (!b->free && b->fresh == slab_places(b->cls))))
			return false;
	}
	return true;
}

static int finish(struct state_table *t, const struct image_head *h)
{
	size_t live = 0;

	for (uint32_t i = 0; i < t->nslabs; i++) {
		if (!slab_sound(t, i))
			return E_FORMAT;
		live += t->slab[i].live;
		t->bytes += t->slab[i].live ? STATE_SLAB : 0;
	}
	for (uint32_t i = 0; i < t->nbig; i++)
		live += t->big[i] != NULL;
	if (live != h->len || h->nbuckets * (uint64_t)BUCKET_PLACES < live)
		return E_FORMAT;
	memcpy(t->open, h->open, sizeof(t->open));
	t->empty = h->empty;
	for (int c = -1; c < STATE_CLASSES; c++)
		if (!list_sound(t, c < 0 ? t->empty : t->open[c], c))
			return E_FORMAT;
	t->hand = h->hand;
	t->hand_big = h->hand_big;
	t->big_hint = h->big_hint;
	t->ops = h->ops;
	t->now_s = h->now_s;
	t->len = h->len;
	t->evictions = h->evictions;
	t->held_bytes = MIN(h->held_bytes, t->bytes);
	return index_size(t, h->nbuckets);
}

int state_load(struct state_table *t, struct blocks_in *r)
{
	struct image_head h = {0};
	struct str data;
	uint32_t tag;
	int n, err;

	n = blocks_next(r, &tag, &data);
	err = n < 0 ? n : n == 0 || tag != TAG_HEAD ? E_FORMAT : load_head(t, data, &h);
	while (err == 0 && (n = blocks_next(r, &tag, &data)) > 0 && tag != TAG_END) {
		if (!t->base)
			err = E_FORMAT;
		else if (tag == TAG_SLABS)
			err = load_piece(data, t->slab, t->nslabs * sizeof(*t->slab), 1);
		else if (tag == TAG_PLACE)
			err = load_piece(data, t->base, t->nslabs * STATE_SLAB, STATE_SLAB);
		else if (tag == TAG_BIG)
			err = load_big(t, data);
		else if (tag == TAG_STUBS && h.nstubs == t->nstubs)
			err = load_piece(data, t->stubs, t->nstubs * (size_t)64, 1);
		else if (tag != TAG_STUBS)
			err = E_FORMAT;
	}
	if (err == 0 && n <= 0)
		err = n < 0 ? n : E_FORMAT;
	if (err == 0 && h.nbuckets)
		err = finish(t, &h);
	if (err == 0 && h.nbuckets && !make_room(t, 0))
		err = E_LIMIT;
	return err;
}
