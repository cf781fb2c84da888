/* SPDX-License-Identifier: Apache-2.0 */
/* Signing in and out, the set-up link, users and tokens. */
#include "api/auth.h"
#include "base/timeutil.h"
#include <errno.h>

int session_get(struct req *q);
int session_open(struct req *q);
int session_close(struct req *q);
int session_password(struct req *q);
int setup_use(struct req *q);
int users_get(struct req *q);
int users_make(struct req *q);
int user_get(struct req *q);
int users_alter(struct req *q);
int tokens_get(struct req *q);
int token_get(struct req *q);
int tokens_make(struct req *q);
int tokens_revoke(struct req *q);

#define TOKEN_DAYS_MAX 3660

/* Where nobody signs in there are no users either. */
static bool has_users(struct req *q)
{
	if (!q->api->users)
		req_problem(q, 409, "Nobody signs in here",
			    "this server was started with --no-auth");
	return q->api->users != NULL;
}

/* What a function of store/users said, as an answer. */
static int refused(struct req *q, int r, const struct diag *d)
{
	if (r == -EINVAL)
		return req_problem(q, 400, "Not taken", "%s", d->msg);
	if (r == -EEXIST || r == -EPERM)
		return req_problem(q, 409, "Not possible", "%s", d->msg);
	if (r == E_NOTFOUND)
		return req_problem(q, 404, "Not found", "%s", d->msg);
	return req_failed(q, r, d);
}

int session_get(struct req *q)
{
	q->own = true;
	buf_addz(&q->out, "{\"user\":");
	buf_json(&q->out, q->who.name);
	buf_fmt(&q->out, ",\"roles\":[\"%s\"],\"masked\":%s,\"open\":%s",
		users_role_name(q->who.role), req_masked(q) ? "true" : "false",
		q->api->users ? "false" : "true");
	if (q->session.len)
		buf_fmt(&q->out, ",\"csrf\":\"%.*s\"", STR_ARG(auth_csrf(q)));
	buf_addc(&q->out, '}');
	return 0;
}

static int let_in(struct req *q, struct str name, const char *action)
{
	int r;

	q->actor = arena_fmt(&q->mem, "user:%.*s", STR_ARG(name));
	r = req_audit(q, action, q->actor, STR(""));
	if (r == 0)
		r = auth_let_in(q, name);
	return r == 0 ? session_get(q) : r;
}

int session_open(struct req *q)
{
	struct str name, password;
	struct diag d = {{0}};
	struct json j;
	int r = 0;

	if (!has_users(q))
		return 0;
	if (!req_object(q, &j))
		goto out;
	name = req_member(q, &j, "user");
	password = req_member(q, &j, "password");
	if (name.len > USERS_NAME_MAX || password.len > USERS_PASSWORD_MAX) {
		req_problem(q, 401, "Name and password do not fit", "%s", "");
		goto out;
	}
	if (!auth_try(q, name))
		goto out;
	r = users_check(q->api->users, name, password, req_now(), &d);
	if (r == 0) {
		auth_try_good(q, name);
		r = let_in(q, name, "session.open");
	} else if (r == -EACCES) {
		r = req_audit(q, "session.refused",
			      arena_fmt(&q->mem, "user:%.*s", STR_ARG(name)), STR(""));
		if (r == 0)
			req_problem(q, 401, "Name and password do not fit", "%s", "");
	}
out:
	json_free(&j);
	return r;
}

int session_close(struct req *q)
{
	int r;

	if (!has_users(q))
		return 0;
	r = req_audit(q, "session.close", q->actor, STR(""));
	if (r == 0)
		r = auth_let_out(q);
	buf_addz(&q->out, "{}");
	return r;
}

/* One's own; it takes the present one, so that an open screen is not enough. */
int session_password(struct req *q)
{
	struct users_change c = {.disabled = -1};
	struct str name = q->who.name;
	struct diag d = {{0}};
	struct json j;
	int r = 0;

	if (!has_users(q))
		return 0;
	if (q->who.token)
		return req_problem(q, 403, "A token has no password", "%s", "");
	if (!req_object(q, &j))
		goto out;
	c.password = req_member(q, &j, "new");
	if (!c.password.len || !req_member(q, &j, "password").len) {
		req_problem(q, 400, "Not taken", "say the present password and the new one");
		goto out;
	}
	if (!auth_try(q, name))
		goto out;
	r = users_check(q->api->users, name, req_member(q, &j, "password"), req_now(), &d);
	if (r == -EACCES) {
		r = req_problem(q, 403, "That is not the present password", "%s", "");
		goto out;
	}
	auth_try_good(q, name);
	if (r == 0)
		r = req_audit(q, "user.password", q->actor, STR(""));
	if (r == 0)
		r = users_change(q->api->users, name, &c, &d);
	/* All sessions of his ended; this one goes on under another secret. */
	r = r < 0 ? refused(q, r, &d) : let_in(q, name, "session.open");
out:
	json_free(&j);
	return r;
}

