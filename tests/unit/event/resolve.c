/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"
#include "event/entity.h"
#include "tap.h"

/* Record types as sources would declare them. */
struct world {
	struct schema *s;
	struct entities *en;
	struct rectype *conn, *dhcp, *dns, *audit, *ot, *asset, *login;
	struct batch b;
};

static void provide(struct schema *s, struct rectype *t, const attr_t *a, size_t n)
{
	for (size_t i = 0; i < n; i++)
		CHECK_INT(schema_provide(s, t, a[i]), 0);
}

#define PROVIDE(w, t, ...)                                \
	provide((w)->s, t, (const attr_t[]){__VA_ARGS__}, \
		sizeof((attr_t[]){__VA_ARGS__}) / sizeof(attr_t))

static void world_init(struct world *w, size_t max)
{
	struct entities_conf c = {.max = max};

	*w = (struct world){0};
	CHECK_INT(schema_new(&w->s), 0);
	w->conn = schema_type_add(w->s, STR("t"), STR("t.conn"), CLASS_NETWORK_ACTIVITY);
	PROVIDE(w, w->conn, ATTR_SRC_IP, ATTR_DST_IP, ATTR_SNI, ATTR_USER_AGENT,
		ATTR_CONN_STATE);
	w->conn->ents[0] = (struct ent_decl){ROLE_DEVICE, ENT_DEVICE, ATTR_SRC_IP};
	w->conn->ents[1] = (struct ent_decl){ROLE_PEER, ENT_DEVICE, ATTR_DST_IP};
	w->conn->nents = 2;
	w->login = schema_type_add(w->s, STR("t"), STR("t.login"), CLASS_AUTHENTICATION);
	PROVIDE(w, w->login, ATTR_SRC_IP, ATTR_DEVICE_HOST);
	w->login->ents[0] = (struct ent_decl){ROLE_DEVICE, ENT_DEVICE, ATTR_DEVICE_HOST};
	w->login->ents[1] = (struct ent_decl){ROLE_PEER, ENT_DEVICE, ATTR_SRC_IP};
	w->login->nents = 2;
	w->dhcp = schema_type_add(w->s, STR("t"), STR("t.dhcp"), CLASS_DHCP_ACTIVITY);
	PROVIDE(w, w->dhcp, ATTR_SRC_IP, ATTR_DEVICE_HOST, ATTR_DEVICE_MAC);
	w->dhcp->ents[0] = (struct ent_decl){ROLE_DEVICE, ENT_DEVICE, ATTR_SRC_IP};
	w->dhcp->nents = 1;
	w->dhcp->binds[0] = (struct bind_decl){BIND_LEASE, ATTR_SRC_IP, ATTR_DEVICE_HOST,
					       ATTR_DEVICE_MAC, ATTR_NONE};
	w->dhcp->nbinds = 1;
	w->dns = schema_type_add(w->s, STR("t"), STR("t.dns"), CLASS_DNS_ACTIVITY);
	PROVIDE(w, w->dns, ATTR_QUERY, ATTR_ANSWERS);
	w->dns->binds[0] =
		(struct bind_decl){BIND_NAME, ATTR_ANSWERS, ATTR_QUERY, ATTR_NONE, ATTR_NONE};
	w->dns->nbinds = 1;
	w->audit = schema_type_add(w->s, STR("t"), STR("t.audit"), CLASS_API_ACTIVITY);
	PROVIDE(w, w->audit, ATTR_USER, ATTR_SRC_IP, ATTR_DEVICE_HOST, ATTR_STATUS,
		ATTR_PROC_PATH, ATTR_MAIL_URLS, ATTR_MAIL_FROM, ATTR_RESOURCE,
		ATTR_CLOUD_ACCOUNT, ATTR_POLICY_TEXT);
	w->audit->ents[0] = (struct ent_decl){ROLE_ACTOR, ENT_ACCOUNT, ATTR_USER};
	w->audit->ents[1] = (struct ent_decl){ROLE_IMAGE, ENT_IMAGE, ATTR_PROC_PATH};
	w->audit->nents = 2;
	w->audit->binds[0] =
		(struct bind_decl){BIND_DOMAIN, ATTR_USER, ATTR_NONE, ATTR_NONE, ATTR_NONE};
	w->audit->binds[1] =
		(struct bind_decl){BIND_USER, ATTR_SRC_IP, ATTR_USER, ATTR_NONE, ATTR_NONE};
	w->audit->binds[2] = (struct bind_decl){BIND_INSTANCE, ATTR_SRC_IP, ATTR_RESOURCE,
						ATTR_NONE, ATTR_NONE};
	w->audit->nbinds = 3;
	w->ot = schema_type_add(w->s, STR("t"), STR("t.ot"), CLASS_OT_ACTIVITY);
	PROVIDE(w, w->ot, ATTR_SRC_IP, ATTR_DST_IP, ATTR_OT_PROTOCOL, ATTR_OT_ACCESS);
	w->ot->ents[0] = (struct ent_decl){ROLE_DEVICE, ENT_DEVICE, ATTR_SRC_IP};
	w->ot->ents[1] = (struct ent_decl){ROLE_PEER, ENT_DEVICE, ATTR_DST_IP};
	w->ot->nents = 2;
	w->asset = schema_type_add(w->s, STR("t"), STR("t.asset"), CLASS_INVENTORY);
	PROVIDE(w, w->asset, ATTR_DEVICE_IP, ATTR_DEVICE_VENDOR, ATTR_DEVICE_FIRMWARE);
	w->asset->ents[0] = (struct ent_decl){ROLE_DEVICE, ENT_DEVICE, ATTR_DEVICE_IP};
	w->asset->nents = 1;
	CHECK_INT(entities_provide(w->s), 0);
	CHECK_INT(schema_freeze(w->s), 0);
	CHECK_INT(entities_new(&c, w->s, &w->en), 0);
	CHECK_INT(batch_init(&w->b, BATCH_EVENTS_MAX), 0);
}

