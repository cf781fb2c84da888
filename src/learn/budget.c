/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/budget.h"
#include "learn/core.h"
#include "learn/gpd.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SLOW_WEIGHT 1.0 /* the slow lane's, */
#define FAST_WEIGHT 3.0 /* and that of all families together */
#define TAIL_SHARE  0.08
#define TAIL_MIN    30 /* values a tail is fitted to, where there are so many */
#define TAIL_LEAST  10
#define QUANTILE_K  20	/* from so many above, the empirical quantile is good enough */
#define POOL_DAYS   7	/* what may be saved from quiet days */
#define CREDIT_DAYS 2.0 /* what a lane may save for itself alone */

/* All values of a lane's past, highest first. */
struct past {
	float v[BUDGET_DAYS * BUDGET_TOP];
	size_t n;
	double entity_days; /* about how many there were */
};

double budget_poisson95(double lambda)
{
	double p = exp(-lambda), sum = p;
	int k = 0;

	if (lambda > 100)
		return ceil(lambda + 1.645 * sqrt(lambda));
	while (sum < 0.95) {
		p *= lambda / ++k;
		sum += p;
	}
	return k;
}

void budget_init(struct budget *b, double per_day)
{
	memset(b, 0, sizeof(*b));
	b->per_day = per_day;
	b->pool = budget_poisson95(per_day) - per_day;
	b->day_cap = MAX(1, floor(per_day + 3 * sqrt(per_day)));
	b->day = -1;
	for (int i = 0; i < LANE_COUNT; i++)
		b->lane[i].threshold = BUDGET_PRIOR;
}

enum budget_lane budget_lane_of(struct str family)
{
	static const char *const names[] = {
		[LANE_NETWORK] = "network",
		[LANE_OT] = "ot",
		[LANE_IDENTITY] = "identity",
		[LANE_CLOUD] = "cloud",
		[LANE_EMAIL] = "email",
		[LANE_WORKLOAD] = "workload",
		[LANE_INTEGRATION] = "integration",
		[LANE_META] = "meta",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eqz(family, names[i]))
			return (enum budget_lane)i;
	return LANE_OTHER;
}

/* An entity's highest of the day; known: only when it is among them already. */
static void keep(struct budget_day *d, uint64_t who, float s, bool known)
{
	uint32_t i = 0;

	while (who && i < d->n && d->who[i] != who)
		i++;
	if (!who || i == d->n) {
		if (known)
			return;
		if (d->n == BUDGET_TOP)
			d->over++;
		if (d->n == BUDGET_TOP && s <= d->top[d->n - 1])
			return;
		i = d->n < BUDGET_TOP ? d->n++ : d->n - 1;
	} else if (s <= d->top[i]) {
		return;
	}
	for (; i > 0 && d->top[i - 1] < s; i--) {
		d->top[i] = d->top[i - 1];
		d->who[i] = d->who[i - 1];
	}
	d->top[i] = s;
	d->who[i] = who;
}

static int by_height(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x < y) - (x > y);
}

static void gather(const struct budget_of_lane *ln, int64_t today, struct past *p)
{
	p->n = 0;
	p->entity_days = 0;
	for (size_t i = 0; i < BUDGET_DAYS; i++) {
		const struct budget_day *d = &ln->days[i];

		if (!d->n || today - d->day > BUDGET_DAYS)
			continue;
		memcpy(p->v + p->n, d->top, d->n * sizeof(p->v[0]));
		p->n += d->n;
		p->entity_days += d->n + d->over;
	}
	qsort(p->v, p->n, sizeof(p->v[0]), by_height);
}

/* How many a day would pass if only the floor stood. */
static double demand(const struct past *p, double days)
{
	size_t n = 0;

	while (n < p->n && (double)p->v[n] >= BUDGET_FLOOR)
		n++;
	return (double)n / days;
}

/* The height that k of the past lay above. */
static double quantile(const struct past *p, double k)
{
	size_t m = (size_t)MAX(TAIL_SHARE * p->entity_days, TAIL_MIN);
	double a0 = 0, a1 = 0, u;
	struct gpd tail;

	if (k >= (double)p->n)
		return BUDGET_FLOOR;
	m = MIN(m, p->n - 1);
	if (k >= QUANTILE_K || m < TAIL_LEAST || k >= (double)m)
		return (double)p->v[MIN((size_t)MAX(k - 0.5, 0), p->n - 1)];
	u = (double)p->v[m];
	for (size_t i = 0; i < m; i++) {
		double x = (double)p->v[i] - u;

		a0 += x / (double)m;
		a1 += x * ((double)i + 0.35) / (double)m / (double)m;
	}
	tail = gpd_fit(a0, a1);
	return u + gpd_quantile(&tail, k / (double)m);
}

