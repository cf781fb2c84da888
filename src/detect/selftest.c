/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tests inside a model: events given as attributes, put into a row of the named record
 * type, and run against that model alone, with its count windows but without the alert budget.
 * Of a correlation: a sequence of events, each run against all rules that it goes back to.
 * With `repeat: N` an event comes N times; {n} in its texts is then its number, from 1.
 */
#include "base/timeutil.h"
#include "detect/correlate.h"
#include <errno.h>
#include <stdio.h>

#define EVENTS_MAX  1024 /* of one test, but for sequences */
#define CHAIN_DEPTH 16	 /* correlations of correlations; corr_link refuses longer chains */

struct selftest {
	struct detect *dt;
	struct schema *schema;
	struct batch batch;
	void (*fail)(const char *line, void *arg);
	void *arg;
	int passed, failed;
	unsigned turn; /* of a repeated event, from 1; else 0 */
};

static void say(struct selftest *t, const struct rule *r, struct str name, const char *what)
{
	char line[512];

	snprintf(line, sizeof(line), "%.*s: %.*s: %s", STR_ARG(r->model.name), STR_ARG(name),
		 what);
	t->fail(line, t->arg);
	t->failed++;
}

/* The text with the number of the turn in place of {n}; a number when it is nothing else. */
static struct val turn_of(struct str text, size_t at, unsigned turn, struct arena *mem)
{
	struct str s = arena_fmt(mem, "%.*s%u%.*s", STR_ARG(str_sub(text, 0, at)), turn,
				 STR_ARG(str_sub(text, at + 3, text.len)));
	int64_t i;

	return str_i64(s, &i) ? val_i(i) : val_s(s);
}

static struct val value_of(const struct yaml_node *n, struct arena *mem, unsigned turn)
{
	struct val *list;
	size_t here;
	size_t k = 0;
	int64_t i;
	double f;

	if (n->kind == YAML_SEQ) {
		list = arena_zalloc(mem, (n->nchildren + 1) * sizeof(*list));
		YAML_EACH(c, n)
		if (list)
			list[k++] = value_of(c, mem, turn);
		return (struct val){.kind = VAL_LIST, .len = (uint32_t)k, .list = list};
	}
	if (n->null)
		return (struct val){.kind = VAL_NULL};
	here = turn ? str_find(n->text, STR("{n}")) : SIZE_MAX;
	if (here != SIZE_MAX)
		return turn_of(n->text, here, turn, mem);
	if (!n->quoted && (str_eqz(n->text, "true") || str_eqz(n->text, "false")))
		return val_b(str_eqz(n->text, "true"));
	if (!n->quoted && str_i64(n->text, &i))
		return val_i(i);
	if (!n->quoted && str_f64(n->text, &f))
		return val_f(f);
	return val_s(n->text);
}

/* Whether `leaf` is one of the rules that r goes back to. */
static bool goes_back(const struct rule *r, const struct rule *leaf, unsigned depth)
{
	if (r == leaf)
		return true;
	for (size_t i = 0; r->corr && depth < CHAIN_DEPTH && i < r->corr->nrefs; i++)
		if (r->corr->refs[i] && goes_back(r->corr->refs[i], leaf, depth + 1))
			return true;
	return false;
}

/* Whether the model reads a, so that a test that cannot set it would say nothing. */
static bool reads(const struct rule *r, attr_t a)
{
	const attr_t *attrs = NULL;
	size_t n = r->filter ? filter_attrs(r->filter, &attrs) : 0;

	for (size_t i = 0; r->corr && i < r->corr->nrefs; i++)
		if (r->corr->refs[i] && reads(r->corr->refs[i], a))
			return true;
	for (size_t i = 0; i < n; i++)
		if (attrs[i] == a)
			return true;
	return false;
}

static bool event_fill(struct selftest *t, const struct rule *r, struct str test,
		       struct event *e, const struct yaml_node *n)
{
	char what[300];

	YAML_EACH(a, n)
	{
		attr_t attr = schema_find(t->schema, a->key);

		if (attr != ATTR_NONE && event_wants(e, attr)) {
			event_set(e, attr, value_of(a, &t->batch.mem, t->turn));
		} else if (attr == ATTR_NONE ? !e->type->raw_fields : reads(r, attr)) {
			snprintf(what, sizeof(what), "no %s has field %.*s", e->type->name,
				 STR_ARG(a->key));
			say(t, r, test, what);
			return false;
		}
	}
	return true;
}

/* 1 when the rule's filter, and its count, say yes to one event; 0 when not; -1 failed. */
static int one_event(struct selftest *t, struct rule *r, struct str test,
		     const struct rectype *type, const struct yaml_node *n, uint64_t seq)
{
	struct event *e = batch_add(&t->batch, type);

	if (!e) {
		say(t, r, test, "too many events");
		return -1;
	}
	e->seq = seq;
	e->known = e->time = (int64_t)seq * NS_PER_S;
	if (!event_fill(t, r, test, e, n))
		return -1;
	if (!filter_match(r->filter, e))
		return 0;
	return !r->count.n || tally_add(t->dt, r, rule_key(t->dt, r, e), e) != NULL;
}

/* By full name, or the first type of a class that fits the log source. */
static const struct rectype *type_of(const struct selftest *t, const struct rule *r,
				     struct str name)
{
	int cls = ocsf_class_of(name);

