/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/budget: which surprises become alerts, when a person asked for at most so many a day.
 *
 * The budget has lanes: one for each family of models, and one for slow signals, which has a
 * quarter of it. A lane that wants less than its share lends the rest to the others (weighted
 * max-min fairness), so that a noisy family cannot starve the rest. A lane's threshold is set
 * daily from the past 20 days of the highest surprise of each entity and day: the empirical
 * quantile where at least 20 of them are to lie above, else a generalised Pareto tail.
 *
 * Whatever the stream, no more than per_day for each day since the first offer and the
 * surplus that chance may give one day (95 %) is ever let through, and on no day more than
 * three standard deviations of a Poisson above what was asked.
 */
#ifndef LEARN_BUDGET_H
#define LEARN_BUDGET_H
#include "base/macros.h"
#include "base/str.h"
#include <stdbool.h>

#define BUDGET_DAYS	20
#define BUDGET_TOP	64	     /* entities kept a lane and day */
#define BUDGET_PRIOR	BUDGET_FLOOR /* nats: threshold while there is no past to set one */
#define BUDGET_FLOOR	4.0	     /* nats: never an alert below */
#define BUDGET_PRIOR_NS (72 * NS_PER_H)

enum budget_lane {
	LANE_NETWORK,
	LANE_OT,
	LANE_IDENTITY,
	LANE_CLOUD,
	LANE_EMAIL,
	LANE_WORKLOAD,
	LANE_INTEGRATION,
	LANE_META,
	LANE_OTHER, /* families of the user's own */
	LANE_SLOW,
	LANE_COUNT
};

/* The highest surprises of one lane and day, one an entity, descending. */
struct budget_day {
	int64_t day;
	uint32_t n, over; /* over: offers that found no room */
	float top[BUDGET_TOP];
	uint64_t who[BUDGET_TOP];
};

struct budget_of_lane {
	double share;	  /* alerts a day, today */
	double threshold; /* nats, today */
	double credit;	  /* alerts it may give without asking the pool */
	int64_t spoke;	  /* ns of its last alert, 0 none */
	struct budget_day days[BUDGET_DAYS];
};

struct budget {
	double per_day;
	double pool;	     /* alerts that any lane may give */
	double day_cap;	     /* hard limit of one day */
	int64_t since, last; /* ns, first and last offer */
	int64_t day;	     /* being filled; -1 before the first */
	uint32_t today;	     /* passed on it */
	size_t passed;
	struct budget_of_lane lane[LANE_COUNT];
};

struct budget_claim {
	uint64_t who; /* hash of the entity; 0: nobody, an entity of its own each time */
	enum budget_lane lane;
	double surprise; /* nats */
	bool goes_on;	 /* more of what a reader was told already: free */
	int64_t now;	 /* ns */
};

void budget_init(struct budget *b, double per_day);
enum budget_lane budget_lane_of(struct str family);
/* True when the claim is to be an alert, which is then counted. */
bool budget_ask(struct budget *b, const struct budget_claim *c);
/* The same for a surprise without entity and family. */
bool budget_offer(struct budget *b, double surprise, int64_t now);
/* Alerts a day passed so far; free ones do not count. */
double budget_realised(const struct budget *b);
/* The most that chance gives in 95 of 100 days when lambda are expected. */
double budget_poisson95(double lambda);

#endif
