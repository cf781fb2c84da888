/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main/run: the daemon's loop. Live files through the pipeline into the store, on the thread
 * that calls; every flush_interval what came in is made durable, every checkpoint_interval what
 * was learned is kept with the places of all files, in STORE/state.ckpt.
 *
 * After kill -9: the run that starts reads again what came after the checkpoint, and learns it
 * again; events that stand in the store already are not stored twice. So no record is lost, and
 * none learned or stored twice, as long as the files are still there.
 */
#ifndef MAIN_RUN_H
#define MAIN_RUN_H
#include "base/map.h"
#include "main/pipeline.h"
#include "packet/wire.h"
#include "parse/live.h"
#include "sense/decoy.h"
#include "sense/intake.h"
#include "sense/spool.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define TAILS_MAX 16

/* Folders that we write and read ourselves, below STORE/spool. */
enum { SPOOL_SYSLOG, SPOOL_PUSH, SPOOL_STDIN, SPOOL_OWN, SPOOL_PACKETS, SPOOLS };

/* Packets saved for an alert, to be saved once more with what came after. */
struct tail_save {
	int64_t at; /* when */
	struct keep_want want;
	char path[4096], comment[256];
};

/* Live capture: its records go to a spool, like all that comes from outside. */
struct run_capture {
	struct wire *wire; /* NULL: none */
	struct spool *spool;
	char *filter, *ring, *evidence;	 /* of the configuration at start; folders */
	atomic_uint_fast64_t behind, at; /* bytes not read yet when the spool held `at` */
	uint64_t behind_max;
	int64_t known;		/* of the last event that the checkpoint has learned */
	struct tail_save *tail; /* [TAILS_MAX] */
	unsigned ntails;
	uint64_t saved, failed;
};

struct run {
	struct config *conf;
	const char *config_file; /* read again by SIGHUP; or NULL */
	const char *dir;	 /* of the store; malloc'ed, freed by the caller */
	char state[4096];	 /* the checkpoint's file */
	const char *findings_file;
	const char *listen; /* of page and API; NULL = none */
	bool no_auth;	    /* nobody has to sign in */
	bool tls;	    /* on an address of this machine too */
	const char *const *paths;
	size_t npaths;
	bool stdin_too;
	struct intake *intake;
	struct decoy *decoy;
	struct live_spool spools[SPOOLS];
	struct run_capture cap;
	struct own *own; /* watches over ourselves */
	struct pipeline pipe;
	struct live *live;
	FILE *findings;
	struct store *store;
	struct map stored; /* keys of events that the store had and the checkpoint had not */
	int64_t mapped;	   /* when the map was written last */
	int64_t published; /* when findings were last shown to readers */
	bool unseen;	   /* events since */
	int64_t flushed, kept, looked, looked_all, look_cost;
	uint64_t kept_place; /* store_end at the checkpoint */
	uint64_t kept_seq, reloads, failed_checkpoints, restarts;
	uint64_t dropped_blocks, dropped_findings; /* by retention */
	bool dirty;				   /* events since the last flush */
	bool full;				   /* the disk is */
	struct diag diag;
	/* For the API's threads. */
	pthread_mutex_t lock;
	struct buf health, metrics; /* as last told */
	struct api *api;
	struct outputs *outputs;
	struct buf models, options; /* as the API shows them */
};

/* Interfaces of the configuration; nothing when there are none. */
MUST int run_capture_open(struct run *r);
/* Ends capturing: what is open is told of, into the spool. */
void run_capture_close(struct run *r);
void run_capture_free(struct run *r);
void run_capture_behind(struct run *r, uint64_t bytes);
void run_capture_health(struct buf *b, struct run *r);
void run_capture_metrics(struct buf *b, struct run *r);
/* Saves the packets around alerts; to be set in the pipeline. */
void run_evidence(void *arg, struct alert *a, const struct event *e);
/* And what came after them, when it is time. */
void run_evidence_tails(struct run *r, int64_t now);

/* Frames and records that were lost, of all interfaces. */
uint64_t run_capture_lost(struct run *r);

/* Own health as events; before the pipeline is opened. 0 or <0. */
MUST int run_own_open(struct run *r, int64_t now);
void run_own_close(struct run *r);
/* After each pipeline_open. */
void run_own_types(struct run *r);
void run_own_seen(struct run *r, const struct event *e, int64_t now);
/* About once a second. */
void run_own_tell(struct run *r, const struct live_stats *l, int64_t now);
/* Nothing was read until now. */
void run_own_resume(struct run *r, int64_t now);
void run_own_save(struct run *r, struct blocks_out *w);
MUST int run_own_load(struct run *r, struct blocks_in *in);
void run_own_health(struct buf *b, struct run *r);

/* Opens the pipeline, the store and what an earlier run left. 0, or <0 with r->diag. */
MUST int run_open(struct run *r);
/* Until *stop; *reload is taken back when done. 0, or <0 with r->diag. */
MUST int run_loop(struct run *r, volatile sig_atomic_t *stop, volatile sig_atomic_t *reload);
/* Keeps everything that can be kept. err: of run_loop. */
MUST int run_close(struct run *r, int err);
/* Makes the figures anew; now: ns since 1970. */
void run_tell(struct run *r, int64_t now);
/* Figures as members of a JSON object, ending in a comma; any thread. arg: the run. */
void run_health(struct buf *out, void *arg);
/* The same in the text format of Prometheus. */
void run_metrics(struct buf *out, void *arg);

#endif
