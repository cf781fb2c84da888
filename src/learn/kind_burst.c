/* SPDX-License-Identifier: Apache-2.0 */
/*
 * burst: how many distinct things an entity touches within a window, and how many of them it
 * had never touched before; or how much information their names carry (measure: bits): the
 * distinct names times the mean length of what stands before the domain, four bits a character.
 * The window slides in halves: what is counted is the current half and the one before.
 */
#include "base/hash.h"
#include "learn/distinct.h"
#include "learn/group.h"
#include "learn/level.h"
#include <math.h>

#define BITS_CHAR   4.0
#define GROUP_N	    50 /* windows after which a class is judged by itself */
#define DEV_N	    3
#define POPULAR_MAX 5 /* classes of a domain's popularity: 1, 2-3, 4-7, .. entities */
#define ADDRESSES   (POPULAR_MAX + 1) /* and one of names that are addresses turned round */
#define LN_2	    0.693	      /* of two tests the better one is believed half as much */

struct half {
	struct distinct things;
	uint16_t fresh;	    /* never met before */
	uint32_t n, length; /* names and their characters, repetitions included */
};

struct halves {
	struct half now, before;
};

/* The same of few things, as most touch few. */
#define FEW 4
struct few {
	uint16_t print[FEW];
	uint32_t n, length;
	uint16_t fresh;
	uint8_t things, spare;
};

struct touched {
	struct state st;
	struct level level, fresh; /* of each window's highest */
	int64_t half;		   /* number of the current one */
	float distinct, bits, raw; /* as last worked out */
	float highest, highest_fresh, reached;
	bool open, many; /* many: struct halves stands behind it, else two struct few */
};

#define TOUCHED_FEW  (sizeof(struct touched) + 2 * sizeof(struct few))
#define TOUCHED_MANY (sizeof(struct touched) + sizeof(struct halves))

static void few_get(const struct few *f, struct half *ret_h)
{
	*ret_h = (struct half){.fresh = f->fresh, .n = f->n, .length = f->length};
	memcpy(ret_h->things.u.print, f->print, sizeof(f->print));
	ret_h->things.n = f->things;
}

static void few_put(struct few *f, const struct half *h)
{
	*f = (struct few){
		.n = h->n, .length = h->length, .fresh = h->fresh, .things = h->things.n};
	memcpy(f->print, h->things.u.print, sizeof(f->print));
}

static void halves_get(const struct touched *t, struct halves *ret_h)
{
	const struct few *f = (const struct few *)(t + 1);

	if (t->many) {
		memcpy(ret_h, t + 1, sizeof(*ret_h));
		return;
	}
	few_get(&f[0], &ret_h->now);
	few_get(&f[1], &ret_h->before);
}

static bool is_few(const struct half *h)
{
	return !h->things.dense && h->things.n <= FEW;
}

/* t may move. Out of memory what does not fit is left out. */
static struct touched *halves_put(struct learn *l, struct touched *t, const struct halves *h)
{
	struct few *f = (struct few *)(t + 1);

	if (!t->many && !(is_few(&h->now) && is_few(&h->before))) {
		struct state *s = state_grow(&l->states, &t->st, TOUCHED_MANY);

		if (!s)
			return t;
		t = (struct touched *)s;
		t->many = true;
	}
	if (t->many) {
		memcpy(t + 1, h, sizeof(*h));
	} else {
		few_put(&f[0], &h->now);
		few_put(&f[1], &h->before);
	}
	return t;
}

static struct touched *touched_put(struct learn *l, struct quantity *q,
				   const struct observation *o)
{
	struct touched *t =
		(struct touched *)state_put(&l->states, o->who, TOUCHED_FEW, o->now);

	if (t && !t->open) {
		t->open = true;
		t->half = o->now / (q->window / 2);
		t->reached = -1;
		popular_join(q, o->cls);
	}
	return t;
}

