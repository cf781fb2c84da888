/* SPDX-License-Identifier: Apache-2.0 */
/* Asking SQLite for all but findings. What was asked is always a parameter. */
#include "base/buf.h"
#include "base/timeutil.h"
#include "store/sql_impl.h"
#include <errno.h>

/* The text from constant parts, one for each thing that is asked, so that an index serves it.
 */
static void entities_text(struct buf *b, const struct store_query *q)
{
	buf_addz(b, "SELECT kind,name,class,first_seen,last_seen,events FROM entity WHERE 1");
	if (q->kind.len)
		buf_addz(b, " AND +kind=?1");
	if (q->entity.len) {
		buf_addz(b,
			 " AND (kind,name) IN (SELECT kind,name FROM entity_name WHERE "
			 "other=?2 UNION SELECT kind,name FROM entity WHERE name=lower(?2) AND "
			 "kind IN (");
		for (int k = 0; k < ENT_KIND_COUNT; k++)
			buf_fmt(b, "%s'%s'", k ? "," : "", ent_kind_name((enum ent_kind)k));
		buf_addz(b, "))");
	}
	if (q->text.len)
		buf_addz(b, " AND instr(name,lower(?3))");
	if (q->after_entity)
		buf_addz(b, " AND (" SQL_BUSY ",kind,name)>(-?5,?6,?7)");
	buf_addz(b, " ORDER BY " SQL_BUSY ",kind,name LIMIT ?4");
}

/* The other names of an entity, joined into names (at most NAMES_MAX). */
static size_t other_names(sqlite3_stmt *nt, const struct store_entity *e, struct arena *mem,
			  struct str names[NAMES_MAX])
{
	size_t n = 0;

	sqlite3_reset(nt);
	sql_bind(nt, 1, e->kind);
	sql_bind(nt, 2, e->name);
	while (n < NAMES_MAX && sqlite3_step(nt) == SQLITE_ROW)
		names[n++] = arena_str(mem, sql_column(nt, 0));
	return n;
}

static size_t facts_of(sqlite3_stmt *ft, const struct store_entity *e, struct arena *mem,
		       struct entity_fact facts[ENTITY_FACTS_MAX])
{
	size_t n = 0;

	if (!ft) /* a store from before they were kept */
		return 0;
	sqlite3_reset(ft);
	sql_bind(ft, 1, e->kind);
	sql_bind(ft, 2, e->name);
	while (n < ENTITY_FACTS_MAX && sqlite3_step(ft) == SQLITE_ROW) {
		facts[n].key = arena_str(mem, sql_column(ft, 0));
		facts[n++].value = arena_str(mem, sql_column(ft, 1));
	}
	return n;
}

static void entities_bind(sqlite3_stmt *st, const struct store_query *q)
{
	const struct store_entity *after = q->after_entity;

	sql_bind(st, 1, q->kind);
	sql_bind(st, 2, q->entity);
	sql_bind(st, 3, q->text);
	sqlite3_bind_int64(st, 4, q->limit ? (sqlite3_int64)q->limit : 100);
	sqlite3_bind_int64(st, 5, after ? after->events : -1);
	sql_bind(st, 6, after ? after->kind : STR(""));
	sql_bind(st, 7, after ? after->name : STR(""));
}

