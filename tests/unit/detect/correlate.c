/* SPDX-License-Identifier: Apache-2.0 */
/* Sigma correlations and filters, with the wording of the specification 2.1 as the measure. */
#include "detect/detect_state.h"
#include "tap.h"
#include <sys/stat.h>
#include <unistd.h>

/* Nothing is judged here: every match may speak. */
double learn_report(struct learn *l, uint32_t entity, struct str quantity, double raw,
		    struct str tactic, int64_t now)
{
	(void)l, (void)entity, (void)quantity, (void)tactic, (void)now;
	return raw;
}

bool learn_budget(struct learn *l, double surprise, bool compliance, int64_t now)
{
	(void)l, (void)surprise, (void)compliance, (void)now;
	return true;
}

size_t learn_results(const struct learn *l, const struct learn_result **ret_r)
{
	(void)l;
	*ret_r = NULL;
	return 0;
}

struct world {
	char dir[40], path[64], names[64];
	struct schema *s;
	struct rectype *t;
	struct detect *dt;
	struct batch b;
	struct diag d;
	uint64_t seq;
	char fired[512]; /* titles, in order, with the number of cited events */
};

#define LOG "logsource: {class: authentication}\n"
#define RULE(name, when)                                                  \
	"title: " name "\nname: " name "\nid: id-" name "\nlevel: high\n" \
	"author: me\n" LOG "detection: {s: {" when "}, condition: s}\n---\n"
#define HEAD(name) "title: " name "\nname: " name "\nid: id-" name "\nlevel: high\nauthor: me\n"

/* The files in both folders; the first holds none of ours. */
static int world_open(struct world *w, const char *text)
{
	static const char *const attrs[] = {"user", "host", "src", "dst", "act", "bytes"};
	char empty[48];
	const char *dirs[2] = {empty, w->dir};
	struct detect_conf conf = {.dirs = dirs, .ndirs = 2};
	static const char taxonomy[] = "logsource: {category: login}\n"
				       "fields: {UserName: user, Bytes: bytes}\n";
	FILE *f;
	int r;

	*w = (struct world){.dir = "/tmp/corr-XXXXXX"};
	CHECK(mkdtemp(w->dir) != NULL);
	snprintf(empty, sizeof(empty), "%s/none", w->dir);
	mkdir(empty, 0700);
	snprintf(w->path, sizeof(w->path), "%s/m.yaml", w->dir);
	f = fopen(w->path, "w");
	fputs(text, f);
	fclose(f);
	snprintf(w->names, sizeof(w->names), "%s.names.yaml", w->dir);
	f = fopen(w->names, "w");
	fputs(taxonomy, f);
	fclose(f);
	conf.taxonomies = w->names;
	CHECK_INT(schema_new(&w->s), 0);
	w->t = schema_type_add(w->s, STR("t"), STR("t.login"), CLASS_AUTHENTICATION);
	w->t->sigma[0] = (struct logsource){STR("login"), STR("x"), STR("y")};
	w->t->nsigma = 1;
	for (size_t i = 0; i < ARRAY_LEN(attrs); i++)
		CHECK_INT(schema_provide(w->s, w->t, schema_attr(w->s, str_of(attrs[i]))), 0);
	r = detect_open(&conf, w->s, &w->dt, &w->d);
	rmdir(empty);
	if (r < 0)
		return r;
	CHECK_INT(schema_freeze(w->s), 0);
	CHECK_INT(batch_init(&w->b, 4), 0);
	CHECK_INT(detect_start(w->dt, w->s, NULL, NULL), 0);
	return 0;
}

static void world_close(struct world *w)
{
	detect_free(w->dt);
	batch_free(&w->b);
	schema_free(w->s);
	remove(w->path);
	remove(w->names);
	rmdir(w->dir);
}

static int on_alert(struct alert *a, const struct event *e, void *arg)
{
	struct world *w = arg;

	(void)e;
	snprintf(w->fired + strlen(w->fired), sizeof(w->fired) - strlen(w->fired), "%.*s:%zu ",
		 STR_ARG(a->title), a->nevents);
	alert_free(a);
	return 0;
}

