/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/core: what the kinds of learned quantity share. Private to this folder.
 *
 * A kind is asked once for every observation: an entity, a value (or none), a number (or none),
 * and answers with a verdict after having learned it.
 */
#ifndef LEARN_CORE_H
#define LEARN_CORE_H
#include "base/hash.h"
#include "base/map.h"
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
#define KEYS_MAX    6
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
	bool late; /* now lies behind what was learned already */
};

struct kind {
	const char *name;
	bool needs_value, needs_number;
	bool own_scale;	  /* raw is a p- or e-value that needs no past to be believed */
	bool pairs;	  /* keeps states under hash_2(who, what) too */
	bool takes_late;  /* its counts decay to any hour; the others are not shown late events
			   */
	uint16_t version; /* raised when the layout of its states changes: old ones are dropped
			   */
	void (*see)(struct learn *l, struct quantity *q, const struct observation *o,
		    struct verdict *v);
	/*
	 * Puts usual and seen into words, after see and within the same event; only asked for
	 * what somebody reads. May be NULL when see has done it.
	 */
	void (*explain)(struct learn *l, const struct quantity *q, const struct observation *o,
			struct verdict *v);
	/*
	 * Keys of the states that see will ask for beside o->who, so that they are fetched in
	 * time; their number. NULL: that of the value.
	 */
	size_t (*keys)(const struct learn *l, const struct quantity *q,
		       const struct observation *o, uint64_t ret_keys[KEYS_MAX]);
	bool habits; /* what has a value often is known by it: peers.c */
	bool meets;  /* asks the Bloom filter for the pair every time */
	bool values; /* each value surprises by itself: an hour adds them up */
	bool last;   /* judges what the others said of the same event */
};

struct quantity {
	uint64_t id; /* hash of its declaration: all keys hang on it, so a changed one starts
		      * afresh */
	/* Of id: */
	uint64_t who0;		    /* where keys of entities begin */
	uint64_t what_tail, tail;   /* hash_tail of SEED_WHAT + id, and of id */
	uint64_t past[CLASSES + 1]; /* keys of the classes' and the organisation's past */
	uint16_t index;		    /* in learn.q */
	bool chained;		    /* reads what other quantities say of the same event */
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
	struct group *groups;	 /* [CLASSES + 1], the last one of the organisation */
	struct yaml *doc;	 /* owns the texts */
	bool slow;		 /* alerts from it have the slow lane of the budget */
	struct tactics *tactics; /* of single values, these are sensitive; may be NULL */
	bool sensitive;		 /* all of its values are */
	bool context;		 /* a new value stays odd for a day */
	bool sweep;		 /* who sweeps over many does not count among `entities` */
	struct links *links;	 /* chain: over which risk passes */
	double rested[CLASSES];	 /* chain: entity-hours that its door knows of */
	bool events;		 /* volume: events are counted, no number summed */
};

/* What a kind says; only fields whose bit is in have are set. */
struct verdict {
	uint64_t wants; /* bit o: somebody reads enum out o */
	double raw;
	bool tested; /* a new test: it counts in the door's past */
	bool odd;    /* worth a result even without surprise */
	uint64_t have;
	double f[OUT_COUNT];
	struct str usual, seen;
	double days;
	uint32_t peers_same, peers;
	struct str tactic; /* of this very value; empty: the quantity's */
	bool held;	   /* on probation */
	bool young;	   /* the entity's first days, and raw takes that into account */
};

static inline bool verdict_wants(const struct verdict *v, enum out o)
{
	return (v->wants & UINT64_C(1) << o) != 0;
}

static inline void verdict_set(struct verdict *v, enum out o, double x)
{
	v->have |= UINT64_C(1) << o;
	v->f[o] = x;
}

#define ASK_ALONE UINT8_MAX

/* A quantity as one record type sees it. */
struct use {
	struct quantity *q;
	struct filter_lean *where; /* as this type has it; NULL: q->where is asked */
	uint64_t wants;		   /* bit o: somebody reads enum out o */
	uint8_t ask;  /* first use of the type that asks the same `where`, or ASK_ALONE */
	uint8_t like; /* first use of the type whose value has the same parts, or ASK_ALONE */
	uint8_t nwanted;
	uint8_t wanted[OUT_COUNT];
	uint16_t slot[OUT_COUNT];
};

