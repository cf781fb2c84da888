/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"
#include "main/checkpoint.h"
#include "main/cmd.h"
#include "main/models.h"
#include "main/pipeline.h"
#include "main/report.h"
#include "parse/stream.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH 1024

struct replay {
	struct config conf;
	const char *config_file, *findings_file;
	const char *state_file, *save_file; /* checkpoint to start from, to leave */
	bool store, ocsf;
	bool lines; /* findings as JSON lines on standard output, the report on the other */
	struct pipeline pipe;
	struct stream *stream;
	struct diag diag;
	int64_t first, last; /* known of the first and last event */
	uint64_t per_type[4096];
};

enum {
	OPT_CONFIG = 256,
	OPT_STORE,
	OPT_MODELS,
	OPT_FINDINGS,
	OPT_NO_STORE,
	OPT_THREADS,
	OPT_FORMAT,
	OPT_STATE,
	OPT_SAVE_STATE
};

static const struct option longs[] = {
	{"config", required_argument, NULL, OPT_CONFIG},
	{"store", required_argument, NULL, OPT_STORE},
	{"models", required_argument, NULL, OPT_MODELS},
	{"findings", required_argument, NULL, OPT_FINDINGS},
	{"format", required_argument, NULL, OPT_FORMAT},
	{"no-store", no_argument, NULL, OPT_NO_STORE},
	{"threads", required_argument, NULL, OPT_THREADS},
	{"state", required_argument, NULL, OPT_STATE},
	{"save-state", required_argument, NULL, OPT_SAVE_STATE},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char *arg_of(int argc, char **argv, const char *name)
{
	size_t n = strlen(name);

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], name) == 0 && i + 1 < argc)
			return argv[i + 1];
		if (strncmp(argv[i], name, n) == 0 && argv[i][n] == '=')
			return argv[i] + n + 1;
	}
	return NULL;
}

/* One option; 0, or the exit status. */
static int take_option(struct replay *r, int opt)
{
	struct str v = str_of(optarg);

	switch (opt) {
	case OPT_STORE:
		r->conf.store_dir = v;
		return 0;
	case OPT_NO_STORE:
		r->store = false;
		return 0;
	case OPT_FINDINGS:
		r->findings_file = optarg;
		return 0;
	case OPT_FORMAT:
		r->ocsf = str_eqz(v, "ocsf");
		r->lines = r->ocsf || str_eqz(v, "ndjson");
		if (!r->lines && !str_eqz(v, "text"))
			return usage_error(&cmd_replay, "--format is text, ndjson or ocsf");
		return 0;
	case OPT_MODELS:
		if (r->conf.models.n == CONFIG_LIST_MAX)
			return usage_error(&cmd_replay, "too many --models");
		r->conf.models.v[r->conf.models.n++] = optarg;
		return 0;
	case OPT_THREADS:
		if (!str_i64(v, &r->conf.threads) || r->conf.threads < 0 ||
		    r->conf.threads > 64)
			return usage_error(&cmd_replay,
					   "--threads takes a number from 0 to 64");
		return 0;
	case OPT_STATE:
		r->state_file = optarg;
		return 0;
	case OPT_SAVE_STATE:
		r->save_file = optarg;
		return 0;
	case OPT_CONFIG:
		return 0; /* read before, so that other options override it */
	default:
		return usage_error(&cmd_replay, "thymus replay: see the options below");
	}
}

/* getopt wants the program's name first: argv[-1] is the command's. */
static int take_options(struct replay *r, int argc, char **argv)
{
	int opt, status;

	r->config_file = arg_of(argc, argv, "--config");
	if (r->config_file && config_load(&r->conf, r->config_file, &r->diag) < 0) {
		fprintf(stderr, "%s\n", r->diag.msg);
		return 2;
	}
	optind = 1;
	while ((opt = getopt_long(argc + 1, argv - 1, "", longs, NULL)) != -1) {
		status = take_option(r, opt);
		if (status)
			return status;
	}
	return 0;
}

