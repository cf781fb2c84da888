/* SPDX-License-Identifier: Apache-2.0 */
#include "event/pattern.h"
#include "base/timeutil.h"
#include "event/encode.h"
#include <errno.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Bounds of one regular expression on one value. */
#define REGEX_TEXT_MAX	(256 * KIB)
#define REGEX_STEPS_MAX 100000
#define REGEX_HEAP_KIB	1024

static inline char at(const struct pattern *p, char c)
{
	return p->cased ? c : lower_c(c);
}

static bool same(const struct pattern *p, const char *s, const char *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (at(p, s[i]) != t[i])
			return false;
	return true;
}

#if defined(__SSE2__)
/* Which of the 16 bytes at s are c, a byte of the pattern. */
static unsigned which(const struct pattern *p, const char *s, char c)
{
	char upper = !p->cased && c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)s);

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(
		_mm_cmpeq_epi8(v, _mm_set1_epi8(c)), _mm_cmpeq_epi8(v, _mm_set1_epi8(upper))));
}
#endif

static bool contains(const struct pattern *p, struct str s)
{
	struct str t = p->text;
	size_t i = 0;

	if (t.len == 0)
		return true;
#if defined(__SSE2__)
	/* Sixteen places at a time, by the first byte and the last one of the pattern. */
	for (; i + 15 + t.len <= s.len; i += 16) {
		unsigned m = which(p, s.p + i, t.p[0]) &
			     which(p, s.p + i + t.len - 1, t.p[t.len - 1]);

		for (; m; m &= m - 1)
			if (same(p, s.p + i + __builtin_ctz(m), t.p, t.len))
				return true;
	}
#endif
	for (; i + t.len <= s.len; i++)
		if (at(p, s.p[i]) == t.p[0] && same(p, s.p + i, t.p, t.len))
			return true;
	return false;
}

/* Bytes of the UTF-8 character at s[i]; 1 where it is none. */
static size_t character(struct str s, size_t i)
{
	unsigned char c = (unsigned char)s.p[i];
	size_t n = c < 0xc0 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2, k = 1;

	while (k < n && i + k < s.len && ((unsigned char)s.p[i + k] & 0xc0) == 0x80)
		k++;
	return k;
}

/* Only the last star is ever tried again, so time is text times pattern at worst. */
static bool wild(const struct pattern *p, struct str s)
{
	struct str t = p->text;
	size_t i = 0, j = 0, star = SIZE_MAX, back = 0, dash;

	while (i < s.len) {
		if (j < t.len && t.p[j] == PAT_STAR) {
			star = j++;
			back = i;
		} else if (j < t.len && t.p[j] == PAT_DASH && (dash = encode_dash_at(s, i))) {
			i += dash;
			j++;
		} else if (j < t.len && t.p[j] == PAT_ONE) {
			i += character(s, i);
			j++;
		} else if (j < t.len && t.p[j] != PAT_DASH && at(p, s.p[i]) == t.p[j]) {
			i++;
			j++;
		} else if (star != SIZE_MAX) {
			j = star + 1;
			i = ++back;
		} else {
			return false;
		}
	}
	while (j < t.len && t.p[j] == PAT_STAR)
		j++;
	return j == t.len;
}

static bool regex(const struct pattern *p, struct str s)
{
	return s.len <= REGEX_TEXT_MAX && pcre2_match(p->regex, (PCRE2_SPTR)(s.p ? s.p : ""),
						      s.len, 0, 0, p->match, p->limits) >= 0;
}

bool pattern_text(const struct pattern *p, struct str s)
{
	struct str t = p->text;
	struct ip ip;

	switch (p->kind) {
	case PAT_EQUAL:
		return s.len == t.len && same(p, s.p, t.p, s.len);
	case PAT_CONTAINS:
		return contains(p, s);
	case PAT_STARTS:
		return s.len >= t.len && same(p, s.p, t.p, t.len);
	case PAT_ENDS:
		return s.len >= t.len && same(p, s.p + (s.len - t.len), t.p, t.len);
	case PAT_WILD:
		return wild(p, s);
	case PAT_REGEX:
		return regex(p, s);
	case PAT_CIDR:
		return ip_parse(s, &ip) && cidr_has(&p->net, &ip);
	case PAT_EMPTY:
		return s.len == 0;
	default:
		return false;
	}
}

