/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/block.h"
#include "base/utf8.h"
#include <errno.h>
#include <stdlib.h>

#define TOK_MAX_DEFAULT	  1000000
#define DEPTH_MAX_DEFAULT 128
#define DEPTH_CEILING	  1024
#define TEXT_MAX	  (1024 * MIB)

/*
 * All of it is meant to live in registers: whoever takes its address is inlined, and what j
 * must know is written back at the end.
 */
struct scan {
	struct json *j;
	const char *at, *end, *base;
	struct json_tok *tok; /* of j; */
	uint32_t ntok;	      /* the same */
	uint32_t room;	      /* tokens that fit without growing or breaking the limit */
	uint32_t depth, max_depth;
	uint32_t *stack; /* [DEPTH_CEILING] tokens of the open containers */
};

void json_init(struct json *j)
{
	*j = (struct json){0};
}

void json_free(struct json *j)
{
	free(j->tok);
	json_init(j);
}

static int tape_grow(struct json *j)
{
	uint32_t limit = j->max_tok ? j->max_tok : TOK_MAX_DEFAULT;
	uint32_t cap = j->cap ? j->cap * 2 : 256;
	struct json_tok *tok;

	if (j->ntok >= limit)
		return E_LIMIT;
	if (cap > limit)
		cap = limit;
	tok = realloc(j->tok, cap * sizeof(*tok));
	if (!tok)
		return -ENOMEM;
	j->tok = tok;
	j->cap = cap;
	return 0;
}

static uint32_t tape_room(const struct json *j)
{
	return MIN(j->cap, j->max_tok ? j->max_tok : TOK_MAX_DEFAULT);
}

static ALWAYS_INLINE int push_tok(struct scan *s, enum json_kind kind, const char *from,
				  size_t len, bool esc)
{
	if (UNLIKELY(s->ntok >= s->room)) {
		int r;

		s->j->ntok = s->ntok;
		r = tape_grow(s->j);
		if (r < 0)
			return r;
		s->tok = s->j->tok;
		s->room = tape_room(s->j);
	}
	s->tok[s->ntok] = (struct json_tok){.off = (uint32_t)(from - s->base),
					    .len = (uint32_t)len,
					    .next = s->ntok + 1,
					    .kind = (uint8_t)kind,
					    .esc = esc};
	s->ntok++;
	return 0;
}

static ALWAYS_INLINE void skip_space(struct scan *s)
{
	/* Mostly there is none. */
	while (s->at < s->end && (unsigned char)*s->at <= ' ' &&
	       (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
		s->at++;
}

static int hex4(const char *p, uint32_t *ret)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		int hex = hex_digit(p[i]);

		if (hex < 0)
			return E_FORMAT;
		v = v << 4 | (uint32_t)hex;
	}
	*ret = v;
	return 0;
}

/* Past the escape at *at, which is moved; E_FORMAT when it is none. */
static int skip_escape(const char **at, const char *end)
{
	const char *p = *at;
	uint32_t u;

	if (end - p < 2)
		return E_FORMAT;
	if (p[1] == 'u') {
		if (end - p < 6 || hex4(p + 2, &u) < 0)
			return E_FORMAT;
		*at = p + 6;
		return 0;
	}
	if (!p[1] || !strchr("\"\\/bfnrt", p[1]))
		return E_FORMAT;
	*at = p + 2;
	return 0;
}

/* s->at is after the opening quote. */
static ALWAYS_INLINE int scan_string(struct scan *s)
{
	const char *from = s->at, *p = from;
	bool esc = false;

	for (;;) {
		const char *next;

		p = block_text_stop(p, s->end);
		if (LIKELY(p < s->end && *p == '"'))
			break;
		s->at = p;
		if (p >= s->end || (unsigned char)*p < 0x20)
			return E_FORMAT;
		esc = true;
		next = p;
		if (skip_escape(&next, s->end) < 0)
			return E_FORMAT;
		p = next;
	}
	s->at = p + 1;
	return push_tok(s, JSON_STRING, from, (size_t)(p - from), esc);
}

