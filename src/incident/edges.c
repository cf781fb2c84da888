/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "base/map.h"
#include "incident/edges_impl.h"
#include <errno.h>
#include <stdlib.h>

/*
 * A set holds all edges of the keys that fall into it; 16 are few enough to look through for
 * every event and enough for an entity's rare neighbours of a day.
 */
#define WAYS	    16u
#define DEGREE_LIFE (14 * NS_PER_D) /* a degree forgets within one to two of these */
#define HUB_MIN	    4u
#define HUB_MAX	    12u
#define RARE_MAX    5u
#define RCPT_MAX    16u
#define LINKS_MAX   8u
#define RECENT	    4096u		 /* contacts remembered as just put down */
#define SALT_MAIL   UINT64_C(0x6d61696c) /* degree by mail is counted apart from contacts */
#define SALT_SESS   UINT64_C(0x73657373)
#define SALT_NAME   UINT64_C(0x6e616d65)
#define SALT_ID	    UINT64_C(0x6964)

/* A byte of the hash of each edge of a set, 0 where it is free: most are not looked at. */
struct tags {
	uint8_t v[WAYS];
};

struct edges {
	struct edge *slots;	 /* [nsets * WAYS]; all edges from one key lie in one set */
	struct tags *tags;	 /* [nsets] */
	size_t nsets;		 /* power of two */
	struct map now, before;	 /* key -> 64-bit sketch of distinct others, two generations */
	size_t degree_max;	 /* entries of one generation */
	int64_t turned;		 /* when `now` began */
	uint64_t initiators;	 /* sketch of all who open connections */
	uint64_t recent[RECENT]; /* contact and minute, by contact */
};

const char *edge_name(enum edge_kind k)
{
	static const char *const names[] = {"contact", "uses",	  "remote", "issued",
					    "session", "started", "mail",   "file"};

	return (size_t)k < ARRAY_LEN(names) ? names[k] : "unknown";
}

int edges_new(size_t bytes, struct edges **ret_g)
{
	struct edges *g = calloc(1, sizeof(*g));
	size_t sets = 1;

	if (!g)
		return -ENOMEM;
	/* Three quarters hold edges, the rest degrees (17 bytes a slot, half full, twice). */
	while (sets * 2 * WAYS * sizeof(struct edge) <= bytes / 4 * 3)
		sets *= 2;
	g->slots = calloc(sets * WAYS, sizeof(struct edge));
	g->tags = calloc(sets, sizeof(*g->tags));
	if (!g->slots || !g->tags) {
		edges_free(g);
		return -ENOMEM;
	}
	g->nsets = sets;
	g->degree_max = MAX(bytes / 512, (size_t)64);
	g->turned = TIME_NONE;
	map_init(&g->now);
	map_init(&g->before);
	*ret_g = g;
	return 0;
}

struct edges *edges_free(struct edges *g)
{
	if (g) {
		map_free(&g->now);
		map_free(&g->before);
		free(g->slots);
		free(g->tags);
		free(g);
	}
	return NULL;
}

size_t edges_bytes(const struct edges *g)
{
	size_t slots = g->now.cap + g->before.cap;

	return g->nsets * (WAYS * sizeof(struct edge) + sizeof(*g->tags)) +
	       slots * (sizeof(struct map_slot) + 1);
}

uint64_t edges_domain(struct str name)
{
	return hash_istr(name, SALT_NAME);
}

uint64_t edges_key(const struct entity *x)
{
	return x->kind == ENT_ENDPOINT ? edges_domain(x->name) : hash_2(x->id, SALT_ID);
}

/* Distinct others are counted by the bits set among 64: exact enough where it matters. */
uint64_t edges_bit(uint64_t key)
{
	return UINT64_C(1) << (hash_mix(key) & 63);
}

static uint64_t others(const struct edges *g, uint64_t key)
{
	const uint64_t *a = map_get(&g->now, key), *b = map_get(&g->before, key);

	return (a ? *a : 0) | (b ? *b : 0);
}

unsigned edges_degree(const struct edges *g, uint64_t key)
{
	return (unsigned)__builtin_popcountll(others(g, key));
}

