/* SPDX-License-Identifier: Apache-2.0 */
/* The ways to sign in, and the one over an OpenID provider. */
#include "api/auth.h"
#include "base/timeutil.h"
#include <errno.h>

int ways_get(struct req *q);
int oidc_login(struct req *q);
int oidc_callback(struct req *q);

#define COOKIE "thymus-oidc"
#define BACK   "/api/v1/oidc/callback"

int ways_get(struct req *q)
{
	buf_fmt(&q->out, "{\"password\":%s", q->api->users ? "true" : "false");
	if (q->api->oidc) {
		buf_addz(&q->out, ",\"oidc\":");
		buf_json(&q->out, oidc_host(q->api->oidc));
	}
	buf_addc(&q->out, '}');
	return 0;
}

/* The callback under the name that browsers know. */
static struct str back(struct req *q)
{
	struct str url = str_of(q->conf->url);

	while (url.len && url.p[url.len - 1] == '/')
		url.len--;
	if (url.len)
		return arena_fmt(&q->mem, "%.*s" BACK, STR_ARG(url));
	return arena_fmt(&q->mem, "%s://%.*s" BACK, q->api->tls ? "https" : "http",
			 STR_ARG(req_header(q, "Host")));
}

static int to(struct req *q, struct str where)
{
	buf_clear(&q->out);
	q->status = 302;
	q->location = where;
	return 0;
}

/* Back to the page, which tells it. */
static int sorry(struct req *q, const char *why, const struct diag *d)
{
	int r = req_audit(q, "session.refused", STR("oidc"), str_of(d->msg));

	return r < 0 ? r : to(q, arena_fmt(&q->mem, "/?problem=%s", why));
}

static bool has_oidc(struct req *q)
{
	if (!q->api->oidc)
		req_problem(q, 404, "No such way to sign in", "%s", "");
	return q->api->oidc != NULL;
}

int oidc_login(struct req *q)
{
	struct diag d = {{0}};
	struct str url, state;
	int r;

	if (!has_oidc(q) || !auth_try(q, str_n(NULL, 0)))
		return 0;
	r = oidc_begin(q->api->oidc, back(q), req_now(), &q->mem, &url, &state, &d);
	if (r < 0)
		return sorry(q, "provider", &d);
	/* Lax: it has to come back from the provider's page; it says nothing by itself. */
	q->cookie = arena_fmt(&q->mem,
			      COOKIE "=%.*s; Path=/api/v1/oidc; Max-Age=600; HttpOnly; "
				     "SameSite=Lax%s",
			      STR_ARG(state), q->api->secure ? "; Secure" : "");
	return to(q, url);
}

int oidc_callback(struct req *q)
{
	struct str state = req_query(q, "state"), code = req_query(q, "code");
	struct str cookie =
		str_of(MHD_lookup_connection_value(q->conn, MHD_COOKIE_KIND, COOKIE));
	struct oidc_person p;
	struct diag d = {{0}};
	int r;

	if (!has_oidc(q))
		return 0;
	/* Only the browser that began may end it: else somebody could sign another in. */
	if (!state.len || !str_eq(state, cookie) || !code.len) {
		diag_set(&d, -EACCES, "%s",
			 code.len ? "of another browser" : "the provider gave no code");
		return sorry(q, "refused", &d);
	}
	r = oidc_end(q->api->oidc, state, code, back(q), req_now(), &q->mem, &p, &d);
	if (r == 0)
		r = users_elsewhere(q->api->users, p.name, users_role(p.role), req_now(), &d);
	if (r < 0)
		return sorry(q, r == -EACCES || r == -EINVAL ? "refused" : "provider", &d);
	auth_try_good(q, str_n(NULL, 0));
	q->actor = arena_fmt(&q->mem, "user:%.*s", STR_ARG(p.name));
	r = req_audit(q, "session.open", q->actor,
		      arena_fmt(&q->mem, "oidc %.*s", STR_ARG(p.role)));
	if (r == 0)
		r = auth_let_in(q, p.name);
	return r == 0 ? to(q, STR("/")) : r;
}