static ALWAYS_INLINE const char *skip_digits(const char *p, const char *end)
{
	while (p < end) {
		uint64_t odd = word_odd(str_word(p, 8)); /* JSON_PAD is readable */

		if (LIKELY(odd)) {
			p += __builtin_ctzll(odd) / 8;
			break;
		}
		p += 8;
	}
	return MIN(p, end);
}

/* Behind the number at p, or NULL. */
static ALWAYS_INLINE const char *number_end(const char *p, const char *end)
{
	const char *q;

	if (*p == '-')
		p++;
	q = skip_digits(p, end);
	if (q == p)
		return NULL;
	if (*p == '0')
		q = p + 1;
	if (q < end && *q == '.') {
		p = q + 1;
		q = skip_digits(p, end);
		if (q == p)
			return NULL;
	}
	if (q < end && (*q == 'e' || *q == 'E')) {
		p = q + 1;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		q = skip_digits(p, end);
		if (q == p)
			return NULL;
	}
	return q;
}

static ALWAYS_INLINE int scan_number(struct scan *s)
{
	const char *from = s->at, *p = number_end(from, s->end);

	if (!p)
		return E_FORMAT;
	s->at = p;
	return push_tok(s, JSON_NUMBER, from, (size_t)(p - from), false);
}

static ALWAYS_INLINE int scan_word(struct scan *s, const char *word, size_t len,
				   enum json_kind kind)
{
	const char *from = s->at;

	if ((size_t)(s->end - from) < len || memcmp(from, word, len) != 0)
		return E_FORMAT;
	s->at += len;
	return push_tok(s, kind, from, len, false);
}

static ALWAYS_INLINE int open_container(struct scan *s, enum json_kind kind)
{
	int r;

	if (s->depth >= s->max_depth)
		return E_LIMIT;
	r = push_tok(s, kind, s->at, 0, false);
	if (r < 0)
		return r;
	s->stack[s->depth++] = s->ntok - 1;
	s->at++;
	return 0;
}

/* s->at is at the closing bracket. */
static ALWAYS_INLINE void close_container(struct scan *s)
{
	struct json_tok *t = &s->tok[s->stack[--s->depth]];

	s->at++;
	t->len = (uint32_t)(s->at - s->base) - t->off;
	t->next = s->ntok;
}

static ALWAYS_INLINE int scan_value(struct scan *s)
{
	switch (*s->at) {
	case '"':
		s->at++;
		return scan_string(s);
	case '{':
		return open_container(s, JSON_OBJECT);
	case '[':
		return open_container(s, JSON_ARRAY);
	case 't':
		return scan_word(s, "true", 4, JSON_TRUE);
	case 'f':
		return scan_word(s, "false", 5, JSON_FALSE);
	case 'n':
		return scan_word(s, "null", 4, JSON_NULL);
	default:
		return scan_number(s);
	}
}

static ALWAYS_INLINE int scan_key(struct scan *s)
{
	int r;

	if (s->at >= s->end || *s->at != '"')
		return E_FORMAT;
	s->at++;
	r = scan_string(s);
	if (r < 0)
		return r;
	skip_space(s);
	if (s->at >= s->end || *s->at != ':')
		return E_FORMAT;
	s->at++;
	skip_space(s);
	return 0;
}

/*
 * After a value, or after an opening bracket (`opened`): closes what is closed, and leaves
 * s->at at the next value. 1 when a value follows, 0 when the text is complete.
 */
