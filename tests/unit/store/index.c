/* SPDX-License-Identifier: Apache-2.0 */
/* One index of a store for all of a process. */
#include "world.h"
#include <pthread.h>

/* What a request of a server does: opens the store, asks, closes. */
struct asker {
	const char *dir;
	struct store_index *index;
	int wrong;
};

static int count_row(const struct store_event *e, void *arg)
{
	(void)e;
	++*(size_t *)arg;
	return 0;
}

/* How many of the events of pc3 a store of its own finds; SIZE_MAX when it cannot be asked. */
static size_t asked_anew(const char *dir, struct store_index *index)
{
	struct store_conf c = {.dir = dir, .read_only = true, .index = index};
	struct store_query q = {.entity = STR("device:pc3"),
				.from = TIME_NONE,
				.to = TIME_NONE,
				.limit = 10000};
	struct store *st = NULL;
	struct diag d = {{0}};
	size_t n = 0;

	if (store_open(&c, &st, &d) < 0 || store_events(st, &q, count_row, &n, &d) < 0)
		n = SIZE_MAX;
	store_close(st);
	return n;
}

/* Stored events never become fewer. */
static void *ask_again(void *arg)
{
	struct asker *a = arg;
	size_t before = 0;

	for (int i = 0; i < 40; i++) {
		size_t n = asked_anew(a->dir, a->index);

		a->wrong += n == SIZE_MAX || n < before;
		before = n;
	}
	return NULL;
}

TEST(an_index_shared_by_threads)
{
	struct world w;
	struct store_index *index;
	struct asker a[3];
	pthread_t t[3];

	world_make(&w, false);
	index = store_index_new(w.dir);
	CHECK(index != NULL);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		a[i] = (struct asker){w.dir, index, 0};
		CHECK_INT(pthread_create(&t[i], NULL, ask_again, &a[i]), 0);
	}
	for (int i = 0; i < 3000; i++) {
		add(&w, w.conn, "{}");
		if (i % 10 == 9)
			sync_store(&w);
	}
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		pthread_join(t[i], NULL);
		CHECK_INT(a[i].wrong, 0);
	}
	CHECK_INT(asked_anew(w.dir, index), 300);
	/* Emptied and written anew under it. */
	world_store(&w, true, false);
	for (int i = 0; i < 10; i++)
		add(&w, w.conn, "{}");
	sync_store(&w);
	CHECK_INT(asked_anew(w.dir, index), 1);
	world_store(&w, true, false);
	for (int i = 0; i < 400; i++)
		add(&w, w.dns, "{\"another\":\"run\"}");
	sync_store(&w);
	CHECK_INT(asked_anew(w.dir, index), 40);
	store_index_free(index);
	world_free(&w);
}

TAP_MAIN
