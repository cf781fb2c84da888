/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/attach: the files within a mail as it passes by: parts of MIME that have a name, or a
 * type that is no text, decoded (base64, quoted-printable) into a tap each. One level of
 * boundaries after the other; ATTACH_BOUNDS of them are remembered, ATTACH_FILES files a mail.
 */
#ifndef PACKET_ATTACH_H
#define PACKET_ATTACH_H
#include "packet/files.h"
#include "packet/line.h"

#define ATTACH_BOUNDS 4
#define ATTACH_FILES  32
#define ATTACH_LINE   1000 /* of a part's head: what is longer is no field */

struct attach {
	bool file; /* the part's body is one */
	bool done; /* the last boundary was the end of its parts */
	uint8_t coding;
	uint8_t bits; /* of base64 that wait in rest */
	uint8_t nbounds;
	uint8_t field; /* of the head, to which a folded line belongs */
	uint16_t nfiles;
	uint32_t rest;
	char qp[3]; /* of quoted-printable: what of "=XY" came */
	uint8_t nqp;
	bool line_end; /* of text: a line ended, and nothing has followed it */
	bool cr;       /* of text: half an end of a line */
	struct text bound[ATTACH_BOUNDS];
	struct text type, how, where; /* of the part whose head is read */
	struct text name;
	struct file_tap *tap; /* owns */
	char ids[ATTACH_FILES][FILE_ID];
};

/* A mail begins with its head. */
void attach_begin(struct attach *a);
/* A line of the mail's head or of a part's, without its end. */
void attach_head(struct attach *a, struct str line);
/* The mail's head, or a part's, is over. true: the head of a mail within it follows. */
bool attach_body(struct attach *a);
/*
 * Bytes of the body: a line or a part of one. starts: it begins a line; ends: the line ended.
 * true: a head begins with the next line (give attach_head its lines).
 */
bool attach_bytes(struct conn *c, struct attach *a, struct str s, bool starts, bool ends);
void attach_lost(struct attach *a, uint64_t n);
/* The mail is over: writes the record of the file that is open, if one is. whole: by its end.
 */
void attach_end(struct conn *c, struct attach *a, bool whole);

#endif
