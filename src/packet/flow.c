/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/flow.h"
#include "base/hash.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#define INDEX_FIRST 4096
#define K1	    UINT64_C(0x9e3779b97f4a7c15)
#define K2	    UINT64_C(0xc2b2ae3d27d4eb4f)

#define HUGE_PAGE (2 * MIB)

/* A zeroed index; large ones on large pages, since every packet goes to another place in it. */
static uint64_t *index_new(size_t cap)
{
	size_t bytes = cap * sizeof(uint64_t);
	void *p;

	p = aligned_alloc(bytes < HUGE_PAGE ? 64 : HUGE_PAGE, bytes);
	if (!p)
		return NULL;
	if (bytes >= HUGE_PAGE)
		(void)madvise(p, bytes, MADV_HUGEPAGE);
	memset(p, 0, bytes);
	return p;
}

int flows_init(struct flows *t, uint32_t max)
{
	*t = (struct flows){.max = max, .cap = INDEX_FIRST};
	/* Only where flows lie, which shows nowhere; against tuples chosen to collide. */
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != sizeof(t->seed))
		t->seed = K1;
	t->reserved = ((size_t)max + 1) * sizeof(struct flow);
	t->f = mmap(NULL, t->reserved, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (t->f == MAP_FAILED) {
		t->f = NULL;
		return -ENOMEM;
	}
	(void)madvise(t->f, t->reserved, MADV_HUGEPAGE);
	t->index = index_new(t->cap);
	return t->index ? 0 : -ENOMEM;
}

void flows_free(struct flows *t)
{
	if (t->f)
		munmap(t->f, t->reserved);
	free(t->index);
	*t = (struct flows){0};
}

static uint64_t end_hash(uint64_t seed, const struct ip *ip, uint16_t port)
{
	uint64_t a, b;

	memcpy(&a, ip->b, 8);
	memcpy(&b, ip->b + 8, 8);
	/* The seed comes in before the port does, or equal sums could be made without it. */
	return hash_mix((hash_mix(b ^ seed) ^ (a * K1)) + port * K2);
}

uint64_t flows_hash(const struct flows *t, const struct pkt *k)
{
	return hash_mix(end_hash(t->seed, &k->src, k->sport) +
			end_hash(t->seed, &k->dst, k->dport) + k->proto);
}

static bool is_end(const struct flow *f, enum dir d, const struct ip *ip, uint16_t port)
{
	return f->port[d] == port && memcmp(&f->ip[d], ip, sizeof(*ip)) == 0;
}

const struct flow *flows_guess(const struct flows *t, uint64_t hash)
{
	uint32_t h = (uint32_t)(hash >> 32);

	for (size_t i = flows_home(t->cap, h), n = 0; n < 8 && t->index[i]; i++, n++)
		if ((uint32_t)(t->index[i] >> 32) == h)
			return &t->f[(uint32_t)t->index[i]];
	return NULL;
}

struct flow *flows_find(struct flows *t, const struct pkt *k, enum dir *ret_dir)
{
	uint32_t h = (uint32_t)(k->hash >> 32);
	size_t mask = t->cap - 1;

	for (size_t i = flows_home(t->cap, h); t->index[i]; i = (i + 1) & mask) {
		struct flow *f;

		if ((uint32_t)(t->index[i] >> 32) != h)
			continue;
		f = &t->f[(uint32_t)t->index[i]];
		if (f->proto != k->proto)
			continue;
		if (is_end(f, DIR_ORIG, &k->src, k->sport) &&
		    is_end(f, DIR_RESP, &k->dst, k->dport)) {
			*ret_dir = DIR_ORIG;
			return f;
		}
		if (is_end(f, DIR_RESP, &k->src, k->sport) &&
		    is_end(f, DIR_ORIG, &k->dst, k->dport)) {
			*ret_dir = DIR_RESP;
			return f;
		}
	}
	return NULL;
}

static void index_put(uint64_t *index, size_t cap, uint64_t word)
{
	size_t i = flows_home(cap, (uint32_t)(word >> 32));

	while (index[i])
		i = (i + 1) & (cap - 1);
	index[i] = word;
}

static int index_grow(struct flows *t)
{
	uint64_t *p = index_new(t->cap * 2);

	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < t->cap; i++)
		if (t->index[i])
			index_put(p, t->cap * 2, t->index[i]);
	free(t->index);
	t->index = p;
	t->cap *= 2;
	return 0;
}