bool edges_crowd(const struct edges *g, uint64_t key, uint64_t own)
{
	unsigned all = (unsigned)__builtin_popcountll(g->initiators) / 3;
	/* In a small organisation a third of it is a crowd already. */
	unsigned limit = MIN(MAX(all, HUB_MIN), HUB_MAX);

	return (unsigned)__builtin_popcountll(others(g, key) & ~own) > limit;
}

bool edges_hub(const struct edges *g, uint64_t key)
{
	return edges_crowd(g, key, 0);
}

bool edges_mailer(const struct edges *g, uint64_t key)
{
	return edges_hub(g, key ^ SALT_MAIL);
}

bool edges_rare(const struct edges *g, uint64_t key)
{
	return edges_degree(g, key) <= RARE_MAX;
}

/* Generations turn by time and by size: memory stays bounded and old contacts are forgotten. */
static void turn(struct edges *g, int64_t t)
{
	struct map m;

	if (g->turned == TIME_NONE)
		g->turned = t;
	if (t - g->turned < DEGREE_LIFE && g->now.len < g->degree_max)
		return;
	m = g->before;
	g->before = g->now;
	g->now = m;
	map_clear(&g->now);
	memset(g->recent, 0, sizeof(g->recent));
	g->turned = t;
}

int edges_meet(struct edges *g, uint64_t key, uint64_t other)
{
	uint64_t *v = map_put(&g->now, key, NULL);

	if (!v)
		return -ENOMEM;
	*v |= edges_bit(other);
	return 0;
}

static size_t set_of(const struct edges *g, uint64_t key)
{
	return hash_mix(key) & (g->nsets - 1);
}

static uint8_t tag_of(const struct edge *e)
{
	return (uint8_t)(hash_2(e->from, e->to + e->kind) | 1);
}

/* Free slots first, then plain contacts, then causal edges; the oldest of each. */
static bool goes_first(const struct edge *a, const struct edge *b)
{
	bool pa = a->kind >= EDGE_ISSUED, pb = b->kind >= EDGE_ISSUED;

	if (!a->used || !b->used)
		return !a->used && b->used;
	return pa != pb ? !pa : a->time < b->time;
}

static void put_half(struct edges *g, struct edge e)
{
	size_t at = set_of(g, e.from);
	struct edge *set = &g->slots[at * WAYS], *victim = set;
	struct tags *tags = &g->tags[at];
	uint8_t tag = tag_of(&e);

	for (unsigned i = 0; i < WAYS; i++) {
		struct edge *s = &set[i];

		if (tags->v[i] == tag && s->from == e.from && s->to == e.to &&
		    s->kind == e.kind) {
			s->time = MAX(s->time, e.time);
			return;
		}
	}
	for (unsigned i = 1; i < WAYS; i++)
		if (goes_first(&set[i], victim))
			victim = &set[i];
	*victim = e;
	tags->v[victim - set] = tag;
}

void edges_put(struct edges *g, uint64_t a, uint64_t b, enum edge_kind kind, int64_t t)
{
	if (a == b)
		return;
	__builtin_prefetch(&g->tags[set_of(g, b)]);
	put_half(g, (struct edge){a, b, t, (uint8_t)kind, true});
	put_half(g, (struct edge){b, a, t, (uint8_t)kind, true});
}

static int newest_first(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? 1 : -1;
	return x->to < y->to ? -1 : x->to > y->to;
}

size_t edges_near(const struct edges *g, uint64_t key, int64_t since, struct edge *ret,
		  size_t max)
{
	const struct edge *set = &g->slots[set_of(g, key) * WAYS];
	struct edge found[WAYS];
	size_t n = 0;

	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].used && set[i].from == key && set[i].time >= since)
			found[n++] = set[i];
	qsort(found, n, sizeof(found[0]), newest_first);
	n = MIN(n, max);
	memcpy(ret, found, n * sizeof(found[0]));
	return n;
}

static void cast_fill(struct cast *c, const struct entities *en, const struct event *e)
{
	for (int r = 0; r < ROLE_COUNT; r++)
		c->kind[r] = -1;
	for (unsigned i = 0; i < e->nents; i++) {
		const struct entity *x = entity_get(en, e->ents[i].id);
		uint8_t r = e->ents[i].role;

		if (!x || r >= ROLE_COUNT || c->kind[r] >= 0)
			continue;
		c->kind[r] = x->kind;
		c->key[r] = edges_key(x);
	}
}

