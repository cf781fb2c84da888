/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/report.h"
#include <math.h>
#include <string.h>

#define BIN_GROWTH  1.1 /* of the bins above the even ones */
#define TAIL_MOST   0.1 /* of all, at most, are tail */
#define TAIL_LEAST  20.0
#define APART	    0.7 /* nats the fitted tail may be off what was counted */
#define BEYOND_MOST 3.0 /* nats it may go beyond all that was counted */

static int bin_of(double s)
{
	const double even = DOOR_EVEN * DOOR_BIN_NATS;
	int b;

	if (!(s > 0))
		return 0;
	if (s < even)
		return (int)(s / DOOR_BIN_NATS);
	/* Compared before the cast, which is undefined for what an int cannot hold. */
	if (s >= even * pow(BIN_GROWTH, DOOR_BINS - DOOR_EVEN))
		return DOOR_BINS - 1;
	b = DOOR_EVEN + (int)(log(s / even) / log(BIN_GROWTH));
	return MIN(b, DOOR_BINS - 1);
}

/* Where each bin begins; b may be DOOR_BINS. Learning has one thread, so a table made once. */
static double bin_floor(int b)
{
	static double floors[DOOR_BINS + 1];

	if (floors[DOOR_BINS] == 0)
		for (int i = 0; i <= DOOR_BINS; i++)
			floors[i] = i <= DOOR_EVEN ? i * DOOR_BIN_NATS
						   : DOOR_EVEN * DOOR_BIN_NATS *
							     pow(BIN_GROWTH, i - DOOR_EVEN);
	return floors[b];
}

/* The tail through the top 200, or the top tenth where that is less. */
static void fit_tail(struct door_hist *h)
{
	double want = MIN(DOOR_TAIL, TAIL_MOST * h->frozen_total), n = 0, a0 = 0, a1 = 0, u;
	double above = 0;
	int b = DOOR_BINS;

	h->tail = (struct gpd){0, 0};
	while (b > 0 && n < want)
		n += h->frozen[--b];
	h->tail_bin = b;
	if (n < TAIL_LEAST || n > 5 * want)
		return;
	u = bin_floor(b);
	for (int i = DOOR_BINS - 1; i >= b; i--) {
		double w = h->frozen[i] / n, x = (bin_floor(i) + bin_floor(i + 1)) / 2 - u;

		a0 += w * x;
		a1 += w * x * (above + w / 2);
		above += w;
	}
	h->tail = gpd_fit(a0, a1);
	h->tail_nats = -log((n + 0.5) / (h->frozen_total + 1));
}

/*
 * Ages the histogram to this hour and fixes it until the next. What a bin is worth is worked
 * out when somebody asks: most hours ask for few bins of few classes.
 */
static void freeze(struct door_hist *h, int64_t hour)
{
	double keep;

	if (hour <= h->hour)
		return;
	keep = h->hour ? pow(0.95, (double)(hour - h->hour) / 24) : 1;
	h->hour = hour;
	h->frozen_total = 0;
	h->top = -1;
	for (int i = 0; i < DOOR_BINS; i++) {
		h->live[i] *= keep;
		h->frozen_total += h->live[i];
		if (h->live[i] > 0)
			h->top = i;
	}
	memcpy(h->frozen, h->live, sizeof(h->frozen));
	memset(h->judged, 0xff, sizeof(h->judged)); /* NaN */
	h->fitted = false;
}

/* What was counted above bin b, half of its own included, as nats. */
static double counted(struct door_hist *h, int b)
{
	double above = 0;

	if (!isnan(h->judged[b]))
		return (double)h->judged[b];
	for (int i = DOOR_BINS - 1; i > b; i--)
		above += h->frozen[i];
	h->judged[b] = (float)-log((above + h->frozen[b] / 2 + 0.5) / (h->frozen_total + 1));
	return (double)h->judged[b];
}

/* The histogram that judges a class: its own, or that of all while it is small. */
static struct door_hist *hist_of(struct door *d, uint8_t cls)
{
	return &d->cls[d->cls[cls].frozen_total < DOOR_POOL_MIN ? DOOR_POOL : cls];
}

static bool learning(const struct door_hist *h, int64_t now)
{
	return !h->since || now - h->since < NS_PER_D ||
	       (now - h->since < DOOR_LEARN_NS && h->frozen_total < DOOR_LEARN_N);
}

bool door_learning(struct door *d, uint8_t cls, int64_t now)
{
	return learning(hist_of(d, cls), now);
}

static double rank(struct door_hist *h, double raw)
{
	int b = bin_of(raw);
	double count = counted(h, b), fitted, most;

	if (!h->fitted)
		fit_tail(h);
	h->fitted = true;
	if (b < h->tail_bin || !(h->tail.sigma > 0))
		return count;
	/* Where many values are alike the count knows better than a smooth curve. */
	fitted = h->tail_nats + gpd_nats(&h->tail, raw - bin_floor(h->tail_bin));
	most = b <= h->top ? count + APART : log(2 * (h->frozen_total + 1)) + BEYOND_MOST;
	return MIN(MAX(fitted, count - APART), most);
}

double door_judge(struct door *d, uint8_t cls, double raw, bool own, int64_t now)
{
	struct door_hist *h;

	if (!(raw > 0))
		return 0;
	freeze(&d->cls[cls], now / NS_PER_H);
	freeze(&d->cls[DOOR_POOL], now / NS_PER_H);
	h = hist_of(d, cls);
	if (learning(h, now))
		return own ? MIN(raw, 2 * DOOR_LEARN_CAP) : MIN(raw / 2, DOOR_LEARN_CAP);
	/* With next to no past a p- or e-value still means what it says. */
	if (own && h->frozen_total < DOOR_POOL_MIN)
		return raw;
	if (h->frozen_total < 1)
		return MIN(raw / 2, DOOR_LEARN_CAP);
	return rank(h, raw);
}

static void add(struct door_hist *h, int bin, double n, int64_t now)
{
	if (!h->since)
		h->since = MAX(now, 1);
	freeze(h, now / NS_PER_H);
	h->live[bin] = MAX(0, h->live[bin] + n);
}

void door_add(struct door *d, uint8_t cls, double raw, int64_t now)
{
	int b = bin_of(raw);

	add(&d->cls[cls], b, 1, now);
	add(&d->cls[DOOR_POOL], b, 1, now);
}

void door_take(struct door *d, uint8_t cls, double raw, int64_t now)
{
	int b = bin_of(raw);

	add(&d->cls[cls], b, -1, now);
	add(&d->cls[DOOR_POOL], b, -1, now);
}
