/* SPDX-License-Identifier: Apache-2.0 */
/* The table: entities by id, their names, and which one goes when it is full. */
#include "base/hash.h"
#include "event/entity_priv.h"
#include <errno.h>
#include <stdlib.h>

#define ENTITIES_MAX 2000000u

static uint64_t name_hash(enum ent_kind kind, struct str name)
{
	return hash_str(name, (uint64_t)kind + 1);
}

/* Somebody gets or loses the name a: what was said of it no longer counts. */
static void name_changes(struct entities *en, const struct alias *a)
{
	uint64_t text = hash_istr(str_n(a->text, a->len), 0);

	memset(en->sought[text & (SOUGHT - 1)], 0, sizeof(en->sought[0]));
}

static uint64_t as_word(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

int entities_places(struct entities *en)
{
	en->texts = calloc(ADDR_TEXTS, sizeof(*en->texts));
	en->sought = calloc(SOUGHT, sizeof(*en->sought));
	return en->texts && en->sought ? 0 : -ENOMEM;
}

int entities_new(const struct entities_conf *conf, const struct schema *schema,
		 struct entities **ret_en)
{
	struct entities *en = calloc(1, sizeof(*en));

	(void)schema; /* the core attributes have constants */
	if (!en)
		return -ENOMEM;
	en->max = conf && conf->max ? conf->max : ENTITIES_MAX;
	en->makers = conf ? conf->makers : NULL;
	en->addrs_max = en->max;
	if (entities_places(en) < 0) {
		entities_free(en);
		return -ENOMEM;
	}
	if (conf && conf->nnetworks) {
		en->nets = calloc(conf->nnetworks, sizeof(*en->nets));
		if (!en->nets) {
			entities_free(en);
			return -ENOMEM;
		}
	}
	for (size_t i = 0; conf && i < conf->nnetworks; i++) {
		if (!cidr_parse(str_of(conf->networks[i]), &en->nets[en->nnets++])) {
			entities_free(en);
			return -EINVAL;
		}
	}
	for (size_t i = 0; conf && i < conf->ndomains; i++)
		own_add(en, str_of(conf->domains[i]), true);
	*ret_en = en;
	return 0;
}

static void alias_unindex(struct entities *en, struct alias *a)
{
	uint64_t *v = a->indexed ? map_get(&en->index, a->hash) : NULL;
	struct alias *at;

	a->indexed = false;
	if (!v)
		return;
	name_changes(en, a);
	at = (struct alias *)(uintptr_t)*v;
	if (at == a) {
		*v = as_word(a->next_hash);
		if (!a->next_hash)
			map_del(&en->index, a->hash);
		return;
	}
	while (at->next_hash && at->next_hash != a)
		at = at->next_hash;
	at->next_hash = a->next_hash;
}

static int alias_index(struct entities *en, struct alias *a)
{
	uint64_t *v = map_put(&en->index, a->hash, NULL);

	if (!v)
		return -ENOMEM;
	name_changes(en, a);
	a->next_hash = (struct alias *)(uintptr_t)*v;
	*v = as_word(a);
	a->indexed = true;
	return 0;
}

static struct str alias_str(const struct alias *a)
{
	return str_n(a->text, a->len);
}

static struct alias *alias_find(const struct entities *en, enum ent_kind kind, struct str name)
{
	const uint64_t *v = map_get(&en->index, name_hash(kind, name));
	struct alias *a = v ? (struct alias *)(uintptr_t)*v : NULL;

	while (a && (a->kind != kind || !str_eq(alias_str(a), name)))
		a = a->next_hash;
	return a;
}

static struct alias *alias_new(struct ent *t, enum alias_what what, struct str name)
{
	struct alias *a = malloc(sizeof(*a) + name.len + 1);

	if (!a)
		return NULL;
	*a = (struct alias){.next = t->alias,
			    .ent = t,
			    .len = (uint32_t)name.len,
			    .what = (uint8_t)what,
			    .kind = t->pub.kind};
	a->hash = name_hash(t->pub.kind, name);
	if (name.len)
		memcpy(a->text, name.p, name.len);
	a->text[name.len] = 0;
	t->alias = a;
	t->naliases++;
	return a;
}

static void alias_drop(struct entities *en, struct ent *t, struct alias **at)
{
	struct alias *a = *at;

	alias_unindex(en, a);
	*at = a->next;
	t->naliases--;
	free(a);
}

/* The oldest name that is not the canonical one. */
static void alias_drop_oldest(struct entities *en, struct ent *t)
{
	struct alias **at = NULL;

	for (struct alias **p = &t->alias; *p; p = &(*p)->next)
		if ((*p)->what != ALIAS_CANON)
			at = p;
	if (at)
		alias_drop(en, t, at);
}

static void lru_unlink(struct entities *en, struct ent *t)
{
	*(t->older ? &t->older->newer : &en->oldest) = t->newer;
	*(t->newer ? &t->newer->older : &en->newest) = t->older;
}

static void lru_append(struct entities *en, struct ent *t)
{
	t->older = en->newest;
	t->newer = NULL;
	*(en->newest ? &en->newest->newer : &en->oldest) = t;
	en->newest = t;
}

void ent_touch(struct entities *en, struct ent *t, int64_t now)
{
	if (now > t->pub.last_seen)
		t->pub.last_seen = now;
	if (en->newest == t)
		return;
	lru_unlink(en, t);
	lru_append(en, t);
}

/* t goes on under the hash it has, whatever its name is from now on. */
static void keep_hash(struct entities *en, struct ent *t)
{
	uint64_t *n = t->keeps ? NULL : map_put(&en->kept, t->pub.hash, NULL);

	if (n) {
		++*n;
		t->keeps = true;
	}
}

/* Another may have the name later: then it is not taken for the one that had it before. */
static uint64_t fresh_hash(const struct entities *en, const struct ent *t, uint64_t h)
{
	return map_get(&en->kept, h) ? hash_2(h, t->pub.id) : h;
}

static void ent_drop(struct entities *en, struct ent *t)
{
	uint64_t *kept = t->keeps ? map_get(&en->kept, t->pub.hash) : NULL;

	struct ent_page *page = en->pages[t->pub.id >> PAGE_BITS];

	if (kept && --*kept == 0)
		map_del(&en->kept, t->pub.hash);
	while (t->alias)
		alias_drop(en, t, &t->alias);
	facts_free(t);
	lru_unlink(en, t);
	page->ent[t->pub.id & (PAGE_SIZE - 1)] = NULL;
	if (--page->live == 0 && t->pub.id >> PAGE_BITS != en->next_id >> PAGE_BITS) {
		en->pages[t->pub.id >> PAGE_BITS] = NULL;
		free(page);
	}
	en->count--;
	free(t);
}

struct entities *entities_free(struct entities *en)
{
	if (!en)
		return NULL;
	while (en->oldest)
		ent_drop(en, en->oldest);
	for (size_t i = 0; i < en->npages; i++)
		free(en->pages[i]);
	free(en->pages);
	addr_free_all(en);
	map_free(&en->index);
	map_free(&en->addrs);
	map_free(&en->kept);
	free(en->texts);
	free(en->sought);
	free(en->nets);
	free(en);
	return NULL;
}

static struct ent_page *page_for(struct entities *en, uint32_t id)
{
	size_t at = id >> PAGE_BITS;

	if (at >= en->npages) {
		size_t n = MAX(en->npages ? en->npages * 2 : 64, at + 1);
		struct ent_page **pages = realloc(en->pages, n * sizeof(*pages));

		if (!pages)
			return NULL;
		memset(pages + en->npages, 0, (n - en->npages) * sizeof(*pages));
		en->pages = pages;
		en->npages = n;
	}
	if (!en->pages[at])
		en->pages[at] = calloc(1, sizeof(**en->pages));
	return en->pages[at];
}

struct ent *ent_make(struct entities *en, enum ent_kind kind, struct str name, int64_t now)
{
	struct ent_page *page;
	struct alias *a;
	struct ent *t;

	if (en->next_id == ENT_NONE)
		return NULL;
	page = page_for(en, en->next_id);
	t = page ? calloc(1, sizeof(*t)) : NULL;
	if (!t)
		return NULL;
	t->pub = (struct entity){
		.id = en->next_id, .kind = (uint8_t)kind, .first_seen = now, .last_seen = now};
	t->user = ENT_NONE;
	a = alias_new(t, ALIAS_CANON, name);
	if (!a || alias_index(en, a) < 0) {
		free(a);
		free(t);
		return NULL;
	}
	t->pub.name = alias_str(a);
	t->pub.hash = fresh_hash(en, t, a->hash);
	t->pub.cls = classify_name(kind, t->pub.name);
	page->ent[en->next_id++ & (PAGE_SIZE - 1)] = t;
	page->live++;
	lru_append(en, t);
	if (++en->count > en->max && en->oldest != t)
		ent_drop(en, en->oldest);
	return t;
}

struct ent *ent_restore(struct entities *en, const struct entity *pub, bool keeps)
{
	struct ent_page *page = page_for(en, pub->id);
	struct ent *t = page ? calloc(1, sizeof(*t)) : NULL;

	if (!t)
		return NULL;
	t->pub = *pub;
	if (keeps)
		keep_hash(en, t);
	page->ent[pub->id & (PAGE_SIZE - 1)] = t;
	page->live++;
	lru_append(en, t);
	if (++en->count > en->max && en->oldest != t)
		ent_drop(en, en->oldest);
	return t;
}

int ent_restore_alias(struct entities *en, struct ent *t, enum alias_what what, struct str name,
		      bool indexed)
{
	struct alias **end = &t->alias, *a = alias_new(t, what, name);

	if (!a)
		return -ENOMEM;
	/* alias_new puts it first; names come newest first. */
	t->alias = a->next;
	while (*end)
		end = &(*end)->next;
	a->next = NULL;
	*end = a;
	if (indexed && alias_index(en, a) < 0)
		return -ENOMEM;
	if (what == ALIAS_CANON)
		t->pub.name = alias_str(a);
	return 0;
}

int ent_alias(struct entities *en, struct ent *t, enum alias_what what, struct str name,
	      bool take)
{
	struct alias *held, *a;

	if (name.len == 0)
		return 0;
	held = alias_find(en, t->pub.kind, name);
	if (held && held->ent == t)
		return 0;
	for (struct alias **p = &t->alias; *p; p = &(*p)->next) {
		if ((*p)->indexed || !str_eq(alias_str(*p), name))
			continue;
		if (held && !take)
			return 0;
		if ((*p)->what == ALIAS_CANON) { /* its own first name comes back to it */
			if (held)
				alias_unindex(en, held);
			return alias_index(en, *p);
		}
		alias_drop(en, t, p);
		break;
	}
	a = alias_new(t, what, name);
	if (!a)
		return -ENOMEM;
	if (held && !take) {
		a->what = ALIAS_PAST;
	} else {
		if (held) {
			alias_unindex(en, held);
			held->what = held->what == ALIAS_CANON ? ALIAS_CANON : ALIAS_PAST;
		}
		if (alias_index(en, a) < 0) {
			alias_drop(en, t, &t->alias);
			return -ENOMEM;
		}
	}
	if (t->naliases > ALIASES_MAX)
		alias_drop_oldest(en, t);
	return 0;
}

int ent_rename(struct entities *en, struct ent *t, struct str name, enum alias_what old)
{
	struct alias *a, *held = alias_find(en, t->pub.kind, name);

	if (held && held->ent != t)
		return -EEXIST;
	if (str_eq(t->pub.name, name))
		return 0;
	if (!held) {
		a = alias_new(t, ALIAS_HOST, name);
		if (!a)
			return -ENOMEM;
		if (alias_index(en, a) < 0) {
			alias_drop(en, t, &t->alias);
			return -ENOMEM;
		}
		held = a;
	}
	for (a = t->alias; a; a = a->next)
		if (a->what == ALIAS_CANON)
			a->what = (uint8_t)old;
	held->what = ALIAS_CANON;
	t->pub.name = alias_str(held);
	keep_hash(en, t);
	if (t->naliases > ALIASES_MAX)
		alias_drop_oldest(en, t);
	return 0;
}

struct ent *ent_of(const struct entities *en, uint32_t id)
{
	size_t at = id >> PAGE_BITS;

	return at < en->npages && en->pages[at] ? en->pages[at]->ent[id & (PAGE_SIZE - 1)]
						: NULL;
}

struct ent *ent_find(const struct entities *en, enum ent_kind kind, struct str name)
{
	struct alias *a = alias_find(en, kind, name);

	return a ? a->ent : NULL;
}

const struct entity *entity_get(const struct entities *en, uint32_t id)
{
	const struct ent *t = ent_of(en, id);

	return t ? &t->pub : NULL;
}

uint32_t entity_find(const struct entities *en, enum ent_kind kind, struct str name)
{
	return entity_find_any(en, &kind, 1, name);
}

uint32_t entity_find_any(const struct entities *en, const enum ent_kind *kinds, size_t n,
			 struct str name)
{
	uint64_t folded = hash_istr(name, 0), among = hash_bytes(kinds, n * sizeof(*kinds), 1);
	uint64_t key = hash_2(folded, among);
	struct sought *was = &en->sought[folded & (SOUGHT - 1)][among % SOUGHT_WAYS];
	const struct ent *t = NULL;
	struct name_buf low;
	char text[IP_TEXT];
	struct str as;
	struct ip ip;

	if (was->key == key)
		return was->id;
	name_lower(name, &low);
	as = ip_parse(name_str(&low), &ip) ? ip_text(&ip, text) : name_str(&low);
	for (size_t i = 0; i < n && !t; i++)
		t = ent_find(en, kinds[i], as);
	/* Names that are looked for otherwise than they stand would not be freed. */
	if (str_ieq(as, name))
		*was = (struct sought){key, t ? t->pub.id : ENT_NONE};
	return t ? t->pub.id : ENT_NONE;
}

uint32_t entity_put(struct entities *en, enum ent_kind kind, struct str name, int64_t now)
{
	return identity_put(en, kind, name, now, NULL);
}

size_t entities_count(const struct entities *en)
{
	return en->count;
}

size_t entity_names(const struct entities *en, uint32_t id, struct str *ret_names, size_t max)
{
	const struct ent *t = ent_of(en, id);
	size_t n = 0;

	for (int what = ALIAS_CANON; t && what <= ALIAS_PAST; what++)
		for (const struct alias *a = t->alias; a && n < max; a = a->next)
			if (a->what == what)
				ret_names[n++] = alias_str(a);
	return n;
}

uint32_t entities_user_of(const struct entities *en, uint32_t device)
{
	const struct ent *t = ent_of(en, device);

	return t && ent_of(en, t->user) ? t->user : ENT_NONE;
}

void entities_each(const struct entities *en, void (*fn)(const struct entity *, void *),
		   void *arg)
{
	for (size_t p = 0; p < en->npages; p++)
		for (size_t i = 0; en->pages[p] && i < PAGE_SIZE; i++)
			if (en->pages[p]->ent[i])
				fn(&en->pages[p]->ent[i]->pub, arg);
}
