/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/link: over which edge an alert came into its incident: from whom, to whom. Of a key
 * only a hash is kept; whose it is, is looked for among the names of the incident, then among
 * all entities (the account that sits at a device is an end that no alert names).
 */
#include "incident/impl.h"
#include <errno.h>
#include <stdlib.h>

struct whose {
	uint64_t key;
	struct str name;
};

static void compare(const struct entity *x, void *arg)
{
	struct whose *w = arg;

	if (!w->name.p && edges_key(x) == w->key)
		w->name = x->name;
}

static bool of_step(const struct step *s, const struct entities *en, struct whose *w)
{
	for (size_t k = 0; k < s->nnames; k++) {
		uint32_t id;

		if (s->kinds[k] == ENT_KIND_COUNT)
			continue;
		id = entity_find(en, (enum ent_kind)s->kinds[k], s->names[k]);
		if (id != ENT_NONE && edges_key(entity_get(en, id)) == w->key) {
			w->name = s->names[k];
			return true;
		}
	}
	return false;
}

/* The name of who has a key; empty when it was forgotten. */
static struct str name_of(const struct inc *i, const struct entities *en, uint64_t key)
{
	struct whose w = {.key = key};

	for (size_t s = 0; s < i->nsteps; s++)
		if (of_step(i->steps[s], en, &w))
			return w.name;
	entities_each(en, compare, &w);
	return w.name;
}

void link_free(struct link *l)
{
	free((char *)l->from.p);
	free((char *)l->to.p);
	ids_free(&l->events);
}

int link_add(struct inc *i, const struct entities *en, const struct alert *a,
	     const struct way *w)
{
	struct link l = {.kind = w->kind, .time = w->time};
	struct str to;
	int err = 0;

	if (w->kind == WAY_DIRECT || i->nlinks == LINKS_MAX)
		return 0;
	to = name_of(i, en, w->key);
	if (!to.len || str_eq(to, a->names[w->from]))
		return 0;
	l.from = str_n(str_dup(a->names[w->from]), a->names[w->from].len);
	l.to = str_n(str_dup(to), to.len);
	for (size_t k = 0; !err && k < MIN(a->nevents, LINK_EVENTS); k++)
		err = ids_add(&l.events, a->event_ids[k]);
	if (err || !l.from.p || !l.to.p) {
		link_free(&l);
		return -ENOMEM;
	}
	i->links[i->nlinks++] = l;
	return 0;
}
