/* SPDX-License-Identifier: Apache-2.0 */
/* From a name as a record writes it to the entity it means. */
#include "event/entity_priv.h"

static uint32_t put_exact(struct entities *en, enum ent_kind kind, struct str name, int64_t now)
{
	struct ent *t = ent_find(en, kind, name);

	if (name.len == 0)
		return ENT_NONE;
	if (!t)
		t = ent_make(en, kind, name, now);
	if (!t)
		return ENT_NONE;
	ent_touch(en, t, now);
	return t->pub.id;
}

/* A name more is a convenience: without memory the entity stays found by those it has. */
static uint32_t put_full(struct entities *en, enum ent_kind kind, struct str name,
			 struct str full, int64_t now)
{
	uint32_t id = put_exact(en, kind, name, now);
	struct ent *t = ent_of(en, id);

	if (t && !str_eq(name, full) && ent_alias(en, t, ALIAS_FULL, full, false) < 0)
		return ENT_NONE;
	return id;
}

/* ---- domains of the organisation ---- */

bool entities_own_domain(const struct entities *en, struct str domain)
{
	for (size_t i = 0; i < en->nown; i++) {
		struct str own = str_of(en->own[i].name);

		if (!en->own[i].own || domain.len < own.len ||
		    !str_ieq(str_sub(domain, domain.len - own.len, domain.len), own))
			continue;
		if (domain.len == own.len || domain.p[domain.len - own.len - 1] == '.')
			return true;
	}
	return false;
}

/* Accounts met as "x@domain" before the domain was known to be ours become "x". */
static void own_rename(struct entities *en, struct str domain)
{
	for (struct ent *t = en->oldest; t; t = t->newer) {
		struct str name = t->pub.name, local = str_sub(name, 0, str_chr(name, '@', 0));

		if (t->pub.kind != ENT_ACCOUNT || local.len == name.len || local.len == 0 ||
		    !str_eq(str_sub(name, local.len + 1, name.len), domain) ||
		    name_generic_account(local))
			continue;
		if (ent_rename(en, t, local, ALIAS_FULL) < 0)
			continue; /* somebody has that name already: both stay */
	}
}

/*
 * A domain that records vouch for is ours once it was named three times and makes up a fifth
 * of all: one guest in a tenant does not make a stranger's domain ours.
 */
void own_add(struct entities *en, struct str domain, bool at_once)
{
	struct own_domain *d = NULL;
	struct name_buf low;

	name_lower(domain, &low);
	domain = name_str(&low);
	if (domain.len == 0 || domain.len >= sizeof(d->name) || name_public_mail(domain))
		return;
	for (size_t i = 0; i < en->nown && !d; i++)
		if (str_eqz(domain, en->own[i].name))
			d = &en->own[i];
	if (!d) {
		if (en->nown == OWN_MAX)
			return;
		d = &en->own[en->nown++];
		memcpy(d->name, domain.p, domain.len);
	}
	if (d->own)
		return;
	d->count++;
	en->own_total++;
	if (at_once || (d->count >= 3 && d->count >= en->own_total / 5)) {
		d->own = true;
		own_rename(en, domain);
	}
}

/* ---- devices and endpoints ---- */

static struct str host_short(const struct entities *en, struct str host)
{
	struct str first = str_sub(host, 0, str_chr(host, '.', 0));

	if (first.len && (name_private_domain(host) || entities_own_domain(en, host)))
		return first;
	return host;
}

static uint32_t put_device_name(struct entities *en, struct str host, int64_t now)
{
	struct str name;

	while (host.len && (host.p[host.len - 1] == '.' || host.p[host.len - 1] == '$'))
		host.len--;
	if (host.len == 0 || str_eq(host, STR("-")))
		return ENT_NONE;
	if (name_instance(host))
		return put_exact(en, ENT_WORKLOAD, host, now);
	name = host_short(en, host);
	return put_full(en, ENT_DEVICE, name, host, now);
}

