/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/tenure: how much news is usual at an entity's age. Age is counted in active hours, in
 * six buckets, so that somebody's first week is compared with other people's first weeks.
 */
#ifndef LEARN_TENURE_H
#define LEARN_TENURE_H
#include <stdbool.h>
#include <stdint.h>

#define TENURES	    6
#define TENURE_RARE 0.05 /* tail probability among the peers */

/* Of one group and quantity, by bucket. */
struct tenure {
	float tests[TENURES]; /* values tested */
	float fresh[TENURES]; /* of these new to the entity */
	float news[TENURES];  /* of these since the group is known well enough */
	float rare[TENURES];  /* of these with a tail below TENURE_RARE */
};

/* Bucket of an entity with so many active hours: <2, <8, <24, <80, <250, more. */
unsigned tenure_bucket(uint32_t hours);
void tenure_add(struct tenure *t, unsigned bucket, bool fresh, bool settled, bool rare);
/* Share of tested values that are new at this age: (A_g + 4 m_org) / (B_g + 4). */
double tenure_novelty(const struct tenure *group, const struct tenure *org, unsigned bucket);
/*
 * By how much the model's tail understates news of this age: the share of it that came below
 * TENURE_RARE, over TENURE_RARE, which it would be if the model were right. At least 1.
 */
double tenure_lift(const struct tenure *group, const struct tenure *org, unsigned bucket);

#endif
