/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incident/edges: who had to do with whom, learned from every event in bounded tables, and how
 * many others each entity has to do with (its degree). A key is made of an entity's id, which
 * stays when the entity is renamed; of an external endpoint, of its name, since a mail names a
 * domain before anybody called it. One thread.
 */
#ifndef INCIDENT_EDGES_H
#define INCIDENT_EDGES_H
#include "base/blocks.h"
#include "base/timeutil.h"
#include "event/entity.h"

struct edges;

/* From EDGE_ISSUED on an edge is causal enough to merge two incidents. */
enum edge_kind {
	EDGE_CONTACT, /* device and external endpoint */
	EDGE_USES,    /* account and device */
	EDGE_REMOTE,  /* device and device, by a protocol one works through */
	EDGE_ISSUED,  /* identity, and the identity or key it made or became */
	EDGE_SESSION, /* identity and session id */
	EDGE_STARTED, /* program and the program that started it */
	EDGE_MAIL,    /* sender or link domain, and recipient */
	EDGE_FILE,    /* a file, and who brought, got or ran it */
};

const char *edge_name(enum edge_kind k);

struct edge {
	uint64_t from, to;
	int64_t time; /* last seen */
	uint8_t kind;
	bool used;
};

/* bytes: ceiling of all tables, down to 16 KiB. */
MUST int edges_new(size_t bytes, struct edges **ret_g);
struct edges *edges_free(struct edges *g);
/* What its tables take now. */
size_t edges_bytes(const struct edges *g);

/* All of it, to a file of blocks and from there; load into new ones. E_FORMAT, -ENOMEM. */
void edges_save(const struct edges *g, struct blocks_out *w);
MUST int edges_load(struct edges *g, struct blocks_in *r);

/* Recipients inside the organisation become entities of en when they are none yet. */
MUST int edges_event(struct edges *g, struct entities *en, const struct event *e);

/* The key of an entity. */
uint64_t edges_key(const struct entity *x);
/* The key of an external endpoint by its registrable domain or address. */
uint64_t edges_domain(struct str name);
/* Distinct others seen with it lately; exact when small, saturates near 60. */
unsigned edges_degree(const struct edges *g, uint64_t key);
/* So many have to do with it that sharing it says nothing. */
bool edges_hub(const struct edges *g, uint64_t key);
/*
 * A hub even without those whose bits are in own: an attack that goes from host to host with
 * one account makes a hub of it, which is no reason to lose sight of it.
 */
bool edges_crowd(const struct edges *g, uint64_t key, uint64_t own);
/* The bit of a key among own. */
uint64_t edges_bit(uint64_t key);
/* Many received mail from it or with a link to it: a newsletter, a partner of everybody. */
bool edges_mailer(const struct edges *g, uint64_t key);
/* An external endpoint that few of the organisation contact. */
bool edges_rare(const struct edges *g, uint64_t key);
/* Edges of key last seen at or after since, newest first; returns how many (at most max). */
size_t edges_near(const struct edges *g, uint64_t key, int64_t since, struct edge *ret,
		  size_t max);

#endif
