/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/peers: groups of entities that have the same habits, found by themselves. Private to
 * this folder.
 *
 * Once a day, in its first hour of life, an entity's habits (values of rarities and edges that
 * it had in several hours, known to others but not to most) become a MinHash signature, which
 * is compared with the leaders of all groups (leader clustering; Broder 1997 for MinHash: the
 * share of equal places estimates the Jaccard index). It joins the likest group from 0.35 on,
 * else founds one. Who is in a group changes it only when another was liker by 0.10 on three
 * days running. A leader is what the members show most often at each place (a majority vote
 * with bounded votes), so it follows them as they drift.
 *
 * A group counts, for each quantity, how many of its members had a value: a third level of the
 * Pitman-Yor back-off, between the entity and its class. Below PEERS_LEAST members it has no
 * say.
 */
#ifndef LEARN_PEERS_H
#define LEARN_PEERS_H
#include "learn/core.h"

#define PEERS_GROUPS 512 /* groups known at once; who fits none of them then has none */
#define PEERS_PLACES 64	 /* of a signature: the Jaccard index to within 0.06 */
#define PEERS_LEAST  5	 /* members */

struct peer_leader {
	uint32_t serial;      /* of the group, never used again; 0: a free place */
	uint32_t now, before; /* members seen in this fortnight and in the last one */
	uint16_t place[PEERS_PLACES];
	uint8_t votes[PEERS_PLACES];
};

struct peers {
	uint32_t serials;
	uint32_t fortnight; /* since 1970 */
	struct peer_leader g[PEERS_GROUPS];
};

/* An entity's group as others ask for it. */
struct peer_group {
	uint32_t serial;  /* 0 none, or too few members */
	uint32_t members; /* itself included */
};

/* In an hour that en lives, after its lived state was made; compares once a day. */
void peers_live(struct learn *l, const struct entity *en, int64_t now);
/* ENT_NONE and entities without a group have none. */
struct peer_group peers_of(const struct learn *l, uint32_t entity);
/* Probability that a member's new value is one no likelier than this, given that of its class.
 */
double peers_tail(const struct learn *l, const struct quantity *q, struct peer_group g,
		  const struct popular *p, uint64_t what, double of_class);
/* Members that have it or had it. */
uint32_t peers_had(const struct learn *l, const struct quantity *q, struct peer_group g,
		   uint64_t what);
/* A member has it now; before popular_add. */
void peers_adopt(struct learn *l, const struct quantity *q, struct peer_group g,
		 struct popular *p, uint64_t what, int64_t now);

#endif
