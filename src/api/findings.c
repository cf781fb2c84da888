/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents and alerts. */
#include "api/request.h"
#include "base/json.h"
#include "base/timeutil.h"
#include "detect/detect.h"
#include <stdio.h>

int incidents_list(struct req *q);
int alerts_list(struct req *q);
int alerts_get(struct req *q);

#define COUNT_MAX \
	10000 /* "total" is told up to this; beyond, counting would cost more than the page */

struct rows {
	struct list list;
	struct store_finding last; /* strings in the request's arena */
	size_t limit;
	bool more;
};

static void strings(struct buf *out, const struct json *j, const char *key)
{
	uint32_t t = json_get(j, 0, str_of(key));

	if (!t)
		return;
	/* The raw text of a string is without its quotes. */
	buf_fmt(out, j->tok[t].kind == JSON_STRING ? ",\"%s\":\"" : ",\"%s\":", key);
	buf_add(out, json_raw(j, t));
	buf_addz(out, j->tok[t].kind == JSON_STRING ? "\"" : "");
}

/* What a row of the queue shows; the whole is /incidents/{id}. */
static int finding_row(const struct store_finding *f, void *arg)
{
	struct rows *x = arg;
	struct req *q = x->list.q;
	char when[TIME_TEXT];
	struct buf b;
	struct json j;

	if (list_full(&x->list, x->limit)) {
		x->more = true;
		return 1;
	}
	buf_init(&b, 8 * MIB);
	buf_addz(&b, "{\"id\":");
	buf_json(&b, f->id);
	buf_addz(&b, ",\"title\":");
	buf_json(&b, f->title);
	buf_fmt(&b, ",\"time\":\"%s\",\"severity\":\"%s\",\"score\":%u,\"queue\":",
		time_rfc3339(f->time, when), severity_name((enum severity)f->severity),
		f->score);
	buf_json(&b, f->queue);
	buf_addz(&b, ",\"status\":");
	buf_json(&b, f->status);
	if (f->model.len) {
		buf_addz(&b, ",\"model\":");
		buf_json(&b, f->model);
	}
	if (json_scan_copy(&j, f->json, &q->mem) == 0) {
		strings(&b, &j, "updated");
		strings(&b, &j, "entities");
		strings(&b, &j, "attack");
	}
	json_free(&j);
	buf_addc(&b, '}');
	list_item(&x->list, buf_str(&b));
	buf_free(&b);
	x->last = (struct store_finding){.severity = f->severity,
					 .score = f->score,
					 .time = f->time,
					 .id = arena_str(&q->mem, f->id)};
	return 0;
}

static bool want_severity(struct req *q, const char *key, int *ret)
{
	struct str v = req_query(q, key);

	for (int i = 0; v.len && i <= SEV_CRITICAL; i++)
		if (str_eqz(v, severity_name((enum severity)i))) {
			*ret = i;
			return true;
		}
	if (v.len)
		req_problem(q, 400, "Wrong severity",
			    "%s is one of informational, low, medium, high, critical", key);
	return !v.len;
}

/* A cursor is "severity score time id"; sort says what of it counts. */
static bool want_cursor(struct req *q, struct store_finding *ret_f)
{
	struct str plain = cursor_read(&q->mem, req_cursor(q)), rest = plain;
	struct str severity = str_cut(rest, ' ', &rest), score = str_cut(rest, ' ', &rest),
		   time = str_cut(rest, ' ', &rest);
	int64_t a, b;

	if (!str_i64(severity, &a) || !str_i64(score, &b) || !str_i64(time, &ret_f->time) ||
	    !rest.len) {
		req_problem(q, 400, "Wrong cursor", "give back what an answer called next");
		return false;
	}
	ret_f->severity = (int)a;
	ret_f->score = (unsigned)b;
	ret_f->id = rest;
	return true;
}

static bool want(struct req *q, struct store_query *sq, struct store_finding *after)
{
	int exact = -1, least = 0;

	sq->queue = req_query(q, "queue");
	sq->status = req_query(q, "status");
	sq->model = req_query(q, "model");
	sq->entity = req_query(q, "entity");
	sq->event = req_query(q, "event");
	sq->text = req_query(q, "q");
	sq->order = req_query(q, "sort");
	if (sq->order.len && !str_eqz(sq->order, "severity") && !str_eqz(sq->order, "time") &&
	    !str_eqz(sq->order, "newest")) {
		req_problem(q, 400, "Wrong sort", "sort is severity, time or newest");
		return false;
	}
	if (!want_severity(q, "severity", &exact) ||
	    !want_severity(q, "severity_min", &least) || !req_times(q, sq))
		return false;
	sq->severity_min = exact >= 0 ? exact : least;
	sq->severity_max = exact > 0 ? exact : 0;
	if (req_cursor(q).len) {
		if (!want_cursor(q, after))
			return false;
		sq->after = after;
	}
	return true;
}

static const char *const columns[] = {"id",    "time",	"severity", "score",  "queue",
				      "title", "model", "entities", "status", NULL};

static int findings_list(struct req *q, struct str kind)
{
	struct store_query sq = {.kind = kind};
	struct store_finding after;
	struct store *st = req_store(q);
	struct rows x = {0};
	struct str extra = {NULL, 0}, next = {NULL, 0};
	struct diag d = {{0}};
	uint64_t total;
	int r;

	if (!st || !req_limit(q, &x.limit) || !want(q, &sq, &after))
		return 0;
	sq.limit = x.limit + 1;
	list_open(&x.list, q, columns);
	r = store_findings(st, &sq, finding_row, &x, &d);
	if (r == 0 && q->format == FORMAT_JSON) {
		r = store_findings_count(st, &sq, COUNT_MAX, &total, &d);
		if (r == 0 && total < COUNT_MAX)
			extra = arena_fmt(&q->mem, ",\"total\":%llu",
					  (unsigned long long)total);
	}
	if (r < 0)
		return req_failed(q, r, &d);
	if (x.more)
		next = cursor_make(&q->mem,
				   arena_fmt(&q->mem, "%d %u %lld %.*s", x.last.severity,
					     x.last.score, (long long)x.last.time,
					     STR_ARG(x.last.id)));
	list_close(&x.list, next, extra);
	return 0;
}

static int whole_row(const struct store_finding *f, void *arg)
{
	struct req *q = arg;

	q->status = 200;
	buf_add(&q->out, f->json);
	return 1;
}

static int findings_get(struct req *q, struct str kind)
{
	struct store_query sq = {
		.kind = kind, .id = q->part[0], .from = TIME_NONE, .to = TIME_NONE};
	struct store *st = req_store(q);
	struct diag d = {{0}};
	int r;

	if (!st)
		return 0;
	r = store_findings(st, &sq, whole_row, q, &d);
	if (r < 0)
		return req_failed(q, r, &d);
	return q->out.len ? 0
			  : req_problem(q, 404, "Not found", "there is no %.*s of this id",
					STR_ARG(kind));
}

int incidents_list(struct req *q)
{
	return findings_list(q, STR("incident"));
}

int alerts_list(struct req *q)
{
	bool notes = str_eqz(req_query(q, "notes"), "true");

	return findings_list(q, notes ? STR("note") : STR("alert"));
}

int alerts_get(struct req *q)
{
	return findings_get(q, STR("alert"));
}
