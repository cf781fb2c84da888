/* SPDX-License-Identifier: Apache-2.0 */
/* Events: the list, one by id, and how many when. */
#include "api/impl.h"
#include "base/timeutil.h"
#include "incident/evidence.h"
#include "parse/search.h"
#include <errno.h>

int events_list(struct req *q);
int events_get(struct req *q);
int events_histogram(struct req *q);
int events_process(struct req *q);

#define ATTRIBUTES_MAX 20		     /* records of one id that are taken apart */
#define STEPS	       120		     /* of a histogram, about */
#define UNPACK_MAX     (UINT64_C(256) * MIB) /* of a histogram; beyond, it is called partial */
#define LOOK_NS	       (2 * NS_PER_S) /* a page is looked for so long, then given as it is */
#define LOOK_FILE_NS   (NS_PER_S / 4) /* a part of a file: others have their turn */
#define LOOK_STEP      64	      /* records between two looks at the clock */

struct rows {
	struct list list;
	uint64_t place;
	size_t limit;
	bool more, whole;
	struct evidence *evidence; /* attributes are told, too; or NULL */
	bool message;		   /* a whole e-mail is among them */
	struct search *search;	   /* what they are picked by; or NULL */
	int64_t until;		   /* with it: when to stop looking */
	size_t looked;
	bool late; /* time was up */
};

static const char *const columns[] = {"id", "time", "type", "entities", "text", NULL};

static void event_json(struct buf *b, const struct store_event *e, bool whole, bool masked,
		       struct evidence *ev)
{
	char when[TIME_TEXT];

	buf_addz(b, "{\"id\":");
	buf_json(b, e->id);
	buf_fmt(b, ",\"time\":\"%s\"", time_rfc3339(e->time, when));
	buf_fmt(b, ",\"known\":\"%s\",\"type\":", time_rfc3339(e->known, when));
	buf_json(b, e->type);
	buf_addz(b, ",\"entities\":[");
	for (size_t i = 0; i < e->nentities; i++) {
		struct str name;

		str_cut(e->entities[i], ':', &name);
		if (i)
			buf_addc(b, ',');
		buf_json(b, name);
	}
	buf_addz(b, whole ? "],\"raw\":" : "],\"text\":");
	if (masked)
		buf_addz(b, "\"(masked)\"");
	else
		buf_json(b, whole ? e->raw : str_sub(e->raw, 0, 240));
	if (ev && !masked) {
		buf_addz(b, ",\"attributes\":");
		if (evidence_attributes(ev, e, b) < 0)
			return; /* b says so */
	}
	buf_addc(b, '}');
}

static int event_row(const struct store_event *e, void *arg)
{
	struct rows *x = arg;
	struct buf b;

	if (x->search) {
		x->late = x->looked++ % LOOK_STEP == LOOK_STEP - 1 && time_wall() > x->until;
		if (x->late) {
			x->more = true;
			return 1;
		}
		if (!search_match(x->search, e)) {
			x->place = e->place;
			return 0;
		}
	}
	if (list_full(&x->list, x->limit)) {
		x->more = true;
		return 1;
	}
	buf_init(&b, 64 * MIB);
	event_json(&b, e, x->whole, req_masked(x->list.q),
		   x->list.n < ATTRIBUTES_MAX ? x->evidence : NULL);
	list_item(&x->list, buf_str(&b));
	buf_free(&b);
	x->message |= str_starts(e->type, STR("email."));
	x->place = e->place;
	return 0;
}

struct known {
	bool found;
};

static int entity_known(const struct store_entity *e, void *arg)
{
	(void)e;
	((struct known *)arg)->found = true;
	return 1;
}

/*
 * q: the name of an entity, else words of the raw record. A "field: value" is looked for by its
 * value.
 */
static int want(struct req *q, struct store *st, struct store_query *sq, struct diag *d)
{
	struct store_query ask = {.from = TIME_NONE, .to = TIME_NONE, .limit = 1};
	struct str text = str_trim(req_query(q, "q")), value;
	struct known k = {false};
	int r = 0;

	sq->type = req_query(q, "type");
	sq->entity = req_query(q, "entity");
	if (!req_times(q, sq) || !text.len)
		return 0;
	ask.entity = text;
	r = store_entities(st, &ask, entity_known, &k, d);
	if (k.found && !sq->entity.len) {
		sq->entity = text;
		return r;
	}
	/* Whoever may not read records may not guess at their words either. */
	if (req_masked(q))
		return req_problem(q, 403, "Your role may not search words",
				   "q is the name of an entity");
	str_cut(text, ':', &value);
	if (value.p && value.len > 1 && value.p[0] == ' ') {
		text = str_trim(value);
		if (text.len > 2 && text.p[0] == '"' && text.p[text.len - 1] == '"')
			text = str_sub(text, 1, text.len - 1);
	}
	sq->text = text;
	return r;
}

