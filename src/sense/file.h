/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sense/file: files and folders as a person names them, and a file as a stream of decompressed
 * bytes. Plain, gzip (several members too) and zstd (several frames too) are told apart by
 * content, never by name; UTF-16 with a byte order mark becomes UTF-8, Windows event log files
 * (.evtx) become XML.
 */
#ifndef SENSE_FILE_H
#define SENSE_FILE_H
#include "base/err.h"
#include <stdbool.h>

/* The guard against decompression bombs; 0 takes the default. */
struct file_limits {
	uint64_t bytes_max;  /* decompressed bytes of one file; default 64 GiB */
	uint64_t ratio_max;  /* decompressed to compressed; default 400 */
	uint64_t ratio_free; /* decompressed bytes that the ratio allows anyway; default 64 MiB
			      */
};

struct file_in;

/* 0, or -errno with d filled; -EINVAL for what is no regular file. limits may be NULL. */
MUST int file_open(const char *path, const struct file_limits *limits, struct file_in **ret_f,
		   struct diag *d);
/* The same for who reads only a little of it. */
MUST int file_open_begin(const char *path, struct file_in **ret_f, struct diag *d);
struct file_in *file_close(struct file_in *f); /* NULL is fine; returns NULL */
/*
 * Up to n decompressed bytes: fewer only when the file ends or breaks off there, 0 at the end.
 * Errors come after the last good byte and stay: E_TRUNC (compressed data stops in the
 * middle), E_FORMAT (it is damaged), E_LIMIT (the guard), or -errno.
 */
MUST int64_t file_read(struct file_in *f, char *buf, size_t n);
/* Bytes of the disk used up so far. */
uint64_t file_taken(const struct file_in *f);
/*
 * After its end: reads on in what was written there since. false: a compressed file or UTF-16,
 * whose end is its end.
 */
bool file_more(struct file_in *f);
/* Its descriptor, for fstat and pread. */
int file_fd(const struct file_in *f);

#define FILE_DEPTH_MAX 64
#define FILE_LIST_MAX  ((size_t)4 << 20)

struct file_entry {
	char *path;
	char *at;  /* where its bytes are, when not at path: of what was unpacked; else NULL */
	char *why; /* why it is not read (unpack.h), or NULL */
	uint64_t size; /* bytes on disk */
};

struct file_list {
	struct file_entry *v;
	size_t n, cap;
};

static inline const char *file_place(const struct file_entry *e)
{
	return e->at ? e->at : e->path;
}

/*
 * Adds path, or all regular files below it when it is a folder. Names that begin with a dot are
 * skipped unless given themselves; a folder is entered once however many links lead to it;
 * what cannot be read below is skipped. 0, or <0 with d filled: path does not exist or is
 * neither file nor folder, E_LIMIT, -ENOMEM (the list keeps what was added before).
 */
MUST int file_walk(struct file_list *l, const char *path, struct diag *d);
/* Takes over path and at (NULL: path is where it is), also when it fails. */
MUST int file_list_add(struct file_list *l, char *path, char *at, uint64_t size);
/* Takes an entry out: it has no path until the list is sorted. */
void file_list_drop(struct file_list *l, size_t i);
/* Byte order of paths; each path stays once. */
void file_list_sort(struct file_list *l);
void file_list_free(struct file_list *l);

#endif
