/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux audit logs. The lines of one msg=audit(time:serial) are one record, also where lines of
 * other events stand between them: a record then spans from its first to its last line, and
 * only its own lines are taken from the span. Those met again later are passed over.
 */
#include "parse/line.h"
#include <errno.h>

#define SPAN_LINES    512
#define SPAN_MAX      ((size_t)256 << 10)
#define FOREIGN_LINES 64  /* lines of other events after which an event is over */
#define DONE	      128 /* events whose further lines are still to be passed over */
#define FIELDS_MAX    1024
#define FLAT_MAX      256 /* of them, those kept under their plain key too */

struct audit_state {
	char done[DONE][48];
	size_t done_len[DONE], at;
};

/* What stands before the keys of a line. */
struct head {
	struct str node, type, time, serial;
	struct str stamp; /* time:serial */
	struct str body;
};

/* The fields of one record being collected. */
struct gather {
	struct arena *mem;
	struct field *f;
	size_t n, cap;
	struct str flat[FLAT_MAX];
	size_t nflat;
	char *argv; /* room for the whole record */
	size_t argv_len;
	bool failed;
};

static struct str word_after(struct str s, struct str label)
{
	size_t at = str_find(s, label);
	struct str rest;

	if (at == SIZE_MAX || (at && s.p[at - 1] != ' '))
		return (struct str){0};
	return str_cut(str_sub(s, at + label.len, s.len), ' ', &rest);
}

static bool head_of(struct str line, struct head *ret_h)
{
	size_t at = str_find(line, STR("audit("));
	struct str before, rest;
	size_t end;

	if (at == SIZE_MAX)
		return false;
	before = str_sub(line, 0, at);
	rest = str_sub(line, at + sizeof("audit(") - 1, line.len);
	end = str_chr(rest, ')', 0);
	if (end == SIZE_MAX || end >= 48)
		return false;
	*ret_h = (struct head){.node = word_after(before, STR("node=")),
			       .type = word_after(before, STR("type=")),
			       .stamp = str_sub(rest, 0, end),
			       .body = str_sub(rest, end + 1, rest.len)};
	ret_h->time = str_cut(ret_h->stamp, ':', &ret_h->serial);
	if (ret_h->body.len && ret_h->body.p[0] == ':')
		ret_h->body = str_sub(ret_h->body, 1, ret_h->body.len);
	return ret_h->type.len && ret_h->time.len && ret_h->serial.len;
}

static int auditd_sniff(struct str head)
{
	struct str rest, line = str_cut(head, '\n', &rest);
	struct head h;

	return line.len && line.p[0] != '{' && head_of(line, &h) ? 95 : 0;
}

static bool is_done(const struct audit_state *st, struct str stamp)
{
	for (size_t i = 0; i < DONE; i++)
		if (str_eq(stamp, str_n(st->done[i], st->done_len[i])))
			return true;
	return false;
}

static void set_done(struct audit_state *st, struct str stamp)
{
	memcpy(st->done[st->at], stamp.p, stamp.len);
	st->done_len[st->at] = stamp.len;
	st->at = (st->at + 1) % DONE;
}

/* Whether no line of the event follows one of this type. */
static bool closes(struct str type)
{
	return str_eqz(type, "EOE") || str_eqz(type, "PROCTITLE") ||
	       str_starts(type, STR("USER_")) || str_starts(type, STR("CRED_")) ||
	       str_starts(type, STR("SERVICE_"));
}

