/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/budget.h"
#include <string.h>

void budget_init(struct budget *b, double per_day)
{
	memset(b, 0, sizeof(*b));
	b->per_day = per_day;
	b->tokens = 2 * per_day;
	b->threshold = BUDGET_PRIOR;
	b->day = -1;
}

static void keep(struct budget *b, size_t slot, float s)
{
	float *top = b->top[slot];
	uint32_t n = b->ntop[slot], i;

	if (n == BUDGET_TOP && s <= top[n - 1])
		return;
	i = n < BUDGET_TOP ? b->ntop[slot]++ : n - 1;
	for (; i > 0 && top[i - 1] < s; i--)
		top[i] = top[i - 1];
	top[i] = s;
}

/* The k-th highest candidate of the days kept; each day's list is in order already. */
static double kth(const struct budget *b, size_t k)
{
	uint32_t at[BUDGET_DAYS] = {0};
	float best = 0;

	for (size_t i = 0; i < k; i++) {
		size_t from = BUDGET_DAYS;

		for (size_t d = 0; d < BUDGET_DAYS; d++) {
			if (b->day - b->day_of[d] > BUDGET_DAYS || at[d] >= b->ntop[d])
				continue;
			if (from == BUDGET_DAYS || b->top[d][at[d]] > b->top[from][at[from]])
				from = d;
		}
		if (from == BUDGET_DAYS)
			return 0;
		best = b->top[from][at[from]++];
	}
	return (double)best;
}

static void begin_day(struct budget *b, int64_t day, int64_t now)
{
	size_t slot = (size_t)(day % BUDGET_DAYS);
	int64_t past = (now - b->since) / NS_PER_D;
	size_t k = (size_t)(b->per_day * (double)MIN(past, (int64_t)BUDGET_DAYS));

	b->day = day;
	if (now - b->since >= BUDGET_PRIOR_NS)
		b->threshold = k ? MAX(BUDGET_FLOOR, kth(b, k)) : BUDGET_PRIOR;
	b->ntop[slot] = 0;
	b->day_of[slot] = day;
}

bool budget_offer(struct budget *b, double surprise, int64_t now)
{
	int64_t day = now < 0 ? 0 : now / NS_PER_D;

	if (!b->since)
		b->since = b->last = MAX(now, 1);
	if (day > b->day)
		begin_day(b, day, now);
	if (now > b->last) {
		b->tokens += b->per_day * (double)(now - b->last) / (double)NS_PER_D;
		b->tokens = MIN(b->tokens, 7 * b->per_day);
		b->last = now;
	}
	keep(b, (size_t)(b->day % BUDGET_DAYS), (float)surprise);
	if (surprise <= b->threshold || b->tokens < 1)
		return false;
	b->tokens -= 1;
	b->passed++;
	return true;
}

double budget_realised(const struct budget *b)
{
	double days = (double)(b->last - b->since) / (double)NS_PER_D;

	return b->since ? (double)b->passed / MAX(1.0, days) : 0;
}
