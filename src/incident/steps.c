/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "incident/impl.h"
#include <errno.h>
#include <stdlib.h>

/* Looks back only a little for repeats: enough within an alert, and never quadratic. */
int ids_add(struct ids *l, struct str id)
{
	char *copy;

	for (size_t i = l->n; i-- > 0 && l->n - i <= ALERT_IDS_MAX;)
		if (str_eq(l->v[i], id))
			return 0;
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 4;
		struct str *v = realloc(l->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		l->cap = cap;
	}
	copy = str_dup(id);
	if (!copy)
		return -ENOMEM;
	l->v[l->n++] = str_n(copy, id.len);
	l->bytes += id.len + 1 + sizeof(*l->v);
	return 0;
}

void ids_free(struct ids *l)
{
	for (size_t i = 0; i < l->n; i++)
		free((char *)l->v[i].p);
	free(l->v);
	*l = (struct ids){0};
}

static int ids_join(struct ids *l, const struct ids *more)
{
	for (size_t i = 0; i < more->n; i++)
		if (ids_add(l, more->v[i]) < 0)
			return -ENOMEM;
	return 0;
}

/* Every slice that a step copies, visited once to measure and once to copy. */
static void slices(struct step *s, void (*fn)(struct str *v, void *arg), void *arg)
{
	struct str *const one[] = {&s->alert_id, &s->model,  &s->title,	  &s->phase,
				   &s->text,	 &s->advice, &s->response};

	for (size_t i = 0; i < ARRAY_LEN(one); i++)
		fn(one[i], arg);
	for (size_t i = 0; i < s->nattack; i++)
		fn(&s->attack[i], arg);
	for (size_t i = 0; i < s->nnames; i++)
		fn(&s->names[i], arg);
	for (size_t i = 0; i < s->nwhy; i++) {
		fn(&s->why[i].quantity, arg);
		fn(&s->why[i].usual, arg);
		fn(&s->why[i].seen, arg);
		fn(&s->why[i].text, arg);
	}
}

static void measure(struct str *v, void *arg)
{
	*(size_t *)arg += v->len;
}

static void copy(struct str *v, void *arg)
{
	char **at = arg;

	if (v->len)
		memcpy(*at, v->p, v->len);
	v->p = *at;
	*at += v->len;
}

/* One block holds all text of a step. */
static int own(struct step *s)
{
	char *at;

	slices(s, measure, &s->pool_len);
	s->pool = malloc(s->pool_len + 1);
	if (!s->pool)
		return -ENOMEM;
	at = s->pool;
	slices(s, copy, &at);
	return 0;
}

int step_own(struct step *s)
{
	return own(s);
}

int step_cite(struct step *s, bool alert, struct str id)
{
	return ids_add(alert ? &s->alerts : &s->events, id);
}

/* The most surprising reasons, in the alert's order among equals. */
static void pick_why(struct step *s, const struct alert *a)
{
	for (size_t i = 0; i < a->nwhy; i++) {
		size_t at = s->nwhy;

		while (at > 0 && a->why[i].surprise > s->why[at - 1].surprise)
			at--;
		if (at >= STEP_WHY)
			continue;
		if (s->nwhy < STEP_WHY)
			s->nwhy++;
		memmove(&s->why[at + 1], &s->why[at], (s->nwhy - 1 - at) * sizeof(s->why[0]));
		s->why[at] = a->why[i];
	}
}

/* Everything still points into the alert; own() copies. */
static void borrow(struct step *s, const struct alert *a, const struct entities *en)
{
	const struct model *m = a->model;
	const struct entity *key;

	s->kind = a->compliance ? STEP_COMPLIANCE : a->note ? STEP_NOTE : STEP_ALERT;
	s->time = s->last = a->time;
	s->count = MAX(a->count, (uint64_t)1);
	s->severity = a->severity;
	s->score = MIN(a->score, 100u);
	s->alert_id = str_of(a->id);
	s->model = m->name;
	s->derived = m->derived;
	s->title = a->title.len ? a->title : m->title;
	s->phase = m->phase;
	s->text = a->story.len ? a->story : s->title;
	s->advice = a->advice.len ? a->advice : m->advice;
	s->response = m->response;
	s->nattack = MIN(m->nattack, STEP_ATTACK);
	for (size_t i = 0; i < s->nattack; i++)
		s->attack[i] = m->attack[i];
	s->nnames = MIN(a->nents, ALERT_ENTS_MAX);
	for (size_t i = 0; i < s->nnames; i++) {
		const struct entity *x = entity_get(en, a->ents[i]);

		s->names[i] = a->names[i].len || !x ? a->names[i] : x->name;
		s->kinds[i] = x ? x->kind : ENT_KIND_COUNT;
		s->roles[i] = (uint8_t)MIN((unsigned)a->roles[i], (unsigned)ROLE_COUNT);
		s->own |= x ? edges_bit(edges_key(x)) : 0;
	}
	key = s->nnames ? entity_get(en, a->ents[0]) : NULL;
	s->fold = hash_2(hash_str(m->name, (uint64_t)s->kind),
			 key	     ? edges_key(key)
			 : s->nnames ? hash_istr(s->names[0], 0)
				     : 0);
	pick_why(s, a);
}

