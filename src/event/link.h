/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/link: what a link shows by itself, before anybody follows it. People link to pages with
 * names that can be read; a lure is personal, counted, hidden behind another site or put where
 * anybody may put one. None of the marks is bad alone: they weigh with the novelty of the
 * place.
 */
#ifndef EVENT_LINK_H
#define EVENT_LINK_H
#include "base/arena.h"

enum link_mark {
	LINK_ADDRESS,  /* the host is a bare address */
	LINK_HOSTED,   /* below a name under which anybody gets one (private part of the PSL) */
	LINK_TOKEN,    /* a run of letters and digits that no person would choose */
	LINK_NUMBERS,  /* little else than numbers, as links of campaigns have */
	LINK_SHORT,    /* one short part that means nothing, as of a link shortener */
	LINK_PERSONAL, /* holds a mail address: plain, percent, base64 or hex */
	LINK_REDIRECT, /* holds another link */
	LINK_LURE,     /* its host or first part speaks of signing in, security or accounts */
	LINK_MARKS
};

/*
 * The link that a mail filter wrapped (Safe Links, URL Defense, Sophos, Barracuda, FireEye) or
 * that a search engine or network put its own in front of; else url. A view or a copy in mem;
 * empty when out of memory.
 */
struct str link_target(struct str url, struct arena *mem);
/* Bits 1 << enum link_mark. */
unsigned link_marks(struct str url);
/* "token" ... */
const char *link_mark_name(enum link_mark m);

#endif
