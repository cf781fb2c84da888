/* SPDX-License-Identifier: Apache-2.0 */
/* incident/question: reads the files of questions/ (docs/QUESTIONS.md). */
#include "incident/question.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const keys[] = {"id",      "title",	   "about", "each",  "most",
				   "anybody", "outsiders", "let",   "look",  "yes",
				   "no",      "enough",	   "say",   "weigh", NULL};
static const char *const about_keys[] = {"phases", "families", "models", NULL};
static const char *const look_keys[] = {"of",	"types", "classes",  "where", "match",
					"when", "span",	 "distinct", "sum",   "entities",
					"ends", "but",	 "alike",    NULL};
static const char *const say_keys[] = {"yes", "no", "unknown", NULL};

bool glob_match(struct str pattern, struct str s)
{
	if (pattern.len && pattern.p[pattern.len - 1] == '*')
		return s.len >= pattern.len - 1 &&
		       str_ieq(str_sub(s, 0, pattern.len - 1),
			       str_sub(pattern, 0, pattern.len - 1));
	return str_ieq(pattern, s);
}

/* A scalar or a list of scalars into v; NULL gives none. */
static int texts(const struct yaml *y, const struct yaml_node *n, struct str *v, size_t max,
		 size_t *ret_n, struct diag *d)
{
	const struct yaml_node *c = n && n->kind == YAML_SEQ ? n->child : n;

	for (*ret_n = 0; c; c = n->kind == YAML_SEQ ? c->next : NULL) {
		if (c->kind != YAML_SCALAR || !c->text.len)
			return yaml_fail(y, c, d, "a text is expected here");
		if (*ret_n == max)
			return yaml_fail(y, c, d, "at most %zu of these", max);
		v[(*ret_n)++] = c->text;
	}
	return 0;
}

static int attribute(const struct yaml *y, const struct yaml_node *n, struct schema *s,
		     struct str name, attr_t *ret_a, struct diag *d)
{
	*ret_a = schema_attr(s, name);
	if (*ret_a == ATTR_NONE)
		return yaml_fail(y, n, d, "too many attributes");
	return schema_want(s, NULL, *ret_a);
}

static int read_about(const struct yaml *y, struct question *q, struct diag *d)
{
	const struct yaml_node *n = yaml_get(y->docs->root, "about");
	int err;

	q->always = !n;
	if (!n)
		return 0;
	if ((err = yaml_only(y, n, about_keys, d)) < 0 ||
	    (err = texts(y, yaml_get(n, "phases"), q->phases, LIST_MAX, &q->nphases, d)) < 0 ||
	    (err = texts(y, yaml_get(n, "families"), q->families, LIST_MAX, &q->nfamilies, d)) <
		    0)
		return err;
	return texts(y, yaml_get(n, "models"), q->models, LIST_MAX, &q->nmodels, d);
}

static int read_lets(const struct yaml *y, struct schema *s, struct question *q, struct diag *d)
{
	YAML_EACH(c, yaml_get(y->docs->root, "let"))
	{
		struct str attrs[4];
		size_t n;
		int err = texts(y, c, attrs, ARRAY_LEN(attrs), &n, d);

		if (err == 0 && q->nlet == LETS_MAX)
			err = yaml_fail(y, c, d, "at most %d names", LETS_MAX);
		if (err < 0)
			return err;
		q->let[q->nlet].name = c->key;
		q->let[q->nlet].kind = -1;
		for (size_t i = 0; i < n; i++) {
			struct str attr, kind = str_cut(attrs[i], ':', &attr);

			if (attr.len && ent_kind_of(kind) >= 0) {
				q->let[q->nlet].kind = ent_kind_of(kind);
				attrs[i] = attr;
			}
			err = attribute(y, c, s, attrs[i], &q->let[q->nlet].attr[i], d);
			if (err < 0)
				return err;
		}
		q->let[q->nlet++].nattr = n;
	}
	return 0;
}

/* Whether a question binds this name: an entity kind or a let. */
static bool binds(const struct question *q, struct str name)
{
	if (ent_kind_of(name) >= 0)
		return true;
	for (size_t i = 0; i < q->nlet; i++)
		if (str_eq(q->let[i].name, name))
			return true;
	return false;
}

/* "$device" -> "device", which must be bound. */
static int variable(const struct yaml *y, const struct yaml_node *n, const struct question *q,
		    struct str text, struct str *ret_v, struct diag *d)
{
	*ret_v = str_sub(text, 1, text.len);
	if (text.len < 2 || text.p[0] != '$' || !binds(q, *ret_v))
		return yaml_fail(y, n, d,
				 "$ and an entity kind or a name under 'let' is expected");
	return 0;
}

