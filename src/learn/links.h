/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/links: which events tie which entities for the chain, as its file declares (`links:`).
 */
#ifndef LEARN_LINKS_H
#define LEARN_LINKS_H
#include "learn/core.h"

struct links;

/* Reads the list n; its attributes are wanted of the record types it names. */
MUST int links_read(struct learn *l, const struct yaml *y, const struct yaml_node *n,
		    struct links **ret_k, struct diag *d);
struct links *links_free(struct links *k);
/* Ties what e ties. */
void links_event(struct learn *l, const struct links *k, const struct event *e);

#endif
