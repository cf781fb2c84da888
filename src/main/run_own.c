/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's own health as events: every five minutes how it is, at once what goes wrong and
 * when that is over, and which input has fallen silent. They go to a spool and from there the
 * way of all records (sources/monitor.yaml, models/meta/monitor.yaml).
 */
#include "base/log.h"
#include "base/timeutil.h"
#include "main/run.h"
#include "sense/silence.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define REPORT_NS   (300 * NS_PER_S)
#define TROUBLE_MIN (60 * NS_PER_S) /* what is over sooner and comes again is one */
#define BEHIND_MAX  (16 * MIB)	    /* bytes not read yet */
#define BEHIND_FOR  (300 * NS_PER_S)
#define JUMP	    (10 * NS_PER_S) /* between both clocks: one was set, or we slept */

/* What can be wrong; each is told when it begins and when it has been over for a while. */
enum trouble { DISK_NEAR, DISK_FULL, LOST, BEHIND, CHECKPOINT, UNREADABLE, OUTPUT, TROUBLES };

static const char *const trouble_names[TROUBLES] = {
	"disk_near_full",    "disk_full",	"records_lost",	  "behind",
	"checkpoint_failed", "input_not_known", "output_waiting",
};

struct own {
	struct silence *silence;
	struct spool *spool;
	char host[65];
	int *input_of; /* [types], -2: not asked yet */
	size_t ntypes;
	int64_t reported, wall, mono, behind_since;
	uint64_t lost, failed, unreadable; /* as seen last */
	uint64_t number;
	struct {
		int64_t since, seen; /* 0: it is not */
		uint64_t n;
		bool told;
	} trouble[TROUBLES];
};

static int64_t clock_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int run_own_open(struct run *r, int64_t now)
{
	struct own *o = calloc(1, sizeof(*o));
	char dir[4096];
	int e = o ? silence_new(&o->silence) : -ENOMEM;

	r->own = o;
	if (e < 0)
		return e;
	o->wall = o->reported = now;
	o->mono = clock_mono();
	if (gethostname(o->host, sizeof(o->host) - 1) < 0 || !o->host[0])
		snprintf(o->host, sizeof(o->host), "localhost");
	snprintf(dir, sizeof(dir), "%s/spool", r->dir);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return diag_set(&r->diag, -errno, "%s: %s", dir, strerror(errno));
	return spool_open(r->spools[SPOOL_OWN].dir, MIB, &o->spool, &r->diag);
}

void run_own_close(struct run *r)
{
	struct own *o = r->own;

	if (!o)
		return;
	spool_close(o->spool);
	silence_free(o->silence);
	free(o->input_of);
	free(o);
	r->own = NULL;
}

/* After the pipeline was opened: types have other numbers now. */
void run_own_types(struct run *r)
{
	free(r->own->input_of);
	r->own->input_of = NULL;
	r->own->ntypes = 0;
}

/* Which input records of a type belong to; what we write ourselves is none. */
static int input_of(struct run *r, const struct rectype *t)
{
	struct own *o = r->own;

	if (!o->input_of) {
		o->ntypes = schema_types(r->pipe.schema);
		o->input_of = malloc((o->ntypes + 1) * sizeof(*o->input_of));
		for (size_t i = 0; o->input_of && i < o->ntypes; i++)
			o->input_of[i] = -2;
	}
	if (!o->input_of || t->id >= o->ntypes)
		return -1;
	if (o->input_of[t->id] == -2) {
		struct str s = str_of(t->source);
		bool ours = str_eqz(s, "monitor") || str_eqz(s, "decoy");

		o->input_of[t->id] = ours ? -1 : silence_input(o->silence, s);
	}
	return o->input_of[t->id];
}

void run_own_seen(struct run *r, const struct event *e, int64_t now)
{
	silence_seen(r->own->silence, input_of(r, e->type), now);
}

void run_own_save(struct run *r, struct blocks_out *w)
{
	silence_save(r->own->silence, w);
}

