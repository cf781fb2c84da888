/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking SQLite. The text of a question is put together from constant parts, one for each thing
 * that is asked, so that an index serves it; what was asked is always a parameter.
 */
#include "base/buf.h"
#include "base/timeutil.h"
#include "store/sql_impl.h"
#include <errno.h>

/* Parameters of a question about findings; the numbers stand in the parts below. */
enum {
	P_KIND = 1,
	P_ID,
	P_QUEUE,
	P_MODEL,
	P_TEXT,
	P_FROM,
	P_TO,
	P_MIN,
	P_ENTITY,
	P_EVENT,
	P_STATUS,
	P_MAX,
	P_LIMIT,
	P_A_SEVERITY,
	P_A_SCORE,
	P_A_TIME,
	P_A_ID
};

#define AFTER_RANK                                                                         \
	" AND (severity<?14 OR (severity=?14 AND (score<?15 OR (score=?15 AND (time,id)>(" \
	"?16,?17)))))"

static void part(struct buf *b, bool asked, const char *sql)
{
	if (asked)
		buf_addz(b, sql);
}

static void findings_where(struct buf *b, const struct store_query *q)
{
	buf_addz(b, " FROM finding f WHERE status<>'merged'");
	part(b, q->kind.len, " AND kind=?1");
	part(b, q->id.len, " AND id=?2");
	part(b, q->queue.len, " AND queue=?3");
	part(b, q->model.len, " AND model=?4");
	part(b, q->text.len, " AND instr(lower(title),lower(?5))");
	part(b, q->from != TIME_NONE, " AND time>=?6");
	part(b, q->to != TIME_NONE, " AND time<?7");
	part(b, q->severity_min > 0, " AND severity>=?8");
	part(b, q->entity.len,
	     " AND EXISTS(SELECT 1 FROM finding_entity x WHERE x.entity=?9 AND x.kind=f.kind"
	     " AND x.id=f.id)");
	part(b, q->event.len,
	     " AND EXISTS(SELECT 1 FROM finding_event v WHERE v.event=?10 AND v.kind=f.kind"
	     " AND v.id=f.id)");
	part(b, q->status.len, " AND status=?11");
	part(b, q->severity_max > 0, " AND severity<=?12");
}

static void findings_order(struct buf *b, const struct store_query *q)
{
	if (str_eqz(q->order, "time")) {
		part(b, q->after, " AND (time,id)>(?16,?17)");
		buf_addz(b, " ORDER BY time,id");
	} else if (str_eqz(q->order, "newest")) {
		part(b, q->after, " AND (time,id)<(?16,?17)");
		buf_addz(b, " ORDER BY time DESC,id DESC");
	} else {
		part(b, q->after, AFTER_RANK);
		buf_addz(b, " ORDER BY severity DESC,score DESC,time,id");
	}
	buf_addz(b, " LIMIT ?13");
}

/* Binds what the text has; a parameter it has not is no error worth telling. */
static void findings_bind(sqlite3_stmt *st, const struct store_query *q)
{
	sql_bind(st, P_KIND, q->kind);
	sql_bind(st, P_ID, q->id);
	sql_bind(st, P_QUEUE, q->queue);
	sql_bind(st, P_MODEL, q->model);
	sql_bind(st, P_TEXT, q->text);
	sqlite3_bind_int64(st, P_FROM, q->from);
	sqlite3_bind_int64(st, P_TO, q->to);
	sqlite3_bind_int(st, P_MIN, q->severity_min);
	sql_bind(st, P_ENTITY, q->entity);
	sql_bind(st, P_EVENT, q->event);
	sql_bind(st, P_STATUS, q->status);
	sqlite3_bind_int(st, P_MAX, q->severity_max);
	sqlite3_bind_int64(st, P_LIMIT, q->limit ? (sqlite3_int64)q->limit : 100);
	if (q->after) {
		sqlite3_bind_int(st, P_A_SEVERITY, q->after->severity);
		sqlite3_bind_int(st, P_A_SCORE, (int)q->after->score);
		sqlite3_bind_int64(st, P_A_TIME, q->after->time);
		sql_bind(st, P_A_ID, q->after->id);
	}
}

static int prepare(struct sql *s, struct buf *text, sqlite3_stmt **ret_st, struct diag *d)
{
	int r = buf_err(text);

	if (r == 0 &&
	    sqlite3_prepare_v2(s->db, text->p, (int)text->len, ret_st, NULL) != SQLITE_OK)
		r = sql_fail(s, d);
	buf_free(text);
	return r;
}

int sql_findings(struct sql *s, const struct store_query *q,
		 int (*row)(const struct store_finding *f, void *arg), void *arg,
		 struct diag *d)
{
	sqlite3_stmt *st;
	struct buf text;
	int r, stop = 0;

	buf_init(&text, 4 * KIB);
	buf_addz(&text, "SELECT kind,id,title,model,queue,status,time,severity,score,json");
	findings_where(&text, q);
	findings_order(&text, q);
	if ((r = prepare(s, &text, &st, d)) < 0)
		return r;
	findings_bind(st, q);
	while (!stop && (r = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_finding f = {.kind = sql_column(st, 0),
					  .id = sql_column(st, 1),
					  .title = sql_column(st, 2),
					  .model = sql_column(st, 3),
					  .queue = sql_column(st, 4),
					  .status = sql_column(st, 5),
					  .time = sqlite3_column_int64(st, 6),
					  .severity = sqlite3_column_int(st, 7),
					  .score = (unsigned)sqlite3_column_int(st, 8),
					  .json = sql_column(st, 9)};

		stop = row(&f, arg);
	}
	r = !stop && r != SQLITE_DONE ? sql_fail(s, d) : 0;
	sqlite3_finalize(st);
	return r;
}

int sql_findings_count(struct sql *s, const struct store_query *q, uint64_t max,
		       uint64_t *ret_n, struct diag *d)
{
	sqlite3_stmt *st;
	struct store_query all = *q;
	struct buf text;
	int r;

	all.limit = (size_t)max;
	all.after = NULL;
	buf_init(&text, 4 * KIB);
	buf_addz(&text, "SELECT count(*) FROM (SELECT 1");
	findings_where(&text, &all);
	buf_addz(&text, " LIMIT ?13)");
	if ((r = prepare(s, &text, &st, d)) < 0)
		return r;
	findings_bind(st, &all);
	r = sqlite3_step(st) == SQLITE_ROW ? 0 : sql_fail(s, d);
	*ret_n = r == 0 ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
	sqlite3_finalize(st);
	return r;
}

static const char entities_sql[] =
	"SELECT kind,name,class,first_seen,last_seen,events FROM entity e WHERE"
	" (?1='' OR kind=?1) AND (?2='' OR name=lower(?2) OR EXISTS(SELECT 1 FROM entity_name n"
	"  WHERE n.other=?2 AND n.kind=e.kind AND n.name=e.name))"
	" AND (?3='' OR instr(name,lower(?3)))"
	" AND (?5<0 OR events<?5 OR (events=?5 AND (kind,name)>(?6,?7)))"
	" ORDER BY events DESC, kind, name LIMIT ?4";

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
	int r, stop = 0;

	if (sqlite3_prepare_v2(s->db, entities_sql, -1, &st, NULL) != SQLITE_OK ||
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

	return each(
		s,
		"SELECT model,kind,count(*) FROM finding WHERE model<>'' GROUP BY model,kind",
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
