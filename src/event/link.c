/* SPDX-License-Identifier: Apache-2.0 */
#include "event/link.h"
#include "base/base64.h"
#include "event/entity.h"
#include "event/ip.h"
#include "event/names.h"
#include <libpsl.h>
#include <string.h>

#define PART_MAX 1024 /* bytes looked at after the host */

static const char *const names[LINK_MARKS] = {
	[LINK_ADDRESS] = "address",   [LINK_HOSTED] = "hosted", [LINK_TOKEN] = "token",
	[LINK_NUMBERS] = "numbers",   [LINK_SHORT] = "short",	[LINK_PERSONAL] = "personal",
	[LINK_REDIRECT] = "redirect", [LINK_LURE] = "lure",
};

const char *link_mark_name(enum link_mark m)
{
	return names[m];
}

/* Index of the first byte of s out of set, or its length. */
static size_t until(struct str s, const char *set)
{
	size_t i = 0;

	while (i < s.len && !(s.p[i] && strchr(set, s.p[i])))
		i++;
	return i;
}

/* What follows the host: "/path?query#part". */
static struct str after_host(struct str url)
{
	size_t at = str_find(url, STR("://"));

	if (at == SIZE_MAX)
		return (struct str){NULL, 0};
	url = str_sub(url, at + 3, url.len);
	url = str_sub(url, until(url, "/?#\\"), url.len);
	return str_sub(url, 0, PART_MAX);
}

/* Decodes esc HH (percent of a link, or '-' of URL Defense 2) of s into out; its length. */
static size_t unescape(struct str s, char esc, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		int a = -1, b = -1;

		if (s.p[i] == esc && i + 2 < s.len) {
			a = hex_digit(s.p[i + 1]);
			b = hex_digit(s.p[i + 2]);
		}
		if (a >= 0 && b >= 0) {
			out[n++] = (char)(a << 4 | b);
			i += 2;
		} else {
			out[n++] = s.p[i];
		}
	}
	return n;
}

/* Either alphabet of base64 as the plain one. */
static char plain64(char c)
{
	return c == '-' ? '+' : c == '_' ? '/' : c;
}

/* Its length. out has room for s.len, and may be s.p. */
static size_t from_base64(struct str s, char *out)
{
	for (size_t i = 0; i < s.len; i++)
		out[i] = plain64(s.p[i]);
	return base64_decode(str_n(out, s.len), out, s.len);
}

static size_t from_hex(struct str s, char *out)
{
	size_t n = 0;

	for (size_t i = 0;
	     i + 1 < s.len && hex_digit(s.p[i]) >= 0 && hex_digit(s.p[i + 1]) >= 0; i += 2)
		out[n++] = (char)(hex_digit(s.p[i]) << 4 | hex_digit(s.p[i + 1]));
	return n;
}

/* Those who put a link of theirs in front of another: the other one is in this parameter. */
static const struct {
	const char *host, *param; /* host: whole, or from its first '.' on a tail */
	char coding;		  /* % percent, 2 and 3 URL Defense, b base64, a after a date */
} wrappers[] = {
	{".safelinks.protection.outlook.com", "url=", '%'},
	{"urldefense.com", "/v3/__", '3'},
	{"urldefense.us", "/v3/__", '3'},
	{"urldefense.proofpoint.com", "u=", '2'},
	{"urldefense.com", "u=", '2'},
	{".protection.sophos.com", "u=", 'b'},
	{"linkprotect.cudasvc.com", "a=", '%'},
	{"protect.fireeye.com", "u=", '%'},
	{"protect2.fireeye.com", "u=", '%'},
	{"www.google.com", "q=", '%'},
	{"www.google.com", "url=", '%'},
	{"l.facebook.com", "u=", '%'},
	{"lm.facebook.com", "u=", '%'},
	{"web.archive.org", "/web/", 'a'},
};

/* The value of a parameter ("u=" after '?' or '&') or what follows a path ("/v3/__"). */
static struct str value_of(struct str rest, const char *param)
{
	struct str p = str_of(param);

	if (param[0] == '/')
		return str_starts(rest, p) ? str_sub(rest, p.len, rest.len)
					   : (struct str){NULL, 0};
	for (size_t i = 0; i + p.len < rest.len; i++)
		if ((rest.p[i] == '?' || rest.p[i] == '&') &&
		    str_eq(str_sub(rest, i + 1, i + 1 + p.len), p)) {
			rest = str_sub(rest, i + 1 + p.len, rest.len);
			return str_sub(rest, 0, until(rest, "&#"));
		}
	return (struct str){NULL, 0};
}

