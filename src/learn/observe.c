/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event: who and what each quantity sees in it, then the verdicts of their kinds.
 */
#include "base/hash.h"
#include "learn/chain.h"
#include "learn/peers.h"

#define HOLD_NATS 4.6 /* from here on an entity's state is not forgotten for want of room */

#define CLOCK_LATE   (120 * NS_PER_S) /* of the reorder buffer: what is later is late */
#define CLOCK_JUMP   (30 * NS_PER_D)
#define CLOCK_BACK   NS_PER_D
#define CLOCK_END    (INT64_MAX / 2) /* 2116: what differences can be taken of */
#define CLOCK_AHEAD  8
#define CLOCK_BEHIND 64

static const char out_type[OUT_COUNT] = {
#define X(c, name, type) type,
#include "learn/out.def"
#undef X
};

/* The time to learn an event at. */
int64_t clock_tick(struct clock *c, int64_t known, bool *ret_late)
{
	*ret_late = false;
	known = MIN(MAX(known, 0), CLOCK_END);
	if (c->now && known > c->now + CLOCK_JUMP) {
		if (++c->ahead < CLOCK_AHEAD)
			return c->now;
	} else if (c->now && known < c->now - CLOCK_LATE) {
		c->ahead = 0;
		c->behind = known < c->now - CLOCK_BACK ? c->behind + 1 : 0;
		*ret_late = c->behind < CLOCK_BEHIND;
		if (*ret_late)
			return known;
		c->now = known;
	}
	c->ahead = c->behind = 0;
	c->now = MAX(c->now, known);
	return known;
}

static void find_roles(struct learn *l, const struct event *e)
{
	memset(l->role, 0, sizeof(l->role));
	for (uint8_t i = 0; i < e->nents; i++) {
		const struct entity *en = entity_get(l->entities, e->ents[i].id);

		uint64_t tail = en ? hash_tail(en->hash) : 0;

		if (i == 0) {
			l->role[ROLE_HOME] = en;
			l->role_tail[ROLE_HOME] = tail;
		}
		if (e->ents[i].role < ROLE_COUNT && !l->role[e->ents[i].role]) {
			l->role[e->ents[i].role] = en;
			l->role_tail[e->ents[i].role] = tail;
		}
	}
}

/* Hash of a value's text, case folded; several quantities ask for the same one. */
static uint64_t text_hash(struct learn *l, const struct val *v, struct str text)
{
	uint64_t h;

	for (unsigned i = 0; i < MIN(l->nmemo, MEMO); i++)
		if (l->memo[i].v == v)
			return l->memo[i].hash;
	h = hash_istr(text, 0);
	l->memo[l->nmemo % MEMO].v = v;
	l->memo[l->nmemo++ % MEMO].hash = h;
	return h;
}

static void about(struct observation *o, const struct entity *en)
{
	o->entity = en->id;
	o->cls = en->cls < CLASSES ? en->cls : 0;
}

/* Who the observation is about; false when the event does not say. */
static bool who_is(struct learn *l, const struct quantity *q, struct observation *o)
{
	uint64_t key = q->who0;
	char tmp[40];

	if (q->nent == 1 && q->ent[0].role != ROLE_COUNT) {
		const struct entity *en = l->role[q->ent[0].role];

		if (!en)
			return false;
		o->who = hash_join(key, l->role_tail[q->ent[0].role]);
		about(o, en);
		return true;
	}
	o->entity = ENT_NONE;
	for (uint8_t i = 0; i < q->nent; i++) {
		const struct val *v;
		struct str text;

		if (q->ent[i].role != ROLE_COUNT) {
			const struct entity *en = l->role[q->ent[i].role];

			if (!en)
				return false;
			key = hash_join(key, l->role_tail[q->ent[i].role]);
			if (o->entity == ENT_NONE)
				about(o, en);
			continue;
		}
		v = event_get(o->e, q->ent[i].attr);
		text = val_text(v, tmp);
		if (!text.len)
			return false;
		key = hash_2(key, text_hash(l, v, text));
	}
	if (o->entity == ENT_NONE && l->role[ROLE_HOME])
		about(o, l->role[ROLE_HOME]);
	o->who = key;
	return q->nent > 0;
}

