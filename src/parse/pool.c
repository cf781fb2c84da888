/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/pool.h"
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#define THREADS_MAX 256

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct job queue; /* ring; next is the oldest */
	bool stop;
	unsigned n;
	pthread_t thread[THREADS_MAX];
};

static void unlink_job(struct job *j)
{
	j->prev->next = j->next;
	j->next->prev = j->prev;
}

/* With the lock held; without it while the job runs. */
static void run(struct pool *p, struct job *j)
{
	unlink_job(j);
	j->state = JOB_RUNNING;
	pthread_mutex_unlock(&p->lock);
	j->run(j);
	pthread_mutex_lock(&p->lock);
	j->state = JOB_DONE;
	pthread_cond_broadcast(&p->done);
}

static void *worker(void *arg)
{
	struct pool *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		if (p->queue.next == &p->queue)
			pthread_cond_wait(&p->work, &p->lock);
		else
			run(p, p->queue.next);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int pool_new(unsigned threads, struct pool **ret_p)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->done, NULL);
	p->queue.next = p->queue.prev = &p->queue;
	/* Fewer threads than asked for are slower, not wrong. */
	while (p->n < MIN(threads, THREADS_MAX) &&
	       pthread_create(&p->thread[p->n], NULL, worker, p) == 0)
		p->n++;
	*ret_p = p;
	return 0;
}

struct pool *pool_free(struct pool *p)
{
	if (!p)
		return NULL;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->n; i++)
		pthread_join(p->thread[i], NULL);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->done);
	pthread_mutex_destroy(&p->lock);
	free(p);
	return NULL;
}

void pool_submit(struct pool *p, struct job *j)
{
	pthread_mutex_lock(&p->lock);
	j->state = JOB_QUEUED;
	j->next = &p->queue;
	j->prev = p->queue.prev;
	j->prev->next = j;
	p->queue.prev = j;
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

void pool_wait(struct pool *p, struct job *j)
{
	pthread_mutex_lock(&p->lock);
	if (j->state == JOB_QUEUED)
		run(p, j);
	while (j->state == JOB_RUNNING) {
		if (p->queue.next == &p->queue)
			pthread_cond_wait(&p->done, &p->lock);
		else
			run(p, p->queue.next);
	}
	pthread_mutex_unlock(&p->lock);
}
