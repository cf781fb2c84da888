/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/peers.h"
#include "base/hash.h"
#include "learn/group.h"

/* Jaccard indices. */
#define JOIN		0.35
#define JOIN_FROM_SMALL 0.25
#define GAIN		0.10
#define MERGE		0.5 /* of two leaders */

#define GAIN_DAYS  3
#define VOTES_MAX  8
#define TOKENS_MIN 4 /* habits below which nothing is said of an entity */
#define TOKENS_MAX 1024
#define FIRST_DAYS 2 /* of life before the first comparison */
#define FORTNIGHT  14
#define SEED_PAST  UINT64_C(0x7065657270000000)
#define SEED_VALUE UINT64_C(0x7065657276000000)
#define NO_GROUP   PEERS_GROUPS
#define MOST_SHARE 0.5 /* what more than these have tells nobody apart */

/* How many members had each value, by quantity and group. */
struct peer_past {
	struct state st;
	struct shares had;
};

/* How many members of a group have one value; kept from its second owner anywhere on. */
struct peer_value {
	struct state st;
	uint64_t had;
};

struct signature {
	uint16_t place[PEERS_PLACES];
	size_t tokens;
};

static uint64_t past_of(const struct quantity *q, uint32_t serial)
{
	return hash_2(q->id, SEED_PAST + serial);
}

static uint64_t value_of(const struct quantity *q, uint32_t serial, uint64_t what)
{
	return hash_2(hash_join(what, q->tail), SEED_VALUE + serial);
}

static uint32_t members_of(const struct peer_leader *g)
{
	return MAX(g->now, g->before);
}

struct peer_group peers_of(const struct learn *l, uint32_t entity)
{
	const struct entity *en = entity_get(l->entities, entity);
	const struct lived *life =
		en ? (const struct lived *)state_peek(&l->states, lived_key(en)) : NULL;
	const struct peer_leader *g;

	if (!life || !life->peers.serial || life->peers.at >= PEERS_GROUPS)
		return (struct peer_group){0};
	g = &l->peers->g[life->peers.at];
	if (g->serial != life->peers.serial || members_of(g) < PEERS_LEAST)
		return (struct peer_group){0};
	return (struct peer_group){g->serial, members_of(g)};
}

/* ---- what members have ---- */

/* Members that had the value. One whose only owner is known needs no state of its own. */
static uint32_t had_by(const struct learn *l, const struct quantity *q, uint32_t serial,
		       const struct popular *p, uint64_t what)
{
	const struct peer_value *v =
		(const struct peer_value *)state_peek(&l->states, value_of(q, serial, what));

	if (v)
		return (uint32_t)v->had;
	return p && p->ents == 1 && popular_first(p) && *popular_first(p) == serial;
}

static struct peer_past *past_put(struct learn *l, const struct quantity *q, uint32_t serial,
				  int64_t now)
{
	return (struct peer_past *)state_put(&l->states, past_of(q, serial),
					     sizeof(struct peer_past), now);
}

static void keep(struct learn *l, const struct quantity *q, uint32_t serial, uint64_t what,
		 uint32_t had, int64_t now)
{
	struct peer_value *v = (struct peer_value *)state_put(
		&l->states, value_of(q, serial, what), sizeof(*v), now);

	if (v)
		v->had = had;
}

/* One more member has the value; others: whether anybody but that member has it. */
static void count(struct learn *l, const struct quantity *q, uint32_t serial, struct popular *p,
		  uint64_t what, bool others, int64_t now)
{
	uint32_t had = had_by(l, q, serial, p, what);
	struct peer_past *past;

	/* Making room below may move p. */
	if (!others && popular_first(p))
		*popular_first(p) = serial;
	past = past_put(l, q, serial, now);
	if (past)
		shares_add(&past->had, had);
	if (past && others)
		keep(l, q, serial, what, had + 1, now);
}

/* One member fewer. */
static void uncount(struct learn *l, const struct quantity *q, uint32_t serial,
		    struct popular *p, uint64_t what, int64_t now)
{
	uint32_t had = had_by(l, q, serial, p, what);
	bool others = p->ents > 1;
	struct peer_past *past;

	if (!had)
		return;
	if (!others && popular_first(p))
		*popular_first(p) = 0;
	past = past_put(l, q, serial, now);
	if (past)
		shares_take(&past->had, had);
	if (past && others)
		keep(l, q, serial, what, had - 1, now);
}

void peers_adopt(struct learn *l, const struct quantity *q, struct peer_group g,
		 struct popular *p, uint64_t what, int64_t now)
{
	if (g.serial)
		count(l, q, g.serial, p, what, p->ents > 0, now);
}

