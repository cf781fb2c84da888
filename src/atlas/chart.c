/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the map's file: from some places outwards, or all of it in numbers. */
#include "atlas/chart.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HOPS_MAX    3u
#define EACH_MAX    500u
#define NEAR_MAX    20000 /* ties of one place that are looked at */
#define JUDGED_MAX  400u  /* of which rarity is asked */
#define DEGREE_MAX  200
#define LINES_MAX   20000u
#define KINDS_MAX   256u
#define CHART_BYTES (64 * MIB)

static int fail(const struct chart *c, struct diag *d)
{
	return sqlite_fail(c->db, "map", d);
}

int chart_open(const char *dir, struct chart **ret_c, struct diag *d)
{
	struct chart *c;
	char path[4200];
	int r = snprintf(path, sizeof(path), "%s/map.db", dir);

	if (r < 0 || (size_t)r >= sizeof(path))
		return diag_set(d, -ENAMETOOLONG, "%s: the name is too long", dir);
	if (access(path, F_OK) < 0)
		return diag_set(d, -ENOENT, "%s: there is no map yet", dir);
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	arena_init(&c->mem, CHART_BYTES);
	if (sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
		r = fail(c, d);
		chart_close(c);
		return r;
	}
	sqlite3_busy_timeout(c->db, 2000);
	*ret_c = c;
	return 0;
}

struct chart *chart_close(struct chart *c)
{
	if (c) {
		sqlite3_close(c->db);
		arena_free(&c->mem);
		free(c->spots);
		free(c->lines);
		free(c->kinds);
		free(c->weak);
		free(c);
	}
	return NULL;
}

int chart_form_of(struct str name)
{
	static const char *const names[] = {"text", "json", "graphml"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eqz(name, names[i]))
			return (int)i;
	return -1;
}

struct called {
	struct arena *mem;
	struct str *v;
	size_t n, max;
};

static int called_row(const struct store_entity *e, void *arg)
{
	struct called *x = arg;

	if (x->n < x->max)
		x->v[x->n++] =
			arena_fmt(x->mem, "%.*s:%.*s", STR_ARG(e->kind), STR_ARG(e->name));
	return 0;
}

int chart_names(struct store *st, struct str what, struct arena *mem, struct str *ret_v,
		size_t max, size_t *ret_n, struct diag *d)
{
	struct store_query q = {.entity = what, .from = TIME_NONE, .to = TIME_NONE};
	struct called x = {.mem = mem, .v = ret_v, .max = max};
	int r;

	if (max)
		ret_v[x.n++] = what;
	r = store_entities(st, &q, called_row, &x, d);
	*ret_n = x.n;
	return r;
}

static struct str text(struct chart *c, sqlite3_stmt *st, int i)
{
	const unsigned char *p = sqlite3_column_text(st, i);

	return arena_str(&c->mem,
			 str_n((const char *)p, p ? (size_t)sqlite3_column_bytes(st, i) : 0));
}

static int64_t moment(sqlite3_stmt *st, int i)
{
	return sqlite3_column_type(st, i) == SQLITE_NULL ? TIME_NONE
							 : sqlite3_column_int64(st, i);
}

static void *grown(void *v, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap * 2 : 64;
	void *p;

	if (n < *cap)
		return v;
	p = realloc(v, want * size);
	if (p)
		*cap = want;
	return p;
}

/* Index of the spot of a key, or SIZE_MAX. */
static size_t spot_find(const struct chart *c, int64_t key)
{
	for (size_t i = 0; i < c->nspots; i++)
		if (c->spots[i].key == key)
			return i;
	return SIZE_MAX;
}

#define SPOT_COLUMNS                                                               \
	"p.key,p.kind,p.type,p.name,p.class,p.first,p.last,p.events,p.open_first," \
	"p.open_last,p.created,p.deleted,(SELECT o.name FROM place o WHERE o.key=p.owner)"

/* A row of SPOT_COLUMNS. What came later than the moment asked about is not known then. */
static struct spot spot_of(struct chart *c, sqlite3_stmt *st)
{
	struct spot s = {.key = sqlite3_column_int64(st, 0),
			 .kind = text(c, st, 1),
			 .type = text(c, st, 2),
			 .name = text(c, st, 3),
			 .cls = (unsigned)sqlite3_column_int(st, 4),
			 .first = moment(st, 5),
			 .last = moment(st, 6),
			 .events = sqlite3_column_int64(st, 7),
			 .open_first = moment(st, 8),
			 .open_last = moment(st, 9),
			 .created = moment(st, 10),
			 .deleted = moment(st, 11),
			 .owner = text(c, st, 12)};

