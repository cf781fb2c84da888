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
	LEAN_LIST, /* a text of a list */
	LEAN_KEYS, /* texts of eight bytes at most, as words */
	LEAN_NUMS, /* numbers */
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
	bool need; /* without its yes there is no match */
	uint16_t yes, no;
	union {
		double num;
		uint64_t lens;
		const uint64_t *keys; /* [item->npats] */
		const double *nums;   /* the same */
	};
	const struct item *item;
};

static struct lean_step *steps_of(const struct filter_lean *l)
{
	return (struct lean_step *)(uintptr_t)(l + 1);
}

/* Several of one kind that can be held against a value without a call each. */
static uint8_t how_many(const struct item *it)
{
	bool texts = !it->all, nums = !it->all;

	for (size_t i = 0; i < it->npats; i++) {
		const struct pattern *p = &it->pats[i];

		texts &= p->kind == PAT_EQUAL && !p->cased && p->text.len <= 8;
		nums &= p->kind == PAT_NUMBER && !p->part;
	}
	return texts ? LEAN_KEYS : nums ? LEAN_NUMS : it->texts ? LEAN_TEXT : LEAN_ASK;
}

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
	if (it->npats > 1 || (it->npats && it->texts))
		return how_many(it);
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

/* What the step holds a value against; false when out of memory. */
static bool against(struct lean_step *s, struct arena *mem)
{
	const struct item *it = s->item;
	uint64_t *keys;
	double *nums;

	if (s->how == LEAN_TEXT) {
		s->lens = it->lens ? it->lens : UINT64_MAX;
	} else if (s->how == LEAN_KEYS) {
		s->keys = keys = arena_alloc(mem, it->npats * sizeof(*keys));
		for (size_t i = 0; keys && i < it->npats; i++)
			keys[i] =
				word_lower(str_word(it->pats[i].text.p, it->pats[i].text.len));
		return keys;
	} else if (s->how == LEAN_NUMS) {
		s->nums = nums = arena_alloc(mem, it->npats * sizeof(*nums));
		for (size_t i = 0; nums && i < it->npats; i++)
			nums[i] = it->pats[i].num;
		return nums;
	} else if (s->how >= LEAN_LT) {
		s->num = it->pats[0].num;
	}
	return true;
}

#define NEED_STEPS 64 /* of longer filters no step is known to be needed */

/* Marks the steps whose yes lies on every way to a match. Steps lead to earlier ones. */
static void mark_needed(struct filter_lean *l)
{
	struct lean_step *step = steps_of(l);

	for (uint16_t skip = 0; l->nsteps <= NEED_STEPS && skip < l->nsteps; skip++) {
		uint64_t can = 0; /* bit i: step i can lead to a match past `skip` */

		if (step[skip].no != LEAN_NO)
			continue;
#define CAN(at) ((at) == LEAN_YES || ((at) != LEAN_NO && (can >> (at)&1)))
		for (uint16_t i = 0; i < l->nsteps; i++)
			if (i != skip && (CAN(step[i].yes) || CAN(step[i].no)))
				can |= UINT64_C(1) << i;
		step[skip].need = !CAN(l->first);
#undef CAN
	}
}

struct filter_lean *filter_lean(const struct filter *f, const struct rectype *t,
				struct arena *mem)
{
	struct filter_lean *l;
	uint16_t *to, n = 0;

	if (f->nsteps > LEAN_MAX)
		return NULL;
	l = arena_alloc(mem, sizeof(*l) + f->nsteps * sizeof(struct lean_step));
	to = arena_alloc(mem, (f->nsteps + 1) * sizeof(*to));
	if (!l || !to)
		return NULL;
#define TO(at) ((at) == STEP_YES ? LEAN_YES : (at) == STEP_NO ? LEAN_NO : to[at])
	/* Steps lead to earlier ones alone: they were laid from the last question on. */
	for (size_t i = 0; i < f->nsteps; i++) {
		const struct step *s = &f->steps[i];
		struct lean_step *ls = &steps_of(l)[n];
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
		if (!against(ls, mem))
			return NULL;
		to[i] = n++;
	}
	l->first = TO(f->first);
#undef TO
	l->gate = LEAN_NO;
	l->slot = SLOT_NONE;
	l->nsteps = n;
	mark_needed(l);
	return l;
}

