/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/oui: who made a network card, by the blocks of addresses that IEEE gives out (MA-L of
 * 24 bits, MA-M of 28, MA-S of 36), as its lists or Debian's package ieee-data have them:
 * oui.csv, mam.csv and oui36.csv of a folder. Nothing is brought along; the names are IEEE's.
 */
#ifndef EVENT_OUI_H
#define EVENT_OUI_H
#include "base/err.h"
#include "base/str.h"

#define OUI_DIR "/usr/share/ieee-data" /* of Debian's package */

struct oui;

/* Reads the lists of a folder. 0 and *ret_o, or <0 with a finished line in d: oui.csv is not
 * there. */
MUST int oui_load(const char *dir, struct oui **ret_o, struct diag *d);
struct oui *oui_free(struct oui *o); /* NULL is fine; returns NULL */
/*
 * The maker of a card by its address ("00:14:4f:23:98:cf"); empty: not known, or the address
 * was made up by its user (bit 2 of the first byte). o may be NULL.
 */
struct str oui_maker(const struct oui *o, struct str mac);

#endif
