/* SPDX-License-Identifier: Apache-2.0 */
/* What gives tools of attackers away: libraries by the form of their messages, orders of calls.
 */
#include "talk.h"

#define SAY(k, resp, text) talk_say(&(k), resp, (const uint8_t *)(text), sizeof(text) - 1, 1400)

/* A DCE/RPC fragment of a call; sealed: with 16 bytes of a signature behind. */
static void call(struct talk *k, bool resp, unsigned id, unsigned op, bool sealed)
{
	uint8_t p[96] = {5, 0, resp ? 2 : 0, 3, 0x10};
	unsigned n = sealed ? 96 : 72;

	p[8] = (uint8_t)n;
	p[10] = sealed ? 16 : 0;
	p[12] = (uint8_t)id;
	p[22] = resp ? 0 : (uint8_t)op;
	if (!resp && !sealed) /* of SamrOpenGroup: behind the handle and the access wanted */
		p[49] = 2;
	talk_say(k, resp, p, n, 1400);
}

static char *calls(const char *ops, bool sealed)
{
	struct talk k = talk_begin(49667, false);
	char *t;

	for (unsigned i = 0; ops[i]; i++) {
		call(&k, false, i + 1, (unsigned)ops[i] - 'A', sealed);
		call(&k, true, i + 1, 0, sealed);
	}
	t = records(k.s, true);
	sensor_free(k.s);
	return t;
}

/* Operations as letters, A for 0: a directory asked for one account's secrets is known by them.
 */
TEST(rpc_by_course)
{
	char *t = calls("AQMADB", true); /* 0 16 12 0 3 1 */

	HAS(t, "\"endpoint\":\"drsuapi\",\"operation\":\"DRSCrackNames\"");
	HAS(t, "\"endpoint\":\"drsuapi\",\"operation\":\"DRSGetNCChanges\"");
	HAS(t, "\"operation\":\"DRSUnbind\"");
	CHECK_INT(count(t, "\"_path\":\"dce_rpc\""), 3);
	t = calls("ADDDB", true); /* controllers among themselves */
	CHECK_INT(count(t, "\"_path\":\"dce_rpc\""), 0);
	t = calls("PQMTB", true); /* a service made: 15 16 12 19 1 */
	CHECK_INT(count(t, "\"_path\":\"dce_rpc\""), 0);
	t = calls("AQMADB", false);
	CHECK_INT(count(t, "\"_path\":\"dce_rpc\""), 0);
}

/* The group that is opened, where the call is not sealed. */
TEST(samr_group)
{
	struct talk k = talk_begin(49667, false);
	uint8_t bind[72] = {5, 0, 11, 3, 0x10, 0, 0, 0, 72};
	static const uint8_t samr[16] = {0x78, 0x57, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab,
					 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xac};
	char *t;

	bind[12] = 1;
	bind[24] = 1; /* context, of one syntax */
	bind[30] = 1;
	memcpy(bind + 32, samr, 16);
	talk_say(&k, false, bind, sizeof(bind), 1400);
	call(&k, false, 2, 19, false);
	call(&k, true, 2, 0, false);
	call(&k, false, 3, 19, true);
	call(&k, true, 3, 0, true);
	call(&k, false, 4, 1, false);
	call(&k, true, 4, 0, false);
	t = records(k.s, true);
	HAS(t, "\"operation\":\"SamrOpenGroup\",\"rid\":512}");
	CHECK_INT(count(t, "SamrOpenGroup"), 2);
	CHECK_INT(count(t, "\"rid\""), 1);
	sensor_free(k.s);
}

/* A first ticket asked for with empty ciphers in place of AES, and a time stamp under RC4. */
TEST(kerberos_offer)
{
	struct talk k = talk_begin(88, true);
	char *t;

	SAY(k, false,
	    "\x6a\x7b\x30\x79\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a\xa3\x1b\x30\x19"
	    "\x30\x17\xa1\x03\x02\x01\x02\xa2\x10\x04\x0e\x30\x0c\xa0\x03\x02\x01\x17"
	    "\xa2\x05\x04\x03\x61\x62\x63\xa4\x50\x30\x4e\xa0\x07\x03\x05\x00\x40\x81"
	    "\x00\x10\xa1\x10\x30\x0e\xa0\x03\x02\x01\x01\xa1\x07\x30\x05\x1b\x03\x62"
	    "\x6f\x62\xa2\x03\x1b\x01\x52\xa3\x16\x30\x14\xa0\x03\x02\x01\x01\xa1\x0d"
	    "\x30\x0b\x1b\x06\x6b\x72\x62\x74\x67\x74\x1b\x01\x52\xa7\x06\x02\x04\x11"
	    "\x22\x33\x44\xa8\x0c\x30\x0a\x02\x01\x00\x02\x01\x17\x02\x02\xff\x7b");
	t = records(k.s, true);
	HAS(t, "\"client\":\"bob/R\",\"service\":\"krbtgt/R\"");
	HAS(t, "\"preauth_cipher\":\"rc4-hmac\",\"offered_ciphers\":[\"null\",\"rc4-hmac\","
	       "\"rc4-hmac-old\"]");
	sensor_free(k.s);
}

