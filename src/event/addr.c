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
	en->naddrs--;
	free(a->name);
	free(a);
}

void addr_free_all(struct entities *en)
{
	while (en->addr_oldest)
		addr_drop(en, en->addr_oldest);
}

struct addr *addr_memo(const struct entities *en, struct str s)
{
	for (unsigned i = 0; i < MIN(en->nmemo, ADDR_MEMO); i++)
		if (en->memo[i].p == s.p && en->memo[i].len == s.len)
			return en->memo[i].a;
	return NULL;
}

struct addr *addr_put_ip(struct entities *en, const struct ip *ip)
{
	struct addr *a = addr_find(en, ip);
	uint64_t *v;

	if (a) {
		if (en->addr_newest != a) {
			lru_unlink(en, a);
			lru_append(en, a);
		}
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
	struct ip ip;

	return ip_parse(s, &ip) ? addr_put_ip(en, &ip) : NULL;
}

struct addr *addr_put_text(struct entities *en, struct str s)
{
	struct addr *a = addr_memo(en, s);

	if (a)
		return a;
	a = addr_put(en, s);
	if (a) {
		en->memo[en->nmemo % ADDR_MEMO].p = s.p;
		en->memo[en->nmemo % ADDR_MEMO].len = s.len;
		en->memo[en->nmemo++ % ADDR_MEMO].a = a;
	}
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
