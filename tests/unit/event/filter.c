/* SPDX-License-Identifier: Apache-2.0 */
/* Each modifier and each form of condition, once so that it matches and once so that not. */
#include "event/filter.h"
#include "event/pattern.h"
#include "tap.h"
#include <sys/stat.h>
#include <unistd.h>

static struct schema *schema;
static struct batch batch;
static struct event *ev;

/* An event with: cmd, ip, n, flag, nothing (absent), empty, list, other, raw text. */
static void setup(void)
{
	static const char *const names[] = {"cmd",   "ip",   "n",     "flag", "nothing",
					    "empty", "list", "other", "word"};
	static const struct val items[] = {{.kind = VAL_STR, .len = 3, .s = "one"},
					   {.kind = VAL_STR, .len = 3, .s = "Two"}};
	struct rectype *t;

	if (schema_new(&schema) < 0)
		abort();
	t = schema_type_add(schema, STR("t"), STR("t.e"), CLASS_BASE);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		attr_t a = schema_attr(schema, str_of(names[i]));

		if (schema_provide(schema, t, a) < 0 || schema_want(schema, t, a) < 0)
			abort();
	}
	if (schema_attr(schema, STR("unseen")) == ATTR_NONE) /* no slot in t.e */
		abort();
	if (schema_freeze(schema) < 0 || batch_init(&batch, 4) < 0)
		abort();
	ev = batch_add(&batch, t);
	ev->raw = STR("raw line with Secret inside");
	event_set(ev, schema_find(schema, STR("cmd")),
		  val_s(STR("C:\\Tools\\Net.exe /user Add -x")));
	event_set(ev, schema_find(schema, STR("ip")), val_s(STR("10.1.2.3")));
	event_set(ev, schema_find(schema, STR("n")), val_i(42));
	event_set(ev, schema_find(schema, STR("flag")), val_b(true));
	event_set(ev, schema_find(schema, STR("empty")), val_s(STR("")));
	event_set(ev, schema_find(schema, STR("other")), val_s(STR("10.1.2.3")));
	event_set(ev, schema_find(schema, STR("word")), val_s(STR("SRV@Z[`z")));
	event_set(ev, schema_find(schema, STR("list")),
		  (struct val){.kind = VAL_LIST, .len = 2, .list = items});
}

/* 1 match, 0 no match, -1 does not compile, -2: laid out for the type it answers otherwise. */
static int ask(const char *text)
{
	struct val *blank;
	struct event none;
	struct filter_lean *l;
	struct yaml *y = NULL;
	struct filter *f = NULL;
	struct arena mem;
	struct diag d;
	int r = -1;

	arena_init(&mem, 0);

	if (!schema)
		setup();
	if (yaml_parse("t", str_of(text), &y, &d) == 0 &&
	    filter_compile(schema, y, y->docs->root, &f, &d) == 0) {
		struct obstacle o[2];

		r = filter_match(f, ev);
		/* Whatever does not match has something in its way, and nothing else has. */
		CHECK_INT(filter_obstacles(f, ev, o, 2) == 0, r);
		l = filter_lean(f, ev->type, &mem);
		blank = arena_zalloc(&mem, ev->type->nslots * sizeof(*blank));
		none = (struct event){.type = ev->type, .row = blank, .raw = STR("{}")};
		/* What ruled out the one before is asked first of the next. */
		for (int i = 0; i < 2; i++)
			if (!l || !blank || filter_lean_match(l, ev) != filter_match(f, ev) ||
			    filter_lean_match(l, &none) != filter_match(f, &none))
				r = -2;
	}
	arena_free(&mem);
	filter_free(f);
	yaml_free(y);
	return r;
}

