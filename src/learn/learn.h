/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn: what is normal for every entity, and how surprising an event is against it.
 * Quantities are declared in learned/ (docs/LEARNED.md). learn_event scores an event against
 * the past and then learns it; the results stand in the event's row as learned.NAME.* and, with
 * their explanation, in learn_results.
 *
 * Nothing here reads a clock: "now" is the event's `known`. One thread.
 *
 * Nothing raises an alert by its raw number: a result's `surprise` has gone through
 * learn_report, the one door: conformal recalibration per quantity and entity class against
 * this organisation's own past.
 */
#ifndef LEARN_LEARN_H
#define LEARN_LEARN_H
#include "event/entity.h"

struct learn;

struct learn_conf {
	const char *dir;	   /* learned/ */
	size_t memory_bytes;	   /* ceiling of all state; 0 = 512 MiB */
	double alerts_per_day;	   /* budget of the threat queue; 0 = 3 */
	double compliance_per_day; /* 0 = 20 */
};

/* Loads learned/, provides learned.* to the record types concerned. Before schema_freeze. */
MUST int learn_open(const struct learn_conf *conf, struct schema *s, struct entities *en,
		    struct learn **ret_l, struct diag *d);
/* After schema_freeze. */
MUST int learn_start(struct learn *l);
/* After the last event: what was learned is let go of. Only learn_stats and learn_free may follow.
 */
void learn_end(struct learn *l);
struct learn *learn_free(struct learn *l);

/* One surprise: what was seen, against what is usual. Text lives until the next learn_event. */
struct learn_result {
	struct str quantity; /* "dst_domain_rarity" */
	uint32_t entity;
	uint8_t cls;	 /* enum ent_class it was judged among */
	double raw;	 /* nats before recalibration */
	double surprise; /* nats after: -ln of the share of this class's past that was odder */
	struct str usual, seen, text; /* text: a finished sentence */
	double days;		      /* of history of this entity's quantity */
	uint32_t peers_same;	      /* peers that did the same, of */
	uint32_t peers;
	struct str tactic; /* ATT&CK tactic the quantity points to, or empty */
	bool learning;	   /* learning mode: too little past to judge */
};

/* Scores and learns e (resolved); fills learned.* in its row. mem: the event's batch. */
MUST int learn_event(struct learn *l, struct event *e, struct arena *mem);
size_t learn_results(const struct learn *l, const struct learn_result **ret_r);
/* The same without the words, which cost more than all else; learn_say makes those of one. */
size_t learn_surprises(const struct learn *l, const struct learn_result **ret_r);
void learn_say(const struct learn *l, const struct learn_result *r);

/*
 * The one door for whoever has a surprise of its own: that a model fired on an entity in this
 * hour is a quantity too (quantity "model:NAME"). Returns the recalibrated surprise.
 */
double learn_report(struct learn *l, uint32_t entity, struct str quantity, double raw,
		    struct str tactic, int64_t now);
/*
 * Whether an alert with this surprise fits the budget (threshold from the past 20 days, at
 * most as asked). compliance alerts have a budget of their own. Counts it when it does.
 */
bool learn_budget(struct learn *l, double surprise, bool compliance, int64_t now);

/* A would-be alert that asks for its place in the budget. */
struct learn_claim {
	uint32_t entity;   /* whom it is about; ENT_NONE nobody */
	struct str family; /* of the model */
	double surprise;   /* nats, after the door */
	bool compliance;   /* the queue it goes to */
	bool slow;	   /* from a quantity of the slow channel */
	bool goes_on;	   /* the entity was alerted about within a day: free, but remembered */
	int64_t now;
};
bool learn_claim(struct learn *l, const struct learn_claim *c);
/* Whether a quantity is of the slow channel (channel: slow), which has a lane of its own. */
bool learn_slow(const struct learn *l, struct str quantity);

#define LEARN_NATS 16 /* classes of a judged surprise, by whole nats; the last is open */

struct learn_stats {
	size_t quantities, states, bytes, evictions;
	/* Surprises judged since the start, after learning mode: were all in order, the share at
	 * or above k nats would be at most e^-k. */
	uint64_t judged[LEARN_NATS];
	int64_t since; /* known of the first event */
	bool learning; /* learning mode, said aloud */
	double asked_per_day, realised_per_day;
	double compliance_asked, compliance_realised; /* the same of the compliance queue */
};
void learn_stats(const struct learn *l, struct learn_stats *ret_s);

#endif