static int read_match(const struct yaml *y, struct schema *s, const struct question *q,
		      struct look *l, const struct yaml_node *n, struct diag *d)
{
	YAML_EACH(c, n)
	{
		struct match *m = &l->match[l->nmatch];
		struct str v = c->text;
		int err;

		if (l->nmatch == MATCH_MAX)
			return yaml_fail(y, c, d, "at most %d of these", MATCH_MAX);
		m->not = str_starts(v, STR("not "));
		if (m->not )
			v = str_trim(str_sub(v, 4, v.len));
		if ((err = variable(y, c, q, v, &m->var, d)) < 0 ||
		    (err = attribute(y, c, s, c->key, &m->attr, d)) < 0)
			return err;
		l->nmatch++;
	}
	return 0;
}

static int read_when(const struct yaml *y, const struct yaml_node *n, struct look *l,
		     struct diag *d)
{
	static const char *const names[] = {"all", "before", "after", "around", "during"};
	struct str when = yaml_str(n, "when", "all"), span = yaml_str(n, "span", "14d");
	size_t i = 0;

	while (i < ARRAY_LEN(names) && !str_eqz(when, names[i]))
		i++;
	if (i == ARRAY_LEN(names))
		return yaml_fail(y, yaml_get(n, "when"), d,
				 "all, before, after, around or during is expected");
	l->when = (enum look_when)i;
	if (!time_parse_span(span, 400 * 24 * NS_PER_H, &l->span_ns))
		return yaml_fail(y, yaml_get(n, "span"), d, "a span such as 6h or 7d");
	return 0;
}

static int read_types(const struct yaml *y, const struct yaml_node *n, struct look *l,
		      struct diag *d)
{
	struct str names[LIST_MAX];
	size_t k;
	int err = texts(y, yaml_get(n, "types"), l->types, LIST_MAX, &l->ntypes, d);

	if (err == 0)
		err = texts(y, yaml_get(n, "but"), l->but, LIST_MAX, &l->nbut, d);
	if (err == 0)
		err = texts(y, yaml_get(n, "classes"), names, LIST_MAX, &k, d);
	for (size_t i = 0; err == 0 && i < k; i++) {
		l->classes[l->nclasses] = ocsf_class_of(names[i]);
		if (l->classes[l->nclasses++] < 0)
			err = yaml_fail(y, yaml_get(n, "classes"), d, "no such class: %.*s",
					STR_ARG(names[i]));
	}
	return err;
}

static int read_measured(const struct yaml *y, struct schema *s, const struct yaml_node *n,
			 struct look *l, struct diag *d)
{
	struct str distinct = yaml_str(n, "distinct", ""), sum = yaml_str(n, "sum", "");
	int err = 0;

	l->distinct = l->sum = ATTR_NONE;
	if (ent_kind_of(distinct) >= 0)
		l->distinct_entity = distinct;
	else if (distinct.len)
		err = attribute(y, n, s, distinct, &l->distinct, d);
	if (err == 0 && sum.len)
		err = attribute(y, n, s, sum, &l->sum, d);
	return err;
}

/* {attribute: value} without names of selections is one selection. */
static const struct yaml_node *selections(struct yaml *y, const struct yaml_node *n)
{
	struct yaml_node *map, *one;

	YAML_EACH(c, n)
	if (c->kind == YAML_MAP || str_eqz(c->key, "condition"))
		return n;
	map = arena_zalloc(&y->mem, sizeof(*map));
	one = arena_zalloc(&y->mem, sizeof(*one));
	if (!map || !one)
		return NULL;
	*one = *n;
	one->key = STR("where");
	one->next = NULL;
	*map = *n;
	map->child = one;
	map->nchildren = 1;
	return map;
}

static int want_where(const struct look *l, struct schema *s)
{
	int err = 0;

	if (!l->where)
		return 0;
	for (size_t i = 0; err == 0 && i < schema_types(s); i++)
		err = filter_want(l->where, s, schema_type(s, i));
	return err;
}

/* An entity kind, or a name under let that says of which kind it is. */
static bool names_entity(const struct question *q, struct str name)
{
	for (size_t i = 0; i < q->nlet; i++)
		if (str_eq(q->let[i].name, name))
			return q->let[i].kind >= 0;
	return ent_kind_of(name) >= 0;
}

