/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/event: one thing that happened, in the normal form, and the batch that owns it.
 */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H
#include "event/schema.h"

#define EVENT_ENTS_MAX 8

struct entref {
	uint32_t id; /* event/entity.h */
	uint8_t role;
};

struct event {
	int64_t time;  /* ns; when it happened */
	int64_t known; /* ns; earliest moment at which a sensor could have told; >= time mostly
			*/
	uint64_t seq;  /* order of admission, from 1; 0 before admission */
	uint64_t hash; /* of raw */
	const struct rectype *type;
	struct str raw; /* the record's bytes */
	struct str
		id; /* as the source gave it; "x" + 16 hex digits of hash where it gave none */
	struct val *row; /* [type->nslots], all VAL_NONE at first */
	struct entref ents[EVENT_ENTS_MAX];
	uint8_t nents;
};

/* Value of an attribute; never NULL (val_none when the type has no slot for it). */
static inline const struct val *event_get(const struct event *e, attr_t a)
{
	uint16_t s = a == ATTR_NONE ? SLOT_NONE : e->type->slot_of[a];

	return s == SLOT_NONE ? &val_none : &e->row[s];
}

static inline struct str event_str(const struct event *e, attr_t a)
{
	return val_str(event_get(e, a));
}

/* Sets a derived attribute; does nothing when nobody wanted it of this type. */
static inline void event_set(struct event *e, attr_t a, struct val v)
{
	uint16_t s = a == ATTR_NONE ? SLOT_NONE : e->type->slot_of[a];

	if (s != SLOT_NONE)
		e->row[s] = v;
}

/* Whether somebody wants a of this event's type (so that deriving it is worth the work). */
static inline bool event_wants(const struct event *e, attr_t a)
{
	return a != ATTR_NONE && e->type->slot_of[a] != SLOT_NONE;
}

/* First entity in this role, or UINT32_MAX. */
uint32_t event_ent(const struct event *e, enum ent_role role);

#define BATCH_EVENTS_MAX 4096

/*
 * Events decoded together. The batch owns everything they point to; batch_reset frees it at
 * once. A batch belongs to one thread at a time.
 */
struct batch {
	struct arena mem; /* rows, unescaped text, ids, and usually the raw bytes */
	struct event *events;
	size_t n, cap;
	void *owner; /* for whoever hands batches round (free list, file cursor) */
};

MUST int batch_init(struct batch *b, size_t cap);
/*
 * The next free event, zeroed, with a zeroed row for type; NULL when the batch is full or out
 * of memory. It counts at once; batch_drop takes the last one back.
 */
struct event *batch_add(struct batch *b, const struct rectype *type);
void batch_drop(struct batch *b);
void batch_reset(struct batch *b);
void batch_free(struct batch *b);

#endif