/* act at second t, with values for user, host, src, dst and bytes; NULL: absent. */
static void at(struct world *w, int64_t t, const char *act, const char *user, const char *host,
	       const char *src, const char *dst, int64_t bytes)
{
	const char *const v[] = {user, host, src, dst, act};
	static const char *const attrs[] = {"user", "host", "src", "dst", "act"};
	struct event *e;

	batch_reset(&w->b);
	e = batch_add(&w->b, w->t);
	e->known = e->time = t * NS_PER_S;
	e->seq = ++w->seq;
	e->id = arena_fmt(&w->b.mem, "E%d", (int)e->seq);
	for (size_t i = 0; i < ARRAY_LEN(attrs); i++)
		if (v[i])
			event_set(e, schema_find(w->s, str_of(attrs[i])), val_s(str_of(v[i])));
	event_set(e, schema_find(w->s, STR("bytes")), val_i(bytes));
	CHECK_INT(detect_event(w->dt, e, on_alert, w), 0);
}

static void fails(struct world *w, int64_t from, int n, const char *user)
{
	for (int i = 0; i < n; i++)
		at(w, from + i, "fail", user, "h", "1", "2", 0);
}

static const char *cannot(const struct world *w, const char *title)
{
	const struct model *const *m;
	size_t n = detect_models(w->dt, &m);

	for (size_t i = 0; i < n; i++)
		if (str_eqz(m[i]->title, title))
			return m[i]->cannot_fire;
	return "no such model";
}

#define MANY(how)                                               \
	RULE("failed", "act: fail")                             \
	HEAD("many")                                            \
	"correlation: {type: event_count, rules: [failed], "    \
	"group-by: [user], timespan: 10s, condition: {" how "}" \
	"}\n"

TEST(event_count)
{
	struct world w;

	CHECK_INT(world_open(&w, MANY("gte: 5")), 0);
	fails(&w, 0, 4, "ann");
	fails(&w, 4, 4, "bob");
	CHECK_STR(str_of(w.fired), "");
	fails(&w, 9, 1, "ann"); /* the fifth of hers, still within ten seconds */
	CHECK_STR(str_of(w.fired), "many:5 ");
	world_close(&w);
}

TEST(window_slides)
{
	struct world w;

	CHECK_INT(world_open(&w, MANY("gt: 4")), 0);
	for (int i = 0; i < 30; i++)
		at(&w, i * 4, "fail", "ann", "h", "1", "2", 0);
	CHECK_STR(str_of(w.fired), "");
	fails(&w, 118, 2, "ann"); /* 112, 116, 118, 119: four */
	CHECK_STR(str_of(w.fired), "");
	fails(&w, 119, 1, "ann");
	CHECK_STR(str_of(w.fired), "many:5 ");
	world_close(&w);
}

TEST(without_the_field_there_is_no_group)
{
	struct world w;

	CHECK_INT(world_open(&w, MANY("gte: 2")), 0);
	fails(&w, 0, 5, NULL);
	CHECK_STR(str_of(w.fired), "");
	world_close(&w);
}

TEST(rules_stay_silent_unless_generated)
{
	struct world w;

	CHECK_INT(world_open(&w, RULE("failed", "act: fail") HEAD(
					 "many") "correlation: {type: event_count, generate: "
						 "true, rules: [id-failed], group-by: user, "
						 "timespan: 1m, condition: {eq: 3}}\n"),
		  0);
	fails(&w, 0, 3, "ann");
	CHECK_STR(str_of(w.fired), "failed:1 many:3 ");
	world_close(&w);
}

TEST(value_count)
{
	struct world w;

	CHECK_INT(world_open(&w, RULE("failed", "act: fail") HEAD(
					 "spray") "correlation: {type: value_count, rules: "
						  "[failed], group-by: [src], timespan: 1h, "
						  "condition: {field: user, gte: 3}}\n"),
		  0);
	fails(&w, 0, 9, "ann");
	fails(&w, 10, 9, "bob");
	CHECK_STR(str_of(w.fired), "");
	fails(&w, 4000, 1, "cyd"); /* the first two have left the window */
	fails(&w, 4001, 1, "ann");
	CHECK_STR(str_of(w.fired), "");
	fails(&w, 4002, 1, "BOB");
	CHECK_STR(str_of(w.fired), "spray:3 ");
	world_close(&w);
}

static void volumes(const char *type, const char *cond, const char *want)
{
	char text[1024];
	struct world w;

	snprintf(text, sizeof(text),
		 RULE("sent", "act: send") HEAD(
			 "much") "correlation: {type: %s, rules: [sent], group-by: [user], "
				 "timespan: 1h, condition: {field: bytes, %s}}\n",
		 type, cond);
	CHECK_INT(world_open(&w, text), 0);
	for (int i = 1; i <= 10; i++)
		at(&w, i, "send", "ann", "h", "1", "2", i * 10);
	CHECK_STR(str_of(w.fired), want);
	world_close(&w);
}

