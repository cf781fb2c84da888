/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_fail.h"
#include <errno.h>
#include <stdbool.h>

/* The system's error is of the last failure only when that was one of files. */
static bool is_full(sqlite3 *db)
{
	int code = sqlite3_errcode(db) & 0xff;

	return code == SQLITE_FULL || ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) &&
				       sqlite3_system_errno(db) == ENOSPC);
}

int sqlite_fail(sqlite3 *db, const char *what, struct diag *d)
{
	return diag_set(d, db && is_full(db) ? -ENOSPC : -EIO, "%s: %s", what,
			db ? sqlite3_errmsg(db) : "out of memory");
}
