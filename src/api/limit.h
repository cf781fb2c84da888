/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/limit: how often something may be tried. A bucket for each key (a name, an address) holds
 * `size` tries and gets one back each `refill`. Memory is fixed: when places run out, the
 * bucket goes that had most tries left. Any thread.
 */
#ifndef API_LIMIT_H
#define API_LIMIT_H
#include "base/macros.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define LIMIT_WAYS 8
#define LIMIT_SETS 512

struct limit_bucket {
	uint64_t key; /* 0 = free */
	int64_t full; /* when it is full again; ns, monotonic */
};

struct limiter {
	pthread_mutex_t lock;
	struct limit_bucket b[LIMIT_SETS][LIMIT_WAYS];
};

void limit_init(struct limiter *l);
void limit_free(struct limiter *l);
/* Takes one try: 0, or the ns after which there is one. refill: ns. */
int64_t limit_take(struct limiter *l, uint64_t key, unsigned size, int64_t refill, int64_t now);
/* Gives one back: it was a good one. */
void limit_give(struct limiter *l, uint64_t key, int64_t refill);

#endif
