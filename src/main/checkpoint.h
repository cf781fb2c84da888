/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main/checkpoint: what a run knows, kept for the next: entities, learned state, budgets,
 * throttle windows and running counts. Open incidents are a part that the daemon adds: those of
 * a replay end with it. Not in it: records waiting to be put in order, and which records were
 * read (duplicates are known within a run only).
 */
#ifndef MAIN_CHECKPOINT_H
#define MAIN_CHECKPOINT_H
#include "learn/checkpoint.h"
#include "main/pipeline.h"

/* What somebody else keeps in the same file, so that both are of the same moment. */
struct checkpoint_part {
	void (*save)(void *arg, struct blocks_out *w);
	int (*load)(void *arg, struct blocks_in *r); /* may be called twice: the last counts */
	void *arg;
};

enum checkpoint_from { CHECKPOINT_NONE, CHECKPOINT_LATEST, CHECKPOINT_BEFORE };

/*
 * After pipeline_open; part may be NULL, here and below. Takes FILE, or the one before it
 * (FILE.1) when FILE is damaged or of another version; then d says what was wrong with FILE. An
 * enum checkpoint_from, NONE when there is neither, or <0 when none can be used; p is then good
 * for pipeline_close only.
 */
MUST int checkpoint_load(struct pipeline *p, const char *path,
			 const struct checkpoint_part *part, struct learn_restored *ret_n,
			 struct diag *d);
/* Between two events. 0, or <0 with d filled; the file before is then untouched. */
MUST int checkpoint_save(const struct pipeline *p, const char *path,
			 const struct checkpoint_part *part, struct diag *d);

#endif
