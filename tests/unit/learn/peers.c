/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of like habits: found, followed, bounded, and what they say of a new thing. */
#include "learn/peers.h"
#include "base/hash.h"
#include "learn/checkpoint.h"
#include "tests/unit/learn/world.h"

#define JOBS	3
#define OF_JOB	12
#define PEOPLE	(JOBS * OF_JOB)
#define WORKDAY 8 /* hours, from midnight on */

static const char *const quantities[] = {
	"name: op\nkind: rarity\nentity: actor\nvalue: api.operation\ntactic: discovery\n"
	"text: \"{others}\"\n",
	NULL};
static const char *const want[] = {"api.operation", "learned.op.raw", NULL};

static double call(struct world *w, int who, const char *op, int64_t at)
{
	struct event *e = world_event(w, at);

	world_role(w, e, ROLE_ACTOR, ENT_ACCOUNT, world_name("user", who));
	world_set(w, e, "api.operation", op);
	world_see(w, e);
	return world_num(w, e, "learned.op.raw");
}

/* Seven of the ten things of a job, which ones depends on the person; some that all do; and
 * now and then one of many odd ones. */
static const char *thing(int who, int job, uint64_t h)
{
	static char text[32];
	uint64_t pick = h >> 16;

	if (h % 20 == 0)
		snprintf(text, sizeof(text), "Odd%d", (int)(pick % 60));
	else if (h % 20 < 5)
		snprintf(text, sizeof(text), "All%d", (int)(pick % 4));
	else
		snprintf(text, sizeof(text), "Job%d-%d", job,
			 (int)((pick % 7 + (uint64_t)who) % 10));
	return text;
}

static void day_of(struct world *w, int who, int job, int64_t day)
{
	for (int h = 0; h < WORKDAY; h++)
		for (int k = 0; k < 4; k++) {
			uint64_t r = hash_2((uint64_t)(day * 1000 + h * 10 + k), (uint64_t)who);

			call(w, who, thing(who, job, r),
			     DAY0 + day * NS_PER_D + h * NS_PER_H + k * NS_PER_S);
		}
}

/* Everybody at the work of their jobs; `who` (-1 nobody) at that of another. */
static int64_t work(struct world *w, int64_t from, int days, int who, int job)
{
	for (int64_t d = from; d < from + days; d++)
		for (int p = 0; p < PEOPLE; p++)
			day_of(w, p, p == who ? job : p % JOBS, d);
	return from + days;
}

static struct peer_group group_of(struct world *w, int who)
{
	return peers_of(w->l,
			entity_put(w->en, ENT_ACCOUNT, str_of(world_name("user", who)), DAY0));
}

TEST(jobs_are_found)
{
	int right = 0, wrong = 0;
	struct world w;

	world_open(&w, quantities, want);
	work(&w, 0, 14, -1, 0);
	for (int a = 0; a < PEOPLE; a++)
		for (int b = a + 1; b < PEOPLE; b++) {
			bool same = group_of(&w, a).serial == group_of(&w, b).serial;

			right += same && a % JOBS == b % JOBS;
			wrong += same && a % JOBS != b % JOBS;
		}
	printf("# %d pairs of one job together, %d of two\n", right, wrong);
	CHECK_INT(right, JOBS * OF_JOB * (OF_JOB - 1) / 2);
	CHECK_INT(wrong, 0);
	CHECK_INT((int)group_of(&w, 5).members, OF_JOB);
	world_close(&w);
}

/* Two new things, each taken up by five people of one job, one in two days. */
TEST(what_peers_do_is_less_new)
{
	const struct learn_result *r;
	double mine, theirs;
	struct world w;
	int64_t day;

	world_open(&w, quantities, want);
	day = work(&w, 0, 14, -1, 0);
	for (int i = 0; i < 5; i++) {
		day = work(&w, day, 2, -1, 0);
		call(&w, 3 * i, "New", DAY0 + day * NS_PER_D - NS_PER_H);
		call(&w, 3 * i + 1, "Elsewhere", DAY0 + day * NS_PER_D - NS_PER_H);
	}
	day = work(&w, day, 2, -1, 0);
	mine = call(&w, 27, "New", DAY0 + day * NS_PER_D);
	CHECK_INT((int)learn_results(w.l, &r), 1);
	CHECK_STR(r[0].text, "5 of 11 peers do");
	theirs = call(&w, 30, "Elsewhere", DAY0 + day * NS_PER_D);
	CHECK_INT((int)learn_results(w.l, &r), 1);
	CHECK_STR(r[0].text, "none of 11 peers does");
	printf("# what five of eleven peers do %.1f, what five others do %.1f nats\n", mine,
	       theirs);
	CHECK(theirs > mine + 2);
	world_close(&w);
}

