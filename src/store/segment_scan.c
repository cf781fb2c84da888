/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "store/segment_impl.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int seg_reserve(void *pp, size_t *cap, size_t need)
{
	void **p = pp;
	void *n;

	if (need <= *cap)
		return 0;
	n = realloc(*p, need);
	if (!n)
		return -ENOMEM;
	*p = n;
	*cap = need;
	return 0;
}

int seg_grow(void *pp, size_t *cap, size_t need)
{
	return need <= *cap ? 0 : seg_reserve(pp, cap, 2 * need);
}

struct seg_head seg_gap(off_t end)
{
	struct seg_head h = {.magic = SEG_GAP_MAGIC, .first_seq = (uint64_t)end};

	h.head_sum = seg_head_sum(&h, NULL);
	return h;
}

off_t seg_first(int fd)
{
	struct seg_head h;

	if (pread(fd, &h, sizeof(h), SEG_FILE_HEAD) == (ssize_t)sizeof(h) &&
	    h.magic == SEG_GAP_MAGIC && h.npost == 0 && h.head_sum == seg_head_sum(&h, NULL) &&
	    h.first_seq > SEG_FILE_HEAD && h.first_seq < INT64_MAX)
		return (off_t)h.first_seq;
	return SEG_FILE_HEAD;
}

int seg_scan_open(struct seg_scan *s, const char *path, struct diag *d)
{
	char magic[SEG_FILE_HEAD] = {0};

	*s = (struct seg_scan){0};
	s->f = fopen(path, "rbe");
	if (!s->f)
		return diag_set(d, -errno, "%s: %s", path, strerror(errno));
	if (fseeko(s->f, 0, SEEK_END) < 0 || (s->size = ftello(s->f)) < 0 ||
	    fseeko(s->f, 0, SEEK_SET) < 0 ||
	    fread(magic, 1, sizeof(magic), s->f) != sizeof(magic) ||
	    memcmp(magic, SEG_FILE_MAGIC, sizeof(magic)) != 0) {
		bool before = memcmp(magic, SEG_FILE_BEFORE, sizeof(magic)) == 0;

		seg_scan_close(s);
		return before ? diag_set(d, E_VERSION,
					 "%s: written by an earlier version: replay the logs, "
					 "or "
					 "move it away",
					 path)
			      : diag_set(d, E_FORMAT, "%s: no event segment", path);
	}
	s->next = seg_first(fileno(s->f));
	return 0;
}

void seg_scan_close(struct seg_scan *s)
{
	if (s->f)
		fclose(s->f);
	free(s->post);
	free(s->comp);
	*s = (struct seg_scan){0};
}

uint32_t seg_head_sum(const struct seg_head *h, const uint64_t *post)
{
	struct seg_head x = *h;

	x.head_sum = 0;
	return (uint32_t)hash_bytes(post, h->npost * sizeof(*post),
				    hash_bytes(&x, sizeof(x), 0));
}

int seg_scan_next(struct seg_scan *s)
{
	struct seg_head *h = &s->head;
	size_t posts;

	if (fseeko(s->f, s->next, SEEK_SET) < 0)
		return -errno;
	if (fread(h, 1, sizeof(*h), s->f) != sizeof(*h) || h->magic != SEG_BLOCK_MAGIC ||
	    h->npost > SEG_POST_MAX || h->raw_len > SEG_RAW_MAX || h->rows_len > SEG_RAW_MAX ||
	    h->comp_len > 4 * SEG_RAW_MAX || h->lead_len > h->comp_len)
		return 0;
	posts = h->npost * sizeof(uint64_t);
	if (s->size - s->next < (off_t)(sizeof(*h) + posts + h->comp_len))
		return 0;
	if (seg_reserve(&s->post, &s->post_cap, posts) < 0)
		return -ENOMEM;
	if (fread(s->post, 1, posts, s->f) != posts || seg_head_sum(h, s->post) != h->head_sum)
		return 0;
	s->at = s->next;
	s->next += (off_t)(sizeof(*h) + posts + h->comp_len);
	return 1;
}

uint32_t seg_frame_sum(const char *p, size_t n)
{
	return (uint32_t)hash_bytes(p, n, 0);
}

int seg_scan_check(struct seg_scan *s)
{
	struct seg_frame f[SEG_FRAMES];
	size_t at;
	int n;

	if (seg_reserve(&s->comp, &s->comp_cap, s->head.comp_len) < 0)
		return -ENOMEM;
	if (fread(s->comp, 1, s->head.comp_len, s->f) != s->head.comp_len)
		return E_TRUNC;
	n = seg_frames(&s->head, s->comp, f, &at);
	if (n < 0)
		return n;
	at = s->head.lead_len;
	for (int i = 0; i < n; at += f[i++].comp_len)
		if (seg_frame_sum(s->comp + at, f[i].comp_len) != f[i].sum)
			return E_CHECKSUM;
	return 0;
}

int seg_frames(const struct seg_head *h, const char *lead, struct seg_frame ret_f[SEG_FRAMES],
	       size_t *ret_at)
{
	uint64_t comp = h->lead_len, raw = 0, events = 0, rows = 0, at;
	uint32_t n;

	if (h->lead_len < sizeof(n) || hash_bytes(lead, h->lead_len, 0) != h->sum)
		return E_CHECKSUM;
	memcpy(&n, lead, sizeof(n));
	at = sizeof(n) + (uint64_t)n * sizeof(*ret_f);
	if (n < 1 || n > SEG_FRAMES || h->lead_len < at)
		return E_CHECKSUM;
	memcpy(ret_f, lead + sizeof(n), n * sizeof(*ret_f));
	*ret_at = at;
	for (uint32_t i = 0; i < n; i++) {
		comp += ret_f[i].comp_len;
		raw += ret_f[i].raw_len;
		events += ret_f[i].nevents;
		rows += ret_f[i].rows_len;
	}
	return comp == h->comp_len && raw == h->raw_len && events == h->nevents &&
			       rows <= h->rows_len
		       ? (int)n
		       : E_CHECKSUM;
}