/* A look-up among entities instead of events: 1 when it is one. */
static int read_entities(const struct yaml *y, struct question *q, struct look *l,
			 const struct yaml_node *n, struct diag *d)
{
	struct str kind = yaml_str(n, "entities", "");
	int err;

	l->entities = -1;
	if (!kind.len)
		return 0;
	l->entities = ent_kind_of(kind);
	if (l->entities < 0)
		return yaml_fail(y, yaml_get(n, "entities"), d, "no such kind of entity");
	err = variable(y, n, q, yaml_str(n, "ends", ""), &l->ends, d);
	q->nlooks++;
	l->distinct = l->sum = ATTR_NONE;
	return err < 0 ? err : 1;
}

static int read_look(const struct yaml *y, struct schema *s, struct question *q,
		     const struct yaml_node *n, struct diag *d)
{
	struct look *l = &q->look[q->nlooks];
	struct str of[3];
	size_t nof;
	int err;

	if (q->nlooks == LOOKS_MAX)
		return yaml_fail(y, n, d, "at most %d look-ups", LOOKS_MAX);
	l->name = n->key;
	if ((err = yaml_only(y, n, look_keys, d)) < 0 ||
	    (err = texts(y, yaml_get(n, "of"), of, 3, &nof, d)) < 0)
		return err;
	for (size_t i = 0; i < nof; i++)
		if (of[i].len && !names_entity(q, str_sub(of[i], 1, of[i].len)))
			return yaml_fail(y, yaml_get(n, "of"), d,
					 "'of' takes entities: a kind, or a name with a kind");
	err = read_entities(y, q, l, n, d);
	if (err != 0)
		return err < 0 ? err : 0;
	if (!nof)
		return yaml_fail(y, n, d, "a look-up needs 'of': whose events?");
	for (size_t i = 0; i < nof; i++)
		if ((err = variable(y, yaml_get(n, "of"), q, of[i], &l->of[l->nof++], d)) < 0)
			return err;
	if ((err = read_types(y, n, l, d)) < 0 || (err = read_when(y, n, l, d)) < 0 ||
	    (err = read_measured(y, s, n, l, d)) < 0 ||
	    (err = read_match(y, s, q, l, yaml_get(n, "match"), d)) < 0)
		return err;
	if (yaml_get(n, "where")) {
		const struct yaml_node *where = selections(q->doc, yaml_get(n, "where"));

		err = where ? filter_compile(s, y, where, &l->where, d) : -ENOMEM;
	}
	if (err == 0 && yaml_get(n, "alike"))
		err = variable(y, yaml_get(n, "alike"), q, yaml_str(n, "alike", ""), &l->alike,
			       d);
	q->nlooks++;
	return err < 0 ? err : want_where(l, s);
}

static int read_weights(const struct questions *qs, const struct yaml *y,
			const struct yaml_node *n, struct weights *w, struct diag *d)
{
	YAML_EACH(c, n)
	{
		size_t i = 0;

		while (i < qs->nh && !str_eq(qs->h[i].name, c->key))
			i++;
		if (i == qs->nh)
			return yaml_fail_key(y, c, d, "no such hypothesis (hypotheses.yaml)");
		if (!str_f64(c->text, &w->w[i]) || w->w[i] < -5 || w->w[i] > 5)
			return yaml_fail(y, c, d, "a number from -5 to 5 is expected");
	}
	return 0;
}

static int read_answers(const struct questions *qs, const struct yaml *y, struct question *q,
			struct diag *d)
{
	const struct yaml_node *root = y->docs->root, *say = yaml_get(root, "say");
	const struct yaml_node *weigh = yaml_get(root, "weigh");
	int err = yaml_only(y, say, say_keys, d);

	for (size_t i = 0; err == 0 && i < 3; i++) {
		const struct yaml_node *n = yaml_get(say, say_keys[i]);

		if (!n && i == 1) /* then what is not so is not known */
			continue;
		if (!n || !n->text.len)
			return yaml_fail(y, say ? say : root, d,
					 "'say' needs a sentence for %s", say_keys[i]);
		q->say[i] = n->text;
		err = sentence_check(y, n, q, d);
	}
	if (err == 0 && !yaml_get(root, "yes"))
		err = yaml_fail(y, root, d, "'yes' is missing: when is it so?");
	if (err == 0)
		err = condition_parse(y, yaml_get(root, "yes"), q, &q->yes, d);
	if (err == 0)
		err = condition_parse(y, yaml_get(root, "no"), q, &q->no, d);
	if (err == 0)
		err = condition_parse(y, yaml_get(root, "enough"), q, &q->enough, d);
	if (err == 0)
		err = read_weights(qs, y, yaml_get(weigh, "yes"), &q->weigh[0], d);
	return err < 0 ? err : read_weights(qs, y, yaml_get(weigh, "no"), &q->weigh[1], d);
}

