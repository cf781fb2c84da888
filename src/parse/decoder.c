/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/hash.h"
#include "parse/foresee.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define REFUSALS_MAX 64
#define HEAD_RECORDS 32
#define ERAS_MAX     64
#define NAMES_KEPT   256 /* a power of two */

/* Registers of column names, found by where the name stands. */
struct names {
	const struct source_def *def;
	const void *state;
	uint32_t count; /* of header lines, where the codec counts them */
	struct {
		struct str name;
		uint16_t reg;
	} slot[NAMES_KEPT];
};

struct decoder {
	const struct sources *src;
	const struct codec_ops *ops;
	const struct source_def *def; /* as recognised; tried first for every record */
	void *state;
	void *era[ERAS_MAX]; /* states of different headers, in order of first sight */
	uint32_t neras, era_now,
		era_seen; /* era[era_now] is the state when it counted era_seen */
	void *at;	  /* state to take records apart with, when it is not the last */
	struct json j[UNWRAP_DEPTH + 1]; /* one a level of JSON in a JSON string */
	struct regs regs;
	struct arena scratch; /* of decoder_known and of recognising */
	struct json probe;    /* of decoder_known: tokens of what it looked at */
	struct names *names;  /* of codecs with columns */
	struct refusal *ref;
	size_t nref;
	char file[64];
	int64_t written; /* the file was last changed then; 0 unknown */
};

/* What happens to each record found inside a record. */
struct sink {
	struct decoder *dec;
	struct batch *b; /* NULL: only the least `known` is asked for */
	struct arena *mem;
	size_t events;
	bool any, full;
	int64_t known;
	unsigned score; /* of recognising: how narrow the conditions were */
	const char *why;
	int err;
};

static void refuse(struct decoder *dec, const char *why, struct str rec)
{
	const char *source = dec->def ? dec->def->name.p : dec->ops->name;
	struct refusal *f = NULL, *grown;
	struct buf safe;

	for (size_t i = 0; i < dec->nref && !f; i++)
		if (strcmp(dec->ref[i].why, why) == 0)
			f = &dec->ref[i];
	if (!f) {
		if (dec->nref == REFUSALS_MAX)
			return;
		grown = realloc(dec->ref, (dec->nref + 1) * sizeof(*grown));
		if (!grown)
			return;
		dec->ref = grown;
		f = &dec->ref[dec->nref++];
		*f = (struct refusal){.source = source, .why = why};
		buf_init(&safe, 1024);
		buf_safe(&safe, str_sub(rec, 0, 120));
		if (safe.p)
			snprintf(f->first, sizeof(f->first), "%s", safe.p);
		buf_free(&safe);
	}
	f->n++;
}

/* Times of the record in the registers; false when it has none. */
static bool moments(struct regs *r, const struct source_def *def, const struct type *t,
		    int64_t *time, int64_t *known)
{
	if (!expr_time(r, &t->time, time))
		return false;
	if (def->has_written && expr_time(r, &def->written, known))
		return true;
	if (!t->has_known || !expr_time(r, &t->known, known))
		*known = *time;
	return true;
}

static void fill_row(struct regs *r, const struct type *t, struct event *e)
{
	for (size_t i = 0; i < r->ntouched; i++) {
		uint16_t d = t->direct_of[r->touched[i]];
		struct val v;

		if (!d)
			continue;
		v = regs_val(r, r->touched[i]);
		for (; d; d = t->direct[d - 1].next)
			e->row[t->direct[d - 1].slot] = v;
	}
	for (size_t i = 0; i < t->nslot; i++)
		e->row[t->slot[i].slot] = expr_eval(r, t->slot[i].e);
}

static void set_id(struct regs *r, const struct type *t, struct event *e)
{
	struct val v = t->id.n || t->id.constant.p ? expr_eval(r, &t->id) : val_none;
	char tmp[40];

	if (v.kind == VAL_LIST && v.len) /* Zeek's dhcp.log has a list of uids */
		v = v.list[0];
	if (val_set(&v) && v.kind == VAL_STR)
		e->id = val_str(&v);
	else if (val_set(&v) && v.kind != VAL_LIST)
		e->id = arena_str(r->mem, val_text(&v, tmp));
	else
		e->id = arena_fmt(r->mem, "x%016" PRIx64, e->hash);
	if (!e->id.p)
		r->err = -ENOMEM;
}

static void emit(struct sink *k, const struct source_def *def, const struct type *t,
		 struct str raw)
{
	struct regs *r = &k->dec->regs;
	int64_t time, known;
	struct event *e;

