/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/where: what a person types to search events, read into what the store looks up by
 * itself and a detection block (event/filter) for the rest.
 *
 *   or    := and ("or" and)*
 *   and   := not ("and" not)*
 *   not   := "not" not | "(" or ")" | test
 *   test  := FIELD OP VALUE | FIELD "in" "(" VALUE ("," VALUE)* ")" | FIELD "exists"
 *   OP    := "=" | "!=" | "~" | "!~" | "<" | "<=" | ">" | ">=" | "starts" | "ends" | "matches"
 *   VALUE := word, or "text in quotes" with \" and \\
 *
 * FIELD is an attribute (docs/FIELDS.md), or a field of the raw record by its own name. Text is
 * compared without case; "=" knows the wildcards * and ?, and an address block where the value
 * is one (10.0.0.0/8); "~" is "contains", "matches" a regular expression. Three fields are
 * looked up by the store and so stand beside "and" alone, with "=": type (of the record),
 * entity (any name of one), text (words of the raw record).
 *
 * Bounds: WHERE_TEXT_MAX bytes, WHERE_TESTS_MAX tests, WHERE_DEPTH_MAX parentheses.
 */
#ifndef EVENT_WHERE_H
#define EVENT_WHERE_H
#include "base/yaml.h"

#define WHERE_TEXT_MAX	4096
#define WHERE_TESTS_MAX 64
#define WHERE_DEPTH_MAX 32

struct where {
	struct str type, entity, text; /* for the store; empty: any */
	/* For filter_compile, which complains by columns of the expression; NULL: nothing is
	 * left. */
	const struct yaml_node *detection;
	struct yaml source; /* not to be freed */
};

/*
 * All is made in mem; text must live as long. 0, or E_SYNTAX with "at COLUMN: what was
 * expected" in d, -ENOMEM. What only filter_compile can know (a broken regular expression) it
 * tells.
 */
MUST int where_read(struct str text, struct arena *mem, struct where *ret_w, struct diag *d);

#endif
