/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/filter_anchor: what must be in an event for a filter to match, so that an index over
 * many filters can leave out most of them. A field's values are such a condition; so is any
 * branch of an AND; an OR is one when each of its branches has one, then of all of them.
 */
#include "event/filter_priv.h"

#define FRAGMENT_MIN 3 /* bytes; shorter ones are in everything */
#define COST_NONE    UINT32_MAX
#define COST_MAX     (COST_NONE - 1)

/* How often something so short is found by chance, roughly. */
static uint32_t cost_of(const struct anchor *a)
{
	if (a->whole)
		return 1;
	return a->text.len >= 6 ? 4 : a->text.len == 5 ? 8 : a->text.len == 4 ? 16 : 64;
}

/* The longest part of a pattern with wildcards that must be there as it stands. */
static struct str longest_run(struct str s)
{
	struct str best = {s.p, 0};
	size_t from = 0;

	for (size_t i = 0; i <= s.len; i++) {
		if (i < s.len && s.p[i] != PAT_STAR && s.p[i] != PAT_ONE && s.p[i] != PAT_DASH)
			continue;
		if (i - from > best.len)
			best = str_sub(s, from, i);
		from = i + 1;
	}
	return best;
}

/* false: a value may match without any text that is known beforehand. */
static bool pattern_anchor(const struct item *it, const struct pattern *p, struct anchor *ret_a)
{
	*ret_a = (struct anchor){.attr = it->attr, .text = p->text};
	switch (p->kind) {
	case PAT_EQUAL:
		ret_a->whole = true;
		return p->text.len > 0;
	case PAT_CONTAINS:
	case PAT_STARTS:
	case PAT_ENDS:
		return p->text.len >= FRAGMENT_MIN;
	case PAT_WILD:
		ret_a->text = longest_run(p->text);
		return ret_a->text.len >= FRAGMENT_MIN;
	default:
		return false;
	}
}

/* Of `|all` the best one will do; else each value is a way to match. */
static uint32_t item_each(const struct item *it, anchor_fn *each, void *arg, size_t *n)
{
	struct anchor a, best = {0};
	uint64_t cost = it->all ? COST_NONE : 0;

	if (it->attr == ATTR_NONE || it->list || it->ref != ATTR_NONE || it->neq || !it->npats)
		return COST_NONE;
	for (size_t i = 0; i < it->npats; i++) {
		bool can = pattern_anchor(it, &it->pats[i], &a);

		if (!it->all && !can)
			return COST_NONE;
		if (it->all && can && cost_of(&a) < cost) {
			cost = cost_of(&a);
			best = a;
		} else if (!it->all) {
			cost += cost_of(&a);
		}
	}
	if (cost == COST_NONE)
		return COST_NONE;
	for (size_t i = 0; each && i < (it->all ? 1 : it->npats); i++) {
		if (!it->all)
			(void)pattern_anchor(it, &it->pats[i], &best);
		each(&best, arg);
		++*n;
	}
	return (uint32_t)MIN(cost, COST_MAX);
}

/* Worked out once a node, from the leaves up. */
static uint32_t node_cost(struct node *n)
{
	uint64_t cost = 0;

	if (n->cost)
		return n->cost;
	switch (n->kind) {
	case NODE_ITEM:
		cost = item_each(n->item, NULL, NULL, NULL);
		break;
	case NODE_AND:
		cost = COST_NONE;
		for (struct node *c = n->child; c; c = c->next)
			cost = MIN(cost, (uint64_t)node_cost(c));
		break;
	case NODE_OR:
		cost = n->child ? 0 : COST_NONE;
		for (struct node *c = n->child; c; c = c->next)
			cost = cost == COST_NONE || node_cost(c) == COST_NONE
				       ? COST_NONE
				       : MIN(cost + node_cost(c), COST_MAX);
		break;
	default:
		cost = COST_NONE;
	}
	n->cost = (uint32_t)MAX(cost, (uint64_t)1);
	return n->cost;
}

static void emit(struct node *n, anchor_fn *each, void *arg, size_t *count)
{
	if (n->kind == NODE_ITEM) {
		(void)item_each(n->item, each, arg, count);
		return;
	}
	for (struct node *c = n->child; c; c = c->next) {
		if (n->kind == NODE_AND && node_cost(c) != n->cost)
			continue;
		emit(c, each, arg, count);
		if (n->kind == NODE_AND)
			return;
	}
}

/* Counts down *nth over the branches of the outermost AND that are conditions. */
static struct node *branch(struct node *n, size_t *nth)
{
	struct node *found = NULL;

	/* An OR of one is what it holds. */
	while (n->kind == NODE_OR && n->child && !n->child->next)
		n = n->child;
	if (n->kind != NODE_AND)
		return node_cost(n) != COST_NONE && (*nth)-- == 0 ? n : NULL;
	for (struct node *c = n->child; c && !found; c = c->next)
		found = branch(c, nth);
	return found;
}

size_t filter_anchors(const struct filter *f, size_t nth, anchor_fn *each, void *arg)
{
	struct node *n = branch(f->root, &nth);
	size_t count = 0;

	if (n)
		emit(n, each, arg, &count);
	return count;
}
