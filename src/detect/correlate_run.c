/* SPDX-License-Identifier: Apache-2.0 */
/* The sliding windows of correlations. */
#include "base/hash.h"
#include "detect/correlate.h"
#include <math.h>
#include <stdlib.h>

#define GROUPS_MAX  100000  /* groups of all correlations with an open window */
#define ENTRIES_ALL 2000000 /* matches in all of them */
#define SAMPLE_MAX  1000    /* values a percentile is taken of, the latest */
#define CITED_HALF  10	    /* ids cited of each end of a long row of matches */

static struct corr_group *group_free(struct detect *dt, struct corr_group *g)
{
	if (g) {
		dt->corr_entries -= g->n;
		tally_reset(&g->ids);
		map_free(&g->values);
		free(g->v);
		free(g);
	}
	return NULL;
}

void corr_clear(struct detect *dt)
{
	struct map_slot s;

	for (size_t i = 0; map_next(&dt->groups, &i, &s);)
		group_free(dt, (struct corr_group *)(uintptr_t)s.val);
	map_free(&dt->groups);
}

/* Drops groups whose window is over; when that is too little, all of them. */
static void make_room(struct detect *dt, int64_t now)
{
	struct map keep;
	struct map_slot s;
	bool all = false;

	map_init(&keep);
	for (size_t i = 0; map_next(&dt->groups, &i, &s);) {
		struct corr_group *g = (struct corr_group *)(uintptr_t)s.val;
		uint64_t *to = g->until > now ? map_put(&keep, s.key, NULL) : NULL;

		if (to)
			*to = s.val;
		else
			group_free(dt, g);
	}
	map_free(&dt->groups);
	dt->groups = keep;
	all = keep.len > GROUPS_MAX / 4 * 3 || dt->corr_entries > ENTRIES_ALL / 4 * 3;
	if (all)
		corr_clear(dt);
}

struct corr_group *corr_group(struct detect *dt, uint64_t key, int64_t now)
{
	uint64_t *slot;
	bool fresh;

	if (dt->groups.len >= GROUPS_MAX || dt->corr_entries >= ENTRIES_ALL)
		make_room(dt, now);
	slot = map_put(&dt->groups, key, &fresh);
	if (slot && fresh) {
		struct corr_group *g = calloc(1, sizeof(*g));

		if (!g) {
			map_del(&dt->groups, key);
			return NULL;
		}
		map_init(&g->values);
		*slot = (uintptr_t)g;
	}
	return slot ? (struct corr_group *)(uintptr_t)*slot : NULL;
}

static void drop_oldest(struct detect *dt, struct corr_group *g)
{
	const struct corr_entry *x = corr_at(g, 0);
	uint64_t *times = map_get(&g->values, x->value);

	if (times && --*times == 0)
		map_del(&g->values, x->value);
	g->sum -= x->number;
	g->first = (g->first + 1) % g->cap;
	g->n--;
	dt->corr_entries--;
	if (g->n == 0)
		g->sum = 0;
}

static bool grow(struct corr_group *g)
{
	size_t cap = g->cap ? g->cap * 2 : 8;
	struct corr_entry *v = malloc(cap * sizeof(*v));

	if (!v)
		return false;
	for (size_t i = 0; i < g->n; i++)
		v[i] = *corr_at(g, i);
	free(g->v);
	g->v = v;
	g->cap = cap;
	g->first = 0;
	return true;
}

/* A full tally gives up one from the middle: how it began and how it ended is what counts. */
static void make_place(struct tally *t)
{
	size_t k = CITED_HALF;

	free(t->ids[k]);
	t->n--;
	memmove(t->ids + k, t->ids + k + 1, (t->n - k) * sizeof(char *));
	memmove(t->seqs + k, t->seqs + k + 1, (t->n - k) * sizeof(*t->seqs));
	memmove(t->times + k, t->times + k + 1, (t->n - k) * sizeof(*t->times));
}