/* The lines after the first one; FRAME_MORE when the end of the event is not in the buffer. */
static enum frame_result span(struct audit_state *st, struct str buf, size_t *pos, bool eof,
			      const struct head *first, struct str *rec)
{
	size_t at = *pos, start = (size_t)(rec->p - buf.p);
	bool mixed = false, over = closes(first->type);
	unsigned foreign = 0;
	struct str line;
	struct head h;

	for (unsigned n = 0; !over && n < SPAN_LINES && foreign < FOREIGN_LINES; n++) {
		enum frame_result r;

		if (at - start > SPAN_MAX)
			break;
		r = line_next(buf, &at, eof, &line);
		if (r == FRAME_MORE)
			return r;
		if (r == FRAME_END)
			break;
		if (!head_of(line, &h) || !str_eq(h.stamp, first->stamp)) {
			foreign++;
			continue;
		}
		*rec = str_n(rec->p, (size_t)(line.p + line.len - rec->p));
		if (foreign)
			mixed = true;
		else
			*pos = at;
		foreign = mixed ? 1 : 0;
		over = closes(h.type);
	}
	if (mixed)
		set_done(st, first->stamp);
	return FRAME_RECORD;
}

static enum frame_result auditd_frame(void *state, struct str buf, size_t *pos, bool eof,
				      struct str *ret_rec, const char **ret_why)
{
	struct audit_state *st = state;
	size_t start = *pos;
	enum frame_result r;
	struct str rec;
	struct head h;

	while ((r = line_next(buf, pos, eof, &rec)) == FRAME_RECORD) {
		if (!str_trim(rec).len || str_eqz(rec, "----")) {
			start = *pos;
			continue;
		}
		if (!head_of(rec, &h)) {
			*ret_why = "no audit record";
			return FRAME_SKIP;
		}
		if (!is_done(st, h.stamp)) {
			r = span(st, buf, pos, eof, &h, &rec);
			break;
		}
		start = *pos;
	}
	if (r == FRAME_MORE)
		*pos = start;
	else if (r == FRAME_RECORD)
		*ret_rec = rec;
	return r;
}

