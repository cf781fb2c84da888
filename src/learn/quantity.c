/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the files of learned/: one YAML map a quantity.
 */
#include "base/hash.h"
#include "base/timeutil.h"
#include "learn/group.h"
#include "learn/links.h"
#include "learn/tactics.h"
#include <errno.h>
#include <stdio.h>

#define KIND(name) extern const struct kind kind_##name;
#include "learn/registry.def"
#undef KIND

static const struct kind *const kinds[] = {
#define KIND(name) &kind_##name,
#include "learn/registry.def"
#undef KIND
};

static const struct {
	const char *name;
	char type;
} outs[OUT_COUNT] = {
#define X(c, name, type) {name, type},
#include "learn/out.def"
#undef X
};

static const char *const keys[] = {"name",	"kind",	   "text",	 "events",  "entity",
				   "value",	"number",  "against",	 "peers",   "tactic",
				   "window",	"measure", "resolution", "channel", "tactics",
				   "sensitive", "context", "links",	 "sweep",   NULL};
static const char *const event_keys[] = {"class", "classes", "types", "where", NULL};

struct quantity *quantity_free(struct quantity *q)
{
	if (q) {
		filter_free(q->where);
		tactics_free(q->tactics);
		links_free(q->links);
		yaml_free(q->doc);
		free(q->groups);
		free(q);
	}
	return NULL;
}

static int read_parts(struct schema *s, const struct yaml *y, const struct yaml_node *n,
		      bool roles, struct part *parts, uint8_t *ret_n, struct diag *d)
{
	const struct yaml_node *c = n && n->kind == YAML_SEQ ? n->child : n;

	for (; c; c = n->kind == YAML_SEQ ? c->next : NULL) {
		struct part *p = &parts[*ret_n];
		int role = roles ? ent_role_of(c->text) : -1;

		if (c->kind != YAML_SCALAR || !c->text.len)
			return yaml_fail(y, c, d, "a role or an attribute is expected here");
		if (*ret_n == PARTS_MAX)
			return yaml_fail(y, c, d, "at most %d parts", PARTS_MAX);
		*p = (struct part){ROLE_COUNT, ATTR_NONE};
		if (roles && str_eqz(c->text, "home"))
			role = ROLE_HOME;
		if (role >= 0)
			p->role = (uint8_t)role;
		else
			p->attr = schema_attr(s, c->text);
		if (role < 0 && p->attr == ATTR_NONE)
			return -ENOMEM;
		++*ret_n;
	}
	return 0;
}

static const struct kind *kind_of(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eqz(name, kinds[i]->name))
			return kinds[i];
	return NULL;
}

/* "10m", "1h", "90s", "1d" */

static int read_knowledge(struct learn *l, const struct yaml *y, const struct yaml_node *n,
			  struct quantity *q, struct diag *d)
{
	int err = yaml_bool(y, n, "sensitive", false, &q->sensitive, d);

	if (!err)
		err = yaml_bool(y, n, "context", false, &q->context, d);
	if (!err)
		err = yaml_bool(y, n, "sweep", false, &q->sweep, d);
	if (!err && yaml_get(n, "tactics"))
		err = tactics_read(y, yaml_get(n, "tactics"), &q->tactics, d);
	if (!err && yaml_get(n, "links"))
		err = links_read(l, y, yaml_get(n, "links"), &q->links, d);
	return err;
}

static int read_options(struct schema *s, const struct yaml *y, const struct yaml_node *n,
			struct quantity *q, struct diag *d)
{
	struct str number = yaml_str(n, "number", ""), against = yaml_str(n, "against", "");
	struct str peers = yaml_str(n, "peers", "class"),
		   measure = yaml_str(n, "measure", "count"),
		   channel = yaml_str(n, "channel", "fast");
	int err;

