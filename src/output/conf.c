/* SPDX-License-Identifier: Apache-2.0 */
/* output/conf: the outputs as people write them. */
#include "output/impl.h"
#include <stddef.h>

static const struct output_ops *const kinds[] = {
#define X(name) &output_##name,
#include "output/registry.def"
#undef X
};

#define BEHIND_DEFAULT 100000

static const char *const keys[] = {
	"name", "kind", "format",     "what",	    "severity_min", "queue",
	"url",	"file", "ca",	      "token_file", "user",	    "password_file",
	"from", "to",	"behind_max", "plain",	    NULL,
};

static const char *text(const struct yaml_node *n, const char *key)
{
	const struct yaml_node *c = yaml_get(n, key);

	return c && c->kind == YAML_SCALAR && !c->null && c->text.len ? c->text.p : NULL;
}

static int read_kind(const struct yaml *y, const struct yaml_node *n, struct output_conf *o,
		     struct diag *d)
{
	struct str kind = yaml_str(n, "kind", "");

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eqz(kind, kinds[i]->name))
			o->ops = kinds[i];
	if (!o->ops)
		return yaml_fail(y, yaml_get(n, "kind") ? yaml_get(n, "kind") : n, d,
				 "kind is webhook, syslog, file or email");
	o->format = yaml_str(n, "format", o->ops->format);
	if (!format_known(o->format))
		return yaml_fail(y, yaml_get(n, "format"), d,
				 "format is json, ocsf, stix, cef, leef or text");
	return 0;
}

static int read_name(const struct yaml *y, const struct yaml_node *n, struct output_conf *o,
		     struct diag *d)
{
	o->name = text(n, "name");
	if (!o->name)
		return yaml_fail(y, n, d, "an output has a name");
	if (strlen(o->name) > 40 ||
	    strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(o->name))
		return yaml_fail(y, yaml_get(n, "name"), d,
				 "a name has up to 40 of a-z, 0-9 and '-'");
	return 0;
}

static int read_filter(const struct yaml *y, const struct yaml_node *n, struct output_conf *o,
		       struct diag *d)
{
	static const char *const levels[] = {"informational", "low", "medium", "high",
					     "critical"};
	struct str what = yaml_str(n, "what", "both"), level = yaml_str(n, "severity_min", "");
	bool found = !level.len;

	o->alerts = str_eqz(what, "alerts") || str_eqz(what, "both");
	o->incidents = str_eqz(what, "incidents") || str_eqz(what, "both");
	if (!o->alerts && !o->incidents)
		return yaml_fail(y, yaml_get(n, "what"), d,
				 "what is alerts, incidents or both");
	for (int i = 0; i < (int)ARRAY_LEN(levels); i++)
		if (str_eqz(level, levels[i])) {
			o->severity_min = i;
			found = true;
		}
	if (!found)
		return yaml_fail(
			y, yaml_get(n, "severity_min"), d,
			"severity_min is informational, low, medium, high or critical");
	o->queue = yaml_str(n, "queue", "");
	if (o->queue.len && !str_eqz(o->queue, "threat") && !str_eqz(o->queue, "compliance"))
		return yaml_fail(y, yaml_get(n, "queue"), d, "queue is threat or compliance");
	return yaml_i64(y, n, "behind_max", BEHIND_DEFAULT, &o->behind_max, d);
}

static bool scheme_fits(const struct output_conf *o)
{
	struct str url = str_of(o->url);

	for (size_t i = 0; o->ops->schemes[i]; i++)
		if (str_starts(url, str_of(o->ops->schemes[i])) &&
		    url.len > strlen(o->ops->schemes[i]))
			return true;
	return false;
}

static int read_place(const struct yaml *y, const struct yaml_node *n, struct output_conf *o,
		      struct diag *d)
{
	const struct yaml_node *to = yaml_get(n, "to");

	o->url = text(n, "url");
	o->file = text(n, "file");
	o->ca = text(n, "ca");
	o->token_file = text(n, "token_file");
	o->user = text(n, "user");
	o->password_file = text(n, "password_file");
	o->from = text(n, "from");
	if (o->ops->wants_url && (!o->url || !scheme_fits(o)))
		return yaml_fail(y, yaml_get(n, "url") ? yaml_get(n, "url") : n, d,
				 "%s wants a url that begins with %s%s%s", o->ops->name,
				 o->ops->schemes[0], o->ops->schemes[1] ? " or " : "",
				 o->ops->schemes[1] ? o->ops->schemes[1] : "");
	if (o->ops->wants_file && !o->file)
		return yaml_fail(y, n, d, "%s wants a file", o->ops->name);
	YAML_EACH(item, to && to->kind == YAML_SEQ ? to : NULL)
	if (item->kind == YAML_SCALAR && item->text.len && o->nto < OUTPUT_LIST_MAX)
		o->to[o->nto++] = item->text.p;
	if (to && to->kind == YAML_SCALAR && to->text.len)
		o->to[o->nto++] = to->text.p;
	if (o->ops->wants_mail && (!o->from || !o->nto))
		return yaml_fail(y, n, d, "%s wants from and to", o->ops->name);
	if (!o->user != !o->password_file)
		return yaml_fail(y, n, d, "user and password_file belong together");
	return yaml_bool(y, n, "plain", false, &o->plain, d);
}

static int read_one(const struct yaml *y, const struct yaml_node *n, struct output_conf *o,
		    struct diag *d)
{
	int r;

	if (n->kind != YAML_MAP)
		return yaml_fail(y, n, d, "an output is a map");
	r = yaml_only(y, n, keys, d);
	if (r == 0)
		r = read_name(y, n, o, d);
	if (r == 0)
		r = read_kind(y, n, o, d);
	if (r == 0)
		r = read_filter(y, n, o, d);
	if (r == 0 && o->behind_max < 1)
		r = yaml_fail(y, yaml_get(n, "behind_max"), d, "behind_max is at least 1");
	return r == 0 ? read_place(y, n, o, d) : r;
}

int outputs_read(const struct yaml *y, const struct yaml_node *list, struct outputs_conf *ret_c,
		 struct diag *d)
{
	struct outputs_conf c = {.n = 0};
	int r = 0;

	if (list->kind != YAML_SEQ)
		return yaml_fail(y, list, d, "outputs is a list");
	YAML_EACH(n, list)
	{
		if (c.n == OUTPUTS_MAX)
			return yaml_fail(y, n, d, "more than %d outputs", OUTPUTS_MAX);
		r = read_one(y, n, &c.v[c.n], d);
		if (r < 0)
			return r;
		for (size_t i = 0; i < c.n; i++)
			if (strcmp(c.v[i].name, c.v[c.n].name) == 0)
				return yaml_fail(y, n, d, "there are two outputs '%s'",
						 c.v[i].name);
		c.n++;
	}
	*ret_c = c;
	return 0;
}
