/* SPDX-License-Identifier: Apache-2.0 */
/* Places and ties in memory: bounded, found by key, written by keep.c. */
#include "atlas/impl.h"
#include "base/hash.h"
#include <errno.h>
#include <stdlib.h>

#define MEMORY_DEFAULT (48 * MIB)
#define SYMS_MAX       16384u /* operations, ports' protocols, types */
/* A tie with its slot of the half-full map, and the place it brings at worst. */
#define TIE_BYTES   (sizeof(struct tie) + 2 * (sizeof(struct map_slot) + 1))
#define PLACE_BYTES (sizeof(struct place) + 2 * (sizeof(struct map_slot) + 1) + 48)

const char *const atlas_attr_names[AT_COUNT] = {
	[AT_READ_ONLY] = "api.read_only", [AT_ROLE] = "role.name",
	[AT_TRUST] = "role.trust",	  [AT_POLICY] = "policy.text",
	[AT_VMS] = "vm.instance_ids",	  [AT_RES_TYPE] = "resource.type",
};

const char *tie_name(unsigned k)
{
	static const char *const names[] = {
#define X(c, name, text) name,
#include "atlas/links.def"
#undef X
	};

	return k < TIE_COUNT ? names[k] : "unknown";
}

const char *tie_text(unsigned k)
{
	static const char *const texts[] = {
#define X(c, name, text) text,
#include "atlas/links.def"
#undef X
	};

	return k < TIE_COUNT ? texts[k] : "has to do with";
}

const char *place_kind_name(unsigned k)
{
	if (k < ENT_KIND_COUNT)
		return ent_kind_name((enum ent_kind)k);
	return k == PLACE_SERVICE ? "service" : "internet";
}

int atlas_want(struct schema *s)
{
	static const attr_t core[] = {
		ATTR_OPERATION,	       ATTR_SERVICE,	    ATTR_STATUS,     ATTR_DST_PORT,
		ATTR_CONN_SERVICE,     ATTR_PROTO,	    ATTR_CONN_STATE, ATTR_BYTES_OUT,
		ATTR_BYTES_IN,	       ATTR_ACTIVITY,	    ATTR_MAIL_FROM,  ATTR_MAIL_TO,
		ATTR_MAIL_FROM_DOMAIN, ATTR_SESSION_ISSUER,
	};
	int r = 0;

	for (size_t t = 0; t < schema_types(s); t++) {
		const struct rectype *type = schema_type(s, t);

		for (size_t i = 0; r == 0 && i < ARRAY_LEN(core); i++)
			if (schema_provides(s, type, core[i]))
				r = schema_want(s, type, core[i]);
		for (size_t i = 0; r == 0 && i < AT_COUNT; i++) {
			attr_t at = schema_find(s, str_of(atlas_attr_names[i]));

			if (at != ATTR_NONE && schema_provides(s, type, at))
				r = schema_want(s, type, at);
		}
	}
	return r;
}

int atlas_open(const struct atlas_conf *conf, const struct schema *s, struct entities *en,
	       struct atlas **ret_a, struct diag *d)
{
	struct atlas *a = calloc(1, sizeof(*a));
	size_t bytes = conf->memory_bytes ? conf->memory_bytes : MEMORY_DEFAULT;
	int r = a ? 0 : -ENOMEM;

	if (!a)
		return r;
	a->schema = s;
	a->en = en;
	map_init(&a->place_of);
	map_init(&a->tie_of);
	symtab_init(&a->syms);
	for (size_t i = 0; i < AT_COUNT; i++)
		a->attr[i] = schema_find(s, str_of(atlas_attr_names[i]));
	a->ties_max = MAX(bytes / 3 * 2 / TIE_BYTES, (size_t)64);
	a->places_max = MAX(bytes / 3 / PLACE_BYTES, (size_t)128);
	a->ties = malloc(a->ties_max * sizeof(*a->ties));
	a->places = malloc(a->places_max * sizeof(*a->places));
	/* Symbol 0 means none. */
	if (!a->ties || !a->places || symtab_put(&a->syms, STR("")) != 0)
		r = -ENOMEM;
	if (r == 0)
		r = atlas_keep_open(a, conf, d);
	if (r < 0) {
		atlas_close(a);
		return r;
	}
	*ret_a = a;
	return 0;
}

struct atlas *atlas_close(struct atlas *a)
{
	if (!a)
		return NULL;
	for (size_t i = 0; i < a->nplaces; i++)
		free(a->places[i].name);
	free(a->places);
	free(a->ties);
	map_free(&a->place_of);
	map_free(&a->tie_of);
	symtab_free(&a->syms);
	atlas_keep_close(a);
	free(a);
	return NULL;
}

