/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/attach.h"
#include "base/base64.h"

enum { CODING_NONE, CODING_BASE64, CODING_QUOTED };
enum { OTHER, TYPE, HOW, WHERE };

static void part_begin(struct attach *a)
{
	a->field = OTHER;
	a->file = false;
	a->coding = CODING_NONE;
	a->bits = a->nqp = 0;
	a->line_end = a->cr = false;
	a->rest = 0;
	a->type.n = a->how.n = a->where.n = a->name.n = 0;
}

void attach_begin(struct attach *a)
{
	part_begin(a);
	a->nbounds = 0;
	a->nfiles = 0;
}

static struct text *field_of(struct attach *a, unsigned which)
{
	return which == TYPE ? &a->type : which == HOW ? &a->how : &a->where;
}

void attach_head(struct attach *a, struct str line)
{
	struct str value, name;

	if (line.len && (line.p[0] == ' ' || line.p[0] == '\t')) {
		if (a->field) {
			text_add(field_of(a, a->field), STR(" "));
			text_add(field_of(a, a->field), str_trim(line));
		}
		return;
	}
	name = str_trim(str_cut(line, ':', &value));
	a->field = str_ieqz(name, "content-type")		 ? TYPE
		   : str_ieqz(name, "content-transfer-encoding") ? HOW
		   : str_ieqz(name, "content-disposition")	 ? WHERE
								 : OTHER;
	if (a->field && value.p)
		text_set(field_of(a, a->field), str_trim(value));
}

/* The value at the head of s: a word up to ';', or quoted (RFC 2045, 5.1). *rest: behind it. */
static void value_add(struct text *out, struct str s, struct str *rest)
{
	size_t i = 1;

	if (!s.len || s.p[0] != '"') {
		text_add(out, str_trim(str_cut(s, ';', rest)));
		return;
	}
	for (; i < s.len && s.p[i] != '"'; i++) {
		i += s.p[i] == '\\' && i + 1 < s.len;
		text_add(out, str_sub(s, i, i + 1));
	}
	str_cut(str_sub(s, i, s.len), ';', rest);
}

/* Whether a parameter is the key's: "key", "key*", or "key*2" and "key*2*" (RFC 2231). */
static bool is_key(struct str name, const char *key)
{
	size_t n = strlen(key);

	return str_ieqz(str_sub(name, 0, n), key) && (name.len == n || name.p[n] == '*');
}

/* The value of a parameter, or nothing. */
static void param(const struct text *t, const char *key, struct text *out)
{
	struct str rest, all = text_str(t);
	struct text skipped;

	out->n = 0;
	str_cut(all, ';', &rest);
	while (rest.p) {
		size_t eq = 0;
		struct str name;

		while (eq < rest.len && rest.p[eq] != '=' && rest.p[eq] != ';')
			eq++;
		if (eq == rest.len || rest.p[eq] == ';') {
			str_cut(rest, ';', &rest);
			continue;
		}
		name = str_trim(str_sub(rest, 0, eq));
		skipped.n = 0;
		value_add(is_key(name, key) ? out : &skipped,
			  str_trim(str_sub(rest, eq + 1, rest.len)), &rest);
	}
}

bool attach_body(struct attach *a)
{
	struct str how = text_str(&a->how), kind, rest;
	struct text bound;

	param(&a->where, "filename", &a->name);
	if (!a->name.n)
		param(&a->type, "name", &a->name);
	kind = str_trim(str_cut(text_str(&a->type), ';', &rest));
	if (str_ieqz(str_sub(kind, 0, 10), "multipart/")) {
		param(&a->type, "boundary", &bound);
		if (bound.n && a->nbounds < ATTACH_BOUNDS)
			a->bound[a->nbounds++] = bound;
		return false;
	}
	how = line_word(how, &rest);
	a->coding = str_ieqz(how, "base64")		? CODING_BASE64
		    : str_ieqz(how, "quoted-printable") ? CODING_QUOTED
							: CODING_NONE;
	if (str_ieqz(kind, "message/rfc822") && a->coding == CODING_NONE) {
		part_begin(a); /* a mail within the mail: its files are of interest */
		return true;
	}
	a->file = (a->name.n || (kind.len && !str_ieqz(str_sub(kind, 0, 5), "text/") &&
				 !str_ieqz(str_sub(kind, 0, 8), "message/"))) &&
		  a->nfiles < ATTACH_FILES;
	return false;
}

static void part_end(struct conn *c, struct attach *a, bool whole)
{
	if (a->tap && !whole)
		a->tap->broken = true;
	if (a->tap)
		file_tap_end(c, a->tap, "SMTP", true, text_str(&a->name));
	a->tap = NULL;
	a->file = false;
}

/* Whether a line is "--" and a boundary, with "--" behind it or not; those within it are over.
 */
