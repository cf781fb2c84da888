/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules are worth asking of an event, so that cost grows with what can match. */
#include "base/hash.h"
#include "detect/correlate.h"
#include <errno.h>
#include <stdlib.h>

#define MANY	   32 /* rules found: more are sorted by the library */
#define LISTS_DEEP 5  /* of values in an event that are looked into, as a filter does */
#define FEW	   8  /* rules found by words: below so many they are asked, not looked for */

/* What is carried while the rules of one type are put into its index. */
struct build {
	struct detect *dt;
	struct type_index *x;
	struct map usage; /* hash of an anchor -> rules that could be found by it */
	uint32_t rule;
	uint64_t shared; /* sum of the usage of one set of anchors */
	bool words;	 /* some anchor of the set is no whole value */
	int err;
};

/* Most values are short: those are their own hash. Two of one key only cost a question. */
static uint64_t value_key(attr_t a, struct str value)
{
	if (value.len > 8)
		return hash_istr(value, a);
	return word_lower(str_word(value.p, value.len)) ^ hash_mix(a + (value.len << 16));
}

static uint64_t anchor_key(const struct anchor *a)
{
	return value_key(a->attr, a->text) ^ (a->whole ? 0 : UINT64_MAX);
}

/* Where a stands in attrs, put there when it does not. */
static size_t attr_once(attr_t *attrs, size_t *n, attr_t a)
{
	size_t k = 0;

	while (k < *n && attrs[k] != a)
		k++;
	if (k == *n)
		attrs[(*n)++] = a;
	return k;
}

static uint64_t len_bit(struct str s)
{
	return UINT64_C(1) << MIN(s.len, (size_t)63);
}

static void add_value(struct build *b, const struct anchor *a)
{
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
	head = map_put(&x->heads, value_key(a->attr, a->text), NULL);
	if (!head) {
		b->err = -ENOMEM;
		return;
	}
	x->links[x->nlinks].rule = b->rule;
	x->links[x->nlinks].next = (uint32_t)*head;
	*head = ++x->nlinks;
	x->lens[attr_once(x->attrs, &x->nattrs, a->attr)] |= len_bit(a->text);
}

/* The scan of a's attribute is shared by all types. */
static void add_word(struct build *b, const struct anchor *a)
{
	struct scan **s = &b->dt->scans[a->attr];

	if (!*s)
		*s = scan_new();
	if (!*s || scan_add(*s, a->text, b->rule) < 0) {
		b->err = -ENOMEM;
		return;
	}
	attr_once(b->x->words, &b->x->nwords, a->attr);
}

static void add_link(const struct anchor *a, void *arg)
{
	if (a->whole)
		add_value(arg, a);
	else
		add_word(arg, a);
}

static void add_usage(const struct anchor *a, void *arg)
{
	struct build *b = arg;
	uint64_t *n = map_put(&b->usage, anchor_key(a), NULL);

	if (n)
		(*n)++;
	else
		b->err = -ENOMEM;
}

/* A word costs a scan of the text, a value one look-up. */
static void sum_usage(const struct anchor *a, void *arg)
{
	struct build *b = arg;
	const uint64_t *n = map_get(&b->usage, anchor_key(a));

	b->shared += (n ? *n : 0) * (a->whole ? 1 : 2);
	b->words |= !a->whole;
}

/* The set whose things the fewest rules share; SIZE_MAX when it has none. */
static size_t best_set(struct build *b, const struct filter *f, bool *ret_words)
{
	size_t best = SIZE_MAX;
	uint64_t least = UINT64_MAX;

	*ret_words = false;
	for (size_t k = 0;; k++) {
		b->shared = 0;
		b->words = false;
		if (!filter_anchors(f, k, sum_usage, b))
			return best;
		if (b->shared < least) {
			least = b->shared;
			best = k;
			*ret_words = b->words;
		}
	}
}

static bool fits(struct detect *dt, struct rule *r, size_t t)
{
	bool yes = !r->refused && !r->corr && r->types[t] &&
		   filter_possible(r->filter, schema_type(dt->schema, t));

	r->possible |= yes;
	return yes;
}

/* All that could find the rules of this type, and how many need words to be found. */
static size_t survey(struct build *b)
{
	struct detect *dt = b->dt;
	size_t n = 0;
	bool words;

	for (size_t i = 0; i < dt->nrules; i++)
		for (size_t k = 0;
		     b->x->fits[i] && filter_anchors(dt->rules[i]->filter, k, add_usage, b);
		     k++)
			;
	for (size_t i = 0; i < dt->nrules; i++)
		if (b->x->fits[i] && best_set(b, dt->rules[i]->filter, &words) != SIZE_MAX)
			n += words;
	return n;
}

