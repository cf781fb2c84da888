/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

static const struct model beacon = {.name = {"network/beacon", 14},
				    .title = {"Beacon", 6},
				    .level = SEV_MEDIUM,
				    .phase = {"command-and-control", 19}};
static const struct model login = {.name = {"identity/login", 14},
				   .title = {"Odd log-in", 10},
				   .level = SEV_MEDIUM,
				   .phase = {"initial-access", 14}};
static const struct model theft = {.name = {"network/upload", 14},
				   .title = {"Large upload", 12},
				   .level = SEV_MEDIUM,
				   .phase = {"exfiltration", 12}};
static const struct model hint = {.name = {"host/hint", 9},
				  .title = {"Hint", 4},
				  .level = SEV_LOW,
				  .note = true,
				  .phase = {"discovery", 9}};
static const struct model plain = {.name = {"compliance/telnet", 17},
				   .title = {"Telnet", 6},
				   .level = SEV_LOW,
				   .compliance = true};

static const char *get(const json_t *o, const char *k)
{
	const char *s = json_string_value(json_object_get(o, k));

	return s ? s : "";
}

static size_t size(const json_t *o, const char *k)
{
	return json_array_size(json_object_get(o, k));
}

TEST(shared_entity_joins)
{
	struct world w;
	json_t *f;

	world_open(&w, NULL);
	ALERT(&w, &beacon, T0, DEV("pc1"), EXT("bad.test"));
	ALERT(&w, &theft, T0 + NS_PER_H, DEV("pc1"), EXT("other.test"));
	ALERT(&w, &beacon, T0 + NS_PER_H, DEV("pc2"), EXT("third.test"));
	f = world_final(&w);
	CHECK_INT(json_array_size(f), 2);
	CHECK_INT(size(json_array_get(f, 0), "alert_ids"), 2);
	CHECK_INT(size(json_array_get(f, 0), "event_ids"), 2);
	CHECK_INT(size(json_array_get(f, 0), "steps"), 2);
	CHECK_INT(size(json_array_get(f, 1), "alert_ids"), 1);
	CHECK_STR(str_of(get(json_array_get(f, 0), "id")), "i0000000000000001");
	json_decref(f);
	world_close(&w);
}

TEST(rare_endpoint_joins)
{
	struct world w;

	world_open(&w, NULL);
	ALERT(&w, &beacon, T0, DEV("pc1"), EXT("bad.test"));
	ALERT(&w, &beacon, T0 + NS_PER_H, DEV("pc2"), EXT("bad.test"));
	CHECK_INT(world_count(&w), 1);
	world_close(&w);
}

TEST(hubs_join_nothing)
{
	struct world w;
	char name[16];

	world_open(&w, NULL);
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		EVENT(&w, w.conn, T0 + i, DEV(name), PEER("proxy"));
		EVENT(&w, w.conn, T0 + i, DEV(name), EXT("popular.test"));
	}
	ALERT(&w, &beacon, T0 + NS_PER_H, DEV("c1"), PEER("proxy"), EXT("popular.test"));
	ALERT(&w, &theft, T0 + NS_PER_H, DEV("c2"), PEER("proxy"), EXT("popular.test"));
	CHECK_INT(world_count(&w), 2);
	/* One that is not a hub joins in the same place. */
	ALERT(&w, &beacon, T0 + NS_PER_H, DEV("c3"), PEER("lab"));
	ALERT(&w, &theft, T0 + NS_PER_H, DEV("c4"), PEER("lab"));
	CHECK_INT(world_count(&w), 3);
	world_close(&w);
}

/* A server that everybody calls, attacked from outside, is one story all the same. */
TEST(attacked_hub_joins_itself)
{
	struct world w;
	char name[16];

	world_open(&w, NULL);
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		EVENT(&w, w.conn, T0 + i, DEV(name), PEER("web"));
	}
	ALERT(&w, &login, T0 + NS_PER_H, {ENT_ENDPOINT, "evil.test", ROLE_ACTOR}, PEER("web"));
	ALERT(&w, &beacon, T0 + 2 * NS_PER_H, DEV("web"), EXT("c2.test"));
	ALERT(&w, &theft, T0 + 9 * NS_PER_H, {ENT_ACCOUNT, "www", ROLE_ACTOR}, DEV("web"),
	      {ENT_IMAGE, "web:/bin/sh", ROLE_IMAGE});
	CHECK_INT(world_count(&w), 1);
	/* A client's alert about the same server is not part of it. */
	ALERT(&w, &theft, T0 + 3 * NS_PER_H, DEV("c1"), PEER("web"));
	CHECK_INT(world_count(&w), 2);
	world_close(&w);
}