static bool is_host(int kind)
{
	return kind == ENT_DEVICE || kind == ENT_WORKLOAD;
}

static bool is_identity(int kind)
{
	return kind == ENT_ACCOUNT || kind == ENT_ROLE;
}

/* Protocols by which one works on another host, rather than asks it something. */
static bool is_remote_work(const struct event *e)
{
	switch (e->type->cls) {
	case CLASS_RDP_ACTIVITY:
	case CLASS_SMB_ACTIVITY:
	case CLASS_SSH_ACTIVITY:
	case CLASS_AUTHENTICATION:
		return true;
	default:
		return false;
	}
}

/* Most connections repeat one of the same minute: they add nothing that is not known. */
static bool just_put(struct edges *g, uint64_t a, uint64_t b, const struct event *e)
{
	uint64_t pair = hash_2(a, b) + is_remote_work(e);
	uint64_t tag = hash_2(pair, (uint64_t)(e->known / (60 * NS_PER_S)) + 1);
	uint64_t *at = &g->recent[pair & (RECENT - 1)];
	bool known = *at == tag;

	*at = tag;
	return known;
}

/*
 * Connections, seen from the organisation's end. The external one is the peer, or who opened it
 * (a request to a public server), or the device (where a call to the cloud is from). Strangers
 * do not count for the degree of a server: being public does not make it a hub.
 */
static int contact(struct edges *g, const struct cast *c, const struct event *e)
{
	int who = is_host(c->kind[ROLE_DEVICE]) ? ROLE_DEVICE : ROLE_ACTOR;
	int far = c->kind[ROLE_PEER] >= 0 ? ROLE_PEER : ROLE_DEVICE;

	if (c->kind[who] < 0 && c->kind[ROLE_DEVICE] == ENT_ENDPOINT)
		who = ROLE_DEVICE;
	if (c->kind[who] == ENT_ENDPOINT) {
		int t = who;

		who = far;
		far = t;
	}
	if (c->kind[who] < 0 || c->kind[far] < 0 || who == far || c->kind[who] == ENT_ENDPOINT)
		return 0;
	if (just_put(g, c->key[who], c->key[far], e))
		return 0;
	g->initiators |= edges_bit(c->key[who]);
	if (edges_meet(g, c->key[far], c->key[who]) < 0)
		return -ENOMEM;
	if (c->kind[far] == ENT_ENDPOINT && edges_rare(g, c->key[far]))
		edges_put(g, c->key[who], c->key[far], EDGE_CONTACT, e->known);
	else if (is_host(c->kind[far]) && is_host(c->kind[who]) && is_remote_work(e) &&
		 !edges_hub(g, c->key[far]))
		edges_put(g, c->key[who], c->key[far], EDGE_REMOTE, e->known);
	return 0;
}

/* An account at a device of the organisation: each has the other as neighbour. */
static int usage(struct edges *g, const struct cast *c, int64_t t)
{
	uint64_t a = c->key[ROLE_ACTOR], d = c->key[ROLE_DEVICE];

	if (!is_identity(c->kind[ROLE_ACTOR]) || !is_host(c->kind[ROLE_DEVICE]))
		return 0;
	if (edges_meet(g, a, d) < 0 || edges_meet(g, d, a) < 0)
		return -ENOMEM;
	if (!edges_hub(g, a) && !edges_hub(g, d))
		edges_put(g, a, d, EDGE_USES, t);
	return 0;
}

/* Calls that give somebody new credentials; the prefix covers the variants of a call. */
static bool issues(const struct event *e)
{
	static const char *const ops[] = {"AssumeRole",	   "CreateAccessKey",
					  "CreateUser",	   "CreateLogin",
					  "GetFederation", "GetSessionToken",
					  "CreateRole",	   "CreateServiceSpecific"};
	struct str op = event_str(e, ATTR_OPERATION);

	if (e->type->cls == CLASS_ACCOUNT_CHANGE || e->type->cls == CLASS_ENTITY_MANAGEMENT ||
	    e->type->cls == CLASS_USER_ACCESS)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		if (str_starts(op, str_of(ops[i])))
			return true;
	return false;
}

