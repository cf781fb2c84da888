/* SPDX-License-Identifier: Apache-2.0 */
#include "event/link.h"
#include "tap.h"
#include <stdio.h>
#include <string.h>

/* The names of the marks of url, divided by blanks. */
static void check(const char *url, const char *want)
{
	unsigned m = link_marks(str_of(url));
	char got[128] = "";

	for (unsigned i = 0; i < LINK_MARKS; i++)
		if (m & 1u << i)
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s",
				 *got ? " " : "", link_mark_name(i));
	if (strcmp(got, want))
		printf("# %s\n", url);
	CHECK_STR(str_of(got), want);
}

TEST(pages_people_link_to)
{
	check("https://www.example.org/", "");
	check("https://en.wikipedia.org/wiki/Ethernet_frame#Types", "");
	check("https://lists.example.org/archives/2020/11/16/msg00017.html", "");
	check("https://git.example.org/c/f00ba4f00ba4f00ba4f00ba4f00ba4f00ba4f00b", "");
	check("https://example.org/HowToWriteALetterInTheFile", "");
	check("https://example.org/ls?page=3", "");
	check("ftp://example.org/pub/tool-3.1.6.tar.bz2", "");
	check("", "");
	check("not a link", "");
}

TEST(marks)
{
	check("http://203.0.113.7/a", "address");
	check("http://[2001:db8::7]/a", "address");
	check("https://somebody.github.io/page.html", "hosted");
	check("https://example.com/x/dkxVUAIIDgAHHl4MAgxTBQ", "token");
	check("https://example.com/?q=0f3a91c2d4e5b6a7", "token");
	check("http://example.com/cl/2010/20/58/23", "numbers");
	check("http://example.com/?a=7395&oc=19986&c=54078", "numbers");
	check("https://ex.am/dxaCBk", "short");
	check("https://ex.am/about", "");
	check("http://example.com/?m=anna@example.org", "personal");
	check("http://example.com/?m=anna%40example.org", "personal");
	check("http://example.com/u/YW5uYS5iQGV4YW1wbGUub3Jn", "token personal");
	check("http://example.com/u/616e6e61406578616d706c652e6f7267", "token personal");
	check("http://example.com/r?to=http://bad.example/", "redirect");
	check("http://example.com/r?to=https%3A%2F%2Fbad.example", "redirect");
	check("https://secure-login.example.com/", "lure");
	check("https://example.com/verify?x", "lure");
}

static void leads(const char *url, const char *want)
{
	struct arena mem;

	arena_init(&mem, MIB);

	CHECK_STR(link_target(str_of(url), &mem), want);
	arena_free(&mem);
}

TEST(wrappers)
{
	leads("https://example.org/?url=https://x.example",
	      "https://example.org/?url=https://x.example");
	leads("https://eur03.safelinks.protection.outlook.com/"
	      "?url=https%3A%2F%2Fexample.org%2Fa&data=5",
	      "https://example.org/a");
	leads("https://urldefense.com/v3/__https://example.org/a__;!!Mak6",
	      "https://example.org/a");
	leads("https://urldefense.com/v3/__https:/example.org/a__;!!Mak6",
	      "https://example.org/a");
	leads("https://urldefense.com/v3/__", "https://urldefense.com/v3/__");
	leads("https://urldefense.proofpoint.com/v2/url?u=https-3A__example.org_a-2Db&d=x",
	      "https://example.org/a-b");
	leads("https://eu-west-1.protection.sophos.com?d=x&u=aHR0cHM6Ly9leGFtcGxlLm9yZy9h",
	      "https://example.org/a");
	leads("https://www.google.com/url?q=https://example.org/a&sa=D",
	      "https://example.org/a");
	leads("https://web.archive.org/web/19970709101821/http://example.org/a",
	      "http://example.org/a");
	/* one within another, and no end of them */
	leads("https://www.google.com/"
	      "url?q=https%3A%2F%2Furldefense.com%2Fv3%2F__https%3A%2F%2Fexample.org%2F__%3B",
	      "https://example.org/");
	/* what is wrapped is no link: what stands there counts */
	leads("https://www.google.com/url?q=nothing", "https://www.google.com/url?q=nothing");
}

TAP_MAIN