/* A date as text, or as a number of seconds, milliseconds and so on since 1970. */
static bool date_part(const struct val *v, enum time_part part, double *ret_x)
{
	char tmp[40], day[32];
	struct str s = val_text(v, tmp);
	int64_t ns;

	if (s.len == 10 && !time_parse_epoch(s, &ns)) {
		snprintf(day, sizeof(day), "%.*sT00:00:00", STR_ARG(s));
		s = str_of(day);
	}
	if (!time_parse(s, &ns) && !time_parse_epoch(s, &ns))
		return false;
	*ret_x = (double)time_part(ns, part);
	return true;
}

static bool number(const struct pattern *p, const struct val *v)
{
	double x;

	if (p->part ? !date_part(v, (enum time_part)p->part, &x) : !val_num(v, &x))
		return false;
	switch (p->kind) {
	case PAT_LT:
		return x < p->num;
	case PAT_LTE:
		return x <= p->num;
	case PAT_GT:
		return x > p->num;
	case PAT_GTE:
		return x >= p->num;
	default:
		return x == p->num;
	}
}

bool pattern_match(const struct pattern *p, const struct val *v)
{
	char tmp[40];

	switch (p->kind) {
	case PAT_NULL:
		return v->kind <= VAL_NULL;
	case PAT_EXISTS:
		return (v->kind != VAL_NONE) == (p->num != 0);
	case PAT_EMPTY:
		return v->kind == VAL_STR && v->len == 0;
	case PAT_BOOL:
		if (v->kind == VAL_STR)
			return str_ieq(val_str(v), p->num != 0 ? STR("true") : STR("false"));
		return v->kind == VAL_BOOL && v->i == (int64_t)p->num;
	case PAT_NUMBER:
	case PAT_LT:
	case PAT_LTE:
	case PAT_GT:
	case PAT_GTE:
		return v->kind > VAL_NULL && number(p, v);
	default:
		return v->kind > VAL_NULL && pattern_text(p, val_text(v, tmp));
	}
}

void pattern_wild(struct pattern *p, struct str text, bool cased)
{
	bool head = text.len && text.p[0] == PAT_STAR;
	bool tail = text.len > 1 && text.p[text.len - 1] == PAT_STAR;
	struct str body = str_sub(text, head, text.len - tail);

	p->cased = cased;
	if (str_chr(body, PAT_STAR, 0) != SIZE_MAX || str_chr(body, PAT_ONE, 0) != SIZE_MAX ||
	    str_chr(body, PAT_DASH, 0) != SIZE_MAX) {
		p->kind = PAT_WILD;
		p->text = text;
		return;
	}
	p->text = body;
	if (head && (tail || body.len == 0))
		p->kind = PAT_CONTAINS;
	else
		p->kind = head ? PAT_ENDS : tail ? PAT_STARTS : PAT_EQUAL;
}

int pattern_regex(struct pattern *p, struct str text, bool i, bool m, bool s, char ret_why[128])
{
	uint32_t flags = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | (i ? PCRE2_CASELESS : 0) |
			 (m ? PCRE2_MULTILINE : 0) | (s ? PCRE2_DOTALL : 0);
	PCRE2_UCHAR msg[96] = {0};
	PCRE2_SIZE off;
	int err;

	p->kind = PAT_REGEX;
	p->text = text;
	p->regex = pcre2_compile((PCRE2_SPTR)text.p, text.len, flags, &err, &off, NULL);
	if (!p->regex) {
		pcre2_get_error_message(err, msg, sizeof(msg));
		snprintf(ret_why, 128, "%s", (const char *)msg);
		return E_SYNTAX;
	}
	(void)pcre2_jit_compile(p->regex, PCRE2_JIT_COMPLETE); /* without, it is only slower */
	p->match = pcre2_match_data_create(1, NULL);
	p->limits = pcre2_match_context_create(NULL);
	if (!p->match || !p->limits)
		return -ENOMEM;
	pcre2_set_match_limit(p->limits, REGEX_STEPS_MAX);
	pcre2_set_heap_limit(p->limits, REGEX_HEAP_KIB);
	return 0;
}

void pattern_clear(struct pattern *p)
{
	pcre2_code_free(p->regex);
	pcre2_match_data_free(p->match);
	pcre2_match_context_free(p->limits);
	p->regex = p->match = p->limits = NULL;
}
