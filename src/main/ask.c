/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a run: questions about what was found, asked of what was stored. */
#include "base/timeutil.h"
#include "incident/inquiry.h"
#include "main/pipeline.h"
#include <errno.h>

#define ASKED_MAX 200 /* incidents of one run; the others on demand */

struct todo {
	struct arena mem;
	struct str id[ASKED_MAX], line[ASKED_MAX];
	size_t n;
};

static int row(const struct store_finding *f, void *arg)
{
	struct todo *t = arg;

	t->id[t->n] = arena_str(&t->mem, f->id);
	t->line[t->n] = arena_str(&t->mem, f->json);
	if (!t->id[t->n].p || !t->line[t->n].p)
		return -ENOMEM;
	return ++t->n == ASKED_MAX;
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

static int ask_one(struct pipeline *p, struct inquiry *q, struct str id, struct str line,
		   struct diag *d)
{
	struct inquiry_result res;
	struct buf out;
	int r;

	buf_init(&out, 32 * MIB);
	r = inquiry_incident(q, line, &out, &res, d);
	if (r == 0)
		r = store_finding_rate(p->store, STR("incident"), id, res.severity, res.score,
				       buf_str(&out), d);
	if (r == 0 && !p->ocsf)
		r = pipeline_line(p, buf_str(&out));
	if (r == 0) {
		p->asked.incidents++;
		p->asked.answers += res.asked;
		p->asked.yes += res.yes;
	}
	buf_free(&out);
	return r;
}

int pipeline_ask(struct pipeline *p, struct config *c, struct diag *d)
{
	struct store_query sq = {.kind = STR("incident"), .from = TIME_NONE, .to = TIME_NONE};
	struct inquiry_conf conf;
	struct inquiry *q = NULL;
	struct todo t = {.n = 0};
	int64_t t0 = time_wall();
	int r;

	if (!p->store)
		return 0;
	arena_init(&t.mem, 0);
	sq.queue = STR("threat");
	sq.limit = ASKED_MAX;
	r = store_findings(p->store, &sq, row, &t, d);
	if (r == 0 && t.n) {
		pipeline_inquiry(c, p->store, arena_strz(&c->mem, c->store_dir), &conf);
		r = conf.questions && conf.sources ? inquiry_open(&conf, &q, d) : -ENOMEM;
	}
	for (size_t i = 0; r == 0 && i < t.n; i++)
		r = ask_one(p, q, t.id[i], t.line[i], d);
	inquiry_free(q);
	arena_free(&t.mem);
	if (r == 0)
		r = store_sync(p->store, d);
	p->asked.ns = time_wall() - t0;
	return r;
}
