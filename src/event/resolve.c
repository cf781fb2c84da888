/* SPDX-License-Identifier: Apache-2.0 */
/* One event: what it tells, whom it is about, what kind of life they lead. */
#include "base/hash.h"
#include "event/entity_priv.h"

#define SERVER_CALLERS 5  /* distinct internal callers that make an unleased device a server */
#define CLIENT_CALLERS 16 /* and one with a lease */

uint8_t classify_name(enum ent_kind kind, struct str name)
{
	static const uint8_t by_kind[ENT_KIND_COUNT] = {
		[ENT_ROLE] = ENT_CLASS_SERVICE,
		[ENT_WORKLOAD] = ENT_CLASS_SERVER,
		[ENT_ENDPOINT] = ENT_CLASS_EXTERNAL,
	};

	if (kind != ENT_ACCOUNT)
		return by_kind[kind];
	if (name_service_account(name) ||
	    name_generic_account(str_sub(name, 0, str_chr(name, '@', 0))))
		return ENT_CLASS_SERVICE;
	return ENT_CLASS_HUMAN;
}

/* Evidence only adds up, so that a class moves a few times in a life and never back. */
static void classify_device(struct ent *t)
{
	int callers = __builtin_popcountll(t->callers);

	if (t->pub.kind != ENT_DEVICE)
		return;
	if (t->ot)
		t->pub.cls = ENT_CLASS_OT;
	else if (callers >= (t->leased ? CLIENT_CALLERS : SERVER_CALLERS))
		t->pub.cls = ENT_CLASS_SERVER;
	else if (t->leased)
		t->pub.cls = ENT_CLASS_CLIENT;
}

static bool type_is_service(struct str type)
{
	static const char *const words[] = {"application", "service", "serviceprincipal",
					    "awsservice",  "system",  "app"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_ieqz(type, words[i]))
			return true;
	return false;
}

/* A host's own log tells of those who come to it: its peer is who calls. */
static bool peer_calls(const struct rectype *t)
{
	for (uint8_t i = 0; i < t->nents; i++)
		if (t->ents[i].role == ROLE_PEER)
			return t->ents[i].from == ATTR_SRC_IP;
	return false;
}

void classify_event(struct entities *en, const struct event *e)
{
	bool came = peer_calls(e->type);
	struct ent *from = ent_of(en, event_ent(e, came ? ROLE_PEER : ROLE_DEVICE));
	struct ent *to = ent_of(en, event_ent(e, came ? ROLE_DEVICE : ROLE_PEER));
	struct ent *who = ent_of(en, event_ent(e, ROLE_ACTOR));
	struct str state = event_str(e, ATTR_CONN_STATE);

	if (!from && who && who->pub.kind == ENT_DEVICE)
		from = who;
	if (e->type->cls == CLASS_OT_ACTIVITY) {
		if (to)
			to->ot = true;
		/* A leased workstation that speaks to a controller stays a client, and so does
		 * whoever lived here without doing so: a station of the plant asks from the
		 * day it is there. */
		if (from && !from->leased && e->known - from->pub.first_seen < NS_PER_D)
			from->ot = true;
	}
	if (from && to && from != to && from->pub.kind == ENT_DEVICE && !str_eqz(state, "S0") &&
	    !str_eqz(state, "REJ"))
		to->callers |= UINT64_C(1) << (hash_mix(from->pub.hash) & 63);
	if (from)
		classify_device(from);
	if (to)
		classify_device(to);
	if (who && who->pub.kind == ENT_ACCOUNT &&
	    type_is_service(event_str(e, ATTR_USER_TYPE)))
		who->pub.cls = ENT_CLASS_SERVICE;
}

/* Several declarations may fill one part with the same entity; it is entered once. */
static void refer(struct entities *en, struct event *e, uint8_t role, uint32_t id)
{
	struct ent *t = ent_of(en, id);
	bool counted = false;

	if (!t || e->nents == EVENT_ENTS_MAX)
		return;
	for (uint8_t i = 0; i < e->nents; i++) {
		if (e->ents[i].id == id && e->ents[i].role == role)
			return;
		counted |= e->ents[i].id == id;
	}
	t->pub.events += !counted;
	e->ents[e->nents++] = (struct entref){.id = id, .role = role};
}

static void fill_ents(struct entities *en, struct event *e)
{
	e->nents = 0;
	for (uint8_t i = 0; i < e->type->nents; i++) {
		const struct ent_decl *d = &e->type->ents[i];
		const struct val *item;
		size_t n = val_items(event_get(e, d->from), &item);

		for (size_t k = 0; k < n && e->nents < EVENT_ENTS_MAX; k++) {
			char tmp[40];
			struct str name = val_text(&item[k], tmp);

			refer(en, e, d->role, identity_put(en, d->kind, name, e->known, e));
		}
	}
}

int entities_resolve(struct entities *en, struct event *e, struct arena *mem)
{
	int r = binds_apply(en, e);

	if (r == 0)
		r = derive_hosts(en, e, mem);
	if (r < 0)
		return r;
	fill_ents(en, e);
	classify_event(en, e);
	r = facts_apply(en, e);
	if (r < 0)
		return r;
	return derive_rest(en, e, mem);
}
