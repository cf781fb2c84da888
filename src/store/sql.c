/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql.h"
#include "base/timeutil.h"
#include "store/sql_impl.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PUTS_A_COMMIT 512

static const char *const statements[ST_COUNT] = {
	[ST_FINDING] =
		("INSERT INTO "
		 "finding(kind,id,title,model,queue,status,time,severity,score,json)"
		 " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10) ON CONFLICT(kind,id) DO UPDATE SET"
		 " title=?3,model=?4,queue=?5,status=?6,time=?7,severity=?8,score=?9,json=?10"
		 " WHERE json<>?10 OR status<>?6"),
	[ST_UNLINK_ENT] = "DELETE FROM finding_entity WHERE kind=?1 AND id=?2",
	[ST_UNLINK_EV] = "DELETE FROM finding_event WHERE kind=?1 AND id=?2",
	[ST_LINK_ENT] = "INSERT OR IGNORE INTO finding_entity(kind,id,entity) VALUES(?1,?2,?3)",
	[ST_LINK_EV] = "INSERT OR IGNORE INTO finding_event(kind,id,event) VALUES(?1,?2,?3)",
	[ST_ENTITY] =
		("INSERT OR REPLACE INTO entity(kind,name,class,first_seen,last_seen,events)"
		 " VALUES(?1,?2,?3,?4,?5,?6)"),
	[ST_ENAME] = "INSERT OR IGNORE INTO entity_name(kind,name,other) VALUES(?1,?2,?3)",
	[ST_EFACT] =
		"INSERT OR REPLACE INTO entity_fact(kind,name,key,value) VALUES(?1,?2,?3,?4)",
	[ST_RATE] = "UPDATE finding SET severity=?3,score=?4,json=?5 WHERE kind=?1 AND id=?2",
	[ST_META] = "INSERT OR REPLACE INTO meta(key,value) VALUES(?1,?2)",
	[ST_FEED] = "INSERT INTO feed(kind,id) VALUES(?1,?2)",
};

static const char schema_sql[] =
	/* The keys of findings are hashes, so writes go all over the file: a small cache reads,
	 * and a short log writes, every page over and over. */
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32768;"
	"PRAGMA wal_autocheckpoint=8192;"
	"CREATE TABLE IF NOT EXISTS finding(kind TEXT,id TEXT,title TEXT,model TEXT,queue TEXT,"
	" status TEXT,time INTEGER,severity INTEGER,score INTEGER,json TEXT,PRIMARY "
	"KEY(kind,id));"
	/* One for each order that a list has (sql_findings.c); with what else is asked of a
	 * row, so that the rows themselves, long ones, are read for the answer alone. */
	"DROP INDEX IF EXISTS finding_rank; DROP INDEX IF EXISTS finding_time;"
	"DROP INDEX IF EXISTS finding_model;"
	"CREATE INDEX IF NOT EXISTS finding_by_rank ON finding(kind," SQL_RANK
	",time,id,queue,status,title);"
	"CREATE INDEX IF NOT EXISTS finding_by_queue ON finding(kind,queue," SQL_RANK
	",time,id,status);"
	"CREATE INDEX IF NOT EXISTS finding_by_model ON finding(model,kind," SQL_RANK
	",time,id,queue,status);"
	"CREATE INDEX IF NOT EXISTS finding_by_time ON "
	"finding(kind,time,id,queue,status," SQL_RANK ",title);"
	"CREATE INDEX IF NOT EXISTS finding_not_open ON finding(kind,status," SQL_RANK
	",time,id,queue) WHERE status<>'open';"
	"CREATE TABLE IF NOT EXISTS feed(number INTEGER PRIMARY KEY,kind TEXT,id TEXT);"
	"CREATE TABLE IF NOT EXISTS finding_entity(kind TEXT,id TEXT,entity TEXT COLLATE "
	"NOCASE,"
	" PRIMARY KEY(entity,kind,id)) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS finding_entity_of ON finding_entity(kind,id);"
	"CREATE TABLE IF NOT EXISTS finding_event(kind TEXT,id TEXT,event TEXT,"
	" PRIMARY KEY(event,kind,id)) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS finding_event_of ON finding_event(kind,id);"
	"CREATE TABLE IF NOT EXISTS entity(kind TEXT,name TEXT,class TEXT,first_seen INTEGER,"
	" last_seen INTEGER,events INTEGER,PRIMARY KEY(kind,name)) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS entity_by_events ON entity(" SQL_BUSY ",kind,name);"
	"CREATE TABLE IF NOT EXISTS entity_name(kind TEXT,name TEXT,other TEXT COLLATE NOCASE,"
	" PRIMARY KEY(other,kind,name)) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS entity_name_of ON entity_name(kind,name);"
	"CREATE TABLE IF NOT EXISTS entity_fact(kind TEXT,name TEXT,key TEXT,value TEXT,"
	" PRIMARY KEY(kind,name,key)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY,value TEXT);";

