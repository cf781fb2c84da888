/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/learn.h"
#include "tests/unit/tap.h"
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define START (20000 * NS_PER_D)

struct world {
	struct schema *s;
	struct rectype *t;
	struct entities *en;
	struct learn *l;
	struct batch b;
	attr_t ttl, beacon, parallel, period, seen;
	char dir[64], file[128];
};

static uint64_t seed;

static double uniform(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return ((double)(seed >> 11) + 0.5) / 9007199254740992.0;
}

static void open_world(struct world *w, size_t memory, const char *more)
{
	struct learn_conf conf = {.dir = w->dir, .memory_bytes = memory};
	struct diag d = {{0}};
	FILE *f;

	snprintf(w->dir, sizeof(w->dir), "/tmp/learn-XXXXXX");
	CHECK(mkdtemp(w->dir) != NULL);
	snprintf(w->file, sizeof(w->file), "%s/q.yaml", w->dir);
	f = fopen(w->file, "w");
	fprintf(f,
		"name: q\nkind: rhythm\ntext: \"{entity} {seen} {usual}\"\n"
		"entity: device\nvalue: dst_endpoint.hostname\n%s",
		more);
	fclose(f);
	CHECK_INT(schema_new(&w->s), 0);
	w->t = schema_type_add(w->s, STR("t"), STR("t.conn"), CLASS_NETWORK_ACTIVITY);
	w->ttl = schema_attr(w->s, STR("answers.ttl"));
	CHECK_INT(schema_provide(w->s, w->t, ATTR_DST_HOST), 0);
	CHECK_INT(schema_provide(w->s, w->t, w->ttl), 0);
	CHECK_INT(entities_new(&(struct entities_conf){0}, w->s, &w->en), 0);
	CHECK_INT(learn_open(&conf, w->s, w->en, &w->l, &d), 0);
	w->beacon = schema_attr(w->s, STR("learned.q.beacon"));
	w->parallel = schema_attr(w->s, STR("learned.q.parallel"));
	w->period = schema_attr(w->s, STR("learned.q.period_s"));
	w->seen = schema_attr(w->s, STR("learned.q.seen"));
	CHECK_INT(schema_want(w->s, w->t, w->beacon), 0);
	CHECK_INT(schema_want(w->s, w->t, w->parallel), 0);
	CHECK_INT(schema_want(w->s, w->t, w->period), 0);
	CHECK_INT(schema_want(w->s, w->t, w->seen), 0);
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

static struct event *call(struct world *w, const char *who, const char *what, double t,
			  double ttl)
{
	struct event *e;
	int64_t at = START + (int64_t)(t * 1e9);

	batch_reset(&w->b);
	e = batch_add(&w->b, w->t);
	e->time = e->known = at;
	event_set(e, ATTR_DST_HOST, val_s(str_of(what)));
	if (ttl > 0)
		event_set(e, w->ttl, val_f(ttl));
	e->ents[0] =
		(struct entref){entity_put(w->en, ENT_DEVICE, str_of(who), at), ROLE_DEVICE};
	e->nents = 1;
	CHECK_INT(learn_event(w->l, e, &w->b.mem), 0);
	return e;
}

static bool beats(const struct world *w, const struct event *e)
{
	const struct val *v = event_get(e, w->beacon);

	return v->kind == VAL_BOOL && v->i;
}

TEST(a_new_destination_is_told_after_few_calls)
{
	struct world w = {0};
	struct event *e = NULL;
	int at = 0;
	double s = 0;

	seed = 11;
	open_world(&w, 0, "");
	for (int i = 1; i <= 12; i++) {
		e = call(&w, "pc", "c2.example", 60 * i + uniform(), 0);
		if (beats(&w, e) && !at)
			at = i;
	}
	CHECK(at >= 4 && at <= 6);
	CHECK(val_num(event_get(e, w.period), &s) && fabs(s - 60) < 2);
	CHECK(str_starts(val_str(event_get(e, w.seen)), STR("c2.example every ")));
	close_world(&w);
}

/* Each call in two or three connections, as retries and parallel downloads are. */
TEST(calls_in_clusters_beat_at_the_second_level)
{
	struct world w = {0};
	int at = 0;

	seed = 12;
	open_world(&w, 0, "");
	for (int i = 1; i <= 12; i++)
		for (int k = (int)(uniform() * 3); k >= 0; k--)
			if (beats(&w, call(&w, "pc", "c2.example",
					   300 * i + 2 - 0.7 * k - 0.1 * uniform(), 0)) &&
			    !at)
				at = i;
	CHECK(at >= 4 && at <= 8);
	close_world(&w);
}

TEST(what_many_know_needs_more)
{
	struct world w = {0};
	char who[16];
	int at = 0;

	seed = 13;
	open_world(&w, 0, "");
	for (int i = 0; i < 100; i++) {
		snprintf(who, sizeof(who), "pc%d", i);
		call(&w, who, "update.example", i, 0);
	}
	for (int i = 1; i <= 12; i++)
		if (beats(&w,
			  call(&w, "pc1", "update.example", 1000 + 60 * i + uniform(), 0)) &&
		    !at)
			at = i;
	CHECK(at > 6);
	close_world(&w);
}

TEST(a_cache_that_expires_is_no_beacon)
{
	for (int against = 0; against < 2; against++) {
		struct world w = {0};
		bool any = false;
		double t = 0;

		seed = 14;
		open_world(&w, 0, against ? "against: answers.ttl\n" : "");
		for (int i = 0; i < 60; i++, t += 300 - 60 * log(uniform()))
			any |= beats(&w, call(&w, "pc", "news.example", t, 300));
		CHECK_INT(any, !against);
		close_world(&w);
	}
}

TEST(nine_in_step_are_told_in_five_seconds)
{
	struct world w = {0};
	char what[32];
	double first = 0;

	seed = 15;
	open_world(&w, 0, "");
	for (int k = 0; k < 20; k++)
		for (int h = 0; h < 9; h++) {
			double t = 100 + 0.5 * k + 0.03 * h + 0.02 * uniform();
			struct event *e;
			double n = 0;

			snprintf(what, sizeof(what), "rpc%d.example", h);
			e = call(&w, "srv", what, t, 0);
			(void)val_num(event_get(e, w.parallel), &n);
			if (n > 0 && first <= 0) {
				first = t;
				CHECK_INT(n, 9);
			}
		}
	CHECK(first > 101.5 && first < 105);
	close_world(&w);
}

/* Ten thousand channels in the least of memory: banks come and go. */
TEST(eviction_forgets_and_invents_nothing)
{
	struct world w = {0};
	char what[32];
	int alarms = 0;

	seed = 16;
	open_world(&w, 1, "");
	for (int i = 0; i < 60000; i++) {
		snprintf(what, sizeof(what), "h%d.example", (int)(uniform() * 10000));
		alarms += beats(&w, call(&w, "proxy", what, i * 0.5 - 0.2 * log(uniform()), 0));
	}
	CHECK(alarms <= 10);
	close_world(&w);
}

TAP_MAIN
