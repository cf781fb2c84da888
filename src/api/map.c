/* SPDX-License-Identifier: Apache-2.0 */
/* The map: from one entity outwards, or all of it in numbers. */
#include "api/request.h"
#include "atlas/atlas.h"
#include "base/timeutil.h"
#include <errno.h>

int atlas_get(struct req *q);
int posture_get(struct req *q);

#define NAMES_MAX 32

/* A number of the query from 1 to max, or a problem and false; absent: 0. */
static bool want_number(struct req *q, const char *key, int64_t max, size_t *ret_n)
{
	struct str v = req_query(q, key);
	int64_t n = 0;

	if (v.len && (!str_i64(v, &n) || n < 1 || n > max)) {
		req_problem(q, 400, "Wrong number", "%s is from 1 to %lld", key,
			    (long long)max);
		return false;
	}
	*ret_n = (size_t)n;
	return true;
}

static bool want(struct req *q, struct chart_query *m)
{
	struct str at = req_query(q, "at");
	size_t hours, hops;

	m->at = TIME_NONE;
	if (at.len && !time_parse(at, &m->at)) {
		req_problem(q, 400, "Wrong time", "at is RFC 3339");
		return false;
	}
	if (!want_number(q, "hours", 366 * 24, &hours) || !want_number(q, "hops", 3, &hops) ||
	    !want_number(q, "each", 500, &m->each) ||
	    !want_number(q, "limit", CHART_PLACES_MAX, &m->limit))
		return false;
	if (!m->limit && q->format != FORMAT_JSON)
		m->limit = CHART_PLACES_MAX;
	m->within = (int64_t)hours * NS_PER_H;
	m->hops = (unsigned)hops;
	return true;
}

/* Either question of the map, as it draws it. */
static int answer(struct req *q, enum chart_form f,
		  int (*draw)(struct chart *, const struct chart_query *, enum chart_form,
			      struct buf *, struct diag *))
{
	struct str what = req_query(q, "entity");
	struct chart_query m = {0};
	struct str names[NAMES_MAX];
	struct chart *c = NULL;
	struct diag d = {{0}};
	int r;

	if (!want(q, &m) || !req_store(q))
		return 0;
	r = chart_open(q->conf->store, &c, &d);
	if (r == -ENOENT)
		return req_problem(q, 404, "Not found", "there is no map yet");
	m.names = names;
	if (r == 0 && what.len)
		r = chart_names(q->st, what, &q->mem, names, NAMES_MAX, &m.nnames, &d);
	if (r == 0)
		r = draw(c, &m, f, &q->out, &d);
	chart_close(c);
	if (r == E_NOTFOUND)
		return req_problem(q, 404, "Not found", "the map has no place of this name");
	if (r < 0)
		return req_failed(q, r, &d);
	return 0;
}

int atlas_get(struct req *q)
{
	struct str form = req_query(q, "format");
	int f = form.len ? chart_form_of(form) : CHART_JSON;

	q->format = FORMAT_JSON; /* this format is the map's own */
	if (f != CHART_JSON && f != CHART_GRAPHML)
		return req_problem(q, 400, "Wrong format", "format is json or graphml");
	if (f == CHART_GRAPHML && req_masked(q))
		return req_problem(q, 403, "Forbidden",
				   "a file cannot be masked: ask for json");
	if (f == CHART_GRAPHML) {
		q->type = "application/xml";
		q->file_name = STR("map.graphml");
	}
	return answer(q, (enum chart_form)f, chart_draw);
}

/* The items of an answer in JSON, as a file. */
static int as_file(struct req *q)
{
	static const char *const columns[] = {"kind",  "name",	     "model",
					      "title", "first_seen", "last_seen",
					      "times", "event_id",   NULL};
	struct list l;
	struct json j;
	int r = json_scan_copy(&j, buf_str(&q->out), &q->mem);
	uint32_t items = r == 0 ? json_get(&j, 0, STR("items")) : 0;

	buf_clear(&q->out);
	list_open(&l, q, columns);
	if (items)
		JSON_EACH_ITEM(&j, items, t)
	list_item(&l, json_raw(&j, t));
	list_close(&l, str_n(NULL, 0), str_n(NULL, 0));
	json_free(&j);
	return r;
}

int posture_get(struct req *q)
{
	int r = answer(q, CHART_JSON, chart_weak);

	return r == 0 && q->status == 200 && q->format != FORMAT_JSON ? as_file(q) : r;
}