static int feed(struct replay *r)
{
	struct progress bar;
	struct event *ev;
	struct arena *mem;
	int n;

	progress_start(&bar, isatty(STDERR_FILENO));
	while ((n = stream_next(r->stream, &ev, BATCH, &mem, &r->diag)) > 0) {
		for (int i = 0; i < n; i++) {
			int e = pipeline_event(&r->pipe, &ev[i], mem);

			if (e < 0) {
				diag_set(&r->diag, e, "%s",
					 r->pipe.diag.msg[0] ? r->pipe.diag.msg : err_text(e));
				return e;
			}
			if (ev[i].type->id < ARRAY_LEN(r->per_type))
				r->per_type[ev[i].type->id]++;
			if (!r->first)
				r->first = ev[i].known;
			r->last = ev[i].known;
		}
		progress_show(&bar, r->stream, r->last);
	}
	progress_end(&bar);
	return n;
}

/* For `models list`. */
static int keep_past(struct replay *r)
{
	struct buf b;
	int err;

	if (!r->pipe.store)
		return 0;
	buf_init(&b, 64 * MIB);
	err = models_past(r->pipe.detect, &b);
	if (err == 0)
		err = store_meta_put(r->pipe.store, MODELS_META, buf_str(&b), &r->diag);
	buf_free(&b);
	return err;
}

static int open_outputs(struct replay *r)
{
	struct store_conf sc = {.background = true, .fresh = true};
	int err;

	r->pipe.ocsf = r->ocsf;
	if (r->findings_file) {
		r->pipe.findings = fopen(r->findings_file, "wbe");
		if (!r->pipe.findings)
			return diag_set(&r->diag, -errno, "%s: %s", r->findings_file,
					strerror(errno));
	} else if (r->lines) {
		r->pipe.findings = stdout;
	}
	if (!r->store)
		return 0;
	sc.dir = arena_strz(&r->conf.mem, r->conf.store_dir);
	err = sc.dir ? store_open(&sc, &r->pipe.store, &r->diag) : -ENOMEM;
	return err < 0 ? err : pipeline_map(&r->pipe, sc.dir, true, &r->diag);
}

static int close_outputs(struct replay *r, int err)
{
	FILE *f = r->pipe.findings;

	if (f && (f == stdout ? fflush(f) : fclose(f)) != 0 && err == 0)
		err = diag_set(&r->diag, -EIO, "%s: cannot be written",
			       r->findings_file ? r->findings_file : "standard output");
	r->pipe.findings = NULL;
	r->pipe.store = store_close(r->pipe.store);
	return err;
}

/* Goes on from where another run ended. */
static int start_from(struct replay *r)
{
	struct learn_restored n = {0};
	int from = checkpoint_load(&r->pipe, r->state_file, NULL, &n, &r->diag);

	if (from < 0)
		return from;
	if (from == CHECKPOINT_NONE)
		fprintf(stderr, "thymus replay: %s is not there; nothing is known yet\n",
			r->state_file);
	else
		fprintf(stderr,
			"thymus replay: %zu states of %zu quantities from %s%s; %zu quantities "
			"changed\n",
			n.states, n.kept, r->state_file, from == CHECKPOINT_BEFORE ? ".1" : "",
			n.dropped);
	if (from == CHECKPOINT_BEFORE)
		fprintf(stderr, "thymus replay: not used: %s\n", r->diag.msg);
	r->diag.msg[0] = 0;
	return 0;
}

