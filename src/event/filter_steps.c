/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/filter_steps: the tree of a filter as a list of questions, each with where to go on
 * after yes and after no: what filter_match runs. Among the branches of one and (or one or) the
 * cheap questions come first, since their order does not change the answer.
 */
#include "event/filter_priv.h"
#include <errno.h>
#include <stdlib.h>

#define STEPS_MAX 65536 /* of one filter: a selection counts as often as it is named */
#define WORK_MAX  (UINT32_MAX / 2)
#define SORT_MAX  64 /* branches of one node that are put in order; more stay as they stand */

struct plan {
	struct filter *f;
	size_t cap;
	int err;
};

/* Roughly in nanoseconds; only the order matters. */
static uint32_t pattern_work(const struct pattern *p)
{
	switch (p->kind) {
	case PAT_EQUAL:
	case PAT_STARTS:
	case PAT_ENDS:
		return 4;
	case PAT_CONTAINS:
	case PAT_WILD:
		return 20;
	case PAT_CIDR:
		return 30;
	case PAT_REGEX:
		return 100;
	default:
		return 2;
	}
}

static uint64_t item_work(const struct item *it)
{
	uint64_t work = it->list ? 100 : it->ref != ATTR_NONE ? 60 : 1;

	for (size_t i = 0; i < it->npats; i++)
		work += pattern_work(&it->pats[i]) * (it->attr == ATTR_NONE ? 50u : 1u);
	return work;
}

uint32_t filter_work(struct node *n)
{
	uint64_t work = 1;

	if (n->work)
		return n->work;
	if (n->kind == NODE_ITEM)
		work = item_work(n->item);
	else
		for (struct node *c = n->child; c && work < WORK_MAX; c = c->next)
			work += filter_work(c);
	n->work = (uint32_t)MIN(work, (uint64_t)WORK_MAX);
	return n->work;
}

/* The question it, before those that are there already; returns its number. */
static uint32_t ask(struct plan *p, const struct item *it, uint32_t yes, uint32_t no)
{
	struct filter *f = p->f;

	if (p->err)
		return STEP_NO;
	if (f->nsteps == STEPS_MAX) {
		p->err = E_LIMIT;
		return STEP_NO;
	}
	if (f->nsteps == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 4;
		struct step *more = realloc(f->steps, cap * sizeof(*more));

		if (!more) {
			p->err = -ENOMEM;
			return STEP_NO;
		}
		f->steps = more;
		p->cap = cap;
	}
	f->steps[f->nsteps] = (struct step){it, yes, no};
	return (uint32_t)f->nsteps++;
}

/* The branches of n, cheapest first; those that cost the same as they stand. */
static struct node **in_order(struct plan *p, const struct node *n, size_t *ret_n)
{
	struct node **v;
	size_t k = 0, i;

	for (const struct node *c = n->child; c; c = c->next)
		k++;
	*ret_n = k;
	v = arena_alloc(&p->f->mem, MAX(k, 1) * sizeof(*v));
	if (!v) {
		p->err = -ENOMEM;
		*ret_n = 0;
		return NULL;
	}
	k = 0;
	for (struct node *c = n->child; c; c = c->next, k++) {
		for (i = k; i > 0 && *ret_n <= SORT_MAX; i--) {
			if (filter_work(v[i - 1]) <= filter_work(c))
				break;
			v[i] = v[i - 1];
		}
		v[*ret_n <= SORT_MAX ? i : k] = c;
	}
	return v;
}

/* Where to begin with n so that it leads to yes or no. From the last question to the first. */
static uint32_t lay(struct plan *p, struct node *n, uint32_t yes, uint32_t no)
{
	bool all = n->kind == NODE_AND;
	uint32_t at = all ? yes : no;
	struct node **v;
	size_t k;

	if (p->err)
		return STEP_NO;
	if (n->kind == NODE_ITEM)
		return ask(p, n->item, yes, no);
	if (n->kind == NODE_NOT)
		return lay(p, n->child, no, yes);
	v = in_order(p, n, &k);
	while (k-- > 0)
		at = all ? lay(p, v[k], at, no) : lay(p, v[k], yes, at);
	return at;
}

int filter_lay(struct filter *f)
{
	struct plan p = {.f = f};

	f->first = lay(&p, f->root, STEP_YES, STEP_NO);
	return p.err;
}

static bool same_pattern(const struct pattern *a, const struct pattern *b)
{
	return a->kind == b->kind && a->kind != PAT_REGEX && a->cased == b->cased &&
	       str_eq(a->text, b->text) && a->num == b->num && a->net.bits == b->net.bits &&
	       memcmp(&a->net.ip, &b->net.ip, sizeof(a->net.ip)) == 0;
}

static bool same_item(const struct item *a, const struct item *b)
{
	if (a->attr != b->attr || a->ref != b->ref || a->ref_kind != b->ref_kind ||
	    a->cased != b->cased || a->all != b->all || a->neq != b->neq || a->list ||
	    b->list || a->npats != b->npats)
		return false;
	for (size_t i = 0; i < a->npats; i++)
		if (!same_pattern(&a->pats[i], &b->pats[i]))
			return false;
	return true;
}

bool filter_same(const struct filter *a, const struct filter *b)
{
	if (a->first != b->first || a->nsteps != b->nsteps)
		return false;
	for (size_t i = 0; i < a->nsteps; i++)
		if (a->steps[i].yes != b->steps[i].yes || a->steps[i].no != b->steps[i].no ||
		    !same_item(a->steps[i].item, b->steps[i].item))
			return false;
	return true;
}