static void world_free(struct world *w)
{
	batch_free(&w->b);
	entities_free(w->en);
	schema_free(w->s);
}

static struct event *event(struct world *w, const struct rectype *t, attr_t a, const char *x,
			   attr_t b, const char *y, attr_t c, const char *z)
{
	static int64_t now;
	struct event *e;

	if (w->b.n == w->b.cap)
		batch_reset(&w->b);
	e = batch_add(&w->b, t);
	e->known = ++now;
	event_set(e, a, val_s(str_of(x)));
	if (y)
		event_set(e, b, val_s(str_of(y)));
	if (z)
		event_set(e, c, val_s(str_of(z)));
	CHECK_INT(entities_resolve(w->en, e, &w->b.mem), 0);
	return e;
}

static struct event *conn(struct world *w, const char *src, const char *dst, const char *sni)
{
	return event(w, w->conn, ATTR_SRC_IP, src, ATTR_DST_IP, dst, ATTR_SNI, sni);
}

static struct event *lease(struct world *w, const char *ip, const char *host, const char *mac)
{
	return event(w, w->dhcp, ATTR_SRC_IP, ip, ATTR_DEVICE_HOST, host, ATTR_DEVICE_MAC, mac);
}

static struct str who(struct world *w, const struct event *e, enum ent_role r)
{
	const struct entity *t = entity_get(w->en, event_ent(e, r));

	return t ? t->name : STR("(none)");
}

TEST(lease_moves_the_address)
{
	struct world w;
	struct str names[16];
	uint32_t pc1;

	world_init(&w, 0);
	lease(&w, "10.0.0.5", "PC1.corp.local", "02:00:00:00:00:01");
	CHECK_STR(who(&w, conn(&w, "10.0.0.5", "10.0.0.9", NULL), ROLE_DEVICE), "pc1");
	pc1 = entity_find(w.en, ENT_DEVICE, STR("pc1"));
	CHECK_INT(entity_find(w.en, ENT_DEVICE, STR("10.0.0.5")), pc1);
	CHECK_INT(entity_find(w.en, ENT_DEVICE, STR("02:00:00:00:00:01")), pc1);
	CHECK_STR(entities_name_of(w.en, STR("10.0.0.5")), "pc1.corp.local");
	CHECK_INT(entity_get(w.en, pc1)->cls, ENT_CLASS_CLIENT);
	lease(&w, "10.0.0.5", "PC2", "02:00:00:00:00:02");
	CHECK_STR(who(&w, conn(&w, "10.0.0.5", "10.0.0.9", NULL), ROLE_DEVICE), "pc2");
	lease(&w, "10.0.0.6", "PC1", "02:00:00:00:00:01");
	CHECK_INT(event_ent(conn(&w, "10.0.0.6", "10.0.0.9", NULL), ROLE_DEVICE), pc1);
	CHECK_INT(entity_names(w.en, pc1, names, 16), 5);
	CHECK_STR(names[0], "pc1");
	CHECK_STR(names[1], "10.0.0.6");
	CHECK_STR(names[4], "10.0.0.5");
	CHECK_INT(entity_names(w.en, pc1, names, 2), 2);
	world_free(&w);
}

