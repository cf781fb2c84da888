/* SPDX-License-Identifier: Apache-2.0 */
#include "event/names.h"
#include "base/hash.h"
#include "event/entity.h"
#include <libpsl.h>
#include <stdio.h>

void name_lower(struct str s, struct name_buf *out)
{
	s = str_trim(s);
	out->len = MIN(s.len, (size_t)NAME_MAX_LEN);
	for (size_t i = 0; i < out->len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		out->p[i] = c < 0x20 || c == 0x7f ? '?' : lower_c(s.p[i]);
	}
	if (s.len > NAME_MAX_LEN)
		out->len += (size_t)snprintf(out->p + out->len, sizeof(out->p) - out->len,
					     "~%016llx", (unsigned long long)hash_istr(s, 0));
}

void name_join(struct str a, char sep, struct str b, struct name_buf *out)
{
	size_t na = MIN(a.len, (size_t)NAME_MAX_LEN / 2),
	       nb = MIN(b.len, (size_t)NAME_MAX_LEN / 2);

	if (na)
		memcpy(out->p, a.p, na);
	out->p[na] = sep;
	if (nb)
		memcpy(out->p + na + 1, b.p, nb);
	out->len = na + 1 + nb;
}

static bool in_list(struct str s, const char *const *list)
{
	for (; *list; list++)
		if (str_eqz(s, *list))
			return true;
	return false;
}

#define IN_LIST(s, ...) in_list(s, (const char *const[]){__VA_ARGS__, NULL})

bool name_generic_account(struct str s)
{
	return IN_LIST(s, "root", "admin", "administrator", "system", "guest", "ubuntu",
		       "ec2-user", "nobody", "debian", "centos", "user", "test", "daemon",
		       "www-data", "postgres", "mysql", "local service", "network service",
		       "anonymous logon", "anonymous", "sshd", "operator", "pi", "backup",
		       "service", "default", "bin", "mail");
}

bool name_generic_host(struct str s)
{
	return IN_LIST(s, "localhost", "android", "iphone", "ipad", "unknown", "espressif",
		       "localhost.localdomain", "debian", "ubuntu", "raspberrypi", "workgroup",
		       "-", "(none)", "host", "dhcp");
}

static bool is_guid(struct str s)
{
	if (s.len != 36)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		char c = s.p[i];
		bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');

		if (dash ? c != '-' : !hex)
			return false;
	}
	return true;
}

bool name_service_account(struct str s)
{
	static const char *const heads[] = {"svc-", "svc_",    "svc.", "sa-",	"service-",
					    "bot-", "system:", "akia", "msol_", "app-"};
	static const char *const tails[] = {"$",     "-svc",	       "_svc",	   "-bot",
					    "[bot]", ".amazonaws.com", "-service", "-sa"};
	struct str local = str_sub(s, 0, str_chr(s, '@', 0));

	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		if (str_starts(local, str_of(heads[i])))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(tails); i++)
		if (str_ends(local, str_of(tails[i])))
			return true;
	return is_guid(local) || str_ends(s, STR(".gserviceaccount.com")) ||
	       IN_LIST(local, "noreply", "no-reply", "mailer-daemon", "postmaster");
}

bool name_public_mail(struct str d)
{
	return IN_LIST(d, "gmail.com", "googlemail.com", "outlook.com", "hotmail.com",
		       "live.com", "yahoo.com", "gmx.de", "gmx.net", "web.de", "icloud.com",
		       "me.com", "aol.com", "proton.me", "protonmail.com", "t-online.de",
		       "msn.com");
}

bool name_private_domain(struct str s)
{
	static const char *const tails[] = {".local",	 ".lan",     ".internal",
					    ".corp",	 ".home",    ".localdomain",
					    ".intranet", ".private", ".home.arpa"};

	for (size_t i = 0; i < ARRAY_LEN(tails); i++)
		if (str_ends(s, str_of(tails[i])))
			return true;
	return false;
}

bool name_instance(struct str s)
{
	if (s.len < 10 || s.len > 19 || s.p[0] != 'i' || s.p[1] != '-')
		return false;
	for (size_t i = 2; i < s.len; i++)
		if (hex_digit(s.p[i]) < 0)
			return false;
	return true;
}

bool name_mac(struct str s)
{
	if (s.len != 17)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (i % 3 == 2 ? s.p[i] != ':' && s.p[i] != '-' : hex_digit(s.p[i]) < 0)
			return false;
	return true;
}

struct str name_base(struct str path)
{
	for (size_t i = path.len; i > 0; i--)
		if (path.p[i - 1] == '/' || path.p[i - 1] == '\\')
			return i == path.len ? path : str_sub(path, i, path.len);
	return path;
}

struct str name_url_host(struct str url)
{
	size_t at = str_find(url, STR("://")), end = 0, user = 0;

