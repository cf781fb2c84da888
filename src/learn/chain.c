/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/chain.h"
#include "base/hash.h"
#include <math.h>
#include <stdlib.h>

/* A state of another layout is another state. */
#define SEED_STAGES (UINT64_C(0x636861696e010000) + sizeof(struct chained))
#define SEED_LINKS  (UINT64_C(0x636861696e020000) + sizeof(struct linked))

#define HALF_LIFE   (8.0 * (double)NS_PER_H)
#define PASS	    0.3 /* share of the risk that passes over a link */
#define PASS_MIN    0.5 /* nats: less is not passed on */
#define PASSES_MAX  64	/* nodes that one note reaches at most */
#define LINKS	    8	/* of a node; with more than these in a day it is a hub */
#define SECOND	    0.5 /* of the second strongest: the same deed often shows in both */
#define COUNTS	    4.6 /* nats: p < 0.01 */
#define COUNTS_LESS 2.3 /* nats: p < 0.1, for what is sensitive and new or on probation */
#define WEAK_DEED   2.3 /* nats: what is weaker says nothing of a deed */
#define DEED_NS	    (600 * NS_PER_S)
#define SLOW_KEEP   0.8 /* a day */
#define SLOW_IN	    9.0 /* nats a day */

/* A tactic in the sum of a node. */
struct part_of {
	double s;
	struct deeds deeds;
	uint8_t id;
};

struct linked {
	struct state st;
	int64_t hub_until; /* does not pass until then */
	int64_t at[LINKS]; /* last tied */
	uint64_t to[LINKS];
	bool named[LINKS]; /* that end is a text, not an entity: passing to it costs nothing */
};

/* Strength on its way. */
struct pass {
	uint64_t node;
	double s;
};

uint64_t chain_node(const struct entity *en)
{
	return en->hash;
}

uint64_t chain_key(const struct entity *en)
{
	return hash_2(chain_node(en), SEED_STAGES);
}

static struct chained *stages_of(const struct learn *l, uint64_t node)
{
	return (struct chained *)state_peek(&l->states, hash_2(node, SEED_STAGES));
}

struct chained *chain_find(const struct learn *l, const struct entity *en)
{
	return stages_of(l, chain_node(en));
}

/* These states belong to the entity, not to the quantity that is being asked. */
static struct state *put(struct learn *l, uint64_t key, size_t size, int64_t now)
{
	uint16_t owner = l->states.owner;
	struct state *s;

	l->states.owner = 0;
	s = state_put(&l->states, key, size, now);
	l->states.owner = owner;
	return s;
}

static struct chained *stages_put(struct learn *l, uint64_t node, int64_t now)
{
	return (struct chained *)put(l, hash_2(node, SEED_STAGES), sizeof(struct chained), now);
}

struct deeds chain_deeds(const struct learn *l, const struct event *e, int64_t now)
{
	const struct entity *peer = l->role[ROLE_PEER];
	struct deeds d = {.other = 1};
	uint64_t mark;

	if (!peer || !val_true(event_get(e, ATTR_DST_INTERNAL)))
		return d;
	mark = (peer->hash + (uint64_t)(now / DEED_NS)) % (64 * DEED_WORDS);
	d.other = 0;
	d.at[mark / 64] = UINT64_C(1) << mark % 64;
	return d;
}

static void deeds_add(struct deeds *d, const struct deeds *more)
{
	for (int i = 0; i < DEED_WORDS; i++)
		d->at[i] |= more->at[i];
	d->other |= more->other;
}

/* The same with the ten minutes before and after each. */
static void deeds_widen(struct deeds *d)
{
	struct deeds was = *d;

	for (int i = 0; i < DEED_WORDS; i++) {
		uint64_t before = was.at[(i + DEED_WORDS - 1) % DEED_WORDS];
		uint64_t after = was.at[(i + 1) % DEED_WORDS];

		d->at[i] |= was.at[i] << 1 | before >> 63 | was.at[i] >> 1 | after << 63;
	}
}