static uint32_t put_endpoint_name(struct entities *en, struct str host, int64_t now)
{
	if (entities_own_domain(en, host) || name_private_domain(host))
		return put_device_name(en, host, now);
	return put_exact(en, ENT_ENDPOINT, domain_registrable(host), now);
}

uint32_t identity_addr(struct entities *en, struct addr *a, struct str host, int64_t now)
{
	struct ent *t = ent_of(en, a->ent);
	char text[IP_TEXT];
	struct name_buf low;
	uint32_t id;

	if (a->nobody)
		return ENT_NONE;
	if (a->internal || (t && t->pub.kind == ENT_WORKLOAD)) {
		if (!t) /* forgotten: an instance may have it still */
			t = ent_find(en, ENT_WORKLOAD, ip_text(&a->ip, text));
		if (!t) {
			a->ent = put_exact(en, ENT_DEVICE, ip_text(&a->ip, text), now);
			return a->ent;
		}
		a->ent = t->pub.id;
		ent_touch(en, t, now);
		return a->ent;
	}
	if (host.len == 0)
		host = str_n(a->name, a->name_len);
	if (host.len == 0 || entities_own_domain(en, host)) {
		if (t && a->bare) {
			ent_touch(en, t, now);
			return a->ent;
		}
		a->ent = put_exact(en, ENT_ENDPOINT, ip_text(&a->ip, text), now);
		a->bare = true;
		return a->ent;
	}
	a->bare = false;
	name_lower(domain_registrable(host), &low);
	if (t && str_eq(t->pub.name, name_str(&low))) {
		ent_touch(en, t, now);
		return a->ent;
	}
	id = put_exact(en, ENT_ENDPOINT, name_str(&low), now);
	t = ent_of(en, id);
	if (t && ent_alias(en, t, ALIAS_ADDR, ip_text(&a->ip, text), false) < 0)
		return ENT_NONE;
	a->ent = id;
	return id;
}

static uint32_t put_addr(struct entities *en, struct addr *a, struct str text, int64_t now,
			 const struct event *e)
{
	struct str host = {NULL, 0};
	struct ip ip;

	if (e && str_ieq(event_str(e, ATTR_DST_IP), text))
		host = event_str(e, ATTR_DST_HOST);
	return identity_addr(en, a, host.len && ip_parse(host, &ip) ? str_n(NULL, 0) : host,
			     now);
}

static uint32_t put_host(struct entities *en, enum ent_kind kind, struct str name, int64_t now,
			 const struct event *e)
{
	struct ip ip;

	if (ip_parse(name, &ip)) {
		struct addr *a = addr_put(en, name);

		return a ? put_addr(en, a, name, now, e) : ENT_NONE;
	}
	return kind == ENT_ENDPOINT ? put_endpoint_name(en, name, now)
				    : put_device_name(en, name, now);
}

/* ---- accounts ---- */

/* Where an account that says nothing by itself lives: host, else cloud account. */
static struct str account_home(const struct entities *en, const struct event *e,
			       struct name_buf *buf)
{
	struct str ip;
	struct ip at;

	if (!e)
		return str_n(NULL, 0);
	name_lower(event_str(e, ATTR_DEVICE_HOST), buf);
	if (buf->len)
		return host_short(en, name_str(buf));
	name_lower(event_str(e, ATTR_CLOUD_ACCOUNT), buf);
	if (buf->len)
		return name_str(buf);
	ip = event_str(e, ATTR_DEVICE_IP);
	if (ip_parse(ip, &at)) {
		const struct addr *a = addr_find(en, &at);
		const struct ent *t = a ? ent_of(en, a->ent) : NULL;

		return t ? t->pub.name : ip;
	}
	return str_n(NULL, 0);
}

