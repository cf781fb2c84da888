/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse/plan: what sources/ declares, in memory, and the decode plan made of it. Private to
 * source.c, plan.c, take.c and decoder.c.
 *
 * Every raw path that a source's types read has a register. One walk over a record fills the
 * registers that have a value; conditions, times and attributes read registers only.
 */
#ifndef PARSE_PLAN_H
#define PARSE_PLAN_H
#include "base/json.h"
#include "parse/source.h"

#define REG_NONE     ((uint16_t)0xffff)
#define REGS_MAX     60000
#define UNWRAP_MAX   16
#define CODECS_MAX   4
#define ALIASES_MAX  64
#define PARTS_MAX    32 /* of a text that commas divide */
#define PATHS_MAX    32 /* alternatives of one expression */
#define UNWRAP_DEPTH 4
#define TEXTS_MAX    16

enum take_what {
	TAKE_NONE,
	TAKE_IP,
	TAKE_PORT,
	TAKE_BASENAME,
	TAKE_DIRNAME,
	TAKE_LOWER,
	TAKE_BEFORE,
	TAKE_AFTER,
	TAKE_LAST,
	TAKE_NUMBER,
	TAKE_HEX,
	TAKE_UNQUOTE,
	TAKE_NAME_VALUE,
	TAKE_SCALE,
	TAKE_JOIN,
};

/* A value as a source declares it: where it is read, and what is done with it. */
struct expr {
	struct str *path; /* [n] raw paths, the first that is set counts */
	uint16_t *reg;	  /* [n] after compile */
	size_t n;
	struct str *map; /* [2 * nmap] from, to */
	size_t nmap;
	struct str constant, fallback; /* p NULL = none */
	struct str arg;		       /* of take */
	uint8_t take;		       /* enum take_what */
	int64_t plus_unit;	       /* of times: ns per unit of plus, 0 = none */
	struct str plus;
	uint16_t plus_reg;
	struct expr *or_else; /* of times: tried when this gives none; or NULL */
};

struct field_decl {
	attr_t attr;
	struct expr e;
};

/* A condition: register is set, is not, or has one of some texts. */
struct cond {
	enum { COND_HAS, COND_NOT, COND_EQ, COND_PATH } what;
	struct str path;
	uint16_t reg;
	struct str *val; /* [nval] */
	size_t nval;
};

/* Slot and expression; an expression of one plain path is linked to its register instead. */
struct slot_expr {
	uint16_t slot;
	const struct expr *e;
};
struct direct {
	uint16_t slot, next; /* index + 1 into direct */
};

struct type {
	struct rectype *rt;
	bool otherwise; /* only for records that no other type of any source knows */
	struct cond *when;
	size_t nwhen;
	struct expr time, known, id;
	bool has_known;
	struct field_decl *field;
	size_t nfield;
	/* After compile: */
	struct slot_expr *slot;
	size_t nslot;
	uint16_t *direct_of; /* [nreg] index + 1 into direct, 0 = none */
	struct direct *direct;
};

struct unwrap {
	struct str path; /* without [] and ! */
	uint16_t reg;
	bool list, text; /* had [] or ! */
	bool commas;	 /* ended in a comma: part i of the text is the field PATH.i */
	uint16_t *part;	 /* [PARTS_MAX] their registers */
};

/*
 * Where a raw field may stand besides its own place. The places share the field's register: the
 * one that comes first in the record counts.
 */
struct alias {
	struct str name;  /* "*": any; then the paths are of objects that hold it */
	struct str *path; /* [n] */
	size_t n;
};

/* One way in which a text may be written, and what it means that it is. */
struct form {
	struct str text;
	struct cond *only; /* [nonly] it is tried only where these hold */
	size_t nonly;
	struct field *set; /* [nset] texts that are fields when it fits */
	size_t nset;
};

/* A field whose text holds fields. */
struct text_decl {
	enum { TEXT_FORMS, TEXT_KV, TEXT_CEF, TEXT_LEEF, TEXT_CSV } as;
	struct str path;
	uint16_t reg;
	struct cond *only; /* [nonly] as of a form */
	size_t nonly;
	struct form *form;
	size_t nform;
};

/* Names below a node of the tree of paths, all nodes in one table. */
struct trie_entry {
	struct str key;	      /* p NULL = free */
	uint32_t node, child; /* child 0 = nothing below */
	uint16_t reg;
};
struct trie {
	struct trie_entry *e;
	uint32_t mask, len, nodes;
};

/* Registers that conditions ask of, a bit each. */
struct regset {
	uint64_t bit[3];
	bool text; /* of one of them the text is asked for */
};

struct source_def {
	struct str name, title;
	const struct codec_ops *codec[CODECS_MAX];
	size_t ncodec;
	struct unwrap unwrap[UNWRAP_MAX];
	size_t nunwrap;
	struct alias alias[ALIASES_MAX];
	size_t nalias;
	struct expr written; /* when a record was written, which then is `known` */
	bool has_written;
	struct text_decl text[TEXTS_MAX];
	size_t ntext;
	struct type *type;
	size_t ntype;
	bool otherwise; /* has such types */
	/* After compile: */
	struct trie trie;
	struct trie probe; /* of the paths that decide type and times alone */
	size_t nreg, nprobe;
	struct regset *cond_bit; /* [nreg] registers that conditions ask of; NULL: too many */
};

