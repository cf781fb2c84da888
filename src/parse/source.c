/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/source.h"
#include "base/yaml.h"
#include "parse/plan.h"
#include "parse/text.h"
#include <errno.h>
#include <stdlib.h>

/* What is carried down while one file is read. */
struct load {
	struct sources *src;
	struct schema *schema;
	const struct yaml *y;
	struct source_def *def;
	struct diag *d;
};

static int nomem(struct load *l)
{
	return diag_set(l->d, -ENOMEM, "%s: out of memory", l->y->file);
}

/* Copies the text of a scalar into the sources' own memory. */
static int copy_text(struct load *l, const struct yaml_node *n, struct str *ret_s)
{
	struct str s;

	if (n->kind != YAML_SCALAR)
		return yaml_fail(l->y, n, l->d, "expected a text");
	s = arena_str(&l->src->mem, n->text);
	if (!s.p)
		return nomem(l);
	*ret_s = s;
	return 0;
}

/* A text or a list of texts. */
static int copy_texts(struct load *l, const struct yaml_node *n, struct str **ret_s,
		      size_t *ret_n)
{
	size_t count = n->kind == YAML_SEQ ? n->nchildren : 1, i = 0;
	struct str *s = arena_alloc(&l->src->mem, (count + 1) * sizeof(*s));
	int r;

	if (!s)
		return nomem(l);
	if (n->kind != YAML_SEQ) {
		r = copy_text(l, n, &s[i++]);
		if (r < 0)
			return r;
	} else {
		YAML_EACH(c, n)
		{
			r = copy_text(l, c, &s[i++]);
			if (r < 0)
				return r;
		}
	}
	*ret_s = s;
	*ret_n = count;
	return 0;
}

static int load_paths(struct load *l, const struct yaml_node *n, struct expr *e)
{
	int r = copy_texts(l, n, &e->path, &e->n);

	if (r < 0)
		return r;
	if (e->n > PATHS_MAX)
		return yaml_fail(l->y, n, l->d, "more than %d alternatives", PATHS_MAX);
	for (size_t i = 0; i < e->n; i++)
		if (!e->path[i].len)
			return yaml_fail(l->y, n, l->d, "empty field name");
	return 0;
}

static int load_map(struct load *l, const struct yaml_node *n, struct expr *e)
{
	size_t k = 0;
	int r;

	if (n->kind != YAML_MAP)
		return yaml_fail(l->y, n, l->d, "map: expected a map of texts");
	e->map = arena_alloc(&l->src->mem, (2 * n->nchildren + 1) * sizeof(*e->map));
	if (!e->map)
		return nomem(l);
	YAML_EACH(c, n)
	{
		e->map[k] = arena_str(&l->src->mem, c->key);
		if (!e->map[k++].p)
			return nomem(l);
		r = copy_text(l, c, &e->map[k++]);
		if (r < 0)
			return r;
	}
	e->nmap = n->nchildren;
	/* "*" stands for anything else, so it is tried last. */
	for (size_t i = 0; i + 1 < e->nmap; i++) {
		if (!str_eqz(e->map[2 * i], "*"))
			continue;
		for (size_t b = 0; b < 2; b++) {
			struct str t = e->map[2 * i + b];

			e->map[2 * i + b] = e->map[2 * (e->nmap - 1) + b];
			e->map[2 * (e->nmap - 1) + b] = t;
		}
	}
	return 0;
}

/* `each: data` reads path.data of every item, which is what a path through a list does. */
static int load_each(struct load *l, const struct yaml_node *n, struct expr *e)
{
	if (n->kind != YAML_SCALAR || !n->text.len)
		return yaml_fail(l->y, n, l->d, "each: expected a field name");
	for (size_t i = 0; i < e->n; i++) {
		e->path[i] = arena_fmt(&l->src->mem, "%.*s.%.*s", STR_ARG(e->path[i]),
				       STR_ARG(n->text));
		if (!e->path[i].p)
			return nomem(l);
	}
	return 0;
}

