/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/app.h"
#include "packet/sensor.h"
#include <stdlib.h>

#define SNIFF_BYTES   4096 /* of one side that wait for a protocol to be recognised */
#define SNIFF_GRAMS   6	   /* datagrams that are looked at */
#define BUFFER_MAX    (16 * KIB)
#define HELD_MAX      64 /* segments of a side behind a hole */
#define HELD_BYTES    (256 * KIB)
#define SEQ_FAR	      (1 << 24) /* sequence numbers that jump further are no hole */
#define ROUNDS_MAX    8		/* times that a protocol is looked for in one connection */
#define SEGMENT_BYTES 65536U
#define EXPECT_NS     (60 * NS_PER_S)

struct seg {
	uint32_t seq, len, size; /* size: on the wire */
	uint8_t *p;
};

struct half {
	uint8_t *buf; /* bytes not yet taken */
	uint32_t len, cap;
	struct seg *held; /* [HELD_MAX] in order, behind a hole */
	uint32_t nheld, held_bytes;
	uint64_t skip;
	bool dead; /* its bytes are not looked at any more */
	bool no;   /* no protocol wants what it began with */
};

struct app {
	const struct proto_ops *ops; /* NULL: still looking */
	int no;			     /* of ops in protos */
	void *state;
	struct half h[2];
	bool again;
	uint8_t rounds; /* of looking */
};

#define X(name) extern const struct proto_ops proto_##name;
#include "packet/registry.def"
#undef X

const struct proto_ops *const protos[] = {
#define X(name) &proto_##name,
#include "packet/registry.def"
#undef X
	NULL,
};
_Static_assert(ARRAY_LEN(protos) <= PROTOS_MAX + 1, "a bit a protocol");

int proto_find(const char *name)
{
	for (int i = 0; protos[i]; i++)
		if (strcmp(protos[i]->name, name) == 0)
			return i;
	return -1;
}

static void *take(struct app_room *room, size_t n)
{
	void *p = room->used + n <= room->max ? malloc(n) : NULL;

	if (p)
		room->used += n;
	return p;
}

static void give(struct app_room *room, void *p, size_t n)
{
	if (p)
		room->used -= n;
	free(p);
}

static bool has_port(const struct proto_ops *o, uint16_t port)
{
	for (size_t i = 0; i < ARRAY_LEN(o->ports) && o->ports[i]; i++)
		if (o->ports[i] == port)
			return true;
	return false;
}

bool app_server_port(uint8_t transport, uint16_t port)
{
	for (size_t i = 0; protos[i]; i++)
		if (protos[i]->transports & transport && has_port(protos[i], port))
			return true;
	return false;
}

/* NULL only when memory is out; then the connection is not read. */
static void *shared_of(struct app_room *room, int no)
{
	if (!room->shared[no] && protos[no]->shared_size)
		room->shared[no] = calloc(1, protos[no]->shared_size);
	return room->shared[no];
}

void app_room_free(struct app_room *room)
{
	for (size_t i = 0; i < PROTOS_MAX; i++)
		free(room->shared[i]);
}

static struct conn conn_of(const struct app_ctx *c, struct flow *f, const struct pkt *k)
{
	struct conn n = {.state = f->app ? f->app->state : NULL,
			 .shared = f->app && f->app->ops ? c->room->shared[f->app->no] : NULL,
			 .rec = c->rec,
			 .ts = k ? k->ts : f->last,
			 .known = c->known,
			 .pkt = k,
			 .flow = f,
			 .room = c->room,
			 .sensor = c->sensor};

	return n;
}

static void drop_held(struct app_room *room, struct half *h)
{
	for (uint32_t i = 0; i < h->nheld; i++)
		give(room, h->held[i].p, h->held[i].len);
	give(room, h->held, HELD_MAX * sizeof(*h->held));
	h->held = NULL;
	h->nheld = h->held_bytes = 0;
}

static void drop_buf(struct app_room *room, struct half *h)
{
	give(room, h->buf, h->cap);
	h->buf = NULL;
	h->len = h->cap = 0;
}

