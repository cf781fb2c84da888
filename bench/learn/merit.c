/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/learn/merit.h"
#include <math.h>
#include <stdlib.h>

const double budgets[BUDGETS] = {1, 3, 10};

struct merit {
	const struct stream *s;
	bool fixed;
	int32_t days, day; /* day: being read */
	double threshold[BUDGETS];
	float *all, *benign; /* [days][entities] highest score, -1 none */
	float *hit;	     /* [attacks][days] highest score of the attack's own records */
	uint8_t *first[BUDGETS], *practice; /* [attacks] step + 1; bits */
	uint8_t *alerted;		    /* [days][entities], bit per budget */
	double alerts[BUDGETS], decisions;
	int64_t *spoken; /* [entities] of the last alert */
	float *sorted;
};

static float *scores(size_t n)
{
	float *f = malloc((n + 1) * sizeof(*f));

	for (size_t i = 0; f && i < n; i++)
		f[i] = -1;
	return f;
}

struct merit *merit_new(const struct stream *s, bool fixed)
{
	struct merit *t = calloc(1, sizeof(*t));
	size_t n;
	bool ok = true;

	if (!t)
		return NULL;
	t->s = s;
	t->fixed = fixed;
	t->days = (int32_t)((s->end - s->begin) / NS_PER_D) + 2;
	t->day = -1;
	n = (size_t)t->days * s->entities;
	t->all = scores(n);
	t->benign = scores(n);
	t->hit = scores(s->nattacks * (size_t)t->days);
	t->sorted = scores(MAX(s->entities, 1) * (size_t)PAST_DAYS);
	t->alerted = calloc(n, 1);
	t->practice = calloc(s->nattacks + 1, 1);
	t->spoken = calloc(s->entities, sizeof(*t->spoken));
	for (int b = 0; b < BUDGETS; b++) {
		t->first[b] = calloc(s->nattacks + 1, 1);
		ok &= t->first[b] != NULL;
	}
	if (!ok || !t->all || !t->benign || !t->hit || !t->sorted || !t->alerted ||
	    !t->practice || !t->spoken)
		return merit_free(t);
	return t;
}

struct merit *merit_free(struct merit *t)
{
	if (!t)
		return NULL;
	for (int b = 0; b < BUDGETS; b++)
		free(t->first[b]);
	free(t->all);
	free(t->benign);
	free(t->hit);
	free(t->sorted);
	free(t->alerted);
	free(t->practice);
	free(t->spoken);
	free(t);
	return NULL;
}

static int falling(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* Sorts the scores that there are among n; returns their number. */
static size_t sort_scores(struct merit *t, const float *from, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (from[i] >= 0)
			t->sorted[k++] = from[i];
	qsort(t->sorted, k, sizeof(*t->sorted), falling);
	return k;
}

static void begin_day(struct merit *t, int32_t day)
{
	int32_t from = MAX(0, day - PAST_DAYS);
	size_t k = sort_scores(t, t->all + (size_t)from * t->s->entities,
			       (size_t)(day - from) * t->s->entities);

	t->day = day;
	for (int b = 0; b < BUDGETS; b++) {
		size_t at = (size_t)(budgets[b] * (day - from));

		t->threshold[b] = t->fixed ? 0.5 : at < k ? (double)t->sorted[at] : 0;
	}
}

static void raise_to(float *at, double score)
{
	*at = MAX(*at, (float)score);
}

static void alarm(struct merit *t, const struct rec *r, size_t cell, int b)
{
	uint8_t *first = &t->first[b][r->attack ? r->attack - 1 : 0];

	if (r->attack && r->step && !*first)
		*first = r->step;
	if (r->attack && !r->step)
		t->practice[r->attack - 1] |= (uint8_t)(1u << b);
	if (r->attack || t->alerted[cell] & 1u << b)
		return;
	t->alerted[cell] |= (uint8_t)(1u << b);
	t->alerts[b]++;
}

void merit_see(struct merit *t, const struct rec *r, double score)
{
	int32_t day = (int32_t)((r->due - t->s->begin) / NS_PER_D);
	size_t cell;

	day = MIN(MAX(day, 0), t->days - 1);
	if (day > t->day)
		begin_day(t, day);
	cell = (size_t)day * t->s->entities + r->actor;
	raise_to(&t->all[cell], score);
	if (t->fixed && score > 0.5) {
		t->decisions +=
			!t->spoken[r->actor] || r->due - t->spoken[r->actor] >= NS_PER_D;
		t->spoken[r->actor] = r->due;
	}
	if (r->due < t->s->attacks_from)
		return;
	if (!r->attack)
		raise_to(&t->benign[cell], score);
	else if (r->step)
		raise_to(&t->hit[(size_t)(r->attack - 1) * (size_t)t->days + (size_t)day],
			 score);
	for (int b = 0; b < BUDGETS; b++)
		if (score > t->threshold[b])
			alarm(t, r, cell, b);
}

/* On the best of its days: among how many harmless entities the victim stands. */
static void same_day(struct merit *t, size_t a, struct outcome *sum)
{
	const struct attack *at = &t->s->attacks[a];
	static const size_t top[] = {1, 3, 10};
	size_t best = SIZE_MAX;
	bool found[BUDGETS] = {false};

	for (int32_t d = 0; d < t->days; d++) {
		float hit = t->hit[a * (size_t)t->days + (size_t)d];
		size_t k, above = 0;

		if (hit <= 0)
			continue;
		k = sort_scores(t, t->benign + (size_t)d * t->s->entities, t->s->entities);
		while (above < k && t->sorted[above] >= hit)
			above++;
		best = MIN(best, above + 1);
		for (int b = 0; b < BUDGETS; b++)
			found[b] |= above <= (size_t)budgets[b];
	}
	for (int b = 0; b < BUDGETS; b++)
		sum->kind[at->kind].same[b] += found[b];
	for (size_t i = 0; i < ARRAY_LEN(top); i++)
		sum->kind[at->kind].top[i] += best <= top[i];
}

void merit_add(struct merit *t, struct outcome *sum)
{
	for (size_t a = 0; a < t->s->nattacks; a++) {
		enum attack_kind kind = t->s->attacks[a].kind;

		sum->kind[kind].n++;
		same_day(t, a, sum);
		for (int b = 0; b < BUDGETS; b++) {
			uint8_t step = t->first[b][a];

			sum->kind[kind].past[b] += step != 0;
			sum->kind[kind].first[b][MIN(step, STEPS_MAX - 1)] += step != 0;
			sum->kind[kind].practice[b] += t->practice[a] >> b & 1;
		}
	}
	for (int b = 0; b < BUDGETS; b++)
		sum->alerts[b] += t->alerts[b];
	sum->days += (double)(t->s->end - t->s->attacks_from) / (double)NS_PER_D;
	sum->decisions += t->decisions;
}

void wilson(unsigned k, unsigned n, double *ret_low, double *ret_high)
{
	const double z = 1.959964;
	double p = n ? (double)k / n : 0, m = MAX(n, 1u);
	double mid = (p + z * z / (2 * m)) / (1 + z * z / m);
	double half = z / (1 + z * z / m) * sqrt(p * (1 - p) / m + z * z / (4 * m * m));

	*ret_low = 100 * MAX(0, mid - half);
	*ret_high = 100 * MIN(1, mid + half);
}

double budget_most(double expected)
{
	double term = exp(-expected), sum = term;
	int k = 0;

	if (expected >= 60)
		return 1.25 * expected;
	while (sum < 0.95) {
		term *= expected / ++k;
		sum += term;
	}
	return k;
}
