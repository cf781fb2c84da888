/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/correlate: Sigma correlations: rules about what other rules matched within a time span
 * and a group. Windows slide and go by `known`; they are bounded in length and number.
 */
#ifndef DETECT_CORRELATE_H
#define DETECT_CORRELATE_H
#include "detect/impl.h"

#define CORR_REFS   32
#define CORR_GROUP  6
#define CORR_FIELDS 4
#define CORR_TERMS  64	  /* alternatives of a condition in words */
#define CORR_LONG   10000 /* matches kept of one group; no condition may ask for more */

enum corr_type {
	CORR_EVENT_COUNT,
	CORR_VALUE_COUNT,
	CORR_VALUE_SUM,
	CORR_VALUE_AVG,
	CORR_VALUE_PERCENTILE,
	CORR_VALUE_MEDIAN,
	CORR_VALUE_MIN,
	CORR_VALUE_MAX,
	CORR_TEMPORAL,
	CORR_TEMPORAL_ORDERED,
};

/* One way in which a condition in words can hold: rules that matched, and that did not. */
struct term {
	uint32_t must, never; /* bits of rules, by number */
};

struct corr {
	enum corr_type type;
	struct str names[CORR_REFS]; /* of rules, by name or id */
	struct rule *refs[CORR_REFS];
	size_t nrefs;
	struct str groups[CORR_GROUP]; /* names, maybe aliases */
	size_t ngroup;
	attr_t group[CORR_REFS][CORR_GROUP]; /* by rule, since names differ */
	struct str field[CORR_FIELDS];	     /* value_*: what is counted or summed; the first */
	size_t nfields;			     /* alone but for value_count */
	attr_t fields[CORR_REFS][CORR_FIELDS];
	int64_t span_ns;
	double low, high;	  /* the condition: low <= x <= high, */
	bool low_open, high_open; /* or < and > */
	double percentile;
	const struct yaml_node *words; /* a condition in words, or NULL */
	struct term *terms;	       /* what it comes to; one of them must hold */
	size_t nterms;
	bool generate; /* its rules speak for themselves too */
	uint64_t sign; /* of what it says: a window kept for another saying is void */
	bool own;      /* counts a part of its own document, not rules of a name */
};

/* One match. */
struct corr_entry {
	int64_t time;
	uint64_t value; /* hash */
	double number;
	uint32_t ref;
};

/* The window of one group of one correlation. */
struct corr_group {
	struct corr_entry *v; /* a ring in order of arrival, v[first] the oldest */
	size_t first, n, cap;
	double sum;
	struct map values; /* hash -> how often in the window (value_count) */
	int64_t until;
	uint64_t sign;
	struct tally ids; /* the latest matches, to be cited */
};

static inline struct corr_entry *corr_at(const struct corr_group *g, size_t i)
{
	return &g->v[(g->first + i) % g->cap];
}

/* The group of a key, made when absent; NULL when out of memory. */
struct corr_group *corr_group(struct detect *dt, uint64_t key, int64_t now);
/* Adds a match at the end. false when out of memory. */
bool corr_group_add(struct detect *dt, struct corr_group *g, struct corr_entry x);
/* Reads the correlation map of r. 0, E_SYNTAX with d filled, or -ENOTSUP with the reason in d.
 */
MUST int corr_read(struct rule *r, const struct yaml_node *n, struct diag *d);
/* After all files: finds the rules it is about and wants their attributes. */
MUST int corr_link(struct detect *dt, struct diag *d);
/*
 * Reads the condition in words of r's correlation, whose rules are known by now. 0, E_SYNTAX
 * or -ENOTSUP with the reason in d.
 */
MUST int corr_words(struct rule *r, struct diag *d);
/*
 * An aggregation of Sigma 1: `condition: selection | count(field) by group > n` with
 * `timeframe`, as a correlation of r about a rule of what stands before the bar.
 */
bool aggregate_has(const struct yaml_node *detection);
MUST int aggregate_read(struct rule *r, const struct yaml_node *detection, struct diag *d);
/* What stands before the bar. */
struct str aggregate_condition(const struct yaml_node *detection);
/*
 * Rule number ref of r's correlation matched e; from: the events it goes back to, when it is a
 * correlation itself, else NULL. Non-NULL when that completes it: the ids of the
 * matches it goes back to, valid until the next call; *ret_key is its group.
 */
struct tally *corr_feed(struct detect *dt, struct rule *r, size_t ref, const struct event *e,
			const struct tally *from, uint64_t *ret_key);
void corr_clear(struct detect *dt);
struct corr *corr_free(struct corr *c);

#endif
