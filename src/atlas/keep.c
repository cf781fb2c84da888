/* SPDX-License-Identifier: Apache-2.0 */
/* The map's file. What is written adds to what is there; merging is done inside SQLite. */
#include "atlas/impl.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS_DEFAULT 2000000u

static const char schema_sql[] =
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8192;"
	"CREATE TABLE IF NOT EXISTS place(key INTEGER PRIMARY KEY,kind TEXT,type TEXT,"
	"name TEXT COLLATE NOCASE,class INTEGER,first INTEGER,last INTEGER,events INTEGER,"
	"open_first INTEGER,open_last INTEGER,created INTEGER,deleted INTEGER,owner INTEGER);"
	"CREATE INDEX IF NOT EXISTS place_name ON place(name);"
	"CREATE TABLE IF NOT EXISTS tie(src INTEGER,dst INTEGER,kind INTEGER,first INTEGER,"
	"last INTEGER,count INTEGER,bytes_out INTEGER,bytes_in INTEGER,what TEXT,days BLOB,"
	"PRIMARY KEY(src,dst,kind)) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS tie_dst ON tie(dst,src,kind);"
	"CREATE TABLE IF NOT EXISTS weak(place INTEGER,what TEXT,title TEXT,first INTEGER,"
	"last INTEGER,times INTEGER,event TEXT,mended INTEGER,PRIMARY KEY(place,what))"
	" WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS note(key TEXT PRIMARY KEY,value INTEGER);";

static const char put_place_sql[] =
	"INSERT INTO place VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)"
	" ON CONFLICT(key) DO UPDATE SET kind=?2,type=iif(?3='',type,?3),name=?4,class=?5,"
	"first=min(first,?6),last=max(last,?7),events=max(events,?8),"
	"open_first=ifnull(min(open_first,?9),ifnull(open_first,?9)),"
	"open_last=ifnull(max(open_last,?10),ifnull(open_last,?10)),"
	"created=ifnull(?11,created),"
	"deleted=iif(?12 IS NULL AND ?11 IS NOT NULL,NULL,ifnull(?12,deleted)),"
	"owner=ifnull(?13,owner)";

static const char put_tie_sql[] =
	"INSERT INTO tie VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)"
	" ON CONFLICT(src,dst,kind) DO UPDATE SET first=min(first,?4),last=max(last,?5),"
	"count=count+?6,bytes_out=bytes_out+?7,bytes_in=bytes_in+?8,"
	"what=map_what(what,?9),days=map_days(days,?10)";

static int fail(const struct atlas *a, struct diag *d)
{
	return sqlite_fail(a->db, "map", d);
}

/* ---- merging ---- */

size_t days_merge(const struct tie_day *a, size_t na, const struct tie_day *b, size_t nb,
		  struct tie_day *ret, size_t max)
{
	size_t i = 0, j = 0, n = 0;

	while (i < na || j < nb) {
		bool second = i == na || (j < nb && b[j].day < a[i].day);
		struct tie_day d = second ? b[j++] : a[i++];

		if (n && ret[n - 1].day == d.day) {
			struct tie_day *t = &ret[n - 1];

			t->hours |= d.hours;
			t->count = d.count > UINT32_MAX - t->count ? UINT32_MAX
								   : t->count + d.count;
			t->bytes += d.bytes;
			continue;
		}
		if (n == max) { /* the earliest goes */
			memmove(ret, ret + 1, (n - 1) * sizeof(*ret));
			n--;
		}
		ret[n++] = d;
	}
	return n;
}

static bool has_item(struct str list, struct str item)
{
	while (list.p) {
		struct str one = str_cut(list, ',', &list);

		if (str_eq(one, item))
			return true;
	}
	return false;
}

void whats_merge(struct str a, struct str b, size_t max, struct buf *ret)
{
	size_t n = 0;

	for (struct str rest = a; rest.p && n < max;) {
		struct str one = str_cut(rest, ',', &rest);

		if (one.len) {
			buf_addz(ret, n++ ? "," : "");
			buf_add(ret, one);
		}
	}
	while (b.p && n < max) {
		struct str one = str_cut(b, ',', &b);

		if (one.len && !has_item(a, one)) {
			buf_addz(ret, n++ ? "," : "");
			buf_add(ret, one);
		}
	}
}

/* A blob as days; what is none counts as empty. */
static const struct tie_day *days_of(sqlite3_value *v, size_t *ret_n)
{
	const void *p = sqlite3_value_blob(v);
	size_t bytes = (size_t)sqlite3_value_bytes(v);

	*ret_n = p && bytes % sizeof(struct tie_day) == 0
			 ? MIN(bytes / sizeof(struct tie_day), (size_t)DAYS_ROW)
			 : 0;
	return p;
}

