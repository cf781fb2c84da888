/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/filter_priv: the compiled form, shared by filter_build.c (makes selections),
 * filter_expand.c (placeholders), filter_cond.c (reads the condition), filter_steps.c (puts it
 * in the order in which it is asked), filter.c (asks) and filter_anchor.c. For these alone.
 */
#ifndef EVENT_FILTER_PRIV_H
#define EVENT_FILTER_PRIV_H
#include "event/filter.h"
#include "event/list.h"
#include "event/pattern.h"

/* One field with its values. */
struct item {
	attr_t attr;	  /* ATTR_NONE: a keyword, searched in the whole record */
	attr_t ref;	  /* fieldref: the other field, else ATTR_NONE */
	uint8_t ref_kind; /* PAT_EQUAL, PAT_CONTAINS, PAT_STARTS or PAT_ENDS */
	bool cased, all, neq;
	bool texts; /* every pattern is asked of the value's text */
	struct pattern *pats;
	size_t npats;
	uint64_t lens; /* bit n: some text may be n bytes long, the last bit: or longer; 0: any
			*/
	struct list *list; /* owned; instead of patterns */
	struct item *next; /* all of the filter */
};

enum node_kind { NODE_ITEM, NODE_AND, NODE_OR, NODE_NOT };

struct node {
	uint8_t kind;
	uint32_t cost; /* of its anchors, 0: not worked out yet (filter_anchor.c) */
	uint32_t work; /* of asking all below, 0: not worked out yet (filter_steps.c) */
	const struct item *item;
	struct str name;	   /* of the selection it is; else empty */
	struct node *child, *next; /* first child; sibling */
};

/* A question, and the number of the next one after yes and after no; or one of these ends. */
#define STEP_YES UINT32_MAX
#define STEP_NO	 (UINT32_MAX - 1)

struct step {
	const struct item *item;
	uint32_t yes, no;
};

struct filter {
	struct arena mem; /* all below but steps and what PCRE2 and lists own */
	struct node *root;
	struct step *steps;
	size_t nsteps;
	uint32_t first;
	struct item *items;
	attr_t *attrs;
	size_t nattrs;
};

/* What is carried while one detection map is compiled. */
struct filter_build {
	struct schema *schema;
	const struct yaml *y;
	const struct yaml_node *map; /* the detection */
	struct filter_how how;
	struct filter *f;
	struct diag *d;
	struct node *sels; /* selections in order; */
	struct str *names; /* their names */
	size_t nsels;
};

bool filter_item_match(const struct item *it, const struct event *e);
/* Work of asking all of n, remembered in it. */
uint32_t filter_work(struct node *n);
/* Fills the steps of f from its tree. 0, -ENOMEM, or E_LIMIT when they are too many. */
MUST int filter_lay(struct filter *f);

/* One question, asked of e. */
bool filter_item_match(const struct item *it, const struct event *e);

/* NULL with *ret_r = -ENOMEM and d filled when out of memory. */
struct node *filter_node(struct filter_build *b, enum node_kind kind);
int filter_nomem(struct filter_build *b);
/* The selection under map entry n, as *ret_node. */
MUST int filter_selection(struct filter_build *b, const struct yaml_node *n,
			  struct node *ret_node);
/* lists/NAME or lists/NAME.txt beside a file of rules or in a folder above it. */
bool filter_list_path(const char *file, struct str name, char out[4096]);
/* The values that n stands for, its placeholders replaced: *ret_count of them, linked. */
MUST int filter_expand(struct filter_build *b, const struct yaml_node *n,
		       const struct yaml_node **ret_first, size_t *ret_count);
/* The scalar or list of scalars n as a predicate over the selections of b. */
MUST int filter_condition(struct filter_build *b, const struct yaml_node *n,
			  struct node **ret_node);

/* What an anchor costs by the length of its text: how often it is found by chance, roughly. */
#define ANCHOR_NONE UINT32_MAX /* too short to be one */
uint32_t anchor_cost(size_t len);
/* Texts, in whatever case, of which one is in every text that a regular expression matches. */
struct anchor_words {
	uint32_t cost; /* ANCHOR_NONE: there are none */
	uint32_t n;
	struct str word[]; /* views into the expression */
};
/* Those of re, in mem; NULL when out of memory. Done once a pattern: indexes ask often. */
const struct anchor_words *regex_anchors(struct str re, struct arena *mem);

#endif
