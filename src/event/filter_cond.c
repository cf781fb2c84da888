/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The condition of a detection block, and filter_compile itself.
 *   or   := and ("or" and)*
 *   and  := not ("and" not)*
 *   not  := "not" not | "(" or ")" | ("1" | "any" | "all") "of" ("them" | PATTERN) | NAME
 */
#include "event/filter_priv.h"
#include <errno.h>
#include <stdlib.h>

#define COND_DEPTH 64

struct cond {
	struct filter_build *b;
	const struct yaml_node *n;
	struct str text, tok;
	size_t at, tok_at; /* offsets in text */
	unsigned depth;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void advance(struct cond *c)
{
	size_t i = c->at;

	while (i < c->text.len && is_space(c->text.p[i]))
		i++;
	c->tok_at = i;
	if (i < c->text.len && strchr("()|", c->text.p[i]))
		i++;
	else
		while (i < c->text.len && !is_space(c->text.p[i]) &&
		       !strchr("()|", c->text.p[i]))
			i++;
	c->tok = str_sub(c->text, c->tok_at, i);
	c->at = i;
}

static bool take(struct cond *c, const char *word)
{
	if (!str_ieqz(c->tok, word))
		return false;
	advance(c);
	return true;
}

/* Complains at the current word; in a block over several lines, at its start. */
static int fail(struct cond *c, const char *what)
{
	struct yaml_node at = *c->n;

	if (str_chr(c->text, '\n', 0) == SIZE_MAX)
		at.col += (unsigned)c->tok_at + at.quoted;
	if (c->tok.len == 0)
		return yaml_fail(c->b->y, &at, c->b->d, "%s at the end", what);
	return yaml_fail(c->b->y, &at, c->b->d, "%s, not '%.*s'", what, STR_ARG(c->tok));
}

/* A node of its own for selection i, which may stand in several places. */
static struct node *selection(struct cond *c, size_t i)
{
	struct node *n = filter_node(c->b, NODE_AND);

