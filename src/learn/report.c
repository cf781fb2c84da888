/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/report.h"
#include <math.h>

static int bin_of(double s)
{
	if (!(s > 0))
		return 0;
	return s >= DOOR_BINS * DOOR_BIN_NATS ? DOOR_BINS - 1 : (int)(s / DOOR_BIN_NATS);
}

/* Ages the histogram to this hour and fixes what each bin is worth until the next. */
static void freeze(struct door_hist *h, int64_t hour)
{
	double keep, above = 0, excess = 0;

	if (h->hour == hour || hour < h->hour)
		return;
	keep = h->hour ? pow(0.95, (double)(hour - h->hour) / 24) : 1;
	h->hour = hour;
	h->top = -1;
	h->total = 0;
	for (int i = 0; i < DOOR_BINS; i++) {
		h->live[i] *= keep;
		h->total += h->live[i];
		if (h->live[i] > 0)
			h->top = i;
	}
	h->frozen_total = h->total;
	h->tail_nats = 1;
	for (int i = DOOR_BINS - 1; i >= 0; i--) {
		double n = h->live[i];

		h->judged[i] = (float)-log((above + n / 2 + 0.5) / (h->total + 1));
		above += n;
		/* The mean excess over the top twentieth: how far one nat goes out there. */
		if (above <= h->total / 20 && above > 0) {
			excess += above;
			h->tail_nats = (float)(excess / above * DOOR_BIN_NATS);
		}
	}
}

bool door_learning(const struct door *d, uint8_t cls, int64_t now)
{
	const struct door_hist *h = &d->cls[cls];

	if (h->frozen_total < DOOR_POOL_MIN)
		h = &d->cls[DOOR_POOL];
	return !d->since ||
	       (now - d->since < DOOR_LEARN_NS && h->frozen_total < DOOR_LEARN_N) ||
	       now - d->since < NS_PER_D;
}

/* Above all of the past the tail goes on exponentially, at most three nats further. */
static double beyond(const struct door_hist *h, double s)
{
	double over = s - (h->top + 1) * DOOR_BIN_NATS;

	if (over <= 0 || h->top < 0)
		return 0;
	return MIN(3.0, over / MAX(1.0, (double)h->tail_nats));
}

double door_judge(struct door *d, uint8_t cls, double raw, bool own, int64_t now)
{
	struct door_hist *h = &d->cls[cls];

	if (raw <= 0)
		return 0;
	freeze(h, now / NS_PER_H);
	if (h->frozen_total < DOOR_POOL_MIN) {
		h = &d->cls[DOOR_POOL];
		freeze(h, now / NS_PER_H);
	}
	if (door_learning(d, cls, now))
		return own ? MIN(raw, 2 * DOOR_LEARN_CAP) : MIN(raw / 2, DOOR_LEARN_CAP);
	/* With next to no past a p- or e-value still means what it says. */
	if (own && h->frozen_total < DOOR_POOL_MIN)
		return raw;
	if (h->frozen_total < 1)
		return MIN(raw / 2, DOOR_LEARN_CAP);
	return (double)h->judged[bin_of(raw)] + beyond(h, raw);
}

void door_add(struct door *d, uint8_t cls, double raw, int64_t now)
{
	int b = bin_of(raw);

	if (!d->since)
		d->since = MAX(now, 1);
	freeze(&d->cls[cls], now / NS_PER_H);
	freeze(&d->cls[DOOR_POOL], now / NS_PER_H);
	d->cls[cls].live[b] += 1;
	d->cls[DOOR_POOL].live[b] += 1;
}