TEST(public_server_is_no_hub)
{
	struct world w;
	char name[24];

	world_open(&w, NULL);
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "visitor%d.test", i);
		EVENT(&w, w.conn, T0 + i, {ENT_ENDPOINT, name, ROLE_ACTOR}, PEER("web"));
	}
	ALERT(&w, &login, T0 + NS_PER_H, DEV("c1"), PEER("web"));
	ALERT(&w, &beacon, T0 + 2 * NS_PER_H, DEV("web"));
	CHECK_INT(world_count(&w), 1);
	world_close(&w);
}

TEST(shared_resource_and_own_domain_join_nothing)
{
	struct world w;

	world_open(&w, NULL);
	ALERT(&w, &login, T0, ACC("a"), {ENT_RESOURCE, "bucket", ROLE_TARGET});
	ALERT(&w, &theft, T0, ACC("b"), {ENT_RESOURCE, "bucket", ROLE_TARGET});
	CHECK_INT(world_count(&w), 2);
	ALERT(&w, &login, T0, ACC("c"), EXT("ours.example"));
	ALERT(&w, &theft, T0, ACC("d"), EXT("ours.example"));
	CHECK_INT(world_count(&w), 4);
	world_close(&w);
}

TEST(window_ends)
{
	struct world w;

	world_open(&w, NULL);
	ALERT(&w, &beacon, T0, DEV("pc1"));
	ALERT(&w, &theft, T0 + 30 * NS_PER_H, DEV("pc1"));
	CHECK_INT(world_count(&w), 2);
	CHECK(w.nlines >= 3); /* the first one's closing is told */
	CHECK(strstr(w.lines[1], "\"status\":\"closed\"") != NULL);
	CHECK_INT(incidents_flush(w.in, T0 + 90 * NS_PER_H, world_line, &w), 0);
	CHECK(strstr(w.lines[w.nlines - 1], "\"status\":\"closed\"") != NULL);
	world_close(&w);
}

static struct str t1190[] = {{"T1190", 5}};

/* How many incidents come of a service attacked twice, days apart; *ret_told: a return is told.
 */
static size_t attacked_twice(const char *phase, const char *first, const char *second,
			     int64_t gap, bool *ret_told)
{
	struct world w;
	struct model door = login;
	size_t n;
	json_t *f;
	char *all;

	door.phase = str_of(phase);
	door.attack = t1190;
	door.nattack = 1;
	world_open(&w, NULL);
	ALERT(&w, &door, T0, DEV(first));
	ALERT(&w, &beacon, T0 + NS_PER_H, DEV(first), EXT("bad.test"));
	/* What opens one of its own is taken in when the same door is told of. */
	ALERT(&w, &theft, T0 + gap - NS_PER_S, DEV(second), EXT("other.test"));
	ALERT(&w, &door, T0 + gap, DEV(second));
	f = world_final(&w);
	all = json_dumps(f, 0);
	*ret_told = all && strstr(all, "a return by re-exploitation") != NULL;
	n = json_array_size(f);
	free(all);
	json_decref(f);
	world_close(&w);
	return n;
}

