/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/text.h"
#include "event/ip.h"

#define KEY_MAX	  64
#define PARTS_MAX 128

void text_put(struct gather *g, struct str name, struct str v)
{
	if (g->n < g->cap && name.len && v.len)
		g->f[g->n++] = (struct field){name, val_s(v)};
}

/* s, which begins with the text, without it and without the blanks that follow its last. */
static struct str past(struct str s, struct str lit)
{
	s = str_sub(s, lit.len, s.len);
	while (lit.len && lit.p[lit.len - 1] == ' ' && s.len && s.p[0] == ' ')
		s = str_sub(s, 1, s.len);
	return s;
}

/* Whether an odd number of backslashes stands before s.p[at]. */
static bool escaped(struct str s, size_t at)
{
	size_t n = 0;

	while (n < at && s.p[at - 1 - n] == '\\')
		n++;
	return n % 2;
}

static size_t find_first(struct str s, struct str needle)
{
	size_t from = 0, i;

	while ((i = str_find(str_sub(s, from, s.len), needle)) != SIZE_MAX) {
		if (needle.p[0] != '"' || !escaped(s, from + i))
			return from + i;
		from += i + 1;
	}
	return SIZE_MAX;
}

static size_t find_last(struct str s, struct str needle)
{
	size_t at = SIZE_MAX, from = 0, i;

	while ((i = str_find(str_sub(s, from, s.len), needle)) != SIZE_MAX) {
		at = from + i;
		from = at + 1;
	}
	return at;
}

static bool all_digits(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.len > 0;
}

static bool is_kind(struct str kind, struct str v)
{
	struct ip ip;

	if (!kind.len)
		return true;
	if (str_eqz(kind, "ip"))
		return ip_parse(v, &ip);
	return str_eqz(kind, "num") ? all_digits(v) : v.len && str_chr(v, ' ', 0) == SIZE_MAX;
}

/* "{name:kind*}" at the start of *t, which moves past it. */
static struct str hole(struct str *t, struct str *ret_kind, bool *ret_last)
{
	size_t end = str_chr(*t, '}', 0);
	struct str name;

	*ret_last = t->p[end - 1] == '*';
	name = str_cut(str_sub(*t, 1, end - *ret_last), ':', ret_kind);
	*t = str_sub(*t, end + 1, t->len);
	return name;
}

bool text_form(struct gather *g, struct str s, struct str form)
{
	size_t before = g->n;

	while (form.len) {
		size_t lit = MIN(str_chr(form, '{', 0), form.len), at;
		struct str name, kind, v, follow;
		bool last;

		if (!str_starts(s, str_sub(form, 0, lit)))
			break;
		s = past(s, str_sub(form, 0, lit));
		form = str_sub(form, lit, form.len);
		if (!form.len)
			return true;
		name = hole(&form, &kind, &last);
		follow = str_sub(form, 0, MIN(str_chr(form, '{', 0), form.len));
		at = !follow.len ? s.len : last ? find_last(s, follow) : find_first(s, follow);
		if (at == SIZE_MAX)
			break;
		v = str_trim(str_sub(s, 0, at));
		if (!is_kind(kind, v))
			break;
		if (!str_eqz(v, "-"))
			text_put(g, name, v);
		s = str_sub(s, at, s.len);
		if (!form.len)
			return true;
	}
	g->n = before;
	return false;
}

bool text_form_ok(struct str form)
{
	bool need = false; /* text, since a name has just ended */

	if (!form.len)
		return false;
	for (size_t i = 0; i < form.len; i++) {
		size_t end;
		struct str in, kind;

		if (form.p[i] == '}')
			return false;
		if (form.p[i] != '{') {
			need = false;
			continue;
		}
		end = str_chr(form, '}', i);
		if (need || end == SIZE_MAX)
			return false;
		in = str_sub(form, i + 1, end);
		if (str_chr(in, '{', 0) != SIZE_MAX)
			return false;
		if (str_ends(in, STR("*")))
			in.len--;
		(void)str_cut(in, ':', &kind);
		if (kind.p && !str_eqz(kind, "ip") && !str_eqz(kind, "num") &&
		    !str_eqz(kind, "word"))
			return false;
		need = true;
		i = end;
	}
	return true;
}

static bool key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.';
}

/* Length of the key that begins at `at` and has = behind it, 0 when there is none. */
static size_t key_at(struct str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.len && n < KEY_MAX && key_char(s.p[at + n]))
		n++;
	return n && at + n < s.len && s.p[at + n] == '=' ? n : 0;
}

/* Text with \x as x (\n and \r as line ends); the text itself where it has no backslash. */
static struct str unescape(struct gather *g, struct str s)
{
	size_t n = 0;
	char *out;

	if (str_chr(s, '\\', 0) == SIZE_MAX)
		return s;
	out = arena_alloc(g->mem, s.len);
	for (size_t i = 0; out && i < s.len; i++) {
		if (s.p[i] != '\\' || i + 1 == s.len) {
			out[n++] = s.p[i];
			continue;
		}
		i++;
		out[n++] = s.p[i] == 'n' || s.p[i] == 'r' ? '\n' : s.p[i];
	}
	return (struct str){out, n};
}