/* What stands in the way, as "selection:attribute" or "!selection:attribute", joined. */
static void in_the_way(const char *text, const char *want)
{
	struct yaml *y = NULL;
	struct filter *f = NULL;
	struct obstacle o[8];
	struct diag d;
	char got[256] = "";
	size_t n;

	if (!schema)
		setup();
	CHECK_INT(yaml_parse("t", str_of(text), &y, &d), 0);
	CHECK_INT(filter_compile(schema, y, y->docs->root, &f, &d), 0);
	n = filter_obstacles(f, ev, o, ARRAY_LEN(o));
	for (size_t i = 0; i < n; i++) {
		struct str a =
			o[i].attr == ATTR_NONE ? STR("word") : schema_name(schema, o[i].attr);
		size_t at = strlen(got);

		snprintf(got + at, sizeof(got) - at, "%s%s%.*s:%.*s", i ? " " : "",
			 o[i].wanted ? "" : "!", STR_ARG(o[i].selection), STR_ARG(a));
	}
	CHECK_STR(str_of(got), want);
	filter_free(f);
	yaml_free(y);
}

TEST(what_stands_in_the_way)
{
	in_the_way("{a: {ip: 10.1.2.3}, condition: a}", "");
	in_the_way("{a: {ip: 10.1.2.3, n: 7}, condition: a}", "a:n");
	in_the_way("{a: {ip: 10.1.2.3}, b: {flag: true}, condition: a and not b}", "!b:flag");
	in_the_way("{a: {ip: 1}, b: {n: 1}, condition: a or b}", "a:ip b:n");
	in_the_way("{a: {ip: 1}, b: {n: 1}, condition: 1 of them}", "a:ip b:n");
	in_the_way("{a: [{ip: 1}, {ip: 2}], condition: a}", "a:ip");
	in_the_way("{a: {n: 42}, b: {ip: 1}, condition: not (a and not b)}", "!a:n b:ip");
	in_the_way("{k: [nowhere], condition: k}", "k:word");
}

TEST(text)
{
	CHECK_INT(ask("s: {ip: 10.1.2.3}"), 1);
	CHECK_INT(ask("s: {ip: 10.1.2.4}"), 0);
	CHECK_INT(ask("s: {list: two}"), 1);
	CHECK_INT(ask("s: {list: three}"), 0);
	CHECK_INT(ask("s: {cmd|contains: NET.EXE}"), 1);
	CHECK_INT(ask("s: {cmd|contains|cased: NET.EXE}"), 0);
	CHECK_INT(ask("s: {cmd|startswith: 'c:\\tools'}"), 1);
	CHECK_INT(ask("s: {cmd|startswith: tools}"), 0);
	CHECK_INT(ask("s: {cmd|endswith: ' -X'}"), 1);
	CHECK_INT(ask("s: {cmd|endswith: ' -y'}"), 0);
	CHECK_INT(ask("s: {cmd|contains|all: [net, user]}"), 1);
	CHECK_INT(ask("s: {cmd|contains|all: [net, absent]}"), 0);
	CHECK_INT(ask("s: {cmd: 'C:\\Tools\\\\*.exe*'}"), 1);
	CHECK_INT(ask("s: {cmd: 'C:\\Tools\\*.exe*'}"), 0); /* there the star is plain */
	CHECK_INT(ask("s: {cmd: '*'}"), 1);
	CHECK_INT(ask("s: {nothing: '*'}"), 0);
	CHECK_INT(ask("s: {cmd: 'c:*exe*-?'}"), 1);
	CHECK_INT(ask("s: {cmd: 'c:*exe*-?\?'}"), 0);
	CHECK_INT(ask("s: {cmd|contains|windash|all: [' /x', ' -user']}"), 1);
	CHECK_INT(ask("s: {cmd|contains|windash|all: [' /x', ' -users']}"), 0);
	CHECK_INT(ask("s: {ip: '10.?.2.3'}"), 1);
	CHECK_INT(ask("s: {ip: '10.\\?.2.3'}"), 0);
	CHECK_INT(ask("s: {cmd|windash|contains: ' /x'}"), 1);
	CHECK_INT(ask("s: {cmd|contains: ' /x'}"), 0);
}

