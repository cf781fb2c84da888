/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local network: connections of clients, servers and things, with volumes and rhythms.
 * Rates are plain guesses at an office of 300 devices; none was fitted to a detector.
 */
#include "bench/learn/stream.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>

#define DAYS	 32
#define ATTACKS	 20 /* first day with attacks */
#define CLIENTS	 230
#define SERVERS	 40
#define THINGS	 30
#define DEVICES	 (CLIENTS + SERVERS + THINGS)
#define ADMINS	 8 /* the first clients */
#define SCANNER	 (CLIENTS + SERVERS - 1)
#define BEGIN	 (INT64_C(20006) * NS_PER_D) /* a Thursday */
#define SITES	 400			     /* that many people know */
#define RARE	 6000			     /* that somebody meets one day */
#define FAVOURS	 15
#define NICHES	 3 /* of those, known to nobody else */
#define PARTNERS 60
#define UPDATES	 6
#define ROLLOUT	 24   /* day from which everybody uses a new server */
#define LOG_MB	 13.8 /* ln of a million */

struct client {
	uint16_t favour[FAVOURS], server[5], poll[2];
	double hours;
	int32_t from_day, tool_day; /* tool_day: a program is installed that polls */
	uint16_t tool;
	double tool_period; /* s */
	bool calls;
	double out_mb; /* sent on a usual day */
};

struct lan {
	struct stream *s;
	uint64_t seed;
	double rate;
	uint16_t site[SITES], address[DEVICES], web, smb, ssh, rdp, ok, fail, none;
	uint16_t meet, drive, backup, tool, update[UPDATES], vendor[5];
	struct client c[CLIENTS];
};

static struct rec *conn(struct lan *n, uint32_t who, int64_t t, uint16_t dst, uint16_t port,
			double out, double in)
{
	struct rec *e = stream_add(n->s, who, t);

	if (!e)
		return NULL;
	e->f[LAN_DST] = dst;
	e->f[LAN_PORT] = port;
	e->f[LAN_STATE] = n->ok;
	e->bytes_out = (float)floor(out);
	e->bytes_in = (float)floor(in);
	return e;
}

static double log_normal(struct rng *r, double ln_median, double sigma)
{
	return exp(ln_median + sigma * rng_normal(r));
}

static uint16_t named(struct lan *n, const char *stem, unsigned i)
{
	char text[VALUE_MAX];

	snprintf(text, sizeof(text), "%s%u.example", stem, i);
	return stream_value(n->s, LAN_DST, text);
}

static int64_t moment(int32_t day, double hour)
{
	return BEGIN + day * NS_PER_D + (int64_t)(hour * (double)NS_PER_H);
}

/* ---- who there is ---- */

static void make_client(struct lan *n, uint32_t i)
{
	struct rng r = rng_of(n->seed, 1000 + i);
	struct client *c = &n->c[i];

	for (unsigned k = 0; k < FAVOURS; k++)
		c->favour[k] = k % (FAVOURS / NICHES) == 1 ? named(n, "niche", i * FAVOURS + k)
							   : n->site[rng_zipf(&r, SITES)];
	for (int k = 0; k < 5; k++)
		c->server[k] = n->address[CLIENTS + rng_zipf(&r, SERVERS - 2)];
	for (int k = 0; k < 2; k++)
		c->poll[k] = n->update[rng_below(&r, UPDATES)];
	c->hours = 7.5 + 2 * rng_unit(&r);
	c->from_day = rng_chance(&r, 0.06) ? (int32_t)(3 + rng_below(&r, DAYS - 5)) : 0;
	c->tool_day = rng_chance(&r, 0.1) ? (int32_t)(3 + rng_below(&r, DAYS - 4)) : DAYS;
	c->tool = rng_chance(&r, 0.5) ? n->tool : named(n, "tool", i + 1);
	c->tool_period = 120 + 1500 * rng_unit(&r);
	c->calls = rng_chance(&r, 0.3);
	c->out_mb = log_normal(&r, 2, 0.7);
}

