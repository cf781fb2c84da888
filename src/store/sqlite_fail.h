/* SPDX-License-Identifier: Apache-2.0 */
/* store/sqlite_fail: what SQLite says of its last failure, as all that keep a database tell it.
 */
#ifndef STORE_SQLITE_FAIL_H
#define STORE_SQLITE_FAIL_H
#include "base/err.h"
#include <sqlite3.h>

/*
 * Fills d with "what: its words"; db NULL: there was no memory for one. Returns -ENOSPC when
 * the disk is full, which may pass, else -EIO.
 */
int sqlite_fail(sqlite3 *db, const char *what, struct diag *d);

#endif
