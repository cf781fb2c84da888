/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/foresee: which key comes next. The records of a source have nearly always the same keys
 * in the same order: after each key the two that last came behind it are tried, bytes against
 * bytes, before a key is looked up. Private to plan.c, probe.c and decoder.c; what it says is
 * what trie_find says, only sooner.
 */
#ifndef PARSE_FORESEE_H
#define PARSE_FORESEE_H
#include "parse/plan.h"

#define FORESEE_KEYS 240 /* of a source; further ones are looked up each time */
#define FORESEE_TEXT 32	 /* with the closing quote; longer keys are looked up each time */

struct foreseen {
	uint64_t text[FORESEE_TEXT / 8]; /* the key as it stands and its closing quote */
	uint64_t mask;			 /* of the bytes of the last word */
	const struct trie_entry *e;	 /* NULL: nobody asks for it */
	uint32_t node;
	uint8_t words, len; /* words before the last; bytes with the quote */
	uint8_t next[2];    /* what came behind it, the last first */
};

struct foresight {
	const struct trie *t;
	uint8_t last, n;		     /* the key before; keys known */
	uint8_t at[512];		     /* by hash: index into k, 0 = free */
	struct foreseen k[1 + FORESEE_KEYS]; /* [0] stands for the beginning */
};

/* For the keys of t. NULL when out of memory: then all are looked up. */
struct foresight *foresight_new(const struct trie *t);
/* A key that was not foreseen: as trie_find, and it is foreseen the next time. */
const struct trie_entry *foresight_learn(struct foresight *f, uint32_t node, struct str key);

static inline void foresight_begin(struct foresight *f)
{
	if (f)
		f->last = 0;
}

static inline bool foreseen_is(const struct foreseen *k, uint32_t node, const char *key)
{
	uint64_t w;
	unsigned i = 0;

	if (k->node != node)
		return false;
	for (; i < k->words; i++) {
		memcpy(&w, key + 8 * i, 8);
		if (w != k->text[i])
			return false;
	}
	memcpy(&w, key + 8 * i, 8);
	return ((w ^ k->text[i]) & k->mask) == 0;
}

/* The key at `key` (after its opening quote; JSON_PAD bytes readable), or NULL. */
static inline const struct foreseen *foresee(struct foresight *f, uint32_t node,
					     const char *key)
{
	const struct foreseen *was = &f->k[f->last];

	for (unsigned i = 0; i < 2; i++) {
		const struct foreseen *k = &f->k[was->next[i]];

		if (foreseen_is(k, node, key)) {
			f->last = was->next[i];
			return k;
		}
	}
	return NULL;
}

#endif
