/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/evidence: one stored record read once more for a person: its attributes, and for a
 * process its ancestors and children. Reads the store only. One thread.
 */
#ifndef INCIDENT_EVIDENCE_H
#define INCIDENT_EVIDENCE_H
#include "base/buf.h"
#include "incident/inquiry.h"

struct evidence;

/* conf: its store and sources are read. 0, or <0 with d. */
MUST int evidence_open(const struct inquiry_conf *conf, struct evidence **ret_e,
		       struct diag *d);
struct evidence *evidence_free(struct evidence *e);

/*
 * Opening one reads all sources (0.2 s), so who answers many requests keeps those that nobody
 * uses for the next; they are made anew when a file of the folder has changed. conf's sources
 * are borrowed. Any thread. NULL: no memory.
 */
struct evidence_pool;
struct evidence_pool *evidence_pool_new(const struct inquiry_conf *conf);
struct evidence_pool *evidence_pool_free(struct evidence_pool *p);
/* One that reads st, until it is given back. 0, or <0 with d. */
MUST int evidence_take(struct evidence_pool *p, struct store *st, struct evidence **ret_e,
		       struct diag *d);
/* NULL is fine. */
void evidence_give(struct evidence_pool *p, struct evidence *e);
/* Of the pool: another store, and what its files were; what records said is forgotten. */
void evidence_use(struct evidence *e, struct store *st, uint64_t stamp);
uint64_t evidence_stamp(const struct evidence *e);
MUST int evidence_forget(struct evidence *e);

/* {"name": value, ...} of a record; {} when its source is not known any more. */
MUST int evidence_attributes(struct evidence *e, const struct store_event *se, struct buf *out);

/*
 * The process of the first record of this id: {"processes":[...]}, ancestors first, each with
 * "depth" (its own is 0, the parent's -1, children's 1), "event_id", "time", "path",
 * "cmd_line" (unless masked), "uid", "user". At most 8 ancestors and 200 children, of which
 * "more" says that there are others. E_NOTFOUND: no such record, or it tells of no process.
 */
MUST int evidence_process(struct evidence *e, struct str id, bool masked, struct buf *out,
			  struct diag *d);

#endif