/* The ticket shown is under RC4: told when this realm gave it, not when it refers from another.
 */
TEST(kerberos_ticket_shown)
{
	uint8_t m[] = {0x6c, 0x81, 0xa2, 0x30, 0x81, 0x9f, 0xa1, 0x03, 0x02, 0x01, 0x05, 0xa2,
		       0x03, 0x02, 0x01, 0x0c, 0xa3, 0x5c, 0x30, 0x5a, 0x30, 0x58, 0xa1, 0x03,
		       0x02, 0x01, 0x01, 0xa2, 0x51, 0x04, 0x4f, 0x6e, 0x4d, 0x30, 0x4b, 0xa0,
		       0x03, 0x02, 0x01, 0x05, 0xa1, 0x03, 0x02, 0x01, 0x0e, 0xa2, 0x07, 0x03,
		       0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0xa3, 0x36, 0x61, 0x34, 0x30, 0x32,
		       0xa0, 0x03, 0x02, 0x01, 0x05, 0xa1, 0x03, 0x1b, 0x01, 0x52, 0xa2, 0x16,
		       0x30, 0x14, 0xa0, 0x03, 0x02, 0x01, 0x02, 0xa1, 0x0d, 0x30, 0x0b, 0x1b,
		       0x06, 0x6b, 0x72, 0x62, 0x74, 0x67, 0x74, 0x1b, 0x01, 0x52, 0xa3, 0x0e,
		       0x30, 0x0c, 0xa0, 0x03, 0x02, 0x01, 0x17, 0xa2, 0x05, 0x04, 0x03, 0x78,
		       0x79, 0x7a, 0xa4, 0x35, 0x30, 0x33, 0xa0, 0x07, 0x03, 0x05, 0x00, 0x40,
		       0x81, 0x00, 0x10, 0xa2, 0x03, 0x1b, 0x01, 0x52, 0xa3, 0x14, 0x30, 0x12,
		       0xa0, 0x03, 0x02, 0x01, 0x02, 0xa1, 0x0b, 0x30, 0x09, 0x1b, 0x04, 0x63,
		       0x69, 0x66, 0x73, 0x1b, 0x01, 0x66, 0xa7, 0x06, 0x02, 0x04, 0x11, 0x22,
		       0x33, 0x44, 0xa8, 0x05, 0x30, 0x03, 0x02, 0x01, 0x12};

	for (unsigned other = 0; other < 2; other++) {
		struct talk k = talk_begin(88, true);
		char *t;

		m[69] = other ? 'S' : 'R';
		talk_say(&k, false, m, sizeof(m), 1400);
		t = records(k.s, true);
		HAS(t, "\"request_type\":\"TGS\",\"service\":\"cifs/f\"");
		CHECK_INT(count(t, "\"tgt_cipher\":\"rc4-hmac\""), !other);
		sensor_free(k.s);
	}
}

static void smb2(struct talk *k, bool resp, unsigned command, unsigned id, const uint8_t *body,
		 size_t n)
{
	uint8_t p[256] = {0};

	p[3] = (uint8_t)(64 + n);
	p[4] = 0xfe;
	memcpy(p + 5, "SMB", 3);
	p[8] = 64;
	p[16] = (uint8_t)command;
	p[20] = resp;
	p[28] = (uint8_t)id;
	p[44] = 7; /* the session */
	memcpy(p + 68, body, n);
	talk_say(k, resp, p, 68 + n, 1400);
}

/* A log-in by SMB 2, by ticket, of a client whose id is these 16 bytes. */
static char *log_in(const char *guid)
{
	struct talk k = talk_begin(445, false);
	uint8_t negotiate[40] = {36, 0, 2}, answer[64] = {65, 0, 1, 0, 0x10, 2};
	uint8_t setup[24] = {25}, done[8] = {9};
	char *t;

	memcpy(negotiate + 12, guid, 16);
	negotiate[36] = 2;
	negotiate[37] = 2;
	smb2(&k, false, 0, 1, negotiate, sizeof(negotiate));
	smb2(&k, true, 0, 1, answer, sizeof(answer));
	smb2(&k, false, 1, 2, setup, sizeof(setup));
	smb2(&k, true, 1, 2, done, sizeof(done));
	t = records(k.s, true);
	sensor_free(k.s);
	HAS(t, "\"command\":\"SESSION_SETUP\",\"status\":\"SUCCESS\"");
	return t;
}

TEST(smb_client)
{
	char *t = log_in("QxsvbTzKqwErtYui");

	CHECK_INT(count(t, "\"client_software\":\"impacket\""), 2);
	t = log_in("QxsvbTzKqwErtYu1"); /* not letters alone */
	CHECK_INT(count(t, "client_software"), 0);
	t = log_in("\x51\x8a\x0f\x82\xf2\x34\xe7\x11\xa3\x8c\x08\x00\x27\x2a\xba\x35");
	CHECK_INT(count(t, "client_software"), 0);
}

