/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a run: questions about what was found, asked of what was stored. Each incident is
 * asked about by itself, so several threads may share them out; what they say is written in
 * order afterwards.
 */
#include "base/timeutil.h"
#include "incident/inquiry.h"
#include "main/pipeline.h"
#include "parse/pool.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define ASKED_MAX    200 /* incidents of one run; the others on demand */
#define BREACHES_MAX 50	 /* of them, at most, of the compliance queue */
#define ASKERS_MAX   4	 /* each has unpacked blocks and histories of its own */
#define ANSWERS_MAX  (32 * MIB)

struct matter {
	struct str id, line;
	struct buf out; /* the line with its answers */
	struct inquiry_result res;
};

struct todo {
	struct arena mem;
	struct matter v[ASKED_MAX];
	size_t n, max;
	atomic_size_t next;
};

/* Who takes one incident after the other until none is left. */
struct asker {
	struct job job; /* first */
	struct todo *todo;
	struct inquiry_conf conf;
	struct store_conf store;
	int err;
	struct diag d;
};

static int row(const struct store_finding *f, void *arg)
{
	struct todo *t = arg;
	struct matter *m = &t->v[t->n];

	if (t->n == t->max)
		return 1;
	m->id = arena_str(&t->mem, f->id);
	m->line = arena_str(&t->mem, f->json);
	buf_init(&m->out, ANSWERS_MAX);
	if (!m->id.p || !m->line.p)
		return -ENOMEM;
	t->n++;
	return 0;
}

/* The worst of a queue, until there are max in all. */
static int take(struct pipeline *p, struct todo *t, struct str queue, size_t max,
		struct diag *d)
{
	struct store_query sq = {.kind = STR("incident"),
				 .queue = queue,
				 .from = TIME_NONE,
				 .to = TIME_NONE,
				 .limit = max};

	t->max = max;
	return store_findings(p->store, &sq, row, t, d);
}

void pipeline_inquiry(struct config *c, struct store *st, const char *dir,
		      struct inquiry_conf *ret_conf)
{
	*ret_conf = (struct inquiry_conf){.store = st,
					  .dir = dir,
					  .questions = config_share(c, "questions"),
					  .sources = config_share(c, "sources"),
					  .entities = {.networks = c->networks.v,
						       .nnetworks = c->networks.n,
						       .domains = c->domains.v,
						       .ndomains = c->domains.n}};
}

static void job_ask(struct job *j)
{
	struct asker *a = (struct asker *)j;
	struct inquiry *q = NULL;
	struct store *st = NULL;
	size_t i;

	a->err = store_open(&a->store, &st, &a->d);
	a->conf.store = st;
	if (a->err == 0)
		a->err = inquiry_open(&a->conf, &q, &a->d);
	while (a->err == 0 && (i = atomic_fetch_add(&a->todo->next, 1)) < a->todo->n) {
		struct matter *m = &a->todo->v[i];

		a->err = inquiry_incident(q, m->line, &m->out, &m->res, &a->d);
	}
	inquiry_free(q);
	store_close(st);
}

/* All of them, by this thread and as many more as decode. */
static int ask_all(struct config *c, struct todo *t, struct diag *d)
{
	size_t n = MIN((size_t)c->threads + 1, MIN(t->n, (size_t)ASKERS_MAX));
	const char *dir = arena_strz(&c->mem, c->store_dir);
	struct store_index *index = dir ? store_index_new(dir) : NULL;
	struct asker a[ASKERS_MAX] = {0};
	struct pool *pool = NULL;
	int r = index ? pool_new(n > 1 ? (unsigned)n - 1 : 0, &pool) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++) {
		a[i].job.run = job_ask;
		a[i].todo = t;
		a[i].store = (struct store_conf){.dir = dir, .read_only = true, .index = index};
		pipeline_inquiry(c, NULL, dir, &a[i].conf);
		if (!a[i].conf.questions || !a[i].conf.sources)
			r = -ENOMEM;
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		pool_submit(pool, &a[i].job);
	/* The last one here: it is taken up by whoever waits. */
	for (size_t i = n; r == 0 && i-- > 0;)
		pool_wait(pool, &a[i].job);
	pool_free(pool);
	store_index_free(index);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (a[i].err < 0)
			r = diag_set(d, a[i].err, "%s", a[i].d.msg);
	return r;
}

static int write_one(struct pipeline *p, const struct matter *m, struct diag *d)
{
	int r = store_finding_rate(p->store, STR("incident"), m->id, m->res.severity,
				   m->res.score, buf_str(&m->out), d);

	if (r == 0 && !p->ocsf)
		r = pipeline_line(p, buf_str(&m->out));
	if (r == 0) {
		p->asked.incidents++;
		p->asked.answers += m->res.asked;
		p->asked.yes += m->res.yes;
	}
	return r;
}

int pipeline_ask(struct pipeline *p, struct config *c, struct diag *d)
{
	int64_t t0 = time_wall();
	struct todo *t;
	int r;

	if (!p->store)
		return 0;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	arena_init(&t->mem, 0);
	r = take(p, t, STR("threat"), ASKED_MAX - BREACHES_MAX, d);
	if (r == 0)
		r = take(p, t, STR("compliance"), t->n + BREACHES_MAX, d);
	if (r == 0)
		r = ask_all(c, t, d);
	for (size_t i = 0; r == 0 && i < t->n; i++)
		r = write_one(p, &t->v[i], d);
	for (size_t i = 0; i < t->n; i++)
		buf_free(&t->v[i].out);
	arena_free(&t->mem);
	free(t);
	if (r == 0)
		r = store_sync(p->store, d);
	p->asked.ns = time_wall() - t0;
	return r;
}
