/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/matter: what a question is asked about: the events that an incident cites, read back
 * from the store, or those of an entity around a moment; and who and what stands in them.
 */
#include "incident/question.h"
#include <errno.h>

#define EVENTS_A_STEP	8u
#define EVENTS_A_SIGNAL 2u
#define EVENTS_AN_ID	6u

struct fetch {
	struct inquiry *q;
	struct matter *m;
	int step;
	bool odd_only, plain_only, signal;
	size_t left;
};

static void matter_init(struct matter *m)
{
	*m = (struct matter){.t0 = INT64_MAX, .t1 = INT64_MIN};
	arena_init(&m->mem, 64 * MIB);
}

void matter_free(struct matter *m)
{
	arena_free(&m->mem);
}

static int fact_row(const struct store_event *se, void *arg)
{
	struct fetch *x = arg;
	struct matter *m = x->m;
	struct fact *f = &m->f[m->n];
	struct store_learned l;
	size_t at = 0;
	bool odd = store_learned(se, &at, &l);

	if ((x->odd_only && !odd) || (x->plain_only && odd))
		return 0;
	if (m->n == MATTER_EVENTS || x->left == 0)
		return 1;
	for (size_t i = 0; i < m->n; i++)
		if (m->f[i].e->seq == se->seq)
			return 0;
	f->e = reread_event(x->q->reread, se, &m->mem);
	f->ents = arena_alloc(&m->mem, (se->nentities + 1) * sizeof(*f->ents));
	if (!f->e || !f->ents)
		return 0;
	for (f->nents = 0; f->nents < se->nentities; f->nents++)
		f->ents[f->nents] = arena_str(&m->mem, se->entities[f->nents]);
	f->step = x->step;
	f->signal = x->signal;
	m->t0 = MIN(m->t0, se->known);
	m->t1 = MAX(m->t1, se->known);
	m->n++;
	x->left--;
	return 0;
}

static void add_text(struct str *v, size_t max, size_t *n, struct str s)
{
	for (size_t i = 0; i < *n; i++)
		if (str_ieq(v[i], s))
			return;
	if (s.len && *n < max)
		v[(*n)++] = s;
}

static struct str member(const struct json *j, uint32_t obj, const char *key, struct arena *mem)
{
	uint32_t t = json_get(j, obj, str_of(key));

	return t && j->tok[t].kind == JSON_STRING ? arena_str(mem, json_text(j, t, mem))
						  : STR("");
}

/* Whom a step is about stands first among its entities. */
static void lead(struct matter *m, const struct json *j, uint32_t t)
{
	uint32_t arr = json_get(j, t, STR("entities"));

	if (arr && j->tok[arr].kind == JSON_ARRAY && j->tok[arr].n)
		add_text(m->leads, ARRAY_LEN(m->leads), &m->nleads,
			 arena_str(&m->mem, json_text(j, arr + 1, &m->mem)));
}

/* What kind of thing a step says happened. */
static void step_facts(struct matter *m, const struct json *j, uint32_t t)
{
	struct str phase = member(j, t, "phase", &m->mem), model, rest;
	char *p = arena_strz(&m->mem, phase);

	for (size_t i = 0; p && i < phase.len; i++)
		p[i] = p[i] == '_' ? '-' : p[i];
	add_text(m->phases, ARRAY_LEN(m->phases), &m->nphases, str_n(p, p ? phase.len : 0));
	model = member(j, t, "model", &m->mem);
	add_text(m->models, ARRAY_LEN(m->models), &m->nmodels, model);
	lead(m, j, t);
	add_text(m->families, ARRAY_LEN(m->families), &m->nfamilies,
		 str_cut(model, '/', &rest));
}

static int step_events(struct fetch *x, const struct json *j, uint32_t t, size_t max,
		       struct diag *d)
{
	uint32_t ids = json_get(j, t, STR("event_ids"));
	size_t n = 0;

