/* SPDX-License-Identifier: Apache-2.0 */
/* The derived attributes of fields.def. What a source has set itself stands. */
#include "event/entity_priv.h"
#include "event/link.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define URLS_MAX       256 /* looked at in one message */
#define ACCOUNTS_MAX   16  /* named in one policy */
#define ACCOUNT_DIGITS 12

static const struct {
	uint16_t attr, from[4];
	uint8_t nfrom;
} derived[] = {
	{ATTR_SRC_INTERNAL, {ATTR_SRC_IP}, 1},
	{ATTR_SRC_NET, {ATTR_SRC_IP}, 1},
	{ATTR_DST_INTERNAL, {ATTR_DST_IP}, 1},
	{ATTR_DST_HOST, {ATTR_DST_IP, ATTR_SNI, ATTR_HTTP_HOST}, 3},
	{ATTR_DST_DOMAIN, {ATTR_DST_HOST, ATTR_DST_IP, ATTR_SNI, ATTR_HTTP_HOST}, 4},
	{ATTR_DST_KEY, {ATTR_DST_HOST, ATTR_DST_IP, ATTR_SNI, ATTR_HTTP_HOST}, 4},
	{ATTR_QUERY_DOMAIN, {ATTR_QUERY}, 1},
	{ATTR_UA_FAMILY, {ATTR_USER_AGENT}, 1},
	{ATTR_PROC_NAME, {ATTR_PROC_PATH}, 1},
	{ATTR_PARENT_NAME, {ATTR_PARENT_PATH}, 1},
	{ATTR_FILE_NAME, {ATTR_FILE_PATH}, 1},
	{ATTR_MAIL_URL_DOMAINS, {ATTR_MAIL_URLS}, 1},
	{ATTR_MAIL_LINK_ODD, {ATTR_MAIL_URLS}, 1},
	{ATTR_MAIL_LINK_MARKS, {ATTR_MAIL_URLS}, 1},
	{ATTR_MAIL_FROM_DOMAIN, {ATTR_MAIL_FROM}, 1},
	{ATTR_POLICY_FOREIGN, {ATTR_ROLE_TRUST, ATTR_POLICY_TEXT}, 2},
	{ATTR_DST_ZONE, {ATTR_DST_IP}, 1},
	{ATTR_DEVICE_ZONE, {ATTR_DEVICE_IP, ATTR_DEVICE_HOST, ATTR_SRC_IP}, 3},
};

