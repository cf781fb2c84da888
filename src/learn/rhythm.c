/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/rhythm.h"
#include "base/macros.h"
#include "learn/fmath.h"
#include <math.h>

#define SQRT_2PI    2.50662827463100050
#define TINY	    1e-290
#define PART_LEAST  1e-30F
#define INLIERS_MAX 60
#define GAPS_MAX    60000
#define OUTLIER	    0.06
#define RESTART	    2.5
#define TICK_WEIGHT 0.6
#define MIX_PRIOR   0.15
#define MIX_UNIT    64.0
#define SPAN_S	    5.0	 /* a rhythm lasts at least so long */
#define FAST_S	    1.0	 /* of a shorter period: downloads come in such trains, */
#define FAST_SPAN_S 30.0 /* but not for so long */
#define GATE_ALIKE  0.2
#define GATE_MIN    3	    /* gaps */
#define Z_PAST	    5.0	    /* standard deviations after which a tick is past */
#define LN_FAR	    (-40.0) /* densities that need not be worked out */
#define LN_LATE_MAX 1.25    /* ln 3.5: periods after which a tick is given up */

/* Two Gamma experts for wide jitter (erlang_over_null), four log-normal ones for narrow. */
static const double sigma0[RHYTHM_NORMAL] = {0.012, 0.04, 0.11, 0.21};
static const float prior[RHYTHM_EXPERTS] = {0.20F, 0.20F, 0.15F, 0.15F, 0.15F, 0.15F};
/* A tick, a missed one, two missed; and, early on, half a tick. */
static const double ln_multiple[4] = {0, FM_LN2, 1.09861228866810969, -FM_LN2};
static const double share[4] = {0.90, 0.08, 0.02, 0.0};
/* Moran's statistic, ln of the mean less mean of the ln, below which a window of n gaps opens.
 */
static const double gate_d[RHYTHM_GAPS + 1] = {0, 0, 0, 0.08, 0.12, 0.15, 0.18, 0.20, 0.22};
static const double ln_share[4] = {-0.105360515658, -2.52572864431, -3.91202300543, -1e9};
static const double ln_share_early[4] = {-0.186329578191, -2.52572864431, -3.91202300543,
					 -2.65926003693};

/* A float's upper half: 8 bits of mantissa, an error of at most 0.2 %. */
static uint16_t half_of(double x)
{
	float f = (float)x;
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	return (uint16_t)((bits + 0x8000u) >> 16);
}

static double of_half(uint16_t h)
{
	uint32_t bits = (uint32_t)h << 16;
	float f;

	memcpy(&f, &bits, sizeof(f));
	return (double)f;
}

/* Seconds from last to t beyond the coalescing time; negative or tiny: no new arrival. */
static double gap_of(const struct rhythm_clock *c, int64_t last, int64_t t)
{
	int64_t ns;

	return __builtin_sub_overflow(t, last, &ns) ? 0
						    : ((double)ns - (double)c->delta) * 1e-9;
}

static int64_t held(int64_t t, int64_t hold)
{
	int64_t end;

	/* 0 means "none yet". */
	return __builtin_add_overflow(t, MAX(hold, 0), &end) || !end ? 1 : end;
}

/* The bursty null: a mixture of exponentials over scales from 20 ms to 23 h, weights learned.
 */
static double mixture(struct rhythm *r, double y)
{
	double part[RHYTHM_NULLS], f = 0, total = 0, rate = 50.0 / 4194304;
	double e = fm_exp(-rate * y);

	/* Slowest first: the next rate is four times this one, so its power the fourth. */
	for (int b = RHYTHM_NULLS; b-- > 0; rate *= 4) {
		double w = r->w[b] * (1 / MIX_UNIT);

		part[b] = (w + MIX_PRIOR) * rate * e;
		f += part[b];
		total += w;
		e *= e;
		e *= e;
	}
	if (f > TINY) {
		double unit = MIX_UNIT / f;

		for (int b = 0; b < RHYTHM_NULLS; b++)
			r->w[b] = (uint16_t)(r->w[b] + (uint16_t)(part[b] * unit + 0.5));
	}
	if (total > 1000)
		for (int b = 0; b < RHYTHM_NULLS; b++)
			r->w[b] /= 2;
	return MAX(f / (total + RHYTHM_NULLS * MIX_PRIOR), TINY);
}