int run_own_load(struct run *r, struct blocks_in *in)
{
	int e = silence_load(r->own->silence, in);

	silence_resume(r->own->silence, r->own->wall);
	return e;
}

void run_own_resume(struct run *r, int64_t now)
{
	silence_resume(r->own->silence, now);
}

/* One record: kind, the time, an id, this machine, then members (each ending in a comma). */
static int put(struct own *o, int64_t now, const char *kind, struct str members)
{
	char when[TIME_TEXT];
	struct buf b;
	int e;

	buf_init(&b, 64 * KIB);
	buf_fmt(&b, "{\"monitor\":\"%s\",%.*s\"time\":\"%s\",", kind, STR_ARG(members),
		time_rfc3339(now, when));
	buf_fmt(&b, "\"id\":\"m%llx-%llu\",\"host\":", (unsigned long long)o->wall,
		(unsigned long long)o->number++);
	buf_json(&b, str_of(o->host));
	buf_addz(&b, "}\n");
	e = buf_err(&b);
	if (e == 0)
		e = spool_add(o->spool, buf_str(&b));
	buf_free(&b);
	return e;
}

struct telling {
	struct own *o;
	int64_t now;
};

static int tell_silence(const struct silence_told *t, void *arg)
{
	struct telling *x = arg;
	struct buf b;
	int e;

	buf_init(&b, KIB);
	buf_addz(&b, "\"input\":");
	buf_json(&b, str_of(t->input));
	buf_fmt(&b, ",\"quiet_minutes\":%lld,\"usual_minutes\":%lld,\"watched_days\":%lld,",
		(long long)(t->quiet / (60 * NS_PER_S)),
		(long long)(t->usual / (60 * NS_PER_S)), (long long)(t->known / NS_PER_D));
	e = put(x->o, x->now, t->back ? "back" : "silent", buf_str(&b));
	buf_free(&b);
	return e;
}

/* It is so now; n: how much of it, added up while it lasts. */
static void wrong(struct own *o, enum trouble what, bool is, uint64_t n, int64_t now)
{
	if (!is)
		return;
	if (!o->trouble[what].since)
		o->trouble[what].since = now;
	o->trouble[what].seen = now;
	o->trouble[what].n += n;
}

static void tell_troubles(struct own *o, int64_t now)
{
	char text[256];

	for (size_t i = 0; i < TROUBLES; i++) {
		bool is = o->trouble[i].since &&
			  (now - o->trouble[i].seen < TROUBLE_MIN || now < o->trouble[i].seen);

		if (o->trouble[i].since && !o->trouble[i].told) {
			snprintf(text, sizeof(text), "\"what\":\"%s\",\"count\":%llu,",
				 trouble_names[i], (unsigned long long)o->trouble[i].n);
			o->trouble[i].told = put(o, now, "trouble", str_of(text)) == 0;
		} else if (o->trouble[i].told && !is) {
			snprintf(text, sizeof(text),
				 "\"what\":\"%s\",\"count\":%llu,\"lasted_s\":%lld,",
				 trouble_names[i], (unsigned long long)o->trouble[i].n,
				 (long long)((o->trouble[i].seen - o->trouble[i].since) /
					     NS_PER_S));
			if (put(o, now, "over", str_of(text)) == 0)
				memset(&o->trouble[i], 0, sizeof(o->trouble[i]));
		}
	}
}

/* Records that came and are not kept, as far as anybody can count them. */
static uint64_t lost(const struct intake_stats *s, struct run *r)
{
	return s->dropped + s->cut + s->errors + s->turned_away + run_capture_lost(r);
}

static bool outputs_wait(struct run *r)
{
	for (size_t i = 0; i < outputs_count(r->outputs); i++) {
		struct output_stats s;

		outputs_stats(r->outputs, i, &s);
		if (s.waiting && s.behind)
			return true;
	}
	return false;
}

