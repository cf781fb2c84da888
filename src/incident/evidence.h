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
