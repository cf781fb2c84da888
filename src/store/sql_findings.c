/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking for findings: a page of a list, in its order, out of a million. The text of a question
 * is put together from constant parts; what was asked is always a parameter.
 *
 * Each order has an index with what is mostly asked of a row (queue, status, time, rank). A
 * page is read from there, from its cursor on, passing over what was not meant. That is slow
 * where hardly anything is meant: but then what is meant is few, and soon sorted. Which of both
 * it is cannot be seen from a question, so what an index can count is counted, up to a limit.
 *
 * First the numbers of the rows are looked up, then the rows: sorting carries no lines about.
 */
#include "base/buf.h"
#include "base/hash.h"
#include "base/timeutil.h"
#include "store/sql_impl.h"
#include <errno.h>
#include <stdlib.h>

#define FEW	50000 /* rows of an index that are soon read and sorted */
#define ROW	10    /* what a row itself costs, against one of an index */
#define TRIGRAM 3u    /* letters: the least that the index of words can find */
#define SAMPLE	16u   /* the latest sixteenth of all rows tells whether words are frequent */

/* Parameters; the numbers stand in the parts below. */
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
	P_A_RANK,
	P_A_TIME,
	P_A_ID,
	P_PHRASE,
	P_NUMBERS
};

#define FROM	 " AND time>=?6"
#define TO	 " AND time<?7"
#define RANK_MIN " AND " SQL_RANK "<=-(?8*65536)"
#define RANK_MAX " AND " SQL_RANK ">=-(?12*65536+65535)"

/* What leads to the rows. */
enum way { WAY_ORDER, WAY_EVENT, WAY_ENTITY, WAY_WORDS, WAY_MODEL, WAY_TIME, WAY_RANK };

static void part(struct buf *b, bool asked, const char *sql)
{
	if (asked)
		buf_addz(b, sql);
}

static bool by_rank(const struct store_query *q)
{
	return !str_eqz(q->order, "time") && !str_eqz(q->order, "newest");
}

static void from(struct buf *b, const struct store_query *q, enum way way)
{
	if (way == WAY_EVENT)
		buf_addz(b, " FROM finding_event v CROSS JOIN finding f ON f.kind=v.kind AND "
			    "f.id=v.id WHERE v.event=?10");
	else if (way == WAY_ENTITY)
		buf_addz(b, " FROM finding_entity x CROSS JOIN finding f ON f.kind=x.kind AND "
			    "f.id=x.id WHERE x.entity=?9");
	else if (way == WAY_WORDS)
		buf_addz(b, " FROM json_each(?18) t CROSS JOIN finding f ON f.rowid=t.value "
			    "WHERE 1");
	else
		buf_addz(b, " FROM finding f WHERE 1");
	part(b, way == WAY_ENTITY && q->kind.len, " AND x.kind=?1");
}

/* A plus before a column keeps SQLite from taking an index for it. */
static void where(struct buf *b, const struct store_query *q, enum way way)
{
	bool rank = way == WAY_RANK || (way == WAY_ORDER && by_rank(q));
	bool time = way == WAY_TIME || (way == WAY_ORDER && !by_rank(q));
	bool model = way == WAY_MODEL || (way == WAY_ORDER && by_rank(q));

	part(b, q->kind.len,
	     way == WAY_WORDS || way == WAY_EVENT ? " AND +f.kind=?1" : " AND f.kind=?1");
	part(b, q->id.len, " AND f.id=?2");
	/* Words are read from the index of all queues, which has the titles. */
	part(b, q->queue.len, rank && !q->text.len ? " AND queue=?3" : " AND +queue=?3");
	part(b, q->model.len, model ? " AND model=?4" : " AND +model=?4");
	part(b, q->text.len, " AND instr(lower(f.title),lower(?5))");
	part(b, q->from != TIME_NONE, time ? FROM : " AND +time>=?6");
	part(b, q->to != TIME_NONE, time ? TO : " AND +time<?7");
	part(b, q->severity_min > 0, rank ? RANK_MIN : " AND severity>=?8");
	part(b, q->severity_max > 0, rank ? RANK_MAX : " AND severity<=?12");
	part(b, q->entity.len && way != WAY_ENTITY,
	     " AND EXISTS(SELECT 1 FROM finding_entity x WHERE x.entity=?9 AND x.kind=f.kind"
	     " AND x.id=f.id)");
	/* Not open is little, and has an index of its own. */
	part(b, q->status.len,
	     str_eqz(q->status, "open") ? " AND +status=?11"
					: " AND status<>'open' AND status=?11");
	part(b, true, " AND +status<>'merged'");
}