static void make_world(struct lan *n)
{
	char text[VALUE_MAX];

	n->web = stream_value(n->s, LAN_PORT, "443");
	n->smb = stream_value(n->s, LAN_PORT, "445");
	n->ssh = stream_value(n->s, LAN_PORT, "22");
	n->rdp = stream_value(n->s, LAN_PORT, "3389");
	n->ok = stream_value(n->s, LAN_STATE, "SF");
	n->fail = stream_value(n->s, LAN_STATE, "REJ");
	n->none = stream_value(n->s, LAN_STATE, "S0");
	for (unsigned i = 0; i < DEVICES; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.%u",
			 i < CLIENTS		 ? 1
			 : i < CLIENTS + SERVERS ? 2
						 : 3,
			 i / 200, 10 + i % 200);
		n->address[i] = stream_value(n->s, LAN_DST, text);
		snprintf(n->s->names[i], VALUE_MAX, "%s", text);
		n->s->human[i] = i < CLIENTS;
	}
	for (unsigned i = 0; i < SITES; i++)
		n->site[i] = named(n, "site", i);
	for (unsigned i = 0; i < UPDATES; i++)
		n->update[i] = named(n, "update", i);
	for (unsigned i = 0; i < 5; i++)
		n->vendor[i] = named(n, "vendor", i);
	n->meet = named(n, "meet", 0);
	n->drive = named(n, "drive", 0);
	n->backup = named(n, "backup", 0);
	n->tool = named(n, "tool", 0);
	for (uint32_t i = 0; i < CLIENTS; i++)
		make_client(n, i);
}

/* ---- a day of a client ---- */

static void browse(struct lan *n, struct rng *r, uint32_t i, int32_t day)
{
	struct client *c = &n->c[i];
	int visits = (int)((double)(15 + rng_below(r, 50)) * n->rate);
	double share = 1e6 * c->out_mb / 40;

	for (int k = 0; k < visits; k++) {
		double u = rng_unit(r);
		uint16_t dst = u < 0.6	  ? c->favour[rng_zipf(r, FAVOURS)]
			       : u < 0.97 ? n->site[rng_zipf(r, SITES)]
					  : named(n, "rare", rng_below(r, RARE));

		conn(n, i, moment(day, c->hours + 9 * rng_unit(r)), dst, n->web,
		     share * log_normal(r, -1, 1.2), log_normal(r, 11, 1.5));
	}
}

static void serve(struct lan *n, struct rng *r, uint32_t i, int32_t day)
{
	struct client *c = &n->c[i];
	bool admin = i < ADMINS;
	int times = (int)((admin ? 15 : 2 + (int)rng_below(r, 6)) * n->rate);

	for (int k = 0; k < times; k++) {
		uint16_t dst = c->server[rng_zipf(r, 5)];
		struct rec *e;

		if (admin)
			dst = n->address[CLIENTS + rng_zipf(r, SERVERS)];
		if (admin && rng_chance(r, 0.15))
			dst = n->address[rng_below(r, CLIENTS)];
		if (!admin && rng_chance(r, 0.02))
			dst = n->address[CLIENTS + rng_below(r, SERVERS)];
		if (day >= ROLLOUT && rng_chance(r, 0.2))
			dst = n->address[CLIENTS + SERVERS - 2];
		e = conn(n, i, moment(day, c->hours + 9 * rng_unit(r)), dst,
			 admin ? (k % 3 ? n->ssh : n->rdp) : n->smb, log_normal(r, 9, 2),
			 log_normal(r, 11, 2));
		if (e && rng_chance(r, 0.01))
			e->f[LAN_STATE] = n->fail;
	}
}

/* What sends much and is harmless. */
static void upload(struct lan *n, struct rng *r, uint32_t i, int32_t day)
{
	struct client *c = &n->c[i];
	int64_t t = moment(day, c->hours + 9 * rng_unit(r));

	if (c->calls && rng_chance(r, 0.7))
		conn(n, i, t, n->meet, n->web, log_normal(r, LOG_MB + 5.3, 0.7),
		     log_normal(r, LOG_MB + 5.5, 0.7));
	if (rng_chance(r, 0.1))
		conn(n, i, t, n->drive, n->web, log_normal(r, LOG_MB + 3, 1),
		     log_normal(r, 10, 1));
	if (rng_chance(r, 0.004))
		conn(n, i, t, named(n, "partner", rng_below(r, PARTNERS)), n->web,
		     log_normal(r, LOG_MB + 3.5, 0.8), log_normal(r, 10, 1));
}

