/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rules written for other products' names mean here: files of taxonomies/, each for a log
 * source, name by name. Names that stand in none of them are attributes or raw fields as they
 * are.
 */
#include "detect/impl.h"
#include <errno.h>
#include <stdlib.h>

static int load_one(const char *path, void *arg)
{
	static const char *const known[] = {"logsource", "fields", NULL};
	static const char *const parts[] = {"category", "product", "service", NULL};
	void **a = arg;
	struct detect *dt = a[0];
	struct diag *d = a[1];
	struct yaml **v = realloc(dt->taxonomies, (dt->ntaxonomies + 1) * sizeof(*v)), *y;
	const struct yaml_node *fields, *ls;
	int e;

	if (!v)
		return -ENOMEM;
	dt->taxonomies = v;
	e = yaml_load(path, &y, d);
	if (e < 0)
		return e;
	v[dt->ntaxonomies++] = y;
	if (!y->docs)
		return yaml_fail(y, NULL, d, "a taxonomy is a map");
	fields = yaml_get(y->docs->root, "fields");
	ls = yaml_get(y->docs->root, "logsource");
	if (!fields || fields->kind != YAML_MAP || !ls || !ls->child)
		return yaml_fail(y, y->docs->root, d, "a taxonomy has logsource and fields");
	YAML_EACH(f, fields)
	if (f->kind != YAML_SCALAR || !f->text.len)
		return yaml_fail(y, f, d, "the name of an attribute is expected here");
	e = yaml_only(y, y->docs->root, known, d);
	return e < 0 ? e : yaml_only(y, ls, parts, d);
}

int taxonomies_load(struct detect *dt, const char *dir, struct diag *d)
{
	void *arg[2] = {dt, d};

	return dir ? yaml_walk(dir, load_one, arg, d) : 0;
}

void taxonomies_free(struct detect *dt)
{
	for (size_t i = 0; i < dt->ntaxonomies; i++)
		yaml_free(dt->taxonomies[i]);
	free(dt->taxonomies);
}

/* Whatever the taxonomy says of its log source, the rule's says too. */
static bool is_for(const struct yaml_node *taxonomy, const struct yaml_node *logsource)
{
	YAML_EACH(p, taxonomy)
	{
		const struct yaml_node *q = yaml_get(logsource, p->key.p);

		if (!q || !str_ieq(p->text, q->text))
			return false;
	}
	return true;
}

struct str taxonomy_name(const struct detect *dt, const struct yaml_node *logsource,
			 struct str field)
{
	for (size_t i = 0; logsource && i < dt->ntaxonomies; i++) {
		const struct yaml_node *root = dt->taxonomies[i]->docs->root;

		if (!is_for(yaml_get(root, "logsource"), logsource))
			continue;
		YAML_EACH(f, yaml_get(root, "fields"))
		if (str_ieq(f->key, field))
			return f->text;
	}
	return field;
}
