/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/parallel: channels of one entity that beat in lockstep, fast: an implant that polls
 * several services at once. Channels first heard within two seconds form a group; its k-th tick
 * is the moment at which half of them have called k times. The ticks feed one e-process
 * (learn/rhythm). So noise of single channels averages out, while pages that a person opens,
 * each calling many servers at once, count as what they are: one irregular sequence. To add the
 * evidence of the channels up, as if they were independent, would take them for beacons.
 */
#ifndef LEARN_PARALLEL_H
#define LEARN_PARALLEL_H
#include "learn/rhythm.h"

#define PARALLEL_GROUPS	 3
#define PARALLEL_MEMBERS 12 /* that are followed */
#define PARALLEL_MIN	 4  /* channels that make a group */

struct parallel_group {
	int64_t first, tick;		 /* ns: first call, last tick */
	uint32_t id[PARALLEL_MEMBERS];	 /* of the channels */
	uint32_t last[PARALLEL_MEMBERS]; /* ms after first */
	uint8_t count[PARALLEL_MEMBERS]; /* calls, those in quick succession as one */
	uint8_t n, ticks;
	uint16_t strays; /* calls that were missing or too many */
	struct rhythm r;
};

struct parallel {
	struct parallel_group group[PARALLEL_GROUPS];
};

/*
 * One call of a channel at t (ns) among room groups; most entities never need more than one.
 * The group whose tick it completed, or NULL.
 */
const struct parallel_group *parallel_add_in(struct parallel_group *group, int room,
					     uint64_t channel, int64_t t);
/* Whether that call starts a group that none of these has to make way for: one more is due. */
bool parallel_full(const struct parallel_group *group, int room, uint64_t channel, int64_t t);

static inline const struct parallel_group *parallel_add(struct parallel *p, uint64_t channel,
							int64_t t)
{
	return parallel_add_in(p->group, PARALLEL_GROUPS, channel, t);
}

/*
 * Channels of the group, when the evidence reaches ln 1/alpha; else 0. slow: also when the
 * period is above three seconds, as that of a dashboard that reloads itself.
 */
int parallel_in_step(const struct parallel_group *g, double ln_inverse_alpha, bool slow);
double parallel_period(const struct parallel_group *g); /* s */

#endif
