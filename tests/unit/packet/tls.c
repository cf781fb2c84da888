/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DTLS: OpenSSL with itself, a certificate in two records; alone and behind STUN. Tor: 0.4.9
 * with a relay (TLS 1.3), and OpenSSL with certificates named as older ones have them.
 */
#include "talk.h"

static const char *const want[] = {
	"\"version\":\"DTLSv12\",\"cipher\":\"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384\","
	"\"curve\":"
	"\"x25519\",\"server_name\":\"dtls.example\",\"resumed\":false,\"established\":true",
	"\"subject\":\"CN=dtls.example\",\"issuer\":\"CN=dtls.example\",\"sni_matches_cert\":"
	"true,"
	"\"validation_status\":\"self signed certificate\"",
	"\"ja3\":\"248a2544f4221c0f02f877e42fe67853\"",
	"\"_path\":\"x509\"",
};

/* A conversation's records, which have all of these. */
static char *has_all(const char *name)
{
	char *t = talk_file(name, 9000, true, 1400);

	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		HAS(t, want[i]);
	return t;
}

TEST(alone)
{
	char *t = has_all("proto_dtls/openssl");

	CHECK_INT(count(t, "\"_path\":\"ssl\""), 1);
	HAS(t, "\"service\":\"dtls\"");
}

TEST(behind_stun)
{
	char *t = has_all("proto_stun/dtls");

	CHECK_INT(count(t, "\"_path\":\"ssl\""), 1);
	HAS(t, "\"_path\":\"stun\"");
	HAS(t, "\"service\":\"dtls,stun\"");
}

/* A call that is seen from its first record on; STUN goes on beside it. */
TEST(before_stun)
{
	(void)has_all("proto_dtls/stun_beside");
}

/* Who was called is the client, as in a call either may be: the same is told. */
TEST(turned_round)
{
	(void)has_all("proto_stun/dtls_turned");
}

TEST(tor)
{
	char *t = talk_file("proto_ssl/tor", 19001, false, 1400);

	HAS(t, "\"version\":\"TLSv13\"");
	HAS(t, "\"service\":\"ssl,tor\"");
	t = talk_file("proto_ssl/tor_names", 443, false, 100);
	HAS(t, "\"subject\":\"CN=www.g6ghvisevf3ibuu5.net\",\"issuer\":\"CN=www.xk2gk7fdx362yy."
	       "com\"");
	HAS(t, "\"service\":\"ssl,tor\"");
	t = talk_file("proto_ssl/old_hello", 443, false, 1400);
	CHECK(!strstr(t, "tor\""));
}
TAP_MAIN
