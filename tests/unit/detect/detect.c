/* SPDX-License-Identifier: Apache-2.0 */
/* Models over made-up events: texts, throttle, counts, budget, what cannot fire, self-tests. */
#include "detect/detect.h"
#include "tap.h"
#include <sys/stat.h>
#include <unistd.h>

/* The door of learn, replaced: what was asked of it, and what it answers. */
static struct {
	bool allow, compliance;
	double raw, surprise;
	int reports, budgets;
	char quantity[100], tactic[50];
	struct learn_result results[2];
	size_t nresults;
} door;

double learn_report(struct learn *l, uint32_t entity, struct str quantity, double raw,
		    struct str tactic, int64_t now)
{
	(void)l, (void)entity, (void)now;
	door.reports++;
	door.raw = raw;
	snprintf(door.quantity, sizeof(door.quantity), "%.*s", STR_ARG(quantity));
	snprintf(door.tactic, sizeof(door.tactic), "%.*s", STR_ARG(tactic));
	return raw + 1;
}

bool learn_claim(struct learn *l, const struct learn_claim *c)
{
	(void)l;
	if (c->goes_on)
		return true;
	door.budgets++;
	door.surprise = c->surprise;
	door.compliance = c->compliance;
	return door.allow;
}

bool learn_slow(const struct learn *l, struct str quantity)
{
	(void)l, (void)quantity;
	return false;
}

size_t learn_results(const struct learn *l, const struct learn_result **ret_r)
{
	(void)l;
	*ret_r = door.results;
	return door.nresults;
}

#define CHECK_HAS(text, part)                                                                  \
	do {                                                                                   \
		const char *t_ = (text);                                                       \
		if (!t_ || !strstr(t_, part)) {                                                \
			printf("# %s:%d: '%s' lacks '%s'\n", __FILE__, __LINE__, t_ ? t_ : "", \
			       part);                                                          \
			tap_bad++;                                                             \
		}                                                                              \
	} while (0)

struct world {
	char dir[32];
	struct schema *s;
	struct rectype *conn, *audit;
	struct entities *en;
	struct detect *dt;
	struct batch b;
	uint64_t seq;
	/* What came out last, and how much. */
	struct alert *last;
	int alerts, notes;
	char line[512];
	int failed, passed;
	struct diag d;
};

static void provide(struct world *w, struct rectype *t, const char *name)
{
	CHECK_INT(schema_provide(w->s, t, schema_attr(w->s, str_of(name))), 0);
}

static void model_write(struct world *w, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/net", w->dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/net/%s.yaml", w->dir, name);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

/* Opens a world with the models a and b (may be NULL). Returns what detect_open said. */
static int world_open(struct world *w, const char *a, const char *b)
{
	const char *dirs[1];
	struct detect_conf conf = {.dirs = dirs, .ndirs = 1};
	struct entities_conf ec = {0};
	int r;

	*w = (struct world){.dir = "/tmp/detect-XXXXXX"};
	CHECK(mkdtemp(w->dir) != NULL);
	model_write(w, "a", a);
	if (b)
		model_write(w, "b", b);
	dirs[0] = w->dir;
	CHECK_INT(schema_new(&w->s), 0);
	w->conn = schema_type_add(w->s, STR("zeek"), STR("zeek.conn"), CLASS_NETWORK_ACTIVITY);
	w->conn->ents[0] = (struct ent_decl){ROLE_DEVICE, ENT_DEVICE, ATTR_SRC_IP};
	w->conn->nents = 1;
	w->conn->sigma[0] = (struct logsource){STR("firewall"), STR("zeek"), STR("conn")};
	w->conn->nsigma = 1;
	w->audit = schema_type_add(w->s, STR("aws.x"), STR("aws.x.event"), CLASS_API_ACTIVITY);
	w->audit->ents[0] = (struct ent_decl){ROLE_ACTOR, ENT_ACCOUNT, ATTR_USER};
	w->audit->nents = 1;
	w->audit->sigma[0] = (struct logsource){.category = STR("webserver")};
	w->audit->nsigma = 1;
	provide(w, w->conn, "src_endpoint.ip");
	provide(w, w->conn, "dst_endpoint.ip");
	provide(w, w->conn, "dst_endpoint.port");
	provide(w, w->conn, "learned.rare.new");
	provide(w, w->audit, "actor.user.name");
	provide(w, w->audit, "api.operation");
	r = detect_open(&conf, w->s, &w->dt, &w->d);
	if (r < 0)
		return r;
	CHECK_INT(entities_provide(w->s), 0);
	CHECK_INT(schema_freeze(w->s), 0);
	CHECK_INT(entities_new(&ec, w->s, &w->en), 0);
	CHECK_INT(batch_init(&w->b, 512), 0);
	memset(&door, 0, sizeof(door));
	door.allow = true;
	/* Any pointer: the functions above never look at it. */
	CHECK_INT(detect_start(w->dt, w->s, w->en, (struct learn *)&door), 0);
	return 0;
}

