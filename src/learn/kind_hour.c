/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hour: an entity's clock hour as a whole. Deeds that are ordinary one by one are odd together,
 * and how odd is known from what the class's own hours were like: for each quantity the raw
 * surprises of the hour's distinct values are added up (of counts, volumes and rhythms the
 * greatest is taken), the sum is ranked among all hours of the class, and the ranks' nats are
 * added. A value counts once, for the quantity that tells of it first: several that look at one
 * network are one piece of evidence. The total has a door of its own, since quantities of one
 * entity are not independent. 0.7 of an odd hour is carried on, with a half-life of 8 h.
 *
 * It speaks on events that brought something new to the hour, so what is cited is the deed.
 */
#include "base/hash.h"
#include "learn/chain.h"
#include "learn/level.h"
#include <math.h>

#define ITEMS	   16	 /* quantities of an hour */
#define VALUES	   64	 /* of an hour, over all quantities */
#define VALUE_MOST 30.0	 /* nats of one value */
#define CARRY	   0.7	 /* of what an hour was goes into the next ones ... */
#define CARRY_H	   8.0	 /* ... with this half-life in hours */
#define COUNTS	   2.3	 /* nats of rank from which a quantity is told of */
#define CLASS_MIN  200.0 /* hours; a smaller class is judged among all */
#define BINS	   100	 /* of 0.2 nats up to 12, from there each 10 % higher */
#define BIN_NATS   0.2
#define EVEN	   60
#define GROWTH	   1.1
#define KEEP	   0.95 /* a day */

#define SEED_HOUR UINT64_C(0x686f757200010000)
#define SEED_PAST UINT64_C(0x686f757200020000)

struct item {
	uint32_t q; /* lower half of the quantity's id */
	float sum, rank;
	uint32_t tactics; /* bit id: one of its values stands for that tactic */
};

struct entity_hour {
	struct state st;
	uint32_t hour;
	float best;    /* total of this hour, without what was carried into it */
	float carry;   /* from the hours before, as of this one */
	float reached; /* what the door has of this hour; < 0 nothing */
	uint8_t nitems, nvalues;
	struct item item[ITEMS];
	uint32_t value[VALUES];
};

/* The hours of a class, by what one quantity came to; most have nothing and stand in no bin. */
struct hour_past {
	struct state st;
	int64_t day;		      /* of the freeze */
	double total;		      /* hours, as of that day */
	double known;		      /* hours of the class already in total */
	float live[BINS], rank[BINS]; /* rank: as of that day */
};

static int bin_of(double x)
{
	if (x < EVEN * BIN_NATS)
		return (int)(MAX(x, 0) / BIN_NATS);
	return MIN(EVEN + (int)(log(x / (EVEN * BIN_NATS)) / log(GROWTH)), BINS - 1);
}

static uint64_t hour_past_key(const struct quantity *q, uint8_t cls)
{
	return hash_2(q->id, SEED_PAST + cls);
}

/* Fixed for the day: nats of the share of the class's past hours that had at least as much. */
static void freeze(struct hour_past *p, double hours, int64_t day)
{
	double keep = p->day ? pow(KEEP, (double)MAX(0, day - p->day)) : 1, above = 0;

	if (p->day == day)
		return;
	p->day = day;
	p->total = p->total * keep + MAX(0, hours - p->known);
	p->known = hours;
	for (int i = BINS - 1; i >= 0; i--) {
		p->live[i] *= (float)keep;
		p->rank[i] =
			(float)-log((above + (double)p->live[i] / 2 + 0.5) / (p->total + 1));
		p->rank[i] = MAX(p->rank[i], 0);
		above += (double)p->live[i];
	}
}

static void move(struct hour_past *p, float from, float to)
{
	float *was = &p->live[bin_of((double)from)];

	if (from > 0)
		*was = MAX(0, *was - 1);
	p->live[bin_of((double)to)] += 1;
}

