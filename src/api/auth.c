/* SPDX-License-Identifier: Apache-2.0 */
#include "api/auth.h"
#include "base/hash.h"
#include "base/timeutil.h"
#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>

#define IDLE_DEFAULT  (12 * NS_PER_H)
#define SETUP_LASTS   (24 * NS_PER_H)
#define ADDRESS_TRIES 10
#define ADDRESS_BACK  (30 * NS_PER_S) /* one more try after so long */
#define NAME_TRIES    20
#define NAME_BACK     (15 * NS_PER_S)
#define CSRF_BYTES    16

int auth_start(struct api *a, struct diag *d)
{
	int r;

	limit_init(&a->limiter);
	if (!a->conf.idle)
		a->conf.idle = IDLE_DEFAULT;
	if (a->conf.open)
		return 0;
	r = users_open(a->conf.store, &a->users, d);
	if (r == 0)
		r = users_mask_key(a->users, a->mask_key, d);
	if (r == 0)
		r = users_ready(a->users, d);
	if (r == 0)
		r = users_setup_new(a->users, req_now() + SETUP_LASTS, a->setup, d);
	return MIN(r, 0);
}

void auth_stop(struct api *a)
{
	a->users = users_close(a->users);
	limit_free(&a->limiter);
}

const char *api_setup(const struct api *a)
{
	return a->setup[0] ? a->setup : NULL;
}

static const char *cookie_name(const struct api *a)
{
	return a->secure ? "__Host-thymus" : "thymus";
}

/* Who a connection belongs to; rights stay 0 for a stranger. idle: as users_session. */
static int identify(struct api *a, struct MHD_Connection *c, int64_t idle, struct arena *mem,
		    struct who *ret_w, struct str *ret_session)
{
	struct str auth =
		str_of(MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Authorization"));
	struct str cookie =
		str_of(MHD_lookup_connection_value(c, MHD_COOKIE_KIND, cookie_name(a)));
	int r;

	if (str_ieq(str_sub(auth, 0, 7), STR("Bearer "))) {
		r = users_token(a->users, str_trim(str_sub(auth, 7, auth.len)), req_now(), mem,
				ret_w, NULL);
	} else if (cookie.len) {
		r = users_session(a->users, cookie, req_now(), idle, mem, ret_w, NULL);
		*ret_session = cookie;
	} else {
		return 0;
	}
	if (r < 0)
		*ret_w = (struct who){.role = ROLE_ANYONE};
	return r == -EACCES ? 0 : r;
}

int auth_identify(struct req *q)
{
	struct api *a = q->api;
	int r;

	if (!a->users) {
		q->who.role = ROLE_ADMIN;
		q->who.rights = users_rights(ROLE_ADMIN);
		q->actor = STR("page");
		return 0;
	}
	r = identify(a, q->conn, a->conf.idle, &q->mem, &q->who, &q->session);
	if (r == 0 && q->who.rights)
		q->actor = arena_fmt(&q->mem, "%s:%.*s", q->who.token ? "token" : "user",
				     STR_ARG(q->who.name));
	if (!q->who.rights)
		q->session = str_n(NULL, 0);
	return r;
}

bool auth_may(struct api *a, struct MHD_Connection *c, enum role role)
{
	struct who w = {.role = ROLE_ANYONE};
	struct str session;
	struct arena mem;

	if (!a->users)
		return true;
	arena_init(&mem, MIB);
	if (identify(a, c, 0, &mem, &w, &session) < 0)
		w.rights = 0;
	arena_free(&mem);
	return (w.rights & RIGHT(role)) != 0;
}

struct str auth_csrf(struct req *q)
{
	static const char key[] = "thymus csrf token";
	unsigned char raw[CSRF_BYTES];
	char *hex = arena_alloc(&q->mem, 2 * CSRF_BYTES + 1);

	if (!hex || !q->session.len)
		return str_n(NULL, 0);
	crypto_generichash(raw, sizeof(raw), (const unsigned char *)q->session.p,
			   q->session.len, (const unsigned char *)key, sizeof(key) - 1);
	return str_of(sodium_bin2hex(hex, 2 * CSRF_BYTES + 1, raw, sizeof(raw)));
}

bool auth_csrf_fits(struct req *q)
{
	struct str want = auth_csrf(q), have = req_header(q, "X-CSRF-Token");

	return want.len && have.len == want.len && sodium_memcmp(want.p, have.p, want.len) == 0;
}

int auth_let_in(struct req *q, struct str name)
{
	struct api *a = q->api;
	char secret[USERS_SECRET];
	struct diag d;
	int r = users_session_new(a->users, name, req_now(), a->conf.idle, secret, &d);

	if (r < 0)
		return r;
	q->cookie = arena_fmt(&q->mem, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s",
			      cookie_name(a), secret, a->secure ? "; Secure" : "");
	q->session = arena_str(&q->mem, str_of(secret));
	return users_session(a->users, q->session, req_now(), a->conf.idle, &q->mem, &q->who,
			     &d);
}

int auth_let_out(struct req *q)
{
	struct api *a = q->api;

	q->cookie = arena_fmt(&q->mem, "%s=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0%s",
			      cookie_name(a), a->secure ? "; Secure" : "");
	return q->session.len ? users_session_end(a->users, q->session, NULL) : 0;
}

/* The address, of IPv6 the /64: who has one has all of it. */
static uint64_t address_key(struct req *q)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(q->conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *sa = i ? i->client_addr : NULL;

	if (sa && sa->sa_family == AF_INET)
		return hash_bytes(&((const struct sockaddr_in *)sa)->sin_addr, 4, 1) | 1;
	if (sa && sa->sa_family == AF_INET6)
		return hash_bytes(&((const struct sockaddr_in6 *)sa)->sin6_addr, 8, 1) | 1;
	return 1;
}

static uint64_t name_key(struct str name)
{
	return hash_str(name, 2) | 1;
}

bool auth_try(struct req *q, struct str name)
{
	struct limiter *l = &q->api->limiter;
	int64_t now = time_wall();
	int64_t wait = limit_take(l, address_key(q), ADDRESS_TRIES, ADDRESS_BACK, now);

	if (!wait && name.len)
		wait = limit_take(l, name_key(name), NAME_TRIES, NAME_BACK, now);
	if (!wait)
		return true;
	q->retry_s = (unsigned)(wait / NS_PER_S + 1);
	req_problem(q, 429, "Too many tries", "try again in %u s", q->retry_s);
	return false;
}

void auth_try_good(struct req *q, struct str name)
{
	limit_give(&q->api->limiter, address_key(q), ADDRESS_BACK);
	if (name.len)
		limit_give(&q->api->limiter, name_key(name), NAME_BACK);
}
