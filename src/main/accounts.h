/* SPDX-License-Identifier: Apache-2.0 */
/* main/accounts: what `thymus user` and `thymus token` share. */
#ifndef MAIN_ACCOUNTS_H
#define MAIN_ACCOUNTS_H
#include "store/users.h"

/* ns since 1970. */
int64_t accounts_now(void);
/* "cli:UID" did `action` to "KIND:NAME". */
MUST int accounts_audit(const char *dir, const char *action, const char *kind, struct str name,
			struct str detail, struct diag *d);

#endif