TEST(sums_and_averages)
{
	volumes("value_sum", "gte: 550", "much:10 ");
	volumes("value_sum", "gt: 550", "");
	volumes("value_avg", "gte: 55", "much:10 ");
	volumes("value_avg", "gt: 55", "");
	volumes("value_percentile", "percentile: 95, gte: 100", "much:10 ");
	volumes("value_percentile", "percentile: 50, gt: 50", "");
	volumes("value_sum", "gt: 500, lte: 540", "");
}

#define THREE RULE("a", "act: a") RULE("b", "act: b") RULE("c", "act: c")

TEST(temporal)
{
	struct world w;

	CHECK_INT(world_open(&w, THREE HEAD("recon") "correlation: {type: temporal, rules: [a, "
						     "b, c], group-by: [host, user], timespan: "
						     "5m}\n"),
		  0);
	at(&w, 0, "c", "ann", "h1", "1", "2", 0);
	at(&w, 1, "a", "ann", "h1", "1", "2", 0);
	at(&w, 2, "b", "ann", "h2", "1", "2", 0);
	at(&w, 400, "b", "ann", "h1", "1", "2", 0); /* c and a are too old */
	CHECK_STR(str_of(w.fired), "");
	at(&w, 401, "a", "ann", "h1", "1", "2", 0);
	at(&w, 402, "c", "ann", "h1", "1", "2", 0);
	CHECK_STR(str_of(w.fired), "recon:3 ");
	world_close(&w);
}

TEST(temporal_ordered)
{
	struct world w;

	CHECK_INT(world_open(&w, THREE HEAD("steps") "correlation: {type: temporal_ordered, "
						     "rules: [a, b, c], group-by: [user], "
						     "timespan: 5m}\n"),
		  0);
	at(&w, 0, "c", "ann", "h", "1", "2", 0);
	at(&w, 1, "b", "ann", "h", "1", "2", 0);
	at(&w, 2, "a", "ann", "h", "1", "2", 0);
	CHECK_STR(str_of(w.fired), "");
	at(&w, 3, "b", "ann", "h", "1", "2", 0);
	at(&w, 4, "c", "ann", "h", "1", "2", 0);
	CHECK_STR(str_of(w.fired), "steps:5 ");
	world_close(&w);
}

TEST(correlations_of_correlations)
{
	struct world w;

	/* The specification's own example: failed log-ins, then one that succeeds. */
	CHECK_INT(world_open(&w,
			     HEAD("broken_in") "correlation: {type: temporal_ordered, "
					       "rules: [many, good], group-by: [user], "
					       "timespan: 10m}\n---\n" RULE("good", "act: ok")
						       MANY("gte: 10")),
		  0);
	fails(&w, 0, 9, "ann");
	at(&w, 20, "ok", "ann", "h", "1", "2", 0);
	CHECK_STR(str_of(w.fired), "");
	fails(&w, 100, 10, "ann");
	fails(&w, 100, 10, "bob");
	at(&w, 200, "ok", "ann", "h", "1", "2", 0);
	CHECK_STR(str_of(w.fired), "broken_in:12 ");
	world_close(&w);
}

TEST(aliases)
{
	struct world w;

	CHECK_INT(world_open(&w, RULE("error", "act: error") RULE("call", "act: call") HEAD(
					 "back") "correlation:\n  type: temporal\n  rules: "
						 "[error, call]\n  group-by: [inside, "
						 "outside]\n  timespan: 10s\n  aliases:\n"
						 "    inside: {error: dst, call: src}\n"
						 "    outside: {error: src, call: dst}\n"),
		  0);
	at(&w, 0, "error", "u", "h", "out", "in", 0);
	at(&w, 1, "call", "u", "h", "in", "elsewhere", 0);
	CHECK_STR(str_of(w.fired), "");
	at(&w, 2, "call", "u", "h", "in", "out", 0);
	CHECK_STR(str_of(w.fired), "back:2 ");
	world_close(&w);
}