static void world_close(struct world *w)
{
	char path[128];

	alert_free(w->last);
	detect_free(w->dt);
	entities_free(w->en);
	batch_free(&w->b);
	schema_free(w->s);
	for (const char *m = "ab"; *m; m++) {
		snprintf(path, sizeof(path), "%s/net/%c.yaml", w->dir, *m);
		remove(path);
	}
	snprintf(path, sizeof(path), "%s/net", w->dir);
	rmdir(path);
	rmdir(w->dir);
}

static int on_alert(struct alert *a, const struct event *e, void *arg)
{
	struct world *w = arg;

	(void)e;
	alert_free(w->last);
	w->last = a;
	w->alerts += !a->note;
	w->notes += a->note;
	return 0;
}

static void run(struct world *w, struct event *e, int64_t at_s)
{
	e->known = e->time = at_s * NS_PER_S;
	e->seq = ++w->seq;
	e->id = arena_fmt(&w->b.mem, "E%d", (int)e->seq);
	CHECK_INT(entities_resolve(w->en, e, &w->b.mem), 0);
	CHECK_INT(detect_event(w->dt, e, on_alert, w), 0);
}

static void conn(struct world *w, int64_t at_s, const char *src, const char *dst, int port)
{
	struct event *e = batch_add(&w->b, w->conn);

	event_set(e, ATTR_SRC_IP, val_s(str_of(src)));
	if (dst)
		event_set(e, ATTR_DST_IP, val_s(str_of(dst)));
	event_set(e, ATTR_DST_PORT, val_i(port));
	event_set(e, schema_find(w->s, STR("learned.rare.new")), val_b(true));
	run(w, e, at_s);
}

static void call(struct world *w, int64_t at_s, const char *user, const char *op)
{
	struct event *e = batch_add(&w->b, w->audit);

	event_set(e, ATTR_USER, val_s(str_of(user)));
	event_set(e, ATTR_OPERATION, val_s(str_of(op)));
	run(w, e, at_s);
}

#define SSH                                                               \
	"title: '{device} logs in to {dst_endpoint.ip}'\n"                \
	"id: 1\nauthor: me\nlicense: DRL\nlevel: high\n"                  \
	"tags: [attack.lateral-movement, attack.t1021.004, cve.2024-1]\n" \
	"logsource: {class: network_activity}\n"                          \
	"detection: {s: {dst_endpoint.port: 22}, condition: s}\n"

TEST(alert_is_filled)
{
	struct world w;
	const struct model *const *m;

	CHECK_INT(world_open(&w, SSH "thymus: {story: 'From {device} to {peer}.'}\n", NULL), 0);
	CHECK_INT(detect_models(w.dt, &m), 1);
	CHECK_STR(m[0]->name, "net/a");
	CHECK_STR(m[0]->family, "net");
	CHECK_STR(m[0]->phase, "lateral-movement");
	CHECK_INT(m[0]->nattack, 1);
	CHECK_STR(m[0]->attack[0], "T1021.004");
	CHECK(m[0]->cannot_fire == NULL);
	conn(&w, 1000, "10.0.0.5", "10.0.0.9", 443);
	CHECK(w.last == NULL);
	CHECK_INT(detect_matched(w.dt, &m), 0);
	conn(&w, 1001, "10.0.0.5", "10.0.0.9", 22);
	CHECK_INT(detect_matched(w.dt, &m), 1);
	CHECK_INT(w.alerts, 1);
	if (!w.last)
		return;
	CHECK_STR(w.last->title, "10.0.0.5 logs in to 10.0.0.9");
	CHECK_STR(w.last->story, "From 10.0.0.5 to 10.0.0.9.");
	CHECK_INT(w.last->severity, SEV_HIGH);
	CHECK_INT(w.last->nents, 1);
	CHECK_STR(w.last->names[0], "10.0.0.5");
	CHECK_INT(w.last->nevents, 1);
	CHECK_STR(w.last->event_ids[0], "E2");
	CHECK_INT(w.last->time, 1001 * NS_PER_S);
	CHECK_INT(strlen(w.last->id), 17);
	CHECK(strcmp(door.quantity, "model:net/a") == 0);
	CHECK(strcmp(door.tactic, "lateral-movement") == 0);
	CHECK(door.raw == 6);
	CHECK(door.surprise == 7);
	world_close(&w);
}

