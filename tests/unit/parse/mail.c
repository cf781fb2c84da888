/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/timeutil.h"
#include "parse/codec.h"
#include "parse/mail/quick.h"
#include "tap.h"
#include <dirent.h>
#include <png.h>
#include <stdlib.h>

extern const struct codec_ops codec_mail;

static struct arena mem;

static struct fields take(struct str rec)
{
	struct fields f = {0};
	const char *why = NULL;

	arena_init(&mem, 0);
	if (codec_mail.fields(NULL, rec, &mem, &f, &why) < 0)
		printf("# refused: %s\n", why);
	return f;
}

static struct val get(const struct fields *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (str_eqz(f->f[i].name, name))
			return f->f[i].val;
	return val_none;
}

static struct str text(const struct fields *f, const char *name)
{
	struct val v = get(f, name);

	return v.kind == VAL_STR ? str_n(v.s, v.len) : (struct str){NULL, 0};
}

/* Item i of a list. */
static struct str item(const struct fields *f, const char *name, size_t i)
{
	struct val v = get(f, name);

	return v.kind == VAL_LIST && i < v.len ? val_str(&v.list[i]) : (struct str){NULL, 0};
}

static size_t count(const struct fields *f, const char *name)
{
	struct val v = get(f, name);

	return v.kind == VAL_LIST ? v.len : 0;
}

static const char first[] =
	"Return-Path: <bounce@mail.example>\r\n"
	"Received: from inner (10.1.2.3) by mx2.corp.example with SMTP;\r\n"
	"\tTue, 05 May 2026\r\n 23:03:00 +0000\r\n"
	"Received: from mail.example (mail.example [203.0.113.9])\r\n"
	" by mx1.corp.example; Tue, 05 May 2026 23:02:00 +0000\r\n"
	"Authentication-Results: mx; spf=Pass (dkim=fail is only said here) "
	"smtp.mailfrom=x;\r\n"
	" dkim=fail header.d=a; dkim=pass header.d=b; dmarc=none action=none\r\n"
	"Authentication-Results: forged; spf=fail; dmarc=pass\r\n"
	"From: =?utf-8?Q?J=C3=BCrgen?= \"(x)\" <J.Doe@Mail.Example>\r\n"
	"Reply-To: other@free.example\r\n"
	"To: \"Doe, A\" <a@corp.example>, b@corp.example (B, the second)\r\n"
	"Cc: list: A@corp.example, c@corp.example;\r\n"
	"Subject: AW: Dringend: =?iso-8859-1?Q?=DCberweisung?=\r\n"
	"Message-ID: <1@mail.example>\r\n"
	"X-Originating-IP: [198.51.100.7]\r\n"
	"References: <a@x> <b@x>\r\n"
	"Date: Tue, 05 May 2026 22:22:20 +0000\r\n\r\n"
	"See http://Login.Example.net/x?y=1, or (https://b.example/p_(q)).\r\n";

TEST(header_fields)
{
	struct fields f = take(STR(first));
	int64_t t = 0;

	CHECK_STR(text(&f, "from"), "j.doe@mail.example");
	CHECK(str_starts(text(&f, "from_name"), STR("J\xc3\xbcrgen")));
	CHECK_STR(text(&f, "reply_to"), "other@free.example");
	CHECK_STR(text(&f, "return_path"), "bounce@mail.example");
	CHECK_INT(count(&f, "to"), 3);
	CHECK_STR(item(&f, "to", 0), "a@corp.example");
	CHECK_STR(item(&f, "to", 1), "b@corp.example");
	CHECK_STR(item(&f, "to", 2), "c@corp.example");
	CHECK_STR(text(&f, "subject"), "AW: Dringend: \xc3\x9c"
				       "berweisung");
	CHECK_STR(text(&f, "message_id"), "<1@mail.example>");
	CHECK_STR(text(&f, "received_ip"), "203.0.113.9");
	CHECK_STR(text(&f, "helo"), "mail.example");
	CHECK_STR(item(&f, "received_by", 0), "mx2.corp.example");
	CHECK_STR(text(&f, "x_originating_ip"), "198.51.100.7");
	CHECK_STR(text(&f, "auth.spf"), "pass");
	CHECK_STR(text(&f, "auth.dkim"), "pass");
	CHECK_STR(text(&f, "auth.dmarc"), "none");
	CHECK(get(&f, "is_reply").i == 1 && get(&f, "references_count").i == 2);
	CHECK_STR(item(&f, "words", 0), "urgent");
	CHECK_STR(item(&f, "words", 1), "payment");
	CHECK(mail_quick_time(STR(first), &t) && t == INT64_C(1778022180) * NS_PER_S);
	CHECK(mail_date(text(&f, "received_time"), &t) && t == INT64_C(1778022180) * NS_PER_S);
	arena_free(&mem);
}

