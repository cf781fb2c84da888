/* SPDX-License-Identifier: Apache-2.0 */
/* thymus token: secrets by which programs use the API. */
#include "base/timeutil.h"
#include "main/accounts.h"
#include "main/cmd.h"
#include <getopt.h>
#include <stdio.h>

static const struct option longs[] = {
	{"store", required_argument, NULL, 's'},
	{"role", required_argument, NULL, 'r'},
	{"days", required_argument, NULL, 'd'},
	{NULL, 0, NULL, 0},
};

static int print_token(const struct token *t, void *arg)
{
	char when[TIME_TEXT];

	(void)arg;
	printf("%-20.*s %-13s until %s  %.*s\n", STR_ARG(t->name), users_role_name(t->role),
	       time_rfc3339(t->expires / NS_PER_S * NS_PER_S, when), STR_ARG(t->owner));
	return 0;
}

static int add(struct users *u, const char *dir, const struct token *t, struct diag *d)
{
	char secret[USERS_SECRET];
	int r = users_token_new(u, t, secret, d);

	if (r == 0)
		r = accounts_audit(dir, "token.add", "token", t->name,
				   str_of(users_role_name(t->role)), d);
	if (r == 0)
		printf("%s\n", secret);
	return r;
}

static int act(const char *dir, struct str verb, const struct token *t, struct diag *d)
{
	struct users *u = NULL;
	int r = users_open(dir, &u, d);

	if (r < 0)
		return r;
	if (str_eqz(verb, "list")) {
		r = users_token_list(u, print_token, NULL, d);
	} else if (str_eqz(verb, "add")) {
		r = add(u, dir, t, d);
	} else {
		r = users_token_revoke(u, t->name, d);
		if (r == E_NOTFOUND)
			diag_set(d, r, "there is no token %.*s", STR_ARG(t->name));
		if (r == 0)
			r = accounts_audit(dir, "token.revoke", "token", t->name, STR(""), d);
	}
	users_close(u);
	return r;
}

static int run(int argc, char **argv)
{
	struct token t = {.role = ROLE_VIEWER, .made = accounts_now()};
	const char *dir = "thymus-store";
	struct diag d = {{0}};
	struct str verb;
	int64_t days = 90;
	int opt, r;

	optind = 1;
	while ((opt = getopt_long(argc + 1, argv - 1, "", longs, NULL)) != -1) {
		if (opt == 's')
			dir = optarg;
		else if (opt == 'r')
			t.role = users_role(str_of(optarg));
		else if (opt != 'd' || !str_i64(str_of(optarg), &days) || days < 1 ||
			 days > 3660)
			return usage_error(&cmd_token, "thymus token: see the options below");
	}
	argc -= optind - 1;
	argv += optind - 1;
	t.expires = t.made + days * NS_PER_D;
	verb = str_of(argc > 0 ? argv[0] : "");
	t.name = str_of(argc > 1 ? argv[1] : "");
	if (argc > 2 || !(str_eqz(verb, "list") ? argc == 1
						: argc == 2 && (str_eqz(verb, "add") ||
								str_eqz(verb, "revoke"))))
		return usage_error(&cmd_token, "thymus token: what, and which?");
	r = act(dir, verb, &t, &d);
	if (r < 0)
		fprintf(stderr, "thymus token: %s\n", d.msg[0] ? d.msg : err_text(r));
	return r < 0;
}

const struct command cmd_token = {
	.name = "token",
	.run = run,
	.usage = "thymus token [OPTION]... list\n"
		 "thymus token [OPTION]... add|revoke NAME\n"
		 "Secrets by which programs use the API (Authorization: Bearer). add prints "
		 "one, "
		 "this once.\n\n"
		 "  --store DIR   the store (default thymus-store)\n"
		 "  --role ROLE   what it may do: sensor (send records in), viewer (default), "
		 "analyst,\n"
		 "                responder, model-editor, admin, auditor\n"
		 "  --days N      it ends after so many (default 90)\n\n"
		 "example: thymus token add fluentbit --role sensor --store /var/lib/thymus\n",
	.summary = "secrets by which programs use the API",
};