TEST(address_gets_its_name)
{
	struct world w;
	uint32_t id, mac;

	world_init(&w, 0);
	id = event_ent(conn(&w, "10.0.0.5", "10.0.0.9", NULL), ROLE_DEVICE);
	CHECK_STR(entity_get(w.en, id)->name, "10.0.0.5");
	lease(&w, "10.0.0.5", "pc1", "02:00:00:00:00:01");
	CHECK_INT(event_ent(conn(&w, "10.0.0.5", "10.0.0.9", NULL), ROLE_DEVICE), id);
	CHECK_STR(entity_get(w.en, id)->name, "pc1");
	CHECK_INT(entity_find(w.en, ENT_DEVICE, STR("10.0.0.5")), id);
	/* Known by MAC first, by host name later: the same device. */
	mac = event_ent(lease(&w, "10.0.0.8", NULL, "02:00:00:00:00:08"), ROLE_DEVICE);
	CHECK_STR(entity_get(w.en, mac)->name, "02:00:00:00:00:08");
	CHECK_INT(event_ent(lease(&w, "10.0.0.8", "pc8", "02:00:00:00:00:08"), ROLE_DEVICE),
		  mac);
	CHECK_STR(entity_get(w.en, mac)->name, "pc8");
	/* Many phones call themselves alike: the MAC tells them apart. */
	CHECK(event_ent(lease(&w, "10.0.1.1", "android", "02:00:00:00:01:01"), ROLE_DEVICE) !=
	      event_ent(lease(&w, "10.0.1.2", "android", "02:00:00:00:01:02"), ROLE_DEVICE));
	world_free(&w);
}

/* What was learned stands under the hash: a better name must not begin a new life. */
TEST(a_name_later_keeps_the_past)
{
	struct world w;
	uint64_t before, other;
	uint32_t id;

	world_init(&w, 0);
	id = event_ent(conn(&w, "10.0.0.5", "10.0.0.9", NULL), ROLE_DEVICE);
	before = entity_get(w.en, id)->hash;
	lease(&w, "10.0.0.5", "hmi1", "02:00:00:00:00:01");
	CHECK_STR(entity_get(w.en, id)->name, "hmi1");
	CHECK(entity_get(w.en, id)->hash == before);
	/* The address goes to a device without a name, which is not taken for the first. */
	lease(&w, "10.0.0.7", "hmi1", "02:00:00:00:00:01");
	lease(&w, "10.0.0.5", "pc2", "02:00:00:00:00:02");
	lease(&w, "10.0.0.8", "pc2", "02:00:00:00:00:02");
	other = entity_get(w.en, entity_put(w.en, ENT_DEVICE, STR("10.0.0.99"), 0))->hash;
	CHECK(other != before);
	CHECK(entity_get(w.en, entity_find(w.en, ENT_DEVICE, STR("pc2")))->hash != before);
	world_free(&w);
}

