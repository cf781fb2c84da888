/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/edges_impl: what edges.c and edges_file.c share.
 */
#ifndef INCIDENT_EDGES_IMPL_H
#define INCIDENT_EDGES_IMPL_H
#include "incident/edges.h"

/* The entities of an event by part, as keys. */
struct cast {
	uint64_t key[ROLE_COUNT];
	int kind[ROLE_COUNT]; /* -1: nobody plays it */
};

/* An edge, found from both of its ends. */
void edges_put(struct edges *g, uint64_t a, uint64_t b, enum edge_kind kind, int64_t t);
/* other had to do with key. 0 or -ENOMEM. */
MUST int edges_meet(struct edges *g, uint64_t key, uint64_t other);

/* Files that came in from somewhere, and who then ran or opened them. */
MUST int edges_file(struct edges *g, const struct cast *c, const struct event *e);
/* The same of a mail's attachments. */
MUST int edges_attached(struct edges *g, const uint64_t *to, size_t nto, const struct event *e);

#endif
