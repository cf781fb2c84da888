/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "learn/group.h"
#include <errno.h>
#include <math.h>

/* Seeds that keep keys of different things apart. */
#define SEED_WHAT  UINT64_C(0x7761740000000001)
#define SEED_LIFE  UINT64_C(0x6c69666500000002)
#define SEED_FIRED UINT64_C(0x6669726500000003)

static const char out_type[OUT_COUNT] = {
#define X(c, name, type) type,
#include "learn/out.def"
#undef X
};

/* A quantity that others report: how often it happened at all. */
struct fired {
	struct door door;
	double times[CLASSES + 1];
};

struct life {
	struct state st;
	int64_t hour;
};

static int load(const char *path, void *arg)
{
	void **a = arg;

	return quantity_load(a[0], path, a[1]);
}

int learn_open(const struct learn_conf *conf, struct schema *s, struct entities *en,
	       struct learn **ret_l, struct diag *d)
{
	struct learn *l = calloc(1, sizeof(*l));
	void *arg[2] = {l, d};
	int err = -ENOMEM;

	if (!l)
		return -ENOMEM;
	l->schema = s;
	l->entities = en;
	l->ntypes = schema_types(s);
	l->types = calloc(l->ntypes + 1, sizeof(*l->types));
	arena_init(&l->text, MIB);
	map_init(&l->models);
	state_init(&l->states, conf->memory_bytes ? conf->memory_bytes : 512 * MIB);
	budget_init(&l->budget[0], conf->alerts_per_day > 0 ? conf->alerts_per_day : 3);
	budget_init(&l->budget[1], conf->compliance_per_day > 0 ? conf->compliance_per_day : 5);
	if (l->types)
		err = conf->dir ? yaml_walk(conf->dir, load, arg, d) : 0;
	if (err) {
		learn_free(l);
		return err;
	}
	*ret_l = l;
	return 0;
}

int learn_start(struct learn *l)
{
	for (size_t t = 0; t < l->ntypes; t++) {
		const struct rectype *type = schema_type(l->schema, t);
		struct uses *u = &l->types[t];

		for (size_t i = 0; i < u->n; i++)
			for (uint8_t o = 0; o < OUT_COUNT; o++) {
				uint16_t slot = type->slot_of[u->use[i].q->out[o]];

				if (slot == SLOT_NONE)
					continue;
				u->use[i].slot[u->use[i].nwanted] = slot;
				u->use[i].wanted[u->use[i].nwanted++] = o;
			}
	}
	return 0;
}

struct learn *learn_free(struct learn *l)
{
	struct map_slot s;

	if (!l)
		return NULL;
	for (size_t i = 0; i < l->nq; i++)
		quantity_free(l->q[i]);
	for (size_t i = 0; l->types && i < l->ntypes; i++)
		free(l->types[i].use);
	for (size_t i = 0; map_next(&l->models, &i, &s);)
		free((void *)(uintptr_t)s.val);
	map_free(&l->models);
	state_free(&l->states);
	arena_free(&l->text);
	free(l->types);
	free(l->bloom);
	free(l->q);
	free(l);
	return NULL;
}

/* Who the observation is about; false when the event does not say. */
static bool who_is(const struct learn *l, const struct quantity *q, struct observation *o)
{
	uint64_t key = hash_mix(q->id + UINT64_C(1));
	bool any = false;
	char tmp[40];

	o->entity = ENT_NONE;
	for (uint8_t i = 0; i < q->nent; i++) {
		const struct entity *en = NULL;
		struct str text;

		if (q->ent[i].role != ROLE_COUNT) {
			uint32_t id = q->ent[i].role == ROLE_HOME
					      ? (o->e->nents ? o->e->ents[0].id : ENT_NONE)
					      : event_ent(o->e, (enum ent_role)q->ent[i].role);

			en = id == ENT_NONE ? NULL : entity_get(l->entities, id);
			if (!en)
				return false;
			key = hash_2(key, en->hash);
			any = true;
			if (o->entity == ENT_NONE) {
				o->entity = id;
				o->cls = en->cls < CLASSES ? en->cls : 0;
			}
			continue;
		}
		text = val_text(event_get(o->e, q->ent[i].attr), tmp);
		if (!text.len)
			return false;
		key = hash_2(key, hash_istr(text, 0));
		any = true;
	}
	if (o->entity == ENT_NONE && o->e->nents) {
		const struct entity *en = entity_get(l->entities, o->e->ents[0].id);

		o->entity = o->e->ents[0].id;
		o->cls = en && en->cls < CLASSES ? en->cls : 0;
	}
	o->who = key;
	return any;
}