static int load_take(struct load *l, const struct yaml_node *n, struct expr *e)
{
	struct str text;
	int r = copy_text(l, n, &text);

	if (r < 0)
		return r;
	r = take_parse(text, &e->arg);
	if (r < 0)
		return yaml_fail(l->y, n, l->d, "unknown take '%.*s'", STR_ARG(text));
	e->take = (uint8_t)r;
	return 0;
}

static int load_expr(struct load *l, const struct yaml_node *n, bool is_time, struct expr *e);

static int load_else(struct load *l, const struct yaml_node *n, struct expr *e)
{
	e->or_else = arena_zalloc(&l->src->mem, sizeof(*e->or_else));
	return e->or_else ? load_expr(l, n, true, e->or_else) : nomem(l);
}

/* One key of the map form of a value. */
static int load_key(struct load *l, const struct yaml_node *n, bool is_time, struct expr *e)
{
	if (str_eqz(n->key, "field") || str_eqz(n->key, "each"))
		return 0; /* read first, in order, by load_expr */
	if (is_time && (str_eqz(n->key, "plus") || str_eqz(n->key, "plus_ms"))) {
		e->plus_unit = str_eqz(n->key, "plus") ? NS_PER_S : NS_PER_MS;
		return copy_text(l, n, &e->plus);
	}
	if (is_time && str_eqz(n->key, "else"))
		return load_else(l, n, e);
	if (!is_time && str_eqz(n->key, "const"))
		return copy_text(l, n, &e->constant);
	if (!is_time && str_eqz(n->key, "default"))
		return copy_text(l, n, &e->fallback);
	if (!is_time && str_eqz(n->key, "map"))
		return load_map(l, n, e);
	if (str_eqz(n->key, "take"))
		return load_take(l, n, e);
	return yaml_fail_key(l->y, n, l->d, "unknown key '%.*s'", STR_ARG(n->key));
}

static int load_expr(struct load *l, const struct yaml_node *n, bool is_time, struct expr *e)
{
	const struct yaml_node *field, *each;
	int r = 0;

	*e = (struct expr){0};
	if (n->kind != YAML_MAP)
		return load_paths(l, n, e);
	field = yaml_get(n, "field");
	each = yaml_get(n, "each");
	if (field)
		r = load_paths(l, field, e);
	else if (is_time || !yaml_get(n, "const"))
		return yaml_fail(l->y, n, l->d, "neither field nor const");
	if (r == 0 && each)
		r = load_each(l, each, e);
	YAML_EACH(c, n)
	{
		if (r < 0)
			return r;
		r = load_key(l, c, is_time, e);
	}
	return r;
}

static int load_conds(struct load *l, const struct yaml_node *n, struct cond **ret_c,
		      size_t *ret_n)
{
	size_t max = 0, k = 0;
	struct str *names;
	struct cond *when;
	size_t count;
	int r;

	if (n->kind != YAML_MAP)
		return yaml_fail(l->y, n, l->d, "when: expected has, not, equals or path");
	YAML_EACH(c, n)
	max += c->nchildren + 1;
	when = arena_zalloc(&l->src->mem, (max + 1) * sizeof(*when));
	if (!when)
		return nomem(l);
	YAML_EACH(c, n)
	{
		bool has = str_eqz(c->key, "has"), equals = str_eqz(c->key, "equals");

		if (has || str_eqz(c->key, "not")) {
			r = copy_texts(l, c, &names, &count);
			for (size_t i = 0; r == 0 && i < count; i++)
				when[k++] = (struct cond){.what = has ? COND_HAS : COND_NOT,
							  .path = names[i]};
		} else if (str_eqz(c->key, "path")) {
			when[k] = (struct cond){.what = COND_PATH, .path = STR("_path")};
			r = copy_texts(l, c, &when[k].val, &when[k].nval);
			k++;
		} else if (equals && c->kind == YAML_MAP) {
			r = 0;
			YAML_EACH(eq, c)
			{
				when[k].what = COND_EQ;
				when[k].path = arena_str(&l->src->mem, eq->key);
				r = copy_texts(l, eq, &when[k].val, &when[k].nval);
				if (r < 0)
					break;
				k++;
			}
		} else {
			return yaml_fail_key(l->y, c, l->d, "unknown condition '%.*s'",
					     STR_ARG(c->key));
		}
		if (r < 0)
			return r;
	}
	*ret_c = when;
	*ret_n = k;
	return 0;
}

