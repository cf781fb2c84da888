/* SPDX-License-Identifier: Apache-2.0 */
#include "store/users_impl.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define OPS	 crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE
#define MEM	 crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE
#define HASH_MAX crypto_pwhash_argon2id_STRBYTES

static const char schema_sql[] =
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
	"CREATE TABLE IF NOT EXISTS user(name TEXT PRIMARY KEY,role TEXT NOT NULL,"
	" password TEXT NOT NULL,disabled INTEGER NOT NULL,made INTEGER,last INTEGER);"
	"CREATE TABLE IF NOT EXISTS session(hash BLOB PRIMARY KEY,name TEXT NOT NULL,"
	" made INTEGER,expires INTEGER) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS token(name TEXT PRIMARY KEY,hash BLOB UNIQUE NOT NULL,"
	" role TEXT NOT NULL,owner TEXT NOT NULL,made INTEGER,expires INTEGER,last INTEGER);"
	"CREATE TABLE IF NOT EXISTS setup(one INTEGER PRIMARY KEY,hash BLOB,expires INTEGER);"
	"CREATE TABLE IF NOT EXISTS mask(one INTEGER PRIMARY KEY,key BLOB);"
	"INSERT OR IGNORE INTO mask VALUES(1,randomblob(16));";

static const struct {
	const char *name;
	uint32_t rights;
} roles[USER_ROLES] = {
	[ROLE_ANYONE] = {"", 0},
	[ROLE_VIEWER] = {"viewer", RIGHT(ROLE_VIEWER)},
	[ROLE_ANALYST] = {"analyst", RIGHT(ROLE_VIEWER) | RIGHT(ROLE_ANALYST)},
	[ROLE_RESPONDER] = {"responder",
			    RIGHT(ROLE_VIEWER) | RIGHT(ROLE_ANALYST) | RIGHT(ROLE_RESPONDER)},
	[ROLE_EDITOR] = {"model-editor",
			 RIGHT(ROLE_VIEWER) | RIGHT(ROLE_ANALYST) | RIGHT(ROLE_EDITOR)},
	[ROLE_ADMIN] = {"admin", RIGHT(USER_ROLES) - 2},
	[ROLE_AUDITOR] = {"auditor", RIGHT(ROLE_VIEWER) | RIGHT(ROLE_AUDITOR)},
	[ROLE_SENSOR] = {"sensor", RIGHT(ROLE_SENSOR)},
};

const char *users_role_name(enum role r)
{
	return r < USER_ROLES ? roles[r].name : "";
}

enum role users_role(struct str name)
{
	for (enum role r = ROLE_VIEWER; r < USER_ROLES; r++)
		if (str_eqz(name, roles[r].name))
			return r;
	return ROLE_ANYONE;
}

uint32_t users_rights(enum role r)
{
	return r < USER_ROLES ? roles[r].rights : 0;
}

int users_fail(struct users *u, struct diag *d)
{
	return sqlite_fail(u->db, "users", d);
}

sqlite3_stmt *users_prepare(struct users *u, const char *sql, struct diag *d)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(u->db, sql, -1, &st, NULL) != SQLITE_OK)
		users_fail(u, d);
	return st;
}

int users_run(struct users *u, sqlite3_stmt *st, struct diag *d)
{
	int r;

	if (!st)
		return -EIO;
	r = sqlite3_step(st);
	if (r != SQLITE_DONE && r != SQLITE_ROW)
		r = sqlite3_extended_errcode(u->db) == SQLITE_CONSTRAINT_PRIMARYKEY
			    ? -EEXIST
			    : users_fail(u, d);
	else
		r = sqlite3_changes(u->db);
	sqlite3_finalize(st);
	return r;
}

struct users *users_close(struct users *u)
{
	if (u) {
		sqlite3_close(u->db);
		pthread_mutex_destroy(&u->lock);
		free(u);
	}
	return NULL;
}

int users_open(const char *dir, struct users **ret_u, struct diag *d)
{
	struct users *u;
	char path[4096];
	int r = snprintf(path, sizeof(path), "%s/users.db", dir);

	if (r < 0 || (size_t)r >= sizeof(path))
		return diag_set(d, -ENAMETOOLONG, "%s: the name is too long", dir);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return diag_set(d, -errno, "%s: %s", dir, strerror(errno));
	u = calloc(1, sizeof(*u));
	if (!u || sodium_init() < 0) {
		free(u);
		return diag_set(d, -ENOMEM, "users: out of memory");
	}
	pthread_mutex_init(&u->lock, NULL);
	r = sqlite3_open_v2(path, &u->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX,
			    NULL);
	if (r == SQLITE_OK) {
		sqlite3_busy_timeout(u->db, 5000);
		sqlite3_extended_result_codes(u->db, 1);
		r = chmod(path, 0600) < 0;
	}
	if (r != SQLITE_OK || sqlite3_exec(u->db, schema_sql, NULL, NULL, NULL) != SQLITE_OK) {
		r = users_fail(u, d);
		users_close(u);
		return r;
	}
	*ret_u = u;
	return 0;
}