static int replay(struct replay *r, const char *const *paths, size_t npaths)
{
	struct stream_conf sc = {.paths = paths,
				 .npaths = npaths,
				 .threads = (unsigned)r->conf.threads,
				 .hold_bytes = (size_t)r->conf.hold_memory_mib * MIB};
	struct progress ahead;
	int64_t t0 = time_wall();
	int err;

	if (r->store)
		r->conf.suppress_dir =
			arena_fmt(&r->conf.mem, "%.*s/suppress", STR_ARG(r->conf.store_dir));
	err = pipeline_open(&r->pipe, &r->conf, &r->diag);

	if (err < 0)
		return err;
	progress_start(&ahead, isatty(STDERR_FILENO));
	sc.scanned = progress_scan;
	sc.scanned_arg = &ahead;
	if (r->state_file)
		err = start_from(r);
	if (err == 0)
		err = open_outputs(r);
	if (err == 0)
		err = stream_open(&sc, r->pipe.sources, &r->stream, &r->diag);
	progress_end(&ahead);
	if (err == 0)
		err = feed(r);
	if (err == 0)
		err = pipeline_finish(&r->pipe, r->last);
	if (err == 0)
		err = keep_past(r);
	if (err == 0 && r->save_file)
		err = checkpoint_save(&r->pipe, r->save_file, NULL, &r->diag);
	learn_end(r->pipe.learn); /* the questions want its room */
	if (err == 0)
		err = pipeline_ask(&r->pipe, &r->conf, &r->diag);
	if (err < 0 && !r->diag.msg[0])
		diag_set(&r->diag, err, "%s",
			 r->pipe.diag.msg[0] ? r->pipe.diag.msg : err_text(err));
	if (err == 0 && r->pipe.findings != stdout)
		report_incidents(r->pipe.store);
	if (err == 0 && r->pipe.findings != stdout)
		report_run(&r->pipe, r->stream, r->per_type, r->first, r->last,
			   time_wall() - t0);
	stream_free(r->stream);
	err = close_outputs(r, err);
	pipeline_close(&r->pipe);
	return err;
}

static int run(int argc, char **argv)
{
	struct replay *r = calloc(1, sizeof(*r));
	int status;

	if (!r || config_init(&r->conf) < 0) {
		free(r);
		return 1;
	}
	r->store = true;
	status = take_options(r, argc, argv);
	if (status == 0 && optind > argc)
		status = usage_error(&cmd_replay, "thymus replay: which files or folders?");
	if (status == 0) {
		/* After getopt_long, argv - 1 is permuted: the paths stand at its end. */
		const char *const *paths = (const char *const *)(argv - 1 + optind);

		if (replay(r, paths, (size_t)(argc + 1 - optind)) < 0) {
			fprintf(stderr, "thymus replay: %s\n", r->diag.msg);
			status = 1;
		}
	}
	config_free(&r->conf);
	free(r);
	return status;
}

const struct command cmd_replay = {
	.name = "replay",
	.run = run,
	.usage =
		"thymus replay [OPTION]... PATH...\n"
		"Reads files and folders (Zeek, CloudTrail, VPC flow, Entra, Microsoft 365, "
		"Defender,\n"
		"Falco, Tetragon, auditd, mail; .gz, .zst and .tar too; recognised by "
		"content)\n"
		"in order of event time, learns, and tells what happened.\n\n"
		"  --findings FILE    write alerts and incidents as JSON lines\n"
		"  --format FORM      text; ndjson or ocsf (OCSF 1.8.0): findings as JSON "
		"lines,\n"
		"                     to FILE, else to standard output in place of the report\n"
		"  --store DIR        keep events and findings there (default thymus-store)\n"
		"  --no-store         keep nothing\n"
		"  --models DIR       more Sigma rules (may be given again)\n"
		"  --config FILE      configuration (thymus config options)\n"
		"  --threads N        decoding threads; results do not depend on it\n"
		"  --state FILE       go on from what an earlier run had learned, when it is "
		"there\n"
		"  --save-state FILE  keep what was learned (may be the same; the one before "
		"stays\n"
		"                     as FILE.1)\n\n"
		"example: thymus replay --findings f.ndjson /var/log/zeek mail.mbox\n",
	.summary = "read logs from files, in order of event time",
};
