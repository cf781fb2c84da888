/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/filter_regex: texts of which one must be there for a regular expression to match, for
 * filter_anchor. Only what is certain: runs of plain letters, digits and the like that nothing
 * makes optional, in each of the alternatives. (Where case does not matter, PCRE2 takes the
 * long s for an s and the Kelvin sign for a k; a text with those is not found by these.)
 */
#include "event/filter_priv.h"
#include <string.h>

#define DEPTH_MAX 8

struct walk {
	struct str re;
	struct anchor_words *words;
};

static bool plain(char c)
{
	return letter_c(c) || digit_c(c) || (c && strchr(" -_/:;,=<>@%&~\"'`", c));
}

/* Behind the escape at i. */
static size_t past_escape(struct str re, size_t i)
{
	char c = i + 1 < re.len ? re.p[i + 1] : 0;
	size_t end = i + 2;

	if (end < re.len && (re.p[end] == '{' || re.p[end] == '<') && c &&
	    strchr("xopPNgkuU", c))
		return MIN(re.len, str_chr(re, re.p[end] == '{' ? '}' : '>', end)) + 1;
	if (c && strchr("pPcg", c))
		return end + 1;
	while ((c == 'x' || hex_digit(c) >= 0) && end < re.len && hex_digit(re.p[end]) >= 0 &&
	       end < i + 4)
		end++;
	return end;
}

/* Behind the class at i. */
static size_t past_class(struct str re, size_t i)
{
	size_t end = i + 1;

	end += end < re.len && re.p[end] == '^';
	end += end < re.len && re.p[end] == ']';
	while (end < re.len && re.p[end] != ']') {
		if (re.p[end] == '\\')
			end += 2;
		else if (str_starts(str_sub(re, end, re.len), STR("[:")))
			end = MIN(re.len, str_find(str_sub(re, end, re.len), STR(":]")) + end) +
			      2;
		else
			end++;
	}
	return end + 1;
}

/* Behind what begins at i: one byte, an escape, a class, or a quantifier in braces. */
static size_t past(struct str re, size_t i)
{
	size_t end = i + 1;

	if (re.p[i] == '\\')
		end = past_escape(re, i);
	else if (re.p[i] == '[')
		end = past_class(re, i);
	else if (re.p[i] == '{')
		end = MIN(re.len, str_chr(re, '}', i)) + 1;
	return MIN(re.len, end);
}

/* Whether what ends before i may be left out. */
static bool optional(struct str re, size_t i)
{
	return i < re.len && (re.p[i] == '?' || re.p[i] == '*' || re.p[i] == '{');
}

/* Behind the group that begins at i. */
static size_t past_group(struct str re, size_t i)
{
	size_t depth = 0;

	while (i < re.len) {
		char c = re.p[i];

		i = c == '{' ? i + 1 : past(re, i);
		depth += c == '(';
		if (c == ')' && --depth == 0)
			break;
	}
	return i;
}

static uint32_t alternatives(const struct walk *w, size_t from, size_t to, unsigned depth,
			     bool tell);

/* What must be there of re[from, to), which has no | of its own: the best text or group. */
static uint32_t sequence(const struct walk *w, size_t from, size_t to, unsigned depth,
			 bool tell)
{
	struct str re = str_sub(w->re, 0, to);
	uint32_t best = ANCHOR_NONE;
	size_t run = from, word = 0, word_len = 0, group = 0, group_end = 0, end;

	for (size_t i = from; i < to; i = end) {
		end = re.p[i] == '(' ? past_group(re, i) : past(re, i);
		if (plain(re.p[i]) && !optional(re, end)) {
			if (anchor_cost(end - run) < best || (word_len && word == run)) {
				best = anchor_cost(end - run);
				word = run;
				word_len = end - run;
			}
			continue;
		}
		if (re.p[i] == '(' && !optional(re, end) && depth < DEPTH_MAX) {
			uint32_t cost = alternatives(w, i + 1, end - 1, depth + 1, false);

			if (cost < best) {
				best = cost;
				group = i + 1;
				group_end = end - 1;
				word_len = 0;
			}
		}
		run = end;
	}
	if (tell && word_len)
		w->words->word[w->words->n++] = str_sub(re, word, word + word_len);
	else if (tell && best != ANCHOR_NONE)
		(void)alternatives(w, group, group_end, depth + 1, true);
	return best;
}

static uint32_t alternatives(const struct walk *w, size_t from, size_t to, unsigned depth,
			     bool tell)
{
	struct str re = str_sub(w->re, 0, to);
	uint64_t sum = 0;
	size_t i = from;

	if (depth && i < to && re.p[i] == '?') {
		if (i + 1 >= to || re.p[i + 1] != ':')
			return ANCHOR_NONE; /* looks ahead, has a name, sets options ... */
		i += 2;
	}
	for (size_t begin = i;; i++) {
		while (i < to && re.p[i] != '|')
			i = re.p[i] == '(' ? past_group(re, i) : past(re, i);
		i = MIN(i, to);
		sum += sequence(w, begin, i, depth, tell);
		if (sum >= ANCHOR_NONE)
			return ANCHOR_NONE;
		if (i >= to)
			return (uint32_t)sum;
		begin = i + 1;
	}
}

const struct anchor_words *regex_anchors(struct str re, struct arena *mem)
{
	struct walk w = {re, NULL};
	struct anchor_words *words;
	uint32_t cost = ANCHOR_NONE;
	size_t most;

	/* Quoted stretches and free spacing read otherwise. */
	if (str_find(re, STR("\\Q")) == SIZE_MAX && str_find(re, STR("(?x")) == SIZE_MAX &&
	    str_find(re, STR("(?ix")) == SIZE_MAX)
		cost = alternatives(&w, 0, re.len, 0, false);
	most = cost == ANCHOR_NONE ? 0 : cost / anchor_cost(SIZE_MAX);
	words = arena_alloc(mem, sizeof(*words) + most * sizeof(words->word[0]));
	if (!words)
		return NULL;
	words->cost = cost;
	words->n = 0;
	w.words = words;
	if (cost != ANCHOR_NONE)
		(void)alternatives(&w, 0, re.len, 0, true);
	return words;
}
