/* SPDX-License-Identifier: Apache-2.0 */
#include <gmime/gmime.h>
/* glib has its own; base/macros.h comes next */
#undef MIN
#undef MAX

#include "base/timeutil.h"
#include "event/entity.h"
#include "parse/mail/mail.h"
#include "parse/mail/quick.h"

#define ADDR_MAX  ((size_t)320)
#define VALUE_MAX (16 * KIB)

/* One mailbox of an address list. Views into the list, still encoded. */
struct mailbox {
	struct str name, addr;
};

/* The end of a quoted string, comment or <...> that opens at i; nested comments count. */
static size_t skip_quoted(struct str s, size_t i)
{
	char open = s.p[i], close = open == '(' ? ')' : open == '<' ? '>' : '"';
	size_t depth = 0;

	for (; i < s.len; i++) {
		if (s.p[i] == '\\' && open != '<')
			i++;
		else if (s.p[i] == close && (open != '"' || depth))
			depth--;
		else if (s.p[i] == open)
			depth++;
		if (depth == 0)
			return MIN(i + 1, s.len);
	}
	return s.len;
}

/* Takes the next mailbox off a list: one pass, no recursion, group names are dropped. */
static bool next_mailbox(struct str s, size_t *pos, struct mailbox *ret)
{
	struct mailbox b = {{NULL, 0}, {NULL, 0}};
	size_t start = *pos, i = start;
	bool angle = false;

	for (; i < s.len && s.p[i] != ',' && s.p[i] != ';';) {
		if (s.p[i] == '<') {
			size_t end = skip_quoted(s, i);

			b.name = str_trim(str_sub(s, start, i));
			b.addr = str_trim(str_sub(s, i + 1, end - (s.p[end - 1] == '>')));
			angle = true;
			i = end;
		} else if (s.p[i] == '"' || s.p[i] == '(') {
			size_t end = skip_quoted(s, i);

			if (s.p[i] == '(' && !angle && b.addr.len == 0) {
				b.addr = str_trim(str_sub(s, start, i));
				b.name = str_trim(str_sub(s, i + 1, end - 1));
			}
			i = end;
		} else {
			if (s.p[i] == ':' && !angle)
				start = i + 1; /* "group: a, b;" */
			i++;
		}
	}
	if (b.addr.len == 0 && !angle)
		b.addr = str_trim(str_sub(s, start, i));
	*pos = MIN(i + 1, s.len);
	*ret = b;
	return i > start || i < s.len;
}

/* Writes an address in lower case into out; empty when it has no '@'. */
static struct str address(struct str a, char out[ADDR_MAX])
{
	size_t n = 0;
	bool at = false;

	if (str_starts(a, STR("mailto:")))
		a = str_sub(a, 7, a.len);
	for (size_t i = 0; i < a.len; i++) {
		char c = lower_c(a.p[i]);

		if ((unsigned char)c <= ' ' || c == '"' || c == '<' || c == '>')
			continue;
		if (n == ADDR_MAX)
			return (struct str){NULL, 0};
		at |= c == '@';
		out[n++] = c;
	}
	return at ? str_n(out, n) : (struct str){NULL, 0};
}

/* A value with RFC 2047 words decoded, quotes taken off a phrase. */
static struct str decoded(struct mail *m, struct str raw, size_t max)
{
	char *z, *text;
	struct str s;

	raw = str_sub(raw, 0, MIN(raw.len, VALUE_MAX));
	if (raw.len >= 2 && raw.p[0] == '"' && raw.p[raw.len - 1] == '"')
		raw = str_sub(raw, 1, raw.len - 1);
	if (str_find(raw, STR("=?")) == SIZE_MAX)
		return mail_text(m, raw, max);
	z = arena_strz(m->mem, raw);
	if (!z) {
		m->oom = true;
		return (struct str){NULL, 0};
	}
	text = g_mime_utils_header_decode_text(NULL, z);
	s = mail_text(m, str_of(text), max);
	g_free(text);
	return s;
}

static struct str first_address(struct mail *m, struct str value, struct str *ret_name)
{
	char tmp[ADDR_MAX];
	struct mailbox b;
	size_t pos = 0;

	while (pos < value.len && next_mailbox(value, &pos, &b)) {
		struct str a = address(b.addr, tmp);

		if (a.len == 0)
			continue;
		if (ret_name)
			*ret_name = decoded(m, b.name, 256);
		return mail_text(m, a, ADDR_MAX);
	}
	return (struct str){NULL, 0};
}

static void all_addresses(struct mail *m, struct str value)
{
	char tmp[ADDR_MAX];
	struct mailbox b;
	size_t pos = 0;

	while (pos < value.len && m->to.n < m->to.max && next_mailbox(value, &pos, &b))
		mail_list_add(m, &m->to, address(b.addr, tmp), ADDR_MAX);
}