/* The value's parts joined by a blank; empty when none is there. */
static struct str what_is(struct learn *l, const struct quantity *q, const struct event *e,
			  const struct val *only)
{
	char tmp[40];
	struct str all = {NULL, 0};

	for (uint8_t i = 0; i < q->nval; i++) {
		const struct val *v = only ? only : event_get(e, q->val[i].attr);
		struct str t;

		if (v->kind == VAL_LIST)
			t = val_str(v);
		else
			t = val_text(v, tmp);
		if (!t.len)
			continue;
		if (!all.len)
			all = v->kind == VAL_STR ? t : arena_str(&l->text, t);
		else
			all = arena_fmt(&l->text, "%.*s %.*s", STR_ARG(all), STR_ARG(t));
		if (only)
			break;
	}
	return all;
}

static struct str fill(struct learn *l, const struct quantity *q, const struct observation *o,
		       const struct verdict *v)
{
	const struct entity *en = entity_get(l->entities, o->entity);
	struct str rest = str_of(q->text), part, name;
	struct str out = STR("");

	while (rest.len) {
		part = str_cut(rest, '{', &rest);
		out = arena_fmt(&l->text, "%.*s%.*s", STR_ARG(out), STR_ARG(part));
		if (!rest.p)
			break;
		name = str_cut(rest, '}', &rest);
		if (str_eqz(name, "entity"))
			part = en ? en->name : STR("somebody");
		else if (str_eqz(name, "seen"))
			part = v->seen;
		else if (str_eqz(name, "usual"))
			part = v->usual;
		else if (str_eqz(name, "value"))
			part = o->value;
		else if (str_eqz(name, "days"))
			part = arena_fmt(&l->text, "%.0f", v->days);
		else if (str_eqz(name, "same"))
			part = arena_fmt(&l->text, "%u", v->peers_same);
		else if (str_eqz(name, "peers"))
			part = arena_fmt(&l->text, "%u", v->peers);
		else
			part = STR("?");
		out = arena_fmt(&l->text, "%.*s%.*s", STR_ARG(out), STR_ARG(part));
	}
	return out;
}

static void put_outputs(const struct use *u, struct event *e, struct arena *mem,
			const struct verdict *v)
{
	for (uint8_t i = 0; i < u->nwanted; i++) {
		uint8_t o = u->wanted[i];
		struct val *at = &e->row[u->slot[i]];

		if (out_type[o] == 's') {
			struct str t = o == OUT_SEEN ? v->seen : v->usual;

			if (o == OUT_LIST)
				t = v->seen;
			if (t.len && (t = arena_str(mem, t)).p)
				*at = val_s(t);
			continue;
		}
		if (!(v->have & 1u << o))
			continue;
		if (out_type[o] == 'b')
			*at = val_b(v->f[o] != 0);
		else if (out_type[o] == 'i')
			*at = val_i((int64_t)v->f[o]);
		else
			*at = val_f(v->f[o]);
	}
}

static void finish(struct learn *l, const struct use *u, struct event *e, struct arena *mem,
		   const struct observation *o, struct verdict *v)
{
	struct quantity *q = u->q;
	double s = door_judge(&q->door, o->cls, v->raw, q->kind->own_scale, o->now);
	bool learning = door_learning(&q->door, o->cls, o->now);

	if (v->tested)
		door_add(&q->door, o->cls, v->raw, o->now);
	if (q->kind->explain && (v->odd || v->raw >= TEXT_NATS))
		q->kind->explain(l, q, o, v);
	verdict_set(v, OUT_SURPRISE, s);
	verdict_set(v, OUT_RAW, v->raw);
	verdict_set(v, OUT_DAYS, v->days);
	verdict_set(v, OUT_LEARNING, learning);
	put_outputs(u, e, mem, v);
	if (v->tested && q->tactic.len && s >= 4.6)
		chain_note(l, o->entity, q->tactic, s, o->now);
	if ((!v->odd && v->raw < TEXT_NATS) || l->nresults == RESULTS_MAX)
		return;
	l->results[l->nresults++] = (struct learn_result){
		.quantity = str_of(q->name),
		.entity = o->entity,
		.cls = o->cls,
		.raw = v->raw,
		.surprise = s,
		.usual = v->usual,
		.seen = v->seen,
		.text = fill(l, q, o, v),
		.days = v->days,
		.peers_same = v->peers_same,
		.peers = v->peers,
		.tactic = q->tactic,
		.learning = learning,
	};
}

