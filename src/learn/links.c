/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/links.h"
#include "base/hash.h"
#include "learn/chain.h"
#include <errno.h>
#include <stdlib.h>

#define LINKS_MAX 32 /* a type's links are bits of a word */
#define ENDS_MAX  16 /* items of a list that are tied, recipients of a mail for instance */
#define SEED_NAME UINT64_C(0x6e616d65646e)

struct link {
	struct filter *where;
	uint8_t from, to; /* indexes into links.end */
};

struct links {
	struct link link[LINKS_MAX];
	size_t n, ntypes;
	struct part end[2 * LINKS_MAX]; /* each role and attribute once */
	uint8_t nends;
	uint32_t of_type[]; /* [ntypes] bit i: link i may be made by this record type */
};

struct node {
	uint64_t key;
	bool named;
};

/* Who stands at one end in the event at hand. */
struct party {
	size_t n;
	struct node node[ENDS_MAX];
};

static const char *const keys[] = {"events", "from", "to", NULL};
static const char *const event_keys[] = {"class", "classes", "types", "where", NULL};

static int read_end(struct schema *s, const struct yaml *y, const struct yaml_node *n,
		    const char *key, struct links *k, uint8_t *ret_end, struct diag *d)
{
	struct str name = yaml_str(n, key, "");
	int role = str_eqz(name, "home") ? ROLE_HOME : ent_role_of(name);
	struct part p = {ROLE_COUNT, ATTR_NONE};
	uint8_t i = 0;

	if (!name.len)
		return yaml_fail(y, n, d, "a link needs from and to: a role or an attribute");
	if (role >= 0)
		p.role = (uint8_t)role;
	else
		p.attr = schema_attr(s, name);
	while (i < k->nends && (k->end[i].role != p.role || k->end[i].attr != p.attr))
		i++;
	if (i == k->nends)
		k->end[k->nends++] = p;
	*ret_end = i;
	return role < 0 && p.attr == ATTR_NONE ? -ENOMEM : 0;
}

static int want_end(struct learn *l, const struct rectype *t, const struct part *p)
{
	return p->role == ROLE_COUNT ? schema_want(l->schema, t, p->attr) : 0;
}

static int want(struct learn *l, struct links *k, struct link *link, const struct yaml_node *ev)
{
	uint32_t bit = UINT32_C(1) << (link - k->link);
	int err = 0;

	for (size_t i = 0; !err && i < k->ntypes; i++) {
		const struct rectype *t = schema_type(l->schema, i);

		if (!quantity_hears(ev, t))
			continue;
		k->of_type[i] |= bit;
		err = link->where ? filter_want(link->where, l->schema, t) : 0;
		err = err ? err : want_end(l, t, &k->end[link->from]);
		err = err ? err : want_end(l, t, &k->end[link->to]);
	}
	return err;
}

static int read_link(struct learn *l, const struct yaml *y, const struct yaml_node *n,
		     struct links *k, struct diag *d)
{
	const struct yaml_node *ev = yaml_get(n, "events"), *where = yaml_get(ev, "where");
	struct link *link = &k->link[k->n];
	int err;

	if (k->n == LINKS_MAX)
		return yaml_fail(y, n, d, "at most %d links", LINKS_MAX);
	k->n++;
	err = yaml_only(y, n, keys, d);
	if (!err && ev)
		err = yaml_only(y, ev, event_keys, d);
	if (!err)
		err = read_end(l->schema, y, n, "from", k, &link->from, d);
	if (!err)
		err = read_end(l->schema, y, n, "to", k, &link->to, d);
	if (!err && where)
		err = filter_compile(l->schema, y, where, &link->where, d);
	return err ? err : want(l, k, link, ev);
}

int links_read(struct learn *l, const struct yaml *y, const struct yaml_node *n,
	       struct links **ret_k, struct diag *d)
{
	struct links *k;
	int err = 0;

	if (n->kind != YAML_SEQ)
		return yaml_fail(y, n, d, "links is a list");
	k = calloc(1, sizeof(*k) + l->ntypes * sizeof(k->of_type[0]));
	if (!k)
		return -ENOMEM;
	k->ntypes = l->ntypes;
	YAML_EACH(c, n)
	if (!err)
		err = read_link(l, y, c, k, d);
	if (err)
		return links_free(k), err;
	*ret_k = k;
	return 0;
}

struct links *links_free(struct links *k)
{
	for (size_t i = 0; k && i < k->n; i++)
		filter_free(k->link[i].where);
	free(k);
	return NULL;
}

/* A text that names an entity is that entity; any other stands for itself. */
static struct node named(const struct learn *l, struct str text)
{
	static const enum ent_kind kinds[] = {ENT_ACCOUNT, ENT_ROLE, ENT_WORKLOAD, ENT_DEVICE};

	uint32_t id = entity_find_any(l->entities, kinds, ARRAY_LEN(kinds), text);
	const struct entity *en = entity_get(l->entities, id);

	return en ? (struct node){chain_node(en), false}
		  : (struct node){hash_istr(text, SEED_NAME), true};
}

static void gather(const struct learn *l, const struct part *p, const struct event *e,
		   struct party *ret)
{
	const struct val *items;
	size_t m;
	char tmp[40];

	ret->n = 0;
	if (p->role != ROLE_COUNT) {
		/* Everybody in that role, such as all recipients. */
		for (uint8_t i = 0; i < e->nents && ret->n < ENDS_MAX; i++) {
			const struct entity *en = entity_get(l->entities, e->ents[i].id);

			if (en && (e->ents[i].role == p->role || (p->role == ROLE_HOME && !i)))
				ret->node[ret->n++] = (struct node){chain_node(en), false};
		}
		return;
	}
	m = MIN(val_items(event_get(e, p->attr), &items), (size_t)ENDS_MAX);
	for (size_t i = 0; i < m; i++) {
		struct str text = val_text(&items[i], tmp);

		if (text.len)
			ret->node[ret->n++] = named(l, text);
	}
}

/* What was gathered for an event; several links have an end in common. */
struct gathered {
	uint64_t have; /* bit i: party[i] is known */
	struct party party[2 * LINKS_MAX];
};

static const struct party *at_end(const struct learn *l, const struct links *k, uint8_t end,
				  const struct event *e, struct gathered *g)
{
	if (!(g->have >> end & 1))
		gather(l, &k->end[end], e, &g->party[end]);
	g->have |= UINT64_C(1) << end;
	return &g->party[end];
}

void links_event(struct learn *l, const struct links *k, const struct event *e)
{
	uint32_t bits = e->type->id < k->ntypes ? k->of_type[e->type->id] : 0;
	struct gathered g;

	g.have = 0;
	for (; bits; bits &= bits - 1) {
		const struct link *link = &k->link[__builtin_ctz(bits)];
		const struct party *from, *to;

		if (link->where && !filter_match(link->where, e))
			continue;
		from = at_end(l, k, link->from, e, &g);
		to = from->n ? at_end(l, k, link->to, e, &g) : from;
		for (size_t i = 0; i < from->n; i++)
			for (size_t j = 0; j < to->n; j++)
				chain_link(l, from->node[i].key, from->node[i].named,
					   to->node[j].key, to->node[j].named, e->known);
	}
}
