/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The upper levels of the Pitman-Yor back-off: class peers and the organisation (and, in
 * peers.c, those of the same habits). They count entities, not events, so that one noisy
 * program cannot make a value normal.
 */
#include "base/hash.h"
#include "learn/group.h"
#include <math.h>

/* Bins of count: exact to 8, then three an octave. */
static int bin_of(uint32_t c)
{
	int b = c <= 8 ? (int)c - 1 : 7 + (int)(3 * log2((double)c / 8));

	return MIN(b, GROUP_BINS - 1);
}

void shares_add(struct shares *g, uint32_t had)
{
	if (had)
		g->mass[bin_of(had)] -= had - PY_D;
	else
		g->distinct += 1;
	g->mass[bin_of(had + 1)] += had + 1 - PY_D;
	g->total += 1;
}

void shares_take(struct shares *g, uint32_t had)
{
	if (!had)
		return;
	g->mass[bin_of(had)] -= had - PY_D;
	if (had > 1)
		g->mass[bin_of(had - 1)] += had - 1 - PY_D;
	else
		g->distinct -= 1;
	g->total -= 1;
}

double shares_unseen(const struct shares *g)
{
	return (PY_THETA + PY_D * g->distinct) / (g->total + PY_THETA);
}

double shares_tail(const struct shares *g, uint32_t c)
{
	double mass = 0;

	for (int i = 0, n = bin_of(c); i <= n; i++)
		mass += g->mass[i];
	return MIN(1.0, MAX(0, mass) / (g->total + PY_THETA) + shares_unseen(g));
}

static size_t tail_at(size_t len)
{
	return (offsetof(struct popular, text) + len + 3) & ~(size_t)3;
}

static size_t counts_at(const struct popular *p)
{
	return tail_at(p->len) + (p->peers ? sizeof(uint32_t) : 0);
}

uint32_t *popular_first(const struct popular *p)
{
	return p->peers ? (uint32_t *)((uintptr_t)p + tail_at(p->len)) : NULL;
}

/* [CLASSES], of one whose classes are mixed. */
static uint32_t *counts_of(const struct popular *p)
{
	return (uint32_t *)((uintptr_t)p + counts_at(p));
}

uint32_t popular_of(const struct popular *p, uint8_t cls)
{
	if (p->cls == POPULAR_MIXED)
		return counts_of(p)[cls];
	return p->cls == cls + 1 ? p->ents : 0;
}

double popular_tail(const struct quantity *q, const struct popular *p, uint8_t cls)
{
	const struct shares *g = &q->groups[cls].had, *org = &q->groups[CLASSES].had;
	double tail = p->ents ? shares_tail(org, p->ents) : shares_unseen(org) / 2;
	uint32_t same;

	if (q->org_only)
		return tail;
	same = popular_of(p, cls);
	return same ? shares_tail(g, same) : shares_unseen(g) * tail;
}

struct popular *popular_peek(const struct learn *l, const struct quantity *q, uint64_t what)
{
	return (struct popular *)state_peek(&l->states, hash_join(what, q->tail));
}

struct popular *popular_put(struct learn *l, const struct quantity *q, uint64_t what,
			    struct str text, int64_t now)
{
	uint8_t len = (uint8_t)MIN(text.len, POPULAR_TEXT);
	struct popular *p = (struct popular *)state_put(
		&l->states, hash_join(what, q->tail),
		tail_at(len) + (text.p ? sizeof(uint32_t) : 0), now);

	if (p && !p->ents && !p->peers && text.p) {
		p->peers = true;
		p->len = len;
		memcpy(p->text, text.p, len);
	}
	return p;
}

/* Most values are of one class, many of one entity: only the others have a count of each. */
static struct popular *mix(struct learn *l, struct popular *p)
{
	size_t size = counts_at(p) + CLASSES * sizeof(uint32_t);
	struct popular *more = (struct popular *)state_grow(&l->states, &p->st, size);

	if (!more)
		return p;
	memset(counts_of(more), 0, CLASSES * sizeof(uint32_t));
	counts_of(more)[more->cls - 1] = more->ents;
	more->cls = POPULAR_MIXED;
	return more;
}

void popular_add(struct learn *l, struct quantity *q, struct popular **pp, uint8_t cls)
{
	struct popular *p = *pp;

	shares_add(&q->groups[cls].had, popular_of(p, cls));
	shares_add(&q->groups[CLASSES].had, p->ents);
	if (!p->cls)
		p->cls = (uint8_t)(cls + 1);
	else if (p->cls != cls + 1 && p->cls != POPULAR_MIXED)
		*pp = p = mix(l, p);
	if (p->cls == POPULAR_MIXED)
		counts_of(p)[cls]++;
	p->ents++;
}

void popular_join(struct quantity *q, uint8_t cls)
{
	q->groups[cls].members++;
	q->groups[CLASSES].members++;
}

uint32_t popular_members(const struct quantity *q)
{
	return q->groups[CLASSES].members;
}

uint32_t popular_peers(const struct quantity *q, uint8_t cls)
{
	return q->groups[cls].members;
}

struct str popular_text(const struct learn *l, const struct quantity *q, uint64_t what)
{
	struct popular *p = (struct popular *)state_peek(&l->states, hash_join(what, q->tail));

	return p ? str_n(p->text, p->len) : STR("something forgotten");
}
