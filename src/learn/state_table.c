/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/state_table.h"
#include <stdlib.h>

/* Index and allocator overhead of one state, roughly. */
#define OVERHEAD 48

void state_init(struct state_table *t, size_t limit)
{
	*t = (struct state_table){.limit = MAX(limit, STATE_BYTES_MIN)};
	map_init(&t->index);
}

void state_free(struct state_table *t)
{
	for (struct state *s = t->oldest, *next; s; s = next) {
		next = s->newer;
		free(s);
	}
	map_free(&t->index);
	*t = (struct state_table){0};
}

static void unlink_state(struct state_table *t, struct state *s)
{
	*(s->older ? &s->older->newer : &t->oldest) = s->newer;
	*(s->newer ? &s->newer->older : &t->newest) = s->older;
}

static void link_newest(struct state_table *t, struct state *s)
{
	s->newer = NULL;
	s->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = s;
	t->newest = s;
}

static void make_room(struct state_table *t, size_t size, const struct state *keep)
{
	while (t->bytes + size > t->limit && t->oldest && t->oldest != keep) {
		struct state *s = t->oldest;

		unlink_state(t, s);
		map_del(&t->index, s->key);
		t->bytes -= s->size + OVERHEAD;
		t->len--;
		t->evictions++;
		free(s);
	}
}

struct state *state_peek(const struct state_table *t, uint64_t key)
{
	uint64_t *at = map_get(&t->index, key);

	return at ? (struct state *)(uintptr_t)*at : NULL;
}

struct state *state_get(struct state_table *t, uint64_t key, int64_t now)
{
	struct state *s = state_peek(t, key);

	if (!s)
		return NULL;
	s->last = MAX(s->last, now);
	if (s != t->newest) {
		unlink_state(t, s);
		link_newest(t, s);
	}
	return s;
}

struct state *state_put(struct state_table *t, uint64_t key, size_t size, int64_t now)
{
	struct state *s = state_get(t, key, now);
	uint64_t *at;

	if (s)
		return s;
	make_room(t, size + OVERHEAD, NULL);
	s = calloc(1, size);
	at = s ? map_put(&t->index, key, NULL) : NULL;
	if (!at) {
		free(s);
		return NULL;
	}
	*at = (uintptr_t)s;
	*s = (struct state){.key = key, .first = now, .last = now, .size = (uint32_t)size};
	link_newest(t, s);
	t->bytes += size + OVERHEAD;
	t->len++;
	return s;
}

struct state *state_grow(struct state_table *t, struct state *s, size_t size)
{
	struct state *bigger;
	uint32_t old = s->size;

	if (size <= old)
		return s;
	make_room(t, size - old, s);
	unlink_state(t, s);
	bigger = realloc(s, size);
	if (!bigger) {
		link_newest(t, s);
		return NULL;
	}
	memset((char *)bigger + old, 0, size - old);
	bigger->size = (uint32_t)size;
	link_newest(t, bigger);
	*map_get(&t->index, bigger->key) = (uintptr_t)bigger;
	t->bytes += size - old;
	return bigger;
}
