/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/learn.h"
#include "tests/unit/tap.h"
#include <stdlib.h>
#include <unistd.h>

#define SERVER "10.0.0.1"
#define OTHER  "10.0.0.2"
#define HOUR   NS_PER_H
#define START  (20000 * NS_PER_D)

struct world {
	struct schema *s;
	struct rectype *conn, *http;
	struct entities *en;
	struct learn *l;
	struct batch b;
	attr_t fresh, before, raw;
	char dir[64], file[128];
};

static struct rectype *add_type(struct world *w, const char *name, enum ocsf_class cls)
{
	static const attr_t have[] = {ATTR_SRC_IP,   ATTR_SRC_PORT,	ATTR_DST_IP,
				      ATTR_DST_PORT, ATTR_SRC_INTERNAL, ATTR_DST_INTERNAL};
	struct rectype *t = schema_type_add(w->s, STR("t"), str_of(name), cls);

	for (size_t i = 0; i < ARRAY_LEN(have); i++)
		CHECK_INT(schema_provide(w->s, t, have[i]), 0);
	return t;
}

static void open_world(struct world *w)
{
	struct learn_conf conf = {.dir = w->dir};
	struct diag d = {{0}};
	FILE *f;

	snprintf(w->dir, sizeof(w->dir), "/tmp/learn-XXXXXX");
	CHECK(mkdtemp(w->dir) != NULL);
	snprintf(w->file, sizeof(w->file), "%s/q.yaml", w->dir);
	f = fopen(w->file, "w");
	fputs("name: q\nkind: reversal\ntext: \"{entity} {seen} {usual}\"\n"
	      "entity: device\nvalue: dst_endpoint.ip\n",
	      f);
	fclose(f);
	CHECK_INT(schema_new(&w->s), 0);
	w->conn = add_type(w, "t.conn", CLASS_NETWORK_ACTIVITY);
	w->http = add_type(w, "t.http", CLASS_HTTP_ACTIVITY);
	CHECK_INT(entities_new(&(struct entities_conf){0}, w->s, &w->en), 0);
	CHECK_INT(learn_open(&conf, w->s, w->en, &w->l, &d), 0);
	w->fresh = schema_attr(w->s, STR("learned.q.new"));
	w->before = schema_attr(w->s, STR("learned.q.called_before_s"));
	w->raw = schema_attr(w->s, STR("learned.q.raw"));
	for (int i = 0; i < 2; i++) {
		struct rectype *t = i ? w->http : w->conn;

		CHECK_INT(schema_want(w->s, t, w->fresh), 0);
		CHECK_INT(schema_want(w->s, t, w->before), 0);
		CHECK_INT(schema_want(w->s, t, w->raw), 0);
	}
	CHECK_INT(schema_freeze(w->s), 0);
	CHECK_INT(learn_start(w->l), 0);
	CHECK_INT(batch_init(&w->b, 8), 0);
}

static void close_world(struct world *w)
{
	batch_free(&w->b);
	learn_free(w->l);
	entities_free(w->en);
	schema_free(w->s);
	unlink(w->file);
	rmdir(w->dir);
}

/* One record of a call that began at time and was told of at known. */
static struct event *call(struct world *w, const struct rectype *t, const char *from,
			  const char *to, int64_t time, int64_t known)
{
	struct event *e;
	bool in = str_starts(str_of(to), STR("10."));

	batch_reset(&w->b);
	e = batch_add(&w->b, t);
	e->time = time;
	e->known = known;
	event_set(e, ATTR_SRC_IP, val_s(str_of(from)));
	event_set(e, ATTR_DST_IP, val_s(str_of(to)));
	event_set(e, ATTR_SRC_PORT, val_i(40000 + time / NS_PER_S % 20000));
	event_set(e, ATTR_DST_PORT, val_i(443));
	event_set(e, ATTR_SRC_INTERNAL, val_b(!in));
	event_set(e, ATTR_DST_INTERNAL, val_b(in));
	e->ents[0] = (struct entref){entity_put(w->en, ENT_DEVICE, str_of(from), known),
				     ROLE_DEVICE};
	e->ents[1] =
		(struct entref){entity_put(w->en, ENT_DEVICE, str_of(to), known), ROLE_PEER};
	e->nents = 2;
	CHECK_INT(learn_event(w->l, e, &w->b.mem), 0);
	return e;
}

static bool fresh(const struct world *w, const struct event *e)
{
	const struct val *v = event_get(e, w->fresh);

	return v->kind == VAL_BOOL && v->i;
}

static double number(const struct event *e, attr_t a)
{
	double x = -1;

	(void)val_num(event_get(e, a), &x);
	return x;
}

/* A server that calls out once an hour, as for its updates. */
static void ordinary_days(struct world *w, const char *server, int64_t from, int days)
{
	for (int64_t t = from; t < from + days * NS_PER_D; t += HOUR) {
		call(w, w->conn, "198.51.100.9", server, t, t + NS_PER_S);
		call(w, w->conn, server, "192.0.2.10", t + 60 * NS_PER_S, t + 61 * NS_PER_S);
	}
}

