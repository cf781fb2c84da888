/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/detect_state.h"
#include "base/buf.h"
#include "detect/correlate.h"
#include <errno.h>
#include <stdlib.h>

#define FORMAT 2
#define CHUNK  MIB

#define TAG_HEAD     BLOCK_TAG('d', 't', 'c', 't')
#define TAG_THROTTLE BLOCK_TAG('t', 'h', 'r', 't')
#define TAG_SPOKEN   BLOCK_TAG('s', 'p', 'k', 'n')
#define TAG_TALLY    BLOCK_TAG('t', 'a', 'l', 'y')
#define TAG_GROUP    BLOCK_TAG('c', 'o', 'r', 'r')
#define TAG_END	     BLOCK_TAG('d', 't', 'e', 'n')

struct head {
	uint32_t format, ids_max;
};

/* Followed by n entries, each with its id's text. */
struct tally_row {
	uint64_t key, n;
	int64_t until;
};

struct entry_row {
	int64_t time;
	uint64_t hash, seq, len;
};

/* A window of a correlation, followed by n of its matches and by its tally. */
struct group_row {
	uint64_t key, sign, n;
	int64_t until;
	double sum;
};

static void flush(struct buf *b, struct blocks_out *w, uint32_t tag, size_t least)
{
	if (b->len <= least)
		return;
	blocks_put(w, tag, b->p, b->len, NULL, 0);
	buf_clear(b);
}

static void save_map(const struct map *m, struct blocks_out *w, uint32_t tag, struct buf *b)
{
	struct map_slot s;

	for (size_t i = 0; map_next(m, &i, &s);) {
		buf_add(b, str_n((const char *)&s, sizeof(s)));
		flush(b, w, tag, CHUNK);
	}
	flush(b, w, tag, 0);
}

static void save_tally(uint64_t key, const struct tally *t, struct buf *b)
{
	struct tally_row row = {key, t->n, t->until};

	buf_add(b, str_n((const char *)&row, sizeof(row)));
	for (size_t i = 0; i < t->n; i++) {
		struct entry_row e = {t->times[i], t->hashes[i], t->seqs[i], strlen(t->ids[i])};

		buf_add(b, str_n((const char *)&e, sizeof(e)));
		buf_addz(b, t->ids[i]);
	}
}

static void save_group(uint64_t key, const struct corr_group *g, struct buf *b)
{
	struct group_row row = {key, g->sign, g->n, g->until, g->sum};

	buf_add(b, str_n((const char *)&row, sizeof(row)));
	for (size_t i = 0; i < g->n; i++) {
		struct corr_entry e;

		memset(&e, 0, sizeof(e)); /* what lies between members is written too */
		e.time = corr_at(g, i)->time;
		e.value = corr_at(g, i)->value;
		e.number = corr_at(g, i)->number;
		e.ref = corr_at(g, i)->ref;
		buf_add(b, str_n((const char *)&e, sizeof(e)));
	}
	save_tally(key, &g->ids, b);
}

void detect_save(const struct detect *dt, struct blocks_out *w)
{
	struct head h = {FORMAT, ALERT_IDS_MAX};
	struct map_slot s;
	struct buf b;

	buf_init(&b, BLOCK_MAX);
	blocks_put(w, TAG_HEAD, &h, sizeof(h), NULL, 0);
	save_map(&dt->throttle, w, TAG_THROTTLE, &b);
	save_map(&dt->spoken, w, TAG_SPOKEN, &b);
	for (size_t i = 0; map_next(&dt->tallies, &i, &s);) {
		save_tally(s.key, (const struct tally *)(uintptr_t)s.val, &b);
		flush(&b, w, TAG_TALLY, CHUNK);
	}
	flush(&b, w, TAG_TALLY, 0);
	for (size_t i = 0; map_next(&dt->groups, &i, &s);) {
		save_group(s.key, (const struct corr_group *)(uintptr_t)s.val, &b);
		flush(&b, w, TAG_GROUP, CHUNK);
	}
	flush(&b, w, TAG_GROUP, 0);
	blocks_put(w, TAG_END, NULL, 0, NULL, 0);
	if (buf_err(&b) < 0)
		blocks_fail(w, buf_err(&b));
	buf_free(&b);
}

static bool get(struct str *data, void *p, size_t n)
{
	if (data->len < n)
		return false;
	memcpy(p, data->p, n);
	*data = str_n(data->p + n, data->len - n);
	return true;
}

