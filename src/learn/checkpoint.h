/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/checkpoint: everything learned, written to and read from a file of blocks. What is not
 * in it is made anew from the files of learned/: quantities are known again by a hash of their
 * declaration (all but the words), so a new or changed one starts afresh and the others go on.
 */
#ifndef LEARN_CHECKPOINT_H
#define LEARN_CHECKPOINT_H
#include "base/blocks.h"
#include "learn/learn.h"

/* Between two events. Errors stick in w. */
void learn_save(const struct learn *l, struct blocks_out *w);

struct learn_restored {
	size_t states, kept, dropped; /* quantities that went on; that are no more or changed */
};

/*
 * After learn_open. On failure l is as it was and d says why: E_VERSION (written by another
 * version), E_FORMAT, -ENOMEM. ret_n may be NULL.
 */
MUST int learn_load(struct learn *l, struct blocks_in *r, struct learn_restored *ret_n,
		    struct diag *d);

#endif