/* Ends the protocol, but not the connection's bytes. */
static void proto_end(const struct app_ctx *c, struct flow *f)
{
	struct app *a = f->app;
	struct conn n = conn_of(c, f, NULL);

	if (a->ops && a->ops->close)
		a->ops->close(&n);
	if (a->ops)
		give(c->room, a->state, a->ops->state_size + 1);
	a->ops = NULL;
	a->state = NULL;
}

static void give_up(const struct app_ctx *c, struct flow *f)
{
	struct app *a = f->app;

	f->flags |= FLOW_NO_APP;
	if (!a)
		return;
	proto_end(c, f);
	for (unsigned d = 0; d < 2; d++) {
		drop_held(c->room, &a->h[d]);
		drop_buf(c->room, &a->h[d]);
	}
	give(c->room, a, sizeof(*a));
	f->app = NULL;
}

static struct app *app_new(const struct app_ctx *c, struct flow *f)
{
	struct app *a = take(c->room, sizeof(*a));

	if (!a) {
		c->room->refused++;
		f->flags |= FLOW_NO_APP;
		return NULL;
	}
	*a = (struct app){0};
	f->app = a;
	return a;
}

/* Appends bytes to what waits; false: there is no room. */
static bool keep(const struct app_ctx *c, struct half *h, struct str s)
{
	uint32_t need = h->len + (uint32_t)s.len, cap;
	uint8_t *p;

	if (need > h->cap) {
		cap = MAX(need, MIN(h->cap * 2, BUFFER_MAX));
		p = take(c->room, cap);
		if (!p) {
			c->room->refused++;
			return false;
		}
		if (h->len)
			memcpy(p, h->buf, h->len);
		give(c->room, h->buf, h->cap);
		h->buf = p;
		h->cap = cap;
	}
	if (s.len)
		memcpy(h->buf + h->len, s.p, s.len);
	h->len = need;
	return true;
}

static enum sniff_result sniff(const struct flow *f, uint8_t transport, enum dir d,
			       struct str data, int *ret_no)
{
	struct sniff s = {.data = data,
			  .dir = d,
			  .transport = transport,
			  .sport = f->port[d],
			  .dport = f->port[!d]};
	enum sniff_result best = SNIFF_NO;
	uint64_t hints = 0; /* a bit for each protocol one of whose ports it is */

	for (int i = 0; protos[i]; i++)
		if (has_port(protos[i], s.sport) || has_port(protos[i], s.dport))
			hints |= UINT64_C(1) << i;
	for (unsigned round = 0; round < 2; round++) {
		s.hinted = round == 0;
		for (int i = 0; protos[i]; i++) {
			enum sniff_result r;

			if (!(protos[i]->transports & transport) ||
			    (hints >> i & 1) != s.hinted || !protos[i]->sniff)
				continue;
			r = protos[i]->sniff(&s);
			if (r == SNIFF_YES) {
				*ret_no = i;
				return r;
			}
			best = MAX(best, r);
		}
	}
	return best;
}

static bool proto_begin(const struct app_ctx *c, struct flow *f, int no)
{
	const struct proto_ops *o = protos[no];
	struct app *a = f->app;

	a->state = take(c->room, o->state_size + 1);
	if (a->state && o->shared_size && !shared_of(c->room, no)) {
		give(c->room, a->state, o->state_size + 1);
		a->state = NULL;
	}
	if (!a->state) {
		c->room->refused++;
		return false;
	}
	memset(a->state, 0, o->state_size + 1);
	a->ops = o;
	a->no = no;
	if (!o->no_service)
		f->services |= UINT64_C(1) << no;
	return true;
}

/* Gives the protocol what it can take of s. Bytes taken, or STREAM_FAIL. */
static int64_t pass(const struct app_ctx *c, struct flow *f, const struct pkt *k, enum dir d,
		    struct str s)
{
	struct app *a = f->app;
	struct half *h = &a->h[d];
	struct conn n = conn_of(c, f, k);
	size_t used = 0;

	while (used < s.len && !a->again) {
		size_t left = s.len - used;
		int64_t r;

		if (h->skip || h->dead) {
			size_t step = h->dead ? left : (size_t)MIN(h->skip, left);

			h->skip -= h->dead ? 0 : step;
			used += step;
			continue;
		}
		r = a->ops->stream ? a->ops->stream(&n, d, str_sub(s, used, s.len))
				   : STREAM_FAIL;
		if (r < 0 || (uint64_t)r > left)
			return STREAM_FAIL;
		used += (size_t)r;
		a->again |= n.again;
		if (!r && !h->skip)
			break;
	}
	return (int64_t)used;
}

