/* SPDX-License-Identifier: Apache-2.0 */
#include "main/accounts.h"
#include "store/audit.h"
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int64_t accounts_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int accounts_audit(const char *dir, const char *action, const char *kind, struct str name,
		   struct str detail, struct diag *d)
{
	char by[32], object[128];
	struct audit_entry e = {
		.time = accounts_now(), .action = str_of(action), .detail = detail};
	struct audit *a = NULL;
	int r = audit_open(dir, false, &a, d);

	snprintf(by, sizeof(by), "cli:%u", (unsigned)getuid());
	snprintf(object, sizeof(object), "%s:%.*s", kind, STR_ARG(name));
	e.actor = str_of(by);
	e.object = str_of(object);
	if (r == 0)
		r = audit_add(a, &e, NULL, d);
	audit_close(a);
	return r;
}