/* Whether the kernel writes the key's value in hex when it has blanks or quotes. */
static bool may_be_hex(struct str type, struct str key)
{
	static const char *const keys[] = {"proctitle", "cmd",	"exe",	"comm",
					   "cwd",	"name", "path", "data"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (str_eqz(key, keys[i]))
			return true;
	return str_eqz(type, "EXECVE") && key.len > 1 && key.p[0] == 'a' && key.p[1] >= '0' &&
	       key.p[1] <= '9';
}

/* NUL bytes, which separate arguments, become blanks. Text that is no hex stays as it is. */
static struct str unhex(struct gather *g, struct str v)
{
	char *to;

	if (!v.len || v.len % 2)
		return v;
	for (size_t i = 0; i < v.len; i++)
		if (hex_digit(v.p[i]) < 0)
			return v;
	to = arena_alloc(g->mem, v.len / 2);
	if (!to) {
		g->failed = true;
		return v;
	}
	for (size_t i = 0; i < v.len / 2; i++) {
		int c = hex_digit(v.p[2 * i]) * 16 + hex_digit(v.p[2 * i + 1]);

		to[i] = c ? (char)c : ' ';
	}
	return str_n(to, v.len / 2);
}

static void put(struct gather *g, struct str name, struct str v)
{
	if (g->n < g->cap)
		g->f[g->n++] = (struct field){name, val_s(v)};
}

/* A value under its plain key (the first one only) and under TYPE.key. */
static void put_both(struct gather *g, struct str type, struct str key, struct str v)
{
	struct str full;
	bool seen = g->nflat == FLAT_MAX;
	char *p;

	for (size_t i = 0; i < g->nflat && !seen; i++)
		seen = str_eq(g->flat[i], key);
	if (!seen) {
		g->flat[g->nflat++] = key;
		put(g, key, v);
	}
	p = arena_alloc(g->mem, type.len + 1 + key.len);
	if (!p) {
		g->failed = true;
		return;
	}
	memcpy(p, type.p, type.len);
	p[type.len] = '.';
	memcpy(p + type.len + 1, key.p, key.len);
	full = str_n(p, type.len + 1 + key.len);
	put(g, full, v);
}

/* a0, a1 ..., and a1[0], a1[1] ... of arguments too long for one line. */
static void argument(struct gather *g, struct str key, struct str v)
{
	size_t open = str_chr(key, '[', 0);
	bool piece = open != SIZE_MAX && !str_eqz(str_sub(key, open, key.len), "[0]");

	if (key.len < 2 || key.p[0] != 'a' || key.p[1] < '0' || key.p[1] > '9' ||
	    str_ends(key, STR("_len")))
		return;
	if (g->argv_len && !piece)
		g->argv[g->argv_len++] = ' ';
	memcpy(g->argv + g->argv_len, v.p, v.len);
	g->argv_len += v.len;
}

static bool is_gap(char c)
{
	return c == ' ' || c == ',' || c == 0x1d || c == '\'' || c == '\n' || c == '\r';
}

/* key=value words; msg='...' of user space holds more of the same. */
static void pairs(struct gather *g, const struct head *h)
{
	struct str s = h->body;
	size_t at = 0;

	while (at < s.len && g->n < g->cap) {
		size_t key_at, end;
		struct str key, v;
		bool quoted;

		while (at < s.len && is_gap(s.p[at]))
			at++;
		key_at = at;
		while (at < s.len && !is_gap(s.p[at]) && s.p[at] != '=')
			at++;
		if (at >= s.len || s.p[at] != '=')
			continue;
		key = str_sub(s, key_at, at++);
		if (at < s.len && s.p[at] == '\'')
			continue;
		quoted = at < s.len && s.p[at] == '"';
		end = quoted ? str_chr(s, '"', at + 1) : at;
		if (end == SIZE_MAX)
			end = s.len;
		while (!quoted && end < s.len && (s.p[end] == ',' || !is_gap(s.p[end])))
			end++;
		v = str_sub(s, at + quoted, end);
		at = end + quoted;
		if (!key.len ||
		    (!quoted && (!v.len || str_eqz(v, "(null)") || str_eqz(v, "?"))))
			continue;
		if (!quoted && may_be_hex(h->type, key))
			v = unhex(g, v);
		put_both(g, h->type, key, v);
		if (str_eqz(h->type, "EXECVE"))
			argument(g, key, v);
	}
}

static int auditd_fields(void *state, struct str rec, struct arena *mem, struct fields *ret_f,
			 const char **ret_why)
{
	struct gather g = {.mem = mem};
	struct head first, h;
	struct str rest = rec, line = str_cut(rest, '\n', &rest);

	(void)state;
	if (!head_of(line, &first)) {
		*ret_why = "no audit record";
		return -1;
	}
	g.cap = 6; /* type, time, serial, node, argv; two for each pair */
	for (size_t i = 0; i < rec.len && g.cap < FIELDS_MAX; i++)
		g.cap += rec.p[i] == '=' ? 2 : 0;
	g.f = arena_alloc(mem, g.cap * sizeof(*g.f));
	g.argv = arena_alloc(mem, 2 * rec.len + 1); /* a blank more for each argument */
	if (!g.f || !g.argv)
		return -ENOMEM;
	put(&g, STR("type"), first.type);
	put(&g, STR("time"), first.time);
	put(&g, STR("serial"), first.stamp); /* alone it starts anew at boot */
	if (first.node.len)
		put(&g, STR("node"), first.node);
	for (;;) {
		if (head_of(line, &h) && str_eq(h.stamp, first.stamp))
			pairs(&g, &h);
		if (!rest.p)
			break;
		line = str_cut(rest, '\n', &rest);
	}
	if (g.argv_len)
		put(&g, STR("argv"), str_n(g.argv, g.argv_len));
	if (g.failed)
		return -ENOMEM;
	*ret_f = (struct fields){g.f, g.n};
	return 0;
}

const struct codec_ops codec_auditd = {
	.name = "auditd",
	.summary = "Linux audit logs",
	.record_max = LINE_MAX_BYTES,
	.state_size = sizeof(struct audit_state),
	.sniff = auditd_sniff,
	.frame = auditd_frame,
	.waits = true,
	.fields = auditd_fields,
};
