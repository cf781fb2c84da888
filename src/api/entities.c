/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entities: the list, and one with its pattern of life. What is usual is read from its stored
 * events: when it is active, with whom, by what kinds of record.
 */
#include "api/request.h"
#include "base/timeutil.h"
#include <errno.h>
#include <stdlib.h>

int entities_list(struct req *q);
int entities_get(struct req *q);

#define LIFE_EVENTS 50000 /* of one entity that are looked at */
#define LIFE_TOP    12	  /* shown of each */
#define RHYTHM_MIN  8	  /* contacts before a rhythm may be named */
#define RHYTHM_KEEP 400	  /* times shown of a rhythm */

static const char *const columns[] = {"name",	   "kind",   "class", "first_seen",
				      "last_seen", "events", "names", NULL};

struct rows {
	struct list list;
	struct store_entity last;
	size_t limit;
	bool more;
};

static void entity_json(struct buf *b, const struct store_entity *e)
{
	char a[TIME_TEXT], z[TIME_TEXT];

	buf_addz(b, "{\"name\":");
	buf_json(b, e->name);
	buf_addz(b, ",\"kind\":");
	buf_json(b, e->kind);
	buf_addz(b, ",\"class\":");
	buf_json(b, e->cls);
	buf_fmt(b, ",\"first_seen\":\"%s\",\"last_seen\":\"%s\",\"events\":%lld,\"names\":[",
		time_rfc3339(e->first_seen, a), time_rfc3339(e->last_seen, z),
		(long long)e->events);
	for (size_t i = 0; i < e->nnames; i++) {
		if (i)
			buf_addc(b, ',');
		buf_json(b, e->names[i]);
	}
	buf_addz(b, "],\"facts\":{");
	for (size_t i = 0; i < e->nfacts; i++) {
		if (i)
			buf_addc(b, ',');
		buf_json(b, e->facts[i].key);
		buf_addc(b, ':');
		buf_json(b, e->facts[i].value);
	}
	buf_addc(b, '}');
}

static int entity_row(const struct store_entity *e, void *arg)
{
	struct rows *x = arg;
	struct arena *mem = &x->list.q->mem;
	struct buf b;

	if (list_full(&x->list, x->limit)) {
		x->more = true;
		return 1;
	}
	buf_init(&b, 1 * MIB);
	entity_json(&b, e);
	buf_addc(&b, '}');
	list_item(&x->list, buf_str(&b));
	buf_free(&b);
	x->last = (struct store_entity){.kind = arena_str(mem, e->kind),
					.name = arena_str(mem, e->name),
					.events = e->events};
	return 0;
}

static bool want_cursor(struct req *q, struct store_entity *ret_e)
{
	struct str rest = cursor_read(&q->mem, req_cursor(q));
	struct str events = str_cut(rest, ' ', &rest);

	ret_e->kind = str_cut(rest, ' ', &rest);
	ret_e->name = rest;
	if (str_i64(events, &ret_e->events) && rest.len)
		return true;
	req_problem(q, 400, "Wrong cursor", "give back what an answer called next");
	return false;
}

int entities_list(struct req *q)
{
	struct store_query sq = {.from = TIME_NONE,
				 .to = TIME_NONE,
				 .kind = req_query(q, "kind"),
				 .text = req_query(q, "q")};
	struct store_entity after;
	struct store *st = req_store(q);
	struct rows x = {0};
	struct str next = {NULL, 0};
	struct diag d = {{0}};
	int r;

	if (!st || !req_limit(q, &x.limit))
		return 0;
	if (req_cursor(q).len) {
		if (!want_cursor(q, &after))
			return 0;
		sq.after_entity = &after;
	}
	sq.limit = x.limit + 1;
	list_open(&x.list, q, columns);
	r = store_entities(st, &sq, entity_row, &x, &d);
	if (r < 0)
		return req_failed(q, r, &d);
	if (x.more)
		next = cursor_make(
			&q->mem, arena_fmt(&q->mem, "%lld %.*s %.*s", (long long)x.last.events,
					   STR_ARG(x.last.kind), STR_ARG(x.last.name)));
	list_close(&x.list, next, str_n(NULL, 0));
	return 0;
}