	if (!moments(r, def, t, &time, &known)) {
		k->why = "no time";
		return;
	}
	if (!k->any || known < k->known)
		k->known = known;
	k->any = true;
	k->score += 1000 + (unsigned)t->nwhen;
	if (!k->b)
		return;
	if (k->b->n == k->b->cap) {
		k->full = true;
		return;
	}
	e = batch_add(k->b, t->rt);
	if (!e) {
		k->err = -ENOMEM;
		return;
	}
	e->time = time;
	e->known = known;
	e->raw = raw;
	e->hash = hash_str(raw, 0);
	fill_row(r, t, e);
	set_id(r, t, e);
	k->events++;
	if (r->err)
		k->err = r->err;
}

static bool object(struct sink *k, const struct source_def *def, unsigned level, uint32_t obj,
		   struct str raw, unsigned depth);

/* JSON inside a JSON string. */
static bool inner_text(struct sink *k, const struct source_def *def, unsigned level,
		       struct str s, struct str raw, unsigned depth)
{
	struct json *j;
	bool found = false;
	char *p;

	if (level > UNWRAP_DEPTH || !s.len)
		return false;
	j = &k->dec->j[level];
	p = arena_alloc(k->mem, s.len + JSON_PAD);
	if (!p) {
		k->err = -ENOMEM;
		return false;
	}
	memcpy(p, s.p, s.len);
	memset(p + s.len, 0, JSON_PAD);
	if (json_scan(j, str_n(p, s.len), NULL) < 0)
		return false;
	if (j->tok[0].kind == JSON_OBJECT)
		return object(k, def, level, 0, raw, depth);
	if (j->tok[0].kind == JSON_ARRAY)
		JSON_EACH_ITEM(j, 0, i)
	if (object(k, def, level, i, json_raw(j, i), depth))
		found = true;
	return found;
}

/* A text that commas divide, as a record. */
static bool inner_parts(struct sink *k, const struct source_def *def, const struct unwrap *u,
			struct str text, struct str raw)
{
	struct regs *r = &k->dec->regs;
	struct val *part = arena_alloc(k->mem, PARTS_MAX * sizeof(*part));
	const struct type *t;

	if (!part) {
		k->err = -ENOMEM;
		return false;
	}
	regs_clear(r);
	for (size_t i = 0; i < PARTS_MAX && text.p; i++) {
		part[i] = val_s(str_cut(text, ',', &text));
		if (part[i].len)
			regs_put(r, u->part[i], &part[i]);
	}
	t = plan_match(def, r);
	if (t)
		emit(k, def, t, raw);
	return t != NULL;
}

/* An item of a list that an unwrap path leads to. */
static bool inner_item(struct sink *k, const struct source_def *def, const struct unwrap *u,
		       unsigned level, uint32_t tok, unsigned depth)
{
	const struct json *j = &k->dec->j[level];

	if (u->commas)
		return j->tok[tok].kind == JSON_STRING &&
		       inner_parts(k, def, u, json_text(j, tok, k->mem), json_raw(j, tok));
	return object(k, def, level, tok, json_raw(j, tok), depth);
}

/* What one unwrap path leads to: toks are copied, since the registers are used again inside. */
static bool inner(struct sink *k, const struct source_def *def, const struct unwrap *u,
		  unsigned level, struct str raw, unsigned depth)
{
	struct regs *r = &k->dec->regs;
	const struct json *j = r->j;
	uint32_t n = 0, at = 0, *tok;
	bool found = false;

	for (uint32_t i = r->head[u->reg]; i; i = r->hit[i - 1].next)
		n++;
	tok = arena_alloc(k->mem, (n + (size_t)1) * sizeof(*tok));
	if (!tok) {
		k->err = -ENOMEM;
		return false;
	}
	at = n;
	for (uint32_t i = r->head[u->reg]; i; i = r->hit[i - 1].next)
		tok[--at] = r->hit[i - 1].tok;
	for (uint32_t i = 0; i < n; i++) {
		struct str part = u->list && n > 1 ? json_raw(j, tok[i]) : raw;

		if (j->tok[tok[i]].kind == JSON_STRING && u->text)
			found |= inner_text(k, def, level + 1, json_text(j, tok[i], k->mem),
					    part, depth + 1);
		else if (j->tok[tok[i]].kind == JSON_STRING && u->commas)
			found |= inner_parts(k, def, u, json_text(j, tok[i], k->mem), part);
		else if (j->tok[tok[i]].kind == JSON_OBJECT)
			found |= object(k, def, level, tok[i], part, depth + 1);
		else if (j->tok[tok[i]].kind == JSON_ARRAY)
			JSON_EACH_ITEM(j, tok[i], it)
		if (inner_item(k, def, u, level, it, depth + 1))
			found = true;
	}
	return found;
}