static struct str join(struct learn *l, struct str a, struct str b)
{
	char *p = arena_alloc(&l->text, a.len + 1 + b.len);

	if (!p)
		return a;
	memcpy(p, a.p, a.len);
	p[a.len] = ' ';
	memcpy(p + a.len + 1, b.p, b.len);
	return str_n(p, a.len + 1 + b.len);
}

/* The value's parts joined by a blank, and their hash. */
static void look_up(struct learn *l, const struct quantity *q, const struct event *e,
		    struct sight *s)
{
	char tmp[40];

	*s = (struct sight){.text = STR("")};
	for (uint8_t i = 0; i < q->nval; i++) {
		const struct val *v = event_get(e, q->val[i].attr);
		struct str t = v->kind == VAL_LIST ? val_str(v) : val_text(v, tmp);
		uint64_t h;

		if (!t.len)
			continue;
		h = text_hash(l, v, t);
		if (s->text.len)
			s->text = join(l, s->text, t);
		else
			s->text = t.p >= tmp && t.p < tmp + sizeof(tmp) ? arena_str(&l->text, t)
									: t;
		s->hash = s->hash ? hash_2(s->hash, h) : h;
	}
}

/* The same, once for all uses that are alike. */
static const struct sight *sight_of(struct learn *l, const struct use *u, const struct event *e)
{
	uint64_t bit = UINT64_C(1) << (u->like % 64);
	struct sight *s = &l->sight[u->like % 64];

	if (u->like == ASK_ALONE || !(l->sighted & bit))
		look_up(l, u->q, e, s);
	/* Of what is chained none is shared, and all that is shared has been seen by then. */
	l->sighted |= bit;
	return s;
}

static void put_text(struct val *at, struct str t, struct arena *mem)
{
	if (t.len && (t = arena_str(mem, t)).p)
		*at = val_s(t);
}

/* A count that is out of all bounds is the largest there is. */
static int64_t whole(double f)
{
	const double most = 9.2e18;

	return f >= most ? INT64_MAX : f <= -most ? INT64_MIN : f == f ? (int64_t)f : 0;
}

static void put_outputs(const struct use *u, struct event *e, struct arena *mem,
			const struct verdict *v)
{
	for (uint8_t i = 0; i < u->nwanted; i++) {
		uint8_t o = u->wanted[i];
		struct val *at = &e->row[u->slot[i]];

		if (out_type[o] == 's')
			put_text(at, o == OUT_USUAL ? v->usual : v->seen, mem);
		else if (!(v->have & UINT64_C(1) << o))
			continue;
		else if (out_type[o] == 'b')
			*at = val_b(v->f[o] != 0);
		else if (out_type[o] == 'i')
			*at = val_i(whole(v->f[o]));
		else
			*at = val_f(v->f[o]);
	}
}

static bool wants_words(const struct use *u)
{
	return (u->wants & (UINT64_C(1) << OUT_USUAL | UINT64_C(1) << OUT_SEEN |
			    UINT64_C(1) << OUT_LIST)) != 0;
}

/* The words of a result are made when somebody asks for them (words.c). */
static void keep_result(struct learn *l, const struct quantity *q, const struct observation *o,
			const struct verdict *v, double s, bool learning)
{
	if (l->nresults == RESULTS_MAX)
		return;
	l->unsaid[l->nresults] = (struct unsaid){.q = q, .o = *o, .v = *v};
	l->results[l->nresults++] = (struct learn_result){
		.quantity = str_of(q->name),
		.entity = o->entity,
		.cls = o->cls,
		.raw = v->raw,
		.surprise = s,
		.days = v->days,
		.peers_same = v->peers_same,
		.peers = v->peers,
		.tactic = v->tactic.len ? v->tactic : q->tactic,
		.learning = learning,
	};
}

