/* SPDX-License-Identifier: Apache-2.0 */
/* One incident: its story with what was asked, a report of it, and what a person says it was.
 */
#include "api/impl.h"
#include "api/mask.h"
#include "base/timeutil.h"
#include "incident/render.h"
#include "incident/suppress.h"
#include "store/audit.h"
#include "store/verdict.h"
#include <errno.h>

int incidents_get(struct req *q);
int incidents_report(struct req *q);
int incidents_verdict(struct req *q);
int audit_list_get(struct req *q);

struct found {
	struct arena *mem;
	struct str line;
};

static int found_row(const struct store_finding *f, void *arg)
{
	struct found *x = arg;

	x->line = arena_str(x->mem, f->json);
	return 1;
}

/* The questions, for an incident that nobody asked about: a running daemon asks when read. */
static int ask(struct req *q, struct str *line, struct diag *d)
{
	struct inquiry_conf conf = q->conf->inquiry;
	struct inquiry *in = NULL;
	struct inquiry_result res;
	struct buf out;
	int r;

	if (!conf.questions || !conf.sources ||
	    str_find(*line, STR("\"questions\":")) != SIZE_MAX)
		return 0;
	conf.store = q->st;
	conf.dir = q->conf->store;
	r = inquiry_open(&conf, &in, d);
	if (r < 0)
		return r;
	buf_init(&out, 32 * MIB);
	r = inquiry_incident(in, *line, &out, &res, d);
	if (r == 0)
		*line = arena_str(&q->mem, buf_str(&out));
	buf_free(&out);
	inquiry_free(in);
	return r;
}

/* The line of incident part[0]; false with a problem answered. */
static bool incident_line(struct req *q, struct str *ret_line)
{
	struct store_query sq = {
		.kind = STR("incident"), .id = q->part[0], .from = TIME_NONE, .to = TIME_NONE};
	struct store *st = req_store(q);
	struct found x = {.mem = &q->mem};
	struct diag d = {{0}};
	int r;

	if (!st)
		return false;
	r = store_findings(st, &sq, found_row, &x, &d);
	if (r == 0 && !x.line.len) {
		req_problem(q, 404, "Not found", "there is no incident of this id");
		return false;
	}
	if (r == 0)
		r = ask(q, &x.line, &d);
	if (r == 0 && req_masked(q)) /* before it becomes a report of any form */
		r = mask_json(q, x.line, &x.line);
	q->clean = true;
	if (r < 0)
		req_failed(q, r, &d);
	*ret_line = x.line;
	return r == 0;
}

/* Adds what was said last to the open end of the line. */
static void add_verdict(struct req *q)
{
	struct verdicts *all;
	struct verdict v;
	char when[TIME_TEXT];

	if (verdicts_open(q->conf->store, true, &all, NULL) < 0)
		return;
	if (verdict_get(all, q->part[0], &q->mem, &v, NULL) == 0) {
		buf_addz(&q->out, ",\"verdict\":{\"verdict\":");
		buf_json(&q->out, v.what);
		buf_addz(&q->out, ",\"note\":");
		buf_json(&q->out, v.note);
		buf_addz(&q->out, ",\"by\":");
		buf_json(&q->out, v.by);
		buf_fmt(&q->out, ",\"time\":\"%s\"}", time_rfc3339(v.time, when));
	}
	verdicts_close(all);
}

int incidents_get(struct req *q)
{
	struct str line;

	if (!incident_line(q, &line))
		return 0;
	line = str_trim(line);
	if (line.len < 2)
		return E_FORMAT;
	buf_add(&q->out, str_sub(line, 0, line.len - 1));
	add_verdict(q);
	buf_addc(&q->out, '}');
	return 0;
}

static const char *type_of(struct str form)
{
	if (str_eqz(form, "html"))
		return "text/html; charset=utf-8";
	if (str_eqz(form, "json") || str_eqz(form, "ocsf"))
		return "application/json";
	return str_eqz(form, "stix") ? "application/stix+json;version=2.1"
				     : "text/plain; charset=utf-8";
}

