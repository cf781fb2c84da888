/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tests inside a model: events given as attributes, put into a row of the named record
 * type, and run against that model alone, with its count windows but without the alert budget.
 */
#include "detect/impl.h"
#include <errno.h>
#include <stdio.h>

struct selftest {
	struct detect *dt;
	struct schema *schema;
	struct batch batch;
	void (*fail)(const char *line, void *arg);
	void *arg;
	int passed, failed;
};

static void say(struct selftest *t, const struct rule *r, struct str name, const char *what)
{
	char line[512];

	snprintf(line, sizeof(line), "%.*s: %.*s: %s", STR_ARG(r->model.name), STR_ARG(name),
		 what);
	t->fail(line, t->arg);
	t->failed++;
}

static struct val value_of(const struct yaml_node *n, struct arena *mem)
{
	struct val *list;
	size_t k = 0;
	int64_t i;
	double f;

	if (n->kind == YAML_SEQ) {
		list = arena_zalloc(mem, (n->nchildren + 1) * sizeof(*list));
		YAML_EACH(c, n)
		if (list)
			list[k++] = value_of(c, mem);
		return (struct val){.kind = VAL_LIST, .len = (uint32_t)k, .list = list};
	}
	if (n->null)
		return (struct val){.kind = VAL_NULL};
	if (!n->quoted && (str_eqz(n->text, "true") || str_eqz(n->text, "false")))
		return val_b(str_eqz(n->text, "true"));
	if (!n->quoted && str_i64(n->text, &i))
		return val_i(i);
	if (!n->quoted && str_f64(n->text, &f))
		return val_f(f);
	return val_s(n->text);
}

/* Whether the rule's filter, and its count, say yes to one event. */
static bool one_event(struct selftest *t, struct rule *r, const struct rectype *type,
		      const struct yaml_node *n, uint64_t seq)
{
	struct event *e = batch_add(&t->batch, type);

	if (!e)
		return false;
	e->seq = seq;
	e->known = e->time = (int64_t)seq * NS_PER_S;
	YAML_EACH(a, n)
	event_set(e, schema_find(t->schema, a->key), value_of(a, &t->batch.mem));
	if (!filter_match(r->filter, e))
		return false;
	return !r->count.n || tally_add(t->dt, r, rule_key(t->dt, r, e), e) != NULL;
}

static void one_test(struct selftest *t, struct rule *r, const struct yaml_node *n)
{
	struct str name = yaml_str(n, "name", "(no name)"), type = yaml_str(n, "type", "");
	const struct rectype *rt = schema_type_find(t->schema, type);
	const struct yaml_node *one = yaml_get(n, "event"), *many = yaml_get(n, "events");
	bool want = str_eqz(yaml_str(n, "fires", "true"), "true"), got = false;
	uint64_t seq = 1;

	if (!rt || !r->types[rt->id]) {
		say(t, r, name,
		    "its record type does not exist or does not fit the log source");
		return;
	}
	windows_clear(t->dt);
	batch_reset(&t->batch);
	if (one)
		got = one_event(t, r, rt, one, seq);
	YAML_EACH(ev, many)
	got |= one_event(t, r, rt, ev, ++seq);
	if (got == want)
		t->passed++;
	else
		say(t, r, name, want ? "should fire and does not" : "fires and should not");
}

int detect_test(struct detect *dt, struct schema *s, void (*fail)(const char *line, void *arg),
		void *arg, int *ret_passed)
{
	struct selftest t = {.dt = dt, .schema = s, .fail = fail, .arg = arg};

	if (batch_init(&t.batch, 256) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < dt->nrules; i++) {
		const struct yaml_node *tests =
			yaml_get(yaml_get(dt->rules[i]->root, "thymus"), "tests");

		YAML_EACH(n, tests)
		one_test(&t, dt->rules[i], n);
	}
	windows_clear(dt);
	batch_free(&t.batch);
	*ret_passed = t.passed;
	return t.failed;
}
