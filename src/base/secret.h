/* SPDX-License-Identifier: Apache-2.0 */
/* base/secret: secrets that stand in files of their own, so that a configuration may be shown.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H
#include "base/arena.h"
#include "base/err.h"

/* The first line of a file, at most 4 KiB, without white space around it; in mem. 0, or <0. */
MUST int secret_read(const char *path, struct arena *mem, struct str *ret_s, struct diag *d);

#endif
