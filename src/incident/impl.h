/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/impl: what the files of this folder share: a step (one model's alerts on one key
 * entity) and an incident (steps in order of time).
 */
#ifndef INCIDENT_IMPL_H
#define INCIDENT_IMPL_H
#include "base/map.h"
#include "base/timeutil.h"
#include "incident/edges.h"
#include "incident/incident.h"

#define STEPS_MAX   200u  /* of one incident; a full one closes and a new one opens */
#define ALERTS_MAX  1000u /* the same */
#define EVENTS_MAX  500u  /* ids beyond those that alerts cite themselves */
#define NAMES_MAX   64u
#define KEYS_MAX    128u /* join keys of one incident, oldest given up first */
#define LINKS_MAX   32u
#define LINK_EVENTS 4u
#define STEP_ATTACK 8u
#define STEP_WHY    4u
#define STEP_KEYS   12u
#define TACTICS	    14
/* A door that was found once is tried again: what comes through it belongs together. */
#define AGAIN_WINDOW (7 * 24 * NS_PER_H)

/* A signal is what surprised although no model spoke of it. */
enum step_kind { STEP_ALERT, STEP_NOTE, STEP_COMPLIANCE, STEP_SIGNAL };

/* Owned copies of ids, in order of arrival. */
struct ids {
	struct str *v;
	size_t n, cap, bytes;
};

struct step {
	enum step_kind kind;
	uint64_t fold; /* of model and key entity */
	int64_t time, last;
	uint64_t count;
	enum severity severity;
	unsigned score;
	struct str alert_id, model, title, phase, text, advice, response;
	struct str attack[STEP_ATTACK];
	size_t nattack;
	struct str names[ALERT_ENTS_MAX];
	uint8_t kinds[ALERT_ENTS_MAX]; /* enum ent_kind, or ENT_KIND_COUNT when unknown */
	uint8_t roles[ALERT_ENTS_MAX]; /* enum ent_role, of what the alert was made from */
	size_t nnames;
	struct why why[STEP_WHY];
	size_t nwhy;
	struct ids alerts, events;
	uint64_t keys[STEP_KEYS]; /* by which it belongs to its incident */
	size_t nkeys;
	uint64_t own; /* edges_bit of all its entities */
	bool derived; /* adds up other signs: no evidence of its own */
	char *pool;   /* holds the text of all slices above but the ids */
	size_t pool_len;
};

/* Why an alert came in: not by sharing an entity but over an edge. */
struct link {
	struct str from;   /* owned: name of the alert's entity */
	struct str to;	   /* owned: of the incident's */
	struct ids events; /* of the alert, at most LINK_EVENTS */
	uint8_t kind;	   /* enum edge_kind */
	int64_t time;	   /* the edge was last seen */
};

struct inc_key {
	uint64_t key;
	int64_t last;
	bool strong; /* fit to merge two incidents, not only to join */
};

struct inc {
	char id[20], merged_into[20], split_from[20];
	uint32_t slot;
	bool compliance;
	const char *status;
	int64_t time, updated;
	struct step **steps; /* sorted by time, then alert id */
	size_t nsteps, cap;
	size_t nalerts;
	struct inc_key keys[KEYS_MAX];
	size_t nkeys;
	struct link links[LINKS_MAX];
	size_t nlinks;
	size_t bytes;
};

/* What is told of an incident at one moment. */
struct telling {
	struct buf title, summary, json;
	struct str *entities, *alerts, *events;
	size_t nentities, nalerts, nevents;
	size_t cap_alerts, cap_events;
	struct map seen; /* hashes of event ids */
	enum severity severity;
	unsigned score, tactics;
};

/* One way by which an alert may find its incident. */
struct way {
	uint64_t key;
	int64_t time; /* of the edge; of the alert when direct */
	uint8_t from; /* index of the alert's entity */
	uint8_t kind; /* enum edge_kind, or WAY_DIRECT */
	bool strong;
	bool lasting; /* the incident is found by this key from now on */
	bool hub;     /* a hub that is concerned itself; its neighbours are not */
	bool brief;   /* joins within a quarter of the window only */
	bool again;   /* the same door of the same device: joins within AGAIN_WINDOW */
	bool crowded; /* a hub, unless the incident itself made it one */
};

