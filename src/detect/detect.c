/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "detect/correlate.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define SLOW_SPAN  (5 * NS_PER_D) /* over which the slow chain adds up */
#define FEED_DEPTH 16 /* correlations of correlations; corr_link refuses longer chains */

struct load {
	struct detect *dt;
	const char *dir;
	bool lenient; /* a folder of other people's rules: a bad one does not stop the rest */
	struct diag *d;
};

typedef int out_fn(struct alert *a, const struct event *e, void *arg);

static int load_one(const char *path, void *arg)
{
	struct load *l = arg;

	return rule_load(l->dt, l->dir, path, l->lenient, l->d);
}

int detect_open(const struct detect_conf *conf, struct schema *s, struct detect **ret_d,
		struct diag *d)
{
	struct detect *dt = calloc(1, sizeof(*dt));
	int r = 0;

	if (!dt)
		return -ENOMEM;
	dt->schema = s;
	dt->placeholders = conf->placeholders;
	map_init(&dt->throttle);
	map_init(&dt->spoken);
	map_init(&dt->tallies);
	map_init(&dt->groups);
	r = taxonomies_load(dt, conf->taxonomies, d);
	for (size_t i = 0; r == 0 && i < conf->ndirs; i++) {
		struct load l = {dt, conf->dirs[i], i > 0, d};

		r = yaml_walk(conf->dirs[i], load_one, &l, d);
	}
	if (r == 0 && conf->suppress && access(conf->suppress, F_OK) == 0) {
		struct load l = {dt, conf->suppress, true, d};

		dt->late = true;
		r = yaml_walk(conf->suppress, load_one, &l, d);
		dt->late = false;
	}
	if (r == 0)
		r = corr_link(dt, d);
	if (r == 0)
		r = sieves_link(dt, d);
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
	index_free(dt);
	seen_free(dt);
	free(dt->matched);
	for (size_t i = 0; i < dt->nrules; i++)
		rule_free(dt->rules[i]);
	sieves_free(dt);
	taxonomies_free(dt);
	for (size_t i = 0; i < dt->nfiles; i++)
		yaml_free(dt->files[i]);
	free(dt->files);
	free(dt->rules);
	free(dt->models);
	map_free(&dt->spoken);
	windows_clear(dt);
	free(dt);
	return NULL;
}

