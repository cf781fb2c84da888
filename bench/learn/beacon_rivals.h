/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/learn/beacon_rivals: what others measure regularity by, from their published
 * descriptions. Each takes n ascending times (s) and gives a number that is greater for what
 * beats more.
 */
#ifndef BENCH_LEARN_BEACON_RIVALS_H
#define BENCH_LEARN_BEACON_RIVALS_H

double rival_cv(const double *t, int n);    /* minus the coefficient of variation of the gaps */
double rival_moran(const double *t, int n); /* minus ln of their mean less the mean ln */
/*
 * RITA v5's timestamp score: mean of 1 - |Bowley skewness| and 1 - MAD / median of the gaps
 * between distinct whole seconds, those shorter than one left out.
 */
double rival_rita(const double *t, int n);
/*
 * Its whole score, a quarter each for times, sizes (given as perfect: every call the same),
 * evenness over the hours and duration. The last two are nought before six hours.
 */
double rival_rita_whole(const double *t, int n);

#endif