static void sql_days(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct tie_day x[DAYS_ROW], y[DAYS_MAX], out[DAYS_ROW];
	const struct tie_day *p;
	size_t nx, ny;

	(void)n;
	/* SQLite does not promise how a blob is aligned. */
	p = days_of(v[0], &nx);
	if (nx)
		memcpy(x, p, nx * sizeof(*x));
	p = days_of(v[1], &ny);
	ny = MIN(ny, (size_t)DAYS_MAX);
	if (ny)
		memcpy(y, p, ny * sizeof(*y));
	nx = days_merge(x, nx, y, ny, out, DAYS_ROW);
	sqlite3_result_blob(c, out, (int)(nx * sizeof(*out)), SQLITE_TRANSIENT);
}

static struct str text_of(sqlite3_value *v)
{
	const unsigned char *p = sqlite3_value_text(v);

	return str_n((const char *)p, p ? (size_t)sqlite3_value_bytes(v) : 0);
}

static void sql_what(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct buf b;

	(void)n;
	buf_init(&b, 4 * KIB);
	whats_merge(text_of(v[0]), text_of(v[1]), WHATS_ROW, &b);
	sqlite3_result_text(c, b.p ? b.p : "", (int)b.len, SQLITE_TRANSIENT);
	buf_free(&b);
}

/* ---- the file ---- */

