/* SPDX-License-Identifier: Apache-2.0 */
/* main/explain: which models looked at a stored event, and why they did not fire. */
#ifndef MAIN_EXPLAIN_H
#define MAIN_EXPLAIN_H
#include "main/config.h"
#include "store/store.h"

/*
 * Prints a line for each model whose log source fits the record: that it matches, or what stood
 * in the way, with what the record says there. What learning said is known as far as it was odd
 * enough to be kept. 0, or <0 with d.
 */
MUST int explain_models(struct config *c, const struct store_event *se, struct diag *d);

#endif
