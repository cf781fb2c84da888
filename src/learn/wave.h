/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/wave: drift. When many entities take up the same value within a day, the organisation
 * has changed, and the single entity is not odd: at least five of one class, or members of at
 * least three classes.
 */
#ifndef LEARN_WAVE_H
#define LEARN_WAVE_H
#include "learn/core.h"

enum wave {
	WAVE_NONE,
	WAVE_BEGINS, /* with this adoption */
	WAVE_GOES_ON
};

/* An entity of cls has value `what` for the first time; p as before it was counted there. */
enum wave wave_add(struct learn *l, const struct quantity *q, const struct popular *p,
		   uint64_t what, uint8_t cls, int64_t now);

#endif
