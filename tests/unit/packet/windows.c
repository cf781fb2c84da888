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
TAP_MAIN
