/* SPDX-License-Identifier: Apache-2.0 */
#include "event/event.h"
#include <errno.h>
#include <stdlib.h>

uint32_t event_ent(const struct event *e, enum ent_role role)
{
	for (uint8_t i = 0; i < e->nents; i++)
		if (e->ents[i].role == role)
			return e->ents[i].id;
	return UINT32_MAX;
}

int batch_init(struct batch *b, size_t cap)
{
	*b = (struct batch){.cap = cap};
	arena_init(&b->mem, 0);
	b->events = calloc(cap, sizeof(*b->events));
	return b->events ? 0 : -ENOMEM;
}

struct event *batch_add(struct batch *b, const struct rectype *type)
{
	struct event *e;
	struct val *row;

	if (b->n == b->cap)
		return NULL;
	row = arena_zalloc(&b->mem, type->nslots * sizeof(*row));
	if (!row)
		return NULL;
	e = &b->events[b->n++];
	*e = (struct event){.type = type, .row = row};
	return e;
}

void batch_drop(struct batch *b)
{
	if (b->n)
		b->n--;
}

void batch_reset(struct batch *b)
{
	b->n = 0;
	arena_reset(&b->mem);
}

void batch_free(struct batch *b)
{
	free(b->events);
	arena_free(&b->mem);
	*b = (struct batch){0};
}
