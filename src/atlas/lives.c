/* SPDX-License-Identifier: Apache-2.0 */
/* What operations make and remove, and who may become whom. */
#include "atlas/impl.h"
#include "base/json.h"
#include <errno.h>

#define WORDS_MAX 12u
#define TRUST_MAX 32u /* principals of one policy */

/* One operation in lower-case words: "CreateFunction20150331" -> create, function. */
struct words {
	struct str v[WORDS_MAX];
	size_t n;
	char text[128];
};

/* A new word begins at a capital after a small letter, or before one: "DBInstance". */
static bool begins(struct str s, size_t i)
{
	if (!upper_c(s.p[i]))
		return false;
	if (!upper_c(s.p[i - 1]))
		return true;
	return i + 1 < s.len && letter_c(s.p[i + 1]) && !upper_c(s.p[i + 1]);
}

static void words_of(struct str s, struct words *w)
{
	size_t used = 0, from = 0;

	w->n = 0;
	s = str_sub(s, 0, sizeof(w->text));
	for (size_t i = 0; i <= s.len && w->n < WORDS_MAX; i++) {
		bool letter = i < s.len && letter_c(s.p[i]);

		if (used > from && (!letter || begins(s, i))) {
			w->v[w->n++] = str_n(w->text + from, used - from);
			from = used;
		}
		if (letter)
			w->text[used++] = lower_c(s.p[i]);
	}
}

static bool is_one_of(struct str s, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eqz(s, v[i]))
			return true;
	return false;
}

static int verb_of(struct str s)
{
	static const char *const makes[] = {"create", "run",	   "launch", "add",
					    "insert", "provision", "new"};
	static const char *const ends[] = {"delete",	 "terminate", "remove",
					   "deregister", "destroy",   "drop"};

	if (is_one_of(s, makes, ARRAY_LEN(makes)))
		return 1;
	return is_one_of(s, ends, ARRAY_LEN(ends)) ? -1 : 0;
}

/* Words [from, to) as one noun, in the plural or not. */
static const char *noun_of(const struct words *w, size_t from, size_t to)
{
	static const struct {
		const char *noun, *type;
	} nouns[] = {
#define X(noun, type) {noun, type},
#include "atlas/nouns.def"
#undef X
	};
	struct str s;

	if (from >= to)
		return NULL;
	s = str_n(w->v[from].p, (size_t)(w->v[to - 1].p + w->v[to - 1].len - w->v[from].p));
	for (size_t i = 0; i < ARRAY_LEN(nouns); i++) {
		struct str n = str_of(nouns[i].noun);

		if (str_eq(s, n) ||
		    (s.len == n.len + 1 && str_starts(s, n) && s.p[n.len] == 's'))
			return nouns[i].type;
	}
	return NULL;
}

/* "v" behind the digits of an API's version is no word of the noun. */
static size_t without_version(const struct words *w)
{
	return w->n > 1 && str_eqz(w->v[w->n - 1], "v") ? w->n - 1 : w->n;
}

int life_of(struct str op, struct str noun, const char **ret_type)
{
	struct words w, n;
	const char *type = NULL;
	size_t end;
	int verb;

	words_of(op, &w);
	end = without_version(&w);
	if (end == 0)
		return 0;
	verb = verb_of(w.v[0]);
	if (verb && end > 1) {
		type = noun_of(&w, 1, end);
	} else if (verb) {
		words_of(noun, &n);
		type = noun_of(&n, 0, n.n);
	} else {
		verb = verb_of(w.v[end - 1]);
		for (size_t from = 0; verb && !type && from + 1 < end; from++)
			type = noun_of(&w, from, end - 1);
	}
	if (!verb || !type)
		return 0;
	*ret_type = type;
	return verb;
}

const char *service_type(struct str service)
{
	static const struct {
		const char *service, *type;
	} all[] = {
#define X(service, type) {service, type},
#include "atlas/services.def"
#undef X
	};
	struct str first = str_sub(service, 0, str_chr(service, '.', 0));

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (str_ieqz(first, all[i].service))
			return all[i].type;
	return NULL;
}