#define NOTES_MAX 256u

/* A note that waits for an incident to belong to. */
struct waiting {
	struct step *step;
	uint64_t keys[ALERT_ENTS_MAX];
	size_t nkeys;
};

struct incidents {
	struct entities *en;
	struct edges *edges;
	struct signals *signals;
	int64_t window, swept;
	size_t memory, bytes; /* of incidents and waiting notes */
	struct inc **open;    /* by slot; NULL where free */
	size_t cap;
	struct map keys;		 /* join key -> slot + 1 */
	struct waiting notes[NOTES_MAX]; /* oldest first */
	size_t nnotes;
	struct telling t;
};

#define WAY_DIRECT UINT8_MAX
#define WAYS_MAX   128u

struct ways {
	struct way v[WAYS_MAX];
	size_t n;
};

/* ways.c */
void ways_find(struct ways *w, const struct alert *a, const struct entities *en,
	       const struct edges *g, int64_t window);
/* Whether it tells of a service that was broken into, not merely tried. */
bool ways_exploit(struct str phase, const struct str *attack, size_t n);
/* The key under which the compliance queue gathers: device or account, else the first. */
uint64_t ways_compliance(const struct alert *a, const struct entities *en);

/* steps.c */
MUST int step_new(const struct alert *a, const struct entities *en, struct step **ret_s);
/* One that a learned quantity makes, not a model; everything is copied. */
MUST int step_signal(int64_t time, struct str phase, struct str entity, uint8_t kind,
		     const struct why *why, struct str event_id, struct step **ret_s);
/* s holds numbers, and text and ids of others, which it takes copies of. */
MUST int step_own(struct step *s);
/* Each id once, as a copy. 0 or -ENOMEM. */
MUST int ids_add(struct ids *l, struct str id);
void ids_free(struct ids *l);
MUST int step_cite(struct step *s, bool alert, struct str id);
struct step *step_free(struct step *s);
size_t step_bytes(const struct step *s);
/* Takes a's (or the other step's) time, count and ids in; of one fold. */
MUST int step_fold(struct step *s, const struct step *more);
/* Adds s (owned from then on, folded or kept); cites an alert of another kind as context. */
MUST int inc_add(struct inc *i, struct step *s);
void inc_sort(struct inc *i);
struct inc *inc_free(struct inc *i);

/* link.c */
/* Remembers over which edge an alert came in; what cannot be named, or is too much, is not. */
MUST int link_add(struct inc *i, const struct entities *en, const struct alert *a,
		  const struct way *w);
void link_free(struct link *l);

/* split.c */
/* The bits of all that the alerts of i name. */
uint64_t inc_own(const struct inc *i);
void step_key(struct step *s, uint64_t key);
/*
 * Gives each step of i its part, from 1, in order of the parts' first steps; steps hang
 * together by shared keys that are no hubs of others. Returns the number of parts.
 */
unsigned split_parts(const struct inc *i, const struct edges *g, uint8_t part_of[STEPS_MAX]);

/* story.c */
int tactic_rank(struct str phase); /* 0.. in kill-chain order, -1 when none */
const char *tactic_text(int rank);
/* Fills all of t but json. */
MUST int telling_fill(struct telling *t, const struct inc *i);
void telling_free(struct telling *t);

/* next.c */
#define NEXT_MAX 14u
/* The advice of its alerts, orders before questions; slices of its steps. Returns how many. */
size_t next_advice(const struct inc *i, struct str v[NEXT_MAX]);
/* Calls say for each proposed action: "quarantine the device: pc7; to undo, ...". */
void next_actions(const struct inc *i, void (*say)(struct str text, void *arg), void *arg);

/* json.c */
MUST int telling_json(struct telling *t, const struct inc *i);

#endif
