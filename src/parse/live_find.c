/* SPDX-License-Identifier: Apache-2.0 */
/* Which files there are, which of them are old acquaintances, and whether they have grown. */
#include "base/hash.h"
#include "parse/live_impl.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK	   (128 * KIB)
#define IDLE_NS	   (60 * NS_PER_S) /* a file that did not grow for so long is closed */
#define CAPTURE_NS (30 * NS_PER_S) /* a capture that was not written to is whole */
#define SETTLE_NS  (2 * NS_PER_S)  /* what waits for the next record waits no longer */

uint64_t inode_key(uint64_t dev, uint64_t ino)
{
	return hash_2(dev, ino);
}

struct feed *feed_free(struct feed *f)
{
	if (f) {
		cursor_free(&f->c);
		free(f->out.v);
		free(f->skip.v);
		free(f->path);
		free(f);
	}
	return NULL;
}

struct feed *feed_new(struct live *lv, char *path, uint64_t dev, uint64_t ino, int spool)
{
	struct feed *f = calloc(1, sizeof(*f)), **grown;
	uint64_t *at;

	if (lv->nfeed == lv->capfeed && f) {
		size_t cap = lv->capfeed ? lv->capfeed * 2 : 64;

		grown = realloc(lv->feed, cap * sizeof(struct feed *));
		if (grown) {
			lv->feed = grown;
			lv->capfeed = cap;
		}
	}
	at = f && lv->nfeed < lv->capfeed ? map_put(&lv->by_inode, inode_key(dev, ino), NULL)
					  : NULL;
	if (!at) {
		free(f);
		free(path);
		return NULL;
	}
	*at = (uintptr_t)f;
	f->path = path;
	f->dev = dev;
	f->ino = ino;
	f->no = lv->next_no++;
	f->spool = spool;
	f->bound = NO_BOUND;
	f->more = true;
	return lv->feed[lv->nfeed++] = f;
}

int places_add(struct places *l, uint64_t rec, uint32_t sub)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		struct place *p = realloc(l->v, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		l->v = p;
		l->cap = cap;
	}
	l->v[l->n++] = (struct place){.rec = rec, .sub = sub};
	return 0;
}

static int place_cmp(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->rec != y->rec)
		return x->rec < y->rec ? -1 : 1;
	return x->sub < y->sub ? -1 : x->sub > y->sub;
}

bool places_have(const struct places *l, uint64_t rec, uint32_t sub)
{
	struct place key = {.rec = rec, .sub = sub};

	return l->n && bsearch(&key, l->v, l->n, sizeof(key), place_cmp);
}

int places_copy(struct places *to, const struct places *from, uint64_t from_rec)
{
	int r = 0;

	for (size_t i = 0; i < from->n && r == 0; i++)
		if (from->v[i].rec >= from_rec)
			r = places_add(to, from->v[i].rec, from->v[i].sub);
	return r;
}

void places_sort(struct places *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), place_cmp);
}

uint64_t feed_records(const struct feed *f)
{
	return f->state == FEED_OPEN ? f->c.records : f->records;
}

static void keep_from(struct places *l, uint64_t rec)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].rec >= rec)
			l->v[n++] = l->v[i];
	l->n = n;
}

void places_trim(struct live *lv)
{
	struct map low;
	struct map_slot s;

	map_init(&low);
	for (size_t i = 0; i < lv->nheap; i++) {
		bool fresh;
		uint64_t *at = map_put(&low, lv->heap[i].f->no, &fresh);

		if (!at)
			goto out; /* they stay a little longer */
		*at = fresh ? lv->heap[i].rec : MIN(*at, lv->heap[i].rec);
	}
	for (size_t i = 0; i < lv->nfeed; i++) {
		const uint64_t *at = map_get(&low, lv->feed[i]->no);

		s.val = at ? *at : feed_records(lv->feed[i]);
		keep_from(&lv->feed[i]->out, s.val);
		keep_from(&lv->feed[i]->skip, s.val);
	}
out:
	map_free(&low);
}