/*
 * Words of titles, by three letters each. Kept by triggers, so that whoever writes findings
 * need not know; a store without it is searched title by title.
 */
static const char words_sql[] =
	"BEGIN;"
	"CREATE VIRTUAL TABLE finding_title USING fts5(title,content='finding',"
	" content_rowid='rowid',tokenize='trigram');"
	"CREATE TRIGGER finding_title_i AFTER INSERT ON finding BEGIN"
	" INSERT INTO finding_title(rowid,title) VALUES(new.rowid,new.title); END;"
	"CREATE TRIGGER finding_title_d AFTER DELETE ON finding BEGIN"
	" INSERT INTO finding_title(finding_title,rowid,title)"
	" VALUES('delete',old.rowid,old.title); END;"
	"CREATE TRIGGER finding_title_u AFTER UPDATE OF title ON finding"
	" WHEN old.title IS NOT new.title BEGIN"
	" INSERT INTO finding_title(finding_title,rowid,title)"
	" VALUES('delete',old.rowid,old.title);"
	" INSERT INTO finding_title(rowid,title) VALUES(new.rowid,new.title); END;"
	"INSERT INTO finding_title(finding_title) VALUES('rebuild');"
	"COMMIT;";

int sql_fail(struct sql *s, struct diag *d)
{
	return sqlite_fail(s->db, "store", d);
}

struct sql *sql_close(struct sql *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < ST_COUNT; i++)
		sqlite3_finalize(s->st[i]);
	sqlite3_finalize(s->person);
	if (s->open_txn)
		sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
	sqlite3_close(s->db);
	buf_free(&s->words);
	free(s);
	return NULL;
}

static void forget(const char *path)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char z[4200];

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		snprintf(z, sizeof(z), "%s%s", path, ends[i]);
		unlink(z);
	}
}

/* How often each model fired, by triggers too: counting a million takes a while. */
static const char fired_sql[] =
	"BEGIN;"
	"CREATE TABLE fired(model TEXT,kind TEXT,n INTEGER,PRIMARY KEY(model,kind))"
	" WITHOUT ROWID;"
	"CREATE TRIGGER fired_i AFTER INSERT ON finding WHEN new.model<>'' BEGIN"
	" INSERT INTO fired VALUES(new.model,new.kind,1)"
	" ON CONFLICT DO UPDATE SET n=n+1; END;"
	"CREATE TRIGGER fired_d AFTER DELETE ON finding WHEN old.model<>'' BEGIN"
	" UPDATE fired SET n=n-1 WHERE model=old.model AND kind=old.kind; END;"
	"INSERT INTO fired SELECT model,kind,count(*) FROM finding WHERE model<>''"
	" GROUP BY model,kind;"
	"COMMIT;";

/* Makes what is not there yet. Without it (no FTS5, no room) all is read one by one. */
static void open_extra(struct sql *s, const char *ask, const char *make)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(s->db, ask, -1, &st, NULL) == SQLITE_OK) {
		sqlite3_finalize(st);
		return;
	}
	if (sqlite3_exec(s->db, make, NULL, NULL, NULL) != SQLITE_OK)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

