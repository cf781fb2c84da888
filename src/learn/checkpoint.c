/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/checkpoint.h"
#include "learn/chain.h"
#include "learn/group.h"
#include "learn/peers.h"
#include "learn/state_image.h"
#include <errno.h>

/* Raised when anything below, or what a block holds, changes its meaning but not its size. */
#define FORMAT 3

#define TAG_HEAD     BLOCK_TAG('l', 'r', 'n', ' ')
#define TAG_QUANTITY BLOCK_TAG('q', 'n', 't', 'y')
#define TAG_BUDGET   BLOCK_TAG('b', 'd', 'g', 't')
#define TAG_FIRED    BLOCK_TAG('f', 'i', 'r', 'd')
#define TAG_YOUNG    BLOCK_TAG('b', 'l', 'm', 'y')
#define TAG_OLD	     BLOCK_TAG('b', 'l', 'm', 'o')
#define TAG_CHAIN    BLOCK_TAG('c', 'h', 'n', 'd')
#define TAG_PEERS    BLOCK_TAG('p', 'e', 'e', 'r')
#define TAG_STATES   BLOCK_TAG('s', 't', 't', 's')

/* Sizes stand for layouts: one that differs was written by another version. */
struct head {
	uint32_t format, classes;
	uint32_t state, door, group, budget, fired, chain, peers, lived;
	uint32_t nq;
	int64_t since;
	struct clock clock;
	double hours[CLASSES + 1];
	uint64_t bloom_lines, bloom_pairs;
	uint64_t nfired;
};

struct quantity_row {
	uint64_t id;
	uint32_t index, spare;
	struct door door;
	double rested[CLASSES];
};

struct fired_row {
	uint64_t key;
	struct fired f;
};

/* What comes out of a file, until it is known to be whole. */
struct restored {
	struct head h;
	struct state_table states;
	struct bloom bloom;
	struct map models;
	struct budget budget[2];
	bool *known;		  /* [l->nq]: row and groups hold what was saved */
	struct quantity_row *row; /* [l->nq] */
	struct chain_doors *chain;
	struct peers *peers;
	struct group *groups; /* [l->nq * (CLASSES + 1)] */
	uint16_t *owner;      /* [h.nq + 1]: saved owner -> owner now, 0 none */
	struct learn_restored n;
};

static struct head head_of(const struct learn *l)
{
	return (struct head){.format = FORMAT,
			     .classes = CLASSES,
			     .state = sizeof(struct state),
			     .door = sizeof(struct door),
			     .group = sizeof(struct group),
			     .budget = sizeof(struct budget),
			     .fired = sizeof(struct fired),
			     .chain = sizeof(struct chain_doors),
			     .peers = sizeof(struct peers),
			     .lived = sizeof(struct lived),
			     .nq = (uint32_t)l->nq,
			     .since = l->since,
			     .clock = l->clock,
			     .bloom_lines = l->bloom.young ? l->bloom.lines : 0,
			     .bloom_pairs = l->bloom.n,
			     .nfired = l->models.len};
}

static void save_quantity(struct blocks_out *w, const struct quantity *q)
{
	struct quantity_row row = {.id = q->id, .index = q->index, .door = q->door};

	memcpy(row.rested, q->rested, sizeof(row.rested));
	blocks_put(w, TAG_QUANTITY, &row, sizeof(row), q->groups,
		   (CLASSES + 1) * sizeof(*q->groups));
}

void learn_save(const struct learn *l, struct blocks_out *w)
{
	struct head h = head_of(l);
	struct map_slot s;

	memcpy(h.hours, l->hours, sizeof(h.hours));
	blocks_put(w, TAG_HEAD, &h, sizeof(h), NULL, 0);
	for (size_t i = 0; i < l->nq; i++)
		save_quantity(w, l->q[i]);
	blocks_put(w, TAG_BUDGET, l->budget, sizeof(l->budget), NULL, 0);
	for (size_t i = 0; map_next(&l->models, &i, &s);)
		blocks_put(w, TAG_FIRED, &s.key, sizeof(s.key), (const void *)(uintptr_t)s.val,
			   sizeof(struct fired));
	if (l->chain)
		blocks_put(w, TAG_CHAIN, l->chain, sizeof(*l->chain), NULL, 0);
	blocks_put(w, TAG_PEERS, l->peers, sizeof(*l->peers), NULL, 0);
	blocks_put_array(w, TAG_YOUNG, l->bloom.young, l->bloom.lines * 64);
	blocks_put_array(w, TAG_OLD, l->bloom.old, l->bloom.lines * 64);
	blocks_put(w, TAG_STATES, NULL, 0, NULL, 0);
	state_save(&l->states, w);
}

