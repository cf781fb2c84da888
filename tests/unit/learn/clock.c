/* SPDX-License-Identifier: Apache-2.0 */
/* Event time at learn's door: late, future and jumping stamps. */
#include "learn/core.h"
#include "tests/unit/tap.h"
#include <unistd.h>

#define T0 (20000 * NS_PER_D)

TEST(late_is_what_lies_two_minutes_back)
{
	struct clock c = {0};
	bool late;

	CHECK_INT(clock_tick(&c, T0, &late), T0);
	CHECK(!late);
	CHECK_INT(clock_tick(&c, T0 - 119 * NS_PER_S, &late), T0 - 119 * NS_PER_S);
	CHECK(!late);
	CHECK_INT(clock_tick(&c, T0 - 121 * NS_PER_S, &late), T0 - 121 * NS_PER_S);
	CHECK(late);
	CHECK_INT(c.now, T0);
}

TEST(one_stamp_from_the_far_future_does_not_move_the_clock)
{
	struct clock c = {0};
	bool late;

	(void)clock_tick(&c, T0, &late);
	for (int i = 0; i < 100; i++) {
		/* Learned as of now, and no more believed for being repeated now and then. */
		CHECK_INT(clock_tick(&c, T0 + 3650 * NS_PER_D, &late), T0 + i * NS_PER_S);
		CHECK(!late);
		(void)clock_tick(&c, T0 + (i + 1) * NS_PER_S, &late);
		CHECK(!late);
	}
	CHECK_INT(c.now, T0 + 100 * NS_PER_S);
}

TEST(a_jump_that_all_agree_on_is_followed)
{
	struct clock c = {0};
	bool late;
	int64_t far = T0 + 400 * NS_PER_D;

	(void)clock_tick(&c, T0, &late);
	for (int i = 0; i < 8; i++)
		(void)clock_tick(&c, far + i, &late);
	CHECK_INT(c.now, far + 7);
	/* A pause of a month is no jump. */
	CHECK_INT(clock_tick(&c, far + 29 * NS_PER_D, &late), far + 29 * NS_PER_D);
	CHECK_INT(c.now, far + 29 * NS_PER_D);
}

TEST(a_clock_set_back_is_followed_when_it_stays_so)
{
	struct clock c = {0};
	bool late;
	int64_t back = T0 - 3 * NS_PER_D;
	int n = 0;

	(void)clock_tick(&c, T0, &late);
	for (late = true; late && n < 1000; n++)
		(void)clock_tick(&c, back + n * NS_PER_S, &late);
	CHECK_INT(n, 64);
	CHECK(c.now < T0 - 2 * NS_PER_D);
	/* A source that is ten minutes late stays late, however long. */
	(void)clock_tick(&c, T0, &late);
	for (n = 0; n < 1000; n++)
		(void)clock_tick(&c, T0 - 600 * NS_PER_S, &late);
	CHECK(late);
	CHECK_INT(c.now, T0);
}

TEST(the_ends_of_time_do_no_harm)
{
	struct clock c = {0};
	bool late;

	(void)clock_tick(&c, INT64_MIN / 2, &late);
	(void)clock_tick(&c, INT64_MAX, &late);
	(void)clock_tick(&c, 0, &late);
	(void)clock_tick(&c, INT64_MAX, &late);
	(void)clock_tick(&c, INT64_MIN, &late);
	CHECK(c.now != 0);
}

struct world {
	struct schema *s;
	struct rectype *t;
	struct entities *en;
	struct learn *l;
	struct batch b;
	attr_t value, count, fresh;
	char dir[64];
};

static const char *const files[][2] = {
	{"v", "name: v\nkind: volume\nentity: device\nnumber: traffic.bytes_out\nwindow: 1h\n"},
	{"r", "name: r\nkind: rarity\nentity: device\nvalue: dst_endpoint.hostname\n"},
};