TEST(the_same_door_days_later_is_the_same_incident)
{
	struct world w;
	struct model door = login;
	bool told;
	json_t *f;

	CHECK_INT(attacked_twice("execution", "web1", "web1", 2 * NS_PER_D, &told), 1);
	CHECK(told);
	CHECK_INT(attacked_twice("execution", "web1", "web1", 12 * NS_PER_H, &told), 1);
	CHECK(!told);
	CHECK_INT(attacked_twice("execution", "web1", "web2", 2 * NS_PER_D, &told), 2);
	CHECK(!told);
	CHECK_INT(attacked_twice("execution", "web1", "web1", 9 * NS_PER_D, &told), 2);
	CHECK(!told);
	/* Nor is it told of a device that itself breaks into others. */
	world_open(&w, NULL);
	door.phase = STR("lateral-movement");
	door.attack = t1190;
	door.nattack = 1;
	ALERT(&w, &door, T0, DEV("pc1"), PEER("srv1"));
	ALERT(&w, &door, T0 + 3 * NS_PER_D, DEV("pc1"), PEER("srv2"));
	f = world_final(&w);
	CHECK_INT(json_array_size(f), 2);
	json_decref(f);
	world_close(&w);
	/* An attempt is not a way in: the internet makes one every day. */
	CHECK_INT(attacked_twice("initial-access", "web1", "web1", 2 * NS_PER_D, &told), 2);
	CHECK(!told);
}

TEST(younger_merges_into_older)
{
	struct world w;
	json_t *f;
	size_t merged = 0;

	world_open(&w, NULL);
	ALERT(&w, &beacon, T0, DEV("pc1"));
	ALERT(&w, &login, T0 + NS_PER_H, ACC("alice"));
	CHECK_INT(world_count(&w), 2);
	ALERT(&w, &theft, T0 + 2 * NS_PER_H, DEV("pc1"), ACC("alice"));
	f = world_final(&w);
	CHECK_INT(json_array_size(f), 1);
	CHECK_INT(size(json_array_get(f, 0), "alert_ids"), 3);
	CHECK_STR(str_of(get(json_array_get(f, 0), "id")), "i0000000000000001");
	for (size_t i = 0; i < w.nlines; i++)
		merged += strstr(w.lines[i], "\"status\":\"merged\",\"merged_into\":"
					     "\"i0000000000000001\"") != NULL;
	CHECK_INT(merged, 1);
	json_decref(f);
	/* What belonged to the younger is found under the older. */
	ALERT(&w, &beacon, T0 + 3 * NS_PER_H, ACC("alice"));
	CHECK_INT(world_count(&w), 1);
	world_close(&w);
}

/* The account was used by two devices when it joined them, and by forty later. */
TEST(what_hung_together_by_a_hub_falls_apart)
{
	struct world w;
	char name[16];
	json_t *f;

	world_open(&w, NULL);
	ALERT(&w, &beacon, T0, DEV("pc1"), ACC("shared"));
	ALERT(&w, &theft, T0 + NS_PER_H, DEV("pc2"), ACC("shared"));
	ALERT(&w, &hint, T0 + NS_PER_H, DEV("pc2"));
	ALERT(&w, &beacon, T0 + NS_PER_H, DEV("pc2"));
	CHECK_INT(world_count(&w), 1);
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		EVENT(&w, w.conn, T0 + 2 * NS_PER_H, DEV(name), ACC("shared"));
	}
	CHECK_INT(incidents_flush(w.in, T0 + 3 * NS_PER_H, world_line, &w), 0);
	f = world_final(&w);
	CHECK_INT(json_array_size(f), 2);
	CHECK_STR(str_of(get(json_array_get(f, 0), "id")), "i0000000000000001");
	CHECK_INT(size(json_array_get(f, 0), "alert_ids"), 1);
	CHECK_STR(str_of(get(json_array_get(f, 1), "id")), "i0000000000000002");
	CHECK_STR(str_of(get(json_array_get(f, 1), "split_from")), "i0000000000000001");
	CHECK_INT(size(json_array_get(f, 1), "alert_ids"), 2);
	CHECK_INT(size(json_array_get(f, 1), "steps"), 3);
	json_decref(f);
	/* Each goes on by what is its own. */
	ALERT(&w, &login, T0 + 4 * NS_PER_H, DEV("pc2"));
	ALERT(&w, &login, T0 + 4 * NS_PER_H, DEV("pc1"));
	f = world_final(&w);
	CHECK_INT(json_array_size(f), 2);
	CHECK_INT(size(json_array_get(f, 0), "alert_ids"), 2);
	CHECK_INT(size(json_array_get(f, 1), "alert_ids"), 3);
	json_decref(f);
	world_close(&w);
}

