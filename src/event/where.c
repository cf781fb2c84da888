/* SPDX-License-Identifier: Apache-2.0 */
#include "event/where.h"
#include "base/buf.h"
#include <errno.h>
#include <string.h>

#define VALUES_MAX 1000 /* of one "in" */

enum node_kind { NODE_OR, NODE_AND, NODE_NOT, NODE_TEST };

struct node {
	enum node_kind kind;
	bool gone;		 /* the store looks it up */
	struct node *a, *next;	 /* first child; sibling */
	struct str field, value; /* of tests; value: the first */
	size_t at;
	bool special;	       /* type, entity, text */
	unsigned number;       /* name of its selection */
	struct yaml_node *sel; /* it */
};

struct token {
	struct str text; /* without quotes and escapes */
	size_t at;
	bool quoted, end;
};

struct reading {
	struct str text;
	size_t next; /* in text */
	struct token tok;
	struct arena *mem;
	char *file; /* as complaints call the expression */
	struct diag *d;
	unsigned tests, depth;
};

static int fail(struct reading *r, size_t at, const char *what)
{
	return diag_set(r->d, E_SYNTAX, "at %zu: %s", at + 1, what);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* "text", with \" and \\; any other backslash stands for itself. */
static int quoted(struct reading *r)
{
	size_t i = r->next + 1, n = 0;
	char *p = arena_alloc(r->mem, r->text.len + 1);

	if (!p)
		return -ENOMEM;
	for (; i < r->text.len && r->text.p[i] != '"'; i++) {
		if (r->text.p[i] == '\\' && i + 1 < r->text.len &&
		    strchr("\"\\", r->text.p[i + 1]))
			i++;
		p[n++] = r->text.p[i];
	}
	if (i >= r->text.len)
		return fail(r, r->next, "the quote is not closed");
	r->tok = (struct token){.text = str_n(p, n), .at = r->next, .quoted = true};
	r->next = i + 1;
	return 0;
}

static bool is_op(char c)
{
	return c && strchr("=!~<>", c);
}

static int advance(struct reading *r)
{
	size_t i = r->next, from;

	while (i < r->text.len && is_space(r->text.p[i]))
		i++;
	r->next = from = i;
	if (i >= r->text.len) {
		r->tok = (struct token){.at = i, .end = true};
		return 0;
	}
	if (r->text.p[i] == '"')
		return quoted(r);
	if (strchr("(),", r->text.p[i]) && r->text.p[i])
		i++;
	else if (is_op(r->text.p[i]))
		while (i < r->text.len && is_op(r->text.p[i]))
			i++;
	else
		while (i < r->text.len && !is_space(r->text.p[i]) && !is_op(r->text.p[i]) &&
		       !(r->text.p[i] && strchr("(),\"", r->text.p[i])))
			i++;
	r->tok = (struct token){.text = str_sub(r->text, from, i), .at = from};
	r->next = i;
	return 0;
}

static bool is(const struct reading *r, const char *word)
{
	return !r->tok.quoted && !r->tok.end && str_ieqz(r->tok.text, word);
}

static struct node *node(struct reading *r, enum node_kind kind)
{
	struct node *n = arena_zalloc(r->mem, sizeof(*n));

	if (n)
		*n = (struct node){.kind = kind, .at = r->tok.at};
	return n;
}

/* ---- a test ---- */

static const struct op {
	const char *sign, *mod;
	bool not_;
} ops[] = {
	{"=", "", false},
	{"!=", "", true},
	{"~", "contains", false},
	{"!~", "contains", true},
	{"<", "lt", false},
	{"<=", "lte", false},
	{">", "gt", false},
	{">=", "gte", false},
	{"starts", "startswith", false},
	{"ends", "endswith", false},
	{"matches", "re|i", false},
	{"in", "", false},
	{"exists", "exists", false},
};

static const struct op *op_of(const struct reading *r)
{
	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		if (is(r, ops[i].sign))
			return &ops[i];
	return NULL;
}

static bool plain_number(struct str s)
{
	size_t i = s.len && s.p[0] == '-', digits = 0;
	bool dot = false;

	for (; i < s.len; i++) {
		if (s.p[i] == '.' && !dot && digits)
			dot = true;
		else if (s.p[i] >= '0' && s.p[i] <= '9')
			digits++;
		else
			return false;
	}
	return digits && digits < 18 && s.p[s.len - 1] != '.';
}

/* "10.0.0.0/8", "2001:db8::/32": digits, dots, colons, and a length. */
static bool is_block(struct str s)
{
	struct str rest, head = str_cut(s, '/', &rest);
	int64_t bits;

	if (!rest.len || rest.len > 3 || !str_i64(rest, &bits) || bits < 0 || bits > 128)
		return false;
	for (size_t i = 0; i < head.len; i++)
		if (!head.p[i] || !strchr("0123456789abcdefABCDEF.:", head.p[i]))
			return false;
	return memchr(head.p, '.', head.len) || memchr(head.p, ':', head.len);
}

static struct yaml_node *yaml(struct reading *r, enum yaml_kind kind, struct str key, size_t at)
{
	struct yaml_node *n = arena_zalloc(r->mem, sizeof(*n));

	if (n)
		*n = (struct yaml_node){.kind = kind,
					.key = key,
					.line = 1,
					.col = (unsigned)at + 1,
					.key_line = 1,
					.key_col = (unsigned)at + 1};
	return n;
}

/* Both end with a NUL, as texts of YAML do. */
static struct yaml_node *scalar(struct reading *r, struct str key, struct str text, bool quoted,
				size_t at)
{
	struct yaml_node *n = yaml(r, YAML_SCALAR, key, at);

	if (!n)
		return NULL;
	n->text = arena_str(r->mem, text);
	n->quoted = quoted;
	return n->text.p ? n : NULL;
}

static struct yaml_node *value(struct reading *r, struct str key, const struct token *t)
{
	return scalar(r, key, t->text, t->quoted || !plain_number(t->text), t->at);
}

static int take_value(struct reading *r, struct token *ret_t)
{
	if (r->tok.end)
		return fail(r, r->tok.at, "a value is missing at the end");
	if (!r->tok.quoted && (is(r, "(") || is(r, ")") || is(r, ",") ||
			       (r->tok.text.len && is_op(r->tok.text.p[0]))))
		return fail(r, r->tok.at, "a value is missing here");
	*ret_t = r->tok;
	return advance(r);
}

/* ( VALUE , ... ) */
static int values(struct reading *r, struct yaml_node *list)
{
	struct yaml_node **at = &list->child;
	struct token v;
	int e = is(r, "(") ? advance(r) : fail(r, r->tok.at, "\"in\" wants ( and values");

	for (;;) {
		if (e == 0)
			e = take_value(r, &v);
		if (e < 0)
			return e;
		if (list->nchildren++ >= VALUES_MAX)
			return fail(r, v.at, "too many values");
		*at = value(r, STR(""), &v);
		if (!*at)
			return -ENOMEM;
		at = &(*at)->next;
		if (!is(r, ","))
			break;
		e = advance(r);
	}
	return is(r, ")") ? advance(r) : fail(r, r->tok.at, "a ) is missing");
}

static bool field_ok(struct str f)
{
	for (size_t i = 0; i < f.len; i++) {
		char c = f.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || (c && strchr("_.-@:/[]{}#", c))))
			return false;
	}
	return f.len > 0 && f.len <= 200;
}