/* Every item of a list is seen; the oddest one speaks for the event. */
static void see_use(struct learn *l, const struct use *u, struct event *e, struct arena *mem)
{
	struct quantity *q = u->q;
	struct observation o = {.e = e, .now = e->known}, best_o;
	struct verdict best = {.raw = -1};
	const struct val *items = &val_none;
	size_t n = 1;

	if ((q->where && !filter_match(q->where, e)) || !who_is(l, q, &o))
		return;
	if (q->number != ATTR_NONE && !val_num(event_get(e, q->number), &o.number))
		return;
	if (q->against != ATTR_NONE)
		(void)val_num(event_get(e, q->against), &o.against);
	if (q->nval == 1)
		n = MIN(val_items(event_get(e, q->val[0].attr), &items), VALUES_MAX);
	best_o = o;
	for (size_t i = 0; i < n; i++) {
		struct verdict v;

		v.raw = 0;
		v.tested = v.odd = false;
		v.have = 0;
		v.usual = v.seen = STR("");
		v.days = 0;
		v.peers = v.peers_same = 0;
		if (q->nval) {
			o.value = what_is(l, q, e, q->nval == 1 ? &items[i] : NULL);
			if (!o.value.len)
				continue;
			o.what = hash_istr(o.value, SEED_WHAT + q->id);
		}
		q->kind->see(l, q, &o, &v);
		if (v.raw > best.raw && v.have) {
			best = v;
			best_o = o;
		}
	}
	if (best.raw >= 0)
		finish(l, u, e, mem, &best_o, &best);
}

/* An hour in which an entity did anything: what rates of firing are measured against. */
static void live(struct learn *l, const struct event *e)
{
	const struct entity *en = e->nents ? entity_get(l->entities, e->ents[0].id) : NULL;
	struct life *s;

	if (!en)
		return;
	s = (struct life *)state_put(&l->states, hash_2(SEED_LIFE, en->hash), sizeof(*s),
				     e->known);
	if (!s || s->hour == e->known / NS_PER_H)
		return;
	s->hour = e->known / NS_PER_H;
	l->hours[en->cls < CLASSES ? en->cls : 0] += 1;
	l->hours[CLASSES] += 1;
}

int learn_event(struct learn *l, struct event *e, struct arena *mem)
{
	struct uses *u = &l->types[e->type->id];

	arena_reset(&l->text);
	l->nresults = 0;
	if (!l->since)
		l->since = MAX(e->known, 1);
	l->now = MAX(l->now, e->known);
	live(l, e);
	for (size_t i = 0; i < u->n; i++)
		see_use(l, &u->use[i], e, mem);
	return 0;
}

size_t learn_results(const struct learn *l, const struct learn_result **ret_r)
{
	*ret_r = l->results;
	return l->nresults;
}

static struct fired *fired_of(struct learn *l, struct str quantity)
{
	uint64_t *at = map_put(&l->models, hash_str(quantity, SEED_FIRED), NULL);

	if (at && !*at)
		*at = (uintptr_t)calloc(1, sizeof(struct fired));
	return at ? (struct fired *)(uintptr_t)*at : NULL;
}

double learn_report(struct learn *l, uint32_t entity, struct str quantity, double raw,
		    struct str tactic, int64_t now)
{
	const struct entity *en = entity_get(l->entities, entity);
	uint8_t cls = en && en->cls < CLASSES ? en->cls : 0;
	struct fired *f = fired_of(l, quantity);
	struct life *once;
	double s, hours;
	uint64_t key;

	if (!f)
		return MIN(raw, DOOR_LEARN_CAP);
	hours = l->hours[CLASSES];
	/* In how many entity-hours of the past did this happen at all? */
	s = -log((f->times[CLASSES] + 0.5) / (hours + 1));
	if (hours < DOOR_LEARN_N && now - l->since < DOOR_LEARN_NS)
		s = MIN(raw, 2 * DOOR_LEARN_CAP);
	s = MIN(MAX(s, 0), 2 * raw);
	key = hash_2(hash_str(quantity, SEED_FIRED), en ? en->hash : 0);
	once = (struct life *)state_put(&l->states, key, sizeof(*once), now);
	if (!once || once->hour != now / NS_PER_H) {
		f->times[cls] += 1;
		f->times[CLASSES] += 1;
		if (once)
			once->hour = now / NS_PER_H;
	}
	if (tactic.len && s >= 4.6)
		chain_note(l, entity, tactic, s, now);
	return s;
}

bool learn_budget(struct learn *l, double surprise, bool compliance, int64_t now)
{
	return budget_offer(&l->budget[compliance], surprise, now);
}

void learn_stats(const struct learn *l, struct learn_stats *ret_s)
{
	*ret_s = (struct learn_stats){
		.quantities = l->nq,
		.states = l->states.len,
		.bytes = l->states.bytes,
		.evictions = l->states.evictions,
		.since = l->since,
		.learning = l->since && l->now - l->since < DOOR_LEARN_NS,
		.asked_per_day = l->budget[0].per_day,
		.realised_per_day = budget_realised(&l->budget[0]),
	};
}
