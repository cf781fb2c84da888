/* SPDX-License-Identifier: Apache-2.0 */
/* thymus demo: an invented company's days in a minute, while the page shows what is found. */
#include "api/api.h"
#include "base/timeutil.h"
#include "main/cmd.h"
#include "main/confine.h"
#include "main/pipeline.h"
#include "main/served.h"
#include "parse/stream.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BATCH	64
#define SHOW_NS (250 * NS_PER_MS) /* what was found is on the page after so long */
#define SECONDS 50
/* The first part of the span is for learning and takes a smaller part of the time. */
#define CALM	  0.75
#define CALM_TIME 0.2
#define MARK	  "demo" /* stands in a store that may be made anew */

/* clang-format off */
static const struct option longs[] = {
	{"store", required_argument, NULL, 's'},
	{"listen", required_argument, NULL, 'l'},
	{"seconds", required_argument, NULL, 'n'},
	{"once", no_argument, NULL, 'o'},
	{NULL, 0, NULL, 0},
};
/* clang-format on */

struct demo {
	struct config conf;
	const char *dir, *listen, *samples;
	int64_t seconds;
	bool once; /* ends when the days are over: for tests */
	bool stop;
	sigset_t signals;
	struct pipeline pipe;
	struct stream *stream;
	struct api *api;
	struct buf models, options;
	int64_t first, last, began, synced, day;
	uint64_t events;
	struct diag diag;
};

/* Waits, at most so long; a signal ends the demonstration. */
static void nap(struct demo *d, int64_t ns)
{
	struct timespec t = {ns / NS_PER_S, ns % NS_PER_S};

	if (!d->stop && sigtimedwait(&d->signals, NULL, &t) > 0)
		d->stop = true;
}

static int show(struct demo *d, bool now)
{
	int64_t t = time_wall();

	if (!now && t - d->synced < SHOW_NS)
		return 0;
	d->synced = t;
	return store_sync(d->pipe.store, &d->diag);
}

static int tell_day(struct demo *d, int64_t known)
{
	char when[TIME_TEXT];

	if (known / NS_PER_D == d->day)
		return 0;
	d->day = known / NS_PER_D;
	printf("%.10s  %llu records so far, %llu alerts\n", time_rfc3339(known, when),
	       (unsigned long long)d->events, (unsigned long long)d->pipe.alerts);
	fflush(stdout);
	return pipeline_keep_learning(&d->pipe);
}

/* What part of the time has passed when this part of the span has. */
static double pace(double part)
{
	return part < CALM ? part / CALM * CALM_TIME
			   : CALM_TIME + (part - CALM) / (1 - CALM) * (1 - CALM_TIME);
}

/* Until it is this event's turn: the whole span takes d->seconds. */
static int wait_for(struct demo *d, int64_t known)
{
	double part = (double)(known - d->first) / (double)MAX(d->last - d->first, 1);
	int64_t due = d->began + (int64_t)(pace(part) * (double)d->seconds * 1e9), now;
	int r = show(d, false);

	while (r == 0 && !d->stop && (now = time_wall()) < due) {
		nap(d, MIN(due - now, SHOW_NS));
		r = show(d, false);
	}
	return r;
}

static int feed(struct demo *d)
{
	struct event *ev;
	struct arena *mem;
	int n = 0, r = 0;

	d->began = time_wall();
	while (r == 0 && !d->stop &&
	       (n = stream_next(d->stream, &ev, BATCH, &mem, &d->diag)) > 0)
		for (int i = 0; r == 0 && !d->stop && i < n; i++) {
			r = tell_day(d, ev[i].known);
			if (r == 0)
				r = wait_for(d, ev[i].known);
			if (r == 0)
				r = pipeline_event(&d->pipe, &ev[i], mem);
			d->events++;
		}
	return r < 0 ? r : MIN(n, 0);
}

/* The span of all files, as the first look at them told. */
static void span(struct demo *d)
{
	const struct stream_file *f;
	size_t n = stream_files(d->stream, &f);

	d->first = INT64_MAX;
	d->last = INT64_MIN;
	for (size_t i = 0; i < n; i++) {
		if (!f[i].source)
			continue;
		d->first = MIN(d->first, f[i].first_known);
		d->last = MAX(d->last, f[i].last_known);
	}
}

/* Only a store that a demonstration made is made anew. */
static int own(struct demo *d)
{
	char seg[4096], mark[4096];
	int fd;

	snprintf(seg, sizeof(seg), "%s/events.seg", d->dir);
	snprintf(mark, sizeof(mark), "%s/" MARK, d->dir);
	if (access(seg, F_OK) == 0 && access(mark, F_OK) < 0)
		return diag_set(&d->diag, -EEXIST,
				"%s is a store of something else; name another by --store",
				d->dir);
	fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return diag_set(&d->diag, -errno, "%s: %s", mark, strerror(errno));
	close(fd);
	return 0;
}

static void print_line(const char *line)
{
	printf("\nOpen %s (Ctrl-C ends it)\n\n", line);
	fflush(stdout);
}

