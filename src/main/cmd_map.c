/* SPDX-License-Identifier: Apache-2.0 */
/* thymus map: who has to do with whom, now or at any past moment. */
#include "atlas/atlas.h"
#include "base/timeutil.h"
#include "main/cmd.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#define NAMES_MAX  32
#define WITHIN_MAX (366 * 24 * NS_PER_H)

struct map_cmd {
	const char *store;
	struct chart_query q;
	int form;
	bool weak;
	struct str names[NAMES_MAX];
	struct arena mem;
	struct diag d;
};

enum {
	OPT_WEAK = 255,
	OPT_STORE,
	OPT_AT,
	OPT_WITHIN,
	OPT_HOPS,
	OPT_EACH,
	OPT_LIMIT,
	OPT_FORMAT
};

static const struct option longs[] = {
	{"store", required_argument, NULL, OPT_STORE},
	{"at", required_argument, NULL, OPT_AT},
	{"within", required_argument, NULL, OPT_WITHIN},
	{"hops", required_argument, NULL, OPT_HOPS},
	{"each", required_argument, NULL, OPT_EACH},
	{"limit", required_argument, NULL, OPT_LIMIT},
	{"weak", no_argument, NULL, OPT_WEAK},
	{"format", required_argument, NULL, OPT_FORMAT},
	{NULL, 0, NULL, 0},
};

static int take_number(struct str v, int64_t max, int64_t *ret_n)
{
	if (str_i64(v, ret_n) && *ret_n >= 1 && *ret_n <= max)
		return 0;
	return usage_error(&cmd_map, "a number from 1 to %lld is wanted", (long long)max);
}

static int take_option(struct map_cmd *x, int opt)
{
	struct str v = str_of(optarg);
	int64_t n = 0;
	int status;

	switch (opt) {
	case OPT_STORE:
		x->store = optarg;
		return 0;
	case OPT_AT:
		return time_parse(v, &x->q.at) ? 0
					       : usage_error(&cmd_map, "--at wants RFC 3339");
	case OPT_WITHIN:
		return time_parse_span(v, WITHIN_MAX, &x->q.within)
			       ? 0
			       : usage_error(&cmd_map, "--within wants a span such as 24h");
	case OPT_HOPS:
		status = take_number(v, 3, &n);
		x->q.hops = (unsigned)n;
		return status;
	case OPT_EACH:
		status = take_number(v, 500, &n);
		x->q.each = (size_t)n;
		return status;
	case OPT_LIMIT:
		status = take_number(v, CHART_PLACES_MAX, &n);
		x->q.limit = (size_t)n;
		return status;
	case OPT_WEAK:
		x->weak = true;
		return 0;
	case OPT_FORMAT:
		x->form = chart_form_of(v);
		return x->form >= 0
			       ? 0
			       : usage_error(&cmd_map, "--format is text, json or graphml");
	default:
		return usage_error(&cmd_map, "thymus map: see the options below");
	}
}

/* All names of one entity: the map has the one that it had last. */
static int resolve(struct map_cmd *x, struct str what)
{
	struct store_conf sc = {.dir = x->store, .read_only = true};
	struct store *st = NULL;
	int r = store_open(&sc, &st, &x->d);

	x->q.names = x->names;
	if (r == 0)
		r = chart_names(st, what, &x->mem, x->names, NAMES_MAX, &x->q.nnames, &x->d);
	store_close(st);
	return r;
}

static int show(struct map_cmd *x)
{
	struct chart *c = NULL;
	struct buf out;
	int r = chart_open(x->store, &c, &x->d);

	buf_init(&out, 64 * MIB);
	if (r == 0)
		r = (x->weak ? chart_weak : chart_draw)(c, &x->q, (enum chart_form)x->form,
							&out, &x->d);
	if (r == 0)
		fwrite(out.p ? out.p : "", 1, out.len, stdout);
	if (r == 0 && x->form == CHART_JSON)
		putchar('\n');
	buf_free(&out);
	chart_close(c);
	return r;
}

static int run(int argc, char **argv)
{
	struct map_cmd x = {.store = "thymus-store", .q = {.at = TIME_NONE}};
	int opt, status = 0, r = 0;

	optind = 1;
	while (!status && (opt = getopt_long(argc + 1, argv - 1, "", longs, NULL)) != -1)
		status = take_option(&x, opt);
	if (status)
		return status;
	arena_init(&x.mem, 16 * MIB);
	if (optind <= argc)
		r = resolve(&x, str_of(argv[optind - 1]));
	if (r == 0)
		r = show(&x);
	if (r < 0)
		fprintf(stderr, "thymus map: %s\n", x.d.msg[0] ? x.d.msg : err_text(r));
	arena_free(&x.mem);
	return r < 0;
}

const struct command cmd_map = {
	.name = "map",
	.run = run,
	.usage =
		"thymus map [OPTION]... [ENTITY]\n"
		"Who has to do with whom, from the events alone: of one entity outwards, the "
		"rarest ties\n"
		"first; without one how many there are of each kind, what the internet "
		"reaches, "
		"and who\n"
		"may become whom.\n\n"
		"  --store DIR      the store (default thymus-store)\n"
		"  --at TIME        as it was then (RFC 3339; default: when it was seen last)\n"
		"  --within SPAN    ties in use so long before (default 24h)\n"
		"  --hops N         so many ties outwards, 1 to 3 (default 1)\n"
		"  --each N         ties of one place (default 20)\n"
		"  --limit N        places in all (default 200)\n"
		"  --weak           what could go wrong there instead: open buckets, old "
		"protocols ...\n"
		"  --format FORM    text, json or graphml\n\n"
		"example: thymus map --at 2026-05-10T09:00:00Z --hops 2 web01\n",
	.summary = "show who has to do with whom, now or at a past moment",
};
