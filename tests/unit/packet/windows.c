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
	       "\"renewable\":false,\"offered_ciphers\":[\"aes256-cts-hmac-sha1-96\","
	       "\"aes128-cts-hmac-sha1-96\",\"des3-cbc-sha1-kd\",\"rc4-hmac\","
	       "\"camellia128-cts-cmac\",\"camellia256-cts-cmac\"]}");
	HAS(t, "\"service\":\"krb\"");
	t = talk_file("proto_krb/kinit_unknown", 4000, true, 1400);
	HAS(t, "\"client\":\"enterprise_principal@AD.VLADG.NET/VLADG.NET\","
	       "\"service\":\"krbtgt/VLADG.NET\",\"success\":false,"
	       "\"error_msg\":\"KDC_ERR_C_PRINCIPAL_UNKNOWN\"");
	CHECK_INT(count(t, "\"_path\":\"kerberos\""), 1);
}

/* Numbers of ciphers are signed, and written in as few bytes as they need. */
TEST(kerberos_ciphers)
{
	static const uint8_t ask[] = {
		0x6a, 0x3e, 0x30, 0x3c, 0xa1, 0x03, 0x02, 0x01, 0x05, 0xa2, 0x03, 0x02, 0x01,
		0x0a, 0xa4, 0x30, 0x30, 0x2e, 0xa2, 0x03, 0x1b, 0x01, 0x52, 0xa7, 0x03, 0x02,
		0x01, 0x07, 0xa8, 0x22, 0x30, 0x20, 0x02, 0x01, 0x17, 0x02, 0x02, 0xff, 0x7b,
		0x02, 0x01, 0x80, 0x02, 0x02, 0xff, 0x79, 0x02, 0x03, 0xff, 0xff, 0x79, 0x02,
		0x02, 0x00, 0x80, 0x02, 0x01, 0x12, 0x02, 0x04, 0xff, 0xff, 0xff, 0xff,
	};
	static const uint8_t reply[] = {
		0x6b, 0x24, 0x30, 0x22, 0xa5, 0x20, 0x61, 0x1e, 0x30, 0x1c, 0xa1, 0x03, 0x1b,
		0x01, 0x52, 0xa3, 0x15, 0x30, 0x13, 0xa0, 0x04, 0x02, 0x02, 0xff, 0x7b, 0xa1,
		0x03, 0x02, 0x01, 0x02, 0xa2, 0x06, 0x04, 0x04, 0x02, 0x00, 0x00, 0x00,
	};
	struct talk t = talk_begin(88, true);
	char *text;

	talk_say(&t, false, ask, sizeof(ask), 1400);
	talk_say(&t, true, reply, sizeof(reply), 1400);
	text = records(t.s, true);
	HAS(text, "\"cipher\":\"rc4-hmac-old\"");
	HAS(text, "\"offered_ciphers\":[\"rc4-hmac\",\"rc4-hmac-old\",\"rc4-md4\",\"rc4-hmac-"
		  "old-exp\",\"rc4-hmac-old-exp\",\"unknown-128\",\"aes256-cts-hmac-sha1-96\","
		  "\"unknown--1\"]");
	sensor_free(t.s);
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

/* Of Zeek's trace krb/smb2_krb; one name of a share, nine files, one call on a pipe. */
TEST(smb2)
{
	static const size_t piece[] = {1400, 100, 1};
	static const unsigned port[] = {445, 139, 8445};

	for (size_t i = 0; i < ARRAY_LEN(piece); i++) {
		char *t = talk_file("proto_smb/krb", port[i], false, piece[i]);

		HAS(t, "\"command\":\"NEGOTIATE_PROTOCOL\",\"argument\":\"2.1\",\"status\":"
		       "\"SUCCESS\"");
		HAS(t, "\"_path\":\"smb_mapping\"");
		HAS(t, "\"path\":\"\\\\\\\\phxlabbal821\\\\lustre\",\"share_type\":\"DISK\"");
		HAS(t, "\"named_pipe\":\"\\\\PIPE\\\\srvsvc\",\"endpoint\":\"srvsvc\","
		       "\"operation\":\"NetrShareGetInfo\"");
		HAS(t,
		    "\"action\":\"SMB::FILE_OPEN\",\"path\":\"\\\\\\\\phxlabbal821\\\\lustre\","
		    "\"name\":\"perftest-2.0\\\\autom4te.cache\",\"size\":0,"
		    "\"times.modified\":1369710578.000000");
		CHECK_INT(count(t, "\"_path\":\"dce_rpc\""), 1);
	}
}

/* The first files of Zeek's trace smb2_100_small_files. */
TEST(smb2_files)
{
	char *t = talk_file("proto_smb/files", 445, false, 1400);

	HAS(t,
	    "\"username\":\"zeek\",\"domainname\":\"\",\"server_nb_computer_name\":"
	    "\"214F1A10CF96\",\"server_dns_computer_name\":\"214f1a10cf96\",\"success\":true");
	HAS(t, "\"name\":\"100-small-files\\\\100.txt\",\"size\":4,");
	HAS(t, "\"action\":\"SMB::FILE_READ\"");
	HAS(t, "\"source\":\"SMB\",\"depth\":0,\"mime_type\":\"text/plain\","
	       "\"filename\":\"100-small-files\\\\100.txt\"");
	HAS(t, "\"seen_bytes\":4,\"total_bytes\":4,\"missing_bytes\":0");
	/* of "100\n" */
	HAS(t,
	    "\"sha256\":\"eea8254c7500ba3de996aa8ad6af399183f04e17d4a8102fde539dbc93a90012\"");
}

/* Accounts listed with net.exe: what tshark says was called. */
TEST(smb2_samr)
{
	char *t = talk_file("proto_smb/samr", 445, false, 900);

	HAS(t, "\"endpoint\":\"samr\",\"operation\":\"SamrConnect5\"");
	HAS(t, "\"endpoint\":\"samr\",\"operation\":\"SamrGetMembersInGroup\"");
	HAS(t, "\"endpoint\":\"samr\",\"operation\":\"SamrLookupIdsInDomain\"");
	CHECK(!strstr(t, "unknown-"));
}

/* SMB 1, made by hand: a program is put on a share, renamed, deleted; one thing is refused. */
TEST(smb1)
{
	static const size_t piece[] = {1400, 50, 1};

	for (size_t i = 0; i < ARRAY_LEN(piece); i++) {
		char *t = talk_file("proto_smb/smb1_made", 445, false, piece[i]);

		HAS(t, "\"command\":\"NEGOTIATE\",\"argument\":\"NT LM 0.12\"");
		HAS(t, "\"username\":\"mallory\",\"domainname\":\"OFFICE\",\"success\":true");
		HAS(t, "\"path\":\"\\\\\\\\FS1\\\\ADMIN$\",\"native_file_system\":\"NTFS\","
		       "\"share_type\":\"DISK\"");
		HAS(t, "\"action\":\"SMB::FILE_WRITE\",\"path\":\"\\\\\\\\FS1\\\\ADMIN$\","
		       "\"name\":\"\\\\tool.exe\"");
		HAS(t, "\"mime_type\":\"application/x-dosexec\",\"filename\":\"\\\\tool.exe\"");
		HAS(t, "\"md5\":\"7c25d02acf8a5098e45d4f0d66a25acb\"");
		HAS(t, "\"sha256\":"
		       "\"014b8ce9fed0aaf124de966f635da95bf7025bee91d1a1c12d6ff5854eba3307\"");
		HAS(t, "\"action\":\"SMB::FILE_RENAME\",\"path\":\"\\\\\\\\FS1\\\\ADMIN$\","
		       "\"name\":\"\\\\svc.exe\",\"prev_name\":\"\\\\tool.exe\"");
		HAS(t, "\"action\":\"SMB::FILE_DELETE\"");
		CHECK_INT(count(t, "SMB::FILE_DELETE"), 1);
		HAS(t, "\"command\":\"DELETE\",\"argument\":\"\\\\boot.ini\","
		       "\"status\":\"ACCESS_DENIED\"");
		CHECK_INT(count(t, "\"_path\":\"files\""), 1);
	}
}

/* Bytes are lost within a message: it goes, those behind it are read, and nothing is hashed. */
TEST(smb_lost)
{
	static uint8_t buf[4096];
	struct talk k = talk_begin(445, false);
	size_t n = 0, at = 0;
	FILE *f = fopen(CORPUS_DIR "/proto_smb/smb1_made", "rb");
	char *t;

	CHECK(f != NULL);
	if (f) {
		n = fread(buf, 1, sizeof(buf), f);
		fclose(f);
	}
	while (at + 3 <= n) {
		size_t len = MIN((size_t)buf[at + 1] << 8 | buf[at + 2], n - at - 3);
		const uint8_t *p = buf + at + 3;

		if (len > 100 && memcmp(p + len - 64, "MZ", 2) == 0) { /* half of it */
			talk_say(&k, false, p, len - 32, 1400);
			k.seq[0] += 32;
		} else {
			talk_say(&k, buf[at] & 1, p, len, 1400);
		}
		at += 3 + len;
	}
	t = records(k.s, true);
	CHECK(!strstr(t, "sha256"));
	HAS(t, "\"action\":\"SMB::FILE_RENAME\"");
	sensor_free(k.s);
}

/* Zeek's trace ldap/aduser1: a log-in by Kerberos, then one search, signed. */
TEST(ldap)
{
	static const size_t piece[] = {1400, 30, 1};
	static const unsigned port[] = {389, 3268, 10389};

	for (size_t i = 0; i < ARRAY_LEN(piece); i++) {
		char *t = talk_file("proto_ldap/aduser1", port[i], false, piece[i]);

		HAS(t,
		    "\"message_id\":1440128865,\"version\":3,\"opcode\":\"bind SASL\","
		    "\"result\":\"success\",\"object\":\"User1\",\"argument\":\"GSS-SPNEGO\"");
		HAS(t,
		    "\"message_id\":1319382063,\"scope\":\"tree\",\"deref_aliases\":\"never\","
		    "\"base_object\":\"dc=ADHACKING,dc=LOCAL\",\"result_count\":3,"
		    "\"result\":\"success\",\"filter\":\"(&(sAMAccountName=*)(mail=*)"
		    "(!(UserAccountControl:1.2.840.113556.1.4.803:=2)))\","
		    "\"attributes\":[\"sAMAccountName\",\"pwdLastSet\",\"mail\","
		    "\"lastLogon\"]");
		HAS(t, "\"service\":\"ldap\"");
	}
}

/* A log-in with a password in the clear: whose is told, the password is not. */
TEST(ldap_simple)
{
	static const uint8_t bind_[] =
		"0\x1e\2\1\1\x60\x19\2\1\3\4\7cn=scan\x80\x0bs3cretword!";
	static const uint8_t done[] = "0\x0c\2\1\1\x61\7\x0a\1\x31\4\0\4\0";
	struct talk k = talk_begin(389, false);
	char *t;

	talk_say(&k, false, bind_, sizeof(bind_) - 1, 1400);
	talk_say(&k, true, done, sizeof(done) - 1, 1400);
	t = records(k.s, true);
	HAS(t, "\"opcode\":\"bind simple\",\"result\":\"invalid credentials\","
	       "\"object\":\"cn=scan\",\"argument\":\"REDACTED\"");
	CHECK(!strstr(t, "s3cret"));
	sensor_free(k.s);
}

/* Zeek's trace rdp/rdp-to-ssl: what the client is called, then TLS. */
TEST(rdp)
{
	static const unsigned port[] = {3389, 4000};

	for (size_t i = 0; i < ARRAY_LEN(port); i++) {
		char *t = talk_file("proto_rdp/to_ssl", port[i], false, i ? 5 : 1400);

		HAS(t, "\"cookie\":\"AWAKECODI\",\"result\":\"encrypted\","
		       "\"security_protocol\":\"HYBRID\"");
		HAS(t, "\"_path\":\"ssl\"");
		CHECK_INT(count(t, "\"_path\":\"rdp\""), 1);
	}
}

static void say(struct talk *k, bool resp, const char *text)
{
	talk_say(k, resp, (const uint8_t *)text, strlen(text), 1400);
}

/* Bodies of HTTP are files with hashes, whole ones alone; one that came compressed is not. */
TEST(http_files)
{
	struct talk k = talk_begin(80, false);
	char *t;

	say(&k, false, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
	say(&k, true,
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	    "Content-Disposition: attachment; filename=\"x.exe\"\r\n\r\n2\r\nMZ\r\n");
	say(&k, true, "3\r\nabc\r\n0\r\n\r\n");
	say(&k, false, "POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
	say(&k, true,
	    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b!");
	say(&k, false, "GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
	say(&k, true, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort");
	t = records(k.s, true);
	HAS(t, "\"source\":\"HTTP\",\"depth\":0,\"mime_type\":\"application/x-dosexec\","
	       "\"filename\":\"x.exe\"");
	HAS(t, "\"seen_bytes\":5,\"missing_bytes\":0,\"timedout\":false,"
	       "\"md5\":\"348f438d9874b4b81153ac1d98edfc2a\"");
	HAS(t,
	    "\"sha256\":\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\"");
	HAS(t, "\"is_orig\":true,\"seen_bytes\":5,\"total_bytes\":5");
	HAS(t, "\"seen_bytes\":5,\"total_bytes\":9,\"missing_bytes\":4,\"timedout\":false}");
	HAS(t, "\"resp_fuids\":[\"F");
	HAS(t, "\"orig_fuids\":[\"F");
	CHECK_INT(count(t, "\"_path\":\"files\""), 3);
	sensor_free(k.s);
}

/* A log-in by NTLM as WinRM has it; the messages are those of MS-NLMP 4.2.4, cut short. */
TEST(http_ntlm)
{
	struct talk k = talk_begin(5985, false);
	char *t;

	say(&k, false,
	    "POST /wsman HTTP/1.1\r\nHost: s\r\nUser-Agent: Microsoft WinRM Client\r\n"
	    "Authorization: Negotiate TlRMTVNTUAABAAAABoIAAA==\r\n"
	    "Content-Length: 0\r\n\r\n");
	say(&k, true,
	    "HTTP/1.1 401 \r\nWWW-Authenticate: Negotiate TlRMTVNTUAACAAAAAAAAADgAAAAzgoriAAAA"
	    "AAAAAAAAAAAAAAAAAA4ADgA4AAAAAAAAAAAAAAABAAYAUwBSAFYAAAAAAA==\r\nContent-Length: "
	    "0\r\n\r\n");
	say(&k, false,
	    "POST /wsman HTTP/1.1\r\nHost: s\r\nAuthorization: Negotiate "
	    "TlRMTVNTUAADAAAAAAAAAAAAAAAAAAAAAAAAAAwADABAAAAACAAIAEwAAAAEAAQAVAAAAAAAAAAAAAAANY"
	    "KI"
	    "4kQAbwBtAGEAaQBuAFUAcwBlAHIAUABDAA==\r\nContent-Length: 0\r\n\r\n");
	say(&k, true, "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n");
	t = records(k.s, true);
	HAS(t, "\"username\":\"User\",\"hostname\":\"PC\",\"domainname\":\"Domain\","
	       "\"server_nb_computer_name\":\"SRV\",\"success\":true");
	CHECK_INT(count(t, "\"_path\":\"ntlm\""), 1);
	HAS(t, "\"service\":\"http,ntlm\"");
	sensor_free(k.s);
}
TAP_MAIN