/* filter=: an expression (event/where.h). False when a problem is answered. */
static bool want_search(struct req *q, struct store_query *sq, struct search **ret_s)
{
	struct str expression = str_trim(req_query(q, "filter"));
	struct reread_conf rc = {.sources = q->conf->inquiry.sources,
				 .entities = q->conf->inquiry.entities};
	struct diag d = {{0}};
	int r;

	if (q->status != 200 || !expression.len)
		return q->status == 200;
	if (req_masked(q))
		return req_problem(q, 403, "Your role may not search attributes",
				   "q is the name of an entity");
	if (!rc.sources)
		return req_problem(q, 503, "No sources", "records cannot be taken apart here");
	r = search_open(&rc, expression, ret_s, &d);
	if (r == E_SYNTAX || r == -ENOTSUP)
		return req_problem(q, 400, "Wrong filter", "%s", d.msg);
	if (r < 0)
		return req_failed(q, r, &d);
	search_narrow(*ret_s, sq);
	return true;
}

/* What the page should know of a search: whether it was given up, and odd fields. */
static struct str search_told(struct req *q, const struct rows *x)
{
	struct buf b;
	struct str s;

	if (!x->search)
		return str_n(NULL, 0);
	buf_init(&b, MIB);
	buf_fmt(&b, ",\"partial\":%s,\"raw_fields\":[", x->late ? "true" : "false");
	for (size_t i = 0; (s = search_raw_field(x->search, i)).len; i++) {
		buf_addz(&b, i ? "," : "");
		buf_json(&b, s);
	}
	buf_addc(&b, ']');
	s = arena_str(&q->mem, buf_str(&b));
	buf_free(&b);
	return s;
}

/* The list, once it is known what is wanted. */
static int list_events(struct req *q, struct store *st, struct store_query *sq, struct rows *x)
{
	struct str next = {NULL, 0};
	struct diag d = {{0}};
	int r;

	sq->limit = x->search ? SIZE_MAX : x->limit + 1;
	x->until = time_wall() + (q->format == FORMAT_JSON ? LOOK_NS : LOOK_FILE_NS);
	list_open(&x->list, q, columns);
	r = store_events(st, sq, event_row, x, &d);
	/* A list has the beginning of a record only, a file of lines all of it. */
	if (r == 0 && x->message && x->whole && !req_masked(q) && !q->audited) {
		r = req_audit(q, "message.read", STR("events"),
			      sq->entity.len ? sq->entity : sq->text);
		q->audited = r == 0;
	}
	if (r < 0)
		return req_failed(q, r, &d);
	if (x->more)
		next = cursor_number(&q->mem, x->place);
	list_close(&x->list, next, search_told(q, x));
	return 0;
}

int events_list(struct req *q)
{
	struct store_query sq = {0};
	struct store *st = req_store(q);
	struct rows x = {.whole = q->format == FORMAT_NDJSON};
	struct diag d = {{0}};
	int r;

	if (!st || !req_limit(q, &x.limit))
		return 0;
	if ((r = want(q, st, &sq, &d)) < 0)
		return req_failed(q, r, &d);
	if (!req_cursor_number(q, &sq.after_place))
		return 0;
	x.place = sq.after_place;
	if (want_search(q, &sq, &x.search) && q->status == 200)
		r = list_events(q, st, &sq, &x);
	search_free(x.search);
	return r;
}

static int cited_row(const struct store_finding *f, void *arg)
{
	struct buf *b = arg;

	if (b->len && b->p[b->len - 1] != '[')
		buf_addc(b, ',');
	buf_addz(b, "{\"kind\":");
	buf_json(b, f->kind);
	buf_addz(b, ",\"id\":");
	buf_json(b, f->id);
	buf_addz(b, ",\"title\":");
	buf_json(b, f->title);
	buf_addc(b, '}');
	return 0;
}

/* Reads records apart; NULL where the program has no sources to read by. */
static int evidence_of(struct req *q, struct evidence **ret_e, struct diag *d)
{
	*ret_e = NULL;
	return q->api->evidence ? evidence_take(q->api->evidence, q->st, ret_e, d) : 0;
}

/* An id may stand for several records: one connection writes many. */
int events_get(struct req *q)
{
	struct store_query sq = {
		.id = q->part[0], .from = TIME_NONE, .to = TIME_NONE, .limit = 101};
	struct store_query fq = {.event = q->part[0], .from = TIME_NONE, .to = TIME_NONE};
	struct store *st = req_store(q);
	struct rows x = {.whole = true, .limit = 100};
	struct diag d = {{0}};
	struct buf cited;
	int r;

	if (!st)
		return 0;
	q->format = FORMAT_JSON;
	r = evidence_of(q, &x.evidence, &d);
	if (r < 0)
		return req_failed(q, r, &d);
	list_open(&x.list, q, columns);
	r = store_events(st, &sq, event_row, &x, &d);
	evidence_give(q->api->evidence, x.evidence);
	if (r < 0)
		return req_failed(q, r, &d);
	if (!x.list.n)
		return req_problem(q, 404, "Not found", "no record of this id is in the store");
	/* Whoever reads what somebody wrote leaves a trace. */
	if (x.message && !req_masked(q) &&
	    (r = req_audit(q, "message.read",
			   arena_fmt(&q->mem, "event:%.*s",
				     STR_ARG(str_sub(q->part[0], 0, 1000))),
			   STR(""))) < 0)
		return req_failed(q, r, NULL);
	buf_init(&cited, 1 * MIB);
	buf_addz(&cited, ",\"findings\":[");
	r = store_findings(st, &fq, cited_row, &cited, &d);
	buf_addc(&cited, ']');
	list_close(&x.list, str_n(NULL, 0), buf_str(&cited));
	buf_free(&cited);
	return r < 0 ? req_failed(q, r, &d) : 0;
}

