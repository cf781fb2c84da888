/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which channels of real traffic beat: Zeek's tab-separated conn and http logs (plain or .gz),
 * grouped by client, server, port and, in http, host. Usage: channels [-v] FILE...
 *
 * A flagged channel counts as periodic by inspection when at least half of its gaps lie within
 * a quarter of their median, or of twice or three times it. That rule shares nothing with the
 * e-process; -v lists every flagged channel, otherwise only those that fail it.
 */
#include "base/hash.h"
#include "base/macros.h"
#include "base/map.h"
#include "learn/rhythm.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define LINE_MAX_BYTES 65536
#define FIELDS	       64
#define LN_1E4	       9.2103
#define LN_LEVELS      0.6931
#define ARRIVALS_MIN   4

struct channel {
	char name[120];
	double *t;
	size_t n, cap;
};

struct channels {
	struct map index;
	struct channel *at;
	size_t n, cap;
	size_t records;
};

static const struct rhythm_clock level[2] = {{.delta = 20 * NS_PER_MS},
					     {.delta = 3 * NS_PER_S}};

static void *grow(void *p, size_t *cap, size_t size)
{
	*cap = *cap ? *cap * 2 : 16;
	p = realloc(p, *cap * size);
	if (!p)
		exit(1);
	return p;
}

static void arrive(struct channels *all, const char *name, double t)
{
	uint64_t *slot = map_put(&all->index, hash_str(str_of(name), 1), NULL);
	struct channel *c;

	if (!slot)
		exit(1);
	if (!*slot) {
		if (all->n == all->cap)
			all->at = grow(all->at, &all->cap, sizeof(*all->at));
		c = &all->at[all->n++];
		*c = (struct channel){.n = 0};
		snprintf(c->name, sizeof(c->name), "%s", name);
		*slot = all->n;
	}
	c = &all->at[*slot - 1];
	if (c->n == c->cap)
		c->t = grow(c->t, &c->cap, sizeof(*c->t));
	c->t[c->n++] = t;
	all->records++;
}

/* Column of each field that names a channel; -1: the log has none. */
struct columns {
	int ts, client, server, port, host;
};

static int split(char *line, char *ret_f[FIELDS])
{
	int n = 0;

	for (char *p = line; p && n < FIELDS; n++) {
		ret_f[n] = p;
		p = strchr(p, '\t');
		if (p)
			*p++ = '\0';
	}
	return n;
}

static void header(char *line, struct columns *c)
{
	char *f[FIELDS];
	int n = split(line, f);

	*c = (struct columns){-1, -1, -1, -1, -1};
	/* The first is "#fields" itself. */
	for (int i = 1; i < n; i++) {
		if (!strcmp(f[i], "ts"))
			c->ts = i - 1;
		else if (!strcmp(f[i], "id.orig_h"))
			c->client = i - 1;
		else if (!strcmp(f[i], "id.resp_h"))
			c->server = i - 1;
		else if (!strcmp(f[i], "id.resp_p"))
			c->port = i - 1;
		else if (!strcmp(f[i], "host"))
			c->host = i - 1;
	}
}

static void record(struct channels *all, char *line, const struct columns *c)
{
	char *f[FIELDS], name[120];
	int n = split(line, f);

	if (c->ts < 0 || c->client < 0 || c->server < 0 || c->port < 0 ||
	    MAX(MAX(c->ts, c->client), MAX(c->server, c->port)) >= n)
		return;
	snprintf(name, sizeof(name), "%.45s %.45s:%.5s %.20s", f[c->client], f[c->server],
		 f[c->port], c->host >= 0 && c->host < n ? f[c->host] : "");
	arrive(all, name, strtod(f[c->ts], NULL));
}

static void read_log(struct channels *all, const char *path)
{
	static char line[LINE_MAX_BYTES];
	struct columns c = {-1, -1, -1, -1, -1};
	gzFile f = gzopen(path, "rb");

	if (!f) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return;
	}
	while (gzgets(f, line, sizeof(line))) {
		line[strcspn(line, "\r\n")] = '\0';
		if (!strncmp(line, "#fields", 7))
			header(line, &c);
		else if (line[0] != '#')
			record(all, line, &c);
	}
	gzclose(f);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static bool by_inspection(const struct channel *c, double apart, double *ret_median)
{
	double *y = malloc(c->n * sizeof(*y)), last = c->t[0];
	size_t n = 0, near = 0;

	if (!y)
		exit(1);
	for (size_t i = 1; i < c->n; i++)
		if (c->t[i] - last > apart) {
			y[n++] = c->t[i] - last;
			last = c->t[i];
		}
	qsort(y, n, sizeof(*y), ascending);
	*ret_median = n ? y[n / 2] : 0;
	for (size_t i = 0; i < n; i++) {
		double k = MIN(3, MAX(1, round(y[i] / *ret_median)));

		near += fabs(y[i] / *ret_median - k) <= 0.25 * k;
	}
	free(y);
	return n >= 3 && near * 2 >= n;
}

/* Arrivals until the alarm at 1e-4 on one of both levels, 0 = never. */
static size_t alarm_at(const struct channel *c, double *ret_e)
{
	struct rhythm_gate g[2] = {{0}};
	struct rhythm r[2] = {{0}};
	size_t at = 0;

	*ret_e = 0;
	for (size_t i = 0; i < c->n; i++)
		for (int k = 0; k < 2; k++) {
			int64_t t = (int64_t)((c->t[i] - c->t[0]) * 1e9) + 1;
			bool open = false;

			if (r[k].n)
				(void)rhythm_add(&r[k], &g[k], &level[k], t, 0);
			else
				(void)rhythm_gate_add(&g[k], &level[k], t, 0, &open);
			if (open)
				rhythm_open(&r[k], &g[k], &level[k]);
			if (!r[k].n)
				continue;
			*ret_e = MAX(*ret_e, rhythm_log_e(&r[k]));
			if (!at && rhythm_beacon(&r[k], &level[k], LN_1E4 + LN_LEVELS))
				at = i + 1;
		}
	return at;
}

int main(int argc, char **argv)
{
	struct channels all = {.n = 0};
	size_t tried = 0, flagged = 0, other = 0;
	bool verbose = argc > 1 && !strcmp(argv[1], "-v");

	map_init(&all.index);
	for (int i = verbose ? 2 : 1; i < argc; i++)
		read_log(&all, argv[i]);
	for (size_t i = 0; i < all.n; i++) {
		struct channel *c = &all.at[i];
		double e, median;
		size_t at;
		bool periodic;

		qsort(c->t, c->n, sizeof(*c->t), ascending);
		if (c->n >= ARRIVALS_MIN) {
			tried++;
			at = alarm_at(c, &e);
			periodic =
				by_inspection(c, 0.02, &median) || by_inspection(c, 3, &median);
			flagged += at > 0;
			other += at && !periodic;
			if (at && (verbose || !periodic))
				printf("%s: %zu calls, median gap %.1f s, alarm after %zu, ln "
				       "E "
				       "%.1f%s\n",
				       c->name, c->n, median, at, e,
				       periodic ? "" : ", not periodic by inspection");
		}
		free(c->t);
	}
	printf("%zu records, %zu channels with at least %d calls, %zu flagged at 1e-4, %zu of "
	       "them "
	       "not periodic by inspection\n",
	       all.records, tried, ARRIVALS_MIN, flagged, other);
	free(all.at);
	map_free(&all.index);
	return 0;
}
