/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harness: the product and its rivals over the same organisations, at the same alert budgets.
 *   harness [--seeds N] [--first N] [--only cloud|lan] [--rate X] [--attacks X] [--asked N]
 *           [--stress] [--models] [--list] [--alone]
 * With --alone the rivals are left out, with --list every alert and note is a line. With
 * --stress the product alone reads the first seed plainly and with each kind of trouble that a
 * sensor makes. The exit status is 1 when it gave more alerts than its budget allows.
 */
#include "bench/learn/baselines.h"
#include "bench/learn/merit.h"
#include "bench/learn/product.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DETECTORS_MAX 16

struct options {
	unsigned seeds, first;
	double asked;
	bool lan, cloud, stress, models, list, alone;
	const char *share;
	struct stream_conf stream;
};

struct detector {
	const char *name;
	struct outcome sum;
	double cpu_ns, records;
};

struct run {
	const struct options *o;
	struct stream s;
	struct detector d[DETECTORS_MAX];
	size_t n;
	double days; /* of all seeds, from the first day on */
};

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int fail(const char *what)
{
	fprintf(stderr, "harness: %s\n", what);
	return -1;
}

/* ---- detectors over one stream ---- */

static int run_product(struct run *x, struct detector *d)
{
	struct merit *t[VIEWS] = {NULL};
	struct diag diag = {{0}};
	struct product *p = NULL;
	double view[VIEWS], began = cpu_ns();
	int r = product_open(&x->s, x->o->share, x->o->asked, x->o->list, &p, &diag);

	if (r < 0)
		return fail(diag.msg);
	for (int v = 0; r == 0 && v < VIEWS; v++)
		r = (t[v] = merit_new(&x->s, v == VIEW_ALERT)) ? 0 : fail("out of memory");
	for (size_t i = 0; r == 0 && i < x->s.n; i++) {
		if ((r = product_see(p, &x->s.rec[i], view)) < 0)
			fail(err_text(r));
		for (int v = 0; r == 0 && v < VIEWS; v++)
			merit_see(t[v], &x->s.rec[i], view[v]);
	}
	for (int v = 0; v < VIEWS; v++) {
		if (r == 0)
			merit_add(t[v], &d[v].sum);
		d[v].name = view_names[v];
		merit_free(t[v]);
	}
	d[0].cpu_ns += cpu_ns() - began;
	d[0].records += (double)x->s.n;
	if (r == 0 && x->o->models)
		product_print_models(p);
	product_free(p);
	return r;
}

static int run_baseline(struct run *x, const struct baseline *b, struct detector *d)
{
	struct merit *t = merit_new(&x->s, false);
	void *state = b->open(&x->s);
	double began = cpu_ns();

	if (!t || !state) {
		merit_free(t);
		return fail("out of memory");
	}
	d->name = b->name;
	for (size_t i = 0; i < x->s.n; i++)
		merit_see(t, &x->s.rec[i], b->see(state, &x->s.rec[i]));
	d->cpu_ns += cpu_ns() - began;
	d->records += (double)x->s.n;
	merit_add(t, &d->sum);
	b->close(state);
	merit_free(t);
	return 0;
}

static int make_stream(struct run *x, bool lan, uint64_t seed, enum stress stress)
{
	struct stream_conf conf = x->o->stream;
	int r;

	conf.seed = seed;
	r = lan ? stream_lan(&conf, &x->s) : stream_cloud(&conf, &x->s);
	if (r == 0)
		r = stream_stress(&x->s, stress, seed);
	return r < 0 ? fail("out of memory") : 0;
}

/* ---- tables ---- */

static void print_percent(unsigned k, unsigned n)
{
	if (n)
		printf(" %4.0f", 100.0 * k / n);
	else
		printf("    -");
}

static bool has_kind(const struct run *x, int kind)
{
	return x->d[0].sum.kind[kind].n != 0;
}

static void print_kinds(const struct run *x)
{
	printf("%-20s", "");
	for (int k = 0; k < ATTACK_KINDS; k++)
		if (has_kind(x, k))
			printf(" | %-9s (%2u)", attack_names[k], x->d[0].sum.kind[k].n);
	printf("\n");
}