static void finish(struct learn *l, const struct use *u, struct event *e, struct arena *mem,
		   const struct observation *o, struct verdict *v)
{
	struct quantity *q = u->q;
	double s = v->raw > 0 ? door_judge(&q->door, o->cls, v->raw, q->kind->own_scale, o->now)
			      : 0;
	bool odd = v->odd || v->raw >= TEXT_NATS;
	bool learning = (odd || v->tested || verdict_wants(v, OUT_LEARNING)) &&
			door_learning(&q->door, o->cls, o->now);

	/* The door ranks among all of the class, who are settled for the most part. */
	if (v->young)
		s = MIN(s, v->raw);
	if (v->tested)
		door_add(&q->door, o->cls, v->raw, o->now);
	if (v->tested && !learning)
		l->judged[s < LEARN_NATS - 1 ? (unsigned)MAX(s, 0) : LEARN_NATS - 1]++;
	if (u->nwanted) {
		if (odd && q->kind->explain && wants_words(u))
			q->kind->explain(l, q, o, v);
		verdict_set(v, OUT_SURPRISE, s);
		verdict_set(v, OUT_RAW, v->raw);
		verdict_set(v, OUT_DAYS, v->days);
		verdict_set(v, OUT_LEARNING, learning);
		put_outputs(u, e, mem, v);
	}
	if (v->tested && s >= HOLD_NATS) {
		struct state *st = state_peek(&l->states, o->who);

		if (st)
			state_hold(&l->states, st);
	}
	if (v->tested)
		chain_take(l, q, o, v, s);
	if (odd)
		keep_result(l, q, o, v, s, learning);
}

static void verdict_clear(struct verdict *v)
{
	v->raw = v->days = 0;
	v->tested = v->odd = v->held = v->young = false;
	v->have = 0;
	v->usual = v->seen = v->tactic = STR("");
	v->peers = v->peers_same = 0;
}

static void warm(const struct learn *l)
{
	for (size_t i = 0; i < l->nlooks; i++) {
		const struct look *k = &l->looks[i];

		state_warm(&l->states, k->o.who);
		for (size_t n = 0; n < k->nkeys; n++)
			state_warm(&l->states, k->keys[n]);
	}
}

/* All that was gathered; of a list every item is seen, the oddest one speaks for the event. */
static void see_all(struct learn *l, struct event *e, struct arena *mem)
{
	struct verdict two[2], *v = &two[0], *best = NULL;
	const struct look *best_look = NULL;

	warm(l);
	for (size_t i = 0; i < l->nlooks; i++) {
		const struct look *k = &l->looks[i];
		struct quantity *q = k->use->q;

		verdict_clear(v);
		v->wants = k->use->wants;
		l->states.owner = (uint16_t)(q->index + 1);
		q->kind->see(l, q, &k->o, v);
		l->states.owner = 0;
		if (v->have && v->raw >= 0 && (!best || v->raw > best->raw)) {
			best = v;
			best_look = k;
			v = best == &two[0] ? &two[1] : &two[0];
		}
		if (!k->last)
			continue;
		if (best)
			finish(l, k->use, e, mem, &best_look->o, best);
		best = NULL;
	}
	l->nlooks = 0;
	l->nmemo = 0; /* outputs may have been hashed before they were put */
}

/* The observation in the next free look is whole: its keys, whose memory is sent for. */
static void look_at(struct learn *l, const struct use *u)
{
	struct look *k = &l->looks[l->nlooks++];
	const struct quantity *q = u->q;
	const struct kind *kind = q->kind;

	k->use = u;
	k->last = false;
	if (kind->keys) {
		k->nkeys = (uint8_t)kind->keys(l, q, &k->o, k->keys);
	} else {
		k->keys[0] = hash_join(k->o.what, q->tail);
		k->nkeys = k->o.what != 0;
	}
	state_prefetch(&l->states, k->o.who);
	for (size_t i = 0; i < k->nkeys; i++)
		state_prefetch(&l->states, k->keys[i]);
	if (kind->meets && k->o.what)
		bloom_prefetch(&l->bloom, hash_2(k->o.who, k->o.what));
}

static bool asked(const struct use *u, const struct event *e)
{
	return u->where ? filter_lean_match(u->where, e) : filter_match(u->q->where, e);
}

