/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/qexpr: conditions over what look-ups found ("back.count > 0 and back.last < t0") and
 * the sentences of answers ("{device} had called {back.count} times").
 */
#include "base/words.h"
#include "incident/question.h"
#include <errno.h>
#include <stdio.h>

#define LOOK_NONE -1

static const struct {
	const char *name;
	char letter;
} measures[] = {
	{"count", 'c'}, {"distinct", 'd'}, {"sum", 's'}, {"first", 'f'},  {"last", 'l'},
	{"age", 'a'},	{"gap", 'g'},	   {"cut", 'u'}, {"values", 'v'}, {"among", 'm'},
};

/* "NAME.MEASURE", "t0" or "t1"; false: no such look-up or measure. */
static bool measured(const struct question *q, struct str s, int *ret_look, char *ret_measure)
{
	struct str what, name = str_cut(s, '.', &what);

	*ret_look = LOOK_NONE;
	if (str_eqz(s, "t0") || str_eqz(s, "t1")) {
		*ret_measure = s.p[1];
		return true;
	}
	for (size_t i = 0; i < q->nlooks; i++)
		if (str_eq(q->look[i].name, name))
			*ret_look = (int)i;
	for (size_t i = 0; *ret_look >= 0 && i < ARRAY_LEN(measures); i++) {
		if (str_eqz(what, measures[i].name)) {
			*ret_measure = measures[i].letter;
			return true;
		}
	}
	return false;
}

static struct str word(struct str *rest)
{
	struct str w;

	*rest = str_trim(*rest);
	w = str_cut(*rest, ' ', rest);
	return str_trim(w);
}

static char operator_of(struct str s)
{
	static const char *const ops[] = {"<", ">", "==", "!=", "<=", ">="};

	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		if (str_eqz(s, ops[i]))
			return "<>=!lg"[i];
	return 0;
}

static bool operand_of(const struct question *q, struct str s, struct operand *o)
{
	*o = (struct operand){.look = LOOK_NONE};
	if (str_f64(s, &o->number))
		return true;
	return measured(q, s, &o->look, &o->measure) && o->measure != 'v' && o->measure != 'm';
}

int condition_parse(const struct yaml *y, const struct yaml_node *n, const struct question *q,
		    struct condition *ret_c, struct diag *d)
{
	struct str rest = n ? n->text : (struct str){NULL, 0};
	bool or_ = false;

	*ret_c = (struct condition){0};
	while (str_trim(rest).len) {
		struct term *t = &ret_c->t[ret_c->n];
		struct str a = word(&rest), op = word(&rest), b = word(&rest), more;

		if (ret_c->n == TERMS_MAX)
			return yaml_fail(y, n, d, "at most %d comparisons", TERMS_MAX);
		t->op = operator_of(op);
		t->or_ = or_;
		if (!operand_of(q, a, &t->a) || !t->op || !operand_of(q, b, &t->b))
			return yaml_fail(y, n, d, "not understood: %.*s %.*s %.*s", STR_ARG(a),
					 STR_ARG(op), STR_ARG(b));
		ret_c->n++;
		more = word(&rest);
		or_ = str_eqz(more, "or");
		if (more.len && !or_ && !str_eqz(more, "and"))
			return yaml_fail(y, n, d, "'and' or 'or' is expected, not %.*s",
					 STR_ARG(more));
	}
	return 0;
}

