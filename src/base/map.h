/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/map: open addressing, linear probing.
 *   struct map: 64-bit key -> 64-bit value.
 *   struct symtab: string -> small id, ids count from 0 in order of first sight.
 * Order of iteration is the order of slots; where order matters, sort.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H
#include "base/arena.h"

struct map_slot {
	uint64_t key, val;
};

struct map {
	struct map_slot *slots;
	uint8_t *used; /* one byte a slot: 0 free, 1 used */
	size_t cap, len;
};

void map_init(struct map *m);
void map_free(struct map *m);
/* Pointer to the value of key, or NULL. Valid until the next map_put or map_del. */
uint64_t *map_get(const struct map *m, uint64_t key);
/*
 * Pointer to the value of key, which is made with value 0 when absent; *ret_new tells (may be
 * NULL). NULL when out of memory.
 */
uint64_t *map_put(struct map *m, uint64_t key, bool *ret_new);
bool map_del(struct map *m, uint64_t key);
void map_clear(struct map *m);

/* for (size_t i = 0; map_next(&m, &i, &slot);) ... */
bool map_next(const struct map *m, size_t *i, struct map_slot *ret_slot);

#define SYM_NONE UINT32_MAX

struct symtab {
	struct map index; /* hash -> id + 1, collisions chained through next */
	struct arena mem; /* owns the text */
	struct str *text;
	uint32_t *next;
	uint32_t len, cap;
};

void symtab_init(struct symtab *t);
void symtab_free(struct symtab *t);
/* Id of s, added when absent (text is copied); SYM_NONE when out of memory. */
uint32_t symtab_put(struct symtab *t, struct str s);
/* Id of s or SYM_NONE. */
uint32_t symtab_get(const struct symtab *t, struct str s);
/* Text of an id; NUL-terminated, lives as long as the table. */
struct str symtab_text(const struct symtab *t, uint32_t id);

#endif
