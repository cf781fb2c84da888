/* SPDX-License-Identifier: Apache-2.0 */
/* Probation, context, tenure, waves: what rarity does beyond counting. */
#include "tests/unit/learn/world.h"

static const char *const quantities[] = {
	"name: op\nkind: rarity\nentity: actor\nvalue: api.operation\ntactic: discovery\n"
	"tactics: {persistence: [CreateKey, \"AddUser*\"]}\n",
	"name: net\nkind: rarity\nentity: actor\nvalue: src_endpoint.network\n"
	"tactic: initial_access\ncontext: true\n",
	NULL};
static const char *const want[] = {"api.operation",	   "src_endpoint.network",
				   "learned.op.raw",	   "learned.op.surprise",
				   "learned.op.probation", "learned.op.age_h",
				   "learned.op.wave",	   "learned.op.new",
				   "learned.op.count",	   "learned.net.raw",
				   "learned.net.surprise", NULL};

static struct event *call(struct world *w, const char *who, const char *op, const char *net,
			  int64_t at)
{
	struct event *e = world_event(w, at);

	world_role(w, e, ROLE_ACTOR, ENT_ACCOUNT, who);
	if (op)
		world_set(w, e, "api.operation", op);
	if (net)
		world_set(w, e, "src_endpoint.network", net);
	world_see(w, e);
	return e;
}

/* People who do five of ten ordinary things eight hours a day from their own network. */
static void work_hour(struct world *w, int people, int64_t at)
{
	int64_t h = at / NS_PER_H;

	if (h % 24 >= 8)
		return;
	for (int p = 0; p < people; p++)
		for (int k = 0; k < 3; k++)
			call(w, world_name("user", p),
			     world_name("Op", (int)((p + k * (h % 3)) % 10)),
			     world_name("net", p % 3), at + k * NS_PER_S);
}

static int64_t work(struct world *w, int people, int64_t from, int days)
{
	for (int h = 0; h < days * 24; h++)
		work_hour(w, people, from + h * NS_PER_H);
	return from + days * NS_PER_D;
}

/* Twelve days of rehearsal must not make the sensitive call normal; the harmless one may be. */
TEST(a_rehearsed_attack_does_not_become_normal)
{
	double first[2] = {0}, last[2] = {0};

	for (int run = 0; run < 2; run++) {
		const char *op = run ? "CreateKey" : "ListThings";
		struct world w;
		struct event *e;
		int64_t t;

		world_open(&w, quantities, want);
		t = work(&w, 20, DAY0, 8);
		for (int day = 0; day < 12; day++) {
			for (int h = 0; h < 24; h++) {
				int64_t at = t + day * NS_PER_D + h * NS_PER_H;

				work_hour(&w, 20, at);
				if (h != 3)
					continue;
				e = call(&w, "user7", op, "net1", at + 60 * NS_PER_S);
				last[run] = world_num(&w, e, "learned.op.raw");
				if (!day)
					first[run] = last[run];
			}
		}
		e = call(&w, "user7", op, "net1", t + 12 * NS_PER_D);
		last[run] = world_num(&w, e, "learned.op.raw");
		CHECK(world_true(&w, e, "learned.op.probation") == (run == 1));
		CHECK_INT((int)world_num(&w, e, "learned.op.age_h"), 12 * 24 - 3);
		world_close(&w);
	}
	printf("# harmless %.1f, then %.1f; sensitive %.1f, then %.1f nats\n", first[0],
	       last[0], first[1], last[1]);
	CHECK(first[1] >= 4.6 && last[1] >= 0.58 * first[1]);
	CHECK(last[0] < 0.5 * first[0] && last[0] < last[1]);
}

TEST(probation_ends_after_three_weeks_on_five_days)
{
	struct world w;
	struct event *e = NULL;
	int64_t t;

	world_open(&w, quantities, want);
	t = work(&w, 20, DAY0, 8);
	for (int day = 0; day <= 22; day++) {
		work(&w, 20, t + day * NS_PER_D, 1);
		e = call(&w, "user7", "AddUserToThing", "net1",
			 t + day * NS_PER_D + 9 * NS_PER_H);
		CHECK(world_true(&w, e, "learned.op.probation") == (day < 21));
	}
	printf("# trusted: %.2f nats\n", world_num(&w, e, "learned.op.raw"));
	CHECK(world_num(&w, e, "learned.op.raw") < 3.5);
	/* Seldom used, it stays: user8 did it on two days only. */
	call(&w, "user8", "AddUserToThing", "net2", t + 23 * NS_PER_D);
	e = call(&w, "user8", "AddUserToThing", "net2", t + 45 * NS_PER_D);
	CHECK(!world_true(&w, e, "learned.op.new"));
	world_close(&w);
}

