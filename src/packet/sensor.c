/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/sensor.h"
#include "base/hash.h"
#include "packet/app.h"
#include "packet/conn.h"
#include "packet/crowd.h"
#include <errno.h>
#include <stdlib.h>

#define OUT_HIGH     MIB /* records that wait before more frames are taken */
#define AHEAD_NS     NS_PER_D
#define AHEAD_FRAMES 4 /* frames in a row after which a clock far ahead is believed */
#define TOLD	     4096
#define REPORTS_MAX  20
#define STALE_MAX    64

/* Time as the sensor believes it. */
struct clock {
	int64_t now;
	uint8_t ahead;
	bool set;
};

/* What was told of, and when. */
struct told {
	uint64_t hash;
	int64_t at;
};

struct sensor {
	struct sensor_conf conf;
	struct flows flows;
	struct frag *frag;
	struct rec out;
	struct app_room room;
	struct clock clock;
	struct sensor_stats stats;
	struct pkt pkt[SENSOR_BATCH * DISSECT_MAX];
	struct crowd crowd;
	uint32_t finish_at;
	struct told told[TOLD];
};

int sensor_new(const struct sensor_conf *conf, struct sensor **ret_s)
{
	struct sensor *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	if (conf)
		s->conf = *conf;
	if (!s->conf.flows_max)
		s->conf.flows_max = SENSOR_FLOWS;
	s->room.max = s->conf.app_bytes ? s->conf.app_bytes : SENSOR_APP_BYTES;
	s->crowd.dns = UINT64_C(1) << proto_find("dns");
	s->frag = frag_new();
	if (!s->frag || flows_init(&s->flows, s->conf.flows_max) < 0) {
		sensor_free(s);
		return -ENOMEM;
	}
	*ret_s = s;
	return 0;
}

static struct app_ctx ctx_of(struct sensor *s)
{
	struct app_ctx c = {&s->room, s, &s->out, s->clock.now};

	return c;
}

struct sensor *sensor_free(struct sensor *s)
{
	if (!s)
		return NULL;
	for (uint32_t i = 1; s->flows.f && i <= s->flows.top; i++) {
		struct app_ctx c = ctx_of(s);

		if (s->flows.f[i].app)
			app_close(&c, &s->flows.f[i]);
	}
	flows_free(&s->flows);
	frag_free(s->frag);
	rec_free(&s->out);
	app_room_free(&s->room);
	free(s);
	return NULL;
}

struct rec *sensor_out(struct sensor *s)
{
	return &s->out;
}

struct carve *sensor_carve(struct sensor *s)
{
	return s->conf.carve;
}

void sensor_stats(const struct sensor *s, struct sensor_stats *ret_stats)
{
	*ret_stats = s->stats;
	ret_stats->unread = s->room.refused;
	ret_stats->records = s->out.records;
	ret_stats->flows_now = s->flows.n;
	ret_stats->flows_most = s->flows.most;
	ret_stats->app_now = s->room.used;
}

static uint64_t tick(int64_t ns)
{
	return ns < 0 ? 0 : (uint64_t)(ns / TICK_NS);
}

/* A flow is over, and told of; `early`: for want of room. */
static void finish(struct sensor *s, struct flow *f, bool early)
{
	struct app_ctx c = ctx_of(s);

	if (f->app)
		app_close(&c, f);
	if ((early || !(s->conf.each || s->conf.meter)) &&
	    crowd_take(&s->crowd, f, s->clock.now, early))
		s->stats.crowded++;
	else
		conn_write(&s->out, f, s->clock.now, false);
	wheel_cut(&s->flows, f);
	flows_del(&s->flows, f);
}

/* A flow that goes on for an hour, two, four, ... is told of meanwhile. */
static void report_open(struct sensor *s, struct flow *f)
{
	int64_t age = s->clock.now - f->start;

	if (f->reports >= REPORTS_MAX || age < NS_PER_H << f->reports)
		return;
	while (f->reports < REPORTS_MAX && age >= NS_PER_H << f->reports)
		f->reports++;
	conn_write(&s->out, f, s->clock.now, true);
}