/* First bytes of a file on disk, at most PRINT_BYTES; -errno. */
static ssize_t head_of(int fd, char buf[PRINT_BYTES])
{
	size_t n = 0;

	while (n < PRINT_BYTES) {
		ssize_t r = pread(fd, buf + n, PRINT_BYTES - n, (off_t)n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

/* Whether the file still begins as it did; takes in what was added to its beginning. */
static bool same_print(struct feed *f, int fd)
{
	char buf[PRINT_BYTES];
	ssize_t n = head_of(fd, buf);

	if (n < 0 || (size_t)n < f->printed ||
	    (f->printed && hash_bytes(buf, f->printed, 0) != f->print))
		return false;
	f->printed = (uint32_t)n;
	f->print = hash_bytes(buf, f->printed, 0);
	return true;
}

/* The file this is a copy of, of those that are known still; NULL when it is none. */
static struct feed *twin_of(const struct live *lv, const struct feed *f)
{
	struct feed *best = NULL;

	if (f->printed < PRINT_BYTES)
		return NULL;
	for (size_t i = 0; i < lv->nfeed; i++) {
		struct feed *g = lv->feed[i];

		if (g != f && g->printed == PRINT_BYTES && g->print == f->print &&
		    (!best || feed_records(g) > feed_records(best)))
			best = g;
	}
	return best;
}

/* As twin_of, of those that are no more. */
static const struct gone *gone_of(const struct live *lv, const struct feed *f)
{
	const struct gone *best = NULL;

	for (size_t i = 0; i < MIN(lv->ngone, (size_t)GONE_MAX); i++) {
		const struct gone *g = &lv->gone[i];

		if (f->printed == PRINT_BYTES && g->print == f->print &&
		    (!best || g->records > best->records))
			best = g;
	}
	return best;
}

/* A copy goes on where the file it is of stood, also with what was given out beyond. */
static int go_on_as_copy(struct live *lv, struct feed *f)
{
	const struct feed *g = twin_of(lv, f);
	const struct gone *x = gone_of(lv, f);
	const struct places *skip = NULL;
	int r = 0;

	if (g && (!x || feed_records(g) >= x->records)) {
		f->records = feed_records(g);
		skip = &g->skip;
	} else if (x) {
		f->records = x->records;
		skip = &x->skip;
	}
	if (skip)
		r = places_copy(&f->skip, skip, f->records);
	places_sort(&f->skip);
	return r;
}

struct gone *gone_slot(struct live *lv, uint64_t print, uint64_t records)
{
	struct gone *x = &lv->gone[lv->ngone++ % GONE_MAX];

	x->print = print;
	x->records = records;
	x->skip.n = 0;
	return x;
}

static int remember_gone(struct live *lv, const struct feed *f)
{
	struct gone *x;

	if (f->printed < PRINT_BYTES || (!feed_records(f) && !f->skip.n))
		return 0;
	x = gone_slot(lv, f->print, feed_records(f));
	return places_copy(&x->skip, &f->skip, x->records);
}

/*
 * What waits of a file that is no more is its copy's from now on, so that a checkpoint holds
 * it: the records have the same numbers.
 */
static int hand_over(struct live *lv, struct feed *g)
{
	struct feed *f = twin_of(lv, g);
	int r;

	if (!f || f->orphan || f->missing || f->state == FEED_NEW ||
	    feed_records(f) < feed_records(g))
		return 0;
	r = places_copy(&f->out, &g->out, 0);
	if (r == 0)
		r = places_copy(&f->out, &g->skip, 0);
	if (r < 0)
		return r;
	for (size_t i = 0; i < lv->nheap; i++)
		if (lv->heap[i].f == g)
			lv->heap[i].f = f;
	heap_again(lv);
	f->pending += g->pending;
	g->pending = g->out.n = 0;
	return 0;
}

/* It is another file than the checkpoint knew at this inode: a copy of that one may come. */
static int not_the_same(struct live *lv, struct feed *f)
{
	int r = remember_gone(lv, f);

	f->records = f->skip.n = 0;
	f->printed = 0;
	return r;
}

/* Whether it is what was known of it; if not, it is read from its beginning. */
static int check_identity(struct live *lv, struct feed *f)
{
	int r = 0;

	if (f->packed) {
		uint32_t n = (uint32_t)MIN(f->c.len, (size_t)PRINT_BYTES);
		uint64_t h = hash_bytes(f->c.buf, n, 0);

		if (f->printed && (n != f->printed || h != f->print))
			r = not_the_same(lv, f);
		f->printed = n;
		f->print = h;
	} else if (!same_print(f, packet_fd(f->c.in))) {
		r = not_the_same(lv, f);
		(void)same_print(f, packet_fd(f->c.in));
	}
	if (r == 0 && !f->records && !f->skip.n)
		r = go_on_as_copy(lv, f);
	return r;
}

int feed_open(struct live *lv, struct feed *f)
{
	const struct live_conf *cf = &lv->conf;
	struct feed *g;
	struct diag d;
	int r;

	f->c = (struct cursor){.path = f->path,
			       .src = cf->sources,
			       .chunk = CHUNK,
			       .follow = true,
			       .codec = f->spool >= 0 ? cf->spools[f->spool].codec : NULL};
	if (cf->open_max > 256)
		f->c.chunk = MAX(CHUNK / 8, CHUNK * 256 / MAX(lv->nfeed, (size_t)256));
	f->more = false;
	r = cursor_open(&f->c, &d);
	if (r < 0) {
		cursor_free(&f->c);
		f->state = f->state == FEED_IDLE ? FEED_IDLE : FEED_REFUSED;
		return r == -ENOMEM ? r : 0;
	}
	f->packed = !cursor_more(&f->c);
	f->c.follow = !f->packed;
	lv->nopen++;
	r = check_identity(lv, f); /* while f->records is where it was */
	f->state = FEED_OPEN;
	f->more = true;
	if (r == 0)
		r = cursor_skip(&f->c, f->records);
	g = twin_of(lv, f);
	if (r == 0 && g && g->pending && !g->more && (g->orphan || g->missing))
		r = hand_over(lv, g); /* before a checkpoint can come between */
	return r;
}

int feed_close(struct live *lv, struct feed *f, enum feed_state next)
{
	int r = refusals_take(&lv->ref, &f->c);

	f->records = f->c.records;
	f->bytes = f->c.in ? packet_taken(f->c.in) : f->size;
	cursor_free(&f->c);
	lv->nopen--;
	f->state = next;
	f->more = false;
	return r;
}

static void feed_remove(struct live *lv, size_t i)
{
	struct feed *f = lv->feed[i];
	const uint64_t *at = map_get(&lv->by_inode, inode_key(f->dev, f->ino));

	if (at && *at == (uintptr_t)f)
		map_del(&lv->by_inode, inode_key(f->dev, f->ino));
	feed_free(f);
	lv->feed[i] = lv->feed[--lv->nfeed];
}

/* The same inode holds another text now: what was read of the old one still goes out. */
static int feed_again(struct live *lv, struct feed *f)
{
	char *path = str_dup(str_of(f->path));
	struct feed *g;
	int r = 0;

	if (f->state == FEED_OPEN)
		r = feed_close(lv, f, FEED_DONE);
	f->orphan = true;
	f->more = false;
	if (r < 0 || !path) {
		free(path);
		return r < 0 ? r : -ENOMEM;
	}
	g = feed_new(lv, path, f->dev, f->ino, f->spool);
	if (!g)
		return -ENOMEM;
	g->seen = true;
	g->size = f->size;
	return 0;
}

/* A file as it stands on disk now. */
static int feed_check(struct live *lv, struct feed *f, int64_t now)
{
	uint64_t read = f->state == FEED_OPEN ? packet_taken(f->c.in) : f->bytes;

	if (now < f->grown)
		f->grown = now; /* the clock was put back: from here */
	switch (f->state) {
	case FEED_NEW:
		f->more = f->size > 0;
		return 0;
	case FEED_OPEN:
		if (f->packed || f->more)
			return 0;
		if (f->size < read || !same_print(f, packet_fd(f->c.in)))
			return feed_again(lv, f);
		if (f->size > read)
			f->more = cursor_more(&f->c);
		else if (f->c.at < f->c.len && decoder_codec(f->c.dec)->waits &&
			 now - f->grown >= SETTLE_NS)
			f->more = f->c.settle = true;
		else if (now - f->grown >= IDLE_NS && !f->missing && f->c.at == f->c.len)
			return feed_close(lv, f, FEED_IDLE);
		return 0;
	case FEED_IDLE:
		if (f->size < read)
			return feed_again(lv, f);
		f->more = f->size > read;
		return 0;
	case FEED_DONE:
		return f->packed && f->size != read ? feed_again(lv, f) : 0;
	case FEED_REFUSED:
		return 0;
	}
	return 0;
}

/* A name that was found. */
static int found(struct live *lv, const char *path, int spool)
{
	const uint64_t *at;
	struct feed *f;
	struct stat sb;
	uint64_t size;
	char *copy;

	if (stat(path, &sb) < 0 || !S_ISREG(sb.st_mode))
		return 0;
	size = (uint64_t)sb.st_size;
	at = map_get(&lv->by_inode, inode_key(sb.st_dev, sb.st_ino));
	f = at ? (struct feed *)(uintptr_t)*at : NULL;
	if (f && f->seen) /* another name of it */
		return 0;
	copy = str_dup(str_of(path));
	if (!copy)
		return -ENOMEM;
	if (!f) {
		f = feed_new(lv, copy, sb.st_dev, sb.st_ino, spool);
		if (!f)
			return -ENOMEM;
		f->more = false;
	} else {
		/* A compressed file, or one not recognised, is tried again once it rests. */
		if (f->state == FEED_REFUSED && f->size != size)
			f->state = FEED_NEW;
		free(f->path);
		f->path = copy;
		f->c.path = copy;
	}
	f->seen = true;
	f->missing = false;
	f->spool = spool;
	f->size = size;
	return 0;
}

/* How long a file must have rested before it is read: those that are read but once. */
static int64_t rest_ns(const char *head, size_t n)
{
	static const struct {
		unsigned char magic[4];
		size_t len;
		int64_t ns;
	} kinds[] = {
		{{0x1f, 0x8b}, 2, SETTLE_NS},		   /* gzip */
		{{0x28, 0xb5, 0x2f, 0xfd}, 4, SETTLE_NS},  /* zstd */
		{{0xd4, 0xc3, 0xb2, 0xa1}, 4, CAPTURE_NS}, /* captures, of four kinds */
		{{0xa1, 0xb2, 0xc3, 0xd4}, 4, CAPTURE_NS},
		{{0x4d, 0x3c, 0xb2, 0xa1}, 4, CAPTURE_NS},
		{{0xa1, 0xb2, 0x3c, 0x4d}, 4, CAPTURE_NS},
		{{0x0a, 0x0d, 0x0d, 0x0a}, 4, CAPTURE_NS},
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (n >= kinds[i].len && memcmp(head, kinds[i].magic, kinds[i].len) == 0)
			return kinds[i].ns;
	return 0;
}

/*
 * Whether a new file may be opened: it has rested by its own time, or, when that lies ahead of
 * the clock, for so long under our eyes.
 */
static void rest(struct feed *f, int64_t now)
{
	char buf[PRINT_BYTES];
	struct stat sb;
	ssize_t n;
	int64_t ns;
	int fd;

	if (f->state != FEED_NEW || !f->more)
		return;
	fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return;
	n = head_of(fd, buf);
	ns = n > 0 ? rest_ns(buf, (size_t)n) : 0;
	if (ns && fstat(fd, &sb) == 0) {
		if (f->rest_size != (uint64_t)sb.st_size) {
			f->rest_size = (uint64_t)sb.st_size;
			f->grown = now;
		}
		f->more = now - sb.st_mtim.tv_sec * NS_PER_S >= ns || now - f->grown >= ns;
	}
	close(fd);
}

static int look_around(struct live *lv, struct diag *d)
{
	struct file_list list = {0};
	int r = 0;

	for (size_t i = 0; i < lv->nfeed; i++)
		lv->feed[i]->seen = lv->feed[i]->orphan;
	for (size_t i = 0; i < lv->conf.npaths && r == 0; i++) {
		r = file_walk(&list, lv->conf.paths[i], d);
		r = r == -ENOMEM || r == E_LIMIT ? r : 0;
	}
	file_list_sort(&list);
	for (size_t i = 0; i < list.n && r == 0; i++)
		r = found(lv, list.v[i].path, -1);
	file_list_free(&list);
	for (size_t s = 0; s < lv->conf.nspools && r == 0; s++) {
		list = (struct file_list){0};
		r = file_walk(&list, lv->conf.spools[s].dir, d);
		r = r == -ENOMEM || r == E_LIMIT ? r : 0;
		file_list_sort(&list);
		for (size_t i = 0; i < list.n && r == 0; i++)
			r = found(lv, list.v[i].path, (int)s);
		file_list_free(&list);
	}
	return r;
}

int live_look(struct live *lv, int64_t now, bool all, struct diag *d)
{
	size_t n;
	int r = all ? look_around(lv, d) : 0;

	n = lv->nfeed; /* feed_again adds; those are new */
	for (size_t i = 0; i < n && r == 0; i++) {
		struct feed *f = lv->feed[i];
		struct stat sb;

		if (f->orphan)
			continue;
		if (all)
			f->missing = !f->seen;
		if (f->state == FEED_OPEN && f->c.in && fstat(packet_fd(f->c.in), &sb) == 0)
			f->size = (uint64_t)sb.st_size;
		r = feed_check(lv, f, now);
		rest(f, now);
	}
	for (size_t i = lv->nfeed; i-- > 0 && r == 0;) {
		struct feed *f = lv->feed[i];

		if ((!f->missing && !f->orphan) || (f->state == FEED_OPEN && f->more))
			continue;
		if (f->pending)
			r = hand_over(lv, f);
		if (f->pending || r < 0)
			continue;
		r = remember_gone(lv, f);
		if (r == 0 && f->state == FEED_OPEN)
			r = feed_close(lv, f, FEED_DONE);
		feed_remove(lv, i);
	}
	return r < 0 ? diag_set(d, r, "looking for files: %s", err_text(r)) : 0;
}

void live_trim(struct live *lv)
{
	for (size_t i = 0; i < lv->nfeed; i++) {
		struct feed *f = lv->feed[i];
		bool newest = true, end;

		if (f->spool < 0 || f->orphan)
			continue;
		for (size_t k = 0; k < lv->nfeed && newest; k++)
			newest = lv->feed[k]->spool != f->spool ||
				 strcmp(lv->feed[k]->path, f->path) <= 0;
		end = !newest && !f->more && !f->pending &&
		      (f->state == FEED_OPEN ? packet_taken(f->c.in) : f->bytes) >= f->size &&
		      f->state != FEED_REFUSED && f->state != FEED_NEW;
		if (end && f->kept)
			unlink(f->path);
		f->kept = end;
	}
}
