/* SPDX-License-Identifier: Apache-2.0 */
/* The codecs whose records are not JSON: how bytes become fields. */
#include "parse/codec.h"
#include "tap.h"

#define TEXT_MAX 65536

/* One file being read by one codec, record by record. */
struct reader {
	const struct codec_ops *ops;
	void *state;
	char buf[TEXT_MAX + 64];
	struct str text;
	size_t pos, skipped, refused;
	struct arena mem;
	struct fields f;
};

static void reader_init(struct reader *r, const char *codec, struct str text)
{
	memset(r, 0, sizeof(*r));
	r->ops = codec_find(str_of(codec));
	CHECK(r->ops && text.len <= TEXT_MAX);
	memcpy(r->buf, text.p, text.len);
	r->text = str_n(r->buf, text.len);
	arena_init(&r->mem, 0);
	r->state = calloc(1, r->ops->state_size + 1);
	if (r->ops->open)
		CHECK_INT(r->ops->open(r->state), 0);
}

static void reader_free(struct reader *r)
{
	arena_free(&r->mem);
	free(r->state);
}

/* The next record that can be taken apart; false at the end. */
static bool next(struct reader *r)
{
	for (;;) {
		const char *why = NULL;
		struct str rec = {0};
		size_t before = r->pos;
		enum frame_result got =
			r->ops->frame(r->state, r->text, &r->pos, true, &rec, &why);

		if (got == FRAME_END)
			return false;
		CHECK(got != FRAME_MORE);
		if (got == FRAME_MORE)
			return false;
		if (got == FRAME_SKIP) {
			CHECK(why && r->pos > before);
			r->skipped++;
			continue;
		}
		if (r->ops->fields(r->state, rec, &r->mem, &r->f, &why) == 0)
			return true;
		CHECK(why);
		r->refused++;
	}
}

static const struct val *get(const struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->f.n; i++)
		if (str_eqz(r->f.f[i].name, name))
			return &r->f.f[i].val;
	return &val_none;
}

#define WANT(r, name, text) CHECK_STR(val_text(get(r, name), (char[40]){0}), text)

static struct reader r;

TEST(zeek_tsv)
{
	const struct val *v;

	reader_init(&r, "zeek_tsv",
		    STR("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n"
			"#unset_field\t-\n#path\tdns\n#fields\tts\tid.orig_"
			"p\tlocal\tanswers\tnote\n"
			"#types\ttime\tport\tbool\tvector[string]\tstring\n"
			"1.5\t53\tT\ta,b\t-\n2.5\tx\n3.5\t54\tF\t(empty)\tz\n#close\tnow\n"
			"#path\tother\n#fields\tts\tlast   label   kind\n#types\ttime\tstring  "
			" string   string\n"
			"4.5\t-   benign   -\n"));
	CHECK_INT(r.ops->sniff(r.text), 100);
	CHECK(next(&r));
	WANT(&r, "_path", "dns");
	WANT(&r, "ts", "1.5");
	CHECK_INT(get(&r, "id.orig_p")->kind, VAL_INT);
	CHECK_INT(get(&r, "id.orig_p")->i, 53);
	CHECK_INT(get(&r, "local")->kind, VAL_BOOL);
	v = get(&r, "answers");
	CHECK_INT(v->kind, VAL_LIST);
	CHECK_INT(v->len, 2);
	CHECK(v->len == 2 && str_eqz(val_str(&v->list[1]), "b"));
	CHECK_INT(get(&r, "note")->kind, VAL_NONE);
	CHECK(next(&r));
	CHECK_INT(r.refused, 1);
	CHECK_INT(get(&r, "answers")->kind, VAL_NONE);
	CHECK(next(&r));
	WANT(&r, "_path", "other");
	WANT(&r, "label", "benign");
	CHECK_INT(get(&r, "last")->kind, VAL_NONE);
	CHECK(!next(&r));
	reader_free(&r);
}

TEST(csv)
{
	reader_init(&r, "csv",
		    STR("\xef\xbb\xbf"
			"a;\"b\";c\r\n1;\"x;\"\"y\"\"\nz\";3\r\n\n1;2\n4;5\" screen;\n"
			"a;\"b\";c\n7;8;9"));
	CHECK(r.ops->sniff(r.text) > 0);
	CHECK(next(&r));
	WANT(&r, "a", "1");
	WANT(&r, "b", "x;\"y\"\nz");
	WANT(&r, "c", "3");
	CHECK(next(&r));
	CHECK_INT(r.refused, 1);
	WANT(&r, "b", "5\" screen");
	CHECK_INT(get(&r, "c")->kind, VAL_NONE);
	CHECK(next(&r));
	WANT(&r, "c", "9");
	CHECK(!next(&r));
	reader_free(&r);
	CHECK_INT(codec_find(STR("csv"))->sniff(STR("one word\nanother\n")), 0);
}