	if (s.last > c->at) { /* how it stood then is told by its ties */
		s.last = TIME_NONE;
		s.events = -1;
	}
	if (s.open_first > c->at)
		s.open_first = s.open_last = TIME_NONE;
	s.open_last = MIN(s.open_last, c->at);
	s.created = s.created > c->at ? TIME_NONE : s.created;
	s.deleted = s.deleted > c->at ? TIME_NONE : s.deleted;
	return s;
}

static int spot_add(struct chart *c, struct spot s)
{
	void *p = grown(c->spots, c->nspots, &c->cap_spots, sizeof(*c->spots));

	if (!p)
		return -ENOMEM;
	c->spots = p;
	c->spots[c->nspots++] = s;
	return 0;
}

/* Every row of a query of SPOT_COLUMNS that is not there yet becomes a spot. */
static int spots_read(struct chart *c, sqlite3_stmt *st, struct spot like, size_t limit)
{
	int r = 0, rc = SQLITE_DONE;

	while (r == 0 && c->nspots < limit && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct spot s = spot_of(c, st);

		s.hop = like.hop;
		s.start = like.start;
		if (spot_find(c, s.key) == SIZE_MAX)
			r = spot_add(c, s);
	}
	return r < 0 || rc == SQLITE_DONE || rc == SQLITE_ROW ? r : -EIO;
}

