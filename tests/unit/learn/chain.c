/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/chain.h"
#include "learn/tactics.h"
#include "tests/unit/learn/world.h"

static const char *const quantities[] = {
	"name: op\nkind: rarity\nentity: actor\nvalue: api.operation\ntactic: discovery\n"
	"tactics: {persistence: [CreateKey], impact: [Run*]}\n",
	"name: net\nkind: rarity\nentity: actor\nvalue: src_endpoint.network\n"
	"tactic: initial_access\ncontext: true\n",
	"name: chain\nkind: chain\nentity: home\nlinks:\n"
	"  - {events: {where: {op: {api.operation: [AssumeRole, CreateKey]}}}, from: actor, "
	"to: session.issued_uid}\n"
	"  - {from: actor, to: actor.session.uid}\n"
	"  - {events: {class: api_activity}, from: actor, to: device}\n",
	"name: chain_slow\nkind: chain\nchannel: slow\nentity: home\n", NULL};
static const char *const want[] = {"api.operation",
				   "src_endpoint.network",
				   "actor.session.uid",
				   "session.issued_uid",
				   "learned.chain.raw",
				   "learned.chain.surprise",
				   "learned.chain.tactics",
				   "learned.chain.list",
				   "learned.chain_slow.raw",
				   "learned.chain_slow.tactics",
				   NULL};

struct call {
	const char *who, *op, *net, *session, *issued, *device;
};

static struct event *call(struct world *w, const struct call *c, int64_t at)
{
	struct event *e = world_event(w, at);

	world_role(w, e, ROLE_ACTOR, ENT_ACCOUNT, c->who);
	if (c->device)
		world_role(w, e, ROLE_DEVICE, ENT_DEVICE, c->device);
	world_set(w, e, "api.operation", c->op);
	if (c->net)
		world_set(w, e, "src_endpoint.network", c->net);
	if (c->session)
		world_set(w, e, "actor.session.uid", c->session);
	if (c->issued)
		world_set(w, e, "session.issued_uid", c->issued);
	world_see(w, e);
	return e;
}

/* Forty people at ordinary work, ten days; everybody tries something of his own now and then.
 */
static int64_t work(struct world *w, int64_t from, int days)
{
	for (int h = 0; h < days * 24; h++)
		for (int p = 0; p < 40 && h % 24 < 8; p++) {
			int64_t at = from + h * NS_PER_H + p * NS_PER_S;
			struct call c = {.who = world_name("user", p),
					 .op = world_name("Op", (p + h) % 10),
					 .net = world_name("net", p % 3)};

			call(w, &c, at);
			if ((h * 40 + p) % 211 == 0) {
				c.op = world_name("Own", h * 40 + p);
				call(w, &c, at);
			}
		}
	return from + days * NS_PER_D;
}

static int tactics(struct world *w, const struct event *e)
{
	return (int)world_num(w, e, "learned.chain.tactics");
}

TEST(tactics_have_one_number_however_they_are_spelled)
{
	CHECK_INT(tactic_id(STR("initial-access")), tactic_id(STR("initial_access")));
	CHECK_INT(tactic_id(STR("Initial Access")), tactic_id(STR("initial_access")));
	CHECK_INT(tactic_id(STR("initial")), TACTIC_NONE);
	for (uint8_t i = 0; i < TACTIC_COUNT; i++)
		CHECK_INT(tactic_id(str_of(tactic_name(i))), i);
}

