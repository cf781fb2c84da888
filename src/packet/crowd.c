/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/crowd.h"
#include "base/hash.h"
#include "packet/conn.h"

/* Which of the two ends has more such connections, and so is whom the record is about. */
static bool by_called(struct crowd *c, const struct flow *f)
{
	struct {
		struct ip ip;
		uint32_t port, proto;
	} to = {f->ip[DIR_RESP], f->port[DIR_RESP], f->proto};
	uint32_t *from = &c->cell[0][hash_bytes(&f->ip[0], sizeof(f->ip[0]), 1) % CROWD_CELLS];
	uint32_t *at = &c->cell[1][hash_bytes(&to, sizeof(to), 1) % CROWD_CELLS];

	return ++*at >= ++*from;
}

static struct crowd_place *place_of(struct crowd *c, const struct flow *f, bool called)
{
	const struct ip *ip = &f->ip[called ? DIR_RESP : DIR_ORIG];
	uint16_t port = called ? f->port[DIR_RESP] : 0;
	struct crowd_place *p;

	for (unsigned i = 0; i < c->n; i++) {
		p = &c->place[i];
		if (p->called == called && p->port == port && p->proto == f->proto &&
		    memcmp(&p->ip, ip, sizeof(*ip)) == 0)
			return p;
	}
	if (c->n == CROWD_PLACES) {
		p = &c->place[CROWD_PLACES];
		if (!c->rest)
			*p = (struct crowd_place){.first = f->start, .last = f->last};
		c->rest = true;
		return p;
	}
	p = &c->place[c->n++];
	*p = (struct crowd_place){.ip = *ip,
				  .port = port,
				  .proto = f->proto,
				  .called = called,
				  .first = f->start,
				  .last = f->last};
	return p;
}

void crowd_add(struct crowd *c, const struct flow *f, int64_t now)
{
	struct crowd_place *p = place_of(c, f, by_called(c, f));

	if (!c->since)
		c->since = MAX(now, 1);
	p->connections++;
	p->pkts += f->side[DIR_ORIG].pkts;
	p->ip_bytes += f->side[DIR_ORIG].ip_bytes;
	p->first = MIN(p->first, f->start);
	p->last = MAX(p->last, f->last);
}

bool crowd_due(const struct crowd *c, int64_t now)
{
	return c->since && now - c->since >= CROWD_TIME;
}

static void write_place(const struct crowd_place *p, struct rec *r, int64_t now, bool rest)
{
	rec_begin(r, "crowd", now, p->first);
	if (!rest) {
		rec_ip(r, p->called ? "id.resp_h" : "id.orig_h", &p->ip);
		if (p->called)
			rec_u64(r, "id.resp_p", p->port);
		rec_z(r, "proto", proto_text(p->proto));
	}
	rec_u64(r, "connections", p->connections);
	rec_secs(r, "duration", p->last - p->first);
	rec_u64(r, "orig_pkts", p->pkts);
	rec_u64(r, "orig_ip_bytes", p->ip_bytes);
	rec_end(r);
}

void crowd_write(struct crowd *c, struct rec *r, int64_t now)
{
	for (unsigned i = 0; i < c->n; i++)
		write_place(&c->place[i], r, now, false);
	if (c->rest)
		write_place(&c->place[CROWD_PLACES], r, now, true);
	*c = (struct crowd){.n = 0};
}