	if (!str_eqz(peers, "class") && !str_eqz(peers, "org"))
		return yaml_fail(y, yaml_get(n, "peers"), d, "peers is class or org");
	if (!str_eqz(measure, "count") && !str_eqz(measure, "bits") &&
	    !str_eqz(measure, "events"))
		return yaml_fail(y, yaml_get(n, "measure"), d,
				 "measure is count, bits or events");
	if (!str_eqz(channel, "fast") && !str_eqz(channel, "slow"))
		return yaml_fail(y, yaml_get(n, "channel"), d, "channel is fast or slow");
	if (!time_parse_span(yaml_str(n, "window", "1h"), 10000, &q->window))
		return yaml_fail(y, yaml_get(n, "window"), d,
				 "a window is like 90s, 10m, 1h, 1d");
	err = yaml_f64(y, n, "resolution", 0, &q->resolution, d);
	if (err)
		return err;
	q->org_only = str_eqz(peers, "org");
	q->bits = str_eqz(measure, "bits");
	q->events = str_eqz(measure, "events");
	q->slow = str_eqz(channel, "slow");
	q->tactic = yaml_str(n, "tactic", "");
	q->text = yaml_str(n, "text", "").p;
	q->number = number.len ? schema_attr(s, number) : ATTR_NONE;
	q->against = against.len ? schema_attr(s, against) : ATTR_NONE;
	if (q->kind->needs_value && !q->nval)
		return yaml_fail(y, n, d, "kind %s needs a value", q->kind->name);
	if (q->kind->needs_number && q->number == ATTR_NONE && !q->events)
		return yaml_fail(y, n, d, "kind %s needs a number", q->kind->name);
	if (!q->nent)
		return yaml_fail(y, n, d, "entity is missing");
	return 0;
}

static bool listed(const struct yaml_node *n, struct str name)
{
	if (!n || n->kind == YAML_SCALAR)
		return n && str_eq(n->text, name);
	YAML_EACH(c, n)
	if (str_eq(c->text, name))
		return true;
	return false;
}

bool quantity_hears(const struct yaml_node *events, const struct rectype *t)
{
	const struct yaml_node *types = yaml_get(events, "types");
	const struct yaml_node *cls = yaml_get(events, "class");
	const char *name = ocsf_class_name(t->cls);

	if (!cls)
		cls = yaml_get(events, "classes");
	return (!types && !cls) || listed(types, str_of(t->name)) ||
	       (name && listed(cls, str_of(name)));
}

/* Whether a record type can tell what the quantity is made of. */
static bool can_feed(const struct schema *s, const struct rectype *t, const struct quantity *q)
{
	bool have = q->nval == 0;

	/* Parts that are missing are left out of the name; one must be there. */
	for (uint8_t i = 0; i < q->nval; i++)
		have |= t->raw_fields || schema_provides(s, t, q->val[i].attr);
	return have;
}