int incidents_report(struct req *q)
{
	struct str form = req_query(q, "format"), line;
	int r;

	q->format = FORMAT_JSON; /* this format is the report's own */
	form = form.len ? form : STR("html");
	if (!render_known(form))
		return req_problem(q, 400, "Wrong format", "format is one of %s", RENDER_FORMS);
	if (!incident_line(q, &line))
		return 0;
	r = render(form, line, q->conf->version, &q->out);
	q->type = type_of(form);
	return r;
}

/* What would have left the incident out; where the program has no sources to read by, nothing.
 */
static int propose(struct req *q, const struct judgement *x, struct diag *d)
{
	struct inquiry_conf conf = q->conf->inquiry;

	if (!conf.sources || !suppress_fits(x->what))
		return 0;
	return suppress_propose(q->conf->store, &conf, x, d);
}

static int verdict_keep(struct req *q, const struct json *j)
{
	struct judgement x = {.incident = q->part[0],
			      .what = req_member(q, j, "verdict"),
			      .note = req_member(q, j, "note")};
	struct diag d = {{0}};
	int r;

	if (!verdict_known(x.what))
		return req_problem(q, 400, "Wrong verdict",
				   "verdict is true, benign, false, test or duplicate");
	x.time = req_now();
	x.by = q->actor;
	r = judge(q->conf->store, &x, &d);
	if (r == E_NOTFOUND)
		return req_problem(q, 404, "Not found", "there is no incident of this id");
	if (r < 0)
		return req_failed(q, r, &d);
	r = propose(q, &x, &d);
	if (r < 0)
		return req_failed(q, r, &d);
	buf_addz(&q->out, "{\"verdict\":");
	buf_json(&q->out, x.what);
	buf_fmt(&q->out, ",\"proposed\":%d}", r);
	return 0;
}

/* The incident has to be what was looked at; else a problem and false. */
static bool unchanged(struct req *q)
{
	if (incidents_get(q) < 0)
		return req_failed(q, E_FORMAT, NULL);
	if (q->status != 200)
		return false;
	q->clean = false;
	return req_unchanged(q);
}

int incidents_verdict(struct req *q)
{
	struct json j;
	int r;

	pthread_mutex_lock(&q->api->changing);
	r = req_object(q, &j) && unchanged(q) ? verdict_keep(q, &j) : 0;
	pthread_mutex_unlock(&q->api->changing);
	json_free(&j);
	return r;
}

struct audit_rows {
	struct list list;
	uint64_t last;
	size_t limit;
	bool more;
};

static int audit_row(const struct audit_entry *e, void *arg)
{
	struct audit_rows *x = arg;
	char when[TIME_TEXT];
	struct buf b;

	x->more = list_full(&x->list, x->limit);
	if (x->more)
		return 1;
	x->last = e->seq;
	buf_init(&b, 1 * MIB);
	buf_fmt(&b, "{\"seq\":%llu,\"time\":\"%s\",\"actor\":", (unsigned long long)e->seq,
		time_rfc3339(e->time, when));
	buf_json(&b, e->actor);
	buf_addz(&b, ",\"action\":");
	buf_json(&b, e->action);
	buf_addz(&b, ",\"target\":");
	buf_json(&b, e->object);
	buf_addz(&b, ",\"detail\":");
	buf_json(&b, e->detail);
	buf_fmt(&b, ",\"hash\":\"%s\"}", e->hash);
	list_item(&x->list, buf_str(&b));
	buf_free(&b);
	return 0;
}

int audit_list_get(struct req *q)
{
	static const char *const columns[] = {"seq",	"time",	  "actor", "action",
					      "target", "detail", "hash",  NULL};
	struct str next = {NULL, 0};
	struct audit *a = NULL;
	struct audit_rows x = {0};
	struct diag d = {{0}};
	uint64_t before;
	int r;

	if (!req_limit(q, &x.limit) || !req_cursor_number(q, &before))
		return 0;
	list_open(&x.list, q, columns);
	r = audit_open(q->conf->store, true, &a, &d);
	if (r == 0)
		r = audit_list(a, before, STR(""), x.limit + 1, audit_row, &x, &d);
	audit_close(a);
	if (r < 0 && r != -ENOENT)
		return req_failed(q, r, &d);
	if (x.more)
		next = cursor_number(&q->mem, x.last);
	list_close(&x.list, next, str_n(NULL, 0));
	return 0;
}
