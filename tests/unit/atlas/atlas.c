/* SPDX-License-Identifier: Apache-2.0 */
#include "atlas/impl.h"
#include "tap.h"
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#define T0 (INT64_C(1700006400) * NS_PER_S) /* 2023-11-15T00:00:00Z */

/* An organisation with a map in a folder of its own. */
struct world {
	struct schema *s;
	struct entities *en;
	struct atlas *a;
	struct rectype *conn, *api;
	struct batch b;
	char dir[32];
};

static const char *const attrs[] = {"role.trust", "vm.instance_ids", "resource.type"};

static void provide(struct world *w, const struct rectype *t)
{
	static const attr_t core[] = {ATTR_OPERATION, ATTR_SERVICE,  ATTR_STATUS, ATTR_DST_PORT,
				      ATTR_BYTES_OUT, ATTR_BYTES_IN, ATTR_PROTO};

	for (size_t i = 0; i < ARRAY_LEN(core); i++)
		CHECK_INT(schema_provide(w->s, t, core[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(attrs); i++)
		CHECK_INT(schema_provide(w->s, t, schema_attr(w->s, str_of(attrs[i]))), 0);
}

static void open_map(struct world *w, size_t memory, bool fresh)
{
	struct atlas_conf c = {.dir = w->dir, .fresh = fresh, .memory_bytes = memory};
	struct diag d;

	if (atlas_open(&c, w->s, w->en, &w->a, &d) < 0)
		abort();
}

static void open_world(struct world *w, size_t memory)
{
	static const char *const own[] = {"ours.example"};
	struct entities_conf ec = {.domains = own, .ndomains = 1};

	memset(w, 0, sizeof(*w));
	strcpy(w->dir, "/tmp/atlas.XXXXXX");
	if (!mkdtemp(w->dir) || schema_new(&w->s) < 0)
		abort();
	w->conn = schema_type_add(w->s, STR("test"), STR("conn"), CLASS_NETWORK_ACTIVITY);
	w->api = schema_type_add(w->s, STR("test"), STR("api"), CLASS_API_ACTIVITY);
	provide(w, w->conn);
	provide(w, w->api);
	if (atlas_want(w->s) < 0 || schema_freeze(w->s) < 0 ||
	    entities_new(&ec, w->s, &w->en) < 0 || batch_init(&w->b, 8) < 0)
		abort();
	open_map(w, memory, true);
}

static void close_world(struct world *w)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char path[64];

	atlas_close(w->a);
	entities_free(w->en);
	batch_free(&w->b);
	schema_free(w->s);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		snprintf(path, sizeof(path), "%s/map.db%s", w->dir, ends[i]);
		unlink(path);
	}
	rmdir(w->dir);
}

struct part {
	enum ent_kind kind;
	const char *name;
	enum ent_role role;
};

static struct event *make(struct world *w, const struct rectype *t, int64_t at,
			  const struct part *p, size_t n)
{
	struct event *e;

	batch_reset(&w->b);
	e = batch_add(&w->b, t);
	if (!e)
		abort();
	e->time = e->known = at;
	for (size_t i = 0; i < n; i++) {
		e->ents[i].id = entity_put(w->en, p[i].kind, str_of(p[i].name), at);
		e->ents[i].role = (uint8_t)p[i].role;
	}
	e->nents = (uint8_t)n;
	return e;
}

static void feed(struct world *w, const struct event *e, bool again)
{
	struct diag d;

	CHECK_INT(atlas_event(w->a, e, again, &d), 0);
}

static void call(struct world *w, int64_t at, const char *from, enum ent_kind kind,
		 const char *to, enum ent_kind to_kind)
{
	struct part p[] = {{kind, from, ROLE_DEVICE}, {to_kind, to, ROLE_PEER}};
	struct event *e = make(w, w->conn, at, p, 2);

	event_set(e, ATTR_DST_PORT, val_i(443));
	event_set(e, ATTR_PROTO, val_s(STR("tcp")));
	event_set(e, ATTR_BYTES_OUT, val_i(100));
	event_set(e, ATTR_BYTES_IN, val_i(1000));
	feed(w, e, false);
}