TEST(who_changes_jobs_is_followed_after_days_and_who_helps_out_is_not)
{
	uint32_t before, after;
	struct world w;
	int64_t day;

	world_open(&w, quantities, want);
	day = work(&w, 0, 14, -1, 0);
	before = group_of(&w, 0).serial;
	for (int i = 0; i < 4; i++) {
		day = work(&w, day, 1, 0, 1);
		day = work(&w, day, 2, 0, 0);
	}
	CHECK_INT((int)group_of(&w, 0).serial, (int)before);
	/* The old work is remembered for long, so it takes weeks until the new one is most. */
	day = work(&w, day, 40, 0, 1);
	after = group_of(&w, 0).serial;
	CHECK(after && after != before);
	CHECK_INT((int)after, (int)group_of(&w, 1).serial);
	CHECK_INT((int)group_of(&w, 1).members, OF_JOB + 1);
	CHECK_INT((int)group_of(&w, 3).members, OF_JOB - 1);
	world_close(&w);
}

/* Pairs that have nothing to do with others: more than there is room for. */
TEST(groups_are_bounded_and_the_forgotten_make_room)
{
	uint32_t living = 0;
	int grouped = 0;
	struct world w;

	world_open(&w, quantities, want);
	for (int64_t day = 0; day < 4; day++)
		for (int p = 0; p < 2 * PEERS_GROUPS + 100; p++)
			for (int k = 0; k < 5; k++)
				call(&w, p, world_name("Pair", p / 2 * 5 + k),
				     DAY0 + day * NS_PER_D + k * NS_PER_S);
	for (int i = 0; i < PEERS_GROUPS; i++)
		living += w.l->peers->g[i].serial != 0;
	CHECK_INT((int)living, PEERS_GROUPS);
	CHECK_INT((int)group_of(&w, 0).serial, 0); /* two are no group */
	work(&w, 40, 24, -1, 0);
	living = 0;
	for (int i = 0; i < PEERS_GROUPS; i++)
		living += w.l->peers->g[i].serial != 0;
	printf("# then %u groups\n", living);
	CHECK(living < 20);
	for (int i = 0; i < PEOPLE; i++)
		grouped += group_of(&w, i).members >= PEERS_LEAST;
	printf("# %d people in groups\n", grouped);
	CHECK(grouped >= PEOPLE * 3 / 4);
	world_close(&w);
}

static int store(struct world *w, const char *path)
{
	struct blocks_out *o;
	struct diag d;

	if (blocks_create(path, &o, &d) < 0)
		return -1;
	learn_save(w->l, o);
	return blocks_commit(o, &d);
}

static int restore(struct world *w, const char *path)
{
	struct blocks_in *r = NULL;
	struct diag d = {{0}};
	int err = blocks_open(path, &r, &d);

	if (err == 0)
		err = learn_load(w->l, r, NULL, &d);
	blocks_close(r);
	return err;
}

TEST(groups_go_on_after_a_checkpoint)
{
	char path[] = "/tmp/peers-XXXXXX";
	struct world one, two;
	int64_t day;

	CHECK(mkstemp(path) >= 0);
	world_open(&one, quantities, want);
	world_open(&two, quantities, want);
	day = work(&one, 0, 9, -1, 0);
	CHECK_INT(store(&one, path), 0);
	CHECK_INT(restore(&two, path), 0);
	/* Ids of entities are another module's: the same ones in the same order. */
	for (int p = 0; p < PEOPLE; p++)
		CHECK_INT((int)group_of(&two, p).serial, (int)group_of(&one, p).serial);
	work(&one, day, 5, 0, 1);
	work(&two, day, 5, 0, 1);
	for (int p = 0; p < PEOPLE; p++) {
		const char *op = p % 2 ? "Odd7" : "Job1-2";
		int64_t at = DAY0 + (day + 5) * NS_PER_D;

		CHECK_INT((int)group_of(&two, p).serial, (int)group_of(&one, p).serial);
		CHECK(call(&one, p, op, at) == call(&two, p, op, at));
	}
	CHECK(memcmp(one.l->peers, two.l->peers, sizeof(*one.l->peers)) == 0);
	world_close(&one);
	world_close(&two);
	unlink(path);
}

TAP_MAIN