static void after_and_order(struct buf *b, const struct store_query *q, enum way way)
{
	bool sort = way != WAY_ORDER;

	if (str_eqz(q->order, "time")) {
		part(b, q->after,
		     sort ? " AND (+time,f.id)>(?15,?16)" : " AND (time,f.id)>(?15,?16)");
		buf_addz(b, sort ? " ORDER BY +time,f.id" : " ORDER BY time,f.id");
	} else if (str_eqz(q->order, "newest")) {
		part(b, q->after,
		     sort ? " AND (+time,f.id)<(?15,?16)" : " AND (time,f.id)<(?15,?16)");
		buf_addz(b, sort ? " ORDER BY +time DESC,f.id DESC"
				 : " ORDER BY time DESC,f.id DESC");
	} else {
		part(b, q->after,
		     sort ? " AND (+(" SQL_RANK "),time,f.id)>(?14,?15,?16)"
			  : " AND (" SQL_RANK ",time,f.id)>(?14,?15,?16)");
		buf_addz(b, sort ? " ORDER BY +(" SQL_RANK "),time,f.id"
				 : " ORDER BY " SQL_RANK ",time,f.id");
	}
	buf_addz(b, " LIMIT ?13");
}

/* The words as a phrase of FTS5. */
static void bind_phrase(sqlite3_stmt *st, struct str text)
{
	struct buf b;

	buf_init(&b, MIB);
	buf_addc(&b, '"');
	for (size_t i = 0; i < text.len; i++) {
		part(&b, text.p[i] == '"', "\"");
		buf_addc(&b, text.p[i]);
	}
	buf_addc(&b, '"');
	sqlite3_bind_text(st, P_PHRASE, b.p ? b.p : "", (int)b.len, SQLITE_TRANSIENT);
	buf_free(&b);
}

/* Binds what the text has; a parameter it has not is no error worth telling. */
static void bind(const struct sql *s, sqlite3_stmt *st, const struct store_query *q,
		 uint64_t limit)
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
	sqlite3_bind_int64(st, P_LIMIT, (sqlite3_int64)MIN(limit, (uint64_t)INT64_MAX));
	if (q->after) {
		sqlite3_bind_int64(
			st, P_A_RANK,
			-((sqlite3_int64)q->after->severity * 65536 + q->after->score));
		sqlite3_bind_int64(st, P_A_TIME, q->after->time);
		sql_bind(st, P_A_ID, q->after->id);
	}
	if (q->text.len && sqlite3_bind_parameter_count(st) == P_PHRASE)
		bind_phrase(st, q->text);
	sql_bind(st, P_NUMBERS, buf_str(&s->words));
}

/* How many rows a way leads to; max + 1 when they are more or cannot be counted. */
static uint64_t count_way(struct sql *s, const struct store_query *q, enum way way,
			  uint64_t max)
{
	sqlite3_stmt *st;
	struct buf b;
	uint64_t n = max + 1;

	buf_init(&b, 4 * KIB);
	buf_addz(&b, "SELECT count(*) FROM (SELECT 1 FROM ");
	part(&b, way == WAY_ENTITY, "finding_entity WHERE entity=?9");
	part(&b, way == WAY_MODEL, "finding WHERE model=?4");
	part(&b, way == WAY_TIME || way == WAY_RANK, "finding WHERE 1");
	part(&b, way == WAY_TIME && q->from != TIME_NONE, FROM);
	part(&b, way == WAY_TIME && q->to != TIME_NONE, TO);
	part(&b, way == WAY_RANK && q->severity_min > 0, RANK_MIN);
	part(&b, way == WAY_RANK && q->severity_max > 0, RANK_MAX);
	part(&b, q->kind.len, " AND kind=?1");
	buf_addz(&b, " LIMIT ?13)");
	if (sqlite3_prepare_v2(s->db, b.p, (int)b.len, &st, NULL) == SQLITE_OK) {
		bind(s, st, q, max + 1);
		if (sqlite3_step(st) == SQLITE_ROW)
			n = (uint64_t)sqlite3_column_int64(st, 0);
		sqlite3_finalize(st);
	}
	buf_free(&b);
	return n;
}