TEST(endpoint_by_last_name)
{
	struct world w;
	struct event *e;
	struct val ans[2] = {val_s(STR("cname.other.net")), val_s(STR("198.51.100.7"))};

	world_init(&w, 0);
	e = conn(&w, "10.0.0.5", "198.51.100.7", NULL);
	CHECK_STR(who(&w, e, ROLE_PEER), "198.51.100.7");
	CHECK_STR(event_str(e, ATTR_DST_KEY), "198.51.100.7");
	e = batch_add(&w.b, w.dns);
	event_set(e, ATTR_QUERY, val_s(STR("Img.Shop.co.uk.")));
	event_set(e, ATTR_ANSWERS, (struct val){.kind = VAL_LIST, .len = 2, .list = ans});
	CHECK_INT(entities_resolve(w.en, e, &w.b.mem), 0);
	CHECK_STR(event_str(e, ATTR_QUERY_DOMAIN), "Shop.co.uk");
	e = conn(&w, "10.0.0.5", "198.51.100.7", NULL);
	CHECK_STR(who(&w, e, ROLE_PEER), "shop.co.uk");
	CHECK_STR(event_str(e, ATTR_DST_HOST), "img.shop.co.uk");
	CHECK_STR(event_str(e, ATTR_DST_DOMAIN), "shop.co.uk");
	CHECK_STR(event_str(e, ATTR_DST_KEY), "shop.co.uk");
	CHECK(val_true(event_get(e, ATTR_SRC_INTERNAL)));
	CHECK(event_get(e, ATTR_DST_INTERNAL)->kind == VAL_BOOL);
	CHECK(!val_true(event_get(e, ATTR_DST_INTERNAL)));
	CHECK(!val_set(event_get(e, ATTR_SRC_NET)));
	e = conn(&w, "10.0.0.5", "198.51.100.7", "www.sni.org");
	CHECK_STR(who(&w, e, ROLE_PEER), "sni.org");
	e = conn(&w, "198.51.100.9", "10.0.0.5", NULL);
	CHECK_STR(event_str(e, ATTR_SRC_NET), "198.51.0.0/16");
	e = conn(&w, "2001:db8:1::1", "10.0.0.5", NULL);
	CHECK_STR(event_str(e, ATTR_SRC_NET), "2001:db8::/32");
	CHECK_INT(conn(&w, "10.0.0.5", "239.1.1.1", NULL)->nents, 1);
	CHECK_INT(conn(&w, "garbage", "", NULL)->nents, 1);
	world_free(&w);
}

TEST(domain_is_learned)
{
	struct world w;
	uint32_t id;

	world_init(&w, 0);
	id = event_ent(event(&w, w.audit, ATTR_USER, "ann@corp.org", ATTR_NONE, NULL, ATTR_NONE,
			     NULL),
		       ROLE_ACTOR);
	CHECK_STR(entity_get(w.en, id)->name, "ann@corp.org");
	CHECK(!entities_own_domain(w.en, STR("corp.org")));
	for (int i = 0; i < 3; i++)
		event(&w, w.audit, ATTR_USER, "bob@corp.org", ATTR_NONE, NULL, ATTR_NONE, NULL);
	CHECK(entities_own_domain(w.en, STR("mail.corp.org")));
	CHECK_STR(entity_get(w.en, id)->name, "ann");
	CHECK_INT(entity_find(w.en, ENT_ACCOUNT, STR("ann@corp.org")), id);
	for (int i = 0; i < 5; i++)
		event(&w, w.audit, ATTR_USER, "eve_evil.net#EXT#@corp2.org", ATTR_NONE, NULL,
		      ATTR_NONE, NULL);
	CHECK(!entities_own_domain(w.en, STR("corp2.org")));
	for (int i = 0; i < 5; i++)
		event(&w, w.audit, ATTR_USER, "x@gmail.com", ATTR_NONE, NULL, ATTR_NONE, NULL);
	CHECK(!entities_own_domain(w.en, STR("gmail.com")));
	world_free(&w);
}