TEST(field_that_the_type_lacks)
{
	CHECK_INT(ask("s: {unseen: x}"), 0);
	CHECK_INT(ask("s: {unseen|neq: x}"), 1);
	CHECK_INT(ask("s: {unseen: null}"), 1);
	CHECK_INT(ask("s: {unseen|exists: false}"), 1);
	CHECK_INT(ask("s: {unseen|gt: 1}"), 0);
	CHECK_INT(ask("s: {ip|fieldref: unseen}"), 0);
	CHECK_INT(ask("s: {unseen|fieldref: ip}"), 0);
	CHECK_INT(ask("a: {unseen: x}\nb: {n: 42}\ncondition: a or b"), 1);
	CHECK_INT(ask("a: {unseen: x}\nb: {n: 42}\ncondition: a and b"), 0);
	CHECK_INT(ask("a: {unseen: x}\nb: {n: 42, ip: 10.1.2.3}\ncondition: b and not a"), 1);
	CHECK_INT(ask("a: {unseen|neq: x}\nb: {n: 41}\nc: {flag: true}\ncondition: a and (b or "
		      "c)"),
		  1);
}

TEST(no_value_where_one_is_asked_for)
{
	CHECK_INT(ask("s: {nothing: x}"), 0);
	CHECK_INT(ask("s: {nothing|neq: x}"), 1);
	CHECK_INT(ask("s: {nothing|gte: 1}"), 0);
	CHECK_INT(ask("s: {nothing: true}"), 0);
	CHECK_INT(ask("s: {nothing: 3}"), 0);
	CHECK_INT(ask("s: {nothing|exists: true}"), 0);
	CHECK_INT(ask("s: {list|exists: true}"), 1);
	CHECK_INT(ask("s: {flag: 1}"), 1);
	CHECK_INT(ask("s: {n|neq: 42}"), 0);
	CHECK_INT(ask("s: {cmd: [a, bb, '10.1.2.3']}"), 0);
	CHECK_INT(ask("s: {ip: [a, bb, '10.1.2.3']}"), 1);
	CHECK_INT(ask("s: {list|contains|all: [one]}"), 1);
}

TEST(one_of_several)
{
	CHECK_INT(ask("s: {word: [x, 'srv@z[`z']}"), 1);
	CHECK_INT(ask("s: {word: [x, 'SRV@Z[`Z']}"), 1);
	CHECK_INT(ask("s: {word: [x, 'srv`z[`z']}"), 0);
	CHECK_INT(ask("s: {word: [x, 'srv@z{`z']}"), 0);
	CHECK_INT(ask("s: {word: [x, 'srv@z[`']}"), 0);
	CHECK_INT(ask("s: {word|neq: [x, y]}"), 1);
	CHECK_INT(ask("s: {word|cased: [x, 'srv@z[`z']}"), 0);
	CHECK_INT(ask("s: {word|cased: [x, 'SRV@Z[`z']}"), 1);
	CHECK_INT(ask("s: {list: [two, three]}"), 1);
	CHECK_INT(ask("s: {empty: [a, b]}"), 0);
	CHECK_INT(ask("s: {n: [41, 42]}"), 1);
	CHECK_INT(ask("s: {n: [41, 43]}"), 0);
	CHECK_INT(ask("s: {n: [41, '42']}"), 1);
	CHECK_INT(ask("s: {flag: [1, 2]}"), 1);
	CHECK_INT(ask("s: {word: [1, 2]}"), 0);
	CHECK_INT(ask("s: {cmd: [net, exe]}"), 0);
}

