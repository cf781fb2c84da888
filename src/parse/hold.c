/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/hold.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PAD	   64
#define WRITE_SIZE MIB

struct run {
	uint64_t at, end; /* of the temporary file, unread part */
	struct held *head;
};

static bool before(const struct item *a, const struct item *b)
{
	if (a->known != b->known)
		return a->known < b->known;
	if (a->no != b->no)
		return a->no < b->no;
	return a->sub < b->sub;
}

static void sift_down(struct hold *h, size_t i)
{
	struct item it = h->heap[i];

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= h->n)
			break;
		if (c + 1 < h->n && before(&h->heap[c + 1], &h->heap[c]))
			c++;
		if (!before(&h->heap[c], &it))
			break;
		h->heap[i] = h->heap[c];
		i = c;
	}
	h->heap[i] = it;
}

static int push(struct hold *h, struct item it)
{
	size_t i;

	if (h->n == h->cap) {
		size_t cap = h->cap ? h->cap * 2 : 256;
		struct item *p = realloc(h->heap, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		h->heap = p;
		h->cap = cap;
	}
	for (i = h->n++; i && before(&it, &h->heap[(i - 1) / 2]); i = (i - 1) / 2)
		h->heap[i] = h->heap[(i - 1) / 2];
	h->heap[i] = it;
	return 0;
}

int hold_event(struct hold *h, struct block *b, uint64_t no, uint32_t event)
{
	struct item it = {b->b.events[event].known, no, event, ITEM_EVENT, {.block = b}};

	return push(h, it);
}

static struct held *held_new(int64_t known, uint64_t no, uint32_t era, size_t len)
{
	struct held *p = len < SIZE_MAX / 2 ? malloc(sizeof(*p) + len + PAD) : NULL;

	if (!p)
		return NULL;
	p->known = known;
	p->no = no;
	p->len = len;
	p->era = era;
	memset(p->raw + len, 0, PAD);
	return p;
}

static size_t held_size(const struct held *p)
{
	return sizeof(*p) + p->len + PAD;
}

int hold_raw(struct hold *h, const struct block_rec *rec)
{
	struct str raw = rec->raw;
	struct held *p = held_new(rec->known, rec->no, rec->era, raw.len);

	if (!p)
		return -ENOMEM;
	if (raw.len)
		memcpy(p->raw, raw.p, raw.len);
	if (push(h, (struct item){rec->known, rec->no, 0, ITEM_HELD, {.held = p}}) < 0) {
		free(p);
		return -ENOMEM;
	}
	h->bytes += held_size(p);
	return 0;
}

static int read_all(int fd, void *p, size_t n, uint64_t at)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = pread(fd, (char *)p + done, n - done, (off_t)(at + done));

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : E_TRUNC;
		done += (size_t)r;
	}
	return 0;
}

/* Next record of a run into run->head; NULL at its end. */
static int run_next(struct run *run, const struct spill *s)
{
	struct held h;
	int r;

	run->head = NULL;
	if (run->at >= run->end)
		return 0;
	r = read_all(s->fd, &h, sizeof(h), run->at);
	if (r < 0)
		return r;
	run->head = held_new(h.known, h.no, (uint32_t)h.era, h.len);
	if (!run->head)
		return -ENOMEM;
	r = read_all(s->fd, run->head->raw, h.len, run->at + sizeof(h));
	run->at += sizeof(h) + h.len;
	return r;
}

int hold_pop(struct hold *h, struct spill *s, struct item *ret)
{
	struct run *run;
	int r;

	*ret = h->heap[0];
	run = ret->what == ITEM_RUN ? ret->u.run : NULL;
	if (run) {
		ret->what = ITEM_HELD;
		ret->u.held = run->head;
		r = run_next(run, s);
		if (r == 0 && run->head) {
			h->heap[0].known = run->head->known;
			h->heap[0].no = run->head->no;
			sift_down(h, 0);
			return 0;
		}
		free(run->head);
		free(run);
		if (r < 0)
			free(ret->u.held);
	} else {
		r = 0;
		if (ret->what == ITEM_HELD)
			h->bytes -= held_size(ret->u.held);
	}
	h->heap[0] = h->heap[--h->n];
	if (h->n)
		sift_down(h, 0);
	return r;
}

static int item_cmp(const void *a, const void *b)
{
	return before(a, b) ? -1 : before(b, a);
}

static int spill_open(struct spill *s)
{
	const char *dir = s->dir ? s->dir : getenv("TMPDIR");
	char *path;
	int r = 0;

	if (s->fd >= 0)
		return 0;
	if (asprintf(&path, "%s/thymus-XXXXXX", dir && *dir ? dir : "/tmp") < 0)
		return -ENOMEM;
	s->fd = mkostemp(path, O_CLOEXEC);
	if (s->fd < 0)
		r = -errno;
	else
		unlink(path);
	free(path);
	return r;
}

static int write_all(struct spill *s, const char *p, size_t n)
{
	while (n) {
		ssize_t r = pwrite(s->fd, p, n, (off_t)s->end);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -EIO;
		p += r;
		n -= (size_t)r;
		s->end += (uint64_t)r;
	}
	return 0;
}

/* Raw records it[0..n), sorted, to the end of the temporary file. */
static int write_run(struct spill *s, const struct item *it, size_t n)
{
	char *buf = malloc(WRITE_SIZE);
	size_t len = 0;
	int r = buf ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct held *h = it[i].u.held;
		size_t size = sizeof(*h) + h->len;

		if (size > WRITE_SIZE - len) {
			r = write_all(s, buf, len);
			len = 0;
		}
		if (r == 0 && size > WRITE_SIZE) {
			r = write_all(s, (const char *)h, size);
		} else if (r == 0) {
			memcpy(buf + len, h, size);
			len += size;
		}
	}
	if (r == 0)
		r = write_all(s, buf, len);
	free(buf);
	return r;
}

int hold_spill(struct hold *h, struct spill *s)
{
	size_t keep = 0, n = 0;
	struct item *it;
	struct run *run;
	int r;

	it = malloc((h->n + 1) * sizeof(*it));
	run = calloc(1, sizeof(*run));
	r = it && run ? spill_open(s) : -ENOMEM;
	for (size_t i = 0; r == 0 && i < h->n; i++)
		if (h->heap[i].what == ITEM_HELD)
			it[n++] = h->heap[i];
	if (r == 0 && n) {
		qsort(it, n, sizeof(*it), item_cmp);
		run->at = s->end;
		r = write_run(s, it, n);
		run->end = s->end;
	}
	if (r == 0 && n)
		r = run_next(run, s);
	if (r < 0 || !n) {
		if (run)
			free(run->head);
		free(run);
		free(it);
		return r;
	}
	for (size_t i = 0; i < h->n; i++)
		if (h->heap[i].what != ITEM_HELD)
			h->heap[keep++] = h->heap[i];
	h->heap[keep++] = (struct item){it[0].known, it[0].no, 0, ITEM_RUN, {.run = run}};
	h->n = keep;
	for (size_t i = keep / 2; i-- > 0;)
		sift_down(h, i);
	for (size_t i = 0; i < n; i++)
		free(it[i].u.held);
	free(it);
	h->bytes = 0;
	return 0;
}

void hold_free(struct hold *h)
{
	for (size_t i = 0; i < h->n; i++) {
		if (h->heap[i].what == ITEM_HELD)
			free(h->heap[i].u.held);
		if (h->heap[i].what == ITEM_RUN) {
			free(h->heap[i].u.run->head);
			free(h->heap[i].u.run);
		}
	}
	free(h->heap);
	*h = (struct hold){0};
}

void spill_close(struct spill *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