static int prepare(struct atlas *a)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;

	if (sqlite3_exec(a->db, schema_sql, NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_create_function(a->db, "map_days", 2, flags, NULL, sql_days, NULL, NULL) !=
		    SQLITE_OK ||
	    sqlite3_create_function(a->db, "map_what", 2, flags, NULL, sql_what, NULL, NULL) !=
		    SQLITE_OK ||
	    sqlite3_prepare_v2(a->db, put_place_sql, -1, &a->put_place, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(a->db, put_tie_sql, -1, &a->put_tie, NULL) != SQLITE_OK)
		return -EIO;
	return 0;
}

static uint64_t one_number(struct atlas *a, const char *sql)
{
	sqlite3_stmt *st = NULL;
	uint64_t n = 0;

	if (sqlite3_prepare_v2(a->db, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		n = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

int atlas_keep_open(struct atlas *a, const struct atlas_conf *conf, struct diag *d)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
			  SQLITE_OPEN_NOMUTEX; /* one thread */
	char path[4200];

	if (mkdir(conf->dir, 0700) < 0 && errno != EEXIST)
		return diag_set(d, -errno, "%s: %s", conf->dir, strerror(errno));
	for (size_t i = 0; conf->fresh && i < ARRAY_LEN(ends); i++) {
		snprintf(path, sizeof(path), "%s/map.db%s", conf->dir, ends[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/map.db", conf->dir);
	if (sqlite3_open_v2(path, &a->db, flags, NULL) != SQLITE_OK)
		return fail(a, d);
	sqlite3_busy_timeout(a->db, 5000);
	if (prepare(a) < 0)
		return fail(a, d);
	a->rows_max = conf->rows_max ? conf->rows_max : ROWS_DEFAULT;
	a->rows = one_number(a, "SELECT count(*) FROM tie");
	a->forgotten = one_number(a, "SELECT value FROM note WHERE key='forgotten'");
	a->latest = (int64_t)one_number(a, "SELECT value FROM note WHERE key='latest'");
	a->latest = a->latest ? a->latest : TIME_NONE;
	return 0;
}

void atlas_keep_close(struct atlas *a)
{
	sqlite3_finalize(a->put_place);
	sqlite3_finalize(a->put_tie);
	sqlite3_close(a->db);
}

static void bind_time(sqlite3_stmt *st, int i, int64_t t)
{
	if (t == TIME_NONE)
		sqlite3_bind_null(st, i);
	else
		sqlite3_bind_int64(st, i, t);
}

static void bind_text(sqlite3_stmt *st, int i, struct str v)
{
	sqlite3_bind_text(st, i, v.p ? v.p : "", (int)v.len, SQLITE_STATIC);
}

static int step(struct atlas *a, sqlite3_stmt *st, struct diag *d)
{
	int r = sqlite3_step(st);

	sqlite3_reset(st);
	return r == SQLITE_DONE ? 0 : fail(a, d);
}

/* The account that sits at a device owns it, as far as the map can tell. */
static uint64_t owner_of(const struct atlas *a, const struct place *p)
{
	uint32_t u = p->ent == ENT_NONE || p->kind != ENT_DEVICE
			     ? ENT_NONE
			     : entities_user_of(a->en, p->ent);
	const struct entity *x = u == ENT_NONE ? NULL : entity_get(a->en, u);

	return x ? x->hash : p->owner;
}

/* What the entity says by now; whether anything is new. */
static bool refresh(struct atlas *a, struct place *p, const struct entity *x)
{
	char *name;

	if (!x)
		return p->changed;
	if (!str_eq(x->name, str_of(p->name)) &&
	    (name = str_dup(str_sub(x->name, 0, NAME_MAX_LEN))) != NULL) {
		free(p->name);
		p->name = name;
		p->changed = true;
	}
	p->changed |= x->last_seen > p->last;
	p->first = MIN(p->first, x->first_seen);
	p->last = MAX(p->last, x->last_seen);
	p->events = x->events;
	(void)a;
	return p->changed;
}

static int put_place(struct atlas *a, struct place *p, struct diag *d)
{
	const struct entity *x = p->ent == ENT_NONE ? NULL : entity_get(a->en, p->ent);
	sqlite3_stmt *st = a->put_place;
	uint64_t owner;

	if (!refresh(a, p, x))
		return 0;
	owner = owner_of(a, p);
	sqlite3_bind_int64(st, 1, (sqlite3_int64)p->key);
	bind_text(st, 2, str_of(place_kind_name(p->kind)));
	bind_text(st, 3, symtab_text(&a->syms, p->type));
	bind_text(st, 4, str_of(p->name));
	sqlite3_bind_int(st, 5, x ? x->cls : 0);
	sqlite3_bind_int64(st, 6, p->first);
	sqlite3_bind_int64(st, 7, p->last);
	sqlite3_bind_int64(st, 8, (sqlite3_int64)p->events);
	bind_time(st, 9, p->open_first);
	bind_time(st, 10, p->open_last);
	bind_time(st, 11, p->created);
	bind_time(st, 12, p->deleted);
	if (owner)
		sqlite3_bind_int64(st, 13, (sqlite3_int64)owner);
	else
		sqlite3_bind_null(st, 13);
	p->changed = false;
	return step(a, st, d);
}

static void whats_text(const struct atlas *a, const struct tie *l, struct buf *b)
{
	buf_clear(b);
	for (size_t i = 0; i < l->nwhat; i++) {
		unsigned port = l->what[i] & 0xffff;
		struct str name = symtab_text(&a->syms, l->what[i] >> 16);

		if (i)
			buf_addc(b, ',');
		if (port)
			buf_fmt(b, name.len ? "%u " : "%u", port);
		for (size_t k = 0; k < name.len; k++) /* the list's own mark */
			buf_addc(b, name.p[k] == ',' ? ';' : name.p[k]);
	}
}

static int by_day(const void *x, const void *y)
{
	return ((const struct tie_day *)x)->day - ((const struct tie_day *)y)->day;
}

static int put_tie(struct atlas *a, struct tie *l, struct buf *b, struct diag *d)
{
	sqlite3_stmt *st = a->put_tie;
	int r;

	whats_text(a, l, b);
	qsort(l->days, l->ndays, sizeof(l->days[0]), by_day); /* records may come late */
	sqlite3_bind_int64(st, 1, (sqlite3_int64)a->places[l->from].key);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)a->places[l->to].key);
	sqlite3_bind_int(st, 3, l->kind);
	sqlite3_bind_int64(st, 4, l->first);
	sqlite3_bind_int64(st, 5, l->last);
	sqlite3_bind_int64(st, 6, (sqlite3_int64)l->count);
	sqlite3_bind_int64(st, 7, (sqlite3_int64)l->out);
	sqlite3_bind_int64(st, 8, (sqlite3_int64)l->in);
	bind_text(st, 9, buf_str(b));
	sqlite3_bind_blob(st, 10, l->days, (int)(l->ndays * sizeof(l->days[0])), SQLITE_STATIC);
	r = step(a, st, d);
	if (r < 0)
		return r;
	l->count = l->out = l->in = 0;
	l->ndays = 0;
	l->changed = false;
	a->rows++; /* at most: it may have been there */
	return 0;
}

static int put_note(struct atlas *a, const char *key, int64_t value, struct diag *d)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "INSERT OR REPLACE INTO note VALUES('%s',%lld)", key,
		 (long long)value);
	return sqlite3_exec(a->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(a, d);
}

static const char put_weak_sql[] =
	"INSERT INTO weak VALUES(?1,?2,?3,?4,?4,1,?5,NULL) ON CONFLICT(place,what) DO UPDATE"
	" SET title=?3,last=max(last,?4),times=times+1,event=?5,mended=NULL";
static const char mend_weak_sql[] =
	"UPDATE weak SET mended=?4 WHERE place=?1 AND what=?2 AND mended IS NULL AND last<=?4";

int atlas_weak(struct atlas *a, const struct atlas_weakness *w, struct diag *d)
{
	uint32_t at = place_of_entity(a, w->ent, w->time);
	sqlite3_stmt *st = NULL;
	int r;

	if (at == UINT32_MAX)
		return 0;
	if (sqlite3_prepare_v2(a->db, w->mended ? mend_weak_sql : put_weak_sql, -1, &st,
			       NULL) != SQLITE_OK)
		return fail(a, d);
	sqlite3_bind_int64(st, 1, (sqlite3_int64)a->places[at].key);
	bind_text(st, 2, w->what);
	sqlite3_bind_int64(st, 4, w->time);
	if (!w->mended) {
		bind_text(st, 3, w->title);
		bind_text(st, 5, w->event_id);
	}
	r = step(a, st, d);
	sqlite3_finalize(st);
	return r;
}

/* A file that grew beyond its ceiling loses a tenth of it: the longest unused. */
static int trim(struct atlas *a, struct diag *d)
{
	char sql[256];

	if (a->rows <= a->rows_max)
		return 0;
	a->rows = one_number(a, "SELECT count(*) FROM tie");
	if (a->rows <= a->rows_max)
		return 0;
	snprintf(sql, sizeof(sql),
		 "DELETE FROM tie WHERE last<=(SELECT last FROM tie ORDER BY last LIMIT 1 "
		 "OFFSET %llu)",
		 (unsigned long long)(a->rows - a->rows_max + a->rows_max / 10));
	if (sqlite3_exec(a->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail(a, d);
	a->forgotten += (uint64_t)sqlite3_changes(a->db);
	a->rows -= MIN(a->rows, (uint64_t)sqlite3_changes(a->db));
	return put_note(a, "forgotten", (int64_t)a->forgotten, d);
}

/* Where a row goes in its table; of places and ties that changed, in that order. */
struct row {
	uint64_t key, key2;
	uint32_t at;
};

static int by_key(const void *x, const void *y)
{
	const struct row *a = x, *b = y;
	int64_t k = (int64_t)a->key, m = (int64_t)b->key; /* SQLite's are signed */

	if (k == m) {
		k = (int64_t)a->key2;
		m = (int64_t)b->key2;
	}
	return (k > m) - (k < m);
}

static int write_places(struct atlas *a, struct row *rows, struct diag *d)
{
	int r = 0;

	for (size_t i = 0; i < a->nplaces; i++)
		rows[i] = (struct row){.key = a->places[i].key, .at = (uint32_t)i};
	qsort(rows, a->nplaces, sizeof(*rows), by_key);
	for (size_t i = 0; i < a->nplaces && r == 0; i++)
		r = put_place(a, &a->places[rows[i].at], d);
	return r;
}

static int write_ties(struct atlas *a, struct row *rows, struct diag *d)
{
	struct buf b;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < a->nties; i++)
		if (a->ties[i].changed)
			rows[n++] = (struct row){a->places[a->ties[i].from].key,
						 a->places[a->ties[i].to].key, (uint32_t)i};
	qsort(rows, n, sizeof(*rows), by_key);
	buf_init(&b, 4 * KIB);
	for (size_t i = 0; i < n && r == 0; i++)
		r = put_tie(a, &a->ties[rows[i].at], &b, d);
	buf_free(&b);
	return r;
}

/* In order of the tables' keys: pages are then touched one after the other. */
static int write_all(struct atlas *a, struct diag *d)
{
	struct row *rows = malloc(MAX(MAX(a->nplaces, a->nties), (size_t)1) * sizeof(*rows));
	int r = a->latest == TIME_NONE ? 0 : put_note(a, "latest", a->latest, d);

	if (!rows)
		return -ENOMEM;
	if (r == 0)
		r = write_places(a, rows, d);
	if (r == 0)
		r = write_ties(a, rows, d);
	free(rows);
	return r < 0 ? r : trim(a, d);
}

int atlas_write(struct atlas *a, struct diag *d)
{
	int r;

	if (sqlite3_exec(a->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return fail(a, d);
	r = write_all(a, d);
	if (sqlite3_exec(a->db, r < 0 ? "ROLLBACK" : "COMMIT", NULL, NULL, NULL) != SQLITE_OK &&
	    r == 0)
		r = fail(a, d);
	return r;
}