	if (n) {
		*n = c->b->sels[i];
		n->next = NULL;
		n->name = arena_str(&c->b->f->mem, c->b->names[i]);
	}
	return n;
}

static bool name_matches(struct str pattern, struct str name)
{
	struct pattern p = {.kind = PAT_WILD, .cased = true};
	char text[256];

	if (str_eqz(pattern, "them"))
		return name.len && name.p[0] != '_';
	if (pattern.len > sizeof(text))
		return false;
	for (size_t i = 0; i < pattern.len; i++)
		text[i] = pattern.p[i] == '*' ? PAT_STAR : pattern.p[i];
	p.text = str_n(text, pattern.len);
	return pattern_text(&p, name);
}

static int parse_of(struct cond *c, enum node_kind kind, struct node **ret_n)
{
	struct node *n = filter_node(c->b, kind), **tail;

	if (!n)
		return -ENOMEM;
	tail = &n->child;
	if (!take(c, "of"))
		return fail(c, "expected 'of'");
	for (size_t i = 0; i < c->b->nsels; i++)
		if (name_matches(c->tok, c->b->names[i])) {
			*tail = selection(c, i);
			if (!*tail)
				return -ENOMEM;
			tail = &(*tail)->next;
		}
	if (!n->child)
		return fail(c, "expected the pattern of a selection's name");
	advance(c);
	*ret_n = n;
	return 0;
}

static int parse_or(struct cond *c, struct node **ret_n);

static int parse_primary(struct cond *c, struct node **ret_n)
{
	int r;

	if (take(c, "(")) {
		r = parse_or(c, ret_n);
		return r < 0 ? r : take(c, ")") ? 0 : fail(c, "expected ')'");
	}
	for (size_t i = 0; i < c->b->nsels; i++)
		if (str_eq(c->tok, c->b->names[i])) {
			*ret_n = selection(c, i);
			advance(c);
			return *ret_n ? 0 : -ENOMEM;
		}
	if (take(c, "1") || take(c, "any"))
		return parse_of(c, NODE_OR, ret_n);
	if (take(c, "all"))
		return parse_of(c, NODE_AND, ret_n);
	return fail(c, "expected the name of a selection");
}

static int parse_not(struct cond *c, struct node **ret_n)
{
	struct node *n;
	int r;

	if (++c->depth > COND_DEPTH)
		return fail(c, "condition nested too deeply");
	if (!take(c, "not")) {
		r = parse_primary(c, ret_n);
	} else {
		n = filter_node(c->b, NODE_NOT);
		r = n ? parse_not(c, &n->child) : -ENOMEM;
		if (r == 0)
			*ret_n = n;
	}
	c->depth--;
	return r;
}

/* PART (word PART)*; one part alone needs no node of its own. */
static int parse_chain(struct cond *c, const char *word, enum node_kind kind,
		       int (*part)(struct cond *, struct node **), struct node **ret_n)
{
	struct node *n, **tail;
	int r = part(c, ret_n);

	if (r < 0 || !str_ieqz(c->tok, word))
		return r;
	n = filter_node(c->b, kind);
	if (!n)
		return -ENOMEM;
	n->child = *ret_n;
	tail = &n->child->next;
	while (r == 0 && take(c, word)) {
		r = part(c, tail);
		if (r == 0)
			tail = &(*tail)->next;
	}
	*ret_n = n;
	return r;
}

static int parse_and(struct cond *c, struct node **ret_n)
{
	return parse_chain(c, "and", NODE_AND, parse_not, ret_n);
}

static int parse_or(struct cond *c, struct node **ret_n)
{
	return parse_chain(c, "or", NODE_OR, parse_and, ret_n);
}

static int parse_one(struct filter_build *b, const struct yaml_node *n, struct node **ret_n)
{
	struct cond c = {.b = b, .n = n, .text = n->text};
	int r;

	if (n->kind != YAML_SCALAR)
		return yaml_fail(b->y, n, b->d, "a condition is a text");
	advance(&c);
	r = parse_or(&c, ret_n);
	if (r < 0 || c.tok.len == 0)
		return r;
	if (!str_eqz(c.tok, "|"))
		return fail(&c, "expected 'and' or 'or'");
	fail(&c, "an aggregation does not go here: count with thymus: count, or a correlation");
	return -ENOTSUP;
}

int filter_condition(struct filter_build *b, const struct yaml_node *n, struct node **ret_node)
{
	struct node *any, **tail;

	if (n->kind == YAML_SCALAR)
		return parse_one(b, n, ret_node);
	if (n->kind != YAML_SEQ || !n->child)
		return yaml_fail(b->y, n, b->d, "a condition is a text or a list of them");
	any = filter_node(b, NODE_OR);
	if (!any)
		return -ENOMEM;
	tail = &any->child;
	YAML_EACH(c, n)
	{
		int r = parse_one(b, c, tail);

		if (r < 0)
			return r;
		tail = &(*tail)->next;
	}
	*ret_node = any;
	return 0;
}

static int all_selections(struct filter_build *b, struct node **ret_node)
{
	struct cond c = {.b = b};
	struct node *all = filter_node(b, NODE_AND), **tail;

	if (!all)
		return -ENOMEM;
	tail = &all->child;
	for (size_t i = 0; i < b->nsels; i++) {
		*tail = selection(&c, i);
		if (!*tail)
			return -ENOMEM;
		tail = &(*tail)->next;
	}
	*ret_node = all;
	return 0;
}

static int compile(struct filter_build *b)
{
	const struct yaml_node *cond = yaml_get(b->map, "condition");
	struct yaml_node other;
	int r = 0;

	b->sels = arena_zalloc(&b->f->mem, b->map->nchildren * sizeof(*b->sels));
	b->names = arena_alloc(&b->f->mem, b->map->nchildren * sizeof(*b->names));
	if (!b->sels || !b->names)
		return filter_nomem(b);
	YAML_EACH(c, b->map)
	{
		if (c == cond || (b->how.skip && str_eqz(c->key, b->how.skip)))
			continue;
		if (b->how.condition.p && str_eqz(c->key, "timeframe"))
			continue;
		if (str_eqz(c->key, "timeframe")) {
			yaml_fail_key(b->y, c, b->d,
				      "a timeframe needs something to be counted: "
				      "condition: ... | count() > n");
			return -ENOTSUP;
		}
		b->names[b->nsels] = c->key;
		r = filter_selection(b, c, &b->sels[b->nsels++]);
		if (r < 0)
			return r;
		/* Now, so that copies of it need not count again. */
		(void)filter_work(&b->sels[b->nsels - 1]);
	}
	if (cond && b->how.condition.p) {
		other = *cond;
		other.text = b->how.condition;
		cond = &other;
	}
	if (b->nsels == 0)
		return yaml_fail(b->y, b->map, b->d, "a detection needs a selection");
	r = cond ? filter_condition(b, cond, &b->f->root) : all_selections(b, &b->f->root);
	if (r < 0)
		return r;
	r = filter_lay(b->f);
	if (r == E_LIMIT)
		return yaml_fail(b->y, b->map, b->d, "the condition asks too much");
	return r < 0 ? filter_nomem(b) : 0;
}

int filter_compile(struct schema *s, const struct yaml *y, const struct yaml_node *n,
		   struct filter **ret_f, struct diag *d)
{
	return filter_compile_as(s, y, n, &(struct filter_how){0}, ret_f, d);
}

int filter_compile_as(struct schema *s, const struct yaml *y, const struct yaml_node *n,
		      const struct filter_how *how, struct filter **ret_f, struct diag *d)
{
	struct filter_build b = {.schema = s, .y = y, .map = n, .how = *how, .d = d};
	int r;

	if (!n || n->kind != YAML_MAP)
		return yaml_fail(y, n, d, "a detection is a map of selections");
	b.f = calloc(1, sizeof(*b.f));
	if (!b.f)
		return filter_nomem(&b);
	arena_init(&b.f->mem, 64 * MIB);
	r = compile(&b);
	if (r < 0) {
		filter_free(b.f);
		return r;
	}
	*ret_f = b.f;
	return 0;
}