static bool has_key(const struct lean_step *s, const struct val *v)
{
	uint64_t key;

	if (v->len > 8)
		return false;
	key = word_lower(str_word(v->s, v->len));
	for (size_t i = 0; i < s->item->npats; i++)
		/* A text may hold the byte 0, so its length is compared as well. */
		if (s->keys[i] == key && s->item->pats[i].text.len == v->len)
			return true;
	return false;
}

static bool has_num(const struct lean_step *s, double x)
{
	for (size_t i = 0; i < s->item->npats; i++)
		if (s->nums[i] == x)
			return true;
	return false;
}

/* The number of a value that is one; false: the item is asked. */
static inline bool plain_num(const struct val *v, double *ret_x)
{
	*ret_x = v->kind == VAL_FLOAT ? v->f : (double)v->i;
	return v->kind >= VAL_BOOL && v->kind <= VAL_FLOAT;
}

/* 1, 0, or -1 where the item has to be asked. neq is not looked at. */
static inline int quick(const struct lean_step *s, const struct val *v)
{
	double x = 0;

	if (s->how == LEAN_HAS)
		return v->kind != VAL_NONE;
	if (v->kind <= VAL_NULL)
		return 0;
	if (s->how >= LEAN_LT && s->how <= LEAN_EQ && !plain_num(v, &x))
		return -1;
	switch ((enum lean_how)s->how) {
	case LEAN_TEXT:
		return v->kind == VAL_STR && !(s->lens >> MIN(v->len, 63U) & 1) ? 0 : -1;
	case LEAN_KEYS:
		return v->kind == VAL_STR ? has_key(s, v) : -1;
	case LEAN_LIST:
		return v->kind == VAL_STR ? list_has(s->item->list, val_str(v)) : -1;
	case LEAN_NUMS:
		return plain_num(v, &x) ? has_num(s, x) : -1;
	case LEAN_LT:
		return x < s->num;
	case LEAN_LTE:
		return x <= s->num;
	case LEAN_GT:
		return x > s->num;
	case LEAN_GTE:
		return x >= s->num;
	case LEAN_EQ:
		return x == s->num;
	case LEAN_BOOL:
		return v->kind == VAL_BOOL ? v->i == (int64_t)s->num : -1;
	default:
		return -1;
	}
}

static inline bool holds(const struct lean_step *s, const struct event *e)
{
	int r = s->how == LEAN_ASK ? -1 : quick(s, &e->row[s->slot]);

	return r < 0 ? filter_item_match(s->item, e) : r != s->neq;
}

/* Step `at`, which is needed, said no: it is asked first from now on. */
static void shut(struct filter_lean *l, uint16_t at)
{
	const struct lean_step *s = &steps_of(l)[at];
	bool value = s->how != LEAN_ASK && s->how != LEAN_HAS && !s->neq;

	l->gate = at;
	l->slot = value ? s->slot : SLOT_NONE;
	l->least = s->how == LEAN_GTE;
	l->num = l->least ? s->num : 0;
}

bool filter_lean_steps(struct filter_lean *l, const struct event *e)
{
	const struct lean_step *step = steps_of(l);
	uint16_t at = l->first;

	if (l->gate < LEAN_NO && !holds(&step[l->gate], e))
		return false;
	while (at < LEAN_NO) {
		const struct lean_step *s = &step[at];
		bool yes = holds(s, e);

		if (!yes && s->need)
			shut(l, at);
		at = yes ? s->yes : s->no;
	}
	return at == LEAN_YES;
}
