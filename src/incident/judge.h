/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/judge: a person says what an incident was. Kept beside the store (store/verdict) and
 * written to the audit log (store/audit) first: what cannot be written there is not done.
 */
#ifndef INCIDENT_JUDGE_H
#define INCIDENT_JUDGE_H
#include "base/err.h"
#include "base/str.h"
#include <stdint.h>

struct judgement {
	struct str incident;
	struct str what; /* verdict_known() */
	struct str note; /* may be empty */
	struct str by;	 /* "cli:0", "user:alice" */
	int64_t time;	 /* ns; the caller's clock */
};

/* dir: of the store. 0, E_NOTFOUND (no such incident), or another error with d. */
MUST int judge(const char *dir, const struct judgement *j, struct diag *d);

#endif
