/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/plan.h"
#include "base/hash.h"
#include "parse/foresee.h"
#include <errno.h>
#include <stdlib.h>

#define TRIE_MIN 64

static void trie_place(struct trie *t, struct trie_entry e)
{
	uint32_t i = key_hash(e.key, e.node) & t->mask;

	while (t->e[i].key.p)
		i = (i + 1) & t->mask;
	t->e[i] = e;
}

static int trie_grow(struct trie *t, struct arena *mem)
{
	struct trie old = *t;
	uint32_t cap = old.e ? (old.mask + 1) * 2 : TRIE_MIN;

	t->e = arena_zalloc(mem, cap * sizeof(*t->e));
	if (!t->e)
		return -ENOMEM;
	t->mask = cap - 1;
	for (uint32_t i = 0; old.e && i <= old.mask; i++)
		if (old.e[i].key.p)
			trie_place(t, old.e[i]);
	return 0;
}

/* The entry of key below node, made when absent; NULL when out of memory. */
static struct trie_entry *trie_put(struct trie *t, struct arena *mem, uint32_t node,
				   struct str key)
{
	const struct trie_entry *e = trie_find(t, node, key);

	if (e)
		return &t->e[e - t->e];
	if (t->len * 2 > t->mask && trie_grow(t, mem) < 0)
		return NULL;
	trie_place(t, (struct trie_entry){.key = key, .node = node, .reg = REG_NONE});
	t->len++;
	e = trie_find(t, node, key);
	return &t->e[e - t->e];
}

/* Every tail of the path may also be one member whose name holds dots. */
static int trie_add(struct trie *t, struct arena *mem, struct str path, uint16_t reg)
{
	uint32_t node = 0;

	while (path.len) {
		struct str rest, seg = str_cut(path, '.', &rest);
		struct trie_entry *e = trie_put(t, mem, node, path);

		if (!e)
			return -ENOMEM;
		if (e->reg == REG_NONE)
			e->reg = reg;
		if (!rest.p || !rest.len || !seg.len)
			return 0;
		e = trie_put(t, mem, node, seg);
		if (!e)
			return -ENOMEM;
		if (!e->child)
			e->child = ++t->nodes;
		node = e->child;
		path = rest;
	}
	return 0;
}

/* The path and, for each place where its field may stand besides, one more. */
static int trie_add_all(struct trie *t, struct arena *mem, const struct source_def *def,
			struct str path, uint16_t reg)
{
	int r = trie_add(t, mem, path, reg);

	for (size_t i = 0; i < def->nalias && r == 0; i++) {
		const struct alias *a = &def->alias[i];
		bool any = str_eqz(a->name, "*");

		for (size_t k = 0; k < a->n && r == 0 && (any || str_ieq(a->name, path)); k++) {
			struct str at = a->path[k];

			if (any)
				at = arena_fmt(mem, "%.*s.%.*s", STR_ARG(at), STR_ARG(path));
			r = at.p ? trie_add(t, mem, at, reg) : -ENOMEM;
		}
	}
	return r;
}

uint16_t plan_reg(const struct source_def *def, struct str name)
{
	const struct trie_entry *e = trie_find(&def->trie, 0, name);

	return e ? e->reg : REG_NONE;
}

/* A copy of the path without the marks of lists. */
static struct str path_clean(struct arena *mem, struct str path)
{
	char *out = arena_alloc(mem, path.len + 1);
	size_t n = 0;

	for (size_t i = 0; out && i < path.len; i++) {
		if (path.p[i] == '[' && i + 1 < path.len && path.p[i + 1] == ']')
			i++;
		else
			out[n++] = path.p[i];
	}
	return (struct str){out, n};
}

int plan_reg_make(struct arena *mem, struct source_def *def, struct str path, uint16_t *ret_reg)
{
	struct str clean = path_clean(mem, path);
	uint16_t reg;
	int r;

	if (!clean.p)
		return -ENOMEM;
	reg = plan_reg(def, clean);
	if (reg == REG_NONE) {
		if (def->nreg >= REGS_MAX)
			return E_LIMIT;
		reg = (uint16_t)def->nreg;
		r = trie_add_all(&def->trie, mem, def, clean, reg);
		if (r < 0)
			return r;
		def->nreg++;
	}
	*ret_reg = reg;
	return 0;
}

