/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/split: whether what once joined still does. Early in a run a server may have had few
 * visitors and joined two stories; once it is seen to be a hub for others than those in the
 * incident, what hung together by it alone falls apart.
 */
#include "incident/impl.h"

static bool counts(const struct step *s)
{
	return s->kind == STEP_ALERT;
}

void step_key(struct step *s, uint64_t key)
{
	for (size_t i = 0; i < s->nkeys; i++)
		if (s->keys[i] == key)
			return;
	if (s->nkeys < STEP_KEYS)
		s->keys[s->nkeys++] = key;
}

static bool share(const struct step *a, const struct step *b, const struct edges *g,
		  uint64_t own)
{
	for (size_t i = 0; i < a->nkeys; i++)
		for (size_t k = 0; k < b->nkeys; k++)
			if (a->keys[i] == b->keys[k] && !edges_crowd(g, a->keys[i], own))
				return true;
	return false;
}

static bool same_name(const struct step *a, const struct step *b)
{
	for (size_t i = 0; i < a->nnames; i++)
		for (size_t k = 0; k < b->nnames; k++)
			if (str_ieq(a->names[i], b->names[k]))
				return true;
	return false;
}

uint64_t inc_own(const struct inc *i)
{
	uint64_t own = 0;

	for (size_t k = 0; k < i->nsteps; k++)
		own |= counts(i->steps[k]) ? i->steps[k]->own : 0;
	return own;
}

/* Everything that hangs together with step `first` gets its part. */
static void flood(const struct inc *i, const struct edges *g, uint64_t own, size_t first,
		  uint8_t part, uint8_t part_of[STEPS_MAX])
{
	size_t todo[STEPS_MAX], n = 0;

	part_of[first] = part;
	todo[n++] = first;
	while (n > 0) {
		const struct step *s = i->steps[todo[--n]];

		for (size_t k = 0; k < i->nsteps; k++) {
			if (part_of[k] || !counts(i->steps[k]) ||
			    !share(s, i->steps[k], g, own))
				continue;
			part_of[k] = part;
			todo[n++] = k;
		}
	}
}

/* Context goes with the first part that names the same. */
static void follow(const struct inc *i, uint8_t part_of[STEPS_MAX])
{
	for (size_t k = 0; k < i->nsteps; k++) {
		if (counts(i->steps[k]))
			continue;
		for (size_t j = 0; j < i->nsteps && !part_of[k]; j++)
			if (counts(i->steps[j]) && same_name(i->steps[k], i->steps[j]))
				part_of[k] = part_of[j];
		if (!part_of[k])
			part_of[k] = 1;
	}
}

unsigned split_parts(const struct inc *i, const struct edges *g, uint8_t part_of[STEPS_MAX])
{
	uint64_t own = inc_own(i);
	unsigned parts = 0;

	memset(part_of, 0, STEPS_MAX);
	if (i->compliance || i->nsteps > STEPS_MAX)
		return 1;
	for (size_t k = 0; k < i->nsteps && parts < UINT8_MAX; k++)
		if (!part_of[k] && counts(i->steps[k]))
			flood(i, g, own, k, (uint8_t)++parts, part_of);
	follow(i, part_of);
	return parts;
}