/* Whoever goes from host to host with one account makes it a hub, and is one story. */
TEST(an_attack_is_not_split_by_its_own_reach)
{
	struct world w;
	char name[16];
	json_t *f;

	world_open(&w, NULL);
	for (int i = 0; i < 14; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		EVENT(&w, w.conn, T0 + i, DEV(name), ACC("thief"));
		ALERT(&w, &login, T0 + i, DEV(name), ACC("thief"));
	}
	CHECK_INT(incidents_flush(w.in, T0 + 3 * NS_PER_H, world_line, &w), 0);
	f = world_final(&w);
	CHECK_INT(json_array_size(f), 1);
	CHECK_INT(size(json_array_get(f, 0), "alert_ids"), 14);
	json_decref(f);
	world_close(&w);
}

TEST(what_only_adds_up_signs_is_medium_alone)
{
	static const struct model sum = {.name = {"meta/chain", 10},
					 .title = {"Several stages", 14},
					 .level = SEV_HIGH,
					 .derived = true};
	struct world w;
	json_t *f;

	world_open(&w, NULL);
	ALERT(&w, &sum, T0, DEV("pc1"));
	f = world_final(&w);
	CHECK_STR(str_of(get(json_array_get(f, 0), "severity")), "medium");
	json_decref(f);
	ALERT(&w, &beacon, T0 + 1, DEV("pc1"));
	f = world_final(&w);
	CHECK_STR(str_of(get(json_array_get(f, 0), "severity")), "high");
	json_decref(f);
	world_close(&w);
}

TEST(repeats_fold)
{
	struct world w;
	json_t *f, *step;

	world_open(&w, NULL);
	for (int i = 0; i < 5; i++)
		ALERT(&w, &beacon, T0 + i * NS_PER_H, DEV("pc1"));
	f = world_final(&w);
	CHECK_INT(size(json_array_get(f, 0), "steps"), 1);
	CHECK_INT(size(json_array_get(f, 0), "alert_ids"), 5);
	CHECK_INT(size(json_array_get(f, 0), "event_ids"), 5);
	step = json_array_get(json_object_get(json_array_get(f, 0), "steps"), 0);
	CHECK_INT(json_integer_value(json_object_get(step, "count")), 5);
	json_decref(f);
	world_close(&w);
}

TEST(compliance_stays_apart)
{
	struct world w;
	json_t *f, *threat, *other;

	world_open(&w, NULL);
	ALERT(&w, &beacon, T0, DEV("pc1"));
	ALERT(&w, &plain, T0 + NS_PER_H, DEV("pc1"), PEER("old"));
	ALERT(&w, &plain, T0 + NS_PER_H, DEV("pc2"), PEER("old"));
	f = world_final(&w);
	CHECK_INT(json_array_size(f), 3);
	threat = json_array_get(f, 0);
	other = json_array_get(f, 1);
	CHECK_STR(str_of(get(threat, "queue")), "threat");
	CHECK_STR(str_of(get(other, "queue")), "compliance");
	/* Cited as a step, not counted as an alert. */
	CHECK_INT(size(threat, "steps"), 2);
	CHECK_INT(size(threat, "alert_ids"), 1);
	CHECK_INT(size(other, "alert_ids"), 1);
	json_decref(f);
	world_close(&w);
}

TEST(notes_never_open)
{
	struct world w;
	json_t *f;

	world_open(&w, NULL);
	ALERT(&w, &hint, T0, DEV("pc1"));
	ALERT(&w, &hint, T0, DEV("pc2"));
	CHECK_INT(w.nlines, 0);
	/* The incident on pc1 takes in what came before and what comes after. */
	ALERT(&w, &beacon, T0 + NS_PER_H, DEV("pc1"));
	ALERT(&w, &hint, T0 + 2 * NS_PER_H, DEV("pc1"));
	f = world_final(&w);
	CHECK_INT(json_array_size(f), 1);
	CHECK_INT(size(json_array_get(f, 0), "steps"), 2);
	CHECK_INT(size(json_array_get(f, 0), "alert_ids"), 1);
	CHECK_INT(size(json_array_get(f, 0), "event_ids"), 3);
	json_decref(f);
	world_close(&w);
}

