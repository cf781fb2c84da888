/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/edges_file: a file ties who brought it to who runs it: by its hash, wherever it is
 * met, and by its name on the device it was written to. What was only ever run, and never seen
 * to come in, ties nobody; nor does what many have.
 */
#include "base/hash.h"
#include "incident/edges_impl.h"
#include <errno.h>

#define SALT_HASH  UINT64_C(0x73756d)
#define SALT_PLACE UINT64_C(0x706c63)
#define THINGS_MAX 6u
#define HASH_MIN   32u /* hex digits: of an MD5 */
#define ATTACHED   8u

/* Keys of the file an event is about. */
struct things {
	uint64_t key[THINGS_MAX];
	size_t n;
};

static void add(struct things *t, uint64_t key)
{
	if (t->n < THINGS_MAX)
		t->key[t->n++] = key;
}

/* "e3b0…", or "SHA256=E3B0…,MD5=…". */
static void add_hashes(struct things *t, struct str s)
{
	while (s.len) {
		struct str one = str_trim(str_cut(s, ',', &s)), rest;
		size_t eq = str_chr(one, '=', 0);

		rest = eq == SIZE_MAX ? one : str_sub(one, eq + 1, one.len);
		if (rest.len >= HASH_MIN)
			add(t, hash_istr(rest, SALT_HASH));
	}
}

static void add_listed(struct things *t, const struct event *e, attr_t a)
{
	const struct val *v = event_get(e, a), *item;
	size_t n = val_items(v, &item);

	for (size_t i = 0; i < n; i++)
		add_hashes(t, val_str(&item[i]));
}

static struct str base_name(struct str path)
{
	size_t at = path.len;

	while (at && path.p[at - 1] != '/' && path.p[at - 1] != '\\')
		at--;
	return str_sub(path, at, path.len);
}

/* What is put somewhere to be started; documents are written by everybody who works on them. */
static bool is_startable(struct str ending)
{
	static const char *const all[] = {"exe", "dll", "sys", "com", "scr", "msi", "bat",
					  "cmd", "ps1", "vbs", "js",  "hta", "lnk", "jar",
					  "sh",	 "py",	"pl",  "elf", "so",  "bin", "iso"};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (str_ieqz(ending, all[i]))
			return true;
	return false;
}

static void add_place(struct things *t, uint64_t device, struct str path)
{
	struct str name = base_name(path);
	size_t dot = name.len;

	while (dot && name.p[dot - 1] != '.')
		dot--;
	if (dot > 1 && is_startable(str_sub(name, dot, name.len)))
		add(t, hash_istr(name, hash_2(device, SALT_PLACE)));
}

/* The device on which the file lies: the one called, else where it happened. */
static int place_of(const struct cast *c, const struct event *e)
{
	int far = c->kind[ROLE_PEER] == ENT_DEVICE     ? ROLE_PEER
		  : c->kind[ROLE_TARGET] == ENT_DEVICE ? ROLE_TARGET
						       : -1;

	if (e->type->cls == CLASS_SMB_ACTIVITY)
		return far;
	return c->kind[ROLE_DEVICE] == ENT_DEVICE ? ROLE_DEVICE : -1;
}

static bool says(struct str text, const char *word)
{
	struct str w = str_of(word);

	for (size_t i = 0; i + w.len <= text.len; i++)
		if (str_ieq(str_sub(text, i, i + w.len), w))
			return true;
	return false;
}

static bool writes(const struct event *e)
{
	struct str what = event_str(e, ATTR_ACTIVITY);

	return says(what, "write") || says(what, "creat") || says(what, "rename");
}

/* Tied to the thing: the device, and the program. New things only where they come in. */
static int tie(struct edges *g, const struct cast *c, const struct event *e, uint64_t thing,
	       bool came)
{
	static const uint8_t who[] = {ROLE_DEVICE, ROLE_IMAGE};
	struct edge known;

	if (!came && edges_near(g, thing, INT64_MIN, &known, 1) == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(who); i++) {
		int k = c->kind[who[i]];

		if (k != ENT_DEVICE && k != ENT_WORKLOAD && k != ENT_IMAGE)
			continue;
		if (k != ENT_IMAGE && edges_meet(g, thing, c->key[who[i]]) < 0)
			return -ENOMEM;
		if (!edges_hub(g, thing))
			edges_put(g, thing, c->key[who[i]], EDGE_FILE, e->known);
	}
	return 0;
}

int edges_file(struct edges *g, const struct cast *c, const struct event *e)
{
	struct things t = {.n = 0};
	bool ran = e->type->cls == CLASS_PROCESS_ACTIVITY, came;
	int place = place_of(c, e), err = 0;

	switch (e->type->cls) {
	case CLASS_PROCESS_ACTIVITY:
		add_listed(&t, e, ATTR_PROC_SHA256);
		add_listed(&t, e, ATTR_PROC_HASHES);
		if (place >= 0)
			add_place(&t, c->key[place], event_str(e, ATTR_PROC_PATH));
		break;
	case CLASS_FILE_ACTIVITY:
	case CLASS_NETWORK_FILE:
	case CLASS_SMB_ACTIVITY:
		add_listed(&t, e, ATTR_FILE_SHA256);
		add_listed(&t, e, ATTR_FILE_HASHES);
		if (place >= 0)
			add_place(&t, c->key[place], event_str(e, ATTR_FILE_PATH));
		break;
	default:
		return 0;
	}
	/* What a host writes for itself only goes on with what came from elsewhere. */
	came = e->type->cls == CLASS_NETWORK_FILE ||
	       (e->type->cls == CLASS_SMB_ACTIVITY && writes(e));
	for (size_t i = 0; !err && i < t.n; i++)
		err = tie(g, c, e, t.key[i], !ran && came);
	return err;
}

int edges_attached(struct edges *g, const uint64_t *to, size_t nto, const struct event *e)
{
	struct things t = {.n = 0};

	add_listed(&t, e, ATTR_MAIL_FILE_HASHES);
	for (size_t i = 0; i < MIN(t.n, (size_t)ATTACHED); i++) {
		for (size_t k = 0; k < nto; k++)
			if (edges_meet(g, t.key[i], to[k]) < 0)
				return -ENOMEM;
		for (size_t k = 0; k < nto && !edges_hub(g, t.key[i]); k++)
			edges_put(g, t.key[i], to[k], EDGE_FILE, e->known);
	}
	return 0;
}
