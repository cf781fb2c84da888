/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions, tokens and the set-up link: secrets of which only a hash is kept. */
#include "base/timeutil.h"
#include "store/users_impl.h"
#include <errno.h>
#include <sodium.h>

#define SESSION_LONGEST (7 * 24 * 3600 * NS_PER_S)
#define TOUCH_EVERY	(60 * NS_PER_S) /* a session's end is moved no more often */
#define TOKEN_TOUCH	(3600 * NS_PER_S)
#define TOKENS_MAX	1000

void users_secret_hash(struct str secret, unsigned char ret_hash[SECRET_HASH])
{
	crypto_generichash(ret_hash, SECRET_HASH, (const unsigned char *)secret.p, secret.len,
			   NULL, 0);
}

void users_secret(char ret_secret[USERS_SECRET], unsigned char ret_hash[SECRET_HASH])
{
	unsigned char raw[32];

	randombytes_buf(raw, sizeof(raw));
	sodium_bin2base64(ret_secret, USERS_SECRET, raw, sizeof(raw),
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	users_secret_hash(str_of(ret_secret), ret_hash);
}

static void bind_hash(sqlite3_stmt *st, int i, const unsigned char hash[SECRET_HASH])
{
	sqlite3_bind_blob(st, i, hash, SECRET_HASH, SQLITE_STATIC);
}

int users_setup_new(struct users *u, int64_t expires, char ret_secret[USERS_SECRET],
		    struct diag *d)
{
	unsigned char hash[SECRET_HASH];
	sqlite3_stmt *st;
	int r;

	users_secret(ret_secret, hash);
	pthread_mutex_lock(&u->lock);
	st = users_prepare(u, "INSERT OR REPLACE INTO setup VALUES(1,?1,?2)", d);
	if (st) {
		bind_hash(st, 1, hash);
		sqlite3_bind_int64(st, 2, expires);
	}
	r = users_run(u, st, d);
	pthread_mutex_unlock(&u->lock);
	return r < 0 ? r : 0;
}

int users_session_new(struct users *u, struct str name, int64_t now, int64_t idle,
		      char ret_secret[USERS_SECRET], struct diag *d)
{
	unsigned char hash[SECRET_HASH];
	sqlite3_stmt *st;
	int r;

	users_secret(ret_secret, hash);
	pthread_mutex_lock(&u->lock);
	st = users_prepare(u, "DELETE FROM session WHERE expires<?1", d);
	if (st)
		sqlite3_bind_int64(st, 1, now);
	r = users_run(u, st, d);
	st = r < 0 ? NULL : users_prepare(u, "INSERT INTO session VALUES(?1,?2,?3,?4)", d);
	if (st) {
		bind_hash(st, 1, hash);
		sql_bind(st, 2, name);
		sqlite3_bind_int64(st, 3, now);
		sqlite3_bind_int64(st, 4, now + idle);
	}
	r = users_run(u, st, d);
	pthread_mutex_unlock(&u->lock);
	return r < 0 ? r : 0;
}

/* Moves a session's end on. */
static int touch(struct users *u, const unsigned char hash[SECRET_HASH], int64_t expires,
		 struct diag *d)
{
	sqlite3_stmt *st = users_prepare(u, "UPDATE session SET expires=?2 WHERE hash=?1", d);
	int r;

	if (st) {
		bind_hash(st, 1, hash);
		sqlite3_bind_int64(st, 2, expires);
	}
	r = users_run(u, st, d);
	return r < 0 ? r : 0;
}

int users_session(struct users *u, struct str secret, int64_t now, int64_t idle,
		  struct arena *mem, struct who *ret_w, struct diag *d)
{
	unsigned char hash[SECRET_HASH];
	int64_t made = 0, expires = 0;
	sqlite3_stmt *st;
	int r = -EIO;

	users_secret_hash(secret, hash);
	pthread_mutex_lock(&u->lock);
	st = users_prepare(u,
			   "SELECT u.name,u.role,s.made,s.expires FROM session s,user u"
			   " WHERE s.hash=?1 AND u.name=s.name AND NOT u.disabled"
			   " AND s.expires>?2 AND s.made+?3>?2",
			   d);
	if (st) {
		bind_hash(st, 1, hash);
		sqlite3_bind_int64(st, 2, now);
		sqlite3_bind_int64(st, 3, SESSION_LONGEST);
		r = sqlite3_step(st) == SQLITE_ROW ? 0 : -EACCES;
	}
	if (r == 0) {
		*ret_w = (struct who){.name = arena_str(mem, sql_column(st, 0)),
				      .role = users_role(sql_column(st, 1))};
		ret_w->rights = users_rights(ret_w->role);
		made = sqlite3_column_int64(st, 2);
		expires = sqlite3_column_int64(st, 3);
	}
	sqlite3_finalize(st);
	expires = now + idle - expires >= TOUCH_EVERY ? now + idle : 0;
	if (r == 0 && expires)
		r = touch(u, hash, MIN(expires, made + SESSION_LONGEST), d);
	pthread_mutex_unlock(&u->lock);
	return r == 0 && !ret_w->name.p ? -ENOMEM : r;
}

int users_session_end(struct users *u, struct str secret, struct diag *d)
{
	unsigned char hash[SECRET_HASH];
	sqlite3_stmt *st;
	int r;

	users_secret_hash(secret, hash);
	pthread_mutex_lock(&u->lock);
	st = users_prepare(u, "DELETE FROM session WHERE hash=?1", d);
	if (st)
		bind_hash(st, 1, hash);
	r = users_run(u, st, d);
	pthread_mutex_unlock(&u->lock);
	return r < 0 ? r : 0;
}

static int token_fits(const struct token *t, struct diag *d)
{
	if (!t->name.len || t->name.len > USERS_NAME_MAX)
		return diag_set(d, -EINVAL, "a token's name has 1 to %d characters",
				USERS_NAME_MAX);
	for (size_t i = 0; i < t->name.len; i++)
		if ((unsigned char)t->name.p[i] < 0x20 || t->name.p[i] == 0x7f)
			return diag_set(d, -EINVAL, "a token's name is one line of text");
	if (t->role == ROLE_ANYONE || t->role >= USER_ROLES)
		return diag_set(d, -EINVAL, "there is no such role");
	return t->expires > t->made ? 0
				    : diag_set(d, -EINVAL, "a token ends after it was made");
}

int users_token_new(struct users *u, const struct token *t, char ret_secret[USERS_SECRET],
		    struct diag *d)
{
	unsigned char hash[SECRET_HASH];
	sqlite3_stmt *st;
	int r = token_fits(t, d);

	if (r < 0)
		return r;
	users_secret(ret_secret, hash);
	pthread_mutex_lock(&u->lock);
	st = users_prepare(u,
			   "INSERT INTO token SELECT ?1,?2,?3,?4,?5,?6,0"
			   " WHERE (SELECT count(*) FROM token)<?7",
			   d);
	if (st) {
		sql_bind(st, 1, t->name);
		bind_hash(st, 2, hash);
		sql_bind(st, 3, str_of(users_role_name(t->role)));
		sql_bind(st, 4, t->owner);
		sqlite3_bind_int64(st, 5, t->made);
		sqlite3_bind_int64(st, 6, t->expires);
		sqlite3_bind_int(st, 7, TOKENS_MAX);
	}
	r = users_run(u, st, d);
	pthread_mutex_unlock(&u->lock);
	if (r == -EEXIST)
		return diag_set(d, r, "there is a token %.*s already", STR_ARG(t->name));
	return r == 0 ? diag_set(d, -EINVAL, "there are %d tokens already", TOKENS_MAX)
		      : MIN(r, 0);
}

static int token_touch(struct users *u, struct str name, int64_t now, struct diag *d)
{
	sqlite3_stmt *st = users_prepare(u, "UPDATE token SET last=?2 WHERE name=?1", d);
	int r;

	if (st) {
		sql_bind(st, 1, name);
		sqlite3_bind_int64(st, 2, now - now % TOKEN_TOUCH);
	}
	r = users_run(u, st, d);
	return r < 0 ? r : 0;
}

int users_token(struct users *u, struct str secret, int64_t now, struct arena *mem,
		struct who *ret_w, struct diag *d)
{
	unsigned char hash[SECRET_HASH];
	uint32_t owner = UINT32_MAX;
	int64_t last = 0;
	sqlite3_stmt *st;
	int r = -EIO;

	users_secret_hash(secret, hash);
	pthread_mutex_lock(&u->lock);
	st = users_prepare(u,
			   "SELECT t.name,t.role,t.last,t.owner,u.role FROM token t"
			   " LEFT JOIN user u ON u.name=t.owner AND NOT u.disabled"
			   " WHERE t.hash=?1 AND t.expires>?2",
			   d);
	if (st) {
		bind_hash(st, 1, hash);
		sqlite3_bind_int64(st, 2, now);
		r = sqlite3_step(st) == SQLITE_ROW ? 0 : -EACCES;
	}
	if (r == 0) {
		*ret_w = (struct who){.name = arena_str(mem, sql_column(st, 0)),
				      .role = users_role(sql_column(st, 1)),
				      .token = true};
		last = sqlite3_column_int64(st, 2);
		if (sql_column(st, 3).len)
			owner = users_rights(users_role(sql_column(st, 4)));
		ret_w->rights = users_rights(ret_w->role) & owner;
		if (!ret_w->rights)
			r = -EACCES;
	}
	sqlite3_finalize(st);
	if (r == 0 && now - last >= TOKEN_TOUCH)
		r = token_touch(u, ret_w->name, now, d);
	pthread_mutex_unlock(&u->lock);
	return r == 0 && !ret_w->name.p ? -ENOMEM : r;
}

int users_token_list(struct users *u, int (*row)(const struct token *t, void *arg), void *arg,
		     struct diag *d)
{
	sqlite3_stmt *st;
	int r = SQLITE_DONE, stop = 0, err = 0;

	pthread_mutex_lock(&u->lock);
	st = users_prepare(
		u, "SELECT name,owner,role,made,expires,last FROM token ORDER BY name", d);
	while (st && !stop && (r = sqlite3_step(st)) == SQLITE_ROW)
		stop = row(&(struct token){.name = sql_column(st, 0),
					   .owner = sql_column(st, 1),
					   .role = users_role(sql_column(st, 2)),
					   .made = sqlite3_column_int64(st, 3),
					   .expires = sqlite3_column_int64(st, 4),
					   .last = sqlite3_column_int64(st, 5)},
			   arg);
	if (!st || (!stop && r != SQLITE_DONE))
		err = users_fail(u, d);
	sqlite3_finalize(st);
	pthread_mutex_unlock(&u->lock);
	return err;
}

int users_token_revoke(struct users *u, struct str name, struct diag *d)
{
	sqlite3_stmt *st;
	int r;

	pthread_mutex_lock(&u->lock);
	st = users_prepare(u, "DELETE FROM token WHERE name=?1", d);
	if (st)
		sql_bind(st, 1, name);
	r = users_run(u, st, d);
	pthread_mutex_unlock(&u->lock);
	return r == 0 ? E_NOTFOUND : MIN(r, 0);
}

int users_mask_key(struct users *u, unsigned char ret_key[16], struct diag *d)
{
	sqlite3_stmt *st;
	int r = -EIO;

	pthread_mutex_lock(&u->lock);
	st = users_prepare(u, "SELECT key FROM mask", d);
	if (st && sqlite3_step(st) == SQLITE_ROW && sqlite3_column_bytes(st, 0) == 16) {
		memcpy(ret_key, sqlite3_column_blob(st, 0), 16);
		r = 0;
	} else if (st) {
		r = users_fail(u, d);
	}
	sqlite3_finalize(st);
	pthread_mutex_unlock(&u->lock);
	return r;
}
