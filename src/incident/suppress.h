/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/suppress: what a person called benign need not be told again. A verdict of benign,
 * false or test proposes, for each model and entity of the incident, a Sigma filter with scope
 * and end (DIR/proposed/ID.yaml); nothing changes until it is accepted (DIR/suppress/ID.yaml),
 * from when on replay and run leave out what it names (detect_suppressions). Each step stands
 * in the audit log first.
 */
#ifndef INCIDENT_SUPPRESS_H
#define INCIDENT_SUPPRESS_H
#include "incident/inquiry.h"
#include "incident/judge.h"

#define SUPPRESS_DAYS 90 /* how long a proposal holds from the verdict on */
#define SUPPRESS_META \
	"suppressions" /* the store's fact: id, count, last of each, a tab between */

/* Whether a verdict proposes anything. */
bool suppress_fits(struct str verdict);
/*
 * Writes the proposals for an incident just judged. conf: its sources are read to find what the
 * alerts' records have in common. Returns how many are new, or <0 with d.
 */
MUST int suppress_propose(const char *dir, const struct inquiry_conf *conf,
			  const struct judgement *j, struct diag *d);

/* Who does what to which suppression, when. */
struct suppress_act {
	struct str id, by;
	struct str until; /* another end, "2026-12-31"; may be empty */
	int64_t time;	  /* ns; the caller's clock */
};
/* From proposed to applied. E_NOTFOUND when there is no such proposal. */
MUST int suppress_accept(const char *dir, const struct suppress_act *a, struct diag *d);
/* Neither proposed nor applied any more. E_NOTFOUND. */
MUST int suppress_drop(const char *dir, const struct suppress_act *a, struct diag *d);

/* One as its file tells it; strings live during the call. */
struct suppress_row {
	struct str id, title, until, incident, by;
	struct str rules, entities; /* joined by ", " */
	struct str file;
	bool accepted;
	uint64_t count; /* alerts left out in the last run */
	int64_t last;	/* TIME_NONE: none */
};
/* All, accepted ones first, each in order of id. row != 0 stops. */
MUST int suppress_list(const char *dir, int (*row)(const struct suppress_row *r, void *arg),
		       void *arg, struct diag *d);

#endif