static void look(const struct app_ctx *c, struct flow *f, const struct pkt *k, enum dir d,
		 struct str s);

/* What waits on a side, given to the protocol that has just been found or has read on. */
static bool pass_kept(const struct app_ctx *c, struct flow *f, const struct pkt *k, enum dir d)
{
	struct half *h = &f->app->h[d];
	uint32_t max = f->app->ops->buffer_max ? f->app->ops->buffer_max : BUFFER_MAX;
	int64_t used = pass(c, f, k, d, str_n((char *)h->buf, h->len));

	if (used < 0)
		return false;
	h->len -= (uint32_t)used;
	if (h->len && used)
		memmove(h->buf, h->buf + used, h->len);
	if (!h->len && h->cap > 2048)
		drop_buf(c->room, h);
	return h->len <= max || f->app->again;
}

/* Another protocol speaks from here on. */
static void look_again(const struct app_ctx *c, struct flow *f, const struct pkt *k)
{
	struct app *a = f->app;

	proto_end(c, f);
	a->again = false;
	if (++a->rounds > ROUNDS_MAX) {
		give_up(c, f);
		return;
	}
	for (unsigned d = 0; d < 2; d++) {
		a->h[d].no = a->h[d].dead = false;
		a->h[d].skip = 0;
	}
	for (unsigned d = 0; d < 2 && f->app && !f->app->ops; d++)
		if (f->app->h[d].len)
			look(c, f, k, (enum dir)d, str_n(NULL, 0));
}

static void feed(const struct app_ctx *c, struct flow *f, const struct pkt *k, enum dir d,
		 struct str s)
{
	struct app *a = f->app;
	struct half *h = &a->h[d];
	int64_t used = 0;
	bool ok;

	if (h->len) {
		ok = keep(c, h, s) && pass_kept(c, f, k, d);
	} else {
		uint32_t max = a->ops->buffer_max ? a->ops->buffer_max : BUFFER_MAX;

		used = pass(c, f, k, d, s);
		ok = used >= 0 && (s.len - (size_t)used <= max || a->again) &&
		     ((size_t)used == s.len || keep(c, h, str_sub(s, (size_t)used, s.len)));
	}
	if (!ok)
		give_up(c, f);
	else if (a->again)
		look_again(c, f, k);
}

/* Looks for the protocol in what a side has said so far and says now. */
static void look(const struct app_ctx *c, struct flow *f, const struct pkt *k, enum dir d,
		 struct str s)
{
	struct app *a = f->app;
	struct half *h = &a->h[d], *o = &a->h[!d];
	enum sniff_result r;
	struct str all = s;
	int no;

	if (h->len) {
		if (!keep(c, h, s)) {
			give_up(c, f);
			return;
		}
		all = str_n((char *)h->buf, h->len);
	}
	r = sniff(f, PROTO_TCP, d, all, &no);
	if (r != SNIFF_YES) {
		h->no = r == SNIFF_NO;
		if ((h->no && o->no) || all.len > SNIFF_BYTES || (!h->len && !keep(c, h, s)))
			give_up(c, f);
		return;
	}
	if (!proto_begin(c, f, no)) {
		give_up(c, f);
		return;
	}
	/* What the originator said comes first, whichever side gave it away. */
	for (unsigned i = 0; i < 2; i++) {
		enum dir e = (enum dir)i;

		if (a->h[e].len && !pass_kept(c, f, k, e)) {
			give_up(c, f);
			return;
		}
		if (a->again) {
			look_again(c, f, k);
			return;
		}
		if (e == d && all.p == s.p) {
			feed(c, f, k, d, s);
			if (!f->app || !f->app->ops)
				return;
		}
	}
}

/* The protocol that another connection has announced for this one, and no other; -1: none. */
static int expected(const struct app_ctx *c, const struct flow *f)
{
	uint32_t n = MIN(c->room->nexpect, (uint32_t)EXPECT_MAX);

	for (uint32_t i = 0; i < n; i++) {
		struct expect *e = &c->room->expect[i];

		if (e->port != f->port[1] || c->known > e->until ||
		    memcmp(&e->ip, &f->ip[1], sizeof(e->ip)) != 0)
			continue;
		e->until = INT64_MIN;
		return e->no;
	}
	return -1;
}

