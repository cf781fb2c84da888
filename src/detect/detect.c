/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/detect.h"
#include "base/hash.h"
#include "detect/impl.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct load {
	struct detect *dt;
	const char *dir;
	struct diag *d;
};

static int load_one(const char *path, void *arg)
{
	struct load *l = arg;

	return rule_load(l->dt, l->dir, path, l->d);
}

int detect_open(const struct detect_conf *conf, struct schema *s, struct detect **ret_d,
		struct diag *d)
{
	struct detect *dt = calloc(1, sizeof(*dt));
	int r = 0;

	if (!dt)
		return -ENOMEM;
	dt->schema = s;
	map_init(&dt->throttle);
	map_init(&dt->tallies);
	for (size_t i = 0; r == 0 && i < conf->ndirs; i++) {
		struct load l = {dt, conf->dirs[i], d};

		r = yaml_walk(conf->dirs[i], load_one, &l, d);
	}
	if (r < 0) {
		detect_free(dt);
		return r;
	}
	*ret_d = dt;
	return 0;
}

struct detect *detect_free(struct detect *dt)
{
	if (!dt)
		return NULL;
	for (size_t i = 0; dt->by_type && i < dt->ntypes; i++)
		free(dt->by_type[i]);
	free(dt->by_type);
	for (size_t i = 0; i < dt->nrules; i++)
		rule_free(dt->rules[i]);
	free(dt->rules);
	free(dt->models);
	map_free(&dt->throttle);
	tallies_free(dt);
	free(dt);
	return NULL;
}

/* Which of its fields keeps a rule from ever firing, for the person who wrote it. */
static const char *missing_field(struct detect *dt, struct rule *r)
{
	const attr_t *attrs;
	size_t n = filter_attrs(r->filter, &attrs);

	for (size_t i = 0; i < n; i++) {
		bool seen = false;

		for (size_t t = 0; t < dt->ntypes; t++)
			seen |= r->types[t] &&
				schema_type(dt->schema, t)->slot_of[attrs[i]] != SLOT_NONE;
		if (!seen)
			return arena_fmt(&r->yaml->mem, "no record has the field %.*s",
					 STR_ARG(schema_name(dt->schema, attrs[i])))
				.p;
	}
	return "its fields never stand in one record";
}

static int index_type(struct detect *dt, size_t t)
{
	const struct rectype *type = schema_type(dt->schema, t);
	struct rule **list = calloc(dt->nrules + 1, sizeof(struct rule *));
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < dt->nrules; i++) {
		struct rule *r = dt->rules[i];

		if (!r->types[t] || !filter_possible(r->filter, type))
			continue;
		list[n++] = r;
		r->possible = true;
	}
	dt->by_type[t] = list;
	return 0;
}

int detect_start(struct detect *dt, struct schema *s, struct entities *en, struct learn *learn)
{
	int r = 0;

	dt->entities = en;
	dt->learn = learn;
	dt->ntypes = schema_types(s);
	dt->by_type = calloc(dt->ntypes + 1, sizeof(*dt->by_type));
	dt->models = calloc(dt->nrules + 1, sizeof(struct model *));
	if (!dt->by_type || !dt->models)
		return -ENOMEM;
	for (size_t t = 0; r == 0 && t < dt->ntypes; t++)
		r = index_type(dt, t);
	for (size_t i = 0; r == 0 && i < dt->nrules; i++) {
		struct rule *rule = dt->rules[i];

		dt->models[i] = &rule->model;
		if (!rule->possible && !rule->model.cannot_fire)
			rule->model.cannot_fire = missing_field(dt, rule);
	}
	return r;
}

size_t detect_models(const struct detect *dt, const struct model *const **ret_m)
{
	*ret_m = dt->models;
	return dt->nrules;
}

size_t detect_matched(const struct detect *dt, const struct model *const **ret_m)
{
	*ret_m = dt->matched;
	return dt->nmatched;
}

uint64_t rule_key(const struct detect *dt, const struct rule *r, const struct event *e)
{
	uint64_t h = hash_str(r->model.name, 0);
	char tmp[40];

	(void)dt;
	for (size_t i = 0; i < r->nkey; i++) {
		if (r->key[i].role >= 0)
			h = hash_2(h, event_ent(e, (enum ent_role)r->key[i].role));
		else
			h = hash_2(h,
				   hash_istr(val_text(event_get(e, r->key[i].attr), tmp), 4));
	}
	if (r->nkey == 0) {
		uint32_t id = event_ent(e, ROLE_ACTOR);

		h = hash_2(h, id != ENT_NONE ? id : event_ent(e, ROLE_DEVICE));
	}
	return h;
}

/* Surprise of a model that has no learned quantity of its own, by level. */
static double prior_of(const struct rule *r)
{
	static const double nats[] = {1, 2, 4, 6, 9};

	return nats[r->model.level];
}

/* The door: whether it may be an alert, or stays a note. */
static void judge(struct detect *dt, struct rule *r, struct alert *a)
{
	double raw = MAX(a->surprise, prior_of(r)), s;
	struct str q;
	char name[200];

	a->note = r->model.note || (r->model.level <= SEV_LOW && !a->compliance);
	snprintf(name, sizeof(name), "model:%.*s", STR_ARG(r->model.name));
	q = str_of(name);
	s = learn_report(dt->learn, a->nents ? a->ents[0] : ENT_NONE, q, raw, r->model.phase,
			 a->time);
	if (!a->note && !r->model.critical)
		a->note = !learn_budget(dt->learn, s, a->compliance, a->time);
	if (a->note)
		r->model.noted++;
	else
		r->model.alerted++;
}

static int fire(struct detect *dt, struct rule *r, const struct event *e,
		int (*out)(struct alert *a, const struct event *e, void *arg), void *arg)
{
	uint64_t key = rule_key(dt, r, e);
	struct tally *t = NULL;
	struct alert *a;

	r->model.matched++;
	if (r->count.n) {
		t = tally_add(dt, r, key, e);
		if (!t)
			return 0;
	}
	if (!window_open(dt, key, e->known, r->model.throttle_ns))
		return 0;
	a = alert_make(dt, r, e, key, t);
	if (t)
		tally_reset(t);
	if (!a)
		return -ENOMEM;
	judge(dt, r, a);
	return out(a, e, arg);
}

int detect_event(struct detect *dt, const struct event *e,
		 int (*out)(struct alert *a, const struct event *e, void *arg), void *arg)
{
	int r = 0;

	dt->nmatched = 0;
	for (struct rule **list = dt->by_type[e->type->id]; r == 0 && *list; list++) {
		if (!filter_match((*list)->filter, e))
			continue;
		if (dt->nmatched < ARRAY_LEN(dt->matched))
			dt->matched[dt->nmatched++] = &(*list)->model;
		r = fire(dt, *list, e, out, arg);
	}
	return r;
}