/* The next word of s from *pos on, split at white space and the given bytes. */
static bool next_word(struct str s, size_t *pos, const char *seps, struct str *ret)
{
	size_t i = *pos, from;

	while (i < s.len && ((unsigned char)s.p[i] <= ' ' || strchr(seps, s.p[i])))
		i++;
	from = i;
	while (i < s.len && (unsigned char)s.p[i] > ' ' && !strchr(seps, s.p[i]))
		i++;
	*pos = i;
	*ret = str_sub(s, from, i);
	return i > from;
}

/* An address that anybody on the internet may have; private ones are inner hops. */
static bool public_ip(struct str s, char out[64])
{
	GInetAddress *a;
	bool ok;

	if (str_starts(s, STR("IPv6:")))
		s = str_sub(s, 5, s.len);
	if (s.len < 3 || s.len > 45 || s.p[0] > 'f' ||
	    (!memchr(s.p, ':', s.len) && !memchr(s.p, '.', s.len)))
		return false;
	memcpy(out, s.p, s.len);
	out[s.len] = 0;
	a = g_inet_address_new_from_string(out);
	if (!a)
		return false;
	ok = !g_inet_address_get_is_loopback(a) && !g_inet_address_get_is_link_local(a) &&
	     !g_inet_address_get_is_site_local(a) && !g_inet_address_get_is_any(a) &&
	     !str_starts(str_of(out), STR("fc")) && !str_starts(str_of(out), STR("fd"));
	g_object_unref(a);
	return ok;
}

/*
 * "from HELO (name [ip]) by HOST with ...; date", topmost first. What counts is the hand-over
 * from outside: within a house (a large one has public addresses) server hands to server.
 */
static void received(struct mail *m, struct str v, bool top)
{
	struct str w, helo = {NULL, 0};
	bool by = false, from = false, inside = false;
	char ip[64] = "";
	size_t pos = 0;

	v = str_sub(v, 0, MIN(v.len, 4 * KIB));
	if (top)
		m->received_time = mail_text(m, mail_received_date(v), 128);
	while (next_word(v, &pos, "()[];,", &w)) {
		if (str_ieqz(w, "by")) {
			if (!next_word(v, &pos, "()[];,", &w))
				break;
			mail_list_add(m, &m->received_by, w, 253);
			by = true;
			inside = helo.len &&
				 str_ieq(domain_registrable(helo), domain_registrable(w));
		} else if (str_ieqz(w, "from") && !from && !by) {
			from = true;
			if (!next_word(v, &pos, "()[];,", &w))
				break;
			helo = w;
		}
		if (by)
			break;
		if (from && !*ip && !public_ip(w, ip))
			*ip = 0;
	}
	if (!*ip || (m->received_ip.len && !m->handed_inside))
		return;
	/* Where all hops are within one house, the topmost counts. */
	if (m->received_ip.len == 0 || !inside) {
		m->received_ip = mail_text(m, str_of(ip), 64);
		m->helo = mail_text(m, helo, 253);
		m->handed_inside = inside;
	}
}

/* "Pass", as Received-SPF says it, and "pass" are one. */
static struct str lowered(struct mail *m, struct str s)
{
	char tmp[32];
	size_t n = MIN(s.len, sizeof(tmp));

	for (size_t i = 0; i < n; i++)
		tmp[i] = lower_c(s.p[i]);
	return mail_text(m, str_n(tmp, n), n);
}

static void auth_result(struct mail *m, struct str method, struct str result)
{
	if (str_ieqz(method, "spf") && !m->spf.len)
		m->spf = lowered(m, result);
	else if (str_ieqz(method, "dmarc") && !m->dmarc.len)
		m->dmarc = lowered(m, result);
	else if (str_ieqz(method, "dkim") && (!m->dkim.len || str_ieqz(result, "pass")))
		m->dkim = lowered(m, result); /* one good signature of several is enough */
}

/*
 * "authserv.example; spf=pass (why) smtp.mailfrom=x; dkim=none". Exchange leaves the server
 * out. Comments are passed over: they may quote what the sender chose.
 */
static void auth_results(struct mail *m, struct str v)
{
	bool first = true; /* of its clause: only there stands a result */

	v = str_sub(v, 0, MIN(v.len, VALUE_MAX));
	for (size_t i = 0; i < v.len;) {
		size_t from = i, eq;
		struct str w;

		if ((unsigned char)v.p[i] <= ' ') {
			i++;
			continue;
		}
		if (v.p[i] == ';') {
			first = true;
			i++;
			continue;
		}
		if (v.p[i] == '(' || v.p[i] == '"') {
			i = skip_quoted(v, i);
			continue;
		}
		while (i < v.len && (unsigned char)v.p[i] > ' ' && !strchr(";(\"", v.p[i]))
			i++;
		w = str_sub(v, from, i);
		eq = str_chr(w, '=', 0);
		if (first && eq != SIZE_MAX)
			auth_result(m, str_sub(w, 0, eq), str_sub(w, eq + 1, w.len));
		first = false;
	}
}

static bool reply_prefix(struct str s)
{
	static const char *const p[] = {
		"re:", "aw:", "sv:", "antw:", "r\xc3\xa9:", "res:", "rv:"};

	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		if (str_ieq(str_sub(s, 0, strlen(p[i])), str_of(p[i])))
			return true;
	return false;
}