/* What was due in the tick that has passed. false: records must be read first. */
static bool expire_tick(struct sensor *s)
{
	struct flows *t = &s->flows;
	struct flow *f;

	while ((f = wheel_top(t, t->wheel_t))) {
		uint64_t due = flow_due(t, f);

		if (s->out.len > OUT_HIGH)
			return false;
		if (due > t->wheel_t) {
			report_open(s, f);
			wheel_put(t, f, due);
		} else {
			finish(s, f, false);
		}
	}
	return true;
}

/* Moves the clock; what became due on the way is finished at its own tick. */
static bool advance(struct sensor *s, int64_t to)
{
	uint64_t to_t = tick(to);
	struct flows *t = &s->flows;

	while (t->wheel_t < to_t) {
		if (!t->n && !s->crowd.since) {
			t->wheel_t = to_t;
			break;
		}
		s->clock.now = MAX(s->clock.now, (int64_t)(t->wheel_t + 1) * TICK_NS);
		if (!expire_tick(s))
			return false;
		if (crowd_due(&s->crowd, s->clock.now))
			crowd_write(&s->crowd, &s->out, s->clock.now);
		t->wheel_t++;
	}
	s->clock.now = MAX(s->clock.now, to);
	return true;
}

/* What a frame's time makes of the clock; *ts becomes the time to believe. */
static struct clock clock_next(struct clock c, int64_t *ts)
{
	if (*ts < 0)
		*ts = 0;
	if (!c.set)
		return (struct clock){*ts, 0, true};
	if (*ts > c.now + AHEAD_NS && ++c.ahead < AHEAD_FRAMES) {
		*ts = c.now;
		return c;
	}
	c.ahead = 0;
	c.now = MAX(c.now, *ts);
	return c;
}

/* Makes room by finishing the flow that has been idle longest, as far as the wheel knows. */
static void evict(struct sensor *s)
{
	struct flows *t = &s->flows;
	unsigned stale = 0;

	for (uint32_t i = 0; i < WHEEL_SLOTS; i++) {
		uint64_t at = t->wheel_t + i;
		struct flow *f;

		while ((f = wheel_top(t, at))) {
			uint64_t due = flow_due(t, f);

			if (due > at && stale++ < STALE_MAX) {
				wheel_put(t, f, due);
				continue;
			}
			s->stats.evicted++;
			finish(s, f, true);
			return;
		}
	}
}

static uint8_t transport_of(uint8_t proto)
{
	return proto == IPPROTO_N_TCP ? PROTO_TCP : proto == IPPROTO_N_UDP ? PROTO_UDP : 0;
}

/* Whether the packet that opens a flow comes from who answers. */
static bool flipped(const struct pkt *k)
{
	uint8_t tr = transport_of(k->proto);

	if (k->proto == IPPROTO_N_ICMP || k->proto == IPPROTO_N_ICMP6)
		return k->proto == IPPROTO_N_ICMP ? k->sport == 0 && k->dport == 8
						  : k->sport == 129;
	if (k->proto == IPPROTO_N_TCP && k->flags & TCP_SYN)
		return k->flags & TCP_ACK;
	return tr && app_server_port(tr, k->sport) && !app_server_port(tr, k->dport);
}

static struct flow *open_flow(struct sensor *s, const struct pkt *k, enum dir *ret_d)
{
	struct flow *f = flows_add(&s->flows, k->hash);
	bool flip = flipped(k);

	if (!f) {
		evict(s);
		f = flows_add(&s->flows, k->hash);
	}
	if (!f)
		return NULL;
	f->ip[flip] = k->src;
	f->ip[!flip] = k->dst;
	f->port[flip] = k->sport;
	f->port[!flip] = k->dport;
	f->proto = k->proto;
	f->start = f->last = k->ts;
	f->last_t = (uint32_t)tick(s->clock.now);
	if (flip) {
		f->flags |= FLOW_FLIPPED;
		flow_note(f, NOTE_FLIPPED, DIR_ORIG);
	}
	if (s->conf.meter)
		f->flags |= FLOW_NO_APP;
	s->stats.flows++;
	wheel_put(&s->flows, f, flow_due(&s->flows, f));
	*ret_d = flip ? DIR_RESP : DIR_ORIG;
	return f;
}

