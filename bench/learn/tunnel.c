/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS tunnels against an organisation that looks up names.
 *   tunnel LEARNED_DIR [TUNNELS]
 * 300 devices for seven days: pages, content networks and trackers with names made up by
 * machines, reputation services that are asked with long hashes, a mail server's block lists,
 * reverse look-ups of a monitoring host. From the fourth day on tunnels of several makes are
 * dug, each under a domain of its own. Printed: how long until each is told, and
 * how many of the other channels (device and domain) ever are, by the condition of the model:
 * RULE_BITS in the window, RULE_NATS of surprise, a domain that at most RULE_ENTS ask for.
 */
#include "base/hash.h"
#include "learn/learn.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEVICES	  300
#define DAYS	  7
#define TUNNELS	  1000 /* of each make, at most */
#define DOMAINS	  3000
#define RULE_BITS 1200.0
#define RULE_NATS 6.0
#define RULE_ENTS 3
#define START	  (1005 * NS_PER_D) /* a Monday */

static uint64_t state = 1;

static double uniform(void)
{
	state += UINT64_C(0x9e3779b97f4a7c15);
	return ((double)(hash_mix(state) >> 11) + 0.5) / 9007199254740992.0;
}

static int below(int n)
{
	return (int)(uniform() * n);
}

struct org {
	struct schema *s;
	struct rectype *t;
	struct entities *en;
	struct learn *l;
	struct batch b;
	attr_t bits, surprise;
	uint8_t ents[DOMAINS]; /* devices that asked for a domain, to 255 */
	uint64_t *asked;       /* bit device * DOMAINS + domain */
	uint64_t channels, told;
	uint8_t *told_of; /* [device * DOMAINS + domain] */
};

static int org_open(struct org *o, const char *dir)
{
	static const attr_t attrs[] = {ATTR_SRC_IP, ATTR_QUERY, ATTR_QUERY_DOMAIN};
	struct learn_conf conf = {.dir = dir};
	struct diag d = {{0}};
	int r;

	if ((r = schema_new(&o->s)) < 0)
		return r;
	o->t = schema_type_add(o->s, STR("t"), STR("t.dns"), CLASS_DNS_ACTIVITY);
	o->t->ents[0] = (struct ent_decl){ROLE_DEVICE, ENT_DEVICE, ATTR_SRC_IP};
	o->t->nents = 1;
	for (size_t i = 0; i < ARRAY_LEN(attrs); i++)
		if ((r = schema_provide(o->s, o->t, attrs[i])) < 0 ||
		    (r = schema_want(o->s, o->t, attrs[i])) < 0)
			return r;
	if ((r = entities_new(&(struct entities_conf){0}, o->s, &o->en)) < 0 ||
	    (r = learn_open(&conf, o->s, o->en, &o->l, &d)) < 0) {
		fprintf(stderr, "%s\n", d.msg);
		return r;
	}
	o->bits = schema_attr(o->s, STR("learned.dns_tunnel.bits"));
	o->surprise = schema_attr(o->s, STR("learned.dns_tunnel.surprise"));
	o->asked = calloc((size_t)DEVICES * DOMAINS / 64 + 1, sizeof(*o->asked));
	o->told_of = calloc((size_t)DEVICES * DOMAINS, 1);
	if (!o->asked || !o->told_of)
		return -1;
	if ((r = schema_want(o->s, o->t, o->bits)) < 0 ||
	    (r = schema_want(o->s, o->t, o->surprise)) < 0 || (r = schema_freeze(o->s)) < 0 ||
	    (r = learn_start(o->l)) < 0)
		return r;
	return batch_init(&o->b, 8);
}