/* A file opened in a session of SMB 2, of this account. */
static char *opened_by(const char *user)
{
	struct talk k = talk_begin(445, false);
	uint8_t hello[24 + 16] = {25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 88, 0, 16};
	uint8_t auth[24 + 72] = {25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 88, 0, 72};
	uint8_t done[8] = {9}, tree[8 + 4] = {9, 0, 0, 0, 72, 0, 4, 0, 's', 0, '$', 0};
	uint8_t disk[16] = {16, 0, 1}, file[56 + 10] = {57}, handle[88] = {89};
	unsigned n = (unsigned)strlen(user);
	char *t;

	memcpy(hello + 24, "NTLMSSP\0\1", 9);
	memcpy(auth + 24, "NTLMSSP\0\3", 9);
	auth[24 + 36] = (uint8_t)n;
	auth[24 + 40] = 64;
	memcpy(auth + 24 + 64, user, n);
	file[44] = 120;
	file[46] = 10;
	memcpy(file + 56, "x\0.\0d\0l\0l\0", 10);
	handle[64] = 5;
	smb2(&k, false, 1, 1, hello, sizeof(hello));
	smb2(&k, false, 1, 2, auth, sizeof(auth));
	smb2(&k, true, 1, 2, done, sizeof(done));
	smb2(&k, false, 3, 3, tree, sizeof(tree));
	smb2(&k, true, 3, 3, disk, sizeof(disk));
	smb2(&k, false, 5, 4, file, sizeof(file));
	smb2(&k, true, 5, 4, handle, sizeof(handle));
	t = records(k.s, true);
	sensor_free(k.s);
	HAS(t, "\"name\":\"x.dll\"");
	return t;
}

TEST(smb_nobody)
{
	HAS(opened_by(""), "\"anonymous\":true");
	CHECK(!strstr(opened_by("bob"), "anonymous"));
}

/* NTLM within DCE/RPC: first message of these flags, third one from a host of this name. */
static char *ntlm(uint32_t flags, const char *host, unsigned nhost)
{
	struct talk k = talk_begin(49667, false);
	uint8_t bind[112] = {5, 0, 11, 3, 0x10, 0, 0, 0, 112, 0, 32};
	uint8_t auth[136] = {5, 0, 16, 3, 0x10, 0, 0, 0, 136, 0, 100};
	uint8_t *m = bind + 80;
	char *t;

	memcpy(m, "NTLMSSP", 8);
	m[8] = 1;
	for (unsigned i = 0; i < 4; i++)
		m[12 + i] = (uint8_t)(flags >> 8 * i);
	talk_say(&k, false, bind, sizeof(bind), 1400);
	m = auth + 36;
	memcpy(m, "NTLMSSP", 8);
	m[8] = 3;
	m[36] = 3; /* the account's length and place, and the host's */
	m[40] = 64;
	m[44] = (uint8_t)nhost;
	m[48] = 67;
	memcpy(m + 64, "bob", 3);
	memcpy(m + 67, host, nhost);
	talk_say(&k, false, auth, sizeof(auth), 1400);
	call(&k, false, 2, 0, true);
	call(&k, true, 2, 0, true);
	t = records(k.s, true);
	sensor_free(k.s);
	HAS(t, "\"username\":\"bob\"");
	return t;
}

TEST(ntlm_client)
{
	HAS(ntlm(0xe0888235, "", 0), "\"client_software\":\"impacket\"");
	HAS(ntlm(0xa0880205, "", 0), "\"client_software\":\"impacket\"");
	HAS(ntlm(0xe2888235, "WORKSTATION", 11), "\"client_software\":\"ruby_smb\"");
	CHECK(!strstr(ntlm(0xe2088297, "WORKSTATION", 11), "client_software"));
	CHECK(!strstr(ntlm(0xe2888235, "PC7", 3), "client_software"));
	CHECK(!strstr(ntlm(0x62088215, "nas", 3), "client_software"));
}
/* Pings whose replies are as long as they, or not; n of them, a request and its reply each. */
static char *pings(unsigned n, unsigned asked, unsigned answered)
{
	struct sensor *s;
	static const char data[64];
	char *t;

	CHECK(sensor_new(NULL, &s) == 0);
	for (unsigned i = 0; i < 2 * n; i++) {
		bool reply = i & 1;
		unsigned len = reply ? answered : asked;
		struct wire w = {.n = 0};

		eth(&w, 0x0800);
		ip4(&w, reply ? 2 : 1, reply ? 1 : 2, 1, len + 8, 0, 0);
		w16(&w, reply ? 0 : 0x0800);
		w16(&w, 0);
		w16(&w, 7);
		w16(&w, i / 2);
		wbytes(&w, data, len);
		give(s, i, &w);
	}
	t = records(s, true);
	sensor_free(s);
	return t;
}

TEST(echoes)
{
	HAS(pings(12, 40, 56), "\"echoes_altered\":12,");
	HAS(pings(12, 40, 40), "\"resp_pkts\":12,");
	CHECK(!strstr(pings(12, 40, 40), "echoes_altered"));
	CHECK(!strstr(pings(1, 0, 0), "echoes_altered"));
}
TAP_MAIN