int sql_entities(struct sql *s, const struct store_query *q,
		 int (*row)(const struct store_entity *e, void *arg), void *arg, struct diag *d)
{
	sqlite3_stmt *st = NULL, *nt = NULL, *ft = NULL;
	struct entity_fact facts[ENTITY_FACTS_MAX];
	struct str names[NAMES_MAX];
	struct arena mem;
	struct buf text;
	int r, stop = 0;

	buf_init(&text, 4 * KIB);
	entities_text(&text, q);
	r = sqlite3_prepare_v2(s->db, text.p, (int)text.len, &st, NULL);
	buf_free(&text);
	if (r != SQLITE_OK ||
	    sqlite3_prepare_v2(s->db, "SELECT other FROM entity_name WHERE kind=?1 AND name=?2",
			       -1, &nt, NULL) != SQLITE_OK) {
		sqlite3_finalize(st);
		return sql_fail(s, d);
	}
	if (sqlite3_prepare_v2(s->db,
			       "SELECT key,value FROM entity_fact WHERE kind=?1 AND name=?2",
			       -1, &ft, NULL) != SQLITE_OK)
		ft = NULL;
	arena_init(&mem, 0);
	entities_bind(st, q);
	while (!stop && (r = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_entity e = {.kind = sql_column(st, 0),
					 .name = sql_column(st, 1),
					 .cls = sql_column(st, 2),
					 .first_seen = sqlite3_column_int64(st, 3),
					 .last_seen = sqlite3_column_int64(st, 4),
					 .events = sqlite3_column_int64(st, 5),
					 .names = names,
					 .facts = facts};

		arena_reset(&mem);
		e.nnames = other_names(nt, &e, &mem, names);
		e.nfacts = facts_of(ft, &e, &mem, facts);
		stop = row(&e, arg);
	}
	r = !stop && r != SQLITE_DONE ? sql_fail(s, d) : 0;
	sqlite3_finalize(st);
	sqlite3_finalize(nt);
	sqlite3_finalize(ft);
	arena_free(&mem);
	return r;
}

/* Runs a question without parameters but a and n; each row is given to row(). */
static int each(struct sql *s, const char *text, int64_t a, int64_t n,
		int (*row)(sqlite3_stmt *st, void *arg), void *arg, struct diag *d)
{
	sqlite3_stmt *st;
	int r, stop = 0;

	if (sqlite3_prepare_v2(s->db, text, -1, &st, NULL) != SQLITE_OK)
		return sql_fail(s, d);
	sqlite3_bind_int64(st, 1, a);
	sqlite3_bind_int64(st, 2, n);
	while (!stop && (r = sqlite3_step(st)) == SQLITE_ROW)
		stop = row(st, arg);
	r = !stop && r != SQLITE_DONE ? sql_fail(s, d) : 0;
	sqlite3_finalize(st);
	return r;
}

struct feed_arg {
	int (*row)(uint64_t number, struct str kind, struct str id, void *arg);
	void *arg;
};

static int feed_row(sqlite3_stmt *st, void *arg)
{
	struct feed_arg *x = arg;

	return x->row((uint64_t)sqlite3_column_int64(st, 0), sql_column(st, 1),
		      sql_column(st, 2), x->arg);
}

int sql_feed(struct sql *s, uint64_t since, size_t limit,
	     int (*row)(uint64_t number, struct str kind, struct str id, void *arg), void *arg,
	     struct diag *d)
{
	struct feed_arg x = {row, arg};

	return each(s,
		    "SELECT number,kind,id FROM feed WHERE number>?1 ORDER BY number LIMIT ?2",
		    (int64_t)since, (int64_t)limit, feed_row, &x, d);
}

static int number_row(sqlite3_stmt *st, void *arg)
{
	*(uint64_t *)arg = (uint64_t)sqlite3_column_int64(st, 0);
	return 1;
}

int sql_feed_end(struct sql *s, uint64_t *ret_number, struct diag *d)
{
	*ret_number = 0;
	return each(s, "SELECT coalesce(max(number),0) FROM feed", 0, 0, number_row, ret_number,
		    d);
}

struct models_arg {
	int (*row)(struct str model, struct str kind, uint64_t n, void *arg);
	void *arg;
};

static int models_row(sqlite3_stmt *st, void *arg)
{
	struct models_arg *x = arg;

	return x->row(sql_column(st, 0), sql_column(st, 1),
		      (uint64_t)sqlite3_column_int64(st, 2), x->arg);
}

int sql_models(struct sql *s,
	       int (*row)(struct str model, struct str kind, uint64_t n, void *arg), void *arg,
	       struct diag *d)
{
	struct models_arg x = {row, arg};
	/* A store from before it counted has no such table. */
	bool counted = sqlite3_table_column_metadata(s->db, NULL, "fired", NULL, NULL, NULL,
						     NULL, NULL, NULL) == SQLITE_OK;

	return each(
		s,
		counted ? "SELECT model,kind,n FROM fired WHERE n>0"
			: "SELECT model,kind,count(*) FROM finding WHERE model<>'' GROUP BY "
			  "model,kind",
		0, 0, models_row, &x, d);
}

struct meta_arg {
	int (*row)(struct str key, struct str value, void *arg);
	void *arg;
};

static int meta_row(sqlite3_stmt *st, void *arg)
{
	struct meta_arg *x = arg;

	return x->row(sql_column(st, 0), sql_column(st, 1), x->arg);
}

int sql_meta_each(struct sql *s, int (*row)(struct str key, struct str value, void *arg),
		  void *arg, struct diag *d)
{
	struct meta_arg x = {row, arg};

	return each(s, "SELECT key,value FROM meta ORDER BY key", 0, 0, meta_row, &x, d);
}

/* All names under which an entity was known, the one it has now first. */
int sql_entity_names(struct sql *s, struct str kind, struct str name, struct arena *mem,
		     struct str *ret_v, size_t max, size_t *ret_n, struct diag *d)
{
	static const char *const text[] = {
		"SELECT name FROM entity WHERE kind=?1 AND name=?2 UNION ALL "
		"SELECT name FROM entity_name WHERE other=?2 AND kind=?1 LIMIT 1",
		"SELECT other FROM entity_name WHERE kind=?1 AND name=?2 ORDER BY other",
	};

	*ret_n = 0;
	for (size_t i = 0; i < ARRAY_LEN(text) && *ret_n >= i; i++) {
		sqlite3_stmt *st;

		if (sqlite3_prepare_v2(s->db, text[i], -1, &st, NULL) != SQLITE_OK)
			return sql_fail(s, d);
		sql_bind(st, 1, kind);
		sql_bind(st, 2, i ? ret_v[0] : name);
		while (*ret_n < max && sqlite3_step(st) == SQLITE_ROW)
			ret_v[(*ret_n)++] = arena_str(mem, sql_column(st, 0));
		sqlite3_finalize(st);
	}
	return 0;
}

int sql_entity_class(struct sql *s, struct str kind, struct str name, struct arena *mem,
		     struct str *ret_class, struct diag *d)
{
	static const char text[] =
		"SELECT class FROM entity WHERE kind=?1 AND name=?2 UNION ALL "
		"SELECT e.class FROM entity_name n JOIN entity e ON e.kind=n.kind AND "
		"e.name=n.name WHERE n.other=?2 AND n.kind=?1 LIMIT 1";
	sqlite3_stmt *st;

	*ret_class = (struct str){NULL, 0};
	if (sqlite3_prepare_v2(s->db, text, -1, &st, NULL) != SQLITE_OK)
		return sql_fail(s, d);
	sql_bind(st, 1, kind);
	sql_bind(st, 2, name);
	if (sqlite3_step(st) == SQLITE_ROW)
		*ret_class = arena_str(mem, sql_column(st, 0));
	sqlite3_finalize(st);
	return 0;
}

int sql_person(struct sql *s, struct str word, struct arena *mem, struct str *ret_name,
	       struct diag *d)
{
	static const char text[] =
		"SELECT e.name FROM entity_name n JOIN entity e ON e.kind=n.kind AND "
		"e.name=n.name WHERE n.kind='account' AND n.other=?1 AND e.class<>'service'";
	int r;

	if (!s->person && sqlite3_prepare_v2(s->db, text, -1, &s->person, NULL) != SQLITE_OK)
		return sql_fail(s, d);
	sql_bind(s->person, 1, word);
	r = sqlite3_step(s->person);
	if (r == SQLITE_ROW)
		*ret_name = arena_str(mem, sql_column(s->person, 0));
	sqlite3_reset(s->person);
	if (r == SQLITE_ROW)
		return ret_name->p ? 1 : -ENOMEM;
	return r == SQLITE_DONE ? 0 : sql_fail(s, d);
}

int sql_known(struct sql *s, struct str name, struct diag *d)
{
	sqlite3_stmt *st;
	int r;

	if (sqlite3_prepare_v2(s->db, "SELECT 1 FROM entity_name WHERE other=?1 LIMIT 1", -1,
			       &st, NULL) != SQLITE_OK)
		return sql_fail(s, d);
	sql_bind(st, 1, name);
	r = sqlite3_step(st);
	r = r == SQLITE_ROW ? 1 : r == SQLITE_DONE ? 0 : sql_fail(s, d);
	sqlite3_finalize(st);
	return r;
}

int sql_persons(struct sql *s, int (*row)(struct str name, void *arg), void *arg,
		struct diag *d)
{
	sqlite3_stmt *st;
	int r = SQLITE_DONE, stop = 0, err = 0;

	if (sqlite3_prepare_v2(
		    s->db, "SELECT name FROM entity WHERE kind='account' AND class<>'service'",
		    -1, &st, NULL) != SQLITE_OK)
		return sql_fail(s, d);
	while (!stop && (r = sqlite3_step(st)) == SQLITE_ROW)
		stop = row(sql_column(st, 0), arg);
	if (!stop && r != SQLITE_DONE)
		err = sql_fail(s, d);
	sqlite3_finalize(st);
	return err;
}
