/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/hash.h"
#include "detect/impl.h"
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX 4096

void alert_free(struct alert *a)
{
	if (a) {
		arena_free(&a->mem);
		free(a);
	}
}

/* How a placeholder reads: an entity's best name, or an attribute's text. */
static struct str placeholder(const struct detect *dt, struct arena *mem, struct str name,
			      const struct event *e)
{
	int role = ent_role_of(name);
	const struct val *v;
	struct str shown;
	char tmp[40];

	if (str_eqz(name, "entity"))
		role = event_ent(e, ROLE_ACTOR) != ENT_NONE ? ROLE_ACTOR : ROLE_DEVICE;
	if (role >= 0) {
		uint32_t id = event_ent(e, (enum ent_role)role);

		if (id != ENT_NONE && entity_names(dt->entities, id, &shown, 1) == 1)
			return shown;
		return (struct str){NULL, 0};
	}
	v = event_get(e, schema_find(dt->schema, name));
	if (v->kind == VAL_LIST && v->len)
		v = &v->list[0];
	if (v->kind == VAL_FLOAT)
		return arena_fmt(mem, "%.3g", v->f);
	return arena_str(mem, str_sub(val_text(v, tmp), 0, 300));
}

struct str fill_template(const struct detect *dt, struct arena *mem, struct str text,
			 const struct event *e)
{
	struct buf b;
	struct str out;

	buf_init(&b, TEXT_MAX);
	while (text.len) {
		size_t open = str_chr(text, '{', 0), close;
		struct str value;

		if (open == SIZE_MAX) {
			buf_add(&b, text);
			break;
		}
		close = str_chr(text, '}', open);
		buf_add(&b, str_sub(text, 0, open));
		if (close == SIZE_MAX)
			break;
		value = placeholder(dt, mem, str_sub(text, open + 1, close), e);
		buf_add(&b, value.len ? value : STR("(unknown)"));
		text = str_sub(text, close + 1, text.len);
	}
	out = arena_str(mem, buf_str(&b));
	buf_free(&b);
	return out;
}

static void add_entity(struct detect *dt, struct alert *a, uint32_t id, uint8_t role)
{
	struct str name;

	if (id == ENT_NONE || a->nents == ALERT_ENTS_MAX)
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

/* Key entity first, then the rest in the event's order. */
static void add_entities(struct detect *dt, const struct rule *r, struct alert *a,
			 const struct event *e)
{
	for (size_t i = 0; i < r->nkey; i++)
		if (r->key[i].role >= 0)
			add_entity(dt, a, event_ent(e, (enum ent_role)r->key[i].role),
				   (uint8_t)r->key[i].role);
	add_entity(dt, a, event_ent(e, ROLE_ACTOR), ROLE_ACTOR);
	add_entity(dt, a, event_ent(e, ROLE_DEVICE), ROLE_DEVICE);
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

/* "learned.beacon.period_s" -> "beacon" */
static struct str quantity_of(struct str attr)
{
	struct str rest, name;

	str_cut(attr, '.', &rest);
	name = str_cut(rest, '.', &rest);
	return name;
}

static void add_why(struct detect *dt, const struct rule *r, struct alert *a)
{
	const struct learn_result *res;
	size_t n = learn_results(dt->learn, &res);

	for (size_t i = 0; i < n && a->nwhy < ARRAY_LEN(a->why); i++) {
		bool named = false;
		struct why *w = &a->why[a->nwhy];

		for (size_t k = 0; k < r->nlearned; k++)
			named |= str_eq(quantity_of(schema_name(dt->schema, r->learned[k])),
					res[i].quantity);
		if (!named)
			continue;
		*w = (struct why){.quantity = arena_str(&a->mem, res[i].quantity),
				  .usual = arena_str(&a->mem, res[i].usual),
				  .seen = arena_str(&a->mem, res[i].seen),
				  .text = arena_str(&a->mem, res[i].text),
				  .surprise = res[i].surprise,
				  .days = res[i].days,
				  .peers_same = res[i].peers_same,
				  .peers = res[i].peers};
		a->surprise = MAX(a->surprise, w->surprise);
		a->nwhy++;
	}
}

/*
 * 20, 35, 50, 65 or 80 by level, and up to 20 for surprise: 2 points a nat, since 10 nats is
 * one in 20,000 of this organisation's own past.
 */
static unsigned score_of(const struct rule *r, double surprise)
{
	double s = 20 + 15.0 * (double)r->model.level + MIN(2 * surprise, 20.0);

	return (unsigned)MIN(s, 100.0);
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
	a->title = fill_template(dt, &a->mem, r->model.title, e);
	a->story = fill_template(dt, &a->mem, r->model.story, e);
	add_entities(dt, r, a, e);
	add_events(a, e, t);
	add_why(dt, r, a);
	a->score = score_of(r, a->surprise);
	snprintf(a->id, sizeof(a->id), "a%016llx",
		 (unsigned long long)hash_2(key, (uint64_t)e->known));
	return a;
}
