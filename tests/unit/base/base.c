/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/timeutil.h"
#include "base/utf8.h"
#include "base/words.h"
#include "base/yaml.h"
#include "tap.h"

TEST(numbers)
{
	int64_t i = 7;
	double f = 0;

	CHECK(str_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
	CHECK(!str_i64(STR("9223372036854775808"), &i));
	CHECK(!str_i64(STR(""), &i) && !str_i64(STR("-"), &i) && !str_i64(STR("1x"), &i));
	CHECK(str_f64(STR("1777845600.064577"), &f) && f == 1777845600.064577);
	CHECK(str_f64(STR("-2.5e3"), &f) && f == -2500);
	CHECK(!str_f64(STR("1e999"), &f) && !str_f64(STR("."), &f) && !str_f64(STR(" 1"), &f));
}

TEST(slices)
{
	struct str rest;

	CHECK_STR(str_cut(STR("a=b=c"), '=', &rest), "a");
	CHECK_STR(rest, "b=c");
	CHECK_INT(str_find(STR("hello"), STR("ll")), 2);
	CHECK(str_find(STR("hello"), STR("x")) == SIZE_MAX);
	CHECK_STR(str_trim(STR(" \t x y\r\n")), "x y");
	CHECK(str_ieq(STR("AbC"), STR("aBc")) && !str_ieq(STR("a"), STR("ab")));
	CHECK(str_cmp(STR("a"), STR("ab")) < 0 && str_cmp(STR("b"), STR("ab")) > 0);
}

TEST(arena_limit)
{
	struct arena a;

	arena_init(&a, 100 * KIB);
	CHECK(arena_alloc(&a, 60 * KIB) != NULL);
	CHECK(arena_alloc(&a, 60 * KIB) == NULL);
	CHECK_STR(arena_fmt(&a, "%d-%s", 5, "x"), "5-x");
	arena_reset(&a);
	CHECK(arena_alloc(&a, 60 * KIB) != NULL);
	arena_free(&a);
}

TEST(map_against_array)
{
	static uint64_t want[512];
	static bool have[512];
	struct map m;
	size_t n = 0;

	map_init(&m);
	for (uint64_t r = 1, i = 0; i < 20000; i++) {
		uint64_t k;

		r = hash_mix(r + i);
		k = r % 512;
		if (r >> 60 < 6) {
			CHECK_INT(map_del(&m, k), have[k]);
			have[k] = false;
		} else {
			bool fresh;
			uint64_t *v = map_put(&m, k, &fresh);

			CHECK(v && fresh == !have[k]);
			*v = want[k] = i;
			have[k] = true;
		}
	}
	for (uint64_t k = 0; k < 512; k++) {
		const uint64_t *v = map_get(&m, k);

		CHECK_INT(v != NULL, have[k]);
		CHECK(!v || *v == want[k]);
		n += have[k];
	}
	CHECK_INT(m.len, n);
	map_free(&m);
}

TEST(symbols)
{
	struct symtab t;
	char z[16];

	symtab_init(&t);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(z, sizeof(z), "s%u", i);
		CHECK_INT(symtab_put(&t, str_of(z)), i);
	}
	CHECK_INT(symtab_put(&t, STR("s77")), 77);
	CHECK_INT(symtab_get(&t, STR("s4999")), 4999);
	CHECK(symtab_get(&t, STR("nope")) == SYM_NONE);
	CHECK_STR(symtab_text(&t, 123), "s123");
	symtab_free(&t);
}

TEST(json_out)
{
	struct buf b;

	buf_init(&b, 1000);
	buf_json(&b, str_n("a\"\\\n\x01\xc3\xa9\xff", 8));
	CHECK_STR(buf_str(&b), "\"a\\\"\\\\\\n\\u0001\xc3\xa9\\ufffd\"");
	buf_clear(&b);
	buf_safe(&b, STR("x\x1b[31m\xc2\x9b"));
	CHECK_STR(buf_str(&b), "x\\x1b[31m\\xc2\\x9b");
	buf_clear(&b);
	b.max = 3;
	buf_addz(&b, "abcd");
	buf_addz(&b, "e");
	CHECK_INT(buf_err(&b), E_LIMIT);
	CHECK_INT(b.len, 0);
	buf_free(&b);
}

