/* SPDX-License-Identifier: Apache-2.0 */
#include "main/cmd.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

static const struct command *const commands[] = {
#define X(name) &cmd_##name,
#include "main/commands.def"
#undef X
};

static int version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("thymus %s\n", THYMUS_VERSION);
	return 0;
}

const struct command cmd_version = {
	.name = "version",
	.run = version,
	.usage = "thymus version\n",
	.summary = "say which version this is",
};

int usage_error(const struct command *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n\n%s", c->usage);
	return 2;
}

static void help(FILE *f)
{
	fprintf(f, "thymus learns what is normal for an organisation and tells what is not.\n\n"
		   "usage: thymus COMMAND [OPTION]... (thymus COMMAND --help for more)\n\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(f, "  %-11s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(f, "\nexample: thymus replay --findings findings.ndjson /var/log/zeek\n");
}

/* Asked for before "--", among whatever else. */
static bool wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct str name = str_of(argc > 1 ? argv[1] : NULL);

	signal(SIGPIPE, SIG_IGN);
	if (name.len == 0 || str_eqz(name, "--help") || str_eqz(name, "-h") ||
	    str_eqz(name, "help")) {
		help(name.len ? stdout : stderr);
		return name.len ? 0 : 2;
	}
	if (str_eqz(name, "--version"))
		return version(0, NULL);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		const struct command *c = commands[i];

		if (!str_eqz(name, c->name))
			continue;
		if (wants_help(argc - 2, argv + 2)) {
			printf("%s", c->usage);
			return 0;
		}
		return c->run(argc - 2, argv + 2);
	}
	fprintf(stderr, "thymus: there is no command '%s'\n\n", argv[1]);
	help(stderr);
	return 2;
}