static bool begin_expected(const struct app_ctx *c, struct flow *f)
{
	int no = c->room->nexpect ? expected(c, f) : -1;

	return no < 0 || proto_begin(c, f, no);
}

static void bytes(const struct app_ctx *c, struct flow *f, const struct pkt *k, enum dir d,
		  struct str s)
{
	if (f->flags & FLOW_NO_APP || !s.len)
		return;
	if (!f->app && (!app_new(c, f) || !begin_expected(c, f)))
		return;
	if (f->app->ops)
		feed(c, f, k, d, s);
	else
		look(c, f, k, d, s);
}

/* n bytes of a side will not come. */
static void lost(const struct app_ctx *c, struct flow *f, enum dir d, uint64_t n)
{
	struct app *a = f->app;
	struct conn conn;
	struct half *h;
	uint64_t k;

	if (!a)
		return;
	h = &a->h[d];
	if (!a->ops) { /* a message may begin behind it */
		h->len = 0;
		h->no = false;
		if (++a->rounds > ROUNDS_MAX)
			give_up(c, f);
		return;
	}
	k = MIN(h->skip, n);
	h->skip -= k;
	n -= k;
	if (!n || h->dead)
		return;
	conn = conn_of(c, f, NULL);
	h->len = 0;
	if (!a->ops->gap || !a->ops->gap(&conn, d, n))
		h->dead = true;
	if (h->dead && a->h[!d].dead)
		give_up(c, f);
}

static void missing(const struct app_ctx *c, struct flow *f, enum dir d, uint32_t n)
{
	f->missed[d] += n;
	f->side[d].bytes += n;
	f->side[d].next += n;
	flow_note(f, NOTE_GAP, d);
	lost(c, f, d, n);
}

/* A segment that begins where the side's bytes end. */
static void in_order(const struct app_ctx *c, struct flow *f, const struct pkt *k, enum dir d,
		     const struct seg *g)
{
	f->side[d].next += g->size;
	f->side[d].bytes += g->size;
	bytes(c, f, k, d, str_n((const char *)g->p, g->len));
	if (g->size > g->len) /* not all of it was captured */
		lost(c, f, d, g->size - g->len);
}

/* The part of a segment behind what is there already; false: nothing. */
static bool trim(struct seg *g, uint32_t next)
{
	int32_t rel = (int32_t)(g->seq - next);
	uint32_t cut = (uint32_t)-rel;

	if (rel >= 0)
		return true;
	if (cut >= g->size)
		return false;
	g->seq += cut;
	g->size -= cut;
	g->p += MIN(cut, g->len);
	g->len -= MIN(cut, g->len);
	return true;
}

/* Segments that waited and whose turn has come. past: holes before `upto` are given up. */
static void release(const struct app_ctx *c, struct flow *f, enum dir d, bool past,
		    uint32_t upto)
{
	while (f->app && f->app->h[d].nheld) {
		struct half *h = &f->app->h[d];
		struct seg g = h->held[0];
		uint8_t *own = g.p;
		uint32_t own_len = g.len;
		int32_t hole = (int32_t)(g.seq - f->side[d].next);

		if (hole > 0) {
			if (!past || (int32_t)(upto - g.seq) < 0)
				return;
			missing(c, f, d, (uint32_t)hole);
			continue;
		}
		memmove(h->held, h->held + 1, --h->nheld * sizeof(*h->held));
		h->held_bytes -= own_len;
		if (trim(&g, f->side[d].next))
			in_order(c, f, NULL, d, &g);
		give(c->room, own, own_len);
	}
}

/* Keeps a segment behind a hole; false: there is no room for it. */
static bool hold(const struct app_ctx *c, struct half *h, const struct seg *g)
{
	uint32_t i = h->nheld;
	uint8_t *p;

	if (h->nheld == HELD_MAX || h->held_bytes + g->len > HELD_BYTES)
		return false;
	if (!h->held)
		h->held = take(c->room, HELD_MAX * sizeof(*h->held));
	p = h->held ? take(c->room, g->len) : NULL;
	if (!p)
		return false;
	memcpy(p, g->p, g->len);
	while (i && (int32_t)(h->held[i - 1].seq - g->seq) > 0) {
		h->held[i] = h->held[i - 1];
		i--;
	}
	h->held[i] = *g;
	h->held[i].p = p;
	h->nheld++;
	h->held_bytes += g->len;
	return true;
}

