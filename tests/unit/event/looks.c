/* SPDX-License-Identifier: Apache-2.0 */
#include "event/looks.h"
#include "tap.h"

static void check(const char *domain, const char *want)
{
	struct looks l;

	looks_of(str_of(domain), &l);
	CHECK_STR(str_n(l.text, l.len), want);
}

TEST(letters_that_look_alike)
{
	check("paypal.com", "paypal");
	check("PAYPA1.com", "paypal");
	check("micros0ft.com", "microsoft");
	check("rnicrosoft.com", "microsoft");
	check("vvikipedia.org", "wikipedia");
	check("bank-online.de", "bankonline");
	check("p\xd0\xb0ypal.com", "paypal"); /* Cyrillic a */
	check("m\xc3\xbcller.de", "muller");  /* u with dots */
	check("\xe1\xbb\xa5ser.de", "user");  /* the last of the table */
	check("xn--pypal-4ve.com", "paypal"); /* the same as Punycode */
	check("xn--mller-kva.de", "muller");  /* RFC 3492 by hand: u with dots */
	check("xn--e1awd7f.com", "epic");     /* Cyrillic throughout */
	check("xn--j6w193g.com", "??");	      /* no Latin letter looks like these */
	check("\xff\xfe.de", "??");	      /* no UTF-8 */
}

TEST(no_names)
{
	check("", "");
	check("localhost", "");
	check("[10.0.0.1]", "");
	check("xn--.de", "xn");
	check("xn--99999999999999.de", "");
	check("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.de", "");
}

TEST(distance)
{
	static const struct {
		const char *a, *b;
		unsigned apart;
	} cases[] = {
		{"", "", 0},	      {"a", "", 1},
		{"abc", "abc", 0},    {"abc", "abd", 2},
		{"abc", "ab", 1},     {"name", "mame", 1},
		{"line", "lime", 1},  {"kelwen", "zelwen", 2},
		{"ade", "ode", 1},    {"abc", "bc", 1},
		{"abc", "abxc", 1},   {"abc", "acb", 1},
		{"abcd", "badc", 2},  {"abc", "xbd", 2},
		{"abc", "abcde", 2},  {"aab", "ab", 1},
		{"abcabc", "abc", 2}, {"kitten", "kittne", 1},
		{"ab", "ba", 1},      {"aaaa", "aaa", 1},
		{"abcd", "adcb", 2},  {"abc", "cab", 2},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_INT(looks_apart(str_of(cases[i].a), str_of(cases[i].b)), cases[i].apart);
		CHECK_INT(looks_apart(str_of(cases[i].b), str_of(cases[i].a)), cases[i].apart);
	}
}

TAP_MAIN
