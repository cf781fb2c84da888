/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event/schema: which attributes exist, and where each stands in the row of each record type.
 *
 * Start-up goes in this order, in one thread:
 *   1. schema_new                      the attributes of fields.def exist, with their constants
 *   2. sources are loaded              schema_type_add, schema_provide per mapped attribute
 *   3. learned, models, questions load schema_attr + schema_want for what they read,
 *                                      schema_provide for what they compute (learned.*)
 *   4. schema_freeze                   rows are laid out; parse compiles its decode plans
 * From then on the schema is read only and may be used by all threads.
 *
 * An attribute that somebody wants of a record type and that the source does not map is tried
 * as a raw field name of the record ("requestParameters.policyArn"): public Sigma rules use
 * those. Names are compared without regard to ASCII case.
 */
#ifndef EVENT_SCHEMA_H
#define EVENT_SCHEMA_H
#include "base/err.h"
#include "event/val.h"

typedef uint16_t attr_t;

#define ATTR_NONE ((attr_t)0xffff)
#define SLOT_NONE ((uint16_t)0xffff)

enum {
#define X(c, name, text) ATTR_##c,
#include "event/fields.def"
#undef X
	ATTR_CORE_COUNT
};

/* OCSF class of a record type; the numbers are OCSF's class_uid. */
enum ocsf_class {
	CLASS_BASE = 0,
	CLASS_FILE_ACTIVITY = 1001,
	CLASS_MODULE_ACTIVITY = 1005,
	CLASS_PROCESS_ACTIVITY = 1007,
	CLASS_SECURITY_FINDING = 2001,
	CLASS_DETECTION_FINDING = 2004,
	CLASS_ACCOUNT_CHANGE = 3001,
	CLASS_AUTHENTICATION = 3002,
	CLASS_ENTITY_MANAGEMENT = 3004,
	CLASS_USER_ACCESS = 3005,
	CLASS_NETWORK_ACTIVITY = 4001,
	CLASS_HTTP_ACTIVITY = 4002,
	CLASS_DNS_ACTIVITY = 4003,
	CLASS_DHCP_ACTIVITY = 4004,
	CLASS_RDP_ACTIVITY = 4005,
	CLASS_SMB_ACTIVITY = 4006,
	CLASS_SSH_ACTIVITY = 4007,
	CLASS_FTP_ACTIVITY = 4008,
	CLASS_EMAIL_ACTIVITY = 4009,
	CLASS_NETWORK_FILE = 4010,
	CLASS_TLS_ACTIVITY = 4100, /* ours: Zeek's ssl and x509 have no class of their own */
	CLASS_OT_ACTIVITY = 4101,  /* ours: industrial protocols */
	CLASS_INVENTORY = 5001,
	CLASS_API_ACTIVITY = 6003,
	CLASS_WEB_RESOURCES = 6001,
};

/* "network_activity" for 4001 and so on; NULL when unknown. And back; -1 when unknown. */
const char *ocsf_class_name(enum ocsf_class c);
int ocsf_class_of(struct str name);

enum ent_kind {
	ENT_DEVICE,   /* host of the organisation, by host name, else address */
	ENT_ACCOUNT,  /* person or service identity, mailbox included */
	ENT_ROLE,     /* assumed identity */
	ENT_WORKLOAD, /* instance, container, function, pod */
	ENT_IMAGE,    /* program on a device: "host:/usr/bin/node" */
	ENT_ENDPOINT, /* host outside the organisation, by domain, else address */
	ENT_RESOURCE, /* bucket, share, file, secret ... */
	ENT_KIND_COUNT
};

/* The part an entity plays in an event. */
enum ent_role {
	ROLE_ACTOR,  /* who did it; the event's home, else the device */
	ROLE_DEVICE, /* where it was done, or from where */
	ROLE_PEER,   /* the other end */
	ROLE_TARGET, /* account or resource acted upon */
	ROLE_IMAGE,  /* program that did it */
	ROLE_PARENT, /* program that started it */
	ROLE_COUNT
};

const char *ent_kind_name(enum ent_kind k); /* "device" ... */
int ent_kind_of(struct str name);	    /* -1 when unknown */
const char *ent_role_name(enum ent_role r); /* "actor" ... */
int ent_role_of(struct str name);

/* An entity that a record type declares: take attribute `from` as name of a `kind`. */
struct ent_decl {
	uint8_t role, kind;
	attr_t from;
};

/* What a record tells about identity, applied in order of `known`. */
enum bind_what {
	BIND_LEASE, /* a: address, b: host name, c: MAC, d: lease seconds (b to d may be
		       missing) */
	BIND_NAME,  /* a: address or list of them (texts that are none are skipped), b: name */
	BIND_INSTANCE, /* a: address, b: instance id */
	BIND_USER,     /* a: address or device, b: account that uses it (log-in seen) */
	BIND_DOMAIN,   /* a: account whose @domain belongs to the organisation */
};

struct bind_decl {
	uint8_t what;
	attr_t a, b, c, d; /* ATTR_NONE where missing */
};

/* Sigma's name of a log source; empty parts match anything. */
struct logsource {
	struct str category, product, service;
};

#define TYPE_ENTS_MAX  8
#define TYPE_BINDS_MAX 4
#define TYPE_SIGMA_MAX 6

struct rectype {
	uint16_t id;	    /* counts from 0 in order of schema_type_add */
	const char *source; /* "zeek" */
	const char *name;   /* "zeek.conn" */
	enum ocsf_class cls;
	bool raw_fields; /* unmapped attributes are tried as raw field names */
	struct ent_decl ents[TYPE_ENTS_MAX];
	uint8_t nents;
	struct bind_decl binds[TYPE_BINDS_MAX];
	uint8_t nbinds;
	struct logsource sigma[TYPE_SIGMA_MAX];
	uint8_t nsigma;
	/* After schema_freeze: */
	uint16_t nslots;
	uint16_t *slot_of; /* [number of attributes] attribute -> slot or SLOT_NONE */
	attr_t *attr_of;   /* [nslots] */
	bool *is_raw;	   /* [nslots] decode by raw name, not by the source's mapping */
	void *plan;	   /* belongs to parse/ */
};

struct schema;

MUST int schema_new(struct schema **ret_s);
struct schema *schema_free(struct schema *s); /* NULL is fine; returns NULL */

/* Id of an attribute, made when absent; ATTR_NONE when full (65,000), frozen or no memory. */
attr_t schema_attr(struct schema *s, struct str name);
/* Id of an attribute that exists, or ATTR_NONE. Case is ignored. */
attr_t schema_find(const struct schema *s, struct str name);
/* Its name as first given; NUL-terminated. */
struct str schema_name(const struct schema *s, attr_t a);
size_t schema_attrs(const struct schema *s);

/* A new record type; strings are copied. NULL when out of memory or frozen. */
struct rectype *schema_type_add(struct schema *s, struct str source, struct str name,
				enum ocsf_class cls);
size_t schema_types(const struct schema *s);
struct rectype *schema_type(const struct schema *s, size_t id);
/* By full name "zeek.conn", or NULL. */
struct rectype *schema_type_find(const struct schema *s, struct str name);

/* The type's records can have a, by mapping or because somebody computes it. */
MUST int schema_provide(struct schema *s, const struct rectype *t, attr_t a);
/* Somebody reads a of this type (NULL: of all types). */
MUST int schema_want(struct schema *s, const struct rectype *t, attr_t a);
bool schema_provides(const struct schema *s, const struct rectype *t, attr_t a);

MUST int schema_freeze(struct schema *s);
bool schema_frozen(const struct schema *s);

#endif
