/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/filter: Sigma's `detection:` block compiled to a predicate over events: named
 * selections (maps, lists of maps, keyword lists), field modifiers, and a condition with
 * and, or, not, parentheses, "1 of x*", "all of them". Models, learned quantities and queries
 * share it. Modifiers stand in event/modifiers.def.
 *
 * Semantics are those of the Sigma specification 2.1: text compares without case unless
 * |cased, '*' and '?' are wildcards unless escaped, a list is an or, a map is an and, null
 * matches an absent or null field, '' an empty one, a list-valued attribute matches when any
 * item does. One modifier is ours: `field|list: NAME` looks the value up in the file
 * lists/NAME (event/list.h); lists/ is searched beside the YAML file and in up to four folders
 * above it. A filter holds scratch memory of PCRE2 and so belongs to one thread.
 */
#ifndef EVENT_FILTER_H
#define EVENT_FILTER_H
#include "base/yaml.h"
#include "event/event.h"

struct filter;

/*
 * Compiles detection map `n` of document `y`. Every field becomes an attribute (schema_attr);
 * nothing is wanted yet. Without a `condition` key: all selections must match.
 * 0 and *ret_f, or E_SYNTAX with file:line:col and caret in d; -ENOTSUP, with the same, for
 * what is correct Sigma but cannot be run (a placeholder nobody explains, aggregations).
 */
MUST int filter_compile(struct schema *s, const struct yaml *y, const struct yaml_node *n,
			struct filter **ret_f, struct diag *d);
/* What may be different about a map. */
struct filter_how {
	const char *skip; /* a key that is no selection, or NULL */
	/* The attribute a field's name stands for; NULL: names are attributes. */
	struct str (*name)(struct str field, void *arg);
	void *arg;
	/* What %name% stands for under `expand`: a map to a text or list of texts, or NULL. */
	const struct yaml_node *placeholders;
	/* In place of the map's own condition, as text; p NULL: its own. */
	struct str condition;
};

/* The same with all that may be different. */
MUST int filter_compile_as(struct schema *s, const struct yaml *y, const struct yaml_node *n,
			   const struct filter_how *how, struct filter **ret_f, struct diag *d);
struct filter *filter_free(struct filter *f);

/* Marks its attributes as wanted of type t (NULL: all types). */
MUST int filter_want(const struct filter *f, struct schema *s, const struct rectype *t);
/* Attributes it reads; returns how many, points at them. */
size_t filter_attrs(const struct filter *f, const attr_t **ret_attrs);
/*
 * Whether it could match an event of type t at all, judged by which attributes t has (after
 * freeze): false only when some attribute it cannot do without is missing.
 */
bool filter_possible(const struct filter *f, const struct rectype *t);

bool filter_match(const struct filter *f, const struct event *e);
/*
 * What stood in the way of a match: an attribute of a selection that had to be so and is not
 * (wanted), or must not be so and is. At most max; 0 when f matches. Strings live as long as f.
 */
struct obstacle {
	struct str selection;
	attr_t attr; /* ATTR_NONE: a word of the record */
	bool wanted;
};
size_t filter_obstacles(const struct filter *f, const struct event *e, struct obstacle *ret_v,
			size_t max);
/*
 * f as it stands for events of type t (after freeze): quicker, and the same answers. Lives in
 * mem, beside f; NULL when out of memory, or when f is too long to be worth it.
 *
 * Events of a type are alike: what ruled out the one before mostly rules out the next as well,
 * so that is asked first. Where it is whether there is a value at all, or a number of some
 * size, the answer takes no call.
 */
struct filter_lean {
	uint16_t slot;	/* asked first, SLOT_NONE: nothing; without a value there is no match, */
	bool least;	/* nor, where this is set, with a number below num */
	uint16_t first; /* of the steps; of these the rest is for filter_lean.c */
	uint16_t gate, nsteps;
	double num;
};
struct filter_lean *filter_lean(const struct filter *f, const struct rectype *t,
				struct arena *mem);
bool filter_lean_steps(struct filter_lean *l, const struct event *e);

/* Remembers in l what ruled e out. */
static inline bool filter_lean_match(struct filter_lean *l, const struct event *e)
{
	if (l->slot != SLOT_NONE) {
		const struct val *v = &e->row[l->slot];

		if (v->kind <= VAL_NULL || (l->least && v->kind == VAL_FLOAT && !(v->f >= l->num)))
			return false;
	}
	return filter_lean_steps(l, e);
}
/* Whether both ask the same questions in the same order, so that one answer serves both. */
bool filter_same(const struct filter *a, const struct filter *b);

/* One thing that may have to be so: attr is this text, or has it in it, without case. */
struct anchor {
	attr_t attr;
	bool whole;
	struct str text; /* lives as long as the filter */
};
typedef void anchor_fn(const struct anchor *a, void *arg);

/*
 * For an index over many filters: the nth set of things of which at least one is so whenever f
 * matches. Calls each with them; returns how many, 0 when there is no nth set.
 */
size_t filter_anchors(const struct filter *f, size_t nth, anchor_fn *each, void *arg);

#endif
