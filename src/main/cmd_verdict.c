/* SPDX-License-Identifier: Apache-2.0 */
/* thymus verdict: what a person says of an incident; kept, and written to the audit log. */
#include "base/json.h"
#include "base/timeutil.h"
#include "main/cmd.h"
#include "store/audit.h"
#include "store/store.h"
#include "store/verdict.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct options {
	const char *dir;
	struct str note;
	struct str hypothesis; /* made in mem */
	struct arena mem;
	bool found;
};

static const struct option longs[] = {
	{"store", required_argument, NULL, 's'},
	{"note", required_argument, NULL, 'n'},
	{NULL, 0, NULL, 0},
};

/* The explanation that stands first in the incident's line. */
static int winner_row(const struct store_finding *f, void *arg)
{
	struct options *o = arg;
	char *p = arena_zalloc(&o->mem, f->json.len + JSON_PAD);
	struct json j;
	uint32_t arr;

	o->found = true;
	if (!p)
		return 1;
	memcpy(p, f->json.p, f->json.len);
	json_init(&j);
	if (json_scan(&j, str_n(p, f->json.len), NULL) == 0) {
		arr = json_get(&j, 0, STR("hypotheses"));
		arr = arr && j.tok[arr].n ? json_get(&j, arr + 1, STR("name")) : 0;
		if (arr)
			o->hypothesis = arena_str(&o->mem, json_raw(&j, arr));
	}
	json_free(&j);
	return 1;
}

static int find(struct options *o, struct str id, struct diag *d)
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

static int audit(const struct options *o, const struct verdict *v, struct diag *d)
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

/* The log first: what cannot be written there is not done. */
static int keep(struct options *o, struct str id, struct str what, struct diag *d)
{
	struct timespec now;
	struct verdicts *all;
	struct verdict v = {.incident = id, .what = what, .note = o->note};
	int r = find(o, id, d);

	if (r < 0)
		return r;
	clock_gettime(CLOCK_REALTIME, &now);
	v.time = (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
	v.by = arena_fmt(&o->mem, "cli:%u", (unsigned)getuid());
	v.hypothesis = o->hypothesis;
	r = audit(o, &v, d);
	if (r == 0)
		r = verdicts_open(o->dir, false, &all, d);
	if (r < 0)
		return r;
	r = verdict_put(all, &v, d);
	verdicts_close(all);
	return r;
}

static int run(int argc, char **argv)
{
	struct options o = {.dir = "thymus-store"};
	struct diag d = {{0}};
	struct str id, what;
	int opt, r;

	optind = 1;
	while ((opt = getopt_long(argc + 1, argv - 1, "", longs, NULL)) != -1) {
		if (opt == 's')
			o.dir = optarg;
		else if (opt == 'n')
			o.note = str_of(optarg);
		else
			return usage_error(&cmd_verdict,
					   "thymus verdict: see the options below");
	}
	if (optind != argc - 1)
		return usage_error(&cmd_verdict, "thymus verdict: which incident, and what?");
	id = str_of(argv[optind - 1]);
	what = str_of(argv[optind]);
	if (!verdict_known(what))
		return usage_error(&cmd_verdict, "thymus verdict: no such verdict");
	arena_init(&o.mem, 0);
	r = keep(&o, id, what, &d);
	if (r < 0)
		fprintf(stderr, "thymus verdict: %s\n", d.msg[0] ? d.msg : err_text(r));
	else
		printf("%.*s: %.*s; later questions take it into account\n", STR_ARG(id),
		       STR_ARG(what));
	arena_free(&o.mem);
	return r < 0;
}

const struct command cmd_verdict = {
	.name = "verdict",
	.run = run,
	.usage = "thymus verdict [OPTION]... INCIDENT true|benign|false|test|duplicate\n"
		 "Says what an incident was. It is kept beside the store, written to the audit "
		 "log,\n"
		 "and makes the explanation that had won likelier or less likely from then "
		 "on.\n\n"
		 "  --store DIR   the store (default thymus-store)\n"
		 "  --note TEXT   why\n\n"
		 "example: thymus verdict --note 'our own scanner' i188fe89608fb6361 benign\n",
	.summary = "say what an incident was",
};
