/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/unpack.h"
#include "base/buf.h"
#include "base/fdio.h"
#include "sense/tar.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES_MAX ((uint64_t)64 << 30)
#define FILES_MAX 1000000
#define PREFIX	  "thymus-unpacked-"
#define HEAD_ROOM 100 /* bytes of a file's own name that are kept */

struct job {
	struct file_list *l;
	struct unpacked *u;
	struct unpack_limits left; /* of the limits */
	const char *tmpdir;
	struct diag *d;
	size_t strange; /* entries of the archive at hand that are not read */
};

static int64_t read_file(void *arg, char *buf, size_t n)
{
	return file_read(arg, buf, n);
}

/* Whether the file at path is an archive. */
static bool is_archive(const char *path)
{
	struct file_in *f = NULL;
	char head[TAR_BLOCK];
	struct diag d;
	size_t n = 0;
	int64_t r;

	if (file_open_begin(path, &f, &d) < 0)
		return false;
	while (n < sizeof(head) && (r = file_read(f, head + n, sizeof(head) - n)) > 0)
		n += (size_t)r;
	file_close(f);
	return tar_is(str_n(head, n));
}

/* A component of the name begins with a dot and is more than "." or "..". */
static bool hidden(struct str name)
{
	while (name.p) {
		struct str part = str_cut(name, '/', &name);

		if (part.len && part.p[0] == '.' && !str_eqz(part, ".") && !str_eqz(part, ".."))
			return true;
	}
	return false;
}

/* ARCHIVE/NAME without what would disturb a terminal or a report. */
static char *label(const char *archive, struct str name)
{
	struct buf b;

	buf_init(&b, 64 * KIB);
	buf_addz(&b, archive);
	while (name.p) {
		struct str part = str_cut(name, '/', &name);

		if (!part.len || str_eqz(part, "."))
			continue;
		buf_addc(&b, '/');
		buf_safe(&b, part);
	}
	if (buf_err(&b) < 0)
		buf_free(&b);
	return b.p;
}

/* The last part of the name in harmless letters: logs are told apart by it ("conn.log"). */
static void plain_name(struct str name, char out[HEAD_ROOM + 1])
{
	size_t n = 0, at = name.len;

	while (at && name.p[at - 1] != '/')
		at--;
	for (; at < name.len && n < HEAD_ROOM; at++) {
		char c = name.p[at];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			  (c >= '0' && c <= '9') || c == '-' || c == '_' || (c == '.' && n);

		out[n++] = ok ? c : '_';
	}
	if (!n)
		out[n++] = '_';
	out[n] = 0;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A folder below at, open and locked; <0: there is none, it is not ours, or who made it lives.
 */
static int hold(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && st.st_nlink > 0 &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	return -EAGAIN;
}

/* What stands in the folder fd, whose folders hold files alone. Closes fd. */
static void empty(int fd, bool folders)
{
	DIR *dir = fdopendir(fd);
	struct dirent *e;

	if (!dir)
		close(fd);
	while (dir && (e = readdir(dir))) {
		int sub = folders && !is_dots(e->d_name)
				  ? openat(fd, e->d_name,
					   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
				  : -1;

		if (sub >= 0)
			empty(sub, false);
		if (!is_dots(e->d_name))
			unlinkat(fd, e->d_name, sub >= 0 ? AT_REMOVEDIR : 0);
	}
	if (dir)
		closedir(dir);
}

/* Removes what runs left that were killed: nobody holds their folders any more. */
static void sweep(const char *base)
{
	DIR *dir = opendir(base);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		int fd = str_starts(str_of(e->d_name), STR(PREFIX))
				 ? hold(dirfd(dir), e->d_name)
				 : -1;

		if (fd < 0)
			continue;
		empty(fd, true);
		unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR);
	}
	if (dir)
		closedir(dir);
}

static int dir_make(struct job *j)
{
	const char *base = j->tmpdir ? j->tmpdir : getenv("TMPDIR");
	char *dir = NULL;
	int fd = -EAGAIN;

	if (j->u->dir)
		return 0;
	base = base && *base ? base : "/tmp";
	sweep(base);
	/* Between its making and our hold another run may have swept it. */
	for (unsigned tries = 0; fd < 0 && tries < 10; tries++) {
		free(dir);
		if (asprintf(&dir, "%s/" PREFIX "XXXXXX", base) < 0)
			return -ENOMEM;
		fd = mkdtemp(dir) ? hold(AT_FDCWD, dir) : -errno;
	}
	if (fd < 0) {
		int r = diag_set(j->d, fd, "%s: %s", dir, strerror(-fd));

		free(dir);
		return r;
	}
	j->u->dir = dir;
	j->u->hold = fd;
	return 0;
}

