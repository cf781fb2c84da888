/* SPDX-License-Identifier: Apache-2.0 */
#include "event/entity.h"
#include "event/ip.h"
#include "event/names.h"
#include "tap.h"

static struct entities *make(size_t max)
{
	static const char *const nets[] = {"203.0.113.0/24"}, *const doms[] = {"example.org"};
	struct entities_conf c = {
		.max = max, .networks = nets, .nnetworks = 1, .domains = doms, .ndomains = 1};
	struct entities *en = NULL;

	if (entities_new(&c, NULL, &en) < 0)
		abort();
	return en;
}

static struct str name_of(const struct entities *en, enum ent_kind k, const char *z)
{
	const struct entity *t =
		entity_get(en, entity_put((struct entities *)en, k, str_of(z), 1));

	return t ? t->name : STR("(none)");
}

static enum ent_kind kind_of(struct entities *en, enum ent_kind k, const char *z)
{
	const struct entity *t = entity_get(en, entity_put(en, k, str_of(z), 1));

	return t ? (enum ent_kind)t->kind : ENT_KIND_COUNT;
}

TEST(addresses)
{
	static const char *const bad[] = {"",	      "1.2.3",	  "1.2.3.4.5", "256.1.1.1",
					  "01.2.3.4", "1.2.3.4 ", "::g",       "1:2",
					  "a.b.c.d",  ":",	  "1.2.3.-4"};
	struct ip a, b;
	struct cidr c;
	char t[IP_TEXT];

	CHECK(ip_parse(STR("10.1.2.3"), &a) && ip_parse(STR("::ffff:10.1.2.3"), &b));
	CHECK(memcmp(&a, &b, sizeof(a)) == 0);
	CHECK_STR(ip_text(&b, t), "10.1.2.3");
	CHECK(ip_parse(STR("2001:DB8:0:0::1"), &a));
	CHECK_STR(ip_text(&a, t), "2001:db8::1");
	CHECK(ip_parse(STR("fe80::1%eth0"), &a) && ip_private(&a));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!ip_parse(str_of(bad[i]), &a));
	CHECK(cidr_parse(STR("192.0.2.128/25"), &c));
	CHECK(ip_parse(STR("192.0.2.129"), &a) && cidr_has(&c, &a));
	CHECK(ip_parse(STR("192.0.2.127"), &a) && !cidr_has(&c, &a));
	CHECK(cidr_parse(STR("2001:db8::/32"), &c));
	CHECK(ip_parse(STR("2001:db8:ffff::1"), &a) && cidr_has(&c, &a));
	CHECK(!cidr_parse(STR("10.0.0.0/33"), &c) && !cidr_parse(STR("10.0.0.0/"), &c));
	CHECK(cidr_parse(STR("0.0.0.0/0"), &c));
	CHECK(ip_parse(STR("2001:db8::1"), &a) && !cidr_has(&c, &a));
}

TEST(internal)
{
	struct entities *en = make(0);

	CHECK(entities_internal(en, STR("10.0.0.1")) &&
	      entities_internal(en, STR("172.31.0.1")));
	CHECK(entities_internal(en, STR("100.64.0.1")) &&
	      entities_internal(en, STR("fd00::1")));
	CHECK(entities_internal(en, STR("203.0.113.9")) && entities_internal(en, STR("::1")));
	CHECK(!entities_internal(en, STR("172.32.0.1")) &&
	      !entities_internal(en, STR("8.8.8.8")));
	CHECK(!entities_internal(en, STR("2600::1")) && !entities_internal(en, STR("x")));
	CHECK(entities_own_domain(en, STR("a.Example.org")));
	CHECK(!entities_own_domain(en, STR("badexample.org")));
	entities_free(en);
}

TEST(domains)
{
	CHECK_STR(domain_registrable(STR("a.b.example.co.uk")), "example.co.uk");
	CHECK_STR(domain_registrable(STR("WWW.Example.COM.")), "Example.COM");
	CHECK_STR(domain_registrable(STR("co.uk")), "co.uk");
	CHECK_STR(domain_registrable(STR("10.0.0.1")), "10.0.0.1");
	CHECK_STR(domain_registrable(STR("printer")), "printer");
	CHECK_STR(domain_registrable(STR("")), "");
}