struct sources {
	struct arena mem;
	struct source_def **def;
	size_t n;
	size_t nreg_max;
};

/*
 * Folds case by setting bit 5, which also makes a few other bytes alike; the comparison that
 * follows is exact. Eight bytes at both ends tell nearly all field names apart.
 */
static inline uint32_t key_hash(struct str k, uint32_t node)
{
	const uint64_t fold = UINT64_C(0x2020202020202020);
	uint64_t a = 0, b = 0;

	if (k.len >= 8) {
		memcpy(&a, k.p, 8);
		memcpy(&b, k.p + k.len - 8, 8);
	} else {
		a = str_word(k.p, k.len);
	}
	a = ((a | fold) + k.len + ((uint64_t)node << 32)) * UINT64_C(0x9e3779b97f4a7c15);
	a ^= ((b | fold) ^ a >> 32) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(a ^ a >> 32);
}

static inline const struct trie_entry *trie_find(const struct trie *t, uint32_t node,
						 struct str key)
{
	for (uint32_t i = key_hash(key, node) & t->mask;; i = (i + 1) & t->mask) {
		const struct trie_entry *e = &t->e[i];

		if (!e->key.p)
			return NULL;
		if (e->node == node && e->key.len == key.len &&
		    (str_same(e->key.p, key.p, key.len) || str_ieq(e->key, key)))
			return e;
	}
}

/* Lays out registers, trie and slots of one source. 0, E_LIMIT or -ENOMEM. */
MUST int plan_compile(struct arena *mem, struct source_def *def, const struct schema *s);

/* One value found for a register: a token, or a value of a codec that is not JSON. */
struct hit {
	const struct val *v; /* NULL: tok */
	uint32_t tok;
	uint32_t next; /* index + 1 of the next of the same register */
};

struct foresight; /* parse/foresee.h */

#define MATCHES 16 /* a power of two */

/* Which type it was when just these registers that conditions ask of were set. */
struct match_seen {
	const struct source_def *def; /* NULL: free */
	struct regset set;
	const struct type *t;
	bool otherwise;
};

/* The registers of one record. */
struct regs {
	uint32_t *head; /* [cap] index + 1 into hit, 0 = unset */
	uint16_t *touched;
	size_t ntouched;
	struct hit *hit;
	size_t nhit, caphit;
	size_t cap;
	const struct json *j;
	struct arena *mem;
	struct foresight *fore, *fore_probe; /* of the walk and the quick look, or NULL */
	struct match_seen seen[MATCHES];
	struct str file; /* name of the log by the file's name: "conn" of "conn.log" */
	int err;	 /* sticky: -ENOMEM */
	bool otherwise;	 /* plan_match gives only the types of last resort, else only others */
};

MUST int regs_init(struct regs *r, size_t nreg);
void regs_free(struct regs *r);
void regs_clear(struct regs *r);
/* Fills registers from an object of r->j. */
void regs_walk(struct regs *r, const struct source_def *def, uint32_t obj);
void regs_put(struct regs *r, uint16_t reg, const struct val *v);
/* One value more for a register: a token of r->j. */
void regs_token(struct regs *r, uint16_t reg, uint32_t tok);
/*
 * Fills the registers of the probe from the text of a JSON record (JSON_PAD bytes readable
 * behind it); j keeps the tokens, j->cap of them > def->nprobe. false: take it apart.
 */
bool probe_walk(struct regs *r, const struct source_def *def, struct json *j, struct str rec);
/* Register of a raw name, REG_NONE when nobody reads it. */
uint16_t plan_reg(const struct source_def *def, struct str name);
struct val regs_val(struct regs *r, uint16_t reg);
/* First type whose conditions hold, or NULL. */
const struct type *plan_match(const struct source_def *def, struct regs *r);
struct val tok_val(struct regs *r, uint32_t tok, unsigned depth);

bool cond_holds(struct regs *r, const struct cond *c);
/* The text of a register; empty when it is unset or no text. */
struct str regs_text(struct regs *r, uint16_t reg);
/* Registers of what `texts:` reads. */
MUST int texts_compile(struct arena *mem, struct source_def *def);
/* Takes the declared texts of the record in the registers apart, in their order. */
void texts_apply(struct regs *r, const struct source_def *def);
/* Register of a path, made when it has none. 0, E_LIMIT or -ENOMEM. */
MUST int plan_reg_make(struct arena *mem, struct source_def *def, struct str path,
		       uint16_t *ret_reg);

/* Value of an expression. */
struct val expr_eval(struct regs *r, const struct expr *e);
/* A moment; false when there is none that can be read. */
bool expr_time(struct regs *r, const struct expr *e, int64_t *ret_ns);
/* What `take:` does to one scalar; VAL_NONE when it does not apply. */
struct val take_apply(enum take_what take, struct str arg, struct val v, struct arena *mem);
/* Enum of the first word of a take text, -1 when unknown; *ret_arg is the rest. */
int take_parse(struct str text, struct str *ret_arg);

#endif