int detect_start(struct detect *dt, struct schema *s, struct entities *en, struct learn *learn)
{
	dt->schema = s;
	dt->entities = en;
	dt->learn = learn;
	dt->models = calloc(dt->nrules + 1, sizeof(struct model *));
	dt->matched = calloc(dt->nrules + 1, sizeof(struct model *));
	if (!dt->models || !dt->matched || seen_start(dt) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < dt->nrules; i++)
		dt->models[i] = &dt->rules[i]->model;
	return index_build(dt);
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

/* By name, not by number, so that alerts have the same id on every machine. */
static uint64_t entity_hash(const struct detect *dt, uint32_t id)
{
	const struct entity *t =
		dt->entities && id != ENT_NONE ? entity_get(dt->entities, id) : NULL;

	return t ? t->hash : 0;
}

uint64_t list_hash(const struct val *v)
{
	const struct val *x;
	size_t n = val_items(v, &x);
	uint64_t h = n;
	char tmp[40];

	for (size_t i = 0; i < n; i++)
		h = hash_2(h, hash_istr(val_text(&x[i], tmp), 4));
	return h;
}

static uint64_t part_hash(const struct detect *dt, const struct key_part *p,
			  const struct event *e)
{
	if (p->role < 0)
		return list_hash(event_get(e, p->attr));
	return entity_hash(dt, event_ent(e, (enum ent_role)p->role));
}

uint64_t rule_key(const struct detect *dt, const struct rule *r, const struct event *e)
{
	uint64_t h = hash_str(r->model.name, 0);
	uint32_t id = event_ent(e, ROLE_ACTOR);

	for (size_t i = 0; i < r->nkey; i++)
		h = hash_2(h, part_hash(dt, &r->key[i], e));
	if (r->nkey)
		return h;
	return hash_2(h, entity_hash(dt, id != ENT_NONE ? id : event_ent(e, ROLE_DEVICE)));
}

/* Surprise of a model that has no learned quantity of its own, by level. */
static double prior_of(const struct rule *r)
{
	static const double nats[] = {1, 2, 4, 6, 9};

	return nats[r->model.level];
}

/*
 * More about an entity that was alerted about within a day belongs to the same incident: it
 * costs a reader no new decision, so it costs no budget either.
 */
static bool goes_on(struct detect *dt, const struct alert *a)
{
	const uint64_t *last;

	for (size_t i = 0; i < MIN(a->nents, (size_t)2); i++) {
		last = map_get(&dt->spoken, a->ents[i]);
		if (last && a->time - (int64_t)*last < NS_PER_D)
			return true;
	}
	return false;
}

static void spoke(struct detect *dt, const struct alert *a)
{
	uint64_t *last = a->nents ? map_put(&dt->spoken, a->ents[0], NULL) : NULL;

	if (last)
		*last = (uint64_t)a->time;
}

/* Whether a quantity of the slow channel is behind it. */
static bool is_slow(const struct detect *dt, const struct alert *a)
{
	for (size_t i = 0; dt->learn && i < a->nwhy; i++)
		if (learn_slow(dt->learn, a->why[i].quantity))
			return true;
	return false;
}

/*
 * What adds up signs over days, none of which was enough, has nothing to add where one was: the
 * entity was alerted about in these days, and that incident is over.
 */
static bool told_already(struct detect *dt, const struct rule *r, const struct alert *a)
{
	const uint64_t *last;

	if (!r->model.derived || !a->nents || !is_slow(dt, a))
		return false;
	last = map_get(&dt->spoken, a->ents[0]);
	return last && a->time - (int64_t)*last < SLOW_SPAN && !goes_on(dt, a);
}

/* Whether the budget lets it be an alert. */
static bool affordable(struct detect *dt, const struct rule *r, const struct alert *a,
		       double surprise)
{
	struct learn_claim claim = {
		.entity = a->nents ? a->ents[0] : ENT_NONE,
		.family = r->model.family,
		.surprise = surprise,
		.compliance = a->compliance,
		.slow = is_slow(dt, a),
		.goes_on = !a->compliance && goes_on(dt, a),
		.now = a->time,
	};

	if (r->model.critical || !dt->learn)
		return true;
	return learn_claim(dt->learn, &claim);
}

/* The door: whether it may be an alert, or stays a note. */
static int judge(struct detect *dt, struct rule *r, struct alert *a)
{
	struct str quantity = arena_fmt(&a->mem, "model:%.*s", STR_ARG(r->model.name));
	double s = MAX(a->surprise, prior_of(r));

	if (!quantity.p)
		return -ENOMEM;
	if (dt->learn && a->nents)
		s = learn_report(dt->learn, a->ents[0], quantity, s, r->model.phase, a->time);
	a->note = r->model.note || (r->model.level <= SEV_LOW && !a->compliance);
	if (!a->note)
		a->note = told_already(dt, r, a) || !affordable(dt, r, a, s);
	if (a->note)
		r->model.noted++;
	else
		r->model.alerted++;
	if (!a->note && !a->compliance)
		spoke(dt, a);
	return 0;
}

/* A match of r speaks, once a window. t: the earlier matches to cite, or NULL. */
static int speak(struct detect *dt, struct rule *r, const struct event *e, uint64_t key,
		 struct tally *t, out_fn *out, void *arg)
{
	struct alert *a;

	if (rule_suppressed(dt, r, e))
		return 0;
	if (!window_open(dt, key, e->known, r->model.throttle_ns))
		return 0;
	a = alert_make(dt, r, e, key, t);
	if (!a || judge(dt, r, a) < 0) {
		alert_free(a);
		return -ENOMEM;
	}
	return out(a, e, arg);
}

static int matched(struct detect *dt, struct rule *r, const struct event *e, struct tally *t,
		   uint64_t key, unsigned depth, out_fn *out, void *arg);

/* What r matched is counted by the correlations that name it. */
static int feed(struct detect *dt, const struct rule *r, const struct event *e,
		const struct tally *from, unsigned depth, out_fn *out, void *arg)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < r->nfeeds; i++) {
		struct rule *to = r->feeds[i].to;
		uint64_t key;
		struct tally *t =
			to->refused ? NULL : corr_feed(dt, to, r->feeds[i].ref, e, from, &key);

		if (t)
			err = matched(dt, to, e, t, key, depth + 1, out, arg);
	}
	return err;
}

/*
 * r, a rule or (with t and key) a correlation, matched e. A rule that counts is said to match,
 * to correlations as to people, when its count is full.
 */
static int matched(struct detect *dt, struct rule *r, const struct event *e, struct tally *t,
		   uint64_t key, unsigned depth, out_fn *out, void *arg)
{
	int err = 0;

	r->model.matched++;
	if (dt->nmatched < dt->nrules && !r->model.part)
		dt->matched[dt->nmatched++] = &r->model;
	if (!r->corr) {
		key = rule_key(dt, r, e);
		t = r->count.n ? tally_add(dt, r, key, e) : NULL;
		if (r->count.n && !t)
			return 0;
	}
	if (depth <= FEED_DEPTH)
		err = feed(dt, r, e, t, depth, out, arg);
	if (err == 0 && !dt->quiet && (!r->spoken_for || r->aloud))
		err = speak(dt, r, e, key, t, out, arg);
	if (t)
		tally_reset(t);
	return err;
}

int rule_try(struct detect *dt, struct rule *r, const struct event *e)
{
	bool before = dt->quiet;
	int err;

	dt->quiet = true;
	err = matched(dt, r, e, NULL, 0, 0, NULL, NULL);
	dt->quiet = before;
	dt->nmatched = 0;
	return err;
}

int detect_event(struct detect *dt, const struct event *e, out_fn *out, void *arg)
{
	const struct type_index *x = &dt->index[e->type->id];
	const uint32_t *rules;
	size_t n = index_find(dt, e, &rules);
	int r = 0;

	dt->nmatched = 0;
	seen_event(dt, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct filter_lean *l = x->lean[rules[i]];
		struct rule *rule = dt->rules[rules[i]];

		if ((l ? filter_lean_match(l, e) : filter_match(rule->filter, e)) &&
		    !rule_sifted(rule, e))
			r = matched(dt, rule, e, NULL, 0, 0, out, arg);
	}
	return r;
}
