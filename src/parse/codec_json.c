/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON: one object a line, objects over several lines or one after the other, and documents
 * that wrap many records in one list ({"Records":[...]}, [...]), cut while they stream.
 */
#include "parse/line.h"

struct json_state {
	bool in_list; /* between the records of a wrapping list */
	/* The object at *pos is scanned up to here; nothing is scanned twice. */
	size_t seen, depth;
	bool in_text, escaped;
	char last; /* byte before seen that is no white space, outside of text */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int json_sniff(struct str head)
{
	size_t i = 0;

	if (str_starts(head, STR("\xef\xbb\xbf")))
		i = 3;
	while (i < head.len && is_space(head.p[i]))
		i++;
	if (i < head.len && (head.p[i] == '{' || head.p[i] == '['))
		return 90;
	/* A program's own start-up text may stand before the records. */
	return str_find(str_sub(head, 0, 8192), STR("\n{\"")) != SIZE_MAX ? 60 : 0;
}

/* Length of the opening of a wrapping document, 0 when this object is a record itself. */
static size_t wrapper(struct str s)
{
	static const char *const names[] = {"Records", "records", "value", "Events"};
	size_t i = 1, q;

	s = str_sub(s, 0, 1024);
	for (unsigned member = 0; member < 4; member++) {
		struct str key;

		while (i < s.len && (is_space(s.p[i]) || s.p[i] == ','))
			i++;
		q = i < s.len && s.p[i] == '"' ? str_chr(s, '"', i + 1) : SIZE_MAX;
		if (q == SIZE_MAX)
			return 0;
		key = str_sub(s, i + 1, q);
		for (i = q + 1; i < s.len && (is_space(s.p[i]) || s.p[i] == ':');)
			i++;
		for (size_t k = 0; k < ARRAY_LEN(names); k++) {
			size_t at = i + 1;

			if (!str_eqz(key, names[k]) || i >= s.len || s.p[i] != '[')
				continue;
			while (at < s.len && is_space(s.p[at]))
				at++;
			return at < s.len && (s.p[at] == '{' || s.p[at] == ']') ? i + 1 : 0;
		}
		if (!str_starts(key, STR("@odata")) || i >= s.len || s.p[i] != '"')
			return 0;
		q = str_chr(s, '"', i + 1);
		if (q == SIZE_MAX)
			return 0;
		i = q + 1;
	}
	return 0;
}

/*
 * Goes on to the closing brace. 1 found (st->seen is past it), 0 more bytes needed, -1 broken:
 * a line ends inside a text, or an object begins where JSON allows none.
 */
static int match(struct json_state *st, struct str s)
{
	size_t i = st->seen;

	for (; i < s.len; i++) {
		char c = s.p[i];

		if (st->in_text) {
			if (st->escaped)
				st->escaped = false;
			else if (c == '\\')
				st->escaped = true;
			else if (c == '"')
				st->in_text = false;
			else if (c == '\n')
				break;
			continue;
		}
		if (is_space(c))
			continue;
		if (c == '"') {
			st->in_text = true;
		} else if (c == '{') {
			if (st->depth && st->last != ',' && st->last != '[' && st->last != ':')
				break;
			st->depth++;
		} else if (c == '}' && --st->depth == 0) {
			st->seen = i + 1;
			return 1;
		}
		st->last = c;
	}
	st->seen = i;
	return i < s.len ? -1 : 0;
}

static void match_reset(struct json_state *st)
{
	*st = (struct json_state){.in_list = st->in_list};
}

/* A line that is a whole object and is followed by another needs no brace matching. */
static size_t whole_line(struct str s)
{
	const char *nl = memchr(s.p, '\n', s.len);
	size_t n = nl ? (size_t)(nl - s.p) : 0, end = n;

	if (!n || n + 1 >= s.len || s.p[n + 1] != '{')
		return 0;
	while (end && is_space(s.p[end - 1]))
		end--;
	return end && s.p[end - 1] == '}' ? end : 0;
}

static enum frame_result skip_line(struct json_state *st, struct str buf, size_t *pos,
				   size_t from, bool eof, const char *why, const char **ret_why)
{
	size_t nl = str_chr(buf, '\n', from);

	if (nl == SIZE_MAX && !eof && buf.len - *pos < LINE_MAX_BYTES)
		return FRAME_MORE;
	*pos = nl == SIZE_MAX ? buf.len : nl + 1;
	st->in_list = false;
	match_reset(st);
	*ret_why = why;
	return FRAME_SKIP;
}

static enum frame_result frame_object(struct json_state *st, struct str buf, size_t *pos,
				      bool eof, struct str *ret_rec, const char **ret_why)
{
	struct str s = str_sub(buf, *pos, buf.len);
	size_t n = st->seen || st->in_list ? 0 : whole_line(s);
	int r;

	if (n) {
		*ret_rec = str_n(s.p, n);
		*pos += n;
		return FRAME_RECORD;
	}
	r = match(st, s);
	if (r > 0) {
		*ret_rec = str_n(s.p, st->seen);
		*pos += st->seen;
		match_reset(st);
		return FRAME_RECORD;
	}
	if (r == 0 && !eof)
		return FRAME_MORE;
	if (r == 0)
		return skip_line(st, buf, pos, *pos, eof, "record ends in the middle", ret_why);
	/* The object that begins too early starts its own line. */
	if (s.p[st->seen] == '{' && st->seen) {
		*pos += st->seen;
		match_reset(st);
		*ret_why = "broken JSON";
		return FRAME_SKIP;
	}
	return skip_line(st, buf, pos, *pos + st->seen, eof, "broken JSON", ret_why);
}

static enum frame_result json_frame(void *state, struct str buf, size_t *pos, bool eof,
				    struct str *ret_rec, const char **ret_why)
{
	struct json_state *st = state;

	for (;;) {
		size_t n;
		char c;

		if (*pos == 0 && !st->seen && str_starts(buf, STR("\xef\xbb\xbf")))
			*pos = 3;
		while (*pos < buf.len && is_space(buf.p[*pos]))
			++*pos;
		if (*pos >= buf.len)
			return eof ? FRAME_END : FRAME_MORE;
		c = buf.p[*pos];
		if (st->in_list && (c == ',' || c == ']')) {
			st->in_list = c == ',';
			++*pos;
			/* What follows the list belongs to the wrapper: skipped in silence. */
			if (c == ',')
				continue;
			n = str_chr(buf, '\n', *pos);
			*pos = n == SIZE_MAX ? buf.len : n;
			continue;
		}
		if (c == '[' && !st->in_list) {
			st->in_list = true;
			++*pos;
			continue;
		}
		if (c != '{')
			return skip_line(st, buf, pos, *pos, eof, "not JSON", ret_why);
		if (!st->in_list && !st->seen) {
			if (buf.len - *pos < 1024 && !eof &&
			    !memchr(buf.p + *pos, '\n', buf.len - *pos))
				return FRAME_MORE;
			n = wrapper(str_sub(buf, *pos, buf.len));
			if (n) {
				*pos += n;
				st->in_list = true;
				continue;
			}
		}
		return frame_object(st, buf, pos, eof, ret_rec, ret_why);
	}
}

const struct codec_ops codec_json = {
	.name = "json",
	.summary = "JSON objects, one a line, over lines, or in a list",
	.record_max = 16 * MIB,
	.state_size = sizeof(struct json_state),
	.sniff = json_sniff,
	.frame = json_frame,
	.json = true,
};