static uint32_t put_local(struct entities *en, struct str local, struct str full, int64_t now,
			  const struct event *e)
{
	struct name_buf home, joined;
	struct str h;

	if (local.len == 0 || str_eq(local, STR("-")))
		return ENT_NONE;
	if (local.p[local.len - 1] == '$' && local.len > 1)
		return put_device_name(en, local, now);
	if (!name_generic_account(local))
		return put_full(en, ENT_ACCOUNT, local, full, now);
	h = account_home(en, e, &home);
	if (h.len == 0)
		return put_exact(en, ENT_ACCOUNT, local, now);
	name_join(local, '@', h, &joined);
	return put_exact(en, ENT_ACCOUNT, name_str(&joined), now);
}

static uint32_t put_mail(struct entities *en, struct str s, size_t at, int64_t now,
			 const struct event *e)
{
	struct str local = str_sub(s, 0, at), domain = str_sub(s, at + 1, s.len);

	if (domain.len == 0 || local.len == 0)
		return put_exact(en, ENT_ACCOUNT, s, now);
	if (local.p[local.len - 1] == '$')
		return put_device_name(en, local, now);
	if (entities_own_domain(en, domain) && !name_generic_account(local))
		return put_local(en, local, s, now, e);
	return put_exact(en, ENT_ACCOUNT, s, now);
}

/* Kerberos: "user/REALM" and "PC01$/REALM"; "cifs/fs01" names a service and stays whole. */
static uint32_t put_kerberos(struct entities *en, struct str s, size_t slash, int64_t now,
			     const struct event *e)
{
	static const char *const services[] = {"host",	   "cifs",  "ldap",  "http",
					       "krbtgt",   "dns",   "gc",    "termsrv",
					       "mssqlsvc", "rpcss", "wsman", "smtp"};
	struct str user = str_sub(s, 0, slash), realm = str_sub(s, slash + 1, s.len);

	for (size_t i = 0; i < ARRAY_LEN(services); i++)
		if (str_eqz(user, services[i]))
			return put_exact(en, ENT_ACCOUNT, s, now);
	if (realm.len == 0 || str_chr(realm, '/', 0) != SIZE_MAX)
		return put_exact(en, ENT_ACCOUNT, s, now);
	return put_local(en, user, s, now, e);
}

static uint32_t put_account(struct entities *en, struct str s, int64_t now,
			    const struct event *e)
{
	size_t lt = str_chr(s, '<', 0), at, cut;

	if (lt != SIZE_MAX) { /* "Name <a@b.org>" */
		size_t gt = str_chr(s, '>', lt);

		if (gt != SIZE_MAX)
			s = str_trim(str_sub(s, lt + 1, gt));
	}
	if (name_instance(s))
		return put_exact(en, ENT_WORKLOAD, s, now);
	if (str_ends(s, STR(".amazonaws.com")))
		return put_exact(en, ENT_ROLE, s, now);
	cut = str_chr(s, '\\', 0);
	if (cut != SIZE_MAX) {
		struct str domain = str_sub(s, 0, cut), user = str_sub(s, cut + 1, s.len);
		struct name_buf mail;

		at = str_chr(user, '@', 0);
		if (at != SIZE_MAX) /* "AzureAD\a@b.org" */
			return put_mail(en, user, at, now, e);
		if (str_chr(domain, '.', 0) == SIZE_MAX || entities_own_domain(en, domain))
			return put_local(en, user, s, now, e);
		name_join(user, '@', domain, &mail);
		return put_full(en, ENT_ACCOUNT, name_str(&mail), s, now);
	}
	at = str_chr(s, '@', 0);
	if (at != SIZE_MAX)
		return put_mail(en, s, at, now, e);
	cut = str_chr(s, '/', 0);
	if (cut != SIZE_MAX)
		return put_kerberos(en, s, cut, now, e);
	return put_local(en, s, s, now, e);
}

/* ---- cloud names ---- */