/* Whether the question would be told. */
static bool ask(struct org *o, int device, const char *label, const char *domain, int ents,
		int64_t at)
{
	struct event *e;
	char ip[24], name[256];
	double bits = 0, s = 0;

	snprintf(ip, sizeof(ip), "10.1.%d.%d", device / 250, device % 250 + 1);
	snprintf(name, sizeof(name), "%s%s%s", label, *label ? "." : "", domain);
	batch_reset(&o->b);
	e = batch_add(&o->b, o->t);
	e->time = e->known = at;
	event_set(e, ATTR_SRC_IP, val_s(str_of(ip)));
	event_set(e, ATTR_QUERY, val_s(str_of(name)));
	event_set(e, ATTR_QUERY_DOMAIN, val_s(str_of(domain)));
	e->ents[0] =
		(struct entref){entity_put(o->en, ENT_DEVICE, str_of(ip), at), ROLE_DEVICE};
	e->nents = 1;
	if (learn_event(o->l, e, &o->b.mem) < 0)
		return false;
	(void)val_num(event_get(e, o->bits), &bits);
	(void)val_num(event_get(e, o->surprise), &s);
	return bits >= RULE_BITS && s >= RULE_NATS && ents <= RULE_ENTS;
}

static void random_label(char *out, int n, const char *alphabet)
{
	int k = (int)strlen(alphabet);

	for (int i = 0; i < n; i++)
		out[i] = alphabet[below(k)];
	out[n] = '\0';
}

static void benign(struct org *o, int device, int domain, const char *label, int64_t at)
{
	size_t i = (size_t)device * DOMAINS + (size_t)domain;
	char name[32];

	if (!(o->asked[i / 64] >> (i % 64) & 1)) {
		o->asked[i / 64] |= UINT64_C(1) << (i % 64);
		o->ents[domain] = (uint8_t)MIN(o->ents[domain] + 1, 255);
		o->channels++;
	}
	snprintf(name, sizeof(name), "d%d.example", domain);
	if (ask(o, device, label, name, o->ents[domain], at) && !o->told_of[i]) {
		o->told_of[i] = 1;
		o->told++;
		printf("  told: device %d, domain kind %s, day %.1f\n", device,
		       domain < 20	 ? "reputation"
		       : domain < 24	 ? "block list or reverse"
		       : domain % 7 == 0 ? "machine-made names"
					 : "pages",
		       (double)(at - START) / (double)NS_PER_D);
	}
}

/* One look-up of an ordinary device. */
static void browse(struct org *o, int device, int64_t at)
{
	static const char *const plain[] = {"www", "api",    "cdn",   "mail", "img",
					    "",	   "static", "login", "s3",   "assets"};
	int domain = 24 + (int)((DOMAINS - 24) * pow(uniform(), 3));
	char label[64];

	if (uniform() < 0.05) { /* a reputation service of the virus scanner: a hash */
		random_label(label, 32, "0123456789abcdef");
		benign(o, device, below(20), label, at);
		return;
	}
	if (domain % 7 == 0) { /* content networks and trackers */
		random_label(label, 8 + below(25), "0123456789abcdefghijklmnopqrstuvwxyz");
		benign(o, device, domain, label, at);
		return;
	}
	benign(o, device, domain, plain[below(10)], at);
}

static void servers(struct org *o, int64_t at)
{
	char label[64];

	snprintf(label, sizeof(label), "%d.%d.%d.%d", below(256), below(256), below(256),
		 below(256));
	benign(o, 0, 20 + below(3), label, at); /* block lists, from the mail server */
	snprintf(label, sizeof(label), "%d.%d", below(8), below(256));
	benign(o, 1, 23, label, at);
}

struct make {
	const char *name, *alphabet;
	int len;	/* characters a query */
	double gap;	/* s between queries, mean */
	double seconds; /* within which it should be told */
};

static const struct make makes[] = {
	{"iodine-like, base128, 100 queries a minute", "abcdefghijklmnopqrstuvwxyz0123456789-_",
	 100, 0.6, 60},
	{"dnscat2-like, hex, one a second", "0123456789abcdef", 60, 1, 60},
	{"dns2tcp-like, base64, 40 characters, one in 2 s",
	 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 40, 2, 60},
	{"slow, 2 B/s: 30 hex digits in 7.5 s", "0123456789abcdef", 30, 7.5, 3600},
	{"slowest, 0.5 B/s: 30 hex digits in 30 s", "0123456789abcdef", 30, 30, 3600},
};

/*
 * Digs one tunnel for at most an hour from *at on, and moves it. Seconds until it is told;
 * infinite when it is not.
 */
