/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/fmath: exp and log by plain arithmetic, so that every machine gives the same bits (libm
 * picks variants by processor) in few nanoseconds. Relative error below 1e-9; of fm_log near 1
 * as well (tests/unit/learn/rhythm.c holds them to it).
 */
#ifndef LEARN_FMATH_H
#define LEARN_FMATH_H
#include <stdint.h>
#include <string.h>

#define FM_LN2	     0.693147180559945309417
#define FM_LN2_HI    0.6931471803691238164 /* with 21 zero bits at its end */
#define FM_LN2_LO    1.9082149292705877e-10
#define FM_EXP_LEAST (-700.0) /* fm_exp is 0 below */
#define FM_EXP_MOST  700.0

/* Natural logarithm of a positive, normal x. Sums in pairs, so that steps can overlap. */
static inline double fm_log(double x)
{
	uint64_t bits;
	int64_t e;
	double m, s, z, z2;

	memcpy(&bits, &x, sizeof(bits));
	/* x = 2^e m with m in [sqrt 1/2, sqrt 2); ln m = 2 artanh((m-1)/(m+1)) */
	e = (int64_t)(bits - UINT64_C(0x3fe6a09e667f3bcd)) >> 52;
	bits -= (uint64_t)e << 52;
	memcpy(&m, &bits, sizeof(m));
	s = (m - 1) / (m + 1);
	z = s * s;
	z2 = z * z;
	z = (1 + z * (1.0 / 3)) + z2 * ((1.0 / 5 + z * (1.0 / 7)) + z2 * (1.0 / 9 + z / 11));
	return 2 * s * z + (double)e * FM_LN2;
}

static inline double fm_exp(double x)
{
	double k, r, r2, r4;
	uint64_t bits;

	if (!(x > FM_EXP_LEAST))
		return 0;
	if (x > FM_EXP_MOST)
		x = FM_EXP_MOST;
	/* Adding and taking away 1.5 * 2^52 rounds to the nearest integer. */
	k = x * (1 / FM_LN2) + 6755399441055744.0;
	k -= 6755399441055744.0;
	r = x - k * FM_LN2_HI - k * FM_LN2_LO;
	r2 = r * r;
	r4 = r2 * r2;
	/* Taylor to the eighth power, |r| <= ln 2 / 2 */
	r = ((1 + r) + r2 * (1.0 / 2 + r * (1.0 / 6))) +
	    r4 * (((1.0 / 24 + r * (1.0 / 120)) + r2 * (1.0 / 720 + r * (1.0 / 5040))) +
		  r4 * (1.0 / 40320));
	bits = (uint64_t)((int64_t)k + 1023) << 52;
	memcpy(&r2, &bits, sizeof(r2));
	return r * r2;
}

#endif
