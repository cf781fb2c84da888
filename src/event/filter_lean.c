/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/filter_lean: the questions of a filter as they stand for one record type. Its
 * attributes have places in the row there, or none at all: what cannot vary is answered here
 * and leaves no step. What is left says in one word how it can be answered without looking at
 * the patterns, as nearly all events answer no.
 */
#include "event/filter_priv.h"

#define LEAN_YES UINT16_MAX
#define LEAN_NO	 (UINT16_MAX - 1)
#define LEAN_MAX (UINT16_MAX - 2)

enum lean_how {
	LEAN_ASK,  /* the item itself */
	LEAN_HAS,  /* there is a value */
	LEAN_TEXT, /* no value, or a text of a length that none of the patterns has: no */
	LEAN_LIST, /* no value: no */
	LEAN_LT,
	LEAN_LTE,
	LEAN_GT,
	LEAN_GTE,
	LEAN_EQ,
	LEAN_BOOL,
};

struct lean_step {
	uint16_t slot;
	uint8_t how; /* enum lean_how */
	bool neq;
	uint16_t yes, no;
	union {
		double num;
		uint64_t lens;
	};
	const struct item *item;
};

struct filter_lean {
	uint16_t first;
	struct lean_step step[];
};

static uint8_t how_of(const struct item *it)
{
	static const uint8_t numbers[] = {
		[PAT_LT] = LEAN_LT,   [PAT_LTE] = LEAN_LTE,   [PAT_GT] = LEAN_GT,
		[PAT_GTE] = LEAN_GTE, [PAT_NUMBER] = LEAN_EQ, [PAT_BOOL] = LEAN_BOOL,
	};
	const struct pattern *p = it->pats;

	if (it->attr == ATTR_NONE || it->ref != ATTR_NONE)
		return LEAN_ASK;
	if (it->list)
		return LEAN_LIST;
	if (it->npats && it->texts)
		return LEAN_TEXT;
	if (it->npats != 1)
		return LEAN_ASK;
	if (p->kind == PAT_EXISTS)
		return p->num != 0 ? LEAN_HAS : LEAN_ASK;
	return p->kind < ARRAY_LEN(numbers) && !p->part ? numbers[p->kind] : LEAN_ASK;
}

/* The answer of an item that every event of type t gives alike; false: it varies. */
static bool constant(const struct item *it, const struct rectype *t, bool *ret_yes)
{
	struct event none = {.type = t};

	if (it->attr == ATTR_NONE)
		return false;
	if (t->slot_of[it->attr] != SLOT_NONE &&
	    (it->ref == ATTR_NONE || t->slot_of[it->ref] != SLOT_NONE))
		return false;
	/* Two fields of which one is never there are not alike. */
	*ret_yes = it->ref != ATTR_NONE ? it->neq : filter_item_match(it, &none);
	return true;
}

struct filter_lean *filter_lean(const struct filter *f, const struct rectype *t,
				struct arena *mem)
{
	struct filter_lean *l;
	uint16_t *to, n = 0;

	if (f->nsteps > LEAN_MAX)
		return NULL;
	l = arena_alloc(mem, sizeof(*l) + f->nsteps * sizeof(l->step[0]));
	to = arena_alloc(mem, (f->nsteps + 1) * sizeof(*to));
	if (!l || !to)
		return NULL;
#define TO(at) ((at) == STEP_YES ? LEAN_YES : (at) == STEP_NO ? LEAN_NO : to[at])
	/* Steps lead to earlier ones alone: they were laid from the last question on. */
	for (size_t i = 0; i < f->nsteps; i++) {
		const struct step *s = &f->steps[i];
		struct lean_step *ls = &l->step[n];
		uint16_t yes = TO(s->yes), no = TO(s->no);
		bool answer;

		if (yes == no || constant(s->item, t, &answer)) {
			to[i] = yes == no || answer ? yes : no;
			continue;
		}
		*ls = (struct lean_step){.how = how_of(s->item),
					 .neq = s->item->neq,
					 .yes = yes,
					 .no = no,
					 .item = s->item};
		if (s->item->attr != ATTR_NONE)
			ls->slot = t->slot_of[s->item->attr];
		if (ls->how == LEAN_TEXT)
			ls->lens = s->item->lens ? s->item->lens : UINT64_MAX;
		else if (ls->how >= LEAN_LT)
			ls->num = s->item->pats[0].num;
		to[i] = n++;
	}
	l->first = TO(f->first);
#undef TO
	return l;
}

static bool compare(const struct lean_step *s, double x)
{
	switch (s->how) {
	case LEAN_LT:
		return x < s->num;
	case LEAN_LTE:
		return x <= s->num;
	case LEAN_GT:
		return x > s->num;
	case LEAN_GTE:
		return x >= s->num;
	default:
		return x == s->num;
	}
}

static bool holds(const struct lean_step *s, const struct event *e)
{
	const struct val *v;

	if (s->how == LEAN_ASK)
		return filter_item_match(s->item, e);
	v = &e->row[s->slot];
	if (s->how == LEAN_HAS)
		return (v->kind != VAL_NONE) != s->neq;
	if (v->kind <= VAL_NULL)
		return s->neq;
	if (s->how == LEAN_TEXT) {
		if (v->kind == VAL_STR && !(s->lens >> MIN(v->len, 63U) & 1))
			return s->neq;
	} else if (s->how == LEAN_BOOL) {
		if (v->kind == VAL_BOOL)
			return (v->i == (int64_t)s->num) != s->neq;
	} else if (s->how >= LEAN_LT) {
		if (v->kind == VAL_INT || v->kind == VAL_BOOL)
			return compare(s, (double)v->i) != s->neq;
		if (v->kind == VAL_FLOAT)
			return compare(s, v->f) != s->neq;
	}
	return filter_item_match(s->item, e);
}

bool filter_lean_match(const struct filter_lean *l, const struct event *e)
{
	uint16_t at = l->first;

	while (at < LEAN_NO) {
		const struct lean_step *s = &l->step[at];

		at = holds(s, e) ? s->yes : s->no;
	}
	return at == LEAN_YES;
}
