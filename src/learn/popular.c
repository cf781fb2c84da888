/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The upper two levels of the Pitman-Yor back-off: class peers and the organisation. They count
 * entities, not events, so that one noisy program cannot make a value normal.
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

static void group_add(struct group *g, uint32_t had)
{
	if (had)
		g->mass[bin_of(had)] -= had - PY_D;
	else
		g->distinct += 1;
	g->mass[bin_of(had + 1)] += had + 1 - PY_D;
	g->total += 1;
}

static double group_unseen(const struct group *g)
{
	return (PY_THETA + PY_D * g->distinct) / (g->total + PY_THETA);
}

/* Mass of all values that at most c entities have, the unseen included. */
static double group_tail(const struct group *g, uint32_t c)
{
	double mass = 0;

	for (int i = 0, n = bin_of(c); i <= n; i++)
		mass += g->mass[i];
	return MIN(1.0, MAX(0, mass) / (g->total + PY_THETA) + group_unseen(g));
}

static size_t counts_at(const struct popular *p)
{
	return (offsetof(struct popular, text) + p->len + 3) & ~(size_t)3;
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
	const struct group *g = &q->groups[cls], *org = &q->groups[CLASSES];
	double tail = p->ents ? group_tail(org, p->ents) : group_unseen(org) / 2;
	uint32_t same;

	if (q->org_only)
		return tail;
	same = popular_of(p, cls);
	return same ? group_tail(g, same) : group_unseen(g) * tail;
}

struct popular *popular_put(struct learn *l, const struct quantity *q, uint64_t what,
			    struct str text, int64_t now)
{
	uint8_t len = (uint8_t)MIN(text.len, POPULAR_TEXT);
	struct popular *p =
		(struct popular *)state_put(&l->states, hash_join(what, q->tail),
					    offsetof(struct popular, text) + len, now);

	if (p && !p->ents && !p->len && len) {
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

	group_add(&q->groups[cls], popular_of(p, cls));
	group_add(&q->groups[CLASSES], p->ents);
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
