/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/impl: what the files of detect/ share. model.c loads, logsource.c binds to record
 * types, index.c finds the rules worth asking, detect.c runs them, window.c keeps throttle and
 * count windows, template.c and alert.c write the alert, seen.c notes which fields the data
 * has, selftest.c runs the tests inside.
 */
#ifndef DETECT_IMPL_H
#define DETECT_IMPL_H
#include "base/map.h"
#include "detect/detect.h"
#include "detect/scan.h"
#include "event/filter.h"

#define KEYS_MAX  4
#define NAMED_MAX 24 /* attributes named in texts and extra entities */

/* Either a role or an attribute. */
struct key_part {
	int role; /* enum ent_role, or -1 */
	attr_t attr;
};

/* Fires when n matches, or n distinct values of attr, come within within_ns. */
struct count_rule {
	unsigned n; /* 0: at once */
	int64_t within_ns;
	attr_t distinct; /* ATTR_NONE: every match counts */
};

struct corr;
struct rule;

/* A Sigma filter: a user's exclusion from some or all rules. */
struct sieve {
	struct filter *filter;
	const struct yaml_node *root, *rules; /* rules: names or ids; NULL: all */
	const struct yaml *yaml;
	bool keeps;    /* its condition says what stays, not what goes */
	int64_t until; /* known from which on it no longer holds */
	/* A suppression: asked when a rule would speak. */
	bool late, idle;
	const struct yaml_node *entities; /* one of these must be in the event; NULL: any */
	struct str file;
	uint64_t count;
	int64_t last;
};

/* A correlation that counts a rule's matches, and as which of its rules. */
struct feed {
	struct rule *to;
	size_t ref;
};

struct rule {
	struct model model;
	struct yaml *yaml; /* borrowed of detect.files: the tests stand in it */
	const struct yaml_node *root;
	struct filter *filter; /* NULL: a correlation */
	struct sieve **sieves; /* the user's filters on it, suppressions too */
	size_t nsieves;
	struct corr *corr; /* or NULL */
	struct feed *feeds;
	size_t nfeeds;
	bool spoken_for; /* a correlation uses it: it speaks for itself only when aloud */
	bool aloud;
	bool lenient;	     /* of a folder of other people's rules */
	const char *refused; /* why its detection cannot be run, or NULL */
	struct key_part key[KEYS_MAX];
	size_t nkey;
	struct key_part show[KEYS_MAX]; /* entities shown beside those of the key */
	size_t nshow;
	attr_t named[NAMED_MAX]; /* attributes of the texts' placeholders */
	size_t nnamed;
	struct count_rule count;
	bool *types; /* [record types] whose log source fits */
	bool possible;
	attr_t learned[8]; /* learned.* attributes it reads: their quantities explain it */
	size_t nlearned;
};

/* A running count of one rule and key. */
struct tally {
	int64_t times[ALERT_IDS_MAX];
	uint64_t hashes[ALERT_IDS_MAX]; /* of the distinct values, or of the sequence number */
	uint64_t seqs[ALERT_IDS_MAX];
	char *ids[ALERT_IDS_MAX];
	size_t n;
	int64_t until; /* when the last of them leaves the window */
};

#define FOUND_HEADS 12	/* values of one event that are remembered together */
#define FOUND_SEEN  256 /* such combinations of a type */

/* What values lead to when they are found together. */
struct found {
	uint32_t head[FOUND_HEADS];
	size_t nheads, n; /* nheads 0: free */
	uint32_t *rules;  /* [n] all that are asked then, in order */
};

/*
 * The rules of one record type. A rule that needs a value of some attribute, or a word in it,
 * is asked only of events that have it; the others are always asked.
 */
struct type_index {
	uint32_t *always; /* indexes into detect.rules, ascending */
	size_t nalways;
	attr_t *attrs;	/* attributes some rule needs a value of */
	uint64_t *lens; /* bit n: some such value has n bytes; the last bit: 63 or more */
	size_t nattrs;
	attr_t *words; /* attributes some rule needs a word in: detect.scans finds them */
	size_t nwords;
	bool *fits;		   /* [rules] that can match here at all */
	struct filter_lean **lean; /* [rules] NULL: the filter itself is asked */
	struct map heads;	   /* hash of attribute and value -> 1 + index into links */
	struct {
		uint32_t rule, next; /* next: 1 + index, or 0 */
	} * links;
	size_t nlinks;
	struct found *seen; /* [FOUND_SEEN] by hash of the heads; made when first needed */
};

