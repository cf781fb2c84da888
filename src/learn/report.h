/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/report: the one door. A surprise is judged against all surprises that the same
 * quantity gave for the same class of entity in this organisation's own past (Mondrian
 * conformal):
 *   s' = -ln((number above s + half of those in its bin + 1/2) / (number + 1)),
 * and above the top 200 of a class by a generalised Pareto tail through them. The past is
 * frozen at each full hour of event time, so the order inside an hour does not matter; it
 * forgets 5 % a day.
 */
#ifndef LEARN_REPORT_H
#define LEARN_REPORT_H
#include "event/entity.h"
#include "learn/gpd.h"

#define DOOR_BINS      140 /* of 0.2 nats up to 20, from there each 10 % higher */
#define DOOR_BIN_NATS  0.2
#define DOOR_EVEN      100 /* bins of equal width */
#define DOOR_TAIL      200.0
#define DOOR_POOL      ENT_CLASS_COUNT /* all classes together, for classes too small to judge */
#define DOOR_POOL_MIN  200.0	       /* below so many a class borrows the pool */
#define DOOR_LEARN_N   3000.0	       /* observations that end learning early */
#define DOOR_LEARN_NS  (72 * NS_PER_H) /* time that ends it */
#define DOOR_LEARN_CAP 6.0	       /* nats, while learning */

struct door_hist {
	double live[DOOR_BINS];	  /* up to now */
	double frozen[DOOR_BINS]; /* up to this hour */
	double frozen_total;
	float judged[DOOR_BINS]; /* s' of each bin, as frozen; NaN: not asked for yet */
	bool fitted;		 /* the tail below is that of frozen */
	struct gpd tail;
	int tail_bin;	  /* first bin above the tail's start, as frozen */
	double tail_nats; /* -ln of the share above it */
	int top;	  /* highest bin with something in it, as frozen */
	int64_t hour;	  /* of the freeze */
	int64_t since;	  /* known of the first observation, 0 before */
};

struct door {
	struct door_hist cls[ENT_CLASS_COUNT + 1];
};

/* Whether it is too early to judge a class. */
bool door_learning(struct door *d, uint8_t cls, int64_t now);
/* s', at most DOOR_LEARN_CAP while learning (own: the raw value is a p- or e-value itself). */
double door_judge(struct door *d, uint8_t cls, double raw, bool own, int64_t now);
void door_add(struct door *d, uint8_t cls, double raw, int64_t now);
/* Takes back what was added: a window that goes on counts once, by its last height. */
void door_take(struct door *d, uint8_t cls, double raw, int64_t now);

#endif