static int expr_regs(struct arena *mem, struct source_def *def, struct expr *e)
{
	int r = 0;

	e->reg = arena_alloc(mem, (e->n + 1) * sizeof(*e->reg));
	if (!e->reg)
		return -ENOMEM;
	for (size_t i = 0; i < e->n && r == 0; i++)
		r = plan_reg_make(mem, def, e->path[i], &e->reg[i]);
	if (r == 0 && e->plus_unit)
		r = plan_reg_make(mem, def, e->plus, &e->plus_reg);
	if (r == 0 && e->or_else)
		r = expr_regs(mem, def, e->or_else);
	return r;
}

static bool expr_plain(const struct expr *e)
{
	return e->n == 1 && !e->take && !e->nmap && !e->constant.p && !e->fallback.p;
}

/* Registers of conditions, times, id and of those attributes that have a slot. */
static int type_regs(struct arena *mem, struct source_def *def, struct type *t)
{
	int r = 0;

	for (size_t i = 0; i < t->nwhen && r == 0; i++)
		r = plan_reg_make(mem, def, t->when[i].path, &t->when[i].reg);
	if (r == 0)
		r = expr_regs(mem, def, &t->time);
	if (r == 0)
		r = expr_regs(mem, def, &t->known);
	if (r == 0 && def->has_written)
		r = expr_regs(mem, def, &def->written);
	if (r == 0)
		r = expr_regs(mem, def, &t->id);
	for (size_t i = 0; i < t->nfield && r == 0; i++)
		if (t->rt->slot_of[t->field[i].attr] != SLOT_NONE)
			r = expr_regs(mem, def, &t->field[i].e);
	return r;
}

/* A slot filled under its own name: the attribute is the raw path. */
static struct expr *raw_expr(struct arena *mem, struct source_def *def, struct str name, int *r)
{
	struct expr *e = arena_zalloc(mem, sizeof(*e));

	*r = -ENOMEM;
	if (!e)
		return NULL;
	e->path = arena_alloc(mem, sizeof(*e->path));
	if (!e->path)
		return NULL;
	e->path[0] = name;
	e->n = 1;
	*r = expr_regs(mem, def, e);
	return *r < 0 ? NULL : e;
}

static int type_slots(struct arena *mem, struct source_def *def, struct type *t,
		      const struct schema *s)
{
	int r = 0;

	t->slot = arena_alloc(mem, (t->rt->nslots + 1u) * sizeof(*t->slot));
	if (!t->slot)
		return -ENOMEM;
	for (uint16_t i = 0; i < t->rt->nslots; i++) {
		const struct expr *e = NULL;

		for (size_t f = 0; f < t->nfield && !e; f++)
			if (t->field[f].attr == t->rt->attr_of[i])
				e = &t->field[f].e;
		if (!e && t->rt->is_raw[i])
			e = raw_expr(mem, def, schema_name(s, t->rt->attr_of[i]), &r);
		if (r < 0)
			return r;
		if (e)
			t->slot[t->nslot++] = (struct slot_expr){i, e};
	}
	return 0;
}

/* Takes the plain ones out of t->slot and hangs them on their registers. */
static int type_direct(struct arena *mem, const struct source_def *def, struct type *t)
{
	size_t kept = 0, n = 0;

	t->direct_of = arena_zalloc(mem, (def->nreg + 1) * sizeof(*t->direct_of));
	t->direct = arena_alloc(mem, (t->nslot + 1) * sizeof(*t->direct));
	if (!t->direct_of || !t->direct)
		return -ENOMEM;
	for (size_t i = 0; i < t->nslot; i++) {
		const struct expr *e = t->slot[i].e;

		if (!expr_plain(e)) {
			t->slot[kept++] = t->slot[i];
			continue;
		}
		t->direct[n] = (struct direct){t->slot[i].slot, t->direct_of[e->reg[0]]};
		t->direct_of[e->reg[0]] = (uint16_t)++n;
	}
	t->nslot = kept;
	return 0;
}

