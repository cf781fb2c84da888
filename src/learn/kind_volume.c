/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume: the sum of a number over a window, against the entity's and its class's past; with
 * `against`, also the ratio of the two (bytes sent for every byte received).
 */
#include "learn/group.h"
#include <math.h>

struct sum {
	struct state st;
	struct level level;
	int64_t window;
	double total, against;
	float reached;
};

static void turn(struct quantity *q, struct sum *s, const struct observation *o)
{
	int64_t w = o->now / q->window;

	if (w <= s->window)
		return;
	if (s->window) {
		level_add(&s->level, s->total);
		level_add(&q->groups[o->cls].level, s->total);
		level_add(&q->groups[CLASSES].level, s->total);
	}
	s->window = w;
	s->total = s->against = 0;
	s->reached = 0;
}

static void see(struct learn *l, struct quantity *q, const struct observation *o,
		struct verdict *v)
{
	struct sum *s = (struct sum *)state_put(&l->states, o->who, sizeof(*s), o->now);
	const struct level *g = &q->groups[q->org_only ? CLASSES : o->cls].level;
	double ratio, usual;

	if (!s)
		return;
	if (!s->window)
		popular_join(q, o->cls);
	turn(q, s, o);
	s->total += MAX(o->number, 0);
	s->against += MAX(o->against, 0);
	ratio = s->total / (s->against + 1);
	usual = expm1(s->level.n >= 1 ? (double)s->level.mean : (double)g->mean);
	v->raw = level_surprise(&s->level, g, s->total);
	/* More received than sent is no upload, however large. */
	if (q->against != ATTR_NONE && ratio < 1)
		v->raw = MIN(v->raw, 1);
	v->tested = v->raw > (double)s->reached + 0.5 || s->reached == 0;
	if (v->tested)
		s->reached = (float)MAX(v->raw, 0.01);
	v->days = (double)(o->now - state_first(&s->st)) / (double)NS_PER_D;
	v->peers = popular_peers(q, o->cls);
	verdict_set(v, OUT_VALUE, s->total);
	verdict_set(v, OUT_RATIO, ratio);
	verdict_set(v, OUT_TIMES, s->total / (usual + 1));
	verdict_set(v, OUT_WINDOW, (double)(q->window / NS_PER_S));
	if (v->raw >= TEXT_NATS) {
		v->seen = arena_fmt(&l->text, "%.1f MB", s->total / 1e6);
		v->usual = arena_fmt(&l->text, "%.1f MB", usual / 1e6);
	}
}

const struct kind kind_volume = {.name = "volume", .needs_number = true, .see = see};