static void operate(struct world *w, int64_t at, const char *op, struct part target,
		    const char *trust)
{
	struct part p[] = {{ENT_ACCOUNT, "ann", ROLE_ACTOR}, target};
	struct event *e = make(w, w->api, at, p, 2);

	event_set(e, ATTR_OPERATION, val_s(str_of(op)));
	event_set(e, ATTR_SERVICE, val_s(STR("s3.amazonaws.com")));
	if (trust)
		event_set(e, schema_find(w->s, STR("role.trust")), val_s(str_of(trust)));
	feed(w, e, false);
}

static json_t *drawn(struct world *w, const char *name, int64_t at, int64_t within, int want)
{
	struct str n = str_of(name);
	struct chart_query q = {
		.names = &n, .nnames = name != NULL, .at = at, .within = within};
	struct chart *c = NULL;
	struct buf out;
	struct diag d;
	json_t *j = NULL;

	CHECK_INT(atlas_flush(w->a, &d), 0);
	CHECK_INT(chart_open(w->dir, &c, &d), 0);
	buf_init(&out, MIB);
	CHECK_INT(chart_draw(c, &q, CHART_JSON, &out, &d), want);
	if (want == 0)
		j = json_loadb(out.p, out.len, JSON_REJECT_DUPLICATES, NULL);
	CHECK(want < 0 || j != NULL);
	buf_free(&out);
	chart_close(c);
	return j;
}

static json_t *place(json_t *j, const char *name)
{
	json_t *p;
	size_t i;

	json_array_foreach(json_object_get(j, "places"), i,
			   p) if (strcmp(json_string_value(json_object_get(p, "name")), name) ==
				  0) return p;
	return NULL;
}

static json_t *tie(json_t *j, const char *from, const char *kind, const char *to)
{
	const char *f = json_string_value(json_object_get(place(j, from), "id"));
	const char *t = json_string_value(json_object_get(place(j, to), "id"));
	json_t *l;
	size_t i;

	json_array_foreach(json_object_get(j, "ties"), i,
			   l) if (f && t &&
				  strcmp(json_string_value(json_object_get(l, "from")), f) ==
					  0 &&
				  strcmp(json_string_value(json_object_get(l, "to")), t) == 0 &&
				  strcmp(json_string_value(json_object_get(l, "kind")), kind) ==
					  0) return l;
	return NULL;
}