static int probe_path(struct arena *mem, struct source_def *def, struct str path)
{
	struct str clean = path_clean(mem, path);
	int r = clean.p ? trie_add_all(&def->probe, mem, def, clean, plan_reg(def, clean))
			: -ENOMEM;

	def->nprobe++;
	return r;
}

static int probe_expr(struct arena *mem, struct source_def *def, const struct expr *e)
{
	int r = 0;

	for (size_t i = 0; i < e->n && r == 0; i++)
		r = probe_path(mem, def, e->path[i]);
	if (r == 0 && e->plus_unit)
		r = probe_path(mem, def, e->plus);
	return r == 0 && e->or_else ? probe_expr(mem, def, e->or_else) : r;
}

/* The paths that decide of a record whether it wraps others, its type and its times. */
static int probe_compile(struct arena *mem, struct source_def *def)
{
	int r = trie_grow(&def->probe, mem);

	for (size_t i = 0; i < def->nunwrap && r == 0; i++)
		r = probe_path(mem, def, def->unwrap[i].path);
	if (r == 0 && def->has_written)
		r = probe_expr(mem, def, &def->written);
	for (size_t i = 0; i < def->ntype && r == 0; i++) {
		const struct type *t = &def->type[i];

		for (size_t k = 0; k < t->nwhen && r == 0; k++)
			r = probe_path(mem, def, t->when[k].path);
		if (r == 0)
			r = probe_expr(mem, def, &t->time);
		if (r == 0)
			r = probe_expr(mem, def, &t->known);
	}
	return r;
}

/* Registers of the parts of a text that commas divide. */
static int unwrap_parts(struct arena *mem, const struct source_def *def, struct unwrap *u)
{
	struct str path = path_clean(mem, u->path);

	u->part = arena_alloc(mem, PARTS_MAX * sizeof(*u->part));
	if (!path.p || !u->part)
		return -ENOMEM;
	for (unsigned i = 0; i < PARTS_MAX; i++) {
		struct str name = arena_fmt(mem, "%.*s.%u", STR_ARG(path), i);

		if (!name.p)
			return -ENOMEM;
		u->part[i] = plan_reg(def, name);
	}
	return 0;
}

/* One bit a register that conditions ask of, as many as there are. */
static int cond_bits(struct arena *mem, struct source_def *def)
{
	struct regset *set = arena_zalloc(mem, (def->nreg + 1) * sizeof(*set));
	unsigned n = 0;

	if (!set)
		return -ENOMEM;
	for (size_t i = 0; i < def->ntype; i++)
		for (size_t k = 0; k < def->type[i].nwhen; k++) {
			const struct cond *c = &def->type[i].when[k];
			struct regset *s = &set[c->reg];

			if (!(s->bit[0] | s->bit[1] | s->bit[2])) {
				if (n == 64 * ARRAY_LEN(s->bit))
					return 0;
				s->bit[n / 64] = UINT64_C(1) << n % 64;
				n++;
			}
			s->text |= c->what == COND_EQ || c->what == COND_PATH;
		}
	def->cond_bit = set;
	return 0;
}

int plan_compile(struct arena *mem, struct source_def *def, const struct schema *s)
{
	int r = trie_grow(&def->trie, mem);

	for (size_t i = 0; i < def->nunwrap && r == 0; i++)
		r = plan_reg_make(mem, def, def->unwrap[i].path, &def->unwrap[i].reg);
	if (r == 0)
		r = texts_compile(mem, def);
	for (size_t i = 0; i < def->ntype && r == 0; i++)
		r = type_regs(mem, def, &def->type[i]);
	for (size_t i = 0; i < def->ntype && r == 0; i++)
		r = type_slots(mem, def, &def->type[i], s);
	for (size_t i = 0; i < def->nunwrap && r == 0; i++)
		if (def->unwrap[i].commas)
			r = unwrap_parts(mem, def, &def->unwrap[i]);
	for (size_t i = 0; i < def->ntype && r == 0; i++)
		r = type_direct(mem, def, &def->type[i]);
	if (r == 0)
		r = cond_bits(mem, def);
	return r == 0 ? probe_compile(mem, def) : r;
}

