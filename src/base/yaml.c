/* SPDX-License-Identifier: Apache-2.0 */
#include "base/yaml.h"
#include "base/hash.h"
#include "base/map.h"
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

/* What is carried while a file's events become nodes. */
struct build {
	struct yaml *y;
	struct diag *d;
	struct fy_parser *fp;
	size_t nodes;
	struct map anchors; /* of the document: hash of the name -> struct yaml_node * */
	struct map keys;    /* hash of a map's number and key: to find those that stand twice */
};

static void mark(const struct fy_mark *m, unsigned *line, unsigned *col)
{
	*line = m ? (unsigned)m->line + 1 : 1;
	*col = m ? (unsigned)m->column + 1 : 1;
}

static void place(struct fy_token *t, unsigned *line, unsigned *col)
{
	mark(t ? fy_token_start_mark(t) : NULL, line, col);
}

static struct str token_text(struct fy_token *t)
{
	size_t len = 0;
	const char *p = t ? fy_token_get_text(t, &len) : NULL;

	return str_n(p, p ? len : 0);
}

static bool is_null_text(struct str s)
{
	return s.len == 0 || str_eqz(s, "~") || str_eqz(s, "null") || str_eqz(s, "Null") ||
	       str_eqz(s, "NULL");
}

static int build_node(struct build *b, struct fy_event *e, unsigned depth,
		      struct yaml_node **ret_n);

static int build_scalar(struct build *b, struct fy_token *t, struct yaml_node *n)
{
	n->kind = YAML_SCALAR;
	n->quoted = t && fy_token_scalar_style(t) != FYSS_PLAIN;
	n->text = arena_str(&b->y->mem, token_text(t));
	n->null = !n->quoted && is_null_text(n->text);
	place(t, &n->line, &n->col);
	return n->text.p ? 0 : -ENOMEM;
}

static int count(struct build *b, const struct yaml_node *n, unsigned depth)
{
	if (depth > DEPTH_MAX || ++b->nodes > NODES_MAX)
		return yaml_fail(b->y, n, b->d, "too deep or too many nodes");
	return 0;
}

/* n with all below it, as another node of the same file. */
static int copy_node(struct build *b, const struct yaml_node *n, unsigned depth,
		     struct yaml_node **ret_n)
{
	struct yaml_node *copy = arena_alloc(&b->y->mem, sizeof(*copy));
	struct yaml_node **tail;
	int r = copy ? count(b, n, depth) : -ENOMEM;

	if (r < 0)
		return r;
	*copy = *n;
	copy->child = copy->next = NULL;
	tail = &copy->child;
	for (const struct yaml_node *c = n->child; c && r == 0; c = c->next) {
		r = copy_node(b, c, depth + 1, tail);
		tail = r == 0 ? &(*tail)->next : tail;
	}
	*ret_n = copy;
	return r;
}

static int build_alias(struct build *b, struct fy_token *t, unsigned depth,
		       struct yaml_node **ret_n)
{
	const uint64_t *at = map_get(&b->anchors, hash_str(token_text(t), 0));
	struct yaml_node here = {0};
	int r;

	place(t, &here.line, &here.col);
	if (!at)
		return yaml_fail(b->y, &here, b->d, "nothing has this alias's name");
	r = copy_node(b, (const struct yaml_node *)(uintptr_t)*at, depth, ret_n);
	if (r == 0)
		(*ret_n)->key = (struct str){NULL, 0};
	return r;
}

/* The next event of a sequence or map; NULL at its end, or with r where the file is broken. */
static struct fy_event *next_inside(struct build *b, enum fy_event_type end, int *r)
{
	struct fy_event *e = fy_parser_parse(b->fp);

	*r = e ? 0 : E_FORMAT;
	if (e && e->type == end) {
		fy_parser_event_free(b->fp, e);
		return NULL;
	}
	return e;
}

static int build_seq(struct build *b, struct yaml_node *n, unsigned depth)
{
	struct yaml_node **tail = &n->child;
	struct fy_event *e;
	int r;

	n->kind = YAML_SEQ;
	while ((e = next_inside(b, FYET_SEQUENCE_END, &r))) {
		r = build_node(b, e, depth + 1, tail);
		if (r < 0)
			return r;
		tail = &(*tail)->next;
		n->nchildren++;
	}
	if (n->child) {
		n->line = n->child->line;
		n->col = n->child->col;
	}
	return r;
}

/* A key; takes e. */
static int build_key(struct build *b, struct fy_event *e, uint64_t map, struct yaml_node *k)
{
	bool scalar = e->type == FYET_SCALAR, fresh = true;

	mark(fy_event_start_mark(e), &k->key_line, &k->key_col);
	k->key = arena_str(&b->y->mem, scalar ? token_text(e->scalar.value) : STR(""));
	fy_parser_event_free(b->fp, e);
	if (!scalar)
		return yaml_fail_key(b->y, k, b->d, "a key must be plain text");
	if (!k->key.p || !map_put(&b->keys, hash_str(k->key, map), &fresh))
		return -ENOMEM;
	return fresh ? 0 : yaml_fail_key(b->y, k, b->d, "duplicate key");
}

static int append_missing(struct build *b, struct yaml_node *n, const struct yaml_node *from,
			  unsigned depth)
{
	struct yaml_node **tail = &n->child;
	int r = 0;

	while (*tail)
		tail = &(*tail)->next;
	for (const struct yaml_node *c = from->child; c && r == 0; c = c->next) {
		if (yaml_get(n, c->key.p))
			continue;
		r = copy_node(b, c, depth + 1, tail);
		tail = r == 0 ? &(*tail)->next : tail;
		n->nchildren += r == 0;
	}
	return r;
}

