/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/live_impl: what live.c (order), live_find.c (files) and live_state.c (checkpoint)
 * share.
 */
#ifndef PARSE_LIVE_IMPL_H
#define PARSE_LIVE_IMPL_H
#include "base/map.h"
#include "parse/live.h"
#include "parse/refusals.h"

#define PRINT_BYTES 4096 /* a file is known again by these; more than any header */
#define GONE_MAX    1024
#define NO_BOUND    INT64_MIN

/* An event of a file: its record, and which of that record's events. */
struct place {
	uint64_t rec;
	uint32_t sub, spare;
};

struct places {
	struct place *v;
	size_t n, cap;
};

enum feed_state {
	FEED_NEW,     /* to be opened, at record `records` */
	FEED_OPEN,    /* c stands in it */
	FEED_IDLE,    /* closed at its end; opened again when it grows */
	FEED_DONE,    /* compressed, and read */
	FEED_REFUSED, /* not recognised; tried again when it grows */
};

/* One file, whatever it is called now. */
struct feed {
	char *path;
	uint64_t dev, ino;
	uint32_t no; /* order among events of one moment */
	int spool;   /* of conf.spools, or -1 */
	enum feed_state state;
	struct cursor c;
	bool more;    /* there may be bytes to read */
	bool packed;  /* compressed: read once */
	bool seen;    /* by the look that is going on */
	bool missing; /* its name is gone */
	bool orphan;  /* what was at its place is another file now */
	bool kept;    /* was at its end when the last checkpoint was kept */
	uint64_t size;
	uint64_t records, bytes; /* while closed: where to go on; bytes of the disk read */
	uint64_t print;		 /* hash of its first `printed` bytes */
	uint32_t printed;
	uint64_t pending; /* events that wait */
	int64_t bound;	  /* what follows is not known before this */
	int64_t grown;
	uint64_t rest_size; /* of a new one, when last looked at; `grown`: since when */
	size_t trim_at;	   /* when so many are in `out`, those before the first that waits go */
	struct places out; /* given out, though an event before it waits */
	struct places skip; /* given out by the run before */
};

struct item {
	int64_t known, due;
	uint64_t rec;
	struct feed *f;
	struct block *b;
	uint32_t i, sub; /* event of the block; of the record */
};

/* A file that is no more, to know a copy of it by. */
struct gone {
	uint64_t print, records;
	struct places skip; /* given out beyond `records` */
};

struct live {
	struct live_conf conf;
	struct feed **feed;
	size_t nfeed, capfeed;
	struct map by_inode; /* hash of device and inode -> struct feed * */
	uint32_t next_no;
	size_t nopen;
	struct item *heap;
	size_t nheap, capheap;
	size_t held; /* bytes of blocks with waiting events */
	struct block *spare, *used;
	struct map seen[2]; /* for duplicates: the present generation and the one before */
	struct event *out;
	size_t out_cap;
	struct arena mem;
	struct live_stats stats;
	struct refusals ref;   /* of closed files */
	struct refusals whole; /* what live_refusals gave */
	struct gone gone[GONE_MAX];
	size_t ngone; /* ever; the last GONE_MAX are there */
};

uint64_t inode_key(uint64_t dev, uint64_t ino);
/* Takes over path. NULL when out of memory: path is freed. */
struct feed *feed_new(struct live *lv, char *path, uint64_t dev, uint64_t ino, int spool);
struct feed *feed_free(struct feed *f);
/* Opens it where it is to go on. 0 also when it is refused; <0 for want of memory. */
MUST int feed_open(struct live *lv, struct feed *f);
/* Closes it; it stays known. */
MUST int feed_close(struct live *lv, struct feed *f, enum feed_state next);
MUST int places_add(struct places *l, uint64_t rec, uint32_t sub);
/* Adds those of records from `from_rec` on. */
MUST int places_copy(struct places *to, const struct places *from, uint64_t from_rec);
void places_sort(struct places *l);
/* The slot for one more file that is no more. */
struct gone *gone_slot(struct live *lv, uint64_t print, uint64_t records);
/* Puts the events that wait in order again. */
void heap_again(struct live *lv);
bool places_have(const struct places *l, uint64_t rec, uint32_t sub);
/* Forgets of all files which events were given out before the first one that waits. */
void places_trim(struct live *lv);
/* Records of a file before this one were given out whole; call places_trim first. */
uint64_t feed_records(const struct feed *f);

#endif
