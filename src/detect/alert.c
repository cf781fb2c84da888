/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "detect/impl.h"
#include <stdio.h>
#include <stdlib.h>

void alert_free(struct alert *a)
{
	if (a) {
		arena_free(&a->mem);
		free(a);
	}
}

static void add_entity(struct detect *dt, struct alert *a, uint32_t id, uint8_t role)
{
	struct str name;

	if (id == ENT_NONE || !dt->entities || a->nents == ALERT_ENTS_MAX)
		return;
	for (size_t i = 0; i < a->nents; i++)
		if (a->ents[i] == id)
			return;
	if (entity_names(dt->entities, id, &name, 1) != 1)
		return;
	a->ents[a->nents] = id;
	a->roles[a->nents] = role;
	a->names[a->nents] = arena_str(&a->mem, name);
	a->nents++;
}

/*
 * Names that are asked for are no entities, there are too many; the one that an alert is about
 * is the other end of it, whether anybody ever connects there or not.
 */
static void add_asked(struct detect *dt, struct alert *a, struct str domain, int64_t now)
{
	if (domain.len && dt->entities)
		add_entity(dt, a, entity_put(dt->entities, ENT_ENDPOINT, domain, now),
			   ROLE_PEER);
}

static void add_parts(struct detect *dt, const struct key_part *parts, size_t n,
		      struct alert *a, const struct event *e)
{
	for (size_t i = 0; i < n; i++) {
		if (parts[i].role >= 0)
			add_entity(dt, a, event_ent(e, (enum ent_role)parts[i].role),
				   (uint8_t)parts[i].role);
		else if (parts[i].attr == ATTR_QUERY_DOMAIN)
			add_asked(dt, a, event_str(e, ATTR_QUERY_DOMAIN), e->known);
	}
}

/* An attribute's value that is to be shown: the entity it names, where there is one. */
static void add_value(struct detect *dt, struct alert *a, const struct val *v)
{
	const struct val *x;
	size_t n = val_items(v, &x);
	char tmp[40];

	for (size_t i = 0; i < n && a->nents < ALERT_ENTS_MAX; i++) {
		struct str text = val_text(&x[i], tmp);
		uint32_t id = ENT_NONE;

		for (int k = 0; k < ENT_KIND_COUNT && id == ENT_NONE && text.len; k++)
			id = entity_find(dt->entities, (enum ent_kind)k, text);
		add_entity(dt, a, id, ROLE_TARGET);
	}
}

/* Key entity first, then actor and device, what the model asks for, and the rest. */
static void add_entities(struct detect *dt, const struct rule *r, struct alert *a,
			 const struct event *e)
{
	add_parts(dt, r->key, r->nkey, a, e);
	add_entity(dt, a, event_ent(e, ROLE_ACTOR), ROLE_ACTOR);
	add_entity(dt, a, event_ent(e, ROLE_DEVICE), ROLE_DEVICE);
	add_parts(dt, r->show, r->nshow, a, e);
	for (size_t i = 0; i < r->nshow; i++)
		if (r->show[i].role < 0)
			add_value(dt, a, event_get(e, r->show[i].attr));
	for (uint8_t i = 0; i < e->nents; i++)
		add_entity(dt, a, e->ents[i].id, e->ents[i].role);
}

static void add_events(struct alert *a, const struct event *e, const struct tally *t)
{
	for (size_t i = 0; t && i < t->n && a->nevents < ALERT_IDS_MAX; i++) {
		if (t->seqs[i] == e->seq)
			continue;
		a->event_ids[a->nevents] = arena_str(&a->mem, str_of(t->ids[i]));
		a->event_seqs[a->nevents++] = t->seqs[i];
	}
	if (a->nevents == ALERT_IDS_MAX)
		a->nevents--;
	a->event_ids[a->nevents] = arena_str(&a->mem, e->id);
	a->event_seqs[a->nevents++] = e->seq;
	a->count = a->nevents;
}

/* Whether the model reads quantity q: "learned.beacon.period_s" is of "beacon". */
static bool reads(const struct detect *dt, const struct rule *r, struct str q)
{
	for (size_t k = 0; k < r->nlearned; k++) {
		struct str rest = schema_name(dt->schema, r->learned[k]);

		str_cut(rest, '.', &rest);
		if (str_ieq(str_cut(rest, '.', &rest), q))
			return true;
	}
	return false;
}

static void add_why(const struct detect *dt, const struct rule *r, struct alert *a)
{
	const struct learn_result *res = NULL;
	size_t n = dt->learn && r->nlearned ? learn_results(dt->learn, &res) : 0;

	for (size_t i = 0; i < n && a->nwhy < ARRAY_LEN(a->why); i++) {
		if (!reads(dt, r, res[i].quantity))
			continue;
		a->why[a->nwhy++] =
			(struct why){.quantity = arena_str(&a->mem, res[i].quantity),
				     .usual = arena_str(&a->mem, res[i].usual),
				     .seen = arena_str(&a->mem, res[i].seen),
				     .text = arena_str(&a->mem, res[i].text),
				     .surprise = res[i].surprise,
				     .days = res[i].days,
				     .peers_same = res[i].peers_same,
				     .peers = res[i].peers};
		a->surprise = MAX(a->surprise, res[i].surprise);
	}
}

unsigned alert_score(enum severity level, double surprise)
{
	double s = MIN(MAX(surprise, 0), 10);

	return (unsigned)(20 + 15 * (double)level + 2 * s);
}

struct alert *alert_make(struct detect *dt, const struct rule *r, const struct event *e,
			 uint64_t key, const struct tally *t)
{
	struct alert *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	arena_init(&a->mem, 4 * MIB);
	a->time = e->known;
	a->model = &r->model;
	a->compliance = r->model.compliance;
	a->severity = r->model.level;
	a->title = template_fill(dt, &a->mem, r->model.title, e);
	a->story = template_fill(dt, &a->mem, r->model.story, e);
	a->advice = template_fill(dt, &a->mem, r->model.advice, e);
	add_entities(dt, r, a, e);
	add_events(a, e, t);
	add_why(dt, r, a);
	a->score = alert_score(r->model.level, a->surprise);
	snprintf(a->id, sizeof(a->id), "a%016llx",
		 (unsigned long long)hash_2(key, (uint64_t)e->known));
	return a;
}
