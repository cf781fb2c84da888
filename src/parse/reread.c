/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/reread.h"
#include "base/json.h"
#include <errno.h>
#include <stdlib.h>

struct reread {
	struct schema *schema;
	struct sources *sources;
	struct entities *en;
	struct entities_conf conf;
	struct decoder **dec; /* by record type; opened at its first record */
	bool *tried;
	struct batch batch;
};

struct reread *reread_free(struct reread *r)
{
	if (!r)
		return NULL;
	for (size_t i = 0; r->dec && i < schema_types(r->schema); i++)
		decoder_free(r->dec[i]);
	free(r->dec);
	free(r->tried);
	batch_free(&r->batch);
	entities_free(r->en);
	sources_free(r->sources);
	schema_free(r->schema);
	free(r);
	return NULL;
}

int reread_open(const struct reread_conf *conf, struct reread **ret_r, struct diag *d)
{
	struct reread *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->conf = conf->entities;
	r->conf.max = 20000;
	if ((err = schema_new(&r->schema)) < 0 ||
	    (err = sources_load(conf->sources, r->schema, &r->sources, d)) < 0 ||
	    (err = entities_provide(r->schema)) < 0) {
		reread_free(r);
		return err;
	}
	*ret_r = r;
	return 0;
}

struct schema *reread_schema(struct reread *r)
{
	return r->schema;
}

struct sources *reread_sources(struct reread *r)
{
	return r->sources;
}

int reread_start(struct reread *r)
{
	size_t n = schema_types(r->schema);
	int err;

	if ((err = schema_freeze(r->schema)) < 0 ||
	    (err = sources_compile(r->sources, r->schema)) < 0 ||
	    (err = entities_new(&r->conf, r->schema, &r->en)) < 0 ||
	    (err = batch_init(&r->batch, 256)) < 0)
		return err;
	r->dec = calloc(n + 1, sizeof(*r->dec));
	r->tried = calloc(n + 1, sizeof(*r->tried));
	return r->dec && r->tried ? 0 : -ENOMEM;
}

int reread_forget(struct reread *r)
{
	struct entities *fresh;
	int err = entities_new(&r->conf, r->schema, &fresh);

	if (err < 0)
		return err;
	entities_free(r->en);
	r->en = fresh;
	for (size_t i = 0; i < schema_types(r->schema); i++) {
		r->dec[i] = decoder_free(r->dec[i]);
		r->tried[i] = false;
	}
	return 0;
}

/* Attributes that were kept since the bytes do not say what they are. */
static struct event *kept(struct reread *r, const struct store_event *se,
			  const struct rectype *t)
{
	struct str name, text;
	size_t at = 0;
	struct event *e;
	bool number;
	double v;

	if (!store_attr(se, &at, &name, &text, &number) || !(e = batch_add(&r->batch, t)))
		return NULL;
	at = 0;
	while (store_attr(se, &at, &name, &text, &number)) {
		attr_t a = schema_find(r->schema, name);
		struct str s;

		if (a == ATTR_NONE || !event_wants(e, a) || val_set(event_get(e, a)))
			continue;
		if (number && str_f64(text, &v)) {
			event_set(e, a, v == (double)(int64_t)v ? val_i((int64_t)v) : val_f(v));
			continue;
		}
		s = arena_str(&r->batch.mem, text);
		if (s.p)
			event_set(e, a, val_s(s));
	}
	return e;
}

static struct decoder *decoder_of(struct reread *r, const struct rectype *t, struct str raw)
{
	struct diag d;

	/* One record decides how all of its type are read; a second one may help a bad first.
	 */
	if (!r->dec[t->id] && !r->tried[t->id]) {
		r->tried[t->id] = decoder_open(r->sources, "", raw, &r->dec[t->id], &d) < 0;
	}
	return r->dec[t->id];
}

/* The event of the record that is of this type and has this id, else of this type. */
static struct event *decoded(struct reread *r, const struct store_event *se,
			     const struct rectype *t)
{
	char *p = arena_alloc(&r->batch.mem, se->raw.len + JSON_PAD);
	struct event *best = NULL;
	struct decoder *dec;

	if (!p)
		return NULL;
	memcpy(p, se->raw.p, se->raw.len);
	memset(p + se->raw.len, 0, JSON_PAD);
	dec = decoder_of(r, t, str_n(p, se->raw.len));
	if (!dec || decoder_decode(dec, str_n(p, se->raw.len), &r->batch) < 1)
		return NULL;
	for (size_t i = 0; i < r->batch.n; i++) {
		struct event *e = &r->batch.events[i];

		if (e->type != t)
			continue;
		if (!best || str_eq(e->id, se->id))
			best = e;
		if (str_eq(e->id, se->id))
			break;
	}
	return best;
}

static struct event *copy(const struct event *e, struct arena *mem)
{
	struct event *c = arena_alloc(mem, sizeof(*c));

	if (!c)
		return NULL;
	*c = *e;
	c->raw = arena_str(mem, e->raw);
	c->id = arena_str(mem, e->id);
	c->row = arena_zalloc(mem, e->type->nslots * sizeof(*c->row) + 1);
	if (!c->row || !c->raw.p || !c->id.p)
		return NULL;
	for (uint16_t i = 0; i < e->type->nslots; i++)
		if (!val_copy(mem, &e->row[i], &c->row[i]))
			return NULL;
	return c;
}

const struct event *reread_event(struct reread *r, const struct store_event *se,
				 struct arena *mem)
{
	const struct rectype *t = schema_type_find(r->schema, se->type);
	struct event *e;

	if (!t)
		return NULL;
	batch_reset(&r->batch);
	e = kept(r, se, t);
	if (!e)
		e = decoded(r, se, t);
	if (!e)
		return NULL;
	e->time = se->time;
	e->known = se->known;
	e->seq = se->seq;
	e->raw = se->raw;
	e->id = se->id;
	if (entities_resolve(r->en, e, &r->batch.mem) < 0)
		return NULL;
	return mem ? copy(e, mem) : e;
}