/* Something was made or removed by actor. */
static int one_life(struct atlas *a, uint32_t at, uint32_t actor, int verb, const char *type,
		    const struct seen *s)
{
	struct place *p;

	if (at == UINT32_MAX || at == actor)
		return 0;
	p = &a->places[at];
	if (verb > 0) {
		p->created = s->t;
		p->deleted = TIME_NONE;
		p->owner = actor == UINT32_MAX ? 0 : a->places[actor].key;
	} else {
		p->deleted = s->t;
	}
	p->type = atlas_sym(a, str_of(type));
	p->changed = true;
	return tie_put(a, actor, at, verb > 0 ? TIE_MADE : TIE_DELETED, s);
}

static uint32_t target(struct atlas *a, const struct event *e, bool (*fits)(int kind),
		       int64_t t)
{
	for (unsigned i = 0; i < e->nents; i++) {
		const struct entity *x = entity_get(a->en, e->ents[i].id);

		if (x && e->ents[i].role == ROLE_TARGET && fits(x->kind))
			return place_of_entity(a, x->id, t);
	}
	return UINT32_MAX;
}

static bool fits_account(int kind)
{
	return kind == ENT_ACCOUNT;
}

static bool fits_role(int kind)
{
	return kind == ENT_ROLE;
}

static bool fits_thing(int kind)
{
	return kind == ENT_RESOURCE || kind == ENT_WORKLOAD || kind == ENT_DEVICE;
}

static int machines(struct atlas *a, const struct event *e, uint32_t actor, int verb,
		    const struct seen *s)
{
	const struct val *item;
	size_t n = a->attr[AT_VMS] == ATTR_NONE
			   ? 0
			   : val_items(event_get(e, a->attr[AT_VMS]), &item);
	int r = 0;

	for (size_t i = 0; i < n && i < 16 && r == 0; i++) {
		struct str name = val_str(&item[i]);
		uint32_t id = entity_find(a->en, ENT_WORKLOAD, name);
		uint32_t at = id == ENT_NONE ? place_named(a, ENT_WORKLOAD, name, s->t)
					     : place_of_entity(a, id, s->t);

		r = one_life(a, at, actor, verb, "instance", s);
	}
	return r;
}

/* "arn:aws:iam::1:role/x": whoever is known by it, else a place of that name and kind. */
static uint32_t arn_place(struct atlas *a, struct str arn, int64_t t)
{
	static const enum ent_kind kinds[] = {ENT_ROLE, ENT_ACCOUNT};
	uint32_t id = entity_find_any(a->en, kinds, ARRAY_LEN(kinds), arn);
	size_t slash = arn.len;

	if (id != ENT_NONE)
		return place_of_entity(a, id, t);
	while (slash > 0 && arn.p[slash - 1] != '/')
		slash--;
	if (str_find(arn, STR(":role/")) != SIZE_MAX)
		return place_named(a, ENT_ROLE, str_sub(arn, slash, arn.len), t);
	return place_named(a, ENT_ACCOUNT, slash ? str_sub(arn, slash, arn.len) : arn, t);
}

/* An ARN, a service, or everybody. */
static int principal(struct atlas *a, struct str who, uint32_t role, const struct seen *s)
{
	uint32_t at;

	if (str_starts(who, STR("arn:")))
		at = arn_place(a, who, s->t);
	else if (str_eqz(who, "*"))
		at = place_named(a, PLACE_INTERNET, STR("the internet"), s->t);
	else
		at = place_named(a, PLACE_SERVICE, who, s->t);
	return tie_put(a, at, role, TIE_MAY, s);
}

/* One reading of a policy. */
struct reading {
	const struct json *j;
	struct arena *mem;
	size_t left; /* principals */
	trust_fn *fn;
	void *arg;
};