TEST(old_notes_are_left)
{
	struct world w;
	json_t *f;

	world_open(&w, NULL);
	ALERT(&w, &hint, T0, DEV("pc1"));
	ALERT(&w, &beacon, T0 + 7 * NS_PER_H, DEV("pc1"));
	f = world_final(&w);
	CHECK_INT(size(json_array_get(f, 0), "steps"), 1);
	json_decref(f);
	world_close(&w);
}

/* A mail's link domain, opened by a device, joins the mailbox's alert and the device's. */
static void mail_event(struct world *w, const char *to, const char *domain)
{
	struct event *e = event_fill(w, w->mail, T0, NULL, 0);

	event_set(e, ATTR_MAIL_FROM, val_s(STR("x@sender.test")));
	event_set(e, ATTR_MAIL_FROM_DOMAIN, val_s(STR("sender.test")));
	event_set(e, ATTR_MAIL_TO, val_s(str_of(to)));
	event_set(e, ATTR_MAIL_URL_DOMAINS, val_s(str_of(domain)));
	CHECK_INT(incidents_event(w->in, e), 0);
}

TEST(mail_and_click_join)
{
	struct world w;
	json_t *f;

	world_open(&w, NULL);
	mail_event(&w, "bob@ours.example", "lure.test");
	ALERT(&w, &login, T0 + NS_PER_H, ACC("bob@ours.example"));
	EVENT(&w, w.conn, T0 + NS_PER_H, DEV("pc7"), EXT("lure.test"));
	ALERT(&w, &beacon, T0 + 2 * NS_PER_H, DEV("pc7"), EXT("c2.test"));
	f = world_final(&w);
	CHECK_INT(json_array_size(f), 1);
	CHECK_INT(size(json_array_get(f, 0), "edges"), 1);
	json_decref(f);
	/* Who neither got the mail nor opened the link stays apart. */
	ALERT(&w, &beacon, T0 + 2 * NS_PER_H, DEV("pc8"), EXT("c3.test"));
	CHECK_INT(world_count(&w), 2);
	world_close(&w);
}

TEST(newsletter_joins_nothing)
{
	struct world w;
	char to[40];

	world_open(&w, NULL);
	for (int i = 0; i < 40; i++) {
		snprintf(to, sizeof(to), "user%d@ours.example", i);
		mail_event(&w, to, "news.test");
	}
	ALERT(&w, &login, T0 + NS_PER_H, ACC("user3@ours.example"));
	EVENT(&w, w.conn, T0 + NS_PER_H, DEV("pc7"), EXT("news.test"));
	ALERT(&w, &beacon, T0 + 2 * NS_PER_H, DEV("pc7"), EXT("c2.test"));
	ALERT(&w, &theft, T0 + 2 * NS_PER_H, ACC("user5@ours.example"));
	CHECK_INT(world_count(&w), 3);
	world_close(&w);
}

TEST(issued_key_joins_and_merges)
{
	struct world w;
	struct event *e;

	world_open(&w, NULL);
	e = event_fill(&w, w.api, T0,
		       (const struct part[]){ACC("eve"), {ENT_ACCOUNT, "backup", ROLE_TARGET}},
		       2);
	event_set(e, ATTR_OPERATION, val_s(STR("CreateAccessKey")));
	CHECK_INT(incidents_event(w.in, e), 0);
	ALERT(&w, &login, T0 + NS_PER_H, ACC("eve"));
	ALERT(&w, &beacon, T0 + NS_PER_H, DEV("pc1"));
	CHECK_INT(world_count(&w), 2);
	ALERT(&w, &theft, T0 + 2 * NS_PER_H, DEV("pc1"), ACC("backup"));
	CHECK_INT(world_count(&w), 1);
	CHECK(strstr(w.lines[w.nlines - 1], "\"by\":\"issued\"") != NULL);
	CHECK(strstr(w.lines[w.nlines - 1], "\"to\":\"\"") == NULL);
	world_close(&w);
}

