/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sigma filters: a user's exclusions, kept in files of their own. The specification's example
 * writes `condition: selection` for what is to be left out, converters join the condition to
 * the rule's with "and", so that people write `condition: not selection`. Both mean the same:
 * the selection goes; a condition that begins with "not" says what stays.
 */
#include "base/hash.h"
#include "base/timeutil.h"
#include "detect/impl.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* The whole of a day's date, or a time of it. */
static bool date_of(struct str s, int64_t *ret_ns)
{
	char day[40];

	snprintf(day, sizeof(day), "%.*sT00:00:00", (int)MIN(s.len, (size_t)20), s.p);
	return time_parse(s, ret_ns) || time_parse(str_of(day), ret_ns);
}

int sieve_load(struct detect *dt, struct yaml *y, const struct yaml_node *root, struct diag *d)
{
	const struct yaml_node *f = yaml_get(root, "filter");
	struct str cond = str_trim(yaml_str(f, "condition", ""));
	const struct yaml_node *until = yaml_get(yaml_get(root, "thymus"), "until");
	struct sieve *s, **v = realloc(dt->sieves, (dt->nsieves + 1) * sizeof(struct sieve *));

	if (!v)
		return -ENOMEM;
	dt->sieves = v;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	v[dt->nsieves++] = s;
	s->root = root;
	s->yaml = y;
	s->rules = yaml_get(f, "rules");
	if (s->rules && s->rules->kind == YAML_SCALAR && str_ieqz(s->rules->text, "any"))
		s->rules = NULL;
	s->keeps = cond.len > 4 && str_ieqz(str_sub(cond, 0, 3), "not") &&
		   (cond.p[3] == ' ' || cond.p[3] == '(');
	s->until = INT64_MAX;
	s->late = dt->late;
	s->entities = dt->late ? yaml_get(yaml_get(root, "thymus"), "entities") : NULL;
	s->file = str_of(y->file);
	s->last = INT64_MIN;
	if (until && !date_of(until->text, &s->until))
		return yaml_fail(y, until, d, "a date is expected here: 2026-12-31");
	return rule_filter(dt, y, root, f, "rules", str_n(NULL, 0), &s->filter, d);
}

void sieves_free(struct detect *dt)
{
	for (size_t i = 0; i < dt->nsieves; i++) {
		filter_free(dt->sieves[i]->filter);
		free(dt->sieves[i]);
	}
	free(dt->sieves);
}

/* What the filter says of the log source, the rule's says too. */
static bool same_source(const struct sieve *s, const struct rule *r)
{
	YAML_EACH(p, yaml_get(s->root, "logsource"))
	{
		const struct yaml_node *q = yaml_get(yaml_get(r->root, "logsource"), p->key.p);

		if (!str_eqz(p->key, "definition") && p->kind == YAML_SCALAR &&
		    (!q || !str_ieq(p->text, q->text)))
			return false;
	}
	return true;
}

static bool names(const struct sieve *s, const struct rule *r)
{
	const struct yaml_node *x = s->rules;

	if (!same_source(s, r))
		return false;
	if (!x)
		return true;
	for (x = x->kind == YAML_SEQ ? x->child : x; x; x = x->next) {
		if (str_eq(x->text, r->model.id) || str_eq(x->text, r->model.name) ||
		    str_eq(x->text, yaml_str(r->root, "name", "")))
			return true;
		if (x == s->rules)
			break;
	}
	return false;
}

static int give(struct detect *dt, struct sieve *s, struct rule *r)
{
	struct sieve **v = realloc(r->sieves, (r->nsieves + 1) * sizeof(struct sieve *));
	int e = 0;

	if (!v)
		return -ENOMEM;
	r->sieves = v;
	v[r->nsieves++] = s;
	/* A correlation may be completed by records of any type. */
	for (size_t t = 0; e == 0 && t < schema_types(dt->schema); t++)
		if (r->corr || r->types[t])
			e = filter_want(s->filter, dt->schema, schema_type(dt->schema, t));
	return e;
}

int sieves_link(struct detect *dt, struct diag *d)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < dt->nsieves; i++) {
		struct sieve *s = dt->sieves[i];
		size_t before = 0;

		for (size_t k = 0; e == 0 && k < dt->nrules; k++) {
			struct rule *r = dt->rules[k];

			if ((s->late || !r->corr) && !r->refused && (r->corr || r->types) &&
			    names(s, r)) {
				e = give(dt, s, r);
				before++;
			}
		}
		s->idle = !before;
		if (e == 0 && !before && !s->late)
			return yaml_fail(s->yaml, s->rules ? s->rules : s->root, d,
					 "this filter names no rule that is loaded");
	}
	return e;
}

bool rule_sifted(const struct rule *r, const struct event *e)
{
	for (size_t i = 0; i < r->nsieves; i++)
		if (!r->sieves[i]->late && e->known < r->sieves[i]->until &&
		    filter_match(r->sieves[i]->filter, e) != r->sieves[i]->keeps)
			return true;
	return false;
}

/* "device:pc1" or "pc1": any name of an entity of the event. */
static bool is_entity(const struct detect *dt, const struct entity *x, struct str name)
{
	struct str rest, kind = str_cut(name, ':', &rest);
	int k = rest.p ? ent_kind_of(kind) : -1;

	if (k >= 0 && k != (int)x->kind)
		return false;
	return entity_find(dt->entities, (enum ent_kind)x->kind, k >= 0 ? rest : name) == x->id;
}

static bool has_entity(const struct detect *dt, const struct yaml_node *names,
		       const struct event *e)
{
	YAML_EACH(n, names)
	for (uint8_t i = 0; i < e->nents; i++) {
		const struct entity *x = entity_get(dt->entities, e->ents[i].id);

		if (x && is_entity(dt, x, n->text))
			return true;
	}
	return false;
}

bool rule_suppressed(const struct detect *dt, const struct rule *r, const struct event *e)
{
	for (size_t i = 0; i < r->nsieves; i++) {
		struct sieve *s = r->sieves[i];

		if (!s->late || e->known >= s->until ||
		    filter_match(s->filter, e) == s->keeps ||
		    (s->entities && !has_entity(dt, s->entities, e)))
			continue;
		s->count++;
		s->last = MAX(s->last, e->known);
		return true;
	}
	return false;
}

size_t detect_suppressions(const struct detect *dt, struct suppression *ret_v, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < dt->nsieves && n < max; i++) {
		const struct sieve *s = dt->sieves[i];

		if (s->late)
			ret_v[n++] =
				(struct suppression){.id = yaml_str(s->root, "id", ""),
						     .title = yaml_str(s->root, "title", ""),
						     .file = s->file,
						     .until = s->until,
						     .count = s->count,
						     .last = s->last,
						     .idle = s->idle};
	}
	return n;
}
