/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main/models: what a person asks about models: how they fared in a replay, and which records
 * a rule matches.
 */
#ifndef MAIN_MODELS_H
#define MAIN_MODELS_H
#include "main/pipeline.h"

/* The store's fact about the models of the run that filled it: models_past. */
#define MODELS_META "models"

/*
 * How each model fared, one line each: name, matched, alerts, notes, records of its log source,
 * fields that none of them had (how many, then some names), a tab between.
 */
MUST int models_past(const struct detect *dt, struct buf *b);
/* One line of `models list`; past: what models_past wrote, or empty. */
void models_line(const struct model *m, struct str past);
/*
 * Reads files and tells which of the rules under `rules` (a file or folder that p has loaded)
 * match which records. 0, or <0 with a finished line in d.
 */
MUST int models_try(struct pipeline *p, const struct config *c, const char *rules,
		    const char *const *paths, size_t npaths, bool json, struct diag *d);

#endif
