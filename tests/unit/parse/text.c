/* SPDX-License-Identifier: Apache-2.0 */
/* Templates and other ways in which a text holds fields. */
#include "parse/text.h"
#include "tap.h"

static struct field room[16];
static struct arena mem;

static struct gather start(void)
{
	arena_reset(&mem);
	return (struct gather){room, 0, ARRAY_LEN(room), &mem};
}

static struct str get(const struct gather *g, const char *name)
{
	for (size_t i = 0; i < g->n; i++)
		if (str_eqz(g->f[i].name, name))
			return val_str(&g->f[i].val);
	return (struct str){NULL, 0};
}

TEST(forms)
{
	struct gather g = start();

	CHECK(text_form(&g, STR("a from b from 10.0.0.1 x"), STR("{u*} from {ip:ip} ")));
	CHECK_STR(get(&g, "u"), "a from b");
	CHECK_STR(get(&g, "ip"), "10.0.0.1");
	g = start();
	CHECK(!text_form(&g, STR("a from b from x y"), STR("{u*} from {ip:ip} ")));
	CHECK_INT(g.n, 0);
	CHECK(!text_form(&g, STR("12x"), STR("{n:num}")));
	CHECK(!text_form(&g, STR(""), STR("{n:num}")));
	CHECK(!text_form(&g, STR("a b,"), STR("{w:word},")));
	CHECK(text_form(&g, STR("1     - 3"), STR("{a} {b} {c}")));
	CHECK_STR(get(&g, "c"), "3");
	CHECK(!get(&g, "b").p);
	g = start();
	CHECK(text_form(&g, STR("\"a\\\" b\" c"), STR("\"{q}\" {r}")));
	CHECK_STR(get(&g, "q"), "a\\\" b");
	CHECK(text_form_ok(STR("x {a}")));
	CHECK(!text_form_ok(STR("{a}{b}")));
	CHECK(!text_form_ok(STR("{a")));
	CHECK(!text_form_ok(STR("a}")));
	CHECK(!text_form_ok(STR("{a:odd}")));
	CHECK(!text_form_ok(STR("")));
}

TEST(pairs)
{
	struct gather g = start();

	CHECK(text_kv(&g, STR("word a=1 b=\"x \\\" y\", c= d=2")));
	CHECK_STR(get(&g, "a"), "1");
	CHECK_STR(get(&g, "b"), "x \" y");
	CHECK_STR(get(&g, "d"), "2");
	CHECK(!get(&g, "c").p);
	CHECK(!text_kv(&g, STR("no pairs here")));
	CHECK(text_kv(&g, STR("q=\"never closed")));
	g = start();
	CHECK(text_cef(&g, STR("x CEF:0|V\\|w|P|1|id|n|5|a=b c\\=d e=f")));
	CHECK_STR(get(&g, "deviceVendor"), "V|w");
	CHECK_STR(get(&g, "a"), "b c=d");
	CHECK_STR(get(&g, "e"), "f");
	g = start();
	CHECK(!text_cef(&g, STR("CEF:0|V|P")));
	CHECK_INT(g.n, 0);
	CHECK(text_leef(&g, STR("LEEF:1.0|V|P|1|id|a=b\tc=d e")));
	CHECK_STR(get(&g, "c"), "d e");
	g = start();
	CHECK(text_csv(&g, STR("a,\"b,c\",,d"), STR("m")));
	CHECK_STR(get(&g, "m.1"), "b,c");
	CHECK_STR(get(&g, "m.3"), "d");
	CHECK(!get(&g, "m.2").p);
	for (unsigned i = 0; i < 40; i++) /* more than there is room for */
		(void)text_kv(&g, STR("a=1 b=2"));
	CHECK_INT(g.n, ARRAY_LEN(room));
}

TAP_MAIN
