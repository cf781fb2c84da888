/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "learn/chain.h"
#include "learn/group.h"
#include "learn/peers.h"
#include <errno.h>
#include <math.h>

/* Keeps these keys apart from others. */
#define SEED_FIRED UINT64_C(0x6669726500000003)

#define MEMORY (512 * MIB)
#define BLOOM_SHARE \
	64 /* of the ceiling, for each generation: 12 bits for 5.6 M pairs in 512 MiB */

static int load(const char *path, void *arg)
{
	void **a = arg;

	return quantity_load(a[0], path, a[1]);
}

/* One ceiling for everything: the states have what the rest leaves. */
static void share_memory(struct learn *l, size_t bytes)
{
	size_t others;

	l->bloom.lines = MAX(bytes / BLOOM_SHARE / 64, 1);
	others = 2 * 64 * l->bloom.lines + sizeof(*l) + sizeof(*l->peers) +
		 l->nq * (sizeof(struct quantity) + (CLASSES + 1) * sizeof(struct group));
	state_init(&l->states, MAX(bytes, others + STATE_BYTES_MIN));
	l->states.others = others;
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
	l->peers = calloc(1, sizeof(*l->peers));
	arena_init(&l->text, MIB);
	arena_init(&l->leans, 0);
	map_init(&l->models);
	budget_init(&l->budget[0], conf->alerts_per_day > 0 ? conf->alerts_per_day : 3);
	budget_init(&l->budget[1],
		    conf->compliance_per_day > 0 ? conf->compliance_per_day : 20);
	if (l->types && l->peers)
		err = conf->dir ? yaml_walk(conf->dir, load, arg, d) : 0;
	if (err) {
		learn_free(l);
		return err;
	}
	share_memory(l, conf->memory_bytes ? conf->memory_bytes : MEMORY);
	*ret_l = l;
	return 0;
}

/* Chains and hours come last: they judge what the other quantities said of the same event. */
static void chains_last(struct uses *u)
{
	size_t k = 0;

	for (size_t i = 0; i < u->n; i++) {
		struct use use = u->use[i];

		if (use.q->kind->last)
			continue;
		memmove(&u->use[k + 1], &u->use[k], (i - k) * sizeof(use));
		u->use[k++] = use;
	}
}

/*
 * Many quantities are of the same events: those ask once. What is chained may read learned.*,
 * which changes while the event is looked at, so it asks for itself.
 */
static void share_where(struct uses *u)
{
	for (size_t i = 0; i < u->n; i++) {
		const struct quantity *q = u->use[i].q;
		size_t k = 0;

		u->use[i].ask = ASK_ALONE;
		if (!q->where || q->chained)
			continue;
		while (k < i &&
		       (u->use[k].ask != k || !filter_same(u->use[k].q->where, q->where)))
			k++;
		u->use[i].ask = (uint8_t)k;
	}
}

static bool same_value(const struct quantity *a, const struct quantity *b)
{
	return a->nval == b->nval && !memcmp(a->val, b->val, a->nval * sizeof(a->val[0]));
}

/* Many quantities see the same value: it is read and hashed once. */
static void share_values(struct uses *u)
{
	for (size_t i = 0; i < u->n; i++) {
		const struct quantity *q = u->use[i].q;
		size_t k = 0;

		u->use[i].like = ASK_ALONE;
		if (!q->nval || q->chained)
			continue;
		while (k < i && (u->use[k].like != k || !same_value(u->use[k].q, q)))
			k++;
		u->use[i].like = (uint8_t)k;
	}
}

int learn_start(struct learn *l)
{
	for (size_t t = 0; t < l->ntypes; t++) {
		const struct rectype *type = schema_type(l->schema, t);
		struct uses *u = &l->types[t];

		chains_last(u);
		share_where(u);
		share_values(u);
		for (size_t i = 0; i < u->n; i++)
			if (u->use[i].q->where)
				u->use[i].where =
					filter_lean(u->use[i].q->where, type, &l->leans);
		for (size_t i = 0; i < u->n; i++)
			for (uint8_t o = 0; o < OUT_COUNT; o++) {
				uint16_t slot = type->slot_of[u->use[i].q->out[o]];

				if (slot == SLOT_NONE)
					continue;
				u->use[i].wants |= UINT64_C(1) << o;
				u->use[i].slot[u->use[i].nwanted] = slot;
				u->use[i].wanted[u->use[i].nwanted++] = o;
			}
	}
	return 0;
}

void learn_end(struct learn *l)
{
	state_end(&l->states);
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
	arena_free(&l->leans);
	free(l->types);
	bloom_free(&l->bloom);
	free(l->chain);
	free(l->peers);
	free(l->q);
	free(l);
	return NULL;
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
	/*
	 * In how many entity-hours of the past did this happen at all? Where next to nobody is
	 * there to be watched, in how many hours: once a week is as rare for a small house.
	 */
	s = -log((f->times[CLASSES] + 0.5) /
		 (MAX(hours, (double)(now - l->since) / (double)NS_PER_H) + 1));
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
		.learning = l->since && l->clock.now - l->since < DOOR_LEARN_NS,
		.asked_per_day = l->budget[0].per_day,
		.realised_per_day = budget_realised(&l->budget[0]),
		.compliance_asked = l->budget[1].per_day,
		.compliance_realised = budget_realised(&l->budget[1]),
	};
	memcpy(ret_s->judged, l->judged, sizeof(ret_s->judged));
}
