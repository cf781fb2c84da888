/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A temporal correlation's condition in words: `a and (b or c) and not d` over the names of its
 * rules, also `1 of x*` and `all of them`. It is brought into alternatives (terms), each of
 * rules that must have matched and rules that must not; `not` is about what came within the
 * time span before the match that completes the rest.
 */
#include "detect/correlate.h"
#include "event/pattern.h"
#include <errno.h>
#include <stdlib.h>

#define DEPTH_MAX 24

/* An expression and its opposite. */
struct both {
	struct term yes[CORR_TERMS], no[CORR_TERMS];
	size_t nyes, nno;
};

struct words {
	struct rule *r;
	struct diag *d;
	struct str rest, tok;
	unsigned depth;
};

static void advance(struct words *w)
{
	struct str s = str_trim(w->rest);
	size_t i = 0;

	if (s.len && (s.p[0] == '(' || s.p[0] == ')'))
		i = 1;
	else
		while (i < s.len && !strchr("() \t\r\n", s.p[i]))
			i++;
	w->tok = str_sub(s, 0, i);
	w->rest = str_sub(s, i, s.len);
}

static bool take(struct words *w, const char *word)
{
	if (!str_ieqz(w->tok, word))
		return false;
	advance(w);
	return true;
}

static int fail(struct words *w, const char *what)
{
	const struct yaml_node *n = w->r->corr->words;

	return yaml_fail(w->r->yaml, n, w->d, "%s, not '%.*s'", what, STR_ARG(w->tok));
}

static bool add(struct term *to, size_t *n, struct term t)
{
	if (t.must & t.never)
		return true;
	for (size_t i = 0; i < *n; i++)
		if ((to[i].must & t.must) == to[i].must &&
		    (to[i].never & t.never) == to[i].never)
			return true; /* it holds whenever t does */
	if (*n == CORR_TERMS)
		return false;
	to[(*n)++] = t;
	return true;
}

static bool either(struct term *to, size_t *n, const struct term *b, size_t nb)
{
	bool ok = true;

	for (size_t i = 0; i < nb; i++)
		ok = ok && add(to, n, b[i]);
	return ok;
}

static bool each_with(struct term *to, size_t *n, const struct term *b, size_t nb)
{
	struct term out[CORR_TERMS];
	size_t k = 0;
	bool ok = true;

	for (size_t i = 0; i < *n; i++)
		for (size_t j = 0; j < nb; j++)
			ok = ok && add(out, &k,
				       (struct term){to[i].must | b[j].must,
						     to[i].never | b[j].never});
	memcpy(to, out, k * sizeof(*to));
	*n = k;
	return ok;
}

static int join(struct words *w, struct both *a, const struct both *b, bool all)
{
	bool ok = all ? each_with(a->yes, &a->nyes, b->yes, b->nyes) &&
				  either(a->no, &a->nno, b->no, b->nno)
		      : either(a->yes, &a->nyes, b->yes, b->nyes) &&
				  each_with(a->no, &a->nno, b->no, b->nno);

	if (ok)
		return 0;
	yaml_fail(w->r->yaml, w->r->corr->words, w->d, "more than %d alternatives", CORR_TERMS);
	return -ENOTSUP;
}

static void just(struct both *x, size_t ref)
{
	x->yes[0] = (struct term){.must = UINT32_C(1) << ref};
	x->no[0] = (struct term){.never = UINT32_C(1) << ref};
	x->nyes = x->nno = 1;
}

/* As it stands under rules:, or by the name or id of the rule it stands for. */
static bool is_called(const struct corr *c, size_t ref, struct str name)
{
	const struct rule *of = c->refs[ref];

	return str_eq(c->names[ref], name) || str_eq(of->model.id, name) ||
	       str_eq(yaml_str(of->root, "name", ""), name);
}