/* Somebody abroad makes a key; whoever uses that key, under another name, starts machines. */
TEST(a_chain_goes_over_the_key_that_was_made)
{
	struct world w;
	struct event *e;
	int64_t t;
	double before, after;

	world_open(&w, quantities, want);
	t = work(&w, DAY0, 10);
	e = call(&w, &(struct call){"user7", "Op1", "abroad", NULL, NULL, NULL}, t);
	CHECK_INT(tactics(&w, e), 1);
	e = call(&w, &(struct call){"user7", "CreateKey", "abroad", NULL, "KEY1", NULL},
		 t + 60 * NS_PER_S);
	CHECK_INT(tactics(&w, e), 2);
	before = world_num(&w, e, "learned.chain.raw");
	/* The same call by somebody who has nothing to do with it. */
	e = call(&w, &(struct call){"user9", "RunMachines", "net0", "KEY9", NULL, NULL},
		 t + 120 * NS_PER_S);
	CHECK_INT(tactics(&w, e), 1);
	e = call(&w, &(struct call){"user8", "RunInstances", "net2", "KEY1", NULL, NULL},
		 t + 180 * NS_PER_S);
	after = world_num(&w, e, "learned.chain.raw");
	printf("# on user7 %.1f, with what came over the key on user8 %.1f nats: %.*s\n",
	       before, after,
	       STR_ARG(event_str(e, schema_attr(w.s, STR("learned.chain.list")))));
	CHECK_INT(tactics(&w, e), 3);
	CHECK(str_find(event_str(e, schema_attr(w.s, STR("learned.chain.list"))),
		       STR("on user7")) != SIZE_MAX);
	/* In the words that models ask for. */
	CHECK(str_find(event_str(e, schema_attr(w.s, STR("learned.chain.list"))),
		       STR("initial access")) != SIZE_MAX);
	/* An ordinary call adds nothing, so the chain does not speak on it. */
	e = call(&w, &(struct call){"user8", "Op2", "net2", "KEY1", NULL, NULL},
		 t + 240 * NS_PER_S);
	CHECK_INT(tactics(&w, e), -1);
	/* Two days later the link and the tactics are forgotten. */
	e = call(&w, &(struct call){"user8", "RunOther", "net2", "KEY2", NULL, NULL},
		 t + 2 * NS_PER_D);
	CHECK_INT(tactics(&w, e), 1);
	world_close(&w);
}

/* A gateway that all work through joins nobody to anybody. */
TEST(a_hub_does_not_pass)
{
	struct world w;
	struct event *e = NULL;
	int64_t t;

	world_open(&w, quantities, want);
	t = work(&w, DAY0, 10);
	for (int p = 0; p < 12; p++)
		call(&w,
		     &(struct call){world_name("user", p), world_name("Op", p % 10),
				    world_name("net", p % 3), NULL, NULL, "gate"},
		     t + p * NS_PER_S);
	call(&w, &(struct call){"user1", "Op1", "abroad", NULL, NULL, "gate"},
	     t + 60 * NS_PER_S);
	call(&w, &(struct call){"user2", "CreateKey", "net2", NULL, NULL, "gate"},
	     t + 61 * NS_PER_S);
	e = call(&w, &(struct call){"user3", "RunMachines", "net0", NULL, NULL, "gate"},
		 t + 62 * NS_PER_S);
	CHECK_INT(tactics(&w, e), 1);
	world_close(&w);
}

/* One step a day: never three at a time, but the slow channel adds them up. */
TEST(the_slow_channel_sees_a_step_a_day)
{
	static const char *const step[] = {"CreateKey", "Snoop", "RunMachines"};
	struct world w;
	struct event *e = NULL;
	int64_t t;
	double raw = 0;

	world_open(&w, quantities, want);
	t = work(&w, DAY0, 10);
	for (int day = 0; day < 3; day++) {
		e = call(&w, &(struct call){"user7", step[day], "net1", NULL, NULL, NULL}, t);
		CHECK(tactics(&w, e) < 3);
		CHECK(world_num(&w, e, "learned.chain_slow.tactics") > day);
		CHECK(world_num(&w, e, "learned.chain_slow.raw") > raw);
		/* A day puts in nine nats at most. */
		CHECK(!day ||
		      world_num(&w, e, "learned.chain_slow.raw") - raw <= 9 + CHAIN_BONUS);
		raw = world_num(&w, e, "learned.chain_slow.raw");
		t = work(&w, t + NS_PER_H, 1) - NS_PER_H;
	}
	world_close(&w);
}

/* Whoever makes sessions and names without end fills no more than the ceiling. */
TEST(links_without_end_stay_within_memory)
{
	struct learn_stats st;
	struct world w;

	world_memory = MIB;
	world_open(&w, quantities, want);
	world_memory = 0;
	for (int i = 0; i < 30000; i++) {
		struct call c = {.who = world_name("user", i * 7919 % 5000),
				 .op = i % 3 ? "CreateKey" : world_name("Run", i),
				 .session = world_name("session", i),
				 .issued = world_name("key", i + 1),
				 .device = world_name("host", i % 211)};

		call(&w, &c, DAY0 + i * (NS_PER_H / 50));
	}
	learn_stats(w.l, &st);
	printf("# %zu states in %zu bytes, %zu went\n", st.states, st.bytes, st.evictions);
	CHECK(st.evictions > 1000);
	CHECK(st.bytes < 8 * MIB);
	world_close(&w);
}