TEST(missing_placeholders_leave_readable_text)
{
	struct world w;

	CHECK_INT(world_open(&w,
			     SSH "thymus: {story: '{actor} went from {device} to "
				 "{nosuch.thing}, port {dst_endpoint.port}.'}\n",
			     NULL),
		  0);
	conn(&w, 1, "10.0.0.5", NULL, 22);
	CHECK_INT(w.alerts, 1);
	if (!w.last)
		return;
	CHECK_STR(w.last->title, "10.0.0.5 logs in");
	CHECK_STR(w.last->story, "somebody went from 10.0.0.5, port 22.");
	world_close(&w);
}

TEST(throttle_by_key_in_event_time)
{
	struct world w;
	char id[20];

	CHECK_INT(world_open(&w, SSH "thymus: {throttle: 6h, key: [device, dst_endpoint.ip]}\n",
			     NULL),
		  0);
	conn(&w, 0, "10.0.0.5", "10.0.0.9", 22);
	CHECK_INT(w.alerts, 1);
	memcpy(id, w.last->id, sizeof(id));
	conn(&w, 60, "10.0.0.5", "10.0.0.9", 22);
	conn(&w, 6 * S_PER_H - 1, "10.0.0.5", "10.0.0.9", 22);
	CHECK_INT(w.alerts, 1);
	conn(&w, 61, "10.0.0.5", "10.0.0.8", 22);
	CHECK_INT(w.alerts, 2);
	conn(&w, 62, "10.0.0.6", "10.0.0.9", 22);
	CHECK_INT(w.alerts, 3);
	conn(&w, 6 * S_PER_H, "10.0.0.5", "10.0.0.9", 22);
	CHECK_INT(w.alerts, 4);
	CHECK(strcmp(w.last->id, id) != 0);
	world_close(&w);
	/* The same again gives the same id. */
	CHECK_INT(world_open(&w, SSH "thymus: {throttle: 6h, key: [device, dst_endpoint.ip]}\n",
			     NULL),
		  0);
	conn(&w, 0, "10.0.0.5", "10.0.0.9", 22);
	CHECK(w.last && strcmp(w.last->id, id) == 0);
	world_close(&w);
}

TEST(counts_of_distinct_values)
{
	struct world w;
	char ip[16];

	CHECK_INT(world_open(&w,
			     SSH "thymus: {count: {n: 4, within: 10m, distinct: "
				 "dst_endpoint.ip}}\n",
			     NULL),
		  0);
	for (int i = 0; i < 20; i++)
		conn(&w, i, "10.0.0.5", "10.0.1.1", 22);
	CHECK_INT(w.alerts, 0);
	/* Too slow: never four within ten minutes. */
	for (int i = 0; i < 8; i++) {
		snprintf(ip, sizeof(ip), "10.0.2.%d", i);
		conn(&w, 1000 + i * 300, "10.0.0.5", ip, 22);
	}
	CHECK_INT(w.alerts, 0);
	/* Another device does not add to it. */
	for (int i = 0; i < 3; i++) {
		snprintf(ip, sizeof(ip), "10.0.3.%d", i);
		conn(&w, 9000, "10.0.0.5", ip, 22);
		conn(&w, 9000, "10.0.0.6", ip, 22);
	}
	CHECK_INT(w.alerts, 0);
	conn(&w, 9001, "10.0.0.5", "10.0.3.77", 22);
	CHECK_INT(w.alerts, 1);
	if (!w.last)
		return;
	CHECK_INT(w.last->nevents, 4);
	CHECK_STR(w.last->event_ids[3], "E35");
	CHECK_STR(w.last->event_ids[0], "E29");
	world_close(&w);
}