struct flow *flows_add(struct flows *t, uint64_t hash)
{
	struct flow *f;
	uint32_t no;

	if ((size_t)t->n * 4 >= t->cap * 3 && index_grow(t) < 0)
		return NULL;
	if (t->free) {
		no = t->free;
		t->free = t->f[no].next;
	} else if (t->top < t->max) {
		no = ++t->top;
	} else {
		return NULL;
	}
	f = &t->f[no];
	*f = (struct flow){.hash = (uint32_t)(hash >> 32), .flags = FLOW_USED};
	index_put(t->index, t->cap, (uint64_t)f->hash << 32 | no);
	t->n++;
	t->most = MAX(t->most, t->n);
	return f;
}

void flows_del(struct flows *t, struct flow *f)
{
	uint64_t word = (uint64_t)f->hash << 32 | flow_no(t, f);
	size_t mask = t->cap - 1, i = flows_home(t->cap, f->hash);

	while (t->index[i] != word)
		i = (i + 1) & mask;
	/* What comes behind moves up, so that no search stops at the gap too early. */
	for (size_t j = (i + 1) & mask; t->index[j]; j = (j + 1) & mask) {
		size_t home = flows_home(t->cap, (uint32_t)(t->index[j] >> 32));

		if (((j - home) & mask) < ((j - i) & mask))
			continue;
		t->index[i] = t->index[j];
		i = j;
	}
	t->index[i] = 0;
	t->n--;
	f->flags = 0;
	f->next = t->free;
	t->free = flow_no(t, f);
}

void wheel_cut(struct flows *t, struct flow *f)
{
	if (f->prev)
		t->f[f->prev].next = f->next;
	else if (t->wheel[f->slot] == flow_no(t, f))
		t->wheel[f->slot] = f->next;
	if (f->next)
		t->f[f->next].prev = f->prev;
	f->prev = f->next = 0;
}

void wheel_put(struct flows *t, struct flow *f, uint64_t due)
{
	uint32_t no = flow_no(t, f);

	wheel_cut(t, f);
	due = MIN(MAX(due, t->wheel_t + 1), t->wheel_t + WHEEL_SLOTS - 1);
	f->slot = (uint16_t)(due % WHEEL_SLOTS);
	f->next = t->wheel[f->slot];
	if (f->next)
		t->f[f->next].prev = no;
	t->wheel[f->slot] = no;
}

struct flow *wheel_top(struct flows *t, uint64_t tick)
{
	uint32_t no = t->wheel[tick % WHEEL_SLOTS];

	return no ? &t->f[no] : NULL;
}

uint32_t flow_idle_s(const struct flow *f)
{
	const uint8_t *s = f->state;

	if (f->proto != IPPROTO_N_TCP)
		return f->proto == IPPROTO_N_SCTP ? 300 : 60;
	if (s[0] == TCPS_RESET || s[1] == TCPS_RESET ||
	    (s[0] == TCPS_CLOSED && s[1] == TCPS_CLOSED))
		return 5;
	if (s[0] == TCPS_SYN_SENT && s[1] == TCPS_INACTIVE)
		return 5;
	return 300;
}

uint64_t flow_due(const struct flows *t, const struct flow *f)
{
	uint32_t age = (uint32_t)t->wheel_t - f->last_t; /* the wheel is never behind */

	return t->wheel_t - age + flow_idle_s(f) * (uint64_t)(NS_PER_S / TICK_NS);
}

static const char *tcp_conn_state(const struct flow *f)
{
	uint8_t o = f->state[DIR_ORIG], r = f->state[DIR_RESP];
	bool o_not = o == TCPS_INACTIVE || o == TCPS_PARTIAL;
	bool r_not = r == TCPS_INACTIVE || r == TCPS_PARTIAL;

	if (r == TCPS_RESET) {
		if (o == TCPS_SYN_SENT || o == TCPS_SYN_ACK_SENT ||
		    (o == TCPS_RESET && !f->side[0].bytes && !f->side[1].bytes))
			return "REJ";
		return o_not ? "RSTRH" : "RSTR";
	}
	if (o == TCPS_RESET)
		return r_not ? "RSTOS0" : "RSTO";
	if (o == TCPS_CLOSED && r == TCPS_CLOSED)
		return "SF";
	if (o == TCPS_CLOSED)
		return r_not ? "SH" : "S2";
	if (r == TCPS_CLOSED)
		return o_not ? "SHR" : "S3";
	if (o == TCPS_SYN_SENT && r == TCPS_INACTIVE)
		return "S0";
	return o == TCPS_ESTABLISHED && r == TCPS_ESTABLISHED ? "S1" : "OTH";
}

