/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sense/tar: the entries of a tar archive, as its bytes come (POSIX.1-2017, pax: ustar and pax
 * headers; GNU tar: long names, sizes in base 256). Names are only names: whoever writes files
 * chooses where. Nothing is allocated; any bytes are safe.
 */
#ifndef SENSE_TAR_H
#define SENSE_TAR_H
#include "base/err.h"
#include "base/str.h"

#define TAR_BLOCK    512
#define TAR_NAME_MAX 1024	   /* longer names are cut */
#define TAR_META_MAX (1024 * 1024) /* bytes of one header that speaks of the next entry */

struct tar {
	/* As file_read: up to n bytes, fewer only at the end; <0 when no more can be read. */
	int64_t (*read)(void *arg, char *buf, size_t n);
	void *arg;
	/* Private: */
	uint64_t left; /* of the entry's data */
	unsigned pad;  /* bytes between its end and the next header */
	char name[TAR_NAME_MAX];
	size_t nname; /* told by a header before the entry's own; 0 = none */
	int64_t size; /* the same; -1 = none */
	bool sparse;
};

struct tar_entry {
	struct str name; /* view into the struct tar until the next call; may be empty */
	uint64_t size;
	int64_t mtime; /* ns; 0 = not told */
	bool file;     /* a regular file; else a folder, a link or a device, without data */
	bool strange;  /* of a kind that is not known, or with holes: its data mean nothing */
};

/* Whether an archive begins with these bytes (TAR_BLOCK of them suffice). */
bool tar_is(struct str head);
void tar_begin(struct tar *t, int64_t (*read)(void *, char *, size_t), void *arg);
/*
 * Passes over what was not read of the entry before. 1, 0 at the end, E_TRUNC (it stops in the
 * middle), E_FORMAT (damaged), E_LIMIT (TAR_META_MAX), or an error of read().
 */
MUST int tar_next(struct tar *t, struct tar_entry *ret_e);
/* Up to n bytes of the entry's data; 0 at its end, or as tar_next. */
MUST int64_t tar_read(struct tar *t, char *buf, size_t n);

#endif