static uint32_t count_ids(struct str v)
{
	uint32_t n = 0;

	for (size_t i = 0; i < v.len; i++)
		n += v.p[i] == '<';
	return n;
}

static struct str unwrap(struct str s, char open, char close)
{
	s = str_trim(s);
	if (s.len >= 2 && s.p[0] == open && s.p[s.len - 1] == close)
		s = str_sub(s, 1, s.len - 1);
	return s;
}

enum head_field {
	H_FROM,
	H_SENDER,
	H_REPLY_TO,
	H_TO,
	H_SUBJECT,
	H_MESSAGE_ID,
	H_DATE,
	H_RECEIVED,
	H_RETURN_PATH,
	H_AUTH,
	H_RECEIVED_SPF,
	H_ORIGIN,
	H_AUTH_AS,
	H_MAILER,
	H_IN_REPLY_TO,
	H_REFERENCES,
	H_LIST_ID,
	H_LIST_UNSUB,
	H_LIST_POST,
	H_OTHER,
};

static enum head_field field_of(struct str name)
{
	static const struct {
		const char *name;
		enum head_field f;
	} t[] = {
		{"received", H_RECEIVED},
		{"from", H_FROM},
		{"to", H_TO},
		{"cc", H_TO},
		{"bcc", H_TO},
		{"delivered-to", H_TO},
		{"subject", H_SUBJECT},
		{"date", H_DATE},
		{"message-id", H_MESSAGE_ID},
		{"sender", H_SENDER},
		{"reply-to", H_REPLY_TO},
		{"return-path", H_RETURN_PATH},
		{"authentication-results", H_AUTH},
		{"received-spf", H_RECEIVED_SPF},
		{"x-originating-ip", H_ORIGIN},
		{"x-mailer", H_MAILER},
		{"x-ms-exchange-organization-authas", H_AUTH_AS},
		{"user-agent", H_MAILER},
		{"in-reply-to", H_IN_REPLY_TO},
		{"references", H_REFERENCES},
		{"list-id", H_LIST_ID},
		{"list-unsubscribe", H_LIST_UNSUB},
		{"list-post", H_LIST_POST},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (str_ieqz(name, t[i].name))
			return t[i].f;
	return H_OTHER;
}

/* A field that counts where it first stands. */
static void single(struct mail *m, enum head_field f, struct str v)
{
	char tmp[64];

	switch (f) {
	case H_FROM:
		m->from = first_address(m, v, &m->from_name);
		break;
	case H_SENDER:
		m->sender = first_address(m, v, NULL);
		break;
	case H_REPLY_TO:
		m->reply_to = first_address(m, v, NULL);
		break;
	case H_RETURN_PATH:
		m->return_path = first_address(m, v, NULL);
		break;
	case H_SUBJECT:
		m->subject = decoded(m, v, KIB);
		m->is_reply |= reply_prefix(m->subject);
		break;
	case H_MESSAGE_ID:
		m->message_id = mail_text(m, str_trim(v), 998);
		break;
	case H_DATE:
		m->date = mail_text(m, v, 128);
		break;
	case H_AUTH:
		auth_results(m, v);
		break;
	case H_ORIGIN:
		if (public_ip(unwrap(v, '[', ']'), tmp))
			m->x_originating_ip = mail_text(m, str_of(tmp), 64);
		break;
	case H_AUTH_AS:
		m->auth_as = mail_text(m, v, 64);
		break;
	case H_MAILER:
		m->mailer = decoded(m, v, 256);
		break;
	case H_IN_REPLY_TO:
		m->in_reply_to = mail_text(m, str_trim(v), 998);
		m->is_reply |= v.len > 0;
		break;
	case H_REFERENCES:
		m->references = count_ids(v);
		break;
	case H_LIST_ID:
		m->list_id = mail_text(m, v, 256);
		break;
	case H_LIST_UNSUB:
		m->list_unsubscribe = true;
		break;
	case H_LIST_POST: /* "NO" when nobody may (RFC 2369) */
		m->list_post = str_find(v, STR("mailto:")) != SIZE_MAX;
		break;
	default:
		break;
	}
}

void mail_head(struct mail *m, struct str msg)
{
	struct str name, v, spf = {NULL, 0};
	uint32_t seen = 0;
	size_t pos = 0;

	while (!m->oom && mail_head_next(msg, &pos, &name, &v)) {
		enum head_field f = field_of(name);
		bool top = !(seen & 1u << f);

		seen |= 1u << f;
		if (f == H_RECEIVED)
			received(m, v, top);
		else if (f == H_TO)
			all_addresses(m, v);
		else if (f == H_RECEIVED_SPF && top)
			spf = v;
		else if (top)
			single(m, f, v);
	}
	if (m->spf.len == 0 && spf.len) {
		pos = 0;
		if (next_word(spf, &pos, "(;", &v))
			m->spf = lowered(m, v);
	}
}
