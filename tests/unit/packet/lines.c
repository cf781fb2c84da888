/* SPDX-License-Identifier: Apache-2.0 */
/* Protocols that speak in lines, on ports of their own and others. */
#include "packet/body.h"
#include "talk.h"

struct said {
	bool resp;
	const char *text;
};

/* What the sensor makes of a conversation, cut into pieces. */
static char *converse(unsigned port, const struct said *said, size_t n, size_t piece)
{
	struct talk t = talk_begin(port, false);
	char *text;

	for (size_t i = 0; i < n; i++)
		talk_say(&t, said[i].resp, (const uint8_t *)said[i].text, strlen(said[i].text),
			 piece);
	text = records(t.s, true);
	sensor_free(t.s);
	return text;
}

static const struct said mail[] = {
	{true, "220 mx.test ESMTP Postfix\r\n"},
	{false, "EHLO pc7\r\n"},
	{true, "250-mx.test\r\n250 AUTH PLAIN LOGIN\r\n"},
	{false, "AUTH LOGIN\r\n"},
	{true, "334 VXNlcm5hbWU6\r\n"},
	{false, "YW5uYUBmaXJtLnRlc3Q=\r\n"},
	{true, "334 UGFzc3dvcmQ6\r\n"},
	{false, "c2VjcmV0\r\n"},
	{true, "235 ok\r\n"},
	{false, "MAIL FROM:<anna@firm.test> SIZE=9\r\nRCPT TO:<b@x.test>\r\nRCPT "
		"TO:<c@x.test>\r\nDATA\r\n"},
	{true, "250 ok\r\n250 ok\r\n550 no such\r\n354 go on\r\n"},
	{false,
	 "Subject: a long\r\n one\r\nFrom: Anna <anna@firm.test>\r\nTo: b@x.test, c@x.test\r\n"
	 "X-Mailer: Mailer 3\r\n\r\nbody\r\n.. dots\r\nSubject: not this\r\n.\r\n"},
	{true, "250 queued as 17\r\n"},
	{false, "MAIL FROM:<>\r\nRCPT TO:<d@x.test>\r\nDATA\r\n"},
	{true, "250 ok\r\n250 ok\r\n451 later\r\n"},
	{false, "QUIT\r\n"},
	{true, "221 bye\r\n"},
};

TEST(smtp)
{
	static const size_t pieces[] = {1400, 7, 1};
	static const unsigned ports[] = {25, 9925};

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		for (size_t k = 0; k < ARRAY_LEN(ports); k++) {
			char *t = converse(ports[k], mail, ARRAY_LEN(mail), pieces[i]);

			HAS(t, "\"_path\":\"login\"");
			HAS(t, "\"service\":\"smtp\",\"method\":\"LOGIN\",\"user\":\"anna@firm."
			       "test\","
			       "\"success\":true");
			HAS(t, "\"trans_depth\":1,\"helo\":\"pc7\",\"mailfrom\":\"anna@firm."
			       "test\","
			       "\"rcptto\":[\"b@x.test\",\"c@x.test\"],"
			       "\"from\":\"Anna "
			       "<anna@firm.test>\",\"to\":[\"b@x.test\",\"c@x.test\"],"
			       "\"subject\":\"a long one\",\"user_agent\":\"Mailer 3\","
			       "\"last_reply\":\"250 queued as 17\"");
			HAS(t, "\"trans_depth\":2,\"helo\":\"pc7\",\"rcptto\":[\"d@x.test\"]");
			CHECK_INT(count(t, "\"_path\":\"smtp\""), 2);
			CHECK(!strstr(t, "c2VjcmV0"));
			CHECK(!strstr(t, "secret"));
			CHECK(!strstr(t, "not this"));
			HAS(t, "\"service\":\"smtp\",\"duration\"");
		}
	}
}