TEST(session_joins_two_names)
{
	struct world w;
	struct event *e;

	world_open(&w, NULL);
	for (int i = 0; i < 2; i++) {
		e = event_fill(&w, w.api, T0,
			       (const struct part[]){ACC(i ? "role-x" : "mallory")}, 1);
		event_set(e, ATTR_SESSION, val_s(STR("ASIA1")));
		CHECK_INT(incidents_event(w.in, e), 0);
	}
	ALERT(&w, &login, T0 + NS_PER_H, ACC("mallory"));
	ALERT(&w, &theft, T0 + 2 * NS_PER_H, ACC("role-x"));
	CHECK_INT(world_count(&w), 1);
	world_close(&w);
}

/* The identity provider's person and the cloud's session are two entities. */
TEST(a_session_that_bears_a_persons_address_is_hers)
{
	struct world w;
	struct event *e;

	world_open(&w, NULL);
	ALERT(&w, &login, T0, ACC("ann@ours.example"));
	e = event_fill(&w, w.api, T0 + NS_PER_H,
		       (const struct part[]){{ENT_ROLE, "role-admin", ROLE_ACTOR}}, 1);
	event_set(e, ATTR_SESSION_NAME, val_s(STR("ann@ours.example")));
	CHECK_INT(incidents_event(w.in, e), 0);
	ALERT(&w, &theft, T0 + 2 * NS_PER_H, {ENT_ROLE, "role-admin", ROLE_ACTOR});
	CHECK_INT(world_count(&w), 1);
	/* A role that everybody works as is nobody's. */
	for (int i = 0; i < 40; i++) {
		char who[40];

		snprintf(who, sizeof(who), "user%d@ours.example", i);
		CHECK(entity_put(w.en, ENT_ACCOUNT, str_of(who), T0) != ENT_NONE);
		e = event_fill(&w, w.api, T0 + NS_PER_H,
			       (const struct part[]){{ENT_ROLE, "role-all", ROLE_ACTOR}}, 1);
		event_set(e, ATTR_SESSION_NAME, val_s(str_of(who)));
		CHECK_INT(incidents_event(w.in, e), 0);
	}
	ALERT(&w, &login, T0 + 2 * NS_PER_H, ACC("user3@ours.example"));
	ALERT(&w, &theft, T0 + 2 * NS_PER_H, {ENT_ROLE, "role-all", ROLE_ACTOR});
	CHECK_INT(world_count(&w), 3);
	world_close(&w);
}

#define HASH_A "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"

static void ran(struct world *w, int64_t t, const char *device, const char *path,
		const char *hashes)
{
	struct event *e = event_fill(w, w->proc, t, (const struct part[]){DEV(device)}, 1);

	event_set(e, ATTR_PROC_PATH, val_s(str_of(path)));
	event_set(e, ATTR_PROC_HASHES, val_s(str_of(hashes)));
	CHECK_INT(incidents_event(w->in, e), 0);
}

TEST(an_attachment_that_is_run_joins)
{
	struct world w;
	struct event *e;

	world_open(&w, NULL);
	e = event_fill(&w, w.mail, T0, NULL, 0);
	event_set(e, ATTR_MAIL_FROM, val_s(STR("x@sender.test")));
	event_set(e, ATTR_MAIL_FROM_DOMAIN, val_s(STR("sender.test")));
	event_set(e, ATTR_MAIL_TO, val_s(STR("bob@ours.example")));
	event_set(e, ATTR_MAIL_FILE_HASHES, val_s(STR(HASH_A)));
	CHECK_INT(incidents_event(w.in, e), 0);
	ALERT(&w, &login, T0, ACC("bob@ours.example"));
	ran(&w, T0 + NS_PER_H, "pc7", "C:\\Users\\bob\\offer.exe", "MD5=00,SHA256=" HASH_A);
	ALERT(&w, &beacon, T0 + 2 * NS_PER_H, DEV("pc7"), EXT("c2.test"));
	CHECK_INT(world_count(&w), 1);
	CHECK(strstr(w.lines[w.nlines - 1], "\"by\":\"file\"") != NULL);
	/* Another program is nobody's attachment. */
	ran(&w, T0 + NS_PER_H, "pc8", "C:\\x.exe", "SHA256=ff" HASH_A);
	ALERT(&w, &beacon, T0 + 2 * NS_PER_H, DEV("pc8"), EXT("c3.test"));
	CHECK_INT(world_count(&w), 2);
	world_close(&w);
}

