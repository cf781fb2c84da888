/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main/pipeline: the way of the data wired together, from a decoded event to findings:
 *   resolve -> learn -> detect -> incident, and store.
 * One thread owns it.
 */
#ifndef MAIN_PIPELINE_H
#define MAIN_PIPELINE_H
#include "atlas/atlas.h"
#include "detect/detect.h"
#include "incident/incident.h"
#include "learn/learn.h"
#include "main/config.h"
#include "parse/source.h"
#include "store/store.h"
#include <stdio.h>

struct pipeline {
	struct schema *schema;
	struct sources *sources;
	struct oui *makers; /* of network cards; may be NULL */
	struct entities *entities;
	struct learn *learn;
	struct detect *detect;
	struct incidents *incidents;
	struct store *store; /* borrowed; may be NULL */
	struct atlas *atlas; /* the map beside it; may be NULL */
	FILE *findings;	     /* borrowed; may be NULL */
	bool stored;	     /* the event that comes is in the store already */
	bool ocsf;	     /* findings are written as OCSF, not as our own lines */
	/* Looks for evidence of an alert before it is written; or NULL. */
	void (*evidence)(void *arg, struct alert *a, const struct event *e);
	void *evidence_arg;
	struct buf line;
	struct diag diag; /* of the last error */
	uint64_t alerts, notes;
	struct {
		size_t incidents, answers, yes;
		int64_t ns; /* it took */
	} asked;
};

/* What reads incidents' questions out of the store, with the configuration's own networks. */
struct inquiry_conf;
void pipeline_inquiry(struct config *c, struct store *st, const char *dir,
		      struct inquiry_conf *ret_conf);
/* A line of the findings file. */
MUST int pipeline_line(struct pipeline *p, struct str json);

/* Loads all files and lays out the rows. 0, or <0 with a finished line in d. */
MUST int pipeline_open(struct pipeline *p, struct config *c, struct diag *d);
/* Keeps the map in the store's folder from now on; fresh: without what is there. */
MUST int pipeline_map(struct pipeline *p, const char *dir, bool fresh, struct diag *d);
void pipeline_close(struct pipeline *p);
/* One event in order of admission; mem is its batch's arena. */
MUST int pipeline_event(struct pipeline *p, struct event *e, struct arena *mem);
/* How often each suppression left something out, into the store. */
MUST int pipeline_keep_suppressed(struct pipeline *p);
/* Alerts that suppressions left out; *ret_n: how many suppressions there are. */
uint64_t pipeline_suppressed(const struct pipeline *p, size_t *ret_n);
/*
 * How learning stands, as a JSON object (docs/openapi.yaml: Learning): how much is learned,
 * what the budgets asked and gave, how surprises were spread; and the same kept in the store.
 */
void pipeline_learning(const struct pipeline *p, struct buf *b);
MUST int pipeline_keep_learning(struct pipeline *p);
/* End of the run: closes incidents, writes entities. */
MUST int pipeline_finish(struct pipeline *p, int64_t now);
/*
 * After that: asks the questions that fit each incident of the threat queue, most severe first,
 * and writes the incident anew with the answers. Without a store there is nothing to ask.
 */
MUST int pipeline_ask(struct pipeline *p, struct config *c, struct diag *d);

#endif