TEST(names_alone)
{
	CHECK_STR(name_ua_family(
			  STR("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
			      "(KHTML, like Gecko) Chrome/124.0 Safari/537.36")),
		  "Chrome on Windows");
	CHECK_STR(name_ua_family(STR("Mozilla/5.0 (Windows NT 10.0) Chrome/1 Safari/1 Edg/1")),
		  "Edge on Windows");
	CHECK_STR(name_ua_family(STR("aws-cli/2.15.0 Python/3.11")), "aws-cli");
	CHECK_STR(name_ua_family(STR("[Boto3/1.2]")), "Boto3");
	CHECK_STR(name_ua_family(STR("curl/8.0")), "curl");
	CHECK_STR(name_ua_family(STR("Debian APT-HTTP/1.3 (2.6)")), "Debian APT-HTTP");
	CHECK_STR(name_ua_family(STR("")), "");
	CHECK_STR(name_url_host(STR("https://u:p@a.example.org:8443/x?y@z")), "a.example.org");
	CHECK_STR(name_url_host(STR("https://[2001:db8::1]:1/")), "2001:db8::1");
	CHECK_STR(name_url_host(STR("mailto:a@b")), "");
	CHECK_STR(name_base(STR("C:\\Windows\\cmd.exe")), "cmd.exe");
	CHECK_STR(name_base(STR("/usr/bin/")), "/usr/bin/");
	CHECK_STR(name_mail_domain(STR("\"A\" <a@b.org>")), "b.org");
}

TEST(accounts_become_one)
{
	struct entities *en = make(0);
	uint32_t id = entity_put(en, ENT_ACCOUNT, STR("Tobias.Schulz@example.org"), 1);
	static const char *const forms[] = {
		"tobias.schulz",
		"CORP\\tobias.schulz",
		"tobias.schulz@ad.example.org",
		"AzureAD\\tobias.schulz@example.org",
		"tobias.schulz/AD.EXAMPLE.ORG",
		"Tobias Schulz <tobias.schulz@example.org>",
		"arn:aws:iam::111122223333:user/people/tobias.schulz",
		"arn:aws:sts::111122223333:assumed-role/Admin/tobias.schulz@example.org",
		"arn:aws:sts::111122223333:assumed-role/Admin/tobias.schulz"};
	struct str names[16];
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		CHECK_INT(entity_put(en, ENT_ACCOUNT, str_of(forms[i]), 2), id);
	CHECK_STR(entity_get(en, id)->name, "tobias.schulz");
	CHECK_INT(entity_get(en, id)->cls, ENT_CLASS_HUMAN);
	CHECK_INT(entity_find(en, ENT_ACCOUNT, STR("TOBIAS.SCHULZ@example.org")), id);
	n = entity_names(en, id, names, ARRAY_LEN(names));
	CHECK(n >= 4);
	CHECK_STR(names[0], "tobias.schulz");
	CHECK_STR(name_of(en, ENT_ACCOUNT, "tobias.schulz@other.net"),
		  "tobias.schulz@other.net");
	CHECK_STR(name_of(en, ENT_ACCOUNT, "admin@example.org"), "admin@example.org");
	CHECK_INT(kind_of(en, ENT_ACCOUNT, "PC01$/AD.EXAMPLE.ORG"), ENT_DEVICE);
	CHECK_STR(name_of(en, ENT_ACCOUNT, "PC01$/AD.EXAMPLE.ORG"), "pc01");
	CHECK_STR(name_of(en, ENT_ACCOUNT, "cifs/fs01.ad.example.org"),
		  "cifs/fs01.ad.example.org");
	CHECK_INT(entity_put(en, ENT_ACCOUNT, STR("-"), 1), ENT_NONE);
	CHECK_INT(entity_put(en, ENT_ACCOUNT, STR("  "), 1), ENT_NONE);
	entities_free(en);
}

TEST(cloud_names)
{
	struct entities *en = make(0);
	const char *role = "arn:aws:sts::1:assumed-role/ci-deploy/GitHubActions";
	const char *inst = "arn:aws:sts::1:assumed-role/web/i-0123456789abcdef0";

	CHECK_STR(name_of(en, ENT_ACCOUNT, role), "ci-deploy");
	CHECK_INT(kind_of(en, ENT_ACCOUNT, role), ENT_ROLE);
	CHECK_STR(name_of(en, ENT_ACCOUNT, inst), "i-0123456789abcdef0");
	CHECK_INT(kind_of(en, ENT_ACCOUNT, inst), ENT_WORKLOAD);
	CHECK_INT(kind_of(en, ENT_ACCOUNT, "AROAXXXX:i-0123456789abcdef0"), ENT_WORKLOAD);
	CHECK_STR(name_of(en, ENT_ACCOUNT, "arn:aws:iam::42:root"), "root@42");
	CHECK_INT(kind_of(en, ENT_ACCOUNT, "ec2.amazonaws.com"), ENT_ROLE);
	CHECK_INT(entity_find(en, ENT_ROLE, str_of(role)),
		  entity_find(en, ENT_ROLE, STR("ci-deploy")));
	CHECK_STR(name_of(en, ENT_RESOURCE, "arn:aws:s3:::Bucket/x"), "arn:aws:s3:::bucket/x");
	CHECK_STR(name_of(en, ENT_ACCOUNT, "arn:"), "arn:");
	CHECK_STR(name_of(en, ENT_ACCOUNT, "arn:aws:sts::1:assumed-role/"), "(none)");
	entities_free(en);
}

