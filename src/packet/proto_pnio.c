/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PROFINET IO's context manager over connectionless DCE/RPC: a controller connects to a device,
 * reads and writes its records, and releases it. One record for each call and its answer, with
 * the names of ICSNPP's profinet_io_cm.log and the record that was read or written.
 */
#include "base/hash.h"
#include "packet/ot.h"
#include <stdio.h>

#define HEAD	 80
#define WAIT_MAX 8
#define WAIT_NS	 (30 * NS_PER_S)

enum { REQUEST = 0, RESPONSE = 2, FAULT = 3, REJECT = 6 };
enum { CONNECT, RELEASE, READ, WRITE, CONTROL, READ_IMPLICIT };

struct ask {
	int64_t ts;
	uint64_t key;
	uint32_t seq;
	uint16_t op, slot, subslot, index;
	uint8_t asker;
	bool has_record;
};

struct pnio {
	struct ask wait[WAIT_MAX];
	unsigned n;
	struct ot_seen seen;
};

static const struct ot_name ops[] = {{CONNECT, "Connect"}, {RELEASE, "Release"},
				     {READ, "Read"},	   {WRITE, "Write"},
				     {CONTROL, "Control"}, {READ_IMPLICIT, "Read Implicit"}};

/* dea0000N-6c97-11d1-8271-00a02442df7d: N is 1 for devices, 2 controllers, 3 supervisors. */
static bool is_pnio(const uint8_t *p, size_t n)
{
	static const uint8_t rest[] = {0x82, 0x71, 0x00, 0xa0, 0x24, 0x42, 0xdf, 0x7d};
	uint32_t first;

	if (n < HEAD || p[0] != 4 || p[1] > 10)
		return false;
	first = p[4] & 0x10 ? le32(p + 24) : be32(p + 24);
	return first >= 0xdea00001 && first <= 0xdea00004 && memcmp(p + 32, rest, 8) == 0;
}

static enum sniff_result pnio_sniff(const struct sniff *s)
{
	return is_pnio((const uint8_t *)s->data.p, s->data.len) ? SNIFF_YES : SNIFF_NO;
}

static const char *access_of(uint16_t op)
{
	return op == READ || op == READ_IMPLICIT ? "read" : op == WRITE ? "write" : "session";
}

/* Block 8 or 9 behind the arguments' head: which record of which slot. */
static void record_of(struct ask *a, const uint8_t *p, size_t n)
{
	const uint8_t *b = p + HEAD + 20;

	if (n < HEAD + 20 + 38 || (be16(b) != 8 && be16(b) != 9))
		return;
	a->has_record = true;
	a->slot = be16(b + 28);
	a->subslot = be16(b + 30);
	a->index = be16(b + 34);
}

static void tell(struct conn *c, struct pnio *s, const struct ask *a, bool answered,
		 const char *error)
{
	const char *access = access_of(a->op);
	uint32_t repeats = 0;
	struct rec *r;
	char tmp[40];

	if (answered && !error && strcmp(access, "read") == 0 &&
	    !ot_due(c, &s->seen, a->key, &repeats))
		return;
	r = ot_rec(c, "profinet_io_cm", a->ts, a->asker);
	rec_z(r, "proto", "udp");
	rec_u64(r, "rpc_version", 4);
	rec_z(r, "packet_type", answered ? "Response" : "Request");
	rec_z(r, "operation_num", OT_NAME_OR(ops, a->op, tmp));
	rec_z(r, "access", access);
	rec_u64(r, "sequence_num", a->seq);
	if (a->has_record) {
		snprintf(tmp, sizeof(tmp), "slot %u.%u index 0x%04x", a->slot, a->subslot,
			 a->index);
		rec_z(r, "object", tmp);
	}
	rec_z(r, "error", error);
	/* Not "answered": false, for a device may answer from another port. */
	ot_repeats(r, repeats);
	rec_end(r);
}

static void forget(struct pnio *s, unsigned i)
{
	memmove(&s->wait[i], &s->wait[i + 1], (s->n - i - 1) * sizeof(s->wait[0]));
	s->n--;
}

static void unanswered(struct conn *c, struct pnio *s, int64_t before)
{
	while (s->n && s->wait[0].ts <= before) {
		tell(c, s, &s->wait[0], false, NULL);
		forget(s, 0);
	}
}

static void request(struct conn *c, struct pnio *s, struct ask *a, const uint8_t *p, size_t n)
{
	for (unsigned i = 0; i < s->n; i++) /* sent again, or a further fragment */
		if (s->wait[i].seq == a->seq && s->wait[i].op == a->op)
			return;
	record_of(a, p, n);
	a->key = hash_2((uint64_t)a->slot << 48 | (uint64_t)a->subslot << 32 |
				(uint64_t)a->index << 16 | a->op,
			a->asker);
	unanswered(c, s, c->known - WAIT_NS);
	if (s->n == WAIT_MAX)
		unanswered(c, s, s->wait[0].ts);
	s->wait[s->n++] = *a;
}

static int pnio_datagram(struct conn *c, enum dir d, struct str data)
{
	const uint8_t *p = (const uint8_t *)data.p;
	struct pnio *s = c->state;
	struct ask a = {.ts = c->ts, .asker = (uint8_t)d};
	bool le;

	if (!is_pnio(p, data.len))
		return data.len >= HEAD && p[0] == 4 ? 0 : STREAM_FAIL;
	le = p[4] & 0x10;
	a.seq = le ? le32(p + 64) : be32(p + 64);
	a.op = le ? le16(p + 68) : be16(p + 68);
	if (p[1] == REQUEST) {
		request(c, s, &a, p, data.len);
		return 0;
	}
	if (p[1] != RESPONSE && p[1] != FAULT && p[1] != REJECT)
		return 0;
	for (unsigned i = 0; i < s->n; i++) {
		struct ask q = s->wait[i];

		if (q.seq != a.seq || q.asker == d)
			continue;
		forget(s, i);
		/* The answer begins with the status of PROFINET. */
		tell(c, s, &q, true,
		     p[1] != RESPONSE					     ? "fault"
		     : data.len >= HEAD + 4 && memcmp(p + HEAD, "\0\0\0", 4) ? "refused"
									     : NULL);
		return 0;
	}
	return 0;
}

static void pnio_close(struct conn *c)
{
	struct pnio *s = c->state;

	unanswered(c, s, INT64_MAX);
	ot_close(c, &s->seen, "profinet");
}

const struct proto_ops proto_pnio = {
	.name = "pnio",
	.transports = PROTO_UDP,
	.ports = {34964},
	.state_size = sizeof(struct pnio),
	.sniff = pnio_sniff,
	.datagram = pnio_datagram,
	.close = pnio_close,
};