	for (size_t i = 0; i < t->dt->ntypes; i++) {
		const struct rectype *rt = schema_type(t->schema, i);

		if (detect_fits(&r->model, rt) &&
		    (cls < 0 ? str_eqz(name, rt->name) : (int)rt->cls == cls))
			return rt;
	}
	return NULL;
}

/* One event of a sequence: 0, or -1 when the test cannot be run. */
static int one_step(struct selftest *t, struct rule *r, struct str test,
		    const struct yaml_node *n, int64_t now, uint64_t seq)
{
	const struct rectype *rt = type_of(t, r, yaml_str(n, "type", ""));
	struct event *e;

	if (!rt) {
		say(t, r, test, "a record type is none of the log source of its rules");
		return -1;
	}
	batch_reset(&t->batch);
	e = batch_add(&t->batch, rt);
	if (!e)
		return -1;
	e->seq = seq;
	e->known = e->time = now;
	if (!event_fill(t, r, test, e, yaml_get(n, "event")))
		return -1;
	for (size_t i = 0; i < t->dt->nrules; i++) {
		struct rule *leaf = t->dt->rules[i];

		if (leaf->filter && !leaf->refused && leaf->types[rt->id] &&
		    goes_back(r, leaf, 0) && filter_match(leaf->filter, e) &&
		    !rule_sifted(leaf, e) && rule_try(t->dt, leaf, e) < 0)
			return -1;
	}
	return 0;
}

/* Steps follow each other by a second, or stand at a time since the start. */
static void sequence_test(struct selftest *t, struct rule *r, struct str test, bool want,
			  const struct yaml_node *steps)
{
	uint64_t before = r->model.matched, seq = 0;
	int64_t now = 0;

	windows_clear(t->dt);
	YAML_EACH(n, steps)
	{
		struct str every = yaml_str(n, "every", "1s"),
			   times = yaml_str(n, "repeat", "1");
		int64_t gap = NS_PER_S, at, count = 1;

		(void)time_parse_span(every, 36500, &gap);
		(void)str_i64(times, &count);
		now += NS_PER_S;
		if (time_parse_span(yaml_str(n, "at", ""), 36500, &at))
			now = MAX(now, at);
		for (int64_t k = 0; k < count; k++) {
			now += k ? gap : 0;
			if (one_step(t, r, test, n, now, ++seq) < 0)
				return;
		}
	}
	if ((r->model.matched > before) == want)
		t->passed++;
	else
		say(t, r, test, want ? "should fire and does not" : "fires and should not");
}

static void one_test(struct selftest *t, struct rule *r, const struct yaml_node *n)
{
	struct str name = yaml_str(n, "name", "(no name)");
	const struct rectype *rt = type_of(t, r, yaml_str(n, "type", ""));
	const struct yaml_node *one = yaml_get(n, "event"), *many = yaml_get(n, "events");
	bool want = str_eqz(yaml_str(n, "fires", "true"), "true"), got = false;
	uint64_t seq = 0;
	int64_t times = 1;
	int r1 = 0;

	if (yaml_get(n, "sequence") && !r->corr) {
		say(t, r, name, "a sequence is of a correlation");
		return;
	}
	if (yaml_get(n, "sequence")) {
		sequence_test(t, r, name, want, yaml_get(n, "sequence"));
		return;
	}
	if (r->corr) {
		say(t, r, name, "a correlation is tested by a sequence");
		return;
	}
	if (!rt) {
		say(t, r, name, "its record type is none of the log source");
		return;
	}
	windows_clear(t->dt);
	batch_reset(&t->batch);
	if (yaml_get(n, "repeat") &&
	    (!str_i64(yaml_str(n, "repeat", ""), &times) || times < 1 || times > EVENTS_MAX)) {
		say(t, r, name, "repeat is a number up to 1024");
		return;
	}
	for (int64_t k = 1; one && r1 >= 0 && k <= times; k++) {
		t->turn = times > 1 ? (unsigned)k : 0;
		r1 = one_event(t, r, name, rt, one, ++seq);
		got |= r1 > 0;
	}
	t->turn = 0;
	YAML_EACH(ev, many)
	{
		if (r1 >= 0)
			r1 = one_event(t, r, name, rt, ev, ++seq);
		got |= r1 > 0;
	}
	if (r1 < 0)
		return;
	if (got == want)
		t->passed++;
	else
		say(t, r, name, want ? "should fire and does not" : "fires and should not");
}

int detect_test(struct detect *dt, struct schema *s, void (*fail)(const char *line, void *arg),
		void *arg, int *ret_passed)
{
	struct selftest t = {.dt = dt, .schema = s, .fail = fail, .arg = arg};

	if (batch_init(&t.batch, EVENTS_MAX) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < dt->nrules; i++) {
		const struct yaml_node *tests =
			yaml_get(yaml_get(dt->rules[i]->root, "thymus"), "tests");

		if (dt->rules[i]->refused || dt->rules[i]->model.part)
			continue;
		YAML_EACH(n, tests)
		one_test(&t, dt->rules[i], n);
	}
	windows_clear(dt);
	batch_free(&t.batch);
	*ret_passed = t.passed;
	return t.failed;
}