/* A segment that leaves a hole before it. */
static void out_of_order(const struct app_ctx *c, struct flow *f, const struct pkt *k,
			 enum dir d, const struct seg *g)
{
	uint32_t last;
	bool had = f->side[d].acked && (int32_t)(f->side[d].acked - g->seq) >= 0;

	if (!f->app && !(f->flags & FLOW_NO_APP))
		app_new(c, f);
	if (f->app && !f->app->h[d].dead) {
		struct half *h = &f->app->h[d];

		if (!had && hold(c, h, g))
			return;
		/* Already acknowledged when it was not here: it has passed us by. Or there is
		 * too much behind the hole: it will not be filled. */
		last = h->nheld ? h->held[h->nheld - 1].seq : f->side[d].next;
		release(c, f, d, true, last);
	}
	if ((int32_t)(g->seq - f->side[d].next) >= 0) {
		struct seg rest = *g;

		if (g->seq != f->side[d].next)
			missing(c, f, d, g->seq - f->side[d].next);
		in_order(c, f, k, d, &rest);
	}
}

/* Without a segment's bytes: the side's sequence numbers from a packet alone. */
static bool seq_known(struct flow *f, const struct pkt *k, enum dir d)
{
	uint8_t flag = d == DIR_ORIG ? FLOW_SEQ0 : FLOW_SEQ1;
	uint32_t at = k->seq + (k->flags & TCP_SYN ? 1 : 0);

	if (f->flags & flag && !(k->flags & TCP_SYN))
		return true;
	if (k->flags & TCP_RST && !(f->flags & flag))
		return false; /* often made up */
	if (!(f->flags & flag) || !f->side[d].bytes)
		f->side[d].next = at;
	f->flags |= flag;
	return true;
}

static void segment(const struct app_ctx *c, struct flow *f, const struct pkt *k, enum dir d)
{
	struct seg g = {k->seq + (k->flags & TCP_SYN ? 1 : 0), k->len, k->size,
			(uint8_t *)(uintptr_t)k->data};
	struct side *s = &f->side[d];
	int32_t rel = (int32_t)(g.seq - s->next);

	if (rel > SEQ_FAR || rel < -SEQ_FAR) { /* another connection, or damage */
		lost(c, f, d, 1);
		s->next = g.seq + g.size;
		s->bytes += g.size;
		return;
	}
	if (!trim(&g, s->next)) {
		flow_note(f, NOTE_AGAIN, d);
		/* Without reassembly a hole was taken as lost; here it may be filled. */
		if (!f->app)
			f->missed[d] -= MIN(f->missed[d], g.size);
		return;
	}
	if (rel < 0)
		flow_note(f, NOTE_AGAIN, d);
	if (rel > 0) {
		out_of_order(c, f, k, d, &g);
		return;
	}
	in_order(c, f, k, d, &g);
	release(c, f, d, false, 0);
}

void app_stream(const struct app_ctx *c, struct flow *f, const struct pkt *k, enum dir d)
{
	if (!seq_known(f, k, d))
		return;
	if (k->flags & TCP_ACK) {
		f->side[!d].acked = k->ack;
		/* A capture that begins with a keep-alive, which is one byte behind. */
		if (f->state[!d] == TCPS_PARTIAL && !f->side[!d].bytes &&
		    k->ack == f->side[!d].next + 1)
			f->side[!d].next = k->ack;
		/* The other side has them: it is we who missed them. First, so that what was
		 * asked behind a hole comes before its answer. */
		if (f->app && f->app->h[!d].nheld)
			release(c, f, !d, true, k->ack);
	}
	if (k->size && k->size <= SEGMENT_BYTES)
		segment(c, f, k, d);
}