static void restored_free(struct restored *x)
{
	struct map_slot s;

	for (size_t i = 0; map_next(&x->models, &i, &s);)
		free((void *)(uintptr_t)s.val);
	map_free(&x->models);
	state_free(&x->states);
	bloom_free(&x->bloom);
	free(x->known);
	free(x->row);
	free(x->chain);
	free(x->peers);
	free(x->groups);
	free(x->owner);
}

static int load_head(const struct learn *l, struct restored *x, struct str data)
{
	struct head now = head_of(l);

	if (data.len != sizeof(x->h))
		return E_VERSION;
	memcpy(&x->h, data.p, sizeof(x->h));
	if (memcmp(&x->h, &now, offsetof(struct head, nq)) != 0)
		return E_VERSION;
	if (x->h.nq >= UINT16_MAX)
		return E_FORMAT;
	x->peers = calloc(1, sizeof(*x->peers));
	x->known = calloc(l->nq + 1, sizeof(*x->known));
	x->row = calloc(l->nq + 1, sizeof(*x->row));
	x->groups = calloc((l->nq + 1) * (CLASSES + 1), sizeof(*x->groups));
	x->owner = calloc(x->h.nq + 1, sizeof(*x->owner));
	if (!x->peers || !x->known || !x->row || !x->groups || !x->owner)
		return -ENOMEM;
	x->bloom.lines = l->bloom.lines;
	state_init(&x->states, l->states.limit);
	x->states.others = l->states.others;
	/* Of another size the pairs stand elsewhere: then they start afresh. */
	if (x->h.bloom_lines != x->bloom.lines)
		return 0;
	x->bloom.n = x->h.bloom_pairs;
	return bloom_make(&x->bloom) ? 0 : -ENOMEM;
}

static int load_quantity(const struct learn *l, struct restored *x, struct str data)
{
	const size_t groups = (CLASSES + 1) * sizeof(struct group);
	struct quantity_row row;

	if (data.len != sizeof(row) + groups)
		return E_FORMAT;
	memcpy(&row, data.p, sizeof(row));
	if (row.index >= x->h.nq)
		return E_FORMAT;
	for (size_t i = 0; i < l->nq; i++) {
		if (l->q[i]->id != row.id)
			continue;
		x->known[i] = true;
		x->owner[row.index + 1] = (uint16_t)(i + 1);
		x->row[i] = row;
		memcpy(&x->groups[i * (CLASSES + 1)], data.p + sizeof(row), groups);
		x->n.kept++;
		return 0;
	}
	x->n.dropped++;
	return 0;
}

static int load_fired(struct restored *x, struct str data)
{
	struct fired_row row;
	struct fired *f;
	uint64_t *at;

	if (data.len != sizeof(row))
		return E_FORMAT;
	memcpy(&row, data.p, sizeof(row));
	at = map_put(&x->models, row.key, NULL);
	f = at && !*at ? malloc(sizeof(*f)) : NULL;
	if (!f)
		return at && *at ? E_FORMAT : -ENOMEM;
	*f = row.f;
	*at = (uintptr_t)f;
	return 0;
}

static int load_chain(struct restored *x, struct str data)
{
	if (data.len != sizeof(*x->chain) || x->chain)
		return E_FORMAT;
	x->chain = malloc(sizeof(*x->chain));
	if (!x->chain)
		return -ENOMEM;
	memcpy(x->chain, data.p, data.len);
	return 0;
}

static int load_peers(struct restored *x, struct str data)
{
	if (data.len != sizeof(*x->peers))
		return E_FORMAT;
	memcpy(x->peers, data.p, data.len);
	return 0;
}

