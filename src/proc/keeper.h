/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc/keeper: two processes instead of one, so that what parses and serves has no privilege at
 * all. The keeper has what is left of root: it opens raw sockets on the interfaces, and listens
 * on the addresses, that were named before it was made, and nothing else. It reads no file and
 * no byte of anybody; it hands sockets to its child (SCM_RIGHTS), passes signals on, and ends
 * as the child ends. The child asks by the number of what was named, so whoever took it over
 * could have no other socket than it has already.
 *
 * Without a keeper all is opened by the process itself, as it may.
 */
#ifndef PROC_KEEPER_H
#define PROC_KEEPER_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define KEEPER_MAX    600
#define KEEPER_V6ONLY 0x10000 /* beside the type: nothing by IPv4 at an address of IPv6 */

struct keeper; /* what may be asked for */

struct keeper *keeper_new(void);
struct keeper *keeper_free(struct keeper *k);
/* A socket on an address; type SOCK_STREAM (listening) or SOCK_DGRAM. */
MUST int keeper_address(struct keeper *k, const struct sockaddr *a, socklen_t len, int type);
/* A raw socket, bound to nothing yet; any number of them. */
MUST int keeper_packets(struct keeper *k);
/* Whether this process has privileges that any of it needs: an interface, a port below 1024. */
bool keeper_needed(const struct keeper *k);

/*
 * Makes the keeper: before any thread and any secret, after the user was changed. Returns in
 * the child only, 0; the keeper exits. k has to outlive what is asked for. <0: there is no
 * second process.
 */
MUST int keeper_start(struct keeper *k, struct diag *d);
/* Whether there is one, in the child. */
bool keeper_there(void);

/*
 * A socket on an address, listening when SOCK_STREAM, non-blocking; or a raw one: from the
 * keeper when it was named there, else opened here. *ret_fd is the caller's. 0 or -errno. Any
 * thread.
 */
MUST int keeper_listen(const struct sockaddr *a, socklen_t len, int type, int *ret_fd);
MUST int keeper_raw(int *ret_fd);

#endif
