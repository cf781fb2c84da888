/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/learn/hour.h"
#include "base/hash.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define QUANTITIES 48  /* the first: how many surprising values, whatever they are of */
#define SURPRISING 3.0 /* nats */
#define VALUES	   256 /* distinct values of an hour that are told apart, over all quantities */
#define BINS	   400
#define BIN_NATS   0.2
#define FORGET	   0.95 /* a day */
#define CARRY	   0.7	/* of what an hour had above usual goes into the next ones ... */
#define CARRY_HALF 8.0	/* ... with this half-life in hours */

struct life {
	int64_t hour;
	float sum[QUANTITIES];
	uint64_t value[VALUES];
	unsigned nvalues;
	double carry, best;
	double n, k; /* records of the hour; surprising values among them */
};

struct hist {
	double live[BINS], total;
	float judged[BINS];
	int64_t day;
};

struct hour {
	const struct stream *s;
	uint64_t quantity[QUANTITIES];
	bool most[QUANTITIES]; /* counts: the greatest of the hour, not the sum over values */
	unsigned n;
	double odd[2], records[2]; /* surprising values, records; by human */
	struct life *who;
	struct hist (*hist)[2]; /* [QUANTITIES][human] */
};

struct hour *hour_new(const struct stream *s)
{
	struct hour *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->s = s;
	h->n = 1;
	h->who = calloc(s->entities, sizeof(*h->who));
	h->hist = calloc(QUANTITIES, sizeof(*h->hist));
	return h->who && h->hist ? h : hour_free(h);
}

struct hour *hour_free(struct hour *h)
{
	if (!h)
		return NULL;
	free(h->who);
	free(h->hist);
	free(h);
	return NULL;
}

static int bin_of(double x)
{
	return (int)MIN(MAX(x, 0) / BIN_NATS, BINS - 1);
}

/* Frozen once a day: nats of the share of past entity-hours that had at least as much. */
static void freeze(struct hist *h, int64_t day)
{
	double above = 0;

	if (h->day == day)
		return;
	h->day = day;
	for (int i = BINS - 1; i >= 0; i--) {
		h->judged[i] = (float)-log((above + h->live[i] / 2 + 0.5) / (h->total + 1));
		above += h->live[i];
		h->live[i] *= FORGET;
	}
	h->total *= FORGET;
}

/* Counts and volumes, by the names that learned/ gives them: what is seen is no value. */
static bool counts(struct str quantity)
{
	static const char *const words[] = {"burst",  "fanout", "upload",
					    "tunnel", "rename", "beacon"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (memmem(quantity.p, quantity.len, words[i], strlen(words[i])))
			return true;
	return false;
}

static unsigned index_of(struct hour *h, struct str quantity)
{
	uint64_t key = hash_str(quantity, 0);
	unsigned i = 1;

	while (i < h->n && h->quantity[i] != key)
		i++;
	if (i == h->n && h->n < QUANTITIES) {
		h->most[i] = counts(quantity);
		h->quantity[h->n++] = key;
	}
	return i;
}

/* What the hour was goes into the past of every quantity, nothing surprising included. */
static void end_hour(struct hour *h, struct life *l, bool human, int64_t hour)
{
	for (unsigned q = 0; q < h->n; q++) {
		struct hist *x = &h->hist[q][human];

		x->live[bin_of((double)l->sum[q])]++;
		x->total++;
		l->sum[q] = 0;
	}
	l->carry = MAX(l->carry, l->best) * exp2(-(double)(hour - l->hour) / CARRY_HALF);
	l->best = 0;
	h->odd[human] += l->k;
	h->records[human] += l->n;
	l->k = l->n = 0;
	l->nvalues = 0;
}

/*
 * A value counts once an hour, for the quantity that tells of it first: several that look at
 * the same network are one piece of evidence, not several.
 */
static bool fresh_value(struct life *l, uint64_t value)
{
	for (unsigned i = 0; i < l->nvalues; i++)
		if (l->value[i] == value)
			return false;
	if (l->nvalues == VALUES)
		return false;
	l->value[l->nvalues++] = value;
	return true;
}

/* Poisson deviance of the number of surprising values, for so many records of this class. */
static double share(const struct hour *h, const struct life *l, bool human)
{
	double usual = MAX(l->n * (h->odd[human] + 1) / (h->records[human] + 20), 0.05);

	return l->k > usual ? l->k * log(l->k / usual) - l->k + usual : 0;
}

double hour_see(struct hour *h, const struct rec *r, const struct learn_result *res, size_t n)
{
	struct life *l = &h->who[r->actor];
	bool human = h->s->human[r->actor];
	int64_t hour = MAX(r->t / NS_PER_H, l->hour);
	double sum = 0;

	if (l->hour && l->hour != hour)
		end_hour(h, l, human, hour);
	l->hour = hour;
	for (size_t i = 0; i < n; i++) {
		unsigned q = index_of(h, res[i].quantity);

		if (q == QUANTITIES || str_starts(res[i].quantity, STR("chain")) ||
		    str_eqz(res[i].quantity, "entity_hour"))
			continue;
		if (h->most[q])
			l->sum[q] = MAX(l->sum[q], (float)res[i].raw);
		else if (fresh_value(l, hash_str(res[i].seen, 0))) {
			l->sum[q] += (float)MIN(MAX(res[i].raw, 0), 30);
			l->k += res[i].raw >= SURPRISING;
		}
	}
	l->n++;
	l->sum[0] = (float)share(h, l, human);
	for (unsigned q = 0; q < h->n; q++) {
		struct hist *x = &h->hist[q][human];

		freeze(x, hour / 24);
		if (l->sum[q] > 0)
			sum += (double)x->judged[bin_of((double)l->sum[q])];
	}
	l->best = MAX(l->best, sum);
	return sum + CARRY * l->carry;
}