/* One object as a record of def, or as what wraps such. Whether any type knew it. */
static bool object(struct sink *k, const struct source_def *def, unsigned level, uint32_t obj,
		   struct str raw, unsigned depth)
{
	struct regs *r = &k->dec->regs;
	const struct type *t;

	if (k->dec->j[level].tok[obj].kind != JSON_OBJECT)
		return false;
	r->j = &k->dec->j[level];
	regs_walk(r, def, obj);
	for (size_t i = 0; i < def->nunwrap && depth < UNWRAP_DEPTH; i++) {
		if (!r->head[def->unwrap[i].reg])
			continue;
		if (inner(k, def, &def->unwrap[i], level, raw, depth))
			return true;
		r->j = &k->dec->j[level];
		regs_walk(r, def, obj);
	}
	texts_apply(r, def);
	t = plan_match(def, r);
	if (t)
		emit(k, def, t, raw);
	return t != NULL;
}

static bool has_codec(const struct source_def *def, const struct codec_ops *ops)
{
	for (size_t i = 0; i < def->ncodec; i++)
		if (def->codec[i] == ops)
			return true;
	return false;
}

/* The table of names for def as the header now stands; NULL when names are no columns. */
static struct names *names_for(struct decoder *dec, const struct source_def *def)
{
	const void *state = dec->at ? dec->at : dec->state;
	struct names *n = dec->names;
	uint32_t count = 0;

	if (!n)
		return NULL;
	if (dec->ops->eras)
		memcpy(&count, state, sizeof(count));
	if (n->def != def || n->state != state || n->count != count)
		*n = (struct names){.def = def, .state = state, .count = count};
	return n;
}

static uint16_t name_reg(struct names *n, const struct source_def *def, struct str name)
{
	size_t i = ((uintptr_t)name.p ^ (uintptr_t)name.p >> 8) & (NAMES_KEPT - 1);

	if (!n)
		return plan_reg(def, name);
	if (n->slot[i].name.p != name.p || n->slot[i].name.len != name.len) {
		n->slot[i].name = name;
		n->slot[i].reg = plan_reg(def, name);
	}
	return n->slot[i].reg;
}

static void put_fields(struct decoder *dec, const struct source_def *def,
		       const struct fields *f)
{
	struct names *n = names_for(dec, def);

	regs_clear(&dec->regs);
	for (size_t i = 0; i < f->n; i++)
		if (f->f[i].val.kind != VAL_NONE)
			regs_put(&dec->regs, name_reg(n, def, f->f[i].name), &f->f[i].val);
}

/* Fields of a codec that is not JSON as a record of def. */
static bool flat(struct sink *k, const struct source_def *def, const struct fields *f,
		 struct str raw)
{
	struct regs *r = &k->dec->regs;
	const struct type *t;

	put_fields(k->dec, def, f);
	for (size_t i = 0; i < def->nunwrap; i++) {
		uint32_t h = r->head[def->unwrap[i].reg];

		if (h && def->unwrap[i].text &&
		    inner_text(k, def, 0, val_str(r->hit[h - 1].v), raw, 1))
			return true;
	}
	if (def->nunwrap) /* the attempts used the registers */
		put_fields(k->dec, def, f);
	texts_apply(r, def);
	t = plan_match(def, r);
	if (t)
		emit(k, def, t, raw);
	return t != NULL;
}

static bool attempt(struct sink *k, const struct source_def *def, const struct fields *f,
		    struct str rec, bool otherwise)
{
	k->dec->regs.otherwise = otherwise;
	if (k->dec->ops->json)
		return object(k, def, 0, 0, rec, 0);
	return flat(k, def, f, rec);
}

/* By its syntax alone; false when it is broken, and k->why says how. */
static bool take_apart(struct sink *k, struct str rec, struct fields *ret_f)
{
	struct decoder *dec = k->dec;

	dec->regs.mem = k->mem;
	dec->regs.err = 0;
	if (dec->ops->json) {
		int r = json_scan(&dec->j[0], rec, NULL);

		if (r < 0)
			k->why = r == E_LIMIT ? "JSON too deep or too large" : "broken JSON";
		return r == 0;
	}
	return dec->ops->fields(dec->at ? dec->at : dec->state, rec, k->mem, ret_f, &k->why) >=
	       0;
}

