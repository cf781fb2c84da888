/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect: models over events. A model is a Sigma rule (docs/MODELS.md) that may also read
 * learned.*; what fires becomes an alert, once per throttle window, or a note when it does not
 * pass the alert budget.
 */
#ifndef DETECT_DETECT_H
#define DETECT_DETECT_H
#include "base/yaml.h"
#include "event/entity.h"
#include "event/filter.h"
#include "learn/learn.h"

enum severity { SEV_INFORMATIONAL, SEV_LOW, SEV_MEDIUM, SEV_HIGH, SEV_CRITICAL };
const char *severity_name(enum severity s);

/* Read-only facts of a loaded model; live as long as the detect. */
struct model {
	struct str name;   /* "network/beacon_new_host": path under models/ without .yaml */
	struct str family; /* "network" */
	struct str title, id, author, licence, description;
	struct str path; /* file it came from */
	enum severity level;
	bool compliance;	  /* goes to the compliance queue */
	bool critical;		  /* level critical: passes outside the budget */
	bool note;		  /* never more than a note: context for incidents */
	bool derived;		  /* adds up other signs: nothing of its own was seen */
	bool carve;		  /* files of the connections around it are kept */
	bool part;		  /* counts for another model of its file; none of its own */
	const struct str *attack; /* technique ids "T1071" */
	size_t nattack;
	struct str phase;    /* tactic of the first attack.TACTIC tag: "command-and-control" */
	struct str story;    /* template of the step's sentence; may be empty */
	struct str advice;   /* template of what to check next; may be empty */
	struct str response; /* proposed action; may be empty */
	int posture;	     /* enum ent_role of whom it shows a weakness, or -1 */
	struct str mends;    /* the model whose weakness it shows to be gone; may be empty */
	int64_t throttle_ns;
	const char *cannot_fire; /* reason, or NULL; known after detect_start */
	const char *refused;	 /* the whole complaint when it could not be read, or NULL */
	uint64_t matched, alerted, noted;
};

struct why {
	struct str quantity, usual, seen, text;
	double surprise, days;
	uint32_t peers_same, peers;
};

#define ALERT_ENTS_MAX	12
#define ALERT_IDS_MAX	64
#define ALERT_FILES_MAX 16

/* An alert or note. Strings live as long as its arena. */
struct alert {
	struct arena mem;
	char id[20];  /* "a" + 16 hex digits; stable: from model, key entity and window */
	int64_t time; /* known of the event that completed it */
	const struct model *model;
	struct str title;  /* with the entities filled in */
	struct str story;  /* the step's sentence, filled in */
	struct str advice; /* likewise */
	enum severity severity;
	unsigned score; /* 0..100 */
	double surprise;
	bool note, compliance;
	uint32_t ents[ALERT_ENTS_MAX];	  /* key entity first */
	uint8_t roles[ALERT_ENTS_MAX];	  /* enum ent_role */
	struct str names[ALERT_ENTS_MAX]; /* as shown at that moment */
	size_t nents;
	struct str event_ids[ALERT_IDS_MAX];
	uint64_t event_seqs[ALERT_IDS_MAX];
	size_t nevents;
	struct why why[8];
	size_t nwhy;
	uint64_t count; /* matches folded into it so far by the throttle */
	/* Files with the packets around it, and what was known before them; may be empty. */
	struct str packets, packets_state;
	struct str files[ALERT_FILES_MAX]; /* that passed by in them, by SHA-256 */
	size_t nfiles;
};
void alert_free(struct alert *a); /* and itself */

struct detect;

struct detect_conf {
	const char *const *dirs; /* models/ and what the user adds, in order */
	size_t ndirs;
	const char *suppress;	/* folder of accepted suppressions, or NULL; may be absent */
	const char *taxonomies; /* taxonomies/, or NULL */
	/* What %name% stands for in rules with `expand`: a map, borrowed; or NULL. */
	const struct yaml_node *placeholders;
};

/* Loads models and wants their attributes. A broken file is an error with file:line:col. */
MUST int detect_open(const struct detect_conf *conf, struct schema *s, struct detect **ret_d,
		     struct diag *d);
/* After schema_freeze: indexes, and finds which models cannot fire. */
MUST int detect_start(struct detect *dt, struct schema *s, struct entities *en,
		      struct learn *learn);
struct detect *detect_free(struct detect *dt);

/*
 * Runs all models on e (resolved and learned). New alerts and notes are handed to `out`, which
 * then owns them; a match inside a throttle window updates nothing that was handed out.
 */
MUST int detect_event(struct detect *dt, const struct event *e,
		      int (*out)(struct alert *a, const struct event *e, void *arg), void *arg);
size_t detect_models(const struct detect *dt, const struct model *const **ret_m);
/* The filter of a model; NULL for a correlation or one that is refused. */
const struct filter *detect_filter(const struct model *m);
/* Whether the log source of m has records of this type. */
bool detect_fits(const struct model *m, const struct rectype *t);
/*
 * What of a model's fields no event so far had: how many, and the first max names. *ret_events:
 * the events of its log source so far.
 */
size_t detect_unseen(const struct detect *dt, const struct model *m, struct str *ret_names,
		     size_t max, uint64_t *ret_events);
/*
 * A suppression: a Sigma filter of conf.suppress, which may name entities too (thymus:
 * entities). What it leaves out still matched and feeds correlations, but says nothing. One
 * that names no rule any more, or is over, does nothing.
 */
struct suppression {
	struct str id, title, file;
	int64_t until;	/* known from which on it no longer holds; INT64_MAX: for good */
	uint64_t count; /* alerts left out so far */
	int64_t last;	/* known of the latest of them */
	bool idle;	/* it names no rule that is loaded */
};
size_t detect_suppressions(const struct detect *dt, struct suppression *ret_v, size_t max);
/* The models that matched the last event. */
size_t detect_matched(const struct detect *dt, const struct model *const **ret_m);

/*
 * Runs the tests inside the models. Each failure is one finished line to fail(). Returns the
 * number that failed; *ret_passed counts the rest.
 */
int detect_test(struct detect *dt, struct schema *s, void (*fail)(const char *line, void *arg),
		void *arg, int *ret_passed);

#endif
