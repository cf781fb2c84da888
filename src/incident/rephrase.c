/* SPDX-License-Identifier: Apache-2.0 */
#include "incident/rephrase.h"
#include "base/arena.h"
#include "base/json.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SENTENCES_MAX 32u
#define NAMES_MAX     256u
#define SENTENCE_MAX  (16 * KIB)

struct rephrase {
	const struct rephrase_conf *conf;
	struct str line;
	struct arena mem;
	struct json j;
	struct str name[NAMES_MAX]; /* what [N1] ... stand for */
	size_t nnames;
	uint32_t tok[SENTENCES_MAX];			     /* of the sentences in j */
	struct str said[SENTENCES_MAX], sent[SENTENCES_MAX]; /* with names, and without */
	size_t n;
};

/* ---- words ---- */

static bool is_mark(char c)
{
	return c && strchr(" ,;:()'\"?!", c) != NULL;
}

/* The next word of s from *at on, without the marks around it. Empty at the end. */
static struct str next_word(struct str s, size_t *at)
{
	size_t begin, end;

	while (*at < s.len && is_mark(s.p[*at]))
		++*at;
	begin = *at;
	while (*at < s.len && !is_mark(s.p[*at]))
		++*at;
	end = *at;
	while (end > begin && (s.p[end - 1] == '.' || s.p[end - 1] == '%'))
		end--;
	return end == begin && *at < s.len ? next_word(s, at) : str_sub(s, begin, end);
}

static bool all(struct str w, bool (*is)(char c))
{
	for (size_t i = 0; i < w.len; i++)
		if (!is(w.p[i]))
			return false;
	return w.len > 0;
}

static bool in_word(char c)
{
	return letter_c(c) || c == '-';
}

/* "13" or "8.04", and no address. */
static bool is_number(struct str w)
{
	size_t point = str_chr(w, '.', 0);

	if (point == SIZE_MAX)
		return all(w, digit_c);
	return all(str_sub(w, 0, point), digit_c) && all(str_sub(w, point + 1, w.len), digit_c);
}

/* "[N12]": its number from 1 on, else 0. */
static size_t token_of(struct str w)
{
	int64_t n;

	if (w.len < 4 || w.p[0] != '[' || w.p[1] != 'N' || w.p[w.len - 1] != ']' ||
	    !str_i64(str_sub(w, 2, w.len - 1), &n) || n < 1 || n > (int64_t)NAMES_MAX)
		return 0;
	return (size_t)n;
}

static bool has_word(struct str s, struct str word, bool same_case)
{
	struct str w;
	size_t at = 0;

	while ((w = next_word(s, &at)).len)
		if (same_case ? str_eq(w, word) : str_ieq(w, word))
			return true;
	return false;
}

/* ---- what is sent ---- */

/* The token of a name: the same for the same one; empty when there are too many. */
static struct str token(struct rephrase *r, struct str name)
{
	size_t i = 0;

	while (i < r->nnames && !str_eq(r->name[i], name))
		i++;
	if (i == NAMES_MAX)
		return (struct str){NULL, 0};
	if (i == r->nnames)
		r->name[r->nnames++] = name;
	return arena_fmt(&r->mem, "[N%zu]", i + 1);
}

static bool is_entity(const struct rephrase *r, struct str word)
{
	uint32_t arr = json_get(&r->j, 0, STR("entities"));

	if (!arr || r->j.tok[arr].kind != JSON_ARRAY)
		return false;
	JSON_EACH_ITEM(&r->j, arr, t)
	{
		struct arena *mem = (struct arena *)(uintptr_t)&r->mem;

		if (has_word(json_text(&r->j, t, mem), word, false))
			return true;
	}
	return false;
}

static bool nameless(const struct rephrase *r, struct str w)
{
	if (is_number(w))
		return true;
	return all(w, in_word) && !is_entity(r, w) && !r->conf->known(w, r->conf->arg);
}