int regs_init(struct regs *r, size_t nreg)
{
	*r = (struct regs){.cap = nreg};
	r->head = calloc(nreg + 1, sizeof(*r->head));
	r->touched = calloc(nreg + 1, sizeof(*r->touched));
	return r->head && r->touched ? 0 : -ENOMEM;
}

void regs_free(struct regs *r)
{
	free(r->head);
	free(r->touched);
	free(r->hit);
	free(r->fore);
	free(r->fore_probe);
}

void regs_clear(struct regs *r)
{
	for (size_t i = 0; i < r->ntouched; i++)
		r->head[r->touched[i]] = 0;
	r->ntouched = r->nhit = 0;
}

static NOINLINE bool hits_grow(struct regs *r)
{
	size_t cap = r->caphit ? r->caphit * 2 : 128;
	struct hit *h = realloc(r->hit, cap * sizeof(*h));

	if (!h) {
		r->err = -ENOMEM;
		return false;
	}
	r->hit = h;
	r->caphit = cap;
	return true;
}

/* Adds a value at the front; regs_val turns the order round again. */
static ALWAYS_INLINE void hit_add(struct regs *r, uint16_t reg, struct hit h)
{
	if (UNLIKELY(r->nhit == r->caphit) && !hits_grow(r))
		return;
	h.next = r->head[reg];
	if (!h.next)
		r->touched[r->ntouched++] = reg;
	r->hit[r->nhit++] = h;
	r->head[reg] = (uint32_t)r->nhit;
}

void regs_put(struct regs *r, uint16_t reg, const struct val *v)
{
	if (reg != REG_NONE && !r->head[reg])
		hit_add(r, reg, (struct hit){.v = v});
}

void regs_token(struct regs *r, uint16_t reg, uint32_t tok)
{
	hit_add(r, reg, (struct hit){.tok = tok});
}

static void walk_obj(struct regs *r, const struct trie *t, uint32_t node, uint32_t obj,
		     bool many);

static inline const struct trie_entry *key_find(struct regs *r, const struct trie *t,
						uint32_t node, struct str key)
{
	const struct foreseen *k;

	if (!r->fore || r->fore->t != t)
		return trie_find(t, node, key);
	k = foresee(r->fore, node, key.p);
	return k ? k->e : foresight_learn(r->fore, node, key);
}

/* The token of what an item {Name: X, Value: Y} of a list holds, 0 = it is no such item. */
static uint32_t item_value(const struct json *j, uint32_t item, struct str *ret_name)
{
	static const char *const values[] = {"value", "boolValue", "intValue", "multiValue"};
	uint32_t name = 0, value = 0;

	JSON_EACH_MEMBER(j, item, k)
	{
		struct str s = json_raw(j, k);

		if (!name && (str_ieqz(s, "name") || str_ieqz(s, "key")))
			name = k + 1;
		for (size_t i = 0; !value && i < ARRAY_LEN(values); i++)
			if (str_ieqz(s, values[i]))
				value = k + 1;
	}
	if (!name || !value || j->tok[name].kind != JSON_STRING)
		return 0;
	*ret_name = json_raw(j, name);
	return value;
}

/* An item of a list of names and values is read as a member of that name, too. */
static void walk_named(struct regs *r, const struct trie *t, uint32_t node, uint32_t item)
{
	struct str name;
	uint32_t value = item_value(r->j, item, &name);
	const struct trie_entry *e = value ? trie_find(t, node, name) : NULL;

	if (e && e->reg != REG_NONE)
		hit_add(r, e->reg, (struct hit){.tok = value});
}

static void walk_items(struct regs *r, const struct trie *t, uint32_t node, uint32_t arr)
{
	JSON_EACH_ITEM(r->j, arr, i)
	{
		if (r->j->tok[i].kind == JSON_OBJECT) {
			walk_obj(r, t, node, i, true);
			walk_named(r, t, node, i);
		} else if (r->j->tok[i].kind == JSON_ARRAY) {
			walk_items(r, t, node, i);
		}
	}
}

