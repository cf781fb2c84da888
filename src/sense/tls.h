/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sense/tls: the server's end of TLS 1.2 and 1.3 over sockets that never wait. The handshake is
 * done by and by, as bytes come.
 */
#ifndef SENSE_TLS_H
#define SENSE_TLS_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tls_server;
struct tls;

/*
 * Certificate and key as PEM text, copied. clients: a PEM file of authorities, one of which has
 * to have signed what a sender shows; NULL: anybody may send. 0 or <0 with d.
 */
MUST int tls_server_new(const char *cert, const char *key, const char *clients,
			struct tls_server **ret_s, struct diag *d);
struct tls_server *tls_server_free(struct tls_server *s);
/* On a connection that was accepted, which stays the caller's. 0 or -ENOMEM. */
MUST int tls_new(struct tls_server *s, int fd, struct tls **ret_t);
struct tls *tls_free(struct tls *t);
/* As read(2), -errno in its place: -EAGAIN once there is nothing more now. */
ssize_t tls_read(struct tls *t, void *to, size_t n);
/* Whether bytes are unpacked already, for which no socket wakes anybody. */
bool tls_holds(const struct tls *t);
/* Whether it waits to write, not to read. */
bool tls_writes(const struct tls *t);

#endif
