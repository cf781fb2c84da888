/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/budget: which surprises become alerts, when a person asked for at most so many a day.
 * The threshold is that of the past: as many of the past 20 days' candidates lay above it as
 * the budget allows. What was saved on quiet days may be spent on a bad one, up to a week's.
 */
#ifndef LEARN_BUDGET_H
#define LEARN_BUDGET_H
#include "base/macros.h"
#include <stdbool.h>

#define BUDGET_DAYS	20
#define BUDGET_TOP	64  /* candidates kept a day */
#define BUDGET_PRIOR	6.0 /* nats: threshold while there is no past to set one */
#define BUDGET_FLOOR	4.0 /* nats: never an alert below */
#define BUDGET_PRIOR_NS (72 * NS_PER_H)

struct budget {
	double per_day;
	double tokens;	     /* alerts that may still be given now */
	int64_t since, last; /* ns, first and last offer */
	int64_t day;	     /* being filled */
	double threshold;    /* for this day */
	size_t passed;
	float top[BUDGET_DAYS][BUDGET_TOP]; /* descending, by day modulo BUDGET_DAYS */
	uint32_t ntop[BUDGET_DAYS];
	int64_t day_of[BUDGET_DAYS];
};

void budget_init(struct budget *b, double per_day);
/* Offers a candidate; true when it is to be an alert, which is then counted. */
bool budget_offer(struct budget *b, double surprise, int64_t now);
double budget_realised(const struct budget *b);

#endif