static int read_question(struct questions *qs, struct question *q, struct diag *d)
{
	const struct yaml *y = q->doc;
	const struct yaml_node *root = y->docs ? y->docs->root : NULL;
	int err;

	if (!root || root->kind != YAML_MAP)
		return yaml_fail(y, root, d, "a question is a map");
	if ((err = yaml_only(y, root, keys, d)) < 0)
		return err;
	q->id = yaml_str(root, "id", "");
	q->title = yaml_str(root, "title", "");
	q->each = ent_kind_of(yaml_str(root, "each", ""));
	if (!q->id.len || !q->title.len || q->each < 0)
		return yaml_fail(y, root, d,
				 "'id', 'title' and 'each' (an entity kind) are needed");
	if ((err = yaml_i64(y, root, "most", 2, &q->most, d)) < 0 ||
	    (err = yaml_bool(y, root, "anybody", false, &q->anybody, d)) < 0 ||
	    (err = yaml_bool(y, root, "outsiders", false, &q->outsiders, d)) < 0 ||
	    (err = read_about(y, q, d)) < 0 || (err = read_lets(y, qs->schema, q, d)) < 0)
		return err;
	YAML_EACH(c, yaml_get(root, "look"))
	if ((err = read_look(y, qs->schema, q, c, d)) < 0)
		return err;
	if (!q->nlooks)
		return yaml_fail(y, root, d, "'look' is missing: what is looked up?");
	return read_answers(qs, y, q, d);
}

static int read_hypotheses(struct questions *qs, struct diag *d)
{
	const struct yaml *y = qs->hyp_doc;

	qs->benign = -1;
	YAML_EACH(c, y->docs ? y->docs->root : NULL)
	{
		struct hypothesis *h = &qs->h[qs->nh];
		int err;

		if (qs->nh == HYPOTHESES_MAX)
			return yaml_fail(y, c, d, "at most %d hypotheses", HYPOTHESES_MAX);
		h->name = c->key;
		h->text = yaml_str(c, "text", "");
		if ((err = yaml_f64(y, c, "prior", 0, &h->prior, d)) < 0 ||
		    (err = texts(y, yaml_get(c, "phases"), h->phases, LIST_MAX, &h->nphases,
				 d)) < 0 ||
		    (err = texts(y, yaml_get(c, "alone"), h->alone, LIST_MAX, &h->nalone, d)) <
			    0 ||
		    (err = texts(y, yaml_get(c, "families"), h->families, LIST_MAX,
				 &h->nfamilies, d)) < 0)
			return err;
		if (str_eqz(h->name, "benign_change"))
			qs->benign = (int)qs->nh;
		qs->nh++;
	}
	return qs->nh ? 0 : yaml_fail(y, NULL, d, "no hypotheses");
}

struct load {
	struct questions *qs;
	struct diag *d;
};

static bool special(const char *path)
{
	struct str p = str_of(path);

	return str_ends(p, STR("/hypotheses.yaml")) || str_ends(p, STR("/story.yaml"));
}

static int load_file(const char *path, void *arg)
{
	struct load *l = arg;
	struct questions *qs = l->qs;
	struct question *q;
	int err;

	if (special(path))
		return 0;
	if (qs->n == qs->cap) {
		size_t cap = qs->cap ? qs->cap * 2 : 64;
		struct question **v = realloc(qs->v, cap * sizeof(struct question *));

		if (!v)
			return -ENOMEM;
		qs->v = v;
		qs->cap = cap;
	}
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	qs->v[qs->n++] = q;
	err = yaml_load(path, &q->doc, l->d);
	return err < 0 ? err : read_question(qs, q, l->d);
}

int questions_load(const char *dir, struct schema *s, struct questions *ret_q, struct diag *d)
{
	struct load l = {ret_q, d};
	char path[4096];
	int err;

	*ret_q = (struct questions){.schema = s};
	snprintf(path, sizeof(path), "%s/hypotheses.yaml", dir);
	err = yaml_load(path, &ret_q->hyp_doc, d);
	if (err == 0)
		err = read_hypotheses(ret_q, d);
	snprintf(path, sizeof(path), "%s/story.yaml", dir);
	if (err == 0)
		err = yaml_load(path, &ret_q->story_doc, d);
	return err < 0 ? err : yaml_walk(dir, load_file, &l, d);
}

void questions_free(struct questions *q)
{
	for (size_t i = 0; i < q->n; i++) {
		for (size_t k = 0; k < q->v[i]->nlooks; k++)
			filter_free(q->v[i]->look[k].where);
		yaml_free(q->v[i]->doc);
		free(q->v[i]);
	}
	free(q->v);
	yaml_free(q->hyp_doc);
	yaml_free(q->story_doc);
	*q = (struct questions){0};
}