static int start(struct chart *c, const struct chart_query *q, size_t limit, struct diag *d)
{
	static const char sql[] =
		"SELECT " SPOT_COLUMNS " FROM place p WHERE p.name=?1 AND (?2='' OR p.kind=?2)"
		" AND p.first<=?3 ORDER BY p.key LIMIT 16";
	sqlite3_stmt *st = NULL;
	int r = sqlite3_prepare_v2(c->db, sql, -1, &st, NULL) == SQLITE_OK ? 0 : -EIO;

	for (size_t i = 0; i < q->nnames && r == 0; i++) {
		struct str name = q->names[i], rest, kind = str_cut(name, ':', &rest);

		if (!rest.p || (ent_kind_of(kind) < 0 && !str_eqz(kind, "service") &&
				!str_eqz(kind, "internet"))) {
			rest = name;
			kind = STR("");
		}
		sqlite3_bind_text(st, 1, rest.p, (int)rest.len, SQLITE_STATIC);
		sqlite3_bind_text(st, 2, kind.p, (int)kind.len, SQLITE_STATIC);
		sqlite3_bind_int64(st, 3, c->at);
		r = spots_read(c, st, (struct spot){.start = true}, limit);
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	if (r == 0 && !c->nspots)
		return diag_set(d, E_NOTFOUND,
				"the map knows nothing of this name at that time");
	return r == -EIO ? fail(c, d) : r;
}

/* One tie of a place, as candidate. */
struct near {
	int64_t other;
	struct line line; /* from and to are not set */
	bool outward;
	unsigned degree;
};

/* Hours in use within the window, and what was counted until the end of its day. */
static void measure(const struct chart *c, const void *blob, size_t bytes, struct line *l)
{
	size_t n = bytes / sizeof(struct tie_day);
	int64_t from = (c->at - c->within) / NS_PER_H, to = c->at / NS_PER_H;
	double total = 0, all = 0;
	int64_t latest = TIME_NONE;

	l->hours = 0;
	for (size_t i = 0; i < n; i++) {
		struct tie_day d;

		memcpy(&d, (const char *)blob + i * sizeof(d), sizeof(d));
		all += d.count;
		if (d.day > c->at / NS_PER_D)
			continue;
		total += d.count;
		for (int64_t h = 0; h < 24; h++) {
			int64_t hour = (int64_t)d.day * 24 + h;

			if (!(d.hours >> h & 1) || hour > to)
				continue;
			latest = MAX(latest, hour * NS_PER_H);
			l->hours += hour >= from;
		}
	}
	if (l->last > c->at) /* known to the hour only */
		l->last = MAX(latest, l->first);
	if (total < all) { /* the later days' share of the bytes is not known apart */
		double share = total / all;

		l->count = (int64_t)total;
		l->out = (int64_t)((double)l->out * share);
		l->in = (int64_t)((double)l->in * share);
	}
}

static bool in_force(const struct line *l)
{
	return l->kind >= TIE_BECAME || l->hours > 0;
}

static struct line line_of(struct chart *c, sqlite3_stmt *st)
{
	struct line l = {.kind = (unsigned)sqlite3_column_int(st, 2),
			 .first = moment(st, 3),
			 .last = moment(st, 4),
			 .count = sqlite3_column_int64(st, 5),
			 .out = sqlite3_column_int64(st, 6),
			 .in = sqlite3_column_int64(st, 7),
			 .what = text(c, st, 8)};

	measure(c, sqlite3_column_blob(st, 9), (size_t)sqlite3_column_bytes(st, 9), &l);
	return l;
}

#define LINE_COLUMNS "src,dst,kind,first,last,count,bytes_out,bytes_in,what,days"

/* All ties of a place that are in force, in both directions. */
static int nears(struct chart *c, int64_t key, struct near **ret_v, size_t *ret_n)
{
	static const char sql[] =
		"SELECT " LINE_COLUMNS " FROM tie WHERE src=?1 AND first<=?2 UNION ALL "
		"SELECT " LINE_COLUMNS " FROM tie WHERE dst=?1 AND first<=?2 LIMIT ?3";
	sqlite3_stmt *st = NULL;
	struct near *v = NULL;
	size_t n = 0, cap = 0;
	int r = sqlite3_prepare_v2(c->db, sql, -1, &st, NULL) == SQLITE_OK ? 0 : -EIO;

	sqlite3_bind_int64(st, 1, key);
	sqlite3_bind_int64(st, 2, c->at);
	sqlite3_bind_int(st, 3, NEAR_MAX);
	while (r == 0 && sqlite3_step(st) == SQLITE_ROW) {
		struct near x = {.line = line_of(c, st),
				 .outward = sqlite3_column_int64(st, 0) == key};
		void *p;

		x.other = sqlite3_column_int64(st, x.outward ? 1 : 0);
		if (!in_force(&x.line))
			continue;
		p = grown(v, n, &cap, sizeof(*v));
		if (!p)
			r = -ENOMEM;
		else
			(v = p)[n++] = x;
	}
	sqlite3_finalize(st);
	*ret_v = v;
	*ret_n = n;
	return r;
}

static int latest_first(const void *a, const void *b)
{
	const struct near *x = a, *y = b;

	if (x->line.last != y->line.last)
		return x->line.last < y->line.last ? 1 : -1;
	return (x->other > y->other) - (x->other < y->other);
}

/* What gives somebody rights, then who has fewest ties, then who was there last. */
static int rarest_first(const void *a, const void *b)
{
	const struct near *x = a, *y = b;
	bool rx = x->line.kind >= TIE_BECAME, ry = y->line.kind >= TIE_BECAME;

	if (rx != ry)
		return rx ? -1 : 1;
	if (x->degree != y->degree)
		return x->degree < y->degree ? -1 : 1;
	return latest_first(a, b);
}

/* How many ties the far ends have: what few know tells most. */
static int degrees(struct chart *c, struct near *v, size_t n)
{
	static const char sql[] =
		"SELECT (SELECT count(*) FROM (SELECT 1 FROM tie WHERE src=?1 LIMIT ?2))+"
		"(SELECT count(*) FROM (SELECT 1 FROM tie WHERE dst=?1 LIMIT ?2))";
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(c->db, sql, -1, &st, NULL) != SQLITE_OK)
		return -EIO;
	for (size_t i = 0; i < n; i++) {
		v[i].degree = UINT32_MAX;
		if (i >= JUDGED_MAX)
			continue;
		sqlite3_bind_int64(st, 1, v[i].other);
		sqlite3_bind_int(st, 2, DEGREE_MAX);
		if (sqlite3_step(st) == SQLITE_ROW)
			v[i].degree = (unsigned)sqlite3_column_int(st, 0);
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	return 0;
}

static int line_add(struct chart *c, struct line l)
{
	void *p;

	for (size_t i = 0; i < c->nlines; i++)
		if (c->lines[i].from == l.from && c->lines[i].to == l.to &&
		    c->lines[i].kind == l.kind)
			return 0;
	if (c->nlines == LINES_MAX)
		return 0;
	p = grown(c->lines, c->nlines, &c->cap_lines, sizeof(*c->lines));
	if (!p)
		return -ENOMEM;
	c->lines = p;
	c->lines[c->nlines++] = l;
	return 0;
}

static int spot_load(struct chart *c, int64_t key, unsigned hop, size_t limit)
{
	static const char sql[] = "SELECT " SPOT_COLUMNS " FROM place p WHERE p.key=?1";
	sqlite3_stmt *st = NULL;
	int r;

	if (sqlite3_prepare_v2(c->db, sql, -1, &st, NULL) != SQLITE_OK)
		return -EIO;
	sqlite3_bind_int64(st, 1, key);
	r = spots_read(c, st, (struct spot){.hop = hop}, limit);
	sqlite3_finalize(st);
	return r;
}

/* The ties of spot i: those to spots that are there, and the first `each` others. */
static int expand(struct chart *c, size_t i, size_t each, size_t limit)
{
	struct near *v = NULL;
	size_t n = 0, taken = 0;
	int r = nears(c, c->spots[i].key, &v, &n);

	c->spots[i].asked = true;
	if (r == 0 && n) {
		qsort(v, n, sizeof(*v), latest_first);
		r = degrees(c, v, n);
		qsort(v, n, sizeof(*v), rarest_first);
	}
	for (size_t k = 0; k < n && r == 0; k++) {
		size_t far = spot_find(c, v[k].other);

		if (far == SIZE_MAX && taken < each && c->nspots < limit) {
			r = spot_load(c, v[k].other, c->spots[i].hop + 1, limit);
			far = r < 0 ? SIZE_MAX : spot_find(c, v[k].other);
			taken += far != SIZE_MAX;
		}
		if (r < 0)
			break;
		if (far == SIZE_MAX) {
			c->spots[i].more++;
			continue;
		}
		v[k].line.from = v[k].outward ? i : far;
		v[k].line.to = v[k].outward ? far : i;
		r = line_add(c, v[k].line);
	}
	free(v);
	return r;
}

/* ---- without a start: what there is ---- */

static int kinds_read(struct chart *c)
{
	static const char sql[] = "SELECT kind,type,count(*) FROM place WHERE first<=?1"
				  " GROUP BY kind,type ORDER BY kind,type";
	sqlite3_stmt *st = NULL;

	c->kinds = calloc(KINDS_MAX, sizeof(*c->kinds));
	if (!c->kinds)
		return -ENOMEM;
	if (sqlite3_prepare_v2(c->db, sql, -1, &st, NULL) != SQLITE_OK)
		return -EIO;
	sqlite3_bind_int64(st, 1, c->at);
	while (c->nkinds < KINDS_MAX && sqlite3_step(st) == SQLITE_ROW)
		c->kinds[c->nkinds++] = (struct kind_count){text(c, st, 0), text(c, st, 1),
							    sqlite3_column_int64(st, 2)};
	sqlite3_finalize(st);
	return 0;
}

/* What the internet reaches. */
static int open_read(struct chart *c, size_t limit)
{
	static const char sql[] = "SELECT " SPOT_COLUMNS
				  " FROM place p WHERE p.open_first<=?1 AND p.open_last>=?2"
				  " ORDER BY p.open_last DESC,p.name";
	sqlite3_stmt *st = NULL;
	int r;

	if (sqlite3_prepare_v2(c->db, sql, -1, &st, NULL) != SQLITE_OK)
		return -EIO;
	sqlite3_bind_int64(st, 1, c->at);
	sqlite3_bind_int64(st, 2, c->at - c->within);
	r = spots_read(c, st, (struct spot){0}, limit);
	sqlite3_finalize(st);
	return r;
}

/* Who can become whom, and did. */
static int rights_read(struct chart *c, size_t limit)
{
	static const char sql[] =
		"SELECT " LINE_COLUMNS " FROM tie WHERE kind IN (?1,?2) AND first<=?3"
		" ORDER BY last DESC LIMIT 500";
	sqlite3_stmt *st = NULL;
	int r = 0;

	if (sqlite3_prepare_v2(c->db, sql, -1, &st, NULL) != SQLITE_OK)
		return -EIO;
	sqlite3_bind_int(st, 1, TIE_BECAME);
	sqlite3_bind_int(st, 2, TIE_MAY);
	sqlite3_bind_int64(st, 3, c->at);
	while (r == 0 && sqlite3_step(st) == SQLITE_ROW) {
		struct line l = line_of(c, st);
		int64_t from = sqlite3_column_int64(st, 0), to = sqlite3_column_int64(st, 1);

		r = spot_find(c, from) == SIZE_MAX ? spot_load(c, from, 0, limit) : 0;
		if (r == 0 && spot_find(c, to) == SIZE_MAX)
			r = spot_load(c, to, 0, limit);
		l.from = spot_find(c, from);
		l.to = spot_find(c, to);
		if (r == 0 && l.from != SIZE_MAX && l.to != SIZE_MAX)
			r = line_add(c, l);
	}
	sqlite3_finalize(st);
	return r;
}

static int64_t note(const struct chart *c, const char *key)
{
	sqlite3_stmt *st = NULL;
	int64_t v = 0;

	if (sqlite3_prepare_v2(c->db, "SELECT value FROM note WHERE key=?1", -1, &st, NULL) ==
		    SQLITE_OK &&
	    sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

static int walk(struct chart *c, const struct chart_query *q, size_t limit, struct diag *d)
{
	unsigned hops = MIN(q->hops ? q->hops : 1, HOPS_MAX);
	size_t each = MIN(q->each ? q->each : (size_t)20, (size_t)EACH_MAX);
	int r = start(c, q, limit, d);

	/* Somebody who is gone is shown as of when it was last there. */
	if (r == 0 && q->at == TIME_NONE) {
		c->at = TIME_NONE;
		for (size_t i = 0; i < c->nspots; i++)
			c->at = MAX(c->at, c->spots[i].last);
	}
	for (size_t i = 0; i < c->nspots && r == 0; i++)
		if (c->spots[i].hop < hops)
			r = expand(c, i, each, limit);
	return r;
}

/* A file of an older run has no such table: then there is nothing. */
static int weak_read(struct chart *c, int64_t place, size_t limit)
{
	static const char sql[] = "SELECT place,what,title,first,last,times,event,mended FROM "
				  "weak WHERE first<=?1"
				  " AND (mended IS NULL OR mended>?1) AND (?2=0 OR place=?2)"
				  " ORDER BY last DESC,place,what LIMIT ?3";
	sqlite3_stmt *st = NULL;
	int r = 0;

	if (sqlite3_prepare_v2(c->db, sql, -1, &st, NULL) != SQLITE_OK)
		return 0;
	sqlite3_bind_int64(st, 1, c->at);
	sqlite3_bind_int64(st, 2, place);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)limit);
	while (r == 0 && c->nweak < limit && sqlite3_step(st) == SQLITE_ROW) {
		int64_t key = sqlite3_column_int64(st, 0);
		void *p = grown(c->weak, c->nweak, &c->cap_weak, sizeof(*c->weak));

		if (!p || (spot_find(c, key) == SIZE_MAX &&
			   (r = spot_load(c, key, 0, CHART_PLACES_MAX)) < 0)) {
			r = -ENOMEM;
			break;
		}
		c->weak = p;
		c->weak[c->nweak] = (struct weak){.spot = spot_find(c, key),
						  .what = text(c, st, 1),
						  .title = text(c, st, 2),
						  .first = moment(st, 3),
						  .last = MIN(moment(st, 4), c->at),
						  .times = sqlite3_column_int64(st, 5),
						  .event = text(c, st, 6),
						  .mended = moment(st, 7)};
		c->nweak += c->weak[c->nweak].spot != SIZE_MAX;
	}
	sqlite3_finalize(st);
	return r;
}

/* What a new question begins with. */
static size_t begin(struct chart *c, const struct chart_query *q, struct diag *d)
{
	arena_reset(&c->mem);
	free(c->kinds);
	c->kinds = NULL;
	c->nspots = c->nlines = c->nkinds = c->nweak = 0;
	d->msg[0] = 0;
	c->at = q->at == TIME_NONE ? note(c, "latest") : q->at;
	c->within = q->within > 0 ? q->within : NS_PER_D;
	c->forgotten = note(c, "forgotten");
	c->overview = q->nnames == 0;
	return MIN(q->limit ? q->limit : (size_t)200, (size_t)CHART_PLACES_MAX);
}

int chart_weak(struct chart *c, const struct chart_query *q, enum chart_form form,
	       struct buf *out, struct diag *d)
{
	size_t limit = begin(c, q, d), n;
	int r = c->overview ? weak_read(c, 0, limit) : start(c, q, limit, d);

	n = c->overview ? 0 : c->nspots;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = weak_read(c, c->spots[i].key, limit);
	if (r < 0)
		return r;
	draw_weak(c, form, out);
	return buf_err(out);
}

int chart_draw(struct chart *c, const struct chart_query *q, enum chart_form form,
	       struct buf *out, struct diag *d)
{
	size_t limit = begin(c, q, d);
	int r;

	if (c->overview) {
		r = kinds_read(c);
		if (r == 0)
			r = open_read(c, limit);
		if (r == 0)
			r = rights_read(c, limit);
	} else {
		r = walk(c, q, limit, d);
	}
	if (r == -EIO && !d->msg[0])
		r = fail(c, d);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->nlines; i++) {
		struct spot *a = &c->spots[c->lines[i].from], *b = &c->spots[c->lines[i].to];

		a->last = a->events < 0 ? MAX(a->last, c->lines[i].last) : a->last;
		b->last = b->events < 0 ? MAX(b->last, c->lines[i].last) : b->last;
	}
	draw(c, form, out);
	return buf_err(out);
}
