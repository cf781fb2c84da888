/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sigma 2.1 feature by feature: the specification's words, and at least three rules with what
 * they must say of one and the same record. Correlations stand in correlate.c and, at random,
 * in tests/system/sigma.
 */
#include "event/filter.h"
#include "tap.h"

struct row {
	const char *detection;
	int want; /* 1: matches, 0: does not, -1: no rule */
};

static struct schema *schema;
static struct batch batch;
static struct event *ev;

static void set(const char *name, struct val v)
{
	event_set(ev, schema_find(schema, str_of(name)), v);
}

/* Image, cmd, user, n, flag, ip, ip6, when, epoch, b64, wide, list, nul, empty; "gone" is
 * absent. */
static void setup(void)
{
	static const char *const names[] = {"Image", "cmd",   "user",  "n",	"flag",	 "ip",
					    "ip6",   "when",  "epoch", "b64",	"wide",	 "list",
					    "nul",   "empty", "gone",  "lines", "other", "a.b"};
	static const struct val items[] = {{.kind = VAL_STR, .len = 5, .s = "alpha"},
					   {.kind = VAL_STR, .len = 4, .s = "Beta"}};
	struct rectype *t;

	if (schema_new(&schema) < 0)
		abort();
	t = schema_type_add(schema, STR("t"), STR("t.e"), CLASS_BASE);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		attr_t a = schema_attr(schema, str_of(names[i]));

		if (schema_provide(schema, t, a) < 0 || schema_want(schema, t, a) < 0)
			abort();
	}
	if (schema_freeze(schema) < 0 || batch_init(&batch, 4) < 0)
		abort();
	ev = batch_add(&batch, t);
	ev->raw = STR("EVILSERVICE started svchost.exe -n evil");
	set("Image", val_s(STR("C:\\Windows\\System32\\whoami.exe")));
	set("cmd",
	    val_s(STR("powershell \xe2\x80\x93nop /enc caf\xc3\xa9 50% a*b c?d \\\\srv")));
	set("user", val_s(STR("adm_Root")));
	set("n", val_i(42));
	set("flag", val_b(true));
	set("ip", val_s(STR("10.1.2.3")));
	set("ip6", val_s(STR("2001:db8::7")));
	set("when", val_s(STR("2026-01-01T23:59:30Z")));
	set("epoch", val_i(1767311970));	/* 2026-01-01 23:59:30 */
	set("b64", val_s(STR("eGh0dHA6Ly95"))); /* xhttp://y */
	set("wide", (struct val){.kind = VAL_STR, .len = 6, .s = "c\0m\0d\0"});
	set("list", (struct val){.kind = VAL_LIST, .len = 2, .list = items});
	set("nul", (struct val){.kind = VAL_NULL});
	set("empty", val_s(STR("")));
	set("lines", val_s(STR("first\nsecond")));
	set("other", val_s(STR("ROOT")));
	set("a.b", val_s(STR("dotted")));
}

static int ask(const char *text)
{
	static const char conf[] = "Servers: ['srv*', dc01]\nUser: adm_root\nNet: 10.0.0.0/8\n"
				   "Empty: []\n";
	struct yaml *y = NULL, *names = NULL;
	struct filter_how how = {0};
	struct filter *f = NULL;
	struct diag d;
	int r = -1;

	if (!schema)
		setup();
	if (yaml_parse("c", str_of(conf), &names, &d) == 0 &&
	    yaml_parse("t", str_of(text), &y, &d) == 0) {
		how.placeholders = names->docs->root;
		if (filter_compile_as(schema, y, y->docs->root, &how, &f, &d) == 0)
			r = filter_match(f, ev);
	}
	filter_free(f);
	yaml_free(y);
	yaml_free(names);
	return r;
}

static void all(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int got = ask(rows[i].detection);

		if (got != rows[i].want) {
			printf("# %s: %d, not %d\n", rows[i].detection, got, rows[i].want);
			tap_bad++;
		}
	}
}

#define ROWS(...)                                               \
	do {                                                    \
		static const struct row rows[] = {__VA_ARGS__}; \
		all(rows, ARRAY_LEN(rows));                     \
	} while (0)

/* "All values are treated as case-insensitive strings." */
TEST(case_insensitive_strings)
{
	ROWS({"s: {user: ADM_ROOT}", 1}, {"s: {USER: adm_root}", 1}, {"s: {user: adm_roo}", 0},
	     {"s: {user: adm_root1}", 0}, {"s: {n: '42'}", 1});
}

/* "`?` to replace a single mandatory character. `*` to replace an unbounded length wildcard."
 */
