/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/ways: by which keys an alert may join. Direct ones are the entities it names, unless
 * they are hubs; others lie one edge away, or two where mail or a session stands between.
 */
#include "base/hash.h"
#include "incident/impl.h"

#define SALT_HUB   UINT64_C(0x687562)
#define SALT_QUEUE UINT64_C(0x636f6d70)
#define SALT_AGAIN UINT64_C(0x616761696e)
#define NEAR_MAX   16u

/* Each key once, with the best that is known of it; the first way gives the story. */
static void add(struct ways *w, struct way way)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->v[i].key != way.key)
			continue;
		w->v[i].strong |= way.strong;
		w->v[i].lasting |= way.lasting;
		return;
	}
	if (w->n < WAYS_MAX)
		w->v[w->n++] = way;
}

/* The bare own domain stands for controllers or mail servers, whoever calls it. */
static bool own_apex(const struct entities *en, uint32_t id)
{
	struct str names[8];
	size_t n = entity_names(en, id, names, ARRAY_LEN(names));

	for (size_t i = 0; i < n; i++)
		if (entities_own_domain(en, names[i]) &&
		    str_ieq(domain_registrable(names[i]), names[i]))
			return true;
	return false;
}

/* What an alert is about, as far as it decides whether a hub in it is concerned itself. */
struct about {
	bool program;  /* it happened inside a host */
	bool outsider; /* somebody outside began it */
};

static struct about about(const struct alert *a, const struct entities *en)
{
	struct about r = {false, false};

	for (size_t i = 0; i < MIN(a->nents, ALERT_ENTS_MAX); i++) {
		const struct entity *x = entity_get(en, a->ents[i]);
		uint8_t role = a->roles[i];

		r.program |= x && x->kind == ENT_IMAGE;
		r.outsider |= x && x->kind == ENT_ENDPOINT &&
			      (role == ROLE_ACTOR || role == ROLE_DEVICE);
	}
	return r;
}

/* A hub in an alert says something only when it is not a mere bystander of its traffic. */
static bool concerned(enum ent_kind kind, enum ent_role role, bool first, struct about r)
{
	bool host = kind == ENT_DEVICE || kind == ENT_WORKLOAD;

	if (role == ROLE_PEER || role == ROLE_TARGET)
		return host && r.outsider;
	return first || role == ROLE_ACTOR || (host && r.program);
}

/* false: says nothing of who is behind it. */
static bool direct(struct way *y, const struct entity *x, enum ent_role role, bool first,
		   struct about r, const struct entities *en, const struct edges *g)
{
	bool acted_on = role == ROLE_PEER || role == ROLE_TARGET;

	y->key = edges_key(x);
	y->kind = WAY_DIRECT;
	y->lasting = true;
	y->strong = role != ROLE_PEER || first || r.outsider || x->kind == ENT_ENDPOINT;
	if (x->kind == ENT_RESOURCE || role == ROLE_PARENT)
		return false;
	if (x->kind == ENT_ENDPOINT)
		return edges_rare(g, y->key) && !entities_own_domain(en, x->name);
	if (acted_on && own_apex(en, x->id))
		return false;
	if (!edges_hub(g, y->key))
		return true;
	/* Whoever shares an identity, or acts through a hub, is not joined by it. */
	y->hub = true;
	y->brief = x->kind != ENT_DEVICE && x->kind != ENT_WORKLOAD;
	y->key = hash_2(y->key, SALT_HUB);
	return concerned(x->kind, role, first, r);
}

/* The account that sits at a device: its own alerts come without the device. */
static void user(struct ways *w, const struct way *dev, uint32_t id, const struct entities *en,
		 const struct edges *g)
{
	uint32_t u = entities_user_of(en, id);
	const struct entity *x = u == ENT_NONE ? NULL : entity_get(en, u);
	struct way y = *dev;

	if (!x)
		return;
	y.key = edges_key(x);
	y.kind = EDGE_USES;
	y.strong = false;
	if (!edges_hub(g, y.key))
		add(w, y);
}

/* An edge to or through what many share joins nobody. */
static bool crowd(const struct edges *g, const struct edge *e)
{
	if (e->kind == EDGE_CONTACT)
		return !edges_rare(g, e->to);
	if (e->kind == EDGE_MAIL && (edges_mailer(g, e->from) || edges_mailer(g, e->to)))
		return true;
	return edges_hub(g, e->to);
}

/* One more edge of the given kind, from where the first one led. */
static void second(struct ways *w, const struct way *via, uint8_t kind, const struct edges *g,
		   int64_t since)
{
	struct edge near[NEAR_MAX];
	size_t n = edges_near(g, via->key, since, near, NEAR_MAX);

	for (size_t i = 0; i < n; i++) {
		struct way y = *via;

		if (near[i].kind != kind || crowd(g, &near[i]))
			continue;
		y.key = near[i].to;
		y.time = near[i].time;
		y.kind = kind;
		y.strong = via->strong;
		add(w, y);
	}
}