static int build_type(struct detect *dt, size_t t)
{
	struct build b = {.dt = dt, .x = &dt->index[t]};
	size_t nattrs = schema_attrs(dt->schema), many;

	map_init(&b.x->heads);
	map_init(&b.usage);
	b.x->always = calloc(dt->nrules + 1, sizeof(*b.x->always));
	b.x->attrs = calloc(nattrs + 1, sizeof(*b.x->attrs));
	b.x->lens = calloc(nattrs + 1, sizeof(*b.x->lens));
	b.x->words = calloc(nattrs + 1, sizeof(*b.x->words));
	b.x->fits = calloc(dt->nrules + 1, sizeof(*b.x->fits));
	b.x->lean = calloc(dt->nrules + 1, sizeof(*b.x->lean));
	if (!b.x->always || !b.x->attrs || !b.x->lens || !b.x->words || !b.x->fits ||
	    !b.x->lean)
		return -ENOMEM;
	for (size_t i = 0; i < dt->nrules; i++)
		b.x->fits[i] = fits(dt, dt->rules[i], t);
	for (size_t i = 0; i < dt->nrules; i++)
		if (b.x->fits[i])
			b.x->lean[i] = filter_lean(dt->rules[i]->filter,
						   schema_type(dt->schema, t), &dt->leans);
	many = survey(&b);
	for (size_t i = 0; b.err == 0 && i < dt->nrules; i++) {
		const struct filter *f = dt->rules[i]->filter;
		bool words = false;
		size_t set = b.x->fits[i] ? best_set(&b, f, &words) : SIZE_MAX;

		b.rule = (uint32_t)i;
		if (set != SIZE_MAX && (!words || many > FEW))
			filter_anchors(f, set, add_link, &b);
		else if (b.x->fits[i])
			b.x->always[b.x->nalways++] = b.rule;
	}
	map_free(&b.usage);
	return b.err;
}

static int build_scans(struct detect *dt)
{
	int r = 0;

	for (size_t a = 0; r == 0 && a < schema_attrs(dt->schema); a++)
		if (dt->scans[a])
			r = scan_compile(dt->scans[a]);
	return r;
}

