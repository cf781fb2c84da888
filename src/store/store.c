/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"
#include "store/segment.h"
#include "store/segment_impl.h"
#include "store/sql.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

struct store {
	char *dir;
	struct seg_writer *w;	   /* NULL when read only */
	struct store_index *index; /* shared, or NULL */
	struct seg_reader *reader; /* made when first asked */
	struct sql *sql;
};

struct store_index {
	char *dir;
	pthread_mutex_t lock; /* of making blocks */
	struct seg_blocks *blocks;
};

struct store_index *store_index_new(const char *dir)
{
	struct store_index *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	pthread_mutex_init(&x->lock, NULL);
	x->dir = str_dup(str_of(dir));
	return x->dir ? x : store_index_free(x);
}

struct store_index *store_index_free(struct store_index *x)
{
	if (x) {
		seg_blocks_close(x->blocks);
		pthread_mutex_destroy(&x->lock);
		free(x->dir);
		free(x);
	}
	return NULL;
}

int store_open(const struct store_conf *conf, struct store **ret_st, struct diag *d)
{
	struct store *st = calloc(1, sizeof(*st));
	int r;

	if (!st || !(st->dir = str_dup(str_of(conf->dir)))) {
		free(st);
		return -ENOMEM;
	}
	if (!conf->read_only && mkdir(conf->dir, 0700) < 0 && errno != EEXIST) {
		r = diag_set(d, -errno, "%s: %s", conf->dir, strerror(errno));
		store_close(st);
		return r;
	}
	st->index = conf->index;
	r = sql_open(conf->dir, conf->read_only, conf->fresh, &st->sql, d);
	if (r == 0 && !conf->read_only)
		r = seg_writer_open(conf->dir, conf->fresh, conf->background,
				    conf->level ? (int)conf->level : 1, &st->w, d);
	if (r < 0) {
		store_close(st);
		return r;
	}
	*ret_st = st;
	return 0;
}

struct store *store_close(struct store *st)
{
	if (!st)
		return NULL;
	seg_writer_close(st->w);
	seg_reader_close(st->reader);
	sql_close(st->sql);
	free(st->dir);
	free(st);
	return NULL;
}

int store_event(struct store *st, const struct event *e, const struct entities *en)
{
	return store_event_with(st, e, en, NULL);
}

int store_event_with(struct store *st, const struct event *e, const struct entities *en,
		     const struct store_extra *x)
{
	return st->w ? seg_append(st->w, e, en, x) : -EROFS;
}

int store_sync(struct store *st, struct diag *d)
{
	int r = st->w ? seg_sync(st->w) : 0;

	if (r < 0)
		return diag_set(d, r, "%s: events cannot be written: %s", st->dir, err_text(r));
	return sql_commit(st->sql, d);
}

int store_publish(struct store *st, struct diag *d)
{
	return sql_commit(st->sql, d);
}

int store_end(const struct store *st, uint64_t *ret_place, struct diag *d)
{
	return seg_end(st->dir, ret_place, d);
}

int store_finding_put(struct store *st, const struct store_finding *f, struct diag *d)
{
	return sql_finding_put(st->sql, f, d);
}

int store_finding_rate(struct store *st, struct str kind, struct str id, int severity,
		       unsigned score, struct str json, struct diag *d)
{
	return sql_finding_rate(st->sql, kind, id, severity, score, json, d);
}

int store_entities_put(struct store *st, const struct entities *en, struct diag *d)
{
	return sql_entities_put(st->sql, en, d);
}

int store_meta_put(struct store *st, const char *key, struct str value, struct diag *d)
{
	return sql_meta_put(st->sql, key, value, d);
}

struct str store_meta_get(struct store *st, const char *key, struct arena *mem)
{
	return sql_meta_get(st->sql, key, mem);
}

int store_findings(struct store *st, const struct store_query *q,
		   int (*row)(const struct store_finding *f, void *arg), void *arg,
		   struct diag *d)
{
	return sql_findings(st->sql, q, row, arg, d);
}

int store_entities(struct store *st, const struct store_query *q,
		   int (*row)(const struct store_entity *e, void *arg), void *arg,
		   struct diag *d)
{
	return sql_entities(st->sql, q, row, arg, d);
}

int store_entity_names(struct store *st, struct str kind, struct str name, struct arena *mem,
		       struct str *ret_v, size_t max, size_t *ret_n, struct diag *d)
{
	return sql_entity_names(st->sql, kind, name, mem, ret_v, max, ret_n, d);
}

