/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/attach.h"

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

/* The value of a parameter ("; name=value", "; name*=utf-8''value"), or empty. */
static struct str param(const struct text *t, const char *key)
{
	struct str rest, all = text_str(t);

	str_cut(all, ';', &rest);
	while (rest.p) {
		struct str name, value, part = str_trim(rest);
		size_t eq = str_chr(part, '=', 0);

		if (eq == SIZE_MAX)
			break;
		name = str_trim(str_sub(part, 0, eq));
		value = str_trim(str_sub(part, eq + 1, part.len));
		if (value.len && value.p[0] == '"') {
			value = str_cut(str_sub(value, 1, value.len), '"', &rest);
			if (rest.p)
				str_cut(rest, ';', &rest);
		} else {
			value = str_trim(str_cut(value, ';', &rest));
		}
		if (name.len && name.p[name.len - 1] == '*')
			name.len--;
		if (str_ieqz(name, key))
			return value;
	}
	return str_n(NULL, 0);
}

void attach_body(struct attach *a)
{
	struct str bound = param(&a->type, "boundary"), how = text_str(&a->how), kind, rest;
	struct str name = param(&a->where, "filename");

	if (!name.len)
		name = param(&a->type, "name");
	text_set(&a->name, name);
	kind = str_sub(text_str(&a->type), 0, 10);
	if (str_ieq(kind, STR("multipart/"))) {
		if (bound.len && a->nbounds < ATTACH_BOUNDS)
			text_set(&a->bound[a->nbounds++], bound);
		return;
	}
	how = line_word(how, &rest);
	a->coding = str_ieqz(how, "base64")		? CODING_BASE64
		    : str_ieqz(how, "quoted-printable") ? CODING_QUOTED
							: CODING_NONE;
	a->file = (name.len || (kind.len && !str_ieq(str_sub(kind, 0, 5), STR("text/")) &&
				!str_ieq(str_sub(kind, 0, 8), STR("message/")))) &&
		  a->nfiles < ATTACH_FILES;
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
	if (line.len < 3 || line.p[0] != '-' || line.p[1] != '-')
		return false;
	line = str_sub(line, 2, line.len);
	for (unsigned i = a->nbounds; i > 0; i--) {
		struct str b = text_str(&a->bound[i - 1]);

		if (!str_starts(line, b))
			continue;
		line = str_trim(str_sub(line, b.len, line.len));
		if (line.len && !str_eqz(line, "--"))
			return false;
		a->nbounds = (uint8_t)(line.len ? i - 1 : i);
		a->done = line.len > 0;
		return true;
	}
	return false;
}

static void put(struct conn *c, struct attach *a, const char *p, size_t n)
{
	if (!n)
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
		uint32_t d = line_base64_digit(s.p[i]);

		if (d > 63)
			continue; /* ends of lines, padding */
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
