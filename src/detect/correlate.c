/* SPDX-License-Identifier: Apache-2.0 */
/* Reading correlations and finding the rules they are about. */
#include "detect/correlate.h"
#include "base/hash.h"
#include "base/timeutil.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define CHAIN_MAX 8 /* correlations of correlations */

static const char *const type_names[] = {
	[CORR_EVENT_COUNT] = "event_count",
	[CORR_VALUE_COUNT] = "value_count",
	[CORR_VALUE_SUM] = "value_sum",
	[CORR_VALUE_AVG] = "value_avg",
	[CORR_VALUE_PERCENTILE] = "value_percentile",
	[CORR_VALUE_MEDIAN] = "value_median",
	[CORR_VALUE_MIN] = "value_min",
	[CORR_VALUE_MAX] = "value_max",
	[CORR_TEMPORAL] = "temporal",
	[CORR_TEMPORAL_ORDERED] = "temporal_ordered",
};

struct corr *corr_free(struct corr *c)
{
	if (c)
		free(c->terms);
	free(c);
	return NULL;
}

static bool temporal(const struct corr *c)
{
	return c->type == CORR_TEMPORAL || c->type == CORR_TEMPORAL_ORDERED;
}

static int read_type(struct corr *c, const struct rule *r, const struct yaml_node *n,
		     struct diag *d)
{
	const struct yaml_node *t = yaml_get(n, "type");

	for (size_t i = 0; t && i < ARRAY_LEN(type_names); i++)
		if (str_eqz(t->text, type_names[i])) {
			c->type = (enum corr_type)i;
			return 0;
		}
	return yaml_fail(r->yaml, t ? t : n, d, "unknown type of correlation");
}

static int read_rules(struct corr *c, const struct rule *r, const struct yaml_node *n,
		      struct diag *d)
{
	const struct yaml_node *list = yaml_get(n, "rules");

	if (!list)
		return yaml_fail(r->yaml, n, d, "a correlation needs rules");
	if (list->kind == YAML_SCALAR)
		c->names[c->nrefs++] = list->text;
	YAML_EACH(x, list)
	{
		if (c->nrefs == CORR_REFS)
			return yaml_fail(r->yaml, x, d, "at most %d rules", CORR_REFS);
		c->names[c->nrefs++] = x->text;
	}
	return c->nrefs ? 0 : yaml_fail(r->yaml, list, d, "a correlation needs rules");
}

/* The field that alias `name` stands for in rule `rule`, or the name itself. */
static struct str aliased(const struct yaml_node *n, struct str name, struct str rule)
{
	YAML_EACH(a, yaml_get(n, "aliases"))
	{
		if (!str_eq(a->key, name))
			continue;
		YAML_EACH(f, a)
		if (str_eq(f->key, rule))
			return f->text;
	}
	return name;
}

static int read_group(struct corr *c, const struct rule *r, const struct yaml_node *n,
		      struct diag *d)
{
	const struct yaml_node *list = yaml_get(n, "group-by");
	const struct yaml_node *x = list && list->kind == YAML_SEQ ? list->child : list;

	for (; x; x = list->kind == YAML_SEQ ? x->next : NULL) {
		if (c->ngroup == CORR_GROUP)
			return yaml_fail(r->yaml, x, d, "at most %d fields", CORR_GROUP);
		if (x->kind != YAML_SCALAR || !x->text.len)
			return yaml_fail(r->yaml, x, d, "a field is expected here");
		c->groups[c->ngroup++] = x->text;
	}
	return 0;
}

/* One bound of the condition. Several of them make a range. */
static int read_bound(struct corr *c, const struct rule *r, const struct yaml_node *x,
		      struct diag *d)
{
	double v;

	if (!str_f64(x->text, &v))
		return yaml_fail(r->yaml, x, d, "a number is needed");
	if (str_eqz(x->key, "gt") || str_eqz(x->key, "gte")) {
		c->low = v;
		c->low_open = str_eqz(x->key, "gt");
	} else if (str_eqz(x->key, "lt") || str_eqz(x->key, "lte")) {
		c->high = v;
		c->high_open = str_eqz(x->key, "lt");
	} else if (str_eqz(x->key, "eq")) {
		c->low = c->high = v;
	} else if (str_eqz(x->key, "percentile")) {
		c->percentile = v;
	} else {
		return yaml_fail_key(r->yaml, x, d, "unknown condition");
	}
	return 0;
}

