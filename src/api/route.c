/* SPDX-License-Identifier: Apache-2.0 */
#include "api/auth.h"
#include "api/mask.h"

#define X(method, path, role, run) int run(struct req *q);
#include "api/routes.def"
#undef X

const struct route routes[] = {
#define X(method, path, role, run) {method, path, role, run},
#include "api/routes.def"
#undef X
	{NULL, NULL, ROLE_ANYONE, NULL},
};

/* "a%20b" as "a b"; false when it holds a broken escape or a NUL. */
static bool decode(struct arena *mem, struct str s, struct str *ret_s)
{
	char *p = arena_alloc(mem, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; p && i < s.len; i++) {
		if (s.p[i] != '%') {
			p[n++] = s.p[i];
			continue;
		}
		if (s.len - i < 3 || hex_digit(s.p[i + 1]) < 0 || hex_digit(s.p[i + 2]) < 0)
			return false;
		p[n] = (char)(hex_digit(s.p[i + 1]) << 4 | hex_digit(s.p[i + 2]));
		if (p[n++] == 0)
			return false;
		i += 2;
	}
	if (!p)
		return false;
	p[n] = 0;
	*ret_s = str_n(p, n);
	return true;
}

/* Does the path fit the pattern? Parts that stand for {x} go, decoded, to q->part. */
static bool fits(struct req *q, const char *pattern)
{
	struct str want = str_of(pattern), have = q->path, w, h;
	size_t n = 0;

	while (want.p && have.p) {
		w = str_cut(want, '/', &want);
		h = str_cut(have, '/', &have);
		if (w.len && w.p[0] == '{') {
			if (h.len == 0 || n == REQ_SEGMENTS ||
			    !decode(&q->mem, h, &q->part[n++]))
				return false;
		} else if (!str_eq(w, h)) {
			return false;
		}
	}
	return !want.p && !have.p;
}

/* Whether who asks may use the route; else a problem is answered. */
static bool may(struct req *q, const struct route *r)
{
	if (r->role == ROLE_ANYONE)
		return true;
	if (!q->who.rights)
		req_problem(q, 401, "Sign in first", "%s", "");
	else if (!(q->who.rights & RIGHT(r->role)))
		req_problem(q, 403, "Your role may not do this", "it needs what %s may",
			    users_role_name(r->role));
	else if (q->session.len && strcmp(r->method, "GET") != 0 && !auth_csrf_fits(q))
		req_problem(q, 403, "Not from this page",
			    "X-CSRF-Token must be what GET /session called csrf");
	else
		return true;
	return false;
}

int route_run(struct req *q)
{
	bool path = false;

	for (const struct route *r = routes; r->method; r++) {
		if (!fits(q, r->path))
			continue;
		path = true;
		if (!str_eqz(str_of(r->method), q->method))
			continue;
		if (!may(q, r))
			return 0;
		for (size_t i = 0; q->who.rights && req_masked(q) && i < REQ_SEGMENTS; i++)
			q->part[i] = mask_clear(q, q->part[i]);
		return r->run(q);
	}
	return path ? req_problem(q, 405, "Not in this way", "%s is not possible here",
				  q->method)
		    : req_problem(q, 404, "No such resource", "%s", "");
}