static void print_recall(const struct run *x, bool past)
{
	printf("\nRecall in %% at 1, 3, 10 alerts a day; threshold %s\n",
	       past ? "from the past 20 days only; right: harmless entities alerted a day"
		    : "from the harmless entities of the same day");
	print_kinds(x);
	for (size_t i = 0; i < x->n; i++) {
		const struct outcome *o = &x->d[i].sum;

		/* Alerts are given at the asked budget only. */
		bool fixed = i == VIEW_ALERT;
		int from = 0, to = fixed ? 1 : BUDGETS;

		if (!past && fixed)
			continue;
		printf("%-20s", x->d[i].name);
		for (int k = 0; k < ATTACK_KINDS; k++) {
			if (!has_kind(x, k))
				continue;
			printf(" |");
			for (int b = from; b < to; b++)
				print_percent(past ? o->kind[k].past[b] : o->kind[k].same[b],
					      o->kind[k].n);
			printf("%*s", 5 * (BUDGETS - to + from), "");
		}
		for (int b = from; past && b < to; b++)
			printf("%s%5.2f", b ? " " : " | ", o->alerts[b] / o->days);
		printf("\n");
	}
}

static void print_details(const struct run *x)
{
	printf("\nAt 3 a day from the past: recall with its 95 %% interval; first alarm by "
	       "step 1 2"
	       " 3 4 5 6 7\n(attacks); victim first, in the first 3, 10 of its day (%%); "
	       "CPU\n");
	for (size_t i = 0; i < x->n; i++) {
		const struct detector *d = &x->d[i];

		printf("%-20s", d->name);
		if (d->records > 0)
			printf(" %.0f ns a record", d->cpu_ns / d->records);
		if (i == VIEW_ALERT)
			printf(", %.2f decisions a day, true ones included, asked %g; %.0f in "
			       "all, at most %.0f allowed",
			       d->sum.decisions / x->days, x->o->asked, d->sum.decisions,
			       budget_most(x->o->asked * x->days));
		printf("\n");
		for (int k = 0; k < ATTACK_KINDS; k++) {
			unsigned n = d->sum.kind[k].n, hit = d->sum.kind[k].past[1];
			double low, high;

			if (!n)
				continue;
			wilson(hit, n, &low, &high);
			printf("    %-12s %3.0f %% [%3.0f, %3.0f]  by step", attack_names[k],
			       100.0 * hit / n, low, high);
			for (int s = 1; s < STEPS_MAX; s++)
				printf(" %2u", d->sum.kind[k].first[1][s]);
			printf("  rank");
			for (int t = 0; t < 3; t++)
				print_percent(d->sum.kind[k].top[t], n);
			if (k == ATTACK_REHEARSED)
				printf("  practice alarmed %.0f %%",
				       100.0 * d->sum.kind[k].practice[1] / n);
			printf("\n");
		}
	}
}

/* Of alerts that ask for a decision. */
static bool inside_bound(const struct options *o, const struct run *x, double days)
{
	return x->d[VIEW_ALERT].sum.decisions <= budget_most(o->asked * days);
}

static int compare(const struct options *o, bool lan)
{
	struct run x = {.o = o};
	double records = 0;

	for (unsigned seed = o->first; seed < o->first + o->seeds; seed++) {
		size_t n = VIEWS;
		int r = make_stream(&x, lan, seed, STRESS_NONE);

		if (r == 0)
			r = run_product(&x, x.d);
		for (size_t i = 0; r == 0 && !o->alone && i < nbaselines; i++)
			if (lan || !baselines[i].lan_only)
				r = run_baseline(&x, &baselines[i], &x.d[n++]);
		records += (double)x.s.n;
		x.days += (double)(x.s.end - x.s.begin) / (double)NS_PER_D;
		stream_free(&x.s);
		if (r < 0)
			return r;
		x.n = n;
	}
	printf("== %s: %u seeds from %u, %.0f records a seed, %.1f attacks a day, asked %g a "
	       "day\n",
	       lan ? "local network" : "cloud account", o->seeds, o->first, records / o->seeds,
	       o->stream.attacks > 0 ? o->stream.attacks : 1.5, o->asked);
	print_recall(&x, true);
	print_recall(&x, false);
	print_details(&x);
	printf("\n");
	return inside_bound(o, &x, x.days) ? 0 : 1;
}

/* ---- stress ---- */

static const enum view shown[] = {VIEW_ALERT, VIEW_CHAIN, VIEW_HOUR};

static void print_stressed(const struct run *x, const struct outcome *plain, int kind)
{
	unsigned n = x->d[0].sum.kind[kind].n;

	printf(" | %.10s", attack_names[kind]);
	for (size_t i = 0; i < ARRAY_LEN(shown); i++)
		printf("%s%.0f", i ? "/" : " ",
		       100.0 * x->d[shown[i]].sum.kind[kind].past[1] / n);
	for (size_t i = 0; plain && i < ARRAY_LEN(shown); i++)
		printf("%s%+.0f", i ? " " : " (",
		       100.0 * x->d[shown[i]].sum.kind[kind].past[1] / n -
			       100.0 * plain[i].kind[kind].past[1] / n);
	if (plain)
		printf(")");
}