/* Something counted: a peer or a type of record. */
struct tally {
	struct str name; /* "device:pc1", or a type */
	uint64_t n;
	int64_t last;
	int64_t *times; /* of the first RHYTHM_KEEP */
	bool peer;
};

struct life {
	struct req *q;
	struct str self; /* without its kind */
	struct tally *t;
	size_t n, cap;
	uint64_t hours[168], events;
};

static struct tally *tally_of(struct life *l, struct str name, bool peer)
{
	struct tally *t;

	for (size_t i = 0; i < l->n; i++)
		if (l->t[i].peer == peer && str_eq(l->t[i].name, name))
			return &l->t[i];
	if (l->n == l->cap)
		return NULL;
	t = &l->t[l->n++];
	*t = (struct tally){.name = arena_str(&l->q->mem, name), .peer = peer};
	t->times = peer ? arena_alloc(&l->q->mem, RHYTHM_KEEP * sizeof(*t->times)) : NULL;
	return t;
}

static void count(struct life *l, struct str name, bool peer, int64_t time)
{
	struct tally *t = tally_of(l, name, peer);

	if (!t)
		return;
	if (t->times && t->n < RHYTHM_KEEP)
		t->times[t->n] = time;
	t->n++;
	t->last = MAX(t->last, time);
}

static int life_row(const struct store_event *e, void *arg)
{
	struct life *l = arg;

	l->events++;
	l->hours[time_how(e->time, 0)]++;
	count(l, e->type, false, e->time);
	for (size_t i = 0; i < e->nentities; i++) {
		struct str name;

		str_cut(e->entities[i], ':', &name);
		if (!str_ieq(name, l->self))
			count(l, e->entities[i], true, e->time);
	}
	return 0;
}

static int by_count(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? 1 : -1;
	return str_cmp(x->name, y->name);
}

static void usual(struct life *l, struct buf *out, bool peer, const char *quantity,
		  const char *text)
{
	char when[TIME_TEXT];
	size_t shown = 0;

	buf_fmt(out, "{\"quantity\":\"%s\",\"text\":\"%s\",\"values\":[", quantity, text);
	for (size_t i = 0; i < l->n && shown < LIFE_TOP; i++) {
		const struct tally *t = &l->t[i];
		struct str name = t->name, rest;

		if (t->peer != peer)
			continue;
		str_cut(name, ':', &rest);
		buf_addz(out, shown++ ? ",{\"value\":" : "{\"value\":");
		buf_json(out, peer && rest.len ? rest : name);
		buf_addz(out, ",\"share\":");
		buf_json_f64(out, (double)t->n / (double)MAX(l->events, 1u));
		buf_fmt(out, ",\"last\":\"%s\"}", time_rfc3339(t->last, when));
	}
	buf_addz(out, "]}");
}

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/*
 * The period when half of the gaps lie within a tenth of the median, else 0. A picture for a
 * person, no verdict: what beats is told by the learned quantities.
 */
static int64_t period_of(const struct tally *t, struct arena *mem)
{
	size_t n = MIN(t->n, (uint64_t)RHYTHM_KEEP), near = 0;
	int64_t *gap = n >= RHYTHM_MIN ? arena_alloc(mem, n * sizeof(*gap)) : NULL, mid;

	if (!gap)
		return 0;
	qsort(t->times, n, sizeof(*t->times), by_time);
	for (size_t i = 1; i < n; i++)
		gap[i - 1] = t->times[i] - t->times[i - 1];
	qsort(gap, n - 1, sizeof(*gap), by_time);
	mid = gap[(n - 1) / 2];
	for (size_t i = 0; i < n - 1; i++)
		near += gap[i] >= mid - mid / 10 && gap[i] <= mid + mid / 10;
	return mid >= NS_PER_S && near * 2 >= n - 1 ? mid : 0;
}

