/* SPDX-License-Identifier: Apache-2.0 */
#include "api/impl.h"
#include "api/mask.h"
#include "base/hash.h"
#include "base/timeutil.h"
#include "store/audit.h"
#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

struct str req_query(struct req *q, const char *key)
{
	struct str v = str_of(MHD_lookup_connection_value(q->conn, MHD_GET_ARGUMENT_KIND, key));

	return q->who.rights && req_masked(q) ? mask_clear(q, v) : v;
}

struct str req_header(const struct req *q, const char *key)
{
	return str_of(MHD_lookup_connection_value(q->conn, MHD_HEADER_KIND, key));
}

struct store *req_store(struct req *q)
{
	struct store_conf conf = {
		.dir = q->conf->store, .read_only = true, .index = q->api->index};
	struct diag d = {{0}};

	if (!q->st && store_open(&conf, &q->st, &d) < 0)
		req_problem(q, 503, "The store cannot be read", "%s", d.msg);
	return q->st;
}

int req_problem(struct req *q, unsigned status, const char *title, const char *fmt, ...)
{
	char detail[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	buf_clear(&q->out);
	buf_fmt(&q->out, "{\"type\":\"about:blank\",\"status\":%u,\"title\":", status);
	buf_json(&q->out, str_of(title));
	if (detail[0]) {
		buf_addz(&q->out, ",\"detail\":");
		buf_json(&q->out, str_of(detail));
	}
	buf_addc(&q->out, '}');
	q->status = status;
	q->type = "application/problem+json";
	return 0;
}

int req_failed(struct req *q, int err, const struct diag *d)
{
	return req_problem(q, 500, "That failed on our side", "%s",
			   d && d->msg[0] ? d->msg : err_text(err));
}

bool req_is_json(const struct req *q)
{
	struct str rest, type = str_trim(str_cut(req_header(q, "Content-Type"), ';', &rest));

	return str_ieqz(type, "application/json") || str_ieqz(type, "application/x-ndjson");
}

bool req_object(struct req *q, struct json *j)
{
	int r;

	json_init(j);
	if (!req_is_json(q)) {
		req_problem(q, 415, "Not this type", "send application/json");
		return false;
	}
	r = json_scan_copy(j, q->body, &q->mem);
	if (r == 0 && j->tok[0].kind == JSON_OBJECT)
		return true;
	req_problem(q, 400, "No JSON object", "%s", "");
	return false;
}

struct str req_member(struct req *q, const struct json *j, const char *key)
{
	uint32_t t = json_get(j, 0, str_of(key));

	return t && j->tok[t].kind == JSON_STRING ? json_text(j, t, &q->mem) : str_n(NULL, 0);
}

struct str req_etag(struct req *q, struct str answer)
{
	return arena_fmt(&q->mem, "\"%016llx\"",
			 (unsigned long long)hash_bytes(answer.p, answer.len, 0));
}

bool req_unchanged(struct req *q)
{
	struct str want = req_header(q, "If-Match"), tag = req_etag(q, buf_str(&q->out));
	bool there = q->out.len > 0;

	buf_clear(&q->out);
	if (!there) {
		req_problem(q, 404, "Not found", "there is nothing of this name");
		return false;
	}
	if (!want.len) {
		req_problem(q, 428, "Say what you read",
			    "If-Match has to be the ETag of what is to be changed, or *");
		return false;
	}
	while (want.p) {
		struct str one = str_trim(str_cut(want, ',', &want));

		if (str_eqz(one, "*") || str_eq(one, tag))
			return true;
	}
	req_problem(q, 412, "It changed meanwhile", "read it again before you change it");
	return false;
}

int64_t req_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int req_audit(struct req *q, const char *action, struct str object, struct str detail)
{
	struct audit_entry e = {.time = req_now(),
				.actor = q->actor.len ? q->actor : STR("nobody"),
				.action = str_of(action),
				.object = object,
				.detail = detail};
	struct audit *a = NULL;
	int r = audit_open(q->conf->store, false, &a, NULL);

	if (r == 0)
		r = audit_add(a, &e, NULL, NULL);
	audit_close(a);
	return r;
}

bool req_masked(const struct req *q)
{
	return !(q->who.rights & RIGHT(ROLE_ANALYST));
}

bool req_limit(struct req *q, size_t *ret_limit)
{
	struct str v = req_query(q, "limit");
	int64_t n = 100;

	if (v.len && (!str_i64(v, &n) || n < 1 || n > 1000)) {
		req_problem(q, 400, "Wrong limit", "limit is a number from 1 to 1000");
		return false;
	}
	*ret_limit = !v.len && q->format != FORMAT_JSON ? FILE_ROWS : (size_t)n;
	return true;
}

bool req_times(struct req *q, struct store_query *sq)
{
	struct str from = req_query(q, "from"), to = req_query(q, "to");

	sq->from = sq->to = TIME_NONE;
	if ((from.len && !time_parse(from, &sq->from)) ||
	    (to.len && !time_parse(to, &sq->to))) {
		req_problem(q, 400, "Wrong time",
			    "from and to are times of RFC 3339, as 2026-05-03T23:00:00Z");
		return false;
	}
	return true;
}

struct str req_cursor(struct req *q)
{
	return q->resume.len ? q->resume : req_query(q, "cursor");
}

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct str cursor_make(struct arena *mem, struct str plain)
{
	char *p = arena_alloc(mem, plain.len * 4 / 3 + 4);
	size_t n = 0;

	for (size_t i = 0; p && i < plain.len; i += 3) {
		size_t left = plain.len - i;
		uint32_t v = (uint32_t)(unsigned char)plain.p[i] << 16;

		if (left > 1)
			v |= (uint32_t)(unsigned char)plain.p[i + 1] << 8;
		if (left > 2)
			v |= (unsigned char)plain.p[i + 2];
		p[n++] = digits[v >> 18];
		p[n++] = digits[v >> 12 & 63];
		if (left > 1)
			p[n++] = digits[v >> 6 & 63];
		if (left > 2)
			p[n++] = digits[v & 63];
	}
	return str_n(p, p ? n : 0);
}

struct str cursor_read(struct arena *mem, struct str cursor)
{
	char *p = arena_alloc(mem, cursor.len + 1);
	uint32_t v = 0;
	size_t n = 0;

	for (size_t i = 0; p && i < cursor.len; i++) {
		const char *at = cursor.p[i] ? strchr(digits, cursor.p[i]) : NULL;

		if (!at)
			return str_n(NULL, 0);
		v = v << 6 | (uint32_t)(at - digits);
		if (i % 4)
			p[n++] = (char)(v >> (6 - 2 * (i % 4)) & 255);
	}
	return str_n(p, p ? n : 0);
}

bool req_cursor_number(struct req *q, uint64_t *ret_n)
{
	struct str cursor = req_cursor(q);
	int64_t n = 0;

	if (cursor.len && (!str_i64(cursor_read(&q->mem, cursor), &n) || n <= 0)) {
		req_problem(q, 400, "Wrong cursor", "give back what an answer called next");
		return false;
	}
	*ret_n = (uint64_t)n;
	return true;
}

struct str cursor_number(struct arena *mem, uint64_t n)
{
	return cursor_make(mem, arena_fmt(mem, "%llu", (unsigned long long)n));
}

void list_open(struct list *l, struct req *q, const char *const *columns)
{
	*l = (struct list){.q = q, .columns = columns};
	q->clean = true; /* item by item */
	if (q->format == FORMAT_JSON) {
		q->type = "application/json";
		buf_addz(&q->out, "{\"items\":[");
	} else if (q->format == FORMAT_NDJSON) {
		q->type = "application/x-ndjson";
	} else {
		q->type = "text/csv; charset=utf-8";
		for (size_t i = 0; !q->resume.len && columns[i]; i++)
			buf_fmt(&q->out, "%s%s", i ? "," : "", columns[i]);
		buf_addz(&q->out, q->resume.len ? "" : "\r\n");
	}
}

bool list_full(const struct list *l, size_t limit)
{
	return l->n == limit ||
	       (l->q->format != FORMAT_JSON && l->n && l->q->out.len >= FILE_BYTES);
}

/*
 * A value of CSV, quoted. A first sign that a spreadsheet would take for a formula gets an
 * apostrophe before it: the text comes from logs, which strangers write.
 */
static void csv_value(struct buf *out, struct str v)
{
	buf_addc(out, '"');
	if (v.len && strchr("=+-@\t\r", v.p[0]))
		buf_addc(out, '\'');
	for (size_t i = 0; i < v.len; i++) {
		if (v.p[i] == '"')
			buf_addc(out, '"');
		buf_addc(out, v.p[i]);
	}
	buf_addc(out, '"');
}

static void csv_token(struct buf *out, const struct json *j, uint32_t t, struct arena *mem)
{
	struct buf all;

	if (j->tok[t].kind != JSON_ARRAY) {
		csv_value(out, j->tok[t].kind == JSON_STRING ? json_text(j, t, mem)
							     : json_raw(j, t));
		return;
	}
	buf_init(&all, 1 * MIB);
	JSON_EACH_ITEM(j, t, item)
	{
		if (all.len)
			buf_addc(&all, ' ');
		buf_add(&all, json_text(j, item, mem));
	}
	csv_value(out, buf_str(&all));
	buf_free(&all);
}

static void csv_row(struct list *l, struct str text)
{
	struct json j;

	if (json_scan_copy(&j, text, &l->q->mem) == 0) {
		for (size_t i = 0; l->columns[i]; i++) {
			uint32_t t = json_get(&j, 0, str_of(l->columns[i]));

			if (i)
				buf_addc(&l->q->out, ',');
			if (t)
				csv_token(&l->q->out, &j, t, &l->q->mem);
		}
		buf_addz(&l->q->out, "\r\n");
	}
	json_free(&j);
}

void list_item(struct list *l, struct str json)
{
	struct buf *out = &l->q->out;

	/* JSON is masked whole, when it is answered. */
	if (req_masked(l->q) && l->q->format != FORMAT_JSON &&
	    mask_json(l->q, json, &json) < 0) {
		out->err = out->err ? out->err : -EIO;
		return;
	}
	if (l->q->format == FORMAT_CSV) {
		csv_row(l, json);
	} else if (l->q->format == FORMAT_NDJSON) {
		buf_add(out, json);
		buf_addc(out, '\n');
	} else {
		if (l->n)
			buf_addc(out, ',');
		buf_add(out, json);
	}
	l->n++;
}

void list_item_tagged(struct list *l, struct str json)
{
	struct req *q = l->q;
	struct str tag = req_etag(q, json);

	list_item(l, arena_fmt(&q->mem, "%.*s,\"etag\":\"\\%.*s\\\"\"}",
			       STR_ARG(str_sub(json, 0, json.len - 1)),
			       STR_ARG(str_sub(tag, 0, tag.len - 1))));
}

void list_close(struct list *l, struct str next, struct str extra)
{
	struct buf *out = &l->q->out;

	l->q->next = next;
	if (l->q->format != FORMAT_JSON)
		return;
	buf_addc(out, ']');
	if (next.len) {
		buf_addz(out, ",\"next\":");
		buf_json(out, next);
	}
	buf_add(out, extra);
	buf_addc(out, '}');
}
