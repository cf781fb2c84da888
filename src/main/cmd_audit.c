/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/timeutil.h"
#include "main/cmd.h"
#include "main/config.h"
#include "store/audit.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

struct options {
	const char *dir, *head;
	bool json;
	size_t limit;
};

static int take_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"store", required_argument, NULL, 's'},
		{"head", required_argument, NULL, 'H'},
		{"limit", required_argument, NULL, 'n'},
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	int64_t n;
	int opt;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (opt == 's')
			o->dir = optarg;
		else if (opt == 'H')
			o->head = optarg;
		else if (opt == 'j')
			o->json = true;
		else if (opt == 'n' && str_i64(str_of(optarg), &n) && n > 0 && n <= 1000000)
			o->limit = (size_t)n;
		else
			return usage_error(&cmd_audit, "thymus audit: see the options below");
	}
	return 0;
}

static int print_row(const struct audit_entry *e, void *arg)
{
	const struct options *o = arg;
	char when[TIME_TEXT];
	struct buf b;

	buf_init(&b, MIB);
	time_rfc3339(e->time, when);
	if (o->json) {
		buf_fmt(&b,
			"{\"seq\":%llu,\"time\":\"%s\",\"actor\":", (unsigned long long)e->seq,
			when);
		buf_json(&b, e->actor);
		buf_addz(&b, ",\"action\":");
		buf_json(&b, e->action);
		buf_addz(&b, ",\"object\":");
		buf_json(&b, e->object);
		buf_addz(&b, ",\"detail\":");
		buf_json(&b, e->detail);
		buf_fmt(&b, ",\"hash\":\"%s\"}", e->hash);
	} else {
		buf_fmt(&b, "%6llu  %s  ", (unsigned long long)e->seq, when);
		buf_safe(&b, e->actor);
		buf_addz(&b, "  ");
		buf_safe(&b, e->action);
		buf_addz(&b, "  ");
		buf_safe(&b, e->object);
		buf_addz(&b, "  ");
		buf_safe(&b, e->detail);
	}
	if (buf_err(&b) == 0)
		printf("%.*s\n", STR_ARG(buf_str(&b)));
	buf_free(&b);
	return 0;
}

static int verify(struct audit *a, const struct options *o, struct diag *d)
{
	struct audit_report r;

	if (audit_verify(a, &r, d) < 0) {
		fprintf(stderr, "thymus audit: %s\n", d->msg);
		return 1;
	}
	if (r.bad_seq) {
		printf("row %llu: %s; %llu rows before it are good\n",
		       (unsigned long long)r.bad_seq, r.why, (unsigned long long)r.rows);
		return 1;
	}
	printf("%llu rows, all good; head %s\n", (unsigned long long)r.rows, r.head);
	if (o->head && strcmp(o->head, r.head) != 0) {
		printf("but the head is not %s: rows were added, or are missing at the end\n",
		       o->head);
		return 1;
	}
	return 0;
}

static int run(int argc, char **argv)
{
	struct options o = {.dir = "thymus-store", .limit = 100};
	struct str what = str_of(argc > 0 ? argv[0] : "");
	struct audit *a = NULL;
	struct diag d = {{0}};
	int status = take_options(argc, argv, &o);

	if (status)
		return status;
	if (!str_eqz(what, "verify") && !str_eqz(what, "list"))
		return usage_error(&cmd_audit, "thymus audit: list or verify?");
	if (audit_open(o.dir, true, &a, &d) < 0) {
		fprintf(stderr, "thymus audit: %s\n", d.msg);
		return 1;
	}
	if (str_eqz(what, "verify")) {
		status = verify(a, &o, &d);
	} else if (audit_list(a, 0, STR(""), o.limit, print_row, &o, &d) < 0) {
		fprintf(stderr, "thymus audit: %s\n", d.msg);
		status = 1;
	}
	audit_close(a);
	return status;
}

const struct command cmd_audit = {
	.name = "audit",
	.run = run,
	.usage = "thymus audit list [--store DIR] [--limit N] [--json]\n"
		 "thymus audit verify [--store DIR] [--head HASH]\n"
		 "Who did what, newest first; and whether the log is as it was written.\n\n"
		 "  --head HASH  also: whether the log still ends where an earlier verify "
		 "said\n\n"
		 "example: thymus audit verify --store /var/lib/thymus\n",
	.summary = "who did what, in a chain of hashes",
};
