/* SPDX-License-Identifier: Apache-2.0 */
#include "main/report.h"
#include "base/timeutil.h"
#include <stdio.h>

void progress_start(struct progress *p, bool on)
{
	*p = (struct progress){.on = on, .started = time_wall()};
}

/* Whether it is time to draw the bar again. */
static bool due(struct progress *p)
{
	int64_t now = p->on ? time_wall() : 0;

	if (!p->on || now - p->shown < 100 * NS_PER_MS)
		return false;
	p->shown = now;
	return true;
}

static void draw(uint64_t done, uint64_t total)
{
	static const char full[] = "##############################";
	int part = total ? (int)MIN(30 * done / total, 30u) : 0;

	fprintf(stderr, "\r[%-30.*s] ", part, full);
}

void progress_scan(void *arg, uint64_t done, uint64_t total)
{
	if (!due(arg))
		return;
	draw(done, total);
	fprintf(stderr, "looking at times ");
	fflush(stderr);
}

void progress_show(struct progress *p, const struct stream *st, int64_t event_time)
{
	struct stream_stats s;
	char when[TIME_TEXT];

	if (!due(p))
		return;
	stream_stats(st, &s);
	time_rfc3339(event_time / NS_PER_S * NS_PER_S, when);
	draw(s.bytes_done, s.bytes_total);
	fprintf(stderr, "%s %llu events, %.0f/s ", when, (unsigned long long)s.events,
		(double)s.events * 1e9 / (double)MAX(p->shown - p->started, 1));
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (p->on)
		fprintf(stderr, "\r%79s\r", "");
}

static void print_safe(struct str s)
{
	struct buf b;

	buf_init(&b, 64 * KIB);
	buf_safe(&b, s);
	fwrite(buf_str(&b).p, 1, buf_str(&b).len, stdout);
	buf_free(&b);
}

static int incident_line(const struct store_finding *f, void *arg)
{
	char when[TIME_TEXT];

	(void)arg;
	printf("  %.*s  %-13s %3u  %s  ", STR_ARG(f->id),
	       severity_name((enum severity)f->severity), f->score,
	       time_rfc3339(f->time / NS_PER_S * NS_PER_S, when));
	print_safe(f->title);
	putchar('\n');
	return 0;
}

void report_incidents(struct store *st)
{
	static const char *const queues[] = {"threat", "compliance"};
	struct diag d;

	for (size_t i = 0; st && i < ARRAY_LEN(queues); i++) {
		struct store_query q = {.kind = STR("incident"),
					.queue = str_of(queues[i]),
					.from = TIME_NONE,
					.to = TIME_NONE,
					.limit = 20};

		printf("\nincidents, %s queue (the story of one: thymus incidents show ID)\n",
		       queues[i]);
		if (store_findings(st, &q, incident_line, NULL, &d) < 0)
			printf("  %s\n", d.msg);
	}
}

static void print_types(const struct pipeline *p, const uint64_t *per_type)
{
	size_t n = MIN(schema_types(p->schema), (size_t)4096);

	printf("\nevents by source and class\n");
	for (size_t i = 0; i < n; i++) {
		const struct rectype *t = schema_type(p->schema, i);
		const char *cls = ocsf_class_name(t->cls);

		if (per_type[i])
			printf("  %-28s %-24s %10llu\n", t->name, cls ? cls : "",
			       (unsigned long long)per_type[i]);
	}
}

static void print_refusals(struct stream *st)
{
	const struct stream_file *files;
	const struct refusal *ref;
	size_t nfiles = stream_files(st, &files), shown = 0;
	size_t n = stream_refusals(st, &ref);

	for (size_t i = 0; i < n; i++) {
		printf("  refused %llu of %s: %s; first: ", (unsigned long long)ref[i].n,
		       ref[i].source, ref[i].why);
		print_safe(str_sub(str_of(ref[i].first), 0, 100));
		putchar('\n');
	}
	for (size_t i = 0; i < nfiles; i++) {
		if (!files[i].why[0])
			continue;
		if (++shown > 20)
			continue;
		printf("  refused file ");
		print_safe(str_of(files[i].path));
		printf(": ");
		print_safe(str_of(files[i].why));
		putchar('\n');
	}
	if (shown > 20)
		printf("  ... and %zu more files\n", shown - 20);
}

void report_run(struct pipeline *p, struct stream *st, const uint64_t *per_type, int64_t first,
		int64_t last, int64_t wall_ns)
{
	struct stream_stats s;
	struct learn_stats ls;
	char from[TIME_TEXT], to[TIME_TEXT], span[TIME_TEXT];
	size_t nsup;
	uint64_t suppressed = pipeline_suppressed(p, &nsup);

	stream_stats(st, &s);
	learn_stats(p->learn, &ls);
	print_types(p, per_type);
	print_refusals(st);
	if (s.events)
		printf("\n%s to %s (%s)", time_rfc3339(first, from), time_rfc3339(last, to),
		       time_human(last - first, span));
	printf("\n%llu events of %zu files in %.1f s (%.0f events/s), %llu duplicates dropped, "
	       "%llu records refused\n",
	       (unsigned long long)s.events, s.files, (double)wall_ns / 1e9,
	       (double)s.events * 1e9 / (double)MAX(wall_ns, 1),
	       (unsigned long long)s.duplicates, (unsigned long long)s.refused);
	if (s.packets)
		printf("%llu packets, %llu connections seen on the wire\n",
		       (unsigned long long)s.packets, (unsigned long long)s.flows);
	printf("%llu alerts, %llu notes; %zu learned states of %zu quantities in %.1f MiB%s\n",
	       (unsigned long long)p->alerts, (unsigned long long)p->notes, ls.states,
	       ls.quantities, (double)ls.bytes / (double)MIB,
	       ls.learning ? "; still in learning mode" : "");
	if (p->asked.incidents)
		printf("%zu questions about %zu incidents answered in %.2f s, %zu of them with "
		       "yes\n",
		       p->asked.answers, p->asked.incidents, (double)p->asked.ns / 1e9,
		       p->asked.yes);
	if (suppressed || nsup)
		printf("%llu alerts left out by %zu suppressions (thymus suppress list)\n",
		       (unsigned long long)suppressed, nsup);
	printf("budget of the threat queue: %.3g alerts a day asked, %.2f given\n",
	       ls.asked_per_day, ls.realised_per_day);
}
