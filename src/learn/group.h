/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/group: what a group of entities has done, as far as rarity needs it.
 */
#ifndef LEARN_GROUP_H
#define LEARN_GROUP_H
#include "learn/core.h"
#include "learn/tenure.h"
#include <stdlib.h>

#define PY_D	   0.6 /* Pitman-Yor discount */
#define PY_THETA   0.5
#define GROUP_BINS 48

/* How many of a group had each value, as far as probabilities need it. */
struct shares {
	double total, distinct;
	double mass[GROUP_BINS]; /* discounted counts, by count of the value */
};

/* One more, or one fewer, has a value that `had` of them had. */
void shares_add(struct shares *g, uint32_t had);
void shares_take(struct shares *g, uint32_t had);
/* Probability of a value that nobody had. */
double shares_unseen(const struct shares *g);
/* Mass of all values that at most c >= 1 entities have, the unseen included. */
double shares_tail(const struct shares *g, uint32_t c);

struct group {
	struct shares had;
	uint32_t members;
	struct level level;	/* of burst and volume */
	double tried, reversed; /* of reversal */
	struct tenure tenure;	/* of rarity */
};

#endif
