/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules are worth asking of an event, so that cost grows with what can match. */
#include "base/hash.h"
#include "detect/impl.h"
#include <errno.h>
#include <stdlib.h>

/* What is carried while the rules of one type are put into its index. */
struct build {
	struct type_index *x;
	uint32_t rule;
	attr_t attr;
	int err;
};

static uint64_t value_key(attr_t a, struct str value)
{
	return hash_istr(value, a);
}

static void add_link(struct str value, void *arg)
{
	struct build *b = arg;
	struct type_index *x = b->x;
	uint64_t *head;
	void *more;

	/* Room is doubled whenever the count is a power of two. */
	if ((x->nlinks & (x->nlinks - 1)) == 0) {
		more = realloc(x->links, MAX(x->nlinks * 2, 1) * sizeof(*x->links));
		if (!more) {
			b->err = -ENOMEM;
			return;
		}
		x->links = more;
	}
	head = map_put(&x->heads, value_key(b->attr, value), NULL);
	if (!head) {
		b->err = -ENOMEM;
		return;
	}
	x->links[x->nlinks].rule = b->rule;
	x->links[x->nlinks].next = (uint32_t)*head;
	*head = ++x->nlinks;
}

static int add_rule(struct detect *dt, struct type_index *x, uint32_t i)
{
	struct build b = {.x = x, .rule = i};
	const struct filter *f = dt->rules[i]->filter;
	size_t k = 0;

	if (filter_anchor(f, &b.attr, NULL, NULL) == 0) {
		x->always[x->nalways++] = i;
		return 0;
	}
	while (k < x->nattrs && x->attrs[k] != b.attr)
		k++;
	if (k == x->nattrs)
		x->attrs[x->nattrs++] = b.attr;
	filter_anchor(f, &b.attr, add_link, &b);
	return b.err;
}

static int build_type(struct detect *dt, size_t t)
{
	const struct rectype *type = schema_type(dt->schema, t);
	struct type_index *x = &dt->index[t];
	int r = 0;

	map_init(&x->heads);
	x->always = calloc(dt->nrules + 1, sizeof(*x->always));
	x->attrs = calloc(dt->nrules + 1, sizeof(*x->attrs));
	if (!x->always || !x->attrs)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < dt->nrules; i++) {
		struct rule *rule = dt->rules[i];

		if (rule->refused || !rule->types[t] || !filter_possible(rule->filter, type))
			continue;
		rule->possible = true;
		r = add_rule(dt, x, (uint32_t)i);
	}
	return r;
}

/* Why a rule can never fire, for the person who wrote it. */
static const char *reason(struct detect *dt, struct rule *r)
{
	const attr_t *attrs;
	size_t n;

	if (r->refused)
		return r->refused;
	n = filter_attrs(r->filter, &attrs);
	for (size_t i = 0; i < n; i++) {
		struct str name = schema_name(dt->schema, attrs[i]);
		bool seen = false;

		for (size_t t = 0; t < dt->ntypes && !seen; t++)
			seen = r->types[t] &&
			       schema_type(dt->schema, t)->slot_of[attrs[i]] != SLOT_NONE;
		if (!seen)
			return arena_fmt(&r->yaml->mem, "no source provides field %.*s",
					 STR_ARG(name))
				.p;
	}
	return "no record has all its fields";
}

int index_build(struct detect *dt)
{
	int r = 0;

	dt->ntypes = schema_types(dt->schema);
	dt->index = calloc(dt->ntypes + 1, sizeof(*dt->index));
	dt->found = calloc(dt->nrules + 1, sizeof(*dt->found));
	dt->stamps = calloc(dt->nrules + 1, sizeof(*dt->stamps));
	if (!dt->index || !dt->found || !dt->stamps)
		return -ENOMEM;
	for (size_t t = 0; r == 0 && t < dt->ntypes; t++)
		r = build_type(dt, t);
	for (size_t i = 0; r == 0 && i < dt->nrules; i++) {
		struct rule *rule = dt->rules[i];

		if (!rule->possible && !rule->model.cannot_fire)
			rule->model.cannot_fire = reason(dt, rule);
	}
	return r;
}

void index_free(struct detect *dt)
{
	for (size_t t = 0; dt->index && t < dt->ntypes; t++) {
		struct type_index *x = &dt->index[t];

		free(x->always);
		free(x->attrs);
		free(x->links);
		map_free(&x->heads);
	}
	free(dt->index);
	free(dt->found);
	free(dt->stamps);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Each rule once: two values of a list may lead to the same. */
static size_t add_found(struct detect *dt, size_t n, uint32_t rule)
{
	if (dt->stamps[rule] != dt->stamp) {
		dt->stamps[rule] = dt->stamp;
		dt->found[n++] = rule;
	}
	return n;
}

static size_t find_values(struct detect *dt, const struct type_index *x, attr_t a,
			  const struct event *e, size_t n)
{
	const struct val *v;
	size_t items = val_items(event_get(e, a), &v);
	char tmp[40];

	for (size_t i = 0; i < items; i++) {
		const uint64_t *head = map_get(&x->heads, value_key(a, val_text(&v[i], tmp)));

		for (uint64_t l = head ? *head : 0; l; l = x->links[l - 1].next)
			n = add_found(dt, n, x->links[l - 1].rule);
	}
	return n;
}

size_t index_find(struct detect *dt, const struct event *e, const uint32_t **ret_rules)
{
	const struct type_index *x = &dt->index[e->type->id];
	size_t n = 0;

	dt->stamp++;
	for (size_t k = 0; k < x->nattrs; k++)
		n = find_values(dt, x, x->attrs[k], e, n);
	*ret_rules = n ? dt->found : x->always;
	if (!n)
		return x->nalways;
	for (size_t i = 0; i < x->nalways; i++)
		n = add_found(dt, n, x->always[i]);
	/* In the order of loading. */
	qsort(dt->found, n, sizeof(*dt->found), by_number);
	return n;
}