static void walk_obj(struct regs *r, const struct trie *t, uint32_t node, uint32_t obj,
		     bool many)
{
	JSON_EACH_MEMBER(r->j, obj, k)
	{
		const struct trie_entry *e = key_find(r, t, node, json_raw(r->j, k));
		uint32_t v = k + 1;

		if (!e)
			continue;
		if (e->child && r->j->tok[v].kind == JSON_OBJECT)
			walk_obj(r, t, e->child, v, many);
		else if (e->child && r->j->tok[v].kind == JSON_ARRAY)
			walk_items(r, t, e->child, v);
		/* After what is in it, which may be the same field spelt out. */
		if (e->reg != REG_NONE && (many || !r->head[e->reg]))
			hit_add(r, e->reg, (struct hit){.tok = v});
	}
}

void regs_walk(struct regs *r, const struct source_def *def, uint32_t obj)
{
	regs_clear(r);
	foresight_begin(r->fore);
	if (r->j->tok[obj].kind == JSON_OBJECT)
		walk_obj(r, &def->trie, 0, obj, false);
}

static struct val number_val(struct str s)
{
	struct val none = {.kind = VAL_NONE};
	int64_t i;
	double f;

	if (str_i64(s, &i))
		return val_i(i);
	return str_f64(s, &f) ? val_f(f) : none;
}

static struct val list_val(struct regs *r, uint32_t tok, unsigned depth)
{
	uint32_t n = r->j->tok[tok].n, k = 0;
	struct val *list = arena_alloc(r->mem, (n + (size_t)1) * sizeof(*list));

	if (!list) {
		r->err = -ENOMEM;
		return val_none;
	}
	JSON_EACH_ITEM(r->j, tok, i)
	list[k++] = tok_val(r, i, depth + 1);
	return (struct val){.kind = VAL_LIST, .len = k, .list = list};
}

struct val tok_val(struct regs *r, uint32_t tok, unsigned depth)
{
	const struct json_tok *t = &r->j->tok[tok];
	struct str s = json_raw(r->j, tok);

	switch ((enum json_kind)t->kind) {
	case JSON_NULL:
		return (struct val){.kind = VAL_NULL};
	case JSON_FALSE:
	case JSON_TRUE:
		return val_b(t->kind == JSON_TRUE);
	case JSON_NUMBER:
		return number_val(s);
	case JSON_STRING:
		if (t->esc) {
			s = json_text(r->j, tok, r->mem);
			if (!s.p) {
				r->err = -ENOMEM;
				return val_none;
			}
		}
		return val_s(s);
	case JSON_ARRAY:
		/* Lists of lists of lists are nobody's data; they stay text. */
		if (depth < 3)
			return list_val(r, tok, depth);
		break;
	case JSON_OBJECT:
		break;
	}
	return (struct val){.kind = VAL_JSON, .len = (uint32_t)s.len, .s = s.p};
}

static struct val hit_val(struct regs *r, const struct hit *h)
{
	return h->v ? *h->v : tok_val(r, h->tok, 0);
}

struct val regs_val(struct regs *r, uint16_t reg)
{
	uint32_t first = reg == REG_NONE ? 0 : r->head[reg], n = 0;
	struct val *list;

	if (!first)
		return val_none;
	if (!r->hit[first - 1].next)
		return hit_val(r, &r->hit[first - 1]);
	for (uint32_t i = first; i; i = r->hit[i - 1].next)
		n++;
	list = arena_alloc(r->mem, n * sizeof(*list));
	if (!list) {
		r->err = -ENOMEM;
		return val_none;
	}
	for (uint32_t i = first, k = n; i; i = r->hit[i - 1].next)
		list[--k] = hit_val(r, &r->hit[i - 1]);
	return (struct val){.kind = VAL_LIST, .len = n, .list = list};
}

struct str regs_text(struct regs *r, uint16_t reg)
{
	struct val v = regs_val(r, reg);

	return v.kind == VAL_STR ? val_str(&v) : (struct str){NULL, 0};
}

/* Text of a register for comparison, without taking memory in the usual case. */
static struct str reg_text(struct regs *r, uint16_t reg, char tmp[40])
{
	const struct hit *h = &r->hit[r->head[reg] - 1];
	struct val v;

