/* SPDX-License-Identifier: Apache-2.0 */
/* Packets out of the rings of capture files, for whoever asks why. */
#include "packet/capture.h"
#include "packet/keep.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PICK_BYTES (64 * MIB)
#define PICK_MAX   (1U << 20) /* packets */
#define NAME_BYTES 128	      /* of a frame without packets that are searched for an address */
#define LINKS_MAX  8

struct got {
	int64_t ts;
	uint32_t at; /* in bytes */
	uint32_t len, wire, no;
	uint16_t link;
};

struct pick {
	const struct keep_want *want;
	struct frag *frag;
	uint8_t *bytes;
	size_t len, cap, max;
	struct got *got;
	size_t n, ngot;
	struct keep_picked sum;
};

static bool same(const struct ip *a, const struct ip *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool wants_packet(const struct keep_want *w, const struct pkt *k)
{
	for (unsigned i = 0; i < w->nconn; i++) {
		unsigned a =
			!(same(&w->conn[i].ip[0], &k->src) && w->conn[i].port[0] == k->sport);

		if ((!w->conn[i].proto || w->conn[i].proto == k->proto) &&
		    same(&w->conn[i].ip[a], &k->src) && w->conn[i].port[a] == k->sport &&
		    same(&w->conn[i].ip[!a], &k->dst) && w->conn[i].port[!a] == k->dport)
			return true;
	}
	if (k->ts < w->from || k->ts > w->to)
		return false;
	for (unsigned i = 0; i < w->nip; i++)
		if (same(&w->ip[i], &k->src) || same(&w->ip[i], &k->dst))
			return true;
	return false;
}

/* A fragment, ARP, anything that is no packet of its own: does it name an address? */
static bool names_one(const struct keep_want *w, const struct frame *f)
{
	size_t n = MIN(f->len, (uint32_t)NAME_BYTES);

	if (f->ts < w->from || f->ts > w->to)
		return false;
	for (unsigned i = 0; i < w->nip; i++) {
		size_t off = ip_is_v4(&w->ip[i]) ? 12 : 0;

		if (memmem(f->p, n, w->ip[i].b + off, 16 - off))
			return true;
	}
	return false;
}

static bool wanted(struct pick *p, const struct frame *f)
{
	struct pkt k[DISSECT_MAX];
	bool packets = false, yes = false;
	unsigned n;

	if (dissect(p->frag, f, k, &n) != DISSECT_OK)
		n = 0;
	for (unsigned i = 0; i < n && !yes; i++) {
		packets |= k[i].proto != 0;
		yes = k[i].proto && wants_packet(p->want, &k[i]);
	}
	frag_release(p->frag);
	return yes || (!packets && names_one(p->want, f));
}

static int add(struct pick *p, const struct frame *f)
{
	if (p->len + f->len > p->max || p->n == PICK_MAX) {
		p->sum.left_out++;
		return 0;
	}
	if (p->len + f->len > p->cap) {
		size_t cap = MIN(MAX(p->cap * 2, MAX((size_t)f->len, MIB)), p->max);
		uint8_t *b = realloc(p->bytes, cap);

		if (!b)
			return -ENOMEM;
		p->bytes = b;
		p->cap = cap;
	}
	if (p->n == p->ngot) {
		size_t cap = p->ngot ? p->ngot * 2 : 1024;
		struct got *g = realloc(p->got, cap * sizeof(*g));

		if (!g)
			return -ENOMEM;
		p->got = g;
		p->ngot = cap;
	}
	memcpy(p->bytes + p->len, f->p, f->len);
	p->got[p->n] =
		(struct got){f->ts, (uint32_t)p->len, f->len, f->wire, (uint32_t)p->n, f->link};
	p->n++;
	p->len += f->len;
	return 0;
}

static int read_file(struct pick *p, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), e = 0;
	struct capture *cap = calloc(1, sizeof(*cap));
	enum capture_result r = CAPTURE_MORE;
	struct stat sb = {0};
	struct frame f;
	size_t pos = 0;
	void *map = MAP_FAILED;

	if (!cap)
		e = -ENOMEM;
	/* The file grows or goes, but never shrinks: what is mapped stays. */
	if (e == 0 && fd >= 0 && fstat(fd, &sb) == 0 && sb.st_size >= 24 &&
	    (p->want->nconn || sb.st_mtim.tv_sec * NS_PER_S + NS_PER_S >= p->want->from))
		map = mmap(NULL, (size_t)sb.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map != MAP_FAILED)
		do {
			r = capture_next(cap, str_n(map, (size_t)sb.st_size), &pos, &f);
			if (r == CAPTURE_FRAME && wanted(p, &f))
				e = add(p, &f);
		} while (r != CAPTURE_MORE && e == 0);
	if (map != MAP_FAILED)
		munmap(map, (size_t)sb.st_size);
	if (fd >= 0)
		close(fd);
	free(cap);
	return e;
}

