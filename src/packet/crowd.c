/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/crowd.h"
#include "base/hash.h"
#include "packet/conn.h"
#include <math.h>

#define HURRIED	   UINT64_C(0x6875727269656421) /* the group of all that are taken early */
#define PROBE_PKTS 3 /* of what TCP is not: more of them, and somebody speaks */

/* Nobody answered, or nobody was let in, and nothing was said. */
static bool in_vain(const struct flow *f, const char *state)
{
	static const char *const states[] = {"S0", "REJ", "RSTOS0", "RSTRH", "SH", "SHR"};
	const struct side *o = &f->side[DIR_ORIG], *p = &f->side[DIR_RESP];

	if (f->services || f->reports)
		return false;
	if (f->proto != IPPROTO_N_TCP)
		return o->pkts && !p->pkts && o->pkts <= PROBE_PKTS;
	if (o->bytes || p->bytes)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (strcmp(states[i], state) == 0)
			return true;
	return false;
}

/* One question to a resolver and its answer, of which the dns record tells all but the bytes.
 */
static bool is_lookup(const struct crowd *c, const struct flow *f)
{
	return f->proto == IPPROTO_N_UDP && f->services == c->dns && c->dns && !f->reports &&
	       f->side[DIR_ORIG].pkts - 1U < PROBE_PKTS &&
	       f->side[DIR_RESP].pkts - 1U < PROBE_PKTS;
}

/* What it is told by: ICMP has no ports, but types and codes. */
static uint32_t service_of(const struct flow *f)
{
	bool icmp = f->proto == IPPROTO_N_ICMP || f->proto == IPPROTO_N_ICMP6;

	return (uint32_t)f->proto << 16 ^ (icmp ? (uint32_t)f->port[0] << 24 : 0) ^ f->port[1];
}

static void keys_of(const struct flow *f, uint64_t key[CROWD_KINDS])
{
	uint64_t from = hash_bytes(&f->ip[DIR_ORIG], sizeof(struct ip), 1);
	uint64_t to = hash_bytes(&f->ip[DIR_RESP], sizeof(struct ip), 2);
	uint64_t service = service_of(f);

	key[CROWD_PAIR] = hash_2(from, to ^ (uint64_t)f->proto << 32);
	key[CROWD_SWEEP] = hash_2(from, service);
	key[CROWD_SERVICE] = hash_2(to, service);
	key[CROWD_CALLER] = hash_2(from, UINT64_MAX);
}

/*
 * How many a group has had in this window, `more` of them now. One that had more than `most` in
 * the window before goes on: all but CROWD_AGAIN have been told of already, as it were.
 */
static uint32_t count(struct crowd *c, uint64_t key, uint32_t window, uint32_t most,
		      uint32_t more)
{
	struct crowd_cell *set = c->cell[key % CROWD_SETS], *least = set;

	for (unsigned i = 0; i < 4; i++) {
		struct crowd_cell *e = &set[i];

		if (e->key == key && e->window != window) {
			e->n = e->window + 1 == window && e->n > most ? most - CROWD_AGAIN : 0;
			e->window = window;
		}
		if (e->key == key)
			return e->n += more;
		if (e->window + 1 < window)
			*e = (struct crowd_cell){0, window, 0};
		if (e->n < least->n)
			least = e;
	}
	if (more)
		*least = (struct crowd_cell){key, window, more};
	return more;
}

/*
 * The group that has too many, or CROWD_KINDS: none. What was tried before, who tried and
 * where, counts only among its own kind: who tries each port three times tries as many ports.
 */