TEST(hosts)
{
	struct entities *en = make(0);

	CHECK_STR(name_of(en, ENT_DEVICE, "PC7.ad.example.org."), "pc7");
	CHECK_INT(entity_find(en, ENT_DEVICE, STR("pc7.ad.example.org")),
		  entity_find(en, ENT_DEVICE, STR("pc7")));
	CHECK_STR(name_of(en, ENT_DEVICE, "web.other.net"), "web.other.net");
	CHECK_INT(kind_of(en, ENT_DEVICE, "198.51.100.7"), ENT_ENDPOINT);
	CHECK_INT(kind_of(en, ENT_ENDPOINT, "10.0.0.7"), ENT_DEVICE);
	CHECK_INT(entity_put(en, ENT_DEVICE, STR("224.0.0.251"), 1), ENT_NONE);
	CHECK_INT(entity_put(en, ENT_DEVICE, STR("ff02::1"), 1), ENT_NONE);
	CHECK_INT(entity_put(en, ENT_DEVICE, STR("::ffff:10.0.0.7"), 1),
		  entity_put(en, ENT_DEVICE, STR("10.0.0.7"), 1));
	CHECK_STR(name_of(en, ENT_ENDPOINT, "cdn.other.co.uk"), "other.co.uk");
	entities_free(en);
}

static void count_up(const struct entity *t, void *arg)
{
	uint32_t *last = arg;

	CHECK(*last == ENT_NONE || t->id > *last);
	*last = t->id;
}

TEST(idle_go_first)
{
	struct entities *en = make(100);
	uint32_t keep = entity_put(en, ENT_RESOURCE, STR("keep"), 0), last = ENT_NONE, id = 0;
	char z[32];

	for (int i = 0; i < 20000; i++) {
		snprintf(z, sizeof(z), "thing-%d", i);
		id = entity_put(en, ENT_RESOURCE, str_of(z), i);
		CHECK(entity_put(en, ENT_RESOURCE, STR("keep"), i) == keep);
	}
	CHECK_INT(entities_count(en), 100);
	CHECK_INT(id, 20000);
	CHECK(entity_get(en, 1) == NULL && entity_get(en, id) && entity_get(en, keep));
	CHECK_INT(entity_find(en, ENT_RESOURCE, STR("thing-5")), ENT_NONE);
	CHECK(entity_put(en, ENT_RESOURCE, STR("thing-5"), 1) > id);
	CHECK(entity_get(en, ENT_NONE) == NULL);
	entities_each(en, count_up, &last);
	CHECK(last > id);
	entities_free(en);
}

/* What is remembered of a text holds as long as its names and addresses do. */
TEST(texts_are_forgotten_in_time)
{
	struct entities *en = make(4);
	char text[IP_TEXT];
	uint32_t id;

	CHECK_INT(entity_find(en, ENT_ACCOUNT, STR("zoe")), ENT_NONE);
	id = entity_put(en, ENT_ACCOUNT, STR("zoe"), 1);
	CHECK_INT(entity_find(en, ENT_ACCOUNT, STR("zoe")), id);
	CHECK_INT(entity_find(en, ENT_ACCOUNT, STR("Zoe")), id);
	CHECK_INT(entity_find(en, ENT_ROLE, STR("zoe")), ENT_NONE);
	/* Four times as many as there is room for, each met again when it has long gone. */
	for (int i = 0; i < 400; i++) {
		const struct entity *t;

		snprintf(text, sizeof(text), "10.0.0.%d", i % 100);
		t = entity_get(en, entity_put(en, ENT_DEVICE, str_of(text), 2 + i));
		CHECK_STR(t ? t->name : STR(""), text);
	}
	CHECK_INT(entity_find(en, ENT_ACCOUNT, STR("zoe")), ENT_NONE);
	entities_free(en);
}

TEST(hostile_names)
{
	struct entities *en = make(0);
	char *big = malloc(100000);
	uint32_t a, b;

	memset(big, 'A', 100000);
	a = entity_put(en, ENT_ACCOUNT, str_n(big, 100000), 1);
	b = entity_put(en, ENT_ACCOUNT, str_n(big, 99999), 1);
	CHECK(a != b && a != ENT_NONE && entity_get(en, a)->name.len < 600);
	for (int k = 0; k < ENT_KIND_COUNT; k++) {
		memset(big, '@', 1000);
		CHECK(entity_put(en, (enum ent_kind)k, str_n(big, 1000), 1) != 77777);
		memset(big, '\\', 1000);
		CHECK(entity_put(en, (enum ent_kind)k, str_n(big, 1000), 1) != 77777);
		memset(big, 0, 1000);
		CHECK(entity_put(en, (enum ent_kind)k, str_n(big, 1000), 1) != 77777);
		CHECK(entity_put(en, (enum ent_kind)k, STR("$"), 1) != 77777);
		CHECK(entity_put(en, (enum ent_kind)k, STR("....."), 1) != 77777);
	}
	free(big);
	entities_free(en);
}

TAP_MAIN