TEST(a_request_inside_an_open_connection_tells_who_called)
{
	struct world w = {0};
	int64_t t = START + 3 * NS_PER_D;
	struct event *e;

	open_world(&w);
	ordinary_days(&w, SERVER, START, 3);
	/* The connection stays open, its record is not there; the request's is. */
	call(&w, w.http, "203.0.113.5", SERVER, t, t + NS_PER_S);
	e = call(&w, w.conn, SERVER, "203.0.113.5", t + 20 * NS_PER_S, t + 30 * NS_PER_S);
	CHECK(fresh(&w, e));
	CHECK_INT(number(e, w.before), 20);
	CHECK(number(e, w.raw) > 4);
	/* The same again is news for an hour, and then no more. */
	CHECK(fresh(&w, call(&w, w.conn, SERVER, "203.0.113.5", t + HOUR / 2, t + HOUR / 2)));
	CHECK(!fresh(&w, call(&w, w.conn, SERVER, "203.0.113.5", t + 2 * HOUR, t + 2 * HOUR)));
	/* Nobody who had called. */
	e = call(&w, w.conn, SERVER, "203.0.113.6", t, t);
	CHECK(event_get(e, w.before)->kind == VAL_NONE);
	close_world(&w);
}

TEST(a_connection_that_ends_hours_later_is_still_news)
{
	struct world w = {0};
	int64_t t = START + 3 * NS_PER_D;

	open_world(&w);
	ordinary_days(&w, SERVER, START, 3);
	call(&w, w.http, "203.0.113.5", SERVER, t, t);
	CHECK(fresh(&w, call(&w, w.http, SERVER, "203.0.113.5", t + NS_PER_S, t + NS_PER_S)));
	CHECK(fresh(&w, call(&w, w.conn, SERVER, "203.0.113.5", t + NS_PER_S, t + 9 * HOUR)));
	CHECK(!fresh(&w, call(&w, w.conn, SERVER, "203.0.113.5", t + NS_PER_S, t + 9 * HOUR)));
	close_world(&w);
}

TEST(a_mail_server_calls_back_all_the_time)
{
	struct world w = {0};
	char from[32];
	int told = 0;
	struct event *e;

	open_world(&w);
	for (int h = 0; h < 72; h++) {
		int64_t t = START + h * HOUR;

		snprintf(from, sizeof(from), "198.51.%d.7", h);
		call(&w, w.conn, from, SERVER, t, t);
		e = call(&w, w.conn, SERVER, from, t + 600 * NS_PER_S, t + 601 * NS_PER_S);
		told += fresh(&w, e);
	}
	/* Only what came before its way was known. */
	CHECK(told <= 1);
	CHECK(number(e, w.raw) < 0.2);
	/* Another device of its class does not inherit it once it has a past of its own. */
	ordinary_days(&w, OTHER, START + 3 * NS_PER_D, 6);
	call(&w, w.conn, "203.0.113.5", OTHER, START + 9 * NS_PER_D, START + 9 * NS_PER_D);
	e = call(&w, w.conn, OTHER, "203.0.113.5", START + 9 * NS_PER_D + NS_PER_S,
		 START + 9 * NS_PER_D + NS_PER_S);
	CHECK(fresh(&w, e));
	CHECK(number(e, w.raw) > 3);
	close_world(&w);
}

TEST(a_busy_front_door_remembers_the_latest_and_forgets_after_a_week)
{
	struct world w = {0};
	char from[32];
	int64_t t = START + 3 * NS_PER_D;

	open_world(&w);
	ordinary_days(&w, SERVER, START, 3);
	for (int i = 0; i < 20000; i++) {
		snprintf(from, sizeof(from), "100.%d.%d.1", 64 + i / 256, i % 256);
		call(&w, w.conn, from, SERVER, t + i * NS_PER_S, t + i * NS_PER_S);
	}
	t += 20000 * NS_PER_S;
	CHECK(fresh(&w, call(&w, w.conn, SERVER, from, t, t)));
	snprintf(from, sizeof(from), "100.%d.%d.1", 64 + 19000 / 256, 19000 % 256);
	CHECK(fresh(&w, call(&w, w.conn, SERVER, from, t, t)));
	snprintf(from, sizeof(from), "100.%d.%d.1", 64 + 18900 / 256, 18900 % 256);
	t += 8 * NS_PER_D;
	CHECK(!fresh(&w, call(&w, w.conn, SERVER, from, t, t)));
	close_world(&w);
}

TEST(packets_of_an_answer_are_no_call)
{
	struct world w = {0};
	int64_t t = START + 3 * NS_PER_D;
	struct event *e;

	open_world(&w);
	ordinary_days(&w, SERVER, START, 3);
	call(&w, w.conn, "203.0.113.5", SERVER, t, t);
	batch_reset(&w.b);
	e = call(&w, w.conn, "203.0.113.7", SERVER, t, t);
	/* From the port that was called. */
	batch_reset(&w.b);
	e = batch_add(&w.b, w.conn);
	e->time = e->known = t + NS_PER_S;
	event_set(e, ATTR_SRC_IP, val_s(STR(SERVER)));
	event_set(e, ATTR_DST_IP, val_s(STR("203.0.113.5")));
	event_set(e, ATTR_SRC_PORT, val_i(443));
	event_set(e, ATTR_SRC_INTERNAL, val_b(true));
	event_set(e, ATTR_DST_INTERNAL, val_b(false));
	e->ents[0] = (struct entref){entity_put(w.en, ENT_DEVICE, STR(SERVER), t), ROLE_DEVICE};
	e->nents = 1;
	CHECK_INT(learn_event(w.l, e, &w.b.mem), 0);
	CHECK(event_get(e, w.before)->kind == VAL_NONE);
	close_world(&w);
}

TAP_MAIN
