/* SPDX-License-Identifier: Apache-2.0 */
#include "api/mask.h"
#include "api/impl.h"
#include "base/hash.h"
#include "base/map.h"
#include <errno.h>
#include <sodium.h>

#define OUT_MAX	  (1024 * MIB)
#define PERSON	  "person-"
#define DIGITS	  10
#define WORD_MAX  256 /* longer words are no names */
#define PART_MIN  3   /* a shorter part of a word is none either */
#define CACHE_MAX 200000

struct masking {
	struct req *q;
	struct store *st;
	struct map seen; /* hash of a word, lower case -> struct str * or 0: no person */
	struct buf out;	 /* the value */
	struct buf text; /* the text at work */
	const struct json *j;
	uint32_t at; /* of the value's text: what is copied so far */
	int err;
};

/* Members whose texts are no prose and no names. */
static bool is_plain(struct str key)
{
	static const char *const keys[] = {
		"id",	    "time",	  "known",     "updated",   "last",	"from",
		"to",	    "first_seen", "last_seen", "severity",  "kind",	"queue",
		"status",   "class",	  "type",      "model",	    "phase",	"next",
		"quantity", "attack",	  "event_ids", "alert_ids", "alert_id", "times",
		"role",	    "csrf",	  "verdict",   "hash",	    "version",
	};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (str_eqz(key, keys[i]))
			return true;
	return false;
}

/* Members that hold what somebody wrote, or a record as it came. */
static bool is_content(struct str key)
{
	static const char *const keys[] = {"raw",     "body",	 "html",
					   "subject", "headers", "cmd_line"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (str_eqz(key, keys[i]))
			return true;
	return false;
}

static struct str lower(struct arena *mem, struct str s)
{
	char *p = arena_alloc(mem, s.len + 1);

	for (size_t i = 0; p && i < s.len; i++)
		p[i] = lower_c(s.p[i]);
	return str_n(p, p ? s.len : 0);
}

static struct str pseudonym(struct req *q, struct str name)
{
	unsigned char h[crypto_shorthash_BYTES];
	struct str low = lower(&q->mem, name);

	crypto_shorthash(h, (const unsigned char *)(low.p ? low.p : ""), low.len,
			 q->api->mask_key);
	return arena_fmt(&q->mem, PERSON "%02x%02x%02x%02x%02x", h[0], h[1], h[2], h[3], h[4]);
}

static void remember(struct masking *m, struct str word, struct str by)
{
	uint64_t *v =
		m->seen.len < CACHE_MAX ? map_put(&m->seen, hash_istr(word, 0), NULL) : NULL;
	struct str *copy = v && by.len ? arena_alloc(&m->q->mem, sizeof(*copy)) : NULL;

	if (copy)
		*copy = by;
	if (v)
		*v = (uint64_t)(uintptr_t)copy;
}

/* What stands for a word when it names a person, else empty. */
static struct str person(struct masking *m, struct str word)
{
	uint64_t *v = map_get(&m->seen, hash_istr(word, 0));
	struct str name, by = {NULL, 0};
	int r;

	if (v)
		return *v ? *(struct str *)(uintptr_t)*v : by;
	r = store_person(m->st, word, &m->q->mem, &name, NULL);
	if (r < 0)
		m->err = r;
	if (r > 0)
		by = pseudonym(m->q, name);
	remember(m, word, by);
	return by;
}

static bool in_word(char c)
{
	return (unsigned char)c > ' ' && !strchr("\"'()<>[]{},;:=|`", c);
}

static bool in_part(char c)
{
	return !strchr(".-_/\\+@", c);
}

/* "jane.doe@corp.example": where the '@' is, or SIZE_MAX. */
static size_t mail_at(struct str w)
{
	size_t at = str_chr(w, '@', 0);

	return at != SIZE_MAX && at > 0 && str_chr(w, '.', at + 2) != SIZE_MAX &&
			       str_chr(w, '/', at) == SIZE_MAX
		       ? at
		       : SIZE_MAX;
}

static void mask_parts(struct masking *m, struct str w)
{
	for (size_t i = 0, n; i < w.len; i += n) {
		bool part = in_part(w.p[i]);
		struct str p, by = {NULL, 0};

		for (n = 1; i + n < w.len && in_part(w.p[i + n]) == part; n++)
			;
		p = str_sub(w, i, i + n);
		if (part && n >= PART_MIN && n < w.len)
			by = person(m, p);
		buf_add(&m->text, by.len ? by : p);
	}
}

static void mask_word(struct masking *m, struct str w)
{
	struct str core = w, by = {NULL, 0};
	size_t at;

	while (core.len && strchr(".-!?", core.p[core.len - 1]))
		core.len--;
	if (core.len > 1 && core.len <= WORD_MAX)
		by = person(m, core);
	at = by.len ? SIZE_MAX : mail_at(core);
	if (by.len) {
		buf_add(&m->text, by);
	} else if (at != SIZE_MAX) {
		buf_add(&m->text, pseudonym(m->q, core));
		buf_add(&m->text, str_sub(core, at, core.len));
	} else {
		mask_parts(m, core);
	}
	buf_add(&m->text, str_sub(w, core.len, w.len));
}

/* A name of several words, "Jane Doe" or "NT AUTHORITY\\jane doe": bytes of it, or 0. */
static size_t mask_pair(struct masking *m, struct str s, size_t i, size_t n)
{
	size_t e = i + n + 1;
	struct str by;

	if (i + n >= s.len || s.p[i + n] != ' ')
		return 0;
	while (e < s.len && in_word(s.p[e]))
		e++;
	while (e > i + n + 1 && s.p[e - 1] == '.')
		e--;
	if (e == i + n + 1 || e - i > WORD_MAX)
		return 0;
	by = person(m, str_sub(s, i, e));
	buf_add(&m->text, by);
	return by.len ? e - i : 0;
}

static void mask_text(struct masking *m, struct str s)
{
	struct str whole = s.len <= WORD_MAX ? person(m, s) : str_n(NULL, 0);
	size_t i = 0, n, pair;

	buf_clear(&m->text);
	if (whole.len) {
		buf_add(&m->text, whole);
		return;
	}
	for (; i < s.len; i += n) {
		bool word = in_word(s.p[i]);

		for (n = 1; i + n < s.len && in_word(s.p[i + n]) == word; n++)
			;
		if (!word) {
			buf_add(&m->text, str_sub(s, i, i + n));
		} else if ((pair = mask_pair(m, s, i, n)) != 0) {
			n = pair;
		} else {
			mask_word(m, str_sub(s, i, i + n));
		}
	}
}

/* Copies what stands before token t and puts another text in its place. */
static void put(struct masking *m, uint32_t t, struct str text)
{
	const struct json_tok *k = &m->j->tok[t];

	buf_add(&m->out, str_sub(m->j->text, m->at, k->off - 1));
	buf_json(&m->out, text);
	m->at = k->off + k->len + 1;
}

static void one(struct masking *m, uint32_t t, bool content)
{
	struct str s = json_text(m->j, t, &m->q->mem);

	if (content) {
		put(m, t, STR("(masked)"));
		return;
	}
	mask_text(m, s);
	m->err = m->err ? m->err : buf_err(&m->text);
	if (!str_eq(buf_str(&m->text), s))
		put(m, t, buf_str(&m->text));
}

static void value(struct masking *m, uint32_t t, struct str key, bool content)
{
	content |= is_content(key);
	if (m->j->tok[t].kind == JSON_STRING && (content || !is_plain(key))) {
		one(m, t, content);
	} else if (m->j->tok[t].kind == JSON_OBJECT) {
		JSON_EACH_MEMBER(m->j, t, k)
		value(m, k + 1, json_raw(m->j, k), content);
	} else if (m->j->tok[t].kind == JSON_ARRAY) {
		JSON_EACH_ITEM(m->j, t, item)
		value(m, item, key, content);
	}
}

static bool is_address(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!strchr("0123456789abcdefABCDEF.:/", s.p[i]))
			return false;
	return true;
}

