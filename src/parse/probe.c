/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The quick look at a JSON record that ordering a file needs: only what decides its type and
 * its times is read, by a trie of just those paths; all else is stepped over in blocks. What it
 * says of a record is what decoding says; where it cannot be sure (records inside records, much
 * nesting), it says so and the record is taken apart. Broken JSON may pass.
 */
#include "base/block.h"
#include "parse/plan.h"

#define DEPTH_MAX 32

struct look {
	struct regs *r;
	const struct trie *t;
	struct json *j; /* tokens of what was found; tok[0] stands for the record */
	const char *at, *end, *base;
	unsigned depth;
};

/* What ends a number, true, false or null. */
static const bool ends[256] = {[','] = true,  ['}'] = true,  [']'] = true, [' '] = true,
			       ['\n'] = true, ['\r'] = true, ['\t'] = true};

static void space(struct look *k)
{
	/* Mostly there is none. */
	while (k->at < k->end && (unsigned char)*k->at <= ' ' &&
	       (*k->at == ' ' || *k->at == '\n' || *k->at == '\r' || *k->at == '\t'))
		k->at++;
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

/* Past the container that opens at k->at, by brackets outside texts alone. */
static bool skip_container(struct look *k)
{
	uint64_t inside = 0, carry = 0;
	size_t depth = 0;

	for (const char *p = k->at; p < k->end; p += 64) {
		uint64_t slash = block_eq(p, '\\');
		uint64_t quote = block_eq(p, '"') & ~block_escaped(slash, &carry);
		uint64_t in_text = block_parity(quote) ^ inside;
		uint64_t open = (block_eq(p, '{') | block_eq(p, '[')) & ~in_text;
		uint64_t both = open | ((block_eq(p, '}') | block_eq(p, ']')) & ~in_text);

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
		while (k->at < k->end && !ends[(unsigned char)*k->at])
			k->at++;
		ret_t->kind = *from == 't'   ? JSON_TRUE
			      : *from == 'f' ? JSON_FALSE
			      : *from == 'n' ? JSON_NULL
					     : JSON_NUMBER;
		break;
	}
	ret_t->len = (uint32_t)(k->at - from);
	return k->at > from;
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

/* k->at is at the opening brace; past the closing one afterwards. */
static bool object(struct look *k, uint32_t node, bool many)
{
	const struct trie_entry *e;
	struct json_tok t;
	struct str key;
	bool esc;

	for (k->at++;; k->at++) {
		space(k);
		if (k->at < k->end && *k->at == '}') {
			k->at++;
			return true;
		}
		if (k->at >= k->end || *k->at++ != '"' || !text(k, &key, &esc))
			return false;
		space(k);
		if (k->at >= k->end || *k->at++ != ':')
			return false;
		space(k);
		if (k->at >= k->end)
			return false;
		e = trie_find(k->t, node, key);
		if (e ? !member(k, e, many) : !value(k, &t))
			return false;
		space(k);
		if (k->at < k->end && *k->at == '}') {
			k->at++;
			return true;
		}
		if (k->at >= k->end || *k->at != ',')
			return false;
	}
}

bool probe_walk(struct regs *r, const struct source_def *def, struct json *j, struct str rec)
{
	struct look k = {r, &def->probe, j, rec.p, rec.p + rec.len, rec.p, 0};

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