/* One number of a query without parameters, or <0. */
static int ask(struct users *u, const char *sql, struct diag *d)
{
	sqlite3_stmt *st = users_prepare(u, sql, d);
	int r = -EIO;

	if (st && sqlite3_step(st) == SQLITE_ROW)
		r = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return r;
}

int users_ready(struct users *u, struct diag *d)
{
	int r;

	pthread_mutex_lock(&u->lock);
	r = ask(u, "SELECT EXISTS(SELECT 1 FROM user WHERE role='admin' AND NOT disabled)", d);
	pthread_mutex_unlock(&u->lock);
	return r;
}

static bool name_fits(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789._-@", name.p[i]) ||
		    !name.p[i])
			return false;
	return name.len > 0 && name.len <= USERS_NAME_MAX;
}

/* The password as it is kept. Takes about a tenth of a second and 64 MiB. */
static int hash_password(struct str name, struct str password, char ret_hash[HASH_MAX],
			 struct diag *d)
{
	if (password.len < USERS_PASSWORD_MIN || password.len > USERS_PASSWORD_MAX)
		return diag_set(d, -EINVAL, "a password has %d to %d characters",
				USERS_PASSWORD_MIN, USERS_PASSWORD_MAX);
	if (name.len && str_ieq(name, password))
		return diag_set(d, -EINVAL, "the name is no password");
	return crypto_pwhash_argon2id_str(ret_hash, password.p, password.len, OPS, MEM) == 0
		       ? 0
		       : diag_set(d, -ENOMEM, "users: out of memory");
}

static int insert(struct users *u, struct str name, enum role role, const char *hash,
		  int64_t now, struct diag *d)
{
	sqlite3_stmt *st = users_prepare(u, "INSERT INTO user VALUES(?1,?2,?3,0,?4,0)", d);
	int r;

	if (!st)
		return -EIO;
	sql_bind(st, 1, name);
	sql_bind(st, 2, str_of(users_role_name(role)));
	sql_bind(st, 3, str_of(hash));
	sqlite3_bind_int64(st, 4, now);
	r = users_run(u, st, d);
	if (r == -EEXIST)
		return diag_set(d, r, "there is a user %.*s already", STR_ARG(name));
	return r < 0 ? r : 0;
}

static int fits(struct str name, enum role role, struct diag *d)
{
	if (!name_fits(name))
		return diag_set(d, -EINVAL,
				"a name has up to %d of a-z, 0-9, '.', '_', '-' and '@'",
				USERS_NAME_MAX);
	if (role == ROLE_ANYONE || role == ROLE_SENSOR || role >= USER_ROLES)
		return diag_set(d, -EINVAL,
				"a role is viewer, analyst, responder, model-editor, admin or "
				"auditor");
	return 0;
}

int users_add(struct users *u, struct str name, enum role role, struct str password,
	      int64_t now, struct diag *d)
{
	char hash[HASH_MAX];
	int r = fits(name, role, d);

	if (r == 0)
		r = hash_password(name, password, hash, d);
	if (r < 0)
		return r;
	pthread_mutex_lock(&u->lock);
	r = insert(u, name, role, hash, now, d);
	pthread_mutex_unlock(&u->lock);
	return r;
}

int users_setup_use(struct users *u, struct str secret, struct str name, struct str password,
		    int64_t now, struct diag *d)
{
	unsigned char kept[SECRET_HASH];
	char hash[HASH_MAX];
	sqlite3_stmt *st;
	int r = fits(name, ROLE_ADMIN, d);

	if (r == 0)
		r = hash_password(name, password, hash, d);
	if (r < 0)
		return r;
	users_secret_hash(secret, kept);
	pthread_mutex_lock(&u->lock);
	/* The link goes with the first who takes it, whether or not his name is free. */
	st = users_prepare(u, "DELETE FROM setup WHERE hash=?1 AND expires>?2", d);
	if (st) {
		sqlite3_bind_blob(st, 1, kept, sizeof(kept), SQLITE_STATIC);
		sqlite3_bind_int64(st, 2, now);
	}
	r = users_run(u, st, d);
	if (r == 0)
		r = diag_set(d, -EACCES, "this link was used, or is too old");
	else if (r > 0)
		r = insert(u, name, ROLE_ADMIN, hash, now, d);
	pthread_mutex_unlock(&u->lock);
	return r;
}

int users_elsewhere(struct users *u, struct str name, enum role role, int64_t now,
		    struct diag *d)
{
	sqlite3_stmt *st;
	int r = fits(name, role, d);

	if (r < 0)
		return r;
	pthread_mutex_lock(&u->lock);
	st = users_prepare(
		u,
		"INSERT INTO user VALUES(?1,?2,'',0,?3,?3) ON CONFLICT(name) DO UPDATE "
		"SET role=?2,last=?3 WHERE password='' AND NOT disabled",
		d);
	if (st) {
		sql_bind(st, 1, name);
		sql_bind(st, 2, str_of(users_role_name(role)));
		sqlite3_bind_int64(st, 3, now);
	}
	r = users_run(u, st, d);
	pthread_mutex_unlock(&u->lock);
	return r == 0 ? diag_set(d, -EACCES, "%.*s is disabled, or has a password here",
				 STR_ARG(name))
		      : MIN(r, 0);
}

