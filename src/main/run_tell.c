/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon tells of itself. */
#include "base/timeutil.h"
#include "main/run.h"
#include <stddef.h>

static void intake_json(struct buf *b, struct intake *in)
{
	struct intake_stats s;

	intake_stats(in, &s);
	buf_fmt(b, "\"intake\":{\"datagrams\":%llu,\"lines\":%llu,\"pushed\":%llu,",
		(unsigned long long)s.datagrams, (unsigned long long)s.lines,
		(unsigned long long)s.pushed);
	buf_fmt(b, "\"refused\":%llu,\"cut\":%llu,\"dropped\":%llu,\"errors\":%llu,",
		(unsigned long long)s.refused, (unsigned long long)s.cut,
		(unsigned long long)s.dropped, (unsigned long long)s.errors);
	buf_fmt(b, "\"connections\":%llu,\"turned_away\":%llu,\"waiting\":%s},",
		(unsigned long long)s.connections, (unsigned long long)s.turned_away,
		s.waiting ? "true" : "false");
}

/* One figure with its help and kind, as Prometheus wants them. */
static void figure(struct buf *b, const char *name, const char *kind, const char *help,
		   uint64_t v)
{
	buf_fmt(b, "# HELP thymus_%s %s\n# TYPE thymus_%s %s\nthymus_%s %llu\n", name, help,
		name, kind, name, (unsigned long long)v);
}

static void tell_intake(struct buf *b, struct intake *in)
{
	struct intake_stats s;

	intake_stats(in, &s);
	figure(b, "intake_datagrams_total", "counter", "Syslog messages over UDP.",
	       s.datagrams);
	figure(b, "intake_lines_total", "counter", "Syslog messages over TCP.", s.lines);
	figure(b, "intake_pushed_total", "counter", "Records pushed over HTTP.", s.pushed);
	figure(b, "intake_refused_total", "counter", "Pushed values that are no object.",
	       s.refused);
	figure(b, "intake_cut_total", "counter", "Syslog messages that were too long.", s.cut);
	figure(b, "intake_dropped_total", "counter", "Messages lost before they were written.",
	       s.dropped);
	figure(b, "intake_errors_total", "counter", "Writes to the spool that failed.",
	       s.errors);
	figure(b, "intake_turned_away_total", "counter", "Connections beyond the limit.",
	       s.turned_away);
	figure(b, "intake_connections", "gauge", "Syslog connections over TCP.", s.connections);
	figure(b, "intake_waiting", "gauge", "1 while nothing is taken in.", s.waiting);
}

static void outputs_json(struct buf *b, struct outputs *o)
{
	buf_addz(b, "\"outputs\":[");
	for (size_t i = 0; i < outputs_count(o); i++) {
		struct output_stats s;

		outputs_stats(o, i, &s);
		buf_fmt(b, "%s{\"name\":\"%s\",\"kind\":\"%s\",\"sent\":%llu,\"refused\":%llu,",
			i ? "," : "", s.name, s.kind, (unsigned long long)s.sent,
			(unsigned long long)s.refused);
		buf_fmt(b, "\"skipped\":%llu,\"failures\":%llu,\"behind\":%llu,\"waiting\":%s",
			(unsigned long long)s.skipped, (unsigned long long)s.failures,
			(unsigned long long)s.behind, s.waiting ? "true" : "false");
		if (s.error[0]) {
			buf_addz(b, ",\"error\":");
			buf_json(b, str_of(s.error));
		}
		buf_addc(b, '}');
	}
	buf_addz(b, "],");
}

/* One figure of every output, told apart by its name. */
static void tell_outputs(struct buf *b, struct outputs *o)
{
	static const struct {
		const char *name, *kind, *help;
		size_t at;
	} rows[] = {
		{"sent_total", "counter", "Findings sent.",
		 offsetof(struct output_stats, sent)},
		{"refused_total", "counter", "Findings that the receiver refused for good.",
		 offsetof(struct output_stats, refused)},
		{"skipped_total", "counter", "Entries of the feed left out, too far behind.",
		 offsetof(struct output_stats, skipped)},
		{"failures_total", "counter", "Tries that came to nothing.",
		 offsetof(struct output_stats, failures)},
		{"behind", "gauge", "Entries of the feed not looked at yet.",
		 offsetof(struct output_stats, behind)},
	};

	for (size_t k = 0; outputs_count(o) && k < ARRAY_LEN(rows); k++) {
		buf_fmt(b, "# HELP thymus_output_%s %s\n# TYPE thymus_output_%s %s\n",
			rows[k].name, rows[k].help, rows[k].name, rows[k].kind);
		for (size_t i = 0; i < outputs_count(o); i++) {
			struct output_stats s;

			outputs_stats(o, i, &s);
			buf_fmt(b, "thymus_output_%s{output=\"%s\"} %llu\n", rows[k].name,
				s.name,
				*(unsigned long long *)(void *)((char *)&s + rows[k].at));
		}
	}
}