static enum crowd_kind full(struct crowd *c, const uint64_t key[CROWD_KINDS], int64_t now,
			    bool early)
{
	static const uint32_t most[CROWD_KINDS] = {CROWD_FIRST, CROWD_FIRST, CROWD_FIRST,
						   CROWD_ALL};
	uint64_t own = hash_2(key[CROWD_PAIR], key[CROWD_SERVICE]);
	uint32_t window = (uint32_t)(now / CROWD_WINDOW), n[CROWD_KINDS];
	uint32_t same = count(c, own, window, UINT32_MAX, 1);

	for (unsigned i = 0; i < CROWD_KINDS; i++)
		n[i] = count(c, key[i], window, most[i], same == 1);
	if (same > CROWD_FIRST)
		return CROWD_PAIR;
	for (unsigned i = 0; i < CROWD_KINDS; i++)
		if (n[i] > most[i])
			return (enum crowd_kind)i;
	if (!early || count(c, HURRIED, window, CROWD_ALL, 1) <= CROWD_ALL)
		return CROWD_KINDS;
	return n[CROWD_SERVICE] >= n[CROWD_CALLER] ? CROWD_SERVICE : CROWD_CALLER;
}

/* The same of lookups: only how many of one caller at one resolver counts. */
static enum crowd_kind full_lookups(struct crowd *c, const uint64_t key[CROWD_KINDS],
				    int64_t now)
{
	uint64_t own = hash_2(key[CROWD_PAIR], c->dns);
	uint32_t n = count(c, own, (uint32_t)(now / CROWD_WINDOW), UINT32_MAX, 1);

	return n > CROWD_FIRST ? CROWD_PAIR : CROWD_KINDS;
}

static void place_begin(struct crowd_place *p, const struct flow *f)
{
	*p = (struct crowd_place){.proto = f->proto,
				  .ip = {f->ip[0], f->ip[1]},
				  .port = {f->port[0], f->port[1]},
				  .first = f->start,
				  .last = f->last};
}

static struct crowd_place *place_of(struct crowd *c, const struct flow *f, uint64_t key,
				    enum crowd_kind kind, const char *state)
{
	size_t i = key % ARRAY_LEN(c->index);
	struct crowd_place *p;

	for (; c->index[i]; i = (i + 1) % ARRAY_LEN(c->index)) {
		p = &c->place[c->index[i] - 1];
		if (p->key == key)
			return p;
	}
	if (c->n == CROWD_PLACES) {
		p = &c->place[CROWD_PLACES];
		if (!c->rest)
			place_begin(p, f);
		c->rest = true;
		return p;
	}
	p = &c->place[c->n++];
	c->index[i] = (uint16_t)c->n;
	place_begin(p, f);
	p->key = key;
	p->kind = kind;
	p->state = state;
	return p;
}

/* Whether it may be a new one. */
static bool differs(struct crowd_count *c, uint64_t hash)
{
	uint64_t *w = &c->bit[hash / 64 % ARRAY_LEN(c->bit)], bit = UINT64_C(1) << hash % 64;
	bool was = *w & bit;

	*w |= bit;
	return !was;
}

static uint64_t how_many(const struct crowd_count *c)
{
	unsigned empty = CROWD_BITS;

	for (size_t i = 0; i < ARRAY_LEN(c->bit); i++)
		empty -= (unsigned)__builtin_popcountll(c->bit[i]);
	return (uint64_t)llround(CROWD_BITS * log((double)CROWD_BITS / MAX(empty, 1)));
}

static void add(struct crowd_place *p, const struct flow *f)
{
	enum dir who = p->kind == CROWD_SERVICE ? DIR_ORIG : DIR_RESP;
	bool host = differs(&p->hosts, hash_bytes(&f->ip[who], sizeof(f->ip[who]), 3));
	bool port = differs(&p->ports, hash_2(service_of(f), 4));

	if ((p->kind == CROWD_PAIR ? port : host) && p->nsamples < CROWD_SAMPLES) {
		p->sample[p->nsamples].ip = f->ip[who];
		p->sample[p->nsamples++].port = f->port[DIR_RESP];
	}
	p->connections++;
	for (unsigned d = 0; d < 2; d++) {
		p->bytes[d] += f->side[d].bytes;
		p->pkts[d] += f->side[d].pkts;
		p->ip_bytes[d] += f->side[d].ip_bytes;
	}
	p->first = MIN(p->first, f->start);
	p->last = MAX(p->last, f->last);
}

