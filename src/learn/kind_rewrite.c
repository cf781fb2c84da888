/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rewrite: whether the files of a share are being made unreadable one after another, as
 * ransomware does. Wald's sequential test on the operations that change files: a hit is a file
 * renamed to an ending that hardly anyone has, overwritten after it was read, or deleted after
 * a copy under a longer name was written; of such operations 2 % are hits usually and 60 %
 * under attack, so a hit adds ln(0.6 / 0.02) = 3.4 nats and any other takes
 * ln(0.98 / 0.4) = 0.9; at ln(1 / 1e-6) = 13.8, five files in a row, it is told.
 * The value is the file's path, `against` the path it had before.
 */
#include "base/hash.h"
#include "learn/group.h"
#include "learn/level.h"
#include <math.h>

#define HIT	  3.4F
#define OTHER	  0.9F
#define ALARM	  13.8
#define MOST	  60.0F /* nats: what follows a long attack must be able to end it */
#define QUIET_S	  30.0	/* s without any operation count as one other */
#define REMEMBER  16	/* files read, and written, last */
#define ENDING	  16	/* characters of an ending that are looked at */
#define FAMILIAR  3	/* devices that make an ending familiar, if it is old or */
#define SHARE_DIV 10	/* a tenth of all have it */

enum op { OP_NONE, OP_RENAME, OP_WRITE, OP_READ, OP_DELETE };

struct rewriting {
	struct state st;
	int64_t last, hour;
	float llr, reached;
	uint32_t files;		  /* hits of this run */
	uint32_t read[REMEMBER];  /* path hashes */
	uint32_t whole[REMEMBER]; /* written: of the path without its last ending */
	uint8_t nread, nwhole;
	bool open;
};

static enum op op_of(struct str name)
{
	static const struct {
		const char *word;
		enum op op;
	} words[] = {{"rename", OP_RENAME},
		     {"write", OP_WRITE},
		     {"modif", OP_WRITE},
		     {"read", OP_READ},
		     {"delete", OP_DELETE}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		for (size_t at = 0, n = strlen(words[i].word); at + n <= name.len; at++)
			if (str_ieq(str_n(name.p + at, n), str_of(words[i].word)))
				return words[i].op;
	return OP_NONE;
}

/* From the last dot of the last part of the path; empty when there is none. */
static struct str ending(struct str path)
{
	for (size_t i = path.len; i > 0; i--) {
		if (path.p[i - 1] == '/' || path.p[i - 1] == '\\')
			break;
		if (path.p[i - 1] == '.')
			return str_n(path.p + i - 1, MIN(path.len - i + 1, ENDING));
	}
	return STR("");
}

static uint32_t hash_of(struct str path)
{
	return (uint32_t)hash_istr(path, UINT64_C(0x66696c65));
}

static bool among(const uint32_t *h, uint32_t x)
{
	for (int i = 0; i < REMEMBER; i++)
		if (h[i] == x && x)
			return true;
	return false;
}

/* Whether an ending is nothing out of the ordinary here; counts who has it. */
static bool familiar(struct learn *l, struct quantity *q, const struct observation *o,
		     struct str end)
{
	const struct entity *en = entity_get(l->entities, o->entity);
	uint64_t what = hash_istr(end, UINT64_C(0x656e64));
	struct popular *p = popular_put(l, q, what, (struct str){NULL, 0}, o->now);

	if (!p)
		return true;
	if (!bloom_test_set(l, hash_2(en ? en->hash : o->who, hash_2(what, q->id)), true))
		popular_add(l, q, &p, o->cls);
	return p->ents >= FAMILIAR && (o->now - state_first(&p->st) > 7 * NS_PER_D ||
				       p->ents * SHARE_DIV >= popular_members(q));
}

/* Whether the operation is a hit; *ret_counts when it is one that changes files. */
static bool judge(struct learn *l, struct quantity *q, const struct observation *o,
		  struct rewriting *r, bool *ret_counts)
{
	struct str before = val_str(event_get(o->e, q->against)), end = ending(o->value);
	enum op op = op_of(val_str(event_get(o->e, ATTR_ACTIVITY)));
	bool known = familiar(l, q, o, end), hit = false;
	uint32_t path = hash_of(o->value);

	*ret_counts = op == OP_RENAME || op == OP_WRITE || op == OP_DELETE;
	switch (op) {
	case OP_READ:
		r->read[r->nread++ % REMEMBER] = path;
		return false;
	case OP_RENAME:
		hit = before.len && !str_ieq(ending(before), end) && !known;
		path = hash_of(before);
		break;
	case OP_WRITE:
		r->whole[r->nwhole++ % REMEMBER] =
			hash_of(str_n(o->value.p, o->value.len - end.len));
		hit = among(r->read, path);
		break;
	case OP_DELETE:
		hit = among(r->whole, path);
		break;
	case OP_NONE:
		return false;
	}
	/* A file counts once. */
	return hit && !bloom_test_set(l, hash_2(o->who, path), true);
}

static void see(struct learn *l, struct quantity *q, const struct observation *o,
		struct verdict *v)
{
	struct rewriting *r =
		(struct rewriting *)state_put(&l->states, o->who, sizeof(*r), o->now);
	bool counts, hit;
	float quiet;

	if (!r)
		return;
	if (!r->open)
		popular_join(q, o->cls);
	if (!r->open || o->now / NS_PER_H != r->hour)
		r->reached = -1;
	quiet = r->open ? (float)((double)(o->now - r->last) / (QUIET_S * (double)NS_PER_S))
			: 0;
	r->open = true;
	r->hour = o->now / NS_PER_H;
	r->last = MAX(r->last, o->now);
	hit = judge(l, q, o, r, &counts);
	r->llr -= OTHER * (MAX(quiet, 0) + (counts && !hit ? 1 : 0));
	r->llr = MIN(MAX(r->llr, 0), MOST) + (hit ? HIT : 0);
	r->files = r->llr > 0 ? r->files + hit : 0;
	v->raw = (double)r->llr;
	v->odd = v->raw >= ALARM;
	window_tell(q, o, &r->reached, v);
	v->days = (double)(o->now - state_first(&r->st)) / (double)NS_PER_D;
	v->peers = popular_peers(q, o->cls);
	verdict_set(v, OUT_LOG_E, (double)r->llr);
	verdict_set(v, OUT_DISTINCT, r->files);
}

static void explain(struct learn *l, const struct quantity *q, const struct observation *o,
		    struct verdict *v)
{
	(void)q;
	v->seen = arena_fmt(&l->text, "%.0f files rewritten one after another, the last %.*s",
			    v->f[OUT_DISTINCT], STR_ARG(o->value));
	v->usual = STR("now and then a file");
}

const struct kind kind_rewrite = {.name = "rewrite",
				  .needs_value = true,
				  .own_scale = true,
				  .see = see,
				  .explain = explain};
