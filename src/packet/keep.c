/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/keep.h"
#include "base/fdio.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BUFFER	  (256 * KIB)
#define FILES_MAX (KEEP_FILES * 4)
#define SNAP_MAX  (128 * KIB) /* longer frames are cut */

struct kept_file {
	uint64_t no, bytes;
	int64_t last; /* time of its last frame */
};

struct keep {
	struct keep_conf conf;
	char *dir, *name;
	uint16_t link;
	int fd;
	uint8_t *buf; /* [BUFFER] not yet written */
	size_t len;
	struct kept_file file[FILES_MAX]; /* from the oldest; the last is written to */
	unsigned n;
	uint64_t total, next, lost;
	uint32_t waiting; /* frames in buf */
	int64_t first;	  /* time of the first frame of the file */
	int64_t refused;  /* when no file could be begun: not tried again at once */
};

static void path_of(const struct keep *k, uint64_t no, char path[4096])
{
	snprintf(path, 4096, "%s/%s-%012llu.pcap", k->dir, k->name, (unsigned long long)no);
}

static void drop_oldest(struct keep *k)
{
	char path[4096];

	path_of(k, k->file[0].no, path);
	unlink(path);
	k->total -= k->file[0].bytes;
	memmove(k->file, k->file + 1, --k->n * sizeof(k->file[0]));
}

static int by_no(const void *a, const void *b)
{
	const struct kept_file *x = a, *y = b;

	return x->no < y->no ? -1 : x->no > y->no;
}

/* The number in a file's name, 0 when it is none of ours. */
static uint64_t number_of(const struct keep *k, const char *name)
{
	struct str s = str_of(name), rest;
	size_t n = strlen(k->name);
	int64_t v;

	if (!str_starts(s, str_of(k->name)) || s.len <= n || s.p[n] != '-' ||
	    !str_ends(s, STR(".pcap")))
		return 0;
	s = str_cut(str_sub(s, n + 1, s.len), '.', &rest);
	return str_i64(s, &v) && v > 0 ? (uint64_t)v : 0;
}

/* What an earlier run left; more than can be listed goes at once. */
static void take_up(struct keep *k)
{
	DIR *d = opendir(k->dir);
	struct dirent *e;
	struct stat sb;
	char path[4096];

	while (d && (e = readdir(d)) != NULL) {
		uint64_t no = number_of(k, e->d_name);

		if (!no)
			continue;
		k->next = MAX(k->next, no);
		path_of(k, no, path);
		if (stat(path, &sb) < 0)
			continue;
		if (k->n == FILES_MAX - 1) {
			unlink(path);
			continue;
		}
		k->file[k->n++] = (struct kept_file){no, (uint64_t)sb.st_size,
						     (int64_t)sb.st_mtim.tv_sec * NS_PER_S};
		k->total += (uint64_t)sb.st_size;
	}
	if (d)
		closedir(d);
	qsort(k->file, k->n, sizeof(k->file[0]), by_no);
}

int keep_open(const struct keep_conf *conf, const char *dir, const char *name, uint16_t link,
	      struct keep **ret_k, struct diag *d)
{
	struct keep *k = calloc(1, sizeof(*k));

	if (!k)
		return diag_set(d, -ENOMEM, "out of memory");
	k->fd = -1;
	if (conf)
		k->conf = *conf;
	k->conf.bytes = k->conf.bytes ? k->conf.bytes : KEEP_BYTES;
	k->conf.time = k->conf.time ? k->conf.time : KEEP_TIME;
	k->conf.snap = k->conf.snap ? MIN(k->conf.snap, (uint32_t)SNAP_MAX) : SNAP_MAX;
	k->link = link;
	k->dir = str_dup(str_of(dir));
	k->name = str_dup(str_of(name));
	k->buf = malloc(BUFFER);
	if (!k->dir || !k->name || !k->buf) {
		keep_close(k);
		return diag_set(d, -ENOMEM, "out of memory");
	}
	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		int e = -errno;

		keep_close(k);
		return diag_set(d, e, "%s: %s", dir, err_text(e));
	}
	take_up(k);
	*ret_k = k;
	return 0;
}

struct keep *keep_close(struct keep *k)
{
	if (!k)
		return NULL;
	keep_flush(k);
	if (k->fd >= 0)
		close(k->fd);
	free(k->dir);
	free(k->name);
	free(k->buf);
	free(k);
	return NULL;
}

static void end_file(struct keep *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}

void keep_flush(struct keep *k)
{
	/* When it fails half a frame may stand at the file's end: no more goes there. */
	if (k->len && (k->fd < 0 || fd_write(k->fd, k->buf, k->len) < 0)) {
		k->lost += k->waiting;
		end_file(k);
	}
	k->len = k->waiting = 0;
}

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, 4);
}

static void begin_file(struct keep *k, int64_t ts)
{
	uint8_t head[24] = {0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4};
	char path[4096];
	struct statvfs v;

	while (k->n >= FILES_MAX)
		drop_oldest(k);
	if (k->conf.spare && statvfs(k->dir, &v) == 0 &&
	    (uint64_t)v.f_bavail * v.f_frsize < k->conf.spare + k->conf.bytes / KEEP_FILES)
		return;
	path_of(k, ++k->next, path);
	k->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (k->fd < 0)
		return;
	put32(head + 16, SNAP_MAX);
	put32(head + 20, k->link);
	memcpy(k->buf, head, sizeof(head));
	k->len = sizeof(head);
	k->total += sizeof(head);
	k->file[k->n++] = (struct kept_file){k->next, sizeof(head), ts};
	k->first = ts;
}

/* Old files go, and the one being written to is ended when it is its time. */
static void turn(struct keep *k, int64_t ts, size_t need)
{
	const struct keep_conf *c = &k->conf;

	while (k->n && (k->total + need > c->bytes || k->file[0].last < ts - c->time)) {
		if (k->n == 1) {
			keep_flush(k);
			end_file(k);
		}
		drop_oldest(k);
	}
	if (k->fd >= 0 &&
	    (k->file[k->n - 1].bytes >= c->bytes / KEEP_FILES ||
	     ts - k->first > c->time / KEEP_FILES || ts < k->first - 60 * NS_PER_S)) {
		keep_flush(k);
		end_file(k);
	}
}

void keep_add(struct keep *k, const struct frame *f)
{
	uint32_t len = MIN(f->len, k->conf.snap);
	uint8_t h[16];
	int64_t ts = MAX(f->ts, 0);

	turn(k, ts, len + sizeof(h));
	if (k->len + len + sizeof(h) > BUFFER - 64)
		keep_flush(k);
	if (k->fd < 0 && (ts - k->refused > NS_PER_S || ts < k->refused)) {
		begin_file(k, ts);
		k->refused = k->fd < 0 ? ts : 0;
	}
	if (k->fd < 0 || k->len + len + sizeof(h) > BUFFER) {
		k->lost++;
		return;
	}
	put32(h, (uint32_t)(ts / NS_PER_S));
	put32(h + 4, (uint32_t)(ts % NS_PER_S));
	put32(h + 8, len);
	put32(h + 12, MAX(f->wire, len));
	memcpy(k->buf + k->len, h, sizeof(h));
	memcpy(k->buf + k->len + sizeof(h), f->p, len);
	k->len += len + sizeof(h);
	k->waiting++;
	k->file[k->n - 1].bytes += len + sizeof(h);
	k->file[k->n - 1].last = MAX(k->file[k->n - 1].last, ts);
	k->total += len + sizeof(h);
}

uint64_t keep_lost(const struct keep *k)
{
	return k ? k->lost : 0;
}
