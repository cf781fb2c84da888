/* SPDX-License-Identifier: Apache-2.0 */
#include "event/oui.h"
#include "base/map.h"
#include "event/list.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MAC_BITS 48
#define MAC_TEXT 17

struct oui {
	struct map blocks; /* prefix and its bits -> number of the name */
	struct symtab names;
};

static const struct {
	const char *file, *registry;
	unsigned bits;
} lists[] = {
	{"oui.csv", "MA-L", 24},
	{"mam.csv", "MA-M", 28},
	{"oui36.csv", "MA-S", 36},
};

static uint64_t key_of(uint64_t prefix, unsigned bits)
{
	return prefix << 8 | bits;
}

/* Hexadecimal digits, all of them and at most 12; false: others. */
static bool hex_of(struct str s, uint64_t *ret_v)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.len; i++) {
		int d = hex_digit(s.p[i]);

		if (d < 0)
			return false;
		v = v << 4 | (uint64_t)d;
	}
	*ret_v = v;
	return s.len > 0 && s.len <= MAC_BITS / 4;
}

/* registry,assignment,name or "name, with commas",address */
static int add(struct str line, void *arg)
{
	struct oui *o = arg;
	struct str rest, registry = str_cut(line, ',', &rest),
			 prefix = str_cut(rest, ',', &rest);
	struct str name = rest.len && rest.p[0] == '"'
				  ? str_cut(str_sub(rest, 1, rest.len), '"', &rest)
				  : str_cut(rest, ',', &rest);
	uint64_t v, *at;
	uint32_t id;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		if (!str_eqz(registry, lists[i].registry) || !hex_of(prefix, &v) ||
		    prefix.len * 4 != lists[i].bits)
			continue;
		id = symtab_put(&o->names, str_trim(name));
		at = id == SYM_NONE ? NULL
				    : map_put(&o->blocks, key_of(v, lists[i].bits), NULL);
		if (!at)
			return -ENOMEM;
		*at = id;
	}
	return 0;
}

int oui_load(const char *dir, struct oui **ret_o, struct diag *d)
{
	struct oui *o = calloc(1, sizeof(*o));
	struct diag none = {{0}};
	char path[4096];
	int r = o ? 0 : -ENOMEM;

	if (!o)
		return diag_set(d, r, "%s: out of memory", dir);
	map_init(&o->blocks);
	symtab_init(&o->names);
	for (size_t i = 0; i < ARRAY_LEN(lists) && r == 0; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, lists[i].file);
		r = list_entries(path, add, o, i ? &none : d);
		if (i && r == -ENOENT) /* the finer lists may be left out */
			r = 0;
	}
	if (r < 0) {
		oui_free(o);
		return r;
	}
	*ret_o = o;
	return 0;
}

struct oui *oui_free(struct oui *o)
{
	if (!o)
		return NULL;
	map_free(&o->blocks);
	symtab_free(&o->names);
	free(o);
	return NULL;
}

struct str oui_maker(const struct oui *o, struct str mac)
{
	char digits[MAC_BITS / 4];
	const uint64_t *id;
	uint64_t v;
	size_t n = 0;

	if (!o || mac.len != MAC_TEXT)
		return str_n(NULL, 0);
	for (size_t i = 0; i < mac.len; i++)
		if (i % 3 != 2)
			digits[n++] = mac.p[i];
	if (!hex_of(str_n(digits, n), &v) || v >> 40 & 3)
		return str_n(NULL, 0);
	for (size_t i = ARRAY_LEN(lists); i > 0; i--) {
		id = map_get(&o->blocks,
			     key_of(v >> (MAC_BITS - lists[i - 1].bits), lists[i - 1].bits));
		if (id)
			return symtab_text(&o->names, (uint32_t)*id);
	}
	return str_n(NULL, 0);
}