TEST(auditd)
{
	reader_init(&r, "auditd",
		    STR("node=h1 type=SYSCALL msg=audit(10.1:7): syscall=59 comm=\"ls\" uid=0 "
			"key=(null)"
			"\x1d"
			"UID=\"root\"\n"
			"type=USER_LOGIN msg=audit(10.2:8): pid=4 msg='op=login acct=\"al\" "
			"res=success'\n"
			"type=EXECVE msg=audit(10.1:7): argc=3 a0=\"ls\" a1=2D6C2078 "
			"a2[0]=\"o\" a2[1]=\"k\"\n"
			"noise\n"
			"type=PROCTITLE msg=audit(10.1:7): proctitle=6C73002D6C\n"
			"type=LOGIN msg=audit(10.3:9): pid=5 res=1\n"));
	CHECK(r.ops->sniff(r.text) > 90);
	CHECK(next(&r));
	WANT(&r, "serial", "10.1:7");
	WANT(&r, "time", "10.1");
	WANT(&r, "type", "SYSCALL");
	WANT(&r, "node", "h1");
	WANT(&r, "SYSCALL.UID", "root");
	WANT(&r, "EXECVE.argc", "3");
	WANT(&r, "argv", "ls -l x ok");
	WANT(&r, "proctitle", "ls -l");
	CHECK_INT(get(&r, "acct")->kind, VAL_NONE);
	CHECK_INT(get(&r, "key")->kind, VAL_NONE);
	CHECK(next(&r));
	WANT(&r, "serial", "10.2:8");
	WANT(&r, "acct", "al");
	WANT(&r, "res", "success");
	CHECK(next(&r));
	WANT(&r, "serial", "10.3:9");
	CHECK(!next(&r));
	CHECK_INT(r.skipped, 1);
	reader_free(&r);
}

TEST(flow)
{
	reader_init(&r, "flow",
		    STR("2 123 eni-1 10.0.0.1 10.0.0.2 443 5000 6 1 40 100 160 ACCEPT OK\n"
			"2 123 eni-1 - - - - - - - 100 160 - NODATA\n"
			"srcaddr dstaddr start\n10.0.0.3 10.0.0.4 200\n10.0.0.3 10.0.0.4\n"));
	CHECK(r.ops->sniff(r.text) > 0);
	CHECK(next(&r));
	WANT(&r, "srcaddr", "10.0.0.1");
	WANT(&r, "action", "ACCEPT");
	CHECK(next(&r));
	CHECK_INT(get(&r, "srcaddr")->kind, VAL_NONE);
	WANT(&r, "log-status", "NODATA");
	CHECK(next(&r));
	WANT(&r, "start", "200");
	CHECK(!next(&r));
	CHECK_INT(r.refused, 1);
	reader_free(&r);
}

/* Cuts text with JSON's codec as it comes in steps; which bytes became records, as a digest. */
static uint64_t json_cuts(struct str text, size_t step, size_t *ret_n)
{
	uint64_t digest = 0;
	struct str rec;
	size_t seen = MIN(step, text.len);
	const char *why;

	reader_init(&r, "json", text);
	*ret_n = 0;
	for (size_t rounds = 0; rounds < 4 * TEXT_MAX; rounds++) {
		bool eof = seen == text.len;
		enum frame_result got =
			r.ops->frame(r.state, str_n(r.buf, seen), &r.pos, eof, &rec, &why);

		if (got == FRAME_END)
			break;
		if (got == FRAME_MORE) {
			CHECK(!eof);
			seen = MIN(seen + step, text.len);
		}
		if (got != FRAME_RECORD)
			continue;
		++*ret_n;
		digest = digest * 1000003 + (size_t)(rec.p - r.buf);
		digest = digest * 1000003 + rec.len;
	}
	reader_free(&r);
	return digest;
}

/* Whole objects are found in blocks, broken and divided ones byte by byte: with one result. */
TEST(json_cut)
{
	static const char letters[] = "{}{}[],:\"\"\\\n  aa1";
	static const char line[] = "{\"a\":\"}\\\"{\\\\\",\"b\":[{\"c\":{}},{}]}\n";
	static char text[600];
	uint32_t seed = 7;
	size_t total = 0;

	for (int round = 0; round < 4000; round++) {
		size_t len = 0, whole, parts;
		uint64_t want;

		while (len < sizeof(text) - sizeof(line)) {
			seed = seed * 1664525 + 1013904223;
			if (seed >> 28 < 4) {
				memcpy(text + len, line, sizeof(line) - 1);
				len += sizeof(line) - 1;
			} else {
				text[len++] = letters[(seed >> 16) % (sizeof(letters) - 1)];
			}
		}
		want = json_cuts(str_n(text, len), len, &whole);
		CHECK(json_cuts(str_n(text, len), 1 + seed % 40, &parts) == want);
		CHECK_INT(parts, whole);
		total += whole;
	}
	CHECK(total > 4000);
}

/* Two objects on a line are two records. */
TEST(json_lines)
{
	size_t n;

	(void)json_cuts(STR("{\"a\":1}{\"b\":2}\n{\"c\":3} {\"d\":4}\n"), 1000, &n);
	CHECK_INT(n, 4);
	(void)json_cuts(STR("{\"Records\":[{\"a\":{\"x\":1}},{\"b\":2}]}\n{\"c\":3}\n"), 1000,
			&n);
	CHECK_INT(n, 3);
	(void)json_cuts(STR("{\"Records\":[{\"a\":1}],\"n\":{\"x\":[1]}}{\"Records\":[\n{\"b\":"
			    "2},\n{}\n]\n}\n[{}]\n"),
			1000, &n);
	CHECK_INT(n, 4);
}

/* Every codec gets through every prefix of a text of another's without leaving the buffer. */
TEST(any_bytes)
{
	static const char text[] =
		"a,\"b\n#fields\tx   y\n#types\n1\t2\n\"\"type=X msg=audit(1:2): a0= "
		"a='\"\n{\"\n\xff\xfe\0type=EXECVE msg=audit(1:2):a0=\"";

	for (size_t c = 0; codecs[c]; c++) {
		if (codecs[c]->json || !codecs[c]->fields)
			continue;
		for (size_t n = 0; n < sizeof(text); n++) {
			size_t recs = 0;

			reader_init(&r, codecs[c]->name, str_n(text, n));
			r.ops->sniff(r.text);
			while (next(&r))
				recs++;
			CHECK(recs <= n && r.pos == n);
			reader_free(&r);
		}
	}
}

TAP_MAIN