/* The session names the role or identity it was issued from. */
static int issued_by(struct edges *g, const struct entities *en, uint64_t actor,
		     const struct event *e)
{
	struct str issuer = event_str(e, ATTR_SESSION_ISSUER);
	uint32_t id = entity_find(en, ENT_ROLE, issuer);
	const struct entity *x;
	uint64_t k;

	if (id == ENT_NONE)
		id = entity_find(en, ENT_ACCOUNT, issuer);
	x = id == ENT_NONE ? NULL : entity_get(en, id);
	if (!x)
		return 0;
	k = edges_key(x);
	if (k == actor)
		return 0;
	if (edges_meet(g, k, actor) < 0)
		return -ENOMEM;
	edges_put(g, actor, k, EDGE_ISSUED, e->known);
	return 0;
}

/*
 * A session that bears a person's address, as those that an identity provider opens in a cloud
 * do, is that person's.
 */
static int session_of(struct edges *g, const struct entities *en, uint64_t actor,
		      const struct event *e)
{
	struct str name = event_str(e, ATTR_SESSION_NAME);
	const struct entity *x;
	uint32_t id;
	uint64_t k;

	if (str_chr(name, '@', 0) == SIZE_MAX)
		return 0;
	id = entity_find(en, ENT_ACCOUNT, name);
	x = id == ENT_NONE ? NULL : entity_get(en, id);
	k = x ? edges_key(x) : actor;
	if (k == actor)
		return 0;
	if (edges_meet(g, k, actor) < 0 || edges_meet(g, actor, k) < 0)
		return -ENOMEM;
	edges_put(g, actor, k, EDGE_ISSUED, e->known);
	return 0;
}

/* What an identity made, became, or shares a session with. */
static int identity(struct edges *g, const struct entities *en, const struct cast *c,
		    const struct event *e)
{
	struct str session = event_str(e, ATTR_SESSION);
	uint64_t a = c->key[ROLE_ACTOR], k;
	int err;

	if (!is_identity(c->kind[ROLE_ACTOR]))
		return 0;
	if (c->kind[ROLE_TARGET] >= 0 && c->kind[ROLE_TARGET] != ENT_RESOURCE) {
		if (edges_meet(g, c->key[ROLE_TARGET], a) < 0)
			return -ENOMEM;
		if (issues(e))
			edges_put(g, a, c->key[ROLE_TARGET], EDGE_ISSUED, e->known);
	}
	if (session.len) {
		k = hash_str(session, SALT_SESS);
		if (edges_meet(g, k, a) < 0)
			return -ENOMEM;
		edges_put(g, a, k, EDGE_SESSION, e->known);
	}
	err = session_of(g, en, a, e);
	if (!err && event_str(e, ATTR_SESSION_ISSUER).len)
		err = issued_by(g, en, a, e);
	return err;
}

/* The account of an address; one of the organisation is made when nobody met it yet. */
static uint64_t account_key(struct entities *en, struct str addr, int64_t now)
{
	uint32_t id = entity_find(en, ENT_ACCOUNT, addr);
	const struct entity *x;
	size_t at = str_chr(addr, '@', 0);

	if (id == ENT_NONE && at != SIZE_MAX &&
	    entities_own_domain(en, str_sub(addr, at + 1, addr.len)))
		id = entity_put(en, ENT_ACCOUNT, addr, now);
	x = id == ENT_NONE ? NULL : entity_get(en, id);
	return x ? edges_key(x) : edges_domain(addr);
}

/* One outside party of a mail (sender, its domain, a link domain) and all who received it. */
static int mailed(struct edges *g, uint64_t k, const uint64_t *to, size_t nto, int64_t t)
{
	for (size_t i = 0; i < nto; i++)
		if (edges_meet(g, k ^ SALT_MAIL, to[i]) < 0)
			return -ENOMEM;
	if (edges_mailer(g, k) || edges_hub(g, k))
		return 0;
	for (size_t i = 0; i < nto; i++)
		edges_put(g, k, to[i], EDGE_MAIL, t);
	return 0;
}

