/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int secret_read(const char *path, struct arena *mem, struct str *ret_s, struct diag *d)
{
	char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct str rest;
	ssize_t n;

	if (fd < 0)
		return diag_set(d, -errno, "%s: %s", path, strerror(errno));
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n < 0)
		return diag_set(d, -EIO, "%s: cannot be read", path);
	*ret_s = arena_str(mem, str_trim(str_cut(str_n(text, (size_t)n), '\n', &rest)));
	return ret_s->len ? 0 : diag_set(d, -EINVAL, "%s: is empty", path);
}