void atlas_stats(const struct atlas *a, struct atlas_stats *ret_s)
{
	*ret_s = (struct atlas_stats){
		.places = a->nplaces,
		.ties = a->nties,
		.let_go = a->let_go,
		.forgotten = a->forgotten,
		.bytes = a->ties_max * sizeof(struct tie) + a->nplaces * PLACE_BYTES +
			 (a->tie_of.cap + a->place_of.cap) * (sizeof(struct map_slot) + 1) +
			 a->syms.mem.bytes,
	};
}

uint16_t atlas_sym(struct atlas *a, struct str s)
{
	uint16_t *memo;
	uint32_t id;

	s = str_sub(s, 0, 80);
	if (!s.len)
		return 0;
	memo = &a->sym_memo[(s.len * 31 + (unsigned char)s.p[0] +
			     (unsigned char)s.p[s.len - 1] * 7u) %
			    SYM_MEMOS];
	if (*memo && str_eq(symtab_text(&a->syms, *memo), s))
		return *memo;
	id = symtab_get(&a->syms, s);
	if (id == SYM_NONE && a->syms.len < SYMS_MAX)
		id = symtab_put(&a->syms, s);
	if (id == SYM_NONE)
		return 0;
	*memo = (uint16_t)id;
	return *memo;
}

/* The place of a key, made when absent. UINT32_MAX: no room. */
static uint32_t place_put(struct atlas *a, uint64_t key, unsigned kind, struct str name,
			  int64_t t)
{
	uint64_t *v = map_get(&a->place_of, key);
	struct place *p;

	if (v)
		return (uint32_t)(*v - 1);
	if (a->nplaces == a->places_max || !name.len)
		return UINT32_MAX;
	p = &a->places[a->nplaces];
	*p = (struct place){.key = key,
			    .name = str_dup(str_sub(name, 0, NAME_MAX_LEN)),
			    .ent = ENT_NONE,
			    .kind = (uint8_t)kind,
			    .changed = true,
			    .first = t,
			    .last = t,
			    .open_first = TIME_NONE,
			    .open_last = TIME_NONE,
			    .created = TIME_NONE,
			    .deleted = TIME_NONE};
	v = p->name ? map_put(&a->place_of, key, NULL) : NULL;
	if (!v) {
		free(p->name);
		return UINT32_MAX;
	}
	*v = ++a->nplaces;
	return (uint32_t)(a->nplaces - 1);
}

uint32_t place_of_entity(struct atlas *a, uint32_t id, int64_t t)
{
	const struct entity *x = id == ENT_NONE ? NULL : entity_get(a->en, id);
	uint32_t at;

	if (!x)
		return UINT32_MAX;
	at = place_put(a, x->hash, x->kind, x->name, t);
	if (at != UINT32_MAX)
		a->places[at].ent = id;
	return at;
}

/* A name of a kind of entity has the key that the entity will have when it is met. */
static uint64_t name_key(unsigned kind, struct str name)
{
	return hash_istr(name, kind < ENT_KIND_COUNT ? kind + 1 : 1000 + kind);
}

uint32_t place_named(struct atlas *a, unsigned kind, struct str name, int64_t t)
{
	uint32_t at = place_put(a, name_key(kind, name), kind, name, t);

	if (at != UINT32_MAX) {
		struct place *p = &a->places[at];

		p->first = MIN(p->first, t);
		p->last = MAX(p->last, t);
		p->changed = true;
	}
	return at;
}

static void note_day(struct tie *l, int64_t t, uint32_t count, float bytes)
{
	struct tie_day now = {.day = (uint16_t)(t / NS_PER_D),
			      .hours = UINT32_C(1) << (t / NS_PER_H % 24),
			      .count = count,
			      .bytes = bytes};

	for (size_t i = l->ndays; i-- > 0;) {
		struct tie_day *d = &l->days[i];

		if (d->day != now.day)
			continue;
		d->hours |= now.hours;
		d->count += MIN(now.count, UINT32_MAX - d->count);
		d->bytes += now.bytes;
		return;
	}
	l->days[l->ndays++] = now;
}

static void note_what(struct tie *l, uint32_t what)
{
	for (size_t i = 0; i < l->nwhat; i++)
		if (l->what[i] == what)
			return;
	if (what && l->nwhat < WHATS_MAX)
		l->what[l->nwhat++] = what;
}

