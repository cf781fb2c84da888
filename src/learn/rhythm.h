/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/rhythm: the beacon e-process of one channel. Fed with arrival times, it keeps ln E, the
 * evidence that arrivals are regular against "any rate" and "bursty traffic". Anytime-valid:
 * on irregular traffic P(E ever reaches 1/alpha) <= alpha (Ville), whenever one looks.
 */
#ifndef LEARN_RHYTHM_H
#define LEARN_RHYTHM_H
#include <stdbool.h>
#include <stdint.h>

#define RHYTHM_NULLS  12
#define RHYTHM_GAMMA  2
#define RHYTHM_NORMAL 4

struct rhythm {
	double delta;	    /* s; closer arrivals are one; set before the first rhythm_add */
	double sharp;	    /* s, resolution of the clock; 0 = none */
	double start, last; /* s; first arrival since the last restart, latest arrival */
	double sum;	    /* A: of gaps since start */
	uint32_t n;	    /* gaps since start */
	uint32_t arrivals;  /* ever */
	uint16_t starts;
	double log_e, base;
	float w[RHYTHM_NULLS]; /* of the bursty null */
	double null1, null2;   /* log likelihoods */
	double gamma[RHYTHM_GAMMA];
	struct {
		double like;
		float mu, g;
		float elapsed; /* since the last tick, when outliers came after it; 0 = none */
	} normal[RHYTHM_NORMAL];
	float mean, m2; /* of gaps near the period: for the explanation */
	uint32_t near;
};

/* One arrival at t seconds; false when it was coalesced with the one before, or late. */
bool rhythm_add(struct rhythm *r, double t);
/* Effect size, number and span are enough for ln E to be acted upon at level ln_alpha > 0. */
bool rhythm_beacon(const struct rhythm *r, double ln_inverse_alpha);
double rhythm_period(const struct rhythm *r);
double rhythm_jitter(const struct rhythm *r); /* standard deviation over period */

#endif
