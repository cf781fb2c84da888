/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume: the sum of a number over a window, against the entity's and its class's past. With
 * `against` the ratio of the two is tested beside it (bytes sent for every byte received), with
 * `value` how rare that value is (the destination): Fisher's combination of what is left of
 * each after recalibration. measure: events counts events instead. Windows of a day also run a
 * Page-CUSUM for slow leaks.
 */
#include "base/hash.h"
#include "learn/fmath.h"
#include "learn/group.h"
#include "learn/level.h"
#include <math.h>

#define LONG_N	   8	/* windows after which an entity gets a profile and a sketch */
#define GROUP_N	   50	/* windows after which a class is judged by itself */
#define RANK_N	   200	/* observations after which a rank means something */
#define DEV_N	   3	/* windows after which a deviation from the mean means something */
#define NUMBER_MAX 1e18 /* a sum of no number above stays finite */
#define LEAK_N	   5	/* days known before a leak can be told */
#define LEAK_SLACK 0.5
#define LEAK_DAY   3.0 /* sd that one day may add: a leak takes three days at least */
#define LEAK_ALARM 8.0
#define LEAK_MOST  16.0 /* so that it ends when the new level has become normal */

/* Of 64 bytes, as there is one for each destination of each device. */
struct sum {
	struct state st;
	struct level level;
	uint32_t at; /* number of the current window (its lowest bits), and the flags below */
	double total, against;
	float reached; /* what this window counts as in the door; < 0 nothing yet */
	float odd;     /* highest surprise of the total in this window */
};

#define AT_OPEN	 0x80000000u /* a window has begun */
#define AT_GROWN 0x40000000u /* there is a struct grown behind it */
#define AT_MASK	 0x3fffffffu

/* Behind a struct sum whose quantity tells leaks. */
struct leaks {
	float leak; /* CUSUM up to the day before */
	float spare;
};

/* Behind that, for those known longer. */
struct grown {
	struct own_hours hours;
	struct sketch_own sizes;
};

struct class_sums {
	struct class_past past;
	struct sketch odds, ratios;
};

static struct class_sums *class_of(struct learn *l, const struct quantity *q, uint8_t cls,
				   int64_t now)
{
	return (struct class_sums *)class_past(l, q, cls, sizeof(struct class_sums), now);
}

static double size_y(const struct quantity *q, double total)
{
	return q->events ? total : fm_log(1 + total);
}

static bool tells_leaks(const struct quantity *q)
{
	return q->window >= NS_PER_D && !q->events;
}

static size_t sum_size(const struct quantity *q)
{
	return sizeof(struct sum) + (tells_leaks(q) ? sizeof(struct leaks) : 0);
}

static struct leaks *leaks_of(struct sum *s)
{
	return (struct leaks *)(s + 1);
}

static struct grown *grown_of(const struct quantity *q, struct sum *s)
{
	return s->at & AT_GROWN ? (struct grown *)(void *)((char *)s + sum_size(q)) : NULL;
}

/* Windows from that of s to number w; not above 0 when w is not a later one. */
static int64_t windows_to(const struct sum *s, int64_t w)
{
	uint32_t n = ((uint32_t)w - s->at) & AT_MASK;

	return n > AT_MASK / 2 ? 0 : n;
}

/* CUSUM with this day's total so far, in standard deviations; about nats (2 x slack). */
static double leak_with(struct sum *s, double y)
{
	double sd = s->level.n >= 2 ? sqrt((double)(s->level.m2 / s->level.n)) : 1;
	double z = (y - (double)s->level.mean) / MAX(sd, 0.4);

	if (s->level.n < LEAK_N)
		return 0;
	return MIN(MAX(0, (double)leaks_of(s)->leak + MIN(z, LEAK_DAY) - LEAK_SLACK),
		   LEAK_MOST);
}