TEST(wildcards)
{
	ROWS({"s: {user: 'adm_ro?t'}", 1}, {"s: {user: 'adm_root?'}", 0},
	     {"s: {user: 'adm*'}", 1}, {"s: {user: '*root'}", 1}, {"s: {user: 'a*_*t'}", 1},
	     {"s: {user: 'b*'}", 0}, {"s: {cmd: '*caf? 50%*'}", 1},
	     {"s: {cmd: '*caf?? 50%*'}", 0}, {"s: {gone: '*'}", 0});
}

/*
 * "Plain backslash not followed by a wildcard can be expressed as single `\` or double
 * backslash"; "A wildcard has to be escaped to be handled as a plain character"; "`\\*`" is "a
 * backslash followed by a wildcard"; "`\\\*`" both plain; "Three or four backslashes are
 * handled as double backslash."
 */
TEST(escaping)
{
	ROWS({"s: {Image: 'C:\\Windows\\System32\\whoami.exe'}", 1},
	     {"s: {Image: 'C:\\\\Windows\\\\System32\\\\whoami.exe'}", 1},
	     {"s: {cmd|contains: 'a\\*b'}", 1}, {"s: {cmd|contains: 'c\\?d'}", 1},
	     {"s: {user|contains: 'm\\*'}", 0}, {"s: {Image: 'C:\\\\*'}", 1},
	     {"s: {Image: 'C:\\*'}", 0}, {"s: {cmd|endswith: ' \\\\\\\\srv'}", 1},
	     {"s: {cmd|endswith: ' \\\\\\srv'}", 1}, {"s: {Image|contains: '\\\\\\*'}", 0});
}

/* "strings that are applied to the full log message and are linked with a logical 'OR'" */
TEST(keywords)
{
	ROWS({"k: [EvilService, 'nothing']", 1}, {"k: ['svchost.exe -n evil']", 1},
	     {"k: [absent, gone]", 0}, {"k: {'|all': [evilservice, svchost]}", 1},
	     {"k: {'|all': [evilservice, absent]}", 0}, {"k: {'|re': 'st.rted'}", 1},
	     {"k: evilservice", 1}, {"k: [dotted]", 1});
}

/* "All elements of a map are joined with a logical 'AND'"; list items "with 'OR'". */
TEST(maps_and_lists)
{
	ROWS({"s: {n: [1, 42], user: adm_root}", 1}, {"s: {n: 42, user: nobody}", 0},
	     {"s: [{n: 1}, {user: adm_root}]", 1}, {"s: [{n: 1}, {user: nobody}]", 0},
	     {"s: {list: alpha}", 1}, {"s: {list: beta}", 1}, {"s: {list: gamma}", 0});
}

/* "An empty value is defined with `''`"; "A null value is defined with `null`". */
TEST(special_values)
{
	ROWS({"s: {empty: ''}", 1}, {"s: {user: ''}", 0}, {"s: {gone: ''}", 0},
	     {"s: {nul: null}", 1}, {"s: {gone: null}", 1}, {"s: {empty: null}", 0},
	     {"s: {user: [null, adm_root]}", 1},
	     {"{s: {n: 42}, f: {user: null}, condition: s and not f}", 1},
	     {"{s: {n: 42}, f: {nul: null}, condition: s and not f}", 0});
}

/* "this check only verifies the presence of a field, not its value, be it empty or null" */
TEST(exists)
{
	ROWS({"s: {user|exists: true}", 1}, {"s: {nul|exists: true}", 1},
	     {"s: {empty|exists: true}", 1}, {"s: {gone|exists: true}", 0},
	     {"s: {gone|exists: false}", 1}, {"s: {user|exists: false}", 0},
	     {"s: {user|exists: x}", -1});
}

/* contains, startswith, endswith, and "This modifier changes this to *AND*". */
TEST(places_and_all)
{
	ROWS({"s: {user|contains: M_R}", 1}, {"s: {user|contains: x}", 0},
	     {"s: {user|contains: 'a*t'}", 1}, {"s: {user|startswith: adm}", 1},
	     {"s: {user|startswith: root}", 0}, {"s: {user|endswith: [x, root]}", 1},
	     {"s: {user|endswith: adm}", 0}, {"s: {user|contains|all: [adm, root]}", 1},
	     {"s: {user|contains|all: [adm, x]}", 0}, {"s: {user|all|contains: [oo, dm]}", 1},
	     {"s: {user|startswith: ''}", 1}, {"s: {user|contains|startswith: a}", -1});
}

/* "Values are applied case sensitively." */
TEST(cased)
{
	ROWS({"s: {user|cased: adm_Root}", 1}, {"s: {user|cased: adm_root}", 0},
	     {"s: {user|contains|cased: Root}", 1}, {"s: {user|endswith|cased: ROOT}", 0},
	     {"s: {user|cased: 'adm_R*'}", 1}, {"s: {user|cased: 'adm_r*'}", 0});
}

