/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of capture files: its bounds, what is picked out of it, and filters. */
#include "packet/keep.h"
#include "frames.h"
#include "packet/capture.h"
#include "packet/pfilter.h"
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define T0 (1700000000 * NS_PER_S)

static char dir[64];

static void fresh_dir(void)
{
	strcpy(dir, "/tmp/thymus-keep-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
}

/* Files there, their bytes; removes them when `gone`. */
static unsigned files(uint64_t *ret_bytes, bool gone)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	struct stat sb;
	unsigned n = 0;

	*ret_bytes = 0;
	while (d && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &sb, 0) < 0)
			continue;
		n++;
		*ret_bytes += (uint64_t)sb.st_size;
		if (gone)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
	if (gone)
		rmdir(dir);
	return n;
}

/* A datagram of 10.0.0.a to 10.0.0.b, n bytes of payload. */
static void put(struct keep *k, int64_t ts, unsigned a, unsigned b, unsigned sport, size_t n)
{
	static const char zero[1400];
	struct wire w = {.n = 0};
	struct frame f = {.ts = ts, .link = 1};

	eth(&w, 0x0800);
	udp(&w, a, b, sport, 53, zero, (unsigned)n);
	f.p = w.p;
	f.len = f.wire = (uint32_t)w.n;
	keep_add(k, &f);
}

static struct ip host(unsigned n)
{
	char text[32];
	struct ip ip;

	snprintf(text, sizeof(text), "10.0.0.%u", n);
	CHECK(ip_parse(str_of(text), &ip));
	return ip;
}

static unsigned pick(const struct keep_want *w, struct keep_picked *p)
{
	char path[128];
	struct diag d;

	snprintf(path, sizeof(path), "%s/picked.pcapng", dir);
	*p = (struct keep_picked){0};
	CHECK_INT(keep_pick(dir, w, "a test", path, p, &d), 0);
	return (unsigned)p->packets;
}

TEST(bounded_in_bytes)
{
	struct keep_conf c = {.bytes = 256 * 1024, .time = 3600 * NS_PER_S};
	struct keep *k = NULL;
	struct keep_want w = {.to = INT64_MAX, .nip = 1};
	struct keep_picked p;
	struct diag d;
	uint64_t bytes;

	fresh_dir();
	CHECK_INT(keep_open(&c, dir, "eth0-0", 1, &k, &d), 0);
	for (unsigned i = 0; i < 5000; i++)
		put(k, T0 + i * NS_PER_MS, 1, 2, 4000, 200);
	keep_flush(k);
	CHECK(files(&bytes, false) <= KEEP_FILES + 2);
	CHECK(bytes <= 256 * 1024 && bytes > 200 * 1024);
	/* The last ones are there, the first are not. */
	w.ip[0] = host(1);
	CHECK(pick(&w, &p) > 700);
	CHECK_INT(p.last, T0 + 4999 * NS_PER_MS);
	CHECK(p.first > T0 + 3000 * NS_PER_MS);
	CHECK_INT(keep_lost(k), 0);
	keep_close(k);
	/* An earlier run's files count, and go in their turn. */
	k = NULL;
	CHECK_INT(keep_open(&c, dir, "eth0-0", 1, &k, &d), 0);
	for (unsigned i = 0; i < 1000; i++)
		put(k, T0 + (5000 + i) * NS_PER_MS, 1, 2, 4000, 200);
	keep_close(k);
	unlink(strcat(strcpy((char[128]){0}, dir), "/picked.pcapng"));
	files(&bytes, true);
	CHECK(bytes <= 2 * 256 * 1024 && bytes > 200 * 1024);
}

TEST(bounded_in_time)
{
	struct keep_conf c = {.bytes = 64 << 20, .time = 100 * NS_PER_S};
	struct keep *k = NULL;
	struct keep_want w = {.to = INT64_MAX, .nip = 1};
	struct keep_picked p;
	struct diag d;
	uint64_t bytes;

	fresh_dir();
	CHECK_INT(keep_open(&c, dir, "eth0-0", 1, &k, &d), 0);
	for (unsigned i = 0; i < 1000; i++)
		put(k, T0 + i * NS_PER_S, 1, 2, 4000, 50);
	keep_flush(k);
	w.ip[0] = host(2);
	CHECK(pick(&w, &p) >= 100 && p.packets <= 110);
	keep_close(k);
	files(&bytes, true);
}

