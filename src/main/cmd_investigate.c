/* SPDX-License-Identifier: Apache-2.0 */
/* thymus investigate: the analyst's questions on demand, of an incident or of any entity. */
#include "base/timeutil.h"
#include "incident/inquiry.h"
#include "incident/render.h"
#include "main/cmd.h"
#include "main/pipeline.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

struct investigate {
	struct config conf;
	const char *store;
	struct str what, question, format;
	int64_t around, span;
	struct buf line;
	struct diag d;
};

enum { OPT_STORE = 256, OPT_AROUND, OPT_SPAN, OPT_QUESTION, OPT_FORMAT, OPT_CONFIG };

static const struct option longs[] = {
	{"store", required_argument, NULL, OPT_STORE},
	{"around", required_argument, NULL, OPT_AROUND},
	{"within", required_argument, NULL, OPT_SPAN},
	{"question", required_argument, NULL, OPT_QUESTION},
	{"format", required_argument, NULL, OPT_FORMAT},
	{"config", required_argument, NULL, OPT_CONFIG},
	{NULL, 0, NULL, 0},
};

static int take_option(struct investigate *x, int opt)
{
	const struct command *c = &cmd_investigate;

	switch (opt) {
	case OPT_STORE:
		x->store = optarg;
		return 0;
	case OPT_AROUND:
		return time_parse(str_of(optarg), &x->around)
			       ? 0
			       : usage_error(c, "--around wants RFC 3339");
	case OPT_SPAN:
		return time_parse_span(str_of(optarg), 31 * 24 * NS_PER_H, &x->span)
			       ? 0
			       : usage_error(c, "--within wants a span such as 1h");
	case OPT_QUESTION:
		x->question = str_of(optarg);
		return 0;
	case OPT_FORMAT:
		x->format = str_of(optarg);
		return render_known(x->format)
			       ? 0
			       : usage_error(c, "--format is one of " RENDER_FORMS);
	case OPT_CONFIG:
		if (config_load(&x->conf, optarg, &x->d) == 0)
			return 0;
		fprintf(stderr, "%s\n", x->d.msg);
		return 2;
	default:
		return usage_error(c, "thymus investigate: see the options below");
	}
}

static int keep_line(const struct store_finding *f, void *arg)
{
	struct buf *b = arg;

	buf_clear(b);
	buf_add(b, f->json);
	return 1;
}

/* The line of an incident of that id, else nothing. */
static int incident_line(struct investigate *x, struct store *st)
{
	struct store_query q = {.kind = STR("incident"), .from = TIME_NONE, .to = TIME_NONE};

	q.id = x->what;
	return store_findings(st, &q, keep_line, &x->line, &x->d);
}

static int ask(struct investigate *x, struct inquiry *q, struct buf *out)
{
	struct inquiry_result res;

	if (x->line.len && x->question.len)
		return inquiry_one(q, x->question, buf_str(&x->line), out, &x->d);
	if (x->line.len)
		return inquiry_incident(q, buf_str(&x->line), out, &res, &x->d);
	return inquiry_entity(q, x->what, x->around, x->span, out, &res, &x->d);
}

static int investigate(struct investigate *x)
{
	struct store_conf sc = {.dir = x->store, .read_only = true};
	struct store *st = NULL;
	struct inquiry *q = NULL;
	struct inquiry_conf conf;
	struct buf out, text;
	int r = store_open(&sc, &st, &x->d);

	buf_init(&out, 32 * MIB);
	buf_init(&text, 32 * MIB);
	if (r == 0)
		r = incident_line(x, st);
	if (r == 0 && !x->line.len && x->around == TIME_NONE)
		r = diag_set(&x->d, E_NOTFOUND,
			     "no incident %.*s; of an entity say --around when",
			     STR_ARG(x->what));
	if (r == 0) {
		pipeline_inquiry(&x->conf, st, x->store, &conf);
		r = conf.questions && conf.sources ? inquiry_open(&conf, &q, &x->d) : -1;
	}
	if (r == 0)
		r = ask(x, q, &out);
	if (r == 0)
		r = render(x->format, buf_str(&out), THYMUS_VERSION, &text);
	if (r == 0)
		fwrite(text.p, 1, text.len, stdout);
	inquiry_free(q);
	store_close(st);
	buf_free(&out);
	buf_free(&text);
	return r;
}

static int run(int argc, char **argv)
{
	struct investigate *x = calloc(1, sizeof(*x));
	int opt, status = 0;

	if (!x || config_init(&x->conf) < 0) {
		free(x);
		return 1;
	}
	x->store = "thymus-store";
	x->around = TIME_NONE;
	x->span = NS_PER_H;
	x->format = STR("text");
	buf_init(&x->line, 32 * MIB);
	optind = 1;
	while (!status && (opt = getopt_long(argc + 1, argv - 1, "", longs, NULL)) != -1)
		status = take_option(x, opt);
	x->what = str_of(optind <= argc ? argv[optind - 1] : NULL);
	if (!status && !x->what.len)
		status = usage_error(&cmd_investigate, "thymus investigate: what?");
	if (!status) {
		int r = investigate(x);

		if (r < 0)
			fprintf(stderr, "thymus investigate: %s\n",
				x->d.msg[0] ? x->d.msg : err_text(r));
		status = r < 0;
	}
	buf_free(&x->line);
	config_free(&x->conf);
	free(x);
	return status;
}

const struct command cmd_investigate = {
	.name = "investigate",
	.run = run,
	.usage = "thymus investigate [OPTION]... ENTITY --around TIME\n"
		 "thymus investigate [OPTION]... INCIDENT\n"
		 "Asks the questions of questions/ of stored history: about an entity around a "
		 "moment,\n"
		 "without any alert, or about an incident once more.\n\n"
		 "  --store DIR      the store (default thymus-store)\n"
		 "  --around TIME    RFC 3339\n"
		 "  --within SPAN    so long before and after it (default 1h)\n"
		 "  --question ID    this one alone (incidents)\n"
		 "  --format FORM    " RENDER_FORMS "\n"
		 "  --config FILE    configuration (networks and domains of the "
		 "organisation)\n\n"
		 "example: thymus investigate web01 --around 2026-05-10T09:26:00Z\n",
	.summary = "ask the analyst's questions about an entity or an incident",
};
