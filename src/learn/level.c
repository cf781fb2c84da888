/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/level.h"
#include "base/hash.h"
#include "learn/fmath.h"
#include <math.h>
#include <string.h>

#define OWN_WEIGHT    5.0 /* windows after which an entity speaks half for itself */
#define SD_MIN	      0.4
#define SHRINK	      20.0 /* observations after which an hour counts half */
#define HOURS_H	      28.0 /* d, half-life of the profile */
#define OWN_N_MAX     60
#define LN_GROWTH     0.0953101798 /* ln 1.1 */
#define NB_SIZE_MIN   0.2
#define NB_SIZE_MAX   50.0
#define A0	      0.5 /* prior of the Gamma: worth half a thing */
#define TERMS_MAX     512
#define TERM_LEAST    1e-6 /* of the sum; what is left is made up for */
#define HALF_LN_2PI   0.9189385332046727
#define TAIL_SHARE    0.02
#define LN_TAIL_SHARE (-3.912023005428146)
#define TELL_STEP     0.5  /* nats that make a new height */
#define MEAN_LIFE     20.2 /* d, of a half-life of 14 d */

#define COARSE_MAX 8 /* spans more than a double does */

static double bin_width(const struct sketch *s)
{
	return LN_GROWTH * (1 << s->coarse);
}

static int exponent(const struct sketch *s, double x)
{
	/* Halving is exact, so this is the division by the width. */
	static const double per_bin[COARSE_MAX + 1] = {
		1 / LN_GROWTH,	    1 / LN_GROWTH / 2,	 1 / LN_GROWTH / 4,
		1 / LN_GROWTH / 8,  1 / LN_GROWTH / 16,	 1 / LN_GROWTH / 32,
		1 / LN_GROWTH / 64, 1 / LN_GROWTH / 128, 1 / LN_GROWTH / 256,
	};
	double at = fm_log(MIN(MAX(x, 1e-9), 1e300)) * per_bin[s->coarse];
	int e = (int)at;

	return e - (at < e);
}

/* Joins neighbours (once) or not, and begins at base. */
static void sketch_refit(struct sketch *s, int base, bool join)
{
	uint16_t old[SKETCH_BINS];
	int was = s->base;

	memcpy(old, s->bin, sizeof(old));
	memset(s->bin, 0, sizeof(s->bin));
	s->n = 0;
	for (int i = 0; i < SKETCH_BINS; i++) {
		int to = (join ? (was + i) >> 1 : was + i) - base;

		if (!old[i])
			continue;
		s->n -= s->bin[to];
		s->bin[to] = (uint16_t)MIN(s->bin[to] + old[i], UINT16_MAX);
		s->n += s->bin[to];
	}
	s->coarse = (uint8_t)(s->coarse + join);
	s->base = (int16_t)base;
}

/* Makes room for exponent e of a sketch that is not empty. */
static void sketch_span(struct sketch *s, double x)
{
	int lo = SKETCH_BINS, hi = 0, e = exponent(s, x);

	for (int i = 0; i < SKETCH_BINS; i++)
		if (s->bin[i]) {
			lo = MIN(lo, i);
			hi = i;
		}
	lo = MIN(lo + s->base, e);
	hi = MAX(hi + s->base, e);
	for (; hi - lo >= SKETCH_BINS && s->coarse < COARSE_MAX; lo >>= 1, hi >>= 1)
		sketch_refit(s, s->base >> 1, true);
	sketch_refit(s, lo, false);
}

static void sketch_count(struct sketch *s, int b, uint32_t c)
{
	if (s->bin[b] + c > UINT16_MAX) {
		s->n = 0;
		for (int i = 0; i < SKETCH_BINS; i++) {
			s->bin[i] /= 2;
			s->n += s->bin[i];
		}
		c /= 2;
	}
	s->bin[b] = (uint16_t)(s->bin[b] + c);
	s->n += c;
}

