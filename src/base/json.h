/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/json: a flat scanner. One pass checks the whole grammar (RFC 8259) and writes a tape of
 * tokens; nothing is copied or unescaped until asked. No allocation but the tape, which the
 * caller keeps from record to record.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H
#include "base/arena.h"
#include "base/err.h"

/* Bytes that must be readable (any content) after the text; the scanner reads in blocks. */
#define JSON_PAD 64

enum json_kind {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER, /* raw text at off, len */
	JSON_STRING, /* text between the quotes at off, len; esc tells whether it has escapes */
	JSON_OBJECT, /* text from brace to brace; children: key, value, key, value ... */
	JSON_ARRAY,
};

struct json_tok {
	uint32_t off, len; /* in the text */
	uint32_t next;	   /* index of the token after this value with all its children */
	uint8_t kind;
	bool esc;
	uint32_t n; /* of containers: members or items */
};

struct json {
	struct str text;
	struct json_tok *tok; /* tok[0] is the root */
	uint32_t ntok, cap;
	uint32_t max_tok;   /* limit; 0 = 1,000,000 */
	uint32_t max_depth; /* limit; 0 = 128 */
};

void json_init(struct json *j);
void json_free(struct json *j);
/*
 * Scans one value with white space around it. text.p[text.len .. +JSON_PAD) must be readable.
 * 0, or E_FORMAT (at *ret_off, may be NULL), E_LIMIT (depth, tokens, over 1 GiB), -ENOMEM.
 */
MUST int json_scan(struct json *j, struct str text, size_t *ret_off);
/*
 * The same for text that ends where it ends: it is copied into mem with the bytes that must be
 * readable. j is initialised here; json_free(j) in any case.
 */
MUST int json_scan_copy(struct json *j, struct str text, struct arena *mem);
/* Raw text of a token: of a string without quotes, escapes as they stand. */
static inline struct str json_raw(const struct json *j, uint32_t t)
{
	return str_n(j->text.p + j->tok[t].off, j->tok[t].len);
}

/*
 * Text of a string token with escapes resolved: a view when there are none, else made in a.
 * Lone surrogates become U+FFFD. p NULL only when out of memory.
 */
struct str json_text(const struct json *j, uint32_t t, struct arena *a);
/* Token of the value of member `key` (exact bytes, unescaped keys only), or 0. */
uint32_t json_get(const struct json *j, uint32_t obj, struct str key);

#define JSON_EACH_ITEM(j, arr, t)                                               \
	for (uint32_t t = (arr) + 1, t##_end = (j)->tok[arr].next; t < t##_end; \
	     t = (j)->tok[t].next)
/* t is the key; the value is t + 1. */
#define JSON_EACH_MEMBER(j, obj, t)                                             \
	for (uint32_t t = (obj) + 1, t##_end = (j)->tok[obj].next; t < t##_end; \
	     t = (j)->tok[t + 1].next)

#endif