/* "The field is different from the specified values. It's can be used with string or number."
 */
TEST(neq)
{
	ROWS({"s: {user|neq: x}", 1}, {"s: {user|neq: adm_root}", 0}, {"s: {n|neq: 42}", 0},
	     {"s: {n|neq: [1, 2]}", 1}, {"s: {n|neq: [1, 42]}", 0},
	     {"s: {user|neq: 'adm*'}", 0}, {"s: {user|contains|neq: adm}", 0},
	     {"s: {user|fieldref|neq: other}", 1}, {"s: {user|fieldref|neq: user}", 0});
}

/* "uses all possible permutation of strings in the selection" */
TEST(windash)
{
	ROWS({"s: {cmd|contains|windash: ' -nop'}", 1}, {"s: {cmd|contains: ' -nop'}", 0},
	     {"s: {cmd|windash|contains: ' -nop -enc'}", 1},
	     {"s: {cmd|windash|contains: ' /nop \xe2\x80\x95"
	      "enc'}",
	      1},
	     {"s: {cmd|windash|contains: ' -nop -encode'}", 0},
	     {"s: {cmd|contains|windash|all: [' -nop', ' -enc']}", 1},
	     {"s: {cmd|contains|windash: ' -w'}", 0});
}

/* "Regex is matched case-sensitive by default"; i, m and s. */
TEST(regular_expressions)
{
	ROWS({"s: {user|re: 'adm_R.*t$'}", 1}, {"s: {user|re: 'adm_r'}", 0},
	     {"s: {user|re|i: '^ADM_[a-z]{4}$'}", 1}, {"s: {lines|re: '^second'}", 0},
	     {"s: {lines|re|m: '^second$'}", 1}, {"s: {lines|re: 'first.second'}", 0},
	     {"s: {lines|re|s: 'first.second'}", 1}, {"s: {lines|re|i|s: 'FIRST.s'}", 1},
	     {"s: {user|re: '(adm|root)_[^a-z]'}", 1}, {"s: {user|re: '('}", -1},
	     {"s: {user|m: x}", -1});
}

/* base64, base64offset ("three variants for shifts by zero to two bytes"), and UTF-16. */
TEST(encodings)
{
	ROWS({"s: {b64|base64: 'xhttp://y'}", 1}, {"s: {b64|base64: 'http://y'}", 0},
	     {"s: {b64|base64offset|contains: 'http://'}", 1},
	     {"s: {b64|base64offset|contains: 'xhttp'}", 1},
	     {"s: {b64|base64offset|contains: 'ttp://y'}", 1},
	     {"s: {b64|base64offset|contains: 'https'}", 0}, {"s: {wide|wide: cmd}", 1},
	     {"s: {wide|utf16le: cmd}", 1}, {"s: {wide|utf16be: cmd}", 0},
	     {"s: {wide|utf16: cmd}", 0}, {"s: {wide|utf16be|contains: cm}", 0},
	     {"s: {wide|wide|contains: md}", 1}, {"s: {wide|wide|utf16: cmd}", -1},
	     {"s: {b64|base64: 'x*'}", -1});
}

/* "Field is less than the value" and so on. */
TEST(numbers)
{
	ROWS({"s: {n|lt: 43}", 1}, {"s: {n|lt: 42}", 0}, {"s: {n|lte: 42}", 1},
	     {"s: {n|lte: 41}", 0}, {"s: {n|gt: 41.5}", 1}, {"s: {n|gt: 42}", 0},
	     {"s: {n|gte: 42}", 1}, {"s: {n|gte: 43}", 0}, {"s: {gone|lt: 1}", 0},
	     {"s: {user|gt: 1}", 0}, {"s: {n|gt: x}", -1}, {"s: {n|gt|lt: 1}", -1});
}

/* "it extracts a numeric value from a date" */
TEST(parts_of_dates)
{
	ROWS({"s: {when|minute: 59}", 1}, {"s: {when|minute: 58}", 0},
	     {"s: {epoch|minute|gt: 58}", 1}, {"s: {when|hour: 23}", 1},
	     {"s: {when|hour|lt: 7}", 0}, {"s: {epoch|hour: [22, 23]}", 1},
	     {"s: {when|day: 1}", 1}, {"s: {when|day|gte: 2}", 0}, {"s: {epoch|day|neq: 1}", 0},
	     {"s: {when|week: 1}", 1}, {"s: {when|week: 53}", 0}, {"s: {epoch|week|lte: 1}", 1},
	     {"s: {when|month: 1}", 1}, {"s: {when|month|gt: 1}", 0},
	     {"s: {epoch|month|lt: 2}", 1}, {"s: {when|year: 2026}", 1},
	     {"s: {when|year|lt: 2026}", 0}, {"s: {epoch|year|gte: 2026}", 1},
	     {"s: {user|hour: 1}", 0}, {"s: {gone|hour: 1}", 0}, {"s: {when|hour: 24}", -1},
	     {"s: {when|hour|day: 1}", -1}, {"s: {when|hour|contains: 1}", -1});
}