static void cite_one(struct tally *t, int64_t time, uint64_t seq, struct str text)
{
	char *id;

	for (size_t i = 0; i < t->n; i++)
		if (t->seqs[i] == seq)
			return;
	id = str_dup(text);
	if (!id)
		return;
	if (t->n == ALERT_IDS_MAX)
		make_place(t);
	t->times[t->n] = time;
	t->seqs[t->n] = seq;
	t->ids[t->n++] = id;
}

/* What a correlation below goes back to is as much its ground; it leaves with its match. */
static void cite(struct corr_group *g, const struct event *e, const struct tally *from)
{
	for (size_t i = 0; from && i < from->n; i++)
		if (i < CITED_HALF || i + CITED_HALF >= from->n)
			cite_one(&g->ids, e->known, from->seqs[i], str_of(from->ids[i]));
	cite_one(&g->ids, e->known, e->seq, e->id);
}

/* Ids of matches that left the window are not cited. */
static void uncite(struct corr_group *g, int64_t since)
{
	struct tally *t = &g->ids;
	size_t k = 0;

	while (k < t->n && t->times[k] < since)
		free(t->ids[k++]);
	t->n -= k;
	memmove(t->ids, t->ids + k, t->n * sizeof(char *));
	memmove(t->seqs, t->seqs + k, t->n * sizeof(*t->seqs));
	memmove(t->times, t->times + k, t->n * sizeof(*t->times));
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static size_t sorted(const struct corr_group *g, double v[SAMPLE_MAX])
{
	size_t n = MIN(g->n, (size_t)SAMPLE_MAX);

	for (size_t i = 0; i < n; i++)
		v[i] = corr_at(g, g->n - n + i)->number;
	qsort(v, n, sizeof(v[0]), by_size);
	return n;
}

/* Nearest rank. */
static double percentile(const struct corr_group *g, double p)
{
	double v[SAMPLE_MAX];
	size_t n = sorted(g, v), rank;

	rank = (size_t)ceil(MIN(MAX(p, 0), 100) / 100 * (double)n);
	return v[rank ? rank - 1 : 0];
}

/* Of an even number, the mean of the two in the middle. */
static double median(const struct corr_group *g)
{
	double v[SAMPLE_MAX];
	size_t n = sorted(g, v);

	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static double extreme(const struct corr_group *g, bool least)
{
	double x = corr_at(g, 0)->number;

	for (size_t i = 1; i < g->n; i++)
		x = least ? MIN(x, corr_at(g, i)->number) : MAX(x, corr_at(g, i)->number);
	return x;
}

/* Whether the rules of `must` matched, ordered: in the order in which they are listed. */
static bool term_met(const struct corr *c, const struct corr_group *g, const struct term *t,
		     uint32_t seen)
{
	uint32_t left = t->must;

	if ((seen & t->must) != t->must || (seen & t->never))
		return false;
	if (c->type == CORR_TEMPORAL)
		return true;
	for (size_t i = 0; left && i < g->n; i++)
		if (corr_at(g, i)->ref == (uint32_t)__builtin_ctz(left))
			left &= left - 1;
	return !left;
}

static bool words_met(const struct corr *c, const struct corr_group *g)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < g->n; i++)
		seen |= UINT32_C(1) << corr_at(g, i)->ref;
	for (size_t i = 0; i < c->nterms; i++)
		if (term_met(c, g, &c->terms[i], seen))
			return true;
	return false;
}

/* How many of its rules matched, or how far they matched in their order. */
static double rules_met(const struct corr *c, const struct corr_group *g)
{
	uint32_t seen = 0;
	size_t next = 0;

	for (size_t i = 0; i < g->n; i++) {
		uint32_t ref = corr_at(g, i)->ref;

		seen |= UINT32_C(1) << ref;
		if (next < c->nrefs && ref == next)
			next++;
	}
	return c->type == CORR_TEMPORAL ? __builtin_popcount(seen) : (double)next;
}