static void tie_see(struct tie *l, const struct seen *s)
{
	l->first = MIN(l->first, s->t);
	l->last = MAX(l->last, s->t);
	l->changed = true;
	if (!s->again) {
		l->count++;
		l->out += s->out;
		l->in += s->in;
	}
	note_day(l, s->t, !s->again, s->again ? 0 : (float)(s->out + s->in));
	note_what(l, s->what);
}

static uint64_t tie_key(uint64_t from, uint64_t to, unsigned kind)
{
	return hash_2(from, to + kind);
}

/* A tie whose days are full is written before it takes another. */
static bool has_day(const struct tie *l, int64_t t)
{
	for (size_t i = 0; i < l->ndays; i++)
		if (l->days[i].day == (uint16_t)(t / NS_PER_D))
			return true;
	return l->ndays < DAYS_MAX;
}

/* Room in l for the day of t; what ties hold is written when there is none. */
static int day_room(struct atlas *a, const struct tie *l, int64_t t)
{
	return has_day(l, t) ? 0 : atlas_write(a, a->d);
}

static int tie_again(struct atlas *a, struct tie *l, const struct seen *s)
{
	int r = day_room(a, l, s->t);

	if (r == 0)
		tie_see(l, s);
	return r;
}

/* What m holds back goes to its tie. */
static int settle(struct atlas *a, struct memo *m)
{
	struct tie *l;
	int r;

	if (!m->count)
		return 0;
	l = &a->ties[m->tie - 1];
	r = day_room(a, l, m->first);
	if (r < 0)
		return r;
	l->first = MIN(l->first, m->first);
	l->last = MAX(l->last, m->last);
	l->changed = true;
	l->count += m->count;
	l->out += m->out;
	l->in += m->in;
	note_day(l, m->first, m->count, (float)(m->out + m->in));
	note_what(l, m->what[0]);
	note_what(l, m->what[1]);
	m->count = 0;
	return 0;
}

/* Tells the ties what memos hold back; before anybody looks at ties. */
static int settle_all(struct atlas *a)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < MEMOS; i++)
		r = settle(a, &a->memo[i]);
	return r;
}

int atlas_flush(struct atlas *a, struct diag *d)
{
	int r;

	a->d = d;
	r = settle_all(a);
	return r < 0 ? r : atlas_write(a, d);
}

/* Whether m has room for what is named, or names it already. */
static bool memo_what(struct memo *m, uint32_t what)
{
	if (!what || m->what[0] == what || m->what[1] == what)
		return true;
	if (m->what[0] && m->what[1])
		return false;
	m->what[m->what[0] ? 1 : 0] = what;
	return true;
}

/* Once more between the pair of m. */
static int memo_see(struct atlas *a, struct memo *m, const struct seen *s)
{
	uint32_t hour = (uint32_t)(s->t / NS_PER_H);
	int r = 0;

	if (s->again)
		return tie_again(a, &a->ties[m->tie - 1], s);
	if (m->count && (m->hour != hour || !memo_what(m, s->what) || m->count == UINT32_MAX))
		r = settle(a, m);
	if (r < 0)
		return r;
	if (!m->count) {
		m->hour = hour;
		m->what[0] = s->what;
		m->what[1] = 0;
		m->first = m->last = s->t;
		m->out = m->in = 0;
	}
	m->count++;
	m->first = MIN(m->first, s->t);
	m->last = MAX(m->last, s->t);
	m->out += s->out;
	m->in += s->in;
	return 0;
}

/* In the tie itself; *ret_at is 1 + its index, or 0 when there is none. */
static int tie_at(struct atlas *a, uint32_t from, uint32_t to, enum tie_kind kind,
		  const struct seen *s, uint32_t *ret_at)
{
	uint64_t *v;
	struct tie *l;
	bool is_new;

	*ret_at = 0;
	if (from == UINT32_MAX || to == UINT32_MAX || from == to || s->t < 0)
		return 0;
	v = map_put(&a->tie_of, tie_key(a->places[from].key, a->places[to].key, kind), &is_new);
	if (!v)
		return -ENOMEM;
	if (is_new) {
		*v = ++a->nties;
		l = &a->ties[a->nties - 1];
		*l = (struct tie){.from = from,
				  .to = to,
				  .kind = (uint8_t)kind,
				  .first = s->t,
				  .last = s->t};
		a->places[from].ties++;
		a->places[to].ties++;
	}
	*ret_at = (uint32_t)*v;
	return tie_again(a, &a->ties[*v - 1], s);
}