/* "Supports both IPv4 and IPv6 notations." */
TEST(cidr)
{
	ROWS({"s: {ip|cidr: 10.0.0.0/8}", 1},
	     {"s: {ip|cidr: [192.168.0.0/16, 10.1.0.0/16]}", 1},
	     {"s: {ip|cidr: 11.0.0.0/8}", 0}, {"s: {ip6|cidr: '2001:db8::/32'}", 1},
	     {"s: {ip6|cidr: '2001:db9::/32'}", 0}, {"s: {user|cidr: 10.0.0.0/8}", 0},
	     {"s: {ip|cidr|neq: 10.0.0.0/8}", 0}, {"s: {ip|cidr: adm}", -1});
}

/*
 * "`field: %name%` handles `%name%` as literal value. `field|expand: %name%` handles `%name%`
 * as placeholder. `field|expand: \%plain%name%` handles `%plain` as plain value"; "If the tool
 * isn't able to handle placeholders, it must reject the rule."
 */
TEST(expand)
{
	ROWS({"s: {user: '%User%'}", 0}, {"s: {user|expand: '%User%'}", 1},
	     {"s: {cmd|contains|expand: '\\\\%Servers%'}", 1},
	     {"s: {cmd|contains|expand: '50\\% a'}", 1}, {"s: {ip|cidr|expand: '%Net%'}", 1},
	     {"s: {ip6|cidr|expand: '%Net%'}", 0}, {"s: {user|expand: ['x', '%User%']}", 1},
	     {"s: {user|expand|neq: '%User%'}", 0}, {"s: {user|expand: '\\%plain%User%'}", 0},
	     {"s: {user|expand: '%nobody%'}", -1}, {"s: {user|expand: '%Empty%'}", -1},
	     {"s: {user|expand|all|contains: [adm, '%User%']}", 1},
	     {"s: {user|expand|all|contains: [x, '%User%']}", 0});
}

/* "A field reference can be used to compare fields of matched events directly" */
TEST(fieldref)
{
	ROWS({"s: {user|fieldref: user}", 1}, {"s: {user|fieldref: other}", 0},
	     {"s: {user|fieldref|endswith: other}", 1},
	     {"s: {user|fieldref|startswith: other}", 0},
	     {"s: {user|contains|fieldref: other}", 1}, {"s: {user|fieldref: gone}", 0},
	     {"s: {user|fieldref|cidr: other}", -1});
}

/* Logical AND/OR, not, brackets, "1/all of", patterns, "not starting with an underscore". */
TEST(conditions)
{
#define SELS "yes: {n: 42}, no: {n: 1}, sel_a: {user: adm_root}, sel_b: {n: 2}, _no: {n: 3}, "
	ROWS({"{" SELS "condition: yes and sel_a}", 1}, {"{" SELS "condition: yes and no}", 0},
	     {"{" SELS "condition: no or yes}", 1}, {"{" SELS "condition: no or sel_b}", 0},
	     {"{" SELS "condition: not no}", 1}, {"{" SELS "condition: not yes}", 0},
	     {"{" SELS "condition: not not yes}", 1},
	     {"{" SELS "condition: yes or no and no}", 1},
	     {"{" SELS "condition: (yes or no) and no}", 0},
	     {"{" SELS "condition: not no and no}", 0},
	     {"{" SELS "condition: not (no and no)}", 1}, {"{" SELS "condition: 1 of sel*}", 1},
	     {"{" SELS "condition: all of sel*}", 0}, {"{" SELS "condition: 1 of *_b}", 0},
	     {"{" SELS "condition: 1 of them}", 1}, {"{" SELS "condition: all of them}", 0},
	     {"{" SELS "condition: yes and not 1 of *o}", 1},
	     {"{" SELS "condition: not all of sel_*}", 1},
	     {"{" SELS "condition: [no, yes]}", 1}, {"{" SELS "condition: [no, sel_b]}", 0},
	     {"{" SELS "condition: yes AND NOT no}", 1},
	     {"{yes: {n: 42}, _no: {n: 1}, condition: all of them}", 1},
	     {"{yes: {n: 42}, _no: {n: 1}, condition: 1 of _*}", 0},
	     {"{" SELS "condition: 1 of x*}", -1}, {"{" SELS "condition: yes and}", -1},
	     {"{" SELS "condition: maybe}", -1});
}

TAP_MAIN
