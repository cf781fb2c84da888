/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "base/map.h"
#include "base/timeutil.h"
#include "output/impl.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS	    250
#define BATCH	    200
#define BACK_MIN    500 /* ms between tries: doubled from here */
#define BACK_MAX    30000
#define TOLD_MAX    200000 /* incidents whose last word is remembered */
#define FINDING_MAX (64 * MIB)

struct output {
	const struct output_conf *conf;
	const struct outputs *all;
	pthread_t thread;
	bool running;
	void *state;
	struct store *st;
	char place[4096]; /* the file of `at` */
	uint64_t at;	  /* the last entry of the feed that is done */
	struct map told;  /* of incidents: id -> severity and status sent last */
	struct arena mem; /* of one finding */
	struct buf body;
	pthread_mutex_t lock;
	struct output_stats stats; /* under the lock */
};

struct outputs {
	const char *dir, *version;
	struct output v[OUTPUTS_MAX];
	size_t n;
	atomic_bool stop;
};

static void nap(const struct outputs *all, unsigned ms)
{
	for (unsigned i = 0; i < ms && !atomic_load(&all->stop); i += 50)
		nanosleep(&(struct timespec){0, 50 * 1000000L}, NULL);
}

static uint64_t read_place(const char *path, bool *ret_there)
{
	char text[32];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
	int64_t v = 0;

	if (fd >= 0)
		close(fd);
	*ret_there = n > 0 && str_i64(str_trim(str_n(text, (size_t)n)), &v) && v >= 0;
	return *ret_there ? (uint64_t)v : 0;
}

/* How far this output is, for the next start. A place that is not kept costs a second sending.
 */
static void keep_place(struct output *o)
{
	char part[4200], text[32];
	int n = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)o->at), fd;
	bool good;

	snprintf(part, sizeof(part), "%s.new", o->place);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	good = write(fd, text, (size_t)n) == n;
	close(fd);
	if (good && rename(part, o->place) < 0)
		unlink(part);
}

struct entry {
	uint64_t number;
	struct str kind, id;
};

struct feed_batch {
	struct entry v[BATCH];
	size_t n;
	struct arena mem;
};

static int batch_row(uint64_t number, struct str kind, struct str id, void *arg)
{
	struct feed_batch *b = arg;

	b->v[b->n++] = (struct entry){number, arena_str(&b->mem, kind), arena_str(&b->mem, id)};
	return b->n == BATCH;
}

struct found {
	struct output *o;
	bool wanted;
	struct str line, status;
	int severity;
};

static int found_row(const struct store_finding *f, void *arg)
{
	struct found *x = arg;
	const struct output_conf *c = x->o->conf;

	x->wanted =
		f->severity >= c->severity_min && (!c->queue.len || str_eq(c->queue, f->queue));
	x->severity = f->severity;
	x->status = arena_str(&x->o->mem, f->status);
	x->line = arena_str(&x->o->mem, f->json);
	return 1;
}

/* Whether the receiver knows this already: an incident of the same severity and status. */
static bool known(struct output *o, struct str id, const struct found *x, uint64_t *ret_word)
{
	uint64_t *v = map_get(&o->told, hash_str(id, 0));

	*ret_word = hash_str(x->status, (uint64_t)x->severity + 1);
	return v && *v == *ret_word;
}

static void failed(struct output *o, const struct diag *d)
{
	pthread_mutex_lock(&o->lock);
	o->stats.failures++;
	o->stats.waiting = true;
	snprintf(o->stats.error, sizeof(o->stats.error), "%.*s", OUTPUT_ERROR_MAX - 1, d->msg);
	pthread_mutex_unlock(&o->lock);
}

/* What lies too far behind is left, and counted. */
static void skip(struct output *o, uint64_t end)
{
	uint64_t max = (uint64_t)o->conf->behind_max;

	if (o->at > end)
		o->at = end; /* the store is another one */
	pthread_mutex_lock(&o->lock);
	if (end - o->at > max) {
		o->stats.skipped += end - max - o->at;
		o->at = end - max;
	}
	o->stats.behind = end - o->at;
	pthread_mutex_unlock(&o->lock);
}