static const char *const inner[] = {
	"name: found\nkind: rarity\nentity: device\nvalue: dst_endpoint.ip\ntactic: "
	"discovery\n",
	"name: moved\nkind: rarity\nentity: device\nvalue: api.operation\n"
	"tactic: lateral_movement\n",
	"name: wrote\nkind: rarity\nentity: device\nvalue: src_endpoint.network\ntactic: "
	"impact\n",
	"name: chain\nkind: chain\nentity: home\n", NULL};
static const char *const inner_want[] = {"dst_endpoint.ip",	  "dst_endpoint.is_internal",
					 "api.operation",	  "src_endpoint.network",
					 "learned.chain.raw",	  "learned.chain.surprise",
					 "learned.chain.tactics", NULL};

static int calls(struct world *w, const char *who, const char *whom, const char *op,
		 const char *what, int64_t at)
{
	struct event *e = world_event(w, at);

	world_role(w, e, ROLE_DEVICE, ENT_DEVICE, who);
	world_role(w, e, ROLE_PEER, ENT_DEVICE, whom);
	world_set(w, e, "dst_endpoint.ip", whom);
	event_set(e, ATTR_DST_INTERNAL, val_b(true));
	world_set(w, e, "api.operation", op);
	world_set(w, e, "src_endpoint.network", what);
	world_see(w, e);
	return tactics(w, e);
}

/* A restored folder: the host, the way there and the writing are all new at once. */
TEST(one_deed_seen_from_three_sides_is_one_stage)
{
	struct world w;
	int64_t t = DAY0 + 10 * NS_PER_D;

	world_open(&w, inner, inner_want);
	for (int h = 0; h < 10 * 24; h++)
		for (int p = 0; p < 30; p++)
			calls(&w, world_name("pc", p), world_name("10.0.0.", (p + h) % 4),
			      world_name("op", (p + h) % 3), world_name("share", h % 3),
			      DAY0 + h * NS_PER_H + p * NS_PER_S);
	CHECK_INT(calls(&w, "pc1", "10.0.9.1", "new1", "own1", t), 1);
	/* Ten minutes are not cut in two by the clock. */
	CHECK_INT(calls(&w, "pc2", "10.0.9.2", "op1", "share1", t + 599 * NS_PER_S), 1);
	CHECK_INT(calls(&w, "pc2", "10.0.9.2", "new2", "own2", t + 601 * NS_PER_S), 1);
	/* The same at three hosts, and at one with hours between: three stages. */
	CHECK_INT(calls(&w, "pc3", "10.0.9.3", "op1", "share1", t + 700 * NS_PER_S), 1);
	CHECK_INT(calls(&w, "pc3", "10.0.0.1", "new3", "share1", t + 701 * NS_PER_S), 2);
	CHECK_INT(calls(&w, "pc3", "10.0.0.2", "op1", "own3", t + 702 * NS_PER_S), 3);
	CHECK_INT(calls(&w, "pc4", "10.0.9.4", "op1", "share1", t + 800 * NS_PER_S), 1);
	CHECK_INT(calls(&w, "pc4", "10.0.9.4", "new4", "share1", t + 2 * NS_PER_H), 2);
	CHECK_INT(calls(&w, "pc4", "10.0.9.4", "op1", "own4", t + 4 * NS_PER_H), 3);
	world_close(&w);
}

TEST(a_malformed_table_is_refused_with_a_reason)
{
	static const char *const bad[] = {"tactics: {cooking: [A]}",
					  "tactics: {impact: A}",
					  "tactics: [A]",
					  "links: {from: actor}",
					  "links: [{from: actor}]",
					  "links: [{to: actor, x: 1}]"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char dir[] = "/tmp/learn-XXXXXX", path[64];
		struct learn_conf conf = {.dir = dir};
		struct diag d = {{0}};
		struct entities *en;
		struct schema *s;
		struct learn *l;
		FILE *f;

		CHECK(mkdtemp(dir) != NULL);
		snprintf(path, sizeof(path), "%s/q.yaml", dir);
		f = fopen(path, "w");
		fprintf(f, "name: q\nkind: rarity\nentity: actor\nvalue: a\n%s\n", bad[i]);
		fclose(f);
		CHECK_INT(schema_new(&s), 0);
		CHECK_INT(entities_new(&(struct entities_conf){0}, s, &en), 0);
		CHECK(learn_open(&conf, s, en, &l, &d) < 0);
		CHECK(d.msg[0] != 0);
		entities_free(en);
		schema_free(s);
		unlink(path);
		rmdir(dir);
	}
}

TAP_MAIN
