/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/filter_priv: the compiled form, shared by filter.c (runs it), filter_build.c (makes
 * selections) and filter_cond.c (reads the condition). For these three alone.
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
	struct pattern *pats;
	size_t npats;
	struct list *list; /* owned; instead of patterns */
	struct item *next; /* all of the filter */
};

enum node_kind { NODE_ITEM, NODE_AND, NODE_OR, NODE_NOT };

struct node {
	uint8_t kind;
	uint32_t cost; /* of its anchors, 0: not worked out yet (filter_anchor.c) */
	const struct item *item;
	struct node *child, *next; /* first child; sibling */
};

struct filter {
	struct arena mem; /* all below but what PCRE2 and lists own */
	struct node *root;
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

/* NULL with *ret_r = -ENOMEM and d filled when out of memory. */
struct node *filter_node(struct filter_build *b, enum node_kind kind);
int filter_nomem(struct filter_build *b);
/* The selection under map entry n, as *ret_node. */
MUST int filter_selection(struct filter_build *b, const struct yaml_node *n,
			  struct node *ret_node);
/* The scalar or list of scalars n as a predicate over the selections of b. */
MUST int filter_condition(struct filter_build *b, const struct yaml_node *n,
			  struct node **ret_node);

#endif
