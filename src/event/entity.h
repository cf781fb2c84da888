/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/entity: whatever can behave, and how names and addresses in records become one.
 *
 * entities_resolve is called once per event, in order of admission, by one thread. It
 *   1. applies what the record tells about identity (rectype.binds): a DHCP lease gives an
 *      address its device from then on, a DNS answer gives an address its name, a role session
 *      named i-... or after a person belongs to that instance or person, a log-in ties a device
 *      to an account;
 *   2. fills e->ents from rectype.ents;
 *   3. derives attributes (event/fields.def, "derived"): is_internal, domains, dst key, zone,
 *      user agent family, file names, provider networks.
 * All state is bounded by entities_conf.max; beyond it the entity that was idle longest goes,
 * and its id is not used again.
 */
#ifndef EVENT_ENTITY_H
#define EVENT_ENTITY_H
#include "event/event.h"

#define ENT_NONE UINT32_MAX

/* Classes for learning: what kind of life an entity leads. */
enum ent_class {
	ENT_CLASS_UNKNOWN,
	ENT_CLASS_HUMAN,   /* account of a person */
	ENT_CLASS_SERVICE, /* account or role of a program */
	ENT_CLASS_CLIENT,  /* workstation, laptop, phone */
	ENT_CLASS_SERVER,
	ENT_CLASS_OT,
	ENT_CLASS_IOT,
	ENT_CLASS_EXTERNAL,
	ENT_CLASS_COUNT
};

struct entity {
	uint32_t id;
	uint8_t kind;	 /* enum ent_kind */
	uint8_t cls;	 /* enum ent_class; may be refined as evidence comes in */
	struct str name; /* canonical, lower case; lives as long as the entity */
	/*
	 * Under which all that was learned of it is kept: of kind and first name, the same on
	 * every machine and run. A better name later does not change it, or its past were lost.
	 */
	uint64_t hash;
	int64_t first_seen, last_seen; /* ns, `known` */
	uint64_t events;
};

struct entities_conf {
	size_t max; /* entities kept; 0 = 2,000,000 */
	/* CIDR blocks of the organisation beside the private ones; e.g. "203.0.113.0/24". */
	const char *const *networks;
	size_t nnetworks;
	/* Mail and directory domains of the organisation; more are learned from BIND_DOMAIN. */
	const char *const *domains;
	size_t ndomains;
	const struct oui *makers; /* of network cards (event/oui.h), borrowed; or NULL */
};

struct entities;

MUST int entities_new(const struct entities_conf *conf, const struct schema *schema,
		      struct entities **ret_en);
struct entities *entities_free(struct entities *en);

/*
 * Says of every record type which derived attributes it can have. Once, after the sources are
 * loaded and before schema_freeze; without it nothing is derived. 0 or -errno.
 */
MUST int entities_provide(struct schema *s);

/* See above. Text it makes goes into mem, the event's batch. 0 or -ENOMEM. */
MUST int entities_resolve(struct entities *en, struct event *e, struct arena *mem);

/* The entity of an id that entities_resolve gave out, or NULL when it was evicted. */
const struct entity *entity_get(const struct entities *en, uint32_t id);
/* By kind and any of its names (canonical or alias), or ENT_NONE. */
uint32_t entity_find(const struct entities *en, enum ent_kind kind, struct str name);
/* The same for the first of n kinds that has one of that name. */
uint32_t entity_find_any(const struct entities *en, const enum ent_kind *kinds, size_t n,
			 struct str name);
/* Made when absent; canonical form is taken care of. ENT_NONE when out of memory. */
uint32_t entity_put(struct entities *en, enum ent_kind kind, struct str name, int64_t now);
size_t entities_count(const struct entities *en);

/*
 * Names under which findings show an entity, best first: canonical name, then addresses, host
 * name, MAC, full account names seen last. Returns how many (at most max).
 */
size_t entity_names(const struct entities *en, uint32_t id, struct str *ret_names, size_t max);

/* What is known of a device beside its names: "vendor", "firmware", "level", "network card" ... */
struct entity_fact {
	struct str key, value;
};
#define ENTITY_FACTS_MAX 12
/* At most max; returned how many. Texts live as long as the entity. */
size_t entity_facts(const struct entities *en, uint32_t id, struct entity_fact *ret,
		    size_t max);

/* Whether a textual address is the organisation's own. */
bool entities_internal(const struct entities *en, struct str ip);
/* Whether a domain is the organisation's own (or below one that is). */
bool entities_own_domain(const struct entities *en, struct str domain);
/* Host name or domain an address was last known by (DNS, DHCP), or empty. */
struct str entities_name_of(const struct entities *en, struct str ip);
/* The account last seen using a device, or ENT_NONE. */
uint32_t entities_user_of(const struct entities *en, uint32_t device);
/*
 * "sub.example.co.uk" -> "example.co.uk" by the public suffix list; an address or a name
 * without dot gives itself. A view into name.
 */
struct str domain_registrable(struct str name);

/* Calls fn for every living entity in order of id. */
void entities_each(const struct entities *en, void (*fn)(const struct entity *, void *),
		   void *arg);

#endif
