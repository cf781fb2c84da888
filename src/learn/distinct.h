/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/distinct: how many different things, in 34 bytes: exact up to 16 fingerprints of 16
 * bits, then HyperLogLog with 32 registers (standard error 18 %).
 */
#ifndef LEARN_DISTINCT_H
#define LEARN_DISTINCT_H
#include "base/macros.h"
#include <stdbool.h>

#define DISTINCT_EXACT	   16
#define DISTINCT_REGISTERS 32

struct distinct {
	union {
		uint16_t print[DISTINCT_EXACT];
		uint8_t reg[DISTINCT_REGISTERS];
	} u;
	uint8_t n; /* fingerprints */
	bool dense;
};

/* Whether it was not there; a dense one says so only when its count grows. */
bool distinct_add(struct distinct *d, uint64_t hash);
double distinct_count(const struct distinct *d);
/* Of both together. */
double distinct_union(const struct distinct *a, const struct distinct *b);

#endif
