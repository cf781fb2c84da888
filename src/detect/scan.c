/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/scan.h"
#include "base/hash.h"
#include "base/map.h"
#include <errno.h>
#include <hs/hs.h>
#include <stdlib.h>

struct link {
	uint32_t number, next; /* next: 1 + index, or 0 */
};

struct scan {
	struct map ids;	  /* hash of word -> 1 + its id */
	struct str *word; /* [nwords], borrowed */
	uint32_t *head;	  /* [nwords] 1 + index of its first link */
	size_t nwords, cap;
	struct link *links;
	size_t nlinks, link_cap;
	hs_database_t *db;
	hs_scratch_t *scratch;
};

struct scan *scan_new(void)
{
	struct scan *s = calloc(1, sizeof(*s));

	if (s)
		map_init(&s->ids);
	return s;
}

struct scan *scan_free(struct scan *s)
{
	if (s) {
		hs_free_scratch(s->scratch);
		hs_free_database(s->db);
		map_free(&s->ids);
		free(s->word);
		free(s->head);
		free(s->links);
		free(s);
	}
	return NULL;
}

static int word_add(struct scan *s, struct str word)
{
	if (s->nwords == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct str *w = realloc(s->word, cap * sizeof(*w));
		uint32_t *h;

		if (!w)
			return -ENOMEM;
		s->word = w;
		h = realloc(s->head, cap * sizeof(*h));
		if (!h)
			return -ENOMEM;
		s->head = h;
		s->cap = cap;
	}
	s->word[s->nwords] = word;
	s->head[s->nwords++] = 0;
	return 0;
}

int scan_add(struct scan *s, struct str word, uint32_t number)
{
	uint64_t *id = map_put(&s->ids, hash_istr(word, 0), NULL);

	if (!id)
		return -ENOMEM;
	if (s->nlinks == s->link_cap) {
		size_t cap = s->link_cap ? s->link_cap * 2 : 64;
		struct link *l = realloc(s->links, cap * sizeof(*l));

		if (!l)
			return -ENOMEM;
		s->links = l;
		s->link_cap = cap;
	}
	if (!*id) {
		if (word_add(s, word) < 0)
			return -ENOMEM;
		*id = s->nwords;
	}
	s->links[s->nlinks] = (struct link){number, s->head[*id - 1]};
	s->head[*id - 1] = (uint32_t)++s->nlinks;
	return 0;
}

int scan_compile(struct scan *s)
{
	const char **text = calloc(s->nwords + 1, sizeof(*text));
	size_t *len = calloc(s->nwords + 1, sizeof(*len));
	unsigned *flags = calloc(s->nwords + 1, sizeof(*flags));
	unsigned *id = calloc(s->nwords + 1, sizeof(*id));
	hs_compile_error_t *why = NULL;
	hs_error_t err = HS_NOMEM;

	for (size_t i = 0; text && len && flags && id && i < s->nwords; i++) {
		text[i] = s->word[i].p;
		len[i] = s->word[i].len;
		flags[i] = HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH;
		id[i] = (unsigned)i;
	}
	if (text && len && flags && id)
		err = hs_valid_platform();
	if (err == HS_SUCCESS)
		err = hs_compile_lit_multi(text, flags, id, len, (unsigned)s->nwords,
					   HS_MODE_BLOCK, NULL, &s->db, &why);
	if (err == HS_SUCCESS)
		err = hs_alloc_scratch(s->db, &s->scratch);
	hs_free_compile_error(why);
	free(text);
	free(len);
	free(flags);
	free(id);
	return err == HS_SUCCESS ? 0 : err == HS_NOMEM ? -ENOMEM : -ENOTSUP;
}

struct hit {
	const struct scan *s;
	void (*found)(uint32_t number, void *arg);
	void *arg;
};

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
		    void *arg)
{
	const struct hit *h = arg;

	(void)from;
	(void)to;
	(void)flags;
	for (uint32_t l = h->s->head[id]; l; l = h->s->links[l - 1].next)
		h->found(h->s->links[l - 1].number, h->arg);
	return 0;
}

void scan_text(struct scan *s, struct str text, void (*found)(uint32_t number, void *arg),
	       void *arg)
{
	struct hit h = {s, found, arg};

	if (text.len && text.len <= UINT32_MAX)
		(void)hs_scan(s->db, text.p, (unsigned)text.len, 0, s->scratch, on_match, &h);
}