/* Mail from outside, and links to outside, tie the sender to whoever received it. */
static int mail(struct edges *g, struct entities *en, const struct event *e)
{
	const struct val *v, *item;
	uint64_t to[RCPT_MAX];
	struct str from = event_str(e, ATTR_MAIL_FROM);
	struct str domain = event_str(e, ATTR_MAIL_FROM_DOMAIN);
	size_t nto, n;
	int err = 0;

	v = event_get(e, ATTR_MAIL_TO);
	nto = MIN(val_items(v, &item), RCPT_MAX);
	for (size_t i = 0; i < nto; i++)
		to[i] = account_key(en, val_str(&item[i]), e->known);
	if (domain.len && !entities_own_domain(en, domain)) {
		if (from.len)
			err = mailed(g, account_key(en, from, e->known), to, nto, e->known);
		if (!err)
			err = mailed(g, edges_domain(domain), to, nto, e->known);
	}
	v = event_get(e, ATTR_MAIL_URL_DOMAINS);
	n = MIN(val_items(v, &item), LINKS_MAX);
	for (size_t i = 0; !err && i < n; i++) {
		struct str d = val_str(&item[i]);

		if (d.len && !entities_own_domain(en, d))
			err = mailed(g, edges_domain(d), to, nto, e->known);
	}
	return err ? err : edges_attached(g, to, nto, e);
}

/* A name was asked for: before the visit, or instead of it where no connection is seen. */
static int asked(struct edges *g, const struct entities *en, const struct cast *c,
		 const struct event *e)
{
	struct str domain = event_str(e, ATTR_QUERY_DOMAIN);
	uint64_t who = c->key[ROLE_DEVICE], k;

	if (!domain.len || !is_host(c->kind[ROLE_DEVICE]) || entities_own_domain(en, domain))
		return 0;
	k = edges_domain(domain);
	if (just_put(g, who, k, e))
		return 0;
	if (edges_meet(g, k, who) < 0)
		return -ENOMEM;
	if (edges_rare(g, k))
		edges_put(g, who, k, EDGE_CONTACT, e->known);
	return 0;
}

int edges_event(struct edges *g, struct entities *en, const struct event *e)
{
	struct cast c;
	int err;

	turn(g, e->known);
	if (e->type->cls == CLASS_EMAIL_ACTIVITY)
		return mail(g, en, e);
	cast_fill(&c, en, e);
	err = contact(g, &c, e);
	if (!err && e->type->cls == CLASS_DNS_ACTIVITY)
		err = asked(g, en, &c, e);
	if (!err)
		err = edges_file(g, &c, e);
	if (!err)
		err = usage(g, &c, e->known);
	if (!err)
		err = identity(g, en, &c, e);
	if (!err && c.kind[ROLE_IMAGE] >= 0 && c.kind[ROLE_PARENT] >= 0)
		edges_put(g, c.key[ROLE_IMAGE], c.key[ROLE_PARENT], EDGE_STARTED, e->known);
	return err;
}

/* ---- keeping ---- */

#define TAG_EDGES BLOCK_TAG('e', 'd', 'g', 'e')
#define TAG_SLOTS BLOCK_TAG('e', 'd', 'g', 's')
#define TAG_NOW	  BLOCK_TAG('e', 'd', 'g', 'n')
#define TAG_OLD	  BLOCK_TAG('e', 'd', 'g', 'o')
#define A_BLOCK	  16384u /* entries */

struct kept_head {
	uint64_t nsets, nslots, nnow, nbefore, initiators;
	int64_t turned;
	uint64_t recent[RECENT];
};

struct kept_edge {
	uint64_t from, to, at; /* at: its place */
	int64_t time;
	uint64_t kind;
};

