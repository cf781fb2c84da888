/* SPDX-License-Identifier: Apache-2.0 */
#include "main/cmd.h"
#include "main/config.h"
#include "main/pipeline.h"
#include <stdio.h>

static void list(const struct pipeline *p)
{
	const struct model *const *m;
	size_t n = detect_models(p->detect, &m), dead = 0;

	for (size_t i = 0; i < n; i++) {
		printf("%-44.*s %-13s %.*s", STR_ARG(m[i]->name), severity_name(m[i]->level),
		       STR_ARG(m[i]->title));
		if (m[i]->cannot_fire) {
			printf(" [cannot fire: %s]", m[i]->cannot_fire);
			dead++;
		}
		putchar('\n');
	}
	printf("%zu models, %zu cannot fire\n", n, dead);
}

static void failed_line(const char *line, void *arg)
{
	(void)arg;
	printf("not ok: %s\n", line);
}

static int test(struct pipeline *p)
{
	int passed = 0;
	int failed = detect_test(p->detect, p->schema, failed_line, NULL, &passed);

	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0;
}

static int run(int argc, char **argv)
{
	struct str what = str_of(argc > 0 ? argv[0] : NULL);
	struct pipeline p;
	struct config c;
	struct diag d = {{0}};
	int status = 0;

	if (!str_eqz(what, "list") && !str_eqz(what, "check") && !str_eqz(what, "test"))
		return usage_error(&cmd_models, "thymus models: list, check or test?");
	if (config_init(&c) < 0)
		return 1;
	for (int i = 1; i < argc && c.models.n < CONFIG_LIST_MAX; i++)
		c.models.v[c.models.n++] = argv[i];
	if (pipeline_open(&p, &c, &d) < 0) {
		fprintf(stderr, "%s\n", d.msg);
		config_free(&c);
		return 1;
	}
	if (str_eqz(what, "list"))
		list(&p);
	else if (str_eqz(what, "test"))
		status = test(&p);
	else
		printf("all models are well formed\n");
	pipeline_close(&p);
	config_free(&c);
	return status;
}

const struct command cmd_models = {
	.name = "models",
	.run = run,
	.usage =
		"thymus models list [DIR]...    every model; whether it can fire, else why "
		"not\n"
		"thymus models check [DIR]...   reads them; says file:line:column of an error\n"
		"thymus models test [DIR]...    runs the tests inside the models\n",
	.summary = "list, check or test detection models",
};