TEST(budget_makes_notes)
{
	struct world w;

	CHECK_INT(world_open(&w, SSH, NULL), 0);
	door.allow = false;
	conn(&w, 0, "10.0.0.5", "10.0.0.9", 22);
	CHECK_INT(w.alerts, 0);
	CHECK_INT(w.notes, 1);
	CHECK_INT(door.compliance, false);
	world_close(&w);

	CHECK_INT(world_open(&w, SSH "thymus: {critical: true}\n", NULL), 0);
	door.allow = false;
	conn(&w, 0, "10.0.0.5", "10.0.0.9", 22);
	CHECK_INT(w.alerts, 1);
	CHECK_INT(door.budgets, 0);
	world_close(&w);

	CHECK_INT(world_open(&w, SSH "thymus: {note: true}\n", NULL), 0);
	conn(&w, 0, "10.0.0.5", "10.0.0.9", 22);
	CHECK_INT(w.notes, 1);
	CHECK_INT(door.budgets, 0);
	CHECK_INT(door.reports, 1);
	world_close(&w);

	CHECK_INT(world_open(&w, SSH "thymus: {compliance: true}\n", NULL), 0);
	conn(&w, 0, "10.0.0.5", "10.0.0.9", 22);
	CHECK_INT(w.alerts, 1);
	CHECK_INT(door.compliance, true);
	world_close(&w);
}

TEST(learned_quantities_explain)
{
	struct world w;

	CHECK_INT(world_open(&w,
			     "title: t\nlevel: medium\nlogsource: {source: zeek, type: conn}\n"
			     "detection: {s: {learned.rare.new: true}}\n",
			     NULL),
		  0);
	door.results[0] = (struct learn_result){.quantity = STR("other"), .surprise = 9};
	door.results[1] = (struct learn_result){.quantity = STR("rare"),
						.surprise = 5,
						.seen = STR("seen"),
						.usual = STR("usual")};
	door.nresults = 2;
	conn(&w, 0, "10.0.0.5", "10.0.0.9", 22);
	CHECK_INT(w.alerts, 1);
	if (!w.last)
		return;
	CHECK_INT(w.last->nwhy, 1);
	CHECK_STR(w.last->why[0].quantity, "rare");
	CHECK_STR(w.last->why[0].seen, "seen");
	CHECK(w.last->surprise == 5);
	CHECK_INT(w.last->score, 20 + 15 * SEV_MEDIUM + 10);
	world_close(&w);
}

#define CALL(levels, ops)                                             \
	"title: '{actor} calls {api.operation}'\nlevel: " levels "\n" \
	"logsource: {source: aws}\n"                                  \
	"detection: {s: {api.operation: " ops "}}\n"

TEST(index_asks_the_right_models)
{
	struct world w;
	const struct model *const *m;

	CHECK_INT(world_open(&w, CALL("high", "[StopLogging, DeleteTrail]"),
			     CALL("low", "deleteTRAIL")),
		  0);
	call(&w, 0, "ann", "ListBuckets");
	CHECK_INT(detect_matched(w.dt, &m), 0);
	call(&w, 1, "ann", "StopLogging");
	CHECK_INT(detect_matched(w.dt, &m), 1);
	call(&w, 2, "bob", "DeleteTrail");
	CHECK_INT(detect_matched(w.dt, &m), 2);
	CHECK_STR(m[0]->name, "net/a");
	CHECK_STR(m[1]->name, "net/b");
	CHECK_INT(w.alerts, 2);
	CHECK_INT(w.notes, 1); /* of the low one */
	CHECK_STR(w.last->title, "bob calls DeleteTrail");
	world_close(&w);
}

TEST(what_cannot_fire_says_why)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"title: t\nlogsource: {product: windows}\ndetection: {s: {a: b}}\n",
		 "no record type has this log source"},
		{"title: t\nlogsource: {product: zeek, service: conn}\ndetection: {s: {a: "
		 "b}}\n",
		 "no source provides field a"},
		{"title: t\nlogsource: {category: firewall}\n"
		 "detection: {s: {dst_endpoint.ip: b}}\n",
		 NULL},
		{"title: t\nlogsource: {category: proxy}\ndetection: {s: {dst_endpoint.ip: "
		 "b}}\n",
		 "no record type has this log source"},
		{"title: t\nlogsource: {category: webserver, product: apache}\n"
		 "detection: {s: {actor.user.name: b}}\n",
		 NULL},
		{"title: t\nlogsource: {product: apache, service: error}\n"
		 "detection: {s: {actor.user.name: b}}\n",
		 "no record type has this log source"},
		{"title: t\nlogsource: {source: zeek, type: [dns, ssl]}\n"
		 "detection: {s: {dst_endpoint.ip: 10.0.0.9}}\n",
		 "no record type has this log source"},
		{"title: t\nlogsource: {source: zeek, type: [dns, conn]}\n"
		 "detection: {s: {dst_endpoint.ip: b}}\n",
		 NULL},
		{"title: t\nlogsource: {source: zeek}\ndetection: {s: {a|expand: '%x%'}}\n",
		 "a.yaml:3:28: nothing says what %x% stands for"},
		{"title: t\nlogsource: {source: zeek}\n"
		 "detection: {s: {a: b}, condition: s | count() > 3}\n",
		 "an aggregation needs a timeframe"},
		{"title: t\nlogsource: {source: zeek}\n"
		 "detection: {s: {a: b}, condition: s | near s, timeframe: 1m}\n",
		 "'near' names no field"},
		{"title: t\ncorrelation: {type: event_count, rules: [x], timespan: 1m, "
		 "condition: {lte: 3}}\n",
		 "only what reaches a lower bound can be told"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct model *const *m;
		struct world w;

		CHECK_INT(world_open(&w, rows[i].text, NULL), 0);
		CHECK_INT(detect_models(w.dt, &m), 1);
		if (!rows[i].why)
			CHECK(m[0]->cannot_fire == NULL);
		else
			CHECK_HAS(m[0]->cannot_fire, rows[i].why);
		conn(&w, 0, "10.0.0.5", "10.0.0.9", 22);
		CHECK_INT(w.alerts, 0);
		world_close(&w);
	}
}

