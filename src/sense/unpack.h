/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sense/unpack: tar archives (plain, .gz, .zst; known by content) read as folders. What they
 * hold goes to a temporary folder under names of our own, and into the list of files as
 * ARCHIVE/NAME, so that no name in an archive ever reaches the file system. Links, devices and
 * names that begin with a dot are passed over, as walking a folder does; an archive within an
 * archive is unpacked too. The folder is locked as long as it is wanted; what a killed run left
 * goes when the next one unpacks something.
 */
#ifndef SENSE_UNPACK_H
#define SENSE_UNPACK_H
#include "sense/file.h"

#define UNPACK_DEPTH 3 /* archives within archives */

struct unpack_limits {
	uint64_t bytes_max; /* of all members of a run; 0 = 64 GiB */
	size_t files_max;   /* 0 = 1,000,000 */
};

/* What must be removed again. */
struct unpacked {
	char *dir; /* NULL: nothing was unpacked */
	int hold;  /* it, open and locked */
	size_t n;  /* folders in it: 1 to n */
};

/*
 * Replaces each archive of l (sorted) by its members, and sorts l again. An archive that is
 * damaged, or larger than the limits, stays in the list with the reason why, beside what it
 * gave until then. tmpdir NULL: $TMPDIR or /tmp. 0, or <0 with d when the folder cannot be made
 * or memory is short.
 */
MUST int unpack_list(struct file_list *l, const char *tmpdir,
		     const struct unpack_limits *limits, struct unpacked *ret_u,
		     struct diag *d);
/* Removes it from the disk; what is gone already is no error. */
void unpack_remove(struct unpacked *u);

#endif
