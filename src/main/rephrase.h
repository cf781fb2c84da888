/* SPDX-License-Identifier: Apache-2.0 */
/* main/rephrase: incidents show --rephrase: asks the endpoint that the configuration names. */
#ifndef MAIN_REPHRASE_H
#define MAIN_REPHRASE_H
#include "base/buf.h"
#include "store/store.h"

/*
 * line with its story in other words, as far as they pass the check (incident/rephrase.h); how
 * far is told on standard error. config: a file, or NULL. 0, or <0 with d.
 */
MUST int rephrase_line(const char *config, struct store *st, struct str line, struct buf *out,
		       struct diag *d);

#endif
