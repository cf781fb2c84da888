/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#define MODEL(n, t, p)                                                   \
	{                                                                \
		.name = {n, sizeof(n) - 1}, .title = {t, sizeof(t) - 1}, \
		.phase = {p, sizeof(p) - 1}, .level = SEV_MEDIUM         \
	}
static const struct model enter = MODEL("a/enter", "Phishing link opened", "initial-access");
static const struct model run = MODEL("a/run", "New program", "execution");
static const struct model steal = MODEL("a/steal", "Large upload", "exfiltration");

static json_t *last(const struct world *w)
{
	return json_loads(w->lines[w->nlines - 1], JSON_REJECT_DUPLICATES, NULL);
}

static const char *get(const json_t *o, const char *k)
{
	const char *s = json_string_value(json_object_get(o, k));

	return s ? s : "";
}

TEST(three_tactics_in_order_raise)
{
	struct world w;
	json_t *o;
	json_int_t before;

	world_open(&w, NULL);
	ALERT(&w, &enter, T0, DEV("pc1"));
	ALERT(&w, &run, T0 + NS_PER_H, DEV("pc1"));
	o = last(&w);
	CHECK_STR(str_of(get(o, "severity")), "medium");
	before = json_integer_value(json_object_get(o, "score"));
	CHECK(before > 50 && before <= 100);
	json_decref(o);
	ALERT(&w, &steal, T0 + 2 * NS_PER_H, DEV("pc1"));
	o = last(&w);
	CHECK_STR(str_of(get(o, "severity")), "high");
	CHECK(json_integer_value(json_object_get(o, "score")) > before);
	CHECK_STR(str_of(get(o, "title")), "Phishing link opened and 2 more steps on pc1");
	json_decref(o);
	world_close(&w);
}

TEST(wrong_order_does_not_raise)
{
	struct world w;
	json_t *o;

	world_open(&w, NULL);
	ALERT(&w, &steal, T0, DEV("pc1"));
	ALERT(&w, &run, T0 + NS_PER_H, DEV("pc1"));
	ALERT(&w, &enter, T0 + 2 * NS_PER_H, DEV("pc1"));
	o = last(&w);
	CHECK_STR(str_of(get(o, "severity")), "medium");
	json_decref(o);
	world_close(&w);
}

TEST(summary_tells_the_course)
{
	struct world w;
	struct alert a;
	struct model m = enter;
	json_t *o;
	const char *s;

	world_open(&w, NULL);
	m.advice = STR("Ask the user.");
	alert_fill(&w, &a, &m, T0, (const struct part[]){DEV("pc1")}, 1);
	a.story = STR("pc1 opened a link.");
	a.score = 90;
	a.why[0] = (struct why){.quantity = STR("domain"),
				.usual = STR("never"),
				.seen = STR("once"),
				.surprise = 4.2,
				.days = 9,
				.peers_same = 0,
				.peers = 12};
	a.nwhy = 1;
	CHECK_INT(incidents_alert(w.in, &a, world_line, &w), 0);
	ALERT(&w, &steal, T0 + 2 * NS_PER_H, DEV("pc1"));
	o = last(&w);
	s = get(o, "summary");
	CHECK_STR(str_of(s),
		  "2023-11-14T22:13:20Z: pc1 opened a link. Within 2 h it went on with "
		  "exfiltration; last seen: Large upload. Unusual: domain was once, "
		  "usual is never. Next: Ask the user.");
	CHECK_INT(json_array_size(json_object_get(o, "why")), 1);
	CHECK_INT(json_array_size(json_object_get(o, "next")), 1);
	json_decref(o);
	world_close(&w);
}

static const char *item(const json_t *o, const char *k, size_t i)
{
	const char *s = json_string_value(json_array_get(json_object_get(o, k), i));

	return s ? s : "";
}

/* Of the strongest step first, orders before questions, the same but once; with whom and back.
 */
TEST(what_to_do_is_told_once)
{
	struct world w;
	struct model a = enter, b = run, c = steal;
	json_t *o;

	world_open(&w, NULL);
	a.advice = STR("Who opened it? End all sessions and change the password.");
	a.response = STR("force logout");
	b.advice = STR("End all sessions and reset the password. Keep a copy.");
	b.response = STR("quarantine the device; hold the process tree");
	b.level = SEV_HIGH;
	c.advice = STR("Ask the owner.");
	c.response = STR("quarantine the source");
	ALERT(&w, &a, T0, ACC("ann"), DEV("pc1"));
	ALERT(&w, &b, T0 + NS_PER_H, DEV("pc1"), {ENT_IMAGE, "pc1:/tmp/x", ROLE_IMAGE});
	ALERT(&w, &c, T0 + 2 * NS_PER_H, DEV("pc1"));
	o = last(&w);
	CHECK_INT(json_array_size(json_object_get(o, "next")), 4);
	CHECK_STR(str_of(item(o, "next", 0)), "End all sessions and reset the password.");
	CHECK_STR(str_of(item(o, "next", 1)), "Keep a copy.");
	CHECK_STR(str_of(item(o, "next", 2)), "Ask the owner.");
	CHECK_STR(str_of(item(o, "next", 3)), "Who opened it?");
	CHECK_INT(json_array_size(json_object_get(o, "response")), 3);
	CHECK_STR(str_of(item(o, "response", 0)),
		  "quarantine the device: pc1; to undo, lift the quarantine");
	CHECK_STR(str_of(item(o, "response", 1)),
		  "hold the process tree: pc1:/tmp/x; to undo, let it go on");
	CHECK(str_starts(str_of(item(o, "response", 2)), STR("force logout: ann; ")));
	json_decref(o);
	world_close(&w);
}