static void learn_class(struct class_sums *g, struct own_hours *own, const struct quantity *q,
			const struct sum *s, double y, double members, int64_t then)
{
	double dev = q->events ? fm_log(1 + s->total) - fm_log(1 + (double)s->level.mean)
			       : y - (double)s->level.mean;

	if (s->level.n >= DEV_N)
		hours_add(&g->past.hours, own, then, q->window, dev);
	level_learn(&g->past.level, y, q->window, members);
	sketch_add(&g->past.sizes, s->total + 1);
	sketch_add(&g->odds, (double)s->odd + 1e-3);
	if (q->against != ATTR_NONE)
		sketch_add(&g->ratios, (s->total + 1) / (s->against + 1));
}

/* A window is over: it is learned by the entity, its class and the organisation. */
static struct sum *turn(struct learn *l, struct quantity *q, struct sum *s,
			struct class_sums *mine, struct class_sums *all,
			const struct observation *o)
{
	int64_t w = o->now / q->window, passed = windows_to(s, w);
	struct grown *own = grown_of(q, s);
	bool open = s->at & AT_OPEN;

	if (open && passed <= 0)
		return s;
	if (open) {
		int64_t then = (w - passed) * q->window;
		double y = size_y(q, s->total);

		learn_class(mine, own ? &own->hours : NULL, q, s, y, q->groups[o->cls].members,
			    then);
		if (all != mine)
			learn_class(all, NULL, q, s, y, q->groups[CLASSES].members, then);
		if (tells_leaks(q))
			leaks_of(s)->leak = (float)leak_with(s, y);
		level_learn(&s->level, y, q->window, 1);
		if (own)
			sketch_own_add(&own->sizes, s->total + 1);
	}
	if (!own && s->level.n >= LONG_N) {
		struct state *st =
			state_grow(&l->states, &s->st, sum_size(q) + sizeof(struct grown));

		s = st ? (struct sum *)st : s;
		s->at |= st ? AT_GROWN : 0;
	}
	s->at = (s->at & AT_GROWN) | AT_OPEN | ((uint32_t)w & AT_MASK);
	s->total = s->against = 0;
	s->reached = -1;
	s->odd = 0;
	return s;
}

/* How odd the total is by itself, nats. */
static double odd_size(const struct quantity *q, const struct sum *s, struct class_sums *g,
		       const struct own_hours *own, int64_t now)
{
	double shift = hours_shift(&g->past.hours, own, now, q->window);

	if (q->events)
		return level_counts(&s->level, &g->past.level, exp(shift), s->total);
	return size_nats(&s->level, &g->past, shift, s->total, now);
}

static double ranked(const struct sketch *s, double x, double raw)
{
	return s->n < RANK_N ? MIN(raw / 2, DOOR_LEARN_CAP) : -fm_log(sketch_tail(s, x));
}

/* Fisher over size, ratio and rarity of the value, as far as the quantity has them. */
static double joint(const struct quantity *q, const struct sum *s, const struct class_sums *g,
		    const struct popular *pop, const struct observation *o)
{
	double p[3], ratio = (s->total + 1) / (s->against + 1);
	int k = 0;

	if (q->against == ATTR_NONE && !pop)
		return (double)s->odd;
	p[k++] = ranked(&g->odds, (double)s->odd + 1e-3, (double)s->odd);
	if (q->against != ATTR_NONE)
		p[k++] = ranked(&g->ratios, ratio, fm_log(ratio));
	if (pop)
		p[k++] = -fm_log(popular_tail(q, pop, o->cls));
	return fisher_nats(p, k);
}

static struct popular *value_of(struct learn *l, struct quantity *q,
				const struct observation *o)
{
	struct popular *pop = NULL;

	if (q->nval)
		pop = popular_put(l, q, o->what, (struct str){NULL, 0}, o->now);
	if (pop && !bloom_test_set(l, hash_2(o->who, o->what), true))
		popular_add(l, q, &pop, o->cls);
	return pop;
}

static double usual_of(const struct quantity *q, const struct level *own,
		       const struct level *group)
{
	double y = (double)(own->n >= 1 ? own->mean : group->mean);

	return q->events ? y : fm_exp(y) - 1;
}

static void see(struct learn *l, struct quantity *q, const struct observation *o,
		struct verdict *v)
{
	struct popular *pop = value_of(l, q, o);
	struct sum *s = (struct sum *)state_put(&l->states, o->who, sum_size(q), o->now);
	struct class_sums *mine = class_of(l, q, q->org_only ? CLASSES : o->cls, o->now), *all,
			  *g;
	struct grown *own;
	double leak = 0;
	float odd;
	bool few;

