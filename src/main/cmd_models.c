/* SPDX-License-Identifier: Apache-2.0 */
#include "main/cmd.h"
#include "main/models.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { OPT_STORE = 256, OPT_CONFIG, OPT_JSON };

static const struct option longs[] = {
	{"store", required_argument, NULL, OPT_STORE},
	{"config", required_argument, NULL, OPT_CONFIG},
	{"json", no_argument, NULL, OPT_JSON},
	{NULL, 0, NULL, 0},
};

struct asked {
	struct config conf;
	struct pipeline pipe;
	struct diag d;
	const char *store; /* as given, or NULL */
	bool json;
	char **args; /* what follows the verb and is no option */
	size_t nargs;
};

/* What the last replay into a store saw; without one, nothing. */
static int past_of(struct asked *a, struct arena *mem, struct str *ret_past)
{
	struct store_conf sc = {.read_only = true};
	struct store *st = NULL;
	int r;

	*ret_past = str_n(NULL, 0);
	sc.dir = a->store ? a->store : arena_strz(mem, a->conf.store_dir);
	if (!sc.dir)
		return -ENOMEM;
	if (!a->store && access(sc.dir, R_OK) < 0)
		return 0;
	r = store_open(&sc, &st, &a->d);
	if (r == 0)
		*ret_past = store_meta_get(st, MODELS_META, mem);
	store_close(st);
	return a->store ? r : 0;
}

static int list(struct asked *a)
{
	const struct model *const *m;
	size_t n = detect_models(a->pipe.detect, &m), dead = 0, shown = 0;
	struct arena mem;
	struct str past;
	int r;

	arena_init(&mem, 0);
	r = past_of(a, &mem, &past);
	if (r < 0)
		fprintf(stderr, "thymus models: %s\n", a->d.msg);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (m[i]->part)
			continue;
		models_line(m[i], past);
		dead += m[i]->cannot_fire != NULL;
		shown++;
	}
	arena_free(&mem);
	if (r < 0)
		return 1;
	printf("%zu models, %zu cannot fire\n", shown, dead);
	return 0;
}

static int check(struct asked *a)
{
	const struct model *const *m;
	size_t n = detect_models(a->pipe.detect, &m), bad = 0, all = 0;

	for (size_t i = 0; i < n; i++) {
		all += !m[i]->part;
		if (!m[i]->refused || m[i]->part)
			continue;
		printf("%s\n", m[i]->refused);
		bad++;
	}
	if (bad)
		printf("%zu of %zu models cannot be run as they are written\n", bad, all);
	else
		printf("all models are well formed\n");
	return bad > 0;
}

static void failed_line(const char *line, void *arg)
{
	(void)arg;
	printf("not ok: %s\n", line);
}

static int test(struct asked *a)
{
	int passed = 0;
	int failed = detect_test(a->pipe.detect, a->pipe.schema, failed_line, NULL, &passed);

	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0;
}

static int try(struct asked *a)
{
	int r;

	r = models_try(&a->pipe, &a->conf, a->args[0], (const char *const *)a->args + 1,
		       a->nargs - 1, a->json, &a->d);
	if (r < 0)
		fprintf(stderr, "thymus models: %s\n", a->d.msg);
	return r < 0;
}

static const struct verb {
	const char *name;
	int (*run)(struct asked *a);
} verbs[] = {{"list", list}, {"check", check}, {"test", test}, {"try", try}};

/* Options, from argv[1] on; argv[0] is the verb. 0, or the exit status. */
static int take_options(struct asked *a, int argc, char **argv)
{
	int opt;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (opt == OPT_STORE)
			a->store = optarg;
		else if (opt == OPT_JSON)
			a->json = true;
		else if (opt != OPT_CONFIG)
			return usage_error(&cmd_models, "thymus models: see the options below");
		else if (config_load(&a->conf, optarg, &a->d) < 0) {
			fprintf(stderr, "%s\n", a->d.msg);
			return 2;
		}
	}
	a->args = argv + optind;
	a->nargs = (size_t)(argc - optind);
	return 0;
}

static int run_verb(struct asked *a, const struct verb *v)
{
	size_t folders = v->run == try ? MIN(a->nargs, (size_t)1) : a->nargs;
	int status;

	if (v->run == try && a->nargs < 2)
		return usage_error(&cmd_models, "thymus models try: which rule, which files?");
	for (size_t i = 0; i < folders && a->conf.models.n < CONFIG_LIST_MAX; i++)
		a->conf.models.v[a->conf.models.n++] = a->args[i];
	if (pipeline_open(&a->pipe, &a->conf, &a->d) < 0) {
		fprintf(stderr, "%s\n", a->d.msg);
		return 1;
	}
	status = v->run(a);
	pipeline_close(&a->pipe);
	return status;
}

static int run(int argc, char **argv)
{
	struct str what = str_of(argc > 0 ? argv[0] : NULL);
	const struct verb *v = NULL;
	struct asked *a;
	int status;

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eqz(what, verbs[i].name))
			v = &verbs[i];
	if (!v)
		return usage_error(&cmd_models, "thymus models: list, check, test or try?");
	a = calloc(1, sizeof(*a));
	if (!a || config_init(&a->conf) < 0) {
		free(a);
		return 1;
	}
	status = take_options(a, argc, argv);
	if (status == 0)
		status = run_verb(a, v);
	config_free(&a->conf);
	free(a);
	return status;
}

const struct command cmd_models = {
	.name = "models",
	.run = run,
	.usage = "thymus models list [DIR]...       every model; whether it can fire, else why "
		 "not; after\n"
		 "                                  a replay also how often it fired and what "
		 "it "
		 "reads\n"
		 "                                  that the data does not have\n"
		 "thymus models check [DIR]...      reads them; says file:line:column of every "
		 "mistake\n"
		 "thymus models test [DIR]...       runs the tests inside the models\n"
		 "thymus models try RULE FILE...    which records of logs match a rule (or a "
		 "folder of them)\n\n"
		 "  --json           try: one JSON object for each record that matches\n"
		 "  --store DIR      list: of the replay into this store (default "
		 "thymus-store)\n"
		 "  --config FILE    configuration: models, placeholders\n\n"
		 "example: thymus models try my_rule.yaml /var/log/cloudtrail\n",
	.summary = "list, check, test or try detection models",
};
