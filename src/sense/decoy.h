/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sense/decoy: ports that nobody has a reason to touch. It listens on chosen addresses, greets
 * as the service of that port would, refuses every log-in, and tells who came and what was
 * tried. It never connects anywhere, runs nothing that it is sent, keeps no file, and never
 * writes down a password: people mistype addresses.
 *
 * Each visit gives a record at once (`connect`) and, when something was sent, one at its end
 * (`tried`), as JSON objects: decoy, visit, event, time, src_ip, src_port, dst_ip, dst_port,
 * service, bytes, user, password (true), text (the first printable bytes; never what may hold a
 * password).
 */
#ifndef SENSE_DECOY_H
#define SENSE_DECOY_H
#include "base/err.h"
#include "base/str.h"

#define DECOY_PORTS_MAX	  64
#define DECOY_VISITS_MAX  128	     /* at once; more are told and closed */
#define DECOY_SOURCE_MAX  8	     /* of one address at once */
#define DECOY_BYTES_MAX	  (16 * KIB) /* of a visit, then it is closed */
#define DECOY_SECONDS_MAX 20	     /* of a visit */
#define DECOY_TURNS_MAX	  12	     /* answers of a visit */

struct decoy_conf {
	/* "10.0.0.9:22", or with the service to play: "10.0.0.9:2222/ssh" (decoy_service) */
	const char *const *where;
	size_t n;
	int64_t (*now)(void); /* ns since 1970 */
	/* Takes a record; called from the decoy's own thread. <0: it is counted as lost. */
	int (*tell)(struct str record, void *arg);
	void *arg;
};

struct decoy_stats {
	uint64_t visits, turned_away, lost;
};

struct decoy;

MUST int decoy_start(const struct decoy_conf *conf, struct decoy **ret_d, struct diag *d);
/* NULL is fine; returns NULL. Visits under way are told of. */
struct decoy *decoy_stop(struct decoy *d);
/* The port of the k-th of conf->where. */
unsigned decoy_port(const struct decoy *d, size_t k);
void decoy_stats(struct decoy *d, struct decoy_stats *ret_s);

/* What is said to a visitor; what one sends is bytes from outside. For tests and fuzzing. */
struct decoy_talk {
	const struct decoy_service *service;
	char line[512]; /* of a service that speaks in lines, so far */
	size_t nline;
	char text[256], user[64];
	size_t ntext, nuser;
	bool password; /* one was given */
	unsigned turns;
	bool over;
};

/* The service of a name ("ssh"), or of a port where name is empty; never NULL. */
const struct decoy_service *decoy_service(struct str name, unsigned port);
struct str decoy_service_name(const struct decoy_service *s);
/* What the service says first; may be empty. */
struct str decoy_greeting(const struct decoy_talk *t);
/* Takes bytes; what is to be answered goes to answer (at most cap bytes); its length. */
size_t decoy_hear(struct decoy_talk *t, struct str bytes, char *answer, size_t cap);

#endif