/* Sends until it is sent, refused, or we are to end (-ECANCELED). */
static int deliver(struct output *o, const struct message *m)
{
	const struct output_ops *ops = o->conf->ops;
	unsigned back = BACK_MIN;
	uint64_t end;

	while (!atomic_load(&o->all->stop)) {
		struct diag d = {{0}};
		int r = o->state ? 0 : ops->open(o->conf, &o->state, &d);

		if (r == 0)
			r = ops->send(o->state, m, &o->all->stop, &d);
		else
			r = -EAGAIN;
		if (r == 0 || r != -EAGAIN) {
			pthread_mutex_lock(&o->lock);
			o->stats.waiting = false;
			o->stats.sent += r == 0;
			o->stats.refused += r != 0;
			if (r)
				snprintf(o->stats.error, sizeof(o->stats.error), "%.*s",
					 OUTPUT_ERROR_MAX - 1, d.msg);
			pthread_mutex_unlock(&o->lock);
			return r;
		}
		failed(o, &d);
		if (store_feed_end(o->st, &end, NULL) == 0)
			skip(o, end);
		nap(o->all, back);
		back = MIN(back * 2, BACK_MAX);
	}
	return -ECANCELED;
}

static int level_of(struct str severity)
{
	static const char *const names[] = {"informational", "low", "medium", "high",
					    "critical"};

	for (int i = 0; i < (int)ARRAY_LEN(names); i++)
		if (str_eqz(severity, names[i]))
			return i;
	return 0;
}

static int format_and_send(struct output *o, struct str line)
{
	struct message m = {.time = 0};
	struct json j;
	struct str when;
	int r = json_scan_copy(&j, line, &o->mem);

	buf_clear(&o->body);
	if (r == 0)
		r = format_finding(o->conf->format, &j, line, o->all->version, &o->mem,
				   &o->body, &m.type);
	if (r == 0) {
		m.id = finding_text(&j, "id", &o->mem);
		m.title = finding_text(&j, "title", &o->mem);
		m.severity = finding_text(&j, "severity", &o->mem);
		m.level = level_of(m.severity);
		when = finding_text(&j, "updated", &o->mem);
		if (!time_parse(when.len ? when : finding_text(&j, "time", &o->mem), &m.time))
			m.time = 0;
		m.body = buf_str(&o->body);
		r = deliver(o, &m);
	} else {
		pthread_mutex_lock(&o->lock);
		o->stats.refused++;
		snprintf(o->stats.error, sizeof(o->stats.error), "a finding cannot be said: %s",
			 err_text(r));
		pthread_mutex_unlock(&o->lock);
	}
	json_free(&j);
	return r;
}

static int one(struct output *o, struct store *st, const struct entry *e)
{
	struct store_query q = {
		.kind = e->kind, .id = e->id, .from = TIME_NONE, .to = TIME_NONE};
	struct found x = {.o = o};
	uint64_t word = 0, *v;
	int r;

	arena_reset(&o->mem);
	r = store_findings(st, &q, found_row, &x, NULL);
	if (r < 0 || !x.wanted || !x.line.len)
		return r < 0 ? -EAGAIN : 0;
	if (str_eqz(e->kind, "incident") && known(o, e->id, &x, &word))
		return 0;
	r = format_and_send(o, x.line);
	if (r == -ECANCELED)
		return r;
	if (str_eqz(e->kind, "incident")) {
		if (o->told.len >= TOLD_MAX)
			map_clear(&o->told);
		v = map_put(&o->told, hash_str(e->id, 0), NULL);
		if (v)
			*v = word;
	}
	return 0;
}

/* Written again within this batch: the later entry stands for it. */
static bool again(const struct feed_batch *b, size_t i)
{
	for (size_t k = i + 1; k < b->n; k++)
		if (str_eq(b->v[k].id, b->v[i].id) && str_eq(b->v[k].kind, b->v[i].kind))
			return true;
	return false;
}

static bool wanted(const struct output *o, const struct entry *e)
{
	return (o->conf->alerts && str_eqz(e->kind, "alert")) ||
	       (o->conf->incidents && str_eqz(e->kind, "incident"));
}