/* URL Defense 3 keeps the link as it is up to "__;", but may leave out one '/' of "://". */
static size_t undefend(struct str v, char *out)
{
	size_t at;

	v = str_sub(v, 0, str_find(v, STR("__;")));
	at = str_find(v, STR(":/"));
	if (at == SIZE_MAX || str_starts(str_sub(v, at, v.len), STR("://"))) {
		memcpy(out, v.p, v.len);
		return v.len;
	}
	memcpy(out, v.p, at + 2);
	memcpy(out + at + 2, v.p + at + 1, v.len - at - 1);
	return v.len + 1;
}

static struct str uncode(struct str v, char coding, struct arena *mem)
{
	char *out = arena_alloc(mem, v.len + 1);
	size_t n;

	if (!out)
		return (struct str){NULL, 0};
	if (coding == '3')
		return str_n(out, undefend(v, out));
	if (coding == 'a')
		v = str_sub(v, str_chr(v, '/', 0) + 1, v.len);
	n = unescape(v, coding == '2' ? '-' : '%', out);
	for (size_t i = 0; coding == '2' && i < n; i++)
		out[i] = out[i] == '_' ? '/' : out[i];
	if (coding == 'b')
		n = from_base64(str_n(out, n), out);
	return str_n(out, n);
}

struct str link_target(struct str url, struct arena *mem)
{
	for (unsigned depth = 0; depth < 3; depth++) {
		struct str host = name_url_host(url), rest = after_host(url), v = {NULL, 0};
		size_t i;

		for (i = 0; i < ARRAY_LEN(wrappers) && !v.len; i++) {
			struct str w = str_of(wrappers[i].host);

			if (w.p[0] == '.'
				    ? host.len > w.len &&
					      str_ieq(str_sub(host, host.len - w.len, host.len),
						      w)
				    : str_ieq(host, w))
				v = value_of(rest, wrappers[i].param);
		}
		if (!v.len)
			break;
		v = uncode(v, wrappers[i - 1].coding, mem);
		if (!v.p)
			return v;
		if (!name_url_host(v).len)
			break;
		url = v;
	}
	return url;
}

/*
 * A run of letters and digits that no person would choose: twelve or more, in which letters and
 * digits or small and capital letters change places often. The names of commits (40 or 64 hex
 * digits) are shown to people and left out; CamelCase changes, but its words are longer.
 */
static bool is_token(struct str run)
{
	size_t digits = 0, hexes = 0, turns = 0, rises = 0;

	if (run.len < 12)
		return false;
	for (size_t i = 0; i < run.len; i++) {
		digits += digit_c(run.p[i]);
		hexes += hex_digit(run.p[i]) >= 0;
		if (i == 0)
			continue;
		turns += digit_c(run.p[i]) != digit_c(run.p[i - 1]);
		rises += upper_c(run.p[i]) && letter_c(run.p[i - 1]) && !upper_c(run.p[i - 1]);
	}
	if (digits == run.len || (hexes == run.len && (run.len == 40 || run.len == 64)))
		return false;
	return turns >= 3 || (rises >= 4 && rises * 4 >= run.len) ||
	       (turns && turns + rises >= 4);
}

static bool holds_token(struct str s)
{
	for (size_t i = 0, from = 0; i <= s.len; i++) {
		if (i < s.len && (digit_c(s.p[i]) || letter_c(s.p[i])))
			continue;
		if (is_token(str_sub(s, from, i)))
			return true;
		from = i + 1;
	}
	return false;
}

/* "a@b.org" somewhere in s. */
static bool holds_address(struct str s)
{
	for (size_t i = 1; i + 4 < s.len; i++) {
		size_t end = i + 1;

		if (s.p[i] != '@' || !(letter_c(s.p[i - 1]) || digit_c(s.p[i - 1])))
			continue;
		while (end < s.len &&
		       (letter_c(s.p[end]) || digit_c(s.p[end]) || s.p[end] == '-'))
			end++;
		if (end > i + 1 && end + 2 < s.len && s.p[end] == '.' &&
		    letter_c(s.p[end + 1]) && letter_c(s.p[end + 2]))
			return true;
	}
	return false;
}

/* An address in it as it stands, or in a run of base64 or hex digits. */
static bool personal(struct str s)
{
	char tmp[PART_MAX];

	if (holds_address(s))
		return true;
	for (size_t i = 0, from = 0; i <= s.len; i++) {
		struct str run = str_sub(s, from, i);

		/* '/' is a digit of base64, and parts paths: runs between slashes are tried. */
		if (i < s.len && s.p[i] != '/' && base64_digit(plain64(s.p[i])) < 64)
			continue;
		if (run.len >= 12 && (holds_address(str_n(tmp, from_base64(run, tmp))) ||
				      holds_address(str_n(tmp, from_hex(run, tmp)))))
			return true;
		from = i + 1;
	}
	return false;
}

