/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small world for tests of learning: one record type with an actor, a device and a target,
 * and whatever quantities a test writes down.
 */
#ifndef TESTS_UNIT_LEARN_WORLD_H
#define TESTS_UNIT_LEARN_WORLD_H
#include "learn/learn.h"
#include "tests/unit/tap.h"
#include <unistd.h>

#define WORLD_FILES 8
#define DAY0	    (20000 * NS_PER_D)

static size_t world_memory; /* ceiling of the next one; 0 = usual */

struct world {
	struct schema *s;
	struct rectype *t;
	struct entities *en;
	struct learn *l;
	struct batch b;
	char dir[64];
	size_t nfiles;
};

/* One document a quantity, separated by a line "---". want: attributes to read, ends with NULL.
 */
static inline void world_open(struct world *w, const char *const *quantities,
			      const char *const *want)
{
	struct learn_conf conf = {.dir = w->dir, .memory_bytes = world_memory};
	struct diag d = {{0}};

	memset(w, 0, sizeof(*w));
	snprintf(w->dir, sizeof(w->dir), "/tmp/learn-XXXXXX");
	CHECK(mkdtemp(w->dir) != NULL);
	for (; quantities[w->nfiles]; w->nfiles++) {
		char path[128];
		FILE *f;

		snprintf(path, sizeof(path), "%s/%zu.yaml", w->dir, w->nfiles);
		f = fopen(path, "w");
		fputs(quantities[w->nfiles], f);
		fclose(f);
	}
	CHECK_INT(schema_new(&w->s), 0);
	w->t = schema_type_add(w->s, STR("t"), STR("t.call"), CLASS_API_ACTIVITY);
	for (size_t i = 0; want[i]; i++) {
		attr_t a = schema_attr(w->s, str_of(want[i]));

		if (strncmp(want[i], "learned.", 8) != 0)
			CHECK_INT(schema_provide(w->s, w->t, a), 0);
		CHECK_INT(schema_want(w->s, w->t, a), 0);
	}
	CHECK_INT(entities_new(&(struct entities_conf){0}, w->s, &w->en), 0);
	CHECK_INT(learn_open(&conf, w->s, w->en, &w->l, &d), 0);
	if (d.msg[0])
		printf("# %s\n", d.msg);
	CHECK_INT(schema_freeze(w->s), 0);
	CHECK_INT(learn_start(w->l), 0);
	CHECK_INT(batch_init(&w->b, 8), 0);
}

static inline void world_close(struct world *w)
{
	batch_free(&w->b);
	learn_free(w->l);
	entities_free(w->en);
	schema_free(w->s);
	for (size_t i = 0; i < w->nfiles; i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%zu.yaml", w->dir, i);
		unlink(path);
	}
	rmdir(w->dir);
}

/* An event at a time, to be filled and given to world_see. */
static inline struct event *world_event(struct world *w, int64_t at)
{
	struct event *e;

	batch_reset(&w->b);
	e = batch_add(&w->b, w->t);
	e->time = e->known = at;
	return e;
}

static inline void world_role(struct world *w, struct event *e, enum ent_role role,
			      enum ent_kind kind, const char *name)
{
	e->ents[e->nents++] =
		(struct entref){entity_put(w->en, kind, str_of(name), e->known), (uint8_t)role};
}

static inline void world_set(struct world *w, struct event *e, const char *attr,
			     const char *value)
{
	event_set(e, schema_attr(w->s, str_of(attr)), val_s(str_of(value)));
}

static inline void world_see(struct world *w, struct event *e)
{
	CHECK_INT(learn_event(w->l, e, &w->b.mem), 0);
}

/* A number of the event; -1 when there is none. */
static inline double world_num(struct world *w, const struct event *e, const char *attr)
{
	double v = -1;

	(void)val_num(event_get(e, schema_attr(w->s, str_of(attr))), &v);
	return v;
}

static inline bool world_true(struct world *w, const struct event *e, const char *attr)
{
	return val_true(event_get(e, schema_attr(w->s, str_of(attr))));
}

/* "user", 7 -> "user7"; good until the next but seven. */
static inline const char *world_name(const char *stem, int i)
{
	static char name[8][32];
	static unsigned at;

	at = (at + 1) % 8;
	snprintf(name[at], sizeof(name[at]), "%s%d", stem, i);
	return name[at];
}

#endif
