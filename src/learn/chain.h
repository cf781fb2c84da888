/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/chain: which tactics surprised on whom, and over which links that passes to others.
 * A node is an entity or the text of an attribute (a session, a key); keys are hashes. Private
 * to this folder. What it means stands in docs/LEARNED.md.
 *
 * Fast channel: a tactic's strength halves in 8 h and counts for a day. Slow channel: risk that
 * keeps 0.8 a day and takes at most 9 nats a day, tactics of five days. They never add up.
 */
#ifndef LEARN_CHAIN_H
#define LEARN_CHAIN_H
#include "learn/core.h"
#include "learn/tactics.h"

#define CHAIN_SPAN	NS_PER_D
#define CHAIN_BONUS	1.5 /* nats for each distinct tactic beyond the first */
#define CHAIN_SLOW_DAYS 5

/* One tactic on one node. own: seen on itself; got: passed to it. */
struct stage {
	int64_t own_at, got_at; /* known of the last, 0 never */
	float own, got;		/* nats, of that moment */
	uint32_t from;		/* entity on which got was seen */
	uint32_t hour;		/* of the last test of its own */
	float most;		/* raw, of that hour */
	struct deeds deeds;	/* which own evidence came of */
};

/*
 * Every tactic has a door of its own: a quantity that tests a hundred values an hour comes
 * below p = 0.01 once in an hour, which is no news. What counts is in how many entity-hours of
 * the class this tactic surprised as much.
 */
struct chain_doors {
	struct door door[TACTIC_COUNT];
	double rested[CLASSES]; /* entity-hours that they know of */
};

struct chained {
	struct state st;
	uint32_t self;		    /* entity, where it has evidence of its own */
	bool changed, slow_changed; /* by itself, since the channel last looked */
	int64_t hour, day;	    /* of the slow channel's last input */
	float risk;		    /* nats, as of day */
	float in_hour, in_day;	    /* what that hour and day put in */
	struct stage t[TACTIC_COUNT];
};

/* What the tactics of a node come to. */
struct chain_sum {
	int tactics;
	double raw; /* strongest + half of the second + a bonus for each but the strongest */
	uint8_t order[TACTIC_COUNT]; /* the tactics that count, by time of sight */
};

/*
 * Evidence of s nats for a tactic on an entity, by the event at hand; passed on over its links.
 */
void chain_note(struct learn *l, uint32_t entity, struct str tactic, double s, int64_t now);
/* The same from a verdict, where it counts: p < 0.01, on probation, or new and sensitive. */
void chain_take(struct learn *l, const struct quantity *q, const struct observation *o,
		const struct verdict *v, double s);
/* Ties two nodes for a day; what either knows passes to the other. */
void chain_link(struct learn *l, uint64_t a, bool a_named, uint64_t b, bool b_named,
		int64_t now);

/* What an event did. */
struct deeds chain_deeds(const struct learn *l, const struct event *e, int64_t now);
/* Node of an entity; its state, or NULL. */
uint64_t chain_node(const struct entity *en);
/* Of the state behind chain_find. */
uint64_t chain_key(const struct entity *en);
struct chained *chain_find(const struct learn *l, const struct entity *en);
void chain_add_up(const struct chained *c, bool slow, int64_t now, struct chain_sum *ret_s);
/* "initial_access, persistence (on a.b), impact" */
struct str chain_list(struct learn *l, const struct chained *c, const struct chain_sum *s);
/*
 * An entity-hour without news is a test as well: q's door and those of the tactics learn how
 * many there were, from the end of the learning mode on.
 */
void chain_rest(struct learn *l, struct quantity *q, int64_t now);

extern const struct kind kind_chain;

#endif
