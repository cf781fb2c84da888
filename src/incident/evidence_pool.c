/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "base/yaml.h"
#include "incident/evidence.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#define IDLE_MAX 4u

struct evidence_pool {
	const char *sources;
	struct entities_conf entities;
	pthread_mutex_t lock; /* of what follows */
	struct evidence *idle[IDLE_MAX];
	size_t n;
	uint64_t stamp; /* of the files that the idle ones were read from */
};

struct evidence_pool *evidence_pool_new(const struct inquiry_conf *conf)
{
	struct evidence_pool *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->sources = conf->sources;
	p->entities = conf->entities;
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

static void drop(struct evidence_pool *p)
{
	while (p->n)
		evidence_free(p->idle[--p->n]);
}

struct evidence_pool *evidence_pool_free(struct evidence_pool *p)
{
	if (p) {
		drop(p);
		pthread_mutex_destroy(&p->lock);
		free(p);
	}
	return NULL;
}

static int stamp_file(const char *path, void *arg)
{
	uint64_t *stamp = arg;
	struct stat sb;

	if (stat(path, &sb) < 0)
		return -errno;
	*stamp = hash_2(*stamp, hash_str(str_of(path), 0));
	*stamp = hash_2(*stamp, (uint64_t)sb.st_size);
	*stamp = hash_2(*stamp, (uint64_t)sb.st_mtim.tv_sec);
	*stamp = hash_2(*stamp, (uint64_t)sb.st_mtim.tv_nsec);
	return 0;
}

int evidence_take(struct evidence_pool *p, struct store *st, struct evidence **ret_e,
		  struct diag *d)
{
	struct inquiry_conf conf = {
		.store = st, .sources = p->sources, .entities = p->entities};
	struct evidence *e = NULL;
	uint64_t stamp = 0;
	int r = yaml_walk(p->sources, stamp_file, &stamp, d);

	if (r < 0)
		return r;
	pthread_mutex_lock(&p->lock);
	if (stamp != p->stamp)
		drop(p);
	p->stamp = stamp;
	if (p->n)
		e = p->idle[--p->n];
	pthread_mutex_unlock(&p->lock);
	if (!e)
		r = evidence_open(&conf, &e, d);
	if (r < 0)
		return r;
	evidence_use(e, st, stamp);
	*ret_e = e;
	return 0;
}

void evidence_give(struct evidence_pool *p, struct evidence *e)
{
	if (!e)
		return;
	if (evidence_forget(e) == 0) {
		pthread_mutex_lock(&p->lock);
		if (p->n < IDLE_MAX && evidence_stamp(e) == p->stamp) {
			p->idle[p->n++] = e;
			e = NULL;
		}
		pthread_mutex_unlock(&p->lock);
	}
	evidence_free(e);
}
