/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"
#include "store/sql_impl.h"
#include <errno.h>

#define FEED_KEPT 1000000
#define EACH_TIME 5000 /* findings, so that nobody waits long */

/* Old enough; of an incident also its last word. Times in JSON are of one form, so they
 * compare. */
#define OLD                                                                                  \
	"SELECT kind,id FROM finding WHERE kind IN ('alert','note','incident') AND time<?1 " \
	"AND (kind<>'incident' OR NOT "                                                      \
	"json_valid(json) OR coalesce(json_extract(json,'$.updated'),'')<?3) ORDER BY time " \
	"LIMIT ?2"

static int run(struct sql *s, const char *text, int64_t a, int64_t b, const char *when,
	       struct diag *d)
{
	sqlite3_stmt *st;
	int r;

	if (sqlite3_prepare_v2(s->db, text, -1, &st, NULL) != SQLITE_OK)
		return sql_fail(s, d);
	sqlite3_bind_int64(st, 1, a);
	sqlite3_bind_int64(st, 2, b);
	if (when)
		sqlite3_bind_text(st, 3, when, -1, SQLITE_STATIC);
	r = sqlite3_step(st) == SQLITE_DONE ? 0 : sql_fail(s, d);
	sqlite3_finalize(st);
	return r;
}

int sql_retain(struct sql *s, int64_t before, uint64_t *ret_n, struct diag *d)
{
	/* What hangs on the findings goes first: it is found by them. */
	static const char *const texts[] = {
		"DELETE FROM finding_entity WHERE (kind,id) IN (" OLD ")",
		"DELETE FROM finding_event WHERE (kind,id) IN (" OLD ")",
		"DELETE FROM finding WHERE (kind,id) IN (" OLD ")",
	};
	char when[TIME_TEXT] = "";
	int r = sql_commit(s, d);

	if (before != INT64_MIN)
		time_rfc3339(before / NS_PER_S * NS_PER_S, when);

	if (r == 0 && sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return sql_fail(s, d);
	for (size_t i = 0; r == 0 && before != INT64_MIN && i < ARRAY_LEN(texts); i++)
		r = run(s, texts[i], before, EACH_TIME, when, d);
	if (r == 0 && before != INT64_MIN)
		*ret_n = (uint64_t)sqlite3_changes(s->db);
	if (r == 0)
		r = run(s,
			"DELETE FROM feed WHERE number IN (SELECT number FROM feed WHERE "
			"number<=(SELECT max(number) FROM feed)-?1 ORDER BY number LIMIT ?2)",
			FEED_KEPT, 10 * EACH_TIME, NULL, d);
	if (r == 0 && sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		r = sql_fail(s, d);
	if (r < 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}
