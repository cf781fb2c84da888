/* SPDX-License-Identifier: Apache-2.0 */
/* Why a filter did not match an event: the items that stood in the way. */
#include "event/filter_priv.h"

struct search {
	const struct event *e;
	struct obstacle *v;
	size_t n, max;
};

static bool holds(const struct node *n, const struct event *e)
{
	switch (n->kind) {
	case NODE_ITEM:
		return filter_item_match(n->item, e);
	case NODE_NOT:
		return !holds(n->child, e);
	case NODE_AND:
		for (const struct node *c = n->child; c; c = c->next)
			if (!holds(c, e))
				return false;
		return true;
	default:
		for (const struct node *c = n->child; c; c = c->next)
			if (holds(c, e))
				return true;
		return false;
	}
}

/*
 * What keeps n from being `want`, when it is not. An "and" fails by its first part that fails;
 * an "or" by all of its parts.
 */
static void blame(struct search *s, const struct node *n, bool want, struct str selection)
{
	bool any = n->kind == NODE_OR ? !want : want;

	if (s->n == s->max)
		return;
	if (n->name.len)
		selection = n->name;
	if (n->kind == NODE_ITEM) {
		for (size_t i = 0; i < s->n; i++)
			if (s->v[i].attr == n->item->attr && s->v[i].wanted == want &&
			    str_eq(s->v[i].selection, selection))
				return;
		s->v[s->n++] = (struct obstacle){selection, n->item->attr, want};
		return;
	}
	if (n->kind == NODE_NOT) {
		blame(s, n->child, !want, selection);
		return;
	}
	for (const struct node *c = n->child; c; c = c->next) {
		if (holds(c, s->e) == want)
			continue;
		blame(s, c, want, selection);
		if (any)
			return;
	}
}

size_t filter_obstacles(const struct filter *f, const struct event *e, struct obstacle *ret_v,
			size_t max)
{
	struct search s = {.e = e, .v = ret_v, .max = max};

	if (!holds(f->root, e))
		blame(&s, f->root, true, str_n(NULL, 0));
	return s.n;
}