static void look(struct run *r, const struct live_stats *l, double free_share, int64_t now)
{
	struct own *o = r->own;
	struct intake_stats s;
	uint64_t n;

	intake_stats(r->intake, &s);
	n = lost(&s, r);
	wrong(o, LOST, n > o->lost, n - MIN(n, o->lost), now);
	o->lost = n;
	wrong(o, CHECKPOINT, r->failed_checkpoints > o->failed, 1, now);
	o->failed = r->failed_checkpoints;
	wrong(o, UNREADABLE, l->refused_files > o->unreadable,
	      l->refused_files - MIN(l->refused_files, o->unreadable), now);
	o->unreadable = l->refused_files;
	wrong(o, DISK_FULL, r->full, 0, now);
	wrong(o, DISK_NEAR, !r->full && free_share >= 0 && free_share < 0.05, 0, now);
	wrong(o, OUTPUT, outputs_wait(r), 0, now);
	if (l->behind < BEHIND_MAX)
		o->behind_since = 0;
	else if (!o->behind_since)
		o->behind_since = now;
	wrong(o, BEHIND, o->behind_since && now - o->behind_since > BEHIND_FOR, 0, now);
}

static void report(struct run *r, const struct live_stats *l, double free_share, int64_t now)
{
	struct learn_stats s;
	struct buf b;
	size_t inputs, silent;

	learn_stats(r->pipe.learn, &s);
	silence_count(r->own->silence, &inputs, &silent);
	buf_init(&b, 4 * KIB);
	buf_fmt(&b, "\"events\":%llu,\"behind_bytes\":%llu,\"waiting\":%llu,\"lost\":%llu,",
		(unsigned long long)l->events, (unsigned long long)l->behind,
		(unsigned long long)l->waiting, (unsigned long long)r->own->lost);
	buf_fmt(&b, "\"inputs\":%zu,\"silent_inputs\":%zu,\"checkpoint_age_s\":%lld,", inputs,
		silent, (long long)((now - r->kept) / NS_PER_S));
	buf_fmt(&b, "\"learning_days\":%lld,\"learning\":%s,",
		(long long)(s.since > 0 && now > s.since ? (now - s.since) / NS_PER_D : 0),
		s.learning ? "true" : "false");
	if (free_share >= 0)
		buf_fmt(&b, "\"disk_free_percent\":%d,", (int)(100 * free_share));
	if (put(r->own, now, "report", buf_str(&b)) == 0)
		r->own->reported = now;
	buf_free(&b);
}

void run_own_tell(struct run *r, const struct live_stats *l, int64_t now)
{
	struct own *o = r->own;
	int64_t mono = clock_mono(), apart = (now - o->wall) - (mono - o->mono);
	struct telling x = {o, now};
	struct statvfs v;
	double free_share = -1;

	if (apart > JUMP || apart < -JUMP) {
		silence_resume(o->silence, now);
		o->reported = now;
	}
	o->wall = now;
	o->mono = mono;
	if (statvfs(r->dir, &v) == 0 && v.f_blocks)
		free_share = (double)v.f_bavail / (double)v.f_blocks;
	look(r, l, free_share, now);
	tell_troubles(o, now);
	if (r->full) { /* nothing is read, so nobody is heard */
		silence_resume(o->silence, now);
		return;
	}
	silence_check(o->silence, now, tell_silence, &x);
	if (now - o->reported >= REPORT_NS)
		report(r, l, free_share, now);
}

/* A member of the health figures. */
void run_own_health(struct buf *b, struct run *r)
{
	size_t inputs, silent, n = 0;

	silence_count(r->own->silence, &inputs, &silent);
	buf_fmt(b, "\"inputs\":{\"heard\":%zu,\"silent\":%zu},\"troubles\":[", inputs, silent);
	for (size_t i = 0; i < TROUBLES; i++)
		if (r->own->trouble[i].since)
			buf_fmt(b, "%s\"%s\"", n++ ? "," : "", trouble_names[i]);
	buf_addz(b, "],");
}