int sql_open(const char *dir, bool read_only, bool fresh, struct sql **ret_s, struct diag *d)
{
	struct sql *s = calloc(1, sizeof(*s));
	char path[4096];
	int flags =
		read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

	if (!s)
		return -ENOMEM;
	buf_init(&s->words, MIB);
	snprintf(path, sizeof(path), "%s/thymus.db", dir);
	if (fresh && !read_only)
		forget(path);
	if (sqlite3_open_v2(path, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		diag_set(d, -EIO, "%s: %s", path,
			 s->db ? sqlite3_errmsg(s->db) : "out of memory");
		sql_close(s);
		return -EIO;
	}
	sqlite3_busy_timeout(s->db, 2000);
	if (!read_only && sqlite3_exec(s->db, schema_sql, NULL, NULL, NULL) != SQLITE_OK)
		goto bad;
	if (!read_only) {
		open_extra(s, "SELECT 1 FROM finding_title LIMIT 0", words_sql);
		open_extra(s, "SELECT 1 FROM fired LIMIT 0", fired_sql);
	}
	for (size_t i = 0; !read_only && i < ST_COUNT; i++)
		if (sqlite3_prepare_v2(s->db, statements[i], -1, &s->st[i], NULL) != SQLITE_OK)
			goto bad;
	*ret_s = s;
	return 0;
bad:
	sql_fail(s, d);
	sql_close(s);
	return -EIO;
}

static int begin(struct sql *s, struct diag *d)
{
	if (s->open_txn)
		return 0;
	if (sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return sql_fail(s, d);
	s->open_txn = true;
	return 0;
}

int sql_commit(struct sql *s, struct diag *d)
{
	if (!s->open_txn)
		return 0;
	s->open_txn = false;
	s->puts = 0;
	return sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK ? 0
									    : sql_fail(s, d);
}

void sql_bind(sqlite3_stmt *st, int i, struct str v)
{
	sqlite3_bind_text(st, i, v.p ? v.p : "", (int)v.len, SQLITE_STATIC);
}

static int step(struct sql *s, sqlite3_stmt *st, struct diag *d)
{
	int r = sqlite3_step(st);

	sqlite3_reset(st);
	return r == SQLITE_DONE || r == SQLITE_ROW ? 0 : sql_fail(s, d);
}

/* Links of a finding: forgets the old ones, writes the new. */
static int links(struct sql *s, int unlink, int link, const struct store_finding *f,
		 const struct str *v, size_t n, struct diag *d)
{
	int r;

	sql_bind(s->st[unlink], 1, f->kind);
	sql_bind(s->st[unlink], 2, f->id);
	r = step(s, s->st[unlink], d);
	for (size_t i = 0; r == 0 && i < n; i++) {
		sql_bind(s->st[link], 1, f->kind);
		sql_bind(s->st[link], 2, f->id);
		sql_bind(s->st[link], 3, v[i]);
		r = step(s, s->st[link], d);
	}
	return r;
}

int sql_finding_put(struct sql *s, const struct store_finding *f, struct diag *d)
{
	sqlite3_stmt *st = s->st[ST_FINDING];
	int r = begin(s, d);
	bool changed;

	if (r < 0)
		return r;
	sql_bind(st, 1, f->kind);
	sql_bind(st, 2, f->id);
	sql_bind(st, 3, f->title);
	sql_bind(st, 4, f->model);
	sql_bind(st, 5, f->queue);
	sql_bind(st, 6, f->status);
	sqlite3_bind_int64(st, 7, f->time);
	sqlite3_bind_int(st, 8, f->severity);
	sqlite3_bind_int(st, 9, (int)f->score);
	sql_bind(st, 10, f->json);
	if ((r = step(s, st, d)) < 0)
		return r;
	changed = sqlite3_changes(s->db) > 0;
	if ((r = links(s, ST_UNLINK_ENT, ST_LINK_ENT, f, f->entities, f->nentities, d)) < 0 ||
	    (r = links(s, ST_UNLINK_EV, ST_LINK_EV, f, f->event_ids, f->nevents, d)) < 0)
		return r;
	/* What a run that reads on after a crash finds again is nothing new. */
	if (changed && !str_eqz(f->kind, "note")) {
		sql_bind(s->st[ST_FEED], 1, f->kind);
		sql_bind(s->st[ST_FEED], 2, f->id);
		if ((r = step(s, s->st[ST_FEED], d)) < 0)
			return r;
	}
	return ++s->puts >= PUTS_A_COMMIT ? sql_commit(s, d) : 0;
}

int sql_finding_rate(struct sql *s, struct str kind, struct str id, int severity,
		     unsigned score, struct str json, struct diag *d)
{
	sqlite3_stmt *st = s->st[ST_RATE];
	int r = st ? begin(s, d) : -EROFS;

	if (r < 0)
		return r;
	sql_bind(st, 1, kind);
	sql_bind(st, 2, id);
	sqlite3_bind_int(st, 3, severity);
	sqlite3_bind_int(st, 4, (int)score);
	sql_bind(st, 5, json);
	r = step(s, st, d);
	if (r == 0 && sqlite3_changes(s->db) == 0)
		r = E_NOTFOUND;
	if (r == 0 && ++s->puts >= PUTS_A_COMMIT)
		r = sql_commit(s, d);
	return r;
}

struct each {
	struct sql *s;
	const struct entities *en;
	struct diag *d;
	int err;
};

static const char *const class_names[ENT_CLASS_COUNT] = {
	"unknown", "human", "service", "client", "server", "ot", "iot", "external"};

static void put_facts(struct each *x, const struct entity *e, struct str kind)
{
	sqlite3_stmt *st = x->s->st[ST_EFACT];
	struct entity_fact facts[ENTITY_FACTS_MAX];
	size_t n = entity_facts(x->en, e->id, facts, ENTITY_FACTS_MAX);

	for (size_t i = 0; x->err == 0 && i < n; i++) {
		sql_bind(st, 1, kind);
		sql_bind(st, 2, e->name);
		sql_bind(st, 3, facts[i].key);
		sql_bind(st, 4, facts[i].value);
		x->err = step(x->s, st, x->d);
	}
}

static void put_entity(const struct entity *e, void *arg)
{
	struct each *x = arg;
	sqlite3_stmt *st = x->s->st[ST_ENTITY], *nt = x->s->st[ST_ENAME];
	struct str names[NAMES_MAX], kind = str_of(ent_kind_name(e->kind));
	size_t n;

	if (x->err)
		return;
	sql_bind(st, 1, kind);
	sql_bind(st, 2, e->name);
	sql_bind(st, 3, str_of(class_names[e->cls]));
	sqlite3_bind_int64(st, 4, e->first_seen);
	sqlite3_bind_int64(st, 5, e->last_seen);
	sqlite3_bind_int64(st, 6, (sqlite3_int64)e->events);
	x->err = step(x->s, st, x->d);
	n = entity_names(x->en, e->id, names, NAMES_MAX);
	for (size_t i = 0; x->err == 0 && i < n; i++) {
		sql_bind(nt, 1, kind);
		sql_bind(nt, 2, e->name);
		sql_bind(nt, 3, names[i]);
		x->err = step(x->s, nt, x->d);
	}
	put_facts(x, e, kind);
}

struct entity_list {
	const struct entity **e; /* borrowed */
	size_t n, max;
};

static void collect_entity(const struct entity *e, void *arg)
{
	struct entity_list *l = arg;

	if (l->n < l->max)
		l->e[l->n++] = e;
}

static int by_kind_name(const void *a, const void *b)
{
	const struct entity *x = *(const struct entity *const *)a;
	const struct entity *y = *(const struct entity *const *)b;
	int r = strcmp(ent_kind_name(x->kind), ent_kind_name(y->kind));

	return r ? r : str_cmp(x->name, y->name);
}

/* In order of the tables' own keys, so that pages are filled one after the other. */
int sql_entities_put(struct sql *s, const struct entities *en, struct diag *d)
{
	struct each x = {.s = s, .en = en, .d = d};
	struct entity_list l = {.max = entities_count(en)};

	l.e = calloc(MAX(l.max, (size_t)1), sizeof(const struct entity *));
	if (!l.e)
		return -ENOMEM;
	entities_each(en, collect_entity, &l);
	qsort(l.e, l.n, sizeof(const struct entity *), by_kind_name);
	x.err = begin(s, d);
	for (size_t i = 0; i < l.n; i++)
		put_entity(l.e[i], &x);
	free(l.e);
	return x.err ? x.err : sql_commit(s, d);
}

int sql_meta_put(struct sql *s, const char *key, struct str value, struct diag *d)
{
	sql_bind(s->st[ST_META], 1, str_of(key));
	sql_bind(s->st[ST_META], 2, value);
	return step(s, s->st[ST_META], d);
}

struct str sql_column(sqlite3_stmt *st, int i)
{
	const unsigned char *p = sqlite3_column_text(st, i);

	return str_n((const char *)p, p ? (size_t)sqlite3_column_bytes(st, i) : 0);
}

struct str sql_meta_get(struct sql *s, const char *key, struct arena *mem)
{
	sqlite3_stmt *st;
	struct str v = {NULL, 0};

	if (sqlite3_prepare_v2(s->db, "SELECT value FROM meta WHERE key=?1", -1, &st, NULL) !=
	    SQLITE_OK)
		return v;
	sql_bind(st, 1, str_of(key));
	if (sqlite3_step(st) == SQLITE_ROW)
		v = arena_str(mem, sql_column(st, 0));
	sqlite3_finalize(st);
	return v;
}
