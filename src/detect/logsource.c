/* SPDX-License-Identifier: Apache-2.0 */
/* Which record types a model is about. */
#include "detect/impl.h"
#include <errno.h>
#include <stdlib.h>

static bool part_fits(struct str want, struct str has)
{
	return !want.len || !has.len || str_ieq(want, has);
}

/*
 * A record type without category does not fit a rule that names one; one that has nothing but a
 * category does not fit a rule that names none: they would have nothing in common.
 */
static bool sigma_fits(const struct rectype *t, const struct logsource *want)
{
	for (uint8_t i = 0; i < t->nsigma; i++) {
		const struct logsource *has = &t->sigma[i];

		if (part_fits(want->product, has->product) &&
		    part_fits(want->service, has->service) &&
		    (want->category.len ? str_ieq(want->category, has->category)
					: has->product.len || has->service.len))
			return true;
	}
	return false;
}

/* `class: x` or a list of them, or any. */
static bool class_fits(const struct rectype *t, const struct yaml_node *n)
{
	const char *cls = ocsf_class_name(t->cls);

	if (n->kind == YAML_SCALAR)
		return str_eqz(n->text, "any") || (cls && str_eqz(n->text, cls));
	YAML_EACH(c, n)
	if (cls && str_eqz(c->text, cls))
		return true;
	return false;
}

/* "zeek" is the source of zeek.conn, "aws" that of all sources aws.*. */
static bool source_fits(const struct rectype *t, struct str source)
{
	struct str own = str_of(t->source);

	return !source.len ||
	       (str_starts(own, source) && (own.len == source.len || own.p[source.len] == '.'));
}

/* `type: conn` or a list of them; n may be NULL: any. */
static bool type_fits(const struct rectype *t, const struct yaml_node *n)
{
	struct str own = str_of(t->source), name = str_of(t->name);
	const struct yaml_node *x = n && n->kind == YAML_SEQ ? n->child : n;

	name = name.len > own.len ? str_sub(name, own.len + 1, name.len) : name;
	for (; x; x = x == n ? NULL : x->next)
		if (str_eq(x->text, name))
			return true;
	return !n;
}

/* What is no text would read as nothing said, and then as anything. */
static const struct yaml_node *no_text(const struct yaml_node *ls)
{
	YAML_EACH(x, ls)
	{
		bool list = str_eqz(x->key, "class") || str_eqz(x->key, "type");

		if (str_eqz(x->key, "definition"))
			continue;
		if (x->kind == YAML_MAP || (x->kind == YAML_SEQ && !list))
			return x;
		YAML_EACH(item, x)
		if (item->kind != YAML_SCALAR)
			return item;
	}
	return NULL;
}

static int check(struct rule *r, const struct yaml_node *ls, struct diag *d)
{
	static const char *const known[] = {"class",   "source",  "type",	"category",
					    "product", "service", "definition", NULL};
	const struct yaml_node *cls = yaml_get(ls, "class");
	const struct yaml_node *bad = NULL;
	int e;

	if (!ls && r->refused)
		return 0;
	if (!ls || ls->kind != YAML_MAP)
		return yaml_fail(r->yaml, ls ? ls : r->root, d, "a model needs a logsource");
	e = yaml_only(r->yaml, ls, known, d);
	if (e < 0)
		return e;
	if (cls && cls->kind == YAML_SCALAR && !str_eqz(cls->text, "any") &&
	    ocsf_class_of(cls->text) < 0)
		bad = cls;
	if (cls && cls->kind == YAML_SEQ)
		YAML_EACH(c, cls)
	if (!bad && ocsf_class_of(c->text) < 0)
		bad = c;
	if (!bad && no_text(ls))
		return yaml_fail(r->yaml, no_text(ls), d, "a name is expected here");
	if (bad)
		return yaml_fail(r->yaml, bad, d, "unknown class '%.*s'", STR_ARG(bad->text));
	if (!ls->child || (ls->nchildren == 1 && yaml_get(ls, "definition")))
		return yaml_fail(r->yaml, ls, d, "this logsource says nothing");
	return 0;
}

static int want_parts(struct schema *s, const struct rectype *t, const struct key_part *p,
		      size_t n)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < n; i++)
		if (p[i].role < 0)
			e = schema_want(s, t, p[i].attr);
	return e;
}

static int want(const struct rule *r, struct schema *s, const struct rectype *t)
{
	int e = r->refused ? 0 : filter_want(r->filter, s, t);

	if (e == 0)
		e = want_parts(s, t, r->key, r->nkey);
	if (e == 0)
		e = want_parts(s, t, r->show, r->nshow);
	for (size_t i = 0; e == 0 && i < r->nnamed; i++)
		e = schema_want(s, t, r->named[i]);
	if (e == 0 && r->count.distinct != ATTR_NONE)
		e = schema_want(s, t, r->count.distinct);
	return e;
}

int rule_bind(struct rule *r, struct schema *s, struct diag *d)
{
	const struct yaml_node *ls = yaml_get(r->root, "logsource");
	struct logsource sigma = {.category = yaml_str(ls, "category", ""),
				  .product = yaml_str(ls, "product", ""),
				  .service = yaml_str(ls, "service", "")};
	bool public = sigma.category.len || sigma.product.len || sigma.service.len;
	const struct yaml_node *cls = yaml_get(ls, "class");
	size_t n = schema_types(s), found = 0;
	int e = check(r, ls, d);

	if (e < 0)
		return e;
	r->types = calloc(n + 1, sizeof(*r->types));
	if (!r->types)
		return -ENOMEM;
	for (size_t i = 0; e == 0 && i < n; i++) {
		const struct rectype *t = schema_type(s, i);

		r->types[i] = ls && (!cls || class_fits(t, cls)) &&
			      source_fits(t, yaml_str(ls, "source", "")) &&
			      type_fits(t, yaml_get(ls, "type")) &&
			      (!public || sigma_fits(t, &sigma));
		found += r->types[i];
		if (r->types[i])
			e = want(r, s, t);
	}
	if (!found && !r->refused)
		r->model.cannot_fire = "no record type has this log source";
	return e;
}
