/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident: alerts joined over shared entities, causal edges and time into one story. One owner
 * applies alerts in (known, id) order; the result does not depend on threads.
 */
#ifndef INCIDENT_INCIDENT_H
#define INCIDENT_INCIDENT_H
#include "base/buf.h"
#include "detect/detect.h"

struct incidents;

struct incidents_conf {
	int64_t window_ns;   /* alerts further apart do not join by entity; 0 = 24 h */
	size_t memory_bytes; /* ceiling of open incidents; 0 = 64 MiB */
};

/* What an incident says of itself; strings live until the next incidents_* call. */
struct incident_view {
	struct str id; /* "i" + 16 hex digits, stable */
	int64_t time;  /* first alert */
	int64_t updated;
	struct str title, summary;
	enum severity severity;
	unsigned score;
	bool compliance;
	struct str status; /* open, closed, merged */
	struct str merged_into;
	struct str json; /* the whole findings line, no newline */
	const struct str *entities;
	size_t nentities;
	const struct str *alert_ids;
	size_t nalerts;
	const struct str *event_ids;
	size_t nevents;
};

MUST int incidents_new(const struct incidents_conf *conf, struct entities *en,
		       struct incidents **ret_in);
struct incidents *incidents_free(struct incidents *in);

/*
 * Wants the attributes that incidents_event reads, of the types that have them. After
 * entities_provide, before schema_freeze.
 */
MUST int incidents_want(struct schema *s);
/*
 * Every event passes here, after detect, so that edges (who started, called, issued) are known.
 * Mail makes its recipients entities, so this runs where entities_resolve does.
 */
MUST int incidents_event(struct incidents *in, const struct event *e);
#define INCIDENT_SIGNAL_NATS 4.6 /* p < 0.01 among the past of its class */

/*
 * What learning found odd in e, right after learn_event: results from that on are remembered
 * for some hours and become part of the incident that opens on their entity, or is open. What
 * is remembered is put into words by l; NULL: r has them.
 */
MUST int incidents_signals(struct incidents *in, const struct learn *l,
			   const struct learn_result *r, size_t n, const struct event *e);
/*
 * Takes an alert or note (copies what it needs). changed() is called per incident touched: of
 * a merge, first for the one that is gone. What it returns, if not 0, ends the call.
 */
MUST int incidents_alert(struct incidents *in, const struct alert *a,
			 int (*changed)(const struct incident_view *v, void *arg), void *arg);
/* At the end of a run, or now and then: closes idle ones. */
MUST int incidents_flush(struct incidents *in, int64_t now,
			 int (*changed)(const struct incident_view *v, void *arg), void *arg);

/* The findings line of an alert (docs/INCIDENTS.md), without newline. */
void alert_json(struct buf *b, const struct alert *a);
/* The same as OCSF 1.8.0: a Detection Finding, an Incident Finding. version: of the program. */
void alert_ocsf(struct buf *b, const struct alert *a, const char *version);
void incident_ocsf(struct buf *b, const struct incident_view *v, const char *version);

#endif
