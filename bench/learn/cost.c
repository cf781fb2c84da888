/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What learning costs: events of an invented organisation, as connections, straight into
 * learn_event with the quantities of learned/. Prints CPU time an event, bytes an entity, time
 * and size of a checkpoint and of going on from it; beside it, in the same run, one look-up an
 * event in a hash map with as many keys as there are channels.
 *
 *   bench_cost [ENTITIES CHANNELS-EACH EVENTS MEMORY-MiB]...    (default: 10000 10 4000000 512)
 *
 * At 1,000,000 entities of 10 channels: bench_cost 1000000 10 16000000 3072
 */
#include "base/hash.h"
#include "base/map.h"
#include "event/entity_state.h"
#include "learn/checkpoint.h"
#include "learn/core.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BATCH 256
#define PEERS 64 /* internal addresses a device may talk to, beside its own servers */

struct world {
	struct schema *s;
	struct rectype *t;
	struct entities *en;
	struct learn *l;
	struct batch b;
	uint64_t entities, channels;
	uint32_t *id; /* [entities] */
	uint64_t seed;
	int64_t now, step;
};

/* What models ask for, roughly: the numbers, not the words. */
static const char *const wanted[] = {
	"dst_domain.new",    "dst_domain.new_org", "dst_domain.surprise", "dst_domain.entities",
	"beacon.beacon",     "beacon.period_s",	   "beacon.arrivals",	  "beacon.entities",
	"fanout.surprise",   "fanout.distinct",	   "upload.surprise",	  "upload.value",
	"callback.new",	     "internal_edge.new",  "dst_port.new",	  "chain.tactics",
	"upload_total.value"};

static const attr_t attrs[] = {ATTR_SRC_IP,	ATTR_SRC_PORT,	ATTR_SRC_INTERNAL, ATTR_DST_IP,
			       ATTR_DST_PORT,	ATTR_DST_KEY,	ATTR_DST_INTERNAL, ATTR_PROTO,
			       ATTR_CONN_STATE, ATTR_BYTES_OUT, ATTR_BYTES_IN};

static double cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void fail(const char *what, const struct diag *d)
{
	fprintf(stderr, "bench_cost: %s: %s\n", what, d ? d->msg : "out of memory");
	exit(1);
}

static uint64_t rnd(struct world *w, uint64_t below)
{
	w->seed += UINT64_C(0x9e3779b97f4a7c15);
	return (hash_mix(w->seed) >> 32) * below >> 32;
}

static void open_learn(struct world *w, size_t memory)
{
	struct learn_conf conf = {.dir = SHARE_DIR "/learned", .memory_bytes = memory};
	struct diag d = {{0}};
	int r = schema_new(&w->s);

	w->t = r < 0 ? NULL
		     : schema_type_add(w->s, STR("zeek"), STR("zeek.conn"),
				       CLASS_NETWORK_ACTIVITY);
	if (!w->t)
		fail("schema", NULL);
	w->t->ents[0] = (struct ent_decl){ROLE_DEVICE, ENT_DEVICE, ATTR_SRC_IP};
	w->t->ents[1] = (struct ent_decl){ROLE_PEER, ENT_ENDPOINT, ATTR_DST_IP};
	w->t->nents = 2;
	for (size_t i = 0; i < ARRAY_LEN(attrs); i++)
		r |= schema_provide(w->s, w->t, attrs[i]) | schema_want(w->s, w->t, attrs[i]);
	if (r || (!w->en && entities_new(&(struct entities_conf){0}, w->s, &w->en)) ||
	    learn_open(&conf, w->s, w->en, &w->l, &d) < 0)
		fail("learn_open", &d);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		char name[64];
		int n = snprintf(name, sizeof(name), "learned.%s", wanted[i]);

		r |= schema_want(w->s, w->t, schema_attr(w->s, str_n(name, (size_t)n)));
	}
	if (r || schema_freeze(w->s) < 0 || learn_start(w->l) < 0 ||
	    batch_init(&w->b, BATCH) < 0)
		fail("schema", NULL);
}

static void close_learn(struct world *w)
{
	batch_free(&w->b);
	w->l = learn_free(w->l);
	w->s = schema_free(w->s);
}