static ALWAYS_INLINE int next_value(struct scan *s, bool opened)
{
	while (s->depth) {
		struct json_tok *t = &s->tok[s->stack[s->depth - 1]];
		char closing = t->kind == JSON_OBJECT ? '}' : ']';

		skip_space(s);
		if (s->at >= s->end)
			return E_FORMAT;
		if (*s->at == closing) {
			close_container(s);
			opened = false;
			continue;
		}
		if (!opened) {
			if (*s->at != ',')
				return E_FORMAT;
			s->at++;
			skip_space(s);
		}
		t->n++;
		if (closing == '}') {
			int r = scan_key(s);

			return r < 0 ? r : 1;
		}
		return 1;
	}
	return 0;
}

int json_scan(struct json *j, struct str text, size_t *ret_off)
{
	uint32_t stack[DEPTH_CEILING];
	struct scan s;
	int r = 1;

	s.j = j;
	s.base = s.at = text.p;
	s.end = text.p + text.len;
	s.depth = 0;
	s.stack = stack;
	s.tok = j->tok;
	s.ntok = 0;
	s.room = tape_room(j);
	s.max_depth = MIN(j->max_depth ? j->max_depth : DEPTH_MAX_DEFAULT, DEPTH_CEILING);
	j->text = text;
	j->ntok = 0;
	if (text.len > TEXT_MAX)
		return E_LIMIT;
	skip_space(&s);
	while (r > 0) {
		uint32_t depth = s.depth;

		r = s.at < s.end ? scan_value(&s) : E_FORMAT;
		if (r == 0)
			r = next_value(&s, s.depth > depth);
	}
	j->ntok = s.ntok;
	if (r == 0) {
		skip_space(&s);
		if (s.at != s.end)
			r = E_FORMAT;
	}
	if (r < 0 && ret_off)
		*ret_off = (size_t)(s.at - s.base);
	return r;
}

int json_scan_copy(struct json *j, struct str text, struct arena *mem)
{
	char *p = arena_zalloc(mem, text.len + JSON_PAD);

	json_init(j);
	if (!p)
		return -ENOMEM;
	if (text.len)
		memcpy(p, text.p, text.len);
	return json_scan(j, str_n(p, text.len), NULL);
}

/* "uXXXX" at p, perhaps with its low surrogate; *used counts the bytes taken. */
static uint32_t code_point(const char *p, const char *end, size_t *used)
{
	uint32_t u = 0xfffd, low;

	*used = 5;
	if (hex4(p + 1, &u) < 0)
		return 0xfffd;
	if (u < 0xd800 || u > 0xdfff)
		return u;
	if (u < 0xdc00 && end - p >= 11 && p[5] == '\\' && p[6] == 'u' &&
	    hex4(p + 7, &low) == 0 && low >= 0xdc00 && low <= 0xdfff) {
		*used = 11;
		return 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
	}
	return 0xfffd;
}

static char plain_escape(char c)
{
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return c; /* quote, backslash, slash */
	}
}

struct str json_text(const struct json *j, uint32_t t, struct arena *a)
{
	struct str raw = json_raw(j, t);
	const char *p = raw.p, *end = raw.p + raw.len;
	char *out, *q;

	if (!j->tok[t].esc)
		return raw;
	/* Unescaped text is never longer: the longest growth is 6 bytes into 3. */
	out = q = arena_alloc(a, raw.len + JSON_PAD);
	if (!out)
		return (struct str){NULL, 0};
	while (p < end) {
		size_t used;

		if (*p != '\\') {
			*q++ = *p++;
			continue;
		}
		p++;
		if (*p == 'u') {
			q += utf8_put(q, code_point(p, end, &used));
			p += used;
		} else {
			*q++ = plain_escape(*p++);
		}
	}
	return str_n(out, (size_t)(q - out));
}

uint32_t json_get(const struct json *j, uint32_t obj, struct str key)
{
	if (obj >= j->ntok || j->tok[obj].kind != JSON_OBJECT)
		return 0;
	JSON_EACH_MEMBER(j, obj, t)
	{
		if (j->tok[t].len == key.len && str_eq(json_raw(j, t), key))
			return t + 1;
	}
	return 0;
}
