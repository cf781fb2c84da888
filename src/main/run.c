/* SPDX-License-Identifier: Apache-2.0 */
#include "main/run.h"
#include "api/api.h"
#include "api/cert.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/timeutil.h"
#include "incident/state.h"
#include "main/checkpoint.h"
#include "main/served.h"
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define BATCH	   1024
#define LOOK_NS	   (200 * NS_PER_MS) /* how often open files are looked at */
#define LOOK_ALL   NS_PER_S	     /* and folders */
#define PUBLISH_NS (100 * NS_PER_MS) /* within which findings can be seen */
#define MAP_NS	   (60 * NS_PER_S)   /* how often the map is written */

/* Whether so long has passed; when the clock was put back since, nobody knows: it has. */
static bool passed(int64_t now, int64_t since, int64_t ns)
{
	return now < since || now - since >= ns;
}

/* UTC: the clock that live records are held against. */
static int64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static uint64_t event_key(uint64_t hash, struct str id, struct str type)
{
	return hash_2(hash, hash_str(id, hash_str(type, 0)));
}

#define TAG_RUN	    BLOCK_TAG('r', 'u', 'n', ' ')
#define TAG_STORED  BLOCK_TAG('s', 't', 'o', 'r')
#define STORED_PUT  ((size_t)65536) /* keys in a block of a checkpoint */
#define STORED_KEPT (UINT64_C(1) << 24)

/*
 * The keys of events that are in the store and were not read again yet: their file is away, or
 * rests. Those of a file that never comes back go once STORED_KEPT events followed.
 */
static void stored_save(struct run *r, struct blocks_out *w)
{
	struct map_slot *v = calloc(STORED_PUT, sizeof(*v)), s;
	struct live_stats now;
	size_t n = 0;

	live_stats(r->live, &now);
	if (!v)
		blocks_fail(w, -ENOMEM);
	for (size_t i = 0; v && map_next(&r->stored, &i, &s);) {
		if (s.val + STORED_KEPT < now.seq)
			continue;
		v[n++] = s;
		if (n == STORED_PUT) {
			blocks_put(w, TAG_STORED, NULL, 0, v, n * sizeof(*v));
			n = 0;
		}
	}
	if (n)
		blocks_put(w, TAG_STORED, NULL, 0, v, n * sizeof(*v));
	free(v);
}

static int stored_load(struct run *r, struct str data)
{
	struct map_slot s;

	if (data.len % sizeof(s))
		return E_FORMAT;
	for (size_t i = 0; i < data.len; i += sizeof(s)) {
		uint64_t *at;

		memcpy(&s, data.p + i, sizeof(s));
		at = map_put(&r->stored, s.key, NULL);
		if (!at)
			return -ENOMEM;
		*at = s.val;
	}
	return 0;
}

/* What the store held when the checkpoint was made, then the places of the files. */
static void part_save(void *arg, struct blocks_out *w)
{
	struct run *r = arg;

	if (r->stored.len)
		stored_save(r, w);
	blocks_put(w, TAG_RUN, &r->kept_place, sizeof(r->kept_place), NULL, 0);
	live_save(r->live, w);
	incidents_save(r->pipe.incidents, w);
	run_own_save(r, w);
}

static int part_load(void *arg, struct blocks_in *in)
{
	struct run *r = arg;
	struct str data;
	uint32_t tag;
	int n;

	map_clear(&r->stored);
	while ((n = blocks_next(in, &tag, &data)) > 0 && tag == TAG_STORED) {
		n = stored_load(r, data);
		if (n < 0)
			return n;
	}
	if (n <= 0 || tag != TAG_RUN || data.len != sizeof(r->kept_place))
		return n < 0 ? n : E_FORMAT;
	memcpy(&r->kept_place, data.p, sizeof(r->kept_place));
	n = live_load(r->live, in);
	if (n == 0)
		n = incidents_load(r->pipe.incidents, in);
	return n < 0 ? n : run_own_load(r, in);
}

struct tail {
	struct run *r;
	uint64_t last;
	bool failed;
};

