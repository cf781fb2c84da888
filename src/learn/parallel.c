/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/parallel.h"
#include "base/macros.h"

#define JOIN_NS	    (2 * NS_PER_S) /* after the first call others may still join */
#define FAST_S	    3.0		   /* dashboards and the like are slower */
#define IDLE_NS	    (2 * NS_PER_H) /* without a tick a group is given up */
#define TOGETHER_MS 100		   /* calls of one channel that count as one */
#define SPAN_S	    1.5
#define TIME_MAX    (INT64_MAX / 2) /* the year 2116 */
#define TICKS_MAX   200		    /* then the group starts anew */
/* Share of calls that may be missing or too many. */
#define STRAY 0.06

static const struct rhythm_clock level = {.delta = 20 * NS_PER_MS};

static int64_t latest(const struct parallel_group *g)
{
	return MAX(g->tick, g->first);
}

/* Too few came together, or none any more. */
static bool gone(const struct parallel_group *g, int64_t t)
{
	if (g->n < PARALLEL_MIN)
		return !g->n || t - g->first > JOIN_NS;
	return t - latest(g) > IDLE_NS;
}

/* Whether a is less worth keeping than b: gone, or silent for longer and not long at work. */
static bool lesser(const struct parallel_group *a, const struct parallel_group *b, int64_t t)
{
	bool ga = gone(a, t), gb = gone(b, t), wa = a->ticks > 2, wb = b->ticks > 2;

	if (ga != gb)
		return ga;
	return wa != wb ? wb : latest(a) < latest(b);
}

static int member_of(const struct parallel_group *g, uint32_t id)
{
	for (int i = 0; i < g->n; i++)
		if (g->id[i] == id)
			return i;
	return -1;
}

static uint32_t id_of(uint64_t channel)
{
	return (uint32_t)(channel >> 32);
}

static bool joinable(const struct parallel_group *g, int64_t t)
{
	return t - g->first <= JOIN_NS && g->n < PARALLEL_MEMBERS;
}

bool parallel_full(const struct parallel_group *group, int room, uint64_t channel, int64_t t)
{
	if (t < 0 || t > TIME_MAX)
		return false;
	for (int k = 0; k < room; k++)
		if (gone(&group[k], t) || joinable(&group[k], t) ||
		    member_of(&group[k], id_of(channel)) >= 0)
			return false;
	return true;
}

/* The group that the channel is of, or joins, or starts; NULL when there is no room. */
static struct parallel_group *group_of(struct parallel_group *group, int room, uint32_t id,
				       int64_t t, int *ret_i)
{
	struct parallel_group *join = NULL, *worst = &group[0];

	for (int k = 0; k < room; k++) {
		struct parallel_group *g = &group[k];

		if (lesser(g, worst, t))
			worst = g;
		if (gone(g, t))
			continue;
		*ret_i = member_of(g, id);
		if (*ret_i >= 0)
			return g;
		if (joinable(g, t))
			join = g;
	}
	if (!join) {
		if (t - worst->first <= JOIN_NS && !gone(worst, t))
			return NULL;
		*worst = (struct parallel_group){.first = t};
		join = worst;
	}
	*ret_i = join->n++;
	join->id[*ret_i] = id;
	/* Who joins after a tick has not missed it. */
	join->count[*ret_i] = (uint8_t)(join->ticks ? join->ticks - 1 : 0);
	join->last[*ret_i] = UINT32_MAX;
	return join;
}

/*
 * When tick k has come, a member has called k - 1 or k times. What strays further is brought
 * back, so that a lost call is forgotten, and counted. False when there was too much of it.
 */
static bool keeps_step(struct parallel_group *g)
{
	int k = g->ticks, strays = 0;

	for (int i = 0; i < g->n; i++) {
		int c = MAX(k - 1, MIN(g->count[i], k));

		strays += c != g->count[i];
		g->count[i] = (uint8_t)c;
	}
	g->strays = (uint16_t)(g->strays + strays);
	return g->strays <= 1 + STRAY * k * g->n;
}

static void tick(struct parallel_group *g, int64_t t)
{
	if (g->ticks == 1)
		g->r.last = t;
	else if (!g->r.n && t - g->tick > level.delta)
		rhythm_start(&g->r, (double)(t - g->tick - level.delta) * 1e-9, t);
	else if (g->r.n)
		(void)rhythm_add(&g->r, NULL, &level, t, 0);
	g->tick = t;
}

const struct parallel_group *parallel_add_in(struct parallel_group *group, int room,
					     uint64_t channel, int64_t t)
{
	uint32_t ms;
	int i, have = 0;
	struct parallel_group *g;

	if (t < 0 || t > TIME_MAX)
		return NULL;
	g = group_of(group, room, id_of(channel), t, &i);
	/* Late ones, which an out-of-order record can be, are left out. */
	if (!g || t < g->first)
		return NULL;
	ms = (uint32_t)MIN((t - g->first) / NS_PER_MS, (int64_t)UINT32_MAX - 1);
	if (g->last[i] != UINT32_MAX && ms < g->last[i] + TOGETHER_MS)
		return NULL;
	g->last[i] = ms;
	if (g->count[i] < UINT8_MAX)
		g->count[i]++;
	for (int k = 0; k < g->n; k++)
		have += g->count[k] > g->ticks;
	if (have < MAX(PARALLEL_MIN, (g->n + 1) / 2))
		return NULL;
	g->ticks++;
	tick(g, t);
	if (!keeps_step(g) || g->ticks == TICKS_MAX) {
		*g = (struct parallel_group){0};
		return NULL;
	}
	return g;
}

double parallel_period(const struct parallel_group *g)
{
	return rhythm_period(&g->r, &level);
}

int parallel_in_step(const struct parallel_group *g, double ln_inverse_alpha, bool slow)
{
	return rhythm_enough(&g->r, &level, ln_inverse_alpha, SPAN_S) &&
			       (slow || parallel_period(g) <= FAST_S)
		       ? g->n
		       : 0;
}
