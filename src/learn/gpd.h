/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/gpd: a generalised Pareto tail, P(X > u + x) = (1 + xi x / sigma)^(-1 / xi), fitted by
 * probability-weighted moments (Hosking & Wallis 1987, Technometrics 29): with a0 = E[x] and
 * a1 = E[x (1 - F(x))], xi = 2 - a0 / (a0 - 2 a1), sigma = 2 a0 a1 / (a0 - 2 a1).
 */
#ifndef LEARN_GPD_H
#define LEARN_GPD_H

#define GPD_XI_MIN (-0.5)
#define GPD_XI_MAX 0.5

struct gpd {
	float xi, sigma; /* sigma <= 0: no fit */
};

/* From the two moments of the excesses. */
struct gpd gpd_fit(double a0, double a1);
/* -ln P(X > u + x), nats; x >= 0. */
double gpd_nats(const struct gpd *g, double x);
/* The excess that a share p of the tail exceeds, 0 < p <= 1. */
double gpd_quantile(const struct gpd *g, double p);

#endif