static int tail_row(const struct store_event *e, void *arg)
{
	struct tail *t = arg;
	uint64_t *at =
		map_put(&t->r->stored, event_key(hash_str(e->raw, 0), e->id, e->type), NULL);

	t->last = MAX(t->last, e->seq);
	if (at)
		*at = e->seq;
	else
		t->failed = true;
	return t->failed;
}

/* What the store has beyond the checkpoint: to be learned, not stored, when it comes again. */
static int stored_since(struct run *r)
{
	struct store_query q = {.from = TIME_NONE,
				.to = TIME_NONE,
				.limit = SIZE_MAX,
				.after_place = r->kept_place};
	struct tail t = {.r = r};
	int e;

	e = store_events(r->store, &q, tail_row, &t, &r->diag);
	if (t.failed)
		e = diag_set(&r->diag, -ENOMEM, "out of memory");
	if (e == 0)
		live_seq(r->live, t.last);
	return e < 0 ? e : 0;
}

/* Where the intake leaves what it takes, for live. */
static int name_spools(struct run *r)
{
	static const struct live_spool all[] = {[SPOOL_SYSLOG] = {"syslog", "syslog"},
						[SPOOL_PUSH] = {"push", "json"},
						[SPOOL_STDIN] = {"stdin", NULL},
						[SPOOL_OWN] = {"own", "json"},
						[SPOOL_PACKETS] = {"packets", "json"}};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		r->spools[i].codec = all[i].codec;
		if (asprintf((char **)(uintptr_t)&r->spools[i].dir, "%s/spool/%s", r->dir,
			     all[i].dir) < 0) {
			r->spools[i].dir = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

/* The certificate of page and API, for syslog; made for the same names, so that it stays. */
static int intake_cert(struct run *r, struct arena *mem, struct cert *ret_c)
{
	struct config *c = r->conf;
	struct str rest, listen = str_of(r->listen ? r->listen : "127.0.0.1:0");
	size_t at = listen.len;
	char host[256] = "";
	const char *names[] = {"localhost", "127.0.0.1", NULL, host};
	struct cert_conf cc = {.dir = r->dir,
			       .cert = c->tls_cert.len ? arena_strz(mem, c->tls_cert) : NULL,
			       .key = c->tls_key.len ? arena_strz(mem, c->tls_key) : NULL,
			       .names = names,
			       .nnames = 3,
			       .now = clock_now()};

	while (at && listen.p[at - 1] != ':')
		at--;
	listen = str_sub(listen, 0, at ? at - 1 : 0);
	if (listen.len && listen.p[0] == '[')
		listen = str_cut(str_sub(listen, 1, listen.len), ']', &rest);
	names[2] = arena_strz(mem, listen);
	if (!names[2])
		return -ENOMEM;
	if (gethostname(host, sizeof(host) - 1) == 0 && host[0])
		cc.nnames++;
	return cert_open(&cc, mem, ret_c, &r->diag);
}

static int open_intake(struct run *r)
{
	const struct config *c = r->conf;
	char dir[4096];
	struct intake_conf ic = {.dir = dir,
				 .udp = c->syslog_udp.v,
				 .nudp = c->syslog_udp.n,
				 .tcp = c->syslog_tcp.v,
				 .ntcp = c->syslog_tcp.n,
				 .tls = c->syslog_tls.v,
				 .ntls = c->syslog_tls.n,
				 .stdin_too = r->stdin_too,
				 .behind_max = (uint64_t)c->spool_mib * MIB};
	struct intake_stats s;
	struct cert cert = {0};
	struct arena mem;
	int e = 0;

	snprintf(dir, sizeof(dir), "%s/spool", r->dir);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return diag_set(&r->diag, -errno, "%s: %s", dir, strerror(errno));
	arena_init(&mem, 4 * MIB);
	if (ic.ntls) {
		e = intake_cert(r, &mem, &cert);
		ic.cert = cert.cert;
		ic.key = cert.key;
		if (c->syslog_tls_clients.len)
			ic.clients = arena_strz(&mem, c->syslog_tls_clients);
	}
	if (e == 0)
		e = intake_start(&ic, &r->intake, &r->diag);
	arena_free(&mem);
	if (e < 0)
		return e;
	intake_stats(r->intake, &s);
	if (s.port_tls)
		log_line(LOG_INFO, "syslog: TLS port %u", s.port_tls);
	if (s.port_udp || s.port_tcp)
		log_line(LOG_INFO, "syslog: UDP port %u, TCP port %u", s.port_udp, s.port_tcp);
	return 0;
}

/* What a decoy tells goes the way of a push: on disk, then read like any log. */
static int on_visit(struct str record, void *arg)
{
	size_t kept = 0, refused = 0;
	int e = intake_push(((struct run *)arg)->intake, record, &kept, &refused);

	return e < 0 ? e : kept == 1 ? 0 : -EIO;
}

static int open_decoys(struct run *r)
{
	struct decoy_conf dc = {.where = r->conf->decoys.v,
				.n = r->conf->decoys.n,
				.now = clock_now,
				.tell = on_visit,
				.arg = r};
	int e = dc.n ? decoy_start(&dc, &r->decoy, &r->diag) : 0;

	for (size_t k = 0; e == 0 && k < dc.n; k++)
		log_line(LOG_INFO, "decoy: %s, port %u", dc.where[k], decoy_port(r->decoy, k));
	return e;
}

static int on_push(struct str body, size_t *ret_kept, size_t *ret_refused, void *arg)
{
	return intake_push(((struct run *)arg)->intake, body, ret_kept, ret_refused);
}

static int open_live(struct run *r)
{
	struct live_conf lc = {.sources = r->pipe.sources,
			       .paths = r->paths,
			       .npaths = r->npaths,
			       .spools = r->spools,
			       .nspools = ARRAY_LEN(r->spools),
			       .lateness = (int64_t)(r->conf->lateness_s * 1e9),
			       .hold = (size_t)r->conf->hold_memory_mib * MIB};

	return live_new(&lc, &r->live, &r->diag);
}

/* Goes on from the checkpoint, if there is one. */
static int go_on(struct run *r)
{
	struct checkpoint_part part = {part_save, part_load, r};
	struct learn_restored n = {0};
	int from = checkpoint_load(&r->pipe, r->state, &part, &n, &r->diag);

	if (from < 0)
		return from;
	if (from == CHECKPOINT_BEFORE)
		log_line(LOG_WARN, "%s; going on from the one before", r->diag.msg);
	if (from != CHECKPOINT_NONE)
		log_line(LOG_INFO, "%zu states of %zu quantities from %s%s", n.states, n.kept,
			 r->state, from == CHECKPOINT_BEFORE ? ".1" : "");
	return 0;
}

static int open_pipeline(struct run *r)
{
	int e;

	r->conf->suppress_dir = arena_fmt(&r->conf->mem, "%s/suppress", r->dir);
	e = pipeline_open(&r->pipe, r->conf, &r->diag);
	/* The allocator has kept the pages of the one before. */
	malloc_trim(0);
	if (e < 0)
		return e;
	run_own_types(r);
	r->pipe.store = r->store;
	r->pipe.findings = r->findings;
	r->pipe.evidence = run_evidence;
	r->pipe.evidence_arg = r;
	e = pipeline_map(&r->pipe, r->dir, false, &r->diag);
	if (e == 0)
		e = open_live(r);
	return e < 0 ? e : go_on(r);
}

static void log_info(const char *line)
{
	log_line(LOG_INFO, "%s", line);
}

/* The page and the API, over the store that is being written. */
static int open_api(struct run *r)
{
	struct api_conf ac = {.listen = r->listen,
			      .store = r->dir,
			      .ui = served_ui(r->conf),
			      .version = THYMUS_VERSION,
			      .open = r->no_auth,
			      .tls = r->tls,
			      .push = on_push,
			      .push_arg = r,
			      .health = run_health,
			      .metrics = run_metrics,
			      .health_arg = r};
	int e;

	if (!r->listen)
		return 0;
	buf_init(&r->models, 64 * MIB);
	buf_init(&r->options, MIB);
	served_conf(r->conf, &ac);
	served_models(&r->models, &r->pipe);
	config_json(r->conf, &r->options);
	ac.models = buf_str(&r->models);
	ac.options = buf_str(&r->options);
	pipeline_inquiry(r->conf, NULL, NULL, &ac.inquiry);
	e = api_start(&ac, &r->api, &r->diag);
	if (e == 0)
		served_tell(r->api, r->listen, log_info);
	return e;
}

static int open_outputs(struct run *r)
{
	return r->conf->outputs.n ? outputs_start(&r->conf->outputs, r->dir, THYMUS_VERSION,
						  &r->outputs, &r->diag)
				  : 0;
}

static void close_api(struct run *r)
{
	r->outputs = outputs_stop(r->outputs);
	r->api = api_stop(r->api);
	buf_free(&r->models);
	buf_free(&r->options);
}

int run_open(struct run *r)
{
	struct store_conf sc = {.dir = r->dir, .background = true};
	int e;

	map_init(&r->stored);
	buf_init(&r->health, MIB);
	buf_init(&r->metrics, MIB);
	pthread_mutex_init(&r->lock, NULL);
	e = snprintf(r->state, sizeof(r->state), "%s/state.ckpt", r->dir);
	if (e < 0 || (size_t)e >= sizeof(r->state))
		return diag_set(&r->diag, -ENAMETOOLONG, "%s: the name is too long", r->dir);
	e = store_open(&sc, &r->store, &r->diag);
	if (e == 0)
		e = name_spools(r);
	if (e == 0)
		e = run_own_open(r, clock_now());
	if (e == 0 && r->findings_file) {
		r->findings = fopen(r->findings_file, "abe");
		if (!r->findings)
			e = diag_set(&r->diag, -errno, "%s: %s", r->findings_file,
				     strerror(errno));
	}
	if (e == 0)
		e = open_pipeline(r);
	if (e == 0)
		e = stored_since(r);
	if (e == 0)
		e = open_intake(r);
	if (e == 0)
		e = open_decoys(r);
	if (e == 0)
		e = run_capture_open(r);
	if (e == 0)
		e = open_api(r);
	if (e == 0)
		e = open_outputs(r);
	r->flushed = r->kept = clock_now();
	return e;
}

/* Everything so far on disk. */
static int flush(struct run *r, int64_t now)
{
	int e = store_sync(r->store, &r->diag);

	if (e == 0 && passed(now, r->mapped, MAP_NS)) {
		e = atlas_flush(r->pipe.atlas, &r->diag);
		r->mapped = now;
	}
	if (e == 0 && r->findings && fflush(r->findings) != 0)
		e = diag_set(&r->diag, errno == ENOSPC ? -ENOSPC : -EIO,
			     "findings cannot be written");
	r->flushed = now;
	r->dirty = false;
	return e;
}

/* Lets go of what is too old; the records' own clock counts, so that old logs can be read in.
 */
static void retain(struct run *r, int64_t latest)
{
	const struct config *c = r->conf;
	struct store_retain x = {
		.events_before = INT64_MIN,
		.findings_before = INT64_MIN,
		.events_bytes = c->retain_events_mib ? (uint64_t)c->retain_events_mib * MIB
						     : UINT64_MAX,
		.keep = r->kept_place,
	};
	uint64_t blocks, findings;
	struct diag d = {{0}};

	if (latest > 0 && c->retain_events_days > 0)
		x.events_before = latest - (int64_t)(c->retain_events_days * 86400e9);
	if (latest > 0 && c->retain_findings_days > 0)
		x.findings_before = latest - (int64_t)(c->retain_findings_days * 86400e9);
	if (store_retain(r->store, &x, &blocks, &findings, &d) < 0)
		log_line(LOG_WARN, "nothing old was dropped: %s", d.msg);
	r->dropped_blocks += blocks;
	r->dropped_findings += findings;
}

static int keep(struct run *r, int64_t now)
{
	struct checkpoint_part part = {part_save, part_load, r};
	struct live_stats s;
	struct diag d;
	int e = store_entities_put(r->store, r->pipe.entities, &r->diag);

	r->mapped = 0; /* now, too */
	if (e == 0)
		e = pipeline_keep_suppressed(&r->pipe);
	if (e == 0)
		e = flush(r, now);
	if (e == 0)
		e = store_end(r->store, &r->kept_place, &r->diag);
	if (e < 0)
		return e;
	e = checkpoint_save(&r->pipe, r->state, &part, &d);
	r->kept = now;
	if (e < 0) { /* the one before stands; the files it needs are kept */
		r->failed_checkpoints++;
		log_line(LOG_ERROR, "nothing was kept: %s", d.msg);
		return 0;
	}
	live_stats(r->live, &s);
	r->kept_seq = s.seq;
	r->cap.known = s.known;
	live_trim(r->live);
	retain(r, s.known);
	return 0;
}

/* One event; those the store has already are only learned. */
static int admit(struct run *r, struct event *e, struct arena *mem)
{
	int err;

	r->pipe.stored = r->stored.len &&
			 map_del(&r->stored, event_key(e->hash, e->id, str_of(e->type->name)));
	err = pipeline_event(&r->pipe, e, mem);
	if (err < 0 && r->pipe.diag.msg[0])
		r->diag = r->pipe.diag;
	return err;
}

/* Whether there is room to write; said once when that changes. */
static bool has_room(struct run *r)
{
	struct statvfs v;
	uint64_t left;
	bool full;

	if (statvfs(r->dir, &v) < 0)
		return true; /* writing will tell */
	left = (uint64_t)v.f_bavail * v.f_frsize;
	full = left < (uint64_t)r->conf->disk_reserve_mib * MIB;
	if (full != r->full)
		log_line(LOG_WARN,
			 full ? "%s: %llu MiB left: nothing is read until there is more"
			      : "%s: %llu MiB left: going on",
			 r->dir, (unsigned long long)(left / MIB));
	r->full = full;
	return !full;
}

/* Looks at files when it is time. Folders with many files are looked through less often. */
static int look(struct run *r, int64_t now)
{
	bool all = passed(now, r->looked_all, MAX(LOOK_ALL, 50 * r->look_cost));
	int64_t t0;
	int e;

	if (!all && !passed(now, r->looked, LOOK_NS))
		return 0;
	t0 = time_wall();
	e = live_look(r->live, now, all, &r->diag);
	r->looked = now;
	if (all) {
		r->look_cost = time_wall() - t0;
		r->looked_all = now;
		has_room(r);
		run_tell(r, now);
		run_evidence_tails(r, now);
	}
	return e;
}

static int work(struct run *r, int64_t *ret_wake)
{
	int64_t now = clock_now();
	struct event *ev;
	struct arena *mem;
	int n, e = look(r, now);

	*ret_wake = now + LOOK_NS;
	if (e < 0 || r->full)
		return e;
	n = live_next(r->live, now, &ev, BATCH, &mem, ret_wake, &r->diag);
	for (int i = 0; i < n && e == 0; i++) {
		run_own_seen(r, &ev[i], now);
		e = admit(r, &ev[i], mem);
	}
	if (n < 0 || e < 0)
		return n < 0 ? n : e;
	r->dirty |= n > 0;
	r->unseen |= n > 0;
	if (r->unseen && passed(now, r->published, PUBLISH_NS)) {
		e = store_publish(r->store, &r->diag);
		r->published = now;
		r->unseen = false;
		if (e < 0)
			return e;
	}
	if (r->dirty && passed(now, r->flushed, (int64_t)(r->conf->flush_s * 1e9)))
		e = flush(r, now);
	if (e == 0 && passed(now, r->kept, (int64_t)(r->conf->checkpoint_s * 1e9)))
		e = keep(r, now);
	return e < 0 ? e : n;
}

/* Other models or options, with what was learned so far. Broken ones change nothing. */
static int reload(struct run *r)
{
	struct config *c = calloc(1, sizeof(*c));
	struct pipeline probe;
	struct diag d = {{0}};
	int64_t now = clock_now();
	int e = c ? config_init(c) : -ENOMEM;

	if (e == 0 && r->config_file)
		e = config_load(c, r->config_file, &d);
	if (e == 0) {
		c->suppress_dir = arena_fmt(&c->mem, "%s/suppress", r->dir);
		e = pipeline_open(&probe, c, &d);
	}
	if (e < 0) {
		log_line(LOG_ERROR, "going on as before: %s", d.msg);
		if (c)
			config_free(c);
		free(c);
		return 0;
	}
	pipeline_close(&probe);
	e = keep(r, now);
	if (e < 0)
		return e;
	close_api(r);
	r->live = live_free(r->live);
	pipeline_close(&r->pipe);
	config_free(r->conf);
	*r->conf = *c;
	free(c);
	e = open_pipeline(r);
	if (e == 0) /* if nothing could be kept it went back to the checkpoint before */
		e = stored_since(r);
	if (e == 0)
		e = open_api(r);
	if (e == 0)
		e = open_outputs(r);
	r->reloads++;
	if (e == 0)
		log_line(LOG_INFO, "models and options were read again");
	return e;
}

/* The store and the pipeline as the last checkpoint has them; what came after is read again. */
static int open_again(struct run *r)
{
	struct store_conf sc = {.dir = r->dir, .background = true};
	int e = store_open(&sc, &r->store, &r->diag);

	if (e == 0)
		e = open_pipeline(r);
	if (e == 0)
		e = stored_since(r);
	if (e < 0) {
		r->live = live_free(r->live);
		pipeline_close(&r->pipe);
		r->store = store_close(r->store);
	}
	return e;
}

static bool disk_full(int e)
{
	return e == -ENOSPC || e == -EDQUOT;
}

/*
 * The disk was full before has_room saw it: part of what was to be kept is not. As after a
 * crash, the last checkpoint is gone back to once there is room; page and inputs stay.
 */
static int start_over(struct run *r, volatile sig_atomic_t *stop)
{
	int e = -ENOSPC;

	log_line(LOG_ERROR, "%s; going back to the last checkpoint once there is room",
		 r->diag.msg[0] ? r->diag.msg : "the disk is full");
	r->full = true;
	run_tell(r, clock_now());
	r->live = live_free(r->live);
	pipeline_close(&r->pipe);
	r->store = store_close(r->store);
	map_clear(&r->stored);
	while (disk_full(e) && !*stop) {
		ppoll(NULL, 0, &(struct timespec){1, 0}, NULL);
		if (has_room(r))
			e = open_again(r);
	}
	r->restarts++;
	r->flushed = r->kept = clock_now();
	r->dirty = false;
	run_own_resume(r, r->kept);
	if (e == 0)
		log_line(LOG_INFO, "there is room again: going on from the last checkpoint");
	return e;
}

int run_loop(struct run *r, volatile sig_atomic_t *stop, volatile sig_atomic_t *again)
{
	sigset_t none;
	int e = 0;

	sigemptyset(&none);
	while (e >= 0 && !*stop) {
		int64_t wake, wait;

		if (*again) {
			*again = 0;
			e = reload(r);
			continue;
		}
		e = work(r, &wake);
		if (disk_full(e))
			e = start_over(r, stop);
		if (e != 0)
			continue;
		wait = MIN(wake - clock_now(), LOOK_NS);
		if (r->dirty)
			wait = MIN(wait, (int64_t)(r->conf->flush_s * 1e9));
		if (r->unseen)
			wait = MIN(wait, PUBLISH_NS);
		if (wait > 0)
			ppoll(NULL, 0, &(struct timespec){wait / NS_PER_S, wait % NS_PER_S},
			      &none);
	}
	return e < 0 ? e : 0;
}

int run_close(struct run *r, int err)
{
	close_api(r);
	r->decoy = decoy_stop(r->decoy);
	run_capture_close(r);
	r->intake = intake_stop(r->intake); /* what it wrote last is read by the next run */
	if (err == 0)
		err = keep(r, clock_now());
	if (r->findings && fclose(r->findings) != 0 && err == 0)
		err = diag_set(&r->diag, -EIO, "findings cannot be written");
	live_free(r->live);
	pipeline_close(&r->pipe);
	store_close(r->store);
	map_free(&r->stored);
	run_capture_free(r);
	run_own_close(r);
	for (size_t i = 0; i < ARRAY_LEN(r->spools); i++)
		free((char *)(uintptr_t)r->spools[i].dir);
	buf_free(&r->health);
	buf_free(&r->metrics);
	pthread_mutex_destroy(&r->lock);
	return err;
}