static void rhythms(struct life *l, struct buf *out)
{
	char when[TIME_TEXT];
	size_t shown = 0;

	buf_addz(out, ",\"rhythms\":[");
	for (size_t i = 0; i < l->n && shown < 4; i++) {
		const struct tally *t = &l->t[i];
		/* Programs of its own come in bursts; a rhythm is one with somebody else. */
		bool other = t->peer && t->times && !str_starts(t->name, STR("image:"));
		int64_t period = other ? period_of(t, &l->q->mem) : 0;
		struct str name;

		if (!period)
			continue;
		str_cut(t->name, ':', &name);
		buf_addz(out, shown++ ? ",{\"peer\":" : "{\"peer\":");
		buf_json(out, name);
		buf_addz(out, ",\"period_s\":");
		buf_json_f64(out, (double)period / 1e9);
		buf_addz(out, ",\"times\":[");
		for (size_t k = 0; k < MIN(t->n, (uint64_t)RHYTHM_KEEP); k++)
			buf_fmt(out, "%s\"%s\"", k ? "," : "", time_rfc3339(t->times[k], when));
		buf_addz(out, "]}");
	}
	buf_addz(out, "]");
}

static int life_json(struct life *l, struct store *st, struct str name, struct diag *d)
{
	struct store_query sq = {
		.entity = name, .from = TIME_NONE, .to = TIME_NONE, .limit = LIFE_EVENTS};
	struct buf *out = &l->q->out;
	int r;

	l->cap = 2000;
	l->t = arena_alloc(&l->q->mem, l->cap * sizeof(*l->t));
	if (!l->t)
		return -ENOMEM;
	str_cut(name, ':', &l->self);
	l->self = l->self.len ? l->self : name;
	r = store_events(st, &sq, life_row, l, d);
	if (r < 0)
		return r;
	qsort(l->t, l->n, sizeof(*l->t), by_count);
	buf_addz(out, ",\"hours\":[");
	for (size_t i = 0; i < 168; i++)
		buf_fmt(out, "%s%llu", i ? "," : "", (unsigned long long)l->hours[i]);
	buf_addz(out, "],\"normal\":[");
	usual(l, out, true, "peers", "who it has to do with");
	buf_addc(out, ',');
	usual(l, out, false, "records", "what is known of it");
	buf_addz(out, "]");
	rhythms(l, out);
	return 0;
}

struct one {
	struct req *q;
	struct str name; /* "kind:name" */
};

static int one_row(const struct store_entity *e, void *arg)
{
	struct one *x = arg;

	entity_json(&x->q->out, e);
	x->name = arena_fmt(&x->q->mem, "%.*s:%.*s", STR_ARG(e->kind), STR_ARG(e->name));
	return 1;
}

struct found {
	struct buf *out;
	size_t n;
};

static int found_row(const struct store_finding *f, void *arg)
{
	struct found *x = arg;

	buf_addz(x->out, x->n++ ? "," : "");
	buf_add(x->out, f->json);
	return 0;
}

static int found_json(struct req *q, struct store *st, const char *member, struct str kind,
		      struct str name, struct diag *d)
{
	struct store_query sq = {.kind = kind,
				 .entity = name,
				 .from = TIME_NONE,
				 .to = TIME_NONE,
				 .order = STR("newest"),
				 .limit = 20};
	struct found x = {&q->out, 0};
	int r;

	buf_fmt(&q->out, ",\"%s\":[", member);
	r = store_findings(st, &sq, found_row, &x, d);
	buf_addc(&q->out, ']');
	return r;
}

int entities_get(struct req *q)
{
	struct store_query sq = {
		.entity = q->part[0], .from = TIME_NONE, .to = TIME_NONE, .limit = 1};
	struct store *st = req_store(q);
	struct life l = {.q = q};
	struct one x = {.q = q};
	struct diag d = {{0}};
	int r;

	if (!st)
		return 0;
	r = store_entities(st, &sq, one_row, &x, &d);
	if (r == 0 && !x.name.len)
		return req_problem(q, 404, "Not found", "no entity of this name is known");
	if (r < 0 || (r = life_json(&l, st, x.name, &d)) < 0 ||
	    (r = found_json(q, st, "incidents", STR("incident"), q->part[0], &d)) < 0 ||
	    (r = found_json(q, st, "alerts", STR("alert"), q->part[0], &d)) < 0)
		return req_failed(q, r, &d);
	buf_addc(&q->out, '}');
	return 0;
}