	if (at == SIZE_MAX)
		return (struct str){NULL, 0};
	url = str_sub(url, at + 3, url.len);
	while (end < url.len && !strchr("/?#\\ \t\r\n", url.p[end] ? url.p[end] : '/'))
		end++;
	url = str_sub(url, 0, end);
	for (size_t i = 0; i < url.len; i++)
		if (url.p[i] == '@')
			user = i + 1;
	url = str_sub(url, user, url.len);
	if (url.len && url.p[0] == '[')
		return str_sub(url, 1, str_chr(url, ']', 0));
	return str_sub(url, 0, str_chr(url, ':', 0));
}

struct str name_mail_domain(struct str addr)
{
	size_t at = SIZE_MAX, end;

	for (size_t i = addr.len; i > 0 && at == SIZE_MAX; i--)
		if (addr.p[i - 1] == '@')
			at = i;
	if (at == SIZE_MAX)
		return (struct str){NULL, 0};
	addr = str_sub(addr, at, addr.len);
	for (end = 0; end < addr.len && addr.p[end] != '>' && addr.p[end] > ' '; end++)
		;
	return str_sub(addr, 0, end);
}

/*
 * The public suffix list is walked once a name: the result is always a tail of the name, so a
 * direct-mapped table of hash -> length suffices. One table a thread.
 */
#define PSL_CACHE 8192

struct str domain_registrable(struct str name)
{
	static _Thread_local struct {
		uint64_t hash;
		uint32_t len, tail;
	} cache[PSL_CACHE];
	const psl_ctx_t *psl = psl_builtin();
	char z[256];
	const char *r;
	uint64_t h;

	while (name.len && name.p[name.len - 1] == '.')
		name.len--;
	if (name.len == 0 || name.len >= sizeof(z) || !psl ||
	    str_chr(name, '.', 0) == SIZE_MAX || str_chr(name, ':', 0) != SIZE_MAX ||
	    (name.p[name.len - 1] >= '0' && name.p[name.len - 1] <= '9'))
		return name;
	h = hash_bytes(name.p, name.len, 0);
	if (cache[h % PSL_CACHE].hash != h || cache[h % PSL_CACHE].len != name.len) {
		for (size_t i = 0; i < name.len; i++)
			z[i] = lower_c(name.p[i] ? name.p[i] : '?');
		z[name.len] = 0;
		r = psl_registrable_domain(psl, z);
		cache[h % PSL_CACHE].hash = h;
		cache[h % PSL_CACHE].len = (uint32_t)name.len;
		cache[h % PSL_CACHE].tail = (uint32_t)(r ? strlen(r) : name.len);
	}
	return str_sub(name, name.len - cache[h % PSL_CACHE].tail, name.len);
}

#define BROWSER(n)                                                            \
	{                                                                     \
		n " on Windows", n " on Android", n " on iOS", n " on macOS", \
			n " on ChromeOS", n " on Linux", n                    \
	}

/* The first mark that is found decides: every Chromium also says Chrome and Safari. */
static struct str ua_browser(struct str ua)
{
	static const char *const oses[] = {"Windows",  "Android", "iPhone OS",
					   "Mac OS X", "CrOS",	  "Linux"};
	static const struct {
		const char *mark, *name[ARRAY_LEN(oses) + 1];
	} browsers[] = {
		{"Edg", BROWSER("Edge")},
		{"OPR/", BROWSER("Opera")},
		{"Firefox/", BROWSER("Firefox")},
		{"FxiOS/", BROWSER("Firefox")},
		{"CriOS/", BROWSER("Chrome")},
		{"HeadlessChrome/", BROWSER("Headless Chrome")},
		{"Chrome/", BROWSER("Chrome")},
		{"Safari/", BROWSER("Safari")},
		{"Trident/", BROWSER("Internet Explorer")},
		{"MSIE ", BROWSER("Internet Explorer")},
	};
	size_t os = 0;

	for (size_t b = 0; b < ARRAY_LEN(browsers); b++) {
		if (str_find(ua, str_of(browsers[b].mark)) == SIZE_MAX)
			continue;
		while (os < ARRAY_LEN(oses) && str_find(ua, str_of(oses[os])) == SIZE_MAX)
			os++;
		return str_of(browsers[b].name[os]);
	}
	return (struct str){NULL, 0};
}

struct str name_ua_family(struct str ua)
{
	size_t end = 0;

	ua = str_trim(str_sub(ua, 0, 1024));
	if (ua.len && ua.p[0] == '[')
		ua = str_sub(ua, 1, ua.len);
	if (str_starts(ua, STR("Mozilla/"))) {
		struct str b = ua_browser(ua);
		size_t c = str_find(ua, STR("compatible; "));

		if (b.len || c == SIZE_MAX)
			return b.len ? b : STR("Mozilla");
		ua = str_sub(ua, c + strlen("compatible; "), ua.len);
	}
	/* The product ends at its version or at a comment. */
	for (; end < ua.len; end++) {
		char c = ua.p[end], n = end + 1 < ua.len ? ua.p[end + 1] : 0;

		if (strchr("/(;,]", c ? c : ';') || (c == ' ' && n >= '0' && n <= '9'))
			break;
	}
	return str_trim(str_sub(ua, 0, end));
}