int setup_use(struct req *q)
{
	struct diag d = {{0}};
	struct str name;
	struct json j;
	int r = 0;

	if (!has_users(q))
		return 0;
	if (!req_object(q, &j) || !auth_try(q, str_n(NULL, 0)))
		goto out;
	name = req_member(q, &j, "user");
	r = users_setup_use(q->api->users, req_member(q, &j, "secret"), name,
			    req_member(q, &j, "password"), req_now(), &d);
	if (r == -EACCES) {
		r = req_problem(q, 403, "No such link", "%s", d.msg);
	} else if (r < 0) {
		r = refused(q, r, &d);
	} else {
		auth_try_good(q, str_n(NULL, 0));
		r = let_in(q, name, "setup.use");
	}
out:
	json_free(&j);
	return r;
}

static void time_member(struct buf *b, const char *key, int64_t t)
{
	char when[TIME_TEXT];

	if (t)
		buf_fmt(b, ",\"%s\":\"%s\"", key, time_rfc3339(t / NS_PER_S * NS_PER_S, when));
}

static void user_json(struct buf *b, const struct user *x)
{
	buf_addz(b, "{\"name\":");
	buf_json(b, x->name);
	buf_fmt(b, ",\"role\":\"%s\",\"disabled\":%s", users_role_name(x->role),
		x->disabled ? "true" : "false");
	time_member(b, "made", x->made);
	time_member(b, "last", x->last);
	buf_addc(b, '}');
}

static int user_row(const struct user *x, void *arg)
{
	struct list *l = arg;
	struct buf b;

	buf_init(&b, MIB);
	user_json(&b, x);
	list_item_tagged(l, buf_str(&b));
	buf_free(&b);
	return 0;
}

/* The one that the path names, into the answer. */
static int this_user(const struct user *x, void *arg)
{
	struct req *q = arg;

	if (!str_eq(x->name, q->part[0]))
		return 0;
	user_json(&q->out, x);
	return 1;
}

int users_get(struct req *q)
{
	static const char *const columns[] = {"name", "role", "disabled", "made", "last", NULL};
	struct diag d = {{0}};
	struct list l;
	int r;

	if (!has_users(q))
		return 0;
	list_open(&l, q, columns);
	r = users_list(q->api->users, user_row, &l, &d);
	list_close(&l, str_n(NULL, 0), str_n(NULL, 0));
	return r < 0 ? req_failed(q, r, &d) : 0;
}

static int one_get(struct req *q, int r, const struct diag *d)
{
	if (r < 0)
		return req_failed(q, r, d);
	return q->out.len ? 0
			  : req_problem(q, 404, "Not found", "there is nothing of this name");
}

int user_get(struct req *q)
{
	struct diag d = {{0}};

	return has_users(q) ? one_get(q, users_list(q->api->users, this_user, q, &d), &d) : 0;
}

static struct str user_object(struct req *q, struct str name)
{
	return arena_fmt(&q->mem, "user:%.*s", STR_ARG(str_sub(name, 0, USERS_NAME_MAX)));
}

static int done(struct req *q, int r, const char *action, struct str object, struct str detail,
		const struct diag *d)
{
	if (r < 0)
		return refused(q, r, d);
	buf_addz(&q->out, "{}");
	return req_audit(q, action, object, detail);
}

int users_make(struct req *q)
{
	struct diag d = {{0}};
	struct str name, role;
	struct json j;
	int r = 0;

	if (!has_users(q))
		return 0;
	if (req_object(q, &j)) {
		name = req_member(q, &j, "name");
		role = req_member(q, &j, "role");
		r = users_add(q->api->users, name, users_role(role),
			      req_member(q, &j, "password"), req_now(), &d);
		r = done(q, r, "user.add", user_object(q, name), role, &d);
	}
	json_free(&j);
	return r;
}

