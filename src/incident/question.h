/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/question: what the files of the inquiry share: a question as its file declares it,
 * the matter it is asked about, and what a look-up found.
 */
#ifndef INCIDENT_QUESTION_H
#define INCIDENT_QUESTION_H
#include "base/json.h"
#include "base/map.h"
#include "base/timeutil.h"
#include "event/filter.h"
#include "incident/inquiry.h"
#include "parse/reread.h"

#define LOOKS_MAX      4
#define MATCH_MAX      4
#define LETS_MAX       6
#define NAMES_OF_VAR   10
#define CITES_MAX      6
#define VALUES_MAX     5
#define HYPOTHESES_MAX 16
#define TERMS_MAX      8
#define LIST_MAX       12
#define MATTER_EVENTS  160
#define KNOWN_VARS     64

/* A name bound to an entity (kind:name and its other names) or to a value of an event. */
struct var {
	struct str name;
	struct str key;			/* of entities: kind:name, as it was met */
	struct str text;		/* as shown */
	struct str names[NAMES_OF_VAR]; /* what counts as it, without kind */
	struct str full[NAMES_OF_VAR];	/* the same with kind; entities only */
	size_t n;
	bool entity;
};

#define VARS_MAX (ENT_KIND_COUNT + LETS_MAX)

struct binding {
	struct var v[VARS_MAX];
	size_t n;
	int64_t t0, t1; /* first and last of the events concerned */
	struct str cites[CITES_MAX];
	size_t ncites;
};

/* attribute is, or is not, what a variable stands for. */
struct match {
	attr_t attr;
	struct str var;
	bool not ;
};

enum look_when { WHEN_ALL, WHEN_BEFORE, WHEN_AFTER, WHEN_AROUND, WHEN_DURING };

struct look {
	struct str name;
	struct str of[3]; /* variables whose entities the event has, all of them */
	size_t nof;
	struct str types[LIST_MAX]; /* record types, "zeek.*" too */
	size_t ntypes;
	struct str but[LIST_MAX]; /* record types that are passed over */
	size_t nbut;
	int classes[LIST_MAX];
	size_t nclasses;
	struct filter *where; /* or NULL */
	struct match match[MATCH_MAX];
	size_t nmatch;
	enum look_when when;
	int64_t span_ns;
	int entities;	      /* counts entities of this kind, not events; or -1 */
	struct str ends;      /* whose name ends with what this variable stands for */
	attr_t distinct, sum; /* or ATTR_NONE */
	struct str alike;     /* only devices of the same sort as this variable, or empty */
	struct str distinct_entity; /* "device": distinct entities of this kind instead */
};

struct found {
	uint64_t count, distinct;
	double sum;
	int64_t first, last;
	struct str values[VALUES_MAX];
	struct str cites[CITES_MAX];
	size_t nvalues, ncites;
	bool cut;	  /* more was there than is looked at */
	struct str among; /* which devices alone were looked at, in words; or empty */
};

/* operand: a number, or a measure of a look-up (look < 0: of the matter). */
struct operand {
	int look;
	char measure;
	double number;
};

struct term {
	struct operand a, b;
	char op;  /* < > = ! l (<=) g (>=) */
	bool or_; /* begins a new alternative */
};

struct condition {
	struct term t[TERMS_MAX];
	size_t n;
};

struct weights {
	double w[HYPOTHESES_MAX];
};

struct question {
	struct yaml *doc; /* owns all text */
	struct str id, title;
	struct str phases[LIST_MAX], families[LIST_MAX], models[LIST_MAX];
	size_t nphases, nfamilies, nmodels;
	bool always;	/* none of them is asked for */
	int each;	/* enum ent_kind */
	bool anybody;	/* devices and accounts too that the alerts merely name */
	bool outsiders; /* accounts too of which only their mail is known */
	int64_t most;
	struct {
		struct str name;
		attr_t attr[4];
		size_t nattr;
		int kind; /* the value names an entity of this kind, or -1 */
	} let[LETS_MAX];
	size_t nlet;
	struct look look[LOOKS_MAX];
	size_t nlooks;
	struct condition yes, no, enough;
	struct str say[3]; /* yes, no, unknown */
	struct weights weigh[2];
};

struct hypothesis {
	struct str name, text;
	struct str phases[LIST_MAX], families[LIST_MAX];
	struct str alone[LIST_MAX]; /* phases that count when the models named no other */
	size_t nphases, nfamilies, nalone;
	double prior;
};

struct questions {
	struct question **v;
	size_t n, cap;
	struct yaml *hyp_doc, *story_doc; /* story.yaml: the sentences that join the others */
	struct hypothesis h[HYPOTHESES_MAX];
	size_t nh;
	int benign; /* index of benign_change, or -1 */
	struct schema *schema;
};

/* One cited event, with the names the store has for its entities. */
struct fact {
	const struct event *e;
	struct str *ents;
	size_t nents;
	int step;    /* index of the step that cites it, -1 when none */
	bool signal; /* that step is a weak signal */
};

/* An answer, as it stands in the line. */
struct answer {
	const struct question *q;
	int what; /* 0 yes, 1 no, 2 unknown */
	struct str entity, text;
	struct str cites[CITES_MAX];
	size_t ncites;
};

#define ANSWERS_MAX 160