/* A text or a list of texts at token t, or a map of them by kind. */
static int principals(struct reading *x, uint32_t t)
{
	const struct json *j = x->j;
	int r = 0;

	if (j->tok[t].kind == JSON_STRING && x->left > 0) {
		x->left--;
		return x->fn(json_text(j, t, x->mem), x->arg);
	}
	if (j->tok[t].kind == JSON_ARRAY)
		JSON_EACH_ITEM(j, t, item)
	if (r == 0 && j->tok[item].kind == JSON_STRING)
		r = principals(x, item);
	if (j->tok[t].kind == JSON_OBJECT)
		JSON_EACH_MEMBER(j, t, m)
	if (r == 0 && j->tok[m + 1].kind != JSON_OBJECT)
		r = principals(x, m + 1);
	return r;
}

static int statement(struct reading *x, uint32_t t)
{
	uint32_t effect, who;

	if (x->j->tok[t].kind != JSON_OBJECT)
		return 0;
	effect = json_get(x->j, t, STR("Effect"));
	who = json_get(x->j, t, STR("Principal"));
	if (!effect || !who || !str_eqz(json_raw(x->j, effect), "Allow"))
		return 0;
	return principals(x, who);
}

int trust_each(struct str policy, trust_fn *fn, void *arg)
{
	struct json j;
	struct arena mem;
	struct reading x = {.j = &j, .mem = &mem, .left = TRUST_MAX, .fn = fn, .arg = arg};
	uint32_t all;
	int r;

	arena_init(&mem, MIB);
	r = json_scan_copy(&j, policy, &mem);
	if (r < 0 && r != -ENOMEM)
		r = 1; /* a policy that is none says nothing */
	all = r == 0 && j.tok[0].kind == JSON_OBJECT ? json_get(&j, 0, STR("Statement")) : 0;
	if (all && j.tok[all].kind == JSON_OBJECT)
		r = statement(&x, all);
	else if (all && j.tok[all].kind == JSON_ARRAY)
		JSON_EACH_ITEM(&j, all, t)
	if (r == 0)
		r = statement(&x, t);
	json_free(&j);
	arena_free(&mem);
	return r < 0 ? r : 0;
}

struct trusted {
	struct atlas *a;
	uint32_t role;
	const struct seen *s;
};

static int trusted(struct str who, void *arg)
{
	struct trusted *x = arg;

	return who.len ? principal(x->a, who, x->role, x->s) : 0;
}

static struct str text_of(const struct atlas *a, const struct event *e, unsigned at)
{
	return a->attr[at] == ATTR_NONE ? str_n(NULL, 0) : event_str(e, a->attr[at]);
}

static int trusts(struct atlas *a, const struct event *e, struct str op, const struct seen *s)
{
	struct str text = text_of(a, e, AT_TRUST);
	uint32_t role;

	if (!text.len && str_eqz(op, "UpdateAssumeRolePolicy"))
		text = text_of(a, e, AT_POLICY);
	if (!text.len)
		return 0;
	role = target(a, e, fits_role, s->t);
	return role == UINT32_MAX ? 0
				  : trust_each(text, trusted, &(struct trusted){a, role, s});
}

int lives_event(struct atlas *a, const struct event *e, uint32_t actor, const struct seen *s)
{
	struct str op = event_str(e, ATTR_OPERATION);
	const char *type = NULL;
	uint32_t at;
	int r, verb;

	if (str_ieqz(event_str(e, ATTR_STATUS), "failure"))
		return 0;
	if (str_starts(op, STR("AssumeRole")))
		return tie_put(a, actor, target(a, e, fits_role, s->t), TIE_BECAME, s);
	r = trusts(a, e, op, s);
	verb = life_of(op, text_of(a, e, AT_RES_TYPE), &type);
	if (r < 0 || !verb)
		return r;
	if (str_eqz(str_of(type), "instance"))
		return machines(a, e, actor, verb, s);
	if (str_eqz(str_of(type), "user") || str_eqz(str_of(type), "mailbox"))
		at = target(a, e, fits_account, s->t);
	else if (str_eqz(str_of(type), "role"))
		at = target(a, e, fits_role, s->t);
	else
		at = target(a, e, fits_thing, s->t);
	return one_life(a, at, actor, verb, type, s);
}