/* A connection opened anew between the same ports while the old one is still remembered. */
static bool reopened(const struct flow *f, const struct pkt *k)
{
	return k->proto == IPPROTO_N_TCP && (k->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
	       (f->state[0] == TCPS_RESET || f->state[1] == TCPS_RESET ||
		(f->state[0] == TCPS_CLOSED && f->state[1] == TCPS_CLOSED));
}

static void handle_tcp(struct sensor *s, struct flow *f, const struct pkt *k, enum dir d)
{
	struct app_ctx c = ctx_of(s);
	uint32_t idle = flow_idle_s(f);

	tcp_update(f, k, d);
	app_stream(&c, f, k, d);
	if (!(k->flags & (TCP_SYN | TCP_FIN | TCP_RST)))
		return;
	if (flow_idle_s(f) < idle)
		wheel_put(&s->flows, f, flow_due(&s->flows, f));
	/* Nothing more is to come: what the protocol has to say is said now. */
	if (f->app && flow_idle_s(f) == 5 && !app_waits(f))
		app_close(&c, f);
}

/*
 * A ping brings back what was sent. Replies of another length than the request before them are
 * counted in the places of sequence numbers, which ICMP has none of (flow.h).
 */
static void handle_icmp(struct flow *f, const struct pkt *k, enum dir d)
{
	bool echo = f->proto == IPPROTO_N_ICMP ? f->port[0] == 8 && f->port[1] == 0
					       : f->port[0] == 128 && f->port[1] == 129;

	f->flags |= FLOW_NO_APP; /* whose search counts there too */
	if (!echo)
		return;
	if (d == DIR_ORIG)
		f->side[DIR_ORIG].next = k->size + 1;
	else if (f->side[DIR_ORIG].next && f->side[DIR_ORIG].next != k->size + 1)
		f->side[DIR_RESP].acked++;
}

static bool first_today(struct sensor *s, uint64_t hash)
{
	struct told *t = &s->told[hash % TOLD];

	if (t->hash == hash && t->at && s->clock.now - t->at < NS_PER_D)
		return false;
	*t = (struct told){hash, s->clock.now};
	return true;
}

bool conn_first_today(struct conn *c, uint64_t hash)
{
	return first_today(c->sensor, hash);
}

/* Once for each pair of outer addresses and kind. */
static void note_tunnel(struct sensor *s, const struct pkt *k)
{
	uint64_t h = hash_bytes(k->outer, sizeof(k->outer), (uint64_t)k->tunnel[8] + 1);
	char uid[20];
	struct flow f = {.ip = {k->outer[0], k->outer[1]}, .start = k->ts};

	if (!first_today(s, h))
		return;
	rec_begin(&s->out, "tunnel", s->clock.now, k->ts);
	rec_str(&s->out, "uid", flow_uid(&f, uid));
	rec_ip(&s->out, "id.orig_h", &k->outer[0]);
	rec_u64(&s->out, "id.orig_p", 0);
	rec_ip(&s->out, "id.resp_h", &k->outer[1]);
	rec_u64(&s->out, "id.resp_p", 0);
	rec_z(&s->out, "tunnel_type", k->tunnel);
	rec_z(&s->out, "action", "Tunnel::DISCOVER");
	rec_end(&s->out);
}

static void handle(struct sensor *s, const struct pkt *k)
{
	struct app_ctx c;
	struct flow *f;
	enum dir d = DIR_ORIG;

	s->clock.now = k->known;
	c = ctx_of(s);
	s->stats.packets++;
	if (!k->proto) {
		app_frame(&c, k);
		return;
	}
	if (k->tunnel)
		note_tunnel(s, k);
	f = flows_find(&s->flows, k, &d);
	if (f && reopened(f, k)) {
		finish(s, f, false);
		f = NULL;
	}
	if (!f)
		f = open_flow(s, k, &d);
	if (!f)
		return;
	f->last = MAX(f->last, k->ts);
	f->last_t = (uint32_t)tick(s->clock.now);
	f->side[d].pkts++;
	f->side[d].ip_bytes += k->ip_bytes;
	if (k->proto == IPPROTO_N_TCP) {
		handle_tcp(s, f, k, d);
		return;
	}
	if (k->proto == IPPROTO_N_UDP && k->size)
		flow_note(f, NOTE_DATA, d);
	else if (k->proto == IPPROTO_N_ICMP || k->proto == IPPROTO_N_ICMP6)
		handle_icmp(f, k, d);
	app_datagram(&c, f, k, d);
}

/* Takes frames apart until one needs the wheel to turn. Returns how many. */
static unsigned take(struct sensor *s, const struct frame *f, unsigned n, unsigned *ret_npkt)
{
	unsigned i = 0, npkt = 0;
	struct clock clock = s->clock;

	for (; i < n; i++) {
		struct frame own = f[i];
		struct clock next = clock_next(clock, &own.ts);
		enum dissect_result r;
		unsigned got;

		if (i && tick(next.now) != s->flows.wheel_t)
			break;
		clock = next;
		r = dissect(s->frag, &own, s->pkt + npkt, &got);
		s->stats.frames++;
		s->stats.bytes += own.wire;
		if (r != DISSECT_OK)
			s->stats.refused[r]++;
		for (unsigned j = npkt; j < npkt + got; j++) {
			s->pkt[j].known = clock.now;
			s->pkt[j].hash = flows_hash(&s->flows, &s->pkt[j]);
		}
		npkt += got;
	}
	s->clock.ahead = clock.ahead;
	s->clock.set = true;
	*ret_npkt = npkt;
	return i;
}

/*
 * Memory of the packets' connections, before any is handled: in loops that do nothing else, so
 * that the misses, those of the address translation too, overlap.
 */
static void fetch(const struct sensor *s, unsigned npkt)
{
	const char *guess[SENSOR_BATCH * DISSECT_MAX];

	for (unsigned i = 0; i < npkt; i++)
		flows_prefetch(&s->flows, s->pkt[i].hash);
	for (unsigned i = 0; i < npkt; i++)
		guess[i] = (const char *)flows_guess(&s->flows, s->pkt[i].hash);
	for (unsigned i = 0; i < npkt; i++) {
		if (!guess[i])
			continue;
		__builtin_prefetch(guess[i], 1);
		__builtin_prefetch(guess[i] + 64, 1);
	}
}

unsigned sensor_frames(struct sensor *s, const struct frame *f, unsigned n)
{
	unsigned npkt = 0, took;
	int64_t ts;

	n = MIN(n, SENSOR_BATCH);
	if (!n || s->out.len > OUT_HIGH)
		return 0;
	ts = f[0].ts;
	if (!advance(s, clock_next(s->clock, &ts).now))
		return 0;
	frag_release(s->frag);
	took = take(s, f, n, &npkt);
	fetch(s, npkt);
	for (unsigned i = 0; i < npkt; i++)
		handle(s, &s->pkt[i]);
	return took;
}

bool sensor_tick(struct sensor *s, int64_t now)
{
	return !s->clock.set || advance(s, MAX(now, s->clock.now));
}

bool sensor_finish(struct sensor *s)
{
	struct app_ctx c = ctx_of(s);

	app_finish(&c);
	/* In order of their numbers, which follows from the frames alone. */
	while (s->finish_at < s->flows.top) {
		struct flow *f = &s->flows.f[s->finish_at + 1];

		if (s->out.len > OUT_HIGH)
			return false;
		s->finish_at++;
		if (f->flags & FLOW_USED)
			finish(s, f, false);
	}
	crowd_write(&s->crowd, &s->out, s->clock.now);
	return true;
}
