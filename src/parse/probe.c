/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The quick look at a JSON record that ordering a file needs: only what decides its type and
 * its times is read, by a trie of just those paths; all else is stepped over in blocks. What it
 * says of a record is what decoding says; where it cannot be sure (records inside records, much
 * nesting), it says so and the record is taken apart. Broken JSON may pass.
 */
#include "base/block.h"
#include "parse/foresee.h"

#define DEPTH_MAX 32

struct look {
	struct regs *r;
	const struct trie *t;
	struct foresight *fore;
	struct json *j; /* tokens of what was found; tok[0] stands for the record */
	const char *at, *end, *base;
	unsigned depth;
};

/* Past white space at p, of which there mostly is none. */
static ALWAYS_INLINE const char *past_space(const char *p, const char *end)
{
	while (p < end && (unsigned char)*p <= ' ' &&
	       (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

static void space(struct look *k)
{
	k->at = past_space(k->at, k->end);
}

/* After the opening quote: the text, and past the closing one. */
static bool text(struct look *k, struct str *ret_s, bool *ret_esc)
{
	const char *from = k->at, *p = from;

	*ret_esc = false;
	while ((p = block_text_stop(p, k->end)) < k->end && *p == '\\') {
		*ret_esc = true;
		p += 2;
	}
	if (p >= k->end || *p != '"')
		return false;
	*ret_s = str_n(from, (size_t)(p - from));
	k->at = p + 1;
	return true;
}

static ALWAYS_INLINE bool skip_by(struct look *k, block_eq_fn *eq)
{
	uint64_t inside = 0, carry = 0;
	size_t depth = 0;

	for (const char *p = k->at; p < k->end; p += 64) {
		uint64_t slash = eq(p, '\\');
		uint64_t quote = eq(p, '"') & ~block_escaped(slash, &carry);
		uint64_t in_text = block_parity(quote) ^ inside;
		uint64_t open = (eq(p, '{') | eq(p, '[')) & ~in_text;
		uint64_t both = open | ((eq(p, '}') | eq(p, ']')) & ~in_text);

		if (slash & ~in_text)
			return false;
		inside = 0 - (in_text >> 63);
		for (; both; both &= both - 1) {
			int i = __builtin_ctzll(both);

			depth += open >> i & 1 ? 1 : -(size_t)1;
			if (depth)
				continue;
			k->at = p + i + 1;
			return k->at <= k->end;
		}
	}
	return false;
}

#if defined(BLOCK_WIDE)
BLOCK_WIDE static bool skip_wide(struct look *k)
{
	return skip_by(k, block_eq_wide);
}
#endif

/* Past the container that opens at k->at, by brackets outside texts alone. */
static bool skip_container(struct look *k)
{
#if defined(BLOCK_WIDE)
	if (block_wide())
		return skip_wide(k);
#endif
	return skip_by(k, block_eq);
}

/* Steps over the value at k->at and tells what it is. */
static bool value(struct look *k, struct json_tok *ret_t)
{
	const char *from = k->at;
	struct str s;

	*ret_t = (struct json_tok){.off = (uint32_t)(from - k->base)};
	switch (*from) {
	case '"':
		k->at++;
		if (!text(k, &s, &ret_t->esc))
			return false;
		ret_t->off++;
		ret_t->len = (uint32_t)s.len;
		ret_t->kind = JSON_STRING;
		return true;
	case '{':
	case '[':
		ret_t->kind = *from == '{' ? JSON_OBJECT : JSON_ARRAY;
		if (!skip_container(k))
			return false;
		break;
	default:
		k->at = block_word_stop(k->at, k->end);
		ret_t->kind = *from == 't'   ? JSON_TRUE
			      : *from == 'f' ? JSON_FALSE
			      : *from == 'n' ? JSON_NULL
					     : JSON_NUMBER;
		break;
	}
	ret_t->len = (uint32_t)(k->at - from);
	return k->at > from;
}

/* Past a text without escapes, or a number or word, at p; NULL: it is anything else. */
static ALWAYS_INLINE const char *past_plain(const char *p, const char *end)
{
	if (*p == '"') {
		p = block_text_stop(p + 1, end);
		return p < end && *p == '"' ? p + 1 : NULL;
	}
	if (*p == '{' || *p == '[')
		return NULL;
	return block_word_stop(p, end);
}

static bool object(struct look *k, uint32_t node, bool many);

/* At the opening bracket of a list whose items, and the items of lists in it, are looked into.
 */
static bool items(struct look *k, uint32_t node)
{
	struct json_tok t;
	bool ok = ++k->depth < DEPTH_MAX;

	k->at++;
	space(k);
	if (ok && k->at < k->end && *k->at == ']') {
		k->at++;
		k->depth--;
		return true;
	}
	while (ok && k->at < k->end) {
		ok = *k->at == '{'   ? object(k, node, true)
		     : *k->at == '[' ? items(k, node)
				     : value(k, &t);
		space(k);
		if (!ok || k->at >= k->end || *k->at != ',')
			break;
		k->at++;
		space(k);
	}
	if (!ok || k->at >= k->end || *k->at++ != ']')
		return false;
	k->depth--;
	return true;
}

/* The value of a member that something below or at it is asked of. */
static bool member(struct look *k, const struct trie_entry *e, bool many)
{
	const char *from = k->at;
	struct json *j = k->j;
	struct json_tok t = {.kind = *from == '{' ? JSON_OBJECT : JSON_ARRAY};
	bool deep = e->child && (*from == '{' || *from == '['), ok;

	if (!deep)
		ok = value(k, &t);
	else
		ok = *from == '{' ? object(k, e->child, many) : items(k, e->child);
	if (!ok || e->reg == REG_NONE || (!many && k->r->head[e->reg]))
		return ok;
	if (j->ntok == j->cap)
		return false;
	if (deep) {
		t.off = (uint32_t)(from - k->base);
		t.len = (uint32_t)(k->at - from);
	}
	t.next = j->ntok + 1;
	j->tok[j->ntok] = t;
	regs_token(k->r, e->reg, j->ntok++);
	return true;
}

/* The value at p of a member that nothing is asked of; past it, NULL when it is broken. */
static ALWAYS_INLINE const char *past_value(struct look *k, const char *p)
{
	const char *after = past_plain(p, k->end);
	struct json_tok t;

	if (LIKELY(after > p))
		return after;
	k->at = p;
	return value(k, &t) ? k->at : NULL;
}

/* After the quote at p that opens a member's name: at its value; NULL when it is broken. */
static ALWAYS_INLINE const char *past_key(struct look *k, const char *p, struct str *ret_key)
{
	const char *q = block_text_stop(p, k->end);
	bool esc;

	*ret_key = str_n(p, (size_t)(q - p));
	if (UNLIKELY(q >= k->end || *q != '"')) {
		k->at = p;
		if (!text(k, ret_key, &esc))
			return NULL;
		q = k->at - 1;
	}
	q = past_space(q + 1, k->end);
	if (q >= k->end || *q != ':')
		return NULL;
	q = past_space(q + 1, k->end);
	return q < k->end ? q : NULL;
}

/*
 * As past_key, and what is asked of the member: *ret_e, NULL when nothing is.
 */
static ALWAYS_INLINE const char *past_known(struct look *k, const char *p, uint32_t node,
					    const struct trie_entry **ret_e)
{
	const struct foreseen *f = k->fore ? foresee(k->fore, node, p) : NULL;
	struct str key;

	if (LIKELY(f != NULL && p + f->len < k->end)) {
		*ret_e = f->e;
		p = past_space(p + f->len, k->end);
		if (p >= k->end || *p != ':')
			return NULL;
		p = past_space(p + 1, k->end);
		return p < k->end ? p : NULL;
	}
	p = past_key(k, p, &key);
	if (p)
		*ret_e = k->fore ? foresight_learn(k->fore, node, key)
				 : trie_find(k->t, node, key);
	return p;
}

/* k->at is at the opening brace; past the closing one afterwards. */
static bool object(struct look *k, uint32_t node, bool many)
{
	const char *p = k->at, *end = k->end;
	const struct trie_entry *e;

	do {
		p = past_space(p + 1, end);
		if (p < end && *p == '}')
			break;
		if (p >= end || *p != '"' || !(p = past_known(k, p + 1, node, &e)))
			return false;
		if (!e) {
			p = past_value(k, p);
		} else {
			k->at = p;
			p = member(k, e, many) ? k->at : NULL;
		}
		if (!p)
			return false;
		p = past_space(p, end);
	} while (p < end && *p == ',');
	if (p >= end || *p != '}')
		return false;
	k->at = p + 1;
	return true;
}

bool probe_walk(struct regs *r, const struct source_def *def, struct json *j, struct str rec)
{
	struct look k = {r, &def->probe, NULL, j, rec.p, rec.p + rec.len, rec.p, 0};

	if (!r->fore_probe)
		r->fore_probe = foresight_new(&def->probe);
	if (r->fore_probe && r->fore_probe->t == &def->probe)
		k.fore = r->fore_probe;
	foresight_begin(k.fore);
	regs_clear(r);
	j->text = rec;
	j->ntok = 1;
	r->j = j;
	if (def->ntext || rec.len > UINT32_MAX || !rec.len || *rec.p != '{' ||
	    !object(&k, 0, false) || r->err)
		return false;
	for (size_t i = 0; i < def->nunwrap; i++)
		if (r->head[def->unwrap[i].reg])
			return false;
	return true;
}