	if (!ids || j->tok[ids].kind != JSON_ARRAY)
		return 0;
	JSON_EACH_ITEM(j, ids, i)
	{
		struct store_query q = {.from = TIME_NONE, .to = TIME_NONE, .limit = 64};
		int err;

		if (n++ == max)
			break;
		q.id = arena_str(&x->m->mem, json_text(j, i, &x->m->mem));
		x->left = EVENTS_AN_ID;
		if (x->m->ncites < CITES_MAX)
			add_text(x->m->cites, CITES_MAX, &x->m->ncites, q.id);
		err = q.id.len ? store_events(x->q->store, &q, fact_row, x, d) : 0;
		if (err < 0)
			return err;
	}
	return 0;
}

/* Alerts first: what they name is asked about before what merely surprised. */
static int steps(struct inquiry *q, struct matter *m, const struct json *j, bool signals,
		 struct diag *d)
{
	uint32_t arr = json_get(j, 0, STR("steps"));
	struct fetch x = {.q = q, .m = m, .step = -1};
	int err = 0;

	if (!arr || j->tok[arr].kind != JSON_ARRAY)
		return 0;
	JSON_EACH_ITEM(j, arr, t)
	{
		bool signal = str_eqz(member(j, t, "kind", &m->mem), "signal");

		x.step++;
		if (signal != signals || err < 0)
			continue;
		x.signal = signal;
		if (!signal)
			step_facts(m, j, t);
		err = step_events(&x, j, t, signal ? EVENTS_A_SIGNAL : EVENTS_A_STEP, d);
	}
	return err;
}

int matter_of_incident(struct inquiry *q, const struct json *j, struct matter *ret_m,
		       struct diag *d)
{
	uint32_t names = json_get(j, 0, STR("entities"));
	int err;

	matter_init(ret_m);
	ret_m->compliance = str_eqz(member(j, 0, "queue", &ret_m->mem), "compliance");
	if (names && j->tok[names].kind == JSON_ARRAY)
		JSON_EACH_ITEM(j, names, t)
	add_text(ret_m->names, ARRAY_LEN(ret_m->names), &ret_m->nnames,
		 arena_str(&ret_m->mem, json_text(j, t, &ret_m->mem)));
	err = steps(q, ret_m, j, false, d);
	if (err == 0)
		err = steps(q, ret_m, j, true, d);
	return err;
}

int matter_of_entity(struct inquiry *q, struct str entity, int64_t from, int64_t to,
		     struct matter *ret_m, struct diag *d)
{
	struct store_query sq = {.entity = entity, .from = from, .to = to, .limit = 20000};
	struct fetch x = {.q = q, .m = ret_m, .step = -1, .odd_only = true, .left = 100};
	int err;

	matter_init(ret_m);
	err = store_events(q->store, &sq, fact_row, &x, d);
	x.odd_only = false;
	x.plain_only = true;
	x.left = 40;
	if (err == 0)
		err = store_events(q->store, &sq, fact_row, &x, d);
	for (size_t i = 0; i < ret_m->n && ret_m->ncites < CITES_MAX; i++)
		add_text(ret_m->cites, CITES_MAX, &ret_m->ncites, ret_m->f[i].e->id);
	if (err == 0 && ret_m->n == 0)
		return diag_set(d, E_NOTFOUND, "no event of %.*s is stored there",
				STR_ARG(entity));
	return err;
}

static bool named(const struct matter *m, struct str full)
{
	struct str name;

	str_cut(full, ':', &name);
	for (size_t i = 0; i < m->nnames; i++)
		if (str_ieq(m->names[i], name) || str_ieq(m->names[i], full))
			return true;
	return m->nnames == 0;
}

static bool of_kind(struct str full, int kind)
{
	struct str rest;

	return ent_kind_of(str_cut(full, ':', &rest)) == kind && rest.len > 0;
}

static bool has_entity(const struct fact *f, struct str full)
{
	for (size_t i = 0; i < f->nents; i++)
		if (str_ieq(f->ents[i], full))
			return true;
	return false;
}

/* "185.0.2.1:80" is the same to ask about as "185.0.2.1". */
static struct str without_port(struct str full)
{
	struct str kind, name;
	size_t colon;

