/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/tar.h"
#include "sense/unpack.h"
#include "tap.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOM (256 * 1024)

/* An archive being written, and read. */
static struct {
	char p[ROOM];
	size_t n, at;
	size_t most; /* bytes that one read gives */
} ar;

static int64_t give(void *arg, char *buf, size_t n)
{
	(void)arg;
	n = MIN(MIN(n, ar.most), ar.n - ar.at);
	memcpy(buf, ar.p + ar.at, n);
	ar.at += n;
	return (int64_t)n;
}

static void sign(char *h)
{
	unsigned sum = 0;

	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
}

static char *put(const char *name, char type, const char *data, size_t len)
{
	char *h = ar.p + ar.n;

	memset(h, 0, TAR_BLOCK + (len + 511) / 512 * 512);
	strncpy(h, name, 100);
	snprintf(h + 124, 12, "%011zo", len);
	snprintf(h + 136, 12, "%011o", 1777845600u);
	h[156] = type;
	memcpy(h + 257, "ustar\00000", 8);
	sign(h);
	if (len)
		memcpy(h + TAR_BLOCK, data, len);
	ar.n += TAR_BLOCK + (len + 511) / 512 * 512;
	return h;
}

static void begin(struct tar *t)
{
	ar.at = 0;
	ar.most = 7; /* no read gives what is asked for */
	tar_begin(t, give, NULL);
}

static void end(void)
{
	memset(ar.p + ar.n, 0, 2 * TAR_BLOCK);
	ar.n += 2 * TAR_BLOCK;
}

TEST(entries)
{
	static const char pax[] =
		"30 mtime=1777845600.123456789\n22 path=long/name.log\n10 size=3\n";
	char longname[300], buf[64], *h;
	struct tar_entry e;
	struct tar t;

	ar.n = 0;
	memset(longname, 'n', sizeof(longname));
	put("a.log", '0', "hello", 5);
	put("dir/", '5', "", 0);
	put("link", '2', "", 0);
	h = put("b", '0', "", 0);
	memcpy(h + 345, "pre/fix", 7);
	sign(h);
	put("x", 'x', pax, sizeof(pax) - 1);
	put("short", '0', "abc", 3);
	put("././@LongLink", 'L', longname, sizeof(longname));
	h = put("cut", 0, "wide", 4);
	memset(h + 124, 0, 12);
	h[124] = (char)0x80;
	h[135] = 4;
	sign(h);
	put("odd", 'S', "1234", 4);
	put("last", '0', "end", 3);
	end();
	begin(&t);
	CHECK_INT(tar_next(&t, &e), 1);
	CHECK_STR(e.name, "a.log");
	CHECK(e.file && !e.strange && e.size == 5);
	CHECK_INT(e.mtime, INT64_C(1777845600000000000));
	CHECK_INT(tar_read(&t, buf, 3), 3);
	CHECK_INT(tar_read(&t, buf + 3, 60), 2);
	CHECK(memcmp(buf, "hello", 5) == 0);
	CHECK_INT(tar_read(&t, buf, 1), 0);
	CHECK_INT(tar_next(&t, &e), 1);
	CHECK(!e.file && !e.strange);
	CHECK_INT(tar_next(&t, &e), 1);
	CHECK(!e.file && !e.strange);
	CHECK_INT(tar_next(&t, &e), 1);
	CHECK_STR(e.name, "pre/fix/b");
	CHECK_INT(tar_next(&t, &e), 1);
	CHECK_STR(e.name, "long/name.log");
	CHECK_INT(e.size, 3);
	CHECK_INT(tar_next(&t, &e), 1);
	CHECK_INT(e.name.len, sizeof(longname));
	CHECK_INT(tar_read(&t, buf, 64), 4);
	CHECK(memcmp(buf, "wide", 4) == 0);
	CHECK_INT(tar_next(&t, &e), 1);
	CHECK(e.strange);
	CHECK_INT(tar_next(&t, &e), 1);
	CHECK_STR(e.name, "last");
	CHECK_INT(tar_next(&t, &e), 0);
}

/* Cut at any byte it ends, and says so where a record is torn. */
TEST(torn)
{
	size_t whole, said = 0;

	ar.n = 0;
	put("a", '0', "hello", 5);
	put("b", '0', "world", 5);
	whole = ar.n;
	for (size_t n = 0; n <= whole; n++) {
		struct tar_entry e;
		struct tar t;
		int r;

		ar.n = n;
		begin(&t);
		while ((r = tar_next(&t, &e)) > 0)
			;
		CHECK(r == 0 || r == E_TRUNC);
		said += r == E_TRUNC;
	}
	CHECK_INT(said, whole - 2); /* nothing, after the first, after both */
}

TEST(broken)
{
	static const char bad_pax[] = "999999 path=x\n", no_len[] = "path=x\n";
	struct tar_entry e;
	struct tar t;
	char *h;

	ar.n = 0;
	h = put("a", '0', "hello", 5);
	h[0] = 'b'; /* the checksum is another's */
	begin(&t);
	CHECK_INT(tar_next(&t, &e), E_FORMAT);
	CHECK(!tar_is(str_n(ar.p, TAR_BLOCK)));
	ar.n = 0;
	h = put("a", '0', "", 0);
	memset(h + 124, 0xff, 12); /* a negative size */
	sign(h);
	CHECK(tar_is(str_n(ar.p, TAR_BLOCK)));
	begin(&t);
	CHECK_INT(tar_next(&t, &e), E_FORMAT);
	ar.n = 0;
	put("x", 'x', bad_pax, sizeof(bad_pax) - 1);
	put("a", '0', "", 0);
	begin(&t);
	CHECK_INT(tar_next(&t, &e), E_FORMAT);
	ar.n = 0;
	put("x", 'x', no_len, sizeof(no_len) - 1);
	begin(&t);
	CHECK_INT(tar_next(&t, &e), E_FORMAT);
	ar.n = 0;
	h = put("x", 'L', "", 0);
	memcpy(h + 124, "77777777777", 11);
	sign(h);
	begin(&t);
	CHECK_INT(tar_next(&t, &e), E_LIMIT);
}