static void poll(struct lan *n, struct rng *r, uint32_t i, double from, double to, int32_t day,
		 uint16_t dst, double seconds, double jitter)
{
	for (double h = from + rng_unit(r) * seconds / 3600; h < to;
	     h += seconds / 3600 * (1 + jitter * (2 * rng_unit(r) - 1)))
		conn(n, i, moment(day, h), dst, n->web, 600 + 100 * rng_unit(r),
		     900 + 300 * rng_unit(r));
}

static void client_day(struct lan *n, uint32_t i, int32_t day)
{
	struct rng r = rng_of(n->seed, 10000 + (uint64_t)i * 100 + (uint64_t)day);
	struct client *c = &n->c[i];
	bool weekend = (day + 3) % 7 >= 5;

	if (day < c->from_day || !rng_chance(&r, weekend ? 0.08 : 0.9))
		return;
	browse(n, &r, i, day);
	serve(n, &r, i, day);
	upload(n, &r, i, day);
	poll(n, &r, i, c->hours, c->hours + 9, day, c->poll[0], 1800, 0.1);
	poll(n, &r, i, c->hours, c->hours + 9, day, c->poll[1], 3600, 0.02);
	if (day >= c->tool_day)
		poll(n, &r, i, c->hours, c->hours + 9, day, c->tool, c->tool_period, 0.1);
}

/* Servers back up every night; one of them looks at everything every Tuesday. */
static void server_day(struct lan *n, uint32_t i, int32_t day)
{
	struct rng r = rng_of(n->seed, 200000 + (uint64_t)i * 100 + (uint64_t)day);
	double bytes = log_normal(&r, LOG_MB + 5 + i % 3, 0.4);

	conn(n, i, moment(day, 1 + (i % 40) * 0.05), n->backup, n->web, bytes, 1e5);
	poll(n, &r, i, 0, 24, day, n->update[i % UPDATES], 7200, 0.05);
	for (int k = 0; k < 6; k++)
		conn(n, i, moment(day, 24 * rng_unit(&r)),
		     n->address[CLIENTS + (i + (uint32_t)k) % 4], n->smb, log_normal(&r, 9, 1),
		     log_normal(&r, 9, 1));
	if (i != SCANNER || day % 7 != 5)
		return;
	for (uint32_t k = 0; k < DEVICES; k++) {
		struct rec *e = conn(n, i, moment(day, 3 + k * 0.002), n->address[k],
				     k % 2 ? n->ssh : n->smb, 60, 40);

		if (e)
			e->f[LAN_STATE] = rng_chance(&r, 0.5) ? n->fail : n->none;
	}
}

static void thing_day(struct lan *n, uint32_t i, int32_t day)
{
	struct rng r = rng_of(n->seed, 300000 + (uint64_t)i * 100 + (uint64_t)day);

	poll(n, &r, i, 0, 24, day, n->vendor[i % 5], 900, 0.01);
}

/* ---- attacks ---- */

static void tag(struct rec *e, uint16_t id, int step)
{
	if (!e)
		return;
	e->attack = id;
	e->step = (uint8_t)MIN(step, 255);
}

/* To hosts it never reached; most are other workstations, some answer nothing. */
static int64_t spread(struct lan *n, struct rng *r, uint16_t id, uint32_t v, int64_t t,
		      double minutes)
{
	for (int k = 0; k < 10; k++) {
		uint32_t to = rng_chance(r, 0.6) ? rng_below(r, CLIENTS)
						 : CLIENTS + rng_below(r, SERVERS);
		struct rec *e = conn(n, v, t, n->address[to],
				     k % 3 == 0	  ? n->smb
				     : k % 3 == 1 ? n->rdp
						  : n->ssh,
				     log_normal(r, 9, 1), log_normal(r, 9, 1));

		tag(e, id, 1 + k * 7 / 10);
		if (e && rng_chance(r, 0.2))
			e->f[LAN_STATE] = n->fail;
		t += (int64_t)(minutes * (0.5 + rng_unit(r)) * 60 * (double)NS_PER_S);
	}
	return t;
}

