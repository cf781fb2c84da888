/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/learn/world.h"

static const char *const quantities[] = {
	"name: op\nkind: rarity\nentity: actor\nvalue: api.operation\ntactic: discovery\n",
	"name: net\nkind: rarity\nentity: actor\nvalue: src_endpoint.network\n"
	"tactic: initial_access\n",
	"name: net_again\nkind: rarity\nentity: actor\nvalue: src_endpoint.network\n"
	"tactic: initial_access\n",
	"name: region\nkind: rarity\nentity: actor\nvalue: cloud.region\n"
	"tactic: defense_evasion\n",
	"name: hour\nkind: hour\nentity: home\n",
	NULL};
static const char *const want[] = {"api.operation",	    "src_endpoint.network",
				   "cloud.region",	    "learned.op.raw",
				   "learned.hour.raw",	    "learned.hour.surprise",
				   "learned.hour.distinct", "learned.hour.tactics",
				   "learned.hour.seen",	    NULL};

static struct event *call(struct world *w, const char *who, const char *op, const char *net,
			  const char *region, int64_t at)
{
	struct event *e = world_event(w, at);

	world_role(w, e, ROLE_ACTOR, ENT_ACCOUNT, who);
	world_set(w, e, "api.operation", op);
	world_set(w, e, "src_endpoint.network", net);
	world_set(w, e, "cloud.region", region);
	world_see(w, e);
	return e;
}

/*
 * Forty people at ordinary work for ten days. Each now and then does one thing of his own: a
 * call, or a network, or a region, never two in an hour. user0 does all three every day.
 */
static int64_t work(struct world *w)
{
	for (int h = 0; h < 10 * 24; h++)
		for (int p = 0; p < 40 && h % 24 < 8; p++) {
			int own = (h * 40 + p) % 61;
			bool all = p == 0 && h % 24 == 3;
			int64_t at = DAY0 + h * NS_PER_H + p * NS_PER_S;

			call(w, world_name("user", p),
			     own == 0 || all ? world_name("Own", h * 40 + p)
					     : world_name("Op", (p + h) % 10),
			     own == 1 || all ? world_name("far", h * 40 + p)
					     : world_name("net", p % 3),
			     own == 2 || all ? world_name("land", h * 40 + p) : "home", at);
		}
	return DAY0 + 10 * NS_PER_D;
}

static double num(struct world *w, const struct event *e, const char *field)
{
	char name[64];

	snprintf(name, sizeof(name), "learned.hour.%s", field);
	return world_num(w, e, name);
}

TEST(three_odd_things_in_one_hour_are_odder_than_on_three_days)
{
	struct world w;
	struct event *e;
	double apart = 0, one;
	int64_t t;

	world_open(&w, quantities, want);
	t = work(&w);
	for (int day = 0; day < 3; day++) {
		e = call(&w, "user7", day == 0 ? "NewOp" : "Op1", day == 1 ? "abroad" : "net1",
			 day == 2 ? "island" : "home", t + day * NS_PER_D);
		apart = MAX(apart, num(&w, e, "raw"));
	}
	t += 3 * NS_PER_D;
	e = call(&w, "user8", "NewOp2", "net2", "home", t);
	one = num(&w, e, "raw");
	call(&w, "user8", "Op1", "abroad2", "home", t + 60 * NS_PER_S);
	e = call(&w, "user8", "Op1", "net2", "island2", t + 120 * NS_PER_S);
	printf("# one %.1f, most of three days %.1f, three in an hour %.1f, judged %.1f nats\n",
	       one, apart, num(&w, e, "raw"), num(&w, e, "surprise"));
	CHECK(num(&w, e, "raw") > apart + 2 && num(&w, e, "raw") > one + 2);
	CHECK_INT(num(&w, e, "distinct"), 3);
	CHECK_INT(num(&w, e, "tactics"), 3);
	CHECK(str_find(event_str(e, schema_attr(w.s, STR("learned.hour.seen"))),
		       STR("region")) != SIZE_MAX);
	/* Two quantities look at the network; it counts for the one that told of it first. */
	CHECK(str_find(event_str(e, schema_attr(w.s, STR("learned.hour.seen"))),
		       STR("net_again")) == SIZE_MAX);
	/* What was seen already adds nothing, so the hour does not speak again. */
	e = call(&w, "user8", "Op1", "abroad2", "island2", t + 180 * NS_PER_S);
	CHECK(num(&w, e, "raw") <= 0);
	world_close(&w);
}

/* The door of the whole hour knows that such hours happen. */
TEST(an_hour_of_a_kind_that_is_usual_is_not_surprising)
{
	struct world w;
	struct event *e;
	double often, seldom;
	int64_t t;

	world_open(&w, quantities, want);
	t = work(&w);
	e = call(&w, "user9", "NewOp", "net0", "home", t);
	often = num(&w, e, "surprise");
	call(&w, "user10", "NewOp2", "net1", "home", t);
	call(&w, "user10", "Op1", "abroad", "home", t + 60 * NS_PER_S);
	e = call(&w, "user10", "Op1", "net1", "island", t + 120 * NS_PER_S);
	seldom = num(&w, e, "surprise");
	printf("# one own thing %.1f, three %.1f nats\n", often, seldom);
	CHECK(often < 4.6);
	CHECK(seldom > often + 1);
	world_close(&w);
}

/* Much of an odd hour is still there two hours later, and it is gone after days. */
TEST(part_of_an_odd_hour_is_carried_on)
{
	struct world w;
	struct event *e;
	double alone = 0, soon = 0, late = 0;
	int64_t t;

	world_open(&w, quantities, want);
	t = work(&w);
	alone = num(&w, call(&w, "user11", "New1", "net2", "home", t), "raw");
	for (int p = 12; p < 14; p++) {
		call(&w, world_name("user", p), world_name("Odd", p), world_name("away", p),
		     world_name("isle", p), t);
		e = call(&w, world_name("user", p), world_name("Next", p),
			 world_name("net", p % 3), "home",
			 t + (p == 12 ? 2 * NS_PER_H : 4 * NS_PER_D));
		if (p == 12)
			soon = num(&w, e, "raw");
		else
			late = num(&w, e, "raw");
	}
	printf("# alone %.1f, two hours after an odd hour %.1f, four days after %.1f nats\n",
	       alone, soon, late);
	CHECK(soon > alone + 3);
	CHECK(late < alone + 1);
	world_close(&w);
}

TAP_MAIN
