/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Syslog, a line a record: RFC 5424, RFC 3164 and what rsyslog writes to files (an RFC 3339
 * time in the place of the old one), with or without <PRI>. Fields: time, hostname, app, pid,
 * msgid, message, facility, severity, sd.NAME. A message that is an <Event> (Sysmon for Linux)
 * gives its fields too.
 *
 * A time of RFC 3164 has neither year nor zone. It is read as UTC in the last year in which it
 * does not lie more than a day after the file was last written, which the stream knows better
 * where the file's date cannot be right; where it is unknown the line has no time, unless its
 * message brings one (<Event>).
 */
#include "base/timeutil.h"
#include "parse/line.h"
#include "parse/xmlevent.h"
#include <errno.h>

#define FIELDS_MAX (XMLEVENT_FIELDS_MAX + 64)
#define SD_MAX	   24

struct syslog_state {
	int64_t written; /* ns, 0 unknown */
	bool yearless;	 /* a time without a year was read */
};

struct gather {
	struct field *f;
	size_t n;
};

static void put(struct gather *g, struct str name, struct str v)
{
	if (g->n < FIELDS_MAX && v.len)
		g->f[g->n++] = (struct field){name, val_s(v)};
}

/* "<34>": takes it off. */
static void priority(struct gather *g, struct str *s, struct arena *mem)
{
	size_t end = str_chr(str_sub(*s, 0, 5), '>', 0);
	int64_t pri;

	if (!s->len || s->p[0] != '<' || end == SIZE_MAX ||
	    !str_i64(str_sub(*s, 1, end), &pri) || pri < 0 || pri > 191)
		return;
	put(g, STR("facility"), arena_fmt(mem, "%d", (int)(pri / 8)));
	put(g, STR("severity"), arena_fmt(mem, "%d", (int)(pri % 8)));
	*s = str_sub(*s, end + 1, s->len);
}

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* "Mar 11 00:00:00 " or "Mar  1 00:00:00 ": its length, 0 when it is none. */
static size_t old_time(struct str s)
{
	if (s.len < 16 || s.p[3] != ' ' || s.p[6] != ' ' || s.p[9] != ':' || s.p[12] != ':' ||
	    s.p[15] != ' ' || !digit_c(s.p[5]) || !digit_c(s.p[7]) || !digit_c(s.p[14]))
		return 0;
	for (size_t i = 0; i < 36; i += 3)
		if (memcmp(months + i, s.p, 3) == 0)
			return 16;
	return 0;
}

/*
 * The text of old_time() with the year it must have, as RFC 3339; empty when there is none. A
 * 29 February goes back up to eight years, which is how far leap years are apart.
 */
static struct str dated(struct str s, int64_t written, struct arena *mem)
{
	int64_t limit = written + 86400 * NS_PER_S, ns;
	int year = 1971 + (int)(written / NS_PER_S / 31556952), month = 1;

	while (month < 12 && memcmp(months + (size_t)(month - 1) * 3, s.p, 3) != 0)
		month++;
	for (int back = 0; back < 10 && written; back++) {
		struct str t = arena_fmt(mem, "%04d-%02d-%c%cT%.8sZ", year - back, month,
					 s.p[4] == ' ' ? '0' : s.p[4], s.p[5], s.p + 7);
		bool leap = (year - back) % 4 == 0 &&
			    ((year - back) % 100 != 0 || (year - back) % 400 == 0);

		if (month == 2 && s.p[4] == '2' && s.p[5] == '9' && !leap)
			continue;
		if (t.p && time_parse(t, &ns) && ns <= limit)
			return t;
	}
	return (struct str){NULL, 0};
}

/* A word that is an RFC 3339 time, with the blank behind it. */
static size_t new_time(struct str s)
{
	size_t end = str_chr(str_sub(s, 0, 40), ' ', 0);
	int64_t ns;

	if (end == SIZE_MAX || end < 19 || s.p[10] != 'T' ||
	    !time_parse(str_sub(s, 0, end), &ns))
		return 0;
	return end + 1;
}

/* One [id name="value" ...]: past it; s begins with the bracket. */
static struct str sd_element(struct gather *g, struct str s, struct arena *mem, size_t *count)
{
	size_t i = 1;

	while (i < s.len && s.p[i] != ' ' && s.p[i] != ']')
		i++;
	while (i < s.len && s.p[i] == ' ') {
		size_t from = ++i, eq = str_chr(s, '=', from), end;

		if (eq == SIZE_MAX || eq + 1 >= s.len || s.p[eq + 1] != '"')
			return str_sub(s, s.len, s.len);
		for (end = eq + 2; end < s.len && s.p[end] != '"'; end++)
			end += s.p[end] == '\\';
		if (end >= s.len)
			return str_sub(s, s.len, s.len);
		if (++*count <= SD_MAX && eq - from <= 64) {
			struct str name =
				arena_fmt(mem, "sd.%.*s", STR_ARG(str_sub(s, from, eq)));

			if (name.p)
				put(g, name, str_sub(s, eq + 2, end));
		}
		i = end + 1;
	}
	return str_sub(s, i < s.len ? i + 1 : i, s.len);
}