static bool reserved(const struct reading *r)
{
	static const char *const words[] = {"and", "or", "not", "(", ")", ","};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (is(r, words[i]))
			return true;
	return false;
}

static struct str key_of(struct reading *r, const struct node *n, const char *mod)
{
	return arena_fmt(r->mem, "%.*s%s%s", STR_ARG(n->field), mod[0] ? "|" : "", mod);
}

/* What follows the field and its operator, as the selection "wN": {FIELD|MODIFIER: VALUE}. */
static int selection(struct reading *r, struct node *n, const struct op *op)
{
	struct yaml_node *of = NULL;
	struct token v;
	int e = 0;

	if (str_eqz(str_of(op->sign), "exists")) {
		of = scalar(r, key_of(r, n, op->mod), STR("true"), false, n->at);
	} else if (str_eqz(str_of(op->sign), "in")) {
		of = yaml(r, YAML_SEQ, key_of(r, n, ""), n->at);
		e = of ? values(r, of) : -ENOMEM;
	} else if ((e = take_value(r, &v)) == 0) {
		bool block = !op->mod[0] && !v.quoted && is_block(v.text);

		of = value(r, key_of(r, n, block ? "cidr" : op->mod), &v);
		n->value = v.text;
	}
	if (e < 0)
		return e;
	n->sel = yaml(r, YAML_MAP, arena_fmt(r->mem, "w%u", n->number), n->at);
	if (!of || !n->sel)
		return -ENOMEM;
	n->sel->child = of;
	n->sel->nchildren = 1;
	return 0;
}