TEST(times)
{
	int64_t t = 0, u = 0;
	char z[TIME_TEXT];

	CHECK(time_parse(STR("2026-05-03T23:01:23"), &t));
	CHECK_INT(t, INT64_C(1777849283) * NS_PER_S);
	CHECK(time_parse(STR("2026-05-04T01:01:23.5+02:00"), &u));
	CHECK_INT(u, t + NS_PER_S / 2);
	CHECK(!time_parse(STR("2026-13-03T23:01:23"), &u) &&
	      !time_parse(STR("2026-05-03"), &u));
	CHECK(time_parse_epoch(STR("1777849283.123456"), &u));
	CHECK_INT(u, t + 123456000);
	CHECK(time_parse_epoch(STR("1777849283123"), &u) && u == t + 123 * NS_PER_MS);
	CHECK(time_parse_mail(STR("Sun, 3 May 2026 23:01:23 +0000 (UTC)"), &u) && u == t);
	CHECK(time_parse_mail(STR("3 May 26 19:01:23 EDT"), &u) && u == t);
	CHECK_STR(str_of(time_rfc3339(t + 5 * NS_PER_MS, z)), "2026-05-03T23:01:23.005Z");
	CHECK_INT(time_how(t, 0), 6 * 24 + 23);
}

TEST(utf8)
{
	CHECK(utf8_ok(STR("gr\xc3\xbc\xc3\x9f")) && utf8_ok(STR("\xf0\x9f\x98\x80")));
	CHECK(!utf8_ok(STR("\xc0\xaf")) && !utf8_ok(STR("\xed\xa0\x80")));
	CHECK(!utf8_ok(STR("\xf5\x80\x80\x80")) && !utf8_ok(STR("\xe2\x82")));
}

TEST(yaml)
{
	static const char *const known[] = {"a", "b", NULL};
	struct yaml *y = NULL;
	struct diag d;
	bool v;

	CHECK_INT(yaml_parse("x.yaml", STR("a: [1, 'two']\nb:\n  c: yes\n"), &y, &d), 0);
	CHECK_INT(yaml_get(y->docs->root, "a")->nchildren, 2);
	CHECK(yaml_get(y->docs->root, "a")->child->next->quoted);
	CHECK_INT(yaml_bool(y, yaml_get(y->docs->root, "b"), "c", false, &v, &d), 0);
	CHECK(v);
	CHECK_INT(yaml_only(y, y->docs->root, known, &d), 0);
	CHECK_INT(yaml_only(y, yaml_get(y->docs->root, "b"), known, &d), E_SYNTAX);
	CHECK_STR(str_of(d.msg), "x.yaml:3:3: unknown key 'c'\n      c: yes\n      ^");
	yaml_free(y);
	CHECK_INT(yaml_parse("bad.yaml", STR("a: [1,\nb: {"), &y, &d), E_SYNTAX);
	CHECK(str_starts(str_of(d.msg), STR("bad.yaml:")));
}

TEST(yaml_aliases)
{
	const struct yaml_node *c;
	struct yaml *y = NULL;
	struct diag d;

	CHECK_INT(yaml_parse("x", STR("a: &l [1, 2]\nb: *l\n"), &y, &d), 0);
	CHECK_INT(yaml_get(y->docs->root, "b")->nchildren, 2);
	yaml_free(y);
	CHECK_INT(yaml_parse("x", STR("a: &m {k: 1, l: 2}\nb: {<<: *m, l: 3}\n"), &y, &d), 0);
	c = yaml_get(y->docs->root, "b");
	CHECK_STR(yaml_str(c, "k", ""), "1");
	CHECK_STR(yaml_str(c, "l", ""), "3");
	yaml_free(y);
	CHECK_INT(yaml_parse("x", STR("a: 1\nb: *nobody\n"), &y, &d), E_SYNTAX);
	CHECK_INT(yaml_parse("x", STR("a: &a [*a]\n"), &y, &d), E_SYNTAX);
	CHECK_INT(yaml_parse("x", STR("a: 1\na: 2\n"), &y, &d), E_SYNTAX);
	CHECK_INT(yaml_parse("x", STR("a: {b: 1, b: 2}\n"), &y, &d), E_SYNTAX);
}