/*
 * The two Gamma experts, k = 4 and 12, over the rate-free null n v^n / (A+y), with
 * u = y/(A+y), v = A/(A+y), uv = u v^n: the scale-invariant predictive of an Erlang gap
 *   Gamma(k(n+1)) / (Gamma(k) Gamma(kn)) u^(k-1) v^(kn) / (A+y).
 * The ratio of Gammas is x (x+1) ... (x+k-1), x = kn, here as products of its two ends.
 */
static void erlang_over_null(double n, double uv, double ret_ratio[RHYTHM_GAMMA])
{
	double s4 = 4 * n * (4 * n + 3), s12 = 12 * n * (12 * n + 11);
	double uv2 = uv * uv, uv4 = uv2 * uv2;

	ret_ratio[0] = s4 * (s4 + 2) / (6 * n) * (uv2 * uv);
	/* Kept apart: the product alone may be past 1e100, the power below 1e-200. */
	ret_ratio[1] = s12 * (s12 + 10) * uv2 * ((s12 + 18) * (s12 + 24) * uv4) *
		       ((s12 + 28) * (s12 + 30) * uv4) * uv / (39916800 * n);
}

static double density_of(double ln)
{
	return ln < LN_FAR ? 0 : fm_exp(ln);
}

/* One expert's view of a gap. */
struct view {
	double mu, inv;	     /* ln period; 1 / sigma, with what is not yet known of mu */
	const double *ln_pi; /* of the multiples */
};

/* ln of the density at exp(ln_y) by the likeliest multiple, *ret_m, but for 1/(y sqrt 2 pi). */
static double tick_log(const struct view *v, double ln_y, int *ret_m)
{
	double best = -1e9, d = ln_y - v->mu;

	for (int m = 0; m < 4; m++) {
		double z = (d - ln_multiple[m]) * v->inv, p = v->ln_pi[m] - z * z / 2;

		*ret_m = p > best ? m : *ret_m;
		best = p > best ? p : best;
	}
	return best;
}

/* Chance that the next tick is still to come so long after the last one, rounded up. */
static double tick_left(const struct view *v, double ln_late)
{
	double left = 0;

	for (int m = 0; m < 4; m++)
		left += (ln_late - v->mu - ln_multiple[m]) * v->inv < Z_PAST ? share[m] : 0;
	return left;
}

struct gap {
	double y, ln_y, over_y; /* s; ln of it; 1 / (y sqrt 2 pi) */
	double outlier;		/* its density when it is none of the rhythm */
	double sharp;		/* s */
	double ln_late, ln_all; /* of `late` as below, and of late + y */
	const double *ln_pi;
	uint16_t late;
};

/* What a gap of y, multiple m of the period, teaches expert i. */
static void normal_learn(struct rhythm *r, int i, double ln_y, int m)
{
	r->late[i] = 0;
	if (m == 3) {
		r->mu[i] = (float)ln_y;
		r->g[i] = 1;
		return;
	}
	r->g[i] = (uint8_t)MIN(r->g[i] + 1, INLIERS_MAX);
	r->mu[i] += (float)((ln_y - ln_multiple[m] - (double)r->mu[i]) / r->g[i]);
}

/* A stray: the tick it came after may still be waited for. */
static void normal_stray(struct rhythm *r, int i, const struct gap *gap)
{
	bool first = !r->late[i];
	double late = first ? gap->y : of_half(r->late[i]) + gap->y;
	double ln_late = first ? gap->ln_y : gap->ln_all;

	r->late[i] = ln_late < LN_LATE_MAX + (double)r->mu[i] ? half_of(late) : 0;
}

/*
 * One log-normal expert: density of the gap, and what it learns from it. A stray arrival does
 * not move the tick: the next one is also measured from the tick before the stray.
 */
