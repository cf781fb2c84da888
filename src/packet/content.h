/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/content: the body of a message of HTTP as a file (packet/files): as it is, or unpacked
 * (packet/unpack). All zero is a body that is no file.
 */
#ifndef PACKET_CONTENT_H
#define PACKET_CONTENT_H
#include "packet/files.h"
#include "packet/unpack.h"

enum packing { CONTENT_NONE, CONTENT_PLAIN, CONTENT_PACKED };

struct content {
	enum packing packing;  /* NONE: no file */
	struct file_tap *file; /* owns; NULL: there is none, or it is of no use */
	struct unpack *unpack; /* owns; what the file goes through, or NULL */
};

/* By the Content-Encoding, which may be empty. */
enum packing content_packing(struct str coding);
/* The body begins. ret_id: the file's id; untouched when there is none. */
void content_begin(struct conn *c, struct content *b, char ret_id[FILE_ID]);
/* Bytes of it from `at` on. */
void content_bytes(struct conn *c, struct content *b, uint64_t at, struct str s);
void content_lost(struct content *b, uint64_t n);
/* Writes the record of the file, if there is one, and returns its kind if that is known. */
const char *content_end(struct conn *c, struct content *b, bool is_orig, struct str name);

#endif