TEST(links_in_text)
{
	struct fields f = take(STR(first));

	CHECK_INT(count(&f, "urls"), 2);
	CHECK_STR(item(&f, "urls", 0), "http://Login.Example.net/x?y=1");
	CHECK_STR(item(&f, "urls", 1), "https://b.example/p_(q)");
	CHECK_STR(item(&f, "url_hosts", 0), "login.example.net");
	CHECK_INT(get(&f, "has_html").i, 0);
	arena_free(&mem);
}

#define HTML(body)                                                                    \
	"From: a@b.example\nSubject: x\nContent-Type: text/html\n\n<html><body>" body \
	"</body></html>\n"

TEST(links_in_html)
{
	struct fields f = take(
		STR(HTML("<a href='https://evil.example/a'>https://bank.example/</a>"
			 "<form action='//form.example/p'></form><map><area "
			 "href='http://area.example/'></map>"
			 "<meta http-equiv=Refresh content=\"0; URL='http://meta.example/'\">"
			 "<a href='mailto:x@y.example'>write</a><a href='javascript:1'>no</a>"
			 "<a href='ht\ntps:\\\\u:p@split.example:8080\\x'>go</a>"
			 "<script>var u='http://script.example/'</script>")));

	CHECK_INT(get(&f, "url_mismatch").i, 1);
	CHECK_INT(get(&f, "has_html").i, 1);
	CHECK_STR(item(&f, "url_hosts", 0), "evil.example");
	CHECK_STR(item(&f, "url_hosts", 1), "form.example");
	CHECK_STR(item(&f, "url_hosts", 2), "area.example");
	CHECK_STR(item(&f, "url_hosts", 3), "meta.example");
	CHECK_STR(item(&f, "url_hosts", 4), "split.example");
	CHECK_STR(item(&f, "url_hosts", 5), "bank.example"); /* shown as text */
	CHECK_INT(count(&f, "url_hosts"), 6);
	arena_free(&mem);
}

TEST(no_mismatch)
{
	static const char *const same[] = {
		HTML("<a href='https://www.bank.example/a'>bank.example</a>"),
		HTML("<a href='https://login.bank.example/a'>http://bank.example/x</a>"),
		HTML("<a href='https://share.example/a'>invoice.pdf</a>"),
		HTML("<a href='https://share.example/a'>Read more...</a>"),
		HTML("<a href='https://share.example/a'>someone@bank.example</a>"),
	};

	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		struct fields f = take(str_of(same[i]));

		CHECK_INT(count(&f, "url_hosts") >= 1, 1);
		CHECK_INT(get(&f, "url_mismatch").i, 0);
		arena_free(&mem);
	}
}

TEST(attachments)
{
	struct fields f = take(STR(
		"From: a@b.example\nDate: Tue, 05 May 2026 22:22:20 +0000\nMIME-Version: 1.0\n"
		"Content-Type: multipart/mixed; boundary=B\n\n"
		"--B\nContent-Type: text/plain; charset=iso-8859-1\n"
		"Content-Transfer-Encoding: quoted-printable\n\n=DCberweisung heute\n"
		"--B\nContent-Type: application/pdf; name=invoice.exe\n"
		"Content-Disposition: attachment; filename=\"invoice.exe\"\n"
		"Content-Transfer-Encoding: base64\n\nJVBERi0=\n"
		"--B\nContent-Type: application/octet-stream; name=doc.htm\n"
		"Content-Transfer-Encoding: base64\n\n"
		"PHNjcmlwdD5sb2NhdGlvbj0iaHR0cDovL2V2aWwuZXhhbXBsZS94Ijwvc2NyaXB0Pg==\n"
		"--B--\n"));

	CHECK_STR(item(&f, "attachments", 0), "invoice.exe");
	CHECK_STR(item(&f, "attachments", 1), "doc.htm");
	CHECK_STR(item(&f, "attachment_types", 0), "pdf");
	CHECK_STR(item(&f, "attachment_types", 1), "exe");
	CHECK_STR(item(&f, "attachment_types", 2), "html");
	/* of the five bytes "%PDF-" */
	CHECK_STR(item(&f, "attachment_hashes", 0),
		  "38523c087796e5d5dd1cf9bad1fb026781a838dd9dd2cf8af58b9f6502a46778");
	CHECK_STR(item(&f, "url_hosts", 0), "evil.example");
	CHECK_STR(item(&f, "words", 0), "payment");
	arena_free(&mem);
}