static int deeds_count(const struct deeds *d)
{
	int n = 0;

	for (int i = 0; i < DEED_WORDS; i++)
		n += __builtin_popcountll(d->at[i]);
	return n;
}

static double faded(float s, int64_t at, int64_t now)
{
	if (!at || now - at > CHAIN_SPAN)
		return 0;
	return (double)s * exp2(-(double)MAX(0, now - at) / HALF_LIFE);
}

/* Evidence within an hour is one deed seen from several sides: only its strongest counts. */
static void slow_add(struct chained *c, double s, int64_t now)
{
	int64_t hour = now / NS_PER_H, day = now / NS_PER_D;
	double in;

	if (day > c->day) {
		c->risk *= (float)pow(SLOW_KEEP, (double)MIN(day - c->day, 100));
		c->day = day;
		c->in_day = 0;
	}
	if (hour > c->hour) {
		c->hour = hour;
		c->in_hour = 0;
	}
	in = MIN(s - (double)c->in_hour, SLOW_IN - (double)c->in_day);
	if (in <= 0)
		return;
	c->in_hour += (float)in;
	c->in_day += (float)in;
	c->risk += (float)in;
	c->slow_changed = true;
}

/* What reaches a node over a link; whether it tells it anything. */
static bool get(struct chained *c, uint8_t tactic, double s, uint32_t from, int64_t now)
{
	struct stage *t = &c->t[tactic];

	if (s <= faded(t->got, t->got_at, now))
		return false;
	t->got = (float)s;
	t->got_at = now;
	t->from = from;
	slow_add(c, s, now);
	return true;
}

static bool passes(const struct linked *k, int64_t now)
{
	return k && k->hub_until < now;
}

/* Breadth first, so that the shortest way, which brings most, comes first. */
static void spread(struct learn *l, uint64_t node, uint8_t tactic, double s, uint32_t from,
		   int64_t now)
{
	struct pass q[PASSES_MAX] = {{node, s}};
	size_t n = 1;

	for (size_t i = 0; i < n; i++) {
		const struct linked *k = (const struct linked *)state_peek(
			&l->states, hash_2(q[i].node, SEED_LINKS));

		if (!passes(k, now))
			continue;
		for (int j = 0; j < LINKS && n < PASSES_MAX; j++) {
			double share = q[i].s * (k->named[j] ? 1 : PASS);
			const struct linked *far;
			struct chained *c;

			if (!k->to[j] || now - k->at[j] > CHAIN_SPAN || share < PASS_MIN ||
			    k->to[j] == node)
				continue;
			far = (const struct linked *)state_peek(&l->states,
								hash_2(k->to[j], SEED_LINKS));
			c = passes(far, now) ? stages_put(l, k->to[j], now) : NULL;
			/* stages_put may have made room: what was looked up is looked up again.
			 */
			k = (const struct linked *)state_peek(&l->states,
							      hash_2(q[i].node, SEED_LINKS));
			if (!k)
				break;
			if (c && get(c, tactic, share, from, now))
				q[n++] = (struct pass){k->to[j], share};
		}
	}
}

/* The doors of the tactics; they have been open since the first event, whoever came through. */
static struct chain_doors *doors_of(struct learn *l)
{
	if (l->chain)
		return l->chain;
	l->chain = calloc(1, sizeof(*l->chain));
	for (size_t i = 0; l->chain && i < TACTIC_COUNT; i++)
		for (size_t c = 0; c <= CLASSES; c++)
			l->chain->door[i].cls[c].since = l->since;
	return l->chain;
}