/* In the second hour of an intrusion its network is still odd, on the second day no more. */
TEST(a_new_context_stays_odd_for_a_day)
{
	struct world w;
	double raw[4];
	int64_t t;

	world_open(&w, quantities, want);
	t = work(&w, 20, DAY0, 8);
	raw[0] = world_num(&w, call(&w, "user7", NULL, "abroad", t), "learned.net.raw");
	raw[1] = world_num(&w, call(&w, "user7", NULL, "abroad", t + NS_PER_H),
			   "learned.net.raw");
	raw[2] = world_num(&w, call(&w, "user7", NULL, "abroad", t + 12 * NS_PER_H),
			   "learned.net.raw");
	raw[3] = world_num(&w, call(&w, "user7", NULL, "abroad", t + 25 * NS_PER_H),
			   "learned.net.raw");
	printf("# %.2f, an hour later %.2f, 12 h %.2f, 25 h %.2f\n", raw[0], raw[1], raw[2],
	       raw[3]);
	CHECK(raw[0] > 4.6);
	CHECK(raw[1] > 0.9 * raw[0] && raw[1] < raw[0]);
	CHECK(raw[2] >= 0.45 * raw[0]);
	CHECK(raw[3] < raw[0]);
	world_close(&w);
}

/*
 * Every few days somebody new starts and uses three things of his own on the first day. The
 * tenth to do so is no news; the same done by somebody of long standing is.
 */
TEST(a_first_day_like_other_peoples_is_quiet)
{
	double joiner = 0, veteran = 0;

	for (int run = 0; run < 2; run++) {
		struct world w;
		int64_t t;
		double most = 0;

		world_open(&w, quantities, want);
		t = work(&w, 20, DAY0, 10);
		for (int j = 0; j < 16; j++, t += NS_PER_D) {
			char who[16] = "user3";

			if (!run || j < 15)
				snprintf(who, sizeof(who), "joiner%d", j);
			work(&w, 20, t, 1);
			for (int k = 0; k < 6; k++) {
				char op[32];
				struct event *e;

				snprintf(op, sizeof(op), "Own%d.%d", j, k);
				e = call(&w, who, op, NULL,
					 t + 8 * NS_PER_H + k * 600 * NS_PER_S);
				if (j == 15)
					most = MAX(most,
						   world_num(&w, e, "learned.op.surprise"));
			}
		}
		*(run ? &veteran : &joiner) = most;
		world_close(&w);
	}
	printf("# joiner %.2f, veteran %.2f nats\n", joiner, veteran);
	CHECK(joiner + 1 < veteran);
	CHECK(joiner < 4.6);
}

/* A new tool for everybody is not odd; a new sensitive call by everybody is, once. */
TEST(a_wave_is_muted_but_a_sensitive_one_is_said_once)
{
	struct world w;
	int64_t t;
	int waves = 0, plain_waves = 0;

	world_open(&w, quantities, want);
	t = work(&w, 20, DAY0, 8);
	for (int p = 0; p < 12; p++) {
		int64_t at = t + p * 600 * NS_PER_S;
		struct event *e = call(&w, world_name("user", p), "NewTool", NULL, at);

		if (p == 0)
			CHECK(world_num(&w, e, "learned.op.raw") > 4.6);
		if (p > 4)
			CHECK(world_num(&w, e, "learned.op.raw") < 0.01);
		plain_waves += world_true(&w, e, "learned.op.wave");
		e = call(&w, world_name("user", p), "CreateKey", NULL, at + NS_PER_S);
		CHECK(world_num(&w, e, "learned.op.raw") > 1);
		waves += world_true(&w, e, "learned.op.wave");
	}
	CHECK_INT(waves, 1);
	CHECK_INT(plain_waves, 1);
	world_close(&w);
}

/* Who meets thirty things within an hour is none of those that have them; who comes back is. */
TEST(a_scan_makes_nothing_known)
{
	static const char *const swept[] = {"name: op\nkind: rarity\nentity: actor\n"
					    "value: api.operation\nsweep: true\n",
					    NULL};
	static const char *const see[] = {"api.operation", "learned.op.entities", NULL};
	struct world w;
	struct event *e;

	world_open(&w, swept, see);
	for (int i = 0; i < 40; i++)
		call(&w, "scanner", world_name("Op", i), NULL, DAY0 + i * NS_PER_S);
	call(&w, "user1", "Op3", NULL, DAY0 + NS_PER_H);
	call(&w, "user1", "Op39", NULL, DAY0 + NS_PER_H);
	for (int i = 0; i < 29; i++)
		call(&w, "busy", world_name("Op", i), NULL, DAY0 + 2 * NS_PER_H + i);
	e = call(&w, "user2", "Op3", NULL, DAY0 + 3 * NS_PER_H);
	CHECK_INT((int)world_num(&w, e, "learned.op.entities"), 3);
	e = call(&w, "user2", "Op39", NULL, DAY0 + 3 * NS_PER_H);
	CHECK_INT((int)world_num(&w, e, "learned.op.entities"), 2);
	e = call(&w, "user2", "Op38", NULL, DAY0 + 3 * NS_PER_H);
	CHECK_INT((int)world_num(&w, e, "learned.op.entities"), 1);
	world_close(&w);
}

TAP_MAIN