/* A picture of a QR code for http://qr.example/login: version 2-L, one hex word a row. */
static const uint32_t qr_rows[25] = {0x1fd357f, 0x104c141, 0x1745e5d, 0x174195d, 0x174ad5d,
				     0x1045541, 0x1fd557f, 0x0016d00, 0x1b4e541, 0x0bb9e1e,
				     0x01f6a09, 0x062f58f, 0x0d4b241, 0x1d90f12, 0x1c4f6cf,
				     0x12060d5, 0x115c9f6, 0x0017912, 0x1fcad59, 0x1041b12,
				     0x17597fb, 0x1750feb, 0x1745a37, 0x10500b7, 0x1fdddc9};

static struct str qr_png(uint8_t *out, size_t cap)
{
	enum { SCALE = 4, QUIET = 4, SIDE = (25 + 2 * QUIET) * SCALE };
	static uint8_t px[SIDE * SIDE];
	png_image img = {.version = PNG_IMAGE_VERSION, .width = SIDE, .height = SIDE};

	for (int y = 0; y < SIDE; y++)
		for (int x = 0; x < SIDE; x++) {
			int r = y / SCALE - QUIET, c = x / SCALE - QUIET;
			bool in = r >= 0 && r < 25 && c >= 0 && c < 25;

			px[y * SIDE + x] = in && (qr_rows[r] >> (24 - c) & 1) ? 0 : 255;
		}
	img.format = PNG_FORMAT_GRAY;
	CHECK(png_image_write_to_memory(&img, out, &cap, 0, px, SIDE, NULL));
	return str_n((char *)out, cap);
}

/* A message with a picture, as 8-bit content. */
static struct fields take_picture(struct str png, struct buf *msg)
{
	buf_init(msg, MIB);
	buf_addz(msg, "From: a@b.example\nContent-Type: image/png; name=q.png\n"
		      "Content-Transfer-Encoding: binary\n\n");
	buf_add(msg, png);
	return take(buf_str(msg));
}

TEST(qr_code)
{
	static uint8_t png[65536];
	struct buf msg;
	struct fields f = take_picture(qr_png(png, sizeof(png)), &msg);

	CHECK_STR(item(&f, "qr_urls", 0), "http://qr.example/login");
	CHECK_STR(item(&f, "url_hosts", 0), "qr.example");
	CHECK_STR(item(&f, "attachment_types", 0), "png");
	arena_free(&mem);
	buf_free(&msg);
}

TEST(picture_that_claims_to_be_huge)
{
	static uint8_t png[65536];
	struct str s = qr_png(png, sizeof(png));
	struct buf msg;
	struct fields f;

	memcpy(png + 16, "\x00\x01\x00\x00\x00\x01\x00\x00", 8); /* 65,536 by 65,536 */
	f = take_picture(s, &msg);
	CHECK_INT(count(&f, "qr_urls"), 0);
	CHECK_STR(item(&f, "attachments", 0), "q.png");
	arena_free(&mem);
	buf_free(&msg);
}

static size_t frames(struct str buf, size_t step, struct str *ret_rec, size_t max)
{
	char state[64] = {0};
	size_t pos = 0, n = 0, have = MIN(step, buf.len);
	const char *why;

	CHECK(codec_mail.state_size <= sizeof(state));
	for (;;) {
		struct str rec;
		enum frame_result r = codec_mail.frame(state, str_n(buf.p, have), &pos,
						       have == buf.len, &rec, &why);

		if (r == FRAME_END)
			return n;
		if (r == FRAME_RECORD && n < max)
			ret_rec[n] = rec;
		n += r == FRAME_RECORD;
		if (r == FRAME_MORE)
			have = MIN(have + step, buf.len);
	}
}

TEST(mbox_is_cut)
{
	struct str box =
		STR("From x@y.example Tue May 05 22:22:23 2026\nFrom: a@b.example\n"
		    "Date: Tue, 05 May 2026 22:22:20 +0000\n\nbody\n"
		    "From here on it is text.\n>From www.quoted.example/ on\n\n"
		    "From x@y.example Tue May 05 22:40:00 2026\nFrom: c@b.example\n\nz\n");
	struct str rec[4];
	struct fields f;

	CHECK(codec_mail.sniff(box) >= 90);
	for (size_t step = 1; step < box.len + 50; step += 7) {
		CHECK_INT(frames(box, step, rec, 4), 2);
		CHECK_INT(rec[0].len + rec[1].len, box.len);
	}
	f = take(rec[0]);
	CHECK_STR(text(&f, "from"), "a@b.example");
	CHECK_STR(text(&f, "return_path"), "x@y.example");
	CHECK_STR(item(&f, "url_hosts", 0), "www.quoted.example");
	arena_free(&mem);
}

