/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/tactics: which ATT&CK tactic a value points to. This is knowledge that a quantity's
 * file states (`tactics:`), not something learned: that an API call makes a key is no matter of
 * statistics. What stands in such a table is sensitive: see kind_rarity.c, probation.
 */
#ifndef LEARN_TACTICS_H
#define LEARN_TACTICS_H
#include "base/yaml.h"

#define TACTIC_COUNT 16
#define TACTIC_NONE  UINT8_MAX

struct tactics;

/* Reads a map of tactic to values; a value that ends in * is a prefix. Texts stay y's. */
MUST int tactics_read(const struct yaml *y, const struct yaml_node *n, struct tactics **ret_t,
		      struct diag *d);
struct tactics *tactics_free(struct tactics *t);
/* The first tactic that names value (t may be NULL), or empty. */
struct str tactics_of(const struct tactics *t, struct str value);

/* Number of a tactic, in an attacker's usual order of work; TACTIC_NONE when unknown. */
uint8_t tactic_id(struct str name);
const char *tactic_name(uint8_t id);

#endif