static int load_map(struct map *m, struct str data)
{
	struct map_slot s;
	uint64_t *at;

	while (get(&data, &s, sizeof(s))) {
		at = map_put(m, s.key, NULL);
		if (!at)
			return -ENOMEM;
		*at = s.val;
	}
	return data.len ? E_FORMAT : 0;
}

static int load_entry(struct tally *t, struct str *data)
{
	struct entry_row e;

	if (!get(data, &e, sizeof(e)) || data->len < e.len)
		return E_FORMAT;
	t->ids[t->n] = str_dup(str_n(data->p, e.len));
	if (!t->ids[t->n])
		return -ENOMEM;
	t->times[t->n] = e.time;
	t->hashes[t->n] = e.hash;
	t->seqs[t->n++] = e.seq;
	*data = str_n(data->p + e.len, data->len - e.len);
	return 0;
}

static int load_ids(struct tally *t, const struct tally_row *row, struct str *data)
{
	int r = row->n <= ALERT_IDS_MAX ? 0 : E_FORMAT;

	t->until = row->until;
	for (uint64_t i = 0; r == 0 && i < row->n; i++)
		r = load_entry(t, data);
	return r;
}

static int load_tallies(struct map *m, struct str data)
{
	struct tally_row row;
	int r = 0;

	while (r == 0 && get(&data, &row, sizeof(row))) {
		uint64_t *at = row.n <= ALERT_IDS_MAX ? map_put(m, row.key, NULL) : NULL;
		struct tally *t = at && !*at ? calloc(1, sizeof(*t)) : NULL;

		if (!t)
			return row.n > ALERT_IDS_MAX || (at && *at) ? E_FORMAT : -ENOMEM;
		*at = (uintptr_t)t;
		r = load_ids(t, &row, &data);
	}
	return r < 0 ? r : data.len ? E_FORMAT : 0;
}

static int load_groups(struct detect *dt, struct str data)
{
	struct group_row row;
	struct tally_row ids;
	struct corr_entry x;
	int r = 0;

	while (r == 0 && get(&data, &row, sizeof(row))) {
		struct corr_group *g = NULL;

		if (row.n > CORR_LONG || map_get(&dt->groups, row.key))
			return E_FORMAT;
		g = corr_group(dt, row.key, row.until);
		if (!g)
			return -ENOMEM;
		g->until = row.until;
		g->sign = row.sign;
		for (uint64_t i = 0; r == 0 && i < row.n; i++) {
			if (!get(&data, &x, sizeof(x)) || x.ref >= CORR_REFS)
				r = E_FORMAT;
			else if (!corr_group_add(dt, g, x))
				r = -ENOMEM;
		}
		g->sum = row.sum;
		if (r == 0)
			r = get(&data, &ids, sizeof(ids)) ? load_ids(&g->ids, &ids, &data)
							  : E_FORMAT;
	}
	return r < 0 ? r : data.len ? E_FORMAT : 0;
}

static int load_block(struct detect *dt, uint32_t tag, struct str data)
{
	switch (tag) {
	case TAG_THROTTLE:
		return load_map(&dt->throttle, data);
	case TAG_SPOKEN:
		return load_map(&dt->spoken, data);
	case TAG_TALLY:
		return load_tallies(&dt->tallies, data);
	case TAG_GROUP:
		return load_groups(dt, data);
	default:
		return E_FORMAT;
	}
}

int detect_load(struct detect *dt, struct blocks_in *r)
{
	struct head h;
	struct str data;
	uint32_t tag;
	int n = blocks_next(r, &tag, &data), err = 0;

	if (n <= 0 || tag != TAG_HEAD)
		return n < 0 ? n : E_FORMAT;
	if (data.len != sizeof(h))
		return E_VERSION;
	memcpy(&h, data.p, sizeof(h));
	if (h.format != FORMAT || h.ids_max != ALERT_IDS_MAX)
		return E_VERSION;
	windows_clear(dt);
	map_clear(&dt->spoken);
	while (err == 0 && (n = blocks_next(r, &tag, &data)) > 0 && tag != TAG_END)
		err = load_block(dt, tag, data);
	if (err == 0 && n <= 0)
		err = n < 0 ? n : E_FORMAT;
	if (err < 0) {
		windows_clear(dt);
		map_clear(&dt->spoken);
	}
	return err;
}