TEST(host_and_user)
{
	struct world w;
	struct event *e;
	struct val urls[3] = {val_s(STR("https://a.evil.co.uk/x")),
			      val_s(STR("http://b.evil.co.uk")), val_s(STR("nonsense"))};
	uint32_t pc;

	world_init(&w, 0);
	e = event(&w, w.audit, ATTR_USER, "root", ATTR_DEVICE_HOST, "WEB1.lan", ATTR_PROC_PATH,
		  "/usr/bin/node");
	CHECK_STR(who(&w, e, ROLE_ACTOR), "root@web1");
	CHECK_STR(who(&w, e, ROLE_IMAGE), "web1:/usr/bin/node");
	CHECK_STR(event_str(e, ATTR_PROC_NAME), "node");
	lease(&w, "10.0.0.5", "pc1", "02:00:00:00:00:01");
	pc = entity_find(w.en, ENT_DEVICE, STR("pc1"));
	CHECK_INT(entities_user_of(w.en, pc), ENT_NONE);
	event(&w, w.audit, ATTR_USER, "eve", ATTR_SRC_IP, "10.0.0.5", ATTR_STATUS, "failure");
	CHECK_INT(entities_user_of(w.en, pc), ENT_NONE);
	event(&w, w.audit, ATTR_USER, "ann", ATTR_SRC_IP, "10.0.0.5", ATTR_STATUS, "success");
	CHECK_INT(entities_user_of(w.en, pc), entity_find(w.en, ENT_ACCOUNT, STR("ann")));
	/* An instance's address from then on means the instance. */
	event(&w, w.audit, ATTR_USER, "ann", ATTR_SRC_IP, "10.9.0.1", ATTR_RESOURCE,
	      "i-0123456789abcdef0");
	CHECK_STR(who(&w, conn(&w, "10.9.0.1", "10.0.0.5", NULL), ROLE_DEVICE),
		  "i-0123456789abcdef0");
	e = batch_add(&w.b, w.audit);
	event_set(e, ATTR_MAIL_URLS, (struct val){.kind = VAL_LIST, .len = 3, .list = urls});
	event_set(e, ATTR_MAIL_FROM, val_s(STR("E <e@x.evil.co.uk>")));
	CHECK_INT(entities_resolve(w.en, e, &w.b.mem), 0);
	CHECK_INT(event_get(e, ATTR_MAIL_URL_DOMAINS)->len, 1);
	CHECK_STR(event_str(e, ATTR_MAIL_URL_DOMAINS), "evil.co.uk");
	CHECK_STR(event_str(e, ATTR_MAIL_FROM_DOMAIN), "evil.co.uk");
	world_free(&w);
}

static size_t foreign(struct world *w, const char *own, const char *policy)
{
	const struct event *e = event(w, w->audit, ATTR_USER, "ann", ATTR_CLOUD_ACCOUNT, own,
				      ATTR_POLICY_TEXT, policy);
	const struct val *item;

	return val_items(event_get(e, ATTR_POLICY_FOREIGN), &item);
}

TEST(accounts_named_in_a_policy)
{
	struct world w;

	world_init(&w, 0);
	CHECK_INT(foreign(&w, "111122223333", "{\"AWS\": \"arn:aws:iam::444455556666:root\"}"),
		  1);
	CHECK_INT(foreign(&w, "444455556666", "{\"AWS\": \"arn:aws:iam::444455556666:root\"}"),
		  0);
	CHECK_INT(foreign(&w, "111122223333", "{\"AWS\":[\"444455556666\",\"777788889999\"]}"),
		  2);
	CHECK_INT(foreign(&w, "111122223333",
			  "\"444455556666\" \"arn:aws:sts::444455556666:x\""),
		  1);
	/* A bucket's name, a longer number, a text that ends. */
	CHECK_INT(foreign(&w, "111122223333", "\"arn:aws:s3:::logs-444455556666\""), 0);
	CHECK_INT(foreign(&w, "111122223333", "\"4444555566667\""), 0);
	CHECK_INT(foreign(&w, "111122223333", "arn:aws:iam::444455556666"), 0);
	world_free(&w);
}

TEST(servers_by_their_callers)
{
	struct world w;
	char z[32];

	world_init(&w, 0);
	for (int i = 0; i < 40; i++) {
		snprintf(z, sizeof(z), "10.0.1.%d", i + 1);
		conn(&w, z, "10.0.0.9", NULL);
	}
	CHECK_INT(entity_get(w.en, entity_find(w.en, ENT_DEVICE, STR("10.0.0.9")))->cls,
		  ENT_CLASS_SERVER);
	CHECK_INT(entity_get(w.en, entity_find(w.en, ENT_DEVICE, STR("10.0.1.1")))->cls,
		  ENT_CLASS_UNKNOWN);
	world_free(&w);
}