/* All that was found out about one matter. */
struct findings {
	struct answer a[ANSWERS_MAX];
	size_t n;
	double weight[HYPOTHESES_MAX], share[HYPOTHESES_MAX];
	size_t winner, second;
};

/* What is asked about. */
struct matter {
	struct arena mem;
	struct fact f[MATTER_EVENTS];
	size_t n;
	struct str names[64]; /* entities that count; none: all */
	size_t nnames;
	struct var known[KNOWN_VARS]; /* entities bound so far, the latest */
	size_t nknown;
	struct str leads[32]; /* those that a step is about, not merely names */
	size_t nleads;
	struct str phases[32], families[32], models[64];
	size_t nphases, nfamilies, nmodels;
	int64_t t0, t1;
	bool compliance; /* it is of that queue */
	struct str cites[CITES_MAX];
	size_t ncites;
};

/* One stored event of an entity. */
struct past {
	struct store_event se; /* without id, raw and extra until whole */
	bool whole;
	const struct rectype *type; /* NULL: its source is not known any more */
	const struct event *e;	    /* once it was asked for */
	bool tried;
};

/*
 * Those of one entity: near the matter, and before and after that once they were asked for.
 * from and to: the time of which nothing is missing, unless holes.
 */
struct history {
	uint64_t key; /* 0: free */
	struct arena mem;
	struct past *v; /* in order of seq */
	size_t n, cap;
	int64_t from, to, near_from, near_to;
	bool holes, before, after, all_before, all_after;
};

#define HISTORIES 12u

struct inquiry {
	struct store *store;
	struct history history[HISTORIES];
	struct map bytes_of; /* place -> the store_event in bytes; of the matter at hand */
	struct arena bytes;
	size_t next_history;
	int64_t t0, t1; /* of the matter at hand */
	struct reread *reread;
	struct questions qs;
	size_t unpacked; /* events looked at, in all */
};

/* question.c */
MUST int questions_load(const char *dir, struct schema *s, struct questions *ret_q,
			struct diag *d);
void questions_free(struct questions *q);
bool glob_match(struct str pattern, struct str s);

/* inquiry_json.c */
/* Writes line (a JSON object in j) with the findings, severity and score as they are now. */
MUST int findings_json(const struct inquiry *q, const struct json *j, const struct findings *f,
		       struct arena *mem, struct buf *out, struct inquiry_result *r);

/* A text of story.yaml as it stands there, or empty. */
struct str story_text(const struct inquiry *q, const char *key);
/* The sentence of story.yaml by this key, with {about} filled in. */
void story_about(struct buf *b, const struct inquiry *q, const char *key, struct str about);

/* qexpr.c */
MUST int condition_parse(const struct yaml *y, const struct yaml_node *n,
			 const struct question *q, struct condition *ret_c, struct diag *d);
bool condition_true(const struct condition *c, const struct found *f, const struct binding *b);
/* Fills the template: {device}, {look.count} ... Unknown names are an error of questions_load.
 */
void sentence_fill(struct buf *b, struct str tpl, const struct question *q,
		   const struct found *f, const struct binding *v);
MUST int sentence_check(const struct yaml *y, const struct yaml_node *n,
			const struct question *q, struct diag *d);

/*
 * history.c: what is stored of x around a matter, at least as far as [from, to) reaches; lives
 * until history_clear, but what stands in it may move at the next call.
 */
MUST int history_of(struct inquiry *q, const struct var *x, int64_t from, int64_t to,
		    struct history **ret_h, struct diag *d);
/* The bytes of p into it. */
MUST int history_bytes(struct inquiry *q, struct history *h, struct past *p, struct diag *d);
/* *ret_e is NULL when its source is not known any more. */
MUST int history_event(struct inquiry *q, struct history *h, struct past *p,
		       const struct event **ret_e, struct diag *d);
void history_clear(struct inquiry *q);

/* look.c */
MUST int look_up(struct inquiry *q, const struct look *l, const struct binding *b,
		 struct arena *mem, struct found *ret_f, struct diag *d);

/* alike.c: devices compared with their like alone. */
struct alike {
	struct inquiry *q;
	struct arena *mem;
	struct str sort;  /* class of the plant's or the building's devices; empty: no limit */
	struct map known; /* name -> 1 it is of that sort, 2 it is not */
};
/* As the look-up and the binding say; sort is empty when they limit nothing. */
MUST int alike_init(struct alike *a, struct inquiry *q, const struct look *l,
		    const struct binding *b, struct arena *mem, struct diag *d);
void alike_free(struct alike *a);
/* Whether one of the event's devices is alike: 1, 0, or <0. */
MUST int alike_has(struct alike *a, const struct store_event *se, struct diag *d);

/* matter.c */
MUST int matter_of_incident(struct inquiry *q, const struct json *j, struct matter *ret_m,
			    struct diag *d);
MUST int matter_of_entity(struct inquiry *q, struct str entity, int64_t from, int64_t to,
			  struct matter *ret_m, struct diag *d);
void matter_free(struct matter *m);
/* The nth entity of a kind that counts, bound with what stands beside it; false: no nth. */
bool matter_bind(struct inquiry *q, struct matter *m, const struct question *c, size_t nth,
		 struct binding *ret_b);

#endif
