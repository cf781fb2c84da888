/* SPDX-License-Identifier: Apache-2.0 */
/* Health, the models and the options. */
#include "api/request.h"
#include "base/json.h"
#include "base/timeutil.h"

int health_get(struct req *q);
int metrics_get(struct req *q);
int models_list(struct req *q);
int config_list(struct req *q);

static int meta_row(struct str key, struct str value, void *arg)
{
	struct buf *out = arg;

	if (str_eqz(key, LEARNING_META) || str_eqz(key, "models"))
		return 0; /* told elsewhere */
	if (buf_str(out).p[out->len - 1] != '{')
		buf_addc(out, ',');
	buf_json(out, key);
	buf_addc(out, ':');
	buf_json(out, value);
	return 0;
}

int health_get(struct req *q)
{
	struct store *st = req_store(q);
	struct diag d = {{0}};
	struct str learning;
	char when[TIME_TEXT];
	int64_t from, to;
	uint64_t n = 0;
	int r;

	if (!st)
		return 0;
	buf_fmt(&q->out, "{\"status\":\"ok\",\"version\":\"%s\",", q->conf->version);
	if (q->conf->health)
		q->conf->health(&q->out, q->conf->health_arg);
	r = store_range(st, &from, &to, &n, &d);
	if (r == 0) {
		buf_fmt(&q->out, "\"store\":{\"events\":%llu,\"from\":\"%s\"",
			(unsigned long long)n, time_rfc3339(from / NS_PER_S * NS_PER_S, when));
		buf_fmt(&q->out, ",\"to\":\"%s\"},",
			time_rfc3339(to / NS_PER_S * NS_PER_S, when));
	}
	learning = q->conf->health ? STR("") : store_meta_get(st, LEARNING_META, &q->mem);
	if (learning.len) {
		buf_addz(&q->out, "\"learning\":");
		buf_add(&q->out, learning);
		buf_addc(&q->out, ',');
	}
	buf_addz(&q->out, "\"last_run\":{");
	r = store_meta_each(st, meta_row, &q->out, &d);
	buf_addz(&q->out, "}}");
	return r < 0 ? req_failed(q, r, &d) : 0;
}

int metrics_get(struct req *q)
{
	if (!q->conf->metrics)
		return req_problem(q, 404, "No figures", "this server shows a store");
	q->type = "text/plain; version=0.0.4; charset=utf-8";
	q->clean = true; /* figures */
	q->conf->metrics(&q->out, q->conf->health_arg);
	return 0;
}

struct fired {
	struct {
		struct str model;
		uint64_t fired, notes;
	} row[4096];
	size_t n;
	struct arena *mem;
};

static int fired_row(struct str model, struct str kind, uint64_t n, void *arg)
{
	struct fired *x = arg;
	size_t i = 0;

	while (i < x->n && !str_eq(x->row[i].model, model))
		i++;
	if (i == x->n) {
		if (x->n == ARRAY_LEN(x->row))
			return 1;
		x->row[x->n++].model = arena_str(x->mem, model);
	}
	if (str_eqz(kind, "alert"))
		x->row[i].fired += n;
	else
		x->row[i].notes += n;
	return 0;
}

static void model_item(struct list *l, struct str text, struct str name, const struct fired *x)
{
	struct buf b;

	buf_init(&b, 1 * MIB);
	buf_add(&b, str_sub(text, 0, text.len - 1));
	for (size_t i = 0; i < x->n; i++)
		if (str_eq(x->row[i].model, name))
			buf_fmt(&b, ",\"fired\":%llu,\"notes\":%llu",
				(unsigned long long)x->row[i].fired,
				(unsigned long long)x->row[i].notes);
	buf_addc(&b, '}');
	list_item(l, buf_str(&b));
	buf_free(&b);
}

/* The items of a JSON array made at start; each() gives them to the list. */
static int array_items(struct req *q, struct str text,
		       void (*each)(struct list *l, struct str item, struct str name,
				    void *arg),
		       struct list *l, void *arg)
{
	struct json j;
	int r;

	if (!text.len)
		return 0;
	r = json_scan_copy(&j, text, &q->mem);
	if (r == 0 && j.tok[0].kind == JSON_ARRAY)
		JSON_EACH_ITEM(&j, 0, t)
		{
			uint32_t name = json_get(&j, t, STR("name"));

			each(l, json_raw(&j, t),
			     name ? json_text(&j, name, &q->mem) : str_n(NULL, 0), arg);
		}
	json_free(&j);
	return r;
}

static void each_model(struct list *l, struct str item, struct str name, void *arg)
{
	model_item(l, item, name, arg);
}

int models_list(struct req *q)
{
	static const char *const columns[] = {"name",  "title", "family", "level", "state",
					      "fired", "notes", "attack", NULL};
	struct store *st = req_store(q);
	struct fired *x = st ? arena_zalloc(&q->mem, sizeof(*x)) : NULL;
	struct diag d = {{0}};
	struct list l;
	int r;

	if (!x)
		return 0;
	x->mem = &q->mem;
	r = store_models(st, fired_row, x, &d);
	if (r < 0)
		return req_failed(q, r, &d);
	list_open(&l, q, columns);
	r = array_items(q, q->conf->models, each_model, &l, x);
	list_close(&l, str_n(NULL, 0), str_n(NULL, 0));
	return r < 0 ? req_failed(q, r, &d) : 0;
}

static void each_item(struct list *l, struct str item, struct str name, void *arg)
{
	(void)name;
	(void)arg;
	list_item(l, item);
}

int config_list(struct req *q)
{
	static const char *const columns[] = {"name", "value", "unit", "text", NULL};
	struct list l;
	int r;

	list_open(&l, q, columns);
	r = array_items(q, q->conf->options, each_item, &l, NULL);
	list_close(&l, str_n(NULL, 0), str_n(NULL, 0));
	return r < 0 ? req_failed(q, r, NULL) : 0;
}
