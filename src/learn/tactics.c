/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/tactics.h"
#include <errno.h>
#include <stdlib.h>

#define PATTERNS_MAX 512

struct pattern {
	struct str text, tactic;
	bool prefix;
};

struct tactics {
	size_t n;
	struct pattern p[];
};

/* ATT&CK Enterprise, then what ATT&CK for ICS has beside it. */
static const char *const names[TACTIC_COUNT] = {"reconnaissance",
						"resource_development",
						"initial_access",
						"execution",
						"persistence",
						"privilege_escalation",
						"defense_evasion",
						"credential_access",
						"discovery",
						"lateral_movement",
						"collection",
						"command_and_control",
						"exfiltration",
						"impact",
						"inhibit_response_function",
						"impair_process_control"};

const char *tactic_name(uint8_t id)
{
	return id < TACTIC_COUNT ? names[id] : "";
}

/* Sigma's tags write "initial-access", ATT&CK's data "initial_access". */
static bool same(struct str a, const char *name)
{
	size_t i;

	for (i = 0; i < a.len && name[i]; i++) {
		char c = a.p[i] == '-' || a.p[i] == ' ' ? '_' : a.p[i];

		if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != name[i])
			return false;
	}
	return i == a.len && !name[i];
}

uint8_t tactic_id(struct str name)
{
	for (uint8_t i = 0; i < TACTIC_COUNT; i++)
		if (same(name, names[i]))
			return i;
	return TACTIC_NONE;
}

static int add(const struct yaml *y, const struct yaml_node *v, struct str tactic,
	       struct tactics *t, struct diag *d)
{
	struct str text = v->text;
	bool prefix = text.len && text.p[text.len - 1] == '*';

	if (v->kind != YAML_SCALAR || text.len < 1 + (size_t)prefix)
		return yaml_fail(y, v, d, "a value is expected here");
	text.len -= prefix;
	t->p[t->n++] = (struct pattern){text, tactic, prefix};
	return 0;
}

int tactics_read(const struct yaml *y, const struct yaml_node *n, struct tactics **ret_t,
		 struct diag *d)
{
	struct tactics *t;
	size_t count = 0;
	int err = 0;

	if (n->kind != YAML_MAP)
		return yaml_fail(y, n, d, "tactics is a map of tactic to list of values");
	YAML_EACH(c, n)
	{
		if (tactic_id(c->key) == TACTIC_NONE)
			return yaml_fail_key(y, c, d, "no tactic of ATT&CK");
		if (c->kind != YAML_SEQ)
			return yaml_fail(y, c, d, "a list of values is expected here");
		count += c->nchildren;
	}
	if (count > PATTERNS_MAX)
		return yaml_fail(y, n, d, "at most %d values", PATTERNS_MAX);
	t = calloc(1, sizeof(*t) + count * sizeof(t->p[0]));
	if (!t)
		return -ENOMEM;
	YAML_EACH(c, n)
	YAML_EACH(v, c)
	if (!err)
		err = add(y, v, str_of(tactic_name(tactic_id(c->key))), t, d);
	if (err)
		return tactics_free(t), err;
	*ret_t = t;
	return 0;
}

struct tactics *tactics_free(struct tactics *t)
{
	free(t);
	return NULL;
}

struct str tactics_of(const struct tactics *t, struct str value)
{
	for (size_t i = 0; t && i < t->n; i++) {
		const struct pattern *p = &t->p[i];
		struct str v = value;

		if (p->prefix && v.len > p->text.len)
			v.len = p->text.len;
		if (str_ieq(v, p->text))
			return p->tactic;
	}
	return STR("");
}