static int serve(struct demo *d)
{
	struct api_conf ac = {.listen = d->listen,
			      .store = d->dir,
			      .ui = served_ui(&d->conf),
			      .version = THYMUS_VERSION,
			      .open = true};
	int r;

	served_conf(&d->conf, &ac);
	served_models(&d->models, &d->pipe);
	config_json(&d->conf, &d->options);
	ac.models = buf_str(&d->models);
	ac.options = buf_str(&d->options);
	pipeline_inquiry(&d->conf, NULL, NULL, &ac.inquiry);
	r = api_start(&ac, &d->api, &d->diag);
	if (r == 0)
		served_tell(d->api, d->listen, print_line);
	return r;
}

static int open_all(struct demo *d)
{
	struct confine x = {.store = d->dir,
			    .listen = d->listen,
			    .ui = served_ui(&d->conf),
			    .inputs = &d->samples,
			    .ninputs = 1};
	struct store_conf sc = {.dir = d->dir, .background = true, .fresh = true};
	struct stream_conf st = {.paths = &d->samples,
				 .npaths = 1,
				 .hold_bytes = (size_t)d->conf.hold_memory_mib * MIB};
	int r = confine_files(&d->conf, &x, &d->diag);

	if (r == 0)
		r = own(d);
	if (r == 0)
		r = pipeline_open(&d->pipe, &d->conf, &d->diag);
	if (r == 0)
		r = store_open(&sc, &d->pipe.store, &d->diag);
	if (r == 0)
		r = pipeline_map(&d->pipe, d->dir, true, &d->diag);
	if (r == 0)
		r = stream_open(&st, d->pipe.sources, &d->stream, &d->diag);
	if (r == 0)
		r = serve(d);
	return r == 0 ? confine_calls(&d->conf, &d->diag) : r;
}

static int demo(struct demo *d)
{
	int r = open_all(d);

	if (r == 0) {
		span(d);
		r = feed(d);
	}
	if (r == 0 && !d->stop)
		r = pipeline_finish(&d->pipe, d->last);
	if (r == 0 && !d->stop)
		r = pipeline_ask(&d->pipe, &d->conf, &d->diag);
	if (r == 0)
		r = show(d, true);
	if (r == 0 && !d->stop) {
		printf("\nThat was all: %llu records, %llu alerts. The page stays.\n",
		       (unsigned long long)d->events, (unsigned long long)d->pipe.alerts);
		fflush(stdout);
	}
	while (r == 0 && !d->once && !d->stop)
		nap(d, NS_PER_S);
	api_stop(d->api);
	stream_free(d->stream);
	d->pipe.store = store_close(d->pipe.store);
	pipeline_close(&d->pipe);
	return r;
}

static int take_options(struct demo *d, int argc, char **argv)
{
	int opt;

	optind = 1;
	while ((opt = getopt_long(argc + 1, argv - 1, "", longs, NULL)) != -1) {
		if (opt == 's')
			d->dir = optarg;
		else if (opt == 'l')
			d->listen = optarg;
		else if (opt == 'o')
			d->once = true;
		else if (opt != 'n' || !str_i64(str_of(optarg), &d->seconds) ||
			 d->seconds < 1 || d->seconds > 86400)
			return usage_error(&cmd_demo, "thymus demo: see the options below");
	}
	return optind <= argc ? usage_error(&cmd_demo, "thymus demo takes no further words")
			      : 0;
}

static int run(int argc, char **argv)
{
	struct demo *d = calloc(1, sizeof(*d));
	int status;

	if (!d || config_init(&d->conf) < 0) {
		free(d);
		return 1;
	}
	d->dir = "thymus-demo";
	d->listen = "127.0.0.1:8765";
	d->seconds = SECONDS;
	d->samples = config_share(&d->conf, "demo");
	buf_init(&d->models, 64 * MIB);
	buf_init(&d->options, MIB);
	/* Before threads are started, so that none of them gets the signal. */
	sigemptyset(&d->signals);
	sigaddset(&d->signals, SIGINT);
	sigaddset(&d->signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &d->signals, NULL);
	status = take_options(d, argc, argv);
	d->conf.store_dir = str_of(d->dir);
	if (status == 0) {
		int r = demo(d);

		if (r < 0) {
			fprintf(stderr, "thymus demo: %s\n",
				d->diag.msg[0]	      ? d->diag.msg
				: d->pipe.diag.msg[0] ? d->pipe.diag.msg
						      : err_text(r));
			status = 1;
		}
	}
	buf_free(&d->models);
	buf_free(&d->options);
	config_free(&d->conf);
	free(d);
	return status;
}

const struct command cmd_demo = {
	.name = "demo",
	.run = run,
	.usage = "thymus demo [OPTION]...\n"
		 "Nineteen days of an invented company in a minute: two weeks to learn from, "
		 "then "
		 "a bad one.\n"
		 "The page shows how alerts and incidents come up, and stays. Nobody has to "
		 "sign "
		 "in; only\n"
		 "this machine can reach it.\n\n"
		 "  --seconds N    how long the days take (default 50)\n"
		 "  --listen A:P   where (default 127.0.0.1:8765)\n"
		 "  --store DIR    made anew each time (default thymus-demo)\n"
		 "  --once         ends when the days are over\n\n"
		 "example: thymus demo --seconds 20\n",
	.summary = "an invented company, replayed in a minute with the page",
};