/* One look for words: how many numbers of rows it gives, which go to s->words when kept. */
static uint64_t match_words(struct sql *s, const struct store_query *q, const char *text,
			    uint64_t max, bool keep)
{
	sqlite3_stmt *st;
	uint64_t n = 0;
	int r;

	buf_clear(&s->words);
	if (sqlite3_prepare_v2(s->db, text, -1, &st, NULL) != SQLITE_OK)
		return max + 1;
	bind(s, st, q, max + 1);
	for (; (r = sqlite3_step(st)) == SQLITE_ROW; n++)
		if (keep)
			buf_fmt(&s->words, "%s%lld", n ? "," : "[",
				(long long)sqlite3_column_int64(st, 0));
	sqlite3_finalize(st);
	if (keep)
		buf_addz(&s->words, n ? "]" : "[]");
	return r == SQLITE_DONE && buf_err(&s->words) == 0 ? n : max + 1;
}

/*
 * The numbers of the rows that have the words, as JSON into s->words; as count_way. Letters
 * that most titles have are read through even where the words are rare, so frequent words are
 * given up soon, by what the latest rows have (a quarter above the average is no chance).
 */
static uint64_t find_words(struct sql *s, const struct store_query *q, uint64_t max)
{
	static const char some[] =
		"SELECT rowid FROM finding_title WHERE finding_title MATCH ?17 AND rowid>"
		"(SELECT max(rowid) FROM finding)-((SELECT max(rowid) FROM finding)-"
		"(SELECT min(rowid) FROM finding))/16 LIMIT ?13";
	static const char all[] =
		"SELECT rowid FROM finding_title WHERE finding_title MATCH ?17 LIMIT ?13";
	uint64_t many = max / SAMPLE + max / SAMPLE / 4;

	if (match_words(s, q, some, many, false) > many)
		return max + 1;
	return match_words(s, q, all, max, true);
}

/*
 * Words are dear to find, and a page asks twice: for its rows, and for how many there are. What
 * was found for one max is no answer for a larger one.
 */
static uint64_t count_words(struct sql *s, const struct store_query *q, uint64_t max)
{
	uint64_t key = hash_str(q->text, max);

	if (s->words_key != key || !s->words_key || sqlite3_db_readonly(s->db, "main") != 1)
		s->words_n = find_words(s, q, max);
	s->words_key = key;
	return s->words_n;
}

/* The way that costs least, or the list's own order when none is cheap. */
static enum way choose(struct sql *s, const struct store_query *q)
{
	bool rank = by_rank(q);
	const struct {
		enum way way;
		bool asked;
		unsigned cost; /* of a row */
	} ways[] = {
		{WAY_ENTITY, q->entity.len > 0, ROW},
		{WAY_WORDS, q->text.len >= TRIGRAM, ROW},
		{WAY_MODEL, q->model.len && !rank, 1},
		{WAY_TIME, q->kind.len && rank && (q->from != TIME_NONE || q->to != TIME_NONE),
		 1},
		{WAY_RANK, q->kind.len && !rank && (q->severity_min > 0 || q->severity_max > 0),
		 1},
	};
	enum way best = WAY_ORDER;
	uint64_t least = FEW;

	if (q->event.len)
		return WAY_EVENT;
	for (size_t i = 0; !q->id.len && i < ARRAY_LEN(ways); i++) {
		uint64_t max = least / ways[i].cost, n;

		if (!ways[i].asked)
			continue;
		n = ways[i].way == WAY_WORDS ? count_words(s, q, max)
					     : count_way(s, q, ways[i].way, max);
		if (n > max)
			continue;
		least = n * ways[i].cost;
		best = ways[i].way;
	}
	return best;
}