TEST(other_kinds)
{
	CHECK_INT(ask("s: {cmd|re: 'Net\\.exe /u.*d'}"), 1);
	CHECK_INT(ask("s: {cmd|re: 'net\\.exe'}"), 0);
	CHECK_INT(ask("s: {cmd|re|i: 'net\\.exe'}"), 1);
	CHECK_INT(ask("s: {cmd|re: '('}"), -1);
	CHECK_INT(ask("s: {ip|cidr: 10.0.0.0/8}"), 1);
	CHECK_INT(ask("s: {ip|cidr: 192.168.0.0/16}"), 0);
	CHECK_INT(ask("s: {n: 42}"), 1);
	CHECK_INT(ask("s: {n|gt: 41}"), 1);
	CHECK_INT(ask("s: {n|gt: 42}"), 0);
	CHECK_INT(ask("s: {n|lte: 42}"), 1);
	CHECK_INT(ask("s: {n|lt: 42}"), 0);
	CHECK_INT(ask("s: {n|gte: x}"), -1);
	CHECK_INT(ask("s: {flag: true}"), 1);
	CHECK_INT(ask("s: {flag: false}"), 0);
	CHECK_INT(ask("s: {nothing: null}"), 1);
	CHECK_INT(ask("s: {ip: null}"), 0);
	CHECK_INT(ask("s: {empty: ''}"), 1);
	CHECK_INT(ask("s: {ip: ''}"), 0);
	CHECK_INT(ask("s: {ip|exists: true, nothing|exists: false}"), 1);
	CHECK_INT(ask("s: {nothing|exists: true}"), 0);
	CHECK_INT(ask("s: {ip|fieldref: other}"), 1);
	CHECK_INT(ask("s: {cmd|fieldref: other}"), 0);
	CHECK_INT(ask("s: {ip|neq: 10.1.2.4}"), 1);
	CHECK_INT(ask("s: [secret]"), 1);
	CHECK_INT(ask("s: [absent]"), 0);
	CHECK_INT(ask("s: {ip|neq: 10.1.2.3}"), 0);
	CHECK_INT(ask("s: {cmd|fieldref|contains: ip}"), 0);
	CHECK_INT(ask("s: {n: '42'}"), 1);
	CHECK_INT(ask("s: {n: 42.0}"), 1);
	CHECK_INT(ask("s: {flag: 'True'}"), 1);
	CHECK_INT(ask("s: {flag|neq: [true, 1]}"), 0);
	CHECK_INT(ask("s: {'|all': [raw, secret]}"), 1);
	CHECK_INT(ask("s: {'|all': [raw, absent]}"), 0);
	CHECK_INT(ask("s: [{n: 1}, {n: 42, ip: 10.1.2.3}]"), 1);
	CHECK_INT(ask("s: [{n: 1}, {n: 42, ip: 10.1.2.4}]"), 0);
	CHECK_INT(ask("s: {n: [1, 42]}"), 1);
	CHECK_INT(ask("s: {list|contains|all: [on, tw]}"), 1);
	CHECK_INT(ask("s: {list|contains|all: [on, x]}"), 0);
	CHECK_INT(ask("s: {ip: []}"), -1);
	CHECK_INT(ask("s: {ip: {a: b}}"), -1);
	CHECK_INT(ask("s: {}"), -1);
	CHECK_INT(ask("s: {ip|cidr: x}"), -1);
	CHECK_INT(ask("s: {ip|nonsense: x}"), -1);
	CHECK_INT(ask("s: {ip|expand: '%servers%'}"), -1);
	CHECK_INT(ask("s: {ip|contains|endswith: x}"), -1);
	CHECK_INT(ask("s: {ip|i: x}"), -1);
	CHECK_INT(ask("s: {ip|list: nosuch}"), -1);
	CHECK_INT(ask("s: {ip|list: ../../etc/passwd}"), -1);
}

TEST(base64)
{
	static const struct val text = {
		.kind = VAL_STR,
		.len = 24,
		.s = "eHggaGVsbG8gd29ybGQgeHh4"}; /* "xx hello world xxx" */
	struct val old;
	attr_t a;

	if (!schema)
		setup();
	a = schema_find(schema, STR("cmd"));
	old = *event_get(ev, a);
	event_set(ev, a, text);
	CHECK_INT(ask("s: {cmd|base64offset|contains: hello world}"), 1);
	CHECK_INT(ask("s: {cmd|base64offset|contains: hello worlds}"), 0);
	CHECK_INT(ask("s: {cmd|base64: 'xx hello world xxx'}"), 1);
	event_set(ev, a, old);
}

