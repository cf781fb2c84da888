/* SPDX-License-Identifier: Apache-2.0 */
#include "main/cmd.h"
#include "main/config.h"
#include "main/pipeline.h"
#include <stdio.h>

static int check(const char *path)
{
	struct pipeline p;
	struct config c;
	struct diag d = {{0}};
	int r;

	if (config_init(&c) < 0)
		return 1;
	r = path ? config_load(&c, path, &d) : 0;
	if (r == 0)
		r = pipeline_open(&p, &c, &d);
	if (r == 0) {
		printf("%s: fine\n", path ? path : "defaults");
		pipeline_close(&p);
	} else {
		fprintf(stderr, "%s\n", d.msg);
	}
	config_free(&c);
	return r < 0;
}

static int run(int argc, char **argv)
{
	if (argc >= 1 && str_eqz(str_of(argv[0]), "check"))
		return check(argc > 1 ? argv[1] : NULL);
	if (argc == 1 && str_eqz(str_of(argv[0]), "options")) {
		config_reference();
		return 0;
	}
	return usage_error(&cmd_config, "thymus config: check or options?");
}

const struct command cmd_config = {
	.name = "config",
	.run = run,
	.usage = "thymus config check [FILE]    reads the configuration and everything it "
		 "names\n"
		 "thymus config options         tells of every option\n",
	.summary = "check a configuration file; list the options",
};