static int load_sigma(struct load *l, const struct yaml_node *n, struct rectype *rt)
{
	static const char *const known[] = {"category", "product", "service", NULL};

	YAML_EACH(c, n)
	{
		struct logsource *ls = &rt->sigma[rt->nsigma];
		int r = yaml_only(l->y, c, known, l->d);

		if (r < 0)
			return r;
		if (rt->nsigma == TYPE_SIGMA_MAX)
			return yaml_fail(l->y, c, l->d, "more than %d names", TYPE_SIGMA_MAX);
		ls->category = arena_str(&l->src->mem, yaml_str(c, "category", ""));
		ls->product = arena_str(&l->src->mem, yaml_str(c, "product", ""));
		ls->service = arena_str(&l->src->mem, yaml_str(c, "service", ""));
		if (!ls->category.p || !ls->product.p || !ls->service.p)
			return nomem(l);
		rt->nsigma++;
	}
	return 0;
}

/* An attribute that this type's entities or bindings read. */
static int load_attr(struct load *l, const struct yaml_node *n, const struct rectype *rt,
		     attr_t *ret_a)
{
	attr_t a = schema_attr(l->schema, n->text);

	if (a == ATTR_NONE || schema_want(l->schema, rt, a) < 0)
		return yaml_fail(l->y, n, l->d, "no attribute '%.*s'", STR_ARG(n->text));
	*ret_a = a;
	return 0;
}

static int load_entities(struct load *l, const struct yaml_node *n, struct rectype *rt)
{
	static const char *const known[] = {"role", "kind", "from", NULL};

	YAML_EACH(c, n)
	{
		int role = ent_role_of(yaml_str(c, "role", ""));
		int kind = ent_kind_of(yaml_str(c, "kind", ""));
		const struct yaml_node *from = yaml_get(c, "from");
		struct ent_decl *e = &rt->ents[rt->nents];
		int r = yaml_only(l->y, c, known, l->d);

		if (r < 0)
			return r;
		if (role < 0 || kind < 0 || !from)
			return yaml_fail(l->y, c, l->d, "entity needs a role, a kind and from");
		if (rt->nents == TYPE_ENTS_MAX)
			return yaml_fail(l->y, c, l->d, "more than %d entities", TYPE_ENTS_MAX);
		r = load_attr(l, from, rt, &e->from);
		if (r < 0)
			return r;
		e->role = (uint8_t)role;
		e->kind = (uint8_t)kind;
		rt->nents++;
	}
	return 0;
}

static int bind_of(struct str what)
{
	static const char *const names[] = {"lease", "name", "instance", "user", "domain"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eqz(what, names[i]))
			return (int)i;
	return -1;
}

static int load_binds(struct load *l, const struct yaml_node *n, struct rectype *rt)
{
	static const char *const known[] = {"what", "a", "b", "c", "d", NULL};

	YAML_EACH(c, n)
	{
		int what = bind_of(yaml_str(c, "what", "")),
		    r = yaml_only(l->y, c, known, l->d);
		struct bind_decl b = {0, ATTR_NONE, ATTR_NONE, ATTR_NONE, ATTR_NONE};
		attr_t *to[] = {&b.a, &b.b, &b.c, &b.d};

		if (r < 0)
			return r;
		if (what < 0 || !yaml_get(c, "a"))
			return yaml_fail(l->y, c, l->d, "binding needs what and a");
		if (rt->nbinds == TYPE_BINDS_MAX)
			return yaml_fail(l->y, c, l->d, "more than %d bindings",
					 TYPE_BINDS_MAX);
		for (size_t i = 0; i < 4; i++) {
			const struct yaml_node *v = yaml_get(c, known[i + 1]);

			r = v ? load_attr(l, v, rt, to[i]) : 0;
			if (r < 0)
				return r;
		}
		b.what = (uint8_t)what;
		rt->binds[rt->nbinds++] = b;
	}
	return 0;
}

