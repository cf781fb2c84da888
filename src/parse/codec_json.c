/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON: one object a line, objects over several lines or one after the other, and documents
 * that wrap many records in one list ({"Records":[...]}, [...]), cut while they stream.
 */
#include "base/block.h"
#include "parse/line.h"

#define RECORD_MAX (16 * MIB)

struct json_state {
	bool in_list; /* between the records of a wrapping list */
	bool wrapped; /* the list is a member of an object */
	bool in_tail; /* behind the list, in the object that wraps it */
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
	*st = (struct json_state){.in_list = st->in_list, .wrapped = st->wrapped};
}

/* Whether a brace may open at s.p[i]: after a comma, a colon or a bracket. */
static bool may_open(struct str s, size_t i)
{
	while (i && is_space(s.p[i - 1]))
		i--;
	return i && (s.p[i - 1] == ',' || s.p[i - 1] == ':' || s.p[i - 1] == '[');
}

/*
 * Length of the object s begins with, found 64 bytes at a time. 0 when it is not whole or
 * anything about it is odd: then match() says what.
 */
static ALWAYS_INLINE size_t match_by(struct str s, block_eq_fn *eq)
{
	uint64_t inside = 0, carry = 0;
	size_t depth = 0;

	for (size_t at = 0; at < s.len; at += 64) {
		const char *p = s.p + at;
		uint64_t slash = eq(p, '\\'), text, open, braces;
		uint64_t quote = eq(p, '"') & ~block_escaped(slash, &carry);

		text = block_parity(quote) ^
		       inside; /* from the opening to before the closing */
		if ((slash & ~text) | (eq(p, '\n') & text))
			return 0;
		inside = 0 - (text >> 63);
		open = eq(p, '{') & ~text;
		braces = open | (eq(p, '}') & ~text);
		for (; braces; braces &= braces - 1) {
			size_t i = at + (size_t)__builtin_ctzll(braces);

			if (open >> (i - at) & 1) {
				if (depth && !may_open(s, i))
					return 0;
				depth++;
			} else if (--depth == 0) {
				return i < s.len ? i + 1 : 0;
			}
		}
	}
	return 0;
}

#if defined(BLOCK_WIDE)
BLOCK_WIDE static size_t match_wide(struct str s)
{
	return match_by(s, block_eq_wide);
}
#endif

static size_t match_blocks(struct str s)
{
#if defined(BLOCK_WIDE)
	if (block_wide())
		return match_wide(s);
#endif
	return match_by(s, block_eq);
}

static enum frame_result skip_line(struct json_state *st, struct str buf, size_t *pos,
				   size_t from, bool eof, const char *why, const char **ret_why)
{
	size_t nl = str_chr(buf, '\n', from);

	if (nl == SIZE_MAX && !eof && buf.len - *pos < LINE_MAX_BYTES)
		return FRAME_MORE;
	*pos = nl == SIZE_MAX ? buf.len : nl + 1;
	*st = (struct json_state){0};
	*ret_why = why;
	return FRAME_SKIP;
}

static enum frame_result frame_object(struct json_state *st, struct str buf, size_t *pos,
				      bool eof, struct str *ret_rec, const char **ret_why)
{
	struct str s = str_sub(buf, *pos, buf.len);
	size_t n = st->seen ? 0 : match_blocks(s);
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
	if (r == 0 && s.len >= RECORD_MAX) {
		*pos = buf.len;
		match_reset(st);
		*ret_why = "record larger than its format allows";
		return FRAME_SKIP;
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

/*
 * What follows the list in the object that wraps it: skipped in silence. FRAME_RECORD: it has
 * ended.
 */
static enum frame_result frame_tail(struct json_state *st, struct str buf, size_t *pos,
				    bool eof, const char **ret_why)
{
	int r = match(st, str_sub(buf, *pos, buf.len));

	if (r < 0)
		return skip_line(st, buf, pos, *pos + st->seen, eof, "broken JSON", ret_why);
	if (r == 0 && !eof)
		return FRAME_MORE;
	*pos = r ? *pos + st->seen : buf.len;
	*st = (struct json_state){0};
	return r ? FRAME_RECORD : FRAME_END;
}

static enum frame_result json_frame(void *state, struct str buf, size_t *pos, bool eof,
				    struct str *ret_rec, const char **ret_why)
{
	struct json_state *st = state;

	for (;;) {
		enum frame_result r;
		size_t n;
		char c;

		if (st->in_tail) {
			r = frame_tail(st, buf, pos, eof, ret_why);
			if (r != FRAME_RECORD)
				return r;
		}
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
			if (c == ']' && st->wrapped)
				*st = (struct json_state){
					.in_tail = true, .depth = 1, .last = ']'};
			continue;
		}
		if (c == '[' && !st->in_list) {
			*st = (struct json_state){.in_list = true};
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
				st->in_list = st->wrapped = true;
				continue;
			}
		}
		return frame_object(st, buf, pos, eof, ret_rec, ret_why);
	}
}

const struct codec_ops codec_json = {
	.name = "json",
	.summary = "JSON objects, one a line, over lines, or in a list",
	.record_max = RECORD_MAX,
	.state_size = sizeof(struct json_state),
	.sniff = json_sniff,
	.frame = json_frame,
	.json = true,
};
