/* SPDX-License-Identifier: Apache-2.0 */
/* thymus serve: the page and the API over a store that exists. */
#include "api/api.h"
#include "main/cmd.h"
#include "main/config.h"
#include "main/confine.h"
#include "main/served.h"
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* clang-format off */
static const struct option longs[] = {
	{"config", required_argument, NULL, 'c'},
	{"store", required_argument, NULL, 's'},
	{"listen", required_argument, NULL, 'l'},
	{"ui", required_argument, NULL, 'u'},
	{"no-auth", no_argument, NULL, 'A'},
	{"tls", no_argument, NULL, 'T'},
	{NULL, 0, NULL, 0},
};
/* clang-format on */

struct serve {
	struct config conf;
	struct api_conf api;
	const char *config, *store;
	struct buf models, options;
};

static int take_options(struct serve *s, int argc, char **argv)
{
	int opt;

	optind = 1;
	while ((opt = getopt_long(argc + 1, argv - 1, "", longs, NULL)) != -1) {
		if (opt == 'c')
			s->config = optarg;
		else if (opt == 's')
			s->store = optarg;
		else if (opt == 'l')
			s->api.listen = optarg;
		else if (opt == 'u')
			s->api.ui = optarg;
		else if (opt == 'A')
			s->api.open = true;
		else if (opt == 'T')
			s->api.tls = true;
		else
			return usage_error(&cmd_serve, "thymus serve: see the options below");
	}
	return optind <= argc ? usage_error(&cmd_serve, "thymus serve takes no further words")
			      : 0;
}

/* Reads the models once, for the list of them; a store may be served without. */
static int read_models(struct serve *s)
{
	struct pipeline p;
	struct diag d = {{0}};

	if (pipeline_open(&p, &s->conf, &d) < 0) {
		fprintf(stderr, "%s\n", d.msg);
		return 1;
	}
	served_models(&s->models, &p);
	pipeline_close(&p);
	return buf_err(&s->models) != 0;
}

static void print_line(const char *line)
{
	puts(line);
	fflush(stdout);
}

static int serve(struct serve *s)
{
	struct confine x = {.store = s->api.store, .listen = s->api.listen, .ui = s->api.ui};
	struct api *a = NULL;
	struct diag d = {{0}};
	sigset_t set;
	int sig, r;

	/* Before threads are started, so that none of them gets the signal. */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	r = confine_files(&s->conf, &x, &d);
	if (r == 0)
		r = api_start(&s->api, &a, &d);
	if (r == 0)
		r = confine_calls(&s->conf, &d);
	if (r < 0) {
		api_stop(a);
		fprintf(stderr, "thymus serve: %s\n", d.msg[0] ? d.msg : err_text(r));
		return 1;
	}
	served_tell(a, s->api.listen, print_line);
	sigwait(&set, &sig);
	api_stop(a);
	return 0;
}

static int run(int argc, char **argv)
{
	struct serve s = {.api = {.listen = "127.0.0.1:8765", .version = THYMUS_VERSION}};
	struct diag d = {{0}};
	int status = take_options(&s, argc, argv);

	if (status)
		return status;
	if (config_init(&s.conf) < 0)
		return 1;
	buf_init(&s.models, 64 * MIB);
	buf_init(&s.options, 1 * MIB);
	if (s.config && config_load(&s.conf, s.config, &d) < 0) {
		fprintf(stderr, "%s\n", d.msg);
		status = 1;
	}
	if (!s.api.ui)
		s.api.ui = served_ui(&s.conf);
	s.api.store = s.store ? s.store : arena_strz(&s.conf.mem, s.conf.store_dir);
	served_conf(&s.conf, &s.api);
	config_json(&s.conf, &s.options);
	status = status ? status : read_models(&s);
	s.api.models = buf_str(&s.models);
	s.api.options = buf_str(&s.options);
	pipeline_inquiry(&s.conf, NULL, NULL, &s.api.inquiry);
	status = status ? status : serve(&s);
	buf_free(&s.models);
	buf_free(&s.options);
	config_free(&s.conf);
	return status;
}

const struct command cmd_serve = {
	.name = "serve",
	.run = run,
	.usage = "thymus serve [--store DIR] [--listen ADDRESS:PORT]\n"
		 "  --store DIR      what is shown (default thymus-store)\n"
		 "  --listen A:P     where (default 127.0.0.1:8765: this machine only)\n"
		 "  --tls            TLS on an address of this machine too; elsewhere it "
		 "always is\n"
		 "  --no-auth        nobody has to sign in: whoever can reach the port of this "
		 "machine may do\n"
		 "                   everything; only on an address of this machine\n"
		 "  --ui DIR         files of the page (default beside the program)\n"
		 "  --config FILE    configuration, for the folders of models\n"
		 "\n"
		 "example: thymus replay --store s /var/log/zeek && thymus serve --store s\n",
	.summary = "show a store as a page and an API",
};