static struct str ip_of(struct world *w, const char *net, uint64_t n)
{
	return arena_fmt(&w->b.mem, "%s%u.%u.%u", net, (unsigned)(n >> 16 & 255),
			 (unsigned)(n >> 8 & 255), (unsigned)(n & 255));
}

/* A device calls one of its own channels, half of which it shares with many others. */
static void call(struct world *w, struct event *e, uint64_t dev)
{
	uint64_t k = rnd(w, w->channels), h = hash_2(dev, k), port;
	bool inside = k % 4 == 3;
	struct str host;

	if (k % 2)
		h = h % 1000; /* what everybody uses */
	else
		h = 1000 + h % (w->entities * w->channels / 4 + 1);
	port = inside ? 445 + h % 3 : h % 16 ? 443 : 80 + h % 700;
	host = arena_fmt(&w->b.mem, "host%llu.example", (unsigned long long)h);
	event_set(e, ATTR_SRC_IP, val_s(ip_of(w, "10.", dev)));
	event_set(e, ATTR_SRC_PORT, val_i(32768 + (int64_t)rnd(w, 28000)));
	event_set(e, ATTR_SRC_INTERNAL, val_b(true));
	event_set(e, ATTR_DST_INTERNAL, val_b(inside));
	event_set(e, ATTR_DST_IP,
		  val_s(inside ? ip_of(w, "10.", h % PEERS) : ip_of(w, "93.", h)));
	event_set(e, ATTR_DST_KEY, val_s(inside ? ip_of(w, "10.", h % PEERS) : host));
	event_set(e, ATTR_DST_PORT, val_i((int64_t)port));
	event_set(e, ATTR_PROTO, val_s(STR("tcp")));
	event_set(e, ATTR_CONN_STATE, val_s(rnd(w, 50) ? STR("SF") : STR("S0")));
	event_set(e, ATTR_BYTES_OUT, val_i((int64_t)rnd(w, 20000)));
	event_set(e, ATTR_BYTES_IN, val_i((int64_t)rnd(w, 200000)));
	e->ents[0] = (struct entref){w->id[dev], ROLE_DEVICE};
	e->ents[1] = (struct entref){w->id[h % w->entities], ROLE_PEER};
	e->nents = 2;
}

/* Makes and learns n events; returns the CPU seconds of learning alone. */
static double feed(struct world *w, uint64_t n, bool learn)
{
	double spent = 0;

	for (uint64_t i = 0; i < n; i += BATCH) {
		double t;

		batch_reset(&w->b);
		for (int k = 0; k < BATCH; k++) {
			struct event *e = batch_add(&w->b, w->t);

			w->now += w->step;
			e->time = e->known = w->now;
			call(w, e, rnd(w, w->entities));
		}
		t = cpu();
		for (int k = 0; learn && k < BATCH; k++)
			if (learn_event(w->l, &w->b.events[k], &w->b.mem) < 0)
				fail("learn_event", NULL);
		spent += cpu() - t;
	}
	return spent;
}

/* The peer: one look-up an event among as many keys as there are channels. */
static double peer(struct world *w, uint64_t n)
{
	uint64_t keys = w->entities * w->channels, found = 0;
	struct map m;
	double t;

	map_init(&m);
	for (uint64_t i = 0; i < keys; i++)
		if (!map_put(&m, hash_mix(i), NULL))
			fail("map", NULL);
	t = cpu();
	for (uint64_t i = 0; i < n; i++)
		found += map_get(&m, hash_mix(rnd(w, keys))) != NULL;
	t = cpu() - t;
	map_free(&m);
	return found == n ? t : 0;
}

