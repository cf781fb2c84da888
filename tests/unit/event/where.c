/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions of a search: each form once as it should be read, and what is refused. */
#include "event/where.h"
#include "event/filter.h"
#include "tap.h"

static struct arena mem;
static struct where w;
static struct diag d;

static int look(const char *text)
{
	if (!mem.limit)
		arena_init(&mem, 16 * MIB);
	w = (struct where){.type = STR("")};
	d.msg[0] = 0;
	return where_read(str_of(text), &mem, &w, &d);
}

/* Whether an event with n = 42, cmd = "Net.exe /user" and ip = 10.1.2.3 is meant. */
static bool means(const char *text)
{
	static const char *const names[] = {"n", "cmd", "src.ip", "none"};
	struct schema *s;
	struct filter *f;
	struct batch b;
	struct event *e;
	struct rectype *t;
	bool yes;

	if (look(text) < 0 || schema_new(&s) < 0)
		return false;
	t = schema_type_add(s, STR("t"), STR("t.e"), CLASS_BASE);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (schema_provide(s, t, schema_attr(s, str_of(names[i]))) < 0)
			abort();
	if (!w.detection || filter_compile(s, &w.source, w.detection, &f, &d) < 0) {
		schema_free(s);
		return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (schema_want(s, t, schema_attr(s, str_of(names[i]))) < 0)
			abort();
	if (filter_want(f, s, NULL) < 0 || schema_freeze(s) < 0 || batch_init(&b, 1) < 0)
		abort();
	e = batch_add(&b, t);
	event_set(e, schema_find(s, STR("n")), val_i(42));
	event_set(e, schema_find(s, STR("cmd")), val_s(STR("C:\\Tools\\Net.exe \"a b\"")));
	event_set(e, schema_find(s, STR("src.ip")), val_s(STR("10.1.2.3")));
	yes = filter_match(f, e);
	batch_free(&b);
	filter_free(f);
	schema_free(s);
	return yes;
}

TEST(every_operator)
{
	CHECK(means("n = 42") && !means("n = 43"));
	CHECK(means("n != 43") && !means("n != 42"));
	CHECK(means("n < 43") && !means("n < 42"));
	CHECK(means("n <= 42") && !means("n <= 41"));
	CHECK(means("n > 41") && !means("n > 42"));
	CHECK(means("n >= 42") && !means("n >= 43"));
	CHECK(means("cmd ~ net.EXE") && !means("cmd ~ nut"));
	CHECK(means("cmd !~ nut") && !means("cmd !~ net"));
	CHECK(means("cmd starts \"c:\\\\tools\"") && !means("cmd starts tools"));
	CHECK(means("cmd ends \"a b\\\"\"") && !means("cmd ends a"));
	CHECK(means("cmd matches \"n.t\\.exe\"") && !means("cmd matches ^net"));
	CHECK(means("cmd = *net.exe*") && !means("cmd = net.exe"));
	CHECK(means("n in (1, 42)") && !means("n in (1, 2)"));
	CHECK(means("n exists") && !means("none exists"));
	CHECK(means("src.ip = 10.0.0.0/8") && !means("src.ip = 192.168.0.0/16"));
}

TEST(and_or_not)
{
	CHECK(means("n = 42 and src.ip = 10.1.2.3") && !means("n = 42 and n = 1"));
	CHECK(means("n = 1 or n = 42") && !means("n = 1 or n = 2"));
	/* "and" binds tighter. */
	CHECK(means("n = 42 or n = 1 and n = 2") && !means("(n = 42 or n = 1) and n = 2"));
	CHECK(means("not n = 1") && !means("not n = 42") && means("not not n = 42"));
	CHECK(means("NOT (n = 1 OR n = 2)") && !means("not (n = 1 or n = 42)"));
	CHECK(means("((n=42))and(cmd~net)"));
}

TEST(what_the_store_looks_up)
{
	CHECK_INT(look("type = zeek.conn"), 0);
	CHECK(str_eqz(w.type, "zeek.conn") && !w.detection);
	CHECK_INT(look("entity = \"pc 1\" and (text = word and type = a.b)"), 0);
	CHECK(str_eqz(w.entity, "pc 1") && str_eqz(w.text, "word") && str_eqz(w.type, "a.b"));
	CHECK(!w.detection);
	CHECK(means("type = t.e and n = 42") && str_eqz(w.type, "t.e"));
	CHECK(!means("n = 1 and type = t.e"));
	CHECK(look("type = a or n = 1") == E_SYNTAX);
	CHECK(look("not entity = a") == E_SYNTAX);
	CHECK(look("type ~ a") == E_SYNTAX);
	CHECK(look("type = a and type = b") == E_SYNTAX);
}

TEST(what_is_refused_and_where)
{
	static const char *const bad[] = {
		"",	   "n",	     "n =",    "= 1",	  "n = 1 n = 2", "n = 1 and",
		"(n = 1",  "n = 1)", "n in 1", "n in (1", "n in ()",	 "n = \"x",
		"and = 1", "n == 1", "not",    "n = (1)", "n | x = 1",	 "n = 1 or or n = 2",
		"\"\" = 1"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CHECK_INT(look(bad[i]), E_SYNTAX);
		CHECK(strncmp(d.msg, "at ", 3) == 0);
	}
	CHECK(look("n = 1 n = 2") == E_SYNTAX && strncmp(d.msg, "at 7:", 5) == 0);
}

TEST(bounds)
{
	char deep[200], many[4000];
	size_t n = 0;

	memset(deep, '(', 100);
	deep[100] = 0;
	CHECK_INT(look(deep), E_SYNTAX);
	for (int i = 0; i < WHERE_TESTS_MAX + 1; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n, "%sn = %d", i ? " or " : "",
				      i);
	CHECK_INT(look(many), E_SYNTAX);
}

/* Nothing in a value or field leaves its quotes. */
TEST(no_way_out_of_the_quotes)
{
	CHECK(!means("cmd = \"x\\\"}\\ncondition: not w0\""));
	CHECK_INT(look("a\"b = 1"), E_SYNTAX);
	CHECK(means("n = 42 and cmd != \"w0: {\\\"n\\\": 1}\\n\""));
}

TAP_MAIN
