/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/looks: how a domain looks to a hurried eye. Letters that are easily taken for others
 * (Unicode's confusables for Latin, UTS #39, those of domains; digits for letters; rn for m, vv
 * for w) become one; hyphens go. Punycode (RFC 3492) is read as the letters it stands for.
 */
#ifndef EVENT_LOOKS_H
#define EVENT_LOOKS_H
#include "base/macros.h"
#include "base/str.h"

#define LOOKS_MAX_LEN 64

struct looks {
	char text[LOOKS_MAX_LEN];
	size_t len;
};

/*
 * What is looked at in a registrable domain: its first label, without the public suffix, as it
 * looks. Empty for what is no name (an address, a bare suffix, a label that is too long).
 */
void looks_of(struct str domain, struct looks *ret);
/* That label itself: a view into domain. */
struct str looks_label(struct str domain);
/*
 * How many letters are left out, put in, swapped with their neighbour, or replaced by a like
 * one between a and b, as far as that is 0 or 1; else 2. (The restricted Damerau-Levenshtein
 * distance, but that a letter of another shape and sound makes another name.)
 */
unsigned looks_apart(struct str a, struct str b);

#endif