	if (!h->v && (r->j->tok[h->tok].kind != JSON_STRING || !r->j->tok[h->tok].esc))
		return json_raw(r->j, h->tok);
	v = hit_val(r, h);
	return v.kind == VAL_LIST ? val_str(&v) : val_text(&v, tmp);
}

static bool cond_eq(struct regs *r, const struct cond *c)
{
	char tmp[40];
	struct str s;

	if (!r->head[c->reg])
		return false;
	s = reg_text(r, c->reg, tmp);
	for (size_t i = 0; i < c->nval; i++)
		if (str_eq(s, c->val[i]))
			return true;
	return false;
}

/*
 * The name of a Zeek log. JSON records often lack it; then the type's other conditions decide,
 * and where it has none, the file's name.
 */
static bool cond_path(struct regs *r, const struct cond *c, bool alone)
{
	if (r->head[c->reg])
		return cond_eq(r, c);
	if (!alone)
		return true;
	for (size_t i = 0; i < c->nval; i++)
		if (str_ieq(r->file, c->val[i]))
			return true;
	return false;
}

bool cond_holds(struct regs *r, const struct cond *c)
{
	switch (c->what) {
	case COND_HAS:
		return r->head[c->reg] != 0;
	case COND_NOT:
		return r->head[c->reg] == 0;
	case COND_EQ:
		return cond_eq(r, c);
	case COND_PATH:
		return cond_path(r, c, false);
	}
	return false;
}

enum match { MATCH_NO, MATCH_NAME, MATCH_ALL, MATCH_ALL_NAMED };

/* NAME: the record's own name says so, but it lacks a field that others of that name have. */
static enum match type_match(const struct type *t, struct regs *r)
{
	bool named = false;

	if (t->otherwise != r->otherwise)
		return MATCH_NO;
	for (size_t i = 0; i < t->nwhen; i++) {
		const struct cond *c = &t->when[i];

		if (c->what == COND_PATH) {
			if (!cond_path(r, c, t->nwhen == 1))
				return MATCH_NO;
			named = r->head[c->reg] != 0;
		} else if (!cond_holds(r, c)) {
			return named && c->what == COND_HAS ? MATCH_NAME : MATCH_NO;
		}
	}
	return named ? MATCH_ALL_NAMED : MATCH_ALL;
}

/* The conditions' registers that are set. */
static struct regset conds_set(const struct source_def *def, const struct regs *r)
{
	struct regset all = {0};

	for (size_t i = 0; i < r->ntouched; i++) {
		const struct regset *s = &def->cond_bit[r->touched[i]];

		for (size_t k = 0; k < ARRAY_LEN(all.bit); k++)
			all.bit[k] |= s->bit[k];
		all.text |= s->text;
	}
	return all;
}

/*
 * The first type whose conditions all hold. Logs as JSON leave out fields that are not set: a
 * record that says what it is goes to the first type of that name before one without a name.
 */
static const struct type *match_all(const struct source_def *def, struct regs *r)
{
	const struct type *named = NULL;

	for (size_t i = 0; i < def->ntype; i++) {
		enum match m = type_match(&def->type[i], r);

		if (m == MATCH_NO)
			continue;
		if (m == MATCH_NAME) {
			named = named ? named : &def->type[i];
			continue;
		}
		return named && m == MATCH_ALL ? named : &def->type[i];
	}
	return named;
}

const struct type *plan_match(const struct source_def *def, struct regs *r)
{
	struct regset set = {.text = true};
	struct match_seen *m;

	if (def->cond_bit)
		set = conds_set(def, r);
	if (set.text)
		return match_all(def, r);
	m = &r->seen[hash_mix(set.bit[0] ^ hash_2(set.bit[1], set.bit[2])) & (MATCHES - 1)];
	if (m->def != def || memcmp(m->set.bit, set.bit, sizeof(set.bit)) != 0 ||
	    m->otherwise != r->otherwise)
		*m = (struct match_seen){def, set, match_all(def, r), r->otherwise};
	return m->t;
}