TEST(sniff)
{
	CHECK(codec_mail.sniff(STR(first)) >= 80);
	CHECK_INT(codec_mail.sniff(STR("{\"from\": \"a\", \"to\": \"b\"}\n")), 0);
	CHECK_INT(codec_mail.sniff(STR("ts,from,to\n1,2,3\n")), 0);
	CHECK_INT(codec_mail.sniff(STR("")), 0);
	CHECK_INT(frames(STR(first), 100, &(struct str){0}, 1), 1);
}

/* What was made to cost much must not: each of these is megabytes of one trick. */
TEST(bounded)
{
	static const char *const unit[] = {
		"Content-Type: multipart/mixed; boundary=a\n\n--a\n",
		"Content-Type: message/rfc822\n\n",
		"<div><b>",
		"<a b=",
		"<a ='",
		"<a href=http://x.example/>x</a>",
		"http://x/(",
		"((((",
		"To: a:a:a:a:",
		"<table><tr><td></div>",
		"<p><b></p>",
		">From ",
	};

	for (size_t i = 0; i < ARRAY_LEN(unit); i++)
		for (int html = 0; html < 2; html++) {
			struct buf b;
			struct fields f;
			int64_t t0;

			buf_init(&b, 4 * MIB);
			buf_addz(&b, html ? "From: a@b.example\nContent-Type: text/html\n\n"
					  : "From: a@b.example\nTo: ");
			while (b.len < 2 * MIB)
				buf_addz(&b, unit[i]);
			t0 = time_wall();
			f = take(buf_str(&b));
			CHECK_STR(text(&f, "from"), "a@b.example");
			CHECK(count(&f, "urls") <= 200 && mem.bytes < 32 * MIB);
			if (time_wall() - t0 > 3 * NS_PER_S)
				printf("# unit %zu took %d ms\n", i,
				       (int)((time_wall() - t0) / NS_PER_MS));
			CHECK(time_wall() - t0 < 20 * NS_PER_S);
			arena_free(&mem);
			buf_free(&b);
		}
}

/* The fields that MIME needs are copied; one without a value has no place to copy from. */
TEST(empty_content_field)
{
	struct fields f = take(
		STR("From: a@b.example\nContent-Type:\nContent-ID: \n\nhttp://x.example/\n"));

	CHECK_STR(item(&f, "url_hosts", 0), "x.example");
	arena_free(&mem);
}

TEST(broken_messages)
{
	static const char *const bad[] = {"",	    "\n",     ":\n",	 "From ",
					  "From: ", "x\n\ny", "\r\n\r\n"};
	const char *why = NULL;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct fields f = {0};

		arena_init(&mem, 0);
		why = NULL;
		CHECK(codec_mail.fields(NULL, str_of(bad[i]), &mem, &f, &why) < 0 && why);
		arena_free(&mem);
	}
}

static int eml(const struct dirent *d)
{
	return str_ends(str_of(d->d_name), STR(".eml"));
}

TEST(messages_of_the_data)
{
	const char *root = getenv("THYMUS_DATA");
	struct dirent **list;
	char path[4096];
	int n, with_from = 0, with_time = 0;

	snprintf(path, sizeof(path), "%s/email/smoke", root ? root : "../shared/data");
	n = scandir(path, &list, eml, alphasort);
	if (n <= 0)
		SKIP("no THYMUS_DATA");
	for (int i = 0; i < n; i++) {
		static char buf[4 * 1024 * 1024];
		struct fields f;
		int64_t t;
		size_t len;
		FILE *in;

		snprintf(path, sizeof(path), "%s/email/smoke/%s",
			 root ? root : "../shared/data", list[i]->d_name);
		in = fopen(path, "rb");
		CHECK(in != NULL);
		len = in ? fread(buf, 1, sizeof(buf), in) : 0;
		if (in)
			fclose(in);
		f = take(str_n(buf, len));
		with_from += text(&f, "from").len > 0;
		with_time += mail_quick_time(str_n(buf, len), &t);
		arena_free(&mem);
		free(list[i]);
	}
	free(list);
	/* One in ten may be broken: parser tests are among them. */
	CHECK(with_from * 10 >= n * 9);
	CHECK(with_time * 10 >= n * 9);
}

TAP_MAIN
