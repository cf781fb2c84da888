/* SPDX-License-Identifier: Apache-2.0 */
#include "main/models.h"
#include "base/timeutil.h"
#include "parse/stream.h"
#include <errno.h>
#include <stdio.h>

#define BATCH	   1024
#define UNSEEN_MAX 8 /* fields named */

static void print_safe(struct str s)
{
	struct buf b;

	buf_init(&b, MIB);
	buf_safe(&b, s);
	fwrite(buf_str(&b).p, 1, buf_str(&b).len, stdout);
	buf_free(&b);
}

int models_past(const struct detect *dt, struct buf *b)
{
	const struct model *const *m;
	size_t n = detect_models(dt, &m);

	for (size_t i = 0; i < n; i++) {
		struct str names[UNSEEN_MAX];
		uint64_t events;
		size_t unseen = detect_unseen(dt, m[i], names, UNSEEN_MAX, &events);

		if (m[i]->part)
			continue;
		buf_safe(b, m[i]->name);
		buf_fmt(b, "\t%llu\t%llu\t%llu\t%llu\t%zu\t", (unsigned long long)m[i]->matched,
			(unsigned long long)m[i]->alerted, (unsigned long long)m[i]->noted,
			(unsigned long long)events, unseen);
		for (size_t k = 0; k < MIN(unseen, (size_t)UNSEEN_MAX); k++) {
			buf_addz(b, k ? ", " : "");
			buf_safe(b, names[k]);
		}
		buf_addz(b, unseen > UNSEEN_MAX ? " and more\n" : "\n");
	}
	return buf_err(b);
}

/* The line of a model in what models_past wrote, cut at its tabs. */
static bool past_find(struct str past, struct str name, struct str col[7])
{
	while (past.p) {
		struct str line = str_cut(past, '\n', &past);

		for (size_t i = 0; i < 7; i++)
			col[i] = str_cut(line, '\t', &line);
		if (str_eq(col[0], name))
			return true;
	}
	return false;
}

void models_line(const struct model *m, struct str past)
{
	struct str col[7];

	printf("%-44.*s %-13s ", STR_ARG(m->name), severity_name(m->level));
	print_safe(m->title);
	if (m->cannot_fire) {
		printf(" [cannot fire: ");
		print_safe(str_of(m->cannot_fire));
		printf("]\n");
		return;
	}
	if (!past_find(past, m->name, col)) {
		printf(past.p ? " [not in the last replay]\n" : "\n");
		return;
	}
	if (str_eqz(col[4], "0"))
		printf(" [no record of its log source]");
	else if (str_eqz(col[1], "0"))
		printf(" [never matched in %.*s records]", STR_ARG(col[4]));
	else
		printf(" [matched %.*s of %.*s records: %.*s alerts, %.*s notes]",
		       STR_ARG(col[1]), STR_ARG(col[4]), STR_ARG(col[2]), STR_ARG(col[3]));
	if (!str_eqz(col[4], "0") && !str_eqz(col[5], "0"))
		printf(" [no record has: %.*s]", STR_ARG(col[6]));
	putchar('\n');
}

struct trial {
	struct pipeline *p;
	const char *rules;
	bool json;
	struct buf line;
	uint64_t matches;
};

static bool asked_for(const struct trial *t, const struct model *m)
{
	return !m->part && str_starts(m->path, str_of(t->rules));
}

static void as_json(struct trial *t, const struct event *e)
{
	const struct model *const *m;
	size_t n = detect_matched(t->p->detect, &m), shown = 0;
	char when[TIME_TEXT];

	buf_clear(&t->line);
	buf_fmt(&t->line,
		"{\"time\":\"%s\",\"type\":\"%s\",\"id\":", time_rfc3339(e->time, when),
		e->type->name);
	buf_json(&t->line, e->id);
	buf_addz(&t->line, ",\"rules\":[");
	for (size_t i = 0; i < n; i++)
		if (asked_for(t, m[i])) {
			buf_addz(&t->line, shown++ ? "," : "");
			buf_json(&t->line, m[i]->name);
		}
	buf_addz(&t->line, "]}\n");
	if (shown)
		fwrite(t->line.p, 1, t->line.len, stdout);
	t->matches += shown > 0;
}

static void as_text(struct trial *t, const struct event *e)
{
	const struct model *const *m;
	size_t n = detect_matched(t->p->detect, &m), shown = 0;
	char when[TIME_TEXT];

	for (size_t i = 0; i < n; i++) {
		if (!asked_for(t, m[i]))
			continue;
		printf("%s  %s  ", time_rfc3339(e->time, when), e->type->name);
		print_safe(e->id);
		printf("  %.*s\n", STR_ARG(m[i]->name));
		shown++;
	}
	t->matches += shown > 0;
}

static void summary(const struct trial *t)
{
	const struct model *const *m;
	size_t n = detect_models(t->p->detect, &m);

	for (size_t i = 0; i < n; i++) {
		struct str names[UNSEEN_MAX];
		uint64_t events;
		size_t unseen = detect_unseen(t->p->detect, m[i], names, UNSEEN_MAX, &events);

		if (!asked_for(t, m[i]))
			continue;
		printf("%.*s: matched %llu times, %llu records of its log source",
		       STR_ARG(m[i]->name), (unsigned long long)m[i]->matched,
		       (unsigned long long)events);
		if (m[i]->cannot_fire) {
			printf("; cannot fire: ");
			print_safe(str_of(m[i]->cannot_fire));
		}
		for (size_t k = 0; events && k < MIN(unseen, (size_t)UNSEEN_MAX); k++) {
			printf(k ? ", " : "; no record has ");
			print_safe(names[k]);
		}
		printf(unseen > UNSEEN_MAX && events ? " and more\n" : "\n");
	}
}

static int feed(struct trial *t, struct stream *st, struct diag *d)
{
	struct event *ev;
	struct arena *mem;
	int n;

	while ((n = stream_next(st, &ev, BATCH, &mem, d)) > 0)
		for (int i = 0; i < n; i++) {
			int r = pipeline_event(t->p, &ev[i], mem);

			if (r < 0)
				return diag_set(d, r, "%s", err_text(r));
			if (t->json)
				as_json(t, &ev[i]);
			else
				as_text(t, &ev[i]);
		}
	return n;
}

static void refused_files(struct stream *st)
{
	const struct stream_file *files;
	size_t n = stream_files(st, &files);

	for (size_t i = 0; i < n; i++)
		if (files[i].why[0])
			fprintf(stderr, "refused file %s: %s\n", files[i].path, files[i].why);
}

int models_try(struct pipeline *p, const struct config *c, const char *rules,
	       const char *const *paths, size_t npaths, bool json, struct diag *d)
{
	struct stream_conf sc = {.paths = paths,
				 .npaths = npaths,
				 .threads = (unsigned)c->threads,
				 .hold_bytes = (size_t)c->hold_memory_mib * MIB};
	struct trial t = {.p = p, .rules = rules, .json = json};
	struct stream *st = NULL;
	int r;

	buf_init(&t.line, MIB);
	r = stream_open(&sc, p->sources, &st, d);
	if (r == 0)
		r = feed(&t, st, d);
	if (r == 0)
		refused_files(st);
	if (r == 0 && !json)
		summary(&t);
	stream_free(st);
	buf_free(&t.line);
	return r;
}