int store_entity_class(struct store *st, struct str kind, struct str name, struct arena *mem,
		       struct str *ret_class, struct diag *d)
{
	return sql_entity_class(st->sql, kind, name, mem, ret_class, d);
}

int store_person(struct store *st, struct str word, struct arena *mem, struct str *ret_name,
		 struct diag *d)
{
	return sql_person(st->sql, word, mem, ret_name, d);
}

int store_known(struct store *st, struct str name, struct diag *d)
{
	return sql_known(st->sql, name, d);
}

int store_persons(struct store *st, int (*row)(struct str name, void *arg), void *arg,
		  struct diag *d)
{
	return sql_persons(st->sql, row, arg, d);
}

/* The shared index, made when first asked: the file may come later than its store. */
static int index_blocks(struct store_index *x, struct seg_blocks **ret_b, struct diag *d)
{
	int r = 0;

	pthread_mutex_lock(&x->lock);
	if (!x->blocks)
		r = seg_blocks_open(x->dir, &x->blocks, d);
	*ret_b = x->blocks;
	pthread_mutex_unlock(&x->lock);
	return r;
}

static int reader_of(struct store *st, struct diag *d)
{
	struct seg_blocks *b = NULL;
	int r = 0;

	if (st->reader)
		return 0;
	if (st->index)
		r = index_blocks(st->index, &b, d);
	return r < 0 ? r : seg_reader_open(st->dir, b, &st->reader, d);
}

int store_events(struct store *st, const struct store_query *q,
		 int (*row)(const struct store_event *e, void *arg), void *arg, struct diag *d)
{
	int r = reader_of(st, d);

	return r < 0 ? r : seg_read(st->reader, q, row, arg, d);
}

int store_event_bytes(struct store *st, struct store_event *e, struct diag *d)
{
	int r = reader_of(st, d);

	return r < 0 ? r : seg_read_bytes(st->reader, e, d);
}

bool store_same_frame(const struct store_event *a, const struct store_event *b)
{
	return a->place >> SEG_PLACE_BITS == b->place >> SEG_PLACE_BITS &&
	       a->bytes.frame == b->bytes.frame;
}

int store_findings_count(struct store *st, const struct store_query *q, uint64_t max,
			 uint64_t *ret_n, struct diag *d)
{
	return sql_findings_count(st->sql, q, max, ret_n, d);
}

int store_feed(struct store *st, uint64_t since, size_t limit,
	       int (*row)(uint64_t number, struct str kind, struct str id, void *arg),
	       void *arg, struct diag *d)
{
	return sql_feed(st->sql, since, limit, row, arg, d);
}

int store_feed_end(struct store *st, uint64_t *ret_number, struct diag *d)
{
	return sql_feed_end(st->sql, ret_number, d);
}

int store_models(struct store *st,
		 int (*row)(struct str model, struct str kind, uint64_t n, void *arg),
		 void *arg, struct diag *d)
{
	return sql_models(st->sql, row, arg, d);
}

int store_meta_each(struct store *st, int (*row)(struct str key, struct str value, void *arg),
		    void *arg, struct diag *d)
{
	return sql_meta_each(st->sql, row, arg, d);
}

int store_histogram(struct store *st, const struct store_query *q, struct store_histogram *h,
		    struct diag *d)
{
	int r = reader_of(st, d);

	return r < 0 ? r : seg_histogram(st->reader, q, h, d);
}

int store_range(struct store *st, int64_t *ret_from, int64_t *ret_to, uint64_t *ret_n,
		struct diag *d)
{
	int r = reader_of(st, d);

	return r < 0 ? r : seg_range(st->reader, ret_from, ret_to, ret_n, d);
}

void store_stats(const struct store *st, struct store_stats *ret_s)
{
	*ret_s = (struct store_stats){0};
	if (st->w)
		seg_stats(st->w, ret_s);
}

int store_retain(struct store *st, const struct store_retain *x, uint64_t *ret_blocks,
		 uint64_t *ret_findings, struct diag *d)
{
	int r = 0;

	*ret_blocks = *ret_findings = 0;
	if (x->events_before != INT64_MIN || x->events_bytes != UINT64_MAX)
		r = seg_retain(st->dir, x->events_before, x->events_bytes, x->keep, ret_blocks,
			       d);
	if (r < 0)
		return r;
	return sql_retain(st->sql, x->findings_before, ret_findings, d);
}
