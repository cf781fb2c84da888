/* SPDX-License-Identifier: Apache-2.0 */
/*
 * atlas/impl: what the files of this folder share. atlas.c holds places and ties, observe.c
 * finds them in events, lives.c what operations make and remove, keep.c writes the file,
 * chart.c reads it, draw.c tells it.
 */
#ifndef ATLAS_IMPL_H
#define ATLAS_IMPL_H
#include "atlas/atlas.h"
#include "base/map.h"
#include "base/timeutil.h"
#include "store/sqlite_fail.h"

enum tie_kind {
#define X(c, name, text) TIE_##c,
#include "atlas/links.def"
#undef X
	TIE_COUNT
};
const char *tie_name(unsigned k);
const char *tie_text(unsigned k);

/* Kinds of place: those of entities, then these. */
enum { PLACE_SERVICE = ENT_KIND_COUNT, PLACE_INTERNET, PLACE_KIND_COUNT };
const char *place_kind_name(unsigned k);

#define WHATS_MAX    4	/* ports or operations of one tie held in memory */
#define WHATS_ROW    12 /* and kept in the file */
#define DAYS_MAX     8	/* of one tie held in memory */
#define DAYS_ROW     400
#define NAME_MAX_LEN 512

/* One day of a tie; the file has these as they are. */
struct tie_day {
	uint16_t day; /* since 1970, UTC */
	uint16_t pad;
	uint32_t hours; /* bit n: in use in hour n */
	uint32_t count; /* events */
	float bytes;	/* both directions */
};
_Static_assert(sizeof(struct tie_day) == 16, "lies in the file");

struct place {
	uint64_t key;
	char *name;    /* owned */
	uint32_t ent;  /* ENT_NONE: no entity */
	uint32_t ties; /* of this place in memory */
	uint8_t kind;
	bool changed;
	uint16_t type;		       /* symbol, or 0 */
	int64_t first, last;	       /* seen */
	uint64_t events;	       /* since the last write; of entities: in all */
	int64_t open_first, open_last; /* answered somebody on the internet */
	int64_t created, deleted;
	uint64_t owner; /* key of a place, or 0 */
};

struct tie {
	uint32_t from, to; /* places */
	uint8_t kind, nwhat, ndays;
	bool changed;
	int64_t first, last;
	uint64_t count, out, in;  /* since the last write */
	uint32_t what[WHATS_MAX]; /* symbol << 16 | port */
	struct tie_day days[DAYS_MAX];
};

enum { AT_READ_ONLY, AT_ROLE, AT_TRUST, AT_POLICY, AT_VMS, AT_RES_TYPE, AT_COUNT };
extern const char *const atlas_attr_names[AT_COUNT];

#define MEMOS	    16384u    /* pairs whose tie is known without looking */
#define MEMO_PLACES TIE_COUNT /* added to the kind of a pair of places, not entities */
#define SYM_MEMOS   64u

/*
 * A pair, and what happened between it within one hour that its tie does not know yet: most
 * events repeat a pair of just now, and ties lie far apart in memory.
 */
struct memo {
	uint32_t from, to; /* entities, or places */
	uint32_t tie;	   /* 1 + index; 0: free */
	uint32_t kind;
	uint32_t hour, count; /* count 0: the tie knows all */
	uint32_t what[2];     /* two records of one connection name it differently */
	int64_t first, last;
	uint64_t out, in;
};
_Static_assert(sizeof(struct memo) == 64, "a cache line");

struct atlas {
	const struct schema *schema;
	struct entities *en;
	attr_t attr[AT_COUNT];
	struct place *places;
	size_t nplaces, places_max;
	struct tie *ties;
	size_t nties, ties_max;
	struct map place_of, tie_of; /* key -> 1 + index */
	struct symtab syms;
	struct memo memo[MEMOS];
	uint16_t sym_memo[SYM_MEMOS];
	uint64_t let_go, forgotten;
	int64_t latest; /* known of the newest event */
	struct diag *d; /* of the event at hand */
	/* keep.c */
	sqlite3 *db;
	sqlite3_stmt *put_place, *put_tie;
	size_t rows_max;
	uint64_t rows; /* in the file, at most */
};

/* atlas.c: indexes, or UINT32_MAX when there is no room or memory; -ENOMEM by atlas.err. */
uint32_t place_of_entity(struct atlas *a, uint32_t id, int64_t t);
uint32_t place_named(struct atlas *a, unsigned kind, struct str name, int64_t t);
/* What happens between two places once more. */
struct seen {
	int64_t t;
	bool again;
	uint32_t what; /* 0: nothing to name */
	uint64_t out, in;
};
MUST int tie_put(struct atlas *a, uint32_t from, uint32_t to, enum tie_kind kind,
		 const struct seen *s);
/* The same between two entities, whose places are looked up only for a new pair. */
MUST int tie_entities(struct atlas *a, uint32_t from, uint32_t to, enum tie_kind kind,
		      const struct seen *s);
/* A short text as symbol; 0 when there is no room. */
uint16_t atlas_sym(struct atlas *a, struct str s);
/* Makes room: writes everything, then lets half of the ties go, the longest idle. */
MUST int atlas_turn(struct atlas *a, struct diag *d);

/* lives.c */
/* What an operation makes (1) or removes (-1), else 0; *ret_type is the noun's type. */
int life_of(struct str op, struct str noun, const char **ret_type);
/* The type of a service's resources, or NULL. */
const char *service_type(struct str service);
/* Whom a trust policy (JSON) allows, at most 32; what is no policy has none. */
typedef int trust_fn(struct str who, void *arg);
MUST int trust_each(struct str policy, trust_fn *fn, void *arg);
MUST int lives_event(struct atlas *a, const struct event *e, uint32_t actor,
		     const struct seen *s);

/* keep.c */
/* As atlas_flush, of what ties know by themselves. */
MUST int atlas_write(struct atlas *a, struct diag *d);
MUST int atlas_keep_open(struct atlas *a, const struct atlas_conf *conf, struct diag *d);
void atlas_keep_close(struct atlas *a);
/* Merges two lists of days in order of day; returns how many (at most max, latest kept). */
size_t days_merge(const struct tie_day *a, size_t na, const struct tie_day *b, size_t nb,
		  struct tie_day *ret, size_t max);
/* "443 ssl, GetObject" and another list into one without doubles, at most max items. */
void whats_merge(struct str a, struct str b, size_t max, struct buf *ret);

#endif
