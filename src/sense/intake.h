/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sense/intake: syslog over UDP, TCP and TLS (RFC 5426, RFC 6587: octet counting and lines,
 * 5425), standard input and pushed JSON, each into a spool. One thread of its own reads the
 * sockets.
 *
 * When the reader of the spools is more than `behind_max` bytes behind, or the disk is full,
 * nothing more is taken: pushes are refused (-EAGAIN), TCP and standard input wait, UDP is
 * dropped by the kernel, which is counted where the kernel tells (SO_RXQ_OVFL).
 */
#ifndef SENSE_INTAKE_H
#define SENSE_INTAKE_H
#include "sense/spool.h"

#define INTAKE_RECORD_MAX (64 * KIB) /* of syslog; what is longer is cut, and counted */

struct intake_conf {
	const char *dir;		     /* spools: DIR/syslog, DIR/push, DIR/stdin */
	const char *const *udp, *const *tcp; /* "127.0.0.1:5514", "[::1]:514"; port 0 = any */
	size_t nudp, ntcp;
	const char *const *tls; /* syslog over TLS (RFC 5425), as tcp */
	size_t ntls;
	const char *cert, *key, *clients; /* see tls_server_new; when ntls */
	bool stdin_too;
	uint64_t behind_max; /* 0 = 4 GiB */
};

struct intake_stats {
	uint64_t datagrams, lines, pushed;     /* records kept */
	uint64_t refused;		       /* of pushes: no JSON object */
	uint64_t cut, dropped;		       /* too long; lost by the kernel */
	uint64_t connections, turned_away;     /* open now; beyond the limit */
	uint64_t errors;		       /* of writing */
	unsigned port_udp, port_tcp, port_tls; /* of the first of each */
	bool waiting;			       /* nothing is taken now */
};

struct intake;

MUST int intake_start(const struct intake_conf *conf, struct intake **ret_i, struct diag *d);
/* NULL is fine; returns NULL. */
struct intake *intake_stop(struct intake *i);
/* How far the reader is behind, in bytes. Any thread. */
void intake_behind(struct intake *i, uint64_t bytes);
/*
 * JSON objects, one after the other or in an array: each is kept as a line and on disk when it
 * returns. 0, -EAGAIN (later), or <0. What is no object is refused and counted. Any thread.
 */
MUST int intake_push(struct intake *i, struct str body, size_t *ret_kept, size_t *ret_refused);
void intake_stats(struct intake *i, struct intake_stats *ret_s);

#endif
