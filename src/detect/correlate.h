/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/correlate: Sigma correlations: rules about what other rules matched within a time span
 * and a group. Windows slide and go by `known`; they are bounded in length and number.
 */
#ifndef DETECT_CORRELATE_H
#define DETECT_CORRELATE_H
#include "detect/impl.h"

#define CORR_REFS  16
#define CORR_GROUP 6
#define CORR_LONG  10000 /* matches kept of one group; no condition may ask for more */

enum corr_type {
	CORR_EVENT_COUNT,
	CORR_VALUE_COUNT,
	CORR_VALUE_SUM,
	CORR_VALUE_AVG,
	CORR_VALUE_PERCENTILE,
	CORR_TEMPORAL,
	CORR_TEMPORAL_ORDERED,
};

struct corr {
	enum corr_type type;
	struct str names[CORR_REFS]; /* of rules, by name or id */
	struct rule *refs[CORR_REFS];
	size_t nrefs;
	struct str groups[CORR_GROUP]; /* names, maybe aliases */
	size_t ngroup;
	attr_t group[CORR_REFS][CORR_GROUP]; /* by rule, since names differ */
	struct str field;		     /* value_*: what is counted or summed, or empty */
	attr_t fields[CORR_REFS];
	int64_t span_ns;
	double low, high;	  /* the condition: low <= x <= high, */
	bool low_open, high_open; /* or < and > */
	double percentile;
	bool generate; /* its rules speak for themselves too */
};

/* Reads the correlation map of r. 0, E_SYNTAX with d filled, or -ENOTSUP with the reason in d.
 */
MUST int corr_read(struct rule *r, const struct yaml_node *n, struct diag *d);
/* After all files: finds the rules it is about and wants their attributes. */
MUST int corr_link(struct detect *dt, struct diag *d);
/*
 * Rule number ref of r's correlation matched e. Non-NULL when that completes it: the ids of the
 * matches it goes back to, valid until the next call; *ret_key is its group.
 */
struct tally *corr_feed(struct detect *dt, struct rule *r, size_t ref, const struct event *e,
			uint64_t *ret_key);
void corr_clear(struct detect *dt);
struct corr *corr_free(struct corr *c);

#endif
