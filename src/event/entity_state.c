/* SPDX-License-Identifier: Apache-2.0 */
#include "event/entity_state.h"
#include "base/buf.h"
#include "event/entity_priv.h"
#include <errno.h>
#include <stdlib.h>

#define FORMAT 3
#define CHUNK  MIB

#define TAG_HEAD  BLOCK_TAG('e', 'n', 't', 's')
#define TAG_OWN	  BLOCK_TAG('o', 'w', 'n', ' ')
#define TAG_ENTS  BLOCK_TAG('e', 'n', 't', ' ')
#define TAG_FACTS BLOCK_TAG('f', 'a', 'c', 't')
#define TAG_ADDRS BLOCK_TAG('a', 'd', 'd', 'r')
#define TAG_END	  BLOCK_TAG('e', 'n', 'e', 'n')

struct head {
	uint32_t format, own_size;
	uint32_t next_id, own_total;
	uint64_t count, naddrs;
};

/* Oldest first; followed by its names, newest first. */
struct ent_row {
	int64_t first_seen, last_seen;
	uint64_t events, callers, hash;
	uint32_t id, user;
	uint8_t kind, cls, naliases, leased, ot, keeps;
	uint8_t spare[2];
};

struct alias_row {
	uint32_t len;
	uint8_t what, kind, indexed, spare;
};

struct fact_row {
	uint32_t ent;
	uint16_t fact, len;
};

struct addr_row {
	struct ip ip;
	uint32_t ent;
	uint16_t name_len;
	uint8_t bare, spare;
};

static void put(struct buf *b, const void *p, size_t n)
{
	buf_add(b, str_n(p, n));
}

/* What has gathered goes out as a block. */
static void flush(struct buf *b, struct blocks_out *w, uint32_t tag, size_t least)
{
	if (b->len <= least)
		return;
	blocks_put(w, tag, b->p, b->len, NULL, 0);
	buf_clear(b);
}

static void save_ents(const struct entities *en, struct blocks_out *w, struct buf *b)
{
	for (const struct ent *t = en->oldest; t; t = t->newer) {
		struct ent_row row = {.first_seen = t->pub.first_seen,
				      .last_seen = t->pub.last_seen,
				      .events = t->pub.events,
				      .callers = t->callers,
				      .hash = t->pub.hash,
				      .id = t->pub.id,
				      .user = t->user,
				      .kind = t->pub.kind,
				      .cls = t->pub.cls,
				      .naliases = t->naliases,
				      .leased = t->leased,
				      .ot = t->ot,
				      .keeps = t->keeps};

		put(b, &row, sizeof(row));
		for (const struct alias *a = t->alias; a; a = a->next) {
			struct alias_row name = {a->len, a->what, a->kind, a->indexed, 0};

			put(b, &name, sizeof(name));
			put(b, a->text, a->len);
		}
		flush(b, w, TAG_ENTS, CHUNK);
	}
	flush(b, w, TAG_ENTS, 0);
}

static void save_facts(const struct entities *en, struct blocks_out *w, struct buf *b)
{
	for (const struct ent *t = en->oldest; t; t = t->newer) {
		for (uint32_t i = 0; t->facts && i < FACT_COUNT; i++) {
			struct fact_row row = {t->pub.id, (uint16_t)i, 0};

			if (!t->facts->text[i])
				continue;
			row.len = (uint16_t)strlen(t->facts->text[i]);
			put(b, &row, sizeof(row));
			put(b, t->facts->text[i], row.len);
		}
		flush(b, w, TAG_FACTS, CHUNK);
	}
	flush(b, w, TAG_FACTS, 0);
}

static void save_addrs(const struct entities *en, struct blocks_out *w, struct buf *b)
{
	for (const struct addr *a = en->addr_oldest; a; a = a->newer) {
		struct addr_row row = {a->ip, a->ent, a->name_len, a->bare, 0};

		put(b, &row, sizeof(row));
		put(b, a->name, a->name_len);
		flush(b, w, TAG_ADDRS, CHUNK);
	}
	flush(b, w, TAG_ADDRS, 0);
}

void entities_save(const struct entities *en, struct blocks_out *w)
{
	struct head h = {FORMAT,      sizeof(struct own_domain),
			 en->next_id, en->own_total,
			 en->count,   en->naddrs};
	struct buf b;

	buf_init(&b, BLOCK_MAX);
	blocks_put(w, TAG_HEAD, &h, sizeof(h), NULL, 0);
	blocks_put(w, TAG_OWN, en->own, en->nown * sizeof(en->own[0]), NULL, 0);
	save_ents(en, w, &b);
	save_facts(en, w, &b);
	save_addrs(en, w, &b);
	blocks_put(w, TAG_END, NULL, 0, NULL, 0);
	if (buf_err(&b) < 0)
		blocks_fail(w, buf_err(&b));
	buf_free(&b);
}

/* The next n bytes of data into p (NULL: passed over); false when there are not so many. */
static bool get(struct str *data, void *p, size_t n)
{
	if (data->len < n)
		return false;
	if (p)
		memcpy(p, data->p, n);
	*data = str_n(data->p + n, data->len - n);
	return true;
}