static int apply(struct users *u, struct str name, const struct users_change *c,
		 const char *hash, struct diag *d)
{
	sqlite3_stmt *st =
		users_prepare(u,
			      "UPDATE user SET role=coalesce(nullif(?2,''),role),"
			      "disabled=coalesce(nullif(?3,-1),disabled),"
			      "password=coalesce(nullif(?4,''),password) WHERE name=?1",
			      d);
	int r;

	if (!st)
		return -EIO;
	sql_bind(st, 1, name);
	sql_bind(st, 2, str_of(users_role_name(c->role)));
	sqlite3_bind_int(st, 3, c->disabled);
	sql_bind(st, 4, str_of(hash));
	r = users_run(u, st, d);
	if (r == 0)
		return diag_set(d, E_NOTFOUND, "there is no user %.*s", STR_ARG(name));
	if (r < 0)
		return r;
	r = ask(u, "SELECT EXISTS(SELECT 1 FROM user WHERE role='admin' AND NOT disabled)", d);
	if (r == 0)
		return diag_set(d, -EPERM, "nobody would be left who administrates");
	st = r < 0 ? NULL : users_prepare(u, "DELETE FROM session WHERE name=?1", d);
	if (!st)
		return -EIO;
	sql_bind(st, 1, name);
	r = users_run(u, st, d);
	return r < 0 ? r : 0;
}

int users_change(struct users *u, struct str name, const struct users_change *c, struct diag *d)
{
	char hash[HASH_MAX] = "";
	int r = 0;

	if (c->role != ROLE_ANYONE)
		r = fits(STR("x"), c->role, d);
	if (r == 0 && c->password.len)
		r = hash_password(name, c->password, hash, d);
	if (r < 0)
		return r;
	pthread_mutex_lock(&u->lock);
	r = sqlite3_exec(u->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK
		    ? apply(u, name, c, hash, d)
		    : users_fail(u, d);
	if (r == 0 && sqlite3_exec(u->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		r = users_fail(u, d);
	if (r < 0)
		sqlite3_exec(u->db, "ROLLBACK", NULL, NULL, NULL);
	pthread_mutex_unlock(&u->lock);
	return r;
}

int users_list(struct users *u, int (*row)(const struct user *x, void *arg), void *arg,
	       struct diag *d)
{
	sqlite3_stmt *st;
	int r = SQLITE_DONE, stop = 0, err = 0;

	pthread_mutex_lock(&u->lock);
	st = users_prepare(u, "SELECT name,role,disabled,made,last FROM user ORDER BY name", d);
	while (st && !stop && (r = sqlite3_step(st)) == SQLITE_ROW)
		stop = row(&(struct user){.name = sql_column(st, 0),
					  .role = users_role(sql_column(st, 1)),
					  .disabled = sqlite3_column_int(st, 2) != 0,
					  .made = sqlite3_column_int64(st, 3),
					  .last = sqlite3_column_int64(st, 4)},
			   arg);
	if (!st || (!stop && r != SQLITE_DONE))
		err = users_fail(u, d);
	sqlite3_finalize(st);
	pthread_mutex_unlock(&u->lock);
	return err;
}

/* What a password is compared with for a name that is not there: nothing fits it. */
static const char *nobody(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static char hash[HASH_MAX];
	unsigned char any[32];

	pthread_mutex_lock(&lock);
	if (!hash[0]) {
		randombytes_buf(any, sizeof(any));
		if (crypto_pwhash_argon2id_str(hash, (const char *)any, sizeof(any), OPS,
					       MEM) != 0)
			hash[0] = 0;
	}
	pthread_mutex_unlock(&lock);
	return hash;
}

int users_check(struct users *u, struct str name, struct str password, int64_t now,
		struct diag *d)
{
	char hash[HASH_MAX];
	sqlite3_stmt *st;
	bool there = false;
	int r;

	snprintf(hash, sizeof(hash), "%s", nobody());
	pthread_mutex_lock(&u->lock);
	st = users_prepare(u, "SELECT password FROM user WHERE name=?1 AND NOT disabled", d);
	if (st) {
		sql_bind(st, 1, name);
		there = sqlite3_step(st) == SQLITE_ROW;
		if (there)
			snprintf(hash, sizeof(hash), "%.*s", STR_ARG(sql_column(st, 0)));
	}
	sqlite3_finalize(st);
	pthread_mutex_unlock(&u->lock);
	if (!st)
		return -EIO;
	if (password.len > USERS_PASSWORD_MAX ||
	    crypto_pwhash_argon2id_str_verify(hash, password.p ? password.p : "",
					      password.len) != 0 ||
	    !there)
		return diag_set(d, -EACCES, "name and password do not fit");
	pthread_mutex_lock(&u->lock);
	st = users_prepare(u, "UPDATE user SET last=?2 WHERE name=?1", d);
	if (st) {
		sql_bind(st, 1, name);
		sqlite3_bind_int64(st, 2, now);
	}
	r = users_run(u, st, d);
	pthread_mutex_unlock(&u->lock);
	return r < 0 ? r : 0;
}
