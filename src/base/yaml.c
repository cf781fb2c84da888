/* SPDX-License-Identifier: Apache-2.0 */
#include "base/yaml.h"
#include "base/utf8.h"
#include <dirent.h>
#include <errno.h>
#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FILE_MAX  (4 * MIB)
#define DEPTH_MAX 64
#define NODES_MAX 100000

struct build {
	struct yaml *y;
	struct diag *d;
	size_t nodes;
};

static void place(struct fy_token *t, unsigned *line, unsigned *col)
{
	const struct fy_mark *m = t ? fy_token_start_mark(t) : NULL;

	*line = m ? (unsigned)m->line + 1 : 1;
	*col = m ? (unsigned)m->column + 1 : 1;
}

static bool is_null_text(struct str s)
{
	return s.len == 0 || str_eqz(s, "~") || str_eqz(s, "null") || str_eqz(s, "Null") ||
	       str_eqz(s, "NULL");
}

static int build_node(struct build *b, struct fy_node *f, unsigned depth,
		      struct yaml_node **ret_n);

static int build_scalar(struct build *b, struct fy_node *f, struct yaml_node *n)
{
	size_t len = 0;
	const char *p = fy_node_get_scalar(f, &len);
	enum fy_node_style style = fy_node_get_style(f);

	n->kind = YAML_SCALAR;
	n->quoted = style == FYNS_SINGLE_QUOTED || style == FYNS_DOUBLE_QUOTED ||
		    style == FYNS_LITERAL || style == FYNS_FOLDED;
	n->text = arena_str(&b->y->mem, str_n(p, p ? len : 0));
	n->null = !n->quoted && is_null_text(n->text);
	return n->text.p ? 0 : -ENOMEM;
}

static int build_seq(struct build *b, struct fy_node *f, struct yaml_node *n, unsigned depth)
{
	struct yaml_node **tail = &n->child;
	struct fy_node *it;
	void *iter = NULL;

	n->kind = YAML_SEQ;
	while ((it = fy_node_sequence_iterate(f, &iter))) {
		int r = build_node(b, it, depth + 1, tail);

		if (r < 0)
			return r;
		tail = &(*tail)->next;
		n->nchildren++;
	}
	return 0;
}

static int build_map(struct build *b, struct fy_node *f, struct yaml_node *n, unsigned depth)
{
	struct yaml_node **tail = &n->child;
	struct fy_node_pair *pair;
	void *iter = NULL;

	n->kind = YAML_MAP;
	while ((pair = fy_node_mapping_iterate(f, &iter))) {
		struct fy_node *k = fy_node_pair_key(pair);
		size_t len = 0;
		const char *p = k ? fy_node_get_scalar(k, &len) : NULL;
		int r = build_node(b, fy_node_pair_value(pair), depth + 1, tail);
		struct yaml_node *c = *tail;

		if (r < 0)
			return r;
		place(k ? fy_node_get_scalar_token(k) : NULL, &c->key_line, &c->key_col);
		if (!p)
			return yaml_fail_key(b->y, c, b->d, "a key must be plain text");
		c->key = arena_str(&b->y->mem, str_n(p, len));
		if (!c->key.p)
			return -ENOMEM;
		if (c->kind == YAML_SCALAR && c->text.len == 0 && !c->quoted) {
			c->line = c->key_line;
			c->col = c->key_col;
		}
		tail = &c->next;
		n->nchildren++;
	}
	return 0;
}

