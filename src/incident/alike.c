/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/alike: a device of the plant, or of the building, is compared with its like alone:
 * that the whole office reads a page says nothing of a controller that does.
 */
#include "base/hash.h"
#include "base/map.h"
#include "incident/question.h"
#include <errno.h>

#define IS_ALIKE 1u
#define IS_OTHER 2u

static const struct str device = {"device", 6};

/* Clients and servers browse alike, and of many a device nothing tells which it is. */
static struct str sort_of(struct str cls)
{
	return str_eqz(cls, "ot") || str_eqz(cls, "iot") ? cls : (struct str){NULL, 0};
}

int alike_init(struct alike *a, struct inquiry *q, const struct look *l,
	       const struct binding *b, struct arena *mem, struct diag *d)
{
	struct str cls;
	int err = 0;

	*a = (struct alike){.q = q, .mem = mem};
	map_init(&a->known);
	for (size_t i = 0; l->alike.len && i < b->n && !a->sort.len && err == 0; i++) {
		if (!str_eq(b->v[i].name, l->alike))
			continue;
		err = store_entity_class(q->store, device, b->v[i].text, mem, &cls, d);
		if (err == 0)
			a->sort = sort_of(cls);
	}
	return err;
}

void alike_free(struct alike *a)
{
	map_free(&a->known);
}

static int is_alike(struct alike *a, struct str name, struct diag *d)
{
	bool fresh = false;
	uint64_t *v = map_put(&a->known, hash_istr(name, 11), &fresh);
	struct str cls;
	int err;

	if (!v)
		return -ENOMEM;
	if (fresh) {
		err = store_entity_class(a->q->store, device, name, a->mem, &cls, d);
		if (err < 0)
			return err;
		*v = str_eq(sort_of(cls), a->sort) ? IS_ALIKE : IS_OTHER;
	}
	return *v == IS_ALIKE;
}

int alike_has(struct alike *a, const struct store_event *se, struct diag *d)
{
	for (size_t i = 0; i < se->nentities; i++) {
		struct str name, kind = str_cut(se->entities[i], ':', &name);
		int r = str_eq(kind, device) ? is_alike(a, name, d) : 0;

		if (r != 0)
			return r;
	}
	return 0;
}
