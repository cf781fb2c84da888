/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/spool.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct spool {
	char *dir;
	int dirfd, fd;
	uint64_t file_bytes, no, at, bytes;
	bool dirty;
	pthread_mutex_t lock;
};

/* The highest number of a file there. */
static uint64_t last_number(const char *dir)
{
	DIR *d = opendir(dir);
	uint64_t last = 0;
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		struct str rest, s = str_cut(str_of(e->d_name), '.', &rest);
		int64_t n;

		if (str_i64(s, &n) && n > 0)
			last = MAX(last, (uint64_t)n);
	}
	if (d)
		closedir(d);
	return last;
}

int spool_open(const char *dir, uint64_t file_bytes, struct spool **ret_s, struct diag *d)
{
	struct spool *s = calloc(1, sizeof(*s));

	if (!s)
		return diag_set(d, -ENOMEM, "out of memory");
	pthread_mutex_init(&s->lock, NULL);
	s->fd = s->dirfd = -1;
	s->file_bytes = file_bytes ? file_bytes : UINT64_MAX;
	s->dir = str_dup(str_of(dir));
	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		int r = -errno;

		spool_close(s);
		return diag_set(d, r, "%s: %s", dir, err_text(r));
	}
	s->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!s->dir || s->dirfd < 0) {
		int r = s->dir ? -errno : -ENOMEM;

		spool_close(s);
		return diag_set(d, r, "%s: %s", dir, err_text(r));
	}
	s->no = last_number(dir);
	*ret_s = s;
	return 0;
}

struct spool *spool_close(struct spool *s)
{
	if (!s)
		return NULL;
	if (s->fd >= 0) {
		fdatasync(s->fd);
		close(s->fd);
	}
	if (s->dirfd >= 0)
		close(s->dirfd);
	pthread_mutex_destroy(&s->lock);
	free(s->dir);
	free(s);
	return NULL;
}

static int next_file(struct spool *s)
{
	char name[32];
	int fd;

	if (s->fd >= 0 && s->at < s->file_bytes)
		return 0;
	snprintf(name, sizeof(name), "%020llu.log", (unsigned long long)s->no + 1);
	fd = openat(s->dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (s->fd >= 0) {
		int r = s->dirty && fdatasync(s->fd) < 0 ? -errno : 0;

		if (r < 0) {
			close(fd);
			unlinkat(s->dirfd, name, 0);
			return r;
		}
		close(s->fd);
	}
	fsync(s->dirfd);
	s->no++;
	s->fd = fd;
	s->at = 0;
	s->dirty = false;
	return 0;
}

static int append(struct spool *s, struct str b)
{
	size_t n = 0;

	while (n < b.len) {
		ssize_t w = write(s->fd, b.p + n, b.len - n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0) {
			int r = w < 0 ? -errno : -EIO;

			/* Half a record must not become the beginning of the next. */
			if (n && ftruncate(s->fd, (off_t)s->at) == 0)
				lseek(s->fd, (off_t)s->at, SEEK_SET);
			else if (n)
				s->at = s->file_bytes; /* a new file */
			return r;
		}
		n += (size_t)w;
	}
	s->at += n;
	s->bytes += n;
	s->dirty = true;
	return 0;
}

static int add(struct spool *s, struct str b)
{
	int r;

	if (!b.len)
		return 0;
	pthread_mutex_lock(&s->lock);
	r = next_file(s);
	if (r == 0)
		r = append(s, b);
	pthread_mutex_unlock(&s->lock);
	return r;
}

int spool_add(struct spool *s, struct str lines)
{
	return lines.len && lines.p[lines.len - 1] != '\n' ? -EINVAL : add(s, lines);
}

int spool_raw(struct spool *s, struct str bytes)
{
	return add(s, bytes);
}

int spool_sync(struct spool *s)
{
	int r = 0;

	pthread_mutex_lock(&s->lock);
	if (s->dirty && fdatasync(s->fd) < 0)
		r = -errno;
	s->dirty = r < 0;
	pthread_mutex_unlock(&s->lock);
	return r;
}

uint64_t spool_bytes(struct spool *s)
{
	uint64_t n;

	pthread_mutex_lock(&s->lock);
	n = s->bytes;
	pthread_mutex_unlock(&s->lock);
	return n;
}
