/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a model file: Sigma's keys and the additions under `thymus:`. */
#include "base/timeutil.h"
#include "detect/correlate.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const top_keys[] = {"title",
				       "id",
				       "name",
				       "related",
				       "status",
				       "description",
				       "references",
				       "author",
				       "date",
				       "modified",
				       "tags",
				       "logsource",
				       "detection",
				       "fields",
				       "falsepositives",
				       "level",
				       "license",
				       "scope",
				       "taxonomy",
				       "thymus",
				       "correlation",
				       "simulation",
				       "regression_tests_path",
				       NULL};
static const char *const own_keys[] = {"family",   "carve", "compliance", "critical", "note",
				       "throttle", "key",   "entities",	  "story",    "advice",
				       "response", "count", "tests",	  "posture",  "mends",
				       "derived",  NULL};

const char *severity_name(enum severity s)
{
	static const char *const names[] = {"informational", "low", "medium", "high",
					    "critical"};

	return names[s];
}

struct rule *rule_free(struct rule *r)
{
	if (!r)
		return NULL;
	filter_free(r->filter);
	corr_free(r->corr);
	free(r->feeds);
	free(r->sieves);
	free(r->types);
	free((void *)r->model.attack);
	free((char *)r->model.name.p);
	free(r);
	return NULL;
}

/* "30m", "6h", "7d", "45s" */
static int duration(const struct yaml *y, const struct yaml_node *n, int64_t *ret_ns,
		    struct diag *d)
{
	if (!time_parse_span(n->text, 36500, ret_ns))
		return yaml_fail(y, n, d, "a duration is a number with s, m, h or d");
	return 0;
}

static int level_of(struct rule *r, struct diag *d)
{
	const struct yaml_node *n = yaml_get(r->root, "level");

	r->model.level = SEV_MEDIUM;
	if (!n)
		return 0;
	for (int s = SEV_INFORMATIONAL; s <= SEV_CRITICAL; s++)
		if (str_eqz(n->text, severity_name((enum severity)s))) {
			r->model.level = (enum severity)s;
			return 0;
		}
	return yaml_fail(r->yaml, n, d, "unknown level");
}