/* The logs of servers tell who signed in: that makes no server of a station. */
TEST(servers_by_their_own_logs)
{
	struct world w;
	char z[32];

	world_init(&w, 0);
	for (int i = 0; i < 40; i++) {
		snprintf(z, sizeof(z), "srv%d", i);
		event(&w, w.login, ATTR_DEVICE_HOST, z, ATTR_SRC_IP, "10.0.1.7", ATTR_NONE, "");
		snprintf(z, sizeof(z), "10.0.1.%d", i + 1);
		event(&w, w.login, ATTR_DEVICE_HOST, "fs1", ATTR_SRC_IP, z, ATTR_NONE, "");
	}
	CHECK_INT(entity_get(w.en, entity_find(w.en, ENT_DEVICE, STR("fs1")))->cls,
		  ENT_CLASS_SERVER);
	CHECK_INT(entity_get(w.en, entity_find(w.en, ENT_DEVICE, STR("10.0.1.7")))->cls,
		  ENT_CLASS_UNKNOWN);
	world_free(&w);
}

/* Bounded whatever comes, and fast enough not to be noticed: 200,000 events. */
TEST(bounded_and_quick)
{
	struct world w;
	char src[32], dst[32];
	int64_t from;
	int bad = 0;

	world_init(&w, 1000);
	from = time_wall();
	for (unsigned i = 0; i < 200000; i++) {
		unsigned r = i * 2654435761u;

		snprintf(src, sizeof(src), "10.0.%u.%u", r >> 30, r >> 24 & 63);
		snprintf(dst, sizeof(dst), "%u.%u.1.%u", 20 + (r >> 28), r >> 20 & 255, r & 63);
		bad += conn(&w, src, dst, i % 4 ? NULL : "www.example.co.uk")->nents != 2;
	}
	printf("# %lld ns an event\n", (long long)((time_wall() - from) / 200000));
	CHECK_INT(bad, 0);
	CHECK(entities_count(w.en) <= 1000);
	world_free(&w);
}

/* What a device says it is, and what it does in a plant, stays with it. */
TEST(what_devices_are)
{
	struct entity_fact f[ENTITY_FACTS_MAX];
	struct world w;
	struct event *e;
	uint32_t plc, hmi;

	world_init(&w, 0);
	e = event(&w, w.ot, ATTR_SRC_IP, "10.0.0.5", ATTR_DST_IP, "10.0.0.9", ATTR_OT_PROTOCOL,
		  "modbus");
	event_set(e, ATTR_OT_ACCESS, val_s(STR("read")));
	CHECK_INT(entities_resolve(w.en, e, &w.b.mem), 0);
	CHECK_STR(event_str(e, ATTR_DST_ZONE), "ot");
	plc = entity_find(w.en, ENT_DEVICE, STR("10.0.0.9"));
	hmi = entity_find(w.en, ENT_DEVICE, STR("10.0.0.5"));
	CHECK_INT(entity_facts(w.en, plc, f, ENTITY_FACTS_MAX), 2);
	CHECK_STR(f[0].key, "answers");
	CHECK_STR(f[0].value, "modbus");
	CHECK_STR(f[1].value, "1, control");
	CHECK_INT(entity_facts(w.en, hmi, f, ENTITY_FACTS_MAX), 2);
	CHECK_STR(f[1].value, "2, supervision");
	/* The same again changes nothing; another protocol is added. */
	CHECK_INT(entities_resolve(w.en, e, &w.b.mem), 0);
	e = event(&w, w.ot, ATTR_SRC_IP, "10.0.0.5", ATTR_DST_IP, "10.0.0.9", ATTR_OT_PROTOCOL,
		  "cip");
	CHECK_INT(entities_resolve(w.en, e, &w.b.mem), 0);
	CHECK_INT(entity_facts(w.en, plc, f, ENTITY_FACTS_MAX), 2);
	CHECK_STR(f[0].value, "modbus cip");
	e = event(&w, w.asset, ATTR_DEVICE_IP, "10.0.0.9", ATTR_DEVICE_VENDOR,
		  "Maker\x01 & Co ", ATTR_DEVICE_FIRMWARE, "V1.2");
	CHECK_INT(entities_resolve(w.en, e, &w.b.mem), 0);
	CHECK_INT(entity_facts(w.en, plc, f, ENTITY_FACTS_MAX), 4);
	CHECK_STR(f[0].value, "Maker. & Co");
	CHECK_STR(f[1].key, "firmware");
	CHECK_INT(entity_facts(w.en, plc, f, 1), 1);
	world_free(&w);
}

TAP_MAIN