static int test(struct reading *r, struct node **ret_n)
{
	struct node *n = node(r, NODE_TEST), *not_;
	const struct op *op;
	int e;

	if (!n)
		return -ENOMEM;
	if (r->tok.end)
		return fail(r, r->tok.at, "a field is missing at the end");
	if (reserved(r) || op_of(r) || !field_ok(r->tok.text))
		return fail(r, r->tok.at, "a field is expected here");
	if (r->tests == WHERE_TESTS_MAX)
		return fail(r, r->tok.at, "too many tests");
	n->number = r->tests++;
	n->field = r->tok.text;
	n->special = str_ieqz(n->field, "type") || str_ieqz(n->field, "entity") ||
		     str_ieqz(n->field, "text");
	if ((e = advance(r)) < 0)
		return e;
	op = op_of(r);
	if (!op)
		return fail(
			r, r->tok.at,
			"one of = != ~ !~ < <= > >= in exists starts ends matches is expected");
	if (n->special && !str_eqz(str_of(op->sign), "="))
		return fail(r, n->at, "type, entity and text are compared with = alone");
	if ((e = advance(r)) < 0 || (e = selection(r, n, op)) < 0)
		return e;
	*ret_n = n;
	if (!op->not_)
		return 0;
	not_ = node(r, NODE_NOT);
	if (!not_)
		return -ENOMEM;
	not_->a = n;
	*ret_n = not_;
	return 0;
}

/* ---- and, or, not ---- */

static int any(struct reading *r, struct node **ret_n);

static int one(struct reading *r, struct node **ret_n)
{
	struct node *n;
	int e;

	if (++r->depth > WHERE_DEPTH_MAX)
		return fail(r, r->tok.at, "too deep");
	if (is(r, "not")) {
		n = node(r, NODE_NOT);
		e = n ? advance(r) : -ENOMEM;
		if (e == 0)
			e = one(r, &n->a);
		*ret_n = n;
	} else if (is(r, "(")) {
		e = advance(r);
		if (e == 0)
			e = any(r, ret_n);
		if (e == 0)
			e = is(r, ")") ? advance(r) : fail(r, r->tok.at, "a ) is missing");
	} else {
		e = test(r, ret_n);
	}
	r->depth--;
	return e;
}

/* Parts joined by a word; a single one stands for itself. */
static int joined(struct reading *r, enum node_kind kind, const char *word,
		  int (*part)(struct reading *r, struct node **ret_n), struct node **ret_n)
{
	struct node *n = node(r, kind), **at;
	int e;

	if (!n)
		return -ENOMEM;
	at = &n->a;
	while ((e = part(r, at)) == 0 && is(r, word)) {
		at = &(*at)->next;
		if ((e = advance(r)) < 0)
			return e;
	}
	*ret_n = n->a && !n->a->next ? n->a : n;
	return e;
}

