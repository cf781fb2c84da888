/* SPDX-License-Identifier: Apache-2.0 */
/* sense/socket: addresses as people write them, and sockets that listen there. */
#ifndef SENSE_SOCKET_H
#define SENSE_SOCKET_H
#include "base/err.h"
#include "base/str.h"
#include <sys/socket.h>

/* "127.0.0.1:5514", "[::1]:514"; port 0 = any. 0 or -EINVAL. */
MUST int socket_address(const char *z, struct sockaddr_storage *ret_ss, socklen_t *ret_len);
/* Bound, listening (SOCK_STREAM), without waiting. 0, or <0 with d filled. */
MUST int socket_listen(const char *where, int type, int *ret_fd, struct diag *d);
/* Of this end; 0 when it cannot be told. */
unsigned socket_port(int fd);

#endif