TEST(broken_models_are_pointed_at)
{
	static const struct {
		const char *text, *at;
	} rows[] = {
		{SSH "thymus: {throtle: 6h}\n", "a.yaml:9:10: "},
		{SSH "thymus: {throttle: 6}\n", "a.yaml:9:20: "},
		{SSH "titel: x\n", "a.yaml:9:1: "},
		{SSH "thymus: {count: {n: 1, within: 1h}}\n", "a.yaml:9:"},
		{SSH "thymus: {tests: [{name: x, fires: perhaps, event: {}}]}\n", "a.yaml:9:"},
		{SSH "thymus: {tests: [{name: x, fires: true}]}\n", "a.yaml:9:"},
		{"title: t\nlevel: dire\nlogsource: {class: any}\ndetection: {s: {a: b}}\n",
		 "a.yaml:2:8: "},
		{"title: t\nlogsource: {class: no_such}\ndetection: {s: {a: b}}\n",
		 "a.yaml:2:20: "},
		{"title: t\nlogsource: {source: [zeek]}\ndetection: {s: {a: b}}\n",
		 "a.yaml:2:22: a name is expected here"},
		{"title: t\nlogsource: {type: [[a]]}\ndetection: {s: {a: b}}\n", "a.yaml:2:"},
		{"title: t\nlogsource: {product: {a: b}}\ndetection: {s: {a: b}}\n",
		 "a.yaml:2:"},
		{"title: t\nlogsource: {definition: x}\ndetection: {s: {a: b}}\n", "a.yaml:2:"},
		{"title: t\nlogsource: {class: any}\ndetection: {s: {a|contians: b}}\n",
		 "a.yaml:3:17: unknown modifier 'contians'"},
		{"- a list\n", "a.yaml:1:"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w;

		CHECK_INT(world_open(&w, rows[i].text, NULL), E_SYNTAX);
		CHECK_HAS(w.d.msg, rows[i].at);
		world_close(&w);
	}
}

static void on_fail(const char *line, void *arg)
{
	struct world *w = arg;

	snprintf(w->line, sizeof(w->line), "%s", line);
}

TEST(tests_inside_models)
{
	struct world w;

	CHECK_INT(world_open(&w,
			     SSH "thymus:\n  count: {n: 2, within: 1h}\n  tests:\n"
				 "  - {name: one, type: zeek.conn, fires: false, event: "
				 "{dst_endpoint.port: 22}}\n"
				 "  - {name: two, type: network_activity, fires: true, events: "
				 "[{dst_endpoint.port: 22}, {dst_endpoint.port: 22}]}\n"
				 "  - {name: wrong, type: zeek.conn, fires: true, events: "
				 "[{dst_endpoint.port: 22}, {dst_endpoint.port: 23}]}\n",
			     NULL),
		  0);
	CHECK_INT(detect_test(w.dt, w.s, on_fail, &w, &w.passed), 1);
	CHECK_INT(w.passed, 2);
	CHECK_HAS(w.line, "wrong: should fire and does not");
	world_close(&w);

	CHECK_INT(world_open(&w,
			     SSH "thymus: {tests: [{name: typo, type: zeek.conn, fires: false, "
				 "event: {dst_endpoint.prot: 22}}]}\n",
			     NULL),
		  0);
	CHECK_INT(detect_test(w.dt, w.s, on_fail, &w, &w.passed), 1);
	CHECK_HAS(w.line, "no zeek.conn has field dst_endpoint.prot");
	world_close(&w);
}

TAP_MAIN