/* Finds `text` with key against what the field really holds. */
static int holds(const char *text, struct str value)
{
	struct val old;
	attr_t a;
	int r;

	if (!schema)
		setup();
	a = schema_find(schema, STR("cmd"));
	old = *event_get(ev, a);
	event_set(ev, a, val_s(value));
	r = ask(text);
	event_set(ev, a, old);
	return r;
}

TEST(utf16)
{
	CHECK_INT(holds("s: {cmd|utf16le: 'iA'}", STR("i\0a\0")), 1);
	CHECK_INT(holds("s: {cmd|wide|cased: 'iA'}", STR("i\0a\0")), 0);
	CHECK_INT(holds("s: {cmd|utf16be|contains: 'A'}", STR("xx\0a")), 1);
	CHECK_INT(holds("s: {cmd|utf16: 'a'}", STR("\xff\xfe"
						   "a\0")),
		  1);
	CHECK_INT(holds("s: {cmd|wide: '\xc3\xa4'}", STR("\xe4\0")), 1);
	CHECK_INT(holds("s: {cmd|wide|base64offset|contains: 'IEX'}", STR("e.g. SQBFAFgA")), 1);
	CHECK_INT(holds("s: {cmd|wide|base64offset|contains: 'IEX'}", STR("e.g. sqbfafga")), 0);
	CHECK_INT(holds("s: {cmd|base64: 'a*'}", STR("YSo=")), -1);
	CHECK_INT(holds("s: {cmd|base64: 'a\\*'}", STR("YSo=")), 1);
}

TEST(regex_is_bounded)
{
	static char text[40000];

	memset(text, 'a', sizeof(text));
	CHECK_INT(holds("s: {cmd|re: '(a+)+$'}", STR("aaaa")), 1);
	CHECK_INT(holds("s: {cmd|re: '^(a|aa)+b$'}", str_n(text, sizeof(text))), 0);
	CHECK_INT(holds("s: {cmd|re|i: '\xc3\x84'}", STR("\xc3\xa4")), 1);
	CHECK_INT(holds("s: {cmd|re: 'x'}", STR("\xff\xfe x")), 1);
}

TEST(lists)
{
	char dir[] = "/tmp/filter-XXXXXX", path[64], file[80];
	struct yaml *y = NULL;
	struct filter *f = NULL;
	struct diag d;
	static const struct {
		const char *value;
		bool want;
	} rows[] = {
		{"gmail.com", true},
		{"Mail.GMAIL.com", true},
		{"bob@gmail.com", true},
		{"notgmail.com", false},
		{"gmail.com.evil", false},
		{"192.0.2.77", true},
		{"192.0.3.1", false},
		{"2001:db8::5", true},
		{"2001:db9::5", false},
		{"plain text", true},
		{"", false},
	};
	FILE *out;

	if (!schema)
		setup();
	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/lists", dir);
	CHECK_INT(mkdir(path, 0700), 0);
	snprintf(file, sizeof(file), "%s/free.txt", path);
	out = fopen(file, "w");
	fputs("# providers\ngmail.com # one\r\n\n192.0.2.0/24\n2001:db8::/32\nPlain Text\n",
	      out);
	fclose(out);
	snprintf(path, sizeof(path), "%s/models/mail.yaml", dir);
	CHECK_INT(yaml_parse(path, STR("s: {cmd|list: lists/free}"), &y, &d), 0);
	/* The folder of the file itself need not exist for the one above it to be found. */
	snprintf(path, sizeof(path), "%s/models", dir);
	CHECK_INT(mkdir(path, 0700), 0);
	CHECK_INT(filter_compile(schema, y, y->docs->root, &f, &d), 0);
	for (size_t i = 0; f && i < ARRAY_LEN(rows); i++) {
		event_set(ev, schema_find(schema, STR("cmd")), val_s(str_of(rows[i].value)));
		CHECK_INT(filter_match(f, ev), rows[i].want);
	}
	filter_free(f);
	yaml_free(y);
	remove(file);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/lists", dir);
	rmdir(path);
	rmdir(dir);
	event_set(ev, schema_find(schema, STR("cmd")),
		  val_s(STR("C:\\Tools\\Net.exe /user Add -x")));
}