static long long number(json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

TEST(what_was_called_is_known_at_any_moment)
{
	struct world w;
	json_t *j, *l;

	open_world(&w, 0);
	for (int day = 0; day < 6; day++)
		call(&w, T0 + day * NS_PER_D + NS_PER_H, "pc1", ENT_DEVICE, "fs1", ENT_DEVICE);
	call(&w, T0 + 5 * NS_PER_D, "pc1", ENT_DEVICE, "far.test", ENT_ENDPOINT);
	j = drawn(&w, "pc1", TIME_NONE, 0, 0);
	l = tie(j, "pc1", "flow", "fs1");
	CHECK_INT(number(l, "events"), 6);
	CHECK_INT(number(l, "bytes_out"), 600);
	CHECK_INT(number(l, "bytes_in"), 6000);
	CHECK_STR(str_of(json_string_value(json_array_get(json_object_get(l, "what"), 0))),
		  "443 tcp");
	CHECK(tie(j, "pc1", "flow", "far.test") != NULL);
	json_decref(j);
	/* On the third day there was no far.test, and half of the calls. */
	j = drawn(&w, "pc1", T0 + 2 * NS_PER_D + 2 * NS_PER_H, 0, 0);
	l = tie(j, "pc1", "flow", "fs1");
	CHECK_INT(number(l, "events"), 3);
	CHECK_INT(number(l, "bytes_out"), 300);
	CHECK_STR(str_of(json_string_value(json_object_get(l, "last_seen"))),
		  "2023-11-17T01:00:00Z");
	CHECK(tie(j, "pc1", "flow", "far.test") == NULL);
	json_decref(j);
	/* In the two hours before that moment nothing was in use. */
	j = drawn(&w, "pc1", T0 + 2 * NS_PER_D + 5 * NS_PER_H, 2 * NS_PER_H, 0);
	CHECK(tie(j, "pc1", "flow", "fs1") == NULL);
	json_decref(j);
	CHECK(drawn(&w, "pc1", T0 - NS_PER_D, 0, E_NOTFOUND) == NULL);
	close_world(&w);
}

TEST(strangers_are_the_internet_unless_we_call_them)
{
	struct world w;
	json_t *j;

	open_world(&w, 0);
	call(&w, T0, "198.51.100.7", ENT_ENDPOINT, "web1", ENT_DEVICE);
	call(&w, T0 + 1, "198.51.100.8", ENT_ENDPOINT, "web1", ENT_DEVICE);
	call(&w, T0 + 2, "web1", ENT_DEVICE, "198.51.100.9", ENT_ENDPOINT);
	call(&w, T0 + 3, "198.51.100.9", ENT_ENDPOINT, "web1", ENT_DEVICE);
	j = drawn(&w, "web1", TIME_NONE, 0, 0);
	CHECK_INT(number(tie(j, "the internet", "flow", "web1"), "events"), 2);
	CHECK(place(j, "198.51.100.7") == NULL);
	CHECK(tie(j, "198.51.100.9", "flow", "web1") != NULL);
	CHECK(json_object_get(place(j, "web1"), "internet_first") != NULL);
	json_decref(j);
	j = drawn(&w, NULL, TIME_NONE, 0, 0);
	CHECK(place(j, "web1") != NULL);
	json_decref(j);
	close_world(&w);
}

TEST(nobody_who_does_not_answer_is_open)
{
	struct world w;
	struct part p[] = {{ENT_ENDPOINT, "198.51.100.7", ROLE_DEVICE},
			   {ENT_DEVICE, "pc1", ROLE_PEER}};
	json_t *j;

	open_world(&w, 0);
	feed(&w, make(&w, w.conn, T0, p, 2), false); /* no byte came back */
	call(&w, T0 + 1, "pc1", ENT_DEVICE, "fs1", ENT_DEVICE);
	j = drawn(&w, "pc1", TIME_NONE, 0, 0);
	CHECK(json_object_get(place(j, "pc1"), "internet_first") == NULL);
	json_decref(j);
	close_world(&w);
}

TEST(what_is_made_has_an_owner_and_an_end)
{
	struct world w;
	struct part bucket = {ENT_RESOURCE, "exports", ROLE_TARGET};
	json_t *j;

	open_world(&w, 0);
	operate(&w, T0, "CreateBucket", bucket, NULL);
	operate(&w, T0 + NS_PER_H, "PutBucketAcl", bucket, NULL);
	operate(&w, T0 + 2 * NS_PER_H, "DeleteBucket", bucket, NULL);
	j = drawn(&w, "exports", T0 + NS_PER_H, 0, 0);
	CHECK_STR(str_of(json_string_value(json_object_get(place(j, "exports"), "type"))),
		  "bucket");
	CHECK_STR(str_of(json_string_value(json_object_get(place(j, "exports"), "owner"))),
		  "ann");
	CHECK(json_object_get(place(j, "exports"), "created") != NULL);
	CHECK(json_object_get(place(j, "exports"), "deleted") == NULL);
	CHECK(tie(j, "ann", "made", "exports") != NULL);
	json_decref(j);
	j = drawn(&w, "exports", TIME_NONE, 0, 0);
	CHECK(json_object_get(place(j, "exports"), "deleted") != NULL);
	json_decref(j);
	close_world(&w);
}

TEST(a_trust_policy_says_who_may_become_a_role)
{
	static const char policy[] =
		"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":[\"arn:aws:iam::"
		"1:"
		"role/other\",\"arn:aws:iam::2:user/"
		"bob\"],\"Service\":\"lambda.amazonaws.com\"},"
		"\"Action\":\"sts:AssumeRole\"},{\"Effect\":\"Deny\",\"Principal\":\"*\"}]}";
	struct world w;
	struct part role = {ENT_ROLE, "worker", ROLE_TARGET};
	json_t *j;

	open_world(&w, 0);
	operate(&w, T0, "CreateRole", role, policy);
	operate(&w, T0 + 1, "AssumeRole", role, NULL);
	j = drawn(&w, "worker", TIME_NONE, 0, 0);
	CHECK(tie(j, "other", "may_become", "worker") != NULL);
	CHECK(tie(j, "bob", "may_become", "worker") != NULL);
	CHECK(tie(j, "lambda.amazonaws.com", "may_become", "worker") != NULL);
	CHECK(place(j, "the internet") == NULL); /* denied */
	CHECK(tie(j, "ann", "became", "worker") != NULL);
	json_decref(j);
	operate(&w, T0 + 2, "CreateRole", role, "{\"Statement\":[[[{\"Effect\"");
	close_world(&w);
}

TEST(a_record_that_comes_again_is_not_counted_twice)
{
	struct world w;
	struct part p[] = {{ENT_DEVICE, "pc1", ROLE_DEVICE}, {ENT_DEVICE, "fs1", ROLE_PEER}};
	json_t *j;

	open_world(&w, 0);
	call(&w, T0, "pc1", ENT_DEVICE, "fs1", ENT_DEVICE);
	CHECK(tie(j = drawn(&w, "pc1", TIME_NONE, 0, 0), "pc1", "flow", "fs1") != NULL);
	json_decref(j);
	atlas_close(w.a);
	open_map(&w, 0, false);
	feed(&w, make(&w, w.conn, T0 + NS_PER_H, p, 2), true);
	call(&w, T0 + 2 * NS_PER_H, "pc1", ENT_DEVICE, "fs1", ENT_DEVICE);
	j = drawn(&w, "pc1", TIME_NONE, 0, 0);
	CHECK_INT(number(tie(j, "pc1", "flow", "fs1"), "events"), 2);
	CHECK_INT(number(tie(j, "pc1", "flow", "fs1"), "hours"), 3);
	json_decref(j);
	close_world(&w);
}

TEST(memory_stays_bounded_and_nothing_is_lost)
{
	struct world w;
	struct atlas_stats s;
	sqlite3 *db;
	sqlite3_stmt *st;
	char path[64], name[24];
	struct diag d;

	open_world(&w, 128 * KIB);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "d%d.test", i);
		call(&w, T0 + i * NS_PER_S, "pc1", ENT_DEVICE, name, ENT_ENDPOINT);
	}
	atlas_stats(w.a, &s);
	CHECK(s.let_go > 0 && s.ties < 1000);
	CHECK(s.bytes < 300 * KIB);
	CHECK_INT(atlas_flush(w.a, &d), 0);
	snprintf(path, sizeof(path), "%s/map.db", w.dir);
	CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
	CHECK_INT(sqlite3_prepare_v2(db, "SELECT count(*),sum(count) FROM tie", -1, &st, NULL),
		  SQLITE_OK);
	CHECK_INT(sqlite3_step(st), SQLITE_ROW);
	CHECK_INT(sqlite3_column_int(st, 0), 5000);
	CHECK_INT(sqlite3_column_int(st, 1), 5000);
	sqlite3_finalize(st);
	sqlite3_close(db);
	close_world(&w);
}