/* The sentence with tokens for names. */
static struct str masked(struct rephrase *r, struct str s)
{
	struct buf b;
	struct str w, out = {NULL, 0};
	size_t at = 0, done = 0;

	buf_init(&b, SENTENCE_MAX);
	while ((w = next_word(s, &at)).len) {
		size_t begin = (size_t)(w.p - s.p);
		struct str t = nameless(r, w) ? w : token(r, w);

		if (!t.len) { /* too many: this sentence is not sent */
			buf_free(&b);
			return out;
		}
		buf_add(&b, str_sub(s, done, begin));
		buf_add(&b, t);
		done = begin + w.len;
	}
	buf_add(&b, str_sub(s, done, s.len));
	if (buf_err(&b) == 0)
		out = arena_str(&r->mem, buf_str(&b));
	buf_free(&b);
	return out;
}

int rephrase_new(struct str line, const struct rephrase_conf *conf, struct rephrase **ret_r)
{
	struct rephrase *r = calloc(1, sizeof(*r));
	uint32_t story;
	int err;

	if (!r)
		return -ENOMEM;
	r->conf = conf;
	r->line = line;
	arena_init(&r->mem, 0);
	err = json_scan_copy(&r->j, line, &r->mem);
	story = err ? 0 : json_get(&r->j, 0, STR("story"));
	if (!err && (!story || r->j.tok[story].kind != JSON_ARRAY || !r->j.tok[story].n))
		err = E_NOTFOUND;
	if (err) {
		rephrase_free(r);
		return err;
	}
	JSON_EACH_ITEM(&r->j, story, t)
	{
		uint32_t text = json_get(&r->j, t, STR("text"));

		if (!text || r->n == SENTENCES_MAX)
			continue;
		r->tok[r->n] = t;
		r->said[r->n] = json_text(&r->j, text, &r->mem);
		r->sent[r->n] = masked(r, r->said[r->n]);
		r->n++;
	}
	*ret_r = r;
	return 0;
}

struct rephrase *rephrase_free(struct rephrase *r)
{
	if (r) {
		json_free(&r->j);
		arena_free(&r->mem);
		free(r);
	}
	return NULL;
}

static const char instruction[] =
	"You are given the numbered sentences of a security incident. Write each of them again "
	"in "
	"plain, short English, one line for each, beginning with its number and a point. Keep "
	"every [N..] token and every figure of a sentence in that sentence and add none. Add "
	"no "
	"fact, guess or advice. Do not turn a yes into a no. Answer with these lines alone.";

int rephrase_request(struct rephrase *r, struct buf *out)
{
	struct buf text;

	buf_init(&text, MIB);
	for (size_t i = 0; i < r->n; i++)
		if (r->sent[i].len)
			buf_fmt(&text, "%zu. %.*s\n", i + 1, STR_ARG(r->sent[i]));
	buf_addz(out, "{\"model\":");
	buf_json(out, str_of(r->conf->model));
	buf_addz(out, ",\"temperature\":0,\"messages\":[{\"role\":\"system\",\"content\":");
	buf_json(out, str_of(instruction));
	buf_addz(out, "},{\"role\":\"user\",\"content\":");
	buf_json(out, buf_str(&text));
	buf_addz(out, "}]}");
	buf_free(&text);
	return buf_err(out);
}

/* ---- what comes back ---- */

static bool listed(const char *const *v, size_t n, struct str w)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(w, str_of(v[i])))
			return true;
	return false;
}

/* Figures in letters are figures. */
static bool is_figure(struct str w)
{
	static const char *const words[] = {
		"zero",	  "one",     "two",	 "three",    "four",	  "five",    "six",
		"seven",  "eight",   "nine",	 "ten",	     "eleven",	  "twelve",  "dozen",
		"dozens", "hundred", "hundreds", "thousand", "thousands", "million", "millions",
		"once",	  "twice",   "half",	 "double",   "several",	  "many",    "all"};

	return listed(words, ARRAY_LEN(words), w);
}

