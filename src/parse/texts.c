/* SPDX-License-Identifier: Apache-2.0 */
/* `texts:` of sources/: between the declaration, the registers, and parse/text. */
#include "parse/plan.h"
#include "parse/text.h"
#include <errno.h>

/*
 * Two sources may share a list (its forms too), so what is compiled is written to copies: the
 * registers are each source's own.
 */
static int only_compile(struct arena *mem, struct source_def *def, struct cond **only, size_t n)
{
	struct cond *own = arena_alloc(mem, (n + 1) * sizeof(*own));
	int r = 0;

	if (!own)
		return -ENOMEM;
	if (n)
		memcpy(own, *only, n * sizeof(*own));
	*only = own;
	for (size_t i = 0; i < n && r == 0; i++)
		r = plan_reg_make(mem, def, own[i].path, &own[i].reg);
	return r;
}

int texts_compile(struct arena *mem, struct source_def *def)
{
	int r = 0;

	for (size_t i = 0; i < def->ntext && r == 0; i++) {
		struct text_decl *t = &def->text[i];
		struct form *form = arena_alloc(mem, (t->nform + 1) * sizeof(*form));

		if (!form)
			return -ENOMEM;
		if (t->nform)
			memcpy(form, t->form, t->nform * sizeof(*form));
		t->form = form;
		r = plan_reg_make(mem, def, t->path, &t->reg);
		if (r == 0)
			r = only_compile(mem, def, &t->only, t->nonly);
		for (size_t k = 0; k < t->nform && r == 0; k++)
			r = only_compile(mem, def, &form[k].only, form[k].nonly);
	}
	return r;
}

static bool allowed(struct regs *r, const struct cond *only, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!cond_holds(r, &only[i]))
			return false;
	return true;
}

/* The first form that fits; what it sets comes before what it found. */
static void forms(struct regs *r, const struct source_def *def, const struct text_decl *t,
		  struct str s, struct gather *g)
{
	for (size_t i = 0; i < t->nform; i++) {
		const struct form *f = &t->form[i];

		if (!allowed(r, f->only, f->nonly) || !text_form(g, s, f->text))
			continue;
		for (size_t k = 0; k < f->nset; k++)
			regs_put(r, plan_reg(def, f->set[k].name), &f->set[k].val);
		return;
	}
}

void texts_apply(struct regs *r, const struct source_def *def)
{
	struct gather g = {.mem = r->mem, .cap = TEXT_FIELDS_MAX};

	for (size_t i = 0; i < def->ntext; i++) {
		const struct text_decl *t = &def->text[i];
		struct str s = regs_text(r, t->reg);
		size_t before = g.n;

		if (!s.len || !allowed(r, t->only, t->nonly))
			continue;
		if (!g.f)
			g.f = arena_alloc(r->mem, TEXT_FIELDS_MAX * sizeof(*g.f));
		if (!g.f) {
			r->err = -ENOMEM;
			return;
		}
		if (t->as == TEXT_FORMS)
			forms(r, def, t, s, &g);
		else if (t->as == TEXT_KV)
			(void)text_kv(&g, s);
		else if (t->as == TEXT_CEF)
			(void)text_cef(&g, s);
		else if (t->as == TEXT_LEEF)
			(void)text_leef(&g, s);
		else
			(void)text_csv(&g, s, t->path);
		for (size_t k = before; k < g.n; k++)
			regs_put(r, plan_reg(def, g.f[k].name), &g.f[k].val);
	}
}