static void work(struct output *o, struct store *st, struct feed_batch *b)
{
	const struct output_ops *ops = o->conf->ops;
	struct diag d;
	uint64_t end;

	arena_reset(&b->mem);
	b->n = 0;
	if (store_feed_end(st, &end, NULL) < 0)
		return;
	skip(o, end);
	if (end == o->at || store_feed(st, o->at, BATCH, batch_row, b, NULL) < 0)
		return;
	for (size_t i = 0; i < b->n; i++) {
		if (b->v[i].number <= o->at)
			continue; /* skipped meanwhile */
		if (wanted(o, &b->v[i]) && !again(b, i) && one(o, st, &b->v[i]) < 0)
			break;
		o->at = MAX(o->at, b->v[i].number);
		skip(o, end);
	}
	if (o->state && ops->flush && ops->flush(o->state, &d) < 0)
		failed(o, &d);
	keep_place(o);
}

static void *run(void *arg)
{
	struct output *o = arg;
	struct store_conf conf = {.dir = o->all->dir, .read_only = true};
	struct feed_batch *b = calloc(1, sizeof(*b));

	if (b)
		arena_init(&b->mem, 64 * MIB);
	while (b && !atomic_load(&o->all->stop)) {
		if (!o->st && store_open(&conf, &o->st, NULL) < 0)
			o->st = NULL;
		if (o->st)
			work(o, o->st, b);
		if (!b->n || !o->st)
			nap(o->all, LOOK_MS);
	}
	store_close(o->st);
	if (o->state)
		o->conf->ops->close(o->state);
	if (b)
		arena_free(&b->mem);
	free(b);
	return NULL;
}

/* Where it goes on. A new output begins with what comes, not with what was. */
static int place(struct output *o, struct diag *d)
{
	struct store_conf conf = {.dir = o->all->dir, .read_only = true};
	struct store *st = NULL;
	bool there;
	int r;

	o->at = read_place(o->place, &there);
	if (there)
		return 0;
	r = store_open(&conf, &st, d);
	if (r == 0)
		r = store_feed_end(st, &o->at, d);
	store_close(st);
	if (r == 0)
		keep_place(o);
	return r;
}

int outputs_start(const struct outputs_conf *conf, const char *dir, const char *version,
		  struct outputs **ret_o, struct diag *d)
{
	struct outputs *all = calloc(1, sizeof(*all));

	if (!all)
		return diag_set(d, -ENOMEM, "out of memory");
	all->dir = dir;
	all->version = version;
	for (size_t i = 0; i < conf->n; i++) {
		struct output *o = &all->v[all->n++];
		int r;

		o->conf = &conf->v[i];
		o->all = all;
		o->stats.name = o->conf->name;
		o->stats.kind = o->conf->ops->name;
		map_init(&o->told);
		arena_init(&o->mem, 1024 * MIB);
		buf_init(&o->body, FINDING_MAX);
		pthread_mutex_init(&o->lock, NULL);
		snprintf(o->place, sizeof(o->place), "%s/output-%s.at", dir, o->conf->name);
		r = place(o, d);
		if (r == 0) {
			r = -pthread_create(&o->thread, NULL, run, o);
			o->running = r == 0;
			if (r < 0)
				diag_set(d, r, "no thread for output %s", o->conf->name);
		}
		if (r < 0) {
			outputs_stop(all);
			return r;
		}
	}
	*ret_o = all;
	return 0;
}

struct outputs *outputs_stop(struct outputs *all)
{
	if (!all)
		return NULL;
	atomic_store(&all->stop, true);
	for (size_t i = 0; i < all->n; i++) {
		struct output *o = &all->v[i];

		if (o->running)
			pthread_join(o->thread, NULL);
		map_free(&o->told);
		arena_free(&o->mem);
		buf_free(&o->body);
		pthread_mutex_destroy(&o->lock);
	}
	free(all);
	return NULL;
}

size_t outputs_count(const struct outputs *o)
{
	return o ? o->n : 0;
}

void outputs_stats(struct outputs *all, size_t i, struct output_stats *ret_s)
{
	struct output *o = &all->v[i];

	pthread_mutex_lock(&o->lock);
	*ret_s = o->stats;
	pthread_mutex_unlock(&o->lock);
}