static size_t weaknesses(struct world *w, const char *name, int64_t at)
{
	struct str n = str_of(name);
	struct chart_query q = {.names = &n, .nnames = name != NULL, .at = at};
	struct chart *c = NULL;
	struct buf out;
	struct diag d;
	json_t *j;
	size_t found;

	CHECK_INT(atlas_flush(w->a, &d), 0);
	CHECK_INT(chart_open(w->dir, &c, &d), 0);
	buf_init(&out, MIB);
	CHECK_INT(chart_weak(c, &q, CHART_JSON, &out, &d), 0);
	j = json_loadb(out.p, out.len, JSON_REJECT_DUPLICATES, NULL);
	CHECK(j != NULL);
	found = json_array_size(json_object_get(j, "items"));
	json_decref(j);
	buf_free(&out);
	chart_close(c);
	return found;
}

TEST(a_weakness_stands_until_it_is_mended)
{
	struct world w;
	struct atlas_weakness x = {.what = STR("compliance/open"),
				   .title = STR("it is open"),
				   .event_id = STR("e1"),
				   .time = T0 + NS_PER_H};
	struct diag d;

	open_world(&w, 0);
	call(&w, T0, "pc1", ENT_DEVICE, "fs1", ENT_DEVICE);
	x.ent = entity_find(w.en, ENT_DEVICE, STR("fs1"));
	CHECK_INT(atlas_weak(w.a, &x, &d), 0);
	x.time += NS_PER_H;
	CHECK_INT(atlas_weak(w.a, &x, &d), 0);
	x.time += NS_PER_H;
	x.mended = true;
	CHECK_INT(atlas_weak(w.a, &x, &d), 0);
	CHECK_INT(weaknesses(&w, NULL, T0), 0);
	CHECK_INT(weaknesses(&w, NULL, T0 + 2 * NS_PER_H), 1);
	CHECK_INT(weaknesses(&w, "fs1", T0 + 2 * NS_PER_H), 1);
	CHECK_INT(weaknesses(&w, "pc1", T0 + 2 * NS_PER_H), 0);
	CHECK_INT(weaknesses(&w, NULL, T0 + 4 * NS_PER_H), 0);
	close_world(&w);
}

