/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/state: open incidents, notes that wait for one, edges and signals, written to and
 * read from a file of blocks: a run that goes on from there tells what one run would have told.
 */
#ifndef INCIDENT_STATE_H
#define INCIDENT_STATE_H
#include "base/blocks.h"
#include "incident/incident.h"

/* Between two alerts. Errors stick in w. */
void incidents_save(const struct incidents *in, struct blocks_out *w);
/*
 * Right after incidents_new, with the entities of the same file loaded. A file that ends here
 * was written before they were kept: 0, nothing is open. E_FORMAT, E_VERSION or -ENOMEM: in is
 * then good for incidents_free only.
 */
MUST int incidents_load(struct incidents *in, struct blocks_in *r);

#endif
