/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/impl: what the files of detect/ share. detect.c runs, model.c loads, alert.c fills,
 * window.c keeps throttle and count windows, selftest.c runs the tests inside the models.
 */
#ifndef DETECT_IMPL_H
#define DETECT_IMPL_H
#include "base/map.h"
#include "detect/detect.h"
#include "event/filter.h"

#define KEYS_MAX 4

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

struct rule {
	struct model model;
	struct yaml *yaml; /* kept: the tests stand in it */
	const struct yaml_node *root;
	struct filter *filter;
	struct key_part key[KEYS_MAX];
	size_t nkey;
	struct count_rule count;
	bool *types; /* [record types] whose log source fits */
	bool possible;
	attr_t learned[8]; /* learned.* attributes it reads: their quantities explain it */
	size_t nlearned;
};

struct window {
	uint64_t key;
	int64_t until; /* of a throttle: matches before it fold into what was said */
};

/* A running count of one rule and key. */
struct tally {
	int64_t times[ALERT_IDS_MAX];
	uint64_t hashes[ALERT_IDS_MAX]; /* of the distinct values, or of the sequence number */
	uint64_t seqs[ALERT_IDS_MAX];
	char *ids[ALERT_IDS_MAX];
	size_t n;
	int64_t last;
};

struct detect {
	struct schema *schema;
	struct entities *entities;
	struct learn *learn;
	struct rule **rules;
	const struct model **models; /* the same, as others see them */
	size_t nrules, cap;
	struct rule ***by_type; /* [record types]: rules that may fire, NULL-terminated */
	size_t ntypes;
	struct map throttle; /* hash of rule and key -> end of window */
	struct map tallies;  /* hash of rule and key -> struct tally * */
	const struct model *matched[64];
	size_t nmatched;
};

/* Loads a file's rule. 0, or <0 with a finished line in d. */
MUST int rule_load(struct detect *dt, const char *dir, const char *path, struct diag *d);
struct rule *rule_free(struct rule *r);
/* Marks the record types whose log source fits, and wants the attributes there. */
MUST int rule_bind(struct rule *r, struct schema *s, struct diag *d);

/* Hash of the rule and the values of its key for e; 0 when e has none of them. */
uint64_t rule_key(const struct detect *dt, const struct rule *r, const struct event *e);
/* Fills a new alert. NULL when out of memory. */
struct alert *alert_make(struct detect *dt, const struct rule *r, const struct event *e,
			 uint64_t key, const struct tally *t);
/* Replaces {actor} and {attribute} of a template; unknown and empty ones become "?"... */
struct str fill_template(const struct detect *dt, struct arena *mem, struct str text,
			 const struct event *e);

/* Whether a match at now may speak (opens the window), or falls into one. */
bool window_open(struct detect *dt, uint64_t key, int64_t now, int64_t length_ns);
/* Adds a match; non-NULL when the count is reached (and then starts anew after use). */
struct tally *tally_add(struct detect *dt, const struct rule *r, uint64_t key,
			const struct event *e);
void tally_reset(struct tally *t);
void tallies_free(struct detect *dt);
/* Forgets windows and tallies (between tests). */
void windows_clear(struct detect *dt);

#endif
