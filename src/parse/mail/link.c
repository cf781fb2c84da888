/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "base/utf8.h"
#include "parse/mail/mail.h"

#define URL_MAX ((size_t)2048)

struct str mail_text(struct mail *m, struct str s, size_t max)
{
	size_t n = 0;
	char *p;

	s = str_trim(str_sub(s, 0, MIN(s.len, max)));
	p = arena_alloc(m->mem, s.len + 1);
	if (!p) {
		m->oom = true;
		return (struct str){NULL, 0};
	}
	for (size_t i = 0; i < s.len;) {
		size_t k = utf8_len(s, i);

		if (k == 1 && ((unsigned char)s.p[i] < ' ' || s.p[i] == 127)) {
			/* A folded line leaves one space behind. */
			if (n && p[n - 1] != ' ')
				p[n++] = ' ';
			i++;
		} else if (k == 0) {
			p[n++] = '?';
			i++;
		} else {
			memcpy(p + n, s.p + i, k);
			n += k;
			i += k;
		}
	}
	p[n] = 0;
	return str_n(p, n);
}

static bool grow(struct mail *m, struct mail_list *l)
{
	uint32_t cap = MIN(l->cap ? l->cap * 2 : 8, l->max);
	struct val *v = arena_alloc(m->mem, cap * sizeof(*v));
	uint64_t *h = arena_alloc(m->mem, cap * sizeof(*h));

	if (!v || !h) {
		m->oom = true;
		return false;
	}
	if (l->n) {
		memcpy(v, l->v, l->n * sizeof(*v));
		memcpy(h, l->hash, l->n * sizeof(*h));
	}
	l->v = v;
	l->hash = h;
	l->cap = cap;
	return true;
}

bool mail_list_add(struct mail *m, struct mail_list *l, struct str s, size_t max)
{
	uint64_t h;

	s = str_trim(str_sub(s, 0, MIN(s.len, max)));
	if (s.len == 0 || l->n >= l->max)
		return false;
	h = hash_str(s, 0);
	for (uint32_t i = 0; i < l->n; i++)
		if (l->hash[i] == h)
			return false;
	if (l->n == l->cap && !grow(m, l))
		return false;
	s = mail_text(m, s, max);
	if (!s.p)
		return false;
	l->hash[l->n] = h;
	l->v[l->n++] = val_s(s);
	return true;
}

struct str mail_link_host(struct str url)
{
	size_t at = str_find(url, STR("//")), end, user;
	struct str h;

	if (at == SIZE_MAX)
		return (struct str){NULL, 0};
	at += 2;
	while (at < url.len && (url.p[at] == '/' || url.p[at] == '\\'))
		at++; /* browsers take http:///host for http://host */
	for (end = at; end < url.len && !strchr("/?#\\", url.p[end]); end++)
		;
	h = str_sub(url, at, end);
	for (user = h.len; user > 0 && h.p[user - 1] != '@'; user--)
		;
	h = str_sub(h, user, h.len);
	if (h.len && h.p[0] == '[') {
		size_t close = str_chr(h, ']', 0);

		return close == SIZE_MAX ? (struct str){NULL, 0} : str_sub(h, 1, close);
	}
	h = str_sub(h, 0, MIN(h.len, str_chr(h, ':', 0)));
	while (h.len && h.p[h.len - 1] == '.')
		h.len--;
	return h;
}

/* Whether s starts with a scheme of the web; *ret_len is the length of "https:". */
static bool web_scheme(struct str s, size_t *ret_len)
{
	static const char *const schemes[] = {"https:", "http:", "ftp:"};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t n = strlen(schemes[i]);

		if (s.len > n + 2 && str_ieq(str_sub(s, 0, n), str_of(schemes[i]))) {
			*ret_len = n;
			return true;
		}
	}
	return false;
}

bool mail_link(struct mail *m, struct str url)
{
	char tmp[URL_MAX + 8], host[256];
	size_t n = 0, scheme = 0;
	struct str u, h;

	url = str_trim(url);
	if (str_starts(url, STR("//"))) {
		memcpy(tmp, "http:", 5);
		n = 5;
	}
	/* As browsers do, line ends and tabs within are dropped and '\' counts as '/'. */
	for (size_t i = 0; i < url.len && n < URL_MAX; i++) {
		char c = url.p[i];

		if (c == '\n' || c == '\r' || c == '\t')
			continue;
		tmp[n++] = c;
	}
	u = str_n(tmp, n);
	if (!web_scheme(u, &scheme))
		return false;
	for (size_t i = 0; i < scheme; i++)
		tmp[i] = lower_c(tmp[i]);
	for (size_t i = scheme; i < n && (tmp[i] == '\\' || tmp[i] == '/'); i++)
		tmp[i] = '/';
	h = mail_link_host(u);
	if (h.len == 0 || h.len > 253)
		return false;
	for (size_t i = 0; i < h.len; i++) {
		host[i] = lower_c(h.p[i]);
		if ((unsigned char)host[i] <= ' ' || strchr("<>\"'(){}", host[i]))
			return false;
	}
	mail_list_add(m, &m->url_hosts, str_n(host, h.len), 253);
	mail_list_add(m, &m->urls, u, URL_MAX);
	return true;
}

static bool url_byte(char c)
{
	return (unsigned char)c > ' ' && c != 127 && !strchr("<>\"`{}|^", c);
}

/* Where a link that starts at `at` ends: without the punctuation of the sentence around it. */
static size_t url_end(struct str t, size_t at)
{
	size_t end = at, max = MIN(t.len, at + URL_MAX);
	int open = 0;

	while (end < max && url_byte(t.p[end]))
		end++;
	while (end > at && strchr(".,;:!?'*]", t.p[end - 1]))
		end--;
	/* ... and without a bracket that was opened before it. */
	for (size_t i = at; i < end; i++)
		open += t.p[i] == '(' ? 1 : t.p[i] == ')' ? -1 : 0;
	if (end > at && t.p[end - 1] == ')' && open < 0)
		end--;
	return end;
}

void mail_link_text(struct mail *m, struct str t)
{
	size_t at = 0, skip;

	/* Every link has "://" or starts with "www."; both are rare, so look for them first. */
	while (at + 4 < t.len) {
		size_t dot = str_find(str_sub(t, at, t.len), STR("://")), from, end;

		if (dot == SIZE_MAX)
			break;
		dot += at;
		for (from = dot; from > at && dot - from < 5 && lower_c(t.p[from - 1]) >= 'a' &&
				 lower_c(t.p[from - 1]) <= 'z';
		     from--)
			;
		while (from < dot && !web_scheme(str_sub(t, from, t.len), &skip))
			from++; /* "xhttp://" holds "http://" */
		end = url_end(t, dot);
		if (from < dot)
			mail_link(m, str_sub(t, from, end));
		at = MAX(end, dot + 3);
	}
	for (at = 0; at + 4 < t.len;) {
		size_t w = str_find(str_sub(t, at, t.len), STR("www.")), end;
		char tmp[URL_MAX + 8];

		if (w == SIZE_MAX)
			break;
		w += at;
		end = url_end(t, w);
		if ((w == 0 || !strchr("/.@-_=", t.p[w - 1])) && end - w > 6 &&
		    end - w < URL_MAX) {
			memcpy(tmp, "http://", 7);
			memcpy(tmp + 7, t.p + w, end - w);
			mail_link(m, str_n(tmp, end - w + 7));
		}
		at = MAX(end, w + 4);
	}
}
