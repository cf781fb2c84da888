/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/core: what the kinds of learned quantity share. Private to this folder.
 *
 * A kind is asked once for every observation: an entity, a value (or none), a number (or none),
 * and answers with a verdict after having learned it.
 */
#ifndef LEARN_CORE_H
#define LEARN_CORE_H
#include "event/filter.h"
#include "learn/budget.h"
#include "learn/learn.h"
#include "learn/report.h"
#include "learn/state_table.h"

enum out {
#define X(c, name, type) OUT_##c,
#include "learn/out.def"
#undef X
	OUT_COUNT
};

#define ROLE_HOME   (ROLE_COUNT + 1) /* "home": actor, else device */
#define PARTS_MAX   4
#define VALUES_MAX  32 /* items of a list that are looked at */
#define USES_MAX    64 /* quantities of one record type */
#define RESULTS_MAX 64
#define TEXT_NATS   1.5 /* from here on usual and seen are put into words */
#define CLASSES	    ENT_CLASS_COUNT

/* One part of the name of who or what is learned about: a role of the event or an attribute. */
struct part {
	uint8_t role; /* ROLE_COUNT: it is the attribute; ROLE_HOME: the event's first entity */
	attr_t attr;
};

struct learn;
struct quantity;
struct verdict;

struct observation {
	const struct event *e;
	uint32_t entity;
	uint8_t cls;
	uint64_t who;  /* hash of quantity and entity */
	uint64_t what; /* hash of the value; 0 when the quantity has none */
	struct str value;
	double number, against;
	int64_t now;
};

struct kind {
	const char *name;
	bool needs_value, needs_number;
	bool own_scale; /* raw is a p- or e-value that needs no past to be believed */
	void (*see)(struct learn *l, struct quantity *q, const struct observation *o,
		    struct verdict *v);
	/*
	 * Puts usual and seen into words, after see and within the same event; only asked for
	 * what somebody reads. May be NULL when see has done it.
	 */
	void (*explain)(struct learn *l, const struct quantity *q, const struct observation *o,
			struct verdict *v);
};

struct quantity {
	uint16_t id;
	const char *name, *text;
	const struct kind *kind;
	struct filter *where;
	struct part ent[PARTS_MAX], val[PARTS_MAX];
	uint8_t nent, nval;
	attr_t number, against;
	bool org_only;	   /* no class peers: the organisation at once */
	bool bits;	   /* burst: measured by information */
	int64_t window;	   /* ns */
	double resolution; /* s, of the clock behind `time` */
	struct str tactic;
	attr_t out[OUT_COUNT];
	struct door door;
	struct group *groups; /* [CLASSES + 1], the last one of the organisation */
	struct yaml *doc;     /* owns the texts */
	bool slow;	      /* alerts from it have the slow lane of the budget */
};

/* What a kind says; only fields whose bit is in have are set. */
struct verdict {
	double raw;
	bool tested; /* a new test: it counts in the door's past */
	bool odd;    /* worth a result even without surprise */
	uint32_t have;
	double f[OUT_COUNT];
	struct str usual, seen;
	double days;
	uint32_t peers_same, peers;
};

static inline void verdict_set(struct verdict *v, enum out o, double x)
{
	v->have |= 1u << o;
	v->f[o] = x;
}

/* A quantity as one record type sees it. */
struct use {
	struct quantity *q;
	uint8_t nwanted;
	uint8_t wanted[OUT_COUNT];
	uint16_t slot[OUT_COUNT];
};

struct uses {
	struct use *use;
	size_t n, cap;
};

struct learn {
	struct schema *schema;
	struct entities *entities;
	struct quantity **q;
	size_t nq, qcap;
	struct uses *types; /* [schema_types] */
	size_t ntypes;
	struct state_table states;
	uint64_t *bloom;	   /* pairs seen before, for values that found no room */
	struct map models;	   /* hash of a reported quantity's name -> struct fired * */
	double hours[CLASSES + 1]; /* entity-hours lived */
	struct budget budget[2];
	struct arena text; /* of the results */
	struct learn_result results[RESULTS_MAX];
	size_t nresults;
	int64_t since, now;
};

/* quantity.c */
MUST int quantity_load(struct learn *l, const char *path, struct diag *d);
struct quantity *quantity_free(struct quantity *q);

/* popular.c: how many entities share a value, by class and in the organisation. */
struct popular {
	struct state st;
	uint32_t ents;	       /* entities that ever had it */
	uint32_t cls[CLASSES]; /* of each class */
	uint8_t len;
	char text[47];
};

struct popular *popular_put(struct learn *l, const struct quantity *q, uint64_t what,
			    struct str text, int64_t now);
/* One more entity of cls has it. */
void popular_add(struct quantity *q, struct popular *p, uint8_t cls);
/* Probability of a value no likelier than this one, for a member of cls. */
double popular_tail(const struct quantity *q, const struct popular *p, uint8_t cls);
/* Entities of the organisation known to this quantity so far. */
uint32_t popular_members(const struct quantity *q);
void popular_join(struct quantity *q, uint8_t cls);
struct str popular_text(const struct learn *l, const struct quantity *q, uint64_t what);
uint32_t popular_peers(const struct quantity *q, uint8_t cls);

/* Whether a pair was seen before, and marks it. */
bool bloom_test_set(struct learn *l, uint64_t pair, bool set);

/* kind_rarity.c, also used by kind_edge.c. */
struct rarity {
	bool fresh, first_hour, tested;
	double raw, count, days;
	uint32_t ents, peers; /* with this one */
	struct state *st;
};

void rarity_see(struct learn *l, struct quantity *q, uint64_t who, uint64_t what,
		struct str value, uint8_t cls, int64_t now, struct rarity *ret_r);
struct str rarity_usual(struct learn *l, const struct quantity *q, const struct state *st);

/* level.c: how far a number lies above an entity's own past and its group's. */
struct level {
	float n, mean, m2; /* of ln(1 + x), decayed by count */
};
double level_surprise(const struct level *own, const struct level *group, double x);
void level_add(struct level *lv, double x);

/* kind_chain.c */
void chain_note(struct learn *l, uint32_t entity, struct str tactic, double s, int64_t now);

#endif