static int load_bloom(const struct restored *x, uint64_t *lines, struct str data)
{
	uint64_t at;

	if (!lines)
		return 0;
	if (data.len < sizeof(at))
		return E_FORMAT;
	memcpy(&at, data.p, sizeof(at));
	data = str_sub(data, sizeof(at), data.len);
	if (at > x->bloom.lines * 64 || data.len > x->bloom.lines * 64 - at)
		return E_FORMAT;
	memcpy((char *)lines + at, data.p, data.len);
	return 0;
}

static int load_block(const struct learn *l, struct restored *x, uint32_t tag, struct str data)
{
	switch (tag) {
	case TAG_QUANTITY:
		return load_quantity(l, x, data);
	case TAG_FIRED:
		return load_fired(x, data);
	case TAG_CHAIN:
		return load_chain(x, data);
	case TAG_PEERS:
		return load_peers(x, data);
	case TAG_YOUNG:
		return load_bloom(x, x->bloom.young, data);
	case TAG_OLD:
		return load_bloom(x, x->bloom.old, data);
	case TAG_BUDGET:
		if (data.len != sizeof(x->budget))
			return E_FORMAT;
		memcpy(x->budget, data.p, data.len);
		return 0;
	default:
		return E_FORMAT;
	}
}

/* A state belongs to the quantity that made it, whatever its number was then. */
static void adopt(struct state_table *t, struct state *s, void *arg)
{
	const struct restored *x = arg;

	if (!s->owner)
		return;
	if (s->owner <= x->h.nq && x->owner[s->owner])
		s->owner = x->owner[s->owner];
	else
		state_drop(t, s);
}

static bool renumbered(const struct restored *x)
{
	for (uint32_t i = 1; i <= x->h.nq; i++)
		if (x->owner[i] != i)
			return true;
	return false;
}

static int load_all(const struct learn *l, struct blocks_in *r, struct restored *x)
{
	struct str data;
	uint32_t tag;
	int n = blocks_next(r, &tag, &data), err;

	err = n < 0 ? n : n == 0 || tag != TAG_HEAD ? E_FORMAT : load_head(l, x, data);
	while (err == 0 && (n = blocks_next(r, &tag, &data)) > 0 && tag != TAG_STATES)
		err = load_block(l, x, tag, data);
	if (err == 0 && n <= 0)
		err = n < 0 ? n : E_FORMAT;
	if (err == 0)
		err = state_load(&x->states, r);
	if (err == 0 && renumbered(x))
		state_each(&x->states, adopt, x);
	return err;
}

#define SWAP(a, b)                   \
	do {                         \
		__typeof__(a) t = a; \
		a = b;               \
		b = t;               \
	} while (0)

/* From here on nothing can fail. */
static void take_over(struct learn *l, struct restored *x)
{
	double per_day[2] = {l->budget[0].per_day, l->budget[1].per_day};

	for (size_t i = 0; i < l->nq; i++) {
		if (!x->known[i])
			continue;
		l->q[i]->door = x->row[i].door;
		memcpy(l->q[i]->rested, x->row[i].rested, sizeof(x->row[i].rested));
		memcpy(l->q[i]->groups, &x->groups[i * (CLASSES + 1)],
		       (CLASSES + 1) * sizeof(struct group));
	}
	SWAP(l->states, x->states);
	SWAP(l->bloom, x->bloom);
	SWAP(l->models, x->models);
	SWAP(l->chain, x->chain);
	SWAP(l->peers, x->peers);
	memcpy(l->budget, x->budget, sizeof(l->budget));
	/* What the user asks for today stands. */
	l->budget[0].per_day = per_day[0];
	l->budget[1].per_day = per_day[1];
	memcpy(l->hours, x->h.hours, sizeof(l->hours));
	l->since = x->h.since;
	l->clock = x->h.clock;
	x->n.states = l->states.len;
}

int learn_load(struct learn *l, struct blocks_in *r, struct learn_restored *ret_n,
	       struct diag *d)
{
	struct restored x = {0};
	int err;

	map_init(&x.models);
	err = load_all(l, r, &x);
	if (err < 0)
		diag_set(d, err, "learned state: %s", err_text(err));
	else
		take_over(l, &x);
	if (err == 0 && ret_n)
		*ret_n = x.n;
	restored_free(&x);
	return err;
}