static void checkpoint(struct world *w, size_t memory)
{
	char path[] = "/tmp/bench-cost-XXXXXX";
	struct blocks_out *o = NULL;
	struct blocks_in *in = NULL;
	struct diag d = {{0}};
	int fd = mkstemp(path);
	struct stat st;
	double t = wall();

	/* Only the name is wanted: a file in its place would be kept as the one before. */
	unlink(path);
	if (fd < 0 || blocks_create(path, &o, &d) < 0)
		fail("checkpoint", &d);
	entities_save(w->en, o);
	learn_save(w->l, o);
	if (blocks_commit(o, &d) < 0 || stat(path, &st) < 0)
		fail("checkpoint", &d);
	t = wall() - t;
	printf("  checkpoint: %.1f s, %.0f MiB", t, (double)st.st_size / (double)MIB);
	close_learn(w);
	open_learn(w, memory);
	t = wall();
	if (blocks_open(path, &in, &d) < 0 || entities_load(w->en, in) < 0 ||
	    learn_load(w->l, in, NULL, &d) < 0)
		fail("restore", &d);
	printf("; verified and restored in %.1f s\n", wall() - t);
	blocks_close(in);
	close(fd);
	unlink(path);
}

struct usage {
	size_t n[256], bytes[256];
};

static void count(struct state_table *t, struct state *s, void *arg)
{
	struct usage *u = arg;

	(void)t;
	u->n[s->owner & 255]++;
	u->bytes[s->owner & 255] += s->size8 * (size_t)8;
}

/* Who holds the memory. */
static void usage(const struct world *w)
{
	struct usage *u = calloc(1, sizeof(*u));

	if (!u)
		return;
	state_each(&w->l->states, count, u);
	for (size_t i = 0; i <= w->l->nq && i < 256; i++)
		if (u->n[i])
			printf("    %-16s %9zu states of %5.0f bytes, %6.0f bytes an entity\n",
			       i ? w->l->q[i - 1]->name : "(all)", u->n[i],
			       (double)u->bytes[i] / (double)u->n[i],
			       (double)u->bytes[i] / (double)w->entities);
	free(u);
}

static void run(uint64_t entities, uint64_t channels, uint64_t events, uint64_t mib)
{
	struct world w = {.entities = entities, .channels = channels, .seed = 1};
	uint64_t third = events / 3;
	struct learn_stats st;
	struct rusage ru;
	double first, then, beside;

	w.now = 20000 * NS_PER_D;
	w.step = 8 * NS_PER_H / (int64_t)events * 3; /* the whole run is a day */
	w.id = calloc(entities, sizeof(*w.id));
	open_learn(&w, mib * MIB);
	for (uint64_t i = 0; w.id && i < entities; i++) {
		w.id[i] = entity_put(w.en, ENT_DEVICE, ip_of(&w, "10.", i), w.now);
		if (i % 100000 == 0)
			batch_reset(&w.b);
	}
	printf("%llu entities, %llu channels each, %llu events in a day, ceiling %llu MiB\n",
	       (unsigned long long)entities, (unsigned long long)channels,
	       (unsigned long long)events, (unsigned long long)mib);
	first = feed(&w, third, true);
	then = feed(&w, events - third, true);
	learn_stats(w.l, &st);
	getrusage(RUSAGE_SELF, &ru);
	beside = peer(&w, events - third);
	printf("  learn_event: %.0f ns while all is new, %.0f ns after; one map look-up: %.0f "
	       "ns "
	       "(ratio %.1f)\n",
	       first * 1e9 / (double)third, then * 1e9 / (double)(events - third),
	       beside * 1e9 / (double)(events - third), then / beside);
	printf("  %zu states, %zu evictions, %.0f MiB counted: %.0f bytes an entity; most ever "
	       "in "
	       "memory %.0f MiB with entities\n",
	       st.states, st.evictions, (double)st.bytes / (double)MIB,
	       (double)st.bytes / (double)entities, (double)ru.ru_maxrss / 1024);
	usage(&w);
	checkpoint(&w, mib * MIB);
	close_learn(&w);
	entities_free(w.en);
	free(w.id);
}

int main(int argc, char **argv)
{
	uint64_t v[4] = {10000, 10, 4000000, 512};

	if (argc < 5)
		run(v[0], v[1], v[2], v[3]);
	for (int i = 1; i + 3 < argc; i += 4) {
		for (int k = 0; k < 4; k++)
			v[k] = strtoull(argv[i + k], NULL, 10);
		if (!v[0] || !v[1] || v[2] < 3 * BATCH || !v[3])
			return 2;
		run(v[0], v[1], v[2], v[3]);
	}
	return 0;
}
