/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comma-separated values with a header line; semicolon, tab and pipe separate as well. Cells in
 * quotes may hold separators, line ends and doubled quotes (RFC 4180).
 */
#include "parse/line.h"
#include <errno.h>

#define COLS_MAX   512
#define HEADER_MAX 32768
#define RECORD_MAX ((size_t)4 << 20)

struct csv_state {
	char header[HEADER_MAX]; /* without byte order mark and line end */
	size_t len, ncol;
	struct str name[COLS_MAX]; /* views into header */
	char sep;
};

static struct str without_bom(struct str s)
{
	return str_starts(s, STR("\xef\xbb\xbf")) ? str_sub(s, 3, s.len) : s;
}

/* The separator most often found in the line; 0 when there is none. */
static char separator(struct str line)
{
	static const char seps[] = ",;\t|";
	size_t most = 0;
	char best = 0;

	for (size_t i = 0; i < sizeof(seps) - 1; i++) {
		size_t n = 0;

		for (size_t k = 0; k < line.len; k++)
			n += line.p[k] == seps[i];
		if (n > most) {
			most = n;
			best = seps[i];
		}
	}
	return best;
}

static int csv_sniff(struct str head)
{
	struct str rest, line = str_trim(str_cut(without_bom(head), '\n', &rest));
	char sep = separator(line);

	if (!sep || !rest.p || line.len > HEADER_MAX || strchr("{[<#", line.p[0]))
		return 0;
	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t')
			return 0;
	return 30;
}

/* Offset behind the quoted cell that opens at `at`, SIZE_MAX when it does not close. */
static size_t quoted_end(struct str s, size_t at)
{
	size_t i = at + 1;

	while ((i = str_chr(s, '"', i)) != SIZE_MAX) {
		if (i + 1 >= s.len || s.p[i + 1] != '"')
			return i + 1;
		i += 2;
	}
	return SIZE_MAX;
}

/* Offset of the line end that closes the record at the start of s, or SIZE_MAX. */
static size_t record_end(struct str s, char sep)
{
	size_t at = 0, nl = str_chr(s, '\n', 0);

	while (nl != SIZE_MAX) {
		size_t q = str_chr(str_sub(s, 0, nl), '"', at);

		if (q == SIZE_MAX)
			return nl;
		if (q > 0 && s.p[q - 1] != sep) { /* a quote inside a cell stands for itself */
			at = q + 1;
			continue;
		}
		at = quoted_end(s, q);
		if (at == SIZE_MAX)
			return SIZE_MAX;
		if (at > nl)
			nl = str_chr(s, '\n', at);
	}
	return SIZE_MAX;
}

/* The cell at the start of *rest, unescaped; p NULL when memory ran out. */
static struct str cell(struct str *rest, char sep, struct arena *mem)
{
	struct str s = *rest, c;
	size_t end, n = 0;
	char *to;

	if (!s.len || s.p[0] != '"')
		return str_cut(s, sep, rest);
	end = quoted_end(s, 0);
	if (end == SIZE_MAX)
		return str_cut(s, sep, rest);
	c = str_sub(s, 1, end - 1);
	(void)str_cut(str_sub(s, end, s.len), sep, rest);
	if (str_chr(c, '"', 0) == SIZE_MAX)
		return c;
	to = arena_alloc(mem, c.len);
	for (size_t i = 0; to && i < c.len; i++) {
		to[n++] = c.p[i];
		i += c.p[i] == '"';
	}
	return str_n(to, n);
}

/* Learns the columns; false when there are too many. Names never need unescaping. */
static bool learn(struct csv_state *st, struct str line)
{
	struct str rest;

	if (line.len > HEADER_MAX)
		return false;
	memcpy(st->header, line.p, line.len);
	st->len = line.len;
	st->ncol = 0;
	for (rest = str_n(st->header, st->len); rest.p && st->ncol < COLS_MAX;) {
		struct str c = str_trim(str_cut(rest, st->sep, &rest));

		if (c.len >= 2 && c.p[0] == '"' && c.p[c.len - 1] == '"')
			c = str_sub(c, 1, c.len - 1);
		st->name[st->ncol++] = c;
	}
	return !rest.p;
}

static enum frame_result csv_frame(void *state, struct str buf, size_t *pos, bool eof,
				   struct str *ret_rec, const char **ret_why)
{
	struct csv_state *st = state;

	while (*pos < buf.len) {
		struct str s = str_sub(buf, *pos, MIN(buf.len, *pos + RECORD_MAX)), line, rest;
		size_t end;

		if (!st->sep)
			st->sep = separator(str_cut(without_bom(s), '\n', &rest));
		end = record_end(s, st->sep);
		if (end == SIZE_MAX && s.len < RECORD_MAX && !eof)
			return FRAME_MORE;
		if (end == SIZE_MAX && s.len == RECORD_MAX) {
			*pos += s.len;
			*ret_why = "record too long";
			return FRAME_SKIP;
		}
		line = end == SIZE_MAX ? s : str_sub(s, 0, end);
		*pos += MIN(line.len + 1, s.len);
		if (line.len && line.p[line.len - 1] == '\r')
			line.len--;
		line = without_bom(line);
		/* The header may come again where files were joined. */
		if (!line.len || (st->len && str_eq(line, str_n(st->header, st->len))))
			continue;
		if (st->len) {
			*ret_rec = line;
			return FRAME_RECORD;
		}
		if (!learn(st, line)) {
			*ret_why = "header too long";
			return FRAME_SKIP;
		}
	}
	return eof ? FRAME_END : FRAME_MORE;
}

static int csv_fields(void *state, struct str rec, struct arena *mem, struct fields *ret_f,
		      const char **ret_why)
{
	struct csv_state *st = state;
	struct field *f = arena_alloc(mem, (st->ncol + 1) * sizeof(*f));
	size_t n = 0, col = 0;

	if (!f)
		return -ENOMEM;
	for (; rec.p && col < st->ncol; col++) {
		struct str c = cell(&rec, st->sep, mem);

		if (!c.p)
			return -ENOMEM;
		if (c.len)
			f[n++] = (struct field){st->name[col], val_s(c)};
	}
	if (rec.p || col < st->ncol) {
		*ret_why = "columns do not fit the header";
		return -1;
	}
	*ret_f = (struct fields){f, n};
	return 0;
}

const struct codec_ops codec_csv = {
	.name = "csv",
	.summary = "comma-separated values with a header line",
	.record_max = RECORD_MAX,
	.state_size = sizeof(struct csv_state),
	.sniff = csv_sniff,
	.frame = csv_frame,
	.fields = csv_fields,
	.primed = true,
	.columns = true,
};
