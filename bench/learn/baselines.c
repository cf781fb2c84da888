/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/learn/baselines.h"
#include "base/hash.h"
#include "base/map.h"
#include <math.h>
#include <stdlib.h>

#define FIELDS_MAX 4 /* that are compared: the error is none of what somebody usually does */

static int fields_of(const struct stream *s)
{
	return s->lan ? 2 : FIELDS_MAX;
}

static uint64_t pair_key(uint64_t actor, int field, uint64_t value)
{
	return hash_2(hash_2(actor, (uint64_t)field + 1), value);
}

/* ---- first time ---- */

struct first {
	int fields;
	struct map seen;
	struct {
		int64_t hour;
		double n;
	} * who;
};

static void *first_open(const struct stream *s)
{
	struct first *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->fields = fields_of(s);
	map_init(&f->seen);
	f->who = calloc(s->entities, sizeof(*f->who));
	return f;
}

static double first_see(void *state, const struct rec *r)
{
	struct first *f = state;
	int64_t hour = r->t / NS_PER_H;

	if (f->who[r->actor].hour != hour)
		f->who[r->actor].n = 0;
	f->who[r->actor].hour = hour;
	for (int i = 0; i < f->fields; i++) {
		bool fresh = false;

		if (r->f[i])
			(void)map_put(&f->seen, pair_key(r->actor, i, r->f[i]), &fresh);
		f->who[r->actor].n += fresh;
	}
	return f->who[r->actor].n;
}

static void first_close(void *state)
{
	struct first *f = state;

	map_free(&f->seen);
	free(f->who);
	free(f);
}

/* ---- z-score ---- */

struct moments {
	double n, mean, m2;
};

static void moments_add(struct moments *m, double x)
{
	double d = x - m->mean;

	m->n++;
	m->mean += d / m->n;
	m->m2 += d * (x - m->mean);
}

static double moments_z(const struct moments *m, double x, double least)
{
	if (m->n < 5)
		return 0;
	return (x - m->mean) / MAX(sqrt(m->m2 / (m->n - 1)), least);
}

struct zscore {
	struct {
		int64_t hour;
		double count, bytes;
		struct moments counts, volumes;
	} * who;
};

static void *zscore_open(const struct stream *s)
{
	struct zscore *z = calloc(1, sizeof(*z));

	if (z)
		z->who = calloc(s->entities, sizeof(*z->who));
	return z;
}

static double zscore_see(void *state, const struct rec *r)
{
	struct zscore *z = state;
	int64_t hour = r->t / NS_PER_H;

	if (z->who[r->actor].hour != hour) {
		if (z->who[r->actor].hour) {
			moments_add(&z->who[r->actor].counts, z->who[r->actor].count);
			moments_add(&z->who[r->actor].volumes, log1p(z->who[r->actor].bytes));
		}
		z->who[r->actor].hour = hour;
		z->who[r->actor].count = z->who[r->actor].bytes = 0;
	}
	z->who[r->actor].count++;
	z->who[r->actor].bytes += (double)r->bytes_out;
	return MAX(moments_z(&z->who[r->actor].counts, z->who[r->actor].count, 0.5),
		   moments_z(&z->who[r->actor].volumes, log1p(z->who[r->actor].bytes), 0.1));
}

static void zscore_close(void *state)
{
	struct zscore *z = state;

	free(z->who);
	free(z);
}

/* ---- rare ---- */

#define RARE_BINS 512

struct category {
	uint16_t value;
	int64_t hour;
	double n;
};

struct categories {
	struct category *c;
	uint32_t len, cap;
	double total, p; /* p: least of this hour */
};

struct rare {
	int fields;
	struct categories *part; /* [entities][fields] */
	int64_t *hour;
	uint32_t entities;
	double bins[RARE_BINS], total; /* quantiles of the raw score */
};

static void *rare_open(const struct stream *s)
{
	struct rare *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->fields = fields_of(s);
	x->entities = s->entities;
	x->part = calloc((size_t)s->entities * FIELDS_MAX, sizeof(*x->part));
	x->hour = calloc(s->entities, sizeof(*x->hour));
	return x;
}