static void learn_class(struct class_past *g, const struct quantity *q, const struct touched *t,
			double members)
{
	int64_t then = t->half / 2 * q->window;
	double y = q->bits ? log1p((double)t->highest) : (double)t->highest;
	double dev = log1p((double)t->highest) - log1p((double)t->level.mean);

	if (!q->bits && t->level.n >= DEV_N)
		hours_add(&g->hours, NULL, then, q->window, dev);
	level_learn(&g->level, y, q->window, members);
	level_learn(&g->fresh, (double)t->highest_fresh, q->window, members);
	if (q->bits)
		sketch_add(&g->sizes, (double)t->highest + 1);
}

/* A window is over: its highest is what this entity and its class are known by. */
static bool turn(struct quantity *q, struct touched *t, struct halves *h,
		 struct class_past *mine, struct class_past *all, const struct observation *o)
{
	int64_t half = o->now / (q->window / 2);

	if (half <= t->half)
		return false;
	if (half / 2 > t->half / 2) {
		learn_class(mine, q, t, q->groups[o->cls].members);
		if (all != mine)
			learn_class(all, q, t, q->groups[CLASSES].members);
		level_learn(&t->level, q->bits ? log1p((double)t->highest) : (double)t->highest,
			    q->window, 1);
		level_learn(&t->fresh, (double)t->highest_fresh, q->window, 1);
		t->highest = t->highest_fresh = 0;
		t->reached = -1;
	}
	h->before = half == t->half + 1 ? h->now : (struct half){0};
	h->now = (struct half){0};
	t->half = half;
	return true;
}

/* The attribute of the entity that the value ends with, as a name does with its domain. */
static struct str ending(const struct quantity *q, const struct observation *o)
{
	for (uint8_t i = 0; i < q->nent; i++) {
		struct str end;

		if (q->ent[i].role != ROLE_COUNT)
			continue;
		end = val_str(event_get(o->e, q->ent[i].attr));
		if (end.len && end.len <= o->value.len &&
		    str_ieq(str_n(o->value.p + o->value.len - end.len, end.len), end))
			return end;
	}
	return STR("");
}

/* Domains are compared with those that about as many of ours ask for. */
static uint8_t popularity(struct learn *l, struct quantity *q, const struct observation *o,
			  struct str domain, bool fresh)
{
	uint64_t what = hash_istr(domain, UINT64_C(0x646f6d) + q->id);
	struct popular *p = popular_put(l, q, what, (struct str){NULL, 0}, o->now);
	uint8_t k = 0;

	if (p && fresh && !bloom_test_set(l, hash_2(o->who, what), true))
		popular_add(l, q, &p, o->cls);
	while (p && k < POPULAR_MAX && p->ents >> (k + 1))
		k++;
	return k;
}

/*
 * Four numbers to begin with: somebody looks up an address in a block list or backwards. One
 * program asks for thousands of such names, below domains that nobody else needs; compared with
 * all domains of few entities they would make much information look usual there.
 */
static bool is_address(struct str name)
{
	size_t at = 0;

	for (int i = 0; i < 4; i++) {
		unsigned x = 0;
		size_t from = at;

		for (; at < name.len && name.p[at] >= '0' && name.p[at] <= '9'; at++)
			x = MIN(x * 10 + (unsigned)(name.p[at] - '0'), 256);
		if (at == from || x > 255 || at == name.len || name.p[at++] != '.')
			return false;
	}
	return true;
}

static bool take(struct learn *l, struct half *h, const struct observation *o,
		 size_t domain_len)
{
	bool grown = distinct_add(&h->things, o->what);
	size_t len = o->value.len - domain_len;

	/* The dot before the domain tells nothing. */
	h->length += (uint32_t)MIN(len && domain_len ? len - 1 : len, 255);
	h->n++;
	if ((grown || h->things.dense) && !bloom_test_set(l, hash_2(o->who, o->what), true) &&
	    h->fresh < UINT16_MAX) {
		h->fresh++;
		grown = true;
	}
	return grown;
}

