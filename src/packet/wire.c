/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/wire.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS	   100
#define FLUSH_NS   (200 * NS_PER_MS) /* records wait no longer than this */
#define FLUSH_FULL (64 * KIB)
#define BEHIND_NS  NS_PER_S /* a frame is in the ring no longer than this, when none comes */
#define DRAIN_NS   (5 * NS_PER_S) /* what is in the ring at the end is read so long */
#define STATS_NS   (60 * NS_PER_S)

struct tap {
	pthread_t thread;
	bool started;
	struct wire *w;
	struct port *port;
	unsigned no; /* of the interface's */
	struct ring *ring;
	struct sensor *sensor;
	struct keep *keep;
	int64_t flushed;
	uint64_t lost;				 /* records */
	uint64_t kernel_dropped, kernel_freezes; /* of rings that went, and what was not read */
	uint64_t downs;
	bool up;
	struct wire_stats seen; /* as told last; under port->lock */
};

/* An interface. */
struct port {
	pthread_mutex_t lock;
	char name[WIRE_NAME];
	struct tap *tap; /* [conf.threads] */
	struct wire_stats told;
	int64_t since; /* of the interval */
};

struct wire {
	struct wire_conf conf;
	struct port *port;
	atomic_bool stop;
	unsigned group; /* of fan-out, for the first interface */
};

static int64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int open_ring(struct tap *t, struct diag *d)
{
	const struct wire_conf *c = &t->w->conf;
	size_t i = (size_t)(t->port - t->w->port);
	struct ring_conf rc = {.interface = t->port->name,
			       .filter = c->filter,
			       .mib = c->ring_mib,
			       .promiscuous = c->promiscuous,
			       .group = c->threads > 1 ? (uint16_t)(t->w->group + i) : 0};
	int e = ring_open(&rc, &t->ring, d);

	t->up = e == 0;
	return e;
}

/* Figures of the thread as of now, where others may read them. */
static void publish(struct tap *t)
{
	struct sensor_stats s;
	struct ring_stats k = {0};
	struct wire_stats v;

	sensor_stats(t->sensor, &s);
	if (t->ring)
		ring_stats(t->ring, &k);
	v = (struct wire_stats){.frames = s.frames,
				.bytes = s.bytes,
				.dropped = t->kernel_dropped + k.dropped,
				.freezes = t->kernel_freezes + k.freezes,
				.evicted = s.evicted,
				.unread = s.unread,
				.records = s.records,
				.records_lost = t->lost,
				.kept_lost = keep_lost(t->keep),
				.flows = s.flows_now,
				.downs = t->downs,
				.up = t->up};
	for (int i = 0; i < DISSECT_RESULTS; i++)
		v.refused += s.refused[i];
	pthread_mutex_lock(&t->port->lock);
	t->seen = v;
	pthread_mutex_unlock(&t->port->lock);
}

void wire_stats(struct wire *w, size_t i, struct wire_stats *ret_s)
{
	struct port *p = &w->port[i];
	struct wire_stats v = {.up = true};

	memcpy(v.name, p->name, sizeof(v.name));
	pthread_mutex_lock(&p->lock);
	for (unsigned k = 0; k < w->conf.threads; k++) {
		const struct wire_stats *s = &p->tap[k].seen;

		v.frames += s->frames;
		v.bytes += s->bytes;
		v.dropped += s->dropped;
		v.freezes += s->freezes;
		v.refused += s->refused;
		v.evicted += s->evicted;
		v.unread += s->unread;
		v.records += s->records;
		v.records_lost += s->records_lost;
		v.kept_lost += s->kept_lost;
		v.flows += s->flows;
		v.downs = MAX(v.downs, s->downs);
		v.up &= s->up;
	}
	pthread_mutex_unlock(&p->lock);
	*ret_s = v;
}

size_t wire_count(const struct wire *w)
{
	return w->conf.n;
}