static int load_fields(struct load *l, const struct yaml_node *n, struct type *t)
{
	int r;

	t->field = arena_zalloc(&l->src->mem, ((n ? n->nchildren : 0) + 1) * sizeof(*t->field));
	if (!t->field)
		return nomem(l);
	YAML_EACH(c, n)
	{
		struct field_decl *f = &t->field[t->nfield];

		f->attr = schema_attr(l->schema, c->key);
		if (f->attr == ATTR_NONE || schema_provide(l->schema, t->rt, f->attr) < 0)
			return yaml_fail_key(l->y, c, l->d, "attribute not possible");
		r = load_expr(l, c, false, &f->e);
		if (r < 0)
			return r;
		t->nfield++;
	}
	return 0;
}

static int load_moments(struct load *l, const struct yaml_node *n, struct type *t)
{
	const struct yaml_node *time = yaml_get(n, "time"), *known = yaml_get(n, "known");
	const struct yaml_node *id = yaml_get(n, "id");
	int r;

	if (!time)
		return yaml_fail(l->y, n, l->d, "type without time");
	r = load_expr(l, time, true, &t->time);
	if (r == 0 && known)
		r = load_expr(l, known, true, &t->known);
	if (r == 0 && id)
		r = load_expr(l, id, false, &t->id);
	t->has_known = known != NULL;
	return r;
}

static int load_type(struct load *l, const struct yaml_node *n, const struct yaml_node *sigma,
		     struct type *t)
{
	static const char *const known[] = {"name",	"class", "when",      "sigma",
					    "time",	"known", "id",	      "fields",
					    "entities", "binds", "otherwise", NULL};
	struct str name = yaml_str(n, "name", ""), full;
	const struct yaml_node *when = yaml_get(n, "when");
	int cls, r = yaml_only(l->y, n, known, l->d);

	if (r < 0)
		return r;
	cls = ocsf_class_of(yaml_str(n, "class", "base"));
	if (!name.len || cls < 0)
		return yaml_fail(l->y, n, l->d, "type needs a name and a known class");
	full = arena_fmt(&l->src->mem, "%.*s.%.*s", STR_ARG(l->def->name), STR_ARG(name));
	if (!full.p)
		return nomem(l);
	if (schema_type_find(l->schema, full))
		return yaml_fail(l->y, n, l->d, "type '%.*s' exists already", STR_ARG(full));
	t->rt = schema_type_add(l->schema, l->def->name, full, (enum ocsf_class)cls);
	if (!t->rt)
		return nomem(l);
	t->rt->raw_fields = true;
	t->otherwise = str_eqz(yaml_str(n, "otherwise", ""), "true");
	l->def->otherwise |= t->otherwise;
	r = when ? load_conds(l, when, &t->when, &t->nwhen) : 0;
	if (r == 0)
		r = load_moments(l, n, t);
	if (r == 0)
		r = load_fields(l, yaml_get(n, "fields"), t);
	if (r == 0)
		r = load_entities(l, yaml_get(n, "entities"), t->rt);
	if (r == 0)
		r = load_binds(l, yaml_get(n, "binds"), t->rt);
	if (r == 0)
		r = load_sigma(l, yaml_get(n, "sigma"), t->rt);
	return r == 0 ? load_sigma(l, sigma, t->rt) : r;
}

static int load_unwrap(struct load *l, const struct yaml_node *n)
{
	struct source_def *def = l->def;

	YAML_EACH(c, n)
	{
		struct unwrap *u = &def->unwrap[def->nunwrap];
		int r;

		if (def->nunwrap == UNWRAP_MAX)
			return yaml_fail(l->y, c, l->d, "more than %d paths", UNWRAP_MAX);
		r = copy_text(l, c, &u->path);
		if (r < 0)
			return r;
		u->text = str_ends(u->path, STR("!"));
		u->commas = str_ends(u->path, STR(","));
		if (u->text || u->commas)
			u->path.len--;
		u->list = str_find(u->path, STR("[]")) != SIZE_MAX;
		def->nunwrap++;
	}
	return 0;
}

