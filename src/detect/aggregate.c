/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregations of Sigma 1, `condition: selection | count(user) by src > 5` with `timeframe:
 * 1h`, mapped on the correlations that took their place: count() is event_count, count(x)
 * value_count, and so on. What stands before the bar becomes a rule of its own that is silent.
 */
#include "base/timeutil.h"
#include "detect/correlate.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>

static const struct {
	const char *name;
	enum corr_type of_field;
} functions[] = {
	{"count", CORR_VALUE_COUNT}, {"sum", CORR_VALUE_SUM}, {"avg", CORR_VALUE_AVG},
	{"min", CORR_VALUE_MIN},     {"max", CORR_VALUE_MAX},
};

struct reading {
	struct rule *r;
	const struct yaml_node *n;
	struct diag *d;
	struct str rest, tok;
};

/* Words, the signs ( ) , and the signs of comparison. */
static void advance(struct reading *x)
{
	struct str s = str_trim(x->rest);
	size_t i = 0;

	if (s.len && strchr("(),", s.p[0]))
		i = 1;
	else if (s.len && strchr("<>=", s.p[0]))
		while (i < s.len && strchr("<>=", s.p[i]))
			i++;
	else
		while (i < s.len && !strchr("(),<>= \t\r\n", s.p[i]))
			i++;
	x->tok = str_sub(s, 0, i);
	x->rest = str_sub(s, i, s.len);
}

static bool take(struct reading *x, const char *word)
{
	if (!str_ieqz(x->tok, word))
		return false;
	advance(x);
	return true;
}

static int fail(struct reading *x, const char *what)
{
	return yaml_fail(x->r->yaml, x->n, x->d, "%s, not '%.*s'", what, STR_ARG(x->tok));
}

static struct str after_bar(const struct yaml_node *detection, struct str *ret_before)
{
	const struct yaml_node *c = yaml_get(detection, "condition");
	struct str rest = {NULL, 0};

	*ret_before = rest;
	if (c && c->kind == YAML_SCALAR)
		*ret_before = str_cut(c->text, '|', &rest);
	return rest;
}

bool aggregate_has(const struct yaml_node *detection)
{
	struct str before;

	return after_bar(detection, &before).p != NULL;
}

struct str aggregate_condition(const struct yaml_node *detection)
{
	struct str before;

	after_bar(detection, &before);
	return before;
}

static int read_function(struct reading *x)
{
	struct corr *c = x->r->corr;
	size_t k = 0;

	while (k < ARRAY_LEN(functions) && !str_ieqz(x->tok, functions[k].name))
		k++;
	if (k == ARRAY_LEN(functions))
		return fail(x, "expected count, sum, avg, min or max");
	c->type = functions[k].of_field;
	advance(x);
	if (!take(x, "("))
		return fail(x, "expected '('");
	if (!str_eqz(x->tok, ")")) {
		c->field[c->nfields++] = x->tok;
		advance(x);
	} else if (c->type == CORR_VALUE_COUNT) {
		c->type = CORR_EVENT_COUNT;
	} else {
		return fail(x, "expected a field");
	}
	return take(x, ")") ? 0 : fail(x, "expected ')'");
}

static int read_groups(struct reading *x)
{
	struct corr *c = x->r->corr;

	if (!take(x, "by"))
		return 0;
	do {
		if (!x->tok.len || strchr("(),<>=", x->tok.p[0]))
			return fail(x, "expected a field");
		if (c->ngroup == CORR_GROUP)
			return fail(x, "too many fields");
		c->groups[c->ngroup++] = x->tok;
		advance(x);
	} while (take(x, ","));
	return 0;
}

static int read_bound(struct reading *x)
{
	struct corr *c = x->r->corr;
	struct str op = x->tok;
	double v;

	advance(x);
	if (!str_f64(x->tok, &v))
		return fail(x, "expected a number");
	advance(x);
	if (x->tok.len)
		return fail(x, "expected the end");
	c->low = -INFINITY;
	c->high = INFINITY;
	if (str_eqz(op, ">") || str_eqz(op, ">=")) {
		c->low = v;
		c->low_open = op.len == 1;
	} else if (str_eqz(op, "=") || str_eqz(op, "==")) {
		c->low = c->high = v;
	} else if (str_eqz(op, "<") || str_eqz(op, "<=")) {
		fail(x, "only what reaches a lower bound can be told");
		return -ENOTSUP;
	} else {
		x->tok = op;
		return fail(x, "expected a comparison");
	}
	if (c->type > CORR_VALUE_COUNT || c->low <= CORR_LONG)
		return 0;
	yaml_fail(x->r->yaml, x->n, x->d, "no more than %d can be counted", CORR_LONG);
	return -ENOTSUP;
}

int aggregate_read(struct rule *r, const struct yaml_node *detection, struct diag *d)
{
	const struct yaml_node *span = yaml_get(detection, "timeframe");
	struct str before;
	struct reading x = {.r = r, .n = yaml_get(detection, "condition"), .d = d};
	struct corr *c = calloc(1, sizeof(*c));
	int e;

	if (!c)
		return -ENOMEM;
	r->corr = c;
	c->own = true;
	c->nrefs = 1;
	x.rest = after_bar(detection, &before);
	advance(&x);
	if (str_ieqz(x.tok, "near")) {
		yaml_fail(r->yaml, x.n, d,
			  "'near' names no field that ties the records together: write a "
			  "temporal correlation with group-by");
		return -ENOTSUP;
	}
	if (!span) {
		yaml_fail(r->yaml, x.n, d, "an aggregation needs a timeframe");
		return -ENOTSUP;
	}
	if (!time_parse_span(span->text, 36500, &c->span_ns))
		return yaml_fail(r->yaml, span, d, "a timeframe is a number with s, m, h or d");
	if ((e = read_function(&x)) < 0 || (e = read_groups(&x)) < 0)
		return e;
	return read_bound(&x);
}
