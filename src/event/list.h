/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/list: a list file of the folder lists/: plain text, one entry a line, '#' begins a
 * comment. An entry is a text (case is ignored), a domain (which also stands for all names
 * below it, and for mail addresses at it), an address, or a network block.
 */
#ifndef EVENT_LIST_H
#define EVENT_LIST_H
#include "base/err.h"
#include "base/str.h"

struct list;

/* Reads a file of at most 64 MiB. 0 and *ret_l, or <0 with a finished line in d. */
MUST int list_load(const char *path, struct list **ret_l, struct diag *d);
struct list *list_free(struct list *l); /* NULL is fine; returns NULL */
/* Calls fn with each entry of such a file, in order, until it returns != 0; returns that. */
MUST int list_entries(const char *path, int (*fn)(struct str entry, void *arg), void *arg,
		      struct diag *d);
bool list_has(const struct list *l, struct str s);

#endif