TEST(what_cannot_run_says_why)
{
	struct world w;

	CHECK_INT(world_open(&w, MANY("lt: 5")), 0);
	CHECK(cannot(&w, "many") && strstr(cannot(&w, "many"), "lower bound"));
	world_close(&w);
	CHECK_INT(world_open(&w, HEAD("x") "correlation: {type: temporal, rules: [nobody], "
					   "group-by: [user], timespan: 1m}\n"),
		  0);
	CHECK(cannot(&w, "x") && strstr(cannot(&w, "x"), "there is no rule nobody"));
	world_close(&w);
	CHECK_INT(world_open(&w, HEAD("x") "correlation: {type: temporal, rules: [y], "
					   "group-by: [user], timespan: 1m}\n---\n" HEAD(
						   "y") "correlation: {type: temporal, "
							"rules: [x], group-by: [user], "
							"timespan: 1m}\n"),
		  0);
	CHECK(cannot(&w, "x") && strstr(cannot(&w, "x"), "circle"));
	world_close(&w);
}

static void sifted(const char *rules, const char *cond, const char *want)
{
	char text[1024];
	struct world w;

	snprintf(text, sizeof(text),
		 RULE("one", "act: go") RULE("two", "act: go") "title: f\n" LOG
							       "filter: {rules: %s, s: {user: "
							       "ann}, condition: %s}\n",
		 rules, cond);
	CHECK_INT(world_open(&w, text), 0);
	at(&w, 0, "go", "ann", "h", "1", "2", 0);
	at(&w, 1, "go", "bob", "h2", "1", "2", 0);
	CHECK_STR(str_of(w.fired), want);
	world_close(&w);
}

/* Nobody is told apart by entity here: one alert a rule is all its window gives. */
TEST(filters)
{
	struct world w;

	sifted("[id-one]", "s", "two:1 one:1 ");
	sifted("[one]", "not s", "two:1 one:1 ");
	sifted("any", "s", "one:1 two:1 ");
	CHECK_INT(world_open(&w, RULE("one", "act: go") "title: f\n" LOG
							"filter: {rules: [id-two], s: {user: "
							"ann}, condition: s}\n"),
		  E_SYNTAX);
	CHECK(strstr(w.d.msg, "names no rule") != NULL);
	world_close(&w);
}

/* "This is most commonly useful for environment specific tuning": for a while, if it says so.
 */
TEST(filters_end)
{
	struct world w;

	CHECK_INT(world_open(&w, RULE("one", "act: go") "title: f\n" LOG
							"thymus: {until: 1970-01-02}\n"
							"filter: {rules: any, s: {user: ann}, "
							"condition: s}\n"),
		  0);
	at(&w, 86399, "go", "ann", "h", "1", "2", 0);
	CHECK_STR(str_of(w.fired), "");
	at(&w, 86400, "go", "ann", "h", "1", "2", 0);
	CHECK_STR(str_of(w.fired), "one:1 ");
	world_close(&w);
	/* Of another log source than the rule's it is no filter of it. */
	CHECK_INT(world_open(&w, RULE("one", "act: go") "title: f\n"
							"logsource: {class: dns_activity}\n"
							"filter: {rules: any, s: {user: ann}, "
							"condition: s}\n"),
		  E_SYNTAX);
	world_close(&w);
}

static void words(const char *type, const char *cond, const char *acts, const char *want)
{
	char text[1024], act[2] = {0};
	struct world w;

	snprintf(text, sizeof(text),
		 THREE HEAD("w") "correlation: {type: %s, rules: [a, b, c], group-by: [user], "
				 "timespan: 5m, condition: '%s'}\n",
		 type, cond);
	CHECK_INT(world_open(&w, text), 0);
	for (int i = 0; acts[i]; i++) {
		act[0] = acts[i];
		at(&w, i, act, "ann", "h", "1", "2", 0);
	}
	if (strcmp(want, w.fired) != 0)
		printf("# %s %s on %s\n", type, cond, acts);
	CHECK_STR(str_of(w.fired), want);
	world_close(&w);
}

TEST(conditions_in_words)
{
	words("temporal", "a AND b AND c", "cab", "w:3 ");
	words("temporal", "a and b and c", "caa", "");
	words("temporal", "a and (b or c)", "ca", "w:2 ");
	words("temporal", "a and (b or c)", "bc", "");
	words("temporal", "a and not b", "a", "w:1 ");
	words("temporal", "a and not b", "ba", "");
	words("temporal", "not (not a or not c)", "ac", "w:2 ");
	words("temporal", "1 of them", "b", "w:1 ");
	words("temporal", "all of *", "ab", "");
	words("temporal_ordered", "a and c", "ac", "w:2 ");
	words("temporal_ordered", "a and c", "ca", "");
	words("temporal_ordered", "b or c", "b", "w:1 ");
}

