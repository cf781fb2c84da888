/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/pool: worker threads for jobs that are waited for. A job no worker has begun is run by
 * whoever waits for it, so a pool of no threads works too; who waits for one that a worker has
 * begun runs others meanwhile.
 */
#ifndef PARSE_POOL_H
#define PARSE_POOL_H
#include "base/macros.h"

struct job {
	void (*run)(struct job *);
	struct job *next, *prev;
	enum { JOB_IDLE, JOB_QUEUED, JOB_RUNNING, JOB_DONE } state;
};

struct pool;

MUST int pool_new(unsigned threads, struct pool **ret_p);
/* Lets workers finish what they run; what is queued is not run. */
struct pool *pool_free(struct pool *p);
/* The job must be idle or waited for. */
void pool_submit(struct pool *p, struct job *j);
/* Returns once it is done; at once when it was never submitted. */
void pool_wait(struct pool *p, struct job *j);

#endif
