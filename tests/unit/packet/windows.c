/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is spoken between computers of an office: conversations out of real captures. What is
 * expected was read with tshark, or is what Zeek's own tests expect of the same capture.
 */
#include "talk.h"

/* Zeek's trace ssh/single-conn: three attempts, the third succeeded. */
TEST(ssh)
{
	static const unsigned port[] = {22, 7777};

	for (size_t i = 0; i < ARRAY_LEN(port); i++) {
		char *t = talk_file("proto_ssh/zeek_single", port[i], false, 1400);

		HAS(t, "\"_path\":\"ssh\"");
		HAS(t, "\"version\":2,\"auth_success\":true,\"auth_attempts\":3,");
		HAS(t, "\"client\":\"SSH-2.0-OpenSSH_3.8.1p1\",\"server\":\"SSH-1.99-OpenSSH_3."
		       "9p1\"");
		HAS(t, "\"cipher_alg\":\"aes128-cbc\",\"mac_alg\":\"hmac-md5\"");
		HAS(t, "\"host_key_alg\":\"ssh-rsa\"");
		HAS(t, "\"service\":\"ssh\"");
		CHECK_INT(count(t, "\"_path\":\"ssh\""), 1);
	}
}

/* The fingerprint of OpenSSH 7.6 as HASSH's authors list it. */
TEST(ssh_chacha)
{
	char *t = talk_file("proto_ssh/openssh", 22, false, 1400);

	HAS(t, "\"hassh\":\"06046964c022c6407d15a27b12a6a4fb\"");
	HAS(t, "\"auth_success\":true,\"auth_attempts\":2");
	HAS(t, "\"cipher_alg\":\"chacha20-poly1305@openssh.com\"");
}

/* Cut anywhere before the keys are in use, the same is read. */
TEST(ssh_pieces)
{
	char *t = talk_file("proto_ssh/openssh", 22, false, 7);

	HAS(t, "\"hassh\":\"06046964c022c6407d15a27b12a6a4fb\"");
	CHECK(!strstr(t, "\"auth_success\":true"));
}

/* What Zeek's baseline krb.kinit says of these requests. */
TEST(kerberos)
{
	char *t = talk_file("proto_krb/kinit", 88, true, 1400);

	HAS(t, "\"request_type\":\"AS\",\"client\":\"valid_client_principal/VLADG.NET\","
	       "\"service\":\"krbtgt/VLADG.NET\",\"success\":true,\"till\":1421708099.000000,"
	       "\"cipher\":\"aes256-cts-hmac-sha1-96\",\"forwardable\":false,"
	       "\"renewable\":false}");
	HAS(t, "\"service\":\"krb\"");
	t = talk_file("proto_krb/kinit_unknown", 4000, true, 1400);
	HAS(t, "\"client\":\"enterprise_principal@AD.VLADG.NET/VLADG.NET\","
	       "\"service\":\"krbtgt/VLADG.NET\",\"success\":false,"
	       "\"error_msg\":\"KDC_ERR_C_PRINCIPAL_UNKNOWN\"");
	CHECK_INT(count(t, "\"_path\":\"kerberos\""), 1);
}

TEST(kerberos_tcp)
{
	static const size_t piece[] = {1400, 100, 1};

	for (size_t i = 0; i < ARRAY_LEN(piece); i++) {
		char *t = talk_file("proto_krb/asktgt", 88, false, piece[i]);

		HAS(t, "\"request_type\":\"AS\",\"client\":\"pgustavo/theshire.local\","
		       "\"service\":\"krbtgt/theshire.local\",\"success\":true");
		CHECK_INT(count(t, "\"_path\":\"kerberos\""), 1);
	}
}

TEST(dce_rpc)
{
	static const size_t piece[] = {1400, 100, 1};

	for (size_t i = 0; i < ARRAY_LEN(piece); i++) {
		char *t = talk_file("proto_dce_rpc/dcsync", 49999, false, piece[i]);

		HAS(t, "\"endpoint\":\"drsuapi\",\"operation\":\"DRSBind\"");
		HAS(t, "\"endpoint\":\"drsuapi\",\"operation\":\"DRSGetNCChanges\"");
		CHECK_INT(count(t, "\"_path\":\"dce_rpc\""), 6);
		HAS(t, "\"service\":\"dce_rpc\"");
		t = talk_file("proto_dce_rpc/epm", 135, false, piece[i]);
		HAS(t, "\"endpoint\":\"epmapper\",\"operation\":\"ept_map\"");
	}
}
TAP_MAIN