void chain_rest(struct learn *l, struct quantity *q, int64_t now)
{
	struct chain_doors *k = doors_of(l);

	if (!k || now - l->since < DOOR_LEARN_NS)
		return;
	for (uint8_t c = 0; c < CLASSES; c++) {
		for (; q->rested[c] < l->hours[c]; q->rested[c] += 1)
			door_add(&q->door, c, 0, now);
		for (; k->rested[c] < l->hours[c]; k->rested[c] += 1)
			for (size_t i = 0; i < TACTIC_COUNT; i++)
				door_add(&k->door[i], c, 0, now);
	}
}

/* How odd it is that a member of cls shows this tactic at all within an hour. */
static double judge(struct learn *l, struct stage *t, uint8_t id, uint8_t cls, double s,
		    int64_t now)
{
	struct door *d = &l->chain->door[id];
	uint32_t hour = (uint32_t)(now / NS_PER_H);
	double judged = door_judge(d, cls, s, false, now);

	if (t->hour != hour)
		t->most = 0;
	t->hour = hour;
	/* One hour is one test, unless it gets worse. */
	if (s > (double)t->most + 1) {
		t->most = (float)s;
		door_add(d, cls, s, now);
	}
	return MIN(s, judged);
}

/* fresh: of something new, not of something that has been met again. */
static void note(struct learn *l, uint32_t entity, struct str tactic, double s, double counts,
		 bool fresh, int64_t now)
{
	const struct entity *en = entity_get(l->entities, entity);
	uint8_t id = tactic_id(tactic);
	struct chained *c;
	struct stage *t;
	double before;

	if (!en || id == TACTIC_NONE || s < counts || !doors_of(l))
		return;
	c = stages_put(l, chain_node(en), now);
	if (!c)
		return;
	t = &c->t[id];
	s = judge(l, t, id, en->cls < CLASSES ? en->cls : 0, s, now);
	if (s < counts)
		return;
	before = faded(t->own, t->own_at, now);
	if (before <= 0)
		t->deeds = (struct deeds){0};
	if (fresh || before <= 0)
		deeds_add(&t->deeds, &l->deeds);
	if (s > before + PASS_MIN || !t->own_at || now - t->own_at > CHAIN_SPAN)
		c->changed = true;
	t->own = (float)MAX(s, before);
	t->own_at = MAX(t->own_at, now);
	c->self = entity;
	slow_add(c, s, now);
	spread(l, chain_node(en), id, s, entity, now);
}

void chain_note(struct learn *l, uint32_t entity, struct str tactic, double s, int64_t now)
{
	note(l, entity, tactic, s, COUNTS, true, now);
}

/* What is too weak to be evidence still belongs to the deed that another value gave away. */
static void weak_deed(struct learn *l, uint32_t entity, struct str tactic, int64_t now)
{
	const struct entity *en = entity_get(l->entities, entity);
	uint8_t id = tactic_id(tactic);
	struct chained *c = en && id != TACTIC_NONE ? chain_find(l, en) : NULL;

	if (c && faded(c->t[id].own, c->t[id].own_at, now) > 0)
		deeds_add(&c->t[id].deeds, &l->deeds);
}

void chain_take(struct learn *l, const struct quantity *q, const struct observation *o,
		const struct verdict *v, double s)
{
	struct str tactic = v->tactic.len ? v->tactic : q->tactic;
	bool sensitive = v->held || (v->odd && (v->tactic.len || q->sensitive));
	double counts = sensitive ? COUNTS_LESS : COUNTS;
	const struct entity *en, *home;

	/* What is hardly odd in itself is no evidence, however seldom it comes. */
	s = MIN(s, 2 * v->raw);
	if (!v->tested || !tactic.len || s < MIN(counts, WEAK_DEED))
		return;
	if (s < counts) {
		if (v->odd && !l->deeds.other)
			weak_deed(l, o->entity, tactic, o->now);
		return;
	}
	note(l, o->entity, tactic, s, counts, v->odd, o->now);
	/* What a program or a pod does, its host does. */
	en = entity_get(l->entities, o->entity);
	home = o->e->nents ? entity_get(l->entities, o->e->ents[0].id) : NULL;
	if (en && home && home->id != en->id && en->kind == ENT_IMAGE)
		note(l, home->id, tactic, s, counts, v->odd, o->now);
}