/* Both pasts exist when this is called, unless memory ran out. */
static double rank(struct learn *l, const struct quantity *q, uint8_t cls, float from, float to,
		   int64_t now)
{
	struct hour_past *mine, *all;

	mine = (struct hour_past *)state_peek(&l->states, hour_past_key(q, cls));
	all = (struct hour_past *)state_peek(&l->states, hour_past_key(q, CLASSES));
	if (!mine || !all)
		return 0;
	freeze(mine, l->hours[cls], now / NS_PER_D);
	freeze(all, l->hours[CLASSES], now / NS_PER_D);
	move(mine, from, to);
	move(all, from, to);
	if (mine->total < CLASS_MIN)
		mine = all;
	return (double)mine->rank[bin_of((double)to)];
}

static void turn(struct entity_hour *h, uint32_t hour)
{
	if (h->hour == hour && h->reached != 0)
		return;
	if (h->hour)
		h->carry =
			MAX(h->carry, h->best) *
			(float)exp2(-(double)(hour > h->hour ? hour - h->hour : 0) / CARRY_H);
	h->hour = hour;
	h->best = 0;
	h->reached = -1;
	h->nitems = h->nvalues = 0;
}

static bool fresh_value(struct entity_hour *h, struct str text)
{
	uint32_t value = (uint32_t)hash_istr(text, SEED_HOUR);

	for (uint8_t i = 0; i < h->nvalues; i++)
		if (h->value[i] == value)
			return false;
	if (h->nvalues == VALUES)
		return false;
	h->value[h->nvalues++] = value;
	return true;
}

static struct item *item_of(struct entity_hour *h, const struct quantity *q)
{
	uint8_t i = 0;

	while (i < h->nitems && h->item[i].q != (uint32_t)q->id)
		i++;
	if (i == ITEMS)
		return NULL;
	if (i == h->nitems)
		h->item[h->nitems++] = (struct item){.q = (uint32_t)q->id};
	return &h->item[i];
}

static bool counts(const struct learn *l, const struct unsaid *u, int64_t now)
{
	struct quantity *q = l->q[u->q->index];

	return !q->kind->last && u->v.raw > 0 && !door_learning(&q->door, u->o.cls, now);
}

/* Takes a result into the hour; whether it brought something. */
static bool take(struct learn *l, struct entity_hour *h, const struct unsaid *u, uint8_t cls,
		 int64_t now)
{
	const struct quantity *q = u->q;
	struct str tactic = u->v.tactic.len ? u->v.tactic : q->tactic;
	float raw = (float)MIN(u->v.raw, VALUE_MOST), sum;
	struct item *it = item_of(h, q);
	uint8_t id;

	if (!it)
		return false;
	if (!q->kind->values)
		sum = MAX(it->sum, raw);
	else if (fresh_value(h, u->o.value))
		sum = it->sum + raw;
	else
		return false;
	if (!(sum > it->sum))
		return false;
	it->rank = (float)rank(l, q, cls, it->sum, sum, now);
	it->sum = sum;
	id = u->v.raw >= COUNTS ? tactic_id(tactic) : TACTIC_NONE;
	if (id != TACTIC_NONE)
		it->tactics |= UINT32_C(1) << id;
	return true;
}

/* Hours without news are tests as well. */
static void rest(struct learn *l, struct quantity *q, int64_t now)
{
	if (now - l->since < DOOR_LEARN_NS)
		return;
	for (uint8_t c = 0; c < CLASSES; c++)
		for (; q->rested[c] < l->hours[c]; q->rested[c] += 1)
			door_add(&q->door, c, 0, now);
}

static struct entity_hour *hour_put(struct learn *l, const struct observation *o)
{
	for (size_t i = 0; i < l->nresults; i++) {
		const struct unsaid *u = &l->unsaid[i];

		if (!counts(l, u, o->now))
			continue;
		(void)state_put(&l->states, hour_past_key(u->q, o->cls),
				sizeof(struct hour_past), o->now);
		(void)state_put(&l->states, hour_past_key(u->q, CLASSES),
				sizeof(struct hour_past), o->now);
	}
	/* Last, since making room moves what stood before. */
	return (struct entity_hour *)state_put(&l->states, o->who, sizeof(struct entity_hour),
					       o->now);
}