static int by_time(const void *a, const void *b)
{
	const struct got *x = a, *y = b;

	if (x->ts != y->ts)
		return x->ts < y->ts ? -1 : 1;
	return x->no < y->no ? -1 : x->no > y->no;
}

static void put(FILE *o, const void *p, size_t n)
{
	static const char zero[4];

	fwrite(p, 1, n, o);
	fwrite(zero, 1, (4 - n % 4) % 4, o);
}

/* A block: its type, body and option bytes, padded, between its two lengths. */
static void block(FILE *o, uint32_t type, const void *head, size_t nhead, const void *data,
		  size_t n)
{
	uint32_t len = (uint32_t)(12 + nhead + ((n + 3) & ~(size_t)3));

	put(o, &type, 4);
	put(o, &len, 4);
	put(o, head, nhead);
	put(o, data, n);
	put(o, &len, 4);
}

static void section(FILE *o, const char *comment)
{
	static const uint8_t head[16] = {0x4d, 0x3c, 0x2b, 0x1a, 1,    0,    0,	   0,
					 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	size_t n = strnlen(comment, 4096);
	uint8_t opt[4 + 4096 + 8] = {1, 0};

	opt[2] = (uint8_t)n;
	opt[3] = (uint8_t)(n >> 8);
	memcpy(opt + 4, comment, n);
	block(o, 0x0a0d0d0a, head, sizeof(head), opt, 4 + ((n + 3) & ~(size_t)3) + 4);
}

static unsigned interface(FILE *o, uint16_t links[LINKS_MAX], unsigned *n, uint16_t link)
{
	uint8_t head[20] = {(uint8_t)link,
			    (uint8_t)(link >> 8),
			    0,
			    0,
			    0,
			    0,
			    0,
			    0,
			    9,
			    0,
			    1,
			    0,
			    9}; /* if_tsresol: ns */
	unsigned i = 0;

	while (i < *n && links[i] != link)
		i++;
	if (i < *n || i == LINKS_MAX)
		return MIN(i, LINKS_MAX - 1U);
	links[(*n)++] = link;
	block(o, 1, head, sizeof(head), "", 0);
	return i;
}

static void write_all(struct pick *p, FILE *o, const char *comment)
{
	uint16_t links[LINKS_MAX];
	unsigned nlinks = 0;

	section(o, comment);
	for (size_t i = 0; i < p->n; i++) {
		const struct got *g = &p->got[i];
		uint64_t ts = (uint64_t)MAX(g->ts, 0);
		uint32_t head[5] = {interface(o, links, &nlinks, g->link), (uint32_t)(ts >> 32),
				    (uint32_t)ts, g->len, g->wire};

		block(o, 6, head, sizeof(head), p->bytes + g->at, g->len);
	}
}

static int write_file(struct pick *p, const char *path, const char *comment, struct diag *d)
{
	char tmp[4096];
	FILE *o;
	int e = 0;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.new", path) >= sizeof(tmp))
		return diag_set(d, -ENAMETOOLONG, "%s: the name is too long", path);
	o = fopen(tmp, "wbe");
	if (!o)
		return diag_set(d, -errno, "%s: %s", tmp, strerror(errno));
	write_all(p, o, comment);
	if (ferror(o) || fflush(o) != 0 || fdatasync(fileno(o)) < 0)
		e = -EIO;
	p->sum.bytes = (uint64_t)MAX(ftell(o), 0L);
	if (fclose(o) != 0)
		e = -EIO;
	if (e == 0 && rename(tmp, path) < 0)
		e = -errno;
	if (e == 0)
		return 0;
	unlink(tmp);
	return diag_set(d, e, "%s: %s", path, err_text(e));
}

static int read_all(struct pick *p, const char *dir)
{
	DIR *all = opendir(dir);
	struct dirent *e;
	int r = 0;

	while (all && r == 0 && (e = readdir(all)) != NULL)
		if (str_ends(str_of(e->d_name), STR(".pcap")))
			r = read_file(p, dirfd(all), e->d_name);
	if (all)
		closedir(all);
	return r;
}

int keep_pick(const char *dir, const struct keep_want *want, const char *comment,
	      const char *path, struct keep_picked *ret_p, struct diag *d)
{
	struct pick p = {.want = want, .frag = frag_new()};
	int r = p.frag ? 0 : -ENOMEM;

	p.max = want->bytes_max ? MIN(want->bytes_max, (uint64_t)UINT32_MAX / 2) : PICK_BYTES;
	if (r == 0)
		r = read_all(&p, dir);
	if (r < 0) {
		diag_set(d, r, "%s: %s", dir, err_text(r));
	} else if (p.n) {
		qsort(p.got, p.n, sizeof(*p.got), by_time);
		p.sum.packets = p.n;
		p.sum.first = p.got[0].ts;
		p.sum.last = p.got[p.n - 1].ts;
		r = write_file(&p, path, comment, d);
	}
	if (r == 0)
		*ret_p = p.sum;
	frag_free(p.frag);
	free(p.bytes);
	free(p.got);
	return r;
}
