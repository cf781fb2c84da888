/* SPDX-License-Identifier: Apache-2.0 */
/* Suppressions: what need not be told again, as proposed and as applied. */
#include "incident/suppress.h"
#include "api/impl.h"
#include "base/json.h"
#include "base/timeutil.h"
#include <errno.h>

int suppressions_list(struct req *q);
int suppression_get(struct req *q);
int suppressions_act(struct req *q);

static void member(struct buf *b, const char *key, struct str v)
{
	buf_fmt(b, ",\"%s\":", key);
	buf_json(b, v);
}

static void row_json(struct buf *b, const struct suppress_row *r)
{
	char when[TIME_TEXT];

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
}

static int row(const struct suppress_row *r, void *arg)
{
	struct list *l = arg;
	struct str only = req_query(l->q, "incident");
	struct buf b;

	if (only.len && !str_eq(only, r->incident))
		return 0;
	buf_init(&b, MIB);
	row_json(&b, r);
	list_item_tagged(l, buf_str(&b));
	buf_free(&b);
	return buf_err(&l->q->out);
}

int suppressions_list(struct req *q)
{
	static const char *const columns[] = {"id",	  "status", "title", "until",
					      "incident", "by",	    "rules", "scope",
					      "count",	  "last",   NULL};
	struct diag d = {{0}};
	struct list l;
	int r;

	list_open(&l, q, columns);
	r = suppress_list(q->conf->store, row, &l, &d);
	list_close(&l, str_n(NULL, 0), str_n(NULL, 0));
	return r < 0 ? req_failed(q, r, &d) : 0;
}

/* The one that the path names, into the answer; an applied one stands before a proposed one. */
static int this_row(const struct suppress_row *r, void *arg)
{
	struct req *q = arg;

	if (!str_eq(r->id, q->part[0]))
		return 0;
	row_json(&q->out, r);
	return 1;
}

int suppression_get(struct req *q)
{
	struct diag d = {{0}};
	int r = suppress_list(q->conf->store, this_row, q, &d);

	if (r < 0)
		return req_failed(q, r, &d);
	return q->out.len
		       ? 0
		       : req_problem(q, 404, "Not found", "there is no suppression of this id");
}

/* It has to be what was looked at; else a problem and false. */
static bool unchanged(struct req *q)
{
	return suppression_get(q) == 0 && q->status == 200 && req_unchanged(q);
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
	int r;

	pthread_mutex_lock(&q->api->changing);
	r = req_object(q, &j) && unchanged(q) ? act(q, &j) : 0;
	pthread_mutex_unlock(&q->api->changing);
	json_free(&j);
	return r;
}