struct uses {
	struct use *use;
	size_t n, cap;
};

#define LOOKS_MAX 128
#define MEMO	  8

/* An observation whose turn is to come: keys are made first, so that memory is on its way. */
struct look {
	const struct use *use;
	struct observation o;
	uint64_t keys[KEYS_MAX];
	uint8_t nkeys;
	bool last; /* of this use */
};

/* A value as several quantities see it; text is empty when it is not there. */
struct sight {
	struct str text;
	uint64_t hash;
};

/* A result whose words nobody has asked for yet. */
struct unsaid {
	const struct quantity *q;
	struct observation o;
	struct verdict v;
	bool said;
};

/*
 * Event time, guarded: a stamp more than CLOCK_JUMP ahead is believed when CLOCK_AHEAD events
 * in a row say so, one more than CLOCK_BACK behind when CLOCK_BEHIND do.
 */
struct clock {
	int64_t now;
	uint32_t ahead, behind;
};

/* Two generations of a Bloom filter; the older is forgotten when the younger is full. */
struct bloom {
	uint64_t *young, *old; /* [lines * 8], made when first needed */
	size_t lines;	       /* of 64 bytes, each */
	uint64_t n;	       /* pairs in the younger */
};

/* The last hour in which something was. */
struct life {
	struct state st;
	int64_t hour;
};

/* Where an entity belongs: peers.h. */
struct membership {
	uint32_t serial;    /* of its group, 0 none */
	uint32_t day;	    /* of the last comparison, since 1970 */
	uint16_t at, other; /* places in peers.g: its own, and of one that was liker */
	uint16_t days;	    /* on which that was so, running */
	uint16_t spare;
};

/* What is known of an entity that something was ever learned of. */
struct lived {
	struct state st;
	int64_t hour; /* the last one in which it did anything */
	struct membership peers;
};

#define SEED_LIFE (UINT64_C(0x6c69666500000002) + sizeof(struct lived))

static inline uint64_t lived_key(const struct entity *en)
{
	return hash_2(SEED_LIFE, en->hash);
}

/* A quantity that others report: in how many entity-hours it happened at all. */
struct fired {
	double times[CLASSES + 1];
};

#define DEED_WORDS 2

/*
 * What was done, for the chain: a mark stands for an inner host that was called and the ten
 * minutes in which it was; the next mark (in a ring) is the same host ten minutes later.
 */
struct deeds {
	uint64_t at[DEED_WORDS];
	uint64_t other; /* 1: something else (too); of a width that leaves no hole in a state */
};

struct learn {
	struct schema *schema;
	struct entities *entities;
	struct quantity **q;
	size_t nq, qcap;
	struct uses *types; /* [schema_types] */
	size_t ntypes;
	struct arena leans; /* of the uses */
	struct state_table states;
	struct bloom bloom;	   /* pairs seen before, for values that found no room */
	struct map models;	   /* hash of a reported quantity's name -> struct fired * */
	double hours[CLASSES + 1]; /* entity-hours lived */
	struct budget budget[2];
	uint64_t judged[LEARN_NATS];
	struct arena text; /* of the results */
	struct learn_result results[RESULTS_MAX];
	size_t nresults;
	int64_t since;
	struct clock clock;
	/* Of the event at hand. */
	uint64_t asked, yes; /* bit i: whether the `where` of use i was asked; what it said */
	uint64_t sighted;    /* bit i: sight[i] is that of use i */
	struct sight sight[USES_MAX];
	struct unsaid unsaid[RESULTS_MAX];
	struct look looks[LOOKS_MAX];
	size_t nlooks;
	const struct entity *role[ROLE_HOME + 1];
	struct deeds deeds;
	uint64_t role_tail[ROLE_HOME + 1]; /* hash_tail of their hashes */
	struct {
		const struct val *v;
		uint64_t hash;
	} memo[MEMO];
	unsigned nmemo;
	struct chain_doors *chain; /* made when first needed */
	struct peers *peers;
};

/* quantity.c */
MUST int quantity_load(struct learn *l, const char *path, struct diag *d);
struct quantity *quantity_free(struct quantity *q);
/* Whether `events` (may be NULL: all) names a record type. */
bool quantity_hears(const struct yaml_node *events, const struct rectype *t);

