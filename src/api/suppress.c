/* SPDX-License-Identifier: Apache-2.0 */
/* Suppressions: what need not be told again, as proposed and as applied. */
#include "incident/suppress.h"
#include "api/request.h"
#include "base/json.h"
#include "base/timeutil.h"
#include <errno.h>

int suppressions_list(struct req *q);
int suppressions_act(struct req *q);

static void member(struct buf *b, const char *key, struct str v)
{
	buf_fmt(b, ",\"%s\":", key);
	buf_json(b, v);
}

static int row(const struct suppress_row *r, void *arg)
{
	struct req *q = arg;
	struct buf *b = &q->out;
	struct str only = req_query(q, "incident");
	char when[TIME_TEXT];

	if (only.len && !str_eq(only, r->incident))
		return 0;
	buf_addz(b, b->len && b->p[b->len - 1] == '}' ? "," : "");
	buf_addz(b, "{\"id\":");
	buf_json(b, r->id);
	buf_fmt(b, ",\"status\":\"%s\"", r->accepted ? "applied" : "proposed");
	member(b, "title", r->title);
	member(b, "until", r->until);
	member(b, "incident", r->incident);
	member(b, "by", r->by);
	member(b, "rules", r->rules);
	member(b, "scope", r->entities);
	buf_fmt(b, ",\"count\":%llu", (unsigned long long)r->count);
	if (r->last != TIME_NONE)
		buf_fmt(b, ",\"last\":\"%s\"", time_rfc3339(r->last, when));
	buf_addc(b, '}');
	return buf_err(b);
}

int suppressions_list(struct req *q)
{
	struct diag d = {{0}};
	int r;

	buf_addz(&q->out, "{\"items\":[");
	r = suppress_list(q->conf->store, row, q, &d);
	if (r < 0)
		return req_failed(q, r, &d);
	buf_addz(&q->out, "]}");
	return 0;
}

static int act(struct req *q, const struct json *j)
{
	struct str what = req_member(q, j, "act");
	struct suppress_act a = {.id = q->part[0],
				 .by = q->actor,
				 .until = req_member(q, j, "until"),
				 .time = req_now()};
	struct diag d = {{0}};
	int r;

	if (str_eqz(what, "accept"))
		r = suppress_accept(q->conf->store, &a, &d);
	else if (str_eqz(what, "drop"))
		r = suppress_drop(q->conf->store, &a, &d);
	else
		return req_problem(q, 400, "Wrong act", "act is accept or drop");
	if (r == E_NOTFOUND)
		return req_problem(q, 404, "Not found", "%s", d.msg);
	if (r == -EINVAL)
		return req_problem(q, 400, "Wrong end", "%s", d.msg);
	if (r < 0)
		return req_failed(q, r, &d);
	buf_addz(&q->out, "{\"id\":");
	buf_json(&q->out, a.id);
	buf_addz(&q->out, ",\"act\":");
	buf_json(&q->out, what);
	buf_addc(&q->out, '}');
	return 0;
}

int suppressions_act(struct req *q)
{
	struct json j;
	int r = req_object(q, &j) ? act(q, &j) : 0;

	json_free(&j);
	return r;
}