/* Mass of all categories that are not likelier, after a Dirichlet prior of one each. */
static double rare_tail(const struct categories *k, double n)
{
	double mass = 1; /* of whatever was never seen */

	for (uint32_t i = 0; i < k->len; i++)
		if (k->c[i].n <= n)
			mass += k->c[i].n + 1;
	return mass / (k->total + k->len + 1);
}

static double rare_category(struct categories *k, uint16_t value, int64_t hour)
{
	struct category *c = NULL, *all;
	double p;

	for (uint32_t i = 0; i < k->len && !c; i++)
		if (k->c[i].value == value)
			c = &k->c[i];
	p = rare_tail(k, c ? c->n : 0);
	if (!c) {
		if (k->len == k->cap) {
			all = reallocarray(k->c, k->cap ? k->cap * 2 : 8, sizeof(*all));
			if (!all)
				return 1;
			k->c = all;
			k->cap = k->cap ? k->cap * 2 : 8;
		}
		c = &k->c[k->len++];
		*c = (struct category){.value = value};
	}
	/* Counted once a bucket of one hour. */
	if (c->hour != hour) {
		c->hour = hour;
		c->n++;
		k->total++;
	}
	return p;
}

/* Square of the normal deviate whose two tails have p: a rational fit of the inverse. */
static double deviate_2(double p)
{
	double t = sqrt(-2 * log(MAX(p, 1e-300) / 2)), z;

	z = t - (2.515517 + t * (0.802853 + t * 0.010328)) /
			(1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
	return z > 0 ? z * z : 0;
}

/* Upper tail of chi-square with 2 or 4 degrees of freedom. */
static double chi_tail(double x, int dof)
{
	return exp(-x / 2) * (dof == 2 ? 1 : 1 + x / 2);
}

/* 0 to 100: linear in 1/p down to 1e-4, from there in its logarithm down to 1e-50. */
static double significance(double p)
{
	if (p >= 0.05)
		return 0;
	if (p >= 1e-4)
		return 50 * (1 / p - 20) / (1e4 - 20);
	return MIN(100, 50 + 50 * (log(1e-4) - log(MAX(p, 1e-300))) / (46 * M_LN10));
}

/* 97 % of the past below: 20; 99 %: 50; 99.9 %: 90. */
static double normalised(struct rare *x, double raw)
{
	static const double at[][2] = {{0, 0}, {0.97, 20}, {0.99, 50}, {0.999, 90}, {1, 100}};
	int bin = raw > 0 ? 1 + (int)MIN(MAX(30 * (log(raw) + 10), 0), RARE_BINS - 2) : 0;
	double below = 0, q, score = 0;

	for (int i = 0; i < bin; i++)
		below += x->bins[i];
	q = x->total > 0 ? below / x->total : 0;
	for (size_t i = 1; i < ARRAY_LEN(at); i++)
		if (q >= at[i - 1][0])
			score = at[i - 1][1] + (q - at[i - 1][0]) * (at[i][1] - at[i - 1][1]) /
						       (at[i][0] - at[i - 1][0]);
	x->bins[bin]++;
	x->total++;
	return score + raw * 1e-3; /* inside a bin the raw score settles the order */
}

static double rare_see(void *state, const struct rec *r)
{
	struct rare *x = state;
	struct categories *k = &x->part[(size_t)r->actor * FIELDS_MAX];
	int64_t hour = r->t / NS_PER_H;
	double sum = 0, least = 1;

	for (int i = 0; i < x->fields; i++) {
		if (x->hour[r->actor] != hour)
			k[i].p = 1;
		if (r->f[i])
			k[i].p = MIN(k[i].p, rare_category(&k[i], r->f[i], hour));
		sum += deviate_2(k[i].p);
		least = MIN(least, k[i].p);
	}
	x->hour[r->actor] = hour;
	return normalised(x, 0.5 * significance(chi_tail(sum, x->fields)) +
				     0.5 * significance(-expm1(x->fields * log1p(-least))));
}

static void rare_close(void *state)
{
	struct rare *x = state;

	for (size_t i = 0; i < (size_t)x->entities * FIELDS_MAX; i++)
		free(x->part[i].c);
	free(x->part);
	free(x->hour);
	free(x);
}

/* ---- MIDAS-F ---- */

#define MIDAS_ROWS  2
#define MIDAS_COLS  1024
#define MIDAS_THETA 1e3
#define MIDAS_DECAY 0.5
#define MIDAS_EDGES 2 /* fields that are edges */

struct sketch {
	double now[MIDAS_ROWS][MIDAS_COLS], all[MIDAS_ROWS][MIDAS_COLS];
	double score[MIDAS_ROWS][MIDAS_COLS];
};

struct midas {
	int fields;
	int64_t first, tick;
	struct sketch edge[MIDAS_EDGES], from[MIDAS_EDGES], to[MIDAS_EDGES];
};

static void *midas_open(const struct stream *s)
{
	struct midas *m = calloc(1, sizeof(*m));

	if (m) {
		m->fields = s->lan ? 1 : MIDAS_EDGES;
		m->first = s->begin / NS_PER_H - 1;
	}
	return m;
}

/* A cell whose score was high does not teach; it grows as if it had gone on as before. */
static void sketch_tick(struct sketch *k, double t)
{
	for (int i = 0; i < MIDAS_ROWS; i++)
		for (int c = 0; c < MIDAS_COLS; c++) {
			if (k->score[i][c] < MIDAS_THETA)
				k->all[i][c] += k->now[i][c];
			else if (t > 1)
				k->all[i][c] += k->all[i][c] / (t - 1);
			k->now[i][c] *= MIDAS_DECAY;
		}
}

static double sketch_add(struct sketch *k, uint64_t key, double t)
{
	double now = INFINITY, all = INFINITY, score;
	uint32_t at[MIDAS_ROWS];

	for (int i = 0; i < MIDAS_ROWS; i++) {
		at[i] = (uint32_t)(hash_2(key, (uint64_t)i) % MIDAS_COLS);
		k->now[i][at[i]]++;
		now = MIN(now, k->now[i][at[i]]);
		all = MIN(all, k->all[i][at[i]]);
	}
	score = all == 0 || t <= 1
			? 0
			: (now + all - now * t) * (now + all - now * t) / (all * (t - 1));
	for (int i = 0; i < MIDAS_ROWS; i++)
		k->score[i][at[i]] = score;
	return score;
}

static double midas_see(void *state, const struct rec *r)
{
	struct midas *m = state;
	int64_t tick = r->t / NS_PER_H - m->first;
	double best = 0;

	/* Late ones count as of now. */
	for (; m->tick < tick; m->tick++)
		for (int i = 0; i < m->fields; i++) {
			sketch_tick(&m->edge[i], (double)m->tick + 1);
			sketch_tick(&m->from[i], (double)m->tick + 1);
			sketch_tick(&m->to[i], (double)m->tick + 1);
		}
	for (int i = 0; i < m->fields; i++) {
		double t = (double)m->tick;

		best = MAX(best, sketch_add(&m->edge[i], pair_key(r->actor, i, r->f[i]), t));
		best = MAX(best, sketch_add(&m->from[i], r->actor, t));
		best = MAX(best, sketch_add(&m->to[i], r->f[i], t));
	}
	return best;
}

/* ---- LODA ---- */

#define LODA_DIM   7
#define LODA_LINES 50
#define LODA_BINS  256
#define LODA_WIDTH 0.15

struct loda {
	float w[LODA_LINES][LODA_DIM];
	double bins[LODA_LINES][LODA_BINS], total;
	struct first *fresh;
	struct {
		int64_t hour;
		double n, errors, bytes;
		uint64_t distinct;
	} * who;
};

static void loda_close(void *state)
{
	struct loda *l = state;

	if (l->fresh)
		first_close(l->fresh);
	free(l->who);
	free(l);
}

static void *loda_open(const struct stream *s)
{
	struct loda *l = calloc(1, sizeof(*l));
	struct rng r = rng_of(1, 0x6c6f6461); /* the same lines for every stream */

	if (!l)
		return NULL;
	l->fresh = first_open(s);
	l->who = calloc(s->entities, sizeof(*l->who));
	if (!l->fresh || !l->who) {
		loda_close(l);
		return NULL;
	}
	/* Each line mixes about the root of all features. */
	for (int i = 0; i < LODA_LINES; i++)
		for (int k = 0; k < 3; k++)
			l->w[i][rng_below(&r, LODA_DIM)] = (float)rng_normal(&r);
	return l;
}

static int loda_bin(const struct loda *l, int line, const double *x)
{
	double y = 0;

	for (int k = 0; k < LODA_DIM; k++)
		y += (double)l->w[line][k] * x[k];
	y = y / LODA_WIDTH + LODA_BINS / 2.0;
	return (int)MIN(MAX(y, 0), LODA_BINS - 1);
}

static double loda_see(void *state, const struct rec *r)
{
	struct loda *l = state;
	int64_t hour = r->t / NS_PER_H;
	double x[LODA_DIM], s = 0, angle = 2 * M_PI * (double)(hour % 24) / 24;

	if (l->who[r->actor].hour != hour) {
		l->who[r->actor].hour = hour;
		l->who[r->actor].n = l->who[r->actor].errors = l->who[r->actor].bytes = 0;
		l->who[r->actor].distinct = 0;
	}
	l->who[r->actor].n++;
	l->who[r->actor].errors += r->f[CLOUD_ERROR] != 0;
	l->who[r->actor].bytes += (double)r->bytes_out;
	l->who[r->actor].distinct |= UINT64_C(1) << (hash_mix(r->f[0]) & 63);
	x[0] = log1p(l->who[r->actor].n);
	x[1] = log1p(__builtin_popcountll(l->who[r->actor].distinct));
	x[2] = log1p(first_see(l->fresh, r));
	x[3] = log1p(l->who[r->actor].errors);
	x[4] = log1p(l->who[r->actor].bytes) / 4;
	x[5] = sin(angle);
	x[6] = cos(angle);
	for (int i = 0; i < LODA_LINES; i++) {
		int bin = loda_bin(l, i, x);

		s -= log((l->bins[i][bin] + 0.5) / (l->total + LODA_BINS / 2.0));
		l->bins[i][bin]++;
	}
	l->total++;
	return s / LODA_LINES;
}

/* ---- coefficient of variation ---- */

struct cv {
	bool rare_only;
	struct map pairs;  /* -> struct gaps * */
	uint16_t *devices; /* [value] that ever called it, to 65535 */
	const struct stream *s;
};

struct gaps {
	int64_t last;
	struct moments m;
};

static void *cv_open(const struct stream *s)
{
	struct cv *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->s = s;
	map_init(&c->pairs);
	c->devices = calloc(s->nvalues[LAN_DST], sizeof(*c->devices));
	return c;
}

static void *cv_open_rare(const struct stream *s)
{
	struct cv *c = cv_open(s);

	if (c)
		c->rare_only = true;
	return c;
}

static double cv_see(void *state, const struct rec *r)
{
	struct cv *c = state;
	bool fresh;
	uint64_t *at = map_put(&c->pairs, pair_key(r->actor, 0, r->f[LAN_DST]), &fresh);
	struct gaps *g;

	if (!at || (fresh && !(*at = (uintptr_t)calloc(1, sizeof(*g)))))
		return 0;
	g = (struct gaps *)(uintptr_t)*at;
	if (fresh)
		c->devices[r->f[LAN_DST]]++;
	else if (r->t >= g->last)
		moments_add(&g->m, (double)(r->t - g->last) / (double)NS_PER_S);
	g->last = MAX(g->last, r->t);
	if (g->m.n < 10 || (c->rare_only && c->devices[r->f[LAN_DST]] > 2))
		return 0;
	return MIN(1e6, g->m.mean / MAX(sqrt(g->m.m2 / (g->m.n - 1)), 1e-6));
}

static void cv_close(void *state)
{
	struct cv *c = state;
	struct map_slot s;

	for (size_t i = 0; map_next(&c->pairs, &i, &s);)
		free((void *)(uintptr_t)s.val);
	map_free(&c->pairs);
	free(c->devices);
	free(c);
}

const struct baseline baselines[] = {
	{"first time", false, first_open, first_see, first_close},
	{"z-score", false, zscore_open, zscore_see, zscore_close},
	{"rare", false, rare_open, rare_see, rare_close},
	{"MIDAS-F", false, midas_open, midas_see, free},
	{"LODA", false, loda_open, loda_see, loda_close},
	{"CV", true, cv_open, cv_see, cv_close},
	{"CV, rare sites", true, cv_open_rare, cv_see, cv_close},
};
const size_t nbaselines = ARRAY_LEN(baselines);
