/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/pattern: one value of a Sigma selection, compiled. Text is folded to lower case when
 * the pattern is made, unless it is cased. A pattern belongs to one thread.
 */
#ifndef EVENT_PATTERN_H
#define EVENT_PATTERN_H
#include "base/err.h"
#include "event/ip.h"
#include "event/val.h"

enum pattern_kind {
	PAT_EQUAL, /* whole text */
	PAT_CONTAINS,
	PAT_STARTS,
	PAT_ENDS,
	PAT_WILD, /* with * and ? */
	PAT_REGEX,
	PAT_CIDR,
	PAT_NUMBER, /* equal as numbers */
	PAT_LT,
	PAT_LTE,
	PAT_GT,
	PAT_GTE,
	PAT_BOOL,
	PAT_NULL,   /* absent or null */
	PAT_EMPTY,  /* '' */
	PAT_EXISTS, /* num: whether it must */
};

/* How a pattern's text writes the wildcards. */
#define PAT_STAR 0x01
#define PAT_ONE	 0x02
#define PAT_DASH 0x03 /* one of the dashes of encode_dashes */

struct pattern {
	uint8_t kind;
	bool cased;
	uint8_t part;	 /* enum time_part: of the date is compared, not the value; 0: none */
	struct str text; /* borrowed */
	double num;
	void *regex, *match, *limits;	  /* of PCRE2; owned */
	const struct anchor_words *words; /* of a regex (filter_regex.c); the filter's */
	struct cidr net;
};

/* Whether v (no list) matches. Never fails; a regex that hits its limits does not match. */
bool pattern_match(const struct pattern *p, const struct val *v);
/* The same for text. */
bool pattern_text(const struct pattern *p, struct str s);
/*
 * Makes p from text whose wildcards are PAT_STAR, PAT_ONE and PAT_DASH, which must be in lower
 * case unless cased: stars at the ends alone become the cheaper kinds.
 */
void pattern_wild(struct pattern *p, struct str text, bool cased);
/* Makes p a regular expression of text, which is borrowed. 0, -ENOMEM, or E_SYNTAX with the
 * reason. */
MUST int pattern_regex(struct pattern *p, struct str text, bool i, bool m, bool s,
		       char ret_why[128]);
void pattern_clear(struct pattern *p);

#endif
