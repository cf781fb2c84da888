/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "base/map.h"
#include "sense/file.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static int list_room(struct file_list *l)
{
	size_t cap = l->cap ? l->cap * 2 : 64;
	struct file_entry *v;

	if (l->n == FILE_LIST_MAX)
		return E_LIMIT;
	if (l->n < l->cap)
		return 0;
	v = realloc(l->v, cap * sizeof(*v));
	if (!v)
		return -ENOMEM;
	l->v = v;
	l->cap = cap;
	return 0;
}

static void entry_free(struct file_entry *e)
{
	free(e->path);
	free(e->at);
	free(e->why);
	*e = (struct file_entry){0};
}

int file_list_add(struct file_list *l, char *path, char *at, uint64_t size)
{
	struct file_entry e = {.path = path, .at = at, .size = size};
	int r = list_room(l);

	if (r < 0)
		entry_free(&e);
	else
		l->v[l->n++] = e;
	return r;
}

void file_list_drop(struct file_list *l, size_t i)
{
	entry_free(&l->v[i]);
}

static char *join(const char *dir, const char *name)
{
	size_t n = strlen(dir);
	char *p = NULL;

	while (n > 1 && dir[n - 1] == '/')
		n--;
	if (asprintf(&p, "%.*s%s%s", (int)n, dir, n && dir[n - 1] == '/' ? "" : "/", name) < 0)
		return NULL;
	return p;
}

static int walk_dir(struct file_list *l, struct map *seen, const char *path, unsigned depth);

/* Takes over path. */
static int walk_one(struct file_list *l, struct map *seen, char *path, unsigned depth)
{
	struct stat sb;
	bool fresh;
	int r = 0;

	if (stat(path, &sb) == 0 && S_ISREG(sb.st_mode))
		return file_list_add(l, path, NULL, (uint64_t)sb.st_size);
	if (stat(path, &sb) == 0 && S_ISDIR(sb.st_mode) && depth < FILE_DEPTH_MAX) {
		if (!map_put(seen, hash_2((uint64_t)sb.st_dev, (uint64_t)sb.st_ino), &fresh))
			r = -ENOMEM;
		else if (fresh)
			r = walk_dir(l, seen, path, depth + 1);
	}
	free(path);
	return r;
}

static int hidden(const struct dirent *de)
{
	return de->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* In order of names, so that of several links to a folder always the same one is entered. */
static int walk_dir(struct file_list *l, struct map *seen, const char *path, unsigned depth)
{
	struct dirent **de = NULL;
	int n = scandir(path, &de, hidden, by_name), r = 0;

	if (n < 0)
		return errno == ENOMEM ? -ENOMEM : 0;
	for (int i = 0; i < n; i++) {
		char *p = r == 0 ? join(path, de[i]->d_name) : NULL;

		if (p)
			r = walk_one(l, seen, p, depth);
		else if (r == 0)
			r = -ENOMEM;
		free(de[i]);
	}
	free(de);
	return r;
}

/* By path, then by where it lies: members of one name stay in order. */
static int by_path(const void *a, const void *b)
{
	const struct file_entry *x = a, *y = b;
	int r = strcmp(x->path, y->path);

	return r ? r : strcmp(file_place(x), file_place(y));
}

void file_list_sort(struct file_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].path)
			l->v[n++] = l->v[i];
	l->n = n;
	if (n)
		qsort(l->v, n, sizeof(*l->v), by_path);
	n = 0;
	for (size_t i = 0; i < l->n; i++) {
		/* Two members of an archive may have one name: both are read. */
		if (n && !l->v[i].at && strcmp(l->v[n - 1].path, l->v[i].path) == 0)
			entry_free(&l->v[i]);
		else
			l->v[n++] = l->v[i];
	}
	l->n = n;
}

int file_walk(struct file_list *l, const char *path, struct diag *d)
{
	struct map seen;
	struct stat sb;
	char *p;
	int r;

	if (stat(path, &sb) < 0) {
		r = -errno;
		return diag_set(d, r, "%s: %s", path, err_text(r));
	}
	if (!S_ISREG(sb.st_mode) && !S_ISDIR(sb.st_mode))
		return diag_set(d, -EINVAL, "%s: neither a file nor a folder", path);
	map_init(&seen);
	p = str_dup(str_of(path));
	r = p ? walk_one(l, &seen, p, 0) : -ENOMEM;
	map_free(&seen);
	return r < 0 ? diag_set(d, r, "%s: %s", path, err_text(r)) : 0;
}

void file_list_free(struct file_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		entry_free(&l->v[i]);
	free(l->v);
	*l = (struct file_list){0};
}