#define SEED_WHAT UINT64_C(0x7761740000000001)

/* level.c: what is worked out of q->id. */
void quantity_keys(struct quantity *q);

/* observe.c */
int64_t clock_tick(struct clock *c, int64_t known, bool *ret_late);

/* popular.c: how many entities share a value, by class and in the organisation. */
#define POPULAR_TEXT 47

struct popular {
	struct state st;
	uint32_t ents;	/* entities that ever had it */
	uint16_t swept; /* of ents: those that had as many others within the hour */
	uint8_t cls;	/* class + 1 of all of them; POPULAR_MIXED: counts stand behind text */
	bool peers;	/* popular_first stands behind text */
	uint8_t len;
	char text[]; /* [len], cut at POPULAR_TEXT */
};

#define POPULAR_MIXED UINT8_MAX

/* NULL when it was forgotten. */
struct popular *popular_peek(const struct learn *l, const struct quantity *q, uint64_t what);
/* text may be empty; its p NULL: nobody will ask for words, nor for peers. */
struct popular *popular_put(struct learn *l, const struct quantity *q, uint64_t what,
			    struct str text, int64_t now);
/* One more entity of cls has it. p may move. */
void popular_add(struct learn *l, struct quantity *q, struct popular **p, uint8_t cls);
/* Of peers, the group of the only one that has it, 0 none; NULL where nobody asks. */
uint32_t *popular_first(const struct popular *p);
/* Entities of cls that had it. */
uint32_t popular_of(const struct popular *p, uint8_t cls);
/* Probability of a value no likelier than this one, for a member of cls. */
double popular_tail(const struct quantity *q, const struct popular *p, uint8_t cls);
/* Entities of the organisation known to this quantity so far. */
uint32_t popular_members(const struct quantity *q);
void popular_join(struct quantity *q, uint8_t cls);
struct str popular_text(const struct learn *l, const struct quantity *q, uint64_t what);
uint32_t popular_peers(const struct quantity *q, uint8_t cls);

/* bloom.c: whether a pair was seen before (1 % are by mistake); marks it when asked. */
bool bloom_make(struct bloom *b);
void bloom_free(struct bloom *b);
void bloom_prefetch(const struct bloom *b, uint64_t pair);
bool bloom_test_set(struct learn *l, uint64_t pair, bool set);

/* kind_rarity.c, also used by kind_edge.c. */
struct rarity {
	bool fresh, first_hour, tested;
	double raw, count, days;
	uint32_t ents, same; /* with this one: in the organisation, in its class */
	uint32_t deliberate; /* of ents: those that did not sweep over everything */
	/* Of its peers (of its class where it has none), with this one: all, and who has it. */
	uint32_t peers, peers_same;
	struct state *st;
	struct str tactic; /* of this value, or empty; only when tested */
	bool sensitive, probation, wave, young;
	uint32_t age_h; /* hours since this entity first had it; UINT32_MAX: unknown */
};

/* Of o: who, what, value, cls, now; entity, or ENT_NONE where it is no entity's own past. */
void rarity_see(struct learn *l, struct quantity *q, const struct observation *o,
		struct rarity *ret_r);
#define RARITY_VALUES 64
/*
 * The values kept in st, and how many there are; with `habits` only what was seen on several
 * days, is no exception, and was seen within a month.
 */
size_t rarity_values(const struct state *st, bool habits, int64_t now,
		     uint64_t ret_what[RARITY_VALUES]);
struct str rarity_usual(struct learn *l, const struct quantity *q, const struct state *st);
/* What its peers do, where that will be asked for. */
void rarity_peers(const struct learn *l, const struct quantity *q, const struct observation *o,
		  struct rarity *r);
/* All of v but raw. */
void rarity_verdict(const struct rarity *r, struct verdict *v);
/* Words: the usual values of o->who, and the one seen. */
void rarity_explain(struct learn *l, const struct quantity *q, const struct observation *o,
		    struct verdict *v);

/* How far a number lies above a past: level.h. */
struct level {
	float n, mean, m2; /* decayed by count; m2: sum of squares about the mean */
};

#endif