static void proposed(const char *action, const struct part *parts, size_t n, const char *want)
{
	struct world w;
	struct model m = enter;
	json_t *o;

	world_open(&w, NULL);
	m.response = str_of(action);
	world_alert(&w, &m, T0, parts, n);
	o = last(&w);
	CHECK_STR(str_of(item(o, "response", 0)), want);
	json_decref(o);
	world_close(&w);
}

#define PROPOSED(action, want, ...)                          \
	proposed(action, (const struct part[]){__VA_ARGS__}, \
		 sizeof((const struct part[]){__VA_ARGS__}) / sizeof(struct part), want)
#define UNDO "; to undo, remove the block"

/* Whatever stands first in the alert: the device, the far end, whoever began it. */
TEST(an_action_is_told_of_whom_it_is_about)
{
	const struct part far = {ENT_ENDPOINT, "video.example", ROLE_PEER};
	const struct part enemy = {ENT_ENDPOINT, "203.0.113.9", ROLE_ACTOR};
	const struct part victim = {ENT_DEVICE, "web1", ROLE_PEER};
	const struct part image = {ENT_IMAGE, "pc1:/tmp/x", ROLE_IMAGE};

	PROPOSED("block outgoing connections of the device",
		 "block outgoing connections of the device: hmi9" UNDO, far, DEV("hmi9"));
	PROPOSED("block connections out of the plant",
		 "block connections out of the plant: hmi9" UNDO, far, DEV("hmi9"));
	PROPOSED("block the connections of the program",
		 "block the connections of the program: pc1:/tmp/x" UNDO, far, DEV("pc1"),
		 image);
	PROPOSED("block the destination", "block the destination: video.example" UNDO,
		 DEV("pc1"), far);
	PROPOSED("block the source", "block the source: pc1" UNDO, DEV("pc1"), far);
	PROPOSED("block the source", "block the source: 203.0.113.9" UNDO, victim, enemy);
	PROPOSED("block the source", "block the source: video.example" UNDO, ACC("ann"),
		 DEV("pc1"), far);
}

TEST(hostile_text_stays_json)
{
	struct world w;
	struct alert a;
	json_t *o;

	world_open(&w, NULL);
	alert_fill(&w, &a, &enter, T0, (const struct part[]){DEV("pc1")}, 1);
	a.title = STR("\"}],\n\x01\xff\xfe\\ <script>");
	a.story = STR("\xf0\x28\x8c\x28\t\x7f");
	a.names[0] = STR("\xc0\xaf\"");
	a.event_ids[0] = STR("\xed\xa0\x80\"\\");
	a.why[0] = (struct why){.quantity = STR("q\""), .surprise = 1e308 * 10};
	a.nwhy = 1;
	CHECK_INT(incidents_alert(w.in, &a, world_line, &w), 0);
	o = last(&w);
	CHECK(o != NULL);
	CHECK_INT(json_array_size(json_object_get(o, "event_ids")), 1);
	json_decref(o);
	world_close(&w);
}

TEST(alert_line)
{
	struct world w;
	struct alert a;
	struct model m = steal;
	const struct str attack[] = {STR("T1041")};
	struct buf b;
	json_t *o;

	world_open(&w, NULL);
	m.attack = attack;
	m.nattack = 1;
	alert_fill(&w, &a, &m, T0, (const struct part[]){DEV("pc1"), EXT("bad.test")}, 2);
	a.why[0] = (struct why){.quantity = STR("bytes"),
				.usual = STR("1 MB"),
				.seen = STR("9 GB"),
				.surprise = 4.25};
	a.nwhy = 1;
	buf_init(&b, MIB);
	alert_json(&b, &a);
	CHECK_INT(buf_err(&b), 0);
	o = json_loads(b.p, JSON_REJECT_DUPLICATES, NULL);
	CHECK_STR(str_of(get(o, "kind")), "alert");
	CHECK_STR(str_of(get(o, "id")), a.id);
	CHECK_STR(str_of(get(o, "time")), "2023-11-14T22:13:20Z");
	CHECK_STR(str_of(get(o, "title")), "Large upload");
	CHECK_STR(str_of(get(o, "severity")), "medium");
	CHECK_STR(str_of(get(o, "model")), "a/steal");
	CHECK_STR(str_of(get(o, "queue")), "threat");
	CHECK_INT(json_integer_value(json_object_get(o, "score")), 50);
	CHECK_INT(json_array_size(json_object_get(o, "entities")), 2);
	CHECK_INT(json_array_size(json_object_get(o, "event_ids")), 1);
	CHECK_INT(json_array_size(json_object_get(o, "attack")), 1);
	CHECK(json_real_value(json_object_get(json_array_get(json_object_get(o, "why"), 0),
					      "surprise")) == 4.25);
	json_decref(o);
	buf_free(&b);
	world_close(&w);
}

TAP_MAIN
