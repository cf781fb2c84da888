/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/quic.h"
#include "tap.h"

static struct str cid(void)
{
	return STR("\x83\x94\xc8\xf0\x3e\x51\x57\x08");
}

static void is_hex(const uint8_t *p, size_t n, const char *hex)
{
	char text[80];

	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", p[i]);
	CHECK_STR(str_of(text), hex);
}

/* RFC 9001 appendix A.1. */
TEST(keys_of_version_1)
{
	struct quic_keys k;

	CHECK(quic_keys(1, cid(), true, &k));
	is_hex(k.key, 16, "1f369613dd76d5467730efcbe3b1a22d");
	is_hex(k.iv, 12, "fa044b2f42a3fd3b46fb255c");
	is_hex(k.hp, 16, "9f50449e04a0e810283a1e9933adedd2");
	CHECK(quic_keys(1, cid(), false, &k));
	is_hex(k.key, 16, "cf3a5331653c364c88f0f379b6067e37");
	is_hex(k.iv, 12, "0ac1493ca1905853b0bba03e");
	is_hex(k.hp, 16, "c206b8d9b9f0f37644430b490eeaa314");
}

/* RFC 9369 appendix A.1. */
TEST(keys_of_version_2)
{
	struct quic_keys k;

	CHECK(quic_keys(0x6b3343cf, cid(), true, &k));
	is_hex(k.key, 16, "8b1a0bc121284290a29e0971b5cd045d");
	is_hex(k.iv, 12, "91f73e2351d8fa91660e909f");
	is_hex(k.hp, 16, "45b95e15235d6f45a6b19cbcb0294ba9");
	CHECK(!quic_keys(0x51303433, cid(), true, &k));
}

TEST(numbers)
{
	static const struct {
		const char *p;
		uint64_t v;
		size_t n;
	} rows[] = {{"\xc2\x19\x7c\x5e\xff\x14\xe8\x8c", 151288809941952652, 8},
		    {"\x9d\x7f\x3e\x7d", 494878333, 4},
		    {"\x7b\xbd", 15293, 2},
		    {"\x25", 37, 1}};
	uint64_t v;
	size_t at;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		at = 0;
		CHECK(quic_int(str_n(rows[i].p, rows[i].n), &at, &v));
		CHECK_INT(v, rows[i].v);
		CHECK_INT(at, rows[i].n);
		at = 0;
		CHECK(!quic_int(str_n(rows[i].p, rows[i].n - 1), &at, &v));
	}
}

/* What a packet says of its lengths is believed only as far as there are bytes. */
TEST(heads)
{
	static const char whole[] = "\xc0\0\0\0\1\4abcd\2xy\1t\4wxyz";
	struct quic_head h;

	CHECK(quic_head(str_n(whole, sizeof(whole) - 1), &h));
	CHECK(h.initial);
	CHECK_STR(h.dcid, "abcd");
	CHECK_STR(h.scid, "xy");
	CHECK_STR(h.token, "t");
	CHECK_INT(h.size, sizeof(whole) - 1);
	for (size_t n = 0; n < sizeof(whole) - 1; n++)
		CHECK(!quic_head(str_n(whole, n), &h));
	CHECK_STR(str_of(quic_version_text(0xff00001d)), "draft-29");
	CHECK(quic_version_text(0x0a0a0a0a) == NULL);
}

TAP_MAIN
