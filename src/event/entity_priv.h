/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/entity_priv: what entity.c (the table), resolve.c (identity) and derive.c (attributes)
 * share. Nobody else includes it.
 */
#ifndef EVENT_ENTITY_PRIV_H
#define EVENT_ENTITY_PRIV_H
#include "base/map.h"
#include "event/entity.h"
#include "event/ip.h"
#include "event/names.h"

#define ALIASES_MAX 16 /* of one entity; the oldest goes */
#define OWN_MAX	    64 /* domains of the organisation */

/* In the order in which findings show them. */
enum alias_what { ALIAS_CANON, ALIAS_ADDR, ALIAS_HOST, ALIAS_MAC, ALIAS_FULL, ALIAS_PAST };

struct ent;

/* One name of one entity. Indexed ones are found by it; others are history only. */
struct alias {
	struct alias *next_hash, *next; /* same hash; same entity, newest first */
	struct ent *ent;
	uint64_t hash;
	uint32_t len;
	uint8_t what, kind;
	bool indexed;
	char text[];
};

enum fact {
	FACT_VENDOR,
	FACT_MODEL,
	FACT_TYPE,
	FACT_FIRMWARE,
	FACT_SERIAL,
	FACT_LABEL,
	FACT_ANSWERS, /* protocols, a blank between */
	FACT_ASKS,
	FACT_COUNT
};

struct facts {
	char *text[FACT_COUNT]; /* NULL: not known */
};

struct ent {
	struct entity pub;
	struct ent *older, *newer; /* by last use */
	struct alias *alias;
	struct facts *facts; /* NULL: none */
	uint64_t callers;    /* one bit per hashed internal caller */
	uint32_t user;	     /* account last seen on a device */
	uint8_t naliases;
	bool leased, ot;
	bool keeps; /* its hash is not that of its name: counted in entities.kept */
};

/* An address: who has it, and the name under which it was last known. */
struct addr {
	struct ip ip;
	struct addr *next_hash, *older, *newer;
	uint64_t hash;
	uint32_t ent; /* a cache of the index, or ENT_NONE */
	bool internal, nobody;
	bool bare; /* ent is the endpoint that has this address for its only name */
	uint16_t name_len;
	char *name;
	struct addr_text *text; /* of entities.texts, which may be another's by now; or NULL */
};

/* A text that was taken apart before: records repeat the same few addresses. */
struct addr_text {
	struct addr *a; /* NULL: free */
	uint8_t len;
	char text[IP_TEXT - 1];
};

#define ADDR_TEXTS 2048 /* a power of two */

/* What entity_find_any said of a text. */
struct sought {
	uint64_t key; /* of the text and the kinds; 0: free */
	uint32_t id;
};

#define SOUGHT	    1024 /* texts, a power of two, */
#define SOUGHT_WAYS 4	 /* each looked for among so many sets of kinds */

#define PAGE_BITS 12
#define PAGE_SIZE (1u << PAGE_BITS)

struct ent_page {
	struct ent *ent[PAGE_SIZE];
	uint32_t live;
};

struct own_domain {
	char name[256];
	uint32_t count; /* accounts bound; own once it counts */
	bool own;
};

struct entities {
	size_t max, count, naddrs, addrs_max;
	uint32_t next_id;
	struct ent_page **pages;
	size_t npages;
	struct map index; /* hash of kind and name -> struct alias * */
	struct map addrs; /* hash of 16 bytes -> struct addr * */
	struct map kept;  /* hash of a name that was given up -> how many go on under it */
	struct ent *oldest, *newest;
	struct addr *addr_oldest, *addr_newest;
	struct addr_text *texts; /* [ADDR_TEXTS] by hash of the text */
	struct sought (*sought)[SOUGHT_WAYS]; /* [SOUGHT] by hash of the text */
	const struct oui *makers;
	struct cidr *nets;
	size_t nnets;
	struct own_domain own[OWN_MAX];
	size_t nown;
	uint32_t own_total;
};

/* entity.c. The places for what is remembered of texts; 0 or -ENOMEM. */
MUST int entities_places(struct entities *en);
/* Exact names, already canonical. */
struct ent *ent_of(const struct entities *en, uint32_t id);
struct ent *ent_find(const struct entities *en, enum ent_kind kind, struct str name);
struct ent *ent_make(struct entities *en, enum ent_kind kind, struct str name, int64_t now);
/* Marks as used at `now`, so that it is evicted last. */
void ent_touch(struct entities *en, struct ent *t, int64_t now);
/*
 * Gives an entity one more name. When another has it, `take` decides whether it moves here
 * (the other keeps it as history) or is only history here. 0 or -ENOMEM.
 */
MUST int ent_alias(struct entities *en, struct ent *t, enum alias_what what, struct str name,
		   bool take);
/* New canonical name; the old one stays as a name of kind `old`. 0, -EEXIST or -ENOMEM. */
MUST int ent_rename(struct entities *en, struct ent *t, struct str name, enum alias_what old);

/*
 * From a checkpoint: an entity with its id but without names, as the one used last; and one
 * name more, behind those it has. 0 or -ENOMEM.
 */
struct ent *ent_restore(struct entities *en, const struct entity *pub, bool keeps);
MUST int ent_restore_alias(struct entities *en, struct ent *t, enum alias_what what,
			   struct str name, bool indexed);

/* addr.c: made when absent; NULL when s is no address or memory ran out. */
struct addr *addr_put(struct entities *en, struct str s);
struct addr *addr_put_ip(struct entities *en, const struct ip *ip);
/* The same if s was put lately, else NULL. */
struct addr *addr_met(struct entities *en, struct str s);
struct addr *addr_find(const struct entities *en, const struct ip *ip);
bool addr_is_internal(const struct entities *en, const struct ip *ip);
MUST int addr_name(struct addr *a, struct str name);
void addr_free_all(struct entities *en);

/* identity.c: a name of a record to an entity. e may be NULL. */
uint32_t identity_put(struct entities *en, enum ent_kind kind, struct str name, int64_t now,
		      const struct event *e);
uint32_t identity_addr(struct entities *en, struct addr *a, struct str host, int64_t now);
void own_add(struct entities *en, struct str domain, bool at_once);

/* binds.c, classify.c, derive.c: the steps of entities_resolve. */
MUST int binds_apply(struct entities *en, const struct event *e);
void classify_event(struct entities *en, const struct event *e);
uint8_t classify_name(enum ent_kind kind, struct str name);
MUST int derive_hosts(struct entities *en, struct event *e, struct arena *mem);
MUST int derive_rest(struct entities *en, struct event *e, struct arena *mem);

/* facts.c */
MUST int facts_apply(struct entities *en, const struct event *e);
MUST int fact_put(struct ent *t, enum fact f, struct str s);
void facts_free(struct ent *t);

#endif