/* plain: outcomes without stress of what is shown, NULL in that very run. */
static int stress_one(const struct options *o, bool lan, enum stress what,
		      const struct outcome *plain, struct outcome *ret_plain)
{
	struct run x = {.o = o};
	int r = make_stream(&x, lan, o->first, what);

	if (r == 0)
		r = run_product(&x, x.d);
	if (r < 0)
		return r;
	printf("%-20s %8zu  ", stress_names[what], x.s.n);
	for (size_t i = 0; i < ARRAY_LEN(shown); i++)
		printf("%s%.2f", i ? "/" : "",
		       x.d[shown[i]].sum.alerts[1] / x.d[shown[i]].sum.days);
	for (int k = 0; k < ATTACK_KINDS; k++)
		if (has_kind(&x, k))
			print_stressed(&x, plain, k);
	r = inside_bound(o, &x, (double)(x.s.end - x.s.begin) / (double)NS_PER_D) ? 0 : 1;
	printf(" | %.0f decisions%s\n", x.d[VIEW_ALERT].sum.decisions,
	       r ? ", MORE THAN THE BUDGET" : "");
	for (size_t i = 0; !plain && i < ARRAY_LEN(shown); i++)
		ret_plain[i] = x.d[shown[i]].sum;
	stream_free(&x.s);
	return r;
}

static int stress(const struct options *o, bool lan)
{
	struct outcome plain[ARRAY_LEN(shown)] = {0};
	int bad = 0, r;

	printf("== %s under stress, seed %u, asked %g a day\nOf alerts as shipped / chain / "
	       "hours as "
	       "a whole, at 3 a day: harmless entities alerted a day, recall in %% (change)\n",
	       lan ? "local network" : "cloud account", o->first, o->asked);
	for (int k = 0; k < STRESS_KINDS; k++) {
		r = stress_one(o, lan, (enum stress)k, k ? plain : NULL, plain);
		if (r < 0)
			return r;
		bad |= r;
		fflush(stdout);
	}
	printf("\n");
	return bad;
}

/* ---- command line ---- */

static int usage(void)
{
	fprintf(stderr, "harness [--seeds N] [--first N] [--only cloud|lan] [--rate X]"
			" [--attacks X]\n        [--asked N] [--share DIR] [--stress] "
			"[--models] [--list] [--alone]\n");
	return 2;
}

static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option all[] = {
		{"seeds", 1, NULL, 's'}, {"first", 1, NULL, 'f'},   {"only", 1, NULL, 'o'},
		{"rate", 1, NULL, 'r'},	 {"attacks", 1, NULL, 'a'}, {"asked", 1, NULL, 'n'},
		{"share", 1, NULL, 'd'}, {"stress", 0, NULL, 'x'},  {"models", 0, NULL, 'm'},
		{"alone", 0, NULL, 'l'}, {"list", 0, NULL, 'i'},    {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", all, NULL)) != -1) {
		if (c == 's')
			o->seeds = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'f')
			o->first = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'o')
			o->lan = !(o->cloud = strcmp(optarg, "lan") != 0);
		else if (c == 'r')
			o->stream.rate = strtod(optarg, NULL);
		else if (c == 'a')
			o->stream.attacks = strtod(optarg, NULL);
		else if (c == 'n')
			o->asked = strtod(optarg, NULL);
		else if (c == 'd')
			o->share = optarg;
		else if (c == 'x')
			o->stress = true;
		else if (c == 'm')
			o->models = true;
		else if (c == 'l')
			o->alone = true;
		else if (c == 'i')
			o->list = true;
		else
			return -1;
	}
	return optind == argc && o->seeds && o->seeds < 1000 && o->asked > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct options o = {.seeds = 4, .first = 1, .asked = 3, .lan = true, .cloud = true};
	int bad = 0;

	o.share = SHARE_DIR;
	if (read_options(argc, argv, &o) < 0)
		return usage();
	for (int lan = 0; lan < 2; lan++) {
		if (!(lan ? o.lan : o.cloud))
			continue;
		if (o.stress)
			bad |= stress(&o, lan);
		else
			bad |= compare(&o, lan);
		if (bad < 0)
			return 1;
	}
	return bad != 0;
}