/* Takes the record apart once, then asks the recognised source, then all others in order. */
static void record(struct sink *k, struct str rec)
{
	struct decoder *dec = k->dec;
	const struct source_def *first = dec->def;
	struct fields f = {0};
	bool known;

	if (!take_apart(k, rec, &f))
		return;
	if (!dec->regs.fore && dec->ops->json)
		dec->regs.fore = foresight_new(&first->trie);
	known = attempt(k, first, &f, rec, false);
	for (size_t i = 0; i < dec->src->n && !known; i++)
		if (dec->src->def[i] != first && has_codec(dec->src->def[i], dec->ops))
			known = attempt(k, dec->src->def[i], &f, rec, false);
	for (size_t i = 0; i < dec->src->n && !known; i++)
		if (dec->src->def[i]->otherwise && has_codec(dec->src->def[i], dec->ops))
			known = attempt(k, dec->src->def[i], &f, rec, true);
	if (!known && !k->why)
		k->why = "no record type matches";
}

/* The moment of a JSON record of the recognised source; false: take it apart. */
static bool probe(struct decoder *dec, struct str rec, int64_t *ret_known)
{
	const struct type *t;
	int64_t time;

	if (!dec->probe.tok)
		return false;
	dec->regs.mem = &dec->scratch;
	dec->regs.err = 0;
	dec->regs.otherwise = false;
	if (!probe_walk(&dec->regs, dec->def, &dec->probe, rec))
		return false;
	t = plan_match(dec->def, &dec->regs);
	return t && moments(&dec->regs, dec->def, t, &time, ret_known);
}

bool decoder_known(struct decoder *dec, struct str rec, int64_t *ret_known)
{
	struct sink k = {.dec = dec, .mem = &dec->scratch};

	arena_reset(&dec->scratch);
	if (dec->ops->known ? dec->ops->known(dec->state, rec, ret_known)
			    : probe(dec, rec, ret_known))
		return true;
	record(&k, rec);
	if (k.any)
		*ret_known = k.known;
	return k.any;
}

int decoder_decode(struct decoder *dec, struct str rec, struct batch *b)
{
	struct sink k = {.dec = dec, .b = b, .mem = &b->mem};
	size_t before = b->n;

	record(&k, rec);
	if (k.err || (k.full && before)) {
		b->n = before;
		return k.err ? k.err : -ENOSPC;
	}
	if (k.full)
		refuse(dec, "too many events in one record", rec);
	else if (k.why)
		refuse(dec, k.why, rec);
	return (int)k.events;
}

enum frame_result decoder_frame(struct decoder *dec, struct str buf, size_t *pos, bool eof,
				struct str *ret_rec)
{
	const char *why = NULL;
	size_t from = *pos;
	enum frame_result r = dec->ops->frame(dec->state, buf, pos, eof, ret_rec, &why);

	if (r == FRAME_SKIP)
		refuse(dec, why, str_sub(buf, from, *pos));
	return r;
}

static uint32_t era_find(const struct decoder *dec)
{
	const size_t skip = sizeof(uint32_t); /* the count itself */
	uint32_t i = 0;

	while (i < dec->neras && memcmp((char *)dec->era[i] + skip, (char *)dec->state + skip,
					dec->ops->state_size - skip) != 0)
		i++;
	return i;
}

uint32_t decoder_era(struct decoder *dec)
{
	uint32_t count, i;

	if (!dec->ops->eras)
		return 0;
	memcpy(&count, dec->state, sizeof(count));
	if (dec->neras && count == dec->era_seen)
		return dec->era_now;
	i = era_find(dec);
	if (i == dec->neras && i < ERAS_MAX) {
		dec->era[i] = malloc(dec->ops->state_size);
		if (dec->era[i])
			memcpy(dec->era[dec->neras++], dec->state, dec->ops->state_size);
	}
	if (i == dec->neras) {
		refuse(dec, "header changes too often", str_n(NULL, 0));
		return ERA_NONE;
	}
	dec->era_seen = count;
	return dec->era_now = i;
}

void decoder_at(struct decoder *dec, uint32_t era)
{
	dec->at = era < dec->neras ? dec->era[era] : NULL;
}

