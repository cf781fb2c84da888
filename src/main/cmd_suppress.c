/* SPDX-License-Identifier: Apache-2.0 */
/* thymus suppress: what need not be told again; proposed by verdicts, accepted by a person. */
#include "base/timeutil.h"
#include "incident/suppress.h"
#include "main/cmd.h"
#include <getopt.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const struct option longs[] = {
	{"store", required_argument, NULL, 's'},
	{"until", required_argument, NULL, 'u'},
	{NULL, 0, NULL, 0},
};

struct listing {
	struct buf b;
	int64_t now;
	size_t n;
};

static void part(struct buf *b, const char *word, struct str s)
{
	if (!s.len)
		return;
	buf_fmt(b, "  %s ", word);
	buf_safe(b, s);
	buf_addc(b, '\n');
}

static int print_row(const struct suppress_row *r, void *arg)
{
	struct listing *l = arg;
	struct buf *b = &l->b;
	char when[TIME_TEXT], day[40];
	int64_t end;

	buf_clear(b);
	snprintf(day, sizeof(day), "%.*sT00:00:00", (int)MIN(r->until.len, (size_t)20),
		 r->until.p ? r->until.p : "");
	buf_safe(b, r->id);
	buf_addz(b, r->accepted ? "  applied" : "  proposed");
	if (r->accepted && time_parse(str_of(day), &end) && end <= l->now)
		buf_addz(b, ", over");
	if (r->until.len)
		buf_fmt(b, " until %.*s", STR_ARG(r->until));
	if (r->accepted)
		buf_fmt(b, ", left out %llu in the last run", (unsigned long long)r->count);
	if (r->last != TIME_NONE)
		buf_fmt(b, ", last %s", time_rfc3339(r->last, when));
	buf_addc(b, '\n');
	part(b, "like", r->title);
	part(b, "of", r->rules);
	part(b, "on", r->entities);
	part(b, "by", r->by);
	part(b, "for incident", r->incident);
	part(b, "in", r->file);
	fwrite(b->p, 1, b->len, stdout);
	l->n++;
	return buf_err(b);
}

static int list(const char *dir, int64_t now, struct diag *d)
{
	struct listing l = {.now = now};
	int r;

	buf_init(&l.b, MIB);
	r = suppress_list(dir, print_row, &l, d);
	if (r == 0 && !l.n)
		printf("nothing is left out, and nothing proposed\n");
	buf_free(&l.b);
	return r;
}

static int64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int run(int argc, char **argv)
{
	const char *dir = "thymus-store";
	struct suppress_act a = {.time = clock_now()};
	struct diag d = {{0}};
	struct str what;
	char by[32];
	int opt, r;

	snprintf(by, sizeof(by), "cli:%u", (unsigned)getuid());
	a.by = str_of(by);
	optind = 1;
	while ((opt = getopt_long(argc + 1, argv - 1, "", longs, NULL)) != -1) {
		if (opt == 's')
			dir = optarg;
		else if (opt == 'u')
			a.until = str_of(optarg);
		else
			return usage_error(&cmd_suppress,
					   "thymus suppress: see the options below");
	}
	what = str_of(optind <= argc ? argv[optind - 1] : "list");
	a.id = str_of(optind < argc ? argv[optind] : "");
	if (str_eqz(what, "list"))
		r = list(dir, a.time, &d);
	else if (str_eqz(what, "accept") && a.id.len)
		r = suppress_accept(dir, &a, &d);
	else if (str_eqz(what, "drop") && a.id.len)
		r = suppress_drop(dir, &a, &d);
	else
		return usage_error(&cmd_suppress,
				   "thymus suppress: list, accept ID or drop ID?");
	if (r < 0)
		fprintf(stderr, "thymus suppress: %s\n", d.msg[0] ? d.msg : err_text(r));
	else if (!str_eqz(what, "list"))
		printf("%.*s: %s; the next replay, run or reload goes by it\n", STR_ARG(a.id),
		       str_eqz(what, "accept") ? "applied" : "dropped");
	return r < 0;
}

const struct command cmd_suppress = {
	.name = "suppress",
	.run = run,
	.usage = "thymus suppress [list] [--store DIR]\n"
		 "thymus suppress accept ID [--until DATE] [--store DIR]\n"
		 "thymus suppress drop ID [--store DIR]\n"
		 "What need not be told again. `thymus verdict ID benign` proposes Sigma "
		 "filters "
		 "with scope\n"
		 "and end in DIR/proposed; accepted ones lie in DIR/suppress, may be edited, "
		 "and "
		 "are applied\n"
		 "by replay and run until they end. Everything stands in the audit log.\n\n"
		 "example: thymus suppress accept s0123456789abcdef --until 2027-01-31\n",
	.summary = "list, accept or drop what need not be told again",
};