	kind = str_cut(full, ':', &name);
	colon = str_chr(name, ':', 0);
	if (ent_kind_of(kind) != ENT_ENDPOINT || colon == SIZE_MAX ||
	    str_chr(name, ':', colon + 1) != SIZE_MAX)
		return full;
	return str_sub(full, 0, kind.len + 1 + colon);
}

static bool leads(const struct matter *m, struct str full)
{
	struct str name;

	str_cut(full, ':', &name);
	for (size_t i = 0; i < m->nleads; i++)
		if (str_ieq(m->leads[i], name))
			return true;
	return m->nleads == 0;
}

static struct str domain_of(struct str addr)
{
	size_t at = str_chr(addr, '@', 0);

	return at == SIZE_MAX ? (struct str){NULL, 0} : str_sub(addr, at + 1, addr.len);
}

/* Whether somebody of the sender's own domain receives it. */
static bool goes_home(const struct event *e, struct str domain)
{
	const struct val *v = event_get(e, ATTR_MAIL_TO), *item;
	size_t n = val_items(v, &item);

	for (size_t i = 0; i < n; i++)
		if (str_ieq(domain_of(val_str(&item[i])), domain))
			return true;
	return false;
}

/* Somebody elsewhere who wrote: all that is known of him is mail to others. */
static bool outsider(const struct matter *m, struct str full)
{
	struct str name, domain;
	bool wrote = false;

	str_cut(full, ':', &name);
	domain = domain_of(name);
	for (size_t i = 0; domain.len && i < m->n; i++) {
		const struct fact *f = &m->f[i];

		if (!has_entity(f, full))
			continue;
		if (f->e->type->cls != CLASS_EMAIL_ACTIVITY || goes_home(f->e, domain))
			return false;
		wrote |= str_ieq(event_str(f->e, ATTR_MAIL_FROM), name);
	}
	return wrote;
}

/*
 * The nth distinct entity of a kind, in order of the facts. Of devices and accounts only those
 * that a step is about, unless anybody: a name server that passed something on did nothing.
 * What an account did is not asked of who only wrote to us.
 */
static struct str nth_entity(const struct matter *m, const struct question *c, size_t nth)
{
	int kind = c->each;
	bool must_lead = !c->anybody && (kind == ENT_DEVICE || kind == ENT_ACCOUNT);
	bool ours = !c->outsiders && kind == ENT_ACCOUNT;
	struct str seen[32];
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		for (size_t k = 0; k < m->f[i].nents; k++) {
			struct str s = m->f[i].ents[k];
			size_t before = n;

			if (!of_kind(s, kind) || !named(m, s) || (must_lead && !leads(m, s)))
				continue;
			if (ours && outsider(m, s))
				continue;
			add_text(seen, ARRAY_LEN(seen), &n, without_port(s));
			if (n > before && n == nth + 1)
				return s;
		}
	}
	return (struct str){NULL, 0};
}

static void name_add(struct var *v, struct arena *mem, struct str kind, struct str name)
{
	for (size_t i = 0; i < v->n; i++)
		if (str_ieq(v->names[i], name))
			return;
	if (!name.len || v->n == NAMES_OF_VAR)
		return;
	v->names[v->n] = name;
	v->full[v->n++] = arena_fmt(mem, "%.*s:%.*s", STR_ARG(kind), STR_ARG(name));
}

static void name_entity(struct inquiry *q, struct matter *m, struct str full, struct var *v)
{
	struct str names[NAMES_OF_VAR];
	struct diag d;
	size_t colon, n;

	*v = (struct var){.entity = true, .key = full};
	v->name = str_cut(full, ':', &v->text);
	name_add(v, &m->mem, v->name, v->text);
	/* "185.0.2.1:80" is met as "185.0.2.1" too. */
	colon = str_chr(v->text, ':', 0);
	if (of_kind(full, ENT_ENDPOINT) && colon != SIZE_MAX)
		name_add(v, &m->mem, v->name, str_sub(v->text, 0, colon));
	if (store_entity_names(q->store, v->name, v->text, &m->mem, names, NAMES_OF_VAR, &n,
			       &d) < 0)
		return; /* by this one name then */
	for (size_t i = 0; i < n; i++)
		name_add(v, &m->mem, v->name, names[i]);
}