/* The process that a record tells of, with who started it and whom it started. */
int events_process(struct req *q)
{
	struct evidence *e = NULL;
	struct diag d = {{0}};
	int r;

	if (!req_store(q))
		return 0;
	r = evidence_of(q, &e, &d);
	if (r == 0)
		r = e ? evidence_process(e, q->part[0], req_masked(q), &q->out, &d)
		      : E_NOTFOUND;
	evidence_give(q->api->evidence, e);
	if (r == E_NOTFOUND)
		return req_problem(q, 404, "Not found",
				   "no record of this id tells of a process");
	return r < 0 ? req_failed(q, r, &d) : 0;
}

/* A step that people read: 1, 5, 15, 60 s, ... so that at most about STEPS are drawn. */
static int64_t step_for(int64_t span)
{
	static const int64_t steps[] = {1,    5,     15,    60,	   300,	  900,
					3600, 10800, 21600, 43200, 86400, 604800};

	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (span / (steps[i] * NS_PER_S) <= STEPS)
			return steps[i] * NS_PER_S;
	return span / STEPS + 1;
}

struct counting {
	struct search *search;
	struct store_histogram *h;
	int64_t from, until;
	size_t looked;
};

static int counted_row(const struct store_event *e, void *arg)
{
	struct counting *x = arg;
	int64_t at = (e->known - x->from) / x->h->step;

	if (x->looked++ % LOOK_STEP == LOOK_STEP - 1 && time_wall() > x->until) {
		x->h->partial = true;
		return 1;
	}
	if (at >= 0 && (size_t)at < x->h->n && search_match(x->search, e))
		x->h->count[at]++;
	return 0;
}

/* By the heads of blocks, or, with an expression, record by record. */
static int count_events(struct store *st, struct store_query *sq, struct search *search,
			struct store_histogram *h, struct diag *d)
{
	struct counting x = {
		.search = search, .h = h, .from = sq->from, .until = time_wall() + LOOK_NS};

	if (!search)
		return store_histogram(st, sq, h, d);
	sq->limit = SIZE_MAX;
	return store_events(st, sq, counted_row, &x, d);
}

static int histogram(struct req *q, struct store *st, struct store_query sq,
		     struct search *search)
{
	struct store_histogram h = {.bytes_max = UNPACK_MAX};
	struct diag d = {{0}};
	char when[TIME_TEXT];
	int64_t from, to;
	uint64_t n;
	int r;

	r = store_range(st, &from, &to, &n, &d);
	if (r < 0 && r != E_NOTFOUND)
		return req_failed(q, r, &d);
	q->type = "application/json";
	if (r == E_NOTFOUND) {
		buf_addz(&q->out,
			 "{\"from\":\"1970-01-01T00:00:00Z\",\"step_s\":1,\"counts\":[],"
			 "\"partial\":false}");
		return 0;
	}
	from = sq.from == TIME_NONE ? from : MAX(from, sq.from);
	to = sq.to == TIME_NONE ? to + 1 : MIN(to + 1, sq.to);
	to = MAX(to, from + 1);
	h.step = step_for(to - from);
	sq.from = from - from % h.step;
	sq.to = to;
	h.n = (size_t)((to - sq.from + h.step - 1) / h.step);
	h.count = arena_zalloc(&q->mem, h.n * sizeof(*h.count));
	r = h.count ? count_events(st, &sq, search, &h, &d) : -ENOMEM;
	if (r < 0)
		return req_failed(q, r, &d);
	buf_fmt(&q->out, "{\"from\":\"%s\",\"step_s\":%lld,\"counts\":[",
		time_rfc3339(sq.from, when), (long long)(h.step / NS_PER_S));
	for (size_t i = 0; i < h.n; i++)
		buf_fmt(&q->out, "%s%llu", i ? "," : "", (unsigned long long)h.count[i]);
	buf_fmt(&q->out, "],\"partial\":%s}", h.partial ? "true" : "false");
	return 0;
}

int events_histogram(struct req *q)
{
	struct store_query sq = {0};
	struct store *st = req_store(q);
	struct search *search = NULL;
	struct diag d = {{0}};
	int r;

	if (!st)
		return 0;
	if ((r = want(q, st, &sq, &d)) < 0)
		return req_failed(q, r, &d);
	if (want_search(q, &sq, &search) && q->status == 200)
		r = histogram(q, st, sq, search);
	search_free(search);
	return r;
}
