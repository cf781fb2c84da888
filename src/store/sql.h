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
MUST int sql_finding_rate(struct sql *s, struct str kind, struct str id, int severity,
			  unsigned score, struct str json, struct diag *d);
MUST int sql_entities_put(struct sql *s, const struct entities *en, struct diag *d);
MUST int sql_meta_put(struct sql *s, const char *key, struct str value, struct diag *d);
struct str sql_meta_get(struct sql *s, const char *key, struct arena *mem);
MUST int sql_findings(struct sql *s, const struct store_query *q,
		      int (*row)(const struct store_finding *f, void *arg), void *arg,
		      struct diag *d);
MUST int sql_entities(struct sql *s, const struct store_query *q,
		      int (*row)(const struct store_entity *e, void *arg), void *arg,
		      struct diag *d);
/* As store_findings_count, store_feed, store_feed_end, store_models and store_meta_each. */
MUST int sql_findings_count(struct sql *s, const struct store_query *q, uint64_t max,
			    uint64_t *ret_n, struct diag *d);
MUST int sql_feed(struct sql *s, uint64_t since, size_t limit,
		  int (*row)(uint64_t number, struct str kind, struct str id, void *arg),
		  void *arg, struct diag *d);
MUST int sql_feed_end(struct sql *s, uint64_t *ret_number, struct diag *d);
MUST int sql_models(struct sql *s,
		    int (*row)(struct str model, struct str kind, uint64_t n, void *arg),
		    void *arg, struct diag *d);
MUST int sql_meta_each(struct sql *s, int (*row)(struct str key, struct str value, void *arg),
		       void *arg, struct diag *d);
MUST int sql_entity_class(struct sql *s, struct str kind, struct str name, struct arena *mem,
			  struct str *ret_class, struct diag *d);
MUST int sql_entity_names(struct sql *s, struct str kind, struct str name, struct arena *mem,
			  struct str *ret_v, size_t max, size_t *ret_n, struct diag *d);
/* As store_retain. */
MUST int sql_retain(struct sql *s, int64_t before, uint64_t *ret_n, struct diag *d);
/* As store_person, store_known and store_persons. */
MUST int sql_person(struct sql *s, struct str word, struct arena *mem, struct str *ret_name,
		    struct diag *d);
MUST int sql_known(struct sql *s, struct str name, struct diag *d);
MUST int sql_persons(struct sql *s, int (*row)(struct str name, void *arg), void *arg,
		     struct diag *d);

#endif
