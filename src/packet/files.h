/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/files: what is learned of a file while it passes by: its kind by content, its size,
 * its hashes. The bytes themselves are kept only where the sensor is told to (packet/carve). A
 * protocol that carries files has one tap for each and gives it the bytes with their place in
 * the file.
 *
 * Hashes are of whole files alone: a file that was not seen from its first byte, that has holes
 * or whose pieces come out of order has none.
 */
#ifndef PACKET_FILES_H
#define PACKET_FILES_H
#include "base/digest.h"
#include "packet/carve.h"
#include "packet/mime.h"
#include "packet/proto.h"

#define FILE_ID 20

struct file_tap {
	int64_t ts, last;
	uint64_t seen, next, missing;
	uint64_t total; /* as announced */
	bool has_total;
	bool any;	/* a byte was seen */
	bool broken;	/* no hashes */
	bool sure;	/* enough of it was seen to know whether `all` */
	bool all;	/* MD5 and SHA-1 too: a program, a document, an archive, a script */
	uint16_t nhead; /* of the first bytes, for its kind */
	char id[FILE_ID];
	struct digest sha256, sha1, md5;
	struct carve_file *keep; /* owns; NULL: it is not kept */
	uint8_t head[MIME_BYTES];
};

/* A tap of this connection, NULL when memory is out. */
struct file_tap *file_tap_new(struct conn *c);
/* Bytes of the file from `at` on. */
void file_tap_bytes(struct conn *c, struct file_tap *t, uint64_t at, struct str s);
/* Its kind by the first bytes seen so far, or NULL. */
const char *file_tap_mime(const struct file_tap *t);
/* It is none after all: frees t without a record. NULL is fine. */
void file_tap_drop(struct conn *c, struct file_tap *t);
/* n bytes that belong here will not come. */
void file_tap_lost(struct file_tap *t, uint64_t n);
/*
 * Writes the record, if a byte was seen, and frees t. NULL is fine. source: "SMB". is_orig: the
 * originator sent it.
 */
void file_tap_end(struct conn *c, struct file_tap *t, const char *source, bool is_orig,
		  struct str name);

#endif
