/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/filter_anchor: what must be in an event for a filter to match, so that an index over
 * many filters can leave out most of them. A field's values are such a condition; so is any
 * branch of an AND; an OR is one when each of its branches has one, then of all of them.
 */
#include "event/filter_priv.h"

#define FRAGMENT_MIN 3 /* bytes; shorter ones are in everything */
#define COST_MAX     (ANCHOR_NONE - 1)

/* How often something so short is found by chance, roughly. */
uint32_t anchor_cost(size_t len)
{
	return len >= 6		     ? 4
	       : len == 5	     ? 8
	       : len == 4	     ? 16
	       : len >= FRAGMENT_MIN ? 64
				     : ANCHOR_NONE;
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

struct teller {
	attr_t attr;
	anchor_fn *each;
	void *arg;
	size_t n;
};

static void tell_word(struct str word, struct teller *t)
{
	t->each(&(struct anchor){.attr = t->attr, .text = word}, t->arg);
	t->n++;
}

/* Cost of the texts of which one is in every value that p matches; tells t, unless NULL, of
 * them. */
static uint32_t pattern_each(const struct pattern *p, struct teller *t)
{
	struct str text = p->kind == PAT_WILD ? longest_run(p->text) : p->text;
	uint32_t cost;

	switch (p->kind) {
	case PAT_EQUAL:
		if (!text.len)
			return ANCHOR_NONE;
		if (t) {
			t->each(&(struct anchor){t->attr, true, text}, t->arg);
			t->n++;
		}
		return 1;
	case PAT_CONTAINS:
	case PAT_STARTS:
	case PAT_ENDS:
	case PAT_WILD:
		cost = anchor_cost(text.len);
		if (t && cost != ANCHOR_NONE)
			tell_word(text, t);
		return cost;
	case PAT_REGEX:
		for (uint32_t i = 0; t && i < p->words->n; i++)
			tell_word(p->words->word[i], t);
		return p->words->cost;
	default:
		return ANCHOR_NONE;
	}
}

/* Of `|all` the best one will do; else each value is a way to match. */
static uint32_t item_each(const struct item *it, anchor_fn *each, void *arg, size_t *n)
{
	struct teller t = {.attr = it->attr, .each = each, .arg = arg};
	const struct pattern *best = NULL;
	uint64_t sum = 0;
	uint32_t least = ANCHOR_NONE;

	if (it->attr == ATTR_NONE || it->list || it->ref != ATTR_NONE || it->neq || !it->npats)
		return ANCHOR_NONE;
	for (size_t i = 0; i < it->npats; i++) {
		uint32_t cost = pattern_each(&it->pats[i], NULL);

		sum += cost;
		if (cost < least) {
			least = cost;
			best = &it->pats[i];
		}
	}
	if (it->all)
		sum = least;
	if (sum >= ANCHOR_NONE)
		return ANCHOR_NONE;
	for (size_t i = 0; each && i < it->npats; i++)
		if (!it->all || &it->pats[i] == best)
			(void)pattern_each(&it->pats[i], &t);
	if (n)
		*n += t.n;
	return (uint32_t)MIN(sum, (uint64_t)COST_MAX);
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
		cost = ANCHOR_NONE;
		for (struct node *c = n->child; c; c = c->next)
			cost = MIN(cost, (uint64_t)node_cost(c));
		break;
	case NODE_OR:
		cost = n->child ? 0 : ANCHOR_NONE;
		for (struct node *c = n->child; c; c = c->next)
			cost = cost == ANCHOR_NONE || node_cost(c) == ANCHOR_NONE
				       ? ANCHOR_NONE
				       : MIN(cost + node_cost(c), COST_MAX);
		break;
	default:
		cost = ANCHOR_NONE;
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
		return node_cost(n) != ANCHOR_NONE && (*nth)-- == 0 ? n : NULL;
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
