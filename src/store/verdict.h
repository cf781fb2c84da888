/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/verdict: what people said of incidents, in DIR/verdicts.db. It outlives a store that is
 * made anew: ids of incidents are the same when the same records are read again. Writers and
 * readers may be different processes.
 */
#ifndef STORE_VERDICT_H
#define STORE_VERDICT_H
#include "base/arena.h"
#include "base/err.h"
#include <stdint.h>

struct verdicts;

struct verdict {
	struct str incident;
	struct str what; /* true, benign, false, test or duplicate */
	struct str note, by;
	struct str hypothesis; /* that had won when it was said; may be empty */
	int64_t time;	       /* ns; the caller's clock */
};

bool verdict_known(struct str what);
/* Made when absent, unless read_only: then -ENOENT. 0, or <0 with d. */
MUST int verdicts_open(const char *dir, bool read_only, struct verdicts **ret_v,
		       struct diag *d);
struct verdicts *verdicts_close(struct verdicts *v);
/* The last one about an incident stands. The caller writes the audit log. */
MUST int verdict_put(struct verdicts *v, const struct verdict *w, struct diag *d);
/* Strings are made in mem. 0, E_NOTFOUND or another error. */
MUST int verdict_get(struct verdicts *v, struct str incident, struct arena *mem,
		     struct verdict *ret_w, struct diag *d);
/* How often incidents whose best explanation was this were called so. */
MUST int verdict_count(struct verdicts *v, struct str hypothesis, struct str what,
		       uint64_t *ret_n, struct diag *d);

#endif