static int load_aliases(struct load *l, const struct yaml_node *n)
{
	struct source_def *def = l->def;

	YAML_EACH(c, n)
	{
		struct alias *a = &def->alias[def->nalias];
		int r;

		if (def->nalias == ALIASES_MAX)
			return yaml_fail(l->y, c, l->d, "more than %d aliases", ALIASES_MAX);
		a->name = arena_str(&l->src->mem, c->key);
		if (!a->name.p)
			return nomem(l);
		r = copy_texts(l, c, &a->path, &a->n);
		if (r < 0)
			return r;
		def->nalias++;
	}
	return 0;
}

/* A template, or a map of one with `only` and `set`. */
static int load_form(struct load *l, const struct yaml_node *n, struct form *f)
{
	static const char *const known[] = {"form", "only", "set", NULL};
	const struct yaml_node *text = n->kind == YAML_MAP ? yaml_get(n, "form") : n;
	const struct yaml_node *only = yaml_get(n, "only"), *set = yaml_get(n, "set");
	int r = n->kind == YAML_MAP ? yaml_only(l->y, n, known, l->d) : 0;

	if (r == 0 && !text)
		return yaml_fail(l->y, n, l->d, "a form needs a text");
	if (r == 0)
		r = copy_text(l, text, &f->text);
	if (r == 0 && !text_form_ok(f->text))
		return yaml_fail(l->y, text, l->d, "no form: names in {}, text between them");
	if (r == 0 && only)
		r = load_conds(l, only, &f->only, &f->nonly);
	if (r < 0 || !set)
		return r;
	f->set = arena_alloc(&l->src->mem, (set->nchildren + 1) * sizeof(*f->set));
	if (!f->set)
		return nomem(l);
	YAML_EACH(c, set)
	{
		struct str v = {NULL, 0};

		r = copy_text(l, c, &v);
		if (r < 0)
			return r;
		f->set[f->nset] = (struct field){arena_str(&l->src->mem, c->key), val_s(v)};
		if (!f->set[f->nset++].name.p)
			return nomem(l);
	}
	return 0;
}

static int load_text(struct load *l, const struct yaml_node *n, struct text_decl *t)
{
	static const char *const known[] = {"field", "as", "only", "forms", NULL};
	static const char *const ways[] = {"forms", "kv", "cef", "leef", "csv"};
	const struct yaml_node *forms = yaml_get(n, "forms"), *field = yaml_get(n, "field");
	const struct yaml_node *only = yaml_get(n, "only");
	struct str as = yaml_str(n, "as", "forms");
	int way = -1, r = yaml_only(l->y, n, known, l->d);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		if (str_eqz(as, ways[i]))
			way = (int)i;
	if (way < 0 || !field || (forms != NULL) != (way == TEXT_FORMS))
		return yaml_fail(l->y, n, l->d,
				 "needs field, and forms or as: kv, cef, leef, csv");
	t->as = (unsigned)way;
	r = copy_text(l, field, &t->path);
	if (r == 0 && only)
		r = load_conds(l, only, &t->only, &t->nonly);
	if (r < 0 || !forms)
		return r;
	t->form = arena_zalloc(&l->src->mem, (forms->nchildren + 1) * sizeof(*t->form));
	if (!t->form)
		return nomem(l);
	YAML_EACH(c, forms)
	{
		r = load_form(l, c, &t->form[t->nform]);
		if (r < 0)
			return r;
		t->nform++;
	}
	return 0;
}

/* A list of texts, or the name of a source read before whose list it is. */
static int load_texts(struct load *l, const struct yaml_node *n)
{
	struct source_def *def = l->def;

	if (n && n->kind == YAML_SCALAR) {
		for (size_t i = 0; i < l->src->n; i++) {
			const struct source_def *from = l->src->def[i];

			if (!str_eq(from->name, n->text))
				continue;
			memcpy(def->text, from->text, sizeof(def->text));
			def->ntext = from->ntext;
			return 0;
		}
		return yaml_fail(l->y, n, l->d, "no source of that name before this one");
	}
	YAML_EACH(c, n)
	{
		int r;

		if (def->ntext == TEXTS_MAX)
			return yaml_fail(l->y, c, l->d, "more than %d texts", TEXTS_MAX);
		r = load_text(l, c, &def->text[def->ntext]);
		if (r < 0)
			return r;
		def->ntext++;
	}
	return 0;
}

