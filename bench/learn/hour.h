/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/learn/hour: what the learned quantities are worth when an entity's hour is judged as a
 * whole. For each quantity the surprises of the hour's distinct values are summed (of counts
 * and volumes, the greatest is taken), a value that several quantities look at counting once;
 * so is the number of surprising values against the number of records. Each sum is ranked among
 * all entity-hours of the class (bins of 0.2 nats, 5 % forgotten a day) and the ranks' nats are
 * added; part of an odd hour is carried into the next ones. A yardstick for the product.
 */
#ifndef BENCH_HOUR_H
#define BENCH_HOUR_H
#include "bench/learn/stream.h"
#include "learn/learn.h"

struct hour;

struct hour *hour_new(const struct stream *s);
struct hour *hour_free(struct hour *h);
/* Score of the record's actor after these results, which are about it. */
double hour_see(struct hour *h, const struct rec *r, const struct learn_result *res, size_t n);

#endif