static void tell_metrics(struct run *r, const struct live_stats *s)
{
	struct buf *b = &r->metrics;
	size_t nsup;

	buf_clear(b);
	figure(b, "events_total", "counter", "Events since the start.", s->events);
	figure(b, "records_total", "counter", "Records read.", s->records);
	figure(b, "read_bytes_total", "counter", "Bytes read, decompressed.", s->bytes);
	figure(b, "refused_total", "counter", "Records that were refused.", s->refused);
	figure(b, "duplicates_total", "counter", "Events dropped as copies.", s->duplicates);
	figure(b, "late_total", "counter", "Events known before one that had gone already.",
	       s->late);
	figure(b, "early_total", "counter", "Events that went early for want of memory.",
	       s->early);
	figure(b, "alerts_total", "counter", "Alerts.", r->pipe.alerts);
	figure(b, "suppressed_total", "counter", "Alerts left out by suppressions.",
	       pipeline_suppressed(&r->pipe, &nsup));
	figure(b, "notes_total", "counter", "Alerts that the budget made notes.",
	       r->pipe.notes);
	figure(b, "waiting_events", "gauge", "Events that wait for earlier ones.", s->waiting);
	figure(b, "behind_bytes", "gauge", "Bytes on disk that are not read yet.", s->behind);
	figure(b, "files", "gauge", "Files that are followed.", s->files);
	figure(b, "files_not_recognised", "gauge", "Files of no known format.",
	       s->refused_files);
	figure(b, "last_event_seconds", "gauge", "Time of the latest event, since 1970.",
	       s->known > 0 ? (uint64_t)(s->known / NS_PER_S) : 0);
	figure(b, "checkpoint_seconds", "gauge", "Time of the last checkpoint, since 1970.",
	       (uint64_t)(r->kept / NS_PER_S));
	figure(b, "checkpoints_failed_total", "counter", "Checkpoints that were not written.",
	       r->failed_checkpoints);
	figure(b, "restarts_total", "counter",
	       "Times the last checkpoint was gone back to, for the disk was full.",
	       r->restarts);
	figure(b, "dropped_blocks_total", "counter", "Blocks of records dropped for their age.",
	       r->dropped_blocks);
	figure(b, "dropped_findings_total", "counter", "Findings dropped for their age.",
	       r->dropped_findings);
	figure(b, "disk_full", "gauge", "1 while the disk has too little room.", r->full);
	tell_intake(b, r->intake);
	run_capture_metrics(b, r);
	tell_outputs(b, r->outputs);
}

void run_tell(struct run *r, int64_t now)
{
	struct live_stats s;
	struct buf *b = &r->health;
	char when[TIME_TEXT];

	live_stats(r->live, &s);
	intake_behind(r->intake, s.behind);
	run_capture_behind(r, s.behind);
	run_own_tell(r, &s, now);
	pthread_mutex_lock(&r->lock);
	buf_clear(b);
	buf_fmt(b, "\"state\":\"%s\",\"now\":\"%s\",", r->full ? "disk full" : "running",
		time_rfc3339(now / NS_PER_S * NS_PER_S, when));
	buf_fmt(b, "\"live\":{\"events\":%llu,\"records\":%llu,\"bytes\":%llu,",
		(unsigned long long)s.events, (unsigned long long)s.records,
		(unsigned long long)s.bytes);
	buf_fmt(b, "\"refused\":%llu,\"duplicates\":%llu,\"late\":%llu,\"early\":%llu,",
		(unsigned long long)s.refused, (unsigned long long)s.duplicates,
		(unsigned long long)s.late, (unsigned long long)s.early);
	buf_fmt(b, "\"waiting\":%llu,\"behind_bytes\":%llu,\"files\":%zu,\"open\":%zu,",
		(unsigned long long)s.waiting, (unsigned long long)s.behind, s.files, s.open);
	buf_fmt(b, "\"files_not_recognised\":%zu,\"alerts\":%llu,\"notes\":%llu,",
		s.refused_files, (unsigned long long)r->pipe.alerts,
		(unsigned long long)r->pipe.notes);
	buf_fmt(b, "\"seq\":%llu,\"last_event\":\"%s\"},", (unsigned long long)s.seq,
		s.known ? time_rfc3339(s.known / NS_PER_S * NS_PER_S, when) : "");
	intake_json(b, r->intake);
	run_own_health(b, r);
	run_capture_health(b, r);
	outputs_json(b, r->outputs);
	buf_fmt(b, "\"checkpoint\":{\"time\":\"%s\",\"seq\":%llu,\"failed\":%llu},",
		time_rfc3339(r->kept / NS_PER_S * NS_PER_S, when),
		(unsigned long long)r->kept_seq, (unsigned long long)r->failed_checkpoints);
	buf_addz(b, "\"learning\":");
	pipeline_learning(&r->pipe, b);
	buf_addc(b, ',');
	tell_metrics(r, &s);
	pthread_mutex_unlock(&r->lock);
}

void run_health(struct buf *out, void *arg)
{
	struct run *r = arg;

	pthread_mutex_lock(&r->lock);
	buf_add(out, buf_str(&r->health));
	pthread_mutex_unlock(&r->lock);
}

void run_metrics(struct buf *out, void *arg)
{
	struct run *r = arg;

	pthread_mutex_lock(&r->lock);
	buf_add(out, buf_str(&r->metrics));
	pthread_mutex_unlock(&r->lock);
}