/* An entity under all its names: those it had before count as well. */
static void bind_entity(struct inquiry *q, struct matter *m, struct str full, struct binding *b)
{
	struct var *slot = &m->known[m->nknown % KNOWN_VARS];

	for (size_t i = 0; i < MIN(m->nknown, (size_t)KNOWN_VARS); i++) {
		if (str_ieq(m->known[i].key, full)) {
			b->v[b->n++] = m->known[i];
			return;
		}
	}
	name_entity(q, m, full, slot);
	m->nknown++;
	b->v[b->n++] = *slot;
}

/* Of each other kind, the first that stands beside the entity; named ones first. */
static void bind_beside(struct inquiry *q, struct matter *m, struct str full, int kind,
			struct binding *b)
{
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < m->n; i++) {
			const struct fact *f = &m->f[i];

			for (size_t k = 0; has_entity(f, full) && k < f->nents; k++) {
				struct str s = f->ents[k];

				if (!of_kind(s, kind) || str_ieq(s, full) ||
				    (pass == 0 && !named(m, s)))
					continue;
				bind_entity(q, m, s, b);
				return;
			}
		}
	}
}

/* What a mail says is of who sent it: its address is not where a recipient works. */
static bool of_another(const struct fact *f, const struct var *who)
{
	if (f->e->type->cls != CLASS_EMAIL_ACTIVITY || !str_eqz(who->name, "account"))
		return false;
	for (size_t i = 0; i < who->n; i++)
		if (str_ieq(event_str(f->e, ATTR_MAIL_FROM), who->names[i]))
			return false;
	return true;
}

static void bind_value(struct matter *m, struct str full, const struct question *c, size_t let,
		       struct binding *b)
{
	const attr_t *attr = c->let[let].attr;
	size_t nattr = c->let[let].nattr;

	char tmp[40];

	for (size_t a = 0; a < nattr; a++) {
		for (size_t i = 0; i < m->n; i++) {
			const struct val *v = event_get(m->f[i].e, attr[a]), *item;
			struct var *x = &b->v[b->n];

			if (!val_set(v) || !has_entity(&m->f[i], full) ||
			    val_items(v, &item) == 0 ||
			    (attr[a] == ATTR_SRC_IP && of_another(&m->f[i], &b->v[0])))
				continue;
			*x = (struct var){.name = c->let[let].name, .n = 1};
			x->text = arena_str(&m->mem, val_text(&item[0], tmp));
			x->names[0] = x->full[0] = x->text;
			if (c->let[let].kind >= 0)
				x->full[0] = arena_fmt(
					&m->mem, "%s:%.*s",
					ent_kind_name((enum ent_kind)c->let[let].kind),
					STR_ARG(x->text));
			b->n += x->text.len > 0;
			return;
		}
	}
}

/* Of what a model spoke of; of weak signals only when there is nothing else. */
static void bind_times(const struct matter *m, struct str full, bool signals, struct binding *b)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct fact *f = &m->f[i];

		if (f->signal != signals || !has_entity(f, full))
			continue;
		b->t0 = MIN(b->t0, f->e->known);
		b->t1 = MAX(b->t1, f->e->known);
		add_text(b->cites, CITES_MAX, &b->ncites, f->e->id);
	}
}

bool matter_bind(struct inquiry *q, struct matter *m, const struct question *c, size_t nth,
		 struct binding *ret_b)
{
	struct str full = nth_entity(m, c, nth);

	if (!full.len)
		return false;
	*ret_b = (struct binding){.t0 = INT64_MAX, .t1 = INT64_MIN};
	bind_entity(q, m, full, ret_b);
	for (int k = 0; k < ENT_KIND_COUNT; k++)
		if (k != c->each)
			bind_beside(q, m, full, k, ret_b);
	for (size_t i = 0; i < c->nlet; i++)
		bind_value(m, full, c, i, ret_b);
	bind_times(m, full, false, ret_b);
	if (ret_b->t1 < ret_b->t0)
		bind_times(m, full, true, ret_b);
	return true;
}
