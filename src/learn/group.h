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

struct group {
	double total, distinct;
	double mass[GROUP_BINS]; /* discounted counts, by count of the value */
	uint32_t members;
	struct level level;	/* of burst and volume */
	double tried, reversed; /* of reversal */
	struct tenure tenure;	/* of rarity */
};

#endif
