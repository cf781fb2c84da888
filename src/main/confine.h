/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main/confine: the sandbox (proc/sandbox.h) of run and serve, from what is configured: they
 * read their inputs, their own folders and what any program needs, write the store and the
 * outputs' files, and reach the ports of their own addresses and of their outputs alone.
 */
#ifndef MAIN_CONFINE_H
#define MAIN_CONFINE_H
#include "main/config.h"

struct confine {
	const char *store, *listen, *config_file, *findings_file, *ui; /* each may be NULL */
	const char *const *inputs;
	size_t ninputs;
	bool takes; /* syslog, decoys and interfaces of the configuration, too */
};

/*
 * Before any thread is started: becomes the configured user, leaves what privileges there are
 * and needed to a second process (proc/keeper.h), makes the store's folder, and gives up
 * everything else. 0, or <0 with d; `sandbox: off` does nothing, `required` makes an
 * error of what the kernel does not have.
 */
MUST int confine_files(struct config *c, const struct confine *x, struct diag *d);
/* Once everything is open. Likewise. */
MUST int confine_calls(const struct config *c, struct diag *d);
/* What holds, as words for the log. */
const char *confine_told(void);

#endif