static void write_archive(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0 && write(fd, ar.p, ar.n) == (ssize_t)ar.n);
	close(fd);
}

/* Names lead nowhere; links and dots are passed over; limits hold and are told. */
TEST(unpacked)
{
	char dir[] = "/tmp/tarXXXXXX", path[128], inner[4096];
	struct unpack_limits small = {.bytes_max = 6};
	struct file_list l = {0};
	struct unpacked u;
	struct stat sb;
	struct diag d;
	size_t n;

	CHECK(mkdtemp(dir) != NULL);
	ar.n = 0;
	put("in/z.log", '0', "inner", 5);
	end();
	n = ar.n;
	memcpy(inner, ar.p, n);
	ar.n = 0;
	put("../../../tmp/evil.log", '0', "one", 3);
	put("/etc/\033[31mred", '0', "two", 3);
	put("._hidden", '0', "no", 2);
	put(".git/x", '0', "no", 2);
	put("link", '1', "", 0);
	put("inner.tar", '0', inner, n);
	put("same", '0', "three", 5);
	put("same", '0', "four", 4);
	end();
	snprintf(path, sizeof(path), "%s/a.dat", dir);
	write_archive(path);
	CHECK_INT(file_walk(&l, dir, &d), 0);
	CHECK_INT(unpack_list(&l, dir, NULL, &u, &d), 0);
	CHECK_INT(l.n, 5);
	for (size_t i = 0; i < l.n; i++) {
		CHECK(l.v[i].at && strncmp(l.v[i].at, u.dir, strlen(u.dir)) == 0);
		CHECK(!strstr(l.v[i].at, "..") && !strchr(l.v[i].path, '\033'));
		CHECK(stat(l.v[i].at, &sb) == 0 && (uint64_t)sb.st_size == l.v[i].size);
		CHECK_INT(sb.st_mtim.tv_sec, 1777845600);
		CHECK(strncmp(l.v[i].path, path, strlen(path)) == 0 && !l.v[i].why);
	}
	CHECK(l.n == 5 && strstr(l.v[2].path, "/a.dat/inner.tar/in/z.log"));
	CHECK(l.n == 5 && l.v[3].size == 5 && l.v[4].size == 4); /* as in the archive */
	snprintf(path, sizeof(path), "%s", u.dir);
	file_list_free(&l);
	unpack_remove(&u);
	CHECK(stat(path, &sb) < 0);

	CHECK_INT(file_walk(&l, dir, &d), 0);
	CHECK_INT(unpack_list(&l, dir, &small, &u, &d), 0);
	CHECK(l.n >= 3 && l.v[0].why && strstr(l.v[0].why, "not all"));
	file_list_free(&l);
	unpack_remove(&u);
	snprintf(path, sizeof(path), "%s/a.dat", dir);
	unlink(path);
	CHECK_INT(rmdir(dir), 0); /* nothing was left, inside or beside */
}

/* What a killed run left goes with the next one; what another holds stays. */
TEST(left_behind)
{
	char dir[] = "/tmp/tarXXXXXX", path[128], gone[4200];
	struct file_list l = {0}, more = {0};
	struct unpacked u, v;
	struct stat sb;
	struct diag d;
	int pipes[2];
	ssize_t n;

	CHECK(mkdtemp(dir) != NULL && pipe(pipes) == 0);
	ar.n = 0;
	put("a.log", '0', "one", 3);
	end();
	snprintf(path, sizeof(path), "%s/a.tar", dir);
	write_archive(path);
	CHECK_INT(file_walk(&l, path, &d), 0);
	CHECK_INT(unpack_list(&l, dir, NULL, &u, &d), 0);
	CHECK_INT(file_walk(&more, path, &d), 0);
	if (fork() == 0) { /* ends as if it were killed */
		if (unpack_list(&more, dir, NULL, &v, &d) == 0)
			(void)!write(pipes[1], v.dir, strlen(v.dir));
		_exit(0);
	}
	CHECK(wait(NULL) > 0);
	n = read(pipes[0], gone, sizeof(gone) - 8);
	CHECK(n > 0);
	gone[MAX(n, 0)] = 0;
	CHECK(stat(gone, &sb) == 0);
	snprintf(strchr(gone, 0), 8, "/link"); /* a link in it is no way out of it */
	CHECK_INT(symlink(dir, gone), 0);
	*strrchr(gone, '/') = 0;
	CHECK_INT(unpack_list(&more, dir, NULL, &v, &d), 0);
	CHECK(stat(gone, &sb) < 0 && stat(path, &sb) == 0);
	CHECK(stat(l.v[0].at, &sb) == 0 && stat(more.v[0].at, &sb) == 0);
	unpack_remove(&v);
	unpack_remove(&u);
	file_list_free(&l);
	file_list_free(&more);
	close(pipes[0]);
	close(pipes[1]);
	unlink(path);
	CHECK_INT(rmdir(dir), 0);
}

TAP_MAIN