/* What the interval brought, as a record. */
static void tell_port(struct wire *w, size_t i, int64_t now)
{
	struct port *p = &w->port[i];
	struct wire_stats v;
	struct rec r = {0};

	wire_stats(w, i, &v);
	rec_begin(&r, "stats", now, p->since);
	rec_secs(&r, "duration", now - p->since);
	rec_z(&r, "peer", p->name);
	rec_u64(&r, "pkts_proc", v.frames - p->told.frames);
	rec_u64(&r, "bytes_recv", v.bytes - p->told.bytes);
	rec_u64(&r, "pkts_dropped", v.dropped - p->told.dropped);
	rec_u64(&r, "pkts_refused", v.refused - p->told.refused);
	rec_u64(&r, "records_dropped", v.records_lost - p->told.records_lost);
	rec_u64(&r, "conns_ended_early", v.evicted - p->told.evicted);
	rec_u64(&r, "conns_unread", v.unread - p->told.unread);
	rec_u64(&r, "pkts_not_kept", v.kept_lost - p->told.kept_lost);
	rec_u64(&r, "active_conns", v.flows);
	rec_bool(&r, "up", v.up);
	rec_end(&r);
	if (r.len && w->conf.out(str_n(r.p, r.len), w->conf.arg) == 0) {
		p->told = v; /* else the next record has it */
		p->since = now;
	}
	rec_free(&r);
}

/* Gives out what the sensor wrote. false: not taken; try later. */
static bool flush(struct tap *t, int64_t now)
{
	struct rec *out = sensor_out(t->sensor);
	int r = out->len ? t->w->conf.out(str_n(out->p, out->len), t->w->conf.arg) : 0;

	t->flushed = now;
	if (t->keep)
		keep_flush(t->keep);
	publish(t);
	if (r == -EAGAIN)
		return false;
	if (r < 0)
		for (size_t i = 0; i < out->len; i++)
			t->lost += out->p[i] == '\n';
	out->len = 0;
	return true;
}

static void pause_ms(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}

/* All of these, however long the records are not taken; but not beyond `until`. */
static void give(struct tap *t, const struct frame *f, unsigned n, int64_t until)
{
	for (unsigned i = 0; t->keep && i < n; i++)
		keep_add(t->keep, &f[i]);
	for (unsigned took = 0; took < n;) {
		unsigned k = sensor_frames(t->sensor, f + took, n - took);

		took += k;
		if (k || flush(t, clock_now()))
			continue;
		if (until && clock_now() > until) {
			t->kernel_dropped += n - took;
			return;
		}
		until = until || !atomic_load(&t->w->stop) ? until : clock_now() + DRAIN_NS;
		pause_ms(WAIT_MS / 10);
	}
}

/* What is left in the ring was captured, but nobody will read it: lost as well. */
static void end_ring(struct tap *t)
{
	struct ring_stats k;

	if (!t->ring)
		return;
	ring_stats(t->ring, &k);
	t->kernel_dropped += k.frames - MIN(k.frames, k.taken);
	t->kernel_freezes += k.freezes;
	t->ring = ring_close(t->ring);
}

/* The interface went, or is down. */
static void trouble(struct tap *t, int e)
{
	struct diag d;

	if (t->up)
		t->downs++;
	t->up = false;
	if (e != -ENETDOWN)
		end_ring(t);
	pause_ms(WAIT_MS);
	if (!t->ring)
		(void)open_ring(t, &d);
}

/* One round: frames, or time alone. false: none came. */
static bool step(struct tap *t, int wait_ms, int64_t until)
{
	struct frame f[SENSOR_BATCH];
	int n = t->ring ? ring_next(t->ring, f, SENSOR_BATCH, wait_ms) : -ENODEV;
	int64_t now = clock_now();

	if (n == 0 && !t->up && ring_gone(t->ring))
		n = -ENODEV;
	if (n < 0) {
		trouble(t, n);
	} else if (n) {
		t->up = true;
		give(t, f, (unsigned)n, until);
	}
	if (n <= 0)
		(void)sensor_tick(t->sensor, now - BEHIND_NS);
	if (sensor_out(t->sensor)->len >= FLUSH_FULL || now - t->flushed >= FLUSH_NS ||
	    now < t->flushed)
		(void)flush(t, now);
	return n > 0;
}

static void *work(void *arg)
{
	struct tap *t = arg;
	struct wire *w = t->w;
	size_t i = (size_t)(t->port - w->port);
	int64_t interval = w->conf.interval ? w->conf.interval : STATS_NS, until;

	while (!atomic_load(&w->stop)) {
		int64_t now;

		(void)step(t, WAIT_MS, 0);
		now = clock_now();
		if (!t->no && (now - t->port->since >= interval || now < t->port->since))
			tell_port(w, i, now);
	}
	until = clock_now() + DRAIN_NS;
	while (t->ring && clock_now() < until && step(t, WAIT_MS, until))
		;
	end_ring(t);
	for (bool done = false; !done;) {
		done = sensor_finish(t->sensor);
		while (!flush(t, clock_now()) && clock_now() < until)
			pause_ms(WAIT_MS / 10);
		if (sensor_out(t->sensor)->len) { /* nobody took them in time */
			struct rec *out = sensor_out(t->sensor);

			for (size_t k = 0; k < out->len; k++)
				t->lost += out->p[k] == '\n';
			out->len = 0;
		}
	}
	publish(t);
	return NULL;
}