static void sketch_put(struct sketch *s, double x, uint32_t c)
{
	int b;

	if (!s->n)
		s->base = (int16_t)(exponent(s, x) - SKETCH_BINS / 2);
	b = exponent(s, x) - s->base;
	if (b < 0 || b >= SKETCH_BINS) {
		sketch_span(s, x);
		b = exponent(s, x) - s->base;
	}
	sketch_count(s, MIN(MAX(b, 0), SKETCH_BINS - 1), c);
}

void sketch_add(struct sketch *s, double x)
{
	sketch_put(s, x, 1);
}

void sketch_of(const struct sketch_own *own, struct sketch *ret_s)
{
	*ret_s = (struct sketch){.base = own->base, .coarse = own->coarse};
	for (int i = 0; i < SKETCH_OWN; i++) {
		ret_s->bin[i] = own->bin[i];
		ret_s->n += own->bin[i];
	}
}

/* What lies in the bins that an entity's own has not moves down, or is joined. */
static void sketch_narrow(struct sketch *s)
{
	int lo = 0, hi = SKETCH_BINS - 1;

	while (lo < hi && !s->bin[lo])
		lo++;
	while (hi > lo && !s->bin[hi])
		hi--;
	if (hi < SKETCH_OWN)
		return;
	if (hi - lo < SKETCH_OWN)
		sketch_refit(s, s->base + lo, false);
	else
		sketch_refit(s, (s->base + lo) >> 1, true);
}

void sketch_own_add(struct sketch_own *own, double x)
{
	struct sketch s;
	bool full = false;

	sketch_of(own, &s);
	sketch_add(&s, x);
	sketch_narrow(&s);
	for (int i = 0; i < SKETCH_OWN; i++)
		full |= s.bin[i] > UINT8_MAX;
	for (int i = 0; i < SKETCH_OWN; i++)
		own->bin[i] = (uint8_t)(full ? s.bin[i] / 2 : s.bin[i]);
	own->base = s.base;
	own->coarse = s.coarse;
}

static double bin_middle(const struct sketch *s, int b)
{
	return exp((s->base + b + 0.5) * bin_width(s));
}

void sketch_merge(struct sketch *into, const struct sketch *from)
{
	for (int i = SKETCH_BINS - 1; i >= 0; i--)
		if (from->bin[i])
			sketch_put(into, bin_middle(from, i), from->bin[i]);
}

double sketch_quantile(const struct sketch *s, double p)
{
	double below = 0, want = p * s->n;

	if (!s->n)
		return 0;
	for (int i = 0; i < SKETCH_BINS; i++) {
		below += s->bin[i];
		if (below >= want && s->bin[i])
			return bin_middle(s, i);
	}
	return bin_middle(s, SKETCH_BINS - 1);
}

double sketch_tail(const struct sketch *s, double x)
{
	int at = s->n ? exponent(s, x) - s->base : SKETCH_BINS, b = MAX(at, -1);
	double half = b >= 0 && b < SKETCH_BINS ? s->bin[b] / 2.0 : 0;
	uint32_t above = 0;

	for (int i = b + 1; i < SKETCH_BINS; i++)
		above += s->bin[i];
	return (above + half + 0.5) / (s->n + 1.0);
}

struct gpd sketch_tail_fit(const struct sketch *s, double p, double *ret_from)
{
	double n = 0, above = 0, a0 = 0, a1 = 0;
	int b = SKETCH_BINS;
	struct gpd g;

	while (b > 0 && n < p * s->n)
		n += s->bin[--b];
	*ret_from = exp((s->base + b) * bin_width(s));
	if (n < 20 || n > 5 * p * s->n)
		return (struct gpd){0, 0};
	for (int i = SKETCH_BINS - 1; i >= b; i--) {
		double w = s->bin[i] / n, x = (i - b + 0.5) * bin_width(s);

		a0 += w * x;
		a1 += w * x * (above + w / 2);
		above += w;
	}
	g = gpd_fit(a0, a1);
	/* A tail that ends says that what was never seen cannot be: take it as exponential. */
	return g.xi < 0 ? (struct gpd){0, (float)a0} : g;
}

/* Weekday (0 Monday) and hour; windows of a day or more have no hour. */
static int week_slot(int64_t now, int64_t window)
{
	int64_t day = now / NS_PER_D, hour = now / NS_PER_H % 24;

	/* 1970 began on a Thursday. */
	return (int)((day + 3) % 7 * 24 + (window < NS_PER_D ? hour : 0));
}