static struct linked *links_put(struct learn *l, uint64_t node, int64_t now)
{
	return (struct linked *)put(l, hash_2(node, SEED_LINKS), sizeof(struct linked), now);
}

/* Ties one end; whether this link is new. A node whose places are all taken is a hub. */
static bool tie(struct linked *k, uint64_t to, bool named, int64_t now)
{
	int oldest = 0;

	for (int i = 0; i < LINKS; i++) {
		if (k->to[i] == to) {
			bool again = now - k->at[i] > CHAIN_SPAN;

			k->at[i] = MAX(k->at[i], now);
			return again;
		}
		if (k->at[i] < k->at[oldest])
			oldest = i;
	}
	if (k->to[oldest] && now - k->at[oldest] <= CHAIN_SPAN)
		k->hub_until = now + CHAIN_SPAN;
	k->to[oldest] = to;
	k->at[oldest] = now;
	k->named[oldest] = named;
	return true;
}

/* What was known on one end before they were tied. */
static void exchange(struct learn *l, uint64_t from, int64_t now)
{
	struct chained *c = stages_of(l, from);
	struct stage t[TACTIC_COUNT];
	uint32_t self;

	if (!c)
		return;
	memcpy(t, c->t, sizeof(t));
	self = c->self;
	for (uint8_t i = 0; i < TACTIC_COUNT; i++) {
		double own = faded(t[i].own, t[i].own_at, now),
		       got = faded(t[i].got, t[i].got_at, now);

		if (MAX(own, got) >= PASS_MIN)
			spread(l, from, i, MAX(own, got), own >= got ? self : t[i].from, now);
	}
}

void chain_link(struct learn *l, uint64_t a, bool a_named, uint64_t b, bool b_named,
		int64_t now)
{
	struct linked *k;
	bool fresh;

	if (a == b || !a || !b)
		return;
	k = links_put(l, a, now);
	fresh = k && tie(k, b, b_named, now);
	k = links_put(l, b, now);
	fresh |= k && tie(k, a, a_named, now);
	if (!fresh)
		return;
	exchange(l, a, now);
	exchange(l, b, now);
}

/* Whether it was strong enough since then to be spoken of: one link away at most. */
static bool seen(const struct stage *t, int64_t since)
{
	return (t->own_at > since && t->own > 0) ||
	       (t->got_at > since && (double)t->got >= PASS * COUNTS);
}

/* The tactics that count are put in order of sight. */
static void order_add(struct chain_sum *s, const struct chained *c, uint8_t id)
{
	int i = s->tactics++;
	int64_t at = MAX(c->t[id].own_at, c->t[id].got_at);

	for (; i > 0; i--) {
		const struct stage *b = &c->t[s->order[i - 1]];

		if (MAX(b->own_at, b->got_at) <= at)
			break;
		s->order[i] = s->order[i - 1];
	}
	s->order[i] = id;
}

/* A tactic in full counts for one, with its bonus; what has faded or came over a link for less.
 */
static double bonus(double s)
{
	return CHAIN_BONUS * MIN(1.0, s / COUNTS);
}

/* Of fewer deeds first, then the stronger. */
static bool part_first(const struct part_of *a, const struct part_of *b)
{
	int na = deeds_count(&a->deeds), nb = deeds_count(&b->deeds);

	return na != nb ? na < nb : a->s > b->s;
}

