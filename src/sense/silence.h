/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sense/silence: inputs that always spoke and have stopped. Learned for each input is the
 * longest it was quiet for on each of the last 15 days, so nights and weekends are usual once
 * they were seen. Silent is who has been quiet for three times the longest of these and a
 * quarter of an hour more. Nothing is said of an input before a day and SILENCE_LEAST records;
 * of one that makes pauses of more than an hour, not before eight days, since these may have a
 * weekend yet to come.
 *
 * Times are the clock's, not the records': a sensor that sends old records is not silent.
 */
#ifndef SENSE_SILENCE_H
#define SENSE_SILENCE_H
#include "base/blocks.h"

#define SILENCE_INPUTS 256u /* beyond, further inputs are not watched */
#define SILENCE_LEAST  200u
#define SILENCE_NAME   48u

struct silence;

/* What is told: input has stopped (or, back, speaks again). */
struct silence_told {
	const char *input;
	bool back;
	int64_t quiet, usual; /* ns: for how long by now, or in all; the longest before */
	int64_t known;	      /* ns for which it is watched */
};

MUST int silence_new(struct silence **ret_s);
struct silence *silence_free(struct silence *s);
/* A number for an input, of any name; the same name, the same number. -1: too many. */
int silence_input(struct silence *s, struct str name);
/* A record of it came. input: of silence_input; -1 is fine. */
void silence_seen(struct silence *s, int input, int64_t now);
/*
 * We were not there, or did not listen, or the clock was set: no input is to blame for what
 * lies before now.
 */
void silence_resume(struct silence *s, int64_t now);
/* Says each change once. tell: 0, or <0: it is said again with the next call. */
void silence_check(struct silence *s, int64_t now,
		   int (*tell)(const struct silence_told *t, void *arg), void *arg);
/* How many are watched, and how many of them are silent. */
void silence_count(const struct silence *s, size_t *ret_inputs, size_t *ret_silent);

/* Errors stick in w. */
void silence_save(const struct silence *s, struct blocks_out *w);
/* Into a new one, then silence_resume. 0 (also when the file ends here), or E_FORMAT. */
MUST int silence_load(struct silence *s, struct blocks_in *r);

#endif
