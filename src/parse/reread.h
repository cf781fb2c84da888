/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/reread: stored records taken apart once more, for questions about history. Has a schema
 * of its own, so that what a question reads costs the running pipeline nothing. Derived
 * attributes are there too; entities are those of the store, not worked out again.
 */
#ifndef PARSE_REREAD_H
#define PARSE_REREAD_H
#include "event/entity.h"
#include "parse/source.h"
#include "store/store.h"

struct reread;

struct reread_conf {
	const char *sources; /* folder */
	struct entities_conf entities;
};

/*
 * The schema is open: the caller compiles filters and wants attributes, then calls
 * reread_start. 0, or <0 with d.
 */
MUST int reread_open(const struct reread_conf *conf, struct reread **ret_r, struct diag *d);
struct schema *reread_schema(struct reread *r);
struct sources *reread_sources(struct reread *r);
MUST int reread_start(struct reread *r);
struct reread *reread_free(struct reread *r);
/*
 * As it was after reread_start: what records said of addresses and names, and how their types
 * are read, no longer bears on the next ones. 0 or -ENOMEM.
 */
MUST int reread_forget(struct reread *r);

/*
 * The event of a stored record, or NULL when its source is not known any more or memory ran
 * out. It lives until the next call, or, when mem is given, as long as that.
 */
const struct event *reread_event(struct reread *r, const struct store_event *se,
				 struct arena *mem);

#endif
