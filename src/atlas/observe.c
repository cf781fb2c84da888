/* SPDX-License-Identifier: Apache-2.0 */
/* Which places an event names, and what it says of them. */
#include "atlas/impl.h"
#include <errno.h>

#define RCPT_MAX     16u
#define TIES_A_EVENT 64u /* room that one event may need, of places too */

struct cast {
	uint32_t ent[ROLE_COUNT]; /* first in each part, or ENT_NONE */
	int kind[ROLE_COUNT];	  /* or -1 */
};

static void cast_fill(struct cast *c, const struct atlas *a, const struct event *e)
{
	for (int r = 0; r < ROLE_COUNT; r++) {
		c->ent[r] = ENT_NONE;
		c->kind[r] = -1;
	}
	for (unsigned i = 0; i < e->nents; i++) {
		const struct entity *x = entity_get(a->en, e->ents[i].id);
		uint8_t r = e->ents[i].role;

		if (!x || r >= ROLE_COUNT || c->kind[r] >= 0)
			continue;
		c->ent[r] = x->id;
		c->kind[r] = x->kind;
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

static uint64_t number(const struct event *e, attr_t at)
{
	const struct val *v = event_get(e, at);

	return v->kind == VAL_INT && v->i > 0 ? (uint64_t)v->i : 0;
}

static uint32_t what_of(struct atlas *a, struct str text, uint64_t port)
{
	uint32_t sym = text.len ? atlas_sym(a, text) : 0;

	return sym << 16 | (uint32_t)(port <= UINT16_MAX ? port : 0);
}

/* Whether who was called answered: a scan that nobody answers opens nothing. */
static bool answered(const struct event *e)
{
	struct str state = event_str(e, ATTR_CONN_STATE);

	if (number(e, ATTR_BYTES_IN) > 0)
		return true;
	if (e->type->cls != CLASS_NETWORK_ACTIVITY)
		return e->type->cls >= CLASS_HTTP_ACTIVITY && e->type->cls <= CLASS_OT_ACTIVITY;
	return str_eqz(state, "SF") ||
	       (state.len == 2 && state.p[0] == 'S' && state.p[1] != '0');
}

/* Somebody outside called a place of ours. Strangers are one place: the internet. */
static int inbound(struct atlas *a, uint32_t stranger, uint32_t to, const struct event *e,
		   const struct seen *s)
{
	const struct entity *x = entity_get(a->en, stranger);
	struct place *p;
	uint32_t from;

	if (to == UINT32_MAX || !x || !answered(e))
		return 0;
	p = &a->places[to];
	p->open_first = p->open_first == TIME_NONE ? s->t : MIN(p->open_first, s->t);
	p->open_last = MAX(p->open_last, s->t);
	p->changed = true;
	from = map_get(&a->place_of, x->hash)
		       ? place_of_entity(a, stranger, s->t)
		       : place_named(a, PLACE_INTERNET, STR("the internet"), s->t);
	return tie_put(a, from, to, TIE_FLOW, s);
}

/* A connection, from whoever opened it. */
static int flow(struct atlas *a, const struct cast *c, const struct event *e, struct seen s)
{
	int who = is_host(c->kind[ROLE_DEVICE]) || c->kind[ROLE_DEVICE] == ENT_ENDPOINT
			  ? ROLE_DEVICE
			  : ROLE_ACTOR;
	struct str name = event_str(e, ATTR_CONN_SERVICE);
	int far = ROLE_PEER;

	if (c->kind[far] < 0 && c->kind[ROLE_DEVICE] == ENT_ENDPOINT &&
	    e->type->cls == CLASS_HTTP_ACTIVITY)
		far = ROLE_TARGET;
	if (c->kind[who] < 0 || c->kind[far] < 0 ||
	    (!is_host(c->kind[who]) && c->kind[who] != ENT_ENDPOINT))
		return 0;
	name = name.len ? name : event_str(e, ATTR_PROTO);
	s.what = what_of(a, name, number(e, ATTR_DST_PORT));
	s.out = number(e, ATTR_BYTES_OUT);
	s.in = number(e, ATTR_BYTES_IN);
	if (c->kind[who] == ENT_ENDPOINT)
		return inbound(a, c->ent[who], place_of_entity(a, c->ent[far], s.t), e, &s);
	return tie_entities(a, c->ent[who], c->ent[far], TIE_FLOW, &s);
}

/* What runs on a host, who started it, whom it calls. */
static int program(struct atlas *a, const struct cast *c, const struct event *e,
		   const struct seen *s)
{
	uint32_t image = c->ent[ROLE_IMAGE];
	struct seen far = *s;
	int r = 0;

	if (is_host(c->kind[ROLE_DEVICE]))
		r = tie_entities(a, c->ent[ROLE_DEVICE], image, TIE_RUNS, s);
	if (r == 0 && c->kind[ROLE_PARENT] >= 0)
		r = tie_entities(a, c->ent[ROLE_PARENT], image, TIE_STARTS, s);
	if (r < 0 || c->kind[ROLE_PEER] < 0)
		return r;
	far.what = what_of(a, event_str(e, ATTR_PROTO), number(e, ATTR_DST_PORT));
	return tie_entities(a, image, c->ent[ROLE_PEER], TIE_OPENS, &far);
}

/* The role or user that a session was issued from, by any of its names. */
static uint32_t issuer_of(const struct atlas *a, const struct event *e)
{
	static const enum ent_kind kinds[] = {ENT_ROLE, ENT_ACCOUNT};
	struct str issuer = event_str(e, ATTR_SESSION_ISSUER);

	return issuer.len ? entity_find_any(a->en, kinds, ARRAY_LEN(kinds), issuer) : ENT_NONE;
}

/* What an identity, or a machine with one, does to services and their resources. */
static int deed(struct atlas *a, const struct cast *c, const struct event *e, uint32_t actor,
		const struct seen *s)
{
	struct str service = event_str(e, ATTR_SERVICE), op = event_str(e, ATTR_OPERATION);
	struct seen x = *s;
	uint32_t to;
	int r = 0;

	x.what = what_of(a, op.len ? op : event_str(e, ATTR_ACTIVITY), 0);
	if (service.len)
		r = tie_put(a, actor, place_named(a, PLACE_SERVICE, service, s->t), TIE_CALLS,
			    &x);
	if (r == 0 && c->kind[ROLE_TARGET] == ENT_RESOURCE) {
		const char *type = service_type(service);

		x.out = number(e, ATTR_BYTES_OUT);
		x.in = number(e, ATTR_BYTES_IN);
		to = place_of_entity(a, c->ent[ROLE_TARGET], s->t);
		if (to != UINT32_MAX && type && !a->places[to].type)
			a->places[to].type = atlas_sym(a, str_of(type));
		r = tie_put(a, actor, to, TIE_USES, &x);
	}
	if (r == 0)
		r = tie_put(a, actor, place_of_entity(a, issuer_of(a, e), s->t), TIE_BECAME, s);
	return r < 0 || !op.len ? r : lives_event(a, e, actor, s);
}

static int identity(struct atlas *a, const struct cast *c, const struct event *e,
		    const struct seen *s)
{
	int who = c->kind[ROLE_ACTOR] >= 0 ? ROLE_ACTOR : ROLE_DEVICE;
	uint32_t actor;
	int r = 0;

	if (!is_identity(c->kind[who]) && c->kind[who] != ENT_WORKLOAD &&
	    c->kind[ROLE_TARGET] != ENT_RESOURCE)
		return 0;
	actor = place_of_entity(a, c->ent[who], s->t);
	if (who == ROLE_ACTOR && is_identity(c->kind[who]) && c->kind[ROLE_DEVICE] >= 0)
		r = tie_entities(a, c->ent[who], c->ent[ROLE_DEVICE], TIE_LOGIN, s);
	return r < 0 ? r : deed(a, c, e, actor, s);
}

/* Whose mailbox an address is: an account we know, else the domain outside. */
static uint32_t mailbox(struct atlas *a, struct str addr, int64_t t)
{
	uint32_t id = entity_find(a->en, ENT_ACCOUNT, addr);
	size_t at = str_chr(addr, '@', 0);
	struct str domain = at == SIZE_MAX ? str_n(NULL, 0) : str_sub(addr, at + 1, addr.len);
	bool own = domain.len && entities_own_domain(a->en, domain);

	if (id != ENT_NONE && (own || !domain.len))
		return place_of_entity(a, id, t);
	if (!domain.len || own)
		return UINT32_MAX;
	domain = domain_registrable(domain);
	id = entity_find(a->en, ENT_ENDPOINT, domain);
	return id != ENT_NONE ? place_of_entity(a, id, t)
			      : place_named(a, ENT_ENDPOINT, domain, t);
}

static int mail(struct atlas *a, const struct event *e, const struct seen *s)
{
	const struct val *item;
	size_t n = MIN(val_items(event_get(e, ATTR_MAIL_TO), &item), (size_t)RCPT_MAX);
	uint32_t from = mailbox(a, event_str(e, ATTR_MAIL_FROM), s->t);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = tie_put(a, from, mailbox(a, val_str(&item[i]), s->t), TIE_MAIL, s);
	return r;
}

/* What an event says may need several places and ties: room for them is made before. */
static int room(struct atlas *a)
{
	if (a->nties + TIES_A_EVENT <= a->ties_max &&
	    a->nplaces + TIES_A_EVENT <= a->places_max)
		return 0;
	return atlas_turn(a, a->d);
}

int atlas_event(struct atlas *a, const struct event *e, bool again, struct diag *d)
{
	struct seen s = {.t = e->known, .again = again};
	struct cast c;
	int r;

	a->d = d;
	r = room(a);
	if (r < 0)
		return r;
	a->latest = MAX(a->latest, s.t);
	if (e->type->cls == CLASS_EMAIL_ACTIVITY && event_str(e, ATTR_MAIL_FROM).len)
		return mail(a, e, &s);
	cast_fill(&c, a, e);
	r = flow(a, &c, e, s);
	if (r == 0 && c.kind[ROLE_IMAGE] >= 0)
		r = program(a, &c, e, &s);
	return r < 0 ? r : identity(a, &c, e, &s);
}