static int64_t carry(struct lan *n, struct rng *r, uint16_t id, uint32_t v, int64_t t,
		     double mb, int parts, int64_t apart)
{
	uint16_t dst = named(n, "drop", id);

	for (int k = 0; k < parts; k++) {
		tag(conn(n, v, t, dst, n->web, mb * 1e6 / parts, 2e4), id, 1 + k * 7 / parts);
		t += (int64_t)(-log(1 - rng_unit(r)) * (double)apart);
	}
	return t;
}

static void attack(struct lan *n, struct rng *r, enum attack_kind kind, uint32_t v, int32_t day)
{
	int64_t t = moment(day, 9 + 6 * rng_unit(r));
	uint16_t id = stream_attack(n->s, kind, v, t);
	double mb = v < CLIENTS ? n->c[v].out_mb : 100;

	if (!id)
		return;
	if (kind == ATTACK_SPREAD)
		t = spread(n, r, id, v, t, 3);
	if (kind == ATTACK_CREEP)
		t = spread(n, r, id, v, t, 120);
	if (kind == ATTACK_HAUL)
		t = carry(n, r, id, v, t, 20 * mb, 12, 10 * 60 * NS_PER_S);
	if (kind == ATTACK_LEAK)
		t = carry(n, r, id, v, t, 5 * mb, 40, 3 * NS_PER_H);
	if (kind == ATTACK_BEACON) {
		uint16_t dst = named(n, "c2-", id);

		for (int k = 0; k < 180; k++) {
			tag(conn(n, v, t, dst, n->web, 400, 500), id, 1 + k / 26);
			t += (int64_t)(60 * (0.8 + 0.4 * rng_unit(r)) * (double)NS_PER_S);
		}
	}
	n->s->attacks[id - 1].end = t;
}

static void attacks(struct lan *n, double per_day)
{
	bool taken[DEVICES] = {false};
	struct rng r = rng_of(n->seed, 2);
	int count = (int)(per_day * (DAYS - ATTACKS) + 0.5);

	for (int i = 0; i < count; i++) {
		enum attack_kind kind = (enum attack_kind)(ATTACK_SPREAD + i % 5);
		uint32_t v;

		do {
			v = rng_chance(&r, 0.85) ? rng_below(&r, CLIENTS)
						 : CLIENTS + rng_below(&r, SERVERS);
		} while (taken[v] || (v < CLIENTS && n->c[v].from_day > 10));
		taken[v] = true;
		attack(n, &r, kind, v,
		       ATTACKS + (int32_t)rng_below(&r, DAYS - ATTACKS -
								(kind == ATTACK_LEAK ? 5 : 1)));
	}
}

int stream_lan(const struct stream_conf *conf, struct stream *ret_s)
{
	static struct lan n;
	int r;

	*ret_s = (struct stream){.begin = BEGIN,
				 .attacks_from = BEGIN + ATTACKS * NS_PER_D,
				 .end = BEGIN + DAYS * NS_PER_D,
				 .nfields = 3,
				 .lan = true};
	r = stream_entities(ret_s, DEVICES);
	if (r < 0)
		return r;
	n = (struct lan){
		.s = ret_s, .seed = conf->seed, .rate = conf->rate > 0 ? conf->rate : 1};
	make_world(&n);
	for (int32_t day = 0; day < DAYS; day++) {
		for (uint32_t i = 0; i < CLIENTS; i++)
			client_day(&n, i, day);
		for (uint32_t i = CLIENTS; i < CLIENTS + SERVERS; i++)
			server_day(&n, i, day);
		for (uint32_t i = CLIENTS + SERVERS; i < DEVICES; i++)
			thing_day(&n, i, day);
	}
	attacks(&n, MIN(conf->attacks > 0 ? conf->attacks : 1.5, 10));
	stream_sort(ret_s);
	return ret_s->failed ? -ENOMEM : 0;
}