static size_t anchors;

static void count_anchor(const struct anchor *a, void *arg)
{
	(void)arg;
	anchors += a->text.len;
}

TEST(possible_and_anchor)
{
	static const struct {
		const char *text;
		bool possible;
		size_t anchor;
	} rows[] = {
		{"s: {cmd: a}", true, 1},
		{"s: {unseen: a}", false, 1},
		{"s: {unseen: null}", true, 0},
		{"a: {unseen: x}\nb: {cmd: x}\ncondition: a or b", true, 2},
		{"a: {unseen: x}\nb: {cmd: [x, y]}\ncondition: not a and b", true, 2},
		{"a: {unseen|exists: true}\ncondition: not a", true, 0},
		{"a: {unseen: null}\ncondition: not a", false, 0},
		{"a: {unseen: null}\nb: {cmd: a}\ncondition: a and not b", true, 0},
		{"s: [word]", true, 0},
		{"s: {cmd|contains: a}", true, 0},
	};
	struct rectype *t;

	if (!schema)
		setup();
	t = schema_type(schema, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct schema *s = NULL;
		struct yaml *y = NULL;
		struct filter *f = NULL;
		struct diag d;

		/* A schema of its own: the shared one takes no new attributes any more. */
		CHECK_INT(schema_new(&s), 0);
		t = schema_type_add(s, STR("t"), STR("t.e"), CLASS_BASE);
		CHECK_INT(schema_provide(s, t, schema_attr(s, STR("cmd"))), 0);
		CHECK_INT(yaml_parse("t", str_of(rows[i].text), &y, &d), 0);
		CHECK_INT(filter_compile(s, y, y->docs->root, &f, &d), 0);
		CHECK_INT(filter_want(f, s, t), 0);
		CHECK_INT(schema_freeze(s), 0);
		CHECK_INT(filter_possible(f, t), rows[i].possible);
		anchors = 0;
		CHECK_INT(filter_anchors(f, 0, count_anchor, NULL), rows[i].anchor);
		CHECK_INT(anchors, rows[i].anchor);
		filter_free(f);
		yaml_free(y);
		schema_free(s);
	}
}

TEST(complaints_point_at_the_place)
{
	struct yaml *y = NULL;
	struct filter *f = NULL;
	struct diag d = {{0}};

	if (!schema)
		setup();
	CHECK_INT(yaml_parse("m.yaml", STR("a: {n: 1}\ncondition: a and b\n"), &y, &d), 0);
	CHECK_INT(filter_compile(schema, y, y->docs->root, &f, &d), E_SYNTAX);
	CHECK(strstr(d.msg, "m.yaml:2:18: ") != NULL);
	CHECK(strstr(d.msg, "'b'") != NULL);
	yaml_free(y);
}

TEST(conditions)
{
	static const char head[] = "a1: {n: 42}\na2: {n: 1}\nb: {ip: 10.1.2.3}\n_x: {n: 42}\n";
	static const struct {
		const char *text;
		int want;
	} rows[] = {
		{"a1 and b", 1},
		{"a2 and b", 0},
		{"a2 or b", 1},
		{"not a2", 1},
		{"not (a1 and b)", 0},
		{"1 of a*", 1},
		{"all of a*", 0},
		{"1 of them", 1},
		{"all of them", 0},
		{"a2 or a1 and b", 1},
		{"(a2 or a1) and not b", 0},
		{"a1 and not 1 of a2*", 1},
		{"a1 and", -1},
		{"a1 b", -1},
		{"nosuch", -1},
		{"1 of z*", -1},
		{"a1 | count() > 3", -1},
	};
	char text[512];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(text, sizeof(text), "%scondition: %s\n", head, rows[i].text);
		if (ask(text) != rows[i].want)
			printf("# %s\n", rows[i].text);
		CHECK_INT(ask(text), rows[i].want);
	}
}

