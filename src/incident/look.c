/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/look: one look-up of a question: the events of the named entities in a window, those
 * that the filter and the variables let through, counted and measured. What it costs is
 * bounded: of very busy entities not all events are looked at, and the answer says so.
 */
#include "base/hash.h"
#include "base/map.h"
#include "incident/question.h"
#include <errno.h>

struct run {
	struct inquiry *q;
	const struct look *l;
	const struct binding *b;
	struct arena *mem;
	struct found *f;
	struct map seen;
	struct alike alike;
	struct str needle; /* what the raw bytes must hold, or empty */
};

static const struct var *var_of(const struct binding *b, struct str name)
{
	for (size_t i = 0; i < b->n; i++)
		if (str_eq(b->v[i].name, name))
			return &b->v[i];
	return NULL;
}

static bool type_meant(const struct look *l, struct str type)
{
	for (size_t i = 0; i < l->nbut; i++)
		if (glob_match(l->but[i], type))
			return false;
	for (size_t i = 0; i < l->ntypes; i++)
		if (glob_match(l->types[i], type))
			return true;
	return l->ntypes == 0;
}

static bool class_meant(const struct look *l, int cls)
{
	for (size_t i = 0; i < l->nclasses; i++)
		if (l->classes[i] == cls)
			return true;
	return l->nclasses == 0;
}

static bool is_any(const struct val *v, const struct var *x)
{
	const struct val *item;
	size_t n = val_items(v, &item);
	char tmp[40];

	for (size_t i = 0; i < n; i++) {
		struct str s = val_text(&item[i], tmp);

		for (size_t k = 0; k < x->n; k++)
			if (str_ieq(s, x->names[k]))
				return true;
	}
	return false;
}

static bool matches(const struct run *r, const struct event *e)
{
	for (size_t i = 0; i < r->l->nmatch; i++) {
		const struct match *m = &r->l->match[i];
		const struct val *v = event_get(e, m->attr);

		if (!val_set(v) || is_any(v, var_of(r->b, m->var)) == m->not )
			return false;
	}
	return !r->l->where || filter_match(r->l->where, e);
}

static void add_value(struct run *r, struct str s)
{
	bool fresh = false;

	if (!s.len || !map_put(&r->seen, hash_istr(s, 7), &fresh) || !fresh)
		return;
	r->f->distinct++;
	if (r->f->nvalues < VALUES_MAX)
		r->f->values[r->f->nvalues++] = arena_str(r->mem, s);
}

static int measure(struct run *r, const struct event *e, struct history *h, struct past *p,
		   struct diag *d)
{
	const struct store_event *se = &p->se;
	const struct look *l = r->l;
	struct found *f = r->f;
	const struct val *item;
	char tmp[40];
	double v;
	int err;

	f->first = f->count ? MIN(f->first, se->known) : se->known;
	f->last = f->count ? MAX(f->last, se->known) : se->known;
	f->count++;
	if (l->sum != ATTR_NONE && val_num(event_get(e, l->sum), &v))
		f->sum += v;
	if (l->distinct != ATTR_NONE) {
		size_t n = val_items(event_get(e, l->distinct), &item);

		for (size_t i = 0; i < n; i++)
			add_value(r, val_text(&item[i], tmp));
	}
	for (size_t i = 0; l->distinct_entity.len && i < se->nentities; i++) {
		struct str name, kind = str_cut(se->entities[i], ':', &name);

		if (str_eq(kind, l->distinct_entity))
			add_value(r, name);
	}
	if (f->ncites == CITES_MAX)
		return 0;
	if ((err = history_bytes(r->q, h, p, d)) < 0)
		return err;
	if (f->ncites == 0 || !str_eq(f->cites[f->ncites - 1], se->id))
		f->cites[f->ncites++] = arena_str(r->mem, se->id);
	return 0;
}

/* The window [*from, *to) of a look-up. */
static void window(const struct look *l, const struct binding *b, int64_t *from, int64_t *to)
{
	*from = TIME_NONE;
	*to = INT64_MAX;
	switch (l->when) {
	case WHEN_BEFORE:
		*from = b->t0 - l->span_ns;
		*to = b->t0;
		break;
	case WHEN_AFTER:
		*from = b->t0 + 1;
		*to = b->t1 + l->span_ns;
		break;
	case WHEN_AROUND:
		*from = b->t0 - l->span_ns;
		*to = b->t1 + l->span_ns;
		break;
	case WHEN_DURING:
		*from = b->t0;
		*to = b->t1 + 1;
		break;
	default:
		break;
	}
}

static bool has_all(const struct run *r, const struct store_event *se)
{
	for (size_t i = 1; i < r->l->nof; i++) {
		const struct var *x = var_of(r->b, r->l->of[i]);
		bool any = false;

		for (size_t k = 0; !any && k < se->nentities; k++)
			for (size_t n = 0; !any && n < x->n; n++)
				any = str_ieq(se->entities[k], x->full[n]);
		if (!any)
			return false;
	}
	return true;
}