/* Adds to each source how well it explains a record. */
static void score_record(struct decoder *dec, struct str rec, unsigned *score)
{
	struct sink all = {.dec = dec, .mem = &dec->scratch};
	struct fields f = {0};

	if (!take_apart(&all, rec, &f))
		return;
	for (size_t i = 0; i < dec->src->n; i++) {
		struct sink k = {.dec = dec, .mem = &dec->scratch};

		if (!has_codec(dec->src->def[i], dec->ops))
			continue;
		if (!attempt(&k, dec->src->def[i], &f, rec, false) &&
		    dec->src->def[i]->otherwise && attempt(&k, dec->src->def[i], &f, rec, true))
			k.score = 1;
		score[i] += k.score;
	}
}

/* How well each source explains the first records of the head; the best, or NULL. */
static const struct source_def *recognise(struct decoder *dec, struct str head)
{
	size_t n = dec->src->n, pos = 0;
	unsigned *score = calloc(n + 1, sizeof(*score));
	size_t best = n;

	for (unsigned tries = 0, recs = 0; score && recs < HEAD_RECORDS && tries < 4096;
	     tries++) {
		const char *why;
		struct str rec;
		enum frame_result r =
			dec->ops->frame(dec->state, head, &pos, false, &rec, &why);

		if (r == FRAME_MORE) /* what is left of a short file */
			r = dec->ops->frame(dec->state, head, &pos, true, &rec, &why);
		if (r == FRAME_END || r == FRAME_MORE)
			break;
		if (r != FRAME_RECORD)
			continue;
		recs++;
		arena_reset(&dec->scratch);
		score_record(dec, rec, score);
	}
	for (size_t i = 0; score && i < n; i++)
		if (score[i] && (best == n || score[i] > score[best]))
			best = i;
	free(score);
	return best < n ? dec->src->def[best] : NULL;
}

static void codec_close(struct decoder *dec)
{
	if (dec->state && dec->ops->close)
		dec->ops->close(dec->state);
	free(dec->state);
	dec->state = NULL;
}

static int codec_open(struct decoder *dec, const struct codec_ops *ops)
{
	int r;

	dec->ops = ops;
	dec->state = calloc(1, ops->state_size + 1);
	if (!dec->state)
		return -ENOMEM;
	r = ops->open ? ops->open(dec->state) : 0;
	if (r == 0 && ops->written && dec->written)
		ops->written(dec->state, dec->written);
	return r;
}

/* Tries the codecs from the surest down. */
static int choose(struct decoder *dec, struct str head)
{
	bool tried[32] = {false};
	int r;

	for (;;) {
		int best = 0, sure = 0;

		for (int i = 0; codecs[i] && i < (int)ARRAY_LEN(tried); i++) {
			int s = tried[i] ? 0 : codecs[i]->sniff(head);

			if (s > sure) {
				sure = s;
				best = i;
			}
		}
		if (!sure)
			return E_FORMAT;
		tried[best] = true;
		r = codec_open(dec, codecs[best]);
		if (r == 0)
			dec->def = recognise(dec, head);
		/* Learnt from header lines, the state is kept; else the file starts afresh. */
		if (dec->def && !dec->ops->primed) {
			codec_close(dec);
			r = codec_open(dec, codecs[best]);
		}
		if (r < 0 || dec->def)
			return r;
		codec_close(dec);
	}
}

static struct decoder *decoder_new(const struct sources *src, const char *path)
{
	struct decoder *dec = calloc(1, sizeof(*dec));
	const char *base = strrchr(path, '/');
	struct stat st;

	if (!dec)
		return NULL;
	dec->src = src;
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_mtim.tv_sec > 0 &&
	    st.st_mtim.tv_sec < INT64_MAX / NS_PER_S)
		dec->written = st.st_mtim.tv_sec * NS_PER_S;
	arena_init(&dec->scratch, 0);
	for (size_t i = 0; i < ARRAY_LEN(dec->j); i++)
		json_init(&dec->j[i]);
	base = base ? base + 1 : path;
	snprintf(dec->file, sizeof(dec->file), "%.*s", (int)MIN(strcspn(base, "."), 63), base);
	if (regs_init(&dec->regs, src->nreg_max) < 0)
		return decoder_free(dec);
	dec->regs.file = str_of(dec->file);
	return dec;
}