static int load_codecs(struct load *l, const struct yaml_node *n)
{
	struct source_def *def = l->def;
	struct str *names;
	size_t count;
	int r = copy_texts(l, n, &names, &count);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		const struct codec_ops *ops = codec_find(names[i]);

		if (!ops)
			return yaml_fail(l->y, n, l->d, "unknown codec '%.*s'",
					 STR_ARG(names[i]));
		if (def->ncodec == CODECS_MAX)
			return yaml_fail(l->y, n, l->d, "more than %d codecs", CODECS_MAX);
		def->codec[def->ncodec++] = ops;
	}
	return 0;
}

static int load_def(struct load *l, const struct yaml_node *n)
{
	static const char *const known[] = {"source", "title", "codec", "unwrap",  "aliases",
					    "texts",  "sigma", "types", "written", NULL};
	const struct yaml_node *types = yaml_get(n, "types"), *codec = yaml_get(n, "codec");
	struct source_def *def = l->def;
	int r = yaml_only(l->y, n, known, l->d);

	if (r < 0)
		return r;
	def->name = arena_str(&l->src->mem, yaml_str(n, "source", ""));
	def->title = arena_str(&l->src->mem, yaml_str(n, "title", ""));
	if (!def->name.len || !codec || !types || types->kind != YAML_SEQ)
		return yaml_fail(l->y, n, l->d, "needs source, codec and a list of types");
	r = load_codecs(l, codec);
	if (r == 0)
		r = load_unwrap(l, yaml_get(n, "unwrap"));
	if (r == 0)
		r = load_aliases(l, yaml_get(n, "aliases"));
	if (r == 0 && yaml_get(n, "written")) {
		def->has_written = true;
		r = load_expr(l, yaml_get(n, "written"), true, &def->written);
	}
	if (r == 0)
		r = load_texts(l, yaml_get(n, "texts"));
	if (r < 0)
		return r;
	def->type = arena_zalloc(&l->src->mem, (types->nchildren + 1) * sizeof(*def->type));
	if (!def->type)
		return nomem(l);
	YAML_EACH(c, types)
	{
		r = load_type(l, c, yaml_get(n, "sigma"), &def->type[def->ntype]);
		if (r < 0)
			return r;
		def->ntype++;
	}
	return 0;
}

static int load_doc(struct load *l, const struct yaml_node *root)
{
	struct sources *src = l->src;
	struct source_def **grown =
		realloc(src->def, (src->n + 1) * sizeof(struct source_def *));
	int r;

	if (!grown)
		return nomem(l);
	src->def = grown;
	l->def = arena_zalloc(&src->mem, sizeof(*l->def));
	if (!l->def)
		return nomem(l);
	r = load_def(l, root);
	if (r == 0)
		src->def[src->n++] = l->def;
	return r;
}

static int load_file(const char *path, void *arg)
{
	struct load *l = arg;
	struct yaml *y;
	int r = yaml_load(path, &y, l->d);

	if (r < 0)
		return r;
	l->y = y;
	for (const struct yaml_doc *doc = y->docs; doc && r == 0; doc = doc->next)
		r = load_doc(l, doc->root);
	yaml_free(y);
	return r;
}

int sources_load(const char *dir, struct schema *s, struct sources **ret_src, struct diag *d)
{
	struct sources *src = calloc(1, sizeof(*src));
	struct load l = {.src = src, .schema = s, .d = d};
	int r;

	if (!src)
		return -ENOMEM;
	arena_init(&src->mem, 0);
	r = yaml_walk(dir, load_file, &l, d);
	if (r < 0) {
		sources_free(src);
		return r;
	}
	*ret_src = src;
	return 0;
}

int sources_compile(struct sources *src, struct schema *s)
{
	int r = schema_frozen(s) ? 0 : -EINVAL;

	for (size_t i = 0; i < src->n && r == 0; i++) {
		r = plan_compile(&src->mem, src->def[i], s);
		src->nreg_max = MAX(src->nreg_max, src->def[i]->nreg);
	}
	return r;
}

struct sources *sources_free(struct sources *src)
{
	if (!src)
		return NULL;
	arena_free(&src->mem);
	free(src->def);
	free(src);
	return NULL;
}
