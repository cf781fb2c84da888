/* SPDX-License-Identifier: Apache-2.0 */
#include "incident/judge.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/timeutil.h"
#include "store/audit.h"
#include "store/store.h"
#include "store/verdict.h"
#include <stdio.h>

struct judged {
	const char *dir;
	struct str hypothesis; /* made in mem */
	struct arena mem;
	bool found;
};

/* The explanation that stands first in the incident's line. */
static int winner_row(const struct store_finding *f, void *arg)
{
	struct judged *o = arg;
	struct json j;
	uint32_t arr;

	o->found = true;
	if (json_scan_copy(&j, f->json, &o->mem) == 0) {
		arr = json_get(&j, 0, STR("hypotheses"));
		arr = arr && j.tok[arr].n ? json_get(&j, arr + 1, STR("name")) : 0;
		if (arr)
			o->hypothesis = arena_str(&o->mem, json_raw(&j, arr));
	}
	json_free(&j);
	return 1;
}

static int find(struct judged *o, struct str id, struct diag *d)
{
	struct store_conf sc = {.dir = o->dir, .read_only = true};
	struct store_query q = {.kind = STR("incident"), .from = TIME_NONE, .to = TIME_NONE};
	struct store *st = NULL;
	int r = store_open(&sc, &st, d);

	q.id = id;
	if (r == 0)
		r = store_findings(st, &q, winner_row, o, d);
	store_close(st);
	if (r == 0 && !o->found)
		r = diag_set(d, E_NOTFOUND, "no incident %.*s in %s", STR_ARG(id), o->dir);
	return r;
}

static int audit(const struct judged *o, const struct verdict *v, struct diag *d)
{
	struct audit_entry e = {.time = v->time, .actor = v->by, .action = STR("verdict.set")};
	struct audit *a;
	struct buf detail;
	char object[64];
	int r = audit_open(o->dir, false, &a, d);

	if (r < 0)
		return r;
	snprintf(object, sizeof(object), "incident:%.*s", STR_ARG(v->incident));
	buf_init(&detail, 32 * KIB);
	buf_addz(&detail, "{\"verdict\":");
	buf_json(&detail, v->what);
	buf_addz(&detail, ",\"note\":");
	buf_json(&detail, v->note);
	buf_addc(&detail, '}');
	e.object = str_of(object);
	e.detail = buf_str(&detail);
	r = buf_err(&detail) ? buf_err(&detail) : audit_add(a, &e, NULL, d);
	buf_free(&detail);
	audit_close(a);
	return r;
}

int judge(const char *dir, const struct judgement *said, struct diag *d)
{
	struct judged o = {.dir = dir};
	struct verdicts *all;
	struct verdict v = {.incident = said->incident,
			    .what = said->what,
			    .note = said->note,
			    .by = said->by,
			    .time = said->time};
	int r;

	arena_init(&o.mem, 0);
	r = find(&o, said->incident, d);
	v.hypothesis = o.hypothesis;
	if (r == 0)
		r = audit(&o, &v, d);
	if (r == 0)
		r = verdicts_open(dir, false, &all, d);
	if (r == 0) {
		r = verdict_put(all, &v, d);
		verdicts_close(all);
	}
	arena_free(&o.mem);
	return r;
}
