/* SPDX-License-Identifier: Apache-2.0 */
#include "store/audit.h"
#include "store/sqlite_fail.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(AUDIT_HASH == crypto_hash_sha256_BYTES, "the chain is made with SHA-256");

static const char schema_sql[] =
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
	"CREATE TABLE IF NOT EXISTS audit(seq INTEGER PRIMARY KEY,time INTEGER NOT NULL,"
	"actor TEXT NOT NULL,action TEXT NOT NULL,object TEXT NOT NULL,detail TEXT NOT NULL,"
	"hash BLOB NOT NULL);"
	"CREATE INDEX IF NOT EXISTS audit_object ON audit(object,seq);"
	"CREATE TRIGGER IF NOT EXISTS audit_keep BEFORE UPDATE ON audit"
	" BEGIN SELECT RAISE(ABORT,'audit rows stay as they are'); END;"
	"CREATE TRIGGER IF NOT EXISTS audit_stay BEFORE DELETE ON audit"
	" BEGIN SELECT RAISE(ABORT,'audit rows stay'); END;";

struct audit {
	sqlite3 *db;
};

static int fail(struct audit *a, struct diag *d)
{
	return sqlite_fail(a->db, "audit", d);
}

struct audit *audit_close(struct audit *a)
{
	if (a) {
		sqlite3_close(a->db);
		free(a);
	}
	return NULL;
}

int audit_open(const char *dir, bool read_only, struct audit **ret_a, struct diag *d)
{
	int flags =
		read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	struct audit *a;
	char path[4096];
	int r = snprintf(path, sizeof(path), "%s/audit.db", dir);

	if (r < 0 || (size_t)r >= sizeof(path))
		return diag_set(d, -ENAMETOOLONG, "%s: the name is too long", dir);
	if (read_only && access(path, F_OK) < 0)
		return diag_set(d, -errno, "%s: %s", path, strerror(errno));
	if (!read_only && mkdir(dir, 0700) < 0 && errno != EEXIST)
		return diag_set(d, -errno, "%s: %s", dir, strerror(errno));
	a = calloc(1, sizeof(*a));
	if (!a || sodium_init() < 0) {
		free(a);
		return diag_set(d, -ENOMEM, "audit: out of memory");
	}
	if (sqlite3_open_v2(path, &a->db, flags, NULL) != SQLITE_OK) {
		r = fail(a, d);
		audit_close(a);
		return r;
	}
	sqlite3_busy_timeout(a->db, 5000);
	if (!read_only && (chmod(path, 0600) < 0 ||
			   sqlite3_exec(a->db, schema_sql, NULL, NULL, NULL) != SQLITE_OK)) {
		r = fail(a, d);
		audit_close(a);
		return r;
	}
	*ret_a = a;
	return 0;
}

/* A number as eight bytes, so that the content of a row can be cut in one way only. */
static void feed_u64(crypto_hash_sha256_state *h, uint64_t v)
{
	unsigned char b[8];

	for (size_t i = 0; i < sizeof(b); i++)
		b[i] = (unsigned char)(v >> (8 * i));
	crypto_hash_sha256_update(h, b, sizeof(b));
}

static void feed_str(crypto_hash_sha256_state *h, struct str s)
{
	feed_u64(h, s.len);
	crypto_hash_sha256_update(h, (const unsigned char *)(s.p ? s.p : ""), s.len);
}

/* SHA-256("thymus audit 1", hash before, seq, time, then each text with its length). */
static void chain(const unsigned char before[AUDIT_HASH], const struct audit_entry *e,
		  unsigned char out[AUDIT_HASH])
{
	crypto_hash_sha256_state h;

	crypto_hash_sha256_init(&h);
	feed_str(&h, STR("thymus audit 1"));
	crypto_hash_sha256_update(&h, before, AUDIT_HASH);
	feed_u64(&h, e->seq);
	feed_u64(&h, (uint64_t)e->time);
	feed_str(&h, e->actor);
	feed_str(&h, e->action);
	feed_str(&h, e->object);
	feed_str(&h, e->detail);
	crypto_hash_sha256_final(&h, out);
}

static void bind_str(sqlite3_stmt *st, int i, struct str v)
{
	sqlite3_bind_text(st, i, v.p ? v.p : "", (int)v.len, SQLITE_STATIC);
}

static struct str column(sqlite3_stmt *st, int i)
{
	const unsigned char *p = sqlite3_column_text(st, i);

	return str_n((const char *)p, p ? (size_t)sqlite3_column_bytes(st, i) : 0);
}

/* The last row's number and hash; zeros when there is none. */
static int last(struct audit *a, uint64_t *ret_seq, unsigned char hash[AUDIT_HASH],
		struct diag *d)
{
	sqlite3_stmt *st = NULL;
	int r, err = 0;

	*ret_seq = 0;
	memset(hash, 0, AUDIT_HASH);
	if (sqlite3_prepare_v2(a->db, "SELECT seq,hash FROM audit ORDER BY seq DESC LIMIT 1",
			       -1, &st, NULL) != SQLITE_OK)
		return fail(a, d);
	r = sqlite3_step(st);
	if (r == SQLITE_ROW && sqlite3_column_bytes(st, 1) == AUDIT_HASH) {
		*ret_seq = (uint64_t)sqlite3_column_int64(st, 0);
		memcpy(hash, sqlite3_column_blob(st, 1), AUDIT_HASH);
	} else if (r == SQLITE_ROW) {
		err = diag_set(d, E_CHECKSUM, "audit: the last row is damaged");
	} else if (r != SQLITE_DONE) {
		err = fail(a, d);
	}
	sqlite3_finalize(st);
	return err;
}

