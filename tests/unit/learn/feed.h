/* SPDX-License-Identifier: Apache-2.0 */
/* One quantity, fed with events of one made-up record type. */
#ifndef TESTS_LEARN_FEED_H
#define TESTS_LEARN_FEED_H
#include "learn/learn.h"
#include "tests/unit/tap.h"
#include <stdlib.h>
#include <unistd.h>

struct feed {
	struct schema *s;
	struct rectype *t;
	struct entities *en;
	struct learn *l;
	struct batch b;
	char dir[64], file[128];
};

#define FEED_ATTRS                                                             \
	ATTR_SRC_IP, ATTR_DST_HOST, ATTR_BYTES_OUT, ATTR_BYTES_IN, ATTR_QUERY, \
		ATTR_QUERY_DOMAIN, ATTR_FILE_PATH, ATTR_ACTIVITY

static void feed_open(struct feed *w, const char *yaml)
{
	static const attr_t attrs[] = {FEED_ATTRS};
	static const char *const outs[] = {"raw",   "count",	"surprise",	"value",
					   "leak",  "distinct", "distinct_new", "bits",
					   "log_e", "usual",	"seen"};
	struct learn_conf conf = {.dir = w->dir};
	struct diag d = {{0}};
	char name[64];
	FILE *f;

	snprintf(w->dir, sizeof(w->dir), "/tmp/feed-XXXXXX");
	CHECK(mkdtemp(w->dir) != NULL);
	snprintf(w->file, sizeof(w->file), "%s/q.yaml", w->dir);
	f = fopen(w->file, "w");
	fputs(yaml, f);
	fclose(f);
	CHECK_INT(schema_new(&w->s), 0);
	w->t = schema_type_add(w->s, STR("t"), STR("t.any"), CLASS_NETWORK_ACTIVITY);
	w->t->ents[0] = (struct ent_decl){ROLE_DEVICE, ENT_DEVICE, ATTR_SRC_IP};
	w->t->nents = 1;
	for (size_t i = 0; i < ARRAY_LEN(attrs); i++) {
		CHECK_INT(schema_provide(w->s, w->t, attrs[i]), 0);
		CHECK_INT(schema_want(w->s, w->t, attrs[i]), 0);
	}
	CHECK_INT(schema_provide(w->s, w->t, schema_attr(w->s, STR("file.previous_path"))), 0);
	CHECK_INT(schema_want(w->s, w->t, schema_attr(w->s, STR("file.previous_path"))), 0);
	CHECK_INT(entities_new(&(struct entities_conf){0}, w->s, &w->en), 0);
	CHECK_INT(learn_open(&conf, w->s, w->en, &w->l, &d), 0);
	if (d.msg[0])
		printf("# %s\n", d.msg);
	for (size_t i = 0; i < ARRAY_LEN(outs); i++) {
		snprintf(name, sizeof(name), "learned.q.%s", outs[i]);
		CHECK_INT(schema_want(w->s, w->t, schema_attr(w->s, str_of(name))), 0);
	}
	CHECK_INT(schema_freeze(w->s), 0);
	CHECK_INT(learn_start(w->l), 0);
	CHECK_INT(batch_init(&w->b, 8), 0);
}

static void feed_close(struct feed *w)
{
	batch_free(&w->b);
	learn_free(w->l);
	entities_free(w->en);
	schema_free(w->s);
	unlink(w->file);
	rmdir(w->dir);
}

/* An empty event of a device; fill it and hand it to feed_learn. */
static struct event *feed_event(struct feed *w, const char *who, int64_t at)
{
	struct event *e;

	batch_reset(&w->b);
	e = batch_add(&w->b, w->t);
	e->time = e->known = at;
	event_set(e, ATTR_SRC_IP, val_s(str_of(who)));
	e->ents[0] =
		(struct entref){entity_put(w->en, ENT_DEVICE, str_of(who), at), ROLE_DEVICE};
	e->nents = 1;
	return e;
}

static void feed_learn(struct feed *w, struct event *e)
{
	CHECK_INT(learn_event(w->l, e, &w->b.mem), 0);
}

/* learned.q.NAME of the event; -1 when it is not there. */
static double feed_out(struct feed *w, const struct event *e, const char *name)
{
	char full[64];
	double v = -1;

	snprintf(full, sizeof(full), "learned.q.%s", name);
	(void)val_num(event_get(e, schema_attr(w->s, str_of(full))), &v);
	return v;
}

/* Small and the same everywhere. */
static uint64_t feed_seed = 1;

static double feed_uniform(void)
{
	feed_seed ^= feed_seed << 13;
	feed_seed ^= feed_seed >> 7;
	feed_seed ^= feed_seed << 17;
	return ((double)(feed_seed >> 11) + 0.5) / 9007199254740992.0;
}

#endif
