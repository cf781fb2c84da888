/* SPDX-License-Identifier: Apache-2.0 */
/* The questions and the lists, as they stand in their folders when asked for. */
#include "api/request.h"
#include "base/yaml.h"
#include "event/list.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int questions_list(struct req *q);
int lists_list(struct req *q);
int lists_get(struct req *q);

/* Files of a folder whose names end so, in order. item: one of them, as an object, or nothing.
 */
static int each_file(struct req *q, const char *dir, const char *end,
		     const char *const *columns,
		     void (*item)(struct buf *b, const char *path, struct str name))
{
	struct dirent **e = NULL;
	int n = dir ? scandir(dir, &e, NULL, alphasort) : 0;
	char path[4096];
	struct list l;

	list_open(&l, q, columns);
	for (int i = 0; i < n; i++) {
		struct str name = str_of(e[i]->d_name);
		struct buf b;

		buf_init(&b, MIB);
		if (str_ends(name, str_of(end)) && snprintf(path, sizeof(path), "%s/%s", dir,
							    e[i]->d_name) < (int)sizeof(path))
			item(&b, path, str_sub(name, 0, name.len - strlen(end)));
		if (b.len && buf_err(&b) == 0)
			list_item(&l, buf_str(&b));
		buf_free(&b);
		free(e[i]);
	}
	free(e);
	list_close(&l, str_n(NULL, 0), str_n(NULL, 0));
	return 0;
}

/* What has no title is no question: the hypotheses, the sentences of a story. */
static void question_item(struct buf *b, const char *path, struct str name)
{
	struct yaml *y;
	struct diag d;
	struct str title;

	if (yaml_load(path, &y, &d) < 0)
		return;
	title = yaml_str(y->docs ? y->docs->root : NULL, "title", "");
	if (title.len) {
		buf_addz(b, "{\"name\":");
		buf_json(b, name);
		buf_addz(b, ",\"title\":");
		buf_json(b, title);
		buf_addc(b, '}');
	}
	yaml_free(y);
}

int questions_list(struct req *q)
{
	static const char *const columns[] = {"name", "title", NULL};

	return each_file(q, q->conf->questions_dir, ".yaml", columns, question_item);
}

static int count_entry(struct str entry, void *arg)
{
	(void)entry;
	++*(uint64_t *)arg;
	return 0;
}

/* What the comment at the head of a list says of it, without the licence. */
static void list_head(struct buf *b, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[1024];

	while (f && fgets(line, sizeof(line), f) && line[0] == '#') {
		struct str s = str_trim(str_of(line + 1));

		if (str_starts(s, STR("SPDX")))
			continue;
		if (b->len)
			buf_addc(b, ' ');
		buf_add(b, s);
	}
	if (f)
		fclose(f);
}

static void list_of_entries(struct buf *b, const char *path, struct str name)
{
	uint64_t n = 0;
	struct buf head;
	struct diag d;

	if (list_entries(path, count_entry, &n, &d) < 0)
		return;
	buf_init(&head, 64 * KIB);
	list_head(&head, path);
	buf_addz(b, "{\"name\":");
	buf_json(b, name);
	buf_fmt(b, ",\"entries\":%llu,\"text\":", (unsigned long long)n);
	buf_json(b, buf_str(&head));
	buf_addc(b, '}');
	buf_free(&head);
}

int lists_list(struct req *q)
{
	static const char *const columns[] = {"name", "entries", "text", NULL};

	return each_file(q, q->conf->lists_dir, ".txt", columns, list_of_entries);
}

struct entries {
	struct list list;
	uint64_t from, at; /* entries passed over, and seen */
	size_t limit;
	bool more;
};

static int entry_row(struct str entry, void *arg)
{
	struct entries *x = arg;
	struct buf b;

	if (x->at++ < x->from)
		return 0;
	x->more = list_full(&x->list, x->limit);
	if (x->more)
		return 1;
	buf_init(&b, MIB);
	buf_addz(&b, "{\"entry\":");
	buf_json(&b, entry);
	buf_addc(&b, '}');
	list_item(&x->list, buf_str(&b));
	buf_free(&b);
	return 0;
}

/* The file of the list that the path names, of its folder and of no other; NULL: there is none.
 */
static const char *list_path(struct req *q)
{
	const char *dir = q->conf->lists_dir;
	struct str name = q->part[0];
	const char *path;

	if (!dir || memchr(name.p, '/', name.len) || memchr(name.p, 0, name.len))
		return NULL;
	path = arena_strz(&q->mem, arena_fmt(&q->mem, "%s/%.*s.txt", dir, STR_ARG(name)));
	return path && access(path, R_OK) == 0 ? path : NULL;
}

int lists_get(struct req *q)
{
	static const char *const columns[] = {"entry", NULL};
	const char *path = list_path(q);
	struct str next = {NULL, 0};
	struct entries x = {0};
	struct diag d = {{0}};
	int r;

	if (!req_limit(q, &x.limit) || !req_cursor_number(q, &x.from))
		return 0;
	if (!path)
		return req_problem(q, 404, "Not found", "there is no list of this name");
	list_open(&x.list, q, columns);
	r = list_entries(path, entry_row, &x, &d);
	if (r < 0)
		return req_failed(q, r, NULL);
	if (x.more)
		next = cursor_number(&q->mem, x.from + x.list.n);
	list_close(&x.list, next, str_n(NULL, 0));
	return 0;
}