/* The next file of our own: *ret_path, open for writing. */
static int file_make(struct job *j, struct str name, char **ret_path)
{
	char plain[HEAD_ROOM + 1], *path = NULL;
	int fd;

	plain_name(name, plain);
	if (asprintf(&path, "%s/%08zu", j->u->dir, ++j->u->n) < 0)
		return -ENOMEM;
	if (mkdir(path, 0700) < 0) {
		free(path);
		return -errno;
	}
	free(path);
	if (asprintf(&path, "%s/%08zu/%s", j->u->dir, j->u->n, plain) < 0)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		free(path);
		return -errno;
	}
	*ret_path = path;
	return fd;
}

/* The entry's data to fd. What came before an error stays. */
static int copy_out(struct job *j, struct tar *t, int fd, uint64_t *ret_bytes)
{
	char buf[64 * KIB];
	int64_t n;

	*ret_bytes = 0;
	while ((n = tar_read(t, buf, sizeof(buf))) > 0) {
		int r = (uint64_t)n > j->left.bytes_max ? E_LIMIT
							: fd_write(fd, buf, (size_t)n);

		if (r < 0)
			return r;
		j->left.bytes_max -= (uint64_t)n;
		*ret_bytes += (uint64_t)n;
	}
	return (int)n;
}

static int member(struct job *j, struct tar *t, const struct tar_entry *e, const char *archive)
{
	struct timespec when[2] = {{.tv_nsec = UTIME_OMIT},
				   {.tv_sec = e->mtime / NS_PER_S, .tv_nsec = 0}};
	char *path = NULL, *name;
	uint64_t bytes = 0;
	int fd, r, added;

	if (!j->left.files_max)
		return E_LIMIT;
	j->left.files_max--;
	fd = file_make(j, e->name, &path);
	if (fd < 0)
		return fd;
	r = copy_out(j, t, fd, &bytes);
	/* Syslog's years hang on it. Without it they are only guessed. */
	if (e->mtime)
		(void)futimens(fd, when);
	close(fd);
	name = label(archive, e->name);
	added = name ? file_list_add(j->l, name, path, bytes) : -ENOMEM;
	if (!name)
		free(path);
	return r < 0 ? r : added;
}

/* Adds what an archive holds. An error stands for the rest of it. */
static int archive_read(struct job *j, const char *path, const char *as)
{
	struct file_in *f = NULL;
	struct tar_entry e;
	struct tar t;
	int r = file_open(path, NULL, &f, j->d), got;

	if (r < 0)
		return r;
	j->strange = 0;
	tar_begin(&t, read_file, f);
	while ((got = tar_next(&t, &e)) > 0 && r == 0) {
		if (e.strange)
			j->strange++;
		else if (e.file && !hidden(e.name))
			r = member(j, &t, &e, as);
	}
	file_close(f);
	return r < 0 ? r : got;
}

static char *reason(const struct job *j, int r)
{
	char *why = NULL;

	if (r < 0 &&
	    asprintf(&why, "of this archive not all could be read: %s", err_text(r)) < 0)
		return NULL;
	if (r == 0 && j->strange &&
	    asprintf(&why, "%zu entries of this archive are of a kind that is not read",
		     j->strange) < 0)
		return NULL;
	return why;
}

/* The archive at l[i]: its members are added at the end, and it goes, or stays with a reason.
 */
static int archive_at(struct job *j, size_t i)
{
	int r = dir_make(j);

	if (r < 0)
		return r;
	r = archive_read(j, file_place(&j->l->v[i]), j->l->v[i].path);
	if (r == -ENOMEM)
		return r;
	j->l->v[i].why = reason(j, r);
	if (!j->l->v[i].why) {
		if (r < 0 || j->strange)
			return -ENOMEM;
		file_list_drop(j->l, i);
	}
	return 0;
}

int unpack_list(struct file_list *l, const char *tmpdir, const struct unpack_limits *limits,
		struct unpacked *ret_u, struct diag *d)
{
	struct job j = {.l = l, .u = ret_u, .tmpdir = tmpdir, .d = d};
	size_t from = 0;
	int r = 0;

	*ret_u = (struct unpacked){0};
	if (limits)
		j.left = *limits;
	j.left.bytes_max = j.left.bytes_max ? j.left.bytes_max : BYTES_MAX;
	j.left.files_max = j.left.files_max ? j.left.files_max : FILES_MAX;
	/* Each round looks into what the one before has added. */
	for (unsigned depth = 0; depth < UNPACK_DEPTH && from < l->n && r == 0; depth++) {
		size_t to = l->n;

		for (size_t i = from; i < to && r == 0; i++)
			if (is_archive(file_place(&l->v[i])))
				r = archive_at(&j, i);
		from = to;
	}
	file_list_sort(l);
	return r;
}

void unpack_remove(struct unpacked *u)
{
	if (u->dir) {
		empty(u->hold, true);
		rmdir(u->dir);
	}
	free(u->dir);
	*u = (struct unpacked){0};
}