static void open_world(struct world *w)
{
	struct learn_conf conf = {.dir = w->dir};
	struct diag d = {{0}};

	memset(w, 0, sizeof(*w));
	snprintf(w->dir, sizeof(w->dir), "/tmp/clock-XXXXXX");
	CHECK(mkdtemp(w->dir) != NULL);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char path[96];
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s.yaml", w->dir, files[i][0]);
		f = fopen(path, "w");
		fputs(files[i][1], f);
		fclose(f);
	}
	CHECK_INT(schema_new(&w->s), 0);
	w->t = schema_type_add(w->s, STR("t"), STR("t.conn"), CLASS_NETWORK_ACTIVITY);
	w->t->ents[0] = (struct ent_decl){ROLE_DEVICE, ENT_DEVICE, ATTR_SRC_IP};
	w->t->nents = 1;
	CHECK_INT(schema_provide(w->s, w->t, ATTR_SRC_IP), 0);
	CHECK_INT(schema_provide(w->s, w->t, ATTR_DST_HOST), 0);
	CHECK_INT(schema_provide(w->s, w->t, ATTR_BYTES_OUT), 0);
	CHECK_INT(entities_new(&(struct entities_conf){0}, w->s, &w->en), 0);
	CHECK_INT(learn_open(&conf, w->s, w->en, &w->l, &d), 0);
	w->value = schema_attr(w->s, STR("learned.v.value"));
	w->count = schema_attr(w->s, STR("learned.r.count"));
	w->fresh = schema_attr(w->s, STR("learned.r.new"));
	CHECK_INT(schema_want(w->s, w->t, w->value), 0);
	CHECK_INT(schema_want(w->s, w->t, w->count), 0);
	CHECK_INT(schema_want(w->s, w->t, w->fresh), 0);
	CHECK_INT(schema_freeze(w->s), 0);
	CHECK_INT(learn_start(w->l), 0);
	CHECK_INT(batch_init(&w->b, 8), 0);
}

static void close_world(struct world *w)
{
	char path[96];

	batch_free(&w->b);
	learn_free(w->l);
	entities_free(w->en);
	schema_free(w->s);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s.yaml", w->dir, files[i][0]);
		unlink(path);
	}
	rmdir(w->dir);
}

static struct event *call(struct world *w, const char *host, int64_t bytes, int64_t at)
{
	struct event *e;

	batch_reset(&w->b);
	e = batch_add(&w->b, w->t);
	e->time = e->known = at;
	event_set(e, ATTR_DST_HOST, val_s(str_of(host)));
	event_set(e, ATTR_BYTES_OUT, val_i(bytes));
	e->ents[0] = (struct entref){entity_put(w->en, ENT_DEVICE, STR("10.0.0.1"), at),
				     ROLE_DEVICE};
	e->nents = 1;
	CHECK_INT(learn_event(w->l, e, &w->b.mem), 0);
	return e;
}

static double number(const struct event *e, attr_t a)
{
	double v = -1;

	(void)val_num(event_get(e, a), &v);
	return v;
}

TEST(late_events_count_but_never_rewind_a_window)
{
	struct world w;
	struct event *e;

	open_world(&w);
	call(&w, "a", 1000, T0);
	e = call(&w, "a", 500, T0 + 2 * NS_PER_H);
	CHECK_INT(number(e, w.value), 500);
	/* Of the hour before: not of this window, and this window is not begun again. */
	e = call(&w, "late", 7000, T0 + NS_PER_H);
	CHECK(number(e, w.value) < 0);
	CHECK(val_true(event_get(e, w.fresh)));
	e = call(&w, "a", 100, T0 + 2 * NS_PER_H + NS_PER_S);
	CHECK_INT(number(e, w.value), 600);
	/* What came late was learned all the same. */
	e = call(&w, "late", 1, T0 + 3 * NS_PER_H);
	CHECK(!val_true(event_get(e, w.fresh)));
	CHECK_INT(number(e, w.count), 1);
	close_world(&w);
}

TEST(a_stamp_from_the_future_spoils_no_past)
{
	struct world w;
	struct learn_stats st;
	struct event *e;

	open_world(&w);
	for (int i = 0; i < 200; i++)
		call(&w, "a", 1000, T0 + i * NS_PER_H);
	call(&w, "a", 1000, T0 + 36500 * NS_PER_D);
	e = call(&w, "a", 1000, T0 + 200 * NS_PER_H);
	CHECK(number(e, w.count) > 150);
	CHECK_INT(number(e, w.value), 1000);
	learn_stats(w.l, &st);
	CHECK_INT(st.since, T0);
	close_world(&w);
}

TAP_MAIN