static bool at_bound(struct attach *a, struct str line)
{
	struct str rest;

	if (line.len < 3 || line.p[0] != '-' || line.p[1] != '-')
		return false;
	line = str_sub(line, 2, line.len);
	for (unsigned i = a->nbounds; i > 0; i--) {
		struct str b = text_str(&a->bound[i - 1]);

		if (!str_starts(line, b))
			continue;
		rest = str_trim(str_sub(line, b.len, line.len));
		if (rest.len && !str_eqz(rest, "--"))
			continue; /* another that begins like it */
		a->nbounds = (uint8_t)(rest.len ? i - 1 : i);
		a->done = rest.len > 0;
		return true;
	}
	return false;
}

static void put(struct conn *c, struct attach *a, const char *p, size_t n)
{
	if (!n || !a->file)
		return;
	if (!a->tap) {
		a->tap = file_tap_new(c);
		if (!a->tap) {
			a->file = false;
			return;
		}
		memcpy(a->ids[a->nfiles++], a->tap->id, FILE_ID);
	}
	file_tap_bytes(c, a->tap, a->tap->next, str_n(p, n));
}

/* Bytes on their way to the tap, in pieces. */
struct gather {
	struct conn *c;
	struct attach *a;
	size_t n;
	char p[512];
};

static void gather(struct gather *g, char byte)
{
	g->p[g->n++] = byte;
	if (g->n < sizeof(g->p))
		return;
	put(g->c, g->a, g->p, g->n);
	g->n = 0;
}

static void put_base64(struct conn *c, struct attach *a, struct str s)
{
	struct gather g = {.c = c, .a = a};

	for (size_t i = 0; i < s.len; i++) {
		uint32_t d = base64_digit(s.p[i]);

		if (s.p[i] == '=')
			a->bits = 0; /* what may follow its end begins anew */
		if (d > 63)
			continue; /* ends of lines */
		a->rest = a->rest << 6 | d;
		a->bits = (uint8_t)(a->bits + 6);
		if (a->bits < 8)
			continue;
		a->bits = (uint8_t)(a->bits - 8);
		gather(&g, (char)(a->rest >> a->bits));
	}
	put(c, a, g.p, g.n);
}

static void put_quoted(struct conn *c, struct attach *a, struct str s)
{
	struct gather g = {.c = c, .a = a};

	for (size_t i = 0; i < s.len; i++) {
		int hi, lo;

		if (!a->nqp && s.p[i] != '=') {
			gather(&g, s.p[i]);
			continue;
		}
		a->qp[a->nqp++] = s.p[i];
		if (a->nqp < sizeof(a->qp))
			continue;
		a->nqp = 0;
		hi = hex_digit(a->qp[1]);
		lo = hex_digit(a->qp[2]);
		gather(&g, (char)(hi < 0 || lo < 0 ? '?' : hi << 4 | lo));
	}
	put(c, a, g.p, g.n);
}

/* Text, whose last end of line belongs to the boundary behind it and not to the file. */
static void put_text(struct conn *c, struct attach *a, struct str s, bool ends)
{
	bool cr = s.len && s.p[s.len - 1] == '\r';

	if (a->line_end)
		put(c, a, "\r\n", 2);
	if (a->cr && (s.len || !ends))
		put(c, a, "\r", 1);
	a->line_end = false;
	a->cr = cr && !ends; /* the end of the line may follow */
	s.len -= cr;
	if (a->coding == CODING_QUOTED)
		put_quoted(c, a, s);
	else
		put(c, a, s.p, s.len);
	if (!ends)
		return;
	a->line_end = !a->nqp; /* "=" at the end: the line goes on */
	a->nqp = 0;
}

bool attach_bytes(struct conn *c, struct attach *a, struct str s, bool starts, bool ends)
{
	struct str line = s;

	if (ends && line.len && line.p[line.len - 1] == '\r')
		line.len--;
	if (starts && ends && a->nbounds && at_bound(a, line)) {
		part_end(c, a, true);
		if (a->done)
			return false;
		part_begin(a);
		return true;
	}
	if (!a->file)
		return false;
	if (starts && s.len > 1 && s.p[0] == '.' && s.p[1] == '.')
		s = str_sub(s, 1, s.len); /* RFC 5321 4.5.2 */
	if (a->coding == CODING_BASE64)
		put_base64(c, a, s);
	else
		put_text(c, a, s, ends);
	return false;
}

void attach_lost(struct attach *a, uint64_t n)
{
	if (a->tap)
		file_tap_lost(a->tap, n);
	else
		a->file = false;
}

void attach_end(struct conn *c, struct attach *a, bool whole)
{
	if (a->tap && a->line_end)
		put(c, a, "\r\n", 2);
	part_end(c, a, whole);
}