static double seconds(int64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

static double measure(char what, const struct found *f, const struct binding *b)
{
	switch (what) {
	case 'c':
		return (double)f->count;
	case 'd':
		return (double)f->distinct;
	case 's':
		return f->sum;
	case 'f':
		return f->count ? seconds(f->first) : 0;
	case 'l':
		return f->count ? seconds(f->last) : 0;
	case 'a':
		return f->count ? seconds(b->t0 - f->first) : 0;
	case 'g':
		return f->count ? seconds(b->t0 - f->last) : 0;
	default:
		return f->cut;
	}
}

static double value(const struct operand *o, const struct found *f, const struct binding *b)
{
	if (o->look >= 0)
		return measure(o->measure, &f[o->look], b);
	if (o->measure)
		return seconds(o->measure == '0' ? b->t0 : b->t1);
	return o->number;
}

static bool holds(const struct term *t, const struct found *f, const struct binding *b)
{
	double x = value(&t->a, f, b), y = value(&t->b, f, b);

	switch (t->op) {
	case '<':
		return x < y;
	case '>':
		return x > y;
	case 'l':
		return x <= y;
	case 'g':
		return x >= y;
	case '=':
		return !(x < y) && !(x > y);
	default:
		return x < y || x > y;
	}
}

/* Alternatives of conjunctions; an empty one is false. */
bool condition_true(const struct condition *c, const struct found *f, const struct binding *b)
{
	bool all = c->n > 0;

	for (size_t i = 0; i < c->n; i++) {
		if (c->t[i].or_) {
			if (all)
				return true;
			all = true;
		}
		all = all && holds(&c->t[i], f, b);
	}
	return all;
}

static void put_time(struct buf *b, int64_t ns)
{
	char t[TIME_TEXT];

	buf_addz(b, time_rfc3339(ns / NS_PER_S * NS_PER_S, t));
}

static void put_span(struct buf *b, int64_t ns)
{
	words_span(b, MAX(seconds(ns < 0 ? -ns : ns), 1));
}

static void put_values(struct buf *b, const struct found *f)
{
	for (size_t i = 0; i < f->nvalues; i++) {
		if (i)
			buf_addz(b, ", ");
		buf_add(b, str_sub(f->values[i], 0, 120));
	}
	if (f->distinct > f->nvalues)
		buf_fmt(b, " and %llu more", (unsigned long long)(f->distinct - f->nvalues));
}

/* A count with the noun behind it; how much of rest, the text that follows, that took. */
static size_t put_number(struct buf *b, uint64_t n, struct str rest)
{
	char tmp[24];

	snprintf(tmp, sizeof(tmp), "%llu", (unsigned long long)n);
	return words_count(b, str_of(tmp), rest);
}

static size_t put_measure(struct buf *b, char what, const struct found *f,
			  const struct binding *v, struct str rest)
{
	bool any = what == 'c'	 ? f->count
		   : what == 'd' ? f->distinct
				 : what == 's' || what == 'a';

	if (f->cut && any)
		buf_addz(b, "at least ");
	switch (what) {
	case 'c':
		return put_number(b, f->count, rest);
	case 'd':
		return put_number(b, f->distinct, rest);
	case 's':
		words_size(b, f->sum);
		break;
	case 'f':
		put_time(b, f->first);
		break;
	case 'l':
		put_time(b, f->last);
		break;
	case 'a':
		put_span(b, v->t0 - f->first);
		break;
	case 'g':
		put_span(b, v->t0 - f->last);
		break;
	case 'v':
		/* Without values the brackets around them go too. */
		if (!f->nvalues && str_ends(buf_str(b), STR(" (")) &&
		    str_starts(rest, STR(")"))) {
			b->len -= 2;
			return 1;
		}
		put_values(b, f);
		break;
	case 'm':
		buf_add(b, f->among);
		break;
	default:
		break;
	}
	return 0;
}

static const struct var *var_of(const struct binding *v, struct str name)
{
	for (size_t i = 0; i < v->n; i++)
		if (str_eq(v->v[i].name, name))
			return &v->v[i];
	return NULL;
}

/* The next {name} of tpl from *at on; false at the end. *ret_before is the text before it. */
static bool hole(struct str tpl, size_t *at, struct str *ret_before, struct str *ret_name)
{
	size_t a = str_chr(tpl, '{', *at), z = a == SIZE_MAX ? a : str_chr(tpl, '}', a);

	if (z == SIZE_MAX) {
		*ret_before = str_sub(tpl, *at, tpl.len);
		*at = tpl.len;
		return false;
	}
	*ret_before = str_sub(tpl, *at, a);
	*ret_name = str_sub(tpl, a + 1, z);
	*at = z + 1;
	return true;
}

/* The text from at up to the next {name}. */
static struct str until_hole(struct str tpl, size_t at)
{
	return str_sub(tpl, at, MIN(str_chr(tpl, '{', at), tpl.len));
}

void sentence_fill(struct buf *b, struct str tpl, const struct question *q,
		   const struct found *f, const struct binding *v)
{
	struct str before, name;
	size_t at = 0;
	int look;
	char what;

	while (hole(tpl, &at, &before, &name)) {
		const struct var *x = var_of(v, name);

		buf_add(b, before);
		if (x)
			buf_add(b, str_sub(x->text, 0, 160));
		else if (!measured(q, name, &look, &what))
			buf_addz(b, "?");
		else if (look < 0)
			put_time(b, what == '0' ? v->t0 : v->t1);
		else
			at += put_measure(b, what, &f[look], v, until_hole(tpl, at));
	}
	buf_add(b, before);
}

int sentence_check(const struct yaml *y, const struct yaml_node *n, const struct question *q,
		   struct diag *d)
{
	struct str before, name;
	size_t at = 0;
	int look;
	char what;

	while (hole(n->text, &at, &before, &name)) {
		bool known = ent_kind_of(name) >= 0 || measured(q, name, &look, &what);

		for (size_t i = 0; !known && i < q->nlet; i++)
			known = str_eq(q->let[i].name, name);
		if (!known)
			return yaml_fail(y, n, d, "{%.*s} is nothing this question knows",
					 STR_ARG(name));
	}
	return 0;
}
