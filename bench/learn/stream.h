/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/learn/stream: organisations that never were, with the trouble that harmless people and
 * programs make and with attacks among it. One seed gives one organisation, on any machine.
 *
 * Two of them:
 *   cloud: the audit log of a cloud account: 500 identities, 60 days, attacks from day 40 on.
 *          People of 8 jobs, roles of 30 templates; deployments, scanners, help-desk resets,
 *          travel, a provider swap, new services, a new region, joiners, re-purposed roles.
 *   lan:   connections of 300 devices, 40 days, attacks from day 25 on: log-ins to servers and
 *          to workstations, sites, uploads, programs that poll.
 * A stream knows nothing of the detectors that read it.
 */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H
#include "base/macros.h"
#include "base/map.h"
#include <stdbool.h>

#define FIELDS	  5
#define VALUE_MAX 64
#define STEPS_MAX 8

enum cloud_field { CLOUD_OP, CLOUD_NET, CLOUD_UA, CLOUD_REGION, CLOUD_ERROR };
enum lan_field { LAN_DST, LAN_PORT, LAN_STATE };

/* One record; value ids are indices of stream.values, 0 = the record has no such field. */
struct rec {
	int64_t t;	   /* ns, when it happened */
	int64_t due;	   /* ns, when it is read: later than t for late ones */
	uint32_t actor, n; /* n: order of making, settles equal times */
	uint16_t f[FIELDS];
	uint16_t attack; /* 0 none, else index + 1 into attacks */
	uint8_t step;	 /* of the attack, from 1; 0 is rehearsal */
	uint8_t host;	 /* low byte of the source address */
	float bytes_out, bytes_in;
};

enum attack_kind {
	ATTACK_LOUD,  /* cloud: seven steps in about an hour, new network, new client */
	ATTACK_QUIET, /* cloud: same country, the victim's kind of client, six times slower */
	ATTACK_SLOW,  /* cloud: a step a day from a residential network */
	ATTACK_REHEARSED, /* cloud: twelve days of practice, then all of it from the own laptop
			   */
	ATTACK_SPREAD,	  /* lan: log-ins from one workstation to ten hosts in half an hour */
	ATTACK_CREEP,	  /* lan: to a new host every two hours */
	ATTACK_HAUL,	  /* lan: 20 times the daily volume to a new site in two hours */
	ATTACK_LEAK,   /* lan: the daily volume once more, to a new site, every day for five */
	ATTACK_BEACON, /* lan: every 60 s, jitter 20 %, for three hours */
	ATTACK_KINDS
};

extern const char *const attack_names[ATTACK_KINDS];

struct attack {
	enum attack_kind kind;
	uint32_t victim;
	int64_t start, end;
};

struct stream {
	struct rec *rec;
	size_t n, cap;
	struct attack *attacks;
	size_t nattacks, acap;
	char (*values[FIELDS])[VALUE_MAX]; /* owned; value id -> text; [0] is empty */
	uint16_t nvalues[FIELDS];
	struct map index;	  /* hash of a field's text -> value id */
	char (*names)[VALUE_MAX]; /* owned; of the entities */
	bool *human;
	uint32_t entities;
	int64_t begin, attacks_from, end; /* ns */
	int nfields;
	bool lan, failed; /* failed: out of memory while it was made */
};

struct stream_conf {
	uint64_t seed;
	double rate;	/* times the usual volume; 0 = 1 */
	double attacks; /* a day; 0 = 1.5 */
};

MUST int stream_cloud(const struct stream_conf *conf, struct stream *ret_s);
MUST int stream_lan(const struct stream_conf *conf, struct stream *ret_s);
void stream_free(struct stream *s);

/* What a sensor or a clock does to a stream; each leaves the truth where it is. */
enum stress {
	STRESS_NONE,
	STRESS_LATE,	/* 5 % come up to an hour late */
	STRESS_TWICE,	/* 1 % come twice */
	STRESS_JUMP,	/* one day after the attacks began every clock is an hour ahead */
	STRESS_GAP,	/* 6 h of the second such day are missing */
	STRESS_TENFOLD, /* ten times the harmless volume for two days from the third on */
	STRESS_KINDS
};

extern const char *const stress_names[STRESS_KINDS];
MUST int stream_stress(struct stream *s, enum stress what, uint64_t seed);

/* For the generators. */
struct rng {
	uint64_t x;
};

uint64_t rng_next(struct rng *r);
double rng_unit(struct rng *r); /* [0, 1) */
/* 0 .. n - 1 */
uint32_t rng_below(struct rng *r, uint32_t n);
/* Low numbers are likely: P(i) ~ 1 / (i + 1). */
uint32_t rng_zipf(struct rng *r, uint32_t n);
bool rng_chance(struct rng *r, double p);
double rng_normal(struct rng *r);
/* A generator of its own for a thing of the organisation, so that one does not shift another.
 */
struct rng rng_of(uint64_t seed, uint64_t what);

/* A record of actor at t, zeroed else; NULL when out of memory (failed is set). */
struct rec *stream_add(struct stream *s, uint32_t actor, int64_t t);
/* Its id + 1 or 0 when out of memory. */
uint16_t stream_attack(struct stream *s, enum attack_kind kind, uint32_t victim, int64_t start);
/* A value's id; made when absent among those of the field. */
uint16_t stream_value(struct stream *s, int field, const char *text);
/* Room for entities, named later. */
MUST int stream_entities(struct stream *s, uint32_t n);
/* Puts the records into the order in which they are read. */
void stream_sort(struct stream *s);

#endif