/* Found by fuzzing: the YAML library never ends on bad UTF-8 in a directive. */
TEST(yaml_not_utf8)
{
	struct yaml *y = NULL;
	struct diag d;

	CHECK_INT(yaml_parse("x", STR("a: |\n  x\n%b:\xa3\x80\x80\x82\x80title:"), &y, &d),
		  E_SYNTAX);
}

static struct str hexed(const uint8_t *p, size_t n)
{
	static char out[65];

	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
	return str_n(out, 2 * n);
}

/* RFC 1321, FIPS 180. */
TEST(digest)
{
	static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	uint8_t d[32];

	digest_md5("", 0, d);
	CHECK_STR(hexed(d, 16), "d41d8cd98f00b204e9800998ecf8427e");
	digest_md5("message digest", 14, d);
	CHECK_STR(hexed(d, 16), "f96b697d7cb7938d525a2f31aaf161d0");
	digest_sha1("abc", 3, d);
	CHECK_STR(hexed(d, 20), "a9993e364706816aba3e25717850c26c9cd0d89d");
	digest_sha1(two, 56, d);
	CHECK_STR(hexed(d, 20), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
	digest_sha256("abc", 3, d);
	CHECK_STR(hexed(d, 32),
		  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_sha256(two, 56, d);
	CHECK_STR(hexed(d, 32),
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* The vector of a million letters (FIPS 180-2, B.3), in pieces that end anywhere in a block. */
TEST(digest_pieces)
{
	static const enum digest_kind kind[] = {DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256};
	static const char *const want[] = {
		"7707d6ae4e027c70eea2a935c2296f21", "34aa973cd4c4daa4f61eeb2bdbad27316534016f",
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"};
	char a[301];
	uint8_t d[32];

	memset(a, 'a', sizeof(a));
	for (size_t i = 0; i < 3; i++) {
		struct digest x;
		size_t left = 1000000, n = 1;

		digest_begin(&x, kind[i]);
		for (; left; left -= n) {
			n = MIN((n * 7 + 3) % 302, left);
			n = n ? n : 1;
			digest_add(&x, a, n);
		}
		n = digest_end(&x, d);
		CHECK_STR(hexed(d, n), want[i]);
	}
}
static void counted(const char *number, const char *rest, const char *want)
{
	struct buf b;
	size_t n;

	buf_init(&b, 256);
	n = words_count(&b, str_of(number), str_of(rest));
	buf_addz(&b, rest + n);
	CHECK_STR(buf_str(&b), want);
	buf_free(&b);
}

TEST(one_thing_is_singular)
{
	struct buf b;

	counted("2", " times before", "2 times before");
	counted("1", " times before", "once before");
	counted("1", " silent addresses answered", "1 silent address answered");
	counted("1", " identities, 3 others", "1 identity, 3 others");
	counted("1", " people did", "1 person did");
	counted("1", " of them was", "1 of them was");
	counted("1", " was always so", "1 was always so");
	counted("1", "", "1");
	buf_init(&b, 256);
	words_size(&b, 999.6);
	buf_addc(&b, ' ');
	words_size(&b, 25805008);
	buf_addc(&b, ' ');
	words_span(&b, 8.04);
	buf_addc(&b, ' ');
	words_span(&b, 86500);
	CHECK_STR(buf_str(&b), "1.0 KB 26 MB 8.04 s 24 h");
	buf_free(&b);
}

TAP_MAIN