static int day_slot(int week)
{
	return week % 24 + (week >= 5 * 24 ? 24 : 0);
}

static void bin_add(struct hour_bin *b, double dev)
{
	b->n += 1;
	b->mean += ((float)dev - b->mean) / b->n;
}

void hours_add(struct hours *h, struct own_hours *own, int64_t now, int64_t window, double dev)
{
	int week = week_slot(now, window), slot = day_slot(week);
	int64_t day = now / NS_PER_D;

	if (day > h->aged) {
		float keep =
			h->aged ? exp2f(-(float)MIN(day - h->aged, 365) / (float)HOURS_H) : 1;

		for (int i = 0; i < 168; i++)
			h->week[i].n *= keep;
		for (int i = 0; i < 48; i++)
			h->day[i].n *= keep;
		h->aged = day;
	}
	bin_add(&h->week[week], dev);
	bin_add(&h->day[slot], dev);
	if (own) {
		double d = own->dev[slot] / 16.0;

		own->n[slot] = (uint8_t)MIN(own->n[slot] + 1, OWN_N_MAX);
		d += (dev - d) / own->n[slot];
		own->dev[slot] = (int8_t)lrint(MAX(-127.0, MIN(d * 16, 127.0)));
	}
}

static double toward(const struct hour_bin *b, double base)
{
	return ((double)b->n * (double)b->mean + SHRINK * base) / ((double)b->n + SHRINK);
}

double hours_shift(const struct hours *h, const struct own_hours *own, int64_t now,
		   int64_t window)
{
	int week = week_slot(now, window), slot = day_slot(week);
	double shift = toward(&h->week[week], toward(&h->day[slot], 0));

	if (own)
		shift = (own->n[slot] * (own->dev[slot] / 16.0) + SHRINK * shift) /
			(own->n[slot] + SHRINK);
	return shift;
}

void level_learn(struct level *lv, double y, int64_t window, double members)
{
	float most = (float)(MAX(30.0, MEAN_LIFE * (double)NS_PER_D / (double)window) *
			     MAX(members, 1));
	float d = (float)y - lv->mean;

	if (lv->n >= most) {
		lv->m2 *= 1 - 1 / most;
		lv->n = most - 1;
	}
	lv->n += 1;
	lv->mean += d / lv->n;
	lv->m2 += d * ((float)y - lv->mean);
}

double level_log_t(const struct level *own, const struct level *group, double y)
{
	double n = (double)own->n, gn = (double)group->n, w = n / (n + OWN_WEIGHT);
	double gsd = gn >= 2 ? sqrt((double)group->m2 / gn) : 1.5;
	double osd = n >= 2 ? sqrt((double)own->m2 / n) : gsd;
	double mean = w * (double)own->mean + (1 - w) * (double)group->mean;
	double sd = MAX(SD_MIN, w * osd + (1 - w) * gsd) * sqrt(1 + 1 / (n + OWN_WEIGHT));
	double z = (y - mean) / sd, df = 3 + n;

	if (z <= 0 || gn + n < 1)
		return z > 0 ? 0.7 : 0;
	/* Upper tail of Student's t: near the normal for long histories, heavy for short. */
	return (df + 1) / 2 * fm_log(1 + z * z / df) + 0.69;
}

void quantity_keys(struct quantity *q)
{
	q->who0 = hash_mix(q->id + 1);
	q->what_tail = hash_tail(SEED_WHAT + q->id);
	q->tail = hash_tail(q->id);
	for (uint8_t cls = 0; cls <= CLASSES; cls++)
		q->past[cls] = hash_2(q->id, UINT64_C(0x70617374000000) + cls);
}

uint64_t past_key(const struct quantity *q, uint8_t cls)
{
	return q->past[cls];
}

struct class_past *class_past(struct learn *l, const struct quantity *q, uint8_t cls,
			      size_t size, int64_t now)
{
	return (struct class_past *)state_put(&l->states, past_key(q, cls), size, now);
}