static unsigned negations(struct str s)
{
	static const char *const words[] = {"no",     "not",	 "never",   "none",
					    "nobody", "nothing", "without", "hardly",
					    "cannot", "neither", "nor",	    "unlikely",
					    "unable", "doesn",	 "didn",    "isn",
					    "wasn",   "aren",	 "weren",   "hasn",
					    "hadn",   "couldn",	 "won"};
	struct str w;
	size_t at = 0;
	unsigned n = 0;

	while ((w = next_word(s, &at)).len)
		n += listed(words, ARRAY_LEN(words), w);
	return n;
}

/* Every token of a stands in b. */
static bool tokens_in(struct str a, struct str b)
{
	struct str w;
	size_t at = 0;

	while ((w = next_word(a, &at)).len)
		if (token_of(w) && !has_word(b, w, true))
			return false;
	return true;
}

/* Every figure of a stands in b. */
static bool figures_in(struct str a, struct str b)
{
	struct str w;
	size_t at = 0;

	while ((w = next_word(a, &at)).len)
		if ((is_number(w) || is_figure(w)) && !has_word(b, w, false))
			return false;
	return true;
}

static bool is_opener(struct str w)
{
	static const char *const words[] = {
		"the",	    "a",       "an",   "in",	"on",	   "at",	"within",
		"from",	    "it",      "this", "that",	"after",   "then",	"later",
		"there",    "most",    "also", "over",	"during",  "somebody",	"someone",
		"both",	    "its",     "when", "while", "against", "unusually", "likely",
		"probably", "usually", "here", "what",	"as",	   "by",	"for",
		"to",	    "of",      "with", "they",	"these",   "those",	"before",
		"since",    "until",   "and"};

	return listed(words, ARRAY_LEN(words), w);
}

/* A word that the sentence lacks: common English, and nobody's name here? */
static bool harmless(const struct rephrase *r, struct str w, bool first)
{
	if (!all(w, in_word))
		return false;
	/* Names are written large; so is how a sentence begins, mostly with one of these. */
	if (w.p[0] >= 'A' && w.p[0] <= 'Z' && !(first && is_opener(w)))
		return false;
	return !is_entity(r, w) && !r->conf->known(w, r->conf->arg);
}

static const char *unfit(const struct rephrase *r, struct str was, struct str now)
{
	struct str w;
	size_t at = 0;
	bool first = true;

	if (now.len < 3 || now.len > 2 * was.len + 80)
		return "its length";
	for (size_t i = 0; i < now.len; i++)
		if ((unsigned char)now.p[i] < 0x20 || (unsigned char)now.p[i] >= 0x7f ||
		    strchr("@/\\<>{}|`$*_=#", now.p[i]))
			return "a character that no sentence has";
	if (!tokens_in(now, was) || !figures_in(now, was))
		return "a name or number that the sentence lacks";
	if (!tokens_in(was, now) || !figures_in(was, now))
		return "a name or number left out";
	if (!negations(was) != !negations(now))
		return "a negation more or less";
	while ((w = next_word(now, &at)).len) {
		if (!token_of(w) && !is_number(w) && !has_word(was, w, false) &&
		    !harmless(r, w, first))
			return "a word that may be a name";
		first = false;
	}
	return NULL;
}

/* The text behind "N." at the beginning of a line of the answer; empty when there is none. */
static struct str line_of(struct str answer, size_t n)
{
	struct str found = {NULL, 0};

	while (answer.len) {
		struct str l = str_trim(str_cut(answer, '\n', &answer)), rest, number;
		int64_t v;

		number = str_cut(l, '.', &rest);
		if (!str_i64(str_trim(number), &v) || v != (int64_t)n)
			continue;
		if (found.len)
			return (struct str){NULL, 0}; /* which of them? */
		found = str_trim(rest);
	}
	return found;
}