static int use_add(struct learn *l, const struct rectype *t, struct quantity *q)
{
	struct uses *u = &l->types[t->id];
	int err = q->where ? filter_want(q->where, l->schema, t) : 0;

	if (u->n == USES_MAX)
		return E_LIMIT;
	if (u->n == u->cap) {
		size_t cap = u->cap ? u->cap * 2 : 8;
		struct use *p = realloc(u->use, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		u->use = p;
		u->cap = cap;
	}
	u->use[u->n++] = (struct use){.q = q};
	for (uint8_t i = 0; !err && i < q->nval; i++)
		err = schema_want(l->schema, t, q->val[i].attr);
	for (uint8_t i = 0; !err && i < q->nent; i++)
		if (q->ent[i].role == ROLE_COUNT)
			err = schema_want(l->schema, t, q->ent[i].attr);
	if (!err && q->number != ATTR_NONE)
		err = schema_want(l->schema, t, q->number);
	if (!err && q->against != ATTR_NONE)
		err = schema_want(l->schema, t, q->against);
	if (!err && str_eqz(str_of(q->kind->name), "reversal")) {
		static const attr_t ends[] = {ATTR_SRC_IP,	 ATTR_SRC_PORT,
					      ATTR_DST_IP,	 ATTR_DST_PORT,
					      ATTR_SRC_INTERNAL, ATTR_DST_INTERNAL};

		for (size_t i = 0; !err && i < ARRAY_LEN(ends); i++)
			err = schema_want(l->schema, t, ends[i]);
	}
	if (!err && str_eqz(str_of(q->kind->name), "rewrite"))
		err = schema_want(l->schema, t, ATTR_ACTIVITY);
	for (int o = 0; !err && o < OUT_COUNT; o++)
		err = schema_provide(l->schema, t, q->out[o]);
	return err;
}

static int choose_types(struct learn *l, const struct yaml *y, const struct yaml_node *n,
			struct quantity *q, struct diag *d)
{
	const struct yaml_node *ev = yaml_get(n, "events"), *where = yaml_get(ev, "where");
	int err = ev ? yaml_only(y, ev, event_keys, d) : 0;

	if (!err && where)
		err = filter_compile(l->schema, y, where, &q->where, d);
	for (size_t i = 0; !err && i < l->ntypes; i++) {
		const struct rectype *t = schema_type(l->schema, i);

		if (quantity_hears(ev, t) && can_feed(l->schema, t, q))
			err = use_add(l, t, q);
	}
	return err;
}

static int read_quantity(struct learn *l, const struct yaml *y, const struct yaml_node *n,
			 struct quantity *q, struct diag *d)
{
	int err = yaml_only(y, n, keys, d);

	if (err)
		return err;
	q->name = yaml_str(n, "name", "").p;
	q->kind = kind_of(yaml_str(n, "kind", ""));
	if (!*q->name)
		return yaml_fail(y, n, d, "name is missing");
	if (!q->kind)
		return yaml_fail(y, n, d, "kind is missing or none of those known");
	for (size_t i = 0; i < l->nq; i++)
		if (!strcmp(l->q[i]->name, q->name))
			return yaml_fail(y, n, d, "there is a quantity %s already", q->name);
	err = read_parts(l->schema, y, yaml_get(n, "entity"), true, q->ent, &q->nent, d);
	if (!err)
		err = read_parts(l->schema, y, yaml_get(n, "value"), false, q->val, &q->nval,
				 d);
	if (!err)
		err = read_options(l->schema, y, n, q, d);
	if (!err)
		err = read_knowledge(l, y, n, q, d);
	for (int o = 0; !err && o < OUT_COUNT; o++) {
		char name[160];
		int len = snprintf(name, sizeof(name), "learned.%s.%s", q->name, outs[o].name);

		if (len < 0 || (size_t)len >= sizeof(name))
			return yaml_fail(y, n, d, "the name is too long");
		q->out[o] = schema_attr(l->schema, str_n(name, (size_t)len));
		if (q->out[o] == ATTR_NONE)
			err = -ENOMEM;
	}
	return err ? err : choose_types(l, y, n, q, d);
}

/* Hash of all that decides what is learned: everything but the words. */
static uint64_t declared(const struct yaml_node *n, uint64_t h)
{
	h = hash_2(hash_str(n->text, hash_str(n->key, h)), n->kind);
	for (const struct yaml_node *c = n->child; c; c = c->next)
		if (!str_eqz(c->key, "text"))
			h = declared(c, h);
	return h;
}

static bool mentions_learned(const struct yaml_node *n)
{
	if (str_starts(n->key, STR("learned.")) || str_starts(n->text, STR("learned.")))
		return true;
	for (const struct yaml_node *c = n->child; c; c = c->next)
		if (mentions_learned(c))
			return true;
	return false;
}

int quantity_load(struct learn *l, const char *path, struct diag *d)
{
	struct yaml *y;
	struct quantity *q;
	int err = yaml_load(path, &y, d);

	if (err)
		return err;
	q = calloc(1, sizeof(*q));
	if (!q) {
		yaml_free(y);
		return -ENOMEM;
	}
	q->doc = y;
	q->groups = calloc(CLASSES + 1, sizeof(*q->groups));
	if (l->nq == l->qcap) {
		size_t cap = l->qcap ? l->qcap * 2 : 16;
		struct quantity **p = realloc(l->q, cap * sizeof(*p));

		if (p) {
			l->q = p;
			l->qcap = cap;
		}
	}
	if (!q->groups || l->nq == l->qcap || !y->docs || l->nq > UINT16_MAX - 1) {
		quantity_free(q);
		return diag_set(d, E_SYNTAX, "%s: no quantity could be read from it", path);
	}
	q->index = (uint16_t)l->nq;
	err = read_quantity(l, y, y->docs->root, q, d);
	if (!err) {
		q->id = declared(y->docs->root, q->kind->version);
		quantity_keys(q);
		q->chained = q->kind->last || mentions_learned(y->docs->root);
	}
	/* Kept even then: uses point to it, and learn_free frees it. */
	l->q[l->nq++] = q;
	return err;
}