double size_nats(const struct level *own, struct class_past *g, double shift, double x,
		 int64_t now)
{
	double y = fm_log(1 + x) - shift, raw = level_log_t(own, &g->level, y), over, w;

	if (now / NS_PER_H != g->hour) {
		g->tail = sketch_tail_fit(&g->sizes, TAIL_SHARE, &g->ln_from);
		g->ln_from = fm_log(g->ln_from);
		g->hour = now / NS_PER_H;
	}
	if (raw <= 0 || !(g->tail.sigma > 0))
		return raw;
	over = y - g->ln_from;
	if (over <= 0)
		return raw;
	w = (double)own->n / ((double)own->n + OWN_WEIGHT);
	return w * raw + (1 - w) * (gpd_nats(&g->tail, over) - LN_TAIL_SHARE);
}

void window_tell(struct quantity *q, const struct observation *o, float *reached,
		 struct verdict *v)
{
	v->tested = v->raw > (double)*reached + (*reached < 0 ? 0 : TELL_STEP);
	if (!v->tested)
		return;
	if (*reached >= 0)
		door_take(&q->door, o->cls, (double)*reached, o->now);
	*reached = (float)v->raw;
	/* The very number that is taken back later. */
	v->raw = (double)*reached;
}

/* ln of the Gamma function of z > 0 by Stirling's series from 8 on, to 1e-9. */
static double ln_gamma(double z)
{
	double up = 1, i, i2;

	for (; z < 8; z += 1)
		up *= z;
	i = 1 / z;
	i2 = i * i;
	return (z - 0.5) * fm_log(z) - z + HALF_LN_2PI +
	       i * (1.0 / 12 - i2 * (1.0 / 360 - i2 * (1.0 / 1260))) - fm_log(up);
}

double nb_nats(double mu, double r, double x)
{
	double q = mu / (mu + r), term = 1, sum = 1, ratio = 0;

	if (x <= mu || x <= 0)
		return mu > 0 ? 0.69 * MAX(x, 0) / mu : 0;
	for (int k = 0; k < TERMS_MAX && term > TERM_LEAST * sum; k++) {
		ratio = q * (x + k + r) / (x + k + 1);
		term *= ratio;
		sum += term;
	}
	/* What was left out lies below a geometric row. */
	if (ratio < 1)
		sum += term * ratio / (1 - ratio);
	return -(ln_gamma(x + r) - ln_gamma(r) - ln_gamma(x + 1) + r * fm_log(r / (mu + r)) +
		 x * fm_log(q) + fm_log(sum));
}

static double size_of(const struct level *lv, double mean)
{
	double var = lv->n >= 2 ? (double)(lv->m2 / lv->n) : 0;

	return var > mean ? MIN(MAX(mean * mean / (var - mean), NB_SIZE_MIN), NB_SIZE_MAX)
			  : NB_SIZE_MAX;
}

double level_counts(const struct level *own, const struct level *group, double phi, double x)
{
	double n = (double)own->n, gn = (double)group->n, nats;
	double gmean = gn >= 1 ? MAX((double)group->mean, 0.05) : 1;
	double a = A0 + n * (double)own->mean, b = A0 / gmean + n, mean = a / b, r;

	if (n + gn < 1)
		return x > 1 ? 0.7 : 0;
	r = (n * size_of(own, mean) + 2 * OWN_WEIGHT * size_of(group, gmean)) /
	    (n + 2 * OWN_WEIGHT);
	/* Not knowing the rate is worth a Gamma of size a. */
	r = 1 / (1 / r + 1 / a);
	nats = nb_nats(mean * phi, MAX(r, NB_SIZE_MIN), x);
	return MAX(0, nats);
}

double fisher_nats(const double *s, int k)
{
	double sum = 0, term = 1, poly = 1;

	for (int i = 0; i < k; i++)
		sum += MAX(s[i], 0);
	/* Chi-square with 2k degrees: e^-S sum of S^i / i! for i < k. */
	for (int i = 1; i < k; i++) {
		term *= sum / i;
		poly += term;
	}
	return sum - fm_log(poly);
}
