/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/sql: findings, entities and meta in SQLite (DIR/thymus.db).
 */
#ifndef STORE_SQL_H
#define STORE_SQL_H
#include "store/store.h"

struct sql;

MUST int sql_open(const char *dir, bool read_only, bool fresh, struct sql **ret_s,
		  struct diag *d);
struct sql *sql_close(struct sql *s);
/* Ends the running transaction. */
MUST int sql_commit(struct sql *s, struct diag *d);
MUST int sql_finding_put(struct sql *s, const struct store_finding *f, struct diag *d);
MUST int sql_entities_put(struct sql *s, const struct entities *en, struct diag *d);
MUST int sql_meta_put(struct sql *s, const char *key, struct str value, struct diag *d);
struct str sql_meta_get(struct sql *s, const char *key, struct arena *mem);
MUST int sql_findings(struct sql *s, const struct store_query *q,
		      int (*row)(const struct store_finding *f, void *arg), void *arg,
		      struct diag *d);
MUST int sql_entities(struct sql *s, const struct store_query *q,
		      int (*row)(const struct store_entity *e, void *arg), void *arg,
		      struct diag *d);

#endif