struct detect {
	struct schema *schema;
	struct entities *entities;
	struct learn *learn;
	struct rule **rules;
	const struct model **models; /* the same, as others see them */
	size_t nrules;
	struct type_index *index; /* [record types] */
	size_t ntypes;
	struct arena leans;  /* the filters as each type has them */
	struct scan **scans; /* [attributes] words that rules need there, or NULL */
	uint32_t *found;     /* [nrules] scratch of index_find */
	uint64_t *stamps;    /* [nrules] last search that found it */
	uint64_t stamp;
	struct map throttle;   /* hash of rule and key -> end of window */
	struct map spoken;     /* entity -> known of its last alert in the threat queue */
	struct map tallies;    /* hash of rule and key -> struct tally * */
	struct map groups;     /* hash of correlation and group -> its window */
	size_t corr_entries;   /* matches in all of those */
	struct sieve **sieves; /* the user's filters */
	size_t nsieves;
	struct yaml **files; /* read; rules and filters stand in them */
	size_t nfiles;
	struct yaml **taxonomies;
	size_t ntaxonomies;
	const struct model **matched; /* [nrules] by the last event */
	size_t nmatched;
	struct unseen *unseen; /* [record types] */
	const struct yaml_node *placeholders;
	bool quiet; /* nothing is said: a test */
	bool late;  /* what is being loaded are suppressions */
};

/* The slots of a record type that were empty in all of its events so far. */
struct unseen {
	uint16_t *slots;
	size_t n;
	uint64_t events;
};
MUST int seen_start(struct detect *dt);
void seen_free(struct detect *dt);
void seen_event(struct detect *dt, const struct event *e);

/*
 * Loads the rules, correlations and filters of a file. lenient: what is wrong with one of them
 * is its own refusal, not an error of all. 0, or <0 with a finished line in d.
 */
MUST int rule_load(struct detect *dt, const char *dir, const char *path, bool lenient,
		   struct diag *d);
struct rule *rule_free(struct rule *r);
/* Marks the record types whose log source fits, and wants the attributes there. */
MUST int rule_bind(struct rule *r, struct schema *s, struct diag *d);
/*
 * Compiles the detection map n of document root with the names of its log source; skip is a key
 * that is no selection, or NULL, condition stands in place of the map's own unless p is NULL.
 */
MUST int rule_filter(const struct detect *dt, const struct yaml *y,
		     const struct yaml_node *root, const struct yaml_node *n, const char *skip,
		     struct str condition, struct filter **ret_f, struct diag *d);
/* What d says is why r cannot be run; the others are not stopped. */
MUST int rule_refuse(struct rule *r, const struct diag *d);
/* r, no correlation, matched e: counts and feeds correlations, but says nothing. */
MUST int rule_try(struct detect *dt, struct rule *r, const struct event *e);
/* Reads taxonomies/ (dir may be NULL). */
MUST int taxonomies_load(struct detect *dt, const char *dir, struct diag *d);
void taxonomies_free(struct detect *dt);
/* The attribute that a field's name stands for in rules of a log source; else the name. */
struct str taxonomy_name(const struct detect *dt, const struct yaml_node *logsource,
			 struct str field);
/* Whether one of the user's filters leaves out what r matched in e. */
bool rule_sifted(const struct rule *r, const struct event *e);
/* Whether a suppression keeps r from speaking of e; counts it. */
bool rule_suppressed(const struct detect *dt, const struct rule *r, const struct event *e);
/* Reads the filter of a document; after all files, sieves_link gives them to their rules. */
MUST int sieve_load(struct detect *dt, struct yaml *y, const struct yaml_node *root,
		    struct diag *d);
MUST int sieves_link(struct detect *dt, struct diag *d);
void sieves_free(struct detect *dt);
/* Calls fn with the name in each {placeholder} of a text, until fn returns < 0. */
MUST int template_names(struct str text, int (*fn)(struct str name, void *arg), void *arg);
/*
 * Fills {actor}, {attribute} and so on. A role that is missing becomes a plain word ("a
 * device"); an attribute that is missing goes, with the preposition before it.
 */
struct str template_fill(const struct detect *dt, struct arena *mem, struct str text,
			 const struct event *e);

/* Indexes all rules by record type and says of each whether it can fire. */
MUST int index_build(struct detect *dt);
void index_free(struct detect *dt);
/* Rules worth asking of e, in order; *ret_rules lives until the next call. */
size_t index_find(struct detect *dt, const struct event *e, const uint32_t **ret_rules);

/* Of v as a list: of its items and their order. */
uint64_t list_hash(const struct val *v);
/* Hash of the rule and the values of its key for e. */
uint64_t rule_key(const struct detect *dt, const struct rule *r, const struct event *e);
/* Fills a new alert. NULL when out of memory. */
struct alert *alert_make(struct detect *dt, const struct rule *r, const struct event *e,
			 uint64_t key, const struct tally *t);
/* Points from 0 to 100; the formula stands in docs/MODELS.md. */
unsigned alert_score(enum severity level, double surprise);

/* Whether a match at now may speak (opens the window), or falls into one. */
bool window_open(struct detect *dt, uint64_t key, int64_t now, int64_t length_ns);
/* Adds a match; non-NULL when the count is reached. */
struct tally *tally_add(struct detect *dt, const struct rule *r, uint64_t key,
			const struct event *e);
void tally_reset(struct tally *t);
/* Forgets windows and tallies (between tests, at the end). */
void windows_clear(struct detect *dt);

#endif
