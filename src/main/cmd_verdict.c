/* SPDX-License-Identifier: Apache-2.0 */
/* thymus verdict: what a person says of an incident; kept, and written to the audit log. */
#include "base/timeutil.h"
#include "incident/suppress.h"
#include "main/cmd.h"
#include "main/pipeline.h"
#include "store/verdict.h"
#include <getopt.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const struct option longs[] = {
	{"store", required_argument, NULL, 's'},
	{"note", required_argument, NULL, 'n'},
	{NULL, 0, NULL, 0},
};

/* What would have left the incident out; says how to accept it. */
static int propose(const char *dir, const struct judgement *j, struct diag *d)
{
	struct inquiry_conf conf;
	struct config c;
	int r = config_init(&c);

	if (r < 0)
		return r;
	pipeline_inquiry(&c, NULL, dir, &conf);
	r = suppress_propose(dir, &conf, j, d);
	config_free(&c);
	if (r > 0)
		printf("%d suppression%s proposed: thymus suppress list\n", r,
		       r == 1 ? " is" : "s are");
	return r;
}

static int keep(const char *dir, struct str id, struct str what, struct str note,
		struct diag *d)
{
	struct timespec now;
	char by[32];
	int r;
	struct judgement j = {.incident = id, .what = what, .note = note};

	clock_gettime(CLOCK_REALTIME, &now);
	j.time = (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
	snprintf(by, sizeof(by), "cli:%u", (unsigned)getuid());
	j.by = str_of(by);
	r = judge(dir, &j, d);
	if (r == 0 && suppress_fits(what))
		r = propose(dir, &j, d);
	return r;
}

static int run(int argc, char **argv)
{
	const char *dir = "thymus-store";
	struct str note = {NULL, 0};
	struct diag d = {{0}};
	struct str id, what;
	int opt, r;

	optind = 1;
	while ((opt = getopt_long(argc + 1, argv - 1, "", longs, NULL)) != -1) {
		if (opt == 's')
			dir = optarg;
		else if (opt == 'n')
			note = str_of(optarg);
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
	r = keep(dir, id, what, note, &d);
	if (r < 0)
		fprintf(stderr, "thymus verdict: %s\n", d.msg[0] ? d.msg : err_text(r));
	else
		printf("%.*s: %.*s; later questions take it into account\n", STR_ARG(id),
		       STR_ARG(what));
	return r < 0;
}

const struct command cmd_verdict = {
	.name = "verdict",
	.run = run,
	.usage = "thymus verdict [OPTION]... INCIDENT true|benign|false|test|duplicate\n"
		 "Says what an incident was. It is kept beside the store, written to the audit "
		 "log,\n"
		 "and makes the explanation that had won likelier or less likely from then "
		 "on.\n"
		 "benign, false and test also propose what need not be told again (thymus "
		 "suppress).\n\n"
		 "  --store DIR   the store (default thymus-store)\n"
		 "  --note TEXT   why\n\n"
		 "example: thymus verdict --note 'our own scanner' i188fe89608fb6361 benign\n",
	.summary = "say what an incident was",
};