static bool fits(const struct corr *c, size_t ref, struct str pattern)
{
	struct pattern p = {.kind = PAT_WILD, .cased = true};
	char text[256];

	if (str_ieqz(pattern, "them"))
		return true;
	if (pattern.len > sizeof(text))
		return false;
	for (size_t i = 0; i < pattern.len; i++)
		text[i] = pattern.p[i] == '*' ? PAT_STAR : pattern.p[i];
	p.text = str_n(text, pattern.len);
	return pattern_text(&p, c->names[ref]) ||
	       pattern_text(&p, yaml_str(c->refs[ref]->root, "name", ""));
}

static int parse_of(struct words *w, bool all, struct both *x)
{
	const struct corr *c = w->r->corr;
	bool any = false;
	int r = 0;

	if (!take(w, "of"))
		return fail(w, "expected 'of'");
	for (size_t i = 0; r == 0 && i < c->nrefs; i++) {
		struct both one;

		if (!fits(c, i, w->tok))
			continue;
		just(any ? &one : x, i);
		if (any)
			r = join(w, x, &one, all);
		any = true;
	}
	if (!any)
		return fail(w, "expected the pattern of a rule's name");
	advance(w);
	return r;
}

static int parse_or(struct words *w, struct both *x);

static int parse_primary(struct words *w, struct both *x)
{
	const struct corr *c = w->r->corr;
	int r;

	if (take(w, "(")) {
		r = parse_or(w, x);
		return r < 0 ? r : take(w, ")") ? 0 : fail(w, "expected ')'");
	}
	for (size_t i = 0; i < c->nrefs; i++)
		if (w->tok.len && is_called(c, i, w->tok)) {
			just(x, i);
			advance(w);
			return 0;
		}
	if (take(w, "1") || take(w, "any"))
		return parse_of(w, false, x);
	if (take(w, "all"))
		return parse_of(w, true, x);
	return fail(w, "expected the name of one of its rules");
}

static int parse_not(struct words *w, struct both *x)
{
	struct both y;
	int r;

	if (++w->depth > DEPTH_MAX)
		return fail(w, "condition nested too deeply");
	if (!take(w, "not")) {
		r = parse_primary(w, x);
	} else {
		r = parse_not(w, &y);
		memcpy(x->yes, y.no, sizeof(y.no));
		memcpy(x->no, y.yes, sizeof(y.yes));
		x->nyes = y.nno;
		x->nno = y.nyes;
	}
	w->depth--;
	return r;
}

static int parse_and(struct words *w, struct both *x)
{
	struct both y;
	int r = parse_not(w, x);

	while (r == 0 && take(w, "and")) {
		r = parse_not(w, &y);
		if (r == 0)
			r = join(w, x, &y, true);
	}
	return r;
}

static int parse_or(struct words *w, struct both *x)
{
	struct both y;
	int r = parse_and(w, x);

	while (r == 0 && take(w, "or")) {
		r = parse_and(w, &y);
		if (r == 0)
			r = join(w, x, &y, false);
	}
	return r;
}

int corr_words(struct rule *r, struct diag *d)
{
	struct words w = {.r = r, .d = d, .rest = r->corr->words->text};
	struct both x = {.nyes = 0};
	int e;

	advance(&w);
	e = parse_or(&w, &x);
	if (e == 0 && w.tok.len)
		e = fail(&w, "expected 'and' or 'or'");
	if (e < 0)
		return e;
	for (size_t i = 0; i < x.nyes; i++)
		if (!x.yes[i].must) {
			yaml_fail(r->yaml, r->corr->words, d,
				  "only what matched can be told, not that nothing came");
			return -ENOTSUP;
		}
	if (x.nyes == 0)
		return yaml_fail(r->yaml, r->corr->words, d, "this can never hold");
	r->corr->terms = malloc(x.nyes * sizeof(*x.yes));
	if (!r->corr->terms)
		return -ENOMEM;
	memcpy(r->corr->terms, x.yes, x.nyes * sizeof(*x.yes));
	r->corr->nterms = x.nyes;
	return 0;
}