	if (!s || !mine)
		return;
	few = mine->past.level.n < GROUP_N;
	/* The organisation is asked for only where a window ends or the class is too small. */
	all = mine;
	if (!q->org_only &&
	    (few || !(s->at & AT_OPEN) || windows_to(s, o->now / q->window) > 0))
		all = class_of(l, q, CLASSES, o->now);
	if (!all)
		return;
	if (!(s->at & AT_OPEN))
		popular_join(q, o->cls);
	s = turn(l, q, s, mine, all, o);
	own = grown_of(q, s);
	g = few ? all : mine;
	s->total += q->events ? 1 : MIN(MAX(o->number, 0), NUMBER_MAX);
	s->against += MIN(MAX(o->against, 0), NUMBER_MAX);
	odd = (float)odd_size(q, s, g, own ? &own->hours : NULL, o->now);
	s->odd = MAX(s->odd, odd);
	v->raw = joint(q, s, g, pop, o);
	/* More received than sent is no upload, however large. */
	if (q->against != ATTR_NONE && s->total < s->against)
		v->raw = MIN(v->raw, 1);
	if (tells_leaks(q)) {
		leak = leak_with(s, fm_log(1 + s->total));
		v->raw = MAX(v->raw, leak);
		verdict_set(v, OUT_LEAK, leak);
	}
	window_tell(q, o, &s->reached, v);
	v->days = (double)(o->now - state_first(&s->st)) / (double)NS_PER_D;
	v->peers = popular_peers(q, o->cls);
	v->peers_same = pop ? pop->ents : 0;
	verdict_set(v, OUT_VALUE, s->total);
	verdict_set(v, OUT_RATIO, s->total / (s->against + 1));
	verdict_set(v, OUT_TIMES, s->total / (1 + usual_of(q, &s->level, &g->past.level)));
	verdict_set(v, OUT_TIMES_SEEN, floor((double)s->level.n + 0.5));
	verdict_set(v, OUT_WINDOW, (double)(q->window / NS_PER_S));
}

static struct str amount(struct learn *l, const struct quantity *q, double x)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	size_t i = 0;

	if (q->events)
		return arena_fmt(&l->text, "%.0f", x);
	while (x >= 999.5 && i + 1 < ARRAY_LEN(units)) {
		x /= 1000;
		i++;
	}
	return arena_fmt(&l->text, "%.3g %s", x, units[i]);
}

static void explain(struct learn *l, const struct quantity *q, const struct observation *o,
		    struct verdict *v)
{
	struct sum *s = (struct sum *)state_peek(&l->states, o->who);
	const struct class_past *all =
		(const struct class_past *)state_peek(&l->states, past_key(q, CLASSES));
	struct grown *own = s ? grown_of(q, s) : NULL;
	struct sketch sizes = {0}, *k;
	struct str mid, high;

	if (!s || !all)
		return;
	if (own)
		sketch_of(&own->sizes, &sizes);
	k = sizes.n >= DEV_N ? &sizes : NULL;
	v->seen = amount(l, q, v->f[OUT_VALUE]);
	if ((v->have & UINT64_C(1) << OUT_LEAK) && v->f[OUT_LEAK] >= LEAK_ALARM)
		v->seen = arena_fmt(&l->text, "%.*s, and more than usual for days",
				    STR_ARG(v->seen));
	if (!k && !all->sizes.n) {
		v->usual = STR("not known yet");
		return;
	}
	mid = amount(l, q, sketch_quantile(k ? k : &all->sizes, 0.5) - 1);
	high = amount(l, q, sketch_quantile(k ? k : &all->sizes, 0.95) - 1);
	v->usual = arena_fmt(&l->text, "%.*s%s, at most %.*s in 95 %% of such windows",
			     STR_ARG(mid), k ? "" : " among its peers", STR_ARG(high));
}

const struct kind kind_volume = {.name = "volume",
				 .needs_number = true,
				 .version = 1,
				 .meets = true,
				 .see = see,
				 .explain = explain};