static int parts(const struct chained *c, int64_t now, struct part_of ret_p[TACTIC_COUNT])
{
	int n = 0;

	for (uint8_t i = 0; i < TACTIC_COUNT; i++) {
		const struct stage *t = &c->t[i];
		double own = faded(t->own, t->own_at, now), got = faded(t->got, t->got_at, now);
		struct part_of p = {MAX(own, got), t->deeds, i};
		int at = n;

		if (p.s <= 0)
			continue;
		p.deeds.other |= got > own;
		for (; at > 0 && part_first(&p, &ret_p[at - 1]); at--)
			ret_p[at] = ret_p[at - 1];
		ret_p[at] = p;
		n++;
	}
	return n;
}

/*
 * Whether a tactic was seen in deeds that others do not explain: in something else, or in at
 * least half of its own. Who first calls a host discovers it, moves to it and writes there, all
 * at once; that is one stage and not three. A scan goes to many more hosts than what is done to
 * some of them afterwards.
 */
static bool own_deeds(const struct part_of *p, const struct deeds *explained)
{
	struct deeds rest = p->deeds;

	for (int i = 0; i < DEED_WORDS; i++)
		rest.at[i] &= ~explained->at[i];
	return p->deeds.other || 2 * deeds_count(&rest) >= deeds_count(&p->deeds);
}

static void fast(const struct chained *c, int64_t now, struct chain_sum *ret_s)
{
	double first = 0, second = 0, more = 0, top = 0;
	struct part_of p[TACTIC_COUNT];
	int n = parts(c, now, p);
	struct deeds explained = {0};

	*ret_s = (struct chain_sum){0};
	for (int i = 0; i < n; i++) {
		double s = p[i].s;

		top = MAX(top, s);
		if (!own_deeds(&p[i], &explained))
			continue;
		deeds_widen(&p[i].deeds);
		deeds_add(&explained, &p[i].deeds);
		if (seen(&c->t[p[i].id], now - CHAIN_SPAN))
			order_add(ret_s, c, p[i].id);
		more += bonus(s);
		second = MAX(second, MIN(first, s));
		first = MAX(first, s);
	}
	if (ret_s->tactics)
		ret_s->raw = top + SECOND * second + more - bonus(first);
}

static void slow(const struct chained *c, int64_t now, struct chain_sum *ret_s)
{
	int64_t since = now - CHAIN_SLOW_DAYS * NS_PER_D,
		days = MAX(0, now / NS_PER_D - c->day);

	*ret_s = (struct chain_sum){0};
	for (uint8_t i = 0; i < TACTIC_COUNT; i++) {
		const struct stage *t = &c->t[i];

		if (seen(t, since))
			order_add(ret_s, c, i);
	}
	if (ret_s->tactics)
		ret_s->raw = (double)c->risk * pow(SLOW_KEEP, (double)MIN(days, 100)) +
			     CHAIN_BONUS * (ret_s->tactics - 1);
}

void chain_add_up(const struct chained *c, bool is_slow, int64_t now, struct chain_sum *ret_s)
{
	(is_slow ? slow : fast)(c, now, ret_s);
}

/* "initial access" */
static struct str spoken(struct learn *l, const char *tactic)
{
	char *s = arena_strz(&l->text, str_of(tactic));

	for (char *p = s; p && *p; p++)
		*p = *p == '_' ? ' ' : *p;
	if (s && str_starts(str_of(s), STR("defense")))
		s[5] = 'c';
	return str_of(s);
}

struct str chain_list(struct learn *l, const struct chained *c, const struct chain_sum *s)
{
	struct str list = STR("");

	for (int i = 0; i < s->tactics; i++) {
		const struct stage *t = &c->t[s->order[i]];
		const struct entity *from =
			t->own_at >= t->got_at ? NULL : entity_get(l->entities, t->from);

		list = arena_fmt(&l->text, "%.*s%s%.*s%s%.*s%s", STR_ARG(list), i ? ", " : "",
				 STR_ARG(spoken(l, tactic_name(s->order[i]))),
				 from ? " (on " : "", from ? (int)from->name.len : 0,
				 from ? from->name.p : "", from ? ")" : "");
	}
	return list;
}
