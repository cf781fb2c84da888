/* SPDX-License-Identifier: Apache-2.0 */
#include "store/verdict.h"
#include "store/sql_impl.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct verdicts {
	sqlite3 *db;
};

static const char schema_sql[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
				 "CREATE TABLE IF NOT EXISTS verdict(incident TEXT PRIMARY "
				 "KEY,what TEXT,note TEXT,who TEXT,"
				 " hypothesis TEXT,time INTEGER);";

bool verdict_known(struct str what)
{
	static const char *const names[] = {"true", "benign", "false", "test", "duplicate"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eqz(what, names[i]))
			return true;
	return false;
}

static int failed(struct verdicts *v, struct diag *d)
{
	return sqlite_fail(v->db, "verdicts", d);
}

struct verdicts *verdicts_close(struct verdicts *v)
{
	if (v) {
		sqlite3_close(v->db);
		free(v);
	}
	return NULL;
}

int verdicts_open(const char *dir, bool read_only, struct verdicts **ret_v, struct diag *d)
{
	struct verdicts *v;
	char path[4096];
	int r = 0;

	snprintf(path, sizeof(path), "%s/verdicts.db", dir);
	if (read_only && access(path, F_OK) < 0)
		return diag_set(d, -ENOENT, "%s: no verdicts yet", path);
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	if (sqlite3_open_v2(path, &v->db,
			    read_only ? SQLITE_OPEN_READONLY
				      : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
			    NULL) != SQLITE_OK)
		r = failed(v, d);
	sqlite3_busy_timeout(v->db, 2000);
	if (r == 0 && !read_only &&
	    sqlite3_exec(v->db, schema_sql, NULL, NULL, NULL) != SQLITE_OK)
		r = failed(v, d);
	if (r < 0) {
		verdicts_close(v);
		return r;
	}
	*ret_v = v;
	return 0;
}

int verdict_put(struct verdicts *v, const struct verdict *w, struct diag *d)
{
	sqlite3_stmt *st;
	int r;

	if (!w->incident.len || !verdict_known(w->what))
		return -EINVAL;
	if (sqlite3_prepare_v2(v->db,
			       "INSERT OR REPLACE INTO verdict VALUES(?1,?2,?3,?4,?5,?6)", -1,
			       &st, NULL) != SQLITE_OK)
		return failed(v, d);
	sql_bind(st, 1, w->incident);
	sql_bind(st, 2, w->what);
	sql_bind(st, 3, w->note);
	sql_bind(st, 4, w->by);
	sql_bind(st, 5, w->hypothesis);
	sqlite3_bind_int64(st, 6, w->time);
	r = sqlite3_step(st) == SQLITE_DONE ? 0 : failed(v, d);
	sqlite3_finalize(st);
	return r;
}

int verdict_get(struct verdicts *v, struct str incident, struct arena *mem,
		struct verdict *ret_w, struct diag *d)
{
	sqlite3_stmt *st;
	int r;

	if (sqlite3_prepare_v2(
		    v->db,
		    "SELECT incident,what,note,who,hypothesis,time FROM verdict WHERE "
		    "incident=?1",
		    -1, &st, NULL) != SQLITE_OK)
		return failed(v, d);
	sql_bind(st, 1, incident);
	r = sqlite3_step(st);
	if (r == SQLITE_ROW)
		*ret_w = (struct verdict){.incident = arena_str(mem, sql_column(st, 0)),
					  .what = arena_str(mem, sql_column(st, 1)),
					  .note = arena_str(mem, sql_column(st, 2)),
					  .by = arena_str(mem, sql_column(st, 3)),
					  .hypothesis = arena_str(mem, sql_column(st, 4)),
					  .time = sqlite3_column_int64(st, 5)};
	r = r == SQLITE_ROW ? 0 : r == SQLITE_DONE ? E_NOTFOUND : failed(v, d);
	sqlite3_finalize(st);
	return r;
}

int verdict_count(struct verdicts *v, struct str hypothesis, struct str what, uint64_t *ret_n,
		  struct diag *d)
{
	sqlite3_stmt *st;
	int r;

	if (sqlite3_prepare_v2(v->db,
			       "SELECT count(*) FROM verdict WHERE hypothesis=?1 AND what=?2",
			       -1, &st, NULL) != SQLITE_OK)
		return failed(v, d);
	sql_bind(st, 1, hypothesis);
	sql_bind(st, 2, what);
	r = sqlite3_step(st) == SQLITE_ROW ? 0 : failed(v, d);
	if (r == 0)
		*ret_n = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return r;
}