/* Why a rule can never fire, for the person who wrote it. */
static const char *reason(struct detect *dt, struct rule *r)
{
	const attr_t *attrs;
	size_t n;

	if (r->refused)
		return r->refused;
	if (r->corr)
		return "none of its rules can fire";
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

static bool term_possible(const struct corr *c, uint32_t must)
{
	for (; must; must &= must - 1)
		if (!c->refs[__builtin_ctz(must)]->possible)
			return false;
	return true;
}

/* All its rules must be able to match where it asks for several, else one will do. */
static bool corr_possible(const struct rule *r)
{
	size_t can = 0;

	if (!r->corr || r->refused)
		return false;
	for (size_t i = 0; i < r->corr->nrefs; i++)
		can += r->corr->refs[i]->possible;
	for (size_t i = 0; i < r->corr->nterms; i++)
		if (term_possible(r->corr, r->corr->terms[i].must))
			return true;
	if (r->corr->nterms)
		return false;
	return r->corr->type >= CORR_TEMPORAL ? (double)can >= r->corr->low : can > 0;
}

int index_build(struct detect *dt)
{
	int r = 0;

	arena_init(&dt->leans, 0);
	dt->ntypes = schema_types(dt->schema);
	dt->index = calloc(dt->ntypes + 1, sizeof(*dt->index));
	dt->found = calloc(2 * dt->nrules + 1, sizeof(*dt->found));
	dt->stamps = calloc(dt->nrules + 1, sizeof(*dt->stamps));
	dt->scans = calloc(schema_attrs(dt->schema) + 1, sizeof(*dt->scans));
	if (!dt->index || !dt->found || !dt->stamps || !dt->scans)
		return -ENOMEM;
	for (size_t t = 0; r == 0 && t < dt->ntypes; t++)
		r = build_type(dt, t);
	if (r == 0)
		r = build_scans(dt);
	for (size_t pass = 0; pass < CORR_REFS; pass++)
		for (size_t i = 0; i < dt->nrules; i++)
			dt->rules[i]->possible |= corr_possible(dt->rules[i]);
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
		free(x->lens);
		free(x->words);
		free(x->fits);
		free(x->lean);
		free(x->links);
		for (size_t i = 0; x->seen && i < FOUND_SEEN; i++)
			free(x->seen[i].rules);
		free(x->seen);
		map_free(&x->heads);
	}
	for (size_t a = 0; dt->scans && a < schema_attrs(dt->schema); a++)
		scan_free(dt->scans[a]);
	arena_free(&dt->leans);
	free(dt->scans);
	free(dt->index);
	free(dt->found);
	free(dt->stamps);
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

struct search {
	struct detect *dt;
	const struct type_index *x;
	uint32_t head[FOUND_HEADS]; /* of the values that some rule needs */
	size_t nheads;
	size_t n; /* rules in dt->found */
};

static void word_found(uint32_t rule, void *arg)
{
	struct search *s = arg;

	if (s->x->fits[rule])
		s->n = add_found(s->dt, s->n, rule);
}

/* The rules linked from a head, from the last to the first, put in order. */
static void follow(struct search *s, uint32_t head)
{
	size_t from = s->n;

	for (uint32_t l = head; l; l = s->x->links[l - 1].next)
		s->n = add_found(s->dt, s->n, s->x->links[l - 1].rule);
	for (size_t i = from, j = s->n; i + 1 < j; i++) {
		uint32_t rule = s->dt->found[i];

		s->dt->found[i] = s->dt->found[--j];
		s->dt->found[j] = rule;
	}
}

static void find_value(struct search *s, size_t k, struct str text)
{
	const uint64_t *head;

	if (!(s->x->lens[k] & len_bit(text)))
		return;
	head = map_get(&s->x->heads, value_key(s->x->attrs[k], text));
	if (head && s->nheads < FOUND_HEADS)
		s->head[s->nheads++] = (uint32_t)*head;
	else if (head)
		follow(s, (uint32_t)*head);
}

/* Every text of v, of attribute k of values or of words, as deep as a filter looks. */
static void find_in(struct search *s, size_t k, const struct val *v, bool words, unsigned depth)
{
	char tmp[40];

	if (v->kind == VAL_LIST) {
		for (uint32_t i = 0; i < v->len && depth < LISTS_DEEP; i++)
			find_in(s, k, &v->list[i], words, depth + 1);
		return;
	}
	if (v->kind <= VAL_NULL)
		return;
	if (words)
		scan_text(s->dt->scans[s->x->words[k]], val_text(v, tmp), word_found, s);
	else
		find_value(s, k, val_text(v, tmp));
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* In the order of loading. Few are found as a rule, and those always asked are in order. */
static void in_order(uint32_t *rules, size_t n)
{
	if (n > MANY) {
		qsort(rules, n, sizeof(*rules), by_number);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		uint32_t x = rules[i];
		size_t k = i;

		for (; k > 0 && rules[k - 1] > x; k--)
			rules[k] = rules[k - 1];
		rules[k] = x;
	}
}

/* Puts those that are always asked among the n found; returns where they begin, both in order.
 */
static size_t merge(struct detect *dt, const struct type_index *x, size_t n)
{
	size_t i = x->nalways, at = n + i;

	while (i > 0 && n > 0) {
		uint32_t rule = x->always[i - 1], other = dt->found[n - 1];

		dt->found[--at] = MAX(rule, other);
		i -= rule >= other;
		n -= other >= rule;
	}
	at -= i;
	memcpy(dt->found + at, x->always, i * sizeof(*dt->found));
	memmove(dt->found + (at - n), dt->found, n * sizeof(*dt->found));
	return at - n;
}

/* All rules to ask, in order: those found and those that are always asked. */
static size_t gather(struct search *s, const uint32_t **ret_rules)
{
	size_t at;

	for (size_t i = 0; i < s->nheads; i++)
		follow(s, s->head[i]);
	in_order(s->dt->found, s->n);
	at = merge(s->dt, s->x, s->n);
	*ret_rules = s->dt->found + at;
	return s->n + s->x->nalways - at;
}

/* The same of values that mostly were found together before: few combinations are common. */
static size_t recall(struct search *s, struct found *f, const uint32_t **ret_rules)
{
	size_t n, bytes = s->nheads * sizeof(s->head[0]);
	uint32_t *copy;

	if (f->nheads == s->nheads && memcmp(f->head, s->head, bytes) == 0) {
		*ret_rules = f->rules;
		return f->n;
	}
	n = gather(s, ret_rules);
	copy = realloc(f->rules, n * sizeof(*copy));
	if (copy) {
		memcpy(copy, *ret_rules, n * sizeof(*copy));
		memcpy(f->head, s->head, bytes);
		f->nheads = s->nheads;
		f->rules = copy;
		f->n = n;
	}
	return n;
}

size_t index_find(struct detect *dt, const struct event *e, const uint32_t **ret_rules)
{
	struct type_index *x = &dt->index[e->type->id];
	struct search s = {.dt = dt, .x = x};
	uint64_t h = 0;

	dt->stamp++;
	for (size_t k = 0; k < x->nattrs; k++)
		find_in(&s, k, event_get(e, x->attrs[k]), false, 0);
	for (size_t k = 0; k < x->nwords; k++)
		find_in(&s, k, event_get(e, x->words[k]), true, 0);
	*ret_rules = x->always;
	if (!s.n && !s.nheads)
		return x->nalways;
	if (!x->seen)
		x->seen = calloc(FOUND_SEEN, sizeof(*x->seen));
	if (s.n || !x->seen)
		return gather(&s, ret_rules);
	for (size_t i = 0; i < s.nheads; i++)
		h = hash_2(h, s.head[i]);
	return recall(&s, &x->seen[h % FOUND_SEEN], ret_rules);
}
