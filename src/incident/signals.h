/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/signals: what surprised about an entity lately though no model made an alert of it.
 * Kept for some hours, a few an entity, oldest forgotten first; when an incident opens on the
 * entity they become part of its story, with the events they cite.
 */
#ifndef INCIDENT_SIGNALS_H
#define INCIDENT_SIGNALS_H
#include "incident/impl.h"
#include "learn/learn.h"

#define SIGNAL_WINDOW (6 * NS_PER_H)

struct signals;

/* At most bytes of memory. 0 or -ENOMEM. */
MUST int signals_new(size_t bytes, struct signals **ret_s);
struct signals *signals_free(struct signals *s);
/*
 * Remembers r, seen in e, under an entity's key; the same quantity twice in an hour once. Only
 * then l makes its words (NULL: it has them).
 */
void signals_put(struct signals *s, uint64_t key, const struct learn *l,
		 const struct learn_result *r, const struct event *e);
/*
 * Takes the earliest signal of key within the window before t out of the memory and makes it a
 * step (owned by the caller). 0 when there is none left, 1, or -ENOMEM.
 */
MUST int signals_take(struct signals *s, uint64_t key, int64_t t, struct str entity,
		      uint8_t kind, struct step **ret_step);

/* All of them, to a file of blocks and from there; load into new ones. E_FORMAT. */
void signals_save(const struct signals *s, struct blocks_out *w);
MUST int signals_load(struct signals *s, struct blocks_in *r);

#endif
