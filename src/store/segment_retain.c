/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segment.h"
#include "store/segment_impl.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Where the first block begins that stays, and how many come before it. */
static off_t first_kept(struct seg_scan *s, int64_t before, uint64_t max_bytes, uint64_t keep,
			uint64_t *ret_n)
{
	off_t end = s->next;

	*ret_n = 0;
	while (seg_scan_next(s) > 0) {
		uint64_t left = (uint64_t)(s->size - s->at);

		if ((uint64_t)s->at >= keep >> SEG_PLACE_BITS ||
		    (s->head.max_known >= before && left <= max_bytes))
			break;
		end = s->next;
		(*ret_n)++;
	}
	return end;
}

/*
 * The gap's head first, and on disk, before anything it covers goes: a crash in between leaves
 * bytes that nobody reads, which the next time gives back.
 */
static int cut(int fd, off_t end)
{
	struct seg_head h = seg_gap(end);
	off_t from = SEG_FILE_HEAD + (off_t)sizeof(h);

	if (pwrite(fd, &h, sizeof(h), SEG_FILE_HEAD) != (ssize_t)sizeof(h) || fdatasync(fd) < 0)
		return -errno;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, end - from) < 0)
		return -errno;
	return 0;
}

int seg_retain(const char *dir, int64_t before, uint64_t max_bytes, uint64_t keep,
	       uint64_t *ret_n, struct diag *d)
{
	struct seg_scan s;
	char path[4096];
	uint64_t n = 0;
	off_t end;
	int fd, r;

	snprintf(path, sizeof(path), "%s/%s", dir, SEG_FILE_NAME);
	r = seg_scan_open(&s, path, d);
	if (r < 0)
		return r;
	end = first_kept(&s, before, max_bytes, keep, &n);
	seg_scan_close(&s);
	*ret_n = n;
	if (!n)
		return 0;
	fd = open(path, O_RDWR | O_CLOEXEC);
	r = fd < 0 ? -errno : cut(fd, end);
	if (fd >= 0)
		close(fd);
	return r < 0 ? diag_set(d, r, "%s: %s", path, err_text(r)) : 0;
}