TEST(days_are_merged_in_order_and_bounded)
{
	struct tie_day a[] = {{.day = 1, .hours = 1, .count = 2},
			      {.day = 3, .hours = 4, .count = 1}};
	struct tie_day b[] = {{.day = 2, .hours = 2, .count = 5},
			      {.day = 3, .hours = 8, .count = 7}};
	struct tie_day r[4];

	CHECK_INT(days_merge(a, 2, b, 2, r, 4), 3);
	CHECK(r[0].day == 1 && r[1].day == 2 && r[2].day == 3);
	CHECK(r[2].hours == 12 && r[2].count == 8);
	CHECK_INT(days_merge(a, 2, b, 2, r, 2), 2);
	CHECK(r[0].day == 2 && r[1].day == 3 && r[1].count == 8);
}

TEST(operations_say_what_they_make_and_remove)
{
	static const struct {
		const char *op, *noun, *type;
		int verb;
	} all[] = {
		{"CreateUser", "", "user", 1},
		{"CreateAccessKey", "", NULL, 0},
		{"RunInstances", "", "instance", 1},
		{"TerminateInstances", "", "instance", -1},
		{"CreateFunction20150331", "", "function", 1},
		{"DeleteFunction20150331v2", "", "function", -1},
		{"DeleteDBInstance", "", "database", -1},
		{"DeleteBucketPolicy", "", NULL, 0},
		{"Add user.", "", "user", 1},
		{"Add member to role.", "", NULL, 0},
		{"storage.buckets.delete", "", "bucket", -1},
		{"v1.compute.instances.insert", "", "instance", 1},
		{"create pods", "", "pod", 1},
		{"create", "pods", "pod", 1},
		{"GetObject", "", NULL, 0},
		{"", "", NULL, 0},
		{"....", "", NULL, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		const char *type = NULL;

		CHECK_INT(life_of(str_of(all[i].op), str_of(all[i].noun), &type), all[i].verb);
		CHECK(all[i].verb == 0 || strcmp(type, all[i].type) == 0);
	}
}

TAP_MAIN
