/* SPDX-License-Identifier: Apache-2.0 */
#include "event/filter_priv.h"
#include <errno.h>
#include <stdlib.h>

#define LIST_DEPTH    4	   /* lists in lists that are looked into */
#define REF_TEXT_MAX  4096 /* fieldref compares no longer texts, */
#define REF_ITEMS_MAX 16   /* and no more items of a list */

static bool keyword_match(const struct pattern *p, const struct event *e)
{
	if (pattern_text(p, e->raw))
		return true;
	/* Values that stand escaped in the record are plain in its row. */
	for (uint16_t i = 0; i < e->type->nslots; i++)
		if (e->row[i].kind == VAL_STR && pattern_match(p, &e->row[i]))
			return true;
	return false;
}

static bool any_item(const struct pattern *p, const struct val *v, unsigned depth)
{
	static const struct val empty = {.kind = VAL_STR};

	if (v->kind != VAL_LIST || p->kind == PAT_EXISTS)
		return pattern_match(p, v);
	if (v->len == 0)
		return pattern_match(p, &empty);
	for (uint32_t i = 0; i < v->len && depth < LIST_DEPTH; i++)
		if (any_item(p, &v->list[i], depth + 1))
			return true;
	return false;
}

static bool in_list(const struct list *l, const struct val *v)
{
	const struct val *x;
	size_t n = val_items(v, &x);
	char tmp[40];

	for (size_t i = 0; i < n; i++)
		if (list_has(l, val_text(&x[i], tmp)))
			return true;
	return false;
}

static bool ref_text(const struct item *it, struct str s, struct str t)
{
	size_t last;

	if (t.len == 0 || t.len > s.len || t.len > REF_TEXT_MAX || s.len > REF_TEXT_MAX)
		return false;
	if (it->ref_kind == PAT_EQUAL && s.len != t.len)
		return false;
	last = it->ref_kind == PAT_STARTS ? 0 : s.len - t.len;
	for (size_t i = it->ref_kind == PAT_ENDS ? last : 0; i <= last; i++) {
		struct str part = str_sub(s, i, i + t.len);

		if (it->cased ? str_eq(part, t) : str_ieq(part, t))
			return true;
	}
	return false;
}

static bool refs_match(const struct item *it, const struct event *e)
{
	const struct val *a, *b;
	size_t na = val_items(event_get(e, it->attr), &a);
	size_t nb = val_items(event_get(e, it->ref), &b);
	char ta[40], tb[40];

	for (size_t i = 0; i < na && i < REF_ITEMS_MAX; i++)
		for (size_t j = 0; j < nb && j < REF_ITEMS_MAX; j++)
			if (ref_text(it, val_text(&a[i], ta), val_text(&b[j], tb)))
				return true;
	return false;
}

static bool one_match(const struct item *it, const struct pattern *p, const struct event *e)
{
	return it->attr == ATTR_NONE ? keyword_match(p, e)
				     : any_item(p, event_get(e, it->attr), 0);
}

/* A single value, which most are. */
static bool scalar_match(const struct item *it, const struct val *v)
{
	bool hit = it->all;
	char tmp[40];
	struct str t;

	if (!it->texts) {
		for (size_t i = 0; i < it->npats && hit == it->all; i++)
			hit = pattern_match(&it->pats[i], v);
		return hit;
	}
	if (v->kind <= VAL_NULL)
		return false;
	t = val_text(v, tmp);
	if (it->lens && !(it->lens >> MIN(t.len, (size_t)63) & 1))
		return false;
	for (size_t i = 0; i < it->npats && hit == it->all; i++)
		hit = pattern_text(&it->pats[i], t);
	return hit;
}

bool filter_item_match(const struct item *it, const struct event *e)
{
	bool hit = it->all;

	if (it->npats && it->attr != ATTR_NONE) {
		const struct val *v = event_get(e, it->attr);

		if (v->kind != VAL_LIST)
			return scalar_match(it, v) != it->neq;
	}
	if (it->list)
		hit = in_list(it->list, event_get(e, it->attr));
	else if (it->ref != ATTR_NONE)
		hit = refs_match(it, e);
	/* Stops as soon as the outcome differs from what no value at all would give. */
	for (size_t i = 0; i < it->npats && hit == it->all; i++)
		hit = one_match(it, &it->pats[i], e);
	return hit != it->neq;
}

bool filter_match(const struct filter *f, const struct event *e)
{
	uint32_t at = f->first;

	while (at < STEP_NO) {
		const struct step *s = &f->steps[at];

		at = filter_item_match(s->item, e) ? s->yes : s->no;
	}
	return at == STEP_YES;
}

static bool has(const struct rectype *t, attr_t a)
{
	return t->slot_of[a] != SLOT_NONE;
}

/* Whether the item can come out as `want` on some event of type t. */
static bool item_can(const struct item *it, const struct rectype *t, bool want)
{
	bool hit = it->all;

	if (it->attr == ATTR_NONE)
		return true;
	if (it->ref != ATTR_NONE || it->list) {
		bool open = has(t, it->attr) && (it->list || has(t, it->ref));

		return open || want == it->neq;
	}
	if (has(t, it->attr))
		return true;
	for (size_t i = 0; i < it->npats && hit == it->all; i++)
		hit = pattern_match(&it->pats[i], &val_none);
	return want == (hit != it->neq);
}

static bool node_can(const struct node *n, const struct rectype *t, bool want)
{
	bool every = (n->kind == NODE_AND) == want;

	if (n->kind == NODE_ITEM)
		return item_can(n->item, t, want);
	if (n->kind == NODE_NOT)
		return node_can(n->child, t, !want);
	/* An AND is true, and an OR is false, only if all children can be. */
	for (const struct node *c = n->child; c; c = c->next)
		if (node_can(c, t, want) != every)
			return !every;
	return every;
}

bool filter_possible(const struct filter *f, const struct rectype *t)
{
	return node_can(f->root, t, true);
}

int filter_want(const struct filter *f, struct schema *s, const struct rectype *t)
{
	int r = 0;

	for (size_t i = 0; i < f->nattrs && r == 0; i++)
		r = schema_want(s, t, f->attrs[i]);
	return r;
}

size_t filter_attrs(const struct filter *f, const attr_t **ret_attrs)
{
	*ret_attrs = f->attrs;
	return f->nattrs;
}

struct filter *filter_free(struct filter *f)
{
	if (!f)
		return NULL;
	for (struct item *it = f->items; it; it = it->next) {
		for (size_t i = 0; i < it->npats; i++)
			pattern_clear(&it->pats[i]);
		list_free(it->list);
	}
	free(f->steps);
	arena_free(&f->mem);
	free(f);
	return NULL;
}
