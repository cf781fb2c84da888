/* SPDX-License-Identifier: Apache-2.0 */
#include "incident/suppress.h"
#include "base/json.h"
#include "base/timeutil.h"
#include "base/yaml.h"
#include "store/audit.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_MAX	 32
#define LIST_MAX 1000u
#define FILE_MAX (256 * KIB)

static const char *const folders[] = {"suppress", "proposed"}; /* accepted first */

bool suppress_fits(struct str verdict)
{
	return str_eqz(verdict, "benign") || str_eqz(verdict, "false") ||
	       str_eqz(verdict, "test");
}

/* An id is a file's name: nothing else may be in it. */
static bool good_id(struct str id)
{
	if (id.len < 2 || id.len >= ID_MAX || id.p[0] != 's')
		return false;
	for (size_t i = 1; i < id.len; i++)
		if (hex_digit(id.p[i]) < 0)
			return false;
	return true;
}

static int path_of(const char *dir, const char *folder, struct str id, char path[4200])
{
	int n = snprintf(path, 4200, "%s/%s/%.*s.yaml", dir, folder, STR_ARG(id));

	return n < 0 || n >= 4200 ? -ENAMETOOLONG : 0;
}

static int note(const char *dir, const struct suppress_act *a, const char *action,
		struct str detail, struct diag *d)
{
	struct audit_entry e = {
		.time = a->time, .actor = a->by, .action = str_of(action), .detail = detail};
	struct audit *log;
	char object[64];
	int r = audit_open(dir, false, &log, d);

	if (r < 0)
		return r;
	snprintf(object, sizeof(object), "suppression:%.*s", STR_ARG(a->id));
	e.object = str_of(object);
	r = audit_add(log, &e, NULL, d);
	audit_close(log);
	return r;
}

/* ---- accepting and dropping ---- */

static int read_all(const char *path, struct buf *b, struct diag *d)
{
	FILE *f = fopen(path, "rbe");
	char part[4096];
	size_t n;

	if (!f)
		return errno == ENOENT ? E_NOTFOUND
				       : diag_set(d, -errno, "%s: %s", path, strerror(errno));
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(b, str_n(part, n));
	fclose(f);
	return buf_err(b);
}

/* Written beside its place, synced, renamed: a crash leaves the old one or the new. */
static int write_all(const char *path, struct str text, struct diag *d)
{
	char beside[4300];
	FILE *f;
	bool ok;

	snprintf(beside, sizeof(beside), "%s.new", path);
	f = fopen(beside, "wbe");
	if (!f)
		return diag_set(d, -errno, "%s: %s", beside, strerror(errno));
	ok = fwrite(text.p, 1, text.len, f) == text.len && fflush(f) == 0 &&
	     fsync(fileno(f)) == 0;
	ok = fclose(f) == 0 && ok;
	if (!ok || rename(beside, path) < 0)
		return diag_set(d, -EIO, "%s: cannot be written", path);
	return 0;
}