static int both(struct reading *r, struct node **ret_n)
{
	return joined(r, NODE_AND, "and", one, ret_n);
}

static int any(struct reading *r, struct node **ret_n)
{
	return joined(r, NODE_OR, "or", both, ret_n);
}

/* ---- what the store looks up ---- */

static int hoist(struct reading *r, struct node *n, bool alone, struct where *w)
{
	struct str *to;
	int e = 0;

	if (n->kind != NODE_TEST) {
		for (struct node *c = n->a; c && e == 0; c = c->next)
			e = hoist(r, c, alone && n->kind == NODE_AND, w);
		return e;
	}
	if (!n->special)
		return 0;
	if (!alone)
		return fail(r, n->at, "type, entity and text stand beside \"and\" alone");
	to = str_ieqz(n->field, "type")	  ? &w->type
	     : str_ieqz(n->field, "text") ? &w->text
					  : &w->entity;
	if (to->len)
		return fail(r, n->at, "this field is asked twice");
	if (!n->value.len)
		return fail(r, n->at, "a value is missing here");
	*to = n->value;
	n->gone = true;
	return 0;
}

static bool left(const struct node *n)
{
	if (n->kind == NODE_TEST)
		return !n->gone;
	for (const struct node *c = n->a; c; c = c->next)
		if (left(c))
			return true;
	return false;
}

static void condition(struct buf *b, const struct node *n)
{
	bool first = true;

	if (n->kind == NODE_TEST) {
		buf_fmt(b, "w%u", n->number);
		return;
	}
	buf_addz(b, n->kind == NODE_NOT ? "(not " : "(");
	for (const struct node *c = n->a; c; c = c->next) {
		if (!left(c))
			continue;
		if (!first)
			buf_addz(b, n->kind == NODE_OR ? " or " : " and ");
		first = false;
		condition(b, c);
	}
	buf_addc(b, ')');
}

/* The selections that are left, in the order of the expression. */
static void selections(struct node *n, struct yaml_node *map, struct yaml_node ***at)
{
	if (n->kind == NODE_TEST && !n->gone) {
		**at = n->sel;
		*at = &n->sel->next;
		map->nchildren++;
	}
	for (struct node *c = n->kind == NODE_TEST ? NULL : n->a; c; c = c->next)
		selections(c, map, at);
}

static int detection(struct reading *r, struct node *root, struct where *w)
{
	struct yaml_node *map = yaml(r, YAML_MAP, STR(""), 0), **at;
	struct buf b;
	int e;

	if (!map)
		return -ENOMEM;
	at = &map->child;
	selections(root, map, &at);
	buf_init(&b, 64 * KIB);
	condition(&b, root);
	e = buf_err(&b);
	*at = e == 0 ? scalar(r, STR("condition"), buf_str(&b), true, 0) : NULL;
	buf_free(&b);
	if (!*at)
		return e < 0 ? e : -ENOMEM;
	map->nchildren++;
	w->detection = map;
	w->source = (struct yaml){.file = r->file, .text = r->text};
	return 0;
}

int where_read(struct str text, struct arena *mem, struct where *ret_w, struct diag *d)
{
	struct reading r = {
		.text = text, .mem = mem, .d = d, .file = arena_strz(mem, STR("at"))};
	struct where w = {.type = STR("")};
	struct node *root = NULL;
	int e;

	if (text.len > WHERE_TEXT_MAX)
		return diag_set(d, E_SYNTAX, "at %d: this is too long", WHERE_TEXT_MAX);
	e = r.file ? advance(&r) : -ENOMEM;
	if (e == 0)
		e = any(&r, &root);
	if (e == 0 && !r.tok.end)
		e = fail(&r, r.tok.at, "\"and\", \"or\" or the end is expected here");
	if (e == 0)
		e = hoist(&r, root, true, &w);
	if (e == 0 && left(root))
		e = detection(&r, root, &w);
	if (e == 0)
		*ret_w = w;
	return e;
}
