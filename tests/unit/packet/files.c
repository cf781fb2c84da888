/* SPDX-License-Identifier: Apache-2.0 */
/* Files that pass by: HTTP's packed bodies, what mails carry, FTP's data connections. */
#include "packet/carve.h"
#include "packet/unpack.h"
#include "talk.h"
#include <nettle/sha2.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

static const char *sha256(const void *p, size_t n)
{
	static char hex[80];
	struct sha256_ctx ctx;
	uint8_t sum[32];

	sha256_init(&ctx);
	sha256_update(&ctx, n, p);
	sha256_digest(&ctx, sizeof(sum), sum);
	strcpy(hex, "\"sha256\":\"");
	for (unsigned i = 0; i < 32; i++)
		snprintf(hex + 10 + (size_t)2 * i, 3, "%02x", sum[i]);
	return hex;
}

/* bits: as deflateInit2 wants them. */
static size_t pack(const void *p, size_t n, int bits, uint8_t *out, size_t max)
{
	z_stream z = {.next_in = (uint8_t *)(uintptr_t)p, .avail_in = (unsigned)n};

	CHECK_INT(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_out = out;
	z.avail_out = (unsigned)max;
	CHECK_INT(deflate(&z, Z_FINISH), Z_STREAM_END);
	n = max - z.avail_out;
	deflateEnd(&z);
	return n;
}

static void say(struct talk *t, bool resp, const char *text)
{
	talk_say(t, resp, (const uint8_t *)text, strlen(text), 1400);
}

static char *fetch(const char *coding, const uint8_t *body, size_t n, size_t piece,
		   bool chunked)
{
	struct talk t = talk_begin(80, false);
	char head[256], *text;

	say(&t, false, "GET /a HTTP/1.1\r\nHost: x.test\r\n\r\n");
	snprintf(head, sizeof(head),
		 chunked ? "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nTransfer-Encoding: "
			   "chunked\r\n\r\n%zx\r\n"
			 : "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: "
			   "%zu\r\n\r\n",
		 coding, n);
	say(&t, true, head);
	talk_say(&t, true, body, n, piece);
	if (chunked)
		say(&t, true, "\r\n0\r\n\r\n");
	text = records(t.s, true);
	sensor_free(t.s);
	return text;
}

/* A program of 60,000 bytes that packs well but not wildly. */
static size_t program(uint8_t *p)
{
	uint32_t r = 1;

	for (size_t i = 0; i < 60000; i++) {
		r = r * 1664525 + 1013904223;
		p[i] = (uint8_t)("MZab"[r >> 30]);
	}
	memcpy(p, "MZ", 2);
	return 60000;
}

TEST(http_packed)
{
	static const struct {
		const char *name;
		int bits;
	} how[] = {{"gzip", 31}, {"deflate", 15}, {"deflate", -15}};
	static uint8_t plain[60000], body[70000];
	size_t n = program(plain);
	char want[80];

	strcpy(want, sha256(plain, n));
	for (size_t i = 0; i < ARRAY_LEN(how); i++) {
		size_t packed = pack(plain, n, how[i].bits, body, sizeof(body));

		for (unsigned k = 0; k < 3; k++) {
			char *t = fetch(how[i].name, body, packed, k ? 1400 : 1, k == 2);

			HAS(t, want);
			HAS(t, "\"seen_bytes\":60000");
			HAS(t, "\"resp_mime_types\":[\"application/x-dosexec\"]");
			CHECK_INT(count(t, "\"_path\":\"files\""), 1);
		}
	}
}

/* No hash of what is not whole, is followed by something, or is packed in a way not known. */
TEST(http_packed_badly)
{
	static uint8_t plain[60000], body[70000];
	size_t n = program(plain), packed = pack(plain, n, 31, body, sizeof(body));
	char *t = fetch("gzip", body, packed - 9, 1400, false);

	HAS(t, "\"_path\":\"files\"");
	CHECK(!strstr(t, "sha256"));
	memcpy(body + packed, "tail", 4);
	CHECK(!strstr(fetch("gzip", body, packed + 4, 1400, false), "sha256"));
	body[packed / 2] ^= 0x55;
	CHECK(!strstr(fetch("gzip", body, packed, 1400, false), "sha256"));
	CHECK(!strstr(fetch("br", body, packed, 1400, false), "\"_path\":\"files\""));
	t = fetch("gzip", (const uint8_t *)"no gzip", 7, 1400, false);
	HAS(t, "\"status_code\":200");
	CHECK(!strstr(t, "sha256"));
}

/* 16 MiB of zeros in 16 KiB: unpacking stops long before. */
TEST(http_bomb)
{
	size_t n = 16 << 20, packed, seen;
	uint8_t *plain = calloc(1, n), *body = malloc(1 << 16);
	const char *at;
	char *t;

	packed = pack(plain, n, 31, body, 1 << 16);
	t = fetch("gzip", body, packed, 1400, false);
	at = strstr(t, "\"seen_bytes\":");
	CHECK(at != NULL);
	seen = at ? strtoul(at + 13, NULL, 10) : 0;
	CHECK(seen > 0 && seen <= UNPACK_FREE + packed * UNPACK_RATIO);
	CHECK(!strstr(t, "sha256"));
	free(plain);
	free(body);
}

static const char mail[] =
	"Subject: hi\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=\"=_b "
	"1\"\r\n\r\nThis is MIME.\r\n--=_b 1\r\nContent-Type: multipart/alternative; "
	"boundary=in\r\n\r\n--in\r\nContent-Type: text/plain\r\n\r\nsee file\r\n--in--\r\n\r\n"
	"--=_b 1\r\nContent-Type: application/octet-stream; name=\"old.exe\"\r\n"
	"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n "
	"filename=\"new.exe\"\r\n\r\nTVqQAAMAAAAEAAAA\r\n//8AALg=\r\n\r\n"
	"--=_b 1\r\nContent-Type: text/x-script; name*=run.sh\r\nContent-Transfer-Encoding: "
	"quoted-printable\r\n\r\n#!/bin/sh\r\necho =41=\r\nB\r\n..end\r\n--=_b 1--\r\n.\r\n";

TEST(smtp_files)
{
	static const uint8_t exe[] = {'M', 'Z', 0x90, 0,    3,	  0, 0, 0,   4,
				      0,   0,	0,    0xff, 0xff, 0, 0, 0xb8};
	static const char sh[] = "#!/bin/sh\r\necho AB\r\n.end";
	static const size_t pieces[] = {1400, 11, 1};

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		struct talk t = talk_begin(25, false);
		char *text;

		say(&t, true, "220 mx ESMTP\r\n");
		say(&t, false, "EHLO a\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n");
		say(&t, true, "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
		talk_say(&t, false, (const uint8_t *)mail, sizeof(mail) - 1, pieces[i]);
		say(&t, true, "250 queued\r\n");
		text = records(t.s, true);
		CHECK_INT(count(text, "\"_path\":\"files\""), 2);
		HAS(text, "\"source\":\"SMTP\",\"depth\":0,\"mime_type\":\"application/x-"
			  "dosexec\",\"filename\":\"new.exe\"");
		HAS(text, sha256(exe, sizeof(exe)));
		HAS(text, "\"filename\":\"run.sh\"");
		HAS(text, sha256(sh, sizeof(sh) - 1));
		HAS(text, "\"subject\":\"hi\"");
		HAS(text, "\"fuids\":[\"F");
		sensor_free(t.s);
	}
}

/* What a mail of these head fields and body says of files. */
static char *mailed(const char *text, size_t piece)
{
	struct talk t = talk_begin(25, false);
	char *out;

	say(&t, true, "220 mx ESMTP\r\n");
	say(&t, false, "EHLO a\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n");
	say(&t, true, "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
	talk_say(&t, false, (const uint8_t *)text, strlen(text), piece);
	say(&t, false, "\r\n.\r\n");
	say(&t, true, "250 queued\r\n");
	out = records(t.s, true);
	sensor_free(t.s);
	return out;
}

#define PART                                                                             \
	"\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" \
	"JVBERi0x\r\n"

/* Boundaries as they may be written; each mail holds "%PDF-1" once, and nothing else. */
TEST(smtp_boundaries)
{
	static const char *const mails[] = {
		/* The inner one is how the outer one begins. */
		"Content-Type: multipart/mixed; boundary=ab-cd\r\n\r\n--ab-cd\r\nContent-Type: "
		"multipart/alternative; boundary=ab\r\n\r\n--ab\r\n\r\ntext\r\n--ab-cd" PART
		"--ab-cd--\r\n",
		/* The outer one is how the inner one begins; within a file of the inner one. */
		"Content-Type: multipart/mixed; boundary=ab\r\n\r\n--ab\r\nContent-Type: "
		"multipart/mixed; boundary=ab-cd\r\n\r\n--ab-cd" PART "--ab-cd--\r\n--ab--\r\n",
		/* Quoted, with what would end it were it not; behind other parameters. */
		"Content-Type: multipart/mixed; x=\"a;boundary=no\";; y; boundary=\"a;\\\"b\"; "
		"z=1\r\n\r\n--a;\"b \t" PART "--a;\"b-- \r\n--a;\"b\r\n",
		/* In pieces (RFC 2231). */
		"Content-Type: multipart/mixed; boundary*0=a; boundary*1=\"b\"\r\n\r\n--ab" PART
		"--ab--\r\n",
		/* A mail within the mail. */
		"Content-Type: multipart/mixed; boundary=ab\r\n\r\n--ab\r\nContent-Type: "
		"message/rfc822\r\n\r\nSubject: in\r\nContent-Type: multipart/mixed; "
		"boundary=in\r\n\r\n--in" PART "--in--\r\n--ab--\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(mails); i++) {
		for (size_t piece = 1; piece < 1400; piece += 57) {
			char *t = mailed(mails[i], piece);

			CHECK_INT(count(t, "\"_path\":\"files\""), 1);
			HAS(t, sha256("%PDF-1", 6));
		}
	}
}

/* Base64 that goes on behind its end begins anew. */
TEST(smtp_base64_twice)
{
	char *t = mailed("Content-Type: application/pdf; name=a.pdf\r\n"
			 "Content-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\nMS40\r\n",
			 1400);

	HAS(t, sha256("%PDF-1.4", 8));
	HAS(t, "\"filename\":\"a.pdf\"");
}

/* A file that the mail's end does not close has no hash; neither has one with a hole. */
TEST(smtp_file_cut)
{
	for (unsigned hole = 0; hole < 2; hole++) {
		struct talk t = talk_begin(25, false);
		char *text;

		say(&t, true, "220 mx ESMTP\r\n");
		say(&t, false, "EHLO a\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n");
		say(&t, true, "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
		say(&t, false,
		    "Content-Type: application/pdf\r\nContent-Transfer-Encoding: "
		    "base64\r\n\r\nJVBERi0xLjQK\r\n");
		if (hole) {
			t.seq[0] += 20;
			say(&t, false, "JVBE\r\n.\r\n");
			say(&t, true, "250 ok\r\n");
		}
		text = records(t.s, true);
		HAS(text, "\"mime_type\":\"application/pdf\"");
		CHECK(!strstr(text, "sha256"));
		sensor_free(t.s);
	}
}

/* Files that are kept: whole ones by their hash, within bounds, and nothing else in the folder.
 */
TEST(carved)
{
	static const struct {
		uint64_t file_max, total_max;
		size_t sent; /* of a file of 20 bytes */
		unsigned saved;
		uint64_t left_out;
	} rows[] = {{100, 100, 20, 1, 0},
		    {100, 100, 19, 0, 0},
		    {19, 100, 20, 0, 1},
		    {100, 19, 20, 0, 1}};
	static const char file[] = "%PDF-1.4 twenty byte";

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char dir[] = "/tmp/carved-XXXXXX", path[128], got[64] = "";
		struct carve k = {.file_max = rows[i].file_max, .total_max = rows[i].total_max};
		struct sensor_conf conf = {.carve = &k};
		struct talk t;
		FILE *f;

		k.dir = mkdtemp(dir);
		CHECK(k.dir != NULL);
		t = talk_begin_in(&conf, 80, false);
		for (unsigned n = 0; n < 2; n++) { /* the same twice is one */
			say(&t, false, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
			say(&t, true, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
			talk_say(&t, true, (const uint8_t *)file, rows[i].sent, 7);
			if (rows[i].sent < 20 || rows[i].left_out)
				break;
		}
		(void)records(t.s, true);
		sensor_free(t.s);
		CHECK_INT(k.nsaved, rows[i].saved);
		CHECK_INT(k.left_out, rows[i].left_out);
		CHECK_INT(k.open, 0);
		CHECK_INT(k.total, rows[i].saved * 20);
		if (k.nsaved) {
			CHECK(strstr(sha256(file, 20), k.saved[0]) != NULL);
			snprintf(path, sizeof(path), "%s/%s", dir, k.saved[0]);
			f = fopen(path, "rb");
			CHECK(f && fread(got, 1, sizeof(got), f) == 20 &&
			      memcmp(got, file, 20) == 0);
			if (f)
				fclose(f);
			unlink(path);
		}
		CHECK_INT(rmdir(dir), 0);
	}
}

/* Data goes over a connection of its own, from 10.0.0.1 to 10.0.0.2:5001. */
static char *ftp(const char *verb, bool from_server)
{
	static const char file[] = "%PDF-1.4 wages";
	struct talk t = talk_begin(21, false);
	struct wire w = {.n = 0};
	char line[64], *text;

	say(&t, true, "220 FTP ready\r\n");
	say(&t, false, "PASV\r\n");
	say(&t, true, "227 Entering (10,0,0,2,19,137)\r\n");
	snprintf(line, sizeof(line), "%s a.pdf\r\n", verb);
	say(&t, false, line);
	eth(&w, 0x0800);
	tcp(&w, 1, 2, 40001, 5001, 2, 10, 0, "");
	give(t.s, t.ms++, &w);
	w.n = 0;
	eth(&w, 0x0800);
	if (from_server)
		tcp(&w, 2, 1, 5001, 40001, 24, 20, 11, file);
	else
		tcp(&w, 1, 2, 40001, 5001, 24, 11, 20, file);
	give(t.s, t.ms++, &w);
	say(&t, true, "226 done\r\n");
	text = records(t.s, true);
	if (strcmp(verb, "LIST") == 0) {
		CHECK(!strstr(text, "\"_path\":\"files\""));
	} else {
		HAS(text, "\"source\":\"FTP_DATA\",\"depth\":0,\"mime_type\":\"application/"
			  "pdf\",\"filename\":\"a.pdf\"");
		HAS(text, sha256(file, sizeof(file) - 1));
		HAS(text, from_server ? "\"is_orig\":false" : "\"is_orig\":true");
	}
	HAS(text, "\"service\":\"ftp-data\"");
	sensor_free(t.s);
	return text;
}

TEST(ftp_files)
{
	ftp("RETR", true);
	ftp("STOR", false);
	ftp("LIST", true);
}
TAP_MAIN