static double normal_step(struct rhythm *r, int i, struct gap *gap)
{
	struct view v = {.mu = (double)r->mu[i], .ln_pi = gap->ln_pi};
	double width = sigma0[i], in, ticked = 0, left, over;
	int m = 0, mt = 0;

	if (gap->sharp > 0)
		width = MAX(width, gap->sharp / MAX(fm_exp(v.mu), 1e-3));
	v.inv = 1 / (width * sqrt(1 + 1.0 / r->g[i]));
	over = v.inv * gap->over_y;
	in = over * density_of(tick_log(&v, gap->ln_y, &m));
	if (r->late[i]) {
		double late = of_half(r->late[i]), all = late + gap->y;

		if (r->late[i] != gap->late) {
			gap->late = r->late[i];
			gap->ln_late = fm_log(late);
			gap->ln_all = fm_log(all);
		}
		left = tick_left(&v, gap->ln_late);
		if (left > 0) {
			ticked = over * gap->y / (all * left) *
				 density_of(tick_log(&v, gap->ln_all, &mt));
			in = TICK_WEIGHT * ticked + (1 - TICK_WEIGHT) * in;
		}
	}
	if ((1 - OUTLIER) * in <= OUTLIER * gap->outlier)
		normal_stray(r, i, gap);
	else if (TICK_WEIGHT * ticked > in / 2)
		normal_learn(r, i, gap->ln_all, mt);
	else
		normal_learn(r, i, gap->ln_y, m);
	return OUTLIER * gap->outlier + (1 - OUTLIER) * in;
}

void rhythm_start(struct rhythm *r, double y, int64_t last)
{
	float mu = (float)fm_log(y);

	(void)mixture(r, y);
	r->starts = (uint16_t)MIN(r->starts + 1, UINT16_MAX);
	r->last = last;
	r->n = 1;
	r->sum = (float)y;
	r->ln_mix = r->ln_null = r->spread = 0;
	memcpy(r->part, prior, sizeof(prior));
	for (int i = 0; i < RHYTHM_NORMAL; i++) {
		r->mu[i] = mu;
		r->g[i] = 1;
		r->late[i] = 0;
	}
}

/* One more gap. All densities are over that of the rate-free null, f1. */
static void score(struct rhythm *r, const struct rhythm_clock *c, double y)
{
	double n = r->n, all = (double)r->sum + y, ln_v = fm_log((double)r->sum / all);
	double vn = fm_exp(n * ln_v), f1 = MAX(n * vn / all, TINY), f2 = mixture(r, y);
	double now[RHYTHM_EXPERTS], mix = 0, near;
	struct gap gap = {.y = y,
			  .ln_y = fm_log(y),
			  .over_y = 1 / (SQRT_2PI * y),
			  .outlier = (f1 + f2) / 2,
			  .sharp = c->sharp,
			  .ln_pi = r->n <= 2 ? ln_share_early : ln_share};

	erlang_over_null(n, y / all * vn, now);
	for (int i = 0; i < RHYTHM_GAMMA; i++)
		now[i] *= (double)r->part[i];
	near = gap.ln_y - (double)r->mu[RHYTHM_NORMAL - 2];
	if (fabs(near) < FM_LN2)
		r->spread +=
			(float)((near * near - (double)r->spread) / r->g[RHYTHM_NORMAL - 2]);
	for (int i = 0; i < RHYTHM_NORMAL; i++)
		now[RHYTHM_GAMMA + i] =
			(double)r->part[RHYTHM_GAMMA + i] * (normal_step(r, i, &gap) / f1);
	for (int i = 0; i < RHYTHM_EXPERTS; i++)
		mix += now[i];
	for (int i = 0; i < RHYTHM_EXPERTS; i++)
		r->part[i] = MAX((float)(now[i] / mix), PART_LEAST);
	r->ln_mix += (float)fm_log(mix);
	r->ln_null += (float)fm_log(f2 / f1);
	r->sum = (float)all;
	if (r->n < GAPS_MAX)
		r->n++;
	else
		r->sum *= (float)(n / (n + 1));
}

static double base_of(uint16_t starts)
{
	return -fm_log(starts * (starts + 1.0));
}

static bool spent(const struct rhythm *r)
{
	return r->ln_mix - MAX(0, r->ln_null) < (float)-RESTART;
}

bool rhythm_add(struct rhythm *r, struct rhythm_gate *g, const struct rhythm_clock *c,
		int64_t t, int64_t hold)
{
	double y = gap_of(c, r->last, t);

	if (!(y > 1e-6))
		return false;
	score(r, c, y);
	r->last = held(t, hold);
	if (!spent(r))
		return true;
	if (!g) {
		rhythm_start(r, y, r->last);
		return true;
	}
	*g = (struct rhythm_gate){.last = r->last,
				  .starts = (uint16_t)MIN(r->starts + 1, UINT16_MAX),
				  .n = 1,
				  .alike = 1,
				  .sum_log = (float)fm_log(y),
				  .gap = {half_of(y)}};
	r->n = 0;
	return true;
}

