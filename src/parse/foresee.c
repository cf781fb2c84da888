/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/foresee.h"
#include <stdlib.h>

struct foresight *foresight_new(const struct trie *t)
{
	struct foresight *f = calloc(1, sizeof(*f));

	if (f) {
		f->t = t;
		f->k[0].node = UINT32_MAX; /* the beginning is no key */
	}
	return f;
}

static uint8_t key_add(struct foresight *f, uint32_t node, struct str key)
{
	struct foreseen *k;

	if (f->n == FORESEE_KEYS)
		return 0;
	k = &f->k[++f->n];
	memcpy(k->text, key.p, key.len);
	((char *)k->text)[key.len] = '"';
	k->len = (uint8_t)(key.len + 1);
	k->words = (uint8_t)((k->len - 1) / 8);
	k->mask = ~UINT64_C(0);
	if (k->len % 8)
		memset(&k->mask, 0, sizeof(k->mask));
	for (unsigned i = 0; i < k->len % 8; i++)
		((unsigned char *)&k->mask)[i] = 0xff;
	k->node = node;
	k->e = trie_find(f->t, node, key);
	return f->n;
}

const struct trie_entry *foresight_learn(struct foresight *f, uint32_t node, struct str key)
{
	const uint32_t mask = ARRAY_LEN(f->at) - 1;
	struct foreseen *was = &f->k[f->last];
	uint32_t i;

	f->last = 0;
	if (key.len >= FORESEE_TEXT)
		return trie_find(f->t, node, key);
	/* At most FORESEE_KEYS of twice as many places are taken. */
	for (i = key_hash(key, node) & mask; f->at[i]; i = (i + 1) & mask)
		if (f->k[f->at[i]].len == key.len + 1 &&
		    foreseen_is(&f->k[f->at[i]], node, key.p))
			break;
	if (!f->at[i])
		f->at[i] = key_add(f, node, key);
	if (!f->at[i])
		return trie_find(f->t, node, key);
	f->last = f->at[i];
	was->next[1] = was->next[0];
	was->next[0] = f->last;
	return f->k[f->last].e;
}