static void dropped(struct world *w, int64_t t, const char *from, const char *to,
		    const char *path)
{
	struct event *e = event_fill(
		w, w->smb, t, (const struct part[]){DEV(from), {ENT_DEVICE, to, ROLE_PEER}}, 2);

	event_set(e, ATTR_ACTIVITY, val_s(STR("SMB::FILE_WRITE")));
	event_set(e, ATTR_FILE_PATH, val_s(str_of(path)));
	CHECK_INT(incidents_event(w->in, e), 0);
}

TEST(a_program_put_on_another_host_and_run_there_merges)
{
	struct world w;

	world_open(&w, NULL);
	ALERT(&w, &login, T0, DEV("pc1"));
	ALERT(&w, &beacon, T0, DEV("pc2"));
	CHECK_INT(world_count(&w), 2);
	dropped(&w, T0 + NS_PER_H, "pc1", "pc2", "Temp\\PSEXESVC.exe");
	ran(&w, T0 + NS_PER_H, "pc2", "C:\\Windows\\psexesvc.EXE", "");
	ALERT(&w, &theft, T0 + 2 * NS_PER_H, DEV("pc2"));
	CHECK_INT(world_count(&w), 1);
	/* Run on a third host: its own. */
	ran(&w, T0 + NS_PER_H, "pc3", "C:\\Windows\\psexesvc.EXE", "");
	ALERT(&w, &theft, T0 + 2 * NS_PER_H, DEV("pc3"));
	CHECK_INT(world_count(&w), 2);
	world_close(&w);
}

/* A deployment server puts one file on every desk: that joins none of them. */
TEST(what_everybody_gets_joins_nothing)
{
	struct world w;
	char pc[16];

	world_open(&w, NULL);
	for (int i = 0; i < 40; i++) {
		snprintf(pc, sizeof(pc), "pc%d", i);
		dropped(&w, T0 + i * NS_PER_S, "deploy", pc, "Temp\\setup.exe");
		ran(&w, T0 + i * NS_PER_S, pc, "C:\\Temp\\setup.exe", "SHA256=" HASH_A);
	}
	ALERT(&w, &beacon, T0 + NS_PER_H, DEV("pc3"), EXT("c2.test"));
	ALERT(&w, &beacon, T0 + NS_PER_H, DEV("pc9"), EXT("c3.test"));
	CHECK_INT(world_count(&w), 2);
	world_close(&w);
}

/* A public server is called by a hundred strangers a day: their tries are no part of its story.
 */
TEST(strangers_notes_join_by_the_stranger_alone)
{
	struct world w;
	json_t *f;

	world_open(&w, NULL);
	ALERT(&w, &hint, T0, {ENT_ENDPOINT, "192.0.2.1", ROLE_DEVICE},
	      {ENT_DEVICE, "web", ROLE_PEER});
	ALERT(&w, &beacon, T0 + NS_PER_H, DEV("web"), EXT("192.0.2.9"));
	ALERT(&w, &hint, T0 + NS_PER_H, {ENT_ENDPOINT, "192.0.2.2", ROLE_DEVICE},
	      {ENT_DEVICE, "web", ROLE_PEER});
	ALERT(&w, &hint, T0 + NS_PER_H, {ENT_ENDPOINT, "192.0.2.9", ROLE_DEVICE},
	      {ENT_DEVICE, "web", ROLE_PEER});
	f = world_final(&w);
	CHECK_INT(json_array_size(f), 1);
	CHECK_INT(size(json_array_get(f, 0), "steps"), 2);
	json_decref(f);
	world_close(&w);
}

/* Who asked for the name that a mail links to had the mail open, though no visit was seen. */
TEST(a_name_asked_for_is_a_click)
{
	struct world w;
	struct event *e;

	world_open(&w, NULL);
	mail_event(&w, "bob@ours.example", "lure.test");
	ALERT(&w, &login, T0 + NS_PER_H, ACC("bob@ours.example"));
	e = event_fill(&w, w.dns, T0 + NS_PER_H, (const struct part[]){DEV("pc7")}, 1);
	event_set(e, ATTR_QUERY_DOMAIN, val_s(STR("lure.test")));
	CHECK_INT(incidents_event(w.in, e), 0);
	ALERT(&w, &beacon, T0 + 2 * NS_PER_H, DEV("pc7"), EXT("c2.test"));
	CHECK_INT(world_count(&w), 1);
	world_close(&w);
}