/* Weighted max-min fairness: who wants less than its share leaves the rest to the others. */
static void split(struct budget *b, const double want[LANE_COUNT])
{
	bool settled[LANE_COUNT] = {0};
	double left = b->per_day, weights, fast = 0, fair;
	bool again = true;

	for (int i = 0; i < LANE_SLOW; i++)
		fast += want[i] > 0;
	fast = MAX(fast, 1);
	while (again) {
		again = false;
		weights = 0;
		for (int i = 0; i < LANE_COUNT; i++)
			if (!settled[i] && want[i] > 0)
				weights += i == LANE_SLOW ? SLOW_WEIGHT : FAST_WEIGHT / fast;
		for (int i = 0; i < LANE_COUNT; i++) {
			if (settled[i])
				continue;
			fair = left * (i == LANE_SLOW ? SLOW_WEIGHT : FAST_WEIGHT / fast) /
			       MAX(weights, 1e-9);
			b->lane[i].share = want[i] > 0 ? fair : 0;
			if (want[i] > fair)
				continue;
			b->lane[i].share = want[i];
			settled[i] = true;
			left -= want[i];
			again = true;
			break;
		}
	}
}

static void begin_day(struct budget *b, int64_t day, int64_t now)
{
	double days = (double)(now - b->since) / (double)NS_PER_D;
	double want[LANE_COUNT];
	struct past past;

	days = MIN(days, (double)BUDGET_DAYS);
	b->day = day;
	b->today = 0;
	if (now - b->since < BUDGET_PRIOR_NS)
		return;
	for (int i = 0; i < LANE_COUNT; i++) {
		gather(&b->lane[i], day, &past);
		want[i] = demand(&past, days);
	}
	split(b, want);
	for (int i = 0; i < LANE_COUNT; i++) {
		struct budget_of_lane *ln = &b->lane[i];

		ln->threshold = BUDGET_FLOOR;
		if (want[i] <= ln->share)
			continue;
		gather(ln, day, &past);
		ln->threshold = MAX(BUDGET_FLOOR, quantile(&past, ln->share * days));
	}
}

/* What time brings: to each lane its share, what it cannot hold and what nobody has to all. */
static void accrue(struct budget *b, int64_t now)
{
	double days = (double)(now - b->last) / (double)NS_PER_D, rest = b->per_day * days;

	if (now <= b->last)
		return;
	for (int i = 0; i < LANE_COUNT; i++) {
		struct budget_of_lane *ln = &b->lane[i];
		double cap = CREDIT_DAYS * ln->share, gets = ln->share * days;

		rest -= gets;
		ln->credit += gets;
		if (ln->credit > cap) {
			rest += ln->credit - cap;
			ln->credit = cap;
		}
	}
	b->pool = MIN(b->pool + MAX(rest, 0), MAX(1, POOL_DAYS * b->per_day));
	b->last = now;
}

static bool spend(struct budget *b, struct budget_of_lane *ln, int64_t now)
{
	double own = MIN(ln->credit, 1), need = 1 - own;
	double turn = (double)NS_PER_D / MAX(ln->share, 1e-3);
	/* The pool's last one is for a lane that has not had its turn. */
	double leave = ln->spoke && (double)(now - ln->spoke) < turn ? 1 : 0;

	if (b->today >= b->day_cap || (need > 0 && b->pool - need < leave))
		return false;
	ln->credit -= own;
	b->pool -= need;
	ln->spoke = MAX(now, 1);
	b->today++;
	b->passed++;
	return true;
}

bool budget_ask(struct budget *b, const struct budget_claim *c)
{
	int64_t day = c->now < 0 ? 0 : c->now / NS_PER_D;
	struct budget_of_lane *ln = &b->lane[c->lane];
	struct budget_day *d;
	float s = (float)c->surprise;

	if (!b->since)
		b->since = b->last = MAX(c->now, 1);
	accrue(b, c->now);
	if (day > b->day)
		begin_day(b, day, c->now);
	d = &ln->days[b->day % BUDGET_DAYS];
	if (d->day != b->day)
		*d = (struct budget_day){.day = b->day};
	keep(d, c->who, s, c->goes_on);
	if (c->goes_on)
		return true;
	return (double)s >= ln->threshold && spend(b, ln, c->now);
}

bool budget_offer(struct budget *b, double surprise, int64_t now)
{
	return budget_ask(b, &(struct budget_claim){
				     .lane = LANE_OTHER, .surprise = surprise, .now = now});
}

double budget_realised(const struct budget *b)
{
	double days = (double)(b->last - b->since) / (double)NS_PER_D;

	return b->since ? (double)b->passed / MAX(1.0, days) : 0;
}

bool learn_claim(struct learn *l, const struct learn_claim *c)
{
	const struct entity *en = entity_get(l->entities, c->entity);

	return budget_ask(&l->budget[c->compliance],
			  &(struct budget_claim){
				  .who = en ? en->hash : 0,
				  .lane = c->slow ? LANE_SLOW : budget_lane_of(c->family),
				  .surprise = c->surprise,
				  .goes_on = c->goes_on,
				  .now = c->now,
			  });
}

bool learn_slow(const struct learn *l, struct str quantity)
{
	for (size_t i = 0; i < l->nq; i++)
		if (str_eqz(quantity, l->q[i]->name))
			return l->q[i]->slow;
	return false;
}