double peers_tail(const struct learn *l, const struct quantity *q, struct peer_group g,
		  const struct popular *p, uint64_t what, double of_class)
{
	const struct peer_past *past =
		(const struct peer_past *)state_peek(&l->states, past_of(q, g.serial));
	uint32_t had = had_by(l, q, g.serial, p, what);

	if (!past)
		return of_class;
	return had ? shares_tail(&past->had, had) : shares_unseen(&past->had) * of_class;
}

uint32_t peers_had(const struct learn *l, const struct quantity *q, struct peer_group g,
		   uint64_t what)
{
	return had_by(l, q, g.serial, popular_peek(l, q, what), what);
}

/* Quantities that an entity by itself is learned about, and whose values are habits. */
static bool of_habits(const struct quantity *q)
{
	return q->kind->values && q->kind->habits && q->nent == 1 &&
	       q->ent[0].role != ROLE_COUNT;
}

static uint64_t who_of(const struct quantity *q, const struct entity *en)
{
	return hash_join(q->who0, hash_tail(en->hash));
}

/* Takes all that en has into a group or out of it. */
static void carry(struct learn *l, const struct entity *en, uint32_t serial, bool in,
		  int64_t now)
{
	uint64_t what[RARITY_VALUES];

	for (size_t i = 0; i < l->nq; i++) {
		struct quantity *q = l->q[i];
		const struct state *st =
			of_habits(q) ? state_peek(&l->states, who_of(q, en)) : NULL;
		size_t n = st ? rarity_values(st, false, now, what) : 0;

		l->states.owner = (uint16_t)(q->index + 1);
		for (size_t k = 0; k < n; k++) {
			struct popular *p = popular_peek(l, q, what[k]);

			if (p && in)
				count(l, q, serial, p, what[k], p->ents > 1, now);
			else if (p)
				uncount(l, q, serial, p, what[k], now);
		}
		l->states.owner = 0;
	}
}

/* ---- who belongs where ---- */

/* Whether a value tells some from others. */
static bool tells_apart(const struct learn *l, const struct quantity *q, uint64_t what)
{
	const struct popular *p = popular_peek(l, q, what);

	return p && p->ents > 1 && p->ents <= MOST_SHARE * popular_members(q) + 1;
}

static void sign(struct signature *s, uint64_t token)
{
	for (unsigned i = 0; i < PEERS_PLACES; i++) {
		uint16_t h = (uint16_t)hash_mix(token + i * UINT64_C(0x9e3779b97f4a7c15));

		s->place[i] = MIN(s->place[i], h);
	}
	s->tokens++;
}

static void sign_all(const struct learn *l, const struct entity *en, int64_t now,
		     struct signature *ret_s)
{
	uint64_t what[RARITY_VALUES];

	memset(ret_s->place, 0xff, sizeof(ret_s->place));
	ret_s->tokens = 0;
	for (size_t i = 0; i < l->nq; i++) {
		const struct quantity *q = l->q[i];
		const struct state *st =
			of_habits(q) ? state_peek(&l->states, who_of(q, en)) : NULL;
		size_t n = st ? rarity_values(st, true, now, what) : 0;

		for (size_t k = 0; k < n && ret_s->tokens < TOKENS_MAX; k++)
			if (tells_apart(l, q, what[k]))
				sign(ret_s, what[k]);
	}
}

static double likeness(const uint16_t a[PEERS_PLACES], const uint16_t b[PEERS_PLACES])
{
	int same = 0;

	for (unsigned i = 0; i < PEERS_PLACES; i++)
		same += a[i] == b[i];
	return (double)same / PEERS_PLACES;
}

static void vote(struct peer_leader *g, const struct signature *s)
{
	for (unsigned i = 0; i < PEERS_PLACES; i++) {
		if (g->place[i] == s->place[i])
			g->votes[i] = (uint8_t)MIN(g->votes[i] + 1, VOTES_MAX);
		else if (g->votes[i])
			g->votes[i]--;
		else
			g->place[i] = s->place[i];
	}
}

/* Of two alike the larger one lives on, of two as large the older. */
static bool outlives(const struct peer_leader *a, const struct peer_leader *b)
{
	uint32_t na = members_of(a), nb = members_of(b);

	return na != nb ? na > nb : a->serial < b->serial;
}

