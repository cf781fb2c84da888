/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses seen, who has them, and the names they were last known by. */
#include "base/hash.h"
#include "event/entity_priv.h"
#include <errno.h>
#include <stdlib.h>

bool addr_is_internal(const struct entities *en, const struct ip *ip)
{
	/* What is sent to everybody or to a group does not leave the organisation. */
	if (ip_private(ip) || ip_nobody(ip))
		return true;
	for (size_t i = 0; i < en->nnets; i++)
		if (cidr_has(&en->nets[i], ip))
			return true;
	return false;
}

struct addr *addr_find(const struct entities *en, const struct ip *ip)
{
	const uint64_t *v = map_get(&en->addrs, hash_bytes(ip->b, sizeof(ip->b), 0));
	struct addr *a = v ? (struct addr *)(uintptr_t)*v : NULL;

	while (a && memcmp(a->ip.b, ip->b, sizeof(ip->b)) != 0)
		a = a->next_hash;
	return a;
}

static void lru_unlink(struct entities *en, struct addr *a)
{
	*(a->older ? &a->older->newer : &en->addr_oldest) = a->newer;
	*(a->newer ? &a->newer->older : &en->addr_newest) = a->older;
}

static void lru_append(struct entities *en, struct addr *a)
{
	a->older = en->addr_newest;
	a->newer = NULL;
	*(en->addr_newest ? &en->addr_newest->newer : &en->addr_oldest) = a;
	en->addr_newest = a;
}

static void addr_drop(struct entities *en, struct addr *a)
{
	uint64_t *v = map_get(&en->addrs, a->hash);
	struct addr *at = v ? (struct addr *)(uintptr_t)*v : NULL;

	if (v && at == a) {
		*v = (uint64_t)(uintptr_t)a->next_hash;
		if (!a->next_hash)
			map_del(&en->addrs, a->hash);
	} else {
		while (at && at->next_hash != a)
			at = at->next_hash;
		if (at)
			at->next_hash = a->next_hash;
	}
	lru_unlink(en, a);
	if (a->text && a->text->a == a)
		a->text->a = NULL;
	en->naddrs--;
	free(a->name);
	free(a);
}

void addr_free_all(struct entities *en)
{
	while (en->addr_oldest)
		addr_drop(en, en->addr_oldest);
}

static void lru_touch(struct entities *en, struct addr *a)
{
	if (en->addr_newest == a)
		return;
	lru_unlink(en, a);
	lru_append(en, a);
}

static struct addr_text *text_at(struct entities *en, struct str s)
{
	uint64_t h = str_word(s.p, s.len) ^ s.len;

	if (s.len > 8)
		h = h * UINT64_C(0x9e3779b97f4a7c15) ^ str_word(s.p + s.len - 8, 8);
	return &en->texts[hash_mix(h) & (ADDR_TEXTS - 1)];
}

/* From now on s is known to be a's. An address has one such text at most. */
static void text_put(struct entities *en, struct addr *a, struct str s)
{
	struct addr_text *t = text_at(en, s);

	if (s.len >= sizeof(t->text))
		return;
	if (a->text && a->text->a == a)
		a->text->a = NULL;
	t->a = a;
	t->len = (uint8_t)s.len;
	memcpy(t->text, s.p, s.len);
	a->text = t;
}

struct addr *addr_met(struct entities *en, struct str s)
{
	struct addr_text *t = text_at(en, s);

	if (!t->a || t->len != s.len || !str_same(t->text, s.p, s.len))
		return NULL;
	lru_touch(en, t->a);
	return t->a;
}

struct addr *addr_put_ip(struct entities *en, const struct ip *ip)
{
	struct addr *a = addr_find(en, ip);
	uint64_t *v;

	if (a) {
		lru_touch(en, a);
		return a;
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->ip = *ip;
	a->hash = hash_bytes(ip->b, sizeof(ip->b), 0);
	a->ent = ENT_NONE;
	a->nobody = ip_nobody(ip);
	a->internal = addr_is_internal(en, ip);
	v = map_put(&en->addrs, a->hash, NULL);
	if (!v) {
		free(a);
		return NULL;
	}
	a->next_hash = (struct addr *)(uintptr_t)*v;
	*v = (uint64_t)(uintptr_t)a;
	lru_append(en, a);
	/* Room for the few addresses of one event: a pointer just given out must stay valid. */
	if (++en->naddrs > en->addrs_max + 2 * EVENT_ENTS_MAX)
		addr_drop(en, en->addr_oldest);
	return a;
}

struct addr *addr_put(struct entities *en, struct str s)
{
	struct addr *a = s.len ? addr_met(en, s) : NULL;
	struct ip ip;

	if (a || !ip_parse(s, &ip))
		return a;
	a = addr_put_ip(en, &ip);
	if (a)
		text_put(en, a, s);
	return a;
}

int addr_name(struct addr *a, struct str name)
{
	char *p;

	if (name.len == 0 || name.len > 253)
		return 0;
	if (name.len == a->name_len && memcmp(a->name, name.p, name.len) == 0)
		return 0;
	p = malloc(name.len);
	if (!p)
		return -ENOMEM;
	memcpy(p, name.p, name.len);
	free(a->name);
	a->name = p;
	a->name_len = (uint16_t)name.len;
	return 0;
}

bool entities_internal(const struct entities *en, struct str s)
{
	struct ip ip;

	return ip_parse(s, &ip) && addr_is_internal(en, &ip);
}

struct str entities_name_of(const struct entities *en, struct str s)
{
	const struct addr *a;
	struct ip ip;

	a = ip_parse(s, &ip) ? addr_find(en, &ip) : NULL;
	return a ? str_n(a->name, a->name_len) : (struct str){NULL, 0};
}