static void measure(const struct quantity *q, struct touched *t, const struct halves *h,
		    struct class_past *g, int64_t now)
{
	/* Names below a domain are asked for by programs, which know no week. */
	double shift = q->bits ? 0 : hours_shift(&g->hours, NULL, now, q->window);
	double n = (double)h->now.n + h->before.n, fresh = h->now.fresh + h->before.fresh;
	double most, news, x;

	t->distinct = (float)distinct_union(&h->now.things, &h->before.things);
	t->bits = (float)((double)t->distinct * BITS_CHAR *
			  ((double)h->now.length + h->before.length) / MAX(n, 1));
	x = q->bits ? (double)t->bits : (double)t->distinct;
	if (q->bits) {
		most = size_nats(&t->level, g, shift, x, now);
	} else {
		double phi = exp(shift);

		most = level_counts(&t->level, &g->level, phi, x);
		news = level_counts(&t->fresh, &g->fresh, phi, fresh);
		most = MAX(0, MAX(most, news) - LN_2);
	}
	t->raw = (float)most;
	t->highest = MAX(t->highest, (float)x);
	t->highest_fresh = MAX(t->highest_fresh, (float)fresh);
}

static void see(struct learn *l, struct quantity *q, const struct observation *o,
		struct verdict *v)
{
	struct touched *t = touched_put(l, q, o);
	struct str domain = q->bits ? ending(q, o) : STR("");
	uint8_t cls = q->bits ? 0 : o->cls;
	struct class_past *all, *mine, *g;
	bool turned, few;
	struct halves h;

	if (!t)
		return;
	if (domain.len)
		cls = popularity(l, q, o, domain, t->level.n <= 0);
	if (domain.len && is_address(o->value))
		cls = ADDRESSES;
	mine = all = class_past(l, q, q->org_only ? CLASSES : cls, sizeof(*mine), o->now);
	if (!mine)
		return;
	few = mine->level.n < GROUP_N;
	/* The organisation is asked for only where a window ends or the class is too small. */
	if (!q->org_only && (few || o->now / (q->window / 2) > t->half))
		all = class_past(l, q, CLASSES, sizeof(*all), o->now);
	if (!all)
		return;
	halves_get(t, &h);
	turned = turn(q, t, &h, mine, all, o);
	g = few ? all : mine;
	if (take(l, &h.now, o, domain.len) || turned)
		measure(q, t, &h, g, o->now);
	t = halves_put(l, t, &h);
	v->raw = (double)t->raw;
	window_tell(q, o, &t->reached, v);
	v->days = (double)(o->now - state_first(&t->st)) / (double)NS_PER_D;
	v->peers = popular_peers(q, o->cls);
	verdict_set(v, OUT_DISTINCT, rint((double)t->distinct));
	verdict_set(v, OUT_DISTINCT_NEW, h.now.fresh + h.before.fresh);
	verdict_set(v, OUT_BITS, (double)t->bits);
	verdict_set(v, OUT_WINDOW, (double)(q->window / NS_PER_S));
}

static void explain(struct learn *l, const struct quantity *q, const struct observation *o,
		    struct verdict *v)
{
	struct touched *t = (struct touched *)state_peek(&l->states, o->who);
	double usual;

	if (!t)
		return;
	usual = q->bits ? expm1((double)t->level.mean) : (double)t->level.mean;
	v->seen = arena_fmt(&l->text, "%.0f distinct (%.0f never before) within %lld min",
			    v->f[OUT_DISTINCT], v->f[OUT_DISTINCT_NEW],
			    (long long)(q->window / NS_PER_S / 60));
	if (t->level.n < 1)
		v->usual = STR("none so far");
	else
		v->usual = arena_fmt(&l->text, "%s %.0f%s", usual < 1 ? "at most" : "about",
				     MAX(usual, 1), q->bits ? " bits" : "");
}

const struct kind kind_burst = {.name = "burst",
				.needs_value = true,
				.version = 1,
				.meets = true,
				.see = see,
				.explain = explain};