/* The memo of a pair, which is its own if *ret_own; else what another had there is settled. */
static int memo_of(struct atlas *a, uint32_t from, uint32_t to, uint32_t kind,
		   struct memo **ret_m, bool *ret_own)
{
	struct memo *m = &a->memo[(from * 0x9e3779b1u ^ to * 0x85ebca6bu ^ kind) % MEMOS];
	int r;

	*ret_m = m;
	*ret_own = m->tie && m->from == from && m->to == to && m->kind == kind;
	if (*ret_own)
		return 0;
	r = settle(a, m);
	m->from = from;
	m->to = to;
	m->kind = kind;
	return r;
}

int tie_put(struct atlas *a, uint32_t from, uint32_t to, enum tie_kind kind,
	    const struct seen *s)
{
	struct memo *m;
	bool own;
	int r = memo_of(a, from, to, MEMO_PLACES + kind, &m, &own);

	if (r < 0 || (own && s->t >= 0))
		return r < 0 ? r : memo_see(a, m, s);
	return tie_at(a, from, to, kind, s, &m->tie);
}

int tie_entities(struct atlas *a, uint32_t from, uint32_t to, enum tie_kind kind,
		 const struct seen *s)
{
	struct memo *m;
	bool own;
	int r = memo_of(a, from, to, kind, &m, &own);

	if (r < 0 || (own && s->t >= 0))
		return r < 0 ? r : memo_see(a, m, s);
	return tie_at(a, place_of_entity(a, from, s->t), place_of_entity(a, to, s->t), kind, s,
		      &m->tie);
}

static int later(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

	return (a > b) - (a < b);
}

/* The moment that half of the ties were not used after. */
static int64_t middle(const struct atlas *a)
{
	int64_t *t = malloc(MAX(a->nties, (size_t)1) * sizeof(*t)), mid;

	if (!t)
		return TIME_NONE;
	for (size_t i = 0; i < a->nties; i++)
		t[i] = a->ties[i].last;
	qsort(t, a->nties, sizeof(*t), later);
	mid = a->nties ? t[a->nties / 2] : TIME_NONE;
	free(t);
	return mid;
}

/* Ties that stay move to the front; places without a tie go, and their numbers change. */
static int squeeze(struct atlas *a, int64_t mid)
{
	uint32_t *moved = malloc(MAX(a->nplaces, (size_t)1) * sizeof(*moved));
	size_t n = 0;

	if (!moved)
		return -ENOMEM;
	for (size_t i = 0; i < a->nplaces; i++)
		a->places[i].ties = 0;
	for (size_t i = 0; i < a->nties; i++) {
		struct tie *l = &a->ties[i];

		if (l->last < mid || (l->last == mid && n >= a->ties_max / 2))
			continue;
		a->places[l->from].ties++;
		a->places[l->to].ties++;
		a->ties[n++] = *l;
	}
	a->let_go += a->nties - n;
	a->nties = n;
	n = 0;
	for (size_t i = 0; i < a->nplaces; i++) {
		if (!a->places[i].ties) {
			free(a->places[i].name);
			continue;
		}
		moved[i] = (uint32_t)n;
		a->places[n++] = a->places[i];
	}
	a->nplaces = n;
	for (size_t i = 0; i < a->nties; i++) {
		a->ties[i].from = moved[a->ties[i].from];
		a->ties[i].to = moved[a->ties[i].to];
	}
	free(moved);
	return 0;
}

/* The indexes anew, after squeeze. */
static int find_again(struct atlas *a)
{
	map_clear(&a->tie_of);
	map_clear(&a->place_of);
	memset(a->memo, 0, sizeof(a->memo));
	for (size_t i = 0; i < a->nplaces; i++) {
		uint64_t *v = map_put(&a->place_of, a->places[i].key, NULL);

		if (!v)
			return -ENOMEM;
		*v = i + 1;
	}
	for (size_t i = 0; i < a->nties; i++) {
		const struct tie *l = &a->ties[i];
		uint64_t *v =
			map_put(&a->tie_of,
				tie_key(a->places[l->from].key, a->places[l->to].key, l->kind),
				NULL);

		if (!v)
			return -ENOMEM;
		*v = i + 1;
	}
	return 0;
}

int atlas_turn(struct atlas *a, struct diag *d)
{
	int r = atlas_flush(a, d);

	if (r == 0)
		r = squeeze(a, middle(a));
	return r < 0 ? r : find_again(a);
}