bool text_kv(struct gather *g, struct str s)
{
	size_t before = g->n, i = 0;

	while (i < s.len) {
		size_t n = key_at(s, i), from = i + n + 1, end;
		bool quoted;

		if (!n) {
			i = str_chr(s, ' ', i);
			i = i == SIZE_MAX ? s.len : i + 1;
			continue;
		}
		quoted = from < s.len && s.p[from] == '"';
		end = from + quoted;
		while (end < s.len &&
		       (s.p[end] != (quoted ? '"' : ' ') || (quoted && escaped(s, end))))
			end++;
		if (quoted)
			text_put(g, str_sub(s, i, i + n),
				 unescape(g, str_sub(s, from + 1, end)));
		else
			text_put(g, str_sub(s, i, i + n), str_sub(s, from, end));
		i = end + 1;
		while (i < s.len && (s.p[i] == ' ' || s.p[i] == ','))
			i++;
	}
	return g->n > before;
}

/* Where the value that begins at `from` ends in an extension of CEF: before " key=". */
static size_t value_end(struct str s, size_t from)
{
	size_t i = from;

	while ((i = str_chr(s, ' ', i)) != SIZE_MAX) {
		size_t next = i;

		while (next < s.len && s.p[next] == ' ')
			next++;
		if (key_at(s, next))
			return i;
		i = next;
	}
	return s.len;
}

static void extension(struct gather *g, struct str s)
{
	size_t i = 0;

	while (i < s.len) {
		size_t n, end;

		while (i < s.len && s.p[i] == ' ')
			i++;
		n = key_at(s, i);
		if (!n)
			return;
		end = value_end(s, i + n + 1);
		text_put(g, str_sub(s, i, i + n),
			 unescape(g, str_trim(str_sub(s, i + n + 1, end))));
		i = end;
	}
}

/* Cuts at the next | that no backslash guards. */
static struct str pipe(struct gather *g, struct str *s)
{
	size_t at = str_chr(*s, '|', 0);
	struct str v;

	while (at != SIZE_MAX && escaped(*s, at))
		at = str_chr(*s, '|', at + 1);
	v = str_sub(*s, 0, at);
	*s = at == SIZE_MAX ? (struct str){NULL, 0} : str_sub(*s, at + 1, s->len);
	return unescape(g, v);
}

bool text_cef(struct gather *g, struct str s)
{
	static const char *const names[] = {"deviceVendor",  "deviceProduct",
					    "deviceVersion", "deviceEventClassId",
					    "cefName",	     "cefSeverity"};
	size_t at = str_find(s, STR("CEF:")), before = g->n;

	if (at == SIZE_MAX || at > 256)
		return false;
	s = str_sub(s, at, s.len);
	(void)pipe(g, &s);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!s.p) {
			g->n = before;
			return false;
		}
		text_put(g, str_of(names[i]), pipe(g, &s));
	}
	extension(g, s);
	return g->n > before;
}

/* The character that parts the attributes of LEEF 2.0: itself, or its code as x09 or 0x09. */
static char leef_separator(struct str s)
{
	size_t x = s.len > 1 ? str_chr(s, 'x', 0) : SIZE_MAX;
	int v = 0;

	if (s.len == 1)
		return s.p[0];
	if (x == SIZE_MAX || s.len - x < 2 || s.len - x > 5)
		return '\t';
	for (size_t i = x + 1; i < s.len; i++) {
		if (hex_digit(s.p[i]) < 0)
			return '\t';
		v = v * 16 + hex_digit(s.p[i]);
	}
	return v > 0 && v < 128 ? (char)v : '\t';
}

bool text_leef(struct gather *g, struct str s)
{
	static const char *const names[] = {"deviceVendor", "deviceProduct", "deviceVersion",
					    "deviceEventClassId"};
	size_t at = str_find(s, STR("LEEF:")), before = g->n;
	struct str version;
	char sep = '\t';

	if (at == SIZE_MAX || at > 256)
		return false;
	s = str_sub(s, at + 5, s.len);
	version = pipe(g, &s);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!s.p) {
			g->n = before;
			return false;
		}
		text_put(g, str_of(names[i]), pipe(g, &s));
	}
	at = str_chr(s, '|', 0);
	if (str_starts(version, STR("2")) && at != SIZE_MAX && at < 6) {
		sep = leef_separator(str_sub(s, 0, at));
		s = str_sub(s, at + 1, s.len);
	}
	while (s.p) {
		struct str v, item = str_cut(s, sep, &s), name = str_cut(item, '=', &v);

		if (v.p && name.len <= KEY_MAX)
			text_put(g, str_trim(name), str_trim(v));
	}
	return true;
}

bool text_csv(struct gather *g, struct str s, struct str name)
{
	bool any = str_chr(s, ',', 0) != SIZE_MAX;

	for (unsigned i = 0; any && s.p && i < PARTS_MAX; i++) {
		size_t close = s.len && s.p[0] == '"' ? str_chr(s, '"', 1) : SIZE_MAX;
		struct str part = arena_fmt(g->mem, "%.*s.%u", STR_ARG(name), i), v;

		if (close != SIZE_MAX) {
			v = str_sub(s, 1, close);
			(void)str_cut(str_sub(s, close + 1, s.len), ',', &s);
		} else {
			v = str_cut(s, ',', &s);
		}
		if (part.p)
			text_put(g, part, v);
	}
	return any;
}