static int build_node(struct build *b, struct fy_node *f, unsigned depth,
		      struct yaml_node **ret_n)
{
	struct yaml_node *n = arena_zalloc(&b->y->mem, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	*ret_n = n;
	if (f && fy_node_is_alias(f)) {
		place(fy_node_get_scalar_token(f), &n->line, &n->col);
		f = fy_node_resolve_alias(f);
		if (!f)
			return yaml_fail(b->y, n, b->d, "nothing has this alias's name");
	}
	if (depth > DEPTH_MAX || ++b->nodes > NODES_MAX)
		return yaml_fail(b->y, n, b->d, "too deep or too many nodes");
	if (!f) {
		n->null = true;
		n->text = str_n("", 0);
		return 0;
	}
	if (fy_node_is_scalar(f)) {
		r = build_scalar(b, f, n);
		place(fy_node_get_scalar_token(f), &n->line, &n->col);
	} else if (fy_node_is_sequence(f)) {
		r = build_seq(b, f, n, depth);
		if (n->child) {
			n->line = n->child->line;
			n->col = n->child->col;
		}
	} else {
		r = build_map(b, f, n, depth);
		if (n->child) {
			n->line = n->child->key_line;
			n->col = n->child->key_col;
		}
	}
	return r;
}

/* First line of what libfyaml collected: "file:LINE:COL error: text". */
static int parser_error(struct yaml *y, struct fy_diag *fd, struct diag *d)
{
	struct fy_diag_error *e;
	void *iter = NULL;
	struct yaml_node at = {0};

	while ((e = fy_diag_errors_iterate(fd, &iter))) {
		at.line = (unsigned)MAX(e->line, 1);
		at.col = (unsigned)MAX(e->column, 1);
		return yaml_fail(y, &at, d, "%s", e->msg);
	}
	return yaml_fail(y, NULL, d, "not valid YAML");
}

static int parse_docs(struct yaml *y, struct diag *d)
{
	/* Aliases are followed below; only maps that are merged have to be resolved first. */
	bool merges = str_find(y->text, STR("<<")) != SIZE_MAX;
	struct fy_parse_cfg cfg = {.flags = FYPCF_COLLECT_DIAG |
					    (merges ? FYPCF_RESOLVE_DOCUMENT : 0)};
	struct fy_diag_cfg dcfg;
	struct fy_diag *fd;
	struct fy_parser *fp;
	struct yaml_doc **tail = &y->docs;
	struct build b = {y, d, 0};
	struct fy_document *doc;
	int r = 0;

	fy_diag_cfg_default(&dcfg);
	fd = fy_diag_create(&dcfg);
	if (!fd)
		return -ENOMEM;
	fy_diag_set_collect_errors(fd, true);
	cfg.diag = fd;
	fp = fy_parser_create(&cfg);
	if (!fp || fy_parser_set_string(fp, y->text.p, y->text.len) != 0) {
		fy_parser_destroy(fp);
		fy_diag_destroy(fd);
		return -ENOMEM;
	}
	while (r == 0 && (doc = fy_parse_load_document(fp))) {
		struct yaml_doc *yd = arena_zalloc(&y->mem, sizeof(*yd));

		r = yd ? build_node(&b, fy_document_root(doc), 0, &yd->root) : -ENOMEM;
		if (yd) {
			*tail = yd;
			tail = &yd->next;
		}
		fy_parse_document_destroy(fp, doc);
	}
	if (r == 0 && (fy_parser_get_stream_error(fp) || fy_diag_got_error(fd)))
		r = parser_error(y, fd, d);
	fy_parser_destroy(fp);
	fy_diag_destroy(fd);
	return r;
}

int yaml_parse(const char *name, struct str text, struct yaml **ret_y, struct diag *d)
{
	struct yaml *y = calloc(1, sizeof(*y));
	int r = -ENOMEM;

	if (!y)
		return diag_set(d, -ENOMEM, "%s: out of memory", name);
	arena_init(&y->mem, 256 * MIB);
	y->file = arena_strz(&y->mem, str_of(name));
	y->text = arena_str(&y->mem, text);
	if (y->file && y->text.p) {
		if (text.len > FILE_MAX || str_chr(text, 0, 0) != SIZE_MAX || !utf8_ok(text))
			r = diag_set(d, E_SYNTAX, "%s: too large or not text", name);
		else
			r = parse_docs(y, d);
	}
	if (r < 0) {
		if (r == -ENOMEM)
			diag_set(d, r, "%s: out of memory", name);
		yaml_free(y);
		return r;
	}
	*ret_y = y;
	return 0;
}

int yaml_load(const char *path, struct yaml **ret_y, struct diag *d)
{
	FILE *f = fopen(path, "rbe");
	char *text;
	size_t n;
	int r;

	if (!f)
		return diag_set(d, -errno, "%s: %s", path, strerror(errno));
	text = malloc(FILE_MAX + 1);
	if (!text) {
		fclose(f);
		return diag_set(d, -ENOMEM, "%s: out of memory", path);
	}
	n = fread(text, 1, FILE_MAX + 1, f);
	if (ferror(f))
		r = diag_set(d, -EIO, "%s: cannot be read", path);
	else
		r = yaml_parse(path, str_n(text, n), ret_y, d);
	fclose(f);
	free(text);
	return r;
}

struct yaml *yaml_free(struct yaml *y)
{
	if (y) {
		arena_free(&y->mem);
		free(y);
	}
	return NULL;
}

const struct yaml_node *yaml_get(const struct yaml_node *n, const char *key)
{
	if (!n || n->kind != YAML_MAP)
		return NULL;
	YAML_EACH(c, n)
	if (str_eqz(c->key, key))
		return c;
	return NULL;
}

struct str yaml_str(const struct yaml_node *n, const char *key, const char *def)
{
	const struct yaml_node *c = yaml_get(n, key);