static int load_aliases(struct entities *en, struct ent *t, unsigned n, struct str *data)
{
	struct alias_row row;

	for (unsigned i = 0; i < n; i++) {
		struct str text;
		int r;

		if (!get(data, &row, sizeof(row)) || data->len < row.len ||
		    row.what > ALIAS_PAST || row.kind != t->pub.kind)
			return E_FORMAT;
		text = str_n(data->p, row.len);
		(void)get(data, NULL, row.len);
		r = ent_restore_alias(en, t, (enum alias_what)row.what, text, row.indexed != 0);
		if (r < 0)
			return r;
	}
	return t->pub.name.p ? 0 : E_FORMAT;
}

static int load_ents(struct entities *en, struct str data)
{
	struct ent_row row;

	while (data.len) {
		struct entity pub;
		struct ent *t;
		int r;

		if (!get(&data, &row, sizeof(row)) || row.kind >= ENT_KIND_COUNT ||
		    row.cls >= ENT_CLASS_COUNT || row.id >= en->next_id ||
		    row.naliases > ALIASES_MAX + 1 || ent_of(en, row.id))
			return E_FORMAT;
		pub = (struct entity){.id = row.id,
				      .kind = row.kind,
				      .cls = row.cls,
				      .hash = row.hash,
				      .first_seen = row.first_seen,
				      .last_seen = row.last_seen,
				      .events = row.events};
		t = ent_restore(en, &pub, row.keeps != 0);
		if (!t)
			return -ENOMEM;
		t->callers = row.callers;
		t->user = row.user;
		t->leased = row.leased != 0;
		t->ot = row.ot != 0;
		r = load_aliases(en, t, row.naliases, &data);
		if (r < 0)
			return r;
	}
	return 0;
}

static int load_facts(struct entities *en, struct str data)
{
	struct fact_row row;

	while (data.len) {
		struct ent *t;
		int r;

		if (!get(&data, &row, sizeof(row)) || data.len < row.len ||
		    row.fact >= FACT_COUNT)
			return E_FORMAT;
		t = ent_of(en, row.ent);
		if (!t)
			return E_FORMAT;
		r = fact_put(t, (enum fact)row.fact, str_n(data.p, row.len));
		if (r < 0)
			return r;
		(void)get(&data, NULL, row.len);
	}
	return 0;
}

static int load_addrs(struct entities *en, struct str data)
{
	struct addr_row row;

	while (data.len) {
		struct addr *a;
		int r;

		if (!get(&data, &row, sizeof(row)) || data.len < row.name_len)
			return E_FORMAT;
		a = addr_put_ip(en, &row.ip);
		if (!a)
			return -ENOMEM;
		a->ent = row.ent;
		a->bare = row.bare != 0;
		r = addr_name(a, str_n(data.p, row.name_len));
		if (r < 0)
			return r;
		(void)get(&data, NULL, row.name_len);
	}
	return 0;
}

/* Beside those that the configuration names. */
static int load_own(struct entities *en, struct str data)
{
	struct own_domain own;

	if (data.len % sizeof(own))
		return E_FORMAT;
	while (get(&data, &own, sizeof(own))) {
		size_t i = 0;

		if (!memchr(own.name, 0, sizeof(own.name)))
			return E_FORMAT;
		while (i < en->nown && strcmp(en->own[i].name, own.name) != 0)
			i++;
		if (i == OWN_MAX)
			continue;
		own.own |= i < en->nown && en->own[i].own;
		en->own[i] = own;
		en->nown = MAX(en->nown, i + 1);
	}
	return 0;
}

static int load_block(struct entities *x, uint32_t tag, struct str data)
{
	switch (tag) {
	case TAG_OWN:
		return load_own(x, data);
	case TAG_ENTS:
		return load_ents(x, data);
	case TAG_FACTS:
		return load_facts(x, data);
	case TAG_ADDRS:
		return load_addrs(x, data);
	default:
		return E_FORMAT;
	}
}

static int load_all(struct entities *x, struct blocks_in *r)
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
	if (h.format != FORMAT || h.own_size != sizeof(struct own_domain))
		return E_VERSION;
	x->next_id = h.next_id;
	x->own_total = h.own_total;
	while (err == 0 && (n = blocks_next(r, &tag, &data)) > 0 && tag != TAG_END)
		err = load_block(x, tag, data);
	if (err == 0 && n <= 0)
		err = n < 0 ? n : E_FORMAT;
	if (err == 0 && x->count != h.count && x->count != x->max)
		err = E_FORMAT;
	return err;
}

int entities_load(struct entities *en, struct blocks_in *r)
{
	struct entities *x = calloc(1, sizeof(*x)), swap;
	int err;

	if (!x)
		return -ENOMEM;
	x->max = en->max;
	x->addrs_max = en->addrs_max;
	memcpy(x->own, en->own, sizeof(x->own));
	x->nown = en->nown;
	/* Lent: whether an address is internal is asked anew, as networks may have changed. */
	x->nets = en->nets;
	x->nnets = en->nnets;
	err = entities_places(x);
	err = err ? err : load_all(x, r);
	if (err == 0) {
		swap = *en;
		*en = *x;
		*x = swap;
	}
	x->nets = NULL;
	entities_free(x);
	return err;
}