/* A name, or a list of names whose values are counted together. */
static int read_field(struct corr *c, const struct rule *r, const struct yaml_node *x,
		      struct diag *d)
{
	const struct yaml_node *f = x->kind == YAML_SEQ ? x->child : x;

	for (; f; f = f == x ? NULL : f->next) {
		if (f->kind != YAML_SCALAR || !f->text.len)
			return yaml_fail(r->yaml, f, d, "a field is expected here");
		if (c->nfields == (c->type == CORR_VALUE_COUNT ? CORR_FIELDS : 1))
			return yaml_fail(r->yaml, f, d, "no more than %zu fields", c->nfields);
		c->field[c->nfields++] = f->text;
	}
	return 0;
}

static int read_condition(struct corr *c, const struct rule *r, const struct yaml_node *n,
			  struct diag *d)
{
	const struct yaml_node *cond = yaml_get(n, "condition");
	int e = 0;

	c->low = temporal(c) ? (double)c->nrefs : -INFINITY;
	c->high = INFINITY;
	c->percentile = 50;
	if (cond && cond->kind == YAML_SCALAR) {
		c->words = cond;
		c->low = 1;
		return temporal(c) ? 0
				   : yaml_fail(r->yaml, cond, d,
					       "only temporal correlations take a condition in "
					       "words");
	}
	YAML_EACH(x, cond)
	{
		if (str_eqz(x->key, "field"))
			e = read_field(c, r, x, d);
		else
			e = read_bound(c, r, x, d);
		if (e < 0)
			return e;
	}
	if (!cond && !temporal(c))
		return yaml_fail(r->yaml, n, d, "a correlation needs a condition");
	if (c->type >= CORR_VALUE_COUNT && c->type <= CORR_VALUE_MAX && !c->nfields)
		return yaml_fail(r->yaml, cond, d, "this correlation needs a field");
	/* "Fewer than" is true of every window that has just begun. */
	if (c->low == -INFINITY) {
		yaml_fail(r->yaml, cond, d, "only what reaches a lower bound can be told");
		return -ENOTSUP;
	}
	if (c->type <= CORR_VALUE_COUNT && c->low > CORR_LONG) {
		yaml_fail(r->yaml, cond, d, "no more than %d can be counted", CORR_LONG);
		return -ENOTSUP;
	}
	return 0;
}

int corr_read(struct rule *r, const struct yaml_node *n, struct diag *d)
{
	static const char *const known[] = {"type",    "rules",	    "group-by", "timespan",
					    "aliases", "condition", "generate", NULL};
	const struct yaml_node *span = yaml_get(n, "timespan");
	struct corr *c = calloc(1, sizeof(*c));
	int e;

	if (!c)
		return -ENOMEM;
	r->corr = c;
	if ((e = yaml_only(r->yaml, n, known, d)) < 0 || (e = read_type(c, r, n, d)) < 0 ||
	    (e = read_rules(c, r, n, d)) < 0 || (e = read_group(c, r, n, d)) < 0 ||
	    (e = yaml_bool(r->yaml, n, "generate", false, &c->generate, d)) < 0)
		return e;
	if (!span || !time_parse_span(span->text, 36500, &c->span_ns))
		return yaml_fail(r->yaml, span ? span : n, d,
				 "a timespan is a number with s, m, h or d");
	return read_condition(c, r, n, d);
}

static struct rule *rule_named(const struct detect *dt, struct str name)
{
	for (size_t i = 0; i < dt->nrules; i++) {
		struct rule *r = dt->rules[i];

		if (!r->model.part &&
		    (str_eq(r->model.id, name) || str_eq(yaml_str(r->root, "name", ""), name) ||
		     str_eq(r->model.title, name)))
			return r;
	}
	return NULL;
}

static int feed_add(struct rule *of, struct rule *to, size_t ref)
{
	struct feed *f = realloc(of->feeds, (of->nfeeds + 1) * sizeof(*f));

	if (!f)
		return -ENOMEM;
	of->feeds = f;
	f[of->nfeeds++] = (struct feed){to, ref};
	return 0;
}

/* The attributes are needed of every type on which the rule, or one below it, can match. */
static int want(struct detect *dt, const struct rule *of, const struct corr *c, size_t ref,
		unsigned depth)
{
	int e = 0;

	if (depth > CHAIN_MAX)
		return 0;
	for (size_t i = 0; of->corr && e == 0 && i < of->corr->nrefs; i++)
		if (of->corr->refs[i])
			e = want(dt, of->corr->refs[i], c, ref, depth + 1);
	for (size_t t = 0; of->types && e == 0 && t < schema_types(dt->schema); t++) {
		const struct rectype *type = schema_type(dt->schema, t);

		for (size_t g = 0; of->types[t] && e == 0 && g < c->ngroup; g++)
			e = schema_want(dt->schema, type, c->group[ref][g]);
		for (size_t k = 0; of->types[t] && e == 0 && k < c->nfields; k++)
			e = schema_want(dt->schema, type, c->fields[ref][k]);
	}
	return e;
}