/* The older half of a full window is let go: a new start. */
static void slide(struct rhythm_gate *g)
{
	g->n = RHYTHM_GAPS / 2;
	memmove(g->gap, g->gap + RHYTHM_GAPS / 2, g->n * sizeof(g->gap[0]));
	g->sum_log = 0;
	for (int i = 0; i < g->n; i++)
		g->sum_log += (float)fm_log(of_half(g->gap[i]));
	g->starts = (uint16_t)MIN(g->starts + 1, UINT16_MAX);
}

bool rhythm_gate_add(struct rhythm_gate *g, const struct rhythm_clock *c, int64_t t,
		     int64_t hold, bool *ret_open)
{
	double y = gap_of(c, g->last, t), sum = 0, before;

	*ret_open = false;
	if (!g->last) {
		g->last = held(t, hold);
		g->starts = (uint16_t)MIN(g->starts + 1, UINT16_MAX);
		return true;
	}
	if (!(y > 1e-6))
		return false;
	if (g->n == RHYTHM_GAPS)
		slide(g);
	before = g->n ? of_half(g->gap[g->n - 1]) : 0;
	g->alike =
		(uint8_t)(fabs(y - before) <= GATE_ALIKE * before ? MIN(g->alike + 1, 99) : 1);
	g->gap[g->n++] = half_of(y);
	g->sum_log += (float)fm_log(y);
	g->last = held(t, hold);
	for (int i = 0; i < g->n; i++)
		sum += of_half(g->gap[i]);
	*ret_open = g->n >= GATE_MIN &&
		    (g->alike >= GATE_MIN ||
		     fm_log(sum / g->n) - (double)g->sum_log / g->n < gate_d[g->n]);
	return true;
}

void rhythm_open(struct rhythm *r, struct rhythm_gate *g, const struct rhythm_clock *c)
{
	/* rhythm_start counts the gate's own window. */
	r->starts = (uint16_t)(g->starts - 1);
	for (int i = 0; i < g->n; i++) {
		if (!r->n || i == 0)
			rhythm_start(r, of_half(g->gap[i]), g->last);
		else
			score(r, c, of_half(g->gap[i]));
	}
	r->last = g->last;
	*g = (struct rhythm_gate){.last = g->last, .starts = r->starts};
}

double rhythm_log_e(const struct rhythm *r)
{
	return r->n ? base_of(r->starts) + (double)(r->ln_mix - MAX(0, r->ln_null)) : -1;
}

bool rhythm_enough(const struct rhythm *r, const struct rhythm_clock *c,
		   double ln_inverse_alpha, double span_min)
{
	double e = rhythm_log_e(r);

	return r->n >= GATE_MIN && rhythm_span(r, c) >= span_min && e >= ln_inverse_alpha &&
	       e >= 0.25 * (r->n + 1.0);
}

bool rhythm_beacon(const struct rhythm *r, const struct rhythm_clock *c,
		   double ln_inverse_alpha)
{
	double span = rhythm_period(r, c) < FAST_S ? FAST_SPAN_S : SPAN_S;

	return rhythm_enough(r, c, ln_inverse_alpha, span);
}

/*
 * By the expert that is believed most. The log-normal ones track ticks, and so do not mind lost
 * calls, strays and pauses, but narrow ones lose a wide jitter; what the Gammas hear best is
 * wide, and its period is the mean gap.
 */
double rhythm_period(const struct rhythm *r, const struct rhythm_clock *c)
{
	int best = RHYTHM_EXPERTS - 1;
	double y;

	if (!r->n)
		return 0;
	for (int i = best - 1; i >= 0; i--)
		if (r->part[i] > r->part[best])
			best = i;
	y = best < RHYTHM_GAMMA ? (double)r->sum / r->n
				: fm_exp((double)r->mu[best - RHYTHM_GAMMA]);
	return y + (double)c->delta * 1e-9;
}

double rhythm_span(const struct rhythm *r, const struct rhythm_clock *c)
{
	return r->n * rhythm_period(r, c);
}

double rhythm_jitter(const struct rhythm *r)
{
	return r->n > 1 ? sqrt((double)r->spread) : 0;
}
