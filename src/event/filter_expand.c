/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placeholders of Sigma's `expand`: what %name% stands for in a value is said by the
 * configuration (placeholders:), else by the file lists/name, one value a line. Each may hold
 * wildcards. A name that nobody explains makes the rule one that cannot run.
 */
#include "event/encode.h"
#include "event/filter_priv.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define LIST_UP	     4	   /* folders above the file's own in which lists/ is looked for */
#define EXPANDED_MAX 20000 /* values that one value may become, */
#define NAMES_MAX    8	   /* and placeholders in it */

bool filter_list_path(const char *file, struct str name, char out[4096])
{
	const char *slash = strrchr(file, '/');
	int dir = slash ? (int)(slash - file) : 0;

	for (size_t i = 0; i < name.len; i++)
		if (!encode_word(name.p[i]) && (i == 0 || !strchr("-.", name.p[i])))
			return false;
	for (int up = 0; name.len && up <= LIST_UP; up++)
		for (int ext = 0; ext < 2; ext++) {
			static const char dots[] = "/../../../..";

			int n = snprintf(out, 4096, "%.*s%.*s/lists/%.*s%s", slash ? dir : 1,
					 slash ? file : ".", up * 3, dots, STR_ARG(name),
					 ext ? ".txt" : "");
			if (n > 0 && n < 4096 && access(out, R_OK) == 0)
				return true;
		}
	return false;
}

struct values {
	struct filter_build *b;
	struct str *v;
	size_t n;
};

static int take_value(struct str text, void *arg)
{
	struct values *x = arg;
	struct arena *mem = &x->b->f->mem;
	struct str *more;

	if (x->n == EXPANDED_MAX)
		return E_LIMIT;
	/* Room is doubled whenever the count is a power of two. */
	if ((x->n & (x->n - 1)) == 0) {
		more = arena_alloc(mem, (x->n ? x->n * 2 : 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		if (x->n)
			memcpy(more, x->v, x->n * sizeof(*more));
		x->v = more;
	}
	x->v[x->n] = arena_str(mem, text);
	return x->v[x->n++].p ? 0 : -ENOMEM;
}

static int values_of(struct values *x, const struct yaml_node *at, struct str name)
{
	const struct yaml_node *said = NULL;
	char path[4096];
	int r = 0;

	YAML_EACH(p, x->b->how.placeholders)
	if (str_ieq(p->key, name))
		said = p;
	if (said && said->kind == YAML_SCALAR)
		return take_value(said->text, x);
	if (said) {
		YAML_EACH(v, said)
		if (r == 0)
			r = take_value(v->text, x);
		return r;
	}
	if (filter_list_path(x->b->y->file, name, path))
		return list_entries(path, take_value, x, x->b->d);
	yaml_fail(x->b->y, at, x->b->d,
		  "nothing says what %%%.*s%% stands for: neither placeholders: of the "
		  "configuration nor a file lists/%.*s",
		  STR_ARG(name), STR_ARG(name));
	return -ENOTSUP;
}

/* Of two backslashes the first escapes the second. */
static bool escaped(struct str s, size_t i)
{
	return s.p[i] == '\\' && i + 1 < s.len && (s.p[i + 1] == '%' || s.p[i + 1] == '\\');
}

/* Where a placeholder begins at or after i; *ret_name is its name. SIZE_MAX: nowhere. */
static size_t next_name(struct str s, size_t i, struct str *ret_name)
{
	for (; i < s.len; i++) {
		size_t end = i + 1;

		if (escaped(s, i)) {
			i++;
			continue;
		}
		if (s.p[i] != '%')
			continue;
		while (end < s.len &&
		       (encode_word(s.p[end]) || s.p[end] == '-' || s.p[end] == '.'))
			end++;
		if (end > i + 1 && end < s.len && s.p[end] == '%') {
			*ret_name = str_sub(s, i + 1, end);
			return i;
		}
	}
	return SIZE_MAX;
}

/* "\%" is a plain percent sign. */
static struct str plain(struct arena *mem, struct str s)
{
	char *p = arena_alloc(mem, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; p && i < s.len; i++) {
		if (escaped(s, i) && s.p[i++ + 1] == '\\')
			p[n++] = '\\';
		p[n++] = s.p[i];
	}
	if (p)
		p[n] = 0;
	return str_n(p, n);
}

struct expanded {
	struct filter_build *b;
	const struct yaml_node *from;
	struct yaml_node *first, **tail;
	size_t n;
};

/* head is done, rest may hold placeholders. */
static int expand(struct expanded *x, struct str head, struct str rest, unsigned depth)
{
	struct arena *mem = &x->b->f->mem;
	struct values v = {.b = x->b};
	struct yaml_node *n;
	struct str name, before;
	size_t i = next_name(rest, 0, &name);
	int r = 0;

	before = plain(mem, str_sub(rest, 0, MIN(i, rest.len)));
	head = before.p ? arena_fmt(mem, "%.*s%.*s", STR_ARG(head), STR_ARG(before)) : before;
	if (!head.p)
		return -ENOMEM;
	if (i == SIZE_MAX) {
		n = arena_zalloc(mem, sizeof(*n));
		if (!n)
			return -ENOMEM;
		*n = *x->from;
		n->text = head;
		n->quoted = true;
		n->next = NULL;
		*x->tail = n;
		x->tail = &n->next;
		return ++x->n > EXPANDED_MAX ? E_LIMIT : 0;
	}
	r = depth == NAMES_MAX ? E_LIMIT : values_of(&v, x->from, name);
	rest = str_sub(rest, i + name.len + 2, rest.len);
	for (size_t k = 0; r == 0 && k < v.n; k++) {
		struct str all = arena_fmt(mem, "%.*s%.*s", STR_ARG(head), STR_ARG(v.v[k]));

		r = all.p ? expand(x, all, rest, depth + 1) : -ENOMEM;
	}
	return r;
}

int filter_expand(struct filter_build *b, const struct yaml_node *n,
		  const struct yaml_node **ret_first, size_t *ret_count)
{
	struct expanded x = {.b = b, .from = n, .tail = &x.first};
	int r;

	if (n->kind != YAML_SCALAR)
		return yaml_fail(b->y, n, b->d, "a value is needed here");
	r = expand(&x, str_n("", 0), n->text, 0);
	if (r == E_LIMIT)
		return yaml_fail(b->y, n, b->d, "too many values");
	if (r == -ENOMEM)
		return filter_nomem(b);
	if (r == 0 && x.n == 0) {
		yaml_fail(b->y, n, b->d, "what its placeholders stand for is empty");
		return -ENOTSUP;
	}
	*ret_first = x.first;
	*ret_count = x.n;
	return r;
}