static int insert(struct audit *a, const struct audit_entry *e,
		  const unsigned char hash[AUDIT_HASH], struct diag *d)
{
	sqlite3_stmt *st = NULL;
	int r = 0;

	if (sqlite3_prepare_v2(a->db, "INSERT INTO audit VALUES(?1,?2,?3,?4,?5,?6,?7)", -1, &st,
			       NULL) != SQLITE_OK)
		return fail(a, d);
	sqlite3_bind_int64(st, 1, (sqlite3_int64)e->seq);
	sqlite3_bind_int64(st, 2, e->time);
	bind_str(st, 3, e->actor);
	bind_str(st, 4, e->action);
	bind_str(st, 5, e->object);
	bind_str(st, 6, e->detail);
	sqlite3_bind_blob(st, 7, hash, AUDIT_HASH, SQLITE_STATIC);
	if (sqlite3_step(st) != SQLITE_DONE)
		r = fail(a, d);
	sqlite3_finalize(st);
	return r;
}

/* SQLite ends a text that is read back at a NUL no sooner, but people would: they are refused.
 */
static bool storable(struct str s)
{
	return s.len <= AUDIT_FIELD_MAX && (!s.len || !memchr(s.p, 0, s.len));
}

int audit_add(struct audit *a, const struct audit_entry *e, uint64_t *ret_seq, struct diag *d)
{
	unsigned char before[AUDIT_HASH], hash[AUDIT_HASH];
	struct audit_entry row = *e;
	int r;

	if (!storable(e->actor) || !storable(e->action) || !storable(e->object) ||
	    !storable(e->detail))
		return diag_set(d, -EINVAL, "audit: a text is too long or holds a NUL");
	if (sqlite3_exec(a->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return fail(a, d);
	r = last(a, &row.seq, before, d);
	row.seq++;
	if (r == 0) {
		chain(before, &row, hash);
		r = insert(a, &row, hash, d);
	}
	if (r == 0 && sqlite3_exec(a->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		r = fail(a, d);
	if (r < 0)
		sqlite3_exec(a->db, "ROLLBACK", NULL, NULL, NULL);
	else if (ret_seq)
		*ret_seq = row.seq;
	return r;
}

static void take_row(sqlite3_stmt *st, struct audit_entry *e)
{
	*e = (struct audit_entry){.seq = (uint64_t)sqlite3_column_int64(st, 0),
				  .time = sqlite3_column_int64(st, 1),
				  .actor = column(st, 2),
				  .action = column(st, 3),
				  .object = column(st, 4),
				  .detail = column(st, 5)};
	if (sqlite3_column_bytes(st, 6) == AUDIT_HASH)
		sodium_bin2hex(e->hash, sizeof(e->hash), sqlite3_column_blob(st, 6),
			       AUDIT_HASH);
}

int audit_list(struct audit *a, uint64_t before, struct str object, size_t limit,
	       int (*row)(const struct audit_entry *e, void *arg), void *arg, struct diag *d)
{
	static const char sql[] =
		"SELECT seq,time,actor,action,object,detail,hash FROM audit"
		" WHERE (?1=0 OR seq<?1) AND (?2='' OR object=?2) ORDER BY seq DESC LIMIT ?3";
	sqlite3_stmt *st = NULL;
	struct audit_entry e;
	int r = SQLITE_DONE, stop = 0, err = 0;

	if (sqlite3_prepare_v2(a->db, sql, -1, &st, NULL) != SQLITE_OK)
		return fail(a, d);
	sqlite3_bind_int64(st, 1, (sqlite3_int64)MIN(before, (uint64_t)INT64_MAX));
	bind_str(st, 2, object);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)(limit ? limit : 100));
	while (!stop && (r = sqlite3_step(st)) == SQLITE_ROW) {
		take_row(st, &e);
		stop = row(&e, arg);
	}
	if (!stop && r != SQLITE_DONE)
		err = fail(a, d);
	sqlite3_finalize(st);
	return err;
}

/* Whether a row follows on the one before it; says why not. */
static bool follows(const struct audit_report *r, const unsigned char before[AUDIT_HASH],
		    const struct audit_entry *e, unsigned char hash[AUDIT_HASH], char why[128])
{
	char hex[AUDIT_HEX];

	if (e->seq != r->rows + 1) {
		snprintf(why, 128, "row %llu is missing", (unsigned long long)r->rows + 1);
		return false;
	}
	chain(before, e, hash);
	sodium_bin2hex(hex, sizeof(hex), hash, AUDIT_HASH);
	if (strcmp(hex, e->hash) == 0)
		return true;
	snprintf(why, 128, "its content, or the row before it, is not what was written");
	return false;
}

int audit_verify(struct audit *a, struct audit_report *ret_r, struct diag *d)
{
	unsigned char before[AUDIT_HASH] = {0}, hash[AUDIT_HASH];
	struct audit_report rep = {0};
	struct audit_entry e;
	sqlite3_stmt *st = NULL;
	int r, err = 0;

	memset(rep.head, '0', AUDIT_HEX - 1);
	if (sqlite3_prepare_v2(
		    a->db,
		    "SELECT seq,time,actor,action,object,detail,hash FROM audit ORDER BY seq",
		    -1, &st, NULL) != SQLITE_OK)
		return fail(a, d);
	while ((r = sqlite3_step(st)) == SQLITE_ROW) {
		take_row(st, &e);
		if (!follows(&rep, before, &e, hash, rep.why)) {
			rep.bad_seq = e.seq;
			break;
		}
		rep.rows++;
		memcpy(before, hash, AUDIT_HASH);
		memcpy(rep.head, e.hash, AUDIT_HEX);
	}
	if (r != SQLITE_ROW && r != SQLITE_DONE)
		err = fail(a, d);
	sqlite3_finalize(st);
	if (err == 0)
		*ret_r = rep;
	return err;
}