bool crowd_take(struct crowd *c, const struct flow *f, int64_t now, bool early)
{
	const char *state = flow_state(f);
	bool lookup = is_lookup(c, f);
	uint64_t key[CROWD_KINDS];
	struct crowd_place *p;
	enum crowd_kind kind;

	if (!lookup && !in_vain(f, state))
		return false;
	keys_of(f, key);
	kind = lookup ? full_lookups(c, key, now) : full(c, key, now, early);
	if (kind == CROWD_KINDS)
		return false;
	if (!c->since)
		c->since = MAX(now, 1);
	p = place_of(c, f, hash_2(key[kind], hash_str(str_of(state), f->proto)), kind, state);
	p->service = lookup ? "dns" : NULL;
	add(p, f);
	return true;
}

bool crowd_due(const struct crowd *c, int64_t now)
{
	return c->since && now - c->since >= CROWD_TIME;
}

/* Who and what the record is about: what all its connections have in common. */
static void write_ends(const struct crowd_place *p, struct rec *r, uint64_t ports)
{
	bool icmp = p->proto == IPPROTO_N_ICMP || p->proto == IPPROTO_N_ICMP6;

	if (p->kind != CROWD_SERVICE)
		rec_ip(r, "id.orig_h", &p->ip[DIR_ORIG]);
	if (ports == 1 && icmp)
		rec_u64(r, "id.orig_p", p->port[DIR_ORIG]);
	if (p->kind == CROWD_PAIR || p->kind == CROWD_SERVICE)
		rec_ip(r, "id.resp_h", &p->ip[DIR_RESP]);
	if (ports == 1)
		rec_u64(r, "id.resp_p", p->port[DIR_RESP]);
	rec_z(r, "proto", proto_text(p->proto));
	rec_z(r, "service", p->service);
	rec_z(r, "conn_state", p->state);
}

static void write_samples(const struct crowd_place *p, struct rec *r)
{
	rec_list(r, "samples");
	for (unsigned i = 0; i < p->nsamples; i++) {
		if (p->kind == CROWD_PAIR)
			rec_u64(r, NULL, p->sample[i].port);
		else
			rec_ip(r, NULL, &p->sample[i].ip);
	}
	rec_list_end(r);
}

static void write_place(const struct crowd_place *p, struct rec *r, int64_t now, bool rest)
{
	uint64_t hosts = MIN(how_many(&p->hosts), p->connections);
	uint64_t ports = MIN(how_many(&p->ports), p->connections);

	rec_begin(r, "crowd", now, p->first);
	if (!rest)
		write_ends(p, r, ports);
	rec_u64(r, "connections", p->connections);
	rec_secs(r, "duration", p->last - p->first);
	if (!rest) {
		rec_u64(r, p->kind == CROWD_SERVICE ? "orig_hosts" : "resp_hosts", hosts);
		rec_u64(r, "resp_ports", ports);
		write_samples(p, r);
	}
	rec_u64(r, "orig_bytes", p->bytes[DIR_ORIG]);
	rec_u64(r, "resp_bytes", p->bytes[DIR_RESP]);
	rec_u64(r, "orig_pkts", p->pkts[DIR_ORIG]);
	rec_u64(r, "orig_ip_bytes", p->ip_bytes[DIR_ORIG]);
	rec_u64(r, "resp_pkts", p->pkts[DIR_RESP]);
	rec_u64(r, "resp_ip_bytes", p->ip_bytes[DIR_RESP]);
	rec_end(r);
}

void crowd_write(struct crowd *c, struct rec *r, int64_t now)
{
	for (unsigned i = 0; i < c->n; i++)
		write_place(&c->place[i], r, now, false);
	if (c->rest)
		write_place(&c->place[CROWD_PLACES], r, now, true);
	memset(c->index, 0, sizeof(c->index));
	c->n = 0;
	c->rest = false;
	c->since = 0;
}
