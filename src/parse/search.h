/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/search: stored records looked through by an expression (event/where). What the store
 * can look up by itself it does; every other record is taken apart once more and asked. One
 * thread.
 */
#ifndef PARSE_SEARCH_H
#define PARSE_SEARCH_H
#include "event/where.h"
#include "parse/reread.h"

struct search;

/* 0, or E_SYNTAX with what is wrong about the expression, or <0, in d. */
MUST int search_open(const struct reread_conf *conf, struct str expression,
		     struct search **ret_s, struct diag *d);
struct search *search_free(struct search *s);
/* Puts what the store looks up into q; strings live as long as s. */
void search_narrow(const struct search *s, struct store_query *q);
/* Whether a record that the store gave under that query is one that was asked for. */
bool search_match(struct search *s, const struct store_event *e);
/*
 * Fields that no source maps, which are therefore looked for by their own name in raw records:
 * the nth, or empty.
 */
struct str search_raw_field(const struct search *s, size_t nth);

#endif
