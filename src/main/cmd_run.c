/* SPDX-License-Identifier: Apache-2.0 */
/* thymus run: the daemon. */
#include "base/log.h"
#include "main/cmd.h"
#include "main/confine.h"
#include "main/run.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t stop, again;

/* clang-format off */
static const struct option longs[] = {
	{"config", required_argument, NULL, 'c'},
	{"store", required_argument, NULL, 's'},
	{"findings", required_argument, NULL, 'f'},
	{"listen", required_argument, NULL, 'l'},
	{"no-listen", no_argument, NULL, 'L'},
	{"no-auth", no_argument, NULL, 'A'},
	{"syslog", required_argument, NULL, 'y'},
	{"capture", required_argument, NULL, 'i'},
	{"tls", no_argument, NULL, 'T'},
	{NULL, 0, NULL, 0},
};
/* clang-format on */

static void on_signal(int sig)
{
	if (sig == SIGHUP)
		again = 1;
	else if (stop)
		_Exit(1); /* asked twice */
	else
		stop = 1;
}

/* Blocked but while waiting, so that none is missed between the check and the wait. */
static void signals(void)
{
	static const int all[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		sigaction(all[i], &sa, NULL);
		sigaddset(&set, all[i]);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void add_syslog(struct config *c, const char *where)
{
	if (c->syslog_udp.n < CONFIG_LIST_MAX)
		c->syslog_udp.v[c->syslog_udp.n++] = where;
	if (c->syslog_tcp.n < CONFIG_LIST_MAX)
		c->syslog_tcp.v[c->syslog_tcp.n++] = where;
}

static int take_options(struct run *r, int argc, char **argv)
{
	const char *store = NULL;
	int opt;

	optind = 1;
	while ((opt = getopt_long(argc + 1, argv - 1, "", longs, NULL)) != -1) {
		if (opt == 'c')
			r->config_file = optarg;
		else if (opt == 's')
			store = optarg;
		else if (opt == 'f')
			r->findings_file = optarg;
		else if (opt == 'l')
			r->listen = optarg;
		else if (opt == 'y')
			add_syslog(r->conf, optarg);
		else if (opt == 'i' && r->conf->capture.n < CONFIG_LIST_MAX)
			r->conf->capture.v[r->conf->capture.n++] = optarg;
		else if (opt == 'A')
			r->no_auth = true;
		else if (opt == 'T')
			r->tls = true;
		else if (opt == 'L')
			r->listen = NULL;
		else
			return usage_error(&cmd_run, "thymus run: see the options below");
	}
	if (r->config_file && config_load(r->conf, r->config_file, &r->diag) < 0) {
		fprintf(stderr, "%s\n", r->diag.msg);
		return 2;
	}
	r->dir = str_dup(store ? str_of(store) : r->conf->store_dir);
	return r->dir ? 0 : 1;
}

/* Those of the command line and those of the configuration; they outlive a reload. */
static const char **all_paths(struct run *r, int argc, char **argv)
{
	size_t given = (size_t)(argc + 1 - optind), n = 0;
	const char **v = calloc(given + r->conf->inputs.n + 1, sizeof(*v));

	if (!v)
		return NULL;
	for (size_t i = 0; i < given; i++) {
		const char *path = (argv - 1)[(size_t)optind + i];

		if (strcmp(path, "-") == 0)
			r->stdin_too = true;
		else
			v[n++] = str_dup(str_of(path));
	}
	for (size_t i = 0; i < r->conf->inputs.n; i++)
		v[n++] = str_dup(str_of(r->conf->inputs.v[i]));
	for (size_t i = 0; i < n; i++)
		if (!v[i])
			return NULL;
	r->paths = v;
	r->npaths = n;
	return v;
}

static int daemon_run(struct run *r)
{
	struct confine x = {.store = r->dir,
			    .listen = r->listen,
			    .config_file = r->config_file,
			    .findings_file = r->findings_file,
			    .inputs = r->paths,
			    .ninputs = r->npaths,
			    .takes = true};
	int e = confine_files(r->conf, &x, &r->diag);

	if (e < 0) {
		log_line(LOG_ERROR, "%s", r->diag.msg);
		return 1;
	}
	e = run_open(r);
	if (e == 0)
		e = confine_calls(r->conf, &r->diag);
	signals();
	if (e == 0) {
		log_line(LOG_INFO, "%s", confine_told());
		log_line(LOG_INFO, "following %zu paths, store %s", r->npaths, r->dir);
		e = run_loop(r, &stop, &again);
	}
	if (e < 0 && !r->diag.msg[0])
		diag_set(&r->diag, e, "%s", err_text(e));
	e = run_close(r, e);
	if (e < 0)
		log_line(LOG_ERROR, "%s", r->diag.msg);
	return e < 0;
}

static int run(int argc, char **argv)
{
	struct config *c = calloc(1, sizeof(*c));
	struct run *r = calloc(1, sizeof(*r));
	const char **paths = NULL;
	int status = 1;

	if (c && r && config_init(c) == 0) {
		r->conf = c;
		r->listen = "127.0.0.1:8765";
		status = take_options(r, argc, argv);
	}
	if (status == 0) {
		paths = all_paths(r, argc, argv);
		if (!paths)
			status = 1;
		else if (!r->npaths && !r->stdin_too && !c->syslog_udp.n && !c->syslog_tcp.n &&
			 !c->syslog_tls.n && !c->capture.n && !r->listen)
			status = usage_error(&cmd_run, "thymus run: nothing to read");
		else
			status = daemon_run(r);
	}
	for (size_t i = 0; paths && i < r->npaths; i++)
		free((char *)(uintptr_t)paths[i]);
	free(paths);
	if (c)
		config_free(c);
	free(c);
	if (r)
		free((char *)(uintptr_t)r->dir);
	free(r);
	return status;
}

const struct command cmd_run = {
	.name = "run",
	.run = run,
	.usage =
		"thymus run [OPTION]... [PATH]...\n"
		"Follows files and folders as they grow (rotated, truncated, compressed, "
		"late), "
		"learns, and\n"
		"tells what happens. What it has learned, and where it was in each file, is "
		"kept "
		"in the\n"
		"store: started again, it goes on there.\n\n"
		"  --store DIR      keep events and findings there (default thymus-store)\n"
		"  --listen A:P     page and API (default 127.0.0.1:8765: this machine only)\n"
		"  --no-listen      neither\n"
		"  --tls            TLS on an address of this machine too; elsewhere it always "
		"is\n"
		"  --no-auth        nobody signs in; only on an address of this machine\n"
		"  --syslog A:P     take syslog there, over UDP and TCP (may be given again)\n"
		"  --capture NAME   read the packets of this interface (may be given again); "
		"needs CAP_NET_RAW\n"
		"  --findings FILE  also append alerts and incidents as JSON lines\n"
		"  --config FILE    configuration (thymus config options); read again on "
		"SIGHUP\n\n"
		"SIGTERM: ends after everything is kept.\n\n"
		"example: thymus run --store /var/lib/thymus /var/log/zeek /var/log/auth.log\n",
	.summary = "the daemon: follow logs as they grow",
};