/* Names for tokens. */
static void unmask(const struct rephrase *r, struct str s, struct buf *b)
{
	struct str w;
	size_t at = 0, done = 0;

	while ((w = next_word(s, &at)).len) {
		size_t n = token_of(w), begin = (size_t)(w.p - s.p);

		if (!n || n > r->nnames)
			continue;
		buf_add(b, str_sub(s, done, begin));
		buf_add(b, r->name[n - 1]);
		done = begin + w.len;
	}
	buf_add(b, str_sub(s, done, s.len));
}

/* choices[0].message.content; empty when the answer has none. */
static struct str content(struct rephrase *r, struct str answer)
{
	struct str text = {NULL, 0};
	struct json j;
	uint32_t t;

	json_init(&j);
	if (json_scan_copy(&j, answer, &r->mem) == 0 && j.tok[0].kind == JSON_OBJECT) {
		t = json_get(&j, 0, STR("choices"));
		t = t && j.tok[t].kind == JSON_ARRAY && j.tok[t].n ? t + 1 : 0;
		t = t && j.tok[t].kind == JSON_OBJECT ? json_get(&j, t, STR("message")) : 0;
		t = t && j.tok[t].kind == JSON_OBJECT ? json_get(&j, t, STR("content")) : 0;
		if (t && j.tok[t].kind == JSON_STRING)
			text = arena_str(&r->mem, json_text(&j, t, &r->mem));
	}
	json_free(&j);
	return text;
}

static void put_story(struct rephrase *r, struct str text, struct buf *out,
		      struct rephrase_result *x)
{
	struct buf now;

	buf_init(&now, SENTENCE_MAX);
	for (size_t i = 0; i < r->n; i++) {
		struct str s = r->sent[i].len ? line_of(text, i + 1) : r->sent[i];
		const char *why = s.len ? unfit(r, r->sent[i], s) : "no such line";
		uint32_t part = json_get(&r->j, r->tok[i], STR("part"));
		uint32_t ids = json_get(&r->j, r->tok[i], STR("event_ids"));

		buf_clear(&now);
		unmask(r, s, &now);
		if (!why && buf_err(&now) < 0)
			why = "its length";
		x->taken += !why;
		x->left += why != NULL;
		x->reason = why ? why : x->reason;
		buf_addz(out, i ? ",{\"part\":" : "{\"part\":");
		buf_json(out, part ? json_text(&r->j, part, &r->mem) : STR(""));
		buf_addz(out, ",\"text\":");
		buf_json(out, why ? r->said[i] : buf_str(&now));
		buf_addz(out, ",\"event_ids\":");
		buf_add(out, ids ? json_raw(&r->j, ids) : STR("[]"));
		buf_addc(out, '}');
	}
	buf_free(&now);
}

int rephrase_take(struct rephrase *r, struct str answer, struct buf *out,
		  struct rephrase_result *ret_x)
{
	struct str text = content(r, answer);
	bool first = true;

	*ret_x = (struct rephrase_result){0};
	JSON_EACH_MEMBER(&r->j, 0, t)
	{
		struct str key = json_raw(&r->j, t), v = json_raw(&r->j, t + 1);

		if (str_eqz(key, "worded_by"))
			continue;
		buf_addz(out, first ? "{\"" : ",\"");
		first = false;
		buf_add(out, key);
		buf_addz(out, "\":");
		if (str_eqz(key, "story")) {
			buf_addc(out, '[');
			put_story(r, text, out, ret_x);
			buf_addc(out, ']');
		} else if (r->j.tok[t + 1].kind == JSON_STRING) {
			buf_fmt(out, "\"%.*s\"", STR_ARG(v));
		} else {
			buf_add(out, v);
		}
	}
	if (ret_x->taken) {
		buf_addz(out, ",\"worded_by\":");
		buf_json(out, str_of(r->conf->model));
	}
	buf_addc(out, '}');
	return buf_err(out);
}