/* Four parts of a path, or three values of a query, that are nothing but numbers. */
static bool numbered(struct str s)
{
	size_t in_path = 0, in_query = 0;
	bool query = false;

	for (size_t i = 0; i < s.len; i++) {
		size_t end = i + 1;

		query |= s.p[i] == '?';
		if (!strchr("/=", s.p[i] ? s.p[i] : 'x'))
			continue;
		while (end < s.len && digit_c(s.p[end]))
			end++;
		if (end == i + 1 || (end < s.len && !strchr("/?&#", s.p[end] ? s.p[end] : 'x')))
			continue;
		if (s.p[i] == '/')
			in_path++;
		else
			in_query += query;
	}
	return in_path >= 4 || in_query >= 3;
}

/* "/dxaCBk" of a short host: one part of four to eight in which cases or kinds are mixed. */
static bool shortened(struct str host, struct str rest)
{
	bool digits = false, small = false, capital = false;
	struct str part = str_sub(rest, 1, rest.len);

	part = str_sub(part, 0, until(part, "#"));
	if (part.len < 4 || part.len > 8 || host.len > 14)
		return false;
	for (size_t i = 0; i < part.len; i++) {
		if (!digit_c(part.p[i]) && !letter_c(part.p[i]))
			return false;
		digits |= digit_c(part.p[i]);
		small |= letter_c(part.p[i]) && !upper_c(part.p[i]);
		capital |= i > 0 && upper_c(part.p[i]);
	}
	return (digits && (small || capital)) || (small && capital);
}

/* Another link in it, or the mark of a page fetched through somebody's cache. */
static bool redirects(struct str s)
{
	for (size_t i = 1; i + 5 < s.len; i++)
		if (str_ieq(str_sub(s, i, i + 5), STR("http:")) ||
		    str_ieq(str_sub(s, i, i + 6), STR("https:")))
			return true;
	return str_find(s, STR("/amp/s/")) != SIZE_MAX;
}

static bool lures(struct str s)
{
	static const char *const words[] = {
		"login",	"log-in",   "logon",	  "signin",  "sign-in",	 "verify",
		"verification", "validate", "validation", "secure",  "security", "account",
		"password",	"wallet",   "webmail",	  "confirm", "unlock",	 "recover",
		"billing",	"invoice",  "auth",	  "update",  "helpdesk", "suspend",
	};

	for (size_t i = 0; i < s.len; i++)
		for (size_t w = 0; (i == 0 || !letter_c(s.p[i - 1])) && w < ARRAY_LEN(words);
		     w++) {
			struct str word = str_of(words[w]);

			if (str_ieq(str_sub(s, i, i + word.len), word))
				return true;
		}
	return false;
}

/* A name below which its owner gives names to others. */
static bool private_suffix(struct str s)
{
	char z[256];

	if (s.len >= sizeof(z) || str_chr(s, '.', 0) == SIZE_MAX || !psl_builtin())
		return false;
	for (size_t i = 0; i < s.len; i++)
		z[i] = lower_c(s.p[i] ? s.p[i] : '?');
	z[s.len] = 0;
	return psl_is_public_suffix2(psl_builtin(), z, PSL_TYPE_PRIVATE);
}

static bool hosted(struct str host)
{
	struct str d = domain_registrable(host);
	size_t dot = str_chr(d, '.', 0);

	/* "s3.amazonaws.com/bucket": the place is named in the path. */
	return private_suffix(d) || (dot < d.len && private_suffix(str_sub(d, dot + 1, d.len)));
}

unsigned link_marks(struct str url)
{
	struct str host = name_url_host(url), rest = after_host(url), first;
	char tmp[PART_MAX];
	unsigned m = 0;
	struct ip ip;

	if (!host.len)
		return 0;
	first = str_sub(rest, 1, rest.len);
	first = str_sub(first, 0, until(first, "/?#"));
	m |= ip_parse(host, &ip) ? 1u << LINK_ADDRESS : 0;
	m |= !m && hosted(host) ? 1u << LINK_HOSTED : 0;
	m |= holds_token(rest) ? 1u << LINK_TOKEN : 0;
	m |= numbered(rest) ? 1u << LINK_NUMBERS : 0;
	m |= shortened(host, rest) ? 1u << LINK_SHORT : 0;
	m |= lures(host) || lures(first) ? 1u << LINK_LURE : 0;
	rest = str_n(tmp, unescape(rest, '%', tmp));
	m |= personal(rest) ? 1u << LINK_PERSONAL : 0;
	m |= redirects(rest) ? 1u << LINK_REDIRECT : 0;
	return m;
}