/* attack.t1071.001 -> T1071.001; the first attack.TACTIC names the phase. */
static int tags_of(struct rule *r, struct diag *d)
{
	const struct yaml_node *tags = yaml_get(r->root, "tags");
	struct str *ids;

	if (!tags)
		return 0;
	if (tags->kind != YAML_SEQ)
		return yaml_fail(r->yaml, tags, d, "tags must be a list");
	ids = calloc(tags->nchildren + 1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	r->model.attack = ids;
	YAML_EACH(t, tags)
	{
		struct str rest, head = str_cut(t->text, '.', &rest);

		if (!str_eqz(head, "attack") || !rest.len)
			continue;
		if (rest.p[0] == 't' && rest.len > 4 && rest.p[1] >= '0' && rest.p[1] <= '9') {
			struct str id = arena_str(&r->yaml->mem, rest);

			if (!id.p)
				return -ENOMEM;
			((char *)id.p)[0] = 'T';
			ids[r->model.nattack++] = id;
		} else if (!r->model.phase.len) {
			r->model.phase = rest;
		}
	}
	return 0;
}

/* A list of roles and attributes. */
static int parts_of(struct detect *dt, struct rule *r, const struct yaml_node *list,
		    struct key_part *parts, size_t *n, struct diag *d)
{
	if (list && list->kind != YAML_SEQ)
		return yaml_fail(r->yaml, list, d, "a list of roles and attributes is needed");
	YAML_EACH(k, list)
	{
		struct key_part *p = &parts[*n];

		if (*n == KEYS_MAX)
			return yaml_fail(r->yaml, k, d, "at most %d of them", KEYS_MAX);
		p->role = ent_role_of(k->text);
		p->attr = p->role < 0 ? schema_attr(dt->schema, k->text) : ATTR_NONE;
		if (p->role < 0 && p->attr == ATTR_NONE)
			return yaml_fail(r->yaml, k, d, "'%.*s' cannot be an attribute",
					 STR_ARG(k->text));
		(*n)++;
	}
	return 0;
}

struct naming {
	struct detect *dt;
	struct rule *rule;
};

/* Attributes of placeholders are to be decoded too. Roles and "entity" are none. */
static int add_named(struct str name, void *arg)
{
	struct naming *nm = arg;
	struct rule *r = nm->rule;
	attr_t a;

	if (ent_role_of(name) >= 0 || str_eqz(name, "entity") || r->nnamed == NAMED_MAX)
		return 0;
	a = schema_attr(nm->dt->schema, name);
	if (a != ATTR_NONE)
		r->named[r->nnamed++] = a;
	return 0;
}

static int sequence_check(const struct rule *r, const struct yaml_node *seq, struct diag *d)
{
	static const char *const known[] = {"type", "at", "event", "repeat", "every", NULL};
	int64_t n;
	int e = 0;

	if (seq->kind != YAML_SEQ)
		return yaml_fail(r->yaml, seq, d, "a sequence is a list");
	YAML_EACH(x, seq)
	{
		const struct yaml_node *at = yaml_get(x, "at"), *every = yaml_get(x, "every");

		if ((e = yaml_only(r->yaml, x, known, d)) < 0 ||
		    (at && (e = duration(r->yaml, at, &n, d)) < 0) ||
		    (every && (e = duration(r->yaml, every, &n, d)) < 0) ||
		    (e = yaml_i64(r->yaml, x, "repeat", 1, &n, d)) < 0)
			return e;
		if (n < 1 || n > 100000 || !yaml_get(x, "event"))
			return yaml_fail(r->yaml, x, d,
					 "a step has an event and repeat of 1 to 100000");
	}
	return 0;
}

static int tests_check(const struct rule *r, const struct yaml_node *tests, struct diag *d)
{
	static const char *const known[] = {"name",  "type",	 "event",  "events",
					    "fires", "sequence", "repeat", NULL};
	bool fires;

	if (tests && tests->kind != YAML_SEQ)
		return yaml_fail(r->yaml, tests, d, "tests must be a list");
	YAML_EACH(t, tests)
	{
		const struct yaml_node *one = yaml_get(t, "event");
		const struct yaml_node *many = yaml_get(t, "events");
		const struct yaml_node *seq = yaml_get(t, "sequence");
		int e = yaml_only(r->yaml, t, known, d);

		if (e == 0)
			e = yaml_bool(r->yaml, t, "fires", true, &fires, d);
		if (e < 0)
			return e;
		if (!!one + !!many + !!seq != 1)
			return yaml_fail(r->yaml, t, d,
					 "a test has one of event, events and sequence");
		if (seq)
			e = sequence_check(r, seq, d);
		if (e < 0)
			return e;
	}
	return 0;
}

static int named_of(struct detect *dt, struct rule *r)
{
	struct naming nm = {dt, r};
	int e = template_names(r->model.title, add_named, &nm);

	e = e < 0 ? e : template_names(r->model.story, add_named, &nm);
	return e < 0 ? e : template_names(r->model.advice, add_named, &nm);
}

static int count_of(struct detect *dt, struct rule *r, const struct yaml_node *own,
		    struct diag *d)
{
	static const char *const known[] = {"n", "within", "distinct", NULL};
	const struct yaml_node *c = yaml_get(own, "count"), *within = yaml_get(c, "within");
	struct str distinct = yaml_str(c, "distinct", "");
	int64_t n;
	int e;

	r->count.distinct = ATTR_NONE;
	if (!c)
		return 0;
	e = yaml_only(r->yaml, c, known, d);
	if (e == 0)
		e = yaml_i64(r->yaml, c, "n", 0, &n, d);
	if (e < 0)
		return e;
	if (n < 2 || n > ALERT_IDS_MAX || !within)
		return yaml_fail(r->yaml, c, d, "count wants n (2 to %d) and within",
				 ALERT_IDS_MAX);
	r->count.n = (unsigned)n;
	if (distinct.len)
		r->count.distinct = schema_attr(dt->schema, distinct);
	return duration(r->yaml, within, &r->count.within_ns, d);
}

/* advice may be a list: its items are joined. */
static struct str joined(struct rule *r, const struct yaml_node *n)
{
	struct str out = {NULL, 0};

	if (!n || n->kind == YAML_SCALAR)
		return n ? n->text : out;
	YAML_EACH(i, n)
	out = arena_fmt(&r->yaml->mem, "%.*s%s%.*s", STR_ARG(out), out.len ? " " : "",
			STR_ARG(i->text));
	return out;
}

/* Whose weakness it is that the model shows: a part in the event. */
static int posture_of(struct rule *r, const struct yaml_node *own, struct diag *d)
{
	const struct yaml_node *n = yaml_get(own, "posture");

	r->model.mends = yaml_str(own, "mends", "");
	r->model.posture = n ? ent_role_of(n->text) : -1;
	if (n && r->model.posture < 0)
		return yaml_fail(r->yaml, n, d,
				 "posture is a part: actor, device, peer, target");
	return 0;
}

static int own_of(struct detect *dt, struct rule *r, struct diag *d)
{
	const struct yaml_node *own = yaml_get(r->root, "thymus");
	const struct yaml_node *throttle = yaml_get(own, "throttle");
	struct model *m = &r->model;
	struct str slash;
	int e;

	r->count.distinct = ATTR_NONE;
	m->posture = -1;
	m->throttle_ns = NS_PER_D;
	m->family = yaml_str(own, "family", "");
	if (!m->family.len)
		m->family = str_cut(m->name, '/', &slash);
	m->critical = m->level == SEV_CRITICAL;
	m->story = yaml_str(own, "story", "");
	m->advice = joined(r, yaml_get(own, "advice"));
	m->response = yaml_str(own, "response", "");
	if (!own)
		return 0;
	if (str_chr(m->response, '{', 0) != SIZE_MAX)
		return yaml_fail(r->yaml, own, d,
				 "a response is told as it stands: no {name} in it");
	if ((e = yaml_only(r->yaml, own, own_keys, d)) < 0 ||
	    (e = yaml_bool(r->yaml, own, "compliance", false, &m->compliance, d)) < 0 ||
	    (e = yaml_bool(r->yaml, own, "critical", m->critical, &m->critical, d)) < 0 ||
	    (e = yaml_bool(r->yaml, own, "note", false, &m->note, d)) < 0 ||
	    (e = yaml_bool(r->yaml, own, "derived", false, &m->derived, d)) < 0 ||
	    (e = yaml_bool(r->yaml, own, "carve", false, &m->carve, d)) < 0 ||
	    (e = parts_of(dt, r, yaml_get(own, "key"), r->key, &r->nkey, d)) < 0 ||
	    (e = parts_of(dt, r, yaml_get(own, "entities"), r->show, &r->nshow, d)) < 0 ||
	    (e = count_of(dt, r, own, d)) < 0 || (e = posture_of(r, own, d)) < 0 ||
	    (e = tests_check(r, yaml_get(own, "tests"), d)) < 0)
		return e;
	return throttle ? duration(r->yaml, throttle, &m->throttle_ns, d) : 0;
}

static void learned_of(struct detect *dt, struct rule *r)
{
	const attr_t *attrs;
	size_t n = filter_attrs(r->filter, &attrs);

	for (size_t i = 0; i < n && r->nlearned < ARRAY_LEN(r->learned); i++)
		if (str_starts(schema_name(dt->schema, attrs[i]), STR("learned.")))
			r->learned[r->nlearned++] = attrs[i];
}

struct renaming {
	const struct detect *dt;
	const struct yaml_node *logsource;
};

static struct str rename_field(struct str field, void *arg)
{
	const struct renaming *n = arg;

	return taxonomy_name(n->dt, n->logsource, field);
}

int rule_filter(const struct detect *dt, const struct yaml *y, const struct yaml_node *root,
		const struct yaml_node *n, const char *skip, struct str condition,
		struct filter **ret_f, struct diag *d)
{
	struct renaming names = {dt, yaml_get(root, "logsource")};
	struct filter_how how = {skip, rename_field, &names, dt->placeholders, condition};

	return filter_compile_as(dt->schema, y, n, &how, ret_f, d);
}

int rule_refuse(struct rule *r, const struct diag *d)
{
	struct str rest, line = str_cut(str_of(d->msg), '\n', &rest);

	r->refused = arena_strz(&r->yaml->mem, line);
	r->model.refused = arena_strz(&r->yaml->mem, str_of(d->msg));
	return r->refused && r->model.refused ? 0 : -ENOMEM;
}

/* What r has in place of selections, or its selections. */
static int condition_of(struct detect *dt, struct rule *r, const struct yaml_node *det,
			const struct yaml_node *corr, struct diag *d)
{
	bool counted = !corr && aggregate_has(det);
	struct str own = {NULL, 0};

	if (corr)
		return corr_read(r, corr, d);
	if (counted && !r->model.part)
		return aggregate_read(r, det, d);
	return rule_filter(dt, r->yaml, r->root, det, NULL,
			   counted ? aggregate_condition(det) : own, &r->filter, d);
}

static int fill(struct detect *dt, struct rule *r, bool lenient, struct diag *d)
{
	const struct yaml_node *det = yaml_get(r->root, "detection");
	const struct yaml_node *corr = det ? NULL : yaml_get(r->root, "correlation");
	int e = 0;

	r->model.title = yaml_str(r->root, "title", "");
	r->model.id = yaml_str(r->root, "id", "");
	r->model.author = yaml_str(r->root, "author", "");
	r->model.licence = yaml_str(r->root, "license", "");
	r->model.description = yaml_str(r->root, "description", "");
	if (!r->model.title.len)
		return yaml_fail(r->yaml, r->root, d, "a model needs a title");
	if (!det && !corr)
		return yaml_fail(r->yaml, r->root, d, "a model needs a detection");
	/* Public rules may carry keys of their own; ours may not, so that a slip is seen. */
	if (!lenient || yaml_get(r->root, "thymus"))
		e = yaml_only(r->yaml, r->root, top_keys, d);
	if (e < 0 || (e = level_of(r, d)) < 0 || (e = tags_of(r, d)) < 0 ||
	    (e = own_of(dt, r, d)) < 0)
		return e;
	e = condition_of(dt, r, det, corr, d);
	if (e == -ENOTSUP)
		return rule_refuse(r, d);
	if (e < 0)
		return e;
	if (r->corr && !yaml_get(yaml_get(r->root, "thymus"), "throttle"))
		r->model.throttle_ns = r->corr->span_ns;
	if (r->filter)
		learned_of(dt, r);
	return named_of(dt, r);
}

/* The path below the folder, without the ending. */
static char *name_of(const char *dir, const char *path, unsigned n)
{
	struct str p = str_of(path), base = str_of(dir);
	size_t dot = p.len;
	char more[16] = "", *name;

	if (str_starts(p, base) && p.len > base.len)
		p = str_sub(p, base.len + (p.p[base.len] == '/'), p.len);
	for (size_t i = 0; i < p.len; i++)
		if (p.p[i] == '.')
			dot = i;
	p = str_sub(p, 0, MIN(dot, p.len));
	if (n > 1)
		snprintf(more, sizeof(more), "#%u", n);
	name = malloc(p.len + sizeof(more));
	if (name) {
		memcpy(name, p.p, p.len);
		memcpy(name + p.len, more, sizeof(more));
	}
	return name;
}

/* Takes name. part: what stands before the bar of an aggregation. */
static int rule_add(struct detect *dt, struct yaml *y, const struct yaml_node *root, char *name,
		    bool lenient, bool part, struct diag *d)
{
	struct rule **rules = realloc(dt->rules, (dt->nrules + 1) * sizeof(struct rule *));
	struct rule *r = calloc(1, sizeof(*r));
	int e;

	if (rules)
		dt->rules = rules;
	if (!rules || !r || !name) {
		free(name);
		free(r);
		return -ENOMEM;
	}
	rules[dt->nrules++] = r;
	r->yaml = y;
	r->model.name = str_of(name);
	r->model.path = str_of(y->file);
	r->model.part = r->spoken_for = part;
	r->lenient = lenient;
	r->root = root;
	if (!root || root->kind != YAML_MAP)
		e = yaml_fail(y, root, d, "a model must be a map");
	else
		e = fill(dt, r, lenient, d);
	if (e == 0 && !r->corr)
		e = rule_bind(r, dt->schema, d);
	if (e == E_SYNTAX && lenient)
		e = rule_refuse(r, d);
	return e;
}

/* The correlation added last counts a rule of its own document: that one comes after it. */
static int part_add(struct detect *dt, struct diag *d)
{
	struct rule *r = dt->rules[dt->nrules - 1];
	size_t len = r->model.name.len;
	char *name;
	int e;

	if (!r->corr || !r->corr->own || r->refused)
		return 0;
	name = malloc(len + sizeof(":counted"));
	if (name) {
		memcpy(name, r->model.name.p, len);
		memcpy(name + len, ":counted", sizeof(":counted"));
	}
	e = rule_add(dt, r->yaml, r->root, name, r->lenient, true, d);
	if (e < 0)
		return e;
	r->corr->refs[0] = dt->rules[dt->nrules - 1];
	if (r->corr->refs[0]->refused && !r->refused) {
		r->refused = r->corr->refs[0]->refused;
		r->model.refused = r->corr->refs[0]->model.refused;
	}
	return 0;
}

static int file_add(struct detect *dt, const char *path, struct yaml **ret_y, struct diag *d)
{
	struct yaml **v = realloc(dt->files, (dt->nfiles + 1) * sizeof(struct yaml *));
	int e;

	if (!v)
		return -ENOMEM;
	dt->files = v;
	e = yaml_load(path, ret_y, d);
	if (e == 0)
		v[dt->nfiles++] = *ret_y;
	return e;
}

/* The first document has the file's name, the next are NAME#2 and so on. */
int rule_load(struct detect *dt, const char *dir, const char *path, bool lenient,
	      struct diag *d)
{
	struct yaml *y;
	unsigned n = 0;
	int e = file_add(dt, path, &y, d);

	if (e == 0 && !y->docs)
		e = yaml_fail(y, NULL, d, "a model must be a map");
	for (const struct yaml_doc *doc = e == 0 ? y->docs : NULL; doc && e == 0;
	     doc = doc->next) {
		char *name = name_of(dir, path, ++n);

		if (yaml_get(doc->root, "filter") && !yaml_get(doc->root, "detection")) {
			free(name);
			e = sieve_load(dt, y, doc->root, d);
		} else {
			e = rule_add(dt, y, doc->root, name, lenient, false, d);
			if (e == 0)
				e = part_add(dt, d);
		}
	}
	return e;
}