/* What lies one edge from a key, and in three cases two. */
static void neighbours(struct ways *w, const struct way *from, const struct edges *g,
		       int64_t since)
{
	struct edge near[NEAR_MAX];
	size_t n = edges_near(g, from->key, since, near, NEAR_MAX);

	for (size_t i = 0; i < n; i++) {
		struct way y = *from;

		if (crowd(g, &near[i]))
			continue;
		y.key = near[i].to;
		y.time = near[i].time;
		y.kind = near[i].kind;
		y.strong = near[i].kind >= EDGE_ISSUED;
		y.lasting = false;
		add(w, y);
		/* Clicked: device, link domain, recipient. Taken over: identity, session,
		 * identity. */
		if (y.kind == EDGE_CONTACT)
			second(w, &y, EDGE_MAIL, g, since);
		else if (y.kind == EDGE_MAIL)
			second(w, &y, EDGE_CONTACT, g, since);
		else if (y.kind == EDGE_SESSION || y.kind == EDGE_FILE)
			second(w, &y, y.kind, g, since);
	}
}

/* An identity that is a hub by now may have become one in the incident that has it. */
static void crowded(struct ways *w, const struct entity *x, const struct alert *a, size_t i,
		    const struct entities *en, const struct edges *g)
{
	struct way y = {.key = edges_key(x),
			.time = a->time,
			.from = (uint8_t)i,
			.kind = WAY_DIRECT,
			.strong = true,
			.crowded = true};

	if ((x->kind == ENT_ACCOUNT || x->kind == ENT_ROLE) && a->roles[i] == ROLE_ACTOR &&
	    edges_hub(g, y.key) && !own_apex(en, x->id))
		add(w, y);
}

bool ways_exploit(struct str phase, const struct str *attack, size_t n)
{
	if (tactic_rank(phase) <= tactic_rank(STR("initial-access")))
		return false;
	for (size_t i = 0; i < n; i++)
		if (str_ieq(attack[i], STR("T1190")))
			return true;
	return false;
}

/*
 * The same model of exploitation at the same device of the organisation. Where one of its own
 * devices attacks another, the lasting thing is who attacks: that joins by itself.
 */
static void again(struct ways *w, const struct alert *a, const struct entities *en)
{
	for (size_t i = 1; i < MIN(a->nents, ALERT_ENTS_MAX); i++) {
		const struct entity *x = entity_get(en, a->ents[i]);

		if (x && x->kind == ENT_DEVICE && x->id != a->ents[0] &&
		    (a->roles[i] == ROLE_PEER || a->roles[i] == ROLE_TARGET))
			return;
	}
	for (size_t i = 0; i < MIN(a->nents, ALERT_ENTS_MAX); i++) {
		const struct entity *x = entity_get(en, a->ents[i]);
		struct way y = {.time = a->time, .from = (uint8_t)i, .kind = WAY_DIRECT};

		if (!x || (x->kind != ENT_DEVICE && x->kind != ENT_WORKLOAD))
			continue;
		y.key = hash_str(a->model->name, hash_2(edges_key(x), SALT_AGAIN));
		y.strong = y.lasting = y.again = true;
		add(w, y);
	}
}

void ways_find(struct ways *w, const struct alert *a, const struct entities *en,
	       const struct edges *g, int64_t window)
{
	struct about r = about(a, en);
	size_t n;

	w->n = 0;
	for (size_t i = 0; i < MIN(a->nents, ALERT_ENTS_MAX); i++) {
		const struct entity *x = entity_get(en, a->ents[i]);
		struct way y = {.time = a->time, .from = (uint8_t)i};

		if (!x)
			continue;
		crowded(w, x, a, i, en, g);
		if (!direct(&y, x, a->roles[i], i == 0, r, en, g))
			continue;
		add(w, y);
		if (x->kind == ENT_DEVICE && !y.hub)
			user(w, &y, a->ents[i], en, g);
	}
	n = w->n;
	for (size_t i = 0; i < n; i++) {
		struct way from = w->v[i];

		if (!from.hub && !from.crowded)
			neighbours(w, &from, g, a->time - window);
	}
	if (ways_exploit(a->model->phase, a->model->attack, a->model->nattack))
		again(w, a, en);
}

uint64_t ways_compliance(const struct alert *a, const struct entities *en)
{
	const struct entity *best = NULL;

	for (size_t i = 0; i < MIN(a->nents, ALERT_ENTS_MAX); i++) {
		const struct entity *x = entity_get(en, a->ents[i]);

		if (x && x->kind <= ENT_WORKLOAD)
			return hash_2(edges_key(x), SALT_QUEUE);
		if (x && !best)
			best = x;
	}
	return hash_2(best ? edges_key(best) : hash_str(a->model->name, 0), SALT_QUEUE);
}