/* Codec and source are chosen, or r says why not. */
static int decoder_ready(struct decoder *dec, int r, const char *path, struct decoder **ret_dec,
			 struct diag *d)
{
	/* Without these it is only slower. */
	if (r == 0 && dec->ops->columns)
		dec->names = calloc(1, sizeof(*dec->names));
	if (r == 0 && dec->ops->json) {
		dec->probe.cap = (uint32_t)dec->def->nprobe + 64; /* 64: of lists */
		dec->probe.tok = calloc(dec->probe.cap, sizeof(*dec->probe.tok));
	}
	if (r < 0) {
		decoder_free(dec);
		return diag_set(d, r, r == E_FORMAT ? "%s: no known format" : "%s: cannot open",
				path);
	}
	*ret_dec = dec;
	return 0;
}

/* What holds files of its own, by its first bytes; NULL when it is none. */
static const char *archive(struct str head)
{
	static const struct {
		size_t at;
		struct str magic;
		const char *name;
	} known[] = {
		{257, {"ustar", 5}, "a tar archive"},
		{0, {"PK\3\4", 4}, "a zip archive"},
		{0, {"7z\xbc\xaf\x27\x1c", 6}, "a 7z archive"},
		{0, {"Rar!\x1a", 5}, "a rar archive"},
		{0,
		 {"\xfd"
		  "7zXZ",
		  5},
		 "xz-compressed"},
		{0, {"BZh", 3}, "bzip2-compressed"},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_starts(str_sub(head, known[i].at, head.len), known[i].magic))
			return known[i].name;
	return NULL;
}

int decoder_open(const struct sources *src, const char *path, struct str head,
		 struct decoder **ret_dec, struct diag *d)
{
	const char *packed = archive(head);
	struct decoder *dec;
	char *copy;
	int r = -ENOMEM;

	if (packed)
		return diag_set(d, E_FORMAT, "%s: %s: unpack it first", path, packed);
	dec = decoder_new(src, path);
	if (!dec)
		return -ENOMEM;
	/* The head may end without room behind it; scanners read beyond. */
	copy = malloc(head.len + JSON_PAD);
	if (copy) {
		memcpy(copy, head.p, head.len);
		memset(copy + head.len, 0, JSON_PAD);
		r = choose(dec, str_n(copy, head.len));
	}
	free(copy);
	return decoder_ready(dec, r, path, ret_dec, d);
}

int decoder_open_as(const struct sources *src, const char *path, const char *codec,
		    struct decoder **ret_dec, struct diag *d)
{
	const struct codec_ops *ops = codec_find(str_of(codec));
	struct decoder *dec;
	int r;

	if (!ops)
		return diag_set(d, E_NOTFOUND, "%s: there is no codec '%s'", path, codec);
	dec = decoder_new(src, path);
	if (!dec)
		return -ENOMEM;
	r = codec_open(dec, ops);
	for (size_t i = 0; i < src->n && !dec->def; i++)
		if (has_codec(src->def[i], ops))
			dec->def = src->def[i];
	if (r == 0 && !dec->def)
		r = E_FORMAT;
	return decoder_ready(dec, r, path, ret_dec, d);
}

struct recognised decoder_recognised(const struct decoder *dec)
{
	bool afresh = !dec->ops->primed;

	return (struct recognised){afresh ? dec->ops : NULL, afresh ? dec->def : NULL};
}

int decoder_open_again(const struct sources *src, const char *path, struct recognised as,
		       struct decoder **ret_dec, struct diag *d)
{
	struct decoder *dec = decoder_new(src, path);

	if (!dec)
		return -ENOMEM;
	dec->def = as.def;
	return decoder_ready(dec, codec_open(dec, as.ops), path, ret_dec, d);
}

void decoder_written(struct decoder *dec, int64_t ns)
{
	if (dec->ops->written)
		dec->ops->written(dec->state, ns);
}

bool decoder_yearless(const struct decoder *dec)
{
	return dec->ops->yearless && dec->ops->yearless(dec->state);
}

struct decoder *decoder_free(struct decoder *dec)
{
	if (!dec)
		return NULL;
	codec_close(dec);
	for (uint32_t i = 0; i < dec->neras; i++)
		free(dec->era[i]);
	for (size_t i = 0; i < ARRAY_LEN(dec->j); i++)
		json_free(&dec->j[i]);
	json_free(&dec->probe);
	free(dec->names);
	regs_free(&dec->regs);
	arena_free(&dec->scratch);
	free(dec->ref);
	free(dec);
	return NULL;
}

const struct codec_ops *decoder_codec(const struct decoder *dec)
{
	return dec->ops;
}

const char *decoder_source(const struct decoder *dec)
{
	return dec->def->name.p;
}

size_t decoder_refusals(const struct decoder *dec, const struct refusal **ret_r)
{
	*ret_r = dec->ref;
	return dec->nref;
}
