/* SPDX-License-Identifier: Apache-2.0 */
/* What a record tells about identity. */
#include "event/entity_priv.h"
#include <errno.h>

/*
 * The device of a lease: who carries the host name, else the MAC, else who had the address
 * when nothing says that it is somebody else, else a new one. A device that was only an
 * address, or only a MAC, takes the better name instead of becoming a second entity.
 */
static struct ent *lease_device(struct entities *en, struct addr *a, struct str host,
				struct str mac, int64_t now)
{
	struct ent *t = host.len ? ent_find(en, ENT_DEVICE, host) : NULL;
	struct ent *had = ent_of(en, a->ent);
	char text[IP_TEXT];

	if (!t && mac.len) {
		t = ent_find(en, ENT_DEVICE, mac);
		if (t && host.len && !str_eq(t->pub.name, mac))
			t = NULL; /* renamed, or a MAC lent on: the host name decides */
	}
	if (!t && had && had->pub.kind == ENT_DEVICE && !had->leased &&
	    str_eq(had->pub.name, ip_text(&a->ip, text)))
		t = had;
	if (!t)
		return ent_make(en, ENT_DEVICE, host.len ? host : mac, now);
	if (host.len || name_mac(mac)) {
		struct str best = host.len ? host : mac;
		bool addr_named = str_eq(t->pub.name, ip_text(&a->ip, text));

		if ((addr_named || (host.len && name_mac(t->pub.name))) &&
		    ent_rename(en, t, best, addr_named ? ALIAS_ADDR : ALIAS_MAC) == -ENOMEM)
			return NULL;
	}
	return t;
}

static int bind_lease(struct entities *en, const struct event *e, const struct bind_decl *d)
{
	struct addr *a = addr_put(en, event_str(e, d->a));
	struct name_buf host, mac;
	char text[IP_TEXT];
	struct str h, full;
	struct ent *t;

	if (!a || a->nobody || !a->internal)
		return 0;
	name_lower(event_str(e, d->b), &host);
	name_lower(event_str(e, d->c), &mac);
	full = name_str(&host);
	h = str_sub(full, 0, str_chr(full, '.', 0));
	if (name_generic_host(full) || name_generic_host(h))
		h = full = str_n(NULL, 0);
	if (h.len == 0 && mac.len == 0)
		return 0;
	t = lease_device(en, a, h, name_str(&mac), e->known);
	if (!t)
		return -ENOMEM;
	t->leased = true;
	a->ent = t->pub.id;
	a->bare = false;
	ent_touch(en, t, e->known);
	if (ent_alias(en, t, ALIAS_HOST, full, false) < 0 ||
	    ent_alias(en, t, ALIAS_MAC, name_str(&mac), true) < 0 ||
	    ent_alias(en, t, ALIAS_ADDR, ip_text(&a->ip, text), true) < 0)
		return -ENOMEM;
	return full.len ? addr_name(a, full) : 0;
}

/* A device known by its address alone takes the host name that the organisation's DNS gives. */
static int name_device(struct entities *en, struct addr *a, struct str name)
{
	struct ent *t = ent_of(en, a->ent);
	struct str h = str_sub(name, 0, str_chr(name, '.', 0));
	char text[IP_TEXT];
	int r;

	if (!t || t->pub.kind != ENT_DEVICE || !str_eq(t->pub.name, ip_text(&a->ip, text)) ||
	    h.len == name.len || h.len == 0 || h.p[0] == '_' || name_generic_host(h) ||
	    (!name_private_domain(name) && !entities_own_domain(en, name)))
		return 0;
	for (size_t i = 0; i < en->nown;
	     i++) /* a domain's own address is that of its controllers */
		if (str_eqz(name, en->own[i].name))
			return 0;
	r = ent_rename(en, t, h, ALIAS_ADDR);
	if (r == -EEXIST)
		return 0;
	return r < 0 ? r : ent_alias(en, t, ALIAS_HOST, name, false);
}

#define ANSWERS_MAX 64 /* of one record */

static int bind_name(struct entities *en, const struct event *e, const struct bind_decl *d)
{
	const struct val *item;
	size_t n = val_items(event_get(e, d->a), &item);
	struct name_buf low;
	int r = 0;

	name_lower(event_str(e, d->b), &low);
	while (low.len && low.p[low.len - 1] == '.')
		low.len--;
	if (low.len == 0 || low.len > 253)
		return 0;
	for (size_t i = 0; i < n && i < ANSWERS_MAX && r == 0; i++) {
		struct addr *a = addr_put(en, val_str(&item[i]));

		if (!a || a->nobody)
			continue;
		r = addr_name(a, name_str(&low));
		if (r == 0 && a->internal)
			r = name_device(en, a, name_str(&low));
	}
	return r;
}

static int bind_instance(struct entities *en, const struct event *e, const struct bind_decl *d)
{
	struct str id = event_str(e, d->b);
	struct addr *a;
	char text[IP_TEXT];
	struct ent *t;

	if (!name_instance(id))
		return 0;
	a = addr_put(en, event_str(e, d->a));
	if (!a || a->nobody)
		return 0;
	t = ent_of(en, identity_put(en, ENT_WORKLOAD, id, e->known, NULL));
	if (!t)
		return -ENOMEM;
	a->ent = t->pub.id;
	a->bare = false;
	return ent_alias(en, t, ALIAS_ADDR, ip_text(&a->ip, text), true);
}

static void bind_user(struct entities *en, const struct event *e, const struct bind_decl *d)
{
	struct str where = event_str(e, d->a), who = event_str(e, d->b);
	struct ent *t;
	uint32_t user;

	if (where.len == 0 || who.len == 0 || str_ieqz(event_str(e, ATTR_STATUS), "failure"))
		return;
	user = identity_put(en, ENT_ACCOUNT, who, e->known, e);
	t = ent_of(en, identity_put(en, ENT_DEVICE, where, e->known, e));
	if (t && ent_of(en, user) && t->pub.kind != ENT_ENDPOINT &&
	    ent_of(en, user)->pub.kind == ENT_ACCOUNT)
		t->user = user;
}

static void bind_domain(struct entities *en, const struct event *e, const struct bind_decl *d)
{
	struct str who = event_str(e, d->a), domain = name_mail_domain(who);
	size_t slash = str_chr(who, '/', 0);

	if (!domain.len && slash != SIZE_MAX) /* Kerberos: "user/REALM" */
		domain = str_sub(who, slash + 1, who.len);
	/* A guest carries the tenant's domain behind a mark and somebody else's before it. */
	if (str_chr(domain, '.', 0) != SIZE_MAX && str_chr(who, '#', 0) == SIZE_MAX)
		own_add(en, domain, false);
}

int binds_apply(struct entities *en, const struct event *e)
{
	int r = 0;

	for (uint8_t i = 0; i < e->type->nbinds && r == 0; i++) {
		const struct bind_decl *d = &e->type->binds[i];

		switch (d->what) {
		case BIND_LEASE:
			r = bind_lease(en, e, d);
			break;
		case BIND_NAME:
			r = bind_name(en, e, d);
			break;
		case BIND_INSTANCE:
			r = bind_instance(en, e, d);
			break;
		case BIND_USER:
			bind_user(en, e, d);
			break;
		case BIND_DOMAIN:
			bind_domain(en, e, d);
			break;
		default:
			break;
		}
	}
	return r;
}
