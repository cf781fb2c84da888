/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/sql_impl: what writing (sql.c) and asking (sql_find.c) share.
 */
#ifndef STORE_SQL_IMPL_H
#define STORE_SQL_IMPL_H
#include "store/sql.h"
#include "store/sqlite_fail.h"

#define NAMES_MAX 8 /* names of an entity that are kept */

/* The order of the queue as one number, the gravest first; indexes have it, so it stays. */
#define SQL_RANK "-(severity*65536+score)"

/* The busiest entity first. */
#define SQL_BUSY "-events"

/* Prepared statements of the writer. */
enum {
	ST_FINDING,
	ST_UNLINK_ENT,
	ST_UNLINK_EV,
	ST_LINK_ENT,
	ST_LINK_EV,
	ST_ENTITY,
	ST_ENAME,
	ST_EFACT,
	ST_META,
	ST_FEED,
	ST_RATE,
	ST_COUNT
};

struct sql {
	sqlite3 *db;
	sqlite3_stmt *st[ST_COUNT];
	sqlite3_stmt *person; /* sql_person, made when first asked */
	/* sql_findings.c: the rows of the words last asked for, and how many. */
	uint64_t words_key, words_n;
	struct buf words;
	bool open_txn;
	unsigned puts;
};

/* Fills d with what SQLite says; returns -EIO, or -ENOSPC when the disk is full. */
int sql_fail(struct sql *s, struct diag *d);
/* Text that lives until the statement is reset. */
void sql_bind(sqlite3_stmt *st, int i, struct str v);
/* A view that lives until the next step. */
struct str sql_column(sqlite3_stmt *st, int i);

#endif