/* A session's own name tells who is behind the role: a person, an instance, else the role. */
static uint32_t put_session(struct entities *en, struct str role, struct str session,
			    struct str full, int64_t now, const struct event *e)
{
	if (name_instance(session))
		return put_full(en, ENT_WORKLOAD, session, full, now);
	if (str_chr(session, '@', 0) != SIZE_MAX || ent_find(en, ENT_ACCOUNT, session))
		return put_account(en, session, now, e);
	return put_full(en, ENT_ROLE, role.len ? role : session, full, now);
}

static uint32_t put_arn(struct entities *en, enum ent_kind kind, struct str s, int64_t now,
			const struct event *e)
{
	struct str part[6], rest = s, what, tail;

	for (size_t i = 0; i < 5; i++)
		part[i] = str_cut(rest, ':', &rest);
	part[5] = rest;
	if (!rest.p)
		return put_exact(en, kind, s, now);
	what = str_cut(part[5], '/', &tail);
	if (str_eq(what, STR("root")) && !tail.p) {
		struct name_buf root;

		name_join(STR("root"), '@', part[4], &root);
		return put_full(en, ENT_ACCOUNT, name_str(&root), s, now);
	}
	if (str_eq(what, STR("user")) || str_eq(what, STR("federated-user"))) {
		struct str user = name_base(tail);
		struct name_buf mail;

		if (name_generic_account(user)) {
			name_join(user, '@', part[4], &mail);
			return put_full(en, ENT_ACCOUNT, name_str(&mail), s, now);
		}
		if (str_chr(user, '@', 0) != SIZE_MAX)
			return put_account(en, user, now, e);
		return put_full(en, ENT_ACCOUNT, user, s, now);
	}
	if (str_eq(what, STR("assumed-role"))) {
		struct str session, role = str_cut(tail, '/', &session);

		return put_session(en, role, session, s, now, e);
	}
	if (str_eq(what, STR("role")))
		return put_full(en, ENT_ROLE, name_base(tail), s, now);
	if (str_eq(what, STR("instance")) && name_instance(tail))
		return put_full(en, ENT_WORKLOAD, tail, s, now);
	return put_exact(en, kind, s, now);
}

static uint32_t put_image(struct entities *en, struct str path, int64_t now,
			  const struct event *e)
{
	struct name_buf home, joined;
	struct str h = account_home(en, e, &home);

	if (h.len == 0)
		return put_exact(en, ENT_IMAGE, path, now);
	name_join(h, ':', path, &joined);
	return put_exact(en, ENT_IMAGE, name_str(&joined), now);
}

uint32_t identity_put(struct entities *en, enum ent_kind kind, struct str name, int64_t now,
		      const struct event *e)
{
	struct name_buf low;
	struct str s, session;

	if (kind == ENT_DEVICE || kind == ENT_ENDPOINT) {
		struct addr *a = name.len ? addr_met(en, name) : NULL;

		if (a)
			return put_addr(en, a, name, now, e);
	}
	name_lower(name, &low);
	s = name_str(&low);
	if (s.len == 0)
		return ENT_NONE;
	if (str_starts(s, STR("arn:")))
		return put_arn(en, kind, s, now, e);
	if (kind == ENT_DEVICE || kind == ENT_ENDPOINT)
		return put_host(en, kind, s, now, e);
	if (kind == ENT_ACCOUNT || kind == ENT_ROLE) {
		struct str id = str_cut(s, ':', &session);

		if (session.len && str_starts(id, STR("aroa"))) {
			struct name_buf issuer;
			struct str role = {NULL, 0};

			if (e) {
				name_lower(event_str(e, ATTR_SESSION_ISSUER), &issuer);
				role = name_base(name_str(&issuer));
			}
			return put_session(en, role, session, s, now, e);
		}
		return kind == ENT_ACCOUNT ? put_account(en, s, now, e)
					   : put_exact(en, kind, s, now);
	}
	return kind == ENT_IMAGE ? put_image(en, s, now, e) : put_exact(en, kind, s, now);
}