static double measure(const struct corr *c, const struct corr_group *g)
{
	switch (c->type) {
	case CORR_EVENT_COUNT:
		return (double)g->n;
	case CORR_VALUE_COUNT:
		return (double)g->values.len;
	case CORR_VALUE_SUM:
		return g->sum;
	case CORR_VALUE_AVG:
		return g->sum / (double)g->n;
	case CORR_VALUE_PERCENTILE:
		return percentile(g, c->percentile);
	case CORR_VALUE_MEDIAN:
		return median(g);
	case CORR_VALUE_MIN:
	case CORR_VALUE_MAX:
		return extreme(g, c->type == CORR_VALUE_MIN);
	default:
		return c->words ? words_met(c, g) : rules_met(c, g);
	}
}

static bool met(const struct corr *c, double x)
{
	return (c->low_open ? x > c->low : x >= c->low) &&
	       (c->high_open ? x < c->high : x <= c->high);
}

/* false: the event has no such field, so it is not counted. */
static bool value_of(const struct corr *c, const struct event *e, struct corr_entry *x)
{
	char tmp[40];

	for (size_t k = 0; k < c->nfields; k++) {
		const struct val *v = event_get(e, c->fields[x->ref][k]);

		if (!val_set(v))
			return false;
		if (c->type != CORR_VALUE_COUNT)
			return val_num(v, &x->number);
		x->value = hash_2(x->value,
				  hash_istr(v->kind == VAL_LIST ? val_str(v) : val_text(v, tmp),
					    5)) |
			   1;
	}
	return true;
}

static bool key_of(const struct rule *r, size_t ref, const struct event *e, uint64_t *ret_key)
{
	uint64_t key = hash_str(r->model.name, 6);
	char tmp[40];

	for (size_t i = 0; i < r->corr->ngroup; i++) {
		const struct val *v = event_get(e, r->corr->group[ref][i]);

		if (!val_set(v))
			return false;
		key = hash_2(key,
			     hash_istr(v->kind == VAL_LIST ? val_str(v) : val_text(v, tmp), 0));
	}
	*ret_key = key;
	return true;
}

bool corr_group_add(struct detect *dt, struct corr_group *g, struct corr_entry x)
{
	if (g->n == g->cap && !grow(g))
		return false;
	if (x.value) {
		uint64_t *times = map_put(&g->values, x.value, NULL);

		if (times)
			++*times;
	}
	g->sum += x.number;
	g->n++;
	dt->corr_entries++;
	*corr_at(g, g->n - 1) = x;
	return true;
}

/* A window that was kept for another saying of the rule. */
static void start_over(struct detect *dt, struct corr_group *g, uint64_t sign)
{
	while (g->n)
		drop_oldest(dt, g);
	tally_reset(&g->ids);
	g->sign = sign;
}

struct tally *corr_feed(struct detect *dt, struct rule *r, size_t ref, const struct event *e,
			const struct tally *from, uint64_t *ret_key)
{
	const struct corr *c = r->corr;
	struct corr_entry x = {.time = e->known, .ref = (uint32_t)ref};
	int64_t since = e->known - c->span_ns;
	struct corr_group *g;

	if (!value_of(c, e, &x) || !key_of(r, ref, e, ret_key))
		return NULL;
	g = corr_group(dt, *ret_key, e->known);
	if (!g)
		return NULL;
	if (g->sign != c->sign)
		start_over(dt, g, c->sign);
	while (g->n && (corr_at(g, 0)->time < since || g->n == CORR_LONG))
		drop_oldest(dt, g);
	/* Of several matches of one rule in a row the last says all that order and time need.
	 */
	if (c->type >= CORR_TEMPORAL && g->n && corr_at(g, g->n - 1)->ref == x.ref)
		corr_at(g, g->n - 1)->time = x.time;
	else if (!corr_group_add(dt, g, x))
		return NULL;
	g->until = e->known + c->span_ns;
	uncite(g, since);
	cite(g, e, from);
	if (!met(c, measure(c, g)))
		return NULL;
	/* It begins anew, as the next match belongs to the next finding. */
	while (g->n)
		drop_oldest(dt, g);
	return &g->ids;
}
