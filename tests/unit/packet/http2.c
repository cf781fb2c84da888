/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 in the clear: a conversation of nghttp with nghttpd, and what no program sends. */
#include "talk.h"

static const char clear[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static void say(struct talk *t, bool resp, const void *p, size_t n)
{
	talk_say(t, resp, p, n, 1400);
}

#define SAY(t, resp, lit) say((t), (resp), (lit), sizeof(lit) - 1)

static char *end(struct talk *t)
{
	char *text = records(t->s, true);

	sensor_free(t->s);
	return text;
}

/* Two requests with padding and a body, each answered with a file; cut anywhere. */
TEST(conversation)
{
	static const size_t pieces[] = {1400, 13, 1};
	static const unsigned ports[] = {80, 3128, 50051};

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		for (size_t k = 0; k < ARRAY_LEN(ports); k++) {
			char *t = talk_file("proto_http2/nghttp", ports[k], false, pieces[i]);

			CHECK_INT(count(t, "\"_path\":\"http\""), 2);
			HAS(t, "\"method\":\"POST\",\"host\":\"127.0.0.1:18999\",\"uri\":\"/"
			       "index.html?a\",\"version\":\"2\",\"user_agent\":\"pad\","
			       "\"request_body_len\":3,\"response_body_len\":19,"
			       "\"status_code\":200,\"tags\":[],\"username\":\"anna\","
			       "\"basic_auth\":true");
			HAS(t, "\"uri\":\"/prog.exe\"");
			HAS(t, "\"resp_mime_types\":[\"application/x-dosexec\"]");
			HAS(t, "\"sha256\":\"4011f04fdb18f6d74d306a424edf365bf4ef1e2ce4bbf75"
			       "c70b5ea902a901879\"");
			HAS(t, "\"service\":\"http2\"");
			CHECK(!strstr(t, "\"pw\""));
		}
	}
}

/* The client's settings come after it; the server answers the request that HTTP/1 made. */
TEST(upgrade)
{
	struct talk t = talk_begin(80, false);
	char *text;

	SAY(&t, false,
	    "GET /a HTTP/1.1\r\nHost: x.test\r\nConnection: Upgrade, HTTP2-Settings\r\n"
	    "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n");
	SAY(&t, true, "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
	say(&t, false, clear, sizeof(clear) - 1);
	SAY(&t, false, "\0\0\0\4\0\0\0\0\0");
	SAY(&t, true,
	    "\0\0\0\4\0\0\0\0\0"
	    "\0\0\1\1\4\0\0\0\1\x88" /* :status 200 */
	    "\0\0\4\0\1\0\0\0\1%PDF");
	text = end(&t);
	HAS(text, "\"status_code\":101");
	HAS(text, "\"version\":\"2\",\"request_body_len\":0,\"response_body_len\":4,"
		  "\"status_code\":200");
	HAS(text, "\"service\":\"http,http2\"");
}

/* A head in three frames; within it nothing else may come. */
TEST(continuation)
{
	for (unsigned bad = 0; bad < 2; bad++) {
		struct talk t = talk_begin(80, false);
		char *text;

		say(&t, false, clear, sizeof(clear) - 1);
		SAY(&t, false, "\0\0\1\1\1\0\0\0\1\x82"); /* :method GET */
		if (bad)
			SAY(&t, false, "\0\0\4\0\0\0\0\0\1data");
		SAY(&t, false, "\0\0\1\11\0\0\0\0\1\x84"); /* :path / */
		SAY(&t, false, "\0\0\7\11\4\0\0\0\1\x41\5h.com");
		SAY(&t, true, "\0\0\1\1\5\0\0\0\1\x8d"); /* :status 404 */
		text = end(&t);
		if (bad) {
			CHECK(!strstr(text, "h.com"));
			continue;
		}
		HAS(text, "\"method\":\"GET\",\"host\":\"h.com\",\"uri\":\"/\"");
		HAS(text, "\"status_code\":404");
	}
}

/* A head that says one field ten thousand times is not read to its end. */
TEST(many_fields)
{
	static char many[16 + 10000];
	struct talk t = talk_begin(80, false);
	char *text;

	say(&t, false, clear, sizeof(clear) - 1);
	memcpy(many, "\0\x27\x10\1\5\0\0\0\1", 9);
	memset(many + 9, 0x82, 10000);
	say(&t, false, many, 9 + 10000);
	SAY(&t, true, "\0\0\1\1\5\0\0\0\1\x88");
	text = end(&t);
	CHECK(!strstr(text, "\"status_code\""));
	HAS(text, "\"_path\":\"conn\"");
}

/* More streams at once than are kept: each is told of once. */
TEST(many_streams)
{
	struct talk t = talk_begin(80, false);
	char ask[] = "\0\0\2\1\5\0\0\0\1\x82\x84";
	char *text;

	say(&t, false, clear, sizeof(clear) - 1);
	for (unsigned i = 0; i < 200; i++) {
		ask[7] = (char)((2 * i + 1) >> 8);
		ask[8] = (char)(2 * i + 1);
		say(&t, false, ask, sizeof(ask) - 1);
	}
	SAY(&t, true, "\0\0\1\1\5\0\0\0\1\x88"); /* of one that is over */
	text = end(&t);
	CHECK_INT(count(text, "\"_path\":\"http\""), 200);
	CHECK(!strstr(text, "\"status_code\""));
}

/* A conversation in a sensor with so little memory that anything may be refused. */
TEST(no_memory)
{
	for (size_t room = 100; room < 60000; room += 97) {
		struct sensor_conf conf = {.app_bytes = room};
		struct talk t = talk_begin_in(&conf, 80, false);

		say(&t, false, clear, sizeof(clear) - 1);
		SAY(&t, false, "\0\0\x0e\1\5\0\0\0\1\x82\x84\x40\5abcde\4wxyz");
		SAY(&t, true,
		    "\0\0\1\1\4\0\0\0\1\x88"
		    "\0\0\4\0\1\0\0\0\1%PDF");
		HAS(end(&t), "\"_path\":\"conn\"");
	}
}

/* A head whose stream is told of, for want of room, before the head has ended. */
TEST(stream_gone_within_a_head)
{
	struct talk t = talk_begin(80, false);
	char ask[] = "\0\0\2\1\5\0\0\0\3\x82\x84";
	char *text;

	say(&t, false, clear, sizeof(clear) - 1);
	SAY(&t, false, "\0\0\2\1\5\0\0\0\1\x82\x84");
	SAY(&t, true, "\0\0\7\1\0\0\0\0\1\x88\x5a\4gzip"); /* content-encoding */
	for (unsigned i = 1; i < 100; i++) {
		ask[7] = (char)((2 * i + 1) >> 8);
		ask[8] = (char)(2 * i + 1);
		say(&t, false, ask, sizeof(ask) - 1);
	}
	SAY(&t, true, "\0\0\1\11\4\0\0\0\1\x88");
	SAY(&t, true,
	    "\0\0\1\1\4\0\0\0\xc7\x88"
	    "\0\0\x08\0\1\0\0\0\xc7%PDF-1.4");
	text = end(&t);
	CHECK_INT(count(text, "\"_path\":\"http\""), 100);
	HAS(text, "\"mime_type\":\"application/pdf\"");
}
TAP_MAIN
