/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/learn/stream.h"
#include "base/hash.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const attack_names[ATTACK_KINDS] = {
	"loud",	 "quiet", "a step a day", "rehearsed", "spread",
	"creep", "haul",  "leak",	  "beacon",
};
const char *const stress_names[STRESS_KINDS] = {
	"none", "5 % late", "1 % twice", "clock jump 1 h", "gap of 6 h", "10 times the volume",
};

/* ---- numbers ---- */

uint64_t rng_next(struct rng *r)
{
	r->x += UINT64_C(0x9e3779b97f4a7c15);
	return hash_mix(r->x);
}

double rng_unit(struct rng *r)
{
	return (double)(rng_next(r) >> 11) * 0x1p-53;
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)(((rng_next(r) >> 32) * n) >> 32);
}

uint32_t rng_zipf(struct rng *r, uint32_t n)
{
	/* Inverse of the continuous 1/x law on [1, n + 1). */
	uint32_t i = (uint32_t)exp(rng_unit(r) * log((double)n + 1)) - 1;

	return MIN(i, n - 1);
}

bool rng_chance(struct rng *r, double p)
{
	return rng_unit(r) < p;
}

double rng_normal(struct rng *r)
{
	double u = 1 - rng_unit(r), v = rng_unit(r);

	return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

struct rng rng_of(uint64_t seed, uint64_t what)
{
	return (struct rng){hash_2(seed, what)};
}

/* ---- records ---- */

static void *grown(void *p, size_t n, size_t *cap, size_t item)
{
	size_t want = *cap ? *cap * 2 : 1024;
	void *q;

	if (n < *cap)
		return p;
	q = reallocarray(p, want, item);
	if (q)
		*cap = want;
	return q;
}

struct rec *stream_add(struct stream *s, uint32_t actor, int64_t t)
{
	struct rec *all = grown(s->rec, s->n, &s->cap, sizeof(*all)), *r;

	if (!all) {
		s->failed = true;
		return NULL;
	}
	s->rec = all;
	r = &all[s->n];
	*r = (struct rec){.t = t, .due = t, .actor = actor, .n = (uint32_t)s->n};
	s->n++;
	return r;
}

uint16_t stream_attack(struct stream *s, enum attack_kind kind, uint32_t victim, int64_t start)
{
	struct attack *all = grown(s->attacks, s->nattacks, &s->acap, sizeof(*all));

	if (!all || s->nattacks == UINT16_MAX - 1) {
		s->failed = true;
		return 0;
	}
	s->attacks = all;
	all[s->nattacks] = (struct attack){kind, victim, start, start};
	return (uint16_t)++s->nattacks;
}

uint16_t stream_value(struct stream *s, int field, const char *text)
{
	char(*all)[VALUE_MAX] = s->values[field];
	uint16_t n = MAX(s->nvalues[field], 1);
	uint64_t key = hash_str(str_of(text), (uint64_t)field);
	uint64_t *at = map_put(&s->index, key, NULL);

	if (at && *at)
		return (uint16_t)*at;
	all = reallocarray(all, (size_t)n + 1, sizeof(*all));
	if (!all || !at || n == UINT16_MAX - 1) {
		s->failed = true;
		return 0;
	}
	*at = n;
	memset(all[0], 0, VALUE_MAX);
	memset(all[n], 0, VALUE_MAX);
	memcpy(all[n], text, MIN(strlen(text), (size_t)VALUE_MAX - 1));
	s->values[field] = all;
	s->nvalues[field] = (uint16_t)(n + 1);
	return n;
}

int stream_entities(struct stream *s, uint32_t n)
{
	s->names = calloc(n, sizeof(*s->names));
	s->human = calloc(n, sizeof(*s->human));
	s->entities = n;
	return s->names && s->human ? 0 : -ENOMEM;
}

static int by_due(const void *a, const void *b)
{
	const struct rec *x = a, *y = b;

	if (x->due != y->due)
		return x->due < y->due ? -1 : 1;
	return x->n < y->n ? -1 : x->n > y->n;
}

void stream_sort(struct stream *s)
{
	qsort(s->rec, s->n, sizeof(*s->rec), by_due);
}

void stream_free(struct stream *s)
{
	for (int i = 0; i < FIELDS; i++)
		free(s->values[i]);
	map_free(&s->index);
	free(s->rec);
	free(s->attacks);
	free(s->names);
	free(s->human);
	*s = (struct stream){0};
}

/* ---- stress ---- */

static void late(struct stream *s, struct rng *r)
{
	for (size_t i = 0; i < s->n; i++)
		if (rng_chance(r, 0.05))
			s->rec[i].due += (int64_t)(rng_unit(r) * (double)NS_PER_H);
}

static void copies(struct stream *s, struct rng *r, double share, int times, int64_t from,
		   int64_t to)
{
	size_t n = s->n;

	for (size_t i = 0; i < n; i++) {
		struct rec was = s->rec[i];

		/* The truth stays as it is: attacks are not multiplied with the volume. */
		if (was.t < from || was.t >= to || (times > 1 && was.attack))
			continue;
		for (int k = 0; k < times && rng_chance(r, share); k++) {
			struct rec *c = stream_add(s, was.actor, was.t);

			if (!c)
				return;
			was.n = c->n;
			*c = was;
			if (times > 1)
				c->t = c->due = was.t + (int64_t)(rng_normal(r) * 6e11);
		}
	}
}

/* Records say what the clock said; they are read when they really came. */
static void jump(struct stream *s, int64_t from, int64_t to)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->rec[i].t >= from && s->rec[i].t < to)
			s->rec[i].t += NS_PER_H;
}

static void gap(struct stream *s, int64_t from, int64_t to)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->rec[i].t < from || s->rec[i].t >= to)
			s->rec[n++] = s->rec[i];
	s->n = n;
}

int stream_stress(struct stream *s, enum stress what, uint64_t seed)
{
	struct rng r = rng_of(seed, 0x737472657373);
	int64_t a = s->attacks_from;

	switch (what) {
	case STRESS_LATE:
		late(s, &r);
		break;
	case STRESS_TWICE:
		copies(s, &r, 0.01, 1, 0, INT64_MAX);
		break;
	case STRESS_JUMP:
		jump(s, a + NS_PER_D, a + 2 * NS_PER_D);
		break;
	case STRESS_GAP:
		gap(s, a + NS_PER_D + 9 * NS_PER_H, a + NS_PER_D + 15 * NS_PER_H);
		break;
	case STRESS_TENFOLD:
		copies(s, &r, 1, 9, a + 2 * NS_PER_D, a + 4 * NS_PER_D);
		break;
	default:
		break;
	}
	stream_sort(s);
	return s->failed ? -ENOMEM : 0;
}