TEST(picked)
{
	struct keep *k = NULL, *other = NULL;
	struct keep_want w = {.from = T0 + 50 * NS_PER_S, .to = T0 + 60 * NS_PER_S, .nip = 1};
	struct keep_picked p;
	struct diag d;
	uint64_t bytes;

	fresh_dir();
	CHECK_INT(keep_open(NULL, dir, "eth0-0", 1, &k, &d), 0);
	CHECK_INT(keep_open(NULL, dir, "eth1-0", 1, &other, &d), 0);
	for (unsigned i = 0; i < 100; i++) {
		put(k, T0 + i * NS_PER_S, 1, 2, 4000 + i % 10, 50);
		put(other, T0 + i * NS_PER_S + 1, 3, 1, 5000, 50);
		put(other, T0 + i * NS_PER_S + 2, 3, 4, 5000, 50);
	}
	keep_flush(k);
	keep_flush(other);
	w.ip[0] = host(1);
	CHECK_INT(pick(&w, &p), 11 + 10); /* of both interfaces, in that time */
	CHECK_INT(p.first, T0 + 50 * NS_PER_S);
	/* And all of one connection, whenever, whoever began. */
	w.conn[0].ip[0] = host(4);
	w.conn[0].ip[1] = host(3);
	w.conn[0].port[0] = 53;
	w.conn[0].port[1] = 5000;
	w.conn[0].proto = 17;
	w.nconn = 1;
	CHECK_INT(pick(&w, &p), 21 + 100);
	w.bytes_max = 1000;
	CHECK(pick(&w, &p) < 21);
	CHECK(p.left_out > 100);
	keep_close(k);
	keep_close(other);
	files(&bytes, true);
}

/* The ring's own disk trouble loses packets, counted, and nothing else. */
TEST(no_room)
{
	struct keep *k = NULL;
	struct diag d;
	uint64_t bytes;

	fresh_dir();
	CHECK_INT(keep_open(NULL, dir, "eth0-0", 1, &k, &d), 0);
	files(&bytes, true); /* its folder is gone */
	put(k, T0, 1, 2, 4000, 50);
	put(k, T0, 1, 2, 4000, 50);
	CHECK_INT(keep_lost(k), 2);
	CHECK(mkdir(dir, 0700) == 0); /* and there again */
	put(k, T0 + NS_PER_S, 1, 2, 4000, 50);
	CHECK_INT(keep_lost(k), 3); /* it is tried once a second */
	put(k, T0 + 2 * NS_PER_S, 1, 2, 4000, 50);
	CHECK_INT(keep_lost(k), 3);
	keep_close(k);
	CHECK_INT(files(&bytes, true), 1);
}

/* The last bytes of a disk are not the ring's. */
TEST(spare)
{
	struct keep_conf c = {.spare = UINT64_MAX / 2};
	struct keep *k = NULL;
	struct diag d;
	uint64_t bytes;

	fresh_dir();
	CHECK_INT(keep_open(&c, dir, "eth0-0", 1, &k, &d), 0);
	put(k, T0, 1, 2, 4000, 50);
	CHECK_INT(keep_lost(k), 1);
	keep_close(k);
	CHECK_INT(files(&bytes, true), 0);
}

TEST(filter)
{
	struct wire w = {.n = 0};
	struct frame f = {.link = 1};
	struct pfilter *p = NULL;
	struct diag d = {{0}};

	eth(&w, 0x0800);
	udp(&w, 1, 2, 4000, 53, "x", 1);
	f.p = w.p;
	f.len = f.wire = (uint32_t)w.n;
	CHECK(pfilter_new("port 53 and", &p, &d) < 0 && strstr(d.msg, "port 53 and"));
	CHECK_INT(pfilter_new("udp port 53", &p, &d), 0);
	CHECK(pfilter_match(p, &f));
	f.p += 14; /* the same without Ethernet */
	f.len = f.wire -= 14;
	f.link = 101;
	CHECK(pfilter_match(p, &f));
	f.link = 9999;
	CHECK(!pfilter_match(p, &f));
	f.link = 1;
	CHECK(!pfilter_match(p, &f));
	pfilter_free(p);
}

TAP_MAIN