static int folder(const char *dir, const char *name, struct diag *d)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return diag_set(d, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

/* The text with another end, when one is asked for. */
static void with_until(struct str text, struct str until, struct buf *out)
{
	while (text.p && text.len) {
		struct str line = str_cut(text, '\n', &text);

		if (until.len && str_starts(line, STR("  until:")))
			buf_fmt(out, "  until: %.*s", STR_ARG(until));
		else
			buf_add(out, line);
		buf_addc(out, '\n');
	}
}

static bool good_date(struct str s)
{
	char day[40];
	int64_t t;

	snprintf(day, sizeof(day), "%.*sT00:00:00", (int)MIN(s.len, (size_t)20), s.p);
	return s.len == 10 && time_parse(str_of(day), &t);
}

int suppress_accept(const char *dir, const struct suppress_act *a, struct diag *d)
{
	char from[4200], to[4200];
	struct buf text, out;
	int r = good_id(a->id) ? 0 : E_NOTFOUND;

	d->msg[0] = 0;
	if (r == 0 && a->until.len && !good_date(a->until))
		return diag_set(d, -EINVAL, "an end is a day: 2026-12-31");
	buf_init(&text, FILE_MAX);
	buf_init(&out, FILE_MAX);
	if (r == 0)
		r = path_of(dir, "proposed", a->id, from);
	if (r == 0)
		r = path_of(dir, "suppress", a->id, to);
	if (r == 0)
		r = read_all(from, &text, d);
	if (r == E_NOTFOUND)
		diag_set(d, r, "nothing of this id is proposed");
	if (r == 0) {
		with_until(buf_str(&text), a->until, &out);
		r = buf_err(&out);
	}
	if (r == 0)
		r = folder(dir, "suppress", d);
	if (r == 0)
		r = note(dir, a, "suppression.accept", buf_str(&out), d);
	if (r == 0)
		r = write_all(to, buf_str(&out), d);
	if (r == 0 && unlink(from) < 0)
		r = diag_set(d, -errno, "%s: %s", from, strerror(errno));
	buf_free(&text);
	buf_free(&out);
	return r;
}

int suppress_drop(const char *dir, const struct suppress_act *a, struct diag *d)
{
	char path[4200];
	int r = E_NOTFOUND;

	d->msg[0] = 0;
	for (size_t i = 0; good_id(a->id) && i < ARRAY_LEN(folders); i++) {
		struct buf text;

		buf_init(&text, FILE_MAX);
		r = path_of(dir, folders[i], a->id, path);
		if (r == 0)
			r = read_all(path, &text, d);
		if (r == 0)
			r = note(dir, a, "suppression.drop", buf_str(&text), d);
		if (r == 0 && unlink(path) < 0)
			r = diag_set(d, -errno, "%s: %s", path, strerror(errno));
		buf_free(&text);
		if (r != E_NOTFOUND)
			return r;
	}
	return diag_set(d, E_NOTFOUND, "there is no suppression of this id");
}

/* ---- the list ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t names_in(const char *path, char **v, size_t max)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	for (const struct dirent *e; dir && n < max && (e = readdir(dir)) != NULL;) {
		struct str s = str_of(e->d_name);

		if (str_ends(s, STR(".yaml")) && (v[n] = str_dup(s)) != NULL)
			n++;
	}
	if (dir)
		closedir(dir);
	qsort(v, n, sizeof(*v), by_name);
	return n;
}

static void join(const struct yaml_node *n, struct buf *b)
{
	if (n && n->kind == YAML_SCALAR)
		buf_add(b, n->text);
	else
		YAML_EACH(x, n)
		{
			buf_addz(b, b->len ? ", " : "");
			buf_add(b, x->text);
		}
}

/* What the last run counted. */
static void counted(struct str meta, struct suppress_row *r)
{
	r->last = TIME_NONE;
	while (meta.p && meta.len) {
		struct str rest, line = str_cut(meta, '\n', &meta);
		struct str id = str_cut(line, '\t', &rest), n = str_cut(rest, '\t', &rest);
		int64_t v;

		if (!str_eq(id, r->id) || !str_i64(n, &v) || v < 0)
			continue;
		r->count = (uint64_t)v;
		if (v > 0 && str_i64(rest, &v))
			r->last = v;
	}
}

static int tell(const char *path, bool accepted, struct str meta,
		int (*row)(const struct suppress_row *r, void *arg), void *arg, struct diag *d)
{
	struct suppress_row r = {.accepted = accepted, .file = str_of(path)};
	const struct yaml_node *root, *own;
	struct buf rules, entities;
	struct yaml *y;
	int e = yaml_load(path, &y, d);

	if (e < 0)
		return e;
	buf_init(&rules, 64 * KIB);
	buf_init(&entities, 64 * KIB);
	root = y->docs ? y->docs->root : NULL;
	own = yaml_get(root, "thymus");
	join(yaml_get(yaml_get(root, "filter"), "rules"), &rules);
	join(yaml_get(own, "entities"), &entities);
	r.id = yaml_str(root, "id", "");
	r.title = yaml_str(root, "title", "");
	r.until = yaml_str(own, "until", "");
	r.incident = yaml_str(own, "incident", "");
	r.by = yaml_str(root, "author", "");
	r.rules = buf_str(&rules);
	r.entities = buf_str(&entities);
	counted(meta, &r);
	e = row(&r, arg);
	buf_free(&rules);
	buf_free(&entities);
	yaml_free(y);
	return e;
}

int suppress_list(const char *dir, int (*row)(const struct suppress_row *r, void *arg),
		  void *arg, struct diag *d)
{
	struct store_conf sc = {.dir = dir, .read_only = true};
	struct store *st = NULL;
	struct arena mem;
	struct str meta = {NULL, 0};
	char **v = calloc(LIST_MAX, sizeof(*v)), path[4500];
	int r = v ? 0 : -ENOMEM;

	arena_init(&mem, 16 * MIB);
	if (r == 0 && store_open(&sc, &st, d) == 0)
		meta = store_meta_get(st, SUPPRESS_META, &mem);
	for (size_t f = 0; f < ARRAY_LEN(folders) && r == 0; f++) {
		size_t n;

		snprintf(path, sizeof(path), "%s/%s", dir, folders[f]);
		n = names_in(path, v, LIST_MAX);
		for (size_t i = 0; i < n; i++) {
			snprintf(path, sizeof(path), "%s/%s/%s", dir, folders[f], v[i]);
			if (r == 0)
				r = tell(path, f == 0, meta, row, arg, d);
			free(v[i]);
		}
	}
	store_close(st);
	arena_free(&mem);
	free(v);
	return r < 0 ? r : 0;
}