int step_new(const struct alert *a, const struct entities *en, struct step **ret_s)
{
	struct step *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	borrow(s, a, en);
	err = own(s);
	if (!err)
		err = ids_add(&s->alerts, s->alert_id);
	for (size_t i = 0; !err && i < MIN(a->nevents, ALERT_IDS_MAX); i++)
		err = ids_add(&s->events, a->event_ids[i]);
	if (err) {
		step_free(s);
		return err;
	}
	*ret_s = s;
	return 0;
}

int step_signal(int64_t time, struct str phase, struct str entity, uint8_t kind,
		const struct why *why, struct str event_id, struct step **ret_s)
{
	struct step *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->kind = STEP_SIGNAL;
	s->time = s->last = time;
	s->count = 1;
	s->phase = phase;
	s->model = why->quantity;
	s->title = s->text = why->text.len ? why->text : why->seen;
	s->names[0] = entity;
	s->kinds[0] = kind;
	s->nnames = 1;
	s->why[0] = *why;
	s->nwhy = 1;
	s->fold = hash_2(hash_str(why->quantity, STEP_SIGNAL), hash_istr(entity, 0));
	err = own(s);
	/* Sigma writes tactics with a dash, quantities with an underscore. */
	for (size_t i = 0; !err && i < s->phase.len; i++)
		if (s->phase.p[i] == '_')
			((char *)s->phase.p)[i] = '-';
	if (!err)
		err = ids_add(&s->events, event_id);
	if (err) {
		step_free(s);
		return err;
	}
	*ret_s = s;
	return 0;
}

struct step *step_free(struct step *s)
{
	if (s) {
		ids_free(&s->alerts);
		ids_free(&s->events);
		free(s->pool);
		free(s);
	}
	return NULL;
}

size_t step_bytes(const struct step *s)
{
	return sizeof(*s) + s->pool_len + s->alerts.bytes + s->events.bytes;
}

int step_fold(struct step *s, const struct step *more)
{
	s->time = MIN(s->time, more->time);
	s->last = MAX(s->last, more->last);
	s->count += more->count;
	s->severity = MAX(s->severity, more->severity);
	s->score = MAX(s->score, more->score);
	s->own |= more->own;
	for (size_t k = 0; k < more->nkeys; k++)
		step_key(s, more->keys[k]);
	if (ids_join(&s->alerts, &more->alerts) < 0)
		return -ENOMEM;
	/* Context is cut; what an alert cites itself is not. */
	if (s->kind != STEP_ALERT && s->events.n >= ALERT_IDS_MAX)
		return 0;
	return ids_join(&s->events, &more->events);
}

/* Ids break ties, so that the order never depends on arrival. */
static int by_time(const void *a, const void *b)
{
	const struct step *x = *(struct step *const *)a, *y = *(struct step *const *)b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return str_cmp(x->alert_id, y->alert_id);
}

void inc_sort(struct inc *i)
{
	qsort(i->steps, i->nsteps, sizeof(i->steps[0]), by_time);
}

static int inc_room(struct inc *i)
{
	size_t cap = i->cap ? i->cap * 2 : 4;
	struct step **v;

	if (i->nsteps < i->cap)
		return 0;
	v = realloc(i->steps, cap * sizeof(struct step *));
	if (!v)
		return -ENOMEM;
	i->bytes += (cap - i->cap) * sizeof(struct step *);
	i->steps = v;
	i->cap = cap;
	return 0;
}

int inc_add(struct inc *i, struct step *s)
{
	bool own_kind = s->kind == (i->compliance ? STEP_COMPLIANCE : STEP_ALERT);
	int err = 0;

	if (own_kind)
		i->nalerts += s->alerts.n;
	for (size_t k = 0; k < i->nsteps; k++) {
		struct step *old = i->steps[k];
		size_t before = step_bytes(old);

		if (old->fold != s->fold || old->kind != s->kind)
			continue;
		err = step_fold(old, s);
		i->bytes += step_bytes(old) - before;
		step_free(s);
		inc_sort(i);
		return err;
	}
	err = inc_room(i);
	if (err) {
		step_free(s);
		return err;
	}
	i->bytes += step_bytes(s);
	i->steps[i->nsteps++] = s;
	inc_sort(i);
	return 0;
}

struct inc *inc_free(struct inc *i)
{
	if (i) {
		for (size_t k = 0; k < i->nsteps; k++)
			step_free(i->steps[k]);
		for (size_t k = 0; k < i->nlinks; k++)
			link_free(&i->links[k]);
		free(i->steps);
		free(i);
	}
	return NULL;
}
