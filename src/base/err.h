/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/err: how functions say what went wrong.
 * A function returns 0 (or a count) on success and a negative errno or one of the codes below
 * on failure. Where a person has to mend something (a file, an option), the function also
 * fills a struct diag with one finished line. Library code never logs; main does.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H
#include "base/macros.h"

enum {
	E_FORMAT = -1000, /* input is not of the format it claims to be */
	E_LIMIT = -1001,  /* a stated bound would be exceeded */
	E_SYNTAX = -1002, /* a file written by a person does not parse; see diag */
	E_TRUNC = -1003,  /* input ends in the middle */
	E_CHECKSUM = -1004,
	E_NOTFOUND = -1005,
	E_VERSION = -1006, /* written by another version */
};

/* Short English text for a code of this project or a negative errno. Never NULL. */
const char *err_text(int err);

/* One line for a person: "models/x.yaml:12:3: unknown modifier 'contians'". */
struct diag {
	char msg[1024];
};

/* Formats into d->msg (cut at its size) and returns err. d may be NULL. */
int diag_set(struct diag *d, int err, const char *fmt, ...) PRINTF(3, 4);

#endif
