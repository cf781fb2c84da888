/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/audit: who did what, in a chain of hashes (DIR/audit.db, SQLite; apart from thymus.db,
 * so that a fresh replay does not forget it and a busy writer does not hold it up). Rows are
 * only added. Each carries SHA-256 of the row before it and of its own content, so that a row
 * that is changed, removed or put in between is found. That rows are missing at the end can be
 * seen only by one who kept the last hash: it is printed by audit_verify's callers.
 * Several processes may add.
 */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H
#include "base/arena.h"
#include "base/err.h"

#define AUDIT_HASH	32
#define AUDIT_HEX	(2 * AUDIT_HASH + 1)
#define AUDIT_FIELD_MAX (64 * KIB) /* bytes of one text; longer ones are refused */

struct audit;

struct audit_entry {
	uint64_t seq;	   /* from 1 without a gap; set by the reader */
	int64_t time;	   /* ns since 1970, by the caller's clock */
	struct str actor;  /* "user:alice", "token:siem", "cli:root", "thymus" */
	struct str action; /* "verdict.set", "login.failed", "config.reload" */
	struct str object; /* what it was done to: "incident:i0123..." */
	struct str detail; /* JSON or text; what was said before and after */
	char hash[AUDIT_HEX];
};

/* What audit_verify found. */
struct audit_report {
	uint64_t rows;	      /* good ones, from the first on */
	char head[AUDIT_HEX]; /* hash of the last good row; all zeros when there is none */
	uint64_t bad_seq;     /* the first bad row, 0 = none */
	char why[128];	      /* what is wrong with it */
};

/* Made when absent, unless read_only: then -ENOENT. 0, or <0 with d. */
MUST int audit_open(const char *dir, bool read_only, struct audit **ret_a, struct diag *d);
struct audit *audit_close(struct audit *a);
/* Adds a row (e->seq and hash are not read) and makes it durable. *ret_seq may be NULL. */
MUST int audit_add(struct audit *a, const struct audit_entry *e, uint64_t *ret_seq,
		   struct diag *d);
/*
 * Newest first: rows with seq < before (0 = all), at most limit (0 = 100), of one object when
 * it is not empty. Strings live during the call; row != 0 stops.
 */
MUST int audit_list(struct audit *a, uint64_t before, struct str object, size_t limit,
		    int (*row)(const struct audit_entry *e, void *arg), void *arg,
		    struct diag *d);
/* Reads all rows. 0 and the report, or <0 when the file cannot be read. */
MUST int audit_verify(struct audit *a, struct audit_report *ret_r, struct diag *d);

#endif
