/* SPDX-License-Identifier: Apache-2.0 */
/* learn/state_image: a state table written to and read from a file of blocks. */
#ifndef LEARN_STATE_IMAGE_H
#define LEARN_STATE_IMAGE_H
#include "base/blocks.h"
#include "learn/state_table.h"

/* Appends the table's blocks; errors stick in w. */
void state_save(const struct state_table *t, struct blocks_out *w);
/*
 * Reads them into t, which is fresh from state_init (and has its `others`); a lower limit than
 * it was saved under evicts. 0, E_FORMAT, E_VERSION or -ENOMEM; after a failure t is only good
 * for state_free.
 */
MUST int state_load(struct state_table *t, struct blocks_in *r);

#endif