/* Prepares what was put together and binds it. */
static int ask(struct sql *s, struct buf *text, const struct store_query *q, uint64_t limit,
	       sqlite3_stmt **ret_st, struct diag *d)
{
	int r = buf_err(text);

	if (r == 0 &&
	    sqlite3_prepare_v2(s->db, text->p, (int)text->len, ret_st, NULL) != SQLITE_OK)
		r = sql_fail(s, d);
	buf_free(text);
	if (r == 0)
		bind(s, *ret_st, q, limit);
	return r;
}

/* Numbers of rows, in order. */
struct numbers {
	int64_t *v;
	size_t n, cap;
};

static int numbers_add(struct numbers *x, int64_t v)
{
	if (x->n == x->cap) {
		size_t cap = x->cap ? 2 * x->cap : 256;
		int64_t *p = realloc(x->v, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		x->v = p;
		x->cap = cap;
	}
	x->v[x->n++] = v;
	return 0;
}

static int look_up(struct sql *s, const struct store_query *q, struct numbers *x,
		   struct diag *d)
{
	enum way way = choose(s, q);
	sqlite3_stmt *st;
	struct buf text;
	int r, err;

	buf_init(&text, 4 * KIB);
	buf_addz(&text, "SELECT f.rowid");
	from(&text, q, way);
	where(&text, q, way);
	after_and_order(&text, q, way);
	if ((err = ask(s, &text, q, q->limit ? q->limit : 100, &st, d)) < 0)
		return err;
	while (err == 0 && (r = sqlite3_step(st)) == SQLITE_ROW)
		err = numbers_add(x, sqlite3_column_int64(st, 0));
	if (err == 0 && r != SQLITE_DONE)
		err = sql_fail(s, d);
	sqlite3_finalize(st);
	return err;
}

static int give_rows(struct sql *s, const struct numbers *x,
		     int (*row)(const struct store_finding *f, void *arg), void *arg,
		     struct diag *d)
{
	sqlite3_stmt *st;
	int r = SQLITE_DONE, stop = 0;

	if (sqlite3_prepare_v2(
		    s->db,
		    "SELECT kind,id,title,model,queue,status,time,severity,score,json FROM "
		    "finding WHERE rowid=?1",
		    -1, &st, NULL) != SQLITE_OK)
		return sql_fail(s, d);
	for (size_t i = 0; !stop && i < x->n && (r == SQLITE_ROW || r == SQLITE_DONE); i++) {
		sqlite3_reset(st);
		sqlite3_bind_int64(st, 1, x->v[i]);
		r = sqlite3_step(st);
		if (r == SQLITE_ROW) {
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
	}
	r = r != SQLITE_ROW && r != SQLITE_DONE ? sql_fail(s, d) : 0;
	sqlite3_finalize(st);
	return r;
}

int sql_findings(struct sql *s, const struct store_query *q,
		 int (*row)(const struct store_finding *f, void *arg), void *arg,
		 struct diag *d)
{
	/* One state of the store for both looks; a writer, or who asks from a row, is in one.
	 */
	bool begun = sqlite3_get_autocommit(s->db) &&
		     sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK;
	struct numbers x = {0};
	int r = look_up(s, q, &x, d);

	if (r == 0)
		r = give_rows(s, &x, row, arg, d);
	if (begun)
		sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
	free(x.v);
	return r;
}

int sql_findings_count(struct sql *s, const struct store_query *q, uint64_t max,
		       uint64_t *ret_n, struct diag *d)
{
	struct store_query any =
		*q; /* counting asks for no order: that of rank has most columns */
	sqlite3_stmt *st;
	struct buf text;
	enum way way;
	int r;

	any.order = STR("");
	any.after = NULL;
	q = &any;
	way = choose(s, q);
	/* Frequent words, or entities, stand in no index together with the rest. */
	if (way == WAY_ORDER && (q->text.len || q->entity.len)) {
		*ret_n = max;
		return 0;
	}
	buf_init(&text, 4 * KIB);
	buf_addz(&text, "SELECT count(*) FROM (SELECT 1");
	from(&text, q, way);
	where(&text, q, way);
	buf_addz(&text, " LIMIT ?13)");
	if ((r = ask(s, &text, q, max, &st, d)) < 0)
		return r;
	r = sqlite3_step(st) == SQLITE_ROW ? 0 : sql_fail(s, d);
	*ret_n = r == 0 ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
	sqlite3_finalize(st);
	return r;
}
