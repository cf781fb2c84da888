/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules are worth asking of an event, so that cost grows with what can match. */
#include "base/hash.h"
#include "detect/impl.h"
#include <errno.h>
#include <stdlib.h>

/* What is carried while the rules of one type are put into its index. */
struct build {
	struct type_index *x;
	struct map usage; /* hash of attribute and value -> rules that could be found by it */
	uint32_t rule;
	attr_t attr;
	uint64_t shared; /* sum of the usage of one attribute's values */
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

static void add_usage(struct str value, void *arg)
{
	struct build *b = arg;
	uint64_t *n = map_put(&b->usage, value_key(b->attr, value), NULL);

	if (n)
		(*n)++;
	else
		b->err = -ENOMEM;
}

static void sum_usage(struct str value, void *arg)
{
	struct build *b = arg;
	const uint64_t *n = map_get(&b->usage, value_key(b->attr, value));

	b->shared += n ? *n : 0;
}

/* The anchor of f whose values the fewest rules share; SIZE_MAX when it has none. */
static size_t best_anchor(struct build *b, const struct filter *f)
{
	size_t best = SIZE_MAX;
	uint64_t least = UINT64_MAX;

	for (size_t k = 0; filter_anchor(f, k, &b->attr, NULL, NULL) > 0; k++) {
		b->shared = 0;
		filter_anchor(f, k, &b->attr, sum_usage, b);
		if (b->shared < least) {
			least = b->shared;
			best = k;
		}
	}
	return best;
}

static void add_rule(struct build *b, const struct filter *f)
{
	struct type_index *x = b->x;
	size_t k = 0, anchor = best_anchor(b, f);

	if (anchor == SIZE_MAX) {
		x->always[x->nalways++] = b->rule;
		return;
	}
	filter_anchor(f, anchor, &b->attr, add_link, b);
	while (k < x->nattrs && x->attrs[k] != b->attr)
		k++;
	if (k == x->nattrs)
		x->attrs[x->nattrs++] = b->attr;
}

static bool fits(struct detect *dt, struct rule *r, size_t t)
{
	bool yes = !r->refused && r->types[t] &&
		   filter_possible(r->filter, schema_type(dt->schema, t));

	r->possible |= yes;
	return yes;
}

static int build_type(struct detect *dt, size_t t)
{
	struct build b = {.x = &dt->index[t]};

	map_init(&b.x->heads);
	map_init(&b.usage);
	b.x->always = calloc(dt->nrules + 1, sizeof(*b.x->always));
	b.x->attrs = calloc(dt->nrules + 1, sizeof(*b.x->attrs));
	if (!b.x->always || !b.x->attrs)
		return -ENOMEM;
	for (size_t i = 0; i < dt->nrules; i++) {
		const struct filter *f = dt->rules[i]->filter;

		for (size_t k = 0;
		     fits(dt, dt->rules[i], t) && filter_anchor(f, k, &b.attr, NULL, NULL) > 0;
		     k++)
			filter_anchor(f, k, &b.attr, add_usage, &b);
	}
	for (size_t i = 0; b.err == 0 && i < dt->nrules; i++) {
		b.rule = (uint32_t)i;
		if (fits(dt, dt->rules[i], t))
			add_rule(&b, dt->rules[i]->filter);
	}
	map_free(&b.usage);
	return b.err;
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
