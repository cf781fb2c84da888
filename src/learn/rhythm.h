/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/rhythm: the beacon e-process of one channel. Fed with arrival times it keeps E, the
 * evidence that arrivals are regular against "any rate" and "bursty traffic". Anytime-valid:
 * on irregular traffic P(E ever reaches 1/alpha) <= alpha (Ville), whenever one looks.
 *
 * Two stages. The gate holds the gaps of a short window and costs 32 bytes; once they look at
 * all alike, all of them go to the bank of experts, which then hears every arrival. So the bank
 * has lost nothing, and E is what it would have been without a gate. Every window and every
 * new start of the bank is one of countably many starts; start j has the weight 1/(j(j+1)), and
 * these sum to one, as Ville's bound asks.
 *
 * Times are ns on any scale that does not jump. No allocation, no clock, no libm.
 */
#ifndef LEARN_RHYTHM_H
#define LEARN_RHYTHM_H
#include <stdbool.h>
#include <stdint.h>

#define RHYTHM_GAPS    8 /* of a gate's window */
#define RHYTHM_NULLS   12
#define RHYTHM_GAMMA   2
#define RHYTHM_NORMAL  4
#define RHYTHM_EXPERTS (RHYTHM_GAMMA + RHYTHM_NORMAL)

/* What all channels of one kind share. */
struct rhythm_clock {
	int64_t delta; /* ns; arrivals closer than this are one */
	double sharp;  /* s, resolution of the clock behind the times; 0 = none */
};

struct rhythm_gate {
	int64_t last;  /* ns, latest arrival and what it held; 0 = none yet, or unknown */
	float sum_log; /* of ln of the gaps */
	uint16_t gap[RHYTHM_GAPS]; /* s, the upper halves of floats */
	uint16_t starts;	   /* windows so far, this one included */
	uint8_t n;		   /* gaps in the window */
	uint8_t alike;		   /* latest gaps that resemble one another */
};

struct rhythm {
	int64_t last;		      /* ns, as in the gate */
	float sum;		      /* s, of the gaps since start */
	float ln_mix, ln_null;	      /* experts and bursty null, over the rate-free null */
	float spread;		      /* mean square of ln(gap / period) of gaps near it */
	float part[RHYTHM_EXPERTS];   /* weights of the experts now, sum 1: gamma, normal */
	float mu[RHYTHM_NORMAL];      /* ln of the period */
	uint16_t w[RHYTHM_NULLS];     /* of the bursty null, in 1/64 gaps */
	uint16_t late[RHYTHM_NORMAL]; /* s since the last tick when strays came after it, 0 none
				       */
	uint8_t g[RHYTHM_NORMAL];     /* gaps that taught mu */
	uint16_t n;		      /* gaps since start; 0 = the bank is closed */
	uint16_t starts;
};

/*
 * One arrival at t, for a channel whose bank is closed. hold: ns after t in which the channel
 * could not have called again, such as the lifetime of a cached answer; the next gap is counted
 * from there. False when it was coalesced with the one before, or late. *ret_open: the gaps
 * look alike: rhythm_open is due.
 */
bool rhythm_gate_add(struct rhythm_gate *g, const struct rhythm_clock *c, int64_t t,
		     int64_t hold, bool *ret_open);
/* Hands the gate's window over to a bank, zeroed or closed; the gate is empty then. */
void rhythm_open(struct rhythm *r, struct rhythm_gate *g, const struct rhythm_clock *c);
/*
 * The same for a channel whose bank is open. When the evidence is spent the bank closes
 * (r->n == 0) and g, the gate, starts anew; g NULL: the bank itself starts anew.
 */
bool rhythm_add(struct rhythm *r, struct rhythm_gate *g, const struct rhythm_clock *c,
		int64_t t, int64_t hold);
/* Starts a bank with one gap of y seconds that ended at last. */
void rhythm_start(struct rhythm *r, double y, int64_t last);

double rhythm_log_e(const struct rhythm *r); /* ln E; -1 of a closed bank */
/* Effect size, number and span (s) are enough for ln E to be acted upon at ln 1/alpha. */
bool rhythm_enough(const struct rhythm *r, const struct rhythm_clock *c,
		   double ln_inverse_alpha, double span_min);
/* The same for one channel by itself: 5 s, and 30 s of periods below a second. */
bool rhythm_beacon(const struct rhythm *r, const struct rhythm_clock *c,
		   double ln_inverse_alpha);
double rhythm_period(const struct rhythm *r, const struct rhythm_clock *c); /* s */
/* s that were heard: arrivals times period, so a pause makes no long rhythm of a short train.
 */
double rhythm_span(const struct rhythm *r, const struct rhythm_clock *c);
double rhythm_jitter(const struct rhythm *r); /* standard deviation over period */

#endif
