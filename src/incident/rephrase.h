/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/rephrase: a story's sentences in other words, made by a language model that somebody
 * runs behind an OpenAI-compatible address. It may only rephrase. What is sent has no names:
 * what is no plain word or number stands there as [N1], [N2]. What comes back is taken sentence
 * by sentence, and only where it has the same names, no number, name or negation that the
 * sentence lacks, and leaves none out; else the sentence stays as it was. Event ids are never
 * sent and stay with their sentence.
 */
#ifndef INCIDENT_REPHRASE_H
#define INCIDENT_REPHRASE_H
#include "base/buf.h"

struct rephrase;

struct rephrase_conf {
	const char *model; /* as the endpoint calls it */
	/* Whether a plain word is the name of somebody or something here. */
	bool (*known)(struct str word, void *arg);
	void *arg;
};

/* line: an incident with its story. 0, E_NOTFOUND without a story, or <0. Borrows line. */
MUST int rephrase_new(struct str line, const struct rephrase_conf *conf,
		      struct rephrase **ret_r);
struct rephrase *rephrase_free(struct rephrase *r);

/* The body of the request: a chat completion. */
MUST int rephrase_request(struct rephrase *r, struct buf *out);

struct rephrase_result {
	size_t taken, left; /* sentences in new words, and those that stayed */
	const char *reason; /* why the last one stayed; static */
};
/*
 * The line with those sentences of the answer that pass, and "worded_by". An answer that is
 * none leaves all as it was. 0 or -ENOMEM.
 */
MUST int rephrase_take(struct rephrase *r, struct str answer, struct buf *out,
		       struct rephrase_result *ret_x);

#endif