/* 1, 0, or <0. */
static int wanted(const struct run *r, struct history *h, struct past *p, struct diag *d)
{
	int err;

	if (!p->type || !type_meant(r->l, p->se.type) || !class_meant(r->l, (int)p->type->cls))
		return 0;
	if (r->l->nof > 1 && !has_all(r, &p->se))
		return 0;
	if (!r->needle.len)
		return 1;
	/* A value that has one spelling only stands in the bytes, or the event is not meant. */
	err = history_bytes(r->q, h, p, d);
	return err < 0 ? err : str_find(p->se.raw, r->needle) != SIZE_MAX;
}

/* The first event at or after a moment; known rises but for late records, hence the minute. */
static size_t first_at(const struct history *h, int64_t from)
{
	size_t lo = 0, hi = h->n;

	while (from != TIME_NONE && lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (h->v[mid].se.known < from - 60 * NS_PER_S)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int look_event(struct run *r, struct history *h, struct past *p, struct diag *d)
{
	bool bare = !r->l->where && !r->l->nmatch && r->l->distinct == ATTR_NONE &&
		    r->l->sum == ATTR_NONE;
	const struct event *e = NULL;
	int err = wanted(r, h, p, d);

	if (err > 0 && r->alike.sort.len)
		err = alike_has(&r->alike, &p->se, d);
	if (err <= 0)
		return err;
	if (bare)
		return measure(r, NULL, h, p, d);
	err = history_event(r->q, h, p, &e, d);
	return err == 0 && e && matches(r, e) ? measure(r, e, h, p, d) : err;
}

static int look_events(struct run *r, struct diag *d)
{
	int64_t from, to;
	struct history *h;
	int err;

	window(r->l, r->b, &from, &to);
	err = history_of(r->q, var_of(r->b, r->l->of[0]), from, to, &h, d);
	if (err < 0)
		return err;
	r->f->cut = h->holes ||
		    (h->from != TIME_NONE && (from == TIME_NONE || from < h->from)) ||
		    to > h->to;
	for (size_t i = first_at(h, from); err == 0 && i < h->n; i++) {
		struct past *p = &h->v[i];

		if (p->se.known - 60 * NS_PER_S > to)
			break;
		if ((from == TIME_NONE || p->se.known >= from) && p->se.known < to)
			err = look_event(r, h, p, d);
	}
	return err;
}

/* Digits, dots and colons have one spelling: the address of a variable with a single name. */
static struct str needle(const struct run *r)
{
	for (size_t i = 0; i < r->l->nmatch; i++) {
		const struct var *x = var_of(r->b, r->l->match[i].var);
		size_t k = 0;

		if (r->l->match[i].not || x->n != 1)
			continue;
		while (k < x->names[0].len &&
		       (x->names[0].p[k] == '.' ||
			(x->names[0].p[k] >= '0' && x->names[0].p[k] <= '9')))
			k++;
		if (k && k == x->names[0].len)
			return x->names[0];
	}
	return (struct str){NULL, 0};
}

/* Entities whose name ends with what stands in the variable, "web01:/usr/bin/x": the hosts. */
static int entity_row(const struct store_entity *e, void *arg)
{
	struct run *r = arg;
	struct str tail = var_of(r->b, r->l->ends)->text;
	struct str host = str_sub(e->name, 0, e->name.len - MIN(e->name.len, tail.len + 1));

	if (!str_ends(e->name, tail) || !host.len || e->name.p[host.len] != ':')
		return 0;
	r->f->first = r->f->count ? MIN(r->f->first, e->first_seen) : e->first_seen;
	r->f->last = r->f->count ? MAX(r->f->last, e->last_seen) : e->last_seen;
	r->f->count++;
	add_value(r, host);
	return 0;
}

static int look_entities(struct run *r, struct diag *d)
{
	struct store_query sq = {.from = TIME_NONE, .to = TIME_NONE, .limit = 1000};

	sq.kind = str_of(ent_kind_name((enum ent_kind)r->l->entities));
	sq.text = var_of(r->b, r->l->ends)->text;
	return store_entities(r->q->store, &sq, entity_row, r, d);
}

int look_up(struct inquiry *q, const struct look *l, const struct binding *b, struct arena *mem,
	    struct found *ret_f, struct diag *d)
{
	struct run r = {.q = q, .l = l, .b = b, .mem = mem, .f = ret_f};
	int err;

	*ret_f = (struct found){0};
	r.needle = needle(&r);
	map_init(&r.seen);
	err = alike_init(&r.alike, q, l, b, mem, d);
	if (err == 0 && r.alike.sort.len)
		ret_f->among = story_text(q, "among_alike");
	if (err == 0)
		err = l->entities >= 0 ? look_entities(&r, d) : look_events(&r, d);
	alike_free(&r.alike);
	map_free(&r.seen);
	return err;
}