/*
 * Every combination of four selections, of which each costs something else to ask and is true
 * or not, under conditions that name one twice: the order of asking must not show.
 */
TEST(order_of_asking)
{
	static const char *const yes[] = {"[secret]", "{cmd|re: 'Net'}", "{n: 42}",
					  "{cmd|contains: [user, nothing]}"};
	static const char *const no[] = {"[absent]", "{cmd|re: 'Nut'}", "{n: 41}",
					 "{cmd|contains: [nobody, nothing]}"};
	char text[512];

	for (unsigned m = 0; m < 16; m++) {
		bool a = m & 1, b = m & 2, c = m & 4, d = m & 8;
		const struct {
			const char *cond;
			bool want;
		} cases[] = {
			{"a and b or c and d", (a && b) || (c && d)},
			{"(a or b) and (c or d)", (a || b) && (c || d)},
			{"not (a and c) and (b or a)", !(a && c) && (b || a)},
			{"1 of them and not all of them",
			 (a || b || c || d) && !(a && b && c && d)},
			{"not a or not (b or not (c and d))", !a || !(b || !(c && d))},
		};

		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			snprintf(text, sizeof(text),
				 "{a: %s, b: %s, c: %s, d: %s, condition: '%s'}",
				 a ? yes[0] : no[0], b ? yes[1] : no[1], c ? yes[2] : no[2],
				 d ? yes[3] : no[3], cases[i].cond);
			CHECK_INT(ask(text), cases[i].want);
		}
	}
}

TEST(too_many_questions)
{
	static char text[400000];
	size_t n = (size_t)snprintf(text, sizeof(text), "a: {n: [1, 2]}\nb:\n");

	for (int i = 0; i < 3000; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "  - {n: %d, ip: 10.1.2.3}\n",
				      i);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "condition: a");
	for (int i = 0; i < 5; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " or b");
	CHECK_INT(ask(text), 1);
	for (int i = 0; i < 20; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " or b");
	CHECK_INT(ask(text), -1);
}

/* A word is found wherever it stands, and not where only its ends are right. */
TEST(word_in_long_text)
{
	struct pattern p = {.kind = PAT_CONTAINS, .text = STR("needle")};
	char text[96];

	for (size_t len = 6; len <= sizeof(text); len++)
		for (size_t at = 0; at + 6 <= len; at++) {
			memset(text, 'n', len);
			memcpy(text + at, "nEeDlE", 6);
			CHECK(pattern_text(&p, str_n(text, len)));
			p.cased = true;
			CHECK(!pattern_text(&p, str_n(text, len)));
			p.cased = false;
			text[at + 3] = 'x';
			CHECK(!pattern_text(&p, str_n(text, len)));
		}
}

/* Texts of a list of values are told apart by length first: around 63 bytes too. */
TEST(lengths_of_values)
{
	char text[256], long62[63], long63[64], long70[71];

	memset(long62, 'a', 62), long62[62] = 0;
	memset(long63, 'a', 63), long63[63] = 0;
	memset(long70, 'a', 70), long70[70] = 0;
	event_set(ev, schema_find(schema, STR("other")), val_s(str_of(long63)));
	snprintf(text, sizeof(text), "s: {other: [%s, x]}", long62);
	CHECK_INT(ask(text), 0);
	snprintf(text, sizeof(text), "s: {other: [%s, x]}", long63);
	CHECK_INT(ask(text), 1);
	snprintf(text, sizeof(text), "s: {other: [%s, x]}", long70);
	CHECK_INT(ask(text), 0);
	snprintf(text, sizeof(text), "s: {other: [%s, 'aa*']}", long70);
	CHECK_INT(ask(text), 1);
	CHECK_INT(ask("s: {other: ['a*b', '']}"), 0);
	event_set(ev, schema_find(schema, STR("other")), val_s(STR("10.1.2.3")));
}

TAP_MAIN
