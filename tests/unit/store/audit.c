/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: rows stay, and what was changed behind its back is found. */
#include "store/audit.h"
#include "tap.h"
#include <errno.h>
#include <sqlite3.h>
#include <unistd.h>

struct world {
	char dir[64], path[96];
	struct audit *a;
	struct diag d;
};

static void make(struct world *w)
{
	*w = (struct world){.dir = "/tmp/thymus-audit-XXXXXX"};
	if (!mkdtemp(w->dir))
		abort();
	snprintf(w->path, sizeof(w->path), "%s/audit.db", w->dir);
	CHECK_INT(audit_open(w->dir, false, &w->a, &w->d), 0);
}

static void done(struct world *w)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char p[128];

	audit_close(w->a);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		snprintf(p, sizeof(p), "%s%s", w->path, ends[i]);
		unlink(p);
	}
	CHECK_INT(rmdir(w->dir), 0);
}

static uint64_t add(struct world *w, const char *actor, const char *detail)
{
	struct audit_entry e = {.time = 42,
				.actor = str_of(actor),
				.action = STR("verdict.set"),
				.object = STR("incident:i1"),
				.detail = str_of(detail)};
	uint64_t seq = 0;

	CHECK_INT(audit_add(w->a, &e, &seq, &w->d), 0);
	return seq;
}

/* As somebody with the file at hand would: around our own code and its triggers. */
static void meddle(struct world *w, const char *sql)
{
	sqlite3 *db;

	CHECK_INT(sqlite3_open(w->path, &db), SQLITE_OK);
	sqlite3_exec(db, "DROP TRIGGER audit_keep; DROP TRIGGER audit_stay;", NULL, NULL, NULL);
	CHECK_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static struct audit_report verify(struct world *w)
{
	struct audit_report r = {0};

	CHECK_INT(audit_verify(w->a, &r, &w->d), 0);
	return r;
}

TEST(rows_are_numbered_and_verify)
{
	struct world w;
	struct audit_report r;

	make(&w);
	CHECK_INT(verify(&w).rows, 0);
	CHECK_INT(add(&w, "user:a", "{}"), 1);
	CHECK_INT(add(&w, "user:b", ""), 2);
	w.a = audit_close(w.a);
	CHECK_INT(audit_open(w.dir, false, &w.a, &w.d), 0);
	CHECK_INT(add(&w, "user:c", "x"), 3);
	r = verify(&w);
	CHECK_INT(r.rows, 3);
	CHECK_INT(r.bad_seq, 0);
	done(&w);
}

TEST(a_changed_row_is_found)
{
	struct world w;

	make(&w);
	for (int i = 0; i < 5; i++)
		add(&w, "user:a", "x");
	meddle(&w, "UPDATE audit SET actor='user:z' WHERE seq=3");
	CHECK_INT(verify(&w).rows, 2);
	CHECK_INT(verify(&w).bad_seq, 3);
	done(&w);
}

TEST(text_moved_between_columns_is_found)
{
	struct world w;

	make(&w);
	add(&w, "user:a", "x");
	meddle(&w, "UPDATE audit SET actor='user:', action='a'||action");
	CHECK_INT(verify(&w).bad_seq, 1);
	done(&w);
}

TEST(a_removed_row_is_found)
{
	struct world w;

	make(&w);
	for (int i = 0; i < 5; i++)
		add(&w, "user:a", "x");
	meddle(&w, "DELETE FROM audit WHERE seq=2");
	CHECK_INT(verify(&w).bad_seq, 3);
	done(&w);
}

TEST(a_shortened_log_has_another_head)
{
	struct world w;
	struct audit_report before;

	make(&w);
	for (int i = 0; i < 3; i++)
		add(&w, "user:a", "x");
	before = verify(&w);
	meddle(&w, "DELETE FROM audit WHERE seq=3");
	CHECK(strcmp(verify(&w).head, before.head) != 0);
	done(&w);
}

TEST(rows_cannot_be_changed_through_sql)
{
	struct world w;
	sqlite3 *db;

	make(&w);
	add(&w, "user:a", "x");
	CHECK_INT(sqlite3_open(w.path, &db), SQLITE_OK);
	CHECK(sqlite3_exec(db, "UPDATE audit SET actor=''", NULL, NULL, NULL) != SQLITE_OK);
	CHECK(sqlite3_exec(db, "DELETE FROM audit", NULL, NULL, NULL) != SQLITE_OK);
	sqlite3_close(db);
	CHECK_INT(verify(&w).rows, 1);
	done(&w);
}

static int count(const struct audit_entry *e, void *arg)
{
	uint64_t *seqs = arg;

	seqs[++seqs[0]] = e->seq;
	return 0;
}

TEST(lists_newest_first_and_goes_on)
{
	struct world w;
	uint64_t seqs[8] = {0};

	make(&w);
	for (int i = 0; i < 5; i++)
		add(&w, "user:a", "x");
	CHECK_INT(audit_list(w.a, 4, STR("incident:i1"), 2, count, seqs, &w.d), 0);
	CHECK_INT(seqs[0], 2);
	CHECK_INT(seqs[1], 3);
	CHECK_INT(seqs[2], 2);
	seqs[0] = 0;
	CHECK_INT(audit_list(w.a, 0, STR("other"), 0, count, seqs, &w.d), 0);
	CHECK_INT(seqs[0], 0);
	done(&w);
}

TEST(refuses_what_it_cannot_keep)
{
	struct audit_entry e = {.actor = {"a\0b", 3}};
	struct audit *none = NULL;
	struct world w;

	make(&w);
	CHECK_INT(audit_add(w.a, &e, NULL, &w.d), -EINVAL);
	CHECK_INT(verify(&w).rows, 0);
	CHECK_INT(audit_open("/tmp/thymus-is-not-here", true, &none, &w.d), -ENOENT);
	done(&w);
}

TAP_MAIN