/* Length of the longest chain below r; more than CHAIN_MAX for a circle. */
static unsigned chain(const struct rule *r, unsigned depth)
{
	unsigned most = 0;

	for (size_t i = 0; r->corr && depth <= CHAIN_MAX && i < r->corr->nrefs; i++)
		if (r->corr->refs[i])
			most = MAX(most, 1 + chain(r->corr->refs[i], depth + 1));
	return most;
}

/* A name of the correlation as an attribute of events that match its rule i. */
static attr_t attr_of(struct detect *dt, const struct rule *r, size_t i, struct str name)
{
	const struct yaml_node *n = yaml_get(r->root, "correlation");
	const struct rule *of = r->corr->refs[i];

	/* What a correlation below goes back to, its first rule decides how names are meant. */
	for (unsigned k = 0; of->corr && of->corr->refs[0] && k < CHAIN_MAX; k++)
		of = of->corr->refs[0];
	name = aliased(n, name, r->corr->names[i]);
	return schema_attr(dt->schema,
			   taxonomy_name(dt, yaml_get(of->root, "logsource"), name));
}

static int name_attrs(struct detect *dt, struct rule *r)
{
	struct corr *c = r->corr;

	for (size_t i = 0; i < c->nrefs; i++) {
		for (size_t k = 0; k < c->nfields; k++) {
			c->fields[i][k] = attr_of(dt, r, i, c->field[k]);
			if (c->fields[i][k] == ATTR_NONE)
				return -ENOMEM;
		}
		for (size_t g = 0; g < c->ngroup; g++) {
			c->group[i][g] = attr_of(dt, r, i, c->groups[g]);
			if (c->group[i][g] == ATTR_NONE)
				return -ENOMEM;
		}
	}
	return 0;
}

/* Rules by name, fields and time span: all that the numbers in a window depend on. */
static uint64_t sign_of(const struct corr *c)
{
	uint64_t h = hash_2(c->type, (uint64_t)c->span_ns);

	for (size_t i = 0; i < c->nrefs; i++)
		h = hash_2(h, hash_str(c->own ? c->refs[i]->model.name : c->names[i], 0));
	for (size_t i = 0; i < c->nfields; i++)
		h = hash_2(h, hash_str(c->field[i], 1));
	return h;
}

static int link_one(struct detect *dt, struct rule *r)
{
	struct corr *c = r->corr;
	int e = 0;

	for (size_t i = 0; i < c->nrefs; i++) {
		if (!c->own)
			c->refs[i] = rule_named(dt, c->names[i]);
		if (!c->refs[i]) {
			r->refused = arena_fmt(&r->yaml->mem, "there is no rule %.*s",
					       STR_ARG(c->names[i]))
					     .p;
			return r->refused ? 0 : -ENOMEM;
		}
	}
	c->sign = sign_of(c);
	for (size_t i = 0; e == 0 && i < c->nrefs; i++) {
		e = feed_add(c->refs[i], r, i);
		c->refs[i]->spoken_for = true;
		c->refs[i]->aloud |= c->generate;
	}
	return e;
}

int corr_link(struct detect *dt, struct diag *d)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < dt->nrules; i++)
		if (dt->rules[i]->corr && !dt->rules[i]->refused)
			e = link_one(dt, dt->rules[i]);
	for (size_t i = 0; e == 0 && i < dt->nrules; i++) {
		struct rule *r = dt->rules[i];

		if (r->corr && !r->refused && chain(r, 0) > CHAIN_MAX) {
			yaml_fail(r->yaml, r->root, d,
				  "correlations refer to each other in a circle");
			e = rule_refuse(r, d);
		}
		if (e == 0 && r->corr && r->corr->words && !r->refused) {
			e = corr_words(r, d);
			if (e == -ENOTSUP || (e == E_SYNTAX && r->lenient))
				e = rule_refuse(r, d);
		}
		if (r->corr && !r->refused)
			e = name_attrs(dt, r);
		for (size_t k = 0; r->corr && !r->refused && e == 0 && k < r->corr->nrefs; k++)
			e = want(dt, r->corr->refs[k], r->corr, k, 0);
	}
	return e;
}