void app_datagram(const struct app_ctx *c, struct flow *f, const struct pkt *k, enum dir d)
{
	uint8_t transport = k->proto == IPPROTO_N_UDP ? PROTO_UDP : PROTO_SCTP;
	struct str s = str_n((const char *)k->data, k->len);
	struct conn n;
	int no;

	f->side[d].bytes += k->size;
	if (f->flags & FLOW_NO_APP || !s.len)
		return;
	if (!f->app) {
		if (sniff(f, transport, d, s, &no) != SNIFF_YES) {
			/* Not a stream's: counts datagrams that were looked at. */
			if (++f->side[d].next >= SNIFF_GRAMS)
				f->flags |= FLOW_NO_APP;
			return;
		}
		if (!app_new(c, f))
			return;
		if (!proto_begin(c, f, no)) {
			give_up(c, f);
			return;
		}
	}
	n = conn_of(c, f, k);
	if (!f->app->ops->datagram || f->app->ops->datagram(&n, d, s) < 0)
		give_up(c, f);
}

void app_close(const struct app_ctx *c, struct flow *f)
{
	for (unsigned d = 0; d < 2 && f->app; d++)
		if (f->app->h[d].nheld) {
			struct half *h = &f->app->h[d];

			release(c, f, (enum dir)d, true, h->held[h->nheld - 1].seq);
		}
	give_up(c, f);
}

bool app_waits(const struct flow *f)
{
	return f->app && (f->app->h[0].nheld || f->app->h[1].nheld);
}

void app_frame(const struct app_ctx *c, const struct pkt *k)
{
	struct conn n = {
		.rec = c->rec, .ts = k->ts, .known = c->known, .pkt = k, .sensor = c->sensor};

	for (int i = 0; protos[i]; i++) {
		if (!(protos[i]->transports & PROTO_ETHER) ||
		    protos[i]->ethertype != k->ethertype)
			continue;
		n.shared = shared_of(c->room, i);
		if (n.shared || !protos[i]->shared_size)
			protos[i]->frame(&n, str_n((const char *)k->data, k->len));
	}
}

void app_finish(const struct app_ctx *c)
{
	struct conn n = {.rec = c->rec, .ts = c->known, .known = c->known, .sensor = c->sensor};

	for (int i = 0; protos[i]; i++) {
		n.shared = c->room->shared[i];
		if (protos[i]->finish && n.shared)
			protos[i]->finish(&n);
	}
}

void conn_skip(struct conn *c, enum dir d, uint64_t n)
{
	c->flow->app->h[d].skip += n;
}

void conn_expect(struct conn *c, const char *name, const struct ip *ip, uint16_t port)
{
	int no = proto_find(name);

	if (no >= 0 && !app_server_port(PROTO_TCP, port))
		c->room->expect[c->room->nexpect++ % EXPECT_MAX] =
			(struct expect){*ip, port, no, c->known + EXPECT_NS, 0, {0}};
}

static struct expect *announced(struct app_room *room, const struct ip *ip, uint16_t port)
{
	uint32_t n = MIN(room->nexpect, (uint32_t)EXPECT_MAX);

	/* The latest: a port is used again. */
	for (uint32_t i = 1; i <= n; i++) {
		struct expect *e = &room->expect[(room->nexpect - i) % EXPECT_MAX];

		if (e->port == port && memcmp(&e->ip, ip, sizeof(e->ip)) == 0)
			return e;
	}
	return NULL;
}

void conn_expect_name(struct conn *c, const struct ip *ip, uint16_t port, struct str name)
{
	struct expect *e = announced(c->room, ip, port);

	if (!e)
		return;
	e->nname = (uint8_t)MIN(name.len, sizeof(e->name));
	if (e->nname)
		memcpy(e->name, name.p, e->nname);
}

struct str conn_expected_name(const struct conn *c)
{
	const struct flow *f = c->flow;
	const struct expect *e = announced(c->room, &f->ip[DIR_RESP], f->port[DIR_RESP]);

	return e ? str_n(e->name, e->nname) : str_n(NULL, 0);
}

void *conn_alloc(struct conn *c, size_t n)
{
	void *p = take(c->room, n);

	if (!p)
		c->room->refused++;
	return p;
}

void conn_free(struct conn *c, void *p, size_t n)
{
	give(c->room, p, n);
}

void conn_again(struct conn *c)
{
	c->again = true;
}

void conn_service(struct conn *c, const char *name)
{
	int no = proto_find(name);

	if (no >= 0)
		c->flow->services |= UINT64_C(1) << no;
}
