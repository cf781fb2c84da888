/* SPDX-License-Identifier: Apache-2.0 */
/* Which fields the records at hand have, so that a rule can be told from one that is blind. */
#include "detect/correlate.h"
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

int seen_start(struct detect *dt)
{
	size_t n = schema_types(dt->schema);

	dt->unseen = calloc(n + 1, sizeof(*dt->unseen));
	if (!dt->unseen)
		return -ENOMEM;
	for (size_t t = 0; t < n; t++) {
		struct unseen *u = &dt->unseen[t];

		u->n = schema_type(dt->schema, t)->nslots;
		u->slots = malloc((u->n + 1) * sizeof(*u->slots));
		if (!u->slots)
			return -ENOMEM;
		for (size_t i = 0; i < u->n; i++)
			u->slots[i] = (uint16_t)i;
	}
	return 0;
}

void seen_free(struct detect *dt)
{
	for (size_t t = 0; dt->unseen && t < schema_types(dt->schema); t++)
		free(dt->unseen[t].slots);
	free(dt->unseen);
	dt->unseen = NULL;
}

void seen_event(struct detect *dt, const struct event *e)
{
	struct unseen *u = &dt->unseen[e->type->id];

	u->events++;
	for (size_t i = 0; i < u->n;)
		if (e->row[u->slots[i]].kind != VAL_NONE)
			u->slots[i] = u->slots[--u->n];
		else
			i++;
}

/* A model is the head of its rule. */
_Static_assert(offsetof(struct rule, model) == 0, "rule_of casts");

static const struct rule *rule_of(const struct model *m)
{
	return (const struct rule *)(const void *)m;
}

static bool attr_seen(const struct detect *dt, const struct rule *r, attr_t a)
{
	for (size_t t = 0; t < schema_types(dt->schema); t++) {
		const struct unseen *u = &dt->unseen[t];
		uint16_t slot = schema_type(dt->schema, t)->slot_of[a];
		size_t i = 0;

		if (!r->types[t] || slot == SLOT_NONE)
			continue;
		while (i < u->n && u->slots[i] != slot)
			i++;
		if (i == u->n)
			return true;
	}
	return false;
}

const struct filter *detect_filter(const struct model *m)
{
	const struct rule *r = rule_of(m);

	return r->refused ? NULL : r->filter;
}

bool detect_fits(const struct model *m, const struct rectype *t)
{
	const struct rule *r = rule_of(m);

	for (size_t i = 0; r->corr && i < r->corr->nrefs; i++)
		if (r->corr->refs[i] && detect_fits(&r->corr->refs[i]->model, t))
			return true;
	return r->types && r->types[t->id];
}

size_t detect_unseen(const struct detect *dt, const struct model *m, struct str *ret_names,
		     size_t max, uint64_t *ret_events)
{
	const struct rule *r = rule_of(m);
	const attr_t *attrs = NULL;
	size_t n = 0, unseen = 0;

	*ret_events = 0;
	if (!dt->unseen || r->refused)
		return 0;
	for (size_t t = 0; t < schema_types(dt->schema); t++)
		if (detect_fits(m, schema_type(dt->schema, t)))
			*ret_events += dt->unseen[t].events;
	n = r->filter ? filter_attrs(r->filter, &attrs) : 0;
	for (size_t i = 0; i < n; i++)
		if (!attr_seen(dt, r, attrs[i]) && unseen++ < max)
			ret_names[unseen - 1] = schema_name(dt->schema, attrs[i]);
	return unseen;
}