static void see(struct learn *l, struct quantity *q, const struct observation *o,
		struct verdict *v)
{
	const struct entity *en = entity_get(l->entities, o->entity);
	bool any = false, changed = false;
	struct entity_hour *h;
	uint32_t tactics = 0;
	double total = 0;
	int odd = 0;

	for (size_t i = 0; i < l->nresults && !any; i++)
		any = counts(l, &l->unsaid[i], o->now);
	if (!any || !en)
		return;
	rest(l, q, o->now);
	h = hour_put(l, o);
	if (!h)
		return;
	turn(h, (uint32_t)(o->now / NS_PER_H));
	for (size_t i = 0; i < l->nresults; i++)
		if (counts(l, &l->unsaid[i], o->now))
			changed |= take(l, h, &l->unsaid[i], o->cls, o->now);
	if (!changed)
		return;
	for (uint8_t i = 0; i < h->nitems; i++) {
		total += (double)h->item[i].rank;
		if ((double)h->item[i].rank < COUNTS)
			continue;
		odd++;
		tactics |= h->item[i].tactics;
	}
	h->best = MAX(h->best, (float)total);
	v->raw = total + CARRY * (double)h->carry;
	window_tell(q, o, &h->reached, v);
	v->odd = odd > 1;
	v->days = (double)(o->now - en->first_seen) / (double)NS_PER_D;
	verdict_set(v, OUT_DISTINCT, odd);
	verdict_set(v, OUT_TACTICS, __builtin_popcount(tactics));
}

static struct str name_of(const struct learn *l, const struct item *it)
{
	for (size_t i = 0; i < l->nq; i++)
		if ((uint32_t)l->q[i]->id == it->q)
			return str_of(l->q[i]->name);
	return (struct str){NULL, 0};
}

/* Joined by commas; empty when out of memory. */
static struct str listed(struct learn *l, const struct str *names, size_t n)
{
	size_t len = 0;
	char *p, *to;

	for (size_t i = 0; i < n; i++)
		len += names[i].len + 2;
	p = to = arena_alloc(&l->text, len + 1);
	for (size_t i = 0; p && i < n; i++) {
		to = mempcpy(to, names[i].p, names[i].len);
		to = mempcpy(to, ", ", 2);
	}
	return to > p ? str_n(p, (size_t)(to - p) - 2) : STR("");
}

/* The quantities that were odd, oddest first. Asked for after many an event of an odd hour. */
static void explain(struct learn *l, const struct quantity *q, const struct observation *o,
		    struct verdict *v)
{
	const struct entity_hour *h =
		(const struct entity_hour *)state_peek(&l->states, o->who);
	bool told[ITEMS] = {false};
	struct str names[ITEMS];
	size_t nnames = 0;

	(void)q;
	for (uint8_t n = 0; h && n < h->nitems; n++) {
		const struct item *it = NULL;

		for (uint8_t i = 0; i < h->nitems; i++)
			if (!told[i] && (!it || h->item[i].rank > it->rank))
				it = &h->item[i];
		if (!it || (double)it->rank < COUNTS)
			break;
		told[it - h->item] = true;
		names[nnames] = name_of(l, it);
		nnames += names[nnames].len > 0;
	}
	v->seen = listed(l, names, nnames);
	v->usual = STR("one of them, if any");
}

static size_t no_keys(const struct learn *l, const struct quantity *q,
		      const struct observation *o, uint64_t ret_keys[KEYS_MAX])
{
	(void)l;
	(void)q;
	(void)o;
	(void)ret_keys;
	return 0;
}

const struct kind kind_hour = {.name = "hour",
			       .last = true,
			       .version = 2,
			       .see = see,
			       .explain = explain,
			       .keys = no_keys};
