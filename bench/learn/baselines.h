/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/learn/baselines: well-known detectors, written from their published descriptions, over
 * the same streams as the product. Each gives a score for every record, judged before it is
 * learned; greater is odder, and only the order of scores matters to the comparison.
 */
#ifndef BENCH_BASELINES_H
#define BENCH_BASELINES_H
#include "bench/learn/stream.h"

struct baseline {
	const char *name;
	bool lan_only;
	void *(*open)(const struct stream *s); /* NULL when out of memory */
	double (*see)(void *state, const struct rec *r);
	void (*close)(void *state);
};

/*
 *   first time     how many values are new for the entity within this hour
 *   z-score        count (and ln bytes) of this hour against the entity's past hours
 *   rare           Elastic's: Dirichlet-multinomial per entity and field, joint and extreme
 *                  tail of the fields, score normalised by quantiles of its own past
 *   MIDAS-F        edges entity -> value, count-min sketches, conditional merge (WSDM 2021)
 *   LODA           50 sparse random projections of the entity-hour, histograms (2016)
 *   CV             mean over deviation of the gaps of a pair, from 10 gaps on
 *   CV, rare sites the same, only for destinations of at most two devices
 */
extern const struct baseline baselines[];
extern const size_t nbaselines;

#endif