const char *flow_state(const struct flow *f)
{
	if (f->proto == IPPROTO_N_TCP)
		return tcp_conn_state(f);
	if (f->proto != IPPROTO_N_UDP)
		return "OTH";
	if (f->side[DIR_ORIG].pkts)
		return f->side[DIR_RESP].pkts ? "SF" : "S0";
	return f->side[DIR_RESP].pkts ? "SHR" : "OTH";
}

void flow_note_first(struct flow *f, enum note n, enum dir d, uint32_t bit)
{
	unsigned at = (unsigned)__builtin_popcount(f->noted);
	uint64_t code = 1 + 2 * (uint64_t)n + (d == DIR_RESP);

	f->noted |= bit;
	if (at < HISTORY_WORD)
		f->hist |= code << 5 * at;
	else
		f->hist_more |= code << 5 * (at - HISTORY_WORD);
}

struct str flow_history(const struct flow *f, char out[HISTORY_MAX])
{
	static const char letters[NOTES + 1] = "SHADFRTWGIQ^";
	uint64_t left[2] = {f->hist, f->hist_more};
	size_t n = 0;

	for (unsigned w = 0; w < 2; w++)
		for (; left[w]; left[w] >>= 5) {
			unsigned code = (unsigned)(left[w] & 31) - 1;
			char c = letters[code / 2];

			out[n++] = code & 1 ? lower_c(c) : c;
		}
	return str_n(out, n);
}

static void history(struct flow *f, const struct pkt *k, enum dir d)
{
	uint8_t fl = k->flags;

	if (fl & TCP_SYN && fl & (TCP_FIN | TCP_RST))
		flow_note(f, NOTE_SYN_MORE, d);
	else if (fl & TCP_FIN && fl & TCP_RST)
		flow_note(f, NOTE_FIN_RST, d);
	if (fl & TCP_SYN)
		flow_note(f, fl & TCP_ACK ? NOTE_SYN_ACK : NOTE_SYN, d);
	if (k->size)
		flow_note(f, NOTE_DATA, d);
	else if (fl & TCP_ACK && !(fl & (TCP_SYN | TCP_FIN | TCP_RST)))
		flow_note(f, NOTE_ACK, d);
	if (fl & TCP_FIN)
		flow_note(f, NOTE_FIN, d);
	if (fl & TCP_RST)
		flow_note(f, NOTE_RST, d);
	else if (!k->win && fl & TCP_ACK && !(fl & TCP_SYN))
		flow_note(f, NOTE_WINDOW0, d);
}

static enum tcp_state next_state(const struct flow *f, uint8_t fl, enum dir d)
{
	enum tcp_state own = f->state[d], peer = f->state[!d];

	if (fl & TCP_RST) /* after both have closed it changes nothing */
		return own == TCPS_CLOSED && peer == TCPS_CLOSED ? own : TCPS_RESET;
	if (own == TCPS_CLOSED || own == TCPS_RESET)
		return own;
	if (fl & TCP_FIN)
		return TCPS_CLOSED;
	if (fl & TCP_SYN && own == TCPS_INACTIVE) {
		if (!(fl & TCP_ACK))
			return TCPS_SYN_SENT;
		return peer == TCPS_SYN_SENT ? TCPS_ESTABLISHED : TCPS_SYN_ACK_SENT;
	}
	if (fl & TCP_SYN)
		return own;
	if (own == TCPS_INACTIVE)
		return TCPS_PARTIAL;
	if ((own == TCPS_SYN_SENT || own == TCPS_SYN_ACK_SENT) && fl & TCP_ACK &&
	    peer != TCPS_INACTIVE)
		return TCPS_ESTABLISHED;
	return own;
}

void tcp_update(struct flow *f, const struct pkt *k, enum dir d)
{
	history(f, k, d);
	f->state[d] = (uint8_t)next_state(f, k->flags, d);
}