static struct wire *wire_free(struct wire *w)
{
	if (!w)
		return NULL;
	for (size_t i = 0; w->port && i < w->conf.n; i++) {
		struct port *p = &w->port[i];

		for (unsigned k = 0; p->tap && k < w->conf.threads; k++) {
			ring_close(p->tap[k].ring);
			sensor_free(p->tap[k].sensor);
			keep_close(p->tap[k].keep);
		}
		free(p->tap);
		pthread_mutex_destroy(&p->lock);
	}
	free(w->port);
	free(w);
	return NULL;
}

static int open_tap(struct tap *t, struct diag *d)
{
	const struct wire_conf *c = &t->w->conf;
	char name[WIRE_NAME + 12];
	int e = open_ring(t, d);

	if (e < 0)
		return e;
	if (sensor_new(&c->sensor, &t->sensor) < 0)
		return diag_set(d, -ENOMEM, "out of memory");
	snprintf(name, sizeof(name), "%s-%u", t->port->name, t->no);
	return c->keep_dir
		       ? keep_open(&c->keep, c->keep_dir, name, ring_link(t->ring), &t->keep, d)
		       : 0;
}

static int open_port(struct wire *w, size_t i, struct diag *d)
{
	struct port *p = &w->port[i];
	int e = 0;

	if (strlen(w->conf.interfaces[i]) >= sizeof(p->name))
		return diag_set(d, -ENODEV, "%s: no such interface", w->conf.interfaces[i]);
	snprintf(p->name, sizeof(p->name), "%s", w->conf.interfaces[i]);
	p->since = clock_now();
	p->tap = calloc(w->conf.threads, sizeof(*p->tap));
	if (!p->tap)
		return diag_set(d, -ENOMEM, "out of memory");
	for (unsigned k = 0; k < w->conf.threads && e == 0; k++) {
		p->tap[k].w = w;
		p->tap[k].port = p;
		p->tap[k].no = k;
		e = open_tap(&p->tap[k], d);
	}
	return e;
}

static int start_all(struct wire *w, struct diag *d)
{
	for (size_t i = 0; i < w->conf.n; i++)
		for (unsigned k = 0; k < w->conf.threads; k++) {
			struct tap *t = &w->port[i].tap[k];
			int e = pthread_create(&t->thread, NULL, work, t);

			if (e)
				return diag_set(d, -e, "thread: %s", strerror(e));
			t->started = true;
		}
	return 0;
}

static void join_all(struct wire *w)
{
	atomic_store(&w->stop, true);
	for (size_t i = 0; i < w->conf.n; i++)
		for (unsigned k = 0; w->port[i].tap && k < w->conf.threads; k++)
			if (w->port[i].tap[k].started)
				pthread_join(w->port[i].tap[k].thread, NULL);
}

int wire_start(const struct wire_conf *conf, struct wire **ret_w, struct diag *d)
{
	struct wire *w = calloc(1, sizeof(*w));
	int e = 0;

	if (!w)
		return diag_set(d, -ENOMEM, "out of memory");
	w->conf = *conf;
	w->conf.threads = MIN(MAX(conf->threads, 1U), (unsigned)WIRE_THREADS_MAX);
	w->group = (unsigned)getpid() * 16 % 60000 + 1;
	w->port = calloc(conf->n, sizeof(*w->port));
	if (!w->port) {
		free(w);
		return diag_set(d, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < conf->n; i++)
		pthread_mutex_init(&w->port[i].lock, NULL);
	for (size_t i = 0; i < conf->n && e == 0; i++)
		e = open_port(w, i, d);
	if (e == 0)
		e = start_all(w, d);
	if (e < 0) {
		join_all(w);
		wire_free(w);
		return e;
	}
	*ret_w = w;
	return 0;
}

struct wire *wire_stop(struct wire *w, struct wire_stats *ret_s)
{
	if (!w)
		return NULL;
	join_all(w);
	for (size_t i = 0; i < w->conf.n; i++) {
		tell_port(w, i, clock_now());
		if (ret_s)
			wire_stats(w, i, &ret_s[i]);
	}
	return wire_free(w);
}
