/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main/cmd: the sub-commands. One file each; each gets the arguments after its own name and
 * returns the exit status: 0 done, 1 failed, 2 wrong usage.
 */
#ifndef MAIN_CMD_H
#define MAIN_CMD_H
#include "base/str.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage; /* lines shown by --help, with examples */
	const char *summary;
};

#define X(name) extern const struct command cmd_##name;
#include "main/commands.def"
#undef X

/* Prints the usage of a command on stderr and returns 2. */
int usage_error(const struct command *c, const char *fmt, ...) PRINTF(2, 3);

#endif
