/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/xmlevent.h"
#include "base/utf8.h"
#include <errno.h>

#define DEPTH_MAX 16

struct walk {
	struct str s;
	size_t at;
	struct arena *mem;
	struct field *f;
	size_t *n, cap;
	struct str open[DEPTH_MAX]; /* names of the elements that are open */
	size_t depth;
	struct str name; /* what Name="" of an open <Data> says */
	unsigned params; /* <Data> without a name so far */
	int err;
};

bool xmlevent_starts(struct str s)
{
	return str_starts(s, STR("<Event")) && s.len > 6 &&
	       (s.p[6] == '>' || s.p[6] == ' ' || s.p[6] == '\t' || s.p[6] == '\r' ||
		s.p[6] == '\n');
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* UTF-8 of a code point; 0 bytes when there is none. */
static size_t utf8(uint32_t c, char *out)
{
	if (!c || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return utf8_put(out, c);
}

/* The character that "&name;" stands for; 0 bytes when it is none that XML itself knows. */
static size_t entity(struct str name, char *out)
{
	static const struct {
		const char *name;
		char c;
	} known[] = {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
	bool hex = name.len > 1 && lower_c(name.p[1]) == 'x';
	uint32_t c = 0;

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eqz(name, known[i].name)) {
			*out = known[i].c;
			return 1;
		}
	if (name.len < 2 || name.len > 9 || name.p[0] != '#')
		return 0;
	for (size_t i = hex ? 2 : 1; i < name.len; i++) {
		int d = hex_digit(name.p[i]);

		if (d < 0 || (!hex && d > 9) || c > 0x10ffff)
			return 0;
		c = c * (hex ? 16 : 10) + (uint32_t)d;
	}
	return utf8(c, out);
}

/* Text with its entities resolved; those that are unknown stay as they are. Never longer. */
static struct str plain(struct walk *w, struct str s)
{
	size_t n = 0, i = 0;
	char *out;

	if (str_chr(s, '&', 0) == SIZE_MAX)
		return s;
	out = arena_alloc(w->mem, s.len);
	if (!out) {
		w->err = -ENOMEM;
		return s;
	}
	while (i < s.len) {
		size_t end = s.p[i] == '&' ? str_chr(str_sub(s, i, i + 12), ';', 0) : SIZE_MAX;
		size_t got = 0;

		if (end != SIZE_MAX)
			got = entity(str_sub(s, i + 1, i + end), out + n);
		if (got) {
			n += got;
			i += end + 1;
		} else {
			out[n++] = s.p[i++];
		}
	}
	return str_n(out, n);
}

static void put(struct walk *w, struct str name, struct str v)
{
	if (*w->n < w->cap && name.len && v.len)
		w->f[(*w->n)++] = (struct field){name, val_s(plain(w, v))};
}

static bool in_system(const struct walk *w)
{
	return w->depth >= 2 && str_eqz(w->open[1], "System");
}

/* Attributes of elements of System that tell something, and how rules call them. */
static void attribute(struct walk *w, struct str elem, struct str name, struct str v)
{
	static const struct {
		const char *elem, *name, *as;
	} known[] = {
		{"Provider", "Name", "Provider_Name"},
		{"TimeCreated", "SystemTime", "TimeCreated"},
		{"Security", "UserID", "UserID"},
		{"Execution", "ProcessID", "ExecutionProcessID"},
		{"Correlation", "ActivityID", "ActivityID"},
	};

	if (str_eqz(elem, "Data") && str_eqz(name, "Name")) {
		w->name = plain(w, v);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(known) && in_system(w); i++)
		if (str_eqz(elem, known[i].elem) && str_ieqz(name, known[i].name))
			put(w, str_of(known[i].as), v);
}

/* The attributes of a tag: w->at is behind its name; afterwards behind its '>'. */
static bool attributes(struct walk *w, struct str elem, bool *ret_empty)
{
	struct str s = w->s;

	for (;;) {
		size_t from, eq, end;

		while (w->at < s.len && is_blank(s.p[w->at]))
			w->at++;
		if (w->at >= s.len)
			return false;
		*ret_empty = s.p[w->at] == '/';
		w->at += *ret_empty;
		if (w->at < s.len && s.p[w->at] == '>') {
			w->at++;
			return true;
		}
		from = w->at;
		eq = str_chr(s, '=', from);
		if (*ret_empty || eq == SIZE_MAX || eq + 1 >= s.len ||
		    (s.p[eq + 1] != '"' && s.p[eq + 1] != '\''))
			return false;
		end = str_chr(s, s.p[eq + 1], eq + 2);
		if (end == SIZE_MAX)
			return false;
		attribute(w, elem, str_trim(str_sub(s, from, eq)), str_sub(s, eq + 2, end));
		w->at = end + 1;
	}
}

/* What stands in an element that has no elements in it. */
static void text(struct walk *w, struct str v)
{
	struct str elem = w->open[w->depth - 1];
	struct str name = elem;

	if (w->depth < 3)
		return;
	if (str_eqz(elem, "Data") && w->name.len) {
		name = w->name;
	} else if (str_eqz(elem, "Data")) {
		name = arena_fmt(w->mem, "param%u", ++w->params);
		if (!name.p)
			w->err = -ENOMEM;
		if (w->params == 1)
			put(w, STR("Data"), v);
	}
	put(w, name, v);
}

/* At '<' of a tag that is no end tag. */
static bool open_tag(struct walk *w)
{
	size_t from = ++w->at;
	bool empty;
	struct str s = w->s, elem;

	while (w->at < s.len && !is_blank(s.p[w->at]) && s.p[w->at] != '>' &&
	       s.p[w->at] != '/' && s.p[w->at] != '<')
		w->at++;
	elem = str_sub(s, from, w->at);
	if (!elem.len || w->depth == DEPTH_MAX)
		return false;
	w->open[w->depth++] = elem;
	w->name = (struct str){NULL, 0};
	if (!attributes(w, elem, &empty))
		return false;
	w->depth -= empty;
	return true;
}

/* "<![CDATA[ ... ]]>" at w->at: its text, and past it. */
static bool cdata(struct walk *w, struct str *ret_s)
{
	struct str rest = str_sub(w->s, w->at, w->s.len);
	size_t end = str_find(rest, STR("]]>"));

	if (!str_starts(rest, STR("<![CDATA[")) || end == SIZE_MAX)
		return false;
	*ret_s = str_sub(rest, 9, end);
	w->at += end + 3;
	return true;
}

/* From one tag to the next; false when the text is no such event. */
static bool step(struct walk *w)
{
	struct str s = w->s, v;
	size_t lt = str_chr(s, '<', w->at), end;

	if (lt == SIZE_MAX || lt + 1 >= s.len)
		return false;
	v = str_sub(s, w->at, lt);
	w->at = lt;
	if (s.p[lt + 1] == '!' && !cdata(w, &v))
		return false;
	if (w->at > lt) { /* the value is that of CDATA alone */
		text(w, v);
		return true;
	}
	if (s.p[lt + 1] != '/')
		return open_tag(w);
	end = str_chr(s, '>', lt);
	if (end == SIZE_MAX || !w->depth)
		return false;
	if (w->open[w->depth - 1].len == end - lt - 2 &&
	    memcmp(w->open[w->depth - 1].p, s.p + lt + 2, end - lt - 2) == 0) {
		if (str_trim(v).len && w->open[w->depth - 1].p < v.p)
			text(w, v);
		w->depth--;
		w->at = end + 1;
		return true;
	}
	return false;
}

int xmlevent_fields(struct str s, struct arena *mem, struct field *f, size_t cap, size_t *n,
		    const char **ret_why)
{
	struct walk w = {.s = s, .mem = mem, .f = f, .n = n, .cap = cap};

	do {
		if (!step(&w)) {
			*ret_why = "broken XML";
			return -1;
		}
	} while (w.depth && !w.err);
	return w.err;
}
