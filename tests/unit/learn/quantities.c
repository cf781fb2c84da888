/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/learn.h"
#include "tests/unit/tap.h"
#include <stdlib.h>
#include <unistd.h>

struct world {
	struct schema *s;
	struct rectype *t;
	struct entities *en;
	struct learn *l;
	struct batch b;
	attr_t surprise, fresh, org, count;
	char dir[64], file[128];
};

static void open_world(struct world *w, const char *yaml)
{
	struct learn_conf conf = {.dir = w->dir};
	struct diag d = {{0}};
	FILE *f;

	snprintf(w->dir, sizeof(w->dir), "/tmp/learn-XXXXXX");
	CHECK(mkdtemp(w->dir) != NULL);
	snprintf(w->file, sizeof(w->file), "%s/q.yaml", w->dir);
	f = fopen(w->file, "w");
	fputs(yaml, f);
	fclose(f);
	CHECK_INT(schema_new(&w->s), 0);
	w->t = schema_type_add(w->s, STR("t"), STR("t.conn"), CLASS_NETWORK_ACTIVITY);
	w->t->ents[0] = (struct ent_decl){ROLE_DEVICE, ENT_DEVICE, ATTR_SRC_IP};
	w->t->nents = 1;
	CHECK_INT(schema_provide(w->s, w->t, ATTR_SRC_IP), 0);
	CHECK_INT(schema_provide(w->s, w->t, ATTR_DST_HOST), 0);
	CHECK_INT(schema_want(w->s, w->t, ATTR_SRC_IP), 0);
	CHECK_INT(entities_new(&(struct entities_conf){0}, w->s, &w->en), 0);
	CHECK_INT(learn_open(&conf, w->s, w->en, &w->l, &d), 0);
	if (d.msg[0])
		printf("# %s\n", d.msg);
	w->surprise = schema_attr(w->s, STR("learned.q.surprise"));
	w->fresh = schema_attr(w->s, STR("learned.q.new"));
	w->org = schema_attr(w->s, STR("learned.q.new_org"));
	w->count = schema_attr(w->s, STR("learned.q.raw"));
	CHECK_INT(schema_want(w->s, w->t, w->surprise), 0);
	CHECK_INT(schema_want(w->s, w->t, w->fresh), 0);
	CHECK_INT(schema_want(w->s, w->t, w->org), 0);
	CHECK_INT(schema_want(w->s, w->t, w->count), 0);
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

static struct event *call(struct world *w, const char *who, const char *what, int64_t at)
{
	struct event *e;

	batch_reset(&w->b);
	e = batch_add(&w->b, w->t);
	e->time = e->known = at;
	event_set(e, ATTR_SRC_IP, val_s(str_of(who)));
	event_set(e, ATTR_DST_HOST, val_s(str_of(what)));
	e->ents[0] =
		(struct entref){entity_put(w->en, ENT_DEVICE, str_of(who), at), ROLE_DEVICE};
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

#define QUANTITY "name: q\nkind: rarity\nentity: device\nvalue: dst_endpoint.hostname\n"

TEST(rarity_falls_with_repetition_and_rises_with_novelty)
{
	struct world w;
	int64_t t = 1000 * NS_PER_D;
	double known, fresh, shared;
	struct event *e;

	open_world(&w, QUANTITY);
	e = call(&w, "10.0.0.1", "a.example", t);
	CHECK(val_true(event_get(e, w.fresh)) && val_true(event_get(e, w.org)));
	for (int h = 1; h < 48; h++)
		for (int d = 1; d < 9; d++) {
			char ip[16];

			snprintf(ip, sizeof(ip), "10.0.0.%d", d);
			e = call(&w, ip, "a.example", t + h * NS_PER_H);
			if (d > 1)
				call(&w, ip, "b.example", t + h * NS_PER_H);
		}
	known = number(e, w.count);
	CHECK(!val_true(event_get(e, w.fresh)));
	e = call(&w, "10.0.0.1", "b.example", t + 49 * NS_PER_H);
	shared = number(e, w.count);
	CHECK(val_true(event_get(e, w.fresh)) && !val_true(event_get(e, w.org)));
	e = call(&w, "10.0.0.2", "c.example", t + 49 * NS_PER_H);
	fresh = number(e, w.count);
	printf("# known %.2f, new but common among peers %.2f, new to all %.2f nats\n", known,
	       shared, fresh);
	CHECK(known < shared && shared + 1 < fresh);
	/* Still new a minute later, not new in the next hour. */
	e = call(&w, "10.0.0.2", "c.example", t + 49 * NS_PER_H + NS_PER_S);
	CHECK(val_true(event_get(e, w.fresh)));
	e = call(&w, "10.0.0.2", "c.example", t + 50 * NS_PER_H);
	CHECK(!val_true(event_get(e, w.fresh)));
	close_world(&w);
}

TEST(the_same_records_give_the_same_numbers)
{
	double last[2];

	for (int run = 0; run < 2; run++) {
		struct world w;
		struct event *e = NULL;

		open_world(&w, QUANTITY);
		for (int i = 0; i < 3000; i++) {
			char ip[16], host[24];

			snprintf(ip, sizeof(ip), "10.0.0.%d", i * 7 % 31);
			snprintf(host, sizeof(host), "h%d.example", i * i % 97);
			e = call(&w, ip, host, 1000 * NS_PER_D + i * (NS_PER_H / 7));
		}
		last[run] = number(e, w.surprise);
		close_world(&w);
	}
	CHECK(last[0] >= 0);
	CHECK(memcmp(&last[0], &last[1], sizeof(double)) == 0);
}

TAP_MAIN