/* Behind STARTTLS another protocol is looked for. */
TEST(smtp_starttls)
{
	static const struct said said[] = {
		{true, "220 mx.test ESMTP\r\n"},
		{false, "EHLO a\r\n"},
		{true, "250-mx\r\n250 STARTTLS\r\n"},
		{false, "STARTTLS\r\n"},
		{true, "220 ready\r\n"},
		{false, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
	};
	char *t = converse(587, said, ARRAY_LEN(said), 1400);

	HAS(t, "\"_path\":\"smtp\"");
	HAS(t, "\"tls\":true");
	HAS(t, "\"_path\":\"http\"");
	HAS(t, "\"service\":\"http,smtp\"");
}

TEST(ftp)
{
	static const struct said said[] = {
		{true, "220-Welcome\r\n220 FTP server ready\r\n"},
		{false, "USER anna\r\n"},
		{true, "331 password\r\n"},
		{false, "PASS secret\r\n"},
		{true, "230 in\r\n"},
		{false, "CWD /pay\r\n"},
		{true, "250 ok\r\n"},
		{false, "PASV\r\n"},
		{true, "227 Entering (10,0,0,2,19,137)\r\n"},
		{false, "RETR wages.xls\r\n"},
		{true, "150 here it comes\r\n226 done\r\n"},
		{false, "QUIT\r\n"},
	};
	char *t = converse(21, said, ARRAY_LEN(said), 5);

	HAS(t, "\"service\":\"ftp\",\"method\":\"PASS\",\"user\":\"anna\",\"success\":true");
	HAS(t, "\"user\":\"anna\",\"command\":\"RETR\",\"arg\":\"wages.xls\",\"cwd\":\"/pay\","
	       "\"reply_code\":226,\"reply_msg\":\"done\",\"data_channel.passive\":true,"
	       "\"data_channel.resp_h\":\"10.0.0.2\",\"data_channel.resp_p\":5001");
	CHECK(!strstr(t, "secret"));
	CHECK_INT(count(t, "\"_path\":\"ftp\""), 1);
}

TEST(pop3)
{
	static const struct said said[] = {
		{true, "+OK ready\r\n"},
		{false, "USER anna\r\n"},
		{true, "+OK\r\n"},
		{false, "PASS secret\r\n"},
		{true, "-ERR wrong\r\n"},
		{false, "AUTH PLAIN AGJvYgBzZWNyZXQ=\r\n"},
		{true, "+OK 3 messages\r\n"},
		{false, "RETR 1\r\n"},
		{true, "+OK\r\n\x01\x02 binary\r\n.\r\n"},
	};
	char *t = converse(1100, said, ARRAY_LEN(said), 1400);

	HAS(t, "\"service\":\"pop3\",\"method\":\"PASS\",\"user\":\"anna\",\"success\":false");
	HAS(t, "\"service\":\"pop3\",\"method\":\"PLAIN\",\"user\":\"bob\",\"success\":true");
	CHECK(!strstr(t, "secret"));
	CHECK_INT(count(t, "\"_path\":\"login\""), 2);
}

TEST(imap)
{
	static const struct said said[] = {
		{true, "* OK [CAPABILITY IMAP4rev1] ready\r\n"},
		{false, "a1 LOGIN \"anna@firm.test\" secret\r\n"},
		{true, "* CAPABILITY x\r\na1 OK in\r\n"},
		{false, "a2 SELECT INBOX\r\n"},
	};
	char *t = converse(1430, said, ARRAY_LEN(said), 3);

	HAS(t, "\"service\":\"imap\",\"method\":\"LOGIN\",\"user\":\"anna@firm.test\","
	       "\"success\":true");
	CHECK(!strstr(t, "secret"));
}

TEST(irc)
{
	static const struct said said[] = {
		{false, "NICK bot7\r\nUSER bot 0 * :a bot\r\n"},
		{true, ":irc.test 001 bot7 :hello\r\n"},
		{false, "JOIN #orders secretkey\r\n"},
	};
	char *t = converse(4000, said, ARRAY_LEN(said), 1400);

	HAS(t, "\"command\":\"NICK\",\"value\":\"bot7\"");
	HAS(t, "\"nick\":\"bot7\",\"user\":\"bot\",\"command\":\"JOIN\",\"value\":\"#orders\"");
	CHECK(!strstr(t, "secretkey"));
}

TEST(stratum)
{
	static const struct said said[] = {
		{false,
		 "{\"id\": 1, \"method\": \"login\", \"params\": {\"login\": \"44AFF.rig\", "
		 "\"pass\": \"x\", \"agent\": \"XMRig/6\"}}\n"},
		{true, "{\"id\":1,\"result\":{\"job\":{}}}\n"},
		{false, "{\"id\": 2, \"method\": \"submit\", \"params\": {\"id\": \"7\"}}\n"},
	};
	char *t = converse(443, said, ARRAY_LEN(said), 11);

	HAS(t, "\"_path\":\"stratum\"");
	HAS(t,
	    "\"method\":\"login\",\"user\":\"44AFF.rig\",\"agent\":\"XMRig/6\",\"submits\":1,"
	    "\"jobs\":1");
	HAS(t, "\"service\":\"stratum\"");
}

/* Calls in the bodies of requests; only a miner's are a miner's. */
TEST(bodies)
{
	static const struct {
		const char *body, *method;
		bool mines;
	} rows[] = {
		{"{\"method\": \"getwork\", \"params\": [], \"id\":0}", "getwork", true},
		{"{\"jsonrpc\":\"2.0\",\"method\":\"eth_call\",\"params\":[]}", "eth_call",
		 false},
		{"{\"method\":\"login\",\"params\":{\"login\":\"a\",\"pass\":\"b\"}}", "login",
		 true},
		{"{\"method\":\"login\",\"params\":{\"user\":\"a\"}}", "login", false},
		{"<s:Envelope><s:Header/><s:Body><p:Run_INPUT><a/>", "Run_INPUT", false},
		{"<s:Envelope><s:Body><Get/></s:Body>", "Get", false},
		{"{\"methods\":\"x\",\"x\":\"method\"}", NULL, false},
		{"name=method&a=\"method\":", NULL, false},
		{"", NULL, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str m = body_method(str_of(rows[i].body));

		CHECK(!rows[i].method == !m.p);
		if (rows[i].method)
			CHECK_STR(m, rows[i].method);
		CHECK_INT(body_mines(str_of(rows[i].body)), rows[i].mines);
	}
}

/* A data connection is known by what was said on the other one. */
TEST(ftp_data)
{
	struct talk a = talk_begin(21, false), b = {.s = a.s, .seq = {101, 501}, .port = 5001};
	static const char hello[] = "220 FTP\r\n", pasv[] = "PASV\r\n",
			  at[] = "227 (10,0,0,2,19,137)\r\n", data[] = "some bytes";
	struct wire w = {.n = 0};
	char *t;

	talk_say(&a, true, (const uint8_t *)hello, sizeof(hello) - 1, 1400);
	talk_say(&a, false, (const uint8_t *)pasv, sizeof(pasv) - 1, 1400);
	talk_say(&a, true, (const uint8_t *)at, sizeof(at) - 1, 1400);
	b.ms = a.ms;
	eth(&w, 0x0800);
	tcp(&w, 1, 2, 40000, 5001, 2, 100, 0, "");
	give(b.s, b.ms++, &w);
	talk_say(&b, true, (const uint8_t *)data, sizeof(data) - 1, 1400);
	t = records(a.s, true);
	HAS(t, "\"service\":\"ftp-data\"");
	sensor_free(a.s);
}

/* WinRM: a shell is made, once readable and once not; a page of another server is none. */
TEST(winrm)
{
	static const char body[] =
		"<s:Envelope xmlns:a=\"x/Action\"><s:Header><a:Action "
		"s:mustUnderstand=\"true\">"
		"http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Command </a:Action>"
		"<w:ResourceURI "
		"mustUnderstand=\"true\">http://schemas.microsoft.com/wbem/wsman/1/"
		"windows/shell/cmd</w:ResourceURI></s:Header><s:Body><rsp:CommandLine>"
		"<rsp:Command>whoami</rsp:Command></rsp:CommandLine></s:Body></s:Envelope>";
	static const struct {
		const char *path, *kind, *answer, *want;
	} rows[] = {
		{"/wsman", "application/soap+xml;charset=UTF-8", "200",
		 "\"rpc_method\":\"CommandLine\",\"rpc_action\":\"Command\",\"rpc_resource\":"
		 "\"windows/shell/cmd\""},
		{"/wsman?PSVersion=5.1", "multipart/encrypted;protocol=\"x\"", "200",
		 "\"rpc_sealed\":true"},
		{"/wsman", "application/soap+xml", "401", "winrm\""},
		{"/wsman", "application/soap+xml", "404", NULL},
		{"/wsman", "text/xml", "200", NULL},
		{"/soap", "application/soap+xml", "200", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct talk t = talk_begin(7777, false);
		char text[1024], *r;

		snprintf(text, sizeof(text),
			 "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: "
			 "%zu\r\n\r\n%s",
			 rows[i].path, rows[i].kind, sizeof(body) - 1, body);
		talk_say(&t, false, (const uint8_t *)text, strlen(text), 1400);
		snprintf(text, sizeof(text), "HTTP/1.1 %s x\r\nContent-Length: 0\r\n\r\n",
			 rows[i].answer);
		talk_say(&t, true, (const uint8_t *)text, strlen(text), 1400);
		r = records(t.s, true);
		if (rows[i].want)
			HAS(r, rows[i].want);
		CHECK_INT(count(r, "\"service\":\"http,winrm\""), rows[i].want != NULL);
		CHECK(rows[i].want || !strstr(r, "rpc_action") || i == 3);
		sensor_free(t.s);
	}
}

/* What an FTP server says of data connections hides nothing else from us. */
TEST(ftp_data_elsewhere)
{
	static const struct {
		const char *at;
		unsigned host, port, again;
		bool read;
	} rows[] = {
		{"227 (10,0,0,2,19,137)\r\n", 2, 5001, 0, false},
		{"227 (10,0,0,2,19,137)\r\n", 2, 5001, 1, true}, /* the one behind it */
		{"227 (10,0,0,3,19,137)\r\n", 3, 5001, 0, true}, /* somebody else's */
		{"227 (10,0,0,2,31,144)\r\n", 2, 8080, 0, true}, /* a port of HTTP */
	};
	static const char hello[] = "220 FTP\r\n", pasv[] = "PASV\r\n";

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct talk a = talk_begin(21, false);
		char *t;

		talk_say(&a, true, (const uint8_t *)hello, sizeof(hello) - 1, 1400);
		talk_say(&a, false, (const uint8_t *)pasv, sizeof(pasv) - 1, 1400);
		talk_say(&a, true, (const uint8_t *)rows[i].at, strlen(rows[i].at), 1400);
		for (unsigned k = 0; k <= rows[i].again; k++) {
			struct wire w = {.n = 0};

			eth(&w, 0x0800);
			tcp(&w, 1, rows[i].host, 41000 + k, rows[i].port, 24, 101, 1,
			    "GET /x HTTP/1.1\r\nHost: x.test\r\n\r\n");
			give(a.s, a.ms++, &w);
		}
		t = records(a.s, true);
		CHECK_INT(count(t, "\"_path\":\"http\""), rows[i].read);
		sensor_free(a.s);
	}
}

/* OpenVPN's two resets, plain and wrapped; an answer to something else names nothing. */
TEST(openvpn)
{
	static const struct {
		unsigned asked, answer;
		bool mine, named;
	} rows[] = {{14, 26, true, true},   {14, 26, false, false}, {42, 54, false, true},
		    {54, 66, false, true},  {86, 98, false, true},  {54, 60, false, false},
		    {50, 62, false, false}, {14, 14, true, false}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (unsigned is_udp = 0; is_udp < 2; is_udp++) {
			uint8_t ask[128] = {0}, answer[128] = {0};
			struct talk t = talk_begin(7000, is_udp);
			size_t at = is_udp ? 0 : 2;

			ask[1] = (uint8_t)rows[i].asked;
			answer[1] = (uint8_t)rows[i].answer;
			ask[at] = 7 << 3;
			memcpy(ask + at + 1, "sessionA", 8);
			if (rows[i].asked > 14)
				memset(ask + at + 9, 0xa5, rows[i].asked - 9);
			answer[at] = 8 << 3;
			if (rows[i].mine && rows[i].answer > 22)
				memcpy(answer + at + 14, "sessionA", 8);
			if (is_udp)
				ask[1] = 's', answer[1] = 0;
			talk_say(&t, false, ask, rows[i].asked + at, 1400);
			talk_say(&t, true, answer, rows[i].answer + at, 1400);
			CHECK_INT(count(records(t.s, true), "\"service\":\"openvpn\""),
				  rows[i].named);
			sensor_free(t.s);
		}
	}
}

/* A hello of Firefox, as sent. */
TEST(quic)
{
	char *t = talk_file("proto_quic/firefox", 443, true, 1400);

	HAS(t, "\"_path\":\"quic\"");
	HAS(t, "\"version\":\"1\"");
	HAS(t, "\"server_name\":\"blog.cloudflare.com\",\"client_protocol\":\"h3\"");
	HAS(t, "\"ja4\":\"q13d0314h3_55b375c5d22e_");
	HAS(t, "\"service\":\"quic\"");
}

/* Zeek's own tests expect these names of the same captures. */
TEST(services)
{
	static const struct {
		const char *file, *want[3];
		unsigned port;
		bool is_udp;
	} rows[] = {
		{"proto_mysql/real",
		 {"\"cmd\":\"login\"", "\"service\":\"mysql\""},
		 3307,
		 false},
		{"proto_postgresql/real",
		 {"\"user\":\"user\",\"database\":", "\"service\":\"postgresql\""},
		 5000,
		 false},
		{"proto_redis/real", {"\"service\":\"redis\""}, 6379, false},
		{"proto_rfb/real",
		 {"\"authentication_method\":\"VNC\",\"auth\":true", "\"service\":\"rfb\""},
		 5999,
		 false},
		{"proto_sip/real",
		 {"\"method\":\"REGISTER\"", "\"status_code\":401", "\"service\":\"sip\""},
		 5070,
		 true},
		{"proto_snmp/real",
		 {"\"version\":\"2c\",\"community\":\"public\"",
		  "\"display_string\":\"Linux ubuntu"},
		 161,
		 true},
		{"proto_nfs/real", {"\"service\":\"nfs\""}, 2049, false},
		{"proto_rtsp/real", {"\"service\":\"rtsp\""}, 8000, false},
		{"proto_bittorrent/real", {"\"service\":\"bittorrent\""}, 7000, false},
		{"proto_isakmp/real", {"\"service\":\"ipsec\""}, 500, true},
		{"proto_stun/real", {"\"service\":\"stun\""}, 9000, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *t = talk_file(rows[i].file, rows[i].port, rows[i].is_udp, 1400);

		for (size_t k = 0; k < 3 && rows[i].want[k]; k++)
			HAS(t, rows[i].want[k]);
	}
}

TEST(socks)
{
	struct talk t = talk_begin(1080, false);
	static const uint8_t hello[] = {5, 1, 2}, method[] = {5, 2},
			     name[] = "\1\4anna\6secret", fine[] = {1, 0},
			     ask[] = "\5\1\0\3\6x.test\0\x50", done[] = "\5\0\0\1\0\0\0\0\0\0";
	static const char get[] = "GET / HTTP/1.1\r\nHost: x.test\r\n\r\n";
	char *r;

	talk_say(&t, false, hello, sizeof(hello), 1400);
	talk_say(&t, true, method, sizeof(method), 1400);
	talk_say(&t, false, name, sizeof(name) - 1, 1400);
	talk_say(&t, true, fine, sizeof(fine), 1400);
	talk_say(&t, false, ask, sizeof(ask) - 1, 1400);
	talk_say(&t, true, done, sizeof(done) - 1, 1400);
	talk_say(&t, false, (const uint8_t *)get, sizeof(get) - 1, 1400);
	r = records(t.s, true);
	HAS(r, "\"version\":5,\"user\":\"anna\",\"status\":\"succeeded\",\"request.name\":\"x."
	       "test\","
	       "\"request_p\":80");
	HAS(r, "\"_path\":\"http\"");
	CHECK(!strstr(r, "secret"));
	sensor_free(t.s);
}

/* A hello in the form of SSL 2 that offers TLS 1.0 (RFC 5246, E.2), and the server's answer. */
TEST(old_hello)
{
	static const uint8_t hello[] = {0x80, 31, 1,	3, 1,  0,    6,	 0,  0,	 0,  16,
					0,    0,  0x2f, 0, 0,  0x35, 1,	 2,  3,	 4,  5,
					6,    7,  8,	9, 10, 11,   12, 13, 14, 15, 16};
	uint8_t answer[5 + 4 + 38 + 7] = {22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1};
	static const size_t pieces[] = {1400, 1};

	answer[5 + 4 + 36] = 0x2f; /* the suite, behind 32 random bytes and no session */
	answer[47] = 21;
	answer[48] = 3;
	answer[49] = 1;
	answer[51] = 2;
	answer[52] = 2;
	answer[53] = 40;
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		for (unsigned cut = 0; cut < 2; cut++) {
			struct talk t = talk_begin(cut ? 443 : 8999, false);
			char *text;

			talk_say(&t, false, hello, sizeof(hello) - cut, pieces[i]);
			talk_say(&t, true, answer, sizeof(answer), pieces[i]);
			text = records(t.s, true);
			sensor_free(t.s);
			if (cut) {
				CHECK(!strstr(text, "\"ssl_history\":\"C"));
				continue;
			}
			HAS(text,
			    "\"version\":\"TLSv10\",\"cipher\":\"TLS_RSA_WITH_AES_128_CBC_"
			    "SHA\"");
			HAS(text, "\"last_alert\":\"handshake_failure\"");
			HAS(text, "\"ssl_history\":\"Csl\"");
		}
	}
}
TAP_MAIN
