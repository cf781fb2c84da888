/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/file.h"
#include "base/str.h"
#include "tap.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

static char dir[64];

static const char *at(const char *name)
{
	static char path[2][160];
	static int i;

	i ^= 1;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

static void put(const char *name, const void *p, size_t n, const char *mode)
{
	FILE *f = fopen(at(name), mode);

	CHECK(f && fwrite(p, 1, n, f) == n);
	if (f)
		fclose(f);
}

/* All that a file gives, read in odd pieces; *err is how it ended. */
static size_t slurp(const char *name, const struct file_limits *l, char *buf, size_t max,
		    int64_t *err)
{
	struct file_in *f = NULL;
	struct diag d = {{0}};
	size_t n = 0;
	int64_t r = 0;

	*err = file_open(at(name), l, &f, &d);
	while (f && n < max && (r = file_read(f, buf + n, MIN(max - n, 777))) > 0)
		n += (size_t)r;
	if (f) {
		*err = n < max ? r : 0;
		if (*err == 0 && n < max)
			CHECK_INT(file_read(f, buf, 1), 0);
	}
	file_close(f);
	return n;
}

TEST(read)
{
	static char text[100000], got[200000 + 1], zst[200000];
	int64_t err;
	size_t n;
	gzFile g;

	snprintf(dir, sizeof(dir), "/tmp/fileXXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	for (uint32_t i = 0, x = 1; i < sizeof(text); i++) {
		x = x * 1664525 + 1013904223;
		text[i] = (char)('a' + (x >> 24) % 26);
	}
	put("plain", text, sizeof(text), "w");
	n = slurp("plain", NULL, got, sizeof(got), &err);
	CHECK(n == sizeof(text) && err == 0 && memcmp(got, text, n) == 0);
	put("one", "x", 1, "w");
	CHECK_INT(slurp("one", NULL, got, sizeof(got), &err), 1);
	put("none", "", 0, "w");
	CHECK_INT(slurp("none", NULL, got, sizeof(got), &err), 0);
	CHECK_INT(err, 0);

	for (int i = 0; i < 2; i++) { /* two members */
		g = gzopen(at("a.log"), i ? "a" : "w");
		CHECK_INT(gzwrite(g, text, sizeof(text)), sizeof(text));
		gzclose(g);
	}
	put("a.log", "\0\0\0\0", 4, "a"); /* padding of tapes */
	n = slurp("a.log", NULL, got, sizeof(got), &err);
	CHECK(n == 2 * sizeof(text) && err == 0 &&
	      memcmp(got + sizeof(text), text, n / 2) == 0);
	CHECK_INT(truncate(at("a.log"), 3000), 0);
	n = slurp("a.log", NULL, got, sizeof(got), &err);
	CHECK(n > 0 && n < sizeof(text) && memcmp(got, text, n) == 0);
	CHECK_INT(err, E_TRUNC);

	n = ZSTD_compress(zst, sizeof(zst), text, sizeof(text), 3);
	put("b", zst, n, "w");
	put("b", zst, n, "a");
	CHECK_INT(slurp("b", NULL, got, sizeof(got), &err), 2 * sizeof(text));
	CHECK_INT(err, 0);
	put("b", zst, n / 2, "w");
	slurp("b", NULL, got, sizeof(got), &err);
	CHECK_INT(err, E_TRUNC);
	zst[n / 2] ^= 0x55;
	zst[n / 2 + 1] ^= 0x55;
	put("b", zst, n, "w");
	n = slurp("b", NULL, got, sizeof(got), &err);
	CHECK(err == E_FORMAT || n == sizeof(text)); /* zstd frames carry no checksum here */
	CHECK(slurp("nothing", NULL, got, sizeof(got), &err) == 0 && err == -ENOENT);
	unlink(at("plain"));
	unlink(at("one"));
	unlink(at("none"));
	unlink(at("a.log"));
	unlink(at("b"));
	rmdir(dir);
}

/* A gzip file of one member is read at once; what is wrong with it shows all the same. */
TEST(whole)
{
	static char text[300000], got[sizeof(text) + 10];
	struct file_limits tight = {.ratio_free = 1000};
	int64_t err;
	size_t n;
	gzFile g;
	FILE *f;

	snprintf(dir, sizeof(dir), "/tmp/fileXXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i * i / 7 % 23);
	g = gzopen(at("a.gz"), "w");
	CHECK_INT(gzwrite(g, text, sizeof(text)), sizeof(text));
	gzclose(g);
	n = slurp("a.gz", NULL, got, sizeof(got), &err);
	CHECK(n == sizeof(text) && err == 0 && memcmp(got, text, n) == 0);
	n = slurp("a.gz", &tight, got, sizeof(got), &err); /* streams */
	CHECK(n == sizeof(text) && err == 0 && memcmp(got, text, n) == 0);
	f = fopen(at("a.gz"), "r+");
	fseek(f, -8, SEEK_END); /* the checksum */
	fputc('x', f);
	fputc('y', f);
	fclose(f);
	n = slurp("a.gz", NULL, got, sizeof(got), &err);
	CHECK(n == sizeof(text) && err == E_FORMAT && memcmp(got, text, n) == 0);
	unlink(at("a.gz"));
	rmdir(dir);
}

/* UTF-16 with a mark becomes UTF-8, in whatever pieces it is read. */
TEST(utf16)
{
	/* A, a with diaeresis, euro sign, U+1F600 as a pair, a lone half, B */
	static const uint16_t unit[] = {0xfeff, 'A',	0xe4,	0x20ac, 0xd83d,
					0xde00, 0xd83d, 0xde00, 0xdc00, 'B'};
	static const char want[] = "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
				   "\xef\xbf\xbd"
				   "B";
	char got[100];
	int64_t err;

	snprintf(dir, sizeof(dir), "/tmp/fileXXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	for (int big = 0; big < 2; big++) {
		char bytes[sizeof(unit)];
		gzFile g;

		for (size_t i = 0; i < ARRAY_LEN(unit); i++) {
			bytes[2 * i] = (char)(big ? unit[i] >> 8 : unit[i] & 0xff);
			bytes[2 * i + 1] = (char)(big ? unit[i] & 0xff : unit[i] >> 8);
		}
		put("w", bytes, sizeof(bytes), "w");
		CHECK_STR(str_n(got, slurp("w", NULL, got, sizeof(got), &err)), want);
		CHECK_INT(err, 0);
		g = gzopen(at("w"), "w");
		CHECK_INT(gzwrite(g, bytes, sizeof(bytes)), sizeof(bytes));
		gzclose(g);
		CHECK_STR(str_n(got, slurp("w", NULL, got, sizeof(got), &err)), want);
	}
	put("w",
	    "\xff\xfe"
	    "a\0b",
	    5, "w"); /* ends in half a unit */
	CHECK_STR(str_n(got, slurp("w", NULL, got, sizeof(got), &err)), "a\xef\xbf\xbd");
	unlink(at("w"));
	rmdir(dir);
}

TEST(bomb)
{
	static char zero[MIB], got[4 * MIB];
	const struct file_limits ratio = {.ratio_max = 100, .ratio_free = MIB};
	const struct file_limits size = {.bytes_max = 2 * MIB};
	int64_t err;
	gzFile g;

	snprintf(dir, sizeof(dir), "/tmp/fileXXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	g = gzopen(at("z"), "w");
	for (int i = 0; i < 3; i++)
		CHECK_INT(gzwrite(g, zero, sizeof(zero)), sizeof(zero));
	gzclose(g);
	CHECK_INT(slurp("z", NULL, got, sizeof(got), &err), 3 * MIB);
	CHECK_INT(err, 0);
	CHECK(slurp("z", &ratio, got, sizeof(got), &err) < 2 * MIB);
	CHECK_INT(err, E_LIMIT);
	CHECK(slurp("z", &size, got, sizeof(got), &err) < 3 * MIB);
	CHECK_INT(err, E_LIMIT);
	unlink(at("z"));
	rmdir(dir);
}

TEST(walk)
{
	struct file_list l = {0};
	struct diag d = {{0}};

	snprintf(dir, sizeof(dir), "/tmp/fileXXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	CHECK_INT(mkdir(at("a"), 0700), 0);
	put("a/2", "xy", 2, "w");
	put("a/1", "x", 1, "w");
	put("a.b", "x", 1, "w");
	put(".no", "x", 1, "w");
	CHECK_INT(symlink("..", at("a/up")), 0);
	CHECK_INT(symlink("gone", at("dangling")), 0);
	CHECK_INT(file_walk(&l, dir, &d), 0);
	CHECK_INT(file_walk(&l, at("a/1"), &d), 0);
	file_list_sort(&l);
	CHECK_INT(l.n, 3);
	if (l.n == 3) {
		CHECK(strcmp(l.v[0].path, at("a.b")) == 0);
		CHECK(strcmp(l.v[1].path, at("a/1")) == 0);
		CHECK(strcmp(l.v[2].path, at("a/2")) == 0);
		CHECK_INT(l.v[2].size, 2);
	}
	CHECK_INT(file_walk(&l, at("gone"), &d), -ENOENT);
	CHECK(strstr(d.msg, "gone"));
	file_list_free(&l);
	unlink(at("a/up"));
	unlink(at("dangling"));
	unlink(at("a/1"));
	unlink(at("a/2"));
	unlink(at("a.b"));
	unlink(at(".no"));
	rmdir(at("a"));
	rmdir(dir);
}

TAP_MAIN
