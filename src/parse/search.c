/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/search.h"
#include "event/filter.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct search {
	struct arena mem;
	struct where where;
	struct filter *filter; /* NULL: what the store looks up is all */
	struct reread *reread; /* with filter */
	struct str raw[WHERE_TESTS_MAX];
	size_t nraw;
};

struct search *search_free(struct search *s)
{
	if (s) {
		filter_free(s->filter);
		reread_free(s->reread);
		arena_free(&s->mem);
		free(s);
	}
	return NULL;
}

/* "at:1:COLUMN: what" and the line below, as "at COLUMN: what". */
static void plain_words(struct diag *d)
{
	static const char head[] = "at:1:";
	char *end;

	if (strncmp(d->msg, head, sizeof(head) - 1) == 0) {
		memmove(d->msg + 3, d->msg + sizeof(head) - 1,
			strlen(d->msg + sizeof(head) - 1) + 1);
		d->msg[2] = ' ';
	}
	end = strchr(d->msg, '\n');
	if (end)
		*end = 0;
}

static void raw_fields(struct search *s, struct schema *sc)
{
	const attr_t *a;
	size_t n = filter_attrs(s->filter, &a);

	for (size_t i = 0; i < n && s->nraw < WHERE_TESTS_MAX; i++) {
		bool mapped = false;

		for (size_t t = 0; t < schema_types(sc) && !mapped; t++)
			mapped = schema_provides(sc, schema_type(sc, t), a[i]);
		if (!mapped)
			s->raw[s->nraw++] = arena_str(&s->mem, schema_name(sc, a[i]));
	}
}

static int compile(struct search *s, const struct reread_conf *conf, struct diag *d)
{
	struct schema *sc;
	int r = reread_open(conf, &s->reread, d);

	if (r < 0)
		return r;
	sc = reread_schema(s->reread);
	r = filter_compile(sc, &s->where.source, s->where.detection, &s->filter, d);
	if (r < 0) {
		plain_words(d);
		return r;
	}
	raw_fields(s, sc);
	r = filter_want(s->filter, sc, NULL);
	return r < 0 ? r : reread_start(s->reread);
}

int search_open(const struct reread_conf *conf, struct str expression, struct search **ret_s,
		struct diag *d)
{
	struct search *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	arena_init(&s->mem, 4 * MIB);
	expression = arena_str(&s->mem, expression);
	r = expression.p ? where_read(expression, &s->mem, &s->where, d) : -ENOMEM;
	if (r == 0 && s->where.detection)
		r = compile(s, conf, d);
	if (r < 0) {
		search_free(s);
		return r;
	}
	*ret_s = s;
	return 0;
}

void search_narrow(const struct search *s, struct store_query *q)
{
	if (s->where.type.len)
		q->type = s->where.type;
	if (s->where.entity.len)
		q->entity = s->where.entity;
	if (s->where.text.len)
		q->text = s->where.text;
}

bool search_match(struct search *s, const struct store_event *e)
{
	const struct event *ev;

	if (!s->filter)
		return true;
	ev = reread_event(s->reread, e, NULL);
	return ev && filter_match(s->filter, ev);
}

struct str search_raw_field(const struct search *s, size_t nth)
{
	return nth < s->nraw ? s->raw[nth] : STR("");
}
