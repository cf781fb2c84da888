/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc/sandbox: what this process may still do. Two steps, because threads that run already are
 * not held by Landlock and because a start needs calls that a run does not:
 *   sandbox_files  before any thread: no new privileges, no capabilities but to bind low ports
 * and open interfaces, Landlock (the files and TCP ports named; nothing else can be opened,
 * bound or connected to); sandbox_calls  once everything is open: seccomp for all threads (no
 * programs, no debugging, no mounting, no raw sockets, no namespaces, no kernel interfaces).
 * What the kernel does not have is left out and told; neither can be taken back.
 */
#ifndef PROC_SANDBOX_H
#define PROC_SANDBOX_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SANDBOX_PATHS 512
#define SANDBOX_PORTS 64

struct sandbox {
	/* Files or folders with all below; what is not there stands for the nearest above it.
	 */
	const char *read[SANDBOX_PATHS], *write[SANDBOX_PATHS];
	size_t nread, nwrite;
	uint16_t bind[SANDBOX_PORTS], connect[SANDBOX_PORTS]; /* TCP; bind 0: any free one */
	size_t nbind, nconnect;
	bool signals; /* may go to other processes */
	bool full;    /* more was asked than there is room for: sandbox_files refuses */
	/* Set by sandbox_files. */
	int landlock; /* ABI of the kernel, 0 = none */
	bool ports;   /* ports are held to the lists */
};

void sandbox_read(struct sandbox *s, const char *path);
void sandbox_write(struct sandbox *s, const char *path);
void sandbox_bind(struct sandbox *s, unsigned port);
void sandbox_connect(struct sandbox *s, unsigned port);
/* What any program needs: libraries, certificates, names, the clock. */
void sandbox_usual(struct sandbox *s);

/* 0, or <0 with d: then some of it may hold already. A kernel without Landlock is no error. */
MUST int sandbox_files(struct sandbox *s, struct diag *d);
/* 0, -ENOSYS when the kernel has no seccomp, or another error. */
MUST int sandbox_calls(struct diag *d);

/* The same for a keeper (proc/keeper.h): sockets, signals, waiting for its child. */
MUST int sandbox_keeper(struct diag *d);
/* Gives up every capability. 0, or <0 with d. */
MUST int sandbox_powerless(struct diag *d);

/*
 * Becomes a user that is not root, by name or number; before anything is opened. 0, or <0 with
 * d.
 */
MUST int sandbox_user(const char *name, struct diag *d);

#endif
