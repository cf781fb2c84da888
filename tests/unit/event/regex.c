/* SPDX-License-Identifier: Apache-2.0 */
#include "event/filter_priv.h"
#include "tap.h"
#include <stdio.h>
#include <string.h>

static struct arena mem;
static char words[512];

/* Into words, divided by |. False: there are none. */
static bool anchors(const char *re)
{
	const struct anchor_words *w;

	arena_init(&mem, MIB);
	w = regex_anchors(str_of(re), &mem);
	*words = 0;
	for (uint32_t i = 0; i < w->n; i++)
		snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s%.*s",
			 i ? "|" : "", STR_ARG(w->word[i]));
	return w->cost != ANCHOR_NONE;
}

static void check(const char *re, const char *want)
{
	bool has = anchors(re);

	if (strcmp(words, want))
		printf("# %s\n", re);
	CHECK_STR(str_of(words), want);
	CHECK(has == (*want != 0));
	arena_free(&mem);
}

TEST(what_must_be_there)
{
	check("sekurlsa", "sekurlsa");
	check("\\bnetsh(\\.exe)?\"?\\s+interface", "interface");
	check("mimikatz|rubeus|safetykatz", "mimikatz|rubeus|safetykatz");
	check("(certutil|bitsadmin)\\s.*https?:", "certutil|bitsadmin");
	check("(?:certutil|bitsadmin)\\s", "certutil|bitsadmin");
	check("(?i)\\bpaypal\\b", "paypal");
	check("colou?rful", "colo");
	check("ab+cdef", "cdef");
	check("^/var/log/(auth\\.log|secure)$", "/var/log/");
	check("/proc/[0-9]+/(mem|maps)\\b", "/proc/");
	check("(wget|curl)+ ", "wget|curl");
	check("\\x41bcd\\x{1D400}efgh", "efgh");
	check("\\pLong|abc", "ong|abc");
	check("[[:alpha:]x|y]longer", "longer");
	check("[]|]longer", "longer");
	check("[^]|\\]]longer", "longer");
	check("\\[a|b\\]longer", "");
}

TEST(what_need_not_be_there)
{
	check("", "");
	check("abc|", "");
	check("abc|d", "");
	check("(abc)?", "");
	check("(abc)*", "");
	check("(abc){0,2}", "");
	check("abc{0}", "");
	check("a.b.c", "");
	check("(?=abc)", "");
	check("(?!abcdef)", "");
	check("(?<name>abcdef)", "");
	check("\\Qabc\\E", "");
	check("(?x) a b c", "");
	check("\\141\\142", "");
	check("\\cAb", "");
	check("((((((((((abcdef))))))))))", "");
}

/* Whatever a random expression matches holds one of its anchors. */
static uint32_t state = 1;

static uint32_t chance(uint32_t n)
{
	state = state * 1664525 + 1013904223;
	return (state >> 16) % n;
}

static void random_re(char *out, size_t max)
{
	static const char *const bits[] = {"abc", "ab",	 "c",	 "(",	  ")",	  "|",
					   "?",	  "*",	 "+",	 ".",	  "[ab]", "\\w",
					   "\\b", "(?:", "[^|]", "{0,1}", "bca",  "\\.",
					   "^",	  "$",	 "a",	 "\\x61", "{2}",  "cab"};
	size_t n = 3 + chance(9);

	*out = 0;
	for (size_t i = 0; i < n; i++)
		strncat(out, bits[chance(ARRAY_LEN(bits))], max - strlen(out) - 1);
}

static bool has_word(const char *text)
{
	char copy[sizeof(words)], *rest = copy, *w;

	strcpy(copy, words);
	while ((w = strsep(&rest, "|")))
		if (str_find(str_of(text), str_of(w)) != SIZE_MAX)
			return true;
	return false;
}

TEST(random_expressions)
{
	size_t compiled = 0, matched = 0;

	for (size_t i = 0; i < 20000; i++) {
		struct pattern p = {0};
		char re[128], text[40], why[128];

		random_re(re, sizeof(re));
		if (pattern_regex(&p, str_of(re), false, false, false, why) == 0 &&
		    anchors(re)) {
			compiled++;
			for (size_t k = 0; k < 60; k++) {
				size_t n = chance(sizeof(text) - 1);

				for (size_t c = 0; c < n; c++)
					text[c] = "abc."[chance(4)];
				text[n] = 0;
				if (!pattern_text(&p, str_n(text, n)))
					continue;
				matched++;
				if (!has_word(text))
					printf("# %s matches %s without %s\n", re, text, words);
				CHECK(has_word(text));
			}
		}
		pattern_clear(&p);
		arena_free(&mem);
	}
	CHECK(compiled > 1000);
	CHECK(matched > 1000);
}

TAP_MAIN