static void scenario(struct world *w)
{
	char a[16], b[16];

	for (int i = 0; i < 300; i++) {
		snprintf(a, sizeof(a), "pc%d", (i * 7) % 41);
		snprintf(b, sizeof(b), "d%d.test", (i * 13) % 97);
		EVENT(w, w->conn, T0 + i * NS_PER_S, DEV(a), EXT(b));
		if (i % 3 == 0)
			ALERT(w, i % 2 ? &beacon : &theft, T0 + i * NS_PER_S, DEV(a), EXT(b));
		if (i % 5 == 0)
			ALERT(w, i % 2 ? &hint : &plain, T0 + i * NS_PER_S, DEV(a));
	}
}

TEST(same_input_same_bytes)
{
	struct world w[2];

	for (int i = 0; i < 2; i++) {
		world_open(&w[i], NULL);
		scenario(&w[i]);
	}
	CHECK(w[0].nlines > 100);
	CHECK_INT(w[0].nlines, w[1].nlines);
	for (size_t i = 0; i < MIN(w[0].nlines, w[1].nlines); i++)
		CHECK(strcmp(w[0].lines[i], w[1].lines[i]) == 0);
	world_close(&w[0]);
	world_close(&w[1]);
}

/* Whatever merged, closed or filled up: each alert stands in exactly one incident at the end.
 */
TEST(no_alert_is_lost)
{
	struct world w;
	struct incidents_conf conf[2] = {{0},
					 {.window_ns = NS_PER_H, .memory_bytes = 128 * KIB}};

	for (int c = 0; c < 2; c++) {
		json_t *f, *ids = json_object(), *o, *id;
		size_t i, j, n = 0, expected = 0;

		world_open(&w, &conf[c]);
		scenario(&w);
		for (int k = 0; k < 300; k++)
			expected += (k % 3 == 0) + (k % 5 == 0 && k % 2 == 0);
		f = world_final(&w);
		json_array_foreach(f, i, o)
			json_array_foreach(json_object_get(o, "alert_ids"), j, id)
		{
			json_object_set(ids, json_string_value(id), id);
			n++;
		}
		CHECK_INT(n, expected);
		CHECK_INT(json_object_size(ids), expected);
		json_decref(f);
		json_decref(ids);
		world_close(&w);
	}
}

TEST(memory_is_capped)
{
	struct world w;
	struct incidents_conf conf = {.memory_bytes = 256 * KIB};
	char a[16];
	size_t closed = 0;
	json_t *f;

	world_open(&w, &conf);
	for (int i = 0; i < 200; i++) {
		snprintf(a, sizeof(a), "pc%d", i);
		ALERT(&w, &beacon, T0 + i * NS_PER_S, DEV(a));
	}
	f = world_final(&w);
	CHECK_INT(json_array_size(f), 200);
	for (size_t i = 0; i < json_array_size(f); i++)
		closed += strcmp(get(json_array_get(f, i), "status"), "closed") == 0;
	/* 128 KiB for incidents of 5 KiB and more each; the youngest ones stay open. */
	CHECK(closed > 170 && closed < 200);
	CHECK_STR(str_of(get(json_array_get(f, 199), "status")), "open");
	CHECK_STR(str_of(get(json_array_get(f, 0), "status")), "closed");
	json_decref(f);
	world_close(&w);
}

TEST(full_incident_closes_and_goes_on)
{
	struct world w;
	json_t *f;
	size_t alerts = 0;

	world_open(&w, NULL);
	for (int i = 0; i < 1100; i++)
		ALERT(&w, &beacon, T0 + i * NS_PER_S, DEV("pc1"));
	f = world_final(&w);
	CHECK_INT(json_array_size(f), 2);
	for (size_t i = 0; i < json_array_size(f); i++)
		alerts += size(json_array_get(f, i), "alert_ids");
	CHECK_INT(alerts, 1100);
	json_decref(f);
	world_close(&w);
}

TAP_MAIN
