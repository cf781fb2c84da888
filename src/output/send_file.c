/* SPDX-License-Identifier: Apache-2.0 */
/* output file: appends a line for each finding. A file that was moved away is made anew. */
#include "output/impl.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
	const struct output_conf *conf;
	int fd;
};

static int file_open(const struct output_conf *c, void **ret_state, struct diag *d)
{
	struct file *f = calloc(1, sizeof(*f));

	if (!f)
		return diag_set(d, -ENOMEM, "out of memory");
	f->conf = c;
	f->fd = open(c->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (f->fd < 0) {
		free(f);
		return diag_set(d, -EAGAIN, "%s: %s", c->file, strerror(errno));
	}
	*ret_state = f;
	return 0;
}

/* Another file, or none, stands under the name: the one that is open was rotated. */
static bool moved(const struct file *f)
{
	struct stat a, b;

	return stat(f->conf->file, &a) < 0 || fstat(f->fd, &b) < 0 || a.st_dev != b.st_dev ||
	       a.st_ino != b.st_ino;
}

/* The whole line or nothing: what a full disk has cut is taken back. */
static int file_send(void *state, const struct message *m, const atomic_bool *stop,
		     struct diag *d)
{
	struct file *f = state;
	struct str body = str_trim(m->body);
	struct buf line;
	off_t before;
	ssize_t n;
	int e = 0;

	(void)stop;
	if (moved(f)) {
		int fd = open(f->conf->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);

		if (fd < 0)
			return diag_set(d, -EAGAIN, "%s: %s", f->conf->file, strerror(errno));
		close(f->fd);
		f->fd = fd;
	}
	buf_init(&line, body.len + 2);
	for (size_t i = 0; i < body.len; i++)
		buf_addc(&line, body.p[i] == '\n' ? ' ' : body.p[i]);
	buf_addc(&line, '\n');
	before = lseek(f->fd, 0, SEEK_END);
	n = buf_err(&line) ? -1 : write(f->fd, line.p, line.len);
	if (n != (ssize_t)line.len) {
		e = n < 0 ? errno : ENOSPC;
		if (n > 0 && before >= 0 && ftruncate(f->fd, before) < 0)
			e = errno;
	}
	buf_free(&line);
	return e ? diag_set(d, -EAGAIN, "%s: %s", f->conf->file, strerror(e)) : 0;
}

static int file_flush(void *state, struct diag *d)
{
	struct file *f = state;

	return fdatasync(f->fd) < 0 && errno != EINVAL
		       ? diag_set(d, -errno, "%s: %s", f->conf->file, strerror(errno))
		       : 0;
}

static void file_close(void *state)
{
	struct file *f = state;

	close(f->fd);
	free(f);
}

const struct output_ops output_file = {
	.name = "file",
	.format = "ocsf",
	.wants_file = true,
	.open = file_open,
	.send = file_send,
	.flush = file_flush,
	.close = file_close,
};