/* After "1 ": TIMESTAMP HOST APP PROCID MSGID SD MSG; the message. */
static struct str rfc5424(struct gather *g, struct str s, struct arena *mem)
{
	static const char *const names[] = {"time", "hostname", "app", "pid", "msgid"};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct str v = str_cut(s, ' ', &s);

		if (!str_eqz(v, "-"))
			put(g, str_of(names[i]), v);
	}
	if (s.len && s.p[0] == '-')
		s = str_sub(s, 1, s.len);
	while (s.len && s.p[0] == '[')
		s = sd_element(g, s, mem, &count);
	s = str_trim(s);
	return str_starts(s, STR("\xef\xbb\xbf")) ? str_sub(s, 3, s.len) : s;
}

/* "HOST TAG[pid]: message"; the host may be missing (a device's own "TAG: message"). */
static struct str rfc3164(struct gather *g, struct str s)
{
	struct str rest, host = str_cut(s, ' ', &rest), tag;
	size_t end, open;

	if (host.len && host.p[host.len - 1] != ':') {
		put(g, STR("hostname"), host);
		s = rest;
	}
	end = str_find(str_sub(s, 0, 128), STR(": "));
	if (end == SIZE_MAX)
		end = s.len && s.len < 128 && s.p[s.len - 1] == ':' ? s.len - 1 : SIZE_MAX;
	if (end == SIZE_MAX)
		return s;
	tag = str_sub(s, 0, end);
	if (str_chr(tag, '|', 0) != SIZE_MAX || str_chr(tag, '=', 0) != SIZE_MAX)
		return s; /* CEF, or key=value: the message has no tag */
	open = str_chr(tag, '[', 0);
	if (open != SIZE_MAX && tag.p[tag.len - 1] == ']') {
		put(g, STR("pid"), str_sub(tag, open + 1, tag.len - 1));
		tag.len = open;
	}
	put(g, STR("app"), str_sub(tag, 0, str_chr(tag, '(', 0))); /* "sshd(pam_unix)" */
	return str_trim(str_sub(s, end + 1, s.len));
}

static bool is_syslog(struct str line)
{
	size_t end =
		line.len && line.p[0] == '<' ? str_chr(str_sub(line, 0, 5), '>', 0) : SIZE_MAX;

	if (end != SIZE_MAX) {
		line = str_sub(line, end + 1, line.len);
		if (line.len > 2 && digit_c(line.p[0]) && line.p[1] == ' ')
			return true;
	}
	return old_time(line) || new_time(line);
}

static int syslog_sniff(struct str head)
{
	size_t lines = 0, ours = 0;

	while (head.len && lines < 20) {
		struct str line = str_trim(str_cut(head, '\n', &head));

		if (!line.len)
			continue;
		lines++;
		ours += is_syslog(line);
	}
	return ours && 2 * ours >= lines ? 70 : 0;
}

static enum frame_result syslog_frame(void *state, struct str buf, size_t *pos, bool eof,
				      struct str *ret_rec, const char **ret_why)
{
	enum frame_result r;

	(void)state;
	(void)ret_why;
	while ((r = line_next(buf, pos, eof, ret_rec)) == FRAME_RECORD)
		if (ret_rec->len)
			break;
	return r;
}

static int syslog_fields(void *state, struct str rec, struct arena *mem, struct fields *ret_f,
			 const char **ret_why)
{
	struct syslog_state *st = state;
	struct gather g = {arena_alloc(mem, FIELDS_MAX * sizeof(*g.f)), 0};
	struct str s = rec, message;
	const char *why = NULL;
	size_t n;

	if (!g.f)
		return -ENOMEM;
	priority(&g, &s, mem);
	if (s.len > 2 && s.p[0] == '1' && s.p[1] == ' ') {
		message = rfc5424(&g, str_sub(s, 2, s.len), mem);
	} else {
		n = new_time(s);
		if (n)
			put(&g, STR("time"), str_sub(s, 0, n - 1));
		else if ((n = old_time(s)) != 0) {
			put(&g, STR("time"), dated(s, st->written, mem));
			st->yearless = true;
		}
		if (!n) {
			*ret_why = "no syslog header";
			return -1;
		}
		message = rfc3164(&g, str_sub(s, n, s.len));
	}
	put(&g, STR("message"), message);
	n = g.n;
	if (xmlevent_starts(message) &&
	    xmlevent_fields(message, mem, g.f, FIELDS_MAX, &g.n, &why) < 0)
		g.n = n; /* the text is kept */
	*ret_f = (struct fields){g.f, g.n};
	return 0;
}

static void syslog_written(void *state, int64_t ns)
{
	struct syslog_state *st = state;

	st->written = ns;
}

static bool syslog_yearless(const void *state)
{
	return ((const struct syslog_state *)state)->yearless;
}

const struct codec_ops codec_syslog = {
	.name = "syslog",
	.summary = "syslog lines (RFC 5424, RFC 3164, rsyslog)",
	.record_max = LINE_MAX_BYTES,
	.state_size = sizeof(struct syslog_state),
	.sniff = syslog_sniff,
	.frame = syslog_frame,
	.fields = syslog_fields,
	.written = syslog_written,
	.yearless = syslog_yearless,
};
