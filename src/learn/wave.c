/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/wave.h"
#include "base/hash.h"

#define SEED	    UINT64_C(0x7761766500000000)
#define KEPT	    8 /* adoptions that are remembered */
#define SPAN	    NS_PER_D
#define OF_ONE	    5 /* members of one class that make a wave */
#define OF_ALL	    3 /* classes that do */
#define QUIET_AGAIN (7 * NS_PER_D)

struct adoptions {
	struct state st;
	int64_t at[KEPT];
	int64_t wave; /* last adoption within a wave, 0 none yet */
	uint8_t cls[KEPT], next, n;
};

static void keep(struct adoptions *a, uint8_t cls, int64_t at)
{
	a->at[a->next] = at;
	a->cls[a->next] = cls;
	a->next = (uint8_t)((a->next + 1) % KEPT);
	a->n = (uint8_t)MIN(a->n + 1, KEPT);
}

static bool is_wave(const struct adoptions *a, int64_t now)
{
	unsigned of[CLASSES] = {0}, classes = 0, most = 0;

	for (uint8_t i = 0; i < a->n; i++)
		if (now - a->at[i] <= SPAN)
			of[a->cls[i]]++;
	for (unsigned c = 0; c < CLASSES; c++) {
		classes += of[c] > 0;
		most = MAX(most, of[c]);
	}
	return most >= OF_ONE || classes >= OF_ALL;
}

enum wave wave_add(struct learn *l, const struct quantity *q, const struct popular *p,
		   uint64_t what, uint8_t cls, int64_t now)
{
	struct adoptions *a;
	enum wave w = WAVE_NONE;

	/* Most values never have a second owner: these take no room here. */
	if (!p->ents)
		return WAVE_NONE;
	a = (struct adoptions *)state_put(&l->states, hash_2(what, SEED ^ q->id), sizeof(*a),
					  now);
	if (!a)
		return WAVE_NONE;
	if (!a->n && p->ents == 1)
		for (uint8_t c = 0; c < CLASSES; c++)
			if (popular_of(p, c))
				keep(a, c, state_first(&p->st));
	keep(a, cls, now);
	if (is_wave(a, now)) {
		w = a->wave && now - a->wave < QUIET_AGAIN ? WAVE_GOES_ON : WAVE_BEGINS;
		a->wave = now;
	}
	return w;
}