/* Whether the event is one that u is about. */
static bool concerns(struct learn *l, const struct use *u, const struct event *e)
{
	uint64_t bit = UINT64_C(1) << (u->ask % 64);

	if (!u->q->where)
		return true;
	if (u->ask == ASK_ALONE)
		return asked(u, e);
	if (!(l->asked & bit) && asked(u, e))
		l->yes |= bit;
	l->asked |= bit;
	return (l->yes & bit) != 0;
}

/* Every item of a list is a value of its own. */
static void each_item(struct learn *l, const struct use *u, const struct val *list,
		      const struct observation *o)
{
	const struct val *items;
	size_t n = MIN(list->len, VALUES_MAX);

	(void)val_items(list, &items);
	for (size_t i = 0; i < n; i++) {
		struct observation *to = &l->looks[l->nlooks].o;
		char tmp[40];
		struct str t = items[i].kind == VAL_LIST ? val_str(&items[i])
							 : val_text(&items[i], tmp);

		if (!t.len)
			continue;
		*to = *o;
		to->what = hash_join(text_hash(l, &items[i], t), u->q->what_tail);
		to->value = t.p >= tmp && t.p < tmp + sizeof(tmp) ? arena_str(&l->text, t) : t;
		if (to->value.len)
			look_at(l, u);
	}
}

static void gather(struct learn *l, const struct use *u, const struct event *e, int64_t now,
		   bool late)
{
	const struct quantity *q = u->q;
	struct observation *o = &l->looks[l->nlooks].o;
	size_t before = l->nlooks;
	const struct val *v;

	if ((late && !q->kind->takes_late) || !concerns(l, u, e))
		return;
	*o = (struct observation){.e = e, .now = now, .late = late};
	if (!who_is(l, q, o))
		return;
	if (q->number != ATTR_NONE && !val_num(event_get(e, q->number), &o->number))
		return;
	if (q->against != ATTR_NONE)
		(void)val_num(event_get(e, q->against), &o->against);
	v = q->nval == 1 ? event_get(e, q->val[0].attr) : &val_none;
	if (v->kind == VAL_LIST) {
		struct observation each = *o;

		each_item(l, u, v, &each);
	} else if (q->nval) {
		const struct sight *s = sight_of(l, u, e);

		o->value = s->text;
		o->what = hash_join(s->hash, q->what_tail);
		if (s->text.len)
			look_at(l, u);
	} else {
		look_at(l, u);
	}
	if (l->nlooks > before)
		l->looks[l->nlooks - 1].last = true;
}

/* An hour in which an entity did anything: what rates of firing are measured against. */
static void live(struct learn *l, int64_t now)
{
	const struct entity *en = l->role[ROLE_HOME];
	struct lived *s;

	if (!en)
		return;
	s = (struct lived *)state_put(&l->states, lived_key(en), sizeof(*s), now);
	if (!s || s->hour >= now / NS_PER_H)
		return;
	s->hour = now / NS_PER_H;
	l->hours[en->cls < CLASSES ? en->cls : 0] += 1;
	l->hours[CLASSES] += 1;
	peers_live(l, en, now);
}

int learn_event(struct learn *l, struct event *e, struct arena *mem)
{
	const struct uses *u = &l->types[e->type->id];
	bool late;
	int64_t now = clock_tick(&l->clock, e->known, &late);

	arena_reset(&l->text);
	l->nresults = 0;
	l->asked = l->yes = l->sighted = 0;
	if (!l->since)
		l->since = MAX(now, 1);
	find_roles(l, e);
	l->deeds = chain_deeds(l, e, now);
	if (l->role[ROLE_HOME])
		state_prefetch(&l->states, lived_key(l->role[ROLE_HOME]));
	for (size_t i = 0; i < u->n; i++) {
		if (u->use[i].q->chained || l->nlooks > LOOKS_MAX - VALUES_MAX)
			see_all(l, e, mem);
		gather(l, &u->use[i], e, now, late);
	}
	live(l, now);
	see_all(l, e, mem);
	return 0;
}
