/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/learn/merit: what a detector's scores are worth when a person wants N alerts a day.
 * An alert is an entity on a day, at its highest score. An attack is found when a record of its
 * own, not just one of its victim, is above the threshold:
 *   past       the threshold of a day is that which the past 20 days, attacks included, would
 *              have needed to give N a day: what can be had in life
 *   same day   the highest N harmless entities of the very day are above it: what the scores
 *              would be worth if the threshold were always right
 */
#ifndef BENCH_MERIT_H
#define BENCH_MERIT_H
#include "bench/learn/stream.h"

#define BUDGETS	  3
#define PAST_DAYS 20

extern const double budgets[BUDGETS]; /* alerts a day */

/* Sums over seeds. */
struct outcome {
	struct {
		unsigned n, past[BUDGETS], same[BUDGETS];
		unsigned first[BUDGETS][STEPS_MAX]; /* step of the first alarm, past */
		unsigned practice[BUDGETS];	    /* rehearsals alarmed before the attack */
		unsigned top[3]; /* victim among the first 1, 3, 10 of its day */
	} kind[ATTACK_KINDS];
	double alerts[BUDGETS]; /* harmless entity-days above the threshold */
	double days, decisions; /* decisions: alerts on an entity that had none for a day */
};

struct merit;

/* fixed: the score is 1 for an alert and 0 else; there are no thresholds. NULL: no memory. */
struct merit *merit_new(const struct stream *s, bool fixed);
void merit_see(struct merit *t, const struct rec *r, double score);
void merit_add(struct merit *t, struct outcome *sum);
struct merit *merit_free(struct merit *t);

/* The most alerts that may be given where so many are expected: a quarter more from sixty on,
 * else what a Poisson number stays below in 95 of 100 cases. */
double budget_most(double expected);
/* Wilson's interval of k out of n at 95 %, in percent. */
void wilson(unsigned k, unsigned n, double *ret_low, double *ret_high);

#endif
