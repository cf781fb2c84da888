/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"
#include "base/hash.h"
#include <stdlib.h>

#define CAP_FIRST 16

void map_init(struct map *m)
{
	*m = (struct map){0};
}

void map_free(struct map *m)
{
	free(m->slots);
	free(m->used);
	map_init(m);
}

static size_t home(const struct map *m, uint64_t key)
{
	return (size_t)hash_mix(key) & (m->cap - 1);
}

/* The slot that holds key, or the free slot where it would go. cap > 0, never full. */
static size_t find(const struct map *m, uint64_t key)
{
	size_t i = home(m, key);

	while (m->used[i] && m->slots[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return i;
}

static int grow(struct map *m)
{
	struct map n = {.cap = m->cap ? m->cap * 2 : CAP_FIRST, .len = m->len};

	n.slots = malloc(n.cap * sizeof(*n.slots));
	n.used = calloc(n.cap, 1);
	if (!n.slots || !n.used) {
		map_free(&n);
		return -1;
	}
	for (size_t i = 0; i < m->cap; i++) {
		size_t j;

		if (!m->used[i])
			continue;
		j = find(&n, m->slots[i].key);
		n.slots[j] = m->slots[i];
		n.used[j] = 1;
	}
	map_free(m);
	*m = n;
	return 0;
}

uint64_t *map_get(const struct map *m, uint64_t key)
{
	size_t i;

	if (m->len == 0)
		return NULL;
	i = find(m, key);
	return m->used[i] ? &m->slots[i].val : NULL;
}

uint64_t *map_put(struct map *m, uint64_t key, bool *ret_new)
{
	size_t i = 0;

	if (m->cap) {
		i = find(m, key);
		if (m->used[i]) {
			if (ret_new)
				*ret_new = false;
			return &m->slots[i].val;
		}
	}
	if (m->len + 1 > m->cap - m->cap / 4) {
		if (grow(m) < 0)
			return NULL;
		i = find(m, key);
	}
	m->used[i] = 1;
	m->slots[i] = (struct map_slot){key, 0};
	m->len++;
	if (ret_new)
		*ret_new = true;
	return &m->slots[i].val;
}

/* Backward shift: no tombstones, so probes never get longer with age. */
bool map_del(struct map *m, uint64_t key)
{
	size_t i, j, mask = m->cap - 1;

	if (m->len == 0)
		return false;
	i = find(m, key);
	if (!m->used[i])
		return false;
	for (j = (i + 1) & mask; m->used[j]; j = (j + 1) & mask) {
		size_t h = home(m, m->slots[j].key);

		if (((j - h) & mask) >= ((j - i) & mask)) {
			m->slots[i] = m->slots[j];
			i = j;
		}
	}
	m->used[i] = 0;
	m->len--;
	return true;
}

void map_clear(struct map *m)
{
	if (m->used)
		memset(m->used, 0, m->cap);
	m->len = 0;
}

bool map_next(const struct map *m, size_t *i, struct map_slot *ret_slot)
{
	while (*i < m->cap) {
		size_t at = (*i)++;

		if (m->used[at]) {
			*ret_slot = m->slots[at];
			return true;
		}
	}
	return false;
}

void symtab_init(struct symtab *t)
{
	*t = (struct symtab){0};
	map_init(&t->index);
	arena_init(&t->mem, 0);
}

void symtab_free(struct symtab *t)
{
	map_free(&t->index);
	arena_free(&t->mem);
	free(t->text);
	free(t->next);
	symtab_init(t);
}

uint32_t symtab_get(const struct symtab *t, struct str s)
{
	const uint64_t *v = map_get(&t->index, hash_str(s, 0));
	uint32_t id = v ? (uint32_t)*v : SYM_NONE;

	while (id != SYM_NONE && !str_eq(t->text[id], s))
		id = t->next[id];
	return id;
}

static int symtab_grow(struct symtab *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 64;
	struct str *text;
	uint32_t *next;

	if (cap < t->cap)
		return -1;
	text = realloc(t->text, cap * sizeof(*text));
	if (!text)
		return -1;
	t->text = text;
	next = realloc(t->next, cap * sizeof(*next));
	if (!next)
		return -1;
	t->next = next;
	t->cap = cap;
	return 0;
}

uint32_t symtab_put(struct symtab *t, struct str s)
{
	uint32_t id = symtab_get(t, s);
	struct str copy;
	uint64_t *v;
	bool fresh;

	if (id != SYM_NONE)
		return id;
	if (t->len == t->cap && symtab_grow(t) < 0)
		return SYM_NONE;
	copy = arena_str(&t->mem, s);
	v = copy.p ? map_put(&t->index, hash_str(s, 0), &fresh) : NULL;
	if (!v)
		return SYM_NONE;
	id = t->len++;
	t->text[id] = copy;
	t->next[id] = fresh ? SYM_NONE : (uint32_t)*v;
	*v = id;
	return id;
}

struct str symtab_text(const struct symtab *t, uint32_t id)
{
	return id < t->len ? t->text[id] : (struct str){NULL, 0};
}
