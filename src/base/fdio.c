/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fdio.h"
#include <errno.h>
#include <unistd.h>

int fd_write(int fd, const void *p, size_t n)
{
	const char *q = p;

	while (n) {
		ssize_t w = write(fd, q, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return w < 0 ? -errno : -EIO;
		q += w;
		n -= (size_t)w;
	}
	return 0;
}
