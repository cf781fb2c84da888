/* SPDX-License-Identifier: Apache-2.0 */
/* thymus user: who may use page and API. */
#include "base/timeutil.h"
#include "main/accounts.h"
#include "main/cmd.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

static const struct option longs[] = {
	{"store", required_argument, NULL, 's'},
	{"role", required_argument, NULL, 'r'},
	{NULL, 0, NULL, 0},
};

struct job {
	const char *dir;
	struct str verb, name, role;
	struct users *u;
	struct diag d;
};

/* One line of standard input without its end; a terminal does not show it. */
static int read_password(const char *ask, struct str *ret_p, char *line, size_t max)
{
	struct termios before, quiet;
	bool tty = tcgetattr(STDIN_FILENO, &before) == 0;
	size_t n = 0;
	char c;

	if (tty) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		fprintf(stderr, "%s: ", ask);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		if (n < max)
			line[n++] = c;
	if (tty) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	*ret_p = str_n(line, n);
	return n < max ? 0 : -E2BIG;
}

static int ask_password(struct job *j, struct str *ret_p, char *line)
{
	static char again[USERS_PASSWORD_MAX + 2];
	struct str second;
	int r = read_password("password (at least 12 characters)", ret_p, line,
			      USERS_PASSWORD_MAX + 1);

	if (r < 0)
		return diag_set(&j->d, r, "that is too long");
	if (!isatty(STDIN_FILENO))
		return 0;
	r = read_password("once more", &second, again, sizeof(again) - 1);
	return r == 0 && str_eq(*ret_p, second) ? 0 : diag_set(&j->d, -EINVAL, "they differ");
}

static int print_user(const struct user *x, void *arg)
{
	char when[TIME_TEXT];

	(void)arg;
	printf("%-20.*s %-13s %-9s %s\n", STR_ARG(x->name), users_role_name(x->role),
	       x->disabled ? "disabled" : "",
	       x->last ? time_rfc3339(x->last / NS_PER_S * NS_PER_S, when) : "never signed in");
	return 0;
}

static int change(struct job *j)
{
	static char line[USERS_PASSWORD_MAX + 2];
	struct users_change c = {.disabled = -1};
	int r = 0;

	if (str_eqz(j->verb, "passwd"))
		r = ask_password(j, &c.password, line);
	else if (str_eqz(j->verb, "disable") || str_eqz(j->verb, "enable"))
		c.disabled = str_eqz(j->verb, "disable");
	else
		c.role = users_role(j->role);
	if (r == 0 && str_eqz(j->verb, "role") && c.role == ROLE_ANYONE)
		r = diag_set(&j->d, -EINVAL, "there is no role '%.*s'", STR_ARG(j->role));
	if (r == 0 && str_eqz(j->verb, "passwd") && !c.password.len)
		r = diag_set(&j->d, -EINVAL, "a password is needed");
	if (r == 0)
		r = users_change(j->u, j->name, &c, &j->d);
	return r < 0 ? r
		     : accounts_audit(j->dir, "user.change", "user", j->name, j->verb, &j->d);
}

static int add(struct job *j)
{
	static char line[USERS_PASSWORD_MAX + 2];
	enum role role = users_role(j->role);
	struct str password;
	int r = ask_password(j, &password, line);

	if (r == 0)
		r = users_add(j->u, j->name, role, password, accounts_now(), &j->d);
	return r < 0 ? r
		     : accounts_audit(j->dir, "user.add", "user", j->name,
				      str_of(users_role_name(role)), &j->d);
}

static int act(struct job *j)
{
	int r = users_open(j->dir, &j->u, &j->d);

	if (r < 0)
		return r;
	if (str_eqz(j->verb, "list"))
		r = users_list(j->u, print_user, NULL, &j->d);
	else if (str_eqz(j->verb, "add"))
		r = add(j);
	else
		r = change(j);
	users_close(j->u);
	return r;
}

static bool verb_known(struct str verb, bool named)
{
	static const char *const verbs[] = {"add", "passwd", "disable", "enable", "role"};

	if (str_eqz(verb, "list"))
		return !named;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eqz(verb, verbs[i]))
			return named;
	return false;
}

static int run(int argc, char **argv)
{
	struct job j = {.dir = "thymus-store", .role = STR("viewer")};
	int opt, r;

	optind = 1;
	while ((opt = getopt_long(argc + 1, argv - 1, "", longs, NULL)) != -1) {
		if (opt == 's')
			j.dir = optarg;
		else if (opt == 'r')
			j.role = str_of(optarg);
		else
			return usage_error(&cmd_user, "thymus user: see the options below");
	}
	argc -= optind - 1;
	argv += optind - 1;
	j.verb = str_of(argc > 0 ? argv[0] : "");
	j.name = str_of(argc > 1 ? argv[1] : "");
	if (argc > 2 || !verb_known(j.verb, j.name.len > 0))
		return usage_error(&cmd_user, "thymus user: what, and whom?");
	r = act(&j);
	if (r < 0)
		fprintf(stderr, "thymus user: %s\n", j.d.msg[0] ? j.d.msg : err_text(r));
	return r < 0;
}

const struct command cmd_user = {
	.name = "user",
	.run = run,
	.usage = "thymus user [OPTION]... list\n"
		 "thymus user [OPTION]... add|passwd|disable|enable|role NAME\n"
		 "Who may use page and API. Passwords are read from the terminal, or from "
		 "standard input.\n"
		 "What is changed ends the user's sessions, and stands in the audit log.\n\n"
		 "  --store DIR   the store (default thymus-store)\n"
		 "  --role ROLE   viewer (default), analyst, responder, model-editor, admin, "
		 "auditor\n\n"
		 "example: thymus user add alice --role analyst --store /var/lib/thymus\n",
	.summary = "who may use the page and the API",
};