TEST(words_that_cannot_run_say_why)
{
	static const struct {
		const char *cond, *why;
	} rows[] = {
		{"not a", "not that nothing came"},
		{"a or not b", "not that nothing came"},
		{"a and d", "name of one of its rules"},
		{"a and (b", "expected ')'"},
		{"a b", "expected 'and' or 'or'"},
		{"a and not a", "can never hold"},
		{"1 of x*", "pattern of a rule's name"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[1024];
		struct world w;

		snprintf(text, sizeof(text),
			 THREE HEAD("w") "correlation: {type: temporal, rules: [a, b, c], "
					 "group-by: [user], timespan: 5m, condition: '%s'}\n",
			 rows[i].cond);
		CHECK_INT(world_open(&w, text), 0);
		CHECK(cannot(&w, "w") && strstr(cannot(&w, "w"), rows[i].why));
		at(&w, 0, "a", "ann", "h", "1", "2", 0);
		CHECK_STR(str_of(w.fired), "");
		world_close(&w);
	}
}

/* Sigma 1: "selection | count(user) by src > 2" */
TEST(old_aggregations)
{
	struct world w;

	CHECK_INT(world_open(&w, "title: old\nlevel: high\nauthor: me\n" LOG
				 "detection:\n  s: {act: fail}\n  timeframe: 10s\n"
				 "  condition: s | count(user) by src > 2\n"),
		  0);
	fails(&w, 0, 4, "ann");
	fails(&w, 4, 1, "bob");
	fails(&w, 20, 1, "cyd");
	CHECK_STR(str_of(w.fired), "");
	fails(&w, 21, 1, "dan");
	fails(&w, 22, 1, "eve");
	CHECK_STR(str_of(w.fired), "old:3 ");
	world_close(&w);
	volumes("value_median", "gte: 55", "much:10 ");
	volumes("value_median", "gt: 55", "");
	volumes("value_max", "gte: 100", "much:10 ");
	volumes("value_min", "gt: 10", "");
}

/* A long burst below a correlation: its first ten and last ten, and what came after it. */
TEST(a_chain_cites_how_the_burst_began_and_ended)
{
	struct world w;

	CHECK_INT(world_open(&w,
			     HEAD("broken_in") "correlation: {type: temporal_ordered, "
					       "rules: [many, good], group-by: [user], "
					       "timespan: 10m}\n---\n" RULE("good", "act: ok")
						       MANY("gte: 50")),
		  0);
	for (int i = 0; i < 50; i++)
		at(&w, 100, "fail", "ann", "h", "1", "2", 0);
	at(&w, 200, "ok", "ann", "h", "1", "2", 0);
	CHECK_STR(str_of(w.fired), "broken_in:21 ");
	world_close(&w);
}

/* A rule written for another product's names: in its selections, groups and fields. */
TEST(names_of_other_products)
{
	static const char text[] =
		"title: sent\nname: sent\nlevel: low\nauthor: me\n"
		"logsource: {category: login, product: x}\n"
		"detection: {s: {act: send, username|startswith: a}, condition: s}\n---\n" HEAD(
			"much") "correlation: {type: value_sum, rules: [sent], group-by: "
				"[UserName], timespan: 1h, condition: {field: Bytes, gte: "
				"100}}\n";
	struct world w;

	CHECK_INT(world_open(&w, text), 0);
	at(&w, 0, "send", "ann", "h", "1", "2", 60);
	at(&w, 1, "send", "bob", "h", "1", "2", 60);
	at(&w, 2, "send", "amy", "h", "1", "2", 60);
	CHECK_STR(str_of(w.fired), "");
	at(&w, 3, "send", "ann", "h", "1", "2", 60);
	CHECK_STR(str_of(w.fired), "much:2 ");
	world_close(&w);
}

/* A flood of groups and of matches stays within bounds. */
/* A rule that counts has matched when its count is full, not before. */
TEST(a_rule_that_counts_feeds_when_full)
{
	static const char text[] =
		"title: many\nname: many\nid: id-many\nlevel: high\nauthor: me\n" LOG
		"detection: {s: {act: fail}, condition: s}\n"
		"thymus: {count: {n: 3, within: 1h}, key: [user], throttle: 1s}\n---\n" RULE(
			"in", "act: ok") HEAD("guessed") "correlation: {type: "
							 "temporal_ordered, rules: [many, "
							 "in], group-by: [user], timespan: "
							 "1h}\n";
	struct world w;

	CHECK_INT(world_open(&w, text), 0);
	fails(&w, 0, 2, "ann");
	at(&w, 5, "ok", "ann", "h", "1", "2", 0);
	CHECK_STR(str_of(w.fired), "");
	fails(&w, 6, 1, "ann");
	at(&w, 8, "ok", "ann", "h", "1", "2", 0);
	CHECK_STR(str_of(w.fired), "guessed:5 "); /* three failures and both log-ins */
	world_close(&w);
}

/* Saves w's windows to path, then reads them into another world. */
static int carry(struct world *from, struct world *to, const char *path)
{
	struct blocks_out *o;
	struct blocks_in *in;
	struct diag d = {{0}};
	int r;

	CHECK_INT(blocks_create(path, &o, &d), 0);
	detect_save(from->dt, o);
	CHECK_INT(blocks_commit(o, &d), 0);
	CHECK_INT(blocks_open(path, &in, &d), 0);
	r = detect_load(to->dt, in);
	blocks_close(in);
	to->seq = from->seq;
	return r;
}

static size_t read_file(const char *path, char *buf, size_t cap)
{
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(buf, 1, cap, f) : 0;

	if (f)
		fclose(f);
	return n;
}

TEST(windows_are_kept)
{
	static const char text[] = RULE("failed", "act: fail") HEAD(
		"spray") "correlation: {type: value_count, rules: [failed], group-by: [src], "
			 "timespan: 1h, condition: {field: user, gte: 3}}\n---\n" HEAD(
				 "much") "correlation: {type: value_sum, rules: [failed], "
					 "group-by: [host], timespan: 1h, condition: {field: "
					 "bytes, gte: 100}}\n";
	static const char longer[] = RULE("failed", "act: fail") HEAD(
		"spray") "correlation: {type: value_count, rules: [failed], group-by: [src], "
			 "timespan: 2h, condition: {field: user, gte: 3}}\n";
	char path[] = "/tmp/corr-state-XXXXXX", old[40];
	static char one[65536], two[65536];
	struct world a, b, c;
	int fd = mkstemp(path);
	size_t n;

	close(fd);
	CHECK_INT(world_open(&a, text), 0);
	CHECK_INT(world_open(&b, text), 0);
	CHECK_INT(world_open(&c, longer), 0);
	at(&a, 0, "fail", "ann", "h", "1", "2", 33);
	at(&a, 1, "fail", "bob", "h", "1", "2", 33);
	CHECK_INT(carry(&a, &b, path), 0);
	n = read_file(path, one, sizeof(one));
	CHECK_INT(carry(&a, &c, path), 0);
	/* What was read is written back alike. */
	CHECK_INT(carry(&b, &b, path), 0);
	CHECK(n && n == read_file(path, two, sizeof(two)) && !memcmp(one, two, n));
	at(&b, 2, "fail", "cyd", "h", "1", "2", 34);
	CHECK_STR(str_of(b.fired), "spray:3 much:3 ");
	/* The rule says something else by now: its window begins anew. */
	at(&c, 2, "fail", "cyd", "h", "1", "2", 34);
	CHECK_STR(str_of(c.fired), "");
	fails(&c, 3, 1, "ann");
	fails(&c, 4, 1, "dan");
	CHECK_STR(str_of(c.fired), "spray:3 ");
	world_close(&a);
	world_close(&b);
	world_close(&c);
	snprintf(old, sizeof(old), "%s.1", path);
	remove(path);
	remove(old);
}

TEST(bounded)
{
	struct world w;

	CHECK_INT(world_open(&w, MANY("gte: 10000")), 0);
	for (int i = 0; i < 120000; i++) {
		char user[16];

		snprintf(user, sizeof(user), "u%d", i);
		at(&w, i / 100000, "fail", user, "h", "1", "2", 0);
	}
	fails(&w, 100, 5, "ann");
	CHECK_STR(str_of(w.fired), "");
	for (int i = 0; i < 10000; i++)
		at(&w, 200, "fail", "bob", "h", "1", "2", 0);
	CHECK_STR(str_of(w.fired), "many:64 ");
	world_close(&w);
}

TAP_MAIN