int entities_provide(struct schema *s)
{
	for (size_t t = 0; t < schema_types(s); t++) {
		const struct rectype *type = schema_type(s, t);

		for (size_t i = 0; i < ARRAY_LEN(derived); i++) {
			bool can = false;
			int r;

			for (uint8_t k = 0; k < derived[i].nfrom; k++)
				can |= schema_provides(s, type, derived[i].from[k]);
			r = can ? schema_provide(s, type, derived[i].attr) : 0;
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static bool open_slot(const struct event *e, attr_t a)
{
	return event_wants(e, a) && !val_set(event_get(e, a));
}

static void set_str(struct event *e, attr_t a, struct str s)
{
	if (s.len && open_slot(e, a))
		event_set(e, a, val_s(s));
}

static int src_net(struct event *e, const struct addr *a, struct arena *mem)
{
	struct str s;

	if (a->internal || a->nobody || !open_slot(e, ATTR_SRC_NET))
		return 0;
	s = ip_network(&a->ip, mem);
	if (!s.p)
		return -ENOMEM;
	event_set(e, ATTR_SRC_NET, val_s(s));
	return 0;
}

/* "www.example.org:8080" -> without the port; a bracketed or bare address stays. */
static struct str host_of(struct str s)
{
	size_t colon = str_chr(s, ':', 0);

	if (s.len == 0 || s.p[0] == '[' || colon == SIZE_MAX ||
	    str_chr(s, ':', colon + 1) != SIZE_MAX)
		return s;
	return str_sub(s, 0, colon);
}

static int dst_host(struct event *e, const struct addr *a, struct arena *mem)
{
	struct str host = event_str(e, ATTR_DST_HOST);

	if (!host.len)
		host = event_str(e, ATTR_SNI);
	if (!host.len)
		host = host_of(event_str(e, ATTR_HTTP_HOST));
	/* The cache may forget the name while the batch still lives: so it is copied. */
	if (!host.len && a && a->name_len && event_wants(e, ATTR_DST_HOST)) {
		host = arena_str(mem, str_n(a->name, a->name_len));
		if (!host.p)
			return -ENOMEM;
	}
	set_str(e, ATTR_DST_HOST, host);
	return 0;
}

/* What the client says stands in for the name only where no DNS answer was seen. */
static int learn_sni(const struct event *e, struct addr *a)
{
	struct name_buf low;
	struct ip ip;

	name_lower(event_str(e, ATTR_SNI), &low);
	if (a->internal || a->nobody || a->name_len || ip_parse(name_str(&low), &ip))
		return 0;
	return addr_name(a, name_str(&low));
}

int derive_hosts(struct entities *en, struct event *e, struct arena *mem)
{
	struct str src = event_str(e, ATTR_SRC_IP), dst = event_str(e, ATTR_DST_IP), host;
	struct addr *a = src.len ? addr_put(en, src) : NULL;
	int r = 0;

	if (a) {
		if (open_slot(e, ATTR_SRC_INTERNAL))
			event_set(e, ATTR_SRC_INTERNAL, val_b(a->internal));
		r = src_net(e, a, mem);
	}
	a = dst.len ? addr_put(en, dst) : NULL;
	if (a && open_slot(e, ATTR_DST_INTERNAL))
		event_set(e, ATTR_DST_INTERNAL, val_b(a->internal));
	if (r == 0 && a)
		r = learn_sni(e, a);
	if (r == 0)
		r = dst_host(e, a, mem);
	host = event_str(e, ATTR_DST_HOST);
	if (host.len) {
		struct str domain = domain_registrable(host);
		struct ip ip;

		if (!ip_parse(host, &ip))
			set_str(e, ATTR_DST_DOMAIN, domain);
		set_str(e, ATTR_DST_KEY, domain);
	}
	set_str(e, ATTR_DST_KEY, dst);
	return r;
}

/* Adds s to the *n of list, unless it is there in whatever case. */
static void gather(struct val *list, size_t *n, struct str s)
{
	for (size_t i = 0; i < *n; i++)
		if (str_ieq(val_str(&list[i]), s))
			return;
	list[(*n)++] = val_s(s);
}

static void set_list(struct event *e, attr_t attr, const struct val *list, size_t n)
{
	event_set(e, attr, (struct val){.kind = VAL_LIST, .len = (uint32_t)n, .list = list});
}

/* Where the links of a message lead, which of them look odd, and what is odd about them. */
static int links(struct event *e, struct arena *mem)
{
	const struct val *item;
	struct val *sites, *odd, *marks;
	size_t n, n_sites = 0, n_odd = 0, n_marks = 0;
	unsigned all = 0;

	if (!open_slot(e, ATTR_MAIL_URL_DOMAINS) && !open_slot(e, ATTR_MAIL_LINK_ODD) &&
	    !open_slot(e, ATTR_MAIL_LINK_MARKS))
		return 0;
	n = MIN(val_items(event_get(e, ATTR_MAIL_URLS), &item), (size_t)URLS_MAX);
	if (n == 0)
		return 0;
	sites = arena_alloc(mem, (2 * n + LINK_MARKS) * sizeof(*sites));
	if (!sites)
		return -ENOMEM;
	odd = sites + n;
	marks = odd + n;
	for (size_t i = 0; i < n; i++) {
		struct str url = link_target(val_str(&item[i]), mem), d;
		unsigned m = link_marks(url);

		if (!url.p)
			return -ENOMEM;
		d = domain_registrable(name_url_host(url));
		if (!d.len)
			continue;
		gather(sites, &n_sites, d);
		if (m)
			gather(odd, &n_odd, d);
		all |= m;
	}
	for (unsigned i = 0; i < LINK_MARKS; i++)
		if (all & 1u << i)
			marks[n_marks++] = val_s(str_of(link_mark_name(i)));
	if (open_slot(e, ATTR_MAIL_URL_DOMAINS))
		set_list(e, ATTR_MAIL_URL_DOMAINS, sites, n_sites);
	if (n_odd && open_slot(e, ATTR_MAIL_LINK_ODD))
		set_list(e, ATTR_MAIL_LINK_ODD, odd, n_odd);
	if (n_marks && open_slot(e, ATTR_MAIL_LINK_MARKS))
		set_list(e, ATTR_MAIL_LINK_MARKS, marks, n_marks);
	return 0;
}

/*
 * The account that is named at @at, if one is. In a policy accounts stand in the names of
 * identities, arn:aws:iam::444455556666:root, and alone as a principal, "444455556666"; the
 * name of a bucket may hold twelve digits as well.
 */
static struct str account_at(struct str s, size_t at)
{
	size_t end = at;

	if (at < 2 || (s.p[at - 1] != '"' && (s.p[at - 1] != ':' || s.p[at - 2] != ':')))
		return (struct str){NULL, 0};
	while (end < s.len && end - at <= ACCOUNT_DIGITS && s.p[end] >= '0' && s.p[end] <= '9')
		end++;
	if (end - at != ACCOUNT_DIGITS || end == s.len || !strchr("\\:\"", s.p[end]))
		return (struct str){NULL, 0};
	return str_sub(s, at, end);
}

static int foreign_accounts(struct event *e, struct arena *mem)
{
	static const attr_t policies[] = {ATTR_ROLE_TRUST, ATTR_POLICY_TEXT};
	struct val found[ACCOUNTS_MAX], *out;
	struct str own;
	size_t n = 0;

	if (!open_slot(e, ATTR_POLICY_FOREIGN))
		return 0;
	own = event_str(e, ATTR_CLOUD_ACCOUNT);
	for (size_t i = 0; own.len && i < ARRAY_LEN(policies); i++) {
		struct str text = event_str(e, policies[i]);

		for (size_t at = 0; at < text.len && n < ACCOUNTS_MAX; at++) {
			struct str id = account_at(text, at);

			if (id.len && !str_eq(id, own))
				gather(found, &n, id);
		}
	}
	if (!n)
		return 0;
	out = arena_alloc(mem, n * sizeof(*out));
	if (!out)
		return -ENOMEM;
	memcpy(out, found, n * sizeof(*out));
	set_list(e, ATTR_POLICY_FOREIGN, out, n);
	return 0;
}

static struct str zone_of(const struct ent *t)
{
	if (!t || (t->pub.kind != ENT_DEVICE && t->pub.kind != ENT_WORKLOAD))
		return STR("unknown");
	if (t->pub.kind == ENT_WORKLOAD)
		return STR("cloud");
	switch (t->pub.cls) {
	case ENT_CLASS_OT:
		return STR("ot");
	case ENT_CLASS_IOT:
		return STR("iot");
	case ENT_CLASS_SERVER:
		return STR("server");
	case ENT_CLASS_CLIENT:
		return STR("client");
	default:
		return STR("unknown");
	}
}

static const struct ent *doer(const struct entities *en, const struct event *e)
{
	const struct ent *t = ent_of(en, event_ent(e, ROLE_DEVICE));

	return t ? t : ent_of(en, event_ent(e, ROLE_ACTOR));
}

int derive_rest(struct entities *en, struct event *e, struct arena *mem)
{
	int r;

	if (open_slot(e, ATTR_QUERY_DOMAIN))
		set_str(e, ATTR_QUERY_DOMAIN, domain_registrable(event_str(e, ATTR_QUERY)));
	if (open_slot(e, ATTR_UA_FAMILY))
		set_str(e, ATTR_UA_FAMILY, name_ua_family(event_str(e, ATTR_USER_AGENT)));
	set_str(e, ATTR_PROC_NAME, name_base(event_str(e, ATTR_PROC_PATH)));
	set_str(e, ATTR_PARENT_NAME, name_base(event_str(e, ATTR_PARENT_PATH)));
	set_str(e, ATTR_FILE_NAME, name_base(event_str(e, ATTR_FILE_PATH)));
	if (open_slot(e, ATTR_MAIL_FROM_DOMAIN))
		set_str(e, ATTR_MAIL_FROM_DOMAIN,
			domain_registrable(name_mail_domain(event_str(e, ATTR_MAIL_FROM))));
	if (open_slot(e, ATTR_DEVICE_ZONE))
		event_set(e, ATTR_DEVICE_ZONE, val_s(zone_of(doer(en, e))));
	if (open_slot(e, ATTR_DST_ZONE))
		event_set(e, ATTR_DST_ZONE,
			  val_s(zone_of(ent_of(en, event_ent(e, ROLE_PEER)))));
	r = foreign_accounts(e, mem);
	return r < 0 ? r : links(e, mem);
}