int users_alter(struct req *q)
{
	struct users_change c = {.disabled = -1};
	struct diag d = {{0}};
	struct str role, said;
	struct json j;
	uint32_t t;
	bool fits;
	int r = 0;

	if (!has_users(q))
		return 0;
	if (!req_object(q, &j))
		goto out;
	role = req_member(q, &j, "role");
	c.role = users_role(role);
	c.password = req_member(q, &j, "password");
	t = json_get(&j, 0, STR("disabled"));
	if (t && (j.tok[t].kind == JSON_TRUE || j.tok[t].kind == JSON_FALSE))
		c.disabled = j.tok[t].kind == JSON_TRUE;
	if (role.len && c.role == ROLE_ANYONE)
		r = diag_set(&d, -EINVAL, "there is no such role");
	pthread_mutex_lock(&q->api->changing);
	if (r == 0)
		r = users_list(q->api->users, this_user, q, &d);
	fits = r < 0 || req_unchanged(q);
	if (r == 0 && fits)
		r = users_change(q->api->users, q->part[0], &c, &d);
	pthread_mutex_unlock(&q->api->changing);
	if (!fits)
		goto out;
	said = arena_fmt(&q->mem, "%.*s%s%s", STR_ARG(role),
			 c.disabled == 1   ? " disabled"
			 : c.disabled == 0 ? " enabled"
					   : "",
			 c.password.len ? " password" : "");
	r = done(q, r, "user.change", user_object(q, q->part[0]), str_trim(said), &d);
out:
	json_free(&j);
	return r;
}

static void token_json(struct buf *b, const struct token *t)
{
	buf_addz(b, "{\"name\":");
	buf_json(b, t->name);
	buf_addz(b, ",\"owner\":");
	buf_json(b, t->owner);
	buf_fmt(b, ",\"role\":\"%s\"", users_role_name(t->role));
	time_member(b, "made", t->made);
	time_member(b, "expires", t->expires);
	time_member(b, "last", t->last);
	buf_addc(b, '}');
}

static int token_row(const struct token *t, void *arg)
{
	struct list *l = arg;
	struct buf b;

	buf_init(&b, MIB);
	token_json(&b, t);
	list_item_tagged(l, buf_str(&b));
	buf_free(&b);
	return 0;
}

static int this_token(const struct token *t, void *arg)
{
	struct req *q = arg;

	if (!str_eq(t->name, q->part[0]))
		return 0;
	token_json(&q->out, t);
	return 1;
}

int token_get(struct req *q)
{
	struct diag d = {{0}};

	return has_users(q) ? one_get(q, users_token_list(q->api->users, this_token, q, &d), &d)
			    : 0;
}

int tokens_get(struct req *q)
{
	static const char *const columns[] = {"name",	 "owner", "role", "made",
					      "expires", "last",  NULL};
	struct diag d = {{0}};
	struct list l;
	int r;

	if (!has_users(q))
		return 0;
	list_open(&l, q, columns);
	r = users_token_list(q->api->users, token_row, &l, &d);
	list_close(&l, str_n(NULL, 0), str_n(NULL, 0));
	return r < 0 ? req_failed(q, r, &d) : 0;
}

/* A token belongs to a user: who comes by a token makes none. */
int tokens_make(struct req *q)
{
	char secret[USERS_SECRET];
	struct token t = {.owner = q->who.name, .made = req_now()};
	struct diag d = {{0}};
	struct str role;
	struct json j;
	int64_t days = 0;
	uint32_t n;
	int r = 0;

	if (!has_users(q))
		return 0;
	if (q->who.token)
		return req_problem(q, 403, "A token makes no tokens", "%s", "");
	if (!req_object(q, &j))
		goto out;
	t.name = req_member(q, &j, "name");
	role = req_member(q, &j, "role");
	t.role = users_role(role);
	n = json_get(&j, 0, STR("days"));
	if (!n || !str_i64(json_raw(&j, n), &days) || days < 1 || days > TOKEN_DAYS_MAX) {
		req_problem(q, 400, "Not taken", "days is a number from 1 to %d",
			    TOKEN_DAYS_MAX);
		goto out;
	}
	t.expires = t.made + days * NS_PER_D;
	r = users_token_new(q->api->users, &t, secret, &d);
	if (r < 0) {
		r = refused(q, r, &d);
		goto out;
	}
	buf_fmt(&q->out, "{\"token\":\"%s\"}", secret);
	r = req_audit(q, "token.add", arena_fmt(&q->mem, "token:%.*s", STR_ARG(t.name)), role);
out:
	json_free(&j);
	return r;
}

int tokens_revoke(struct req *q)
{
	struct diag d = {{0}};
	bool fits;
	int r;

	if (!has_users(q))
		return 0;
	pthread_mutex_lock(&q->api->changing);
	r = users_token_list(q->api->users, this_token, q, &d);
	fits = r < 0 || req_unchanged(q);
	if (r == 0 && fits)
		r = users_token_revoke(q->api->users, q->part[0], &d);
	pthread_mutex_unlock(&q->api->changing);
	if (!fits)
		return 0;
	return done(q, r, "token.revoke",
		    arena_fmt(&q->mem, "token:%.*s",
			      STR_ARG(str_sub(q->part[0], 0, USERS_NAME_MAX))),
		    STR(""), &d);
}