/* The likest living group, of those that outlive `own` where that is given; or NO_GROUP. */
static uint16_t likest(const struct peers *p, const uint16_t place[PEERS_PLACES],
		       const struct peer_leader *own, double *ret_like)
{
	uint16_t best = NO_GROUP;

	*ret_like = 0;
	for (uint16_t i = 0; i < PEERS_GROUPS; i++) {
		const struct peer_leader *g = &p->g[i];
		double like;

		if (!g->serial || (own && !outlives(g, own)))
			continue;
		like = likeness(g->place, place);
		if (like > *ret_like ||
		    (best != NO_GROUP && like >= *ret_like && outlives(g, &p->g[best]))) {
			*ret_like = like;
			best = i;
		}
	}
	return best;
}

static uint16_t found(struct peers *p, const struct signature *s)
{
	for (uint16_t i = 0; i < PEERS_GROUPS; i++) {
		if (p->g[i].serial)
			continue;
		p->g[i] = (struct peer_leader){.serial = ++p->serials};
		memcpy(p->g[i].place, s->place, sizeof(s->place));
		return i;
	}
	return NO_GROUP;
}

/* Groups that nobody was in for a fortnight are forgotten. */
static void turn(struct peers *p, uint32_t fortnight)
{
	if (fortnight <= p->fortnight)
		return;
	for (unsigned i = 0; i < PEERS_GROUPS; i++) {
		struct peer_leader *g = &p->g[i];

		g->before = g->now;
		g->now = 0;
		if (p->fortnight && !g->before)
			*g = (struct peer_leader){0};
	}
	p->fortnight = fortnight;
}

/* A group that this one should be part of, or NO_GROUP: two halves of one job, say. */
static uint16_t larger_half(const struct peers *p, const struct peer_leader *own,
			    const struct signature *s)
{
	double like;
	uint16_t best = likest(p, own->place, own, &like);

	return like >= MERGE && likeness(p->g[best].place, s->place) >= JOIN ? best : NO_GROUP;
}

/* A group that is better than its own, or NO_GROUP. */
static uint16_t better(const struct peers *p, const struct peer_leader *own,
		       const struct signature *s)
{
	bool small = members_of(own) < PEERS_LEAST;
	double like;
	uint16_t best = likest(p, s->place, small ? own : NULL, &like);

	/* Too few are no group: any other will do, and less likeness. */
	if (small)
		return like >= JOIN_FROM_SMALL ? best : NO_GROUP;
	if (like >= JOIN && like >= likeness(own->place, s->place) + GAIN)
		return best;
	return larger_half(p, own, s);
}

/* Where it should be from today on. */
static uint16_t choose(struct peers *p, struct membership *m, const struct signature *s)
{
	double like;
	uint16_t best;

	if (!m->serial) {
		best = likest(p, s->place, NULL, &like);
		return like >= JOIN ? best : found(p, s);
	}
	best = better(p, &p->g[m->at], s);
	m->days = best == NO_GROUP ? 0 : best == m->other ? (uint16_t)(m->days + 1) : 1;
	m->other = best;
	return m->days >= GAIN_DAYS ? best : m->at;
}

static void move(struct learn *l, const struct entity *en, struct membership *m, uint16_t to,
		 int64_t now)
{
	struct peers *p = l->peers;

	if (m->serial) {
		carry(l, en, m->serial, false, now);
		p->g[m->at].now -= p->g[m->at].now > 0;
	}
	m->serial = p->g[to].serial;
	m->at = to;
	m->other = NO_GROUP;
	m->days = 0;
	carry(l, en, m->serial, true, now);
	p->g[to].now++;
}

void peers_live(struct learn *l, const struct entity *en, int64_t now)
{
	uint32_t day = (uint32_t)(now / NS_PER_D);
	struct lived *life = (struct lived *)state_peek(&l->states, lived_key(en));
	struct membership m;
	struct signature s;
	uint16_t to;
	bool first;

	if (!life || life->peers.day == day || en->cls == ENT_CLASS_EXTERNAL)
		return;
	m = life->peers;
	turn(l->peers, day / FORTNIGHT);
	first = m.day / FORTNIGHT != day / FORTNIGHT;
	m.day = day;
	if (m.at >= PEERS_GROUPS || l->peers->g[m.at].serial != m.serial)
		m.serial = 0;
	if (m.serial && first)
		l->peers->g[m.at].now++;
	life->peers = m;
	if (now - state_first(&life->st) < FIRST_DAYS * NS_PER_D)
		return;
	sign_all(l, en, now, &s);
	if (s.tokens < TOKENS_MIN)
		return;
	to = choose(l->peers, &m, &s);
	if (to == NO_GROUP)
		return;
	if (!m.serial || to != m.at)
		move(l, en, &m, to, now);
	vote(&l->peers->g[to], &s);
	/* Making room may have moved it. */
	life = (struct lived *)state_peek(&l->states, lived_key(en));
	if (life)
		life->peers = m;
}
