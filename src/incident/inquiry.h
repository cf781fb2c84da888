/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/inquiry: the analyst. Questions (questions/, docs/QUESTIONS.md) are asked of stored
 * history, for an incident or for any entity at any time; each answer is a sentence that cites
 * event ids and weighs for or against hypotheses. It reads the store only, after the run or on
 * demand, so that it never holds up events; the same store gives the same answers. One thread.
 */
#ifndef INCIDENT_INQUIRY_H
#define INCIDENT_INQUIRY_H
#include "base/buf.h"
#include "event/entity.h"
#include "store/store.h"

struct inquiry;

struct inquiry_conf {
	struct store *store;		 /* borrowed; may be read only */
	const char *questions, *sources; /* folders */
	const char *dir; /* of the store: what people said there shifts the priors; or NULL */
	struct entities_conf entities;
};

/* Loads all files; what is broken is one finished line in d. */
MUST int inquiry_open(const struct inquiry_conf *conf, struct inquiry **ret_q, struct diag *d);
struct inquiry *inquiry_free(struct inquiry *q);
size_t inquiry_questions(const struct inquiry *q);
/* Id and title of question i, in order of their files. */
struct str inquiry_id(const struct inquiry *q, size_t i);
struct str inquiry_title(const struct inquiry *q, size_t i);

/* What the answers make of an incident. */
struct inquiry_result {
	size_t asked, yes, no, unknown;
	int severity;	   /* 0..4, after the answers */
	unsigned score;	   /* 0..100, after the answers */
	struct str winner; /* hypothesis; static as long as the inquiry */
};

/*
 * Asks every question that fits the incident whose findings line this is. out becomes the line
 * with "questions", "hypotheses" and "story" added and severity and score as the answers have
 * them; asked again of its own output it gives the same bytes.
 */
MUST int inquiry_incident(struct inquiry *q, struct str line, struct buf *out,
			  struct inquiry_result *ret_r, struct diag *d);
/*
 * The same questions without an alert: what is to be told about an entity ("pc1",
 * "device:pc1") within span before and after a moment. out becomes a line like an incident's,
 * of kind "inquiry". E_NOTFOUND when the store has no event of it there.
 */
MUST int inquiry_entity(struct inquiry *q, struct str entity, int64_t around, int64_t span_ns,
			struct buf *out, struct inquiry_result *ret_r, struct diag *d);
/* One question alone, by its id; the incident's line or an entity as above. */
MUST int inquiry_one(struct inquiry *q, struct str id, struct str line, struct buf *out,
		     struct diag *d);

#endif