static double dig(struct org *o, const struct make *m, int number, int64_t *at)
{
	int device = 2 + below(DEVICES - 2);
	char label[128], domain[32];

	snprintf(domain, sizeof(domain), "t%d.example", number);
	for (int64_t begun = *at; *at < begun + NS_PER_H;
	     *at += (int64_t)(m->gap * (0.7 + 0.6 * uniform()) * (double)NS_PER_S)) {
		random_label(label, m->len, m->alphabet);
		if (ask(o, device, label, domain, 1, *at))
			return (double)(*at - begun) / (double)NS_PER_S;
	}
	return INFINITY;
}

/*
 * One tunnel of each make, in a child: so many would otherwise become what the organisation
 * is used to. Tunnels of one child begin a second apart.
 */
static int dig_apart(struct org *o, int number, int64_t at, double *told)
{
	double got[ARRAY_LEN(makes)];
	int ends[2];
	pid_t pid;
	ssize_t n;

	if (pipe(ends) < 0)
		return -1;
	pid = fork();
	if (pid < 0)
		return -1;
	if (pid == 0) {
		state = hash_mix((uint64_t)number + 77);
		for (size_t k = 0; k < ARRAY_LEN(makes); k++)
			got[k] =
				dig(o, &makes[k], number * (int)ARRAY_LEN(makes) + (int)k, &at);
		n = write(ends[1], got, sizeof(got));
		_exit(n != sizeof(got));
	}
	close(ends[1]);
	n = read(ends[0], got, sizeof(got));
	close(ends[0]);
	(void)waitpid(pid, NULL, 0);
	for (size_t k = 0; k < ARRAY_LEN(makes); k++)
		told[k * TUNNELS] = n == sizeof(got) ? got[k] : INFINITY;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_make(int k, double *told, int n)
{
	int within = 0;

	for (int i = 0; i < n; i++)
		within += told[i] <= makes[k].seconds;
	qsort(told, (size_t)n, sizeof(*told), by_value);
	printf("%-52s median %5.0f s, 99.9 %% %5.0f s, within %.0f s %.2f %% of %d\n",
	       makes[k].name, told[n / 2], told[(int)(n * 0.999)], makes[k].seconds,
	       100.0 * within / n, n);
}

static int run(struct org *o, int tunnels)
{
	static double told[ARRAY_LEN(makes) * TUNNELS];
	int64_t now = START, step = 2 * NS_PER_S, from = START + 3 * NS_PER_D;
	int64_t every = (DAYS - 3) * NS_PER_D / tunnels;
	int n = 0;

	for (; now < START + DAYS * NS_PER_D; now += step) {
		int hour = (int)(now / NS_PER_H % 24);
		bool work = hour >= 7 && hour < 18;

		if (uniform() < (work ? 0.9 : 0.15))
			browse(o, 2 + below(DEVICES - 2), now);
		if (uniform() < 0.1)
			servers(o, now);
		if (now >= from + n * every && n < TUNNELS &&
		    dig_apart(o, n, now, told + n) == 0)
			n++;
	}
	for (size_t k = 0; k < ARRAY_LEN(makes); k++)
		print_make((int)k, told + k * TUNNELS, n);
	printf("other channels: %llu, told %llu (%.4f %%)\n", (unsigned long long)o->channels,
	       (unsigned long long)o->told,
	       100.0 * (double)o->told / (double)MAX(o->channels, 1));
	return n == tunnels ? 0 : 1;
}

int main(int argc, char **argv)
{
	static struct org o;
	int r;

	if (argc < 2 || org_open(&o, argv[1]) < 0) {
		fprintf(stderr, "usage: tunnel LEARNED_DIR (one that holds dns_tunnel.yaml)\n");
		return 2;
	}
	r = run(&o, argc > 2 ? MAX(1, MIN((int)strtol(argv[2], NULL, 10), TUNNELS)) : TUNNELS);
	batch_free(&o.b);
	learn_free(o.l);
	entities_free(o.en);
	schema_free(o.s);
	free(o.asked);
	free(o.told_of);
	return r;
}