/* "<<: *other" of a map: what it has not itself it has from the other, or from several. */
static int merge(struct build *b, struct yaml_node *n, unsigned depth)
{
	struct yaml_node **at = &n->child, *from;
	int r = 0;

	while (*at && !str_eqz((*at)->key, "<<"))
		at = &(*at)->next;
	from = *at;
	if (!from || from->kind == YAML_SCALAR)
		return 0;
	*at = from->next;
	n->nchildren--;
	if (from->kind == YAML_MAP)
		return append_missing(b, n, from, depth);
	for (const struct yaml_node *c = from->child; c && r == 0; c = c->next)
		r = c->kind == YAML_MAP ? append_missing(b, n, c, depth) : 0;
	return r;
}

static int build_map(struct build *b, struct yaml_node *n, unsigned depth)
{
	struct yaml_node **tail = &n->child;
	uint64_t number = b->nodes;
	struct fy_event *e;
	int r;

	n->kind = YAML_MAP;
	while ((e = next_inside(b, FYET_MAPPING_END, &r))) {
		struct yaml_node key = {0}, *c;

		r = build_key(b, e, number, &key);
		e = r == 0 ? fy_parser_parse(b->fp) : NULL;
		if (!e)
			return r < 0 ? r : E_FORMAT;
		r = build_node(b, e, depth + 1, tail);
		if (r < 0)
			return r;
		c = *tail;
		c->key = key.key;
		c->key_line = key.key_line;
		c->key_col = key.key_col;
		if (c->kind == YAML_SCALAR && c->text.len == 0 && !c->quoted) {
			c->line = c->key_line;
			c->col = c->key_col;
		}
		tail = &c->next;
		n->nchildren++;
	}
	if (n->child) {
		n->line = n->child->key_line;
		n->col = n->child->key_col;
	}
	return r < 0 ? r : merge(b, n, depth);
}

static struct fy_token *anchor_of(const struct fy_event *e)
{
	switch (e->type) {
	case FYET_SCALAR:
		return e->scalar.anchor;
	case FYET_SEQUENCE_START:
		return e->sequence_start.anchor;
	case FYET_MAPPING_START:
		return e->mapping_start.anchor;
	default:
		return NULL;
	}
}

/* The node that begins with e, which is taken, and all below it. */
static int build_node(struct build *b, struct fy_event *e, unsigned depth,
		      struct yaml_node **ret_n)
{
	enum fy_event_type type = e->type;
	struct fy_token *anchor = anchor_of(e);
	uint64_t name = anchor ? hash_str(token_text(anchor), 0) : 0, *at;
	struct yaml_node *n = arena_zalloc(&b->y->mem, sizeof(*n)), here = {0};
	int r;

	mark(fy_event_start_mark(e), &here.line, &here.col);
	r = n ? count(b, &here, depth) : -ENOMEM;
	*ret_n = n;
	if (r == 0 && type == FYET_SCALAR)
		r = build_scalar(b, e->scalar.value, n);
	else if (r == 0 && type == FYET_ALIAS)
		r = build_alias(b, e->alias.anchor, depth, ret_n);
	fy_parser_event_free(b->fp, e);
	if (r == 0 && type == FYET_SEQUENCE_START)
		r = build_seq(b, n, depth);
	else if (r == 0 && type == FYET_MAPPING_START)
		r = build_map(b, n, depth);
	if (r < 0 || !anchor)
		return r;
	/* Only now: a node does not hold itself. */
	at = map_put(&b->anchors, name, NULL);
	if (!at)
		return -ENOMEM;
	*at = (uintptr_t)n;
	return 0;
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

static int build_docs(struct build *b)
{
	struct yaml_doc **tail = &b->y->docs;
	struct fy_event *e;
	int r = 0;

	while (r == 0 && (e = fy_parser_parse(b->fp))) {
		bool begins = e->type == FYET_DOCUMENT_START;
		struct yaml_doc *doc;

		fy_parser_event_free(b->fp, e);
		if (!begins)
			continue;
		map_clear(&b->anchors);
		e = fy_parser_parse(b->fp);
		doc = arena_zalloc(&b->y->mem, sizeof(*doc));
		if (!e || !doc) {
			fy_parser_event_free(b->fp, e);
			return e ? -ENOMEM : E_FORMAT;
		}
		*tail = doc;
		tail = &doc->next;
		r = build_node(b, e, 0, &doc->root);
	}
	return r;
}

static int parse_docs(struct yaml *y, struct diag *d)
{
	struct fy_parse_cfg cfg = {.flags = FYPCF_COLLECT_DIAG};
	struct build b = {.y = y, .d = d};
	struct fy_diag_cfg dcfg;
	struct fy_diag *fd;
	int r;

	fy_diag_cfg_default(&dcfg);
	fd = fy_diag_create(&dcfg);
	if (!fd)
		return -ENOMEM;
	fy_diag_set_collect_errors(fd, true);
	cfg.diag = fd;
	b.fp = fy_parser_create(&cfg);
	if (!b.fp || fy_parser_set_string(b.fp, y->text.p, y->text.len) != 0) {
		fy_parser_destroy(b.fp);
		fy_diag_destroy(fd);
		return -ENOMEM;
	}
	r = build_docs(&b);
	if (r == E_FORMAT ||
	    (r == 0 && (fy_parser_get_stream_error(b.fp) || fy_diag_got_error(fd))))
		r = parser_error(y, fd, d);
	map_free(&b.anchors);
	map_free(&b.keys);
	fy_parser_destroy(b.fp);
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
