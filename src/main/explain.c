/* SPDX-License-Identifier: Apache-2.0 */
#include "main/explain.h"
#include "detect/detect.h"
#include "parse/reread.h"
#include <errno.h>
#include <stdio.h>

#define OBSTACLES_MAX 3

struct explain {
	struct reread *reread;
	struct schema *schema;
	struct detect *detect;
	struct arena mem;
	struct event e;
	struct buf line;
};

static int open_models(struct explain *x, struct config *c, struct diag *d)
{
	const char *dirs[CONFIG_LIST_MAX + 1];
	struct detect_conf dc = {.dirs = dirs, .placeholders = c->placeholders};
	struct reread_conf rc = {.sources = config_share(c, "sources"),
				 .entities = {.networks = c->networks.v,
					      .nnetworks = c->networks.n,
					      .domains = c->domains.v,
					      .ndomains = c->domains.n}};
	int r;

	dc.taxonomies = config_share(c, "taxonomies");
	dirs[dc.ndirs++] = config_share(c, "models");
	for (size_t i = 0; i < c->models.n; i++)
		dirs[dc.ndirs++] = c->models.v[i];
	r = reread_open(&rc, &x->reread, d);
	if (r < 0)
		return r;
	x->schema = reread_schema(x->reread);
	r = detect_open(&dc, x->schema, &x->detect, d);
	if (r == 0)
		r = reread_start(x->reread);
	/* Nobody learns or fires here: rules are asked one by one. */
	return r < 0 ? r : detect_start(x->detect, x->schema, NULL, NULL);
}

static void set(struct explain *x, struct str quantity, const char *field, struct val v)
{
	struct str name = arena_fmt(&x->mem, "learned.%.*s.%s", STR_ARG(quantity), field);

	event_set(&x->e, schema_find(x->schema, name), v);
}

/* The event as the models saw it, as far as it was kept. */
static int recall(struct explain *x, const struct store_event *se)
{
	const struct event *e = reread_event(x->reread, se, &x->mem);
	struct store_learned l;
	struct val *row;

	if (!e)
		return E_NOTFOUND;
	x->e = *e;
	row = arena_alloc(&x->mem, (e->type->nslots + 1) * sizeof(*row));
	if (!row)
		return -ENOMEM;
	memcpy(row, e->row, e->type->nslots * sizeof(*row));
	x->e.row = row;
	for (size_t at = 0; store_learned(se, &at, &l);) {
		set(x, l.quantity, "surprise",
		    (struct val){.kind = VAL_FLOAT, .f = l.surprise});
		set(x, l.quantity, "raw", (struct val){.kind = VAL_FLOAT, .f = l.raw});
		set(x, l.quantity, "days", (struct val){.kind = VAL_FLOAT, .f = l.days});
		set(x, l.quantity, "usual", val_s(arena_str(&x->mem, l.usual)));
		set(x, l.quantity, "seen", val_s(arena_str(&x->mem, l.seen)));
	}
	return 0;
}

static void say_value(struct explain *x, attr_t a)
{
	const struct val *v = event_get(&x->e, a);
	struct str name = a == ATTR_NONE ? STR("a word") : schema_name(x->schema, a);
	char tmp[40];

	buf_safe(&x->line, name);
	if (a == ATTR_NONE) {
		buf_addz(&x->line, " of the record");
	} else if (val_set(v)) {
		buf_addz(&x->line, " is ");
		buf_safe(&x->line, v->kind == VAL_LIST ? STR("a list")
						       : str_sub(val_text(v, tmp), 0, 60));
	} else if (str_starts(name, STR("learned."))) {
		buf_addz(&x->line, " was nothing odd, or was not kept");
	} else {
		buf_addz(&x->line, " is not there");
	}
}

static void say_obstacles(struct explain *x, const struct obstacle *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_addz(&x->line, i ? "; " : "");
		buf_addz(&x->line, v[i].wanted ? "not \"" : "held back by \"");
		buf_safe(&x->line, v[i].selection);
		buf_addz(&x->line, "\": ");
		say_value(x, v[i].attr);
	}
}

static void say(struct explain *x, const struct model *m)
{
	struct obstacle v[OBSTACLES_MAX];
	const struct filter *f = detect_filter(m);
	size_t n = f ? filter_obstacles(f, &x->e, v, OBSTACLES_MAX) : 0;

	buf_clear(&x->line);
	buf_addz(&x->line, "  ");
	buf_safe(&x->line, m->name);
	buf_addz(&x->line, ": ");
	if (m->refused) {
		buf_addz(&x->line, "cannot be run");
	} else if (!f) {
		buf_addz(&x->line, "counts or follows what other models match");
	} else if (n) {
		say_obstacles(x, v, n);
	} else if (filter_match(f, &x->e)) {
		buf_addz(&x->line,
			 "matches; silent unless cited above: within its throttle window, "
			 "suppressed, or it needs more matches");
	} else {
		buf_addz(&x->line, "does not match");
	}
	printf("%.*s\n", STR_ARG(buf_str(&x->line)));
}

static void all_models(struct explain *x)
{
	const struct model *const *m;
	size_t n = detect_models(x->detect, &m), fit = 0;

	for (size_t i = 0; i < n; i++)
		fit += detect_fits(m[i], x->e.type);
	printf("\n%zu of %zu models look at %s; why they spoke or did not\n", fit, n,
	       x->e.type->name);
	for (size_t i = 0; i < n; i++)
		if (detect_fits(m[i], x->e.type))
			say(x, m[i]);
}

int explain_models(struct config *c, const struct store_event *se, struct diag *d)
{
	struct explain x = {0};
	int r;

	arena_init(&x.mem, 64 * MIB);
	buf_init(&x.line, 64 * KIB);
	r = open_models(&x, c, d);
	if (r == 0)
		r = recall(&x, se);
	if (r == 0)
		all_models(&x);
	else if (r == E_NOTFOUND)
		r = diag_set(d, r, "its kind of record is not known any more");
	detect_free(x.detect);
	reread_free(x.reread);
	buf_free(&x.line);
	arena_free(&x.mem);
	return r;
}