/*
 * Entities that the store has not written yet (a running daemon writes them now and then): it
 * is not known which of them are persons, so all count as such, but for addresses.
 */
static void strangers(struct masking *m, uint32_t t, struct str key)
{
	if (m->j->tok[t].kind == JSON_OBJECT) {
		JSON_EACH_MEMBER(m->j, t, k)
		strangers(m, k + 1, json_raw(m->j, k));
	} else if (m->j->tok[t].kind == JSON_ARRAY) {
		JSON_EACH_ITEM(m->j, t, item)
		strangers(m, item, key);
	} else if (m->j->tok[t].kind == JSON_STRING &&
		   (str_eqz(key, "entities") || str_eqz(key, "user"))) {
		struct str name = json_text(m->j, t, &m->q->mem);
		int r = 1;

		if (name.len && !map_get(&m->seen, hash_istr(name, 0)) && !is_address(name))
			r = store_known(m->st, name, NULL);
		if (r == 0 && mail_at(name) == SIZE_MAX)
			remember(m, name, pseudonym(m->q, name));
		m->err = r < 0 ? r : m->err;
	}
}

int mask_json(struct req *q, struct str json, struct str *ret_json)
{
	struct masking m = {.q = q, .st = req_store(q)};
	struct json j;
	int r;

	if (!m.st)
		return -EIO;
	r = json_scan_copy(&j, json, &q->mem);
	if (r == 0) {
		m.j = &j;
		map_init(&m.seen);
		buf_init(&m.out, OUT_MAX);
		buf_init(&m.text, OUT_MAX);
		strangers(&m, 0, str_n(NULL, 0));
		value(&m, 0, str_n(NULL, 0), false);
		buf_add(&m.out, str_sub(j.text, m.at, j.text.len));
		r = m.err ? m.err : buf_err(&m.out);
		if (r == 0)
			*ret_json = arena_str(&q->mem, buf_str(&m.out));
		if (r == 0 && !ret_json->p)
			r = -ENOMEM;
		buf_free(&m.out);
		buf_free(&m.text);
		map_free(&m.seen);
	}
	json_free(&j);
	return r;
}

struct clearing {
	struct req *q;
	struct str want, name;
};

static int clear_row(struct str name, void *arg)
{
	struct clearing *c = arg;

	if (!str_eq(pseudonym(c->q, name), c->want))
		return 0;
	c->name = arena_str(&c->q->mem, name);
	return 1;
}

struct str mask_clear(struct req *q, struct str text)
{
	size_t at = str_find(text, STR(PERSON));
	struct clearing c = {.q = q};
	struct store *st;

	if (at == SIZE_MAX || text.len < at + strlen(PERSON) + DIGITS || !(st = req_store(q)))
		return text;
	c.want = str_sub(text, at, at + strlen(PERSON) + DIGITS);
	if (store_persons(st, clear_row, &c, NULL) < 0 || !c.name.len)
		return text;
	return arena_fmt(&q->mem, "%.*s%.*s%.*s", STR_ARG(str_sub(text, 0, at)),
			 STR_ARG(c.name), STR_ARG(str_sub(text, at + c.want.len, text.len)));
}
