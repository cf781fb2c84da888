/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a folder of its own, for the tests of this folder. */
#ifndef TESTS_UNIT_STORE_WORLD_H
#define TESTS_UNIT_STORE_WORLD_H
#include "base/hash.h"
#include "base/timeutil.h"
#include "store/segment_impl.h"
#include "store/store.h"
#include "tap.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define T0 (INT64_C(1700000000) * NS_PER_S)

/* A store in a folder of its own, and what events need. */
struct world {
	char dir[64];
	char seg[96];
	struct schema *schema;
	struct rectype *conn, *dns;
	struct entities *en;
	struct batch batch;
	struct store *st;
	uint64_t seq;
};

UNUSED static void world_store(struct world *w, bool fresh, bool background)
{
	struct store_conf c = {.dir = w->dir, .fresh = fresh, .background = background};
	struct diag d = {{0}};

	w->st = store_close(w->st);
	CHECK_INT(store_open(&c, &w->st, &d), 0);
	if (!w->st)
		printf("# %s\n", d.msg);
}

UNUSED static void world_make(struct world *w, bool background)
{
	*w = (struct world){.dir = "/tmp/thymus-store-XXXXXX"};
	if (!mkdtemp(w->dir))
		abort();
	snprintf(w->seg, sizeof(w->seg), "%s/%s", w->dir, SEG_FILE_NAME);
	CHECK_INT(schema_new(&w->schema), 0);
	w->conn = schema_type_add(w->schema, STR("zeek"), STR("zeek.conn"),
				  CLASS_NETWORK_ACTIVITY);
	w->dns = schema_type_add(w->schema, STR("zeek"), STR("zeek.dns"), CLASS_DNS_ACTIVITY);
	CHECK_INT(schema_freeze(w->schema), 0);
	CHECK_INT(entities_new(&(struct entities_conf){.max = 1000}, w->schema, &w->en), 0);
	CHECK_INT(batch_init(&w->batch, 64), 0);
	world_store(w, true, background);
}

UNUSED static void world_free(struct world *w)
{
	static const char *const names[] = {SEG_FILE_NAME, "thymus.db", "thymus.db-wal",
					    "thymus.db-shm"};
	char path[128];

	store_close(w->st);
	batch_free(&w->batch);
	entities_free(w->en);
	schema_free(w->schema);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", w->dir, names[i]);
		unlink(path);
	}
	rmdir(w->dir);
}

/* One event of device pc(seq % 10), a second after the last, id "e" and its number. */
UNUSED static void add(struct world *w, const struct rectype *t, const char *raw)
{
	char id[24], name[24];
	struct event *e;

	w->seq++;
	snprintf(id, sizeof(id), "e%" PRIu64, w->seq);
	snprintf(name, sizeof(name), "pc%" PRIu64, w->seq % 10);
	batch_reset(&w->batch);
	e = batch_add(&w->batch, t);
	if (!e)
		abort();
	e->seq = w->seq;
	e->time = T0 + (int64_t)w->seq * NS_PER_S;
	e->known = e->time + 5;
	e->raw = str_of(raw);
	e->id = str_of(id);
	e->hash = hash_str(e->raw, 0);
	e->ents[0] = (struct entref){entity_put(w->en, ENT_DEVICE, str_of(name), e->known),
				     ROLE_DEVICE};
	e->nents = 1;
	CHECK_INT(store_event(w->st, e, w->en), 0);
}

UNUSED static void sync_store(struct world *w)
{
	struct diag d;

	CHECK_INT(store_sync(w->st, &d), 0);
}

/* What a query gave: how many, and the first and last numbers, in rising order. */
struct seen {
	size_t n;
	uint64_t first, last;
	bool rising;
	char raw[128], entity[64], type[32];
};

UNUSED static int see(const struct store_event *e, void *arg)
{
	struct seen *s = arg;

	if (s->n++ == 0)
		s->first = e->seq;
	else if (e->seq <= s->last)
		s->rising = false;
	s->last = e->seq;
	snprintf(s->raw, sizeof(s->raw), "%.*s", STR_ARG(e->raw));
	snprintf(s->type, sizeof(s->type), "%.*s", STR_ARG(e->type));
	if (e->nentities)
		snprintf(s->entity, sizeof(s->entity), "%.*s", STR_ARG(e->entities[0]));
	return 0;
}

UNUSED static struct store_query query(void)
{
	return (struct store_query){.from = TIME_NONE, .to = TIME_NONE, .limit = 1000000};
}

UNUSED static struct seen ask(struct world *w, struct store_query q)
{
	struct seen s = {.rising = true};
	struct diag d = {{0}};

	CHECK_INT(store_events(w->st, &q, see, &s, &d), 0);
	CHECK(s.rising);
	return s;
}

#endif
