/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/socket.h"
#include "proc/keeper.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

int socket_address(const char *z, struct sockaddr_storage *ret_ss, socklen_t *ret_len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret_ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_ss;
	const char *colon = strrchr(z, ':');
	struct str host = str_n(z, colon ? (size_t)(colon - z) : 0);
	char name[64];
	int64_t port;

	if (host.len > 1 && host.p[0] == '[')
		host = str_sub(host, 1, host.len - 1);
	if (!host.len || host.len >= sizeof(name) || !str_i64(str_of(colon + 1), &port) ||
	    port < 0 || port > 65535)
		return -EINVAL;
	memcpy(name, host.p, host.len);
	name[host.len] = 0;
	*ret_ss = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET, name, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*ret_len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, name, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		*ret_len = sizeof(*v6);
	} else {
		return -EINVAL;
	}
	return 0;
}

unsigned socket_port(int fd)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return 0;
	return ntohs(ss.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&ss)->sin6_port
					      : ((struct sockaddr_in *)&ss)->sin_port);
}

int socket_listen(const char *where, int type, int *ret_fd, struct diag *d)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int r = socket_address(where, &ss, &len);

	if (r < 0)
		return diag_set(d, r, "'%s' is no ADDRESS:PORT", where);
	r = keeper_listen((struct sockaddr *)&ss, len, type, ret_fd);
	return r < 0 ? diag_set(d, r, "%s: %s", where, strerror(-r)) : 0;
}