	if (!c || c->kind != YAML_SCALAR || c->null)
		return str_of(def);
	return c->text;
}

int yaml_f64(const struct yaml *y, const struct yaml_node *n, const char *key, double def,
	     double *ret_v, struct diag *d)
{
	const struct yaml_node *c = yaml_get(n, key);

	*ret_v = def;
	if (!c)
		return 0;
	if (c->kind != YAML_SCALAR || !str_f64(c->text, ret_v))
		return yaml_fail(y, c, d, "'%s' must be a number", key);
	return 0;
}

int yaml_i64(const struct yaml *y, const struct yaml_node *n, const char *key, int64_t def,
	     int64_t *ret_v, struct diag *d)
{
	const struct yaml_node *c = yaml_get(n, key);

	*ret_v = def;
	if (!c)
		return 0;
	if (c->kind != YAML_SCALAR || !str_i64(c->text, ret_v))
		return yaml_fail(y, c, d, "'%s' must be a whole number", key);
	return 0;
}

int yaml_bool(const struct yaml *y, const struct yaml_node *n, const char *key, bool def,
	      bool *ret_v, struct diag *d)
{
	const struct yaml_node *c = yaml_get(n, key);

	*ret_v = def;
	if (!c)
		return 0;
	if (c->kind == YAML_SCALAR && (str_ieqz(c->text, "true") || str_ieqz(c->text, "yes"))) {
		*ret_v = true;
		return 0;
	}
	if (c->kind == YAML_SCALAR && (str_ieqz(c->text, "false") || str_ieqz(c->text, "no"))) {
		*ret_v = false;
		return 0;
	}
	return yaml_fail(y, c, d, "'%s' must be true or false", key);
}

int yaml_only(const struct yaml *y, const struct yaml_node *n, const char *const *known,
	      struct diag *d)
{
	YAML_EACH(c, n)
	{
		const char *const *k = known;

		while (*k && !str_eqz(c->key, *k))
			k++;
		if (!*k)
			return yaml_fail_key(y, c, d, "unknown key '%.*s'", STR_ARG(c->key));
	}
	return 0;
}

static int fail_at(const struct yaml *y, unsigned line, unsigned col, struct diag *d,
		   const char *msg)
{
	struct str rest = y->text, row = {NULL, 0};

	if (!d)
		return E_SYNTAX;
	for (unsigned i = 0; i < line; i++)
		row = str_cut(rest, '\n', &rest);
	if (row.len > 200)
		row.len = 200;
	if (col > row.len + 1)
		col = (unsigned)row.len + 1;
	return diag_set(d, E_SYNTAX, "%s:%u:%u: %s\n    %.*s\n    %*s^", y->file, line, col,
			msg, STR_ARG(row), (int)col - 1, "");
}

int yaml_fail(const struct yaml *y, const struct yaml_node *n, struct diag *d, const char *fmt,
	      ...)
{
	char msg[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	return fail_at(y, n && n->line ? n->line : 1, n && n->col ? n->col : 1, d, msg);
}

int yaml_fail_key(const struct yaml *y, const struct yaml_node *n, struct diag *d,
		  const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	return fail_at(y, n && n->key_line ? n->key_line : 1, n && n->key_col ? n->key_col : 1,
		       d, msg);
}

static int is_yaml(const struct dirent *e)
{
	struct str s = str_of(e->d_name);

	return e->d_name[0] != '.' &&
	       (str_ends(s, STR(".yaml")) || str_ends(s, STR(".yml")) || e->d_type == DT_DIR ||
		e->d_type == DT_UNKNOWN || e->d_type == DT_LNK);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int walk(const char *path, int (*fn)(const char *, void *), void *arg, unsigned depth,
		struct diag *d)
{
	struct dirent **list;
	struct stat st;
	int n, r = 0;

	if (depth > 16)
		return diag_set(d, E_LIMIT, "%s: folders too deep", path);
	if (stat(path, &st) < 0)
		return diag_set(d, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode)) {
		struct str s = str_of(path);

		if (depth && !str_ends(s, STR(".yaml")) && !str_ends(s, STR(".yml")))
			return 0;
		return fn(path, arg);
	}
	n = scandir(path, &list, is_yaml, by_bytes);
	if (n < 0)
		return diag_set(d, -errno, "%s: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		char *sub = NULL;

		if (r == 0) {
			if (asprintf(&sub, "%s/%s", path, list[i]->d_name) < 0)
				r = diag_set(d, -ENOMEM, "out of memory");
			else
				r = walk(sub, fn, arg, depth + 1, d);
		}
		free(sub);
		free(list[i]);
	}
	free(list);
	return r;
}

int yaml_walk(const char *dir, int (*fn)(const char *path, void *arg), void *arg,
	      struct diag *d)
{
	return walk(dir, fn, arg, 0, d);
}