static int by_key(const void *a, const void *b)
{
	const struct map_slot *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

/* In order of keys: the same table, the same bytes. */
static void save_map(const struct map *m, uint32_t tag, struct blocks_out *w)
{
	struct map_slot *v = malloc((m->len + 1) * sizeof(*v));
	size_t n = 0;

	if (!v) {
		blocks_fail(w, -ENOMEM);
		return;
	}
	for (size_t i = 0; n < m->len && map_next(m, &i, &v[n]);)
		n++;
	qsort(v, n, sizeof(*v), by_key);
	for (size_t i = 0; i < n; i += A_BLOCK)
		blocks_put(w, tag, NULL, 0, v + i, MIN(n - i, (size_t)A_BLOCK) * sizeof(*v));
	free(v);
}

void edges_save(const struct edges *g, struct blocks_out *w)
{
	size_t total = g->nsets * WAYS, n = 0;
	struct kept_head *h = calloc(1, sizeof(*h));
	struct kept_edge *v = calloc(A_BLOCK, sizeof(*v));

	if (!h || !v) {
		blocks_fail(w, -ENOMEM);
		goto out;
	}
	*h = (struct kept_head){.nsets = g->nsets,
				.nnow = g->now.len,
				.nbefore = g->before.len,
				.initiators = g->initiators,
				.turned = g->turned};
	memcpy(h->recent, g->recent, sizeof(h->recent));
	for (size_t i = 0; i < total; i++)
		h->nslots += g->slots[i].used;
	blocks_put(w, TAG_EDGES, h, sizeof(*h), NULL, 0);
	for (size_t i = 0; i < total; i++) {
		const struct edge *e = &g->slots[i];

		if (e->used)
			v[n++] = (struct kept_edge){e->from, e->to, i, e->time, e->kind};
		if (n && (n == A_BLOCK || i + 1 == total)) {
			blocks_put(w, TAG_SLOTS, v, n * sizeof(*v), NULL, 0);
			n = 0;
		}
	}
	save_map(&g->now, TAG_NOW, w);
	save_map(&g->before, TAG_OLD, w);
out:
	free(h);
	free(v);
}

/* The next block, which must be of this kind and hold whole entries, at most max. */
static int next_of(struct blocks_in *r, uint32_t want, size_t each, uint64_t max,
		   struct str *ret_data)
{
	uint32_t tag;
	int n = blocks_next(r, &tag, ret_data);

	if (n < 0)
		return n;
	return n > 0 && tag == want && ret_data->len && ret_data->len % each == 0 &&
			       ret_data->len / each <= max
		       ? 0
		       : E_FORMAT;
}

static int load_map(struct map *m, uint64_t n, uint32_t tag, struct blocks_in *r)
{
	struct map_slot s;
	struct str data;
	int err = 0;

	while (err == 0 && n > 0) {
		err = next_of(r, tag, sizeof(s), n, &data);
		for (size_t i = 0; err == 0 && i < data.len; i += sizeof(s), n--) {
			uint64_t *v;

			memcpy(&s, data.p + i, sizeof(s));
			v = map_put(m, s.key, NULL);
			if (!v)
				return -ENOMEM;
			*v = s.val;
		}
	}
	return err;
}

/* Into its place, so that whoever is given up later is the same. */
static void load_edge(struct edges *g, const struct kept_edge *k, bool same)
{
	struct edge e = {k->from, k->to, k->time, (uint8_t)k->kind, true};

	if (!same || k->at / WAYS != set_of(g, e.from)) {
		put_half(g, e);
		return;
	}
	g->slots[k->at] = e;
	g->tags[k->at / WAYS].v[k->at % WAYS] = tag_of(&e);
}

int edges_load(struct edges *g, struct blocks_in *r)
{
	struct kept_head *h = malloc(sizeof(*h));
	struct kept_edge k;
	struct str data;
	int err = h ? next_of(r, TAG_EDGES, sizeof(*h), 1, &data) : -ENOMEM;

	if (err == 0)
		memcpy(h, data.p, sizeof(*h));
	for (uint64_t left = err == 0 ? h->nslots : 0; err == 0 && left > 0;) {
		err = next_of(r, TAG_SLOTS, sizeof(k), left, &data);
		for (size_t i = 0; err == 0 && i < data.len; i += sizeof(k), left--) {
			memcpy(&k, data.p + i, sizeof(k));
			load_edge(g, &k, h->nsets == g->nsets);
		}
	}
	if (err == 0)
		err = load_map(&g->now, h->nnow, TAG_NOW, r);
	if (err == 0)
		err = load_map(&g->before, h->nbefore, TAG_OLD, r);
	if (err == 0) {
		g->initiators = h->initiators;
		g->turned = h->turned;
		memcpy(g->recent, h->recent, sizeof(g->recent));
	}
	free(h);
	return err;
}
