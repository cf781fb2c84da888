/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index against asking every rule: over random rules and random events, made of few words
 * so that they meet often, it must lead to every rule that matches.
 */
#include "detect/impl.h"
#include "tap.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define RULES  150
#define EVENTS 3000

/* A linked test needs the door of learn; nothing here fires. */
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

static uint64_t state = 88172645463325252u;

static unsigned below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 33) % n);
}

static const char *const fields[] = {"cmd", "path", "user", "tags"};
static const char *const words[] = {"whoami", "Curl", "/tmp/x", "bash",	 "root",
				    "-enc",   "ab",   "net",	"admin", "PASSWD"};

static const char *word(void)
{
	return words[below(ARRAY_LEN(words))];
}

static void values(FILE *f)
{
	unsigned n = 1 + below(3);

	fputc('[', f);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "%s'%s%s%s'", i ? ", " : "", below(9) ? "" : "*", word(),
			below(9) ? "" : "?");
	fputc(']', f);
}

static void selection(FILE *f, unsigned number)
{
	static const char *const mods[] = {
		"",    "|contains", "|startswith",    "|endswith", "|contains|all", "|cased",
		"|re", "",	    "|contains|cased"};
	unsigned n = 1 + below(2), from = below(ARRAY_LEN(fields));

	fprintf(f, "  s%u: {", number);
	for (unsigned i = 0; i < n; i++) {
		const char *mod = mods[below(ARRAY_LEN(mods))];

		fprintf(f, "%s%s%s: ", i ? ", " : "", fields[(from + i) % ARRAY_LEN(fields)],
			mod);
		if (strcmp(mod, "|re") == 0)
			fprintf(f, "'%s.*'", word());
		else
			values(f);
	}
	fputs("}\n", f);
}

static void rule_write(const char *dir, int n)
{
	static const char *const conds[] = {"s0",
					    "s0 and s1",
					    "s0 or s1",
					    "s0 and not s1",
					    "1 of s*",
					    "all of s*",
					    "not s0 and s1",
					    "s0 and (s1 or s2)",
					    "(s0 or s1) and s2"};
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/net/r%d.yaml", dir, n);
	f = fopen(path, "w");
	if (!f)
		abort();
	fprintf(f, "title: r%d\nid: %d\nauthor: me\nlevel: low\n", n, n);
	fputs("logsource: {class: process_activity}\ndetection:\n", f);
	for (unsigned i = 0; i < 3; i++)
		selection(f, i);
	fprintf(f, "  condition: %s\n", conds[below(ARRAY_LEN(conds))]);
	fclose(f);
}

static struct val text(struct arena *mem)
{
	char all[128] = "";
	unsigned n = below(4);

	for (unsigned i = 0; i < n; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s",
			 i && below(2) ? " " : "", word());
	return val_s(arena_str(mem, str_of(all)));
}

static void fill(struct event *e, const struct schema *s, struct arena *mem)
{
	for (size_t i = 0; i + 1 < ARRAY_LEN(fields); i++)
		if (below(5))
			event_set(e, schema_find(s, str_of(fields[i])), text(mem));
	/* A list that may hold a list. */
	if (below(3)) {
		struct val *v = arena_zalloc(mem, 3 * sizeof(*v));

		v[0] = text(mem);
		v[1] = text(mem);
		v[2] = (struct val){.kind = VAL_LIST, .len = 1, .list = &v[1]};
		event_set(e, schema_find(s, STR("tags")),
			  (struct val){.kind = VAL_LIST, .len = 3, .list = v});
	}
}

static bool found(const uint32_t *rules, size_t n, uint32_t rule)
{
	for (size_t i = 0; i < n; i++)
		if (rules[i] == rule)
			return true;
	return false;
}

static void cleanup(const char *dir)
{
	char path[128];

	for (int i = 0; i < RULES; i++) {
		snprintf(path, sizeof(path), "%s/net/r%d.yaml", dir, i);
		remove(path);
	}
	snprintf(path, sizeof(path), "%s/net", dir);
	rmdir(path);
	rmdir(dir);
}

TEST(finds_every_rule_that_matches)
{
	char dir[32] = "/tmp/index-XXXXXX", path[64];
	const char *dirs[1] = {dir};
	struct detect_conf conf = {.dirs = dirs, .ndirs = 1};
	struct detect *dt = NULL;
	struct schema *s = NULL;
	struct rectype *t;
	struct batch b;
	struct diag d = {{0}};
	size_t matches = 0, asked = 0, missed = 0;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/net", dir);
	CHECK_INT(mkdir(path, 0700), 0);
	for (int i = 0; i < RULES; i++)
		rule_write(dir, i);
	CHECK_INT(schema_new(&s), 0);
	t = schema_type_add(s, STR("host"), STR("host.exec"), CLASS_PROCESS_ACTIVITY);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		CHECK_INT(schema_provide(s, t, schema_attr(s, str_of(fields[i]))), 0);
	CHECK_INT(detect_open(&conf, s, &dt, &d), 0);
	if (d.msg[0])
		printf("# %s\n", d.msg);
	CHECK_INT(schema_freeze(s), 0);
	CHECK_INT(detect_start(dt, s, NULL, NULL), 0);
	CHECK_INT(dt->nrules, RULES);
	CHECK_INT(batch_init(&b, 4), 0);
	for (int i = 0; i < EVENTS; i++) {
		const uint32_t *rules;
		struct event *e;
		size_t n;

		batch_reset(&b);
		e = batch_add(&b, t);
		fill(e, s, &b.mem);
		n = index_find(dt, e, &rules);
		asked += n;
		for (uint32_t r = 0; r < dt->nrules; r++) {
			bool hit = filter_match(dt->rules[r]->filter, e);

			matches += hit;
			missed += hit && !found(rules, n, r);
		}
	}
	CHECK_INT(missed, 0);
	/* It leaves most of the rest out, and the rules do match. */
	CHECK(matches > EVENTS);
	CHECK(asked < (size_t)EVENTS * RULES * 2 / 3);
	printf("# %zu matches, %zu of %d rules asked\n", matches, asked, EVENTS * RULES);
	detect_free(dt);
	batch_free(&b);
	schema_free(s);
	cleanup(dir);
}

TAP_MAIN
